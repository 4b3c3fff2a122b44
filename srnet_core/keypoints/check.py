"""What is wrong with 2D keypoints, by person and frame."""

from dataclasses import dataclass

import numpy as np

from srnet_core.keypoints._swaps import find_swaps
from srnet_core.keypoints.tracks import Keypoints, Track
from srnet_core.layouts import Layout, layouts_of_count
from srnet_core.layouts.geometry import decide, fit

_MARGIN = 0.1  # of the image, how far a joint may lie outside
_JUMP = 0.6  # of the size of the person, from one frame to the next
_SEVERAL = 0.5  # share of the joints that jump together
_FASTEST_SIZES_PER_S = 12.0
_MOST_MISSING = 0.5
_IMPLAUSIBLE = 0.6
_UPSIDE_DOWN = 0.8  # share of the frames


@dataclass(frozen=True)
class Problem:
    """One finding.

    Attributes:
        kind: "outside image", "jump", "swapped sides", "upside down", "wrong layout", "missing", "too fast".
        person: name of the track, "" for all.
        first_frame, last_frame: numbers as in the file; `None` where the whole sequence is meant.
        text: one sentence.
    """

    kind: str
    person: str
    first_frame: int | None
    last_frame: int | None
    text: str
    sequence: str = ""


def check(keypoints: Keypoints) -> list[Problem]:
    """All problems of a recording, person by person; an empty list where nothing stands out."""
    problems = _of_layout(keypoints)
    for track in keypoints.tracks:
        problems += _missing(keypoints, track)
        problems += _outside(keypoints, track)
        problems += _upside_down(keypoints, track)
        if keypoints.consecutive:
            jumps = _jumps(keypoints, track)
            problems += jumps
            problems += _too_fast(keypoints, track)
            problems += _swapped(keypoints, track)
    return problems


def _problem(keypoints: Keypoints, kind: str, track: Track | None, frames, text: str) -> Problem:
    numbers = keypoints.frame_numbers
    first, last = (int(numbers[frames[0]]), int(numbers[frames[1]])) if frames else (None, None)
    return Problem(kind, track.name if track else "", first, last, text, keypoints.sequence)


def _runs(frames: np.ndarray) -> list[tuple[int, int]]:
    """[(first, last)] of neighbouring frame indices."""
    if not len(frames):
        return []
    cuts = np.flatnonzero(np.diff(frames) > 1)
    firsts, lasts = np.concatenate([[0], cuts + 1]), np.concatenate([cuts, [len(frames) - 1]])
    return [(int(frames[a]), int(frames[b])) for a, b in zip(firsts, lasts)]


def _of_layout(keypoints: Keypoints) -> list[Problem]:
    if keypoints.layout is None or not keypoints.tracks:
        return []
    points = np.concatenate([t.points[t.present] for t in keypoints.tracks[:10]])
    own = fit(points, keypoints.layout)
    better, _ = decide(points, layouts_of_count(keypoints.num_joints))
    if better is not None and better.name != keypoints.layout.name and fit(points, better).misfit < 0.7 * own.misfit:
        text = f"The bones fit the layout {better.name}, not {keypoints.layout.name}."
        return [_problem(keypoints, "wrong layout", None, None, text)]
    if _IMPLAUSIBLE < own.misfit < np.inf:
        text = f"With the layout {keypoints.layout.name} the bones do not have the proportions of a person."
        return [_problem(keypoints, "wrong layout", None, None, text)]
    return []


def _missing(keypoints: Keypoints, track: Track) -> list[Problem]:
    missing = track.missing
    present = track.present
    problems = []
    if present.any() and (share := missing[present].mean()) > _MOST_MISSING:
        text = f"{share:.0%} of the joints are missing in the frames where the person is seen."
        problems.append(_problem(keypoints, "missing", track, None, text))
    if keypoints.joint_names and present.any():
        never = [n for n, lost in zip(keypoints.joint_names, missing[present].all(axis=0)) if lost]
        if never and len(never) < len(keypoints.joint_names):
            text = f"Never found: {', '.join(never[:12])}{' ...' if len(never) > 12 else ''}."
            problems.append(_problem(keypoints, "missing", track, None, text))
    return problems


