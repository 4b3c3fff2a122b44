"""Mistakes in the 2D: sides, pixels, frames, image sizes, joint orders."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from srnet_core.data_check._candidate import Candidate, Pairs, distances, error_of, of_seen, of_world, project, size_of
from srnet_core.data_check.sample import View
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layouts import layouts_of_count

_RATES = (2.0, 3.0, 4.0, 5.0, 6.0, 2.5, 1.2, 1.25, 5 / 3, 10 / 3, 25 / 24, 0.5, 1 / 3, 0.25)
_SHIFTS = (1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 8, -8, 10, -10, 15, -15, 20, -20, 25, -25, 50, -50)
_MOST_SURPLUS = 60  # frames
_NORMALIZED = 30  # pixels of a unit: 2D that fits times more is no pixels
_SAME_CENTER_PX = 5
_AS_NEAR = 0.02  # of the size of the person
_LEAST_SHARED = 8  # joints that a layout and a skeleton share, from which on their order can be compared


def of_sides(views: Sequence[View], skeleton: Skeleton) -> Iterator[Candidate]:
    if skeleton.left:
        mirror = list(skeleton.mirror)
        yield Candidate(
            "sides",
            "left and right are exchanged between 3D and 2D",
            "Exchange the left and right joints of one of them",
            of_world(views, lambda v: v.world_m[:, mirror]),
        )
        yield Candidate(
            "sides",
            "left and right are exchanged between 3D and 2D in some of the frames",
            "Exchange the left and right joints in these frames",
            of_seen(views, partial(_on_either_side, mirror=mirror)),
        )
    yield Candidate(
        "reversed joints",
        "the joints of the 2D are in the reverse order of those of the 3D",
        "Give both the same order",
        of_world(views, lambda v: v.world_m[:, ::-1]),
    )


def _on_either_side(view: View, mirror: list[int]) -> np.ndarray:
    """(F, J, 2) what the camera sees, with left and right exchanged in the frames where that is nearer to the 2D."""
    seen = project(view.own_camera, view.world_m)
    swapped = seen[:, mirror]
    nearer = distances(swapped, view.px).mean(-1) < distances(seen, view.px).mean(-1)
    chosen: np.ndarray = np.where(nearer[:, None, None], swapped, seen)
    return chosen


def of_pixels(views: Sequence[View], skeleton: Skeleton) -> Iterator[Candidate]:
    def changed(change: Callable[[np.ndarray, Camera], np.ndarray]) -> Callable[[], Pairs]:
        return lambda: ((project(v.own_camera, v.world_m), change(v.px, v.own_camera)) for v in views)

    def size(c: Camera) -> np.ndarray:
        return np.array([c.width_px, c.height_px], float)

    half, mirror = "normalized 2D", list(skeleton.mirror)
    todo = "Give the 2D in pixels, with the origin in the upper left corner of the image"
    forms: tuple[tuple[str, str, Callable[[np.ndarray, Camera], np.ndarray]], ...] = (
        (half, "the 2D is normalized to [-1, 1] by the width", lambda px, c: px * c.width_px / 2 + size(c) / 2),
        (half, "the 2D is normalized to [-1, 1] by width and height", lambda px, c: (px + 1) * size(c) / 2),
        (half, "the 2D is normalized to [-1, 1] by the height", lambda px, c: px * c.height_px / 2 + size(c) / 2),
        (half, "the 2D is normalized to [0, 1]", lambda px, c: px * size(c)),
        (half, "the 2D is normalized to [0, 2] by the width", lambda px, c: px * c.width_px / 2),
        (half, "the 2D is normalized to [0, 1] by the width", lambda px, c: px * c.width_px),
        (half, "the 2D is normalized to [-0.5, 0.5]", lambda px, c: (px + 0.5) * size(c)),
        (half, "the 2D is normalized to [-0.5, 0.5] by the width", lambda px, c: px * c.width_px + size(c) / 2),
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
        (
            "axes of 2D",
            "the 2D is of mirrored images, with left and right exchanged",
            lambda px, c: (px * (-1, 1) + (c.width_px, 0))[:, mirror],
        ),
        (
            "axes of 2D",
            "the 2D is of images turned clockwise by a quarter turn",
            lambda px, c: px[..., ::-1] * (1, -1) + (0, c.height_px),
        ),
        (
            "axes of 2D",
            "the 2D is of images turned counter-clockwise by a quarter turn",
            lambda px, c: px[..., ::-1] * (-1, 1) + (c.width_px, 0),
        ),
        ("axes of 2D", "the 2D is of images turned upside down", lambda px, c: size(c) - px),
    )
    for kind, text, change in forms:
        yield Candidate(kind, text, todo, changed(change))
    if all((v.px >= -0.01).all() and (v.px <= 1.01).all() for v in views):
        for sides, axes in (("larger side", True), ("sides", False)):
            yield Candidate(
                half,
                f"the 2D is normalized to [0, 1] by the {sides} of the box around the person",
                todo,
                partial(_in_boxes, views, axes),
            )


def _in_boxes(views: Sequence[View], by_larger: bool) -> Pairs:
    pairs = []
    for v in views:
        seen = project(v.own_camera, v.world_m)
        size = np.ptp(seen, axis=1, keepdims=True)
        size = size.max(-1, keepdims=True) if by_larger else size
        pairs.append((seen, v.px * size + seen.min(1, keepdims=True)))
    return pairs


def of_frames(views: Sequence[View]) -> Iterator[Candidate]:
    """2D of other frames: another frame rate, or a beginning that is earlier or later."""

    def at(rows: Callable[[View], np.ndarray]) -> Callable[[], Pairs]:
        return lambda: ((project(v.own_camera, v.world_m), v.px_at(rows(v))) for v in views)

    if surplus := _same_surplus(views):
        yield from _shifted(range(1, surplus + 1), at, len(views))
    ratios = [v.frames_2d / v.frames_3d for v in views]
    own = float(np.median(ratios))
    most = float(np.median([v.frames_2d / max(1, v.frames_3d - 1) for v in views]))  # of whole frames, rounded up
    usual = any(0.96 * own < rate < 1.04 * max(own, most if own > 1.5 else own) for rate in (1.0, *_RATES))
    for rate in ([] if usual else [own]) + list(_RATES):
        text = f"the 2D has {rate:.3g} times the frame rate of the 3D"
        if rate < 1:
            text = f"the 3D has {1 / rate:.3g} times the frame rate of the 2D"
        yield Candidate(
            "frame rates",
            text,
            "Bring 3D and 2D to one frame rate",
            at(partial(_at_rate, rate=rate)),
        )
    yield from _shifted(_SHIFTS, at, len(views))


def _same_surplus(views: Sequence[View]) -> int:
    """The number of frames that the 2D of takes of any length is longer than the 3D; 0 if it is not the same."""
    surplus = {v.frames_2d - v.frames_3d for v in views}
    several = len({v.frames_3d for v in views}) > 1
    return surplus.pop() if several and len(surplus) == 1 and 0 < min(surplus) <= _MOST_SURPLUS else 0


def _shifted(
    shifts: Sequence[int], at: Callable[[Callable[[View], np.ndarray]], Callable[[], Pairs]], views: int
) -> Iterator[Candidate]:
    """The shift that fits best."""
    shift, least = shifts[0], np.inf
    for tried in shifts:
        error = error_of(at(partial(_later, shift=tried))(), views=views, most=least)[0]
        if error < least:
            shift, least = tried, error
    late = f"{abs(shift)} frames {'later' if shift > 0 else 'earlier'}"
    yield Candidate(
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


def of_image_sizes(views: Sequence[View]) -> Iterator[Candidate]:
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
        yield Candidate(
            "other resolution",
            f"the 2D is in pixels of an image of about {width:.0f} x {height:.0f}, the cameras are for "
            f"{camera.width_px} x {camera.height_px}",
            "Give both for the same image size",
            lambda: ((s, v.px * factor) for s, v in zip(seen, views)),
        )

    def on_line(view: View) -> np.ndarray:
        slope, shift = lines[view.subject, view.camera]
        moved: np.ndarray = view.px * slope + shift
        return moved

    if all(np.isfinite(line).all() for line in lines.values()):
        rigs = {(v.subject, v.camera): v.own_camera for v in views}
        text, todo = _of_lines([(*line, rigs[place]) for place, line in lines.items()])
        yield Candidate(
            "crop",
            text,
            todo,
            lambda: ((s, on_line(v)) for s, v in zip(seen, views)),
        )


def _of_lines(lines: Sequence[tuple[np.ndarray, np.ndarray, Camera]]) -> tuple[str, str]:
    """(what straight lines from the 2D to where it is seen mean, what to do).

    Args:
        lines: (slopes for x and y, shifts, camera).
    """
    slope, shift = (np.median([line[i] for line in lines], axis=0) for i in range(2))
    fits = f"it fits times {slope[0]:.3g} and {slope[1]:.3g}, moved by {shift[0]:.0f} and {shift[1]:.0f} px"
    if (slope > _NORMALIZED).all():
        return f"the 2D is normalized in a way of its own: {fits}", "Give the 2D in pixels of the whole image"
    todo = "focal_length, center and the 2D must be in pixels of the same image"
    if (slope < 1 / _NORMALIZED).all():
        return "the focal lengths and centres of the cameras are not in pixels", todo
    off_px = max(float(np.abs(np.array(c.center_px) * (1 - a) - b).max()) for a, b, c in lines)
    if abs(slope[0] / slope[1] - 1) < 0.01 < abs(slope[0] - 1) and off_px < _SAME_CENTER_PX:
        return f"the focal lengths of the cameras are {slope[0]:.3g} times those that the 2D fits", todo
    return (
        f"the 2D is in pixels of a part of the image: {fits}",
        "Give the 2D in pixels of the whole image, as the cameras are",
    )


def _factor(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """(2,) factors for x and y that bring the 2D nearest to where it is seen."""
    seen, px = (np.concatenate([pair[i].reshape(-1, 2) for pair in pairs]) for i in range(2))
    ratio = np.where(np.abs(px) > 1e-9, seen / px, np.nan)
    known = ratio[np.isfinite(ratio).all(-1)]
    return np.median(known, axis=0) if len(known) else np.full(2, np.nan)


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


def of_layouts(views: Sequence[View], skeleton: Skeleton) -> Iterator[Candidate]:
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
        yield Candidate(
            "joint order",
            f"the 2D is in the order of {layout.name}",
            "Give 3D and 2D the same joints in the same order: `srnet data convert` with --to-layout h36m17 makes the "
            "17 joints of Human3.6M",
            partial(_chosen_joints, views, ours, theirs),
        )


def _chosen_joints(views: Sequence[View], ours: list[int], theirs: list[int]) -> Pairs:
    return [(project(v.own_camera, v.world_m[:, ours]), v.px[:, theirs]) for v in views]


def of_joint_orders(views: Sequence[View], skeleton: Skeleton) -> Iterator[Candidate]:
    """The 2D joints in any other order: each is nearest to one joint of the 3D.

    A joint whose own place is about as near as the nearest stays where it is: joints that nearly coincide, such as both
    ends of neighbouring segments, are not told apart by detections.
    """
    joints = skeleton.num_joints
    if joints < 4 or any(v.px.shape[1] != v.world_m.shape[1] for v in views):
        return
    cost = np.zeros((joints, joints))
    for v in views:
        seen = project(v.own_camera, v.world_m)
        far = np.linalg.norm(seen[:, :, None] - v.px[:, None], axis=-1)  # (F, J of the 3D, J of the 2D)
        cost += np.nan_to_num(np.median(far, axis=0) / max(size_of(v.px), 1e-9), nan=1e3)
    order = np.arange(joints)
    least = cost.min(1)
    moved = np.flatnonzero(np.diag(cost) > least + _AS_NEAR * len(views)).tolist()
    if not moved:
        return
    order[moved] = np.array(moved)[cost[np.ix_(moved, moved)].argmin(1)]
    if len(set(order.tolist())) != joints:
        return
    listed = ", ".join(f"{skeleton.joint_names[j]} is {order[j]}" for j in moved[:4])
    yield Candidate(
        "joint order",
        f"the joints of the 2D are in another order: in the 2D {listed}{' ...' if len(moved) > 4 else ''}",
        "Give 3D and 2D the same joints in the same order",
        lambda: _chosen_joints(views, moved, order[moved].tolist()),
        lambda: _chosen_joints(views, moved, moved),
    )


def of_other_takes(views: Sequence[View], every_view: Sequence[View]) -> Iterator[Candidate]:
    """2D of another take, or of the same take of another subject, seen by the same camera."""
    others: dict[str, View] = {}
    for v in views:
        seen = project(v.own_camera, v.world_m)
        errors = {}
        for other in every_view:
            if other.camera == v.camera and other.name != v.name and other.frames_2d > v.rows.max():
                errors[error_of([(seen, other.px_at(v.rows))])[0]] = other
        if not errors:
            return
        others[v.name] = errors[min(errors)]
    listed = [f"that of {name} is of {other.name}" for name, other in list(others.items())[:2]]
    yield Candidate(
        "takes",
        f"the 2D is of other takes: {', '.join(listed)}{' ...' if len(others) > 2 else ''}",
        "Give each take the 2D of the same take under the same name",
        lambda: ((project(v.own_camera, v.world_m), others[v.name].px_at(v.rows)) for v in views),
    )
