"""The likely reason why 3D and 2D do not fit, found by trying: each candidate undoes one mistake that people make.

A candidate is a change of the 3D, the 2D or the cameras. It is taken if the data fit much better with it than without.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from srnet_core.data_check._candidate import Candidate, Reason, error_of, project
from srnet_core.data_check._reasons_2d import (
    of_frames,
    of_image_sizes,
    of_joint_orders,
    of_layouts,
    of_other_takes,
    of_pixels,
    of_sides,
)
from srnet_core.data_check._reasons_3d import of_axes, of_camera_space, of_places, of_relative_roots, of_units
from srnet_core.data_check._reasons_cameras import of_cameras, of_orientations
from srnet_core.data_check.sample import View
from srnet_core.geometry.skeleton import Skeleton

MOST_VIEWS = 30
_EVERY = 2  # of the frames of a view: trying reasons needs fewer than finding out that there is one
OF_CAMERAS = (
    "cameras permuted",
    "quaternion order",
    "orientation",
    "other resolution",
    "crop",
    "place",
)  # kinds of reasons
_CLEARLY_BETTER = 0.4  # of the error before
_SIMPLER = 1.15  # an earlier candidate is kept unless a later one is better than that
_GOOD = 0.01  # of the person's size: no later candidate can be better
_FAIR, _FAIR_EXACT = 0.12, 0.04  # of the person's size, which detections and projections are within


def find_reason(
    views: Sequence[View], every_view: Sequence[View], skeleton: Skeleton, *, exact: bool = False
) -> Reason | None:
    """The reason why these views do not fit; `None` if no candidate makes them fit.

    Args:
        views: those that do not fit.
        every_view: all views of the data set, for cameras of other subjects and 2D of other takes.
        exact: the 2D is not detected but seen by the cameras, so that it fits nearly exactly once a mistake is undone.
    """
    chosen = np.random.default_rng(0).permutation(len(views))[:MOST_VIEWS]  # at random: of every camera
    views = [views[i].every(min(_EVERY, len(views[i].rows))) for i in sorted(chosen)]
    fair = _FAIR_EXACT if exact else _FAIR
    with np.errstate(all="ignore"):
        before = error_of([(project(v.own_camera, v.world_m), v.px) for v in views])[0]
        best: tuple[float, Reason] | None = None
        for candidate in _candidates(views, every_view, skeleton):
            was = error_of(candidate.before())[0] if candidate.before else before
            most = min(_CLEARLY_BETTER * was, fair, best[0] / _SIMPLER if best else np.inf)
            share, error_px = error_of(candidate.pairs(), views=len(views), most=most)
            if share > most:
                continue
            best = share, Reason(candidate.kind, candidate.text, candidate.todo, error_px, share)
            if share < _GOOD:
                break
    return best[1] if best else None


def _candidates(views: list[View], every_view: Sequence[View], skeleton: Skeleton) -> Iterator[Candidate]:
    yield from of_sides(views, skeleton)
    yield from of_pixels(views, skeleton)
    yield from of_units(views)
    yield from of_camera_space(views)
    yield from of_relative_roots(views, skeleton)
    yield from of_orientations(views)
    yield from of_cameras(views, every_view)
    yield from of_frames(views)
    yield from of_axes(views)
    yield from of_image_sizes(views)
    yield from of_places(views)
    yield from of_joint_orders(views, skeleton)
    yield from of_layouts(views, skeleton)
    yield from of_other_takes(views, every_view)
