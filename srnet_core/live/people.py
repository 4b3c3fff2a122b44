"""Live lifting person by person: a line of keypoints in, a line with the pose out."""

import json
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import srnet_core
from srnet_core.errors import ArrayError, SrnetError
from srnet_core.files import without_nan
from srnet_core.inference.arguments import checked_image_size
from srnet_core.inference.lifter import Lifter
from srnet_core.keypoints import Keypoints
from srnet_core.keypoints.tracks import Track
from srnet_core.layouts import Layout, get_layout
from srnet_core.lifting.lift import warnings_of
from srnet_core.lifting.people import ASSUMED_FPS, FRAMES_OF_REFERENCE
from srnet_core.lifting.smoothing import OneEuro, live_filter
from srnet_core.live.lines import LineFrame, LineSettings, points_of, read_line

MOST_PEOPLE = 64  # the one who was not seen for longest is forgotten
_WATCHED_FRAMES = 30
Answer = dict[str, Any]


@dataclass(frozen=True)
class _Setup:
    """What holds for all people of a stream."""

    lifter: Lifter
    image_size: tuple[float, float]
    layout: Layout
    flip: bool
    longest_gap: int  # frames
    smooth_hz: float | None
    fps: float


class LiveLifter:
    """Lifts people line by line; the lines are told in docs/live.md.

    Every line is answered by one line: a pose, the reason why there is none, an error, or the settings. A network that
    looks `delay_frames` ahead answers a frame when that many more frames of the same person have come; `finish` gives
    the rest. Poses are those that `lift` gives for whole recordings, except where a joint is missing: what comes after
    a gap is not known yet, so the joint keeps its place on the body.

    Args:
        lifter: the network.
        layout: which joint stands where in a line; by default it is told by a line, or by the number of joints.
        image_size: (width, height) in pixels; by default a line tells it.
        fps: frames per second; by default a line tells it, else 30 is assumed.
        fill_s: for how long a missing joint keeps its place, in seconds.
        model: name of the network, for the settings.
        smooth: "one-euro", with its minimum cutoff in Hz or not, e.g. "one-euro:1.5"; `None` does not smooth.

    >>> import srnet_core as srnet
    >>> live = LiveLifter(srnet.Lifter.open(device="cpu"), image_size=(1000, 1000))
    >>> live.answer(b'{"keypoints": "none"}')
    [{'line': 1, 'error': '"keypoints" and "confidence" must be lists'}]
    """

    def __init__(
        self,
        lifter: Lifter,
        *,
        layout: Layout | None = None,
        image_size: tuple[float, float] | None = None,
        fps: float | None = None,
        fill_s: float = 0.2,
        model: str = "",
        smooth: str | None = None,
    ):
        self._smooth_hz: float | None = None
        self._smoothing = "none"
        if smooth is not None:
            self._smooth_hz, self._smoothing = live_filter(smooth)
        self._lifter, self._fill_s, self._model = lifter, fill_s, model
        self._settings = LineSettings(layout, checked_image_size(image_size), fps)
        self._setup: _Setup | None = None
        self._people: OrderedDict[str, _Person] = OrderedDict()
        self._watch: _Watch | None = _Watch()
        receptive_field = lifter.network.receptive_field
        self.delay_frames = 0 if lifter.network.config.causal else receptive_field // 2
        self.lines = self.poses = self.empty = self.errors = self.forgotten = 0

    def about(self) -> Answer:
        """What the first line of the output tells: the settings, in the words of `.jsonl` files, and the delay."""
        fps, size = self._settings.fps, self._settings.image_size
        notes = [] if fps else [f"The frame rate is unknown: {ASSUMED_FPS:g} is assumed for the length of gaps."]
        return {
            "program": f"srnet {srnet_core.__version__}",
            "model": self._model,
            "source": "live",
            "fps": fps,
            "image_size_px": None if size is None else list(size),
            "layout": self._settings.layout.name if self._settings.layout else None,
            "axes": FRAMES_OF_REFERENCE["root"],
            "units": "m",
            "frame_of_reference": "root",
            "smoothing": self._smoothing,
            "joints": list(self._lifter.skeleton.joint_names),
            "parents": list(self._lifter.skeleton.parents),
            "delay_frames": self.delay_frames,
            "delay_ms": round(1000 * self.delay_frames / (fps or ASSUMED_FPS)),
            "notes": notes,
        }

    def answer(self, line: bytes) -> list[Answer]:
        """Take a line. The answers are those that are known now: usually one, none while a network looks ahead.

        An empty line has no answer, but it counts where lines are named by their numbers.
        """
        self.lines += 1
        if not line.strip():
            return []
        where: Answer = {}
        try:
            settings, frame = read_line(line)
            if frame is not None:
                where = {"frame": frame.number, "person": frame.person}
            answers = self._change(settings)
            return [*answers, *(self._take(frame) if frame is not None else [self.about()])]
        except SrnetError as error:
            self.errors += 1
            text = f"{error.what}. {error.todo}" if error.todo else error.what
            if error.where is not None:
                text = f"{error.where}: {text}"
            return [{"line": self.lines, **{k: v for k, v in where.items() if v is not None}, "error": text[:500]}]

    def finish(self) -> list[Answer]:
        """The answers that are still missing when no more lines come."""
        answers = [answer for person in self._people.values() for answer in self._counted(person.finish())]
        self._people.clear()
        return answers

    def warnings(self) -> list[str]:
        """What looks wrong with the first frames, told once; an empty list until enough have come."""
        if self._watch is None or not self._watch.full:
            return []
        return self.last_warnings()

    def last_warnings(self) -> list[str]:
        """What looks wrong with the frames so far, if that was not told yet."""
        watch, self._watch = self._watch, None
        return watch.warnings(self._settings) if watch is not None else []

    def _change(self, settings: LineSettings) -> list[Answer]:
        """Use the settings of a line from now on. Other settings end what the people have been doing so far."""
        given = {name: value for name in ("layout", "image_size", "fps") if (value := getattr(settings, name))}
        changed = replace(self._settings, **given)
        if changed == self._settings:
            return []
        self._settings, self._setup = changed, None
        return self.finish()

    def _take(self, frame: LineFrame) -> list[Answer]:
        points, layout = points_of(frame, self._settings.layout)
        setup = self._ready(layout)
        person, answers = self._person(frame.person, setup)
        if self._watch is not None:
            self._watch.add(frame.person, points, layout)
        return [*answers, *self._counted(person.take(frame.number, points))]

    def _ready(self, layout: Layout) -> _Setup:
        if self._setup is None:
            size = self._settings.image_size
            if size is None:
                raise ArrayError(
                    "the image size is unknown, and a pose depends on it",
                    todo='Say it with --image-size or "image_size_px" in a line',
                )
            names = self._lifter.skeleton.joint_names
            if not layout.weights and layout.joints != names:
                raise ArrayError(f"the layout {layout.name} cannot give the joints of the network")
            if not self._lifter.skeleton.name.startswith("h36m17") and layout.joints != names:
                raise ArrayError(f"the network sees other joints: {', '.join(names)}")
            fps = self._settings.fps or ASSUMED_FPS
            self._settings = replace(self._settings, layout=layout)
            gap = int(self._fill_s * fps + 1e-6)
            self._setup = _Setup(self._lifter, size, layout, self._lifter.flip, gap, self._smooth_hz, fps)
        return self._setup

    def _person(self, name: str, setup: _Setup) -> tuple["_Person", list[Answer]]:
        """The person of that name, and the last answers of one who is forgotten for it."""
        if name in self._people:
            self._people.move_to_end(name)
            return self._people[name], []
        answers: list[Answer] = []
        if len(self._people) >= MOST_PEOPLE:
            _, forgotten = self._people.popitem(last=False)
            answers = self._counted(forgotten.finish())
            self.forgotten += 1
        self._people[name] = _Person(name, setup)
        return self._people[name], answers

    def _counted(self, answers: list[Answer]) -> list[Answer]:
        poses = sum(answer["joints_m"] is not None for answer in answers)
        self.poses += poses
        self.empty += len(answers) - poses
        return answers


