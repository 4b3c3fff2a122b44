"""Data sets that hold one array per camera, in that camera's space: brought into one world, with the cameras found.

Camera spaces of one recording differ by a rotation and a shift, the same in all frames (`rigid_transform`). People are
upright most of the time, which gives the vertical of the world. Focal lengths follow from each camera's own 3D and 2D.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from srnet_core.datasets._estimated_cameras import image_size
from srnet_core.errors import BadFileError
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.resection import fit_intrinsics, rigid_transform
from srnet_core.geometry.rotation import matrix_to_quaternion

_WORST_RIGID_M = 0.02
_SAME_PLACE_M = 0.05
_WORST_INTRINSICS_PX = 25.0


@dataclass(frozen=True)
class Recording:
    """One take in the space of each of its cameras.

    Attributes:
        poses_cam_m: for each camera (T, J, 3) metres.
        poses_px: for each camera (T, J, 2).
    """

    poses_cam_m: Sequence[np.ndarray]
    poses_px: Sequence[np.ndarray]


@dataclass(frozen=True)
class WorldOfViews:
    """Takes of one person in one world, and its cameras."""

    poses_world_m: Mapping[str, np.ndarray]
    cameras: tuple[Camera, ...]


def into_one_world(
    takes: Mapping[str, Recording],
    *,
    feet: Sequence[int],
    head: int,
    names: Sequence[str],
    sizes_px: Sequence[tuple[int, int]],
    where: object,
) -> list[WorldOfViews]:
    """Worlds of one subject: one where all takes have the same cameras, else one for each take.

    Args:
        feet, head: joints that tell what is up.
        names: of the cameras.
        sizes_px: image sizes that the data set has, the likeliest first.

    Raises:
        BadFileError: the arrays of a take are not views of the same movement, or 2D and 3D do not belong together.
    """
    places = {take: _relative_places(recording, f"{where}/{take}") for take, recording in takes.items()}
    groups: list[list[str]] = []
    for take in takes:
        for group in groups:
            if _same(places[group[0]], places[take]):
                group.append(take)
                break
        else:
            groups.append([take])
    return [
        _world({t: takes[t] for t in group}, places[group[0]], feet, head, names, sizes_px, where) for group in groups
    ]


def with_absolute_root(poses: np.ndarray, root: int) -> np.ndarray:
    """(T, J, 3) poses whose joints are relative to a root that is absolute -> all absolute; other poses as they are.

    Raises:
        BadFileError: the root is not absolute either.
    """
    others = np.delete(poses, root, axis=1)
    reach = float(np.median(np.linalg.norm(others - others.mean(1, keepdims=True), axis=-1)))
    root_distance = float(np.median(np.linalg.norm(poses[:, root], axis=-1)))
    centre_distance = float(np.median(np.linalg.norm(others.mean(1), axis=-1)))
    if centre_distance > 2 * reach:
        return poses
    if root_distance < 2 * reach:
        raise BadFileError(
            "holds poses relative to the root, without where the root is",
            todo="Take the file before the root was subtracted: absolute positions in camera space",
        )
    absolute = poses + poses[:, root : root + 1]
    absolute[:, root] = poses[:, root]
    return absolute


_Place = tuple[np.ndarray, np.ndarray]  # rotation, translation from the first camera's space


def _relative_places(recording: Recording, where: object) -> list[_Place]:
    first = recording.poses_cam_m[0].reshape(-1, 3)
    places = []
    for index, view in enumerate(recording.poses_cam_m):
        rotation, translation, rest_m = rigid_transform(first, view.reshape(-1, 3))
        if rest_m > _WORST_RIGID_M:
            raise BadFileError(
                f"the 3D of camera {index} is not the movement that camera 0 sees: {1000 * rest_m:.0f} mm remain",
                where=where,
                todo="3D must be absolute, in the space of each camera",
            )
        places.append((rotation, translation))
    return places


def _same(a: Sequence[_Place], b: Sequence[_Place]) -> bool:
    if len(a) != len(b):
        return False
    return all(
        np.abs(r1 - r2).max() < 0.02 and np.abs(t1 - t2).max() < _SAME_PLACE_M for (r1, t1), (r2, t2) in zip(a, b)
    )


def _world(
    takes: Mapping[str, Recording],
    places: Sequence[_Place],
    feet: Sequence[int],
    head: int,
    names: Sequence[str],
    sizes_px: Sequence[tuple[int, int]],
    where: object,
) -> WorldOfViews:
    first = np.concatenate([recording.poses_cam_m[0] for recording in takes.values()]).astype(np.float64)
    turn = _upright(first, feet, head)
    lift = np.array([0, 0, -np.quantile((first[:, list(feet)] @ turn.T)[..., 2].min(-1), 0.02)])
    cameras = []
    for index, (rotation, translation) in enumerate(places):
        points = np.concatenate([r.poses_cam_m[index].reshape(-1, 3) for r in takes.values()])
        pixels = np.concatenate([r.poses_px[index].reshape(-1, 2) for r in takes.values()])
        name = names[index] if index < len(names) else str(index)
        focal, center, error_px = fit_intrinsics(points, pixels)
        if error_px > _WORST_INTRINSICS_PX:
            raise BadFileError(
                f"2D and 3D of camera {name} do not belong together: {error_px:.0f} px apart", where=where
            )
        width, height = image_size(pixels, center, sizes_px)
        orientation = turn @ rotation.T  # camera axes to the first camera's, to the world's
        cameras.append(
            Camera(
                id=name,
                width_px=width,
                height_px=height,
                focal_length_px=tuple(focal),
                center_px=tuple(center),
                orientation=tuple(matrix_to_quaternion(orientation)),
                translation_m=tuple(turn @ (-rotation.T @ translation) + lift),
            )
        )
    worlds = {take: (r.poses_cam_m[0] @ turn.T + lift).astype(np.float32) for take, r in takes.items()}
    return WorldOfViews(worlds, tuple(cameras))


def _upright(poses: np.ndarray, feet: Sequence[int], head: int) -> np.ndarray:
    """The smallest rotation that turns the mean direction from feet to head to z."""
    directions = poses[:, head] - poses[:, list(feet)].mean(1)
    directions /= np.maximum(np.linalg.norm(directions, axis=-1, keepdims=True), 1e-9)
    up = directions.mean(0)
    if np.linalg.norm(up) < 0.3:
        up = np.array([0.0, -1.0, 0.0])  # nobody stands: the camera's own vertical
    up /= np.linalg.norm(up)
    axis = np.cross(up, [0.0, 0.0, 1.0])
    sine, cosine = np.linalg.norm(axis), up[2]
    if sine < 1e-9:
        return np.diag([1.0, np.sign(cosine), np.sign(cosine)])
    x, y, z = axis / sine
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + sine * cross + (1 - cosine) * cross @ cross
