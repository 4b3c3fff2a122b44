"""What is wrong with a person in space, by sequence and frame."""

from collections.abc import Sequence

import numpy as np

from srnet_core.keypoints.check import Problem
from srnet_core.mocap import size
from srnet_core.mocap.body import SKELETON_BONES, Body
from srnet_core.motion import METRES_PER_UNIT
from srnet_core.skeletons.h36m17 import JOINTS

_STATURES_M = (0.9, 2.4)  # of a person, children included
_FASTEST_M_PER_S = 15.0  # half of the body, from one frame to the next
_FARTHEST_M = 0.3  # from one frame to the next where the frame rate is unknown
_SPIKE_M, _SPIKE_M_PER_S2 = 0.3, 400.0
_STRETCH, _STRETCH_M = 0.3, 0.05
_UNEVEN = 0.15
_FROZEN_S, _FROZEN_FRAMES = 0.5, 25
_MOST_MISSING = 0.5
_LIMBS = (("Hip", "Knee"), ("Knee", "Foot"), ("Shoulder", "Elbow"), ("Elbow", "Wrist"))
_MOST_RUNS = 20  # of one kind in one sequence; what follows is counted


def check_body(body: Body) -> list[Problem]:
    """All problems of one person in one sequence; an empty list where nothing stands out.

    Kinds: "wrong unit", "wrong axis", "upside down", "swapped sides", "missing", "jump", "spike", "bone length",
    "uneven sides", "frozen", "flat", "no person". Frames count from 0.
    """
    if not body.motion.frames:
        return [_problem(body, "missing", None, "There are no frames.")]
    problems = _missing(body)
    if body.poses is None:
        return [*problems, _problem(body, "no person", None, f"The 17 joints cannot be made. {_reason(body)}")]
    poses = body.poses
    whole = poses[np.isfinite(poses).all((1, 2))]
    if not len(whole):
        return [*problems, _problem(body, "missing", None, "No frame has all of the 17 joints.")]
    extent = np.ptp(whole, axis=(0, 1))
    if extent.max() <= 0 or extent.min() <= 1e-9 * extent.max():
        return [*problems, _problem(body, "flat", None, "All points lie in one plane: this is 2D, not 3D.")]
    problems += _unit(body, whole)
    problems += _axis(body)
    if body.metres is None:
        return problems
    poses_m = poses * body.metres
    problems += _swapped(body)
    problems += _jumps(body, poses_m)
    problems += _spikes(body, poses_m)
    problems += _bones(body, poses_m)
    problems += _frozen(body)
    return problems


def _reason(body: Body) -> str:
    return body.notes[-1] if body.notes else "Its points are not those of a body."


def _problem(body: Body, kind: str, frames: tuple[int, int] | None, text: str) -> Problem:
    first, last = frames if frames else (None, None)
    return Problem(kind, "", first, last, text, body.name)


def _runs(body: Body, kind: str, frames: np.ndarray, text: str) -> list[Problem]:
    """One problem for each run of neighbouring frames; of very many the first, and how many more there are."""
    if not len(frames):
        return []
    cuts = np.flatnonzero(np.diff(frames) > 1)
    firsts, lasts = np.concatenate([[0], cuts + 1]), np.concatenate([cuts, [len(frames) - 1]])
    runs = [(int(frames[a]), int(frames[b])) for a, b in zip(firsts, lasts)]
    found = [_problem(body, kind, run, text) for run in runs[:_MOST_RUNS]]
    if len(runs) > _MOST_RUNS:
        rest = (runs[_MOST_RUNS][0], runs[-1][1])
        found.append(_problem(body, kind, rest, f"{len(runs) - _MOST_RUNS} more of the same."))
    return found


def _missing(body: Body) -> list[Problem]:
    missing = ~np.isfinite(body.motion.positions).all(-1)
    if body.motion.format == "positions_3d" and missing.any():
        text = "Numbers are not finite. A data set must not have missing joints."
        return _runs(body, "missing", np.flatnonzero(missing.any(axis=1)), text)
    if missing.size and missing.mean() > _MOST_MISSING:
        return [_problem(body, "missing", None, f"{missing.mean():.0%} of the points are missing.")]
    return []


def _unit(body: Body, whole: np.ndarray) -> list[Problem]:
    height = size.stature(whole)
    stated = body.motion.metres_per_unit
    if not np.isfinite(height) or height <= 0:
        return []
    fitting = [name for name, metres in METRES_PER_UNIT.items() if size.SHORTEST_M <= height * metres <= size.TALLEST_M]
    would_be = f"; in {fitting[0]} it would be {height * METRES_PER_UNIT[fitting[0]]:.2f} m" if fitting else ""
    if stated is not None and not _STATURES_M[0] <= height * stated <= _STATURES_M[1]:
        unit = body.motion.units or "stated"
        text = f"The unit is {unit}, and the person would be {height * stated:.4g} m tall{would_be}."
        return [_problem(body, "wrong unit", None, text)]
    if stated is None and body.metres is None:
        return [_problem(body, "wrong unit", None, f"A person {height:.4g} units tall is in no known unit a person.")]
    return []


