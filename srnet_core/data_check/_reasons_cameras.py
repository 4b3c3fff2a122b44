"""Mistakes in the cameras: their order, their orientations."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np

from srnet_core.data_check._candidate import Candidate, error_of, of_seen, project
from srnet_core.data_check.sample import View
from srnet_core.errors import SrnetError
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.rotation import quaternion_inverse, quaternion_to_matrix

_MOST_RIGS = 12


def of_cameras(views: Sequence[View], every_view: Sequence[View]) -> Iterator[Candidate]:
    """The cameras of a subject in another order, or of another subject."""
    places = sorted({(v.subject, v.camera) for v in views})
    best: dict[tuple[str, int], int] = {}
    for subject, camera in places:
        own = [v for v in views if (v.subject, v.camera) == (subject, camera)]
        errors = [error_of([(project(c, v.world_m), v.px) for v in own])[0] for c in own[0].rig]
        best[subject, camera] = int(np.argmin(errors))
    moved = {place: k for place, k in best.items() if k != place[1]}
    subjects = {subject for subject, _ in places}
    orders = {tuple((c, best[s, c]) for s, c in places if s == subject) for subject in subjects}
    injective = all(len({k for _, k in order}) == len(order) for order in orders)
    if moved and injective:
        order = sorted(moved.items())[:4]
        listed = ", ".join(f"view {c} of {s} is of camera {k}" for (s, c), k in order)
        yield Candidate(
            "cameras permuted",
            f"the 2D views are in another order than the cameras: {listed}{' ...' if len(moved) > 4 else ''}",
            "Give the views of each take in the order of the subject's cameras",
            of_seen(views, lambda v: project(v.rig[best[v.subject, v.camera]], v.world_m)),
        )
    rigs: dict[tuple[Camera, ...], str] = {}
    for v in every_view:
        rigs.setdefault(tuple(v.rig), v.subject)
    if len(rigs) > 1:
        for rig, subject in list(rigs.items())[:_MOST_RIGS]:
            yield Candidate(
                "cameras permuted",
                f"the cameras of {', '.join(sorted(subjects)[:4])} are those of {subject}",
                "Give each subject its own cameras",
                of_seen(views, partial(_with_rig, rig=rig)),
            )


def _with_rig(view: View, rig: Sequence[Camera]) -> np.ndarray | None:
    return project(rig[view.camera], view.world_m) if view.camera < len(rig) else None


def of_orientations(views: Sequence[View]) -> Iterator[Candidate]:
    """Quaternions with w last, rotations from world to camera, translations that are not the camera's centre."""
    for last, inverse, extrinsic in product((False, True), repeat=3):
        if not (last or inverse or extrinsic):
            continue
        wrong = [
            *(["the quaternions of the cameras have w last, not first"] if last else []),
            *(["the orientations rotate from world to camera, not from camera to world"] if inverse else []),
            *(["the translations are those of p_cam = R p + t, not the centres of the cameras"] if extrinsic else []),
        ]
        yield Candidate(
            "quaternion order" if last else "orientation",
            ", and ".join(wrong),
            "orientation is a quaternion (w, x, y, z) from camera to world, translation the camera's centre in metres",
            of_seen(views, partial(_with_corrected, last=last, inverse=inverse, extrinsic=extrinsic)),
        )


def _with_corrected(view: View, last: bool, inverse: bool, extrinsic: bool) -> np.ndarray:
    return project(_corrected(view.own_camera, last, inverse, extrinsic), view.world_m)


def _corrected(camera: Camera, last: bool, inverse: bool, extrinsic: bool) -> Camera:
    q = np.array(camera.orientation)
    q = q[[3, 0, 1, 2]] if last else q
    q = quaternion_inverse(q) if inverse else q
    place = np.array(camera.translation_m)
    if extrinsic:  # p_cam = R p + t with R = R(q)^T, so the centre is -R^T t
        place = -quaternion_to_matrix(q) @ place
    try:
        return replace(camera, orientation=tuple(q), translation_m=tuple(place))
    except SrnetError:
        return camera
