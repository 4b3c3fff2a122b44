"""Scenes: the 2D input and one or more 3D poses of a clip, checked once and drawn by `page` and `picture`."""

import dataclasses
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.geometry.arrays import joint_distance
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.rotation import quaternion_to_matrix
from srnet_core.geometry.skeleton import Skeleton

GROUND_TRUTH = "ground truth"
MAX_POSES = 6
MAX_TEXT = 300
_MAX_SPAN_M, _MAX_DISTANCE_M, _MAX_PX = 20.0, 1e5, 1e6

# x right, y down, z forward -> x right, y forward, z up
_CAMERA_TO_UPRIGHT = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
_UNKNOWN_ORIENTATION = (1.0, 0.0, 0.0, 0.0)
_FROM_THE_POSES: Mapping[str, np.ndarray] = MappingProxyType({})  # recognized by identity: the errors are not given


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """One clip, ready to be drawn. All arguments are given by name.

    All poses of a scene have the same axes, z up, in metres, and are either all root-relative or all absolute. They are
    shown and compared without alignment. `camera_to_view` turns poses from camera axes to such axes.

    Attributes:
        title: e.g. the name of the input file; any text, it is cleaned and escaped.
        subtitle: e.g. "S9 · Walking · camera 54138969 · srnet 3,3,3".
        label: of the clip in a list of several, e.g. "S9 Walking, camera 2"; the title if it is empty.
        skeleton: J joints, of the 2D keypoints and of the poses.
        fps: frames per second.
        image_size_px: (width, height) of the image of the keypoints.
        keypoints_2d_px: (T, J, 2), the input.
        poses: name -> (T, J, 3) metres, z up, in the order they are shown; the name "ground truth" marks the reference.
        errors_mm: name -> (T,) error per frame (MPJPE). By default it is computed from the poses if there is a ground
            truth; an empty mapping shows no errors.
        expected_errors_mm: name -> (T, J) how far off each joint is expected to be, drawn as its colour.
        floor_z_m: height of the floor; by default the floor is under the lowest joint.
        synthetic: the motion was made by a program; a badge tells so.

    Raises:
        ConfigError: shapes do not fit each other, numbers are not finite, sizes are not positive, or bodies are larger
            than 20 m (millimetres by mistake).
    """

    title: str
    skeleton: Skeleton
    fps: float
    image_size_px: tuple[int, int]
    keypoints_2d_px: np.ndarray
    poses: Mapping[str, np.ndarray]
    subtitle: str = ""
    label: str = ""
    errors_mm: Mapping[str, np.ndarray] = field(default_factory=lambda: _FROM_THE_POSES)
    expected_errors_mm: Mapping[str, np.ndarray] = field(default_factory=dict)
    floor_z_m: float | None = None
    synthetic: bool = False

    def __post_init__(self) -> None:
        keypoints = _keypoints(self.keypoints_2d_px, self.skeleton)
        poses = _poses(self.poses, len(keypoints), self.skeleton)
        fields = {
            "title": clean_text(self.title),
            "subtitle": clean_text(self.subtitle),
            "label": clean_text(self.label or self.title),
            "fps": _positive(self.fps, "fps"),
            "image_size_px": _image_size(self.image_size_px),
            "keypoints_2d_px": keypoints,
            "poses": poses,
            "errors_mm": _errors(self.errors_mm, poses, len(keypoints)),
            "expected_errors_mm": _rated(self.expected_errors_mm, poses, keypoints.shape[:2], "expected_errors_mm"),
            "synthetic": bool(self.synthetic),
        }
        if self.floor_z_m is not None:
            fields["floor_z_m"] = float(_finite(np.asarray(self.floor_z_m, np.float64), "floor_z_m", ("the height",)))
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @property
    def frames(self) -> int:
        """T, the number of frames."""
        return len(self.keypoints_2d_px)

    @property
    def reference(self) -> str | None:
        """Name of the pose that the others are compared with, if there is one."""
        return GROUND_TRUTH if GROUND_TRUTH in self.poses else None

    @cached_property
    def sides(self) -> tuple[str, ...]:
        """ "left", "right" or "middle" for each joint; a bone takes the side of its child."""
        left, right = set(self.skeleton.left_indices), set(self.skeleton.right_indices)
        joints = range(self.skeleton.num_joints)
        return tuple("left" if j in left else "right" if j in right else "middle" for j in joints)

    def section(self, start: int, stop: int) -> "Scene":
        """The frames [start, stop) as a scene of their own."""
        if not 0 <= start < stop <= self.frames:
            raise ConfigError(f"[{start}, {stop}) is not a range within {self.frames} frames", where="frames")
        return dataclasses.replace(
            self,
            keypoints_2d_px=self.keypoints_2d_px[start:stop],
            poses={name: pose[start:stop] for name, pose in self.poses.items()},
            errors_mm={name: errors[start:stop] for name, errors in self.errors_mm.items()},
            expected_errors_mm={name: errors[start:stop] for name, errors in self.expected_errors_mm.items()},
        )