class _Person:
    """One person of a stream: the past of the network, and where each joint was last."""

    def __init__(self, name: str, setup: _Setup):
        self._name, self._setup = name, setup
        self._joints = setup.lifter.skeleton.joint_names
        self._live = setup.lifter.stream(image_size=setup.image_size, flip=setup.flip)
        # an answer, `None` for a frame between two lines, which nobody asked for; and frames since the one before
        self._waiting: deque[tuple[Answer | None, int]] = deque()
        self._filter = None if setup.smooth_hz is None else OneEuro(setup.smooth_hz, setup.fps)
        self._ever = np.zeros(setup.layout.num_joints, bool)
        self._matrix: np.ndarray | None = None
        self._begin()

    def _begin(self) -> None:
        self._last: np.ndarray | None = None  # (17, 2), the joints of the last frame that was lifted
        self._unseen = np.zeros(len(self._joints), int)  # for how many frames each joint has been missing

    def take(self, number: int | None, points: np.ndarray) -> list[Answer]:
        """A frame (J, 2) in the layout of the stream -> the answers that are known now."""
        steps = self._steps(number)
        joints_px = self._network_joints(points)
        missing = np.isnan(joints_px[:, 0])
        answer: Answer = {"frame": self._number, "person": self._name, "joints_m": None}
        answers: list[Answer] = []
        if steps > self._setup.longest_gap + 1:
            answers = self.finish()
        self._unseen = np.where(missing, self._unseen + steps, 0)
        before = self._last
        if missing.any():
            answer["missing"] = [self._joints[j] for j in np.flatnonzero(missing)]
            if before is None or self._unseen.max() > self._setup.longest_gap:
                return [*answers, *self.finish(), answer]
            joints_px = _held(joints_px, missing, before)
        if before is not None and self._setup.lifter.network.receptive_field > 1:
            for step in range(1, steps):
                between = before + (joints_px - before) * (step / steps)
                answers += self._push(between, None)
            steps = 1
        self._last = joints_px
        return [*answers, *self._push(joints_px, answer, steps if before is not None else 1)]

    def finish(self) -> list[Answer]:
        """The answers to the frames that the network has not answered yet; the next frame begins anew."""
        poses_m = self._live.flush()
        waiting, self._waiting = self._waiting, deque()
        self._begin()
        found = [(answer, self._smoothed(pose, steps)) for (answer, steps), pose in zip(waiting, poses_m)]
        if self._filter is not None:
            self._filter.reset()
        return [_with_pose(answer, pose) for answer, pose in found if answer is not None]

    def _push(self, joints_px: np.ndarray, answer: Answer | None, steps: int = 1) -> list[Answer]:
        self._waiting.append((answer, steps))
        pose_m = self._live.push(joints_px)
        if pose_m is None:
            return []
        answer, steps = self._waiting.popleft()
        pose_m = self._smoothed(pose_m, steps)
        return [] if answer is None else [_with_pose(answer, pose_m)]

    def _smoothed(self, pose_m: np.ndarray, steps: int) -> np.ndarray:
        if self._filter is None:
            return pose_m
        return self._filter.push(pose_m.reshape(-1), steps).reshape(pose_m.shape)

    _number = -1

    def _steps(self, number: int | None) -> int:
        """Frames since the last line of this person; a number that does not grow begins a new clip."""
        before, self._number = self._number, self._number + 1 if number is None else number
        return self._number - before if self._number > before else 1 << 53

    def _network_joints(self, points: np.ndarray) -> np.ndarray:
        """(J, 2) of the layout -> (17, 2) of the network. A joint made of several is missing where one of them is."""
        if self._setup.layout.joints == self._joints:
            return points.astype(np.float32)
        there = ~np.isnan(points[:, 0])
        if self._matrix is None or (there & ~self._ever).any():
            self._ever |= there
            never = np.flatnonzero(~self._ever)
            self._matrix = self._setup.layout.without(set(never.tolist())).matrix()
        uses = self._matrix != 0
        lost = (uses @ ~there) | ~uses.any(axis=1)
        joints_px = (self._matrix @ np.where(there[:, None], points, 0)).astype(np.float32)
        joints_px[lost] = np.nan
        return joints_px


