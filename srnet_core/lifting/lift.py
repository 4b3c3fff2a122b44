"""From keypoints of a tool to 3D poses: joints brought to the network's, gaps filled or kept, person by person.

Networks that look at several frames are used at the frame rate that they were trained at: keypoints are brought to it,
and the poses back, both by cubics through the frames.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.geometry.camera import Camera, estimated_camera
from srnet_core.inference.lifter import Lifter
from srnet_core.inference.readings import SIDES_TEXT
from srnet_core.keypoints import Keypoints, check
from srnet_core.keypoints.check import TOO_FAST, Problem, cut_off, sides_told, too_fast_text
from srnet_core.keypoints.read import UNKNOWN
from srnet_core.keypoints.relayout import to_layout, with_joints
from srnet_core.keypoints.tracks import Track
from srnet_core.lifting.people import ASSUMED_FPS, LiftedPeople, LiftedPerson, runs_of
from srnet_core.lifting.world import likely_up
from srnet_core.mocap.resample import SAME_RATE, positions_at, resample

_SHORT_GAP = 10  # frames that are filled before left and right are looked at
_TOLD_BY_LIFT = "missing"  # kind of problems: `lift` tells who has no pose because of them
_LISTED = 4  # people without some poses, who are named one by one

Progress = Callable[[int, int], None]


def lift(
    keypoints: Keypoints,
    lifter: Lifter,
    *,
    fill_s: float = 0.2,
    camera: Camera | None = None,
    on_floor: bool = True,
    model: str = "",
    progress: Progress = lambda done, total: None,
) -> LiftedPeople:
    """Lift every person of a recording.

    Each stretch in which all joints of a person are known is lifted by itself; between stretches there is no pose.

    Args:
        keypoints: from `read_keypoints`, in pixels.
        fill_s: longest gap of a joint that is filled by a straight line, in seconds, at 30 frames per second where
            the rate is unknown.
        camera: of the recording; by default it is estimated from the image size where one is needed.
        on_floor: see `LiftedPeople`.
        model: name of the network for the files that are written.
        progress: called with frames done and frames in all.

    Raises:
        ConfigError: no people, no image size, joints that cannot be brought to the network's, or no frame in which all
            joints of a person are known.
    """
    if not keypoints.tracks:
        raise ConfigError("there is nobody in these keypoints", where=keypoints.source)
    size = keypoints.image_size
    if size is None or keypoints.units != "px":
        raise ConfigError(
            "the image size is unknown, and a pose depends on it",
            where=keypoints.source,
            todo="Give the width and height of the video in pixels",
        )
    ready = _joints_of(keypoints, lifter)
    if keypoints.consecutive:
        ready = ready.fill_gaps(max_frames=int(fill_s * (ready.fps or ASSUMED_FPS) / ready.step + 1e-6))
    total, done = len(ready.tracks) * ready.frame_count, 0
    people = []
    for track in ready.tracks:
        people.append(_lift_track(track, ready, lifter, size, camera))
        done += ready.frame_count
        progress(done, total)
    notes = [  # the most important first
        *_pose_notes(people, ready),
        *_rate_notes(keypoints, lifter),
        *(note for note in ready.notes if note != UNKNOWN.format("fps")),
        *_resampled_notes(keypoints, lifter),
    ]
    kept = tuple(person for person in people if person.lifted.any())
    if not kept:
        raise ConfigError(
            "no frame has all joints of a person",
            where=keypoints.source,
            todo=_never_found(ready) or "Fill longer gaps, or use another detector",
        )
    lifted = LiftedPeople(
        people=kept,
        skeleton=lifter.skeleton,
        fps=keypoints.fps,
        image_size=size,
        frame_numbers=keypoints.frame_numbers,
        source=keypoints.source,
        model=model,
        camera=camera or estimated_camera(size),
        camera_known=camera is not None,
        on_floor=on_floor,
        step=keypoints.step,
        notes=tuple(notes),
        error_bound_factors=lifter.calibration.factors if lifter.calibration is not None else (),
    )
    return replace(lifted, up=likely_up(lifted)) if keypoints.consecutive else lifted


def warnings_of(keypoints: Keypoints, lifter: Lifter | None = None, *, mistakes_only: bool = False) -> list[str]:
    """What looks wrong with keypoints before they are lifted, one sentence each; each kind once for each person.

    Args:
        lifter: with which to look for people who make a better body with left and right exchanged, where neither their
            faces nor their feet tell the sides, or with another scale.
        mistakes_only: leave out frames in which a tool was wrong, e.g. a joint that jumps.
    """
    problems: dict[tuple[str, str], list[Problem]] = {}
    for problem in check(keypoints, needed=None if lifter is None else _needed(keypoints, lifter)):
        if problem.kind != _TOLD_BY_LIFT and (problem.mistake or not mistakes_only):
            problems.setdefault((problem.kind, problem.person), []).append(problem)
    ordered = sorted(problems.values(), key=lambda alike: not alike[0].mistake)  # mistakes of the whole input first
    mistaken = {alike[0].person for alike in ordered if alike[0].mistake}
    likelier = []
    if lifter is not None and keypoints.image_size is not None and keypoints.consecutive:
        for track in _joints_of(keypoints, lifter).fill_gaps(max_frames=_SHORT_GAP).tracks:
            start, stop = max(_stretches(track, True), key=lambda run: run[1] - run[0], default=(0, 0))
            points, size = track.points[start:stop], keypoints.image_size
            given = track_of(keypoints, track.name)
            if stop == start or cut_off(keypoints, given) or track.name in mistaken:
                continue
            rate = None if keypoints.fps is None else keypoints.fps / keypoints.step
            for text in lifter.likelier_readings(points, image_size=size, fps=rate):
                if text != SIDES_TEXT or sides_told(keypoints, given) is None:
                    likelier.append(f"Person {track.name}: {text}")
    of_the_whole = [_sentence(alike) for alike in ordered if alike[0].mistake]
    return [*of_the_whole, *likelier, *(_sentence(alike) for alike in ordered if not alike[0].mistake)]


def _sentence(alike: Sequence[Problem]) -> str:
    """One sentence for all findings of one kind about one person."""
    first = alike[0]
    who = f"Person {first.person}" if first.person else "All people"
    text = first.text
    if first.kind == TOO_FAST:
        text = too_fast_text(tuple(dict.fromkeys(joint for problem in alike for joint in problem.joints)))
    if first.first_frame is None:
        return f"{who}: {text}"
    more = f" and {len(alike) - 1} more times" if len(alike) > 2 else " and once more" if len(alike) == 2 else ""
    return f"{who}, frame {first.first_frame}{more}: {text}"


def track_of(keypoints: Keypoints, name: str) -> Track:
    """The track of that name."""
    return next(track for track in keypoints.tracks if track.name == name)


def _joints_of(keypoints: Keypoints, lifter: Lifter) -> Keypoints:
    """The keypoints with the joints of the network, in its order."""
    names = lifter.seen.joint_names
    if keypoints.joint_names == names:
        return keypoints
    if lifter.seen is not lifter.skeleton:
        return to_layout(keypoints, lifter.seen.name)
    if lifter.skeleton.name.startswith("h36m17"):
        return keypoints.to_h36m17()
    if set(names) <= set(keypoints.joint_names or ()):
        return with_joints(keypoints, names)
    raise ConfigError(
        f"the network sees the joints of {lifter.seen.name}, and these keypoints have others",
        where=keypoints.source,
        todo=f"Give a file that names yours in the same way, layout='MINE.toml'. Its joints: {', '.join(names)}",
    )


def _needed(keypoints: Keypoints, lifter: Lifter) -> set[int] | None:
    """Indices of the joints that the network's are made of; `None` where nobody knows, or all are."""
    if keypoints.joint_names == lifter.seen.joint_names or keypoints.layout is None:
        return None
    if lifter.seen is lifter.skeleton and lifter.skeleton.name.startswith("h36m17"):
        return {joint for row in keypoints.layout.weights.values() for joint in row}
    return None