def without_truth(scene: Scene) -> Scene:
    """A scene with its predictions only; their errors are still known."""
    poses = {name: pose for name, pose in scene.poses.items() if name != scene.reference}
    return dataclasses.replace(scene, poses=poses) if poses else scene


def camera_to_view(poses_cam_m: np.ndarray, camera: Camera | None = None) -> np.ndarray:
    """Turn poses from camera axes to upright axes: z up, y along the camera's horizontal heading, x to its right.

    Only the camera's orientation is used, so the poses may be root-relative. If it is unknown (`None`, or the identity,
    which is the default of `Camera`), the camera is assumed to be level.

    Args:
        poses_cam_m: (..., 3) metres, x right, y down, z forward.
        camera: its `orientation` turns camera axes into world axes, z up.

    Returns:
        (..., 3) metres in the dtype of the input.
    """
    poses_cam_m = np.asarray(poses_cam_m)
    turn = _CAMERA_TO_UPRIGHT
    if camera is not None and camera.orientation != _UNKNOWN_ORIENTATION:
        camera_axes_world = quaternion_to_matrix(np.asarray(camera.orientation))
        turn = _heading_to_y(camera_axes_world) @ camera_axes_world
    return poses_cam_m @ turn.T.astype(poses_cam_m.dtype)


def _heading_to_y(camera_axes_world: np.ndarray) -> np.ndarray:
    """(3, 3) rotation about z that turns the camera's horizontal heading to +y."""
    heading = camera_axes_world[:2, 2]
    if np.hypot(*heading) < 1e-3:  # the camera looks straight up or down: use the upward direction of the image
        heading = -camera_axes_world[:2, 1]
    x, y = heading / np.hypot(*heading)
    return np.array([[y, -x, 0], [x, y, 0], [0, 0, 1]])


def clean_text(text: str) -> str:
    """`text` on one line, without control and text-direction characters, in valid Unicode, of bounded length."""
    one_line = " ".join(str(text).split())
    kept = "".join("\ufffd" if _is_unwanted(c) else c for c in one_line)
    return kept if len(kept) <= MAX_TEXT else kept[: MAX_TEXT - 1] + "…"


def _is_unwanted(character: str) -> bool:
    """Control characters, direction marks, lone surrogates and private use, but not the joiners that scripts need."""
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co"} and character not in "\u200c\u200d"


def _positive(value: float, name: str) -> float:
    value = float(value)
    if not (np.isfinite(value) and value > 0):
        raise ConfigError(f"must be a positive number, not {value}", where=name)
    return value


def _image_size(size: object) -> tuple[int, int]:
    values = np.ravel(np.asarray(size, np.float64))
    if values.shape != (2,) or not np.all(np.isfinite(values)) or min(values) < 1:
        raise ConfigError(f"needs a width and a height in pixels, not {size!r}", where="image_size_px")
    return int(values[0]), int(values[1])