def _outside(keypoints: Keypoints, track: Track) -> list[Problem]:
    if keypoints.image_size is None or keypoints.units != "px":
        return []
    size = np.array(keypoints.image_size)
    with np.errstate(invalid="ignore"):
        beyond = (track.points < -_MARGIN * size) | (track.points > (1 + _MARGIN) * size)  # (T, J, 2)
    text = f"Joints lie outside the image of {size[0]} x {size[1]} pixels."
    return [
        _problem(keypoints, "outside image", track, run, text) for run in _runs(np.flatnonzero(beyond.any(axis=(1, 2))))
    ]


def _upside_down(keypoints: Keypoints, track: Track) -> list[Problem]:
    if keypoints.layout is None:
        return []
    heads = _mean_y(track, keypoints.layout, ("head_top", "head", "nose", "upper_neck"))
    feet = _mean_y(track, keypoints.layout, ("left_ankle", "right_ankle", "left_hip", "right_hip"))
    known = np.isfinite(heads) & np.isfinite(feet)
    if known.sum() < 3 or (heads[known] > feet[known]).mean() < _UPSIDE_DOWN:
        return []
    text = "The head is below the hips in most frames: y may point up instead of down."
    return [_problem(keypoints, "upside down", track, None, text)]


def _mean_y(track: Track, layout: Layout, parts: tuple[str, ...]) -> np.ndarray:
    """(T,) mean y of the joints of these parts; NaN where none is found."""
    joints = [i for i, part in enumerate(layout.parts) if part in parts]
    y = track.points[:, joints, 1]
    there = ~np.isnan(y)
    count = there.sum(axis=1)
    return np.where(count > 0, np.where(there, y, 0).sum(axis=1) / np.maximum(count, 1), np.nan)


def _steps(track: Track) -> np.ndarray:
    """(T - 1, J) how far each joint moves from frame to frame, in sizes of the person."""
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.nanmedian(track.sizes) if track.present.any() else np.nan
        return np.linalg.norm(np.diff(track.points, axis=0), axis=-1) / size


def _jumps(keypoints: Keypoints, track: Track) -> list[Problem]:
    with np.errstate(invalid="ignore"):
        steps = _steps(track)
        known = np.isfinite(steps).sum(axis=1)
        far = (steps > _JUMP).sum(axis=1)
    found = np.flatnonzero((known > 0) & (far >= _SEVERAL * known)) + 1
    return [
        _problem(keypoints, "jump", track, run, "The person jumps from one frame to the next.") for run in _runs(found)
    ]


def _too_fast(keypoints: Keypoints, track: Track) -> list[Problem]:
    if keypoints.fps is None:
        return []
    with np.errstate(invalid="ignore"):
        speeds = _steps(track) * keypoints.fps / keypoints.step
        fast = np.isfinite(speeds) & (speeds > _FASTEST_SIZES_PER_S)
    frames = np.flatnonzero(fast.any(axis=1)) + 1
    names = keypoints.joint_names or tuple(map(str, range(speeds.shape[1])))
    problems = []
    for first, last in _runs(frames):
        joints = [names[j] for j in np.flatnonzero(fast[first - 1 : last].any(axis=0))[:6]]
        text = f"Faster than {_FASTEST_SIZES_PER_S:.0f} body sizes a second: {', '.join(joints)}."
        problems.append(_problem(keypoints, "too fast", track, (first, last), text))
    return problems


def _swapped(keypoints: Keypoints, track: Track) -> list[Problem]:
    if keypoints.layout is None:
        return []
    order = find_swaps(track.points, keypoints.layout)
    moved = order != np.arange(order.shape[1])
    problems = []
    for first, last in _runs(np.flatnonzero(moved.any(axis=1))):
        joints = np.flatnonzero(moved[first : last + 1].any(axis=0))
        names = [keypoints.layout.joints[j] for j in joints[:6]]
        text = f"Left and right look exchanged: {', '.join(names)}{' ...' if len(joints) > 6 else ''}."
        problems.append(_problem(keypoints, "swapped sides", track, (first, last), text))
    return problems
