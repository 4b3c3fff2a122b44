"""BVH, the motion files of animation programs: centimetres, y up, rotations in degrees about z, x, y."""

from collections.abc import Callable, Mapping
from typing import IO

import numpy as np

from srnet_core.articulation import Articulation
from srnet_core.errors import ConfigError

_CMU = {"Spine": "LowerBack", "Spine1": "Spine", "Spine2": "Spine1"}
# schemes of names -> the name of a joint of `Articulation`, which is MotionBuilder's
NAMES: Mapping[str, Callable[[str], str]] = {
    "motionbuilder": lambda name: name,
    "mixamo": lambda name: f"mixamorig:{name}",
    "cmu": lambda name: _CMU.get(name, name),
}
_CM = 100.0


def write_bvh(file: IO[bytes], body: Articulation, fps: float, *, names: str = "motionbuilder") -> None:
    """Write a body of rigid bones; the rest pose is a T-pose that faces z.

    Args:
        file: open for writing bytes.
        names: how the joints are named: one of `NAMES`.

    Raises:
        ConfigError: unknown names, or a frame rate that is not positive.
    """
    if names not in NAMES:
        raise ConfigError(f"no names {names!r} for joints", todo=f"Choices: {', '.join(NAMES)}")
    if not np.isfinite(fps) or fps <= 0:
        raise ConfigError("the frame rate is unknown, and this format needs it", todo="Give the frame rate")
    lines = ["HIERARCHY"]
    order: list[int] = []
    _hierarchy(body, 0, 0, NAMES[names], lines, order)
    frames = len(body.root_m)
    lines += ["MOTION", f"Frames: {frames}", f"Frame Time: {1 / fps:.8f}"]
    file.write(("\n".join(lines) + "\n").encode())
    angles = euler_zxy_deg(body.rotations[:, order])  # (T, B, 3)
    values = np.concatenate([body.root_m * _CM, angles.reshape(frames, -1)], axis=1)  # (T, B, 3) -> (T, 3B)
    for row in values:
        file.write((" ".join(f"{value:.5f}" for value in row) + "\n").encode())


def _hierarchy(
    body: Articulation, index: int, depth: int, name_of: Callable[[str], str], lines: list[str], order: list[int]
) -> None:
    """Append the lines of a joint and all below it, and their numbers in the order of the file."""
    order.append(index)
    tab, root = "\t" * depth, depth == 0
    place = "Xposition Yposition Zposition " if root else ""
    lines += [
        f"{tab}{'ROOT' if root else 'JOINT'} {name_of(body.names[index])}",
        f"{tab}{{",
        f"{tab}\tOFFSET {_offset(body.offsets_m[index])}",
        f"{tab}\tCHANNELS {6 if root else 3} {place}Zrotation Xrotation Yrotation",
    ]
    for child, parent in enumerate(body.parents):
        if parent == index:
            _hierarchy(body, child, depth + 1, name_of, lines, order)
    if index in body.ends_m:
        lines += [f"{tab}\tEnd Site", f"{tab}\t{{", f"{tab}\t\tOFFSET {_offset(body.ends_m[index])}", f"{tab}\t}}"]
    lines.append(f"{tab}}}")


def _offset(place_m: np.ndarray) -> str:
    return " ".join(f"{value * _CM + 0.0:.5f}" for value in place_m)


def euler_zxy_deg(rotations: np.ndarray) -> np.ndarray:
    """(T, ..., 3, 3) rotations -> (T, ..., 3) degrees about z, x, y: R = Rz Rx Ry, without jumps of 360."""
    x = np.arcsin(np.clip(rotations[..., 2, 1], -1, 1))
    level = np.abs(rotations[..., 2, 1]) > 1 - 1e-9  # z and y turn about the same axis: y gets nothing
    z = np.where(
        level,
        np.arctan2(rotations[..., 1, 0], rotations[..., 0, 0]),
        np.arctan2(-rotations[..., 0, 1], rotations[..., 1, 1]),
    )
    y = np.where(level, 0.0, np.arctan2(-rotations[..., 2, 0], rotations[..., 2, 2]))
    return np.unwrap(np.degrees(np.stack([z, x, y], axis=-1)), period=360, axis=0)
