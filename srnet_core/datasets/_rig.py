"""Cameras and skeletons that are stored in the 3D file of a data set.

`cameras`: {subject: [one dict per camera]} with id, center (px), focal_length (px), radial_distortion (3),
tangential_distortion (2), res_w, res_h (px), orientation (quaternion, w first, camera to world) and translation (m).
`metadata`: fps, joint_names, parents (-1 for the root), joints_left and joints_right; optionally synthetic,
train_subjects and test_subjects.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core.datasets._wording import as_name, kind_of
from srnet_core.errors import BadFileError, ConfigError
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.skeleton import MAX_JOINTS, Skeleton
from srnet_core.lookup import names
from srnet_core.skeletons import get_skeleton

# name in the file -> field of `Camera`
_REQUIRED = {
    "res_w": "width_px",
    "res_h": "height_px",
    "focal_length": "focal_length_px",
    "center": "center_px",
    "orientation": "orientation",
    "translation": "translation_m",
}
_OPTIONAL = {"radial_distortion": "radial_distortion", "tangential_distortion": "tangential_distortion"}
_KEYS = "res_w, res_h, focal_length, center, orientation and translation"
_FARTHEST_M = 200.0
_FARTHEST_CM = 1500.0  # 15 m; millimetres from there on


def read_cameras(value: object, path: Path) -> dict[str, tuple[Camera, ...]]:
    """{subject: its cameras} from the `cameras` of a file; unknown keys are ignored.

    Raises:
        BadFileError: a value is missing or wrong; the message names subject, camera and value.
    """
    if not isinstance(value, dict):
        raise BadFileError(
            f"'cameras' must be a dict of subjects, and each subject a list of dicts, not {kind_of(value)}",
            where=path,
            todo="Write {subject: cameras} also if all subjects have the same cameras, and each camera as a dict",
        )
    return {
        str(as_name(subject)): _rig(rig, f"{path}, cameras of {as_name(subject)}") for subject, rig in value.items()
    }


def _rig(rig: object, where: str) -> tuple[Camera, ...]:
    """The cameras of a subject; those of a dict by their ids get these as `id`."""
    if isinstance(rig, dict) and rig and not set(_REQUIRED) & set(rig):
        rig = [{"id": as_name(key), **camera} if isinstance(camera, dict) else camera for key, camera in rig.items()]
    if not isinstance(rig, (list, tuple)):
        raise BadFileError(
            f"must be a list of dicts, not {kind_of(rig)}", where=where, todo="Give [camera], also for one camera"
        )
    return tuple(_camera(camera, index, where) for index, camera in enumerate(rig))


def _camera(values: object, index: int, where: str) -> Camera:
    if not isinstance(values, dict):
        raise BadFileError(
            f"camera {index} must be a dict, not {kind_of(values)}", where=where, todo=f"Write a dict with {_KEYS}"
        )
    missing = [key for key in _REQUIRED if key not in values]
    if missing:
        raise BadFileError(
            f"camera {index} lacks {', '.join(missing)}",
            where=where,
            todo=f"A camera needs {_KEYS}: see docs/own_data.md",
        )
    known = {name: values[key] for key, name in (_REQUIRED | _OPTIONAL).items() if key in values}
    try:
        camera = Camera(id=str(values.get("id", index))[:40], **known)
    except (ConfigError, TypeError, ValueError, OverflowError) as error:
        raise BadFileError(f"camera {index} is not valid: {error}", where=where) from None
    distance = float(np.linalg.norm(camera.translation_m))
    if distance > _FARTHEST_M:
        unit, divisor = ("millimetres", 1000) if distance > _FARTHEST_CM else ("centimetres", 100)
        raise BadFileError(
            f"camera {index} is {distance:.0f} m away from the origin",
            where=where,
            todo=f"Translations must be in metres; if they are in {unit}, divide them by {divisor}",
        )
    return camera


def read_skeleton(metadata: Mapping[str, object], name: str, num_joints: int, path: Path) -> Skeleton:
    """The skeleton in a file's `metadata`: a known one with the same joints, parents and sides, else a new one, `name`.

    Raises:
        BadFileError: a key is missing, its value does not fit the number of joints, or the mirror partners do not
            mirror the skeleton.
    """
    where = f"{path}, metadata"
    joints = _text_list(metadata, "joint_names", where)
    if len(joints) > MAX_JOINTS:
        raise BadFileError(f"'joint_names' has {len(joints):,} names, and {MAX_JOINTS:,} are the most", where=where)
    if len(joints) != num_joints:
        raise BadFileError(f"'joint_names' has {len(joints)} names for {num_joints} joints", where=where)
    parents = _index_list(metadata, "parents", num_joints, where, lowest=-1)
    if len(parents) != num_joints:
        raise BadFileError(f"'parents' has {len(parents)} entries for {num_joints} joints", where=where)
    known = next(
        (s for s in map(get_skeleton, names("skeletons")) if (s.joint_names, s.parents) == (joints, parents)), None
    )
    if known is not None and not any(key in metadata for key in ("joints_left", "joints_right")):
        return known
    left, right = (_index_list(metadata, key, num_joints, where) for key in ("joints_left", "joints_right"))
    _check_tree(parents, joints, where)
    _check_partners(parents, left, right, joints, where)
    if known is not None and set(zip(left, right)) == set(zip(known.left_indices, known.right_indices)):
        return known
    try:
        return Skeleton(
            name=name,
            joint_names=joints,
            parent_names=tuple(None if p < 0 else joints[p] for p in parents),
            left=tuple(joints[j] for j in left),
            right=tuple(joints[j] for j in right),
        )
    except ConfigError as error:
        raise BadFileError(f"the skeleton is not valid: {error}", where=where) from None


def _check_tree(parents: Sequence[int], joints: Sequence[str], where: str) -> None:
    """Raise `BadFileError` unless the parents of every joint lead to joint 0. Visits each joint once."""
    safe = {0}
    for joint in range(len(parents)):
        path: dict[int, None] = {}
        at = joint
        while at >= 0 and at not in safe and at not in path:
            path[at] = None
            at = parents[at]
        if at not in safe:
            raise BadFileError(
                f"the parents of joint {joint} ({joints[joint]}) do not lead to the root, joint 0", where=where
            )
        safe.update(path)


def _check_partners(
    parents: Sequence[int], left: Sequence[int], right: Sequence[int], joints: Sequence[str], where: str
) -> None:
    """Raise `BadFileError` unless the mirrored skeleton is the same tree: partners have partners as parents."""
    if len(left) != len(right):
        return  # `Skeleton` says so
    sides = [*left, *right]
    twice = [j for j in sides if sides.count(j) > 1]
    if twice:
        raise BadFileError(f"{joints[twice[0]]} stands twice among the left and right joints", where=where)
    partner = dict(zip(left, right)) | dict(zip(right, left))
    for a, b in zip(left, right):
        above = [parents[a], parents[b]]
        if partner.get(above[0], above[0]) != above[1]:
            names = [joints[p] if p >= 0 else "(none)" for p in above]
            raise BadFileError(
                f"{joints[a]} and {joints[b]} cannot be partners: their parents {names[0]} and {names[1]} are not",
                where=where,
                todo="List joints_right in the order of the partners in joints_left",
            )


def _text_list(metadata: Mapping[str, object], key: str, where: str) -> tuple[str, ...]:
    value = _list(metadata, key, where)
    if not all(isinstance(v, str) and v.isprintable() and v for v in value):
        raise BadFileError(f"{key!r} must be a list of printable text", where=where)
    return tuple(str(v) for v in value)


def _index_list(
    metadata: Mapping[str, Any], key: str, num_joints: int, where: str, *, lowest: int = 0
) -> tuple[int, ...]:
    value = _list(metadata, key, where)
    if not all(isinstance(v, (int, np.integer)) and lowest <= v < num_joints for v in value):
        raise BadFileError(f"{key!r} must be a list of joint indices from {lowest} to {num_joints - 1}", where=where)
    return tuple(int(v) for v in value)


def _list(metadata: Mapping[str, object], key: str, where: str) -> Sequence:
    value = metadata.get(key)
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return value.tolist()
    raise BadFileError(f"{key!r} is missing, or is not a list", where=where)


def read_fps(metadata: Mapping[str, object], path: Path, *, default: float) -> float:
    """Frames per second.

    Raises:
        BadFileError: `fps` is not a positive number.
    """
    fps: Any = metadata.get("fps", default)
    if isinstance(fps, (int, float, np.number)) and not isinstance(fps, np.complexfloating) and 0 < fps < 1e6:
        return float(fps)
    raise BadFileError(f"'fps' must be a positive number, not {str(fps)[:40]}", where=f"{path}, metadata")


def read_split(metadata: Mapping[str, Any], key: str, subjects: Collection[str], path: Path) -> tuple[str, ...]:
    """The subjects of one side of the customary split; empty if the file has none.

    Raises:
        BadFileError: it names a subject without data.
    """
    if metadata.get(key) is None:
        return ()
    split = _text_list(metadata, key, f"{path}, metadata")
    unknown = [s for s in split if s not in subjects]
    if unknown:
        raise BadFileError(f"{key!r} names subjects without data: {', '.join(unknown)[:80]}", where=path)
    return split
