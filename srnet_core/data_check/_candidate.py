"""Candidates for the reason why 3D and 2D do not fit: a change of the data, and how well they fit with it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from srnet_core.data_check.sample import View
from srnet_core.geometry.camera import Camera

# For each view what its camera sees and where the 2D is, (F, J, 2) each; `None` where the change is not possible. They
# are computed one by one, as most candidates are given up after half of them.
Pairs = Iterable[tuple[np.ndarray, np.ndarray] | None]


@dataclass(frozen=True)
class Reason:
    """A change that makes 3D and 2D fit.

    Attributes:
        text: what is wrong, as the end of "Likely reason: ...".
        todo: what to do about it, one sentence without a full stop.
        error_px: the median distance that remains.
        share: it as a share of the person's size.
        kind: a short name of it: "camera space", "units", "axes", ...
    """

    kind: str
    text: str
    todo: str
    error_px: float
    share: float


@dataclass(frozen=True)
class Candidate:
    """A change that may make 3D and 2D fit; `kind`, `text` and `todo` as in `Reason`.

    Attributes:
        pairs: computes what the cameras see and where the 2D is, with the change.
        before: the same without the change, where only some of the joints are compared; `None` for all joints.
    """

    kind: str
    text: str
    todo: str
    pairs: Callable[[], Pairs]
    before: Callable[[], Pairs] | None = None


def project(camera: Camera, world_m: np.ndarray) -> np.ndarray:
    """(F, J, 3) world -> (F, J, 2) px; NaN where a point is not in front of the camera."""
    return project_cam(camera, camera.world_to_camera(world_m))


def project_cam(camera: Camera, cam_m: np.ndarray) -> np.ndarray:
    """(F, J, 3) in camera axes -> (F, J, 2) px; NaN where a point is not in front of the camera."""
    px: np.ndarray = np.where(cam_m[..., 2:] > 1e-9, camera.project(cam_m), np.nan)
    return px


def distances(seen_px: np.ndarray, px: np.ndarray) -> np.ndarray:
    """(F, J) distances, in which a point that no camera sees is very far away."""
    far: np.ndarray = np.linalg.norm(seen_px - px, axis=-1)
    return np.where(np.isfinite(far), far, 1e9)


def typical(far_px: np.ndarray) -> float:
    """The median over the frames of the mean over the joints of (F, J) distances: a few wrong joints count, a few wrong
    frames do not."""
    return _median(far_px.mean(-1))


def size_of(px: np.ndarray) -> float:
    """The larger side of the box around the joints, the median over (F, J, 2) frames."""
    return _median((px.max(1) - px.min(1)).max(-1))


def _median(values: np.ndarray) -> float:
    """`np.median` of a few numbers, the same bits, in a tenth of its time."""
    ordered = np.sort(values)
    return float((ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2)


def error_of(pairs: Pairs, *, views: int = 0, most: float = np.inf) -> tuple[float, float]:
    """(share of the person's size, px): medians over the views of their `typical` distances.

    Args:
        views: the number of pairs, where `most` is given.
        most: a share above this one is not of interest: it may be given as infinite as soon as it is known to be above.
    """
    found: list[tuple[float, float]] = []
    above = 0
    for pair in pairs:
        if pair is None:
            return np.inf, np.inf
        seen, px = pair
        known = np.isfinite(px).all((1, 2))
        if not known.any():
            return np.inf, np.inf
        far = typical(distances(seen[known], px[known]))
        share = far / max(size_of(px[known]), 1e-9)
        found.append((share, far))
        above += share > most
        if above > views // 2 and most < np.inf:
            return np.inf, np.inf
    share, error_px = np.median(np.array(found), axis=0)
    return float(share), float(error_px)


def of_world(views: Sequence[View], change: Callable[[View], np.ndarray]) -> Callable[[], Pairs]:
    """The pairs after a change of the 3D."""
    return lambda: ((project(v.own_camera, change(v)), v.px) for v in views)


def of_seen(views: Sequence[View], see: Callable[[View], np.ndarray | None]) -> Callable[[], Pairs]:
    """The pairs where the 3D is seen in another way; `see` gives `None` where it cannot be."""

    def pairs() -> Iterator[tuple[np.ndarray, np.ndarray] | None]:
        for v in views:
            points = see(v)
            yield None if points is None else (points, v.px)

    return pairs
