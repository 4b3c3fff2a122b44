"""Places in the image of people annotated in space, in files of COCO's form that have no `keypoints`.

Data sets of 3D poses name their 2D joints otherwise, or hold only joints in space and the camera that saw them. The
names are those of mks0601/3DMPPE_POSENET_RELEASE (MuCo-3DHP, MuPoTS-3D: `keypoints_img`, `keypoints_cam`,
`keypoints_vis`, `intrinsic`; Human3.6M: `joint_img`) and of Jeff-sjtu/HybrIK (`h36m_joints`, `cam_param`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_IN_IMAGE = ("keypoints_img", "joint_img", "joints_img", "keypoints_2d", "keypoints2d", "joint_2d", "joints_2d")
_IN_CAMERA = ("h36m_joints", "keypoints_cam", "joint_cam", "joints_cam", "keypoints_3d_cam")
_SEEN = ("keypoints_vis", "joint_vis", "joints_vis", "keypoints_valid", "keypoints_visible")
_FEWEST, _MOST = 5, 1_000  # joints


@dataclass(frozen=True)
class Found:
    """Keypoints of one person: x, y, confidence in a row, and a note that says where they are from."""

    flat: list[float]
    note: str


def keypoints_of(annotation: Mapping[str, object], image: object) -> Found | None:
    """The places in the image of an annotation without `keypoints`; `None` where nothing tells them.

    Joints in the camera's coordinates are projected, x = fx X / Z + cx (pinhole, without distortion).

    Args:
        image: the object of its image, which may hold the camera.
    """
    for key in _IN_IMAGE:
        places = _rows(annotation.get(key), (2, 3))
        if places is not None:
            return Found(_flat(places[:, :2], annotation), f"The keypoints are what the file calls {key}.")
    camera = _camera(annotation, image)
    for key in _IN_CAMERA if camera is not None else ():
        joints = _rows(annotation.get(key), (3,))
        if camera is None or joints is None:
            continue
        depth = np.where(joints[:, 2:] > 0, joints[:, 2:], np.nan)
        with np.errstate(over="ignore", invalid="ignore"):
            places = joints[:, :2] / depth * camera[:2] + camera[2:]
        note = f"The file has no 2D keypoints: they are its 3D joints, {key}, as its camera sees them."
        return Found(_flat(places, annotation), note)
    return None


def _flat(places: np.ndarray, annotation: Mapping[str, object]) -> list[float]:
    seen = np.ones(len(places))
    for key in _SEEN:
        values = annotation.get(key)
        if isinstance(values, list) and len(values) == len(places):
            first = [v[0] if isinstance(v, list) and v else v for v in values]
            if all(isinstance(v, (int, float)) for v in first):
                seen = np.array(first, np.float64).clip(0, 1)
                break
    return np.column_stack([places, seen]).reshape(-1).tolist()


def _camera(annotation: Mapping[str, object], image: object) -> np.ndarray | None:
    """fx, fy, cx, cy in pixels."""
    for holder in (annotation, image):
        if not isinstance(holder, dict):
            continue
        camera = holder.get("cam_param") or holder.get("camera_param")
        if isinstance(camera, dict):
            focal, centre = (camera.get(a, camera.get(b)) for a, b in (("f", "focal"), ("c", "princpt")))
            if (numbers := _numbers([focal, centre])) is not None:
                return numbers
        if (numbers := _numbers([holder.get("intrinsic")])) is not None:
            return numbers
    return None


def _numbers(lists: list) -> np.ndarray | None:
    """The four numbers that lists hold together, each perhaps in a list of its own, as MATLAB's arrays have it."""
    flat = [v[0] if isinstance(v, list) and len(v) == 1 else v for one in lists if isinstance(one, list) for v in one]
    if len(flat) != 4 or not all(isinstance(v, (int, float)) and abs(v) < 1e6 for v in flat):
        return None
    return np.array(flat, np.float64)


def _rows(value: object, widths: tuple[int, ...]) -> np.ndarray | None:
    """(J, width) of rows of numbers, or of numbers in a row where there are three for each joint."""
    if not isinstance(value, list) or not value:
        return None
    if not isinstance(value[0], list):
        if len(value) % 3 or 3 not in widths:
            return None
        value = [value[i : i + 3] for i in range(0, len(value), 3)]
    width = len(value[0])
    if width not in widths or not _FEWEST <= len(value) <= _MOST:
        return None
    if not all(isinstance(r, list) and len(r) == width and all(isinstance(v, (int, float)) for v in r) for r in value):
        return None
    try:
        return np.array(value, np.float64)
    except OverflowError:
        return None
