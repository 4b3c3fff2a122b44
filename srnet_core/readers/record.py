"""What a file holds, as plain values for a table or JSON: keypoints, points in space and motion capture alike."""

from collections.abc import Sequence
from typing import Any

IN_IMAGE, IN_SPACE, CAPTURED = "keypoints-2d", "keypoints-3d", "motion-capture"
KEYS = ("kind", "format", "layout", "frames", "people", "joints", "fps", "units", "image_size")
PLACES_BESIDE = "The joints are 3D; their places in the image are beside them and can be read as 2D keypoints."


def record(
    kind: str,
    format: str,
    *,
    people: int,
    joints: int | None,
    layout: str | None = None,
    frames: int | None = None,
    fps: float | None = None,
    units: str | None = None,
    image_size: Sequence[int] | None = None,
    joint_names: Sequence[str] | None = None,
    notes: Sequence[str] = (),
    **more: Any,
) -> dict[str, Any]:
    """The record of a file; what the file does not tell is `None`.

    Args:
        kind: `IN_IMAGE`, `IN_SPACE` or `CAPTURED`.
        layout: the name of a layout, or of a mapping that fits the points.
        people: the most in one frame.
        joints: as the file has them, before any mapping.
        image_size: (width, height) in pixels.
        notes: one sentence each.
        more: what only some formats tell, by name.
    """
    return {
        "kind": kind,
        "format": format,
        "layout": layout,
        "frames": frames,
        "people": people,
        "joints": joints,
        "fps": fps,
        "units": units,
        "image_size": None if image_size is None else list(image_size),
        "joint_names": None if joint_names is None else list(joint_names),
        **more,
        "notes": list(notes),
    }