def _lift_track(
    track: Track, keypoints: Keypoints, lifter: Lifter, size: tuple[int, int], camera: Camera | None
) -> LiftedPerson:
    joints_m = np.full((len(track.points), lifter.skeleton.num_joints, 3), np.nan, np.float32)
    error_mm = np.full(joints_m.shape[:2], np.nan, np.float32) if lifter.calibration is not None else None
    rates = _rates(keypoints, lifter)
    for start, stop in _stretches(track, keypoints.consecutive):
        points = track.points[start:stop]
        at_rate = points if rates is None else resample(points, *rates).astype(np.float32)
        places = np.arange(len(points)) * (rates[1] / rates[0] if rates else 1.0)  # of the frames in `at_rate`
        if error_mm is None:
            poses_m = lifter(at_rate, image_size=size, camera=camera, check="off")
        else:
            poses_m, expected_mm, _ = lifter.with_errors(at_rate, image_size=size, camera=camera, check="off")
            error_mm[start:stop] = expected_mm[np.minimum(np.rint(places).astype(int), len(at_rate) - 1)]
        joints_m[start:stop] = poses_m if rates is None else positions_at(poses_m, places)
    return LiftedPerson(
        track.name,
        joints_m,
        _shown(track, keypoints, lifter),
        np.asarray(track.filled.any(axis=1)),
        expected_error_mm=error_mm,
    )


