"""Cameras and skeletons that a data set carries in its own file.

`cameras`: {subject: [one dict per camera]} with id, center (px), focal_length (px), radial_distortion (3),
tangential_distortion (2), res_w, res_h (px), orientation (quaternion, w first, camera to world) and translation (m).
`metadata`: fps, joint_names, parents (-1 for the root), joints_left and joints_right; optionally synthetic,
train_subjects and test_subjects.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError, ConfigError
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.lookup import names
from srnet_core.skeletons import get_skeleton

# Name in the file -> name of `Camera`.
_REQUIRED = {
    "res_w": "width_px",
    "res_h": "height_px",
    "focal_length": "focal_length_px",
    "center": "center_px",
    "orientation": "orientation",
    "translation": "translation_m",
}
_OPTIONAL = {"radial_distortion": "radial_distortion", "tangential_distortion": "tangential_distortion"}
_FARTHEST_M = 200.0


def read_cameras(value: object, path: Path) -> dict[str, tuple[Camera, ...]]:
    """{subject: its cameras} from the `cameras` of a file; keys that are not known are ignored.

    Raises:
        BadFileError: names subject, camera and what is missing or wrong.
    """
    if not isinstance(value, dict) or not all(isinstance(rig, (list, tuple)) for rig in value.values()):
        raise BadFileError("'cameras' must be a dict of subjects, each a list of dicts", where=path)
    return {
        str(subject): tuple(_camera(c, i, f"{path}, cameras of {subject}") for i, c in enumerate(rig))
        for subject, rig in value.items()
    }


def _camera(values: object, index: int, where: str) -> Camera:
    if not isinstance(values, dict):
        raise BadFileError(f"camera {index} must be a dict", where=where)
    missing = [key for key in _REQUIRED if key not in values]
    if missing:
        raise BadFileError(f"camera {index} lacks {', '.join(missing)}", where=where)
    known = {name: values[key] for key, name in (_REQUIRED | _OPTIONAL).items() if key in values}
    try:
        camera = Camera(id=str(values.get("id", index))[:40], **known)
    except (ConfigError, TypeError, ValueError, OverflowError) as error:
        raise BadFileError(f"camera {index} does not make sense: {error}", where=where) from None
    if np.linalg.norm(camera.translation_m) > _FARTHEST_M:
        raise BadFileError(
            f"camera {index} stands {np.linalg.norm(camera.translation_m):.0f} m away",
            where=where,
            todo="Translations are in metres; divide millimetres by 1000",
        )
    return camera


def read_skeleton(metadata: Mapping[str, object], name: str, num_joints: int, path: Path) -> Skeleton:
    """The skeleton a file's `metadata` describes: a known one if joints and parents are its, else one named `name`.

    Raises:
        BadFileError: a part is missing, or does not fit the number of joints.
    """
    where = f"{path}, metadata"
    joints = _text_list(metadata, "joint_names", where)
    if len(joints) != num_joints:
        raise BadFileError(f"'joint_names' has {len(joints)} names for {num_joints} joints", where=where)
    parents = _index_list(metadata, "parents", num_joints, where, lowest=-1)
    if len(parents) != num_joints:
        raise BadFileError(f"'parents' has {len(parents)} entries for {num_joints} joints", where=where)
    for known in map(get_skeleton, names("skeletons")):
        if known.joint_names == joints and known.parents == parents:
            return known
    left, right = (_index_list(metadata, key, num_joints, where) for key in ("joints_left", "joints_right"))
    _check_tree(parents, joints, where)
    try:
        return Skeleton(
            name=name,
            joint_names=joints,
            parent_names=tuple(None if p < 0 else joints[p] for p in parents),
            left=tuple(joints[j] for j in left),
            right=tuple(joints[j] for j in right),
        )
    except ConfigError as error:
        raise BadFileError(f"the skeleton does not make sense: {error}", where=where) from None


def _check_tree(parents: Sequence[int], joints: Sequence[str], where: str) -> None:
    """Following the parents of any joint must end at joint 0."""
    for joint in range(len(parents)):
        at, steps = joint, 0
        while at > 0 and steps <= len(parents):
            at, steps = parents[at], steps + 1
        if at != 0:
            raise BadFileError(f"joint {joint} ({joints[joint]}) does not hang on the root, joint 0", where=where)


def _text_list(metadata: Mapping[str, object], key: str, where: str) -> tuple[str, ...]:
    value = _sequence(metadata, key, where)
    if not all(isinstance(v, str) and v.isprintable() and v for v in value):
        raise BadFileError(f"{key!r} must be a list of text", where=where)
    return tuple(str(v) for v in value)


def _index_list(metadata, key: str, num_joints: int, where: str, *, lowest: int = 0) -> tuple[int, ...]:
    value = _sequence(metadata, key, where)
    if not all(isinstance(v, (int, np.integer)) and lowest <= v < num_joints for v in value):
        raise BadFileError(f"{key!r} must be a list of joints, {lowest} to {num_joints - 1}", where=where)
    return tuple(int(v) for v in value)


def _sequence(metadata: Mapping[str, object], key: str, where: str) -> Sequence:
    value = metadata.get(key)
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return value.tolist()
    raise BadFileError(f"{key!r} is missing, or is not a list", where=where)


def read_fps(metadata: Mapping[str, object], path: Path, *, default: float) -> float:
    """Frames per second.

    Raises:
        BadFileError: not a positive number.
    """
    fps = metadata.get("fps", default)
    if isinstance(fps, (int, float, np.number)) and not isinstance(fps, np.complexfloating) and 0 < fps < 1e6:
        return float(fps)
    raise BadFileError(f"'fps' must be a positive number, not {str(fps)[:40]}", where=f"{path}, metadata")


def read_split(metadata: Mapping[str, object], key: str, subjects, path: Path) -> tuple[str, ...]:
    """The subjects of a customary split, if the file has one; those without data are an error."""
    if metadata.get(key) is None:
        return ()
    split = _text_list(metadata, key, f"{path}, metadata")
    unknown = [s for s in split if s not in subjects]
    if unknown:
        raise BadFileError(f"{key!r} names subjects that are not there: {', '.join(unknown)[:80]}", where=path)
    return split