def _held(joints_px: np.ndarray, missing: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Missing joints where they were on the body, which has moved as the other joints did on average."""
    moved = (joints_px - before)[~missing]
    shift = moved.mean(axis=0) if len(moved) else np.zeros(2, np.float32)
    return np.where(missing[:, None], before + shift, joints_px)


def _with_pose(answer: Answer, pose_m: np.ndarray) -> Answer:
    answer["joints_m"] = np.round(pose_m.astype(np.float64), 5).tolist()
    if "missing" in answer:
        answer["filled"] = answer.pop("missing")
    return answer


class _Watch:
    """The first frames of the first person, to be checked once."""

    def __init__(self) -> None:
        self._person, self._layout = "", get_layout("h36m17")
        self._frames: list[np.ndarray] = []

    @property
    def full(self) -> bool:
        """Whether there are enough frames."""
        return len(self._frames) >= _WATCHED_FRAMES

    def add(self, person: str, points: np.ndarray, layout: Layout) -> None:
        """Keep a frame, if it is of the first person and there are not enough."""
        if not self._frames:
            self._person, self._layout = person, layout
        if not self.full and person == self._person and layout.name == self._layout.name:
            self._frames.append(points.astype(np.float32))

    def warnings(self, settings: LineSettings) -> list[str]:
        """See `lifting.lift.warnings_of`."""
        if not self._frames:
            return []
        points = np.stack(self._frames)
        confidence = (~np.isnan(points[..., 0])).astype(np.float32)
        frames, joints = confidence.shape
        track = Track(self._person, points, confidence, np.zeros((frames, joints), bool), np.zeros(frames, bool))
        width, height = settings.image_size or (0, 0)
        keypoints = Keypoints(
            tracks=(track,),
            frame_count=frames,
            layout=self._layout,
            joint_names=self._layout.joints,
            units="px",
            fps=settings.fps,
            image_size=(round(width), round(height)),
            origins={},
            source="live",
            format="live",
        )
        return warnings_of(keypoints)


def line_of(answer: Mapping[str, Any]) -> bytes:
    """An answer as a line of JSON, with its line feed."""
    return json.dumps(without_nan(answer), allow_nan=False).encode() + b"\n"