def _keypoints(keypoints: object, skeleton: Skeleton) -> np.ndarray:
    array = np.asarray(keypoints, np.float32)
    joints = skeleton.num_joints
    if array.ndim != 3 or array.shape[1:] != (joints, 2) or not len(array):
        raise ConfigError(
            f"needs the shape (frames, {joints}, 2) for the skeleton {skeleton.name}, not {array.shape}",
            where="keypoints_2d_px",
        )
    if np.abs(_finite(array, "keypoints_2d_px", ("frame", "joint"))).max() > _MAX_PX:
        raise ConfigError(
            f"keypoints are more than {_MAX_PX:.0e} px away from the image",
            where="keypoints_2d_px",
            todo="Give keypoints in pixels of the image",
        )
    return _read_only(array)


def _poses(poses: object, frames: int, skeleton: Skeleton) -> Mapping[str, np.ndarray]:
    if not isinstance(poses, Mapping) or not 1 <= len(poses) <= MAX_POSES:
        raise ConfigError(f"needs a mapping of 1 to {MAX_POSES} names to arrays", where="poses")
    expected = (frames, skeleton.num_joints, 3)
    checked: dict[str, np.ndarray] = {}
    for name, pose in poses.items():
        array = np.asarray(pose, np.float32)
        if array.shape != expected:
            raise ConfigError(
                f"needs the shape {expected} to fit keypoints_2d_px, not {array.shape}", where=f"poses[{name!r}]"
            )
        _finite(array, f"poses[{name!r}]", ("frame", "joint"))
        _human_sized(array, f"poses[{name!r}]")
        checked[clean_text(name)] = _read_only(array)
    if len(checked) != len(poses):
        raise ConfigError("two names are the same without their control characters", where="poses")
    return MappingProxyType(checked)


def _human_sized(pose: np.ndarray, where: str) -> None:
    span_m = float(np.abs(pose - pose[:, :1]).max())
    if span_m > _MAX_SPAN_M or float(np.abs(pose).max()) > _MAX_DISTANCE_M:
        raise ConfigError(
            f"joints are {span_m:.4g} m from the root", where=where, todo="Give poses in metres, not in millimetres"
        )


def _errors(errors: Mapping[str, Any] | None, poses: Mapping[str, np.ndarray], frames: int) -> Mapping[str, np.ndarray]:
    if errors is None or errors is _FROM_THE_POSES:
        return MappingProxyType(_distances_mm(poses))
    return _rated(errors, poses, (frames,), "errors_mm")


def _rated(
    errors: Mapping[str, Any], poses: Mapping[str, np.ndarray], shape: tuple[int, ...], what: str
) -> Mapping[str, np.ndarray]:
    """Errors of some of the poses: finite numbers of 0 or more, all of this shape."""
    checked = {}
    for name, values in errors.items():
        where, name, array = f"{what}[{name!r}]", clean_text(name), np.asarray(values, np.float32)
        if name not in poses:
            raise ConfigError(f"there is no pose of that name; the names are {', '.join(poses)}", where=where)
        if array.shape != shape:
            each = "frame" if len(shape) == 1 else "frame and joint"
            raise ConfigError(f"needs one number per {each}, the shape {shape}, not {array.shape}", where=where)
        if np.min(_finite(array, where, ("frame", "joint")[: len(shape)])) < 0:
            raise ConfigError("errors cannot be negative", where=where)
        checked[name] = _read_only(array)
    return MappingProxyType(checked)


def _distances_mm(poses: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """MPJPE per frame of every pose against the ground truth, if there is one."""
    truth = poses.get(GROUND_TRUTH)
    if truth is None:
        return {}
    return {
        name: _read_only(1000 * joint_distance(pose, truth).mean(axis=-1))  # (T, J, 3) -> (T,)
        for name, pose in poses.items()
        if name != GROUND_TRUTH
    }


def _finite(array: np.ndarray, where: str, axes: tuple[str, ...]) -> np.ndarray:
    """`array`, if all its numbers are finite; `axes` are names of its dimensions for the message."""
    bad = ~np.isfinite(array)
    if bad.any():
        first = np.unravel_index(int(np.argmax(bad)), array.shape) if array.ndim else ()
        where_first = ", ".join(f"{axis} {i}" for axis, i in zip(axes, first)) or axes[0]
        raise ConfigError(
            f"{int(bad.sum())} numbers are not finite, the first at {where_first}",
            where=where,
            todo="Fill or cut missing values before drawing",
        )
    return array


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view