def _shown(track: Track, keypoints: Keypoints, lifter: Lifter) -> np.ndarray:
    """(T, J, 2) the keypoints of the joints that the network predicts."""
    if lifter.seen is lifter.skeleton:
        return track.points
    return track_of(to_layout(keypoints, lifter.skeleton.name), track.name).points


def _rates(keypoints: Keypoints, lifter: Lifter) -> tuple[float, float] | None:
    """Frame rates of the keypoints and of the network; `None` where the frames can be lifted as they are."""
    if lifter.receptive_field == 1 or not keypoints.consecutive or not lifter.fps or not keypoints.fps:
        return None
    rate = keypoints.fps / keypoints.step
    return None if abs(rate / lifter.fps - 1) <= SAME_RATE else (rate, lifter.fps)


def _rate_notes(keypoints: Keypoints, lifter: Lifter) -> list[str]:
    """What is assumed where a frame rate is unknown."""
    if not keypoints.consecutive:
        return []
    several = lifter.receptive_field > 1
    if keypoints.fps is None:
        lifted = f", and the network's {lifter.fps:g} for lifting" if several and lifter.fps else ""
        note = f"The frame rate is unknown: {ASSUMED_FPS:g} is assumed for the length of gaps and for pages{lifted}."
        return [f"{note} Give it with fps=."]
    if several and not lifter.fps:
        return ["The checkpoint does not tell the frame rate it was trained at: it is taken for that of the keypoints."]
    return []


def _resampled_notes(keypoints: Keypoints, lifter: Lifter) -> list[str]:
    """What was done about a frame rate that is not the network's."""
    if rates := _rates(keypoints, lifter):
        return [f"Lifted at {rates[1]:g} frames per second, the rate of the network, and brought back to {rates[0]:g}."]
    return []


def _pose_notes(people: Sequence[LiftedPerson], keypoints: Keypoints) -> list[str]:
    """Who is not lifted, or not in all frames; of many people only how many."""
    nowhere, partly = [], []
    for person in people:
        frames, seen = int(person.lifted.sum()), int(track_of(keypoints, person.name).present.sum())
        if not frames:
            where = "in the only frame in which the person is seen" if seen == 1 else f"in each of {seen} frames"
            nowhere.append(f"Person {person.name} is not lifted: joints are missing {where}.")
        elif frames < seen:
            partly.append(f"Person {person.name} has no pose in {seen - frames} of {seen} frames: joints are missing.")
    if len(nowhere) + len(partly) <= _LISTED:
        return [*nowhere, *partly]
    parts = [(nowhere, "are not lifted"), (partly, "have no pose in some frames")]
    told = " and ".join(f"{len(names)} {what}" for names, what in parts if names)
    return [f"Of {len(people)} people {told}: joints are missing."]


def _stretches(track: Track, consecutive: bool) -> list[tuple[int, int]]:
    """(first, after last) of the frames with all joints; single images by themselves."""
    whole = np.asarray(~track.missing.any(axis=1))
    return runs_of(whole) if consecutive else [(int(i), int(i) + 1) for i in np.flatnonzero(whole)]


def _never_found(keypoints: Keypoints) -> str:
    """Which joints no frame has."""
    names = keypoints.joint_names or ()
    lost = [name for j, name in enumerate(names) if all(track.missing[:, j].all() for track in keypoints.tracks)]
    return f"Never found: {', '.join(lost)}" if lost else ""
