"""The likely reason why 3D and 2D do not fit, found by trying: each candidate undoes one mistake that people make.

A candidate is a change of the 3D, the 2D or the cameras. It is taken if the data fit much better with it than without.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import permutations, product

import numpy as np

from srnet_core.data_check.sample import View
from srnet_core.errors import SrnetError
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.rotation import quaternion_inverse, quaternion_to_matrix, rotate
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layouts import layouts_of_count

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
_MOST_RIGS = 12
_CLEARLY_BETTER = 0.4  # of the error before
_SIMPLER = 1.15  # an earlier candidate is kept unless a later one is better than that
_GOOD = 0.01  # of the person's size: no later candidate can be better
_FAIR = 0.12  # of the person's size, which detections are within
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
_RATES = (2.0, 3.0, 4.0, 5.0, 6.0, 2.5, 1.2, 1.25, 5 / 3, 10 / 3, 25 / 24, 0.5, 1 / 3, 0.25)
_SHIFTS = (1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 8, -8, 10, -10, 15, -15, 20, -20, 25, -25, 50, -50)
_AXES = "xyz"
_LEAST_SHARED = 8  # joints that a layout and a skeleton share, from which on their order can be compared
_PERSON_M = (0.4, 3.0)  # the 3D is not the one with the wrong unit if that would make it another size


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


# For each view what its camera sees and where the 2D is, (F, J, 2) each; `None` where the change is not possible.
Pairs = Sequence[tuple[np.ndarray, np.ndarray] | None]


@dataclass(frozen=True)
class _Candidate:
    kind: str
    text: str
    todo: str
    pairs: Callable[[], Pairs]


def find_reason(views: Sequence[View], every_view: Sequence[View], skeleton: Skeleton) -> Reason | None:
    """The reason why these views do not fit; `None` if no candidate makes them fit.

    Args:
        views: those that do not fit.
        every_view: all views of the data set, for cameras of other subjects.
    """
    chosen = np.random.default_rng(0).permutation(len(views))[:MOST_VIEWS]  # at random: of every camera
    views = [views[i].every(_EVERY) for i in sorted(chosen)]
    with np.errstate(all="ignore"):
        before = _error([(project(v.own_camera, v.world_m), v.px) for v in views])[0]
        best: tuple[float, Reason] | None = None
        for candidate in _candidates(views, every_view, skeleton):
            share, error_px = _error(candidate.pairs())
            if share > min(_CLEARLY_BETTER * before, _FAIR) or (best and share * _SIMPLER > best[0]):
                continue
            best = share, Reason(candidate.kind, candidate.text, candidate.todo, error_px, share)
            if share < _GOOD:
                break
    return best[1] if best else None


def project(camera: Camera, world_m: np.ndarray) -> np.ndarray:
    """(F, J, 3) world -> (F, J, 2) px; NaN where a point is not in front of the camera."""
    return _project_cam(camera, camera.world_to_camera(world_m))


def _project_cam(camera: Camera, cam_m: np.ndarray) -> np.ndarray:
    px: np.ndarray = np.where(cam_m[..., 2:] > 1e-9, camera.project(cam_m), np.nan)
    return px


def distances(seen_px: np.ndarray, px: np.ndarray) -> np.ndarray:
    """(F, J) distances, in which a point that no camera sees is very far away."""
    far: np.ndarray = np.linalg.norm(seen_px - px, axis=-1)
    return np.where(np.isfinite(far), far, 1e9)


def typical(far_px: np.ndarray) -> float:
    """The median over the frames of the mean over the joints of (F, J) distances: a few wrong joints count, a few wrong
    frames do not."""
    return float(np.median(far_px.mean(-1)))


def size_of(px: np.ndarray) -> float:
    """The larger side of the box around the joints, the median over (F, J, 2) frames."""
    return float(np.median(np.ptp(px, axis=1).max(-1)))


def _error(pairs: Pairs) -> tuple[float, float]:
    """(share of the person's size, px): medians over the views of their `typical` distances."""
    found = []
    for pair in pairs:
        if pair is None:
            return np.inf, np.inf
        seen, px = pair
        known = np.isfinite(px).all((1, 2))
        if not known.any():
            return np.inf, np.inf
        far = typical(distances(seen[known], px[known]))
        found.append((far / max(size_of(px[known]), 1e-9), far))
    share, error_px = np.median(np.array(found), axis=0)
    return float(share), float(error_px)


def _candidates(views: list[View], every_view: Sequence[View], skeleton: Skeleton) -> Iterator[_Candidate]:
    yield from _of_sides(views, skeleton)
    yield from _of_pixels(views)
    yield from _of_units(views)
    yield from _of_camera_space(views)
    yield from _of_relative_roots(views, skeleton)
    yield from _of_cameras(views, every_view)
    yield from _of_orientations(views)
    yield from _of_frames(views)
    yield from _of_axes(views)
    yield from _of_image_sizes(views)
    yield from _of_places(views)
    yield from _of_joint_orders(views, skeleton)
    yield from _of_layouts(views, skeleton)


def _world(views: Sequence[View], change: Callable[[View], np.ndarray]) -> Callable[[], Pairs]:
    """The pairs after a change of the 3D."""
    return lambda: [(project(v.own_camera, change(v)), v.px) for v in views]


def _seen(views: Sequence[View], see: Callable[[View], np.ndarray | None]) -> Callable[[], Pairs]:
    """The pairs where the 3D is seen in another way; `see` gives `None` where it cannot be."""

    def pairs() -> Pairs:
        points = [see(v) for v in views]
        return [None if p is None else (p, v.px) for p, v in zip(points, views)]

    return pairs


def _of_sides(views: Sequence[View], skeleton: Skeleton) -> Iterator[_Candidate]:
    if skeleton.left:
        mirror = list(skeleton.mirror)
        yield _Candidate(
            "sides",
            "left and right are exchanged between 3D and 2D",
            "Exchange the left and right joints of one of them",
            _world(views, lambda v: v.world_m[:, mirror]),
        )
    yield _Candidate(
        "reversed joints",
        "the joints of the 2D are in the reverse order of those of the 3D",
        "Give both the same order",
        _world(views, lambda v: v.world_m[:, ::-1]),
    )


def _of_pixels(views: Sequence[View]) -> Iterator[_Candidate]:
    def changed(change: Callable[[np.ndarray, Camera], np.ndarray]) -> Callable[[], Pairs]:
        return lambda: [(project(v.own_camera, v.world_m), change(v.px, v.own_camera)) for v in views]

    def size(c: Camera) -> np.ndarray:
        return np.array([c.width_px, c.height_px], float)

    half = "normalized 2D"
    todo = "Give the 2D in pixels, with the origin in the upper left corner of the image"
    forms: tuple[tuple[str, str, Callable[[np.ndarray, Camera], np.ndarray]], ...] = (
        (half, "the 2D is normalized to [-1, 1] by the width", lambda px, c: px * c.width_px / 2 + size(c) / 2),
        (half, "the 2D is normalized to [-1, 1] by width and height", lambda px, c: (px + 1) * size(c) / 2),
        (half, "the 2D is normalized to [-1, 1] by the height", lambda px, c: px * c.height_px / 2 + size(c) / 2),
        (half, "the 2D is normalized to [0, 1]", lambda px, c: px * size(c)),
        (half, "the 2D is normalized to [0, 2] by the width", lambda px, c: px * c.width_px / 2),
        (half, "the 2D is normalized to [0, 1] by the width", lambda px, c: px * c.width_px),
        (
            half,
            "the 2D is divided by the focal length, as rays x/z and y/z",
            lambda px, c: px * c.focal_length_px + np.array(c.center_px),
        ),
        ("origin of 2D", "the origin of the 2D is the middle of the image", lambda px, c: px + size(c) / 2),
        ("origin of 2D", "the origin of the 2D is the principal point", lambda px, c: px + np.array(c.center_px)),
        ("axes of 2D", "x and y of the 2D are exchanged", lambda px, _: px[..., ::-1]),
        ("axes of 2D", "y of the 2D points up", lambda px, c: px * (1, -1) + (0, c.height_px)),
        ("axes of 2D", "y of the 2D points up from the upper edge", lambda px, _: px * (1, -1)),
        ("axes of 2D", "the 2D is mirrored, x points to the left", lambda px, c: px * (-1, 1) + (c.width_px, 0)),
    )
    for kind, text, change in forms:
        yield _Candidate(kind, text, todo, changed(change))


def _of_units(views: Sequence[View]) -> Iterator[_Candidate]:
    size_m = float(np.median([np.ptp(v.world_m, axis=1).max(-1).mean() for v in views]))
    for factor, text in _UNITS.items():
        if not _PERSON_M[0] <= size_m * factor <= _PERSON_M[1]:
            continue
        yield _Candidate(
            "units", text, "3D positions must be in metres", _world(views, partial(_turned, factor=factor))
        )
    for factor, unit in ((0.01, "centimetres"), (0.001, "millimetres"), (1000.0, "kilometres")):
        yield _Candidate(
            "units",
            f"the translations of the cameras are in {unit}",
            "Translations must be in metres",
            _seen(views, partial(_from_nearer, factor=factor)),
        )


def _turned(
    view: View, factor: float = 1.0, order: Sequence[int] = (0, 1, 2), signs: Sequence[int] = (1, 1, 1)
) -> np.ndarray:
    """(F, J, 3) the 3D in another unit and with other axes."""
    turned: np.ndarray = factor * view.world_m[..., list(order)] * np.array(signs)
    return turned


def _from_nearer(view: View, factor: float) -> np.ndarray:
    """(F, J, 2) what the camera sees if its translation is in another unit."""
    x, y, z = view.own_camera.translation_m
    return project(replace(view.own_camera, translation_m=(factor * x, factor * y, factor * z)), view.world_m)


def _of_camera_space(views: Sequence[View]) -> Iterator[_Candidate]:
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
            yield _Candidate(
                "camera space",
                f"the 3D is in camera space{how}{unit}, not in world coordinates",
                todo,
                _seen(views, partial(_as_camera_space, factor=factor, signs=signs)),
            )
        for index in range(max(len(v.rig) for v in views)):
            yield _Candidate(
                "camera space",
                f"the 3D is in the space of camera {index}{unit}, so in camera space, not in world coordinates",
                todo,
                _seen(views, partial(_as_space_of, index=index, factor=factor)),
            )


def _as_camera_space(view: View, factor: float, signs: Sequence[int]) -> np.ndarray:
    return _project_cam(view.own_camera, _turned(view, factor, signs=signs))


def _as_space_of(view: View, index: int, factor: float) -> np.ndarray | None:
    if index >= len(view.rig):
        return None
    return project(view.own_camera, view.rig[index].camera_to_world(factor * view.world_m))


def _of_relative_roots(views: Sequence[View], skeleton: Skeleton) -> Iterator[_Candidate]:
    """3D relative to a joint or to the middle, which is at the origin, or all joints but the root relative to it."""

    def absolute(v: View) -> np.ndarray:
        return np.concatenate([v.world_m[:, :1], v.world_m[:, 1:] + v.world_m[:, :1]], axis=1)

    todo = "Give the absolute position of every joint"
    text = "all joints but the root are relative to the root"
    yield _Candidate("root-relative", text, todo, _world(views, absolute))
    yield _Candidate(
        "root-relative",
        f"{text}, and the 3D is in camera space",
        todo,
        _seen(views, lambda v: _project_cam(v.own_camera, absolute(v))),
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
    yield _Candidate("root-relative", text, todo, _seen(views, lambda v: _placed(_to_camera_axes(v), v, joint)))
    yield _Candidate(
        "root-relative", f"{text}, in camera space", todo, _seen(views, lambda v: _placed(v.world_m, v, joint))
    )


def _largest(views: Sequence[View], of_view: Callable[[View], np.ndarray]) -> np.ndarray:
    """The elementwise maximum of what a function gives for each view."""
    return np.max([of_view(v) for v in views], axis=0)


def _to_camera_axes(view: View) -> np.ndarray:
    turned: np.ndarray = rotate(quaternion_inverse(np.array(view.own_camera.orientation)), view.world_m)
    return turned


def _placed(cam_m: np.ndarray, view: View, joint: int) -> np.ndarray:
    """(F, J, 2) where a camera sees poses with a joint put onto its pixel, at the depth that gives their size."""
    camera, root_px = view.own_camera, view.px[:, joint : joint + 1]
    cam_m = cam_m - cam_m[:, joint : joint + 1]
    spread_m = np.linalg.norm(cam_m[..., :2], axis=-1).mean(-1)  # (F,)
    spread_px = np.linalg.norm(view.px - root_px, axis=-1).mean(-1)
    focal = np.array(camera.focal_length_px)
    depth_m = (spread_m * focal.mean() / np.maximum(spread_px, 1e-9))[:, None, None]
    root_m = np.concatenate([(root_px - np.array(camera.center_px)) / focal * depth_m, depth_m], axis=-1)
    return _project_cam(camera, cam_m + root_m)


def _of_cameras(views: Sequence[View], every_view: Sequence[View]) -> Iterator[_Candidate]:
    """The cameras of a subject in another order, or of another subject."""
    places = sorted({(v.subject, v.camera) for v in views})
    best: dict[tuple[str, int], int] = {}
    for subject, camera in places:
        own = [v for v in views if (v.subject, v.camera) == (subject, camera)]
        errors = [_error([(project(c, v.world_m), v.px) for v in own])[0] for c in own[0].rig]
        best[subject, camera] = int(np.argmin(errors))
    moved = {place: k for place, k in best.items() if k != place[1]}
    subjects = {subject for subject, _ in places}
    orders = {tuple((c, best[s, c]) for s, c in places if s == subject) for subject in subjects}
    injective = all(len({k for _, k in order}) == len(order) for order in orders)
    if moved and injective:
        order = sorted(moved.items())[:4]
        listed = ", ".join(f"view {c} of {s} is of camera {k}" for (s, c), k in order)
        yield _Candidate(
            "cameras permuted",
            f"the 2D views are in another order than the cameras: {listed}{' ...' if len(moved) > 4 else ''}",
            "Give the views of each take in the order of the subject's cameras",
            _seen(views, lambda v: project(v.rig[best[v.subject, v.camera]], v.world_m)),
        )
    rigs: dict[tuple[Camera, ...], str] = {}
    for v in every_view:
        rigs.setdefault(tuple(v.rig), v.subject)
    if len(rigs) > 1:
        for rig, subject in list(rigs.items())[:_MOST_RIGS]:
            yield _Candidate(
                "cameras permuted",
                f"the cameras of {', '.join(sorted(subjects)[:4])} are those of {subject}",
                "Give each subject its own cameras",
                _seen(views, partial(_with_rig, rig=rig)),
            )


def _with_rig(view: View, rig: Sequence[Camera]) -> np.ndarray | None:
    return project(rig[view.camera], view.world_m) if view.camera < len(rig) else None


def _of_orientations(views: Sequence[View]) -> Iterator[_Candidate]:
    """Quaternions with w last, rotations from world to camera, translations that are not the camera's centre."""
    for last, inverse, extrinsic in product((False, True), repeat=3):
        if not (last or inverse or extrinsic):
            continue
        wrong = [
            *(["the quaternions of the cameras have w last, not first"] if last else []),
            *(["the orientations rotate from world to camera, not from camera to world"] if inverse else []),
            *(["the translations are those of p_cam = R p + t, not the centres of the cameras"] if extrinsic else []),
        ]
        yield _Candidate(
            "quaternion order" if last else "orientation",
            ", and ".join(wrong),
            "orientation is a quaternion (w, x, y, z) from camera to world, translation the camera's centre in metres",
            _seen(views, partial(_with_corrected, last=last, inverse=inverse, extrinsic=extrinsic)),
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


def _of_frames(views: Sequence[View]) -> Iterator[_Candidate]:
    """2D of other frames: another frame rate, or a beginning that is earlier or later."""

    def at(rows: Callable[[View], np.ndarray]) -> Callable[[], Pairs]:
        return lambda: [(project(v.own_camera, v.world_m), v.px_at(rows(v))) for v in views]

    ratios = [v.frames_2d / v.frames_3d for v in views]
    own = float(np.median(ratios))
    usual = any(abs(own / rate - 1) < 0.04 for rate in (1.0, *_RATES))
    for rate in ([] if usual else [own]) + list(_RATES):
        text = f"the 2D has {rate:.3g} times the frame rate of the 3D"
        if rate < 1:
            text = f"the 3D has {1 / rate:.3g} times the frame rate of the 2D"
        yield _Candidate(
            "frame rates",
            text,
            "Bring 3D and 2D to one frame rate",
            at(partial(_at_rate, rate=rate)),
        )
    for shift in _SHIFTS:
        late = f"{abs(shift)} frames {'later' if shift > 0 else 'earlier'}"
        yield _Candidate(
            "frame shift",
            f"the 2D shows each pose {late} than the 3D",
            "Cut the beginning of the one that starts too early",
            at(partial(_later, shift=shift)),
        )


def _at_rate(view: View, rate: float) -> np.ndarray:
    return np.round(view.rows * rate).astype(int)


def _later(view: View, shift: int) -> np.ndarray:
    rows: np.ndarray = view.rows + shift
    return rows


def _of_axes(views: Sequence[View]) -> Iterator[_Candidate]:
    """Other axes of the world, for instance y up; first without a mirroring, then with one."""
    turns = [
        (order, signs)
        for order in permutations(range(3))
        for signs in product((1, -1), repeat=3)
        if (order, signs) != ((0, 1, 2), (1, 1, 1))
    ]
    for factor, unit in (
        (1.0, ""),
        (0.001, ", and it is in millimetres"),
        (1000.0, ", and it is 1000 times too small"),
    ):
        for order, signs in sorted(turns, key=lambda turn: (_mirrors(*turn), np.sum(np.array(turn[1]) < 0))):
            up = f"{'-' if signs[2] < 0 else ''}{_AXES[order[2]]}"
            new = ", ".join(f"{'-' if s < 0 else ''}{_AXES[a]}" for a, s in zip(order, signs))
            what = f"the 3D has {up} up, the cameras have z up" if up != "z" else "the 3D is turned or mirrored"
            yield _Candidate(
                "axes" if up == "z" else "y up",
                f"{what}: it fits as ({new}){unit}",
                "3D and cameras need the same world, with z up",
                _world(views, partial(_turned, factor=factor, order=order, signs=signs)),
            )


def _mirrors(order: tuple[int, ...], signs: tuple[int, ...]) -> bool:
    matrix = np.eye(3)[list(order)] * np.array(signs)[:, None]
    return bool(np.linalg.det(matrix) < 0)


def _of_image_sizes(views: Sequence[View]) -> Iterator[_Candidate]:
    """Pixels of an image of another size, or of a part of it: a factor, or a factor and a shift for each camera."""
    places = sorted({(v.subject, v.camera) for v in views})
    seen = [project(v.own_camera, v.world_m) for v in views]
    lines = {
        place: _line([(s, v.px) for s, v in zip(seen, views) if (v.subject, v.camera) == place]) for place in places
    }
    factors = [_factor([pair]) for pair in zip(seen, (v.px for v in views))]
    factor = np.median(np.array(factors), axis=0)
    if np.isfinite(factor).all() and (factor > 0).all():
        camera = views[0].own_camera
        width, height = camera.width_px / factor[0], camera.height_px / factor[1]
        yield _Candidate(
            "other resolution",
            f"the 2D is in pixels of an image of about {width:.0f} x {height:.0f}, the cameras are for "
            f"{camera.width_px} x {camera.height_px}",
            "Give both for the same image size",
            lambda: [(s, v.px * factor) for s, v in zip(seen, views)],
        )

    def on_line(view: View) -> np.ndarray:
        slope, shift = lines[view.subject, view.camera]
        moved: np.ndarray = view.px * slope + shift
        return moved

    if all(np.isfinite(line).all() for line in lines.values()):
        slope, shift = np.median(np.array(list(lines.values())), axis=0)
        yield _Candidate(
            "crop",
            f"the 2D is in pixels of a part of the image: it fits times {slope[0]:.3g} and {slope[1]:.3g}, moved by "
            f"{shift[0]:.0f} and {shift[1]:.0f} px",
            "Give the 2D in pixels of the whole image, as the cameras are",
            lambda: [(s, on_line(v)) for s, v in zip(seen, views)],
        )


def _factor(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """(2,) factors for x and y that bring the 2D nearest to where it is seen."""
    seen, px = (np.concatenate([pair[i].reshape(-1, 2) for pair in pairs]) for i in range(2))
    ratio = np.where(np.abs(px) > 1e-9, seen / px, np.nan)
    return np.nanmedian(ratio, axis=0)


def _line(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """(2, 2): the slopes for x and y, and the shifts, of straight lines from the 2D to where it is seen."""
    seen, px = (np.concatenate([pair[i].reshape(-1, 2) for pair in pairs]) for i in range(2))
    known = np.isfinite(seen).all(-1)
    if known.sum() < 20:
        return np.full((2, 2), np.nan)
    result = np.empty((2, 2))
    for axis in range(2):
        x, y = px[known, axis], seen[known, axis]
        variance = float(np.var(x))
        slope = float(np.mean((x - x.mean()) * (y - y.mean()))) / variance if variance > 0 else np.nan
        result[:, axis] = slope, float(np.mean(y)) - slope * float(np.mean(x))
    return result


def _of_places(views: Sequence[View]) -> Iterator[_Candidate]:
    """3D that is moved by a constant: the whole data set, or each take for itself."""
    whole = _shift_of(views)
    if whole is not None:
        listed = ", ".join(f"{value:.2f}" for value in -whole)
        yield _Candidate(
            "place",
            f"the 3D is moved by ({listed}) m against the cameras: their worlds have different origins",
            "3D and cameras need the same world",
            _seen(views, partial(_moved, shifts={}, otherwise=whole)),
        )
    takes = sorted({(v.subject, v.take) for v in views})
    shifts = {take: _shift_of([v for v in views if (v.subject, v.take) == take]) for take in takes}
    if len(takes) > 1 and all(shift is not None for shift in shifts.values()):
        yield _Candidate(
            "place",
            "the 3D of each take is moved by a constant of its own, e.g. so that the take is centred",
            "Give the positions in the world of the cameras, as they were before",
            _seen(views, partial(_moved, shifts=shifts, otherwise=None)),
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


def _of_layouts(views: Sequence[View], skeleton: Skeleton) -> Iterator[_Candidate]:
    """2D in the order of a known layout; only the joints that the skeleton has too are compared."""
    joints = {name: j for j, name in enumerate(skeleton.joint_names)}
    for layout in layouts_of_count(skeleton.num_joints):
        same = [
            (joints[name], next(iter(row)))
            for name, row in layout.weights.items()
            if name in joints and len(row) == 1 and set(row.values()) == {1.0}
        ]
        ours, theirs = [j for j, _ in same], [j for _, j in same]
        if len(same) < _LEAST_SHARED or ours == theirs:
            continue
        yield _Candidate(
            "joint order",
            f"the 2D is in the order of {layout.name}",
            "Give 3D and 2D the same joints in the same order: `srnet data convert` with --to-layout h36m17 makes the "
            "17 joints of Human3.6M",
            partial(_chosen_joints, views, ours, theirs),
        )


def _chosen_joints(views: Sequence[View], ours: list[int], theirs: list[int]) -> Pairs:
    return [(project(v.own_camera, v.world_m[:, ours]), v.px[:, theirs]) for v in views]


def _of_joint_orders(views: Sequence[View], skeleton: Skeleton) -> Iterator[_Candidate]:
    """The 2D joints in any other order: each is nearest to one joint of the 3D."""
    joints = skeleton.num_joints
    if joints < 4 or any(v.px.shape[1] != v.world_m.shape[1] for v in views):
        return
    cost = np.zeros((joints, joints))
    for v in views:
        seen = project(v.own_camera, v.world_m)
        far = np.linalg.norm(seen[:, :, None] - v.px[:, None], axis=-1)  # (F, J of the 3D, J of the 2D)
        cost += np.nan_to_num(np.median(far, axis=0) / max(size_of(v.px), 1e-9), nan=1e3)
    order = cost.argmin(1)
    if len(set(order.tolist())) != joints or (order == np.arange(joints)).all():
        return
    moved = [j for j in range(joints) if order[j] != j]
    listed = ", ".join(f"{skeleton.joint_names[j]} is {order[j]}" for j in moved[:4])
    yield _Candidate(
        "joint order",
        f"the joints of the 2D are in another order: in the 2D {listed}{' ...' if len(moved) > 4 else ''}",
        "Give 3D and 2D the same joints in the same order",
        lambda: [(project(v.own_camera, v.world_m), v.px[:, order]) for v in views],
    )
