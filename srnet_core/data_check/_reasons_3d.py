"""Mistakes in the 3D: units, camera space, root-relative poses, axes, places."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import permutations, product

import numpy as np

from srnet_core.data_check._candidate import (
    Candidate,
    of_seen,
    of_world,
    project,
    project_cam,
)
from srnet_core.data_check.sample import View
from srnet_core.geometry.rotation import quaternion_inverse, quaternion_to_matrix, rotate
from srnet_core.geometry.skeleton import Skeleton

_UNITS = {
    1000.0: "the 3D is 1000 times too small, e.g. metres were divided by 1000",
    0.001: "the 3D is in millimetres",
    0.01: "the 3D is in centimetres",
    0.1: "the 3D is in decimetres",
    0.0254: "the 3D is in inches",
    0.3048: "the 3D is in feet",
    100.0: "the 3D is 100 times too small",
    10.0: "the 3D is 10 times too small",
}
_AXES = "xyz"
_PERSON_M = (0.4, 3.0)  # the 3D is not the one with the wrong unit if that would make it another size


def of_units(views: Sequence[View]) -> Iterator[Candidate]:
    size_m = float(np.median([np.ptp(v.world_m, axis=1).max(-1).mean() for v in views]))
    for factor, text in _UNITS.items():
        if not _PERSON_M[0] <= size_m * factor <= _PERSON_M[1]:
            continue
        yield Candidate(
            "units", text, "3D positions must be in metres", of_world(views, partial(turned, factor=factor))
        )
    for factor, unit in ((0.01, "centimetres"), (0.001, "millimetres"), (1000.0, "kilometres")):
        yield Candidate(
            "units",
            f"the translations of the cameras are in {unit}",
            "Translations must be in metres",
            of_seen(views, partial(_from_nearer, factor=factor)),
        )


def turned(
    view: View, factor: float = 1.0, order: Sequence[int] = (0, 1, 2), signs: Sequence[int] = (1, 1, 1)
) -> np.ndarray:
    """(F, J, 3) the 3D in another unit and with other axes."""
    turned: np.ndarray = factor * view.world_m[..., list(order)] * np.array(signs)
    return turned


def _from_nearer(view: View, factor: float) -> np.ndarray:
    """(F, J, 2) what the camera sees if its translation is in another unit."""
    x, y, z = view.own_camera.translation_m
    return project(replace(view.own_camera, translation_m=(factor * x, factor * y, factor * z)), view.world_m)


def of_camera_space(views: Sequence[View]) -> Iterator[Candidate]:
    """3D in the space of the camera of the view, or of one camera for all views."""
    todo = (
        "Give world coordinates, e.g. by camera.camera_to_world, or the space of each camera in a data set of its kind"
    )
    turns = {
        (1, 1, 1): "",
        (1, -1, -1): ", with y up and z backwards",
        (-1, -1, 1): ", with x to the left and y up",
        (1, -1, 1): ", with y up",
    }
    for factor in (1.0, 0.001, 1000.0):
        unit = {1.0: "", 0.001: " and in millimetres", 1000.0: " and 1000 times too small"}[factor]
        for signs, how in turns.items():
            yield Candidate(
                "camera space",
                f"the 3D is in camera space{how}{unit}, not in world coordinates",
                todo,
                of_seen(views, partial(_as_camera_space, factor=factor, signs=signs)),
            )
        for index in range(max(len(v.rig) for v in views)):
            yield Candidate(
                "camera space",
                f"the 3D is in the space of camera {index}{unit}, so in camera space, not in world coordinates",
                todo,
                of_seen(views, partial(_as_space_of, index=index, factor=factor)),
            )


def _as_camera_space(view: View, factor: float, signs: Sequence[int]) -> np.ndarray:
    return project_cam(view.own_camera, turned(view, factor, signs=signs))


def _as_space_of(view: View, index: int, factor: float) -> np.ndarray | None:
    if index >= len(view.rig):
        return None
    return project(view.own_camera, view.rig[index].camera_to_world(factor * view.world_m))


def of_relative_roots(views: Sequence[View], skeleton: Skeleton) -> Iterator[Candidate]:
    """3D relative to a joint or to the middle, which is at the origin, or all joints but the root relative to it."""

    def absolute(v: View) -> np.ndarray:
        return np.concatenate([v.world_m[:, :1], v.world_m[:, 1:] + v.world_m[:, :1]], axis=1)

    todo = "Give the absolute position of every joint"
    text = "all joints but the root are relative to the root"
    yield Candidate("root-relative", text, todo, of_world(views, absolute))
    yield Candidate(
        "root-relative",
        f"{text}, and the 3D is in camera space",
        todo,
        of_seen(views, lambda v: project_cam(v.own_camera, absolute(v))),
    )
    extent_m = max(float(np.ptp(v.world_m)) for v in views)
    at_origin = _largest(views, lambda v: np.abs(v.world_m).max((0, 2))) <= 1e-3 * extent_m  # (J,)
    if at_origin.any():
        joint = int(at_origin.argmax())
        what = "the root" if joint == 0 else f"joint {joint}, {skeleton.joint_names[joint]},"
        text = f"the 3D is relative to {what.rstrip(',')}: {what} is at the origin in every frame"
    elif _largest(views, lambda v: np.abs(v.world_m.mean(1)).max()) <= 1e-3 * extent_m:
        joint, text = 0, "the 3D is relative to the mean of the joints, which is at the origin in every frame"
    else:
        return
    candidate = partial(Candidate, "root-relative", todo=todo)
    yield candidate(text, pairs=of_seen(views, lambda v: _placed(to_camera_axes(v, v.world_m), v, joint)))
    yield candidate(f"{text}, in camera space", pairs=of_seen(views, lambda v: _placed(v.world_m, v, joint)))
    for index in range(max(len(v.rig) for v in views)):
        in_space_of = partial(_relative_in_space_of, index=index, joint=joint)
        yield candidate(f"{text}, in the space of camera {index}", pairs=of_seen(views, in_space_of))
    for order, signs in _turns():
        how = f", and with other axes: it fits as ({_axes_text(order, signs)})"
        in_other_axes = partial(_relative_and_turned, order=order, signs=signs, joint=joint)
        yield candidate(f"{text}{how}", pairs=of_seen(views, in_other_axes))


def _largest(views: Sequence[View], of_view: Callable[[View], np.ndarray]) -> np.ndarray:
    """The elementwise maximum of what a function gives for each view."""
    return np.max([of_view(v) for v in views], axis=0)


def to_camera_axes(view: View, world_m: np.ndarray) -> np.ndarray:
    turned: np.ndarray = rotate(quaternion_inverse(np.array(view.own_camera.orientation)), world_m)
    return turned


def _relative_in_space_of(view: View, index: int, joint: int) -> np.ndarray | None:
    if index >= len(view.rig):
        return None
    world_m = rotate(np.array(view.rig[index].orientation), view.world_m)
    return _placed(to_camera_axes(view, world_m), view, joint)


def _relative_and_turned(view: View, order: Sequence[int], signs: Sequence[int], joint: int) -> np.ndarray:
    return _placed(to_camera_axes(view, turned(view, order=order, signs=signs)), view, joint)


def _placed(cam_m: np.ndarray, view: View, joint: int) -> np.ndarray:
    """(F, J, 2) where a camera sees poses with a joint put onto its pixel, at the depth that gives their size."""
    camera, root_px = view.own_camera, view.px[:, joint : joint + 1]
    cam_m = cam_m - cam_m[:, joint : joint + 1]
    spread_m = np.linalg.norm(cam_m[..., :2], axis=-1).mean(-1)  # (F,)
    spread_px = np.linalg.norm(view.px - root_px, axis=-1).mean(-1)
    focal = np.array(camera.focal_length_px)
    depth_m = (spread_m * focal.mean() / np.maximum(spread_px, 1e-9))[:, None, None]
    root_m = np.concatenate([(root_px - np.array(camera.center_px)) / focal * depth_m, depth_m], axis=-1)
    return project_cam(camera, cam_m + root_m)


def of_axes(views: Sequence[View]) -> Iterator[Candidate]:
    """Other axes of the world, for instance y up."""
    for factor, unit in (
        (1.0, ""),
        (0.001, ", and it is in millimetres"),
        (1000.0, ", and it is 1000 times too small"),
    ):
        for order, signs in _turns():
            up = f"{'-' if signs[2] < 0 else ''}{_AXES[order[2]]}"
            new = _axes_text(order, signs)
            what = f"the 3D has {up} up, the cameras have z up" if up != "z" else "the 3D is turned or mirrored"
            yield Candidate(
                "axes" if up == "z" else "y up",
                f"{what}: it fits as ({new}){unit}",
                "3D and cameras need the same world, with z up",
                of_world(views, partial(turned, factor=factor, order=order, signs=signs)),
            )


_Turn = tuple[tuple[int, ...], tuple[int, ...]]  # for each new axis the old one, and its sign


def _turns() -> list[_Turn]:
    """All exchanges of axes but none at all; first without a mirroring, then with one."""
    turns: list[_Turn] = [(o, s) for o in permutations(range(3)) for s in product((1, -1), repeat=3)]
    turns.remove(((0, 1, 2), (1, 1, 1)))
    return sorted(turns, key=lambda turn: (_mirrors(*turn), np.sum(np.array(turn[1]) < 0)))


def _axes_text(order: Sequence[int], signs: Sequence[int]) -> str:
    return ", ".join(f"{'-' if s < 0 else ''}{_AXES[a]}" for a, s in zip(order, signs))


def _mirrors(order: tuple[int, ...], signs: tuple[int, ...]) -> bool:
    matrix = np.eye(3)[list(order)] * np.array(signs)[:, None]
    return bool(np.linalg.det(matrix) < 0)


def of_places(views: Sequence[View]) -> Iterator[Candidate]:
    """3D that is moved by a constant: the whole data set, or each take for itself."""
    whole = _shift_of(views)
    if whole is not None:
        listed = ", ".join(f"{value:.2f}" for value in -whole)
        yield Candidate(
            "place",
            f"the 3D is moved by ({listed}) m against the cameras: their worlds have different origins",
            "3D and cameras need the same world",
            of_seen(views, partial(_moved, shifts={}, otherwise=whole)),
        )
    takes = sorted({(v.subject, v.take) for v in views})
    shifts = {take: _shift_of([v for v in views if (v.subject, v.take) == take]) for take in takes}
    if len(takes) > 1 and all(shift is not None for shift in shifts.values()):
        yield Candidate(
            "place",
            "the 3D of each take is moved by a constant of its own, e.g. so that the take is centred",
            "Give the positions in the world of the cameras, as they were before",
            of_seen(views, partial(_moved, shifts=shifts, otherwise=None)),
        )


def _moved(
    view: View, shifts: Mapping[tuple[str, str], np.ndarray | None], otherwise: np.ndarray | None
) -> np.ndarray | None:
    shift = shifts.get((view.subject, view.take), otherwise)
    return None if shift is None else project(view.own_camera, view.world_m + shift)


def _shift_of(views: Sequence[View]) -> np.ndarray | None:
    """(3,) metres by which the 3D has to be moved to lie where the 2D is; `None` if nothing tells.

    The pinhole equation u = f X / Z + c of a moved point is linear in the movement. It is solved twice: the second time
    without the third of the points that are furthest off, which outliers and lenses make.
    """
    rows, values = [], []
    for v in views:
        camera = v.own_camera
        axes = quaternion_to_matrix(np.array(camera.orientation)).T  # world to camera
        cam_m = camera.world_to_camera(v.world_m).reshape(-1, 3)
        rays = ((v.px - np.array(camera.center_px)) / np.array(camera.focal_length_px)).reshape(-1, 2)
        for axis in range(2):
            rows.append(axes[axis] - rays[:, axis : axis + 1] * axes[2])
            values.append(rays[:, axis] * cam_m[:, 2] - cam_m[:, axis])
    a, b = np.concatenate(rows), np.concatenate(values)
    if not (np.isfinite(a).all() and np.isfinite(b).all()) or np.linalg.matrix_rank(a) < 3:
        return None
    shift: np.ndarray = np.linalg.lstsq(a, b, rcond=None)[0]
    off = np.abs(a @ shift - b)
    near = off <= np.quantile(off, 2 / 3)
    shift = np.linalg.lstsq(a[near], b[near], rcond=None)[0]
    return shift