def _axis(body: Body) -> list[Problem]:
    """The published layout has z up; other formats may have any axis up."""
    if body.motion.format != "positions_3d" or body.up in (None, "z"):
        return []
    if body.up == "-z":
        return [_problem(body, "upside down", None, "The heads are below the feet: z points down instead of up.")]
    hint = ", as in the space of a camera" if body.up == "-y" else ""
    return [_problem(body, "wrong axis", None, f"The axis that points up is {body.up}{hint}; in this layout it is z.")]


def _swapped(body: Body) -> list[Problem]:
    poses_m = body.poses_m
    if poses_m is None or not size.looks_mirrored(poses_m[np.isfinite(poses_m).all((1, 2))]):
        return []
    text = "Knees bend backwards in most frames: left and right are exchanged, or the space is mirrored."
    return [_problem(body, "swapped sides", None, text)]


def _jumps(body: Body, poses_m: np.ndarray) -> list[Problem]:
    steps = np.linalg.norm(np.diff(poses_m, axis=0), axis=-1)  # (T - 1, 17)
    limit_m = _FASTEST_M_PER_S / body.motion.fps if body.motion.fps else _FARTHEST_M
    known = np.isfinite(steps)
    far = (np.where(known, steps, 0) > limit_m).sum(axis=1)
    frames = np.flatnonzero((far > 0) & (far >= 0.5 * known.sum(axis=1))) + 1
    return _runs(body, "jump", frames, "The person is somewhere else from one frame to the next.")


def _spikes(body: Body, poses_m: np.ndarray) -> list[Problem]:
    """Single joints that leave the line between their neighbours in time by more than muscles can do."""
    if len(poses_m) < 3:
        return []
    fps = body.motion.fps
    limit_m = max(_SPIKE_M, _SPIKE_M_PER_S2 / fps**2 / 2) if fps else _SPIKE_M
    away = np.linalg.norm(poses_m[1:-1] - (poses_m[:-2] + poses_m[2:]) / 2, axis=-1)
    # the frames beside one that flies away are off the line, too: the farthest is meant
    padded = np.pad(np.nan_to_num(away), ((1, 1), (0, 0)))
    farthest_there = (away >= padded[:-2]) & (away >= padded[2:])
    wild = np.isfinite(away) & (away > limit_m) & farthest_there
    wild &= wild.sum(axis=1, keepdims=True) < 0.5 * len(JOINTS)  # else it is a jump
    problems = []
    for joint in np.flatnonzero(wild.any(axis=0)):
        farthest = float(away[wild[:, joint], joint].max())
        text = f"{JOINTS[joint]} is up to {farthest:.2f} m away from the line between its neighbours in time."
        problems += _runs(body, "spike", np.flatnonzero(wild[:, joint]) + 1, text)
    return problems


def _bones(body: Body, poses_m: np.ndarray) -> list[Problem]:
    problems = []
    medians: dict[tuple[str, str], float] = {}
    for parent, child in SKELETON_BONES:
        lengths = np.linalg.norm(poses_m[:, parent] - poses_m[:, child], axis=-1)
        seen = lengths[np.isfinite(lengths)]
        if not len(seen):
            continue
        middle = float(np.median(seen))
        medians[JOINTS[parent], JOINTS[child]] = middle
        wrong = np.isfinite(lengths) & (np.abs(lengths - middle) > max(_STRETCH * middle, _STRETCH_M))
        if wrong.any():
            text = f"The bone from {JOINTS[parent]} to {JOINTS[child]} is {seen.min():.2f} to {seen.max():.2f} m long."
            problems += _runs(body, "bone length", np.flatnonzero(wrong), text)
    return problems + _uneven(body, medians)


def _uneven(body: Body, medians: dict[tuple[str, str], float]) -> list[Problem]:
    found: Sequence[tuple[str, float, float]] = [
        (f"{a} to {b}", medians[f"L{a}", f"L{b}"], medians[f"R{a}", f"R{b}"])
        for a, b in _LIMBS
        if (f"L{a}", f"L{b}") in medians and (f"R{a}", f"R{b}") in medians
    ]
    return [
        _problem(body, "uneven sides", None, f"{name} has {left:.2f} m on the left and {right:.2f} m on the right.")
        for name, left, right in found
        if abs(left - right) > max(_UNEVEN * max(left, right), 0.03)
    ]


def _frozen(body: Body) -> list[Problem]:
    """Stretches in which no coordinate changes at all, in a take that moves."""
    positions = body.motion.positions
    same = (np.diff(positions, axis=0) == 0).all((1, 2))
    if same.all() or not same.any():
        return []
    shortest = round(_FROZEN_S * body.motion.fps) if body.motion.fps else _FROZEN_FRAMES
    edges = np.flatnonzero(np.diff(np.concatenate([[False], same, [False]]).astype(np.int8)))
    return [
        _problem(body, "frozen", (int(a), int(b)), "Nothing moves at all: a frame was repeated.")
        for a, b in zip(edges[::2], edges[1::2])
        if b - a >= max(2, shortest)
    ][:_MOST_RUNS]
