"""From keypoints of a tool to 3D poses: joints brought to the network's, gaps filled or kept, person by person."""

from collections.abc import Callable

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.geometry.camera import Camera
from srnet_core.inference.lifter import Lifter
from srnet_core.keypoints import Keypoints, check
from srnet_core.keypoints.tracks import Track
from srnet_core.lifting.people import ASSUMED_FPS, LiftedPeople, LiftedPerson

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
        camera: of the recording, for normalizations that need one.
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
        ready = ready.fill_gaps(max_frames=int(fill_s * (ready.fps or ASSUMED_FPS) + 1e-6))
    total, done = len(ready.tracks) * ready.frame_count, 0
    people = []
    for track in ready.tracks:
        people.append(_lift_track(track, ready, lifter, size, camera))
        done += ready.frame_count
        progress(done, total)
    notes = list(ready.notes)
    if keypoints.fps is None and keypoints.consecutive:
        notes.append(f"The frame rate is unknown: {ASSUMED_FPS:g} is assumed for the length of gaps and for a page.")
    for person in people:
        frames, seen = int(person.lifted.sum()), int(track_of(ready, person.name).present.sum())
        if frames < seen:
            notes.append(f"Person {person.name}: {seen - frames} of {seen} frames have joints missing and no pose.")
    kept = tuple(person for person in people if person.lifted.any())
    if not kept:
        raise ConfigError(
            "no frame has all joints of a person",
            where=keypoints.source,
            todo=_never_found(ready) or "Fill longer gaps, or use another detector",
        )
    return LiftedPeople(
        people=kept,
        skeleton=lifter.skeleton,
        fps=keypoints.fps,
        image_size=size,
        frame_numbers=keypoints.frame_numbers,
        source=keypoints.source,
        model=model,
        on_floor=on_floor,
        notes=tuple(notes),
    )


def warnings_of(keypoints: Keypoints) -> list[str]:
    """What looks wrong with keypoints before they are lifted, one sentence each; each kind once for each person."""
    found: dict[tuple[str, str], str] = {}
    for problem in check(keypoints):
        who = f"Person {problem.person}" if problem.person else "All people"
        when = f", frame {problem.first_frame}" if problem.first_frame is not None else ""
        found.setdefault((problem.kind, problem.person), f"{who}{when}: {problem.text}")
    return list(found.values())


def track_of(keypoints: Keypoints, name: str) -> Track:
    """The track of that name."""
    return next(track for track in keypoints.tracks if track.name == name)


def _joints_of(keypoints: Keypoints, lifter: Lifter) -> Keypoints:
    """The keypoints with the joints of the network, in its order."""
    names = lifter.skeleton.joint_names
    if keypoints.joint_names == names:
        return keypoints
    if lifter.skeleton.name.startswith("h36m17"):
        return keypoints.to_h36m17()
    raise ConfigError(
        f"the network sees the joints of {lifter.skeleton.name}, and these keypoints have others",
        where=keypoints.source,
        todo=f"Its joints: {', '.join(names)}",
    )


def _lift_track(
    track: Track, keypoints: Keypoints, lifter: Lifter, size: tuple[int, int], camera: Camera | None
) -> LiftedPerson:
    joints_m = np.full((*track.points.shape[:2], 3), np.nan, np.float32)
    for start, stop in _stretches(track, keypoints.consecutive):
        points = track.points[start:stop]
        joints_m[start:stop] = lifter(points, image_size=size, camera=camera)
    return LiftedPerson(track.name, joints_m, track.points, np.asarray(track.filled.any(axis=1)))


def _stretches(track: Track, consecutive: bool) -> list[tuple[int, int]]:
    """(first, after last) of the frames with all joints; single images by themselves."""
    whole = ~track.missing.any(axis=1)
    if not consecutive:
        return [(int(i), int(i) + 1) for i in np.flatnonzero(whole)]
    edges = np.diff(np.concatenate([[0], whole.astype(np.int8), [0]]))
    return [(int(a), int(b)) for a, b in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1))]


def _never_found(keypoints: Keypoints) -> str:
    """Which joints no frame has."""
    names = keypoints.joint_names or ()
    lost = [name for j, name in enumerate(names) if all(track.missing[:, j].all() for track in keypoints.tracks)]
    return f"Never found: {', '.join(lost)}" if lost else ""
