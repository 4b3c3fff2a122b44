"""A contact sheet: people of a recording at a glance, as one picture.

Frames at even distances (or one frame of each sequence), and below them, over time, how many joints were found, how
fast the body moves and where something looks wrong.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from srnet_core.errors import ConfigError, require_extra
from srnet_core.keypoints import Keypoints, Problem, check
from srnet_core.mocap.body import SKELETON_BONES, Body
from srnet_core.mocap.check import check_body
from srnet_core.motion import to_z_up
from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.visualization._files import write_bytes
from srnet_core.visualization._sheet import Sheet
from srnet_core.visualization._theme import LIGHT, mix

MOST_PANELS = 60
_COLUMNS, _MARGIN, _GAP = 4, 24, 12
_PANEL_WIDTH, _PANEL_HEIGHT, _LABEL = 290, 270, 26
_HEAD, _STRIP, _STRIP_GAP, _NAMES = 84, 30, 10, 120
_MOST_PEOPLE, _MOST_KINDS = 4, 6
_TURN_DEG, _TILT_DEG = 35.0, 12.0  # of the view onto people in space
_PEOPLE = ("series-0", "series-1", "series-2", "series-3", "series-4")


@dataclass(frozen=True)
class _Figure:
    """One person in one panel: (J, 2) points with y down, what joins them, and the side of each joint."""

    points: np.ndarray
    bones: Sequence[tuple[int, int]]
    sides: Sequence[str]
    strength: np.ndarray  # (J,) 0 to 1
    main: bool = True


@dataclass(frozen=True)
class _Panel:
    label: str
    note: str
    figures: Sequence[_Figure]
    dots: np.ndarray  # (N, 2) more points, drawn small
    lines: Sequence[tuple[np.ndarray, np.ndarray]] = ()  # of the floor or the edge of the image
    box: tuple[np.ndarray, np.ndarray] | None = (
        None  # the part of the plane that is shown; `None`: what the figures take
    )


@dataclass(frozen=True)
class _Strip:
    """A row over time: `values` (T,) 0 to 1 as bars or a line, or `spans` [(first, last)] of frames."""

    name: str
    unit: str
    color: str
    values: np.ndarray | None = None
    filled: bool = True
    spans: Sequence[tuple[int, int]] = field(default=())


def write_keypoints_sheet(sequences: Sequence[Keypoints], path: str | Path, *, title: str, panels: int = 12) -> Path:
    """Draw 2D keypoints: of one sequence frames at even distances, of several one frame of each.

    Args:
        panels: the most that are drawn, 1 to 60.

    Raises:
        ConfigError: there is nobody to draw, or a number of panels that cannot be.
        MissingExtraError: Pillow is not installed.
        UserMistake: the file cannot be written.
    """
    _require(panels)
    shown = [keypoints for keypoints in sequences if keypoints.tracks]
    if not shown:
        raise ConfigError("nobody is in any frame: there is nothing to draw")
    if len(shown) == 1:
        one = shown[0]
        frames = _spread(np.flatnonzero(np.any([track.present for track in one.tracks], axis=0)), panels)
        box = _box([track.points[frames].reshape(-1, 2) for track in one.tracks[:_MOST_PEOPLE]])
        drawn = [_flat_panel(one, int(frame), f"frame {one.frame_numbers[frame]}", box) for frame in frames]
        strips = _flat_strips(one)
        axis = _Axis(one.first_number, one.step, one.frame_count, one.fps, [int(f) for f in frames])
        return _write(path, title, _flat_facts(one), drawn, strips, axis)
    drawn = []
    for one in (shown[int(i)] for i in _spread(np.arange(len(shown)), panels)):
        present = np.flatnonzero(one.tracks[0].present)
        frame = int(present[len(present) // 2])
        drawn.append(_flat_panel(one, frame, one.sequence or f"frame {one.frame_numbers[frame]}", None))
    facts = f"{_flat_facts(shown[0], shown)} · {len(shown)} sequences, a frame from the middle of {len(drawn)}"
    return _write(path, title, facts, drawn, (), None)


def write_bodies_sheet(bodies: Sequence[Body], path: str | Path, *, title: str, panels: int = 12) -> Path:
    """Draw people in space, seen from the front at an angle; else as `write_keypoints_sheet`."""
    _require(panels)
    shown = [body for body in bodies if np.isfinite(body.motion.positions).all(-1).any()]
    if not shown:
        raise ConfigError("no point is in any frame: there is nothing to draw")
    if len(shown) == 1:
        one = shown[0]
        seen = np.flatnonzero(np.isfinite(one.motion.positions).all(-1).any(axis=1))
        frames = [int(frame) for frame in _spread(seen, panels)]
        scene = _Scene(one, frames)
        drawn = [scene.panel(frame, f"frame {frame}") for frame in frames]
        axis = _Axis(0, 1, one.motion.frames, one.motion.fps, frames)
        return _write(path, title, _space_facts(one), drawn, _space_strips(one), axis)
    drawn = []
    for one in (shown[int(i)] for i in _spread(np.arange(len(shown)), panels)):
        seen = np.flatnonzero(np.isfinite(one.motion.positions).all(-1).any(axis=1))
        frame = int(seen[len(seen) // 2])
        drawn.append(_Scene(one, [frame]).panel(frame, one.name))
    facts = f"{_space_facts(shown[0], shown)} · {len(shown)} sequences, a frame from the middle of {len(drawn)}"
    return _write(path, title, facts, drawn, (), None)


def _require(panels: int) -> None:
    require_extra("PIL", "viz")
    if not 1 <= panels <= MOST_PANELS:
        raise ConfigError(f"can draw 1 to {MOST_PANELS} frames, not {panels}")


def _spread(frames: np.ndarray, count: int) -> np.ndarray:
    """Up to `count` of the frames, at even distances."""
    places = np.unique(np.linspace(0, len(frames) - 1, min(count, len(frames))).round().astype(int))
    return frames[places]


# 2D


def _flat_panel(keypoints: Keypoints, frame: int, label: str, box: tuple[np.ndarray, np.ndarray] | None) -> _Panel:
    layout = keypoints.layout
    parts = layout.parts if layout else ("",) * keypoints.num_joints
    sides = [_side(part) for part in parts]
    bones = layout.bones if layout else ()
    figures, dots = [], []
    for place, track in enumerate(keypoints.tracks[:_MOST_PEOPLE]):
        points = track.points[frame].astype(np.float64)
        if np.isnan(points[:, 0]).all():
            continue
        strength = np.clip(track.confidence[frame].astype(np.float64), 0, 1)
        figures.append(_Figure(points, bones, sides, strength, place == 0))
        dots += [values[frame, :, :2].astype(np.float64) for values in track.extras.values()]
    lost = int(keypoints.tracks[0].missing[frame].sum())
    note = f"{lost} missing" if 0 < lost < keypoints.num_joints else "not seen" if lost else ""
    lines = _edges(keypoints.image_size) if keypoints.image_size and keypoints.units == "px" else ()
    return _Panel(label, note, figures, np.concatenate(dots) if dots else np.empty((0, 2)), lines, box)


def _side(part: str) -> str:
    return "left" if part.startswith("left_") else "right" if part.startswith("right_") else "middle"


def _edges(size: tuple[int, int]) -> list[tuple[np.ndarray, np.ndarray]]:
    corners = [np.array(c, np.float64) for c in ((0, 0), (size[0], 0), (size[0], size[1]), (0, size[1]))]
    return [(corners[i], corners[(i + 1) % 4]) for i in range(4)]


def _flat_facts(keypoints: Keypoints, sequences: Sequence[Keypoints] = ()) -> str:
    size = f"{keypoints.image_size[0]} x {keypoints.image_size[1]} px" if keypoints.image_size else "image size unknown"
    size += "" if keypoints.units == "px" else ", points are fractions of it"
    return " · ".join(
        [
            keypoints.format,
            keypoints.layout.name if keypoints.layout else "layout unknown",
            f"{keypoints.num_joints} joints",
            f"{sum(one.frame_count for one in sequences) or keypoints.frame_count:,} frames",
            f"{len(keypoints.tracks)} {'person' if len(keypoints.tracks) == 1 else 'people'}",
            f"{keypoints.fps:g} fps" if keypoints.fps else "frame rate unknown",
            size,
        ]
    )


def _flat_strips(keypoints: Keypoints) -> list[_Strip]:
    strips = []
    for track, color in zip(keypoints.tracks[:_MOST_PEOPLE], _PEOPLE):
        name = "joints found" if len(keypoints.tracks) == 1 else f"person {track.name}"
        found = 1 - track.missing.mean(axis=1)
        strips.append(_Strip(name, f"{found.mean():.0%} found", color, values=found))
    track = keypoints.tracks[0]
    if keypoints.consecutive and track.present.sum() > 2:
        size = float(np.nanmedian(track.sizes[track.present]))
        steps = np.linalg.norm(np.diff(track.points.astype(np.float64), axis=0), axis=-1) / max(size, 1e-9)
        rate = keypoints.fps / keypoints.step if keypoints.fps else 1.0
        strips.append(_speed(steps * rate, "sizes/s" if keypoints.fps else "sizes/frame"))
    problems = [p for p in check(keypoints) if p.person in ("", track.name)]
    return strips + _finding_strips(problems, keypoints.first_number, keypoints.step, keypoints.frame_count)


def _speed(steps: np.ndarray, unit: str) -> _Strip:
    """The mean speed of the joints over time, of (T - 1, J) distances."""
    known = np.isfinite(steps)
    speed = np.where(known, steps, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    speed = np.concatenate([speed[:1], speed])
    top = float(np.quantile(speed, 0.995)) if len(speed) else 0.0
    return _Strip("speed", f"{top:.2g} {unit}", "ink", values=np.clip(speed / max(top, 1e-9), 0, 1), filled=False)


def _finding_strips(problems: Sequence[Problem], first: int, step: int, count: int) -> list[_Strip]:
    """A row for each kind of finding; those of a whole sequence cover all of it."""
    kinds: dict[str, list[tuple[int, int]]] = {}
    for problem in problems:
        whole = problem.first_frame is None or problem.last_frame is None
        a = 0 if whole else ((problem.first_frame or 0) - first) // max(step, 1)
        b = count - 1 if whole else ((problem.last_frame or 0) - first) // max(step, 1)
        kinds.setdefault(problem.kind, []).append((max(0, a), min(count - 1, b)))
    chosen = sorted(kinds, key=lambda kind: -len(kinds[kind]))[:_MOST_KINDS]
    return [_Strip(kind, _times(kinds[kind], count), "right", spans=kinds[kind]) for kind in chosen]


def _times(spans: Sequence[tuple[int, int]], count: int) -> str:
    whole = all(span == (0, count - 1) for span in spans)
    return "throughout" if whole else "once" if len(spans) == 1 else f"{len(spans)} times"


# Space


class _Scene:
    """One body seen from the front at an angle, always from the same side and at the same scale."""

    def __init__(self, body: Body, frames: Sequence[int]):
        self.body = body
        self.points: np.ndarray
        self.poses: np.ndarray | None
        poses_m = body.poses_m
        if poses_m is not None:
            self.points, self.poses = self._upright(body), poses_m
            self.sides = [_side_of(name) for name in SKELETON.joint_names]
        else:
            self.points, self.poses = body.motion.positions, None
            self.sides = ["middle"] * len(body.motion.names)
        self.turn = self._turn(frames)
        spans = [np.ptp(seen, axis=0).max() for seen in map(_finite, self.points[list(frames)]) if len(seen)]
        self.tall = float(np.max(spans)) or 1.0

    @staticmethod
    def _upright(body: Body) -> np.ndarray:
        return to_z_up(body.motion.positions * body.metres, body.up or "z")

    def _turn(self, frames: Sequence[int]) -> np.ndarray:
        """(3, 3): world -> (right, up, towards the viewer)."""
        facing = np.array([0.0, -1.0, 0.0])
        if self.poses is not None:
            names = SKELETON.joint_names
            across = self.poses[:, names.index("LHip")] - self.poses[:, names.index("RHip")]
            across = across[list(frames)]
            across = across[np.isfinite(across).all(-1)]
            if len(across):  # the person of the first frame looks past the viewer's right shoulder
                facing = np.cross(across[0] / max(np.linalg.norm(across[0]), 1e-9), (0.0, 0.0, 1.0))
        angle = np.arctan2(facing[1], facing[0]) + np.radians(_TURN_DEG)
        tilt = np.radians(_TILT_DEG)
        towards = np.array([np.cos(angle) * np.cos(tilt), np.sin(angle) * np.cos(tilt), np.sin(tilt)])
        right = np.array([-np.sin(angle), np.cos(angle), 0.0])
        return np.stack([right, np.cross(towards, right), towards])

    def _seen(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) -> (N, 2), y down."""
        plane = points @ self.turn[:2].T
        return np.stack([plane[:, 0], -plane[:, 1]], axis=-1)

    def panel(self, frame: int, label: str) -> _Panel:
        raw = self.points[frame]
        seen = np.isfinite(raw).all(-1)
        middle = (raw[seen].min(axis=0) + raw[seen].max(axis=0)) / 2 if seen.any() else np.zeros(3)
        half = np.array([0.56, 0.56]) * self.tall
        centre = self._seen(middle[None])[0]
        if self.poses is None:
            figure = _Figure(self._seen(raw), self.body.bones, self.sides, np.ones(len(raw)))
            return _Panel(label, _lost(seen), [figure], np.empty((0, 2)), (), (centre - half, centre + half))
        pose = self.poses[frame]
        figure = _Figure(self._seen(pose), SKELETON_BONES, self.sides, np.ones(len(pose)))
        extra = self._seen(raw[seen]) if len(raw) != len(pose) else np.empty((0, 2))
        box = (centre - half, centre + half)
        return _Panel(label, _lost(seen), [figure], extra, self._floor(middle), box)

    def _floor(self, middle: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Lines every half metre on z = 0 below the person."""
        if not -0.5 < middle[2] < 2.5:
            return []
        x, y = np.round(middle[:2] * 2) / 2
        steps = np.arange(-1.0, 1.01, 0.5)
        ends = [((x - 1, y + s, 0), (x + 1, y + s, 0)) for s in steps]
        ends += [((x + s, y - 1, 0), (x + s, y + 1, 0)) for s in steps]
        return [(self._seen(np.array([a]))[0], self._seen(np.array([b]))[0]) for a, b in ends]


def _side_of(joint: str) -> str:
    return "left" if joint in SKELETON.left else "right" if joint in SKELETON.right else "middle"


def _finite(points: np.ndarray) -> np.ndarray:
    return points[np.isfinite(points).all(-1)]


def _lost(seen: np.ndarray) -> str:
    lost = int((~seen).sum())
    return f"{lost} missing" if lost else ""


def _space_facts(body: Body, bodies: Sequence[Body] = ()) -> str:
    motion = body.motion
    return " · ".join(
        [
            motion.format,
            f"mapping {body.mapping}" if body.mapping else "the 17 joints are not known",
            f"{len(motion.joints)} points",
            f"{sum(one.motion.frames for one in bodies) or motion.frames:,} frames",
            f"{motion.fps:g} fps" if motion.fps else "frame rate unknown",
            f"unit {body.unit}" if body.unit else "unit unknown",
            f"{body.up} up" if body.up else "up axis unknown",
        ]
    )


def _space_strips(body: Body) -> list[_Strip]:
    seen = np.isfinite(body.motion.positions).all(-1)
    strips = [_Strip("points found", f"{seen.mean():.0%}", "series-0", values=seen.mean(axis=1))]
    positions = body.poses * body.metres if body.poses is not None and body.metres else None
    if positions is not None and len(positions) > 2:
        steps = np.linalg.norm(np.diff(positions, axis=0), axis=-1) * (body.motion.fps or 1.0)
        strips.append(_speed(steps, "m/s" if body.motion.fps else "m/frame"))
    return strips + _finding_strips(check_body(body), 0, 1, body.motion.frames)


# Drawing


@dataclass(frozen=True)
class _Axis:
    """Time below the strips: numbers of the frames, and which frames are shown above."""

    first: int
    step: int
    count: int
    fps: float | None
    shown: Sequence[int]


def _write(
    path: str | Path,
    title: str,
    facts: str,
    panels: Sequence[_Panel],
    strips: Sequence[_Strip],
    axis: _Axis | None,
) -> Path:
    columns = min(_COLUMNS, max(2, len(panels)))
    rows = -(-len(panels) // columns)
    width = 2 * _MARGIN + columns * _PANEL_WIDTH + (columns - 1) * _GAP
    grid = rows * (_PANEL_HEIGHT + _GAP)
    below = len(strips) * (_STRIP + _STRIP_GAP) + 44 if strips else 8
    sheet = Sheet(width, _HEAD + grid + below + 2 * _MARGIN, LIGHT["page"], enlarge=2)
    _heading(sheet, title, facts, width)
    for place, panel in enumerate(panels):
        drawn = _panel(panel)
        row, column = divmod(place, columns)
        left = _MARGIN + column * (_PANEL_WIDTH + _GAP)
        sheet.paste(drawn, left, _MARGIN + _HEAD + row * (_PANEL_HEIGHT + _GAP))
    if strips and axis is not None:
        _strips(sheet, strips, axis, _MARGIN + _HEAD + grid + 8, width)
    buffer = io.BytesIO()
    sheet.finish().save(buffer, "PNG", optimize=True)
    return write_bytes(path, buffer.getvalue())


def _heading(sheet: Sheet, title: str, facts: str, width: int) -> None:
    room = width - 2 * _MARGIN
    sheet.text(_MARGIN, _MARGIN + 20, sheet.shorten(title, 22, room), 22, LIGHT["ink"], bold=True)
    sheet.text(_MARGIN, _MARGIN + 44, sheet.shorten(facts, 13, room), 13, LIGHT["muted"])
    x = float(_MARGIN)
    for side, name in (("left", "person's left"), ("right", "person's right"), ("middle", "middle")):
        sheet.disc((x + 5, _MARGIN + 61), 5, LIGHT[side])
        sheet.text(x + 15, _MARGIN + 65, name, 12, LIGHT["muted"])
        x += 35 + sheet.text_width(name, 12)


def _panel(panel: _Panel) -> Sheet:
    sheet = Sheet(_PANEL_WIDTH, _PANEL_HEIGHT, LIGHT["panel"], enlarge=2)
    box = panel.box or _box([figure.points for figure in panel.figures])
    place = _Fit(box, (_PANEL_WIDTH, _PANEL_HEIGHT - _LABEL), top=_LABEL)
    for a, b in panel.lines:
        sheet.line(place(a), place(b), 1, LIGHT["hairline"], round_ends=False)
    for dot in panel.dots[np.isfinite(panel.dots).all(axis=-1)]:
        if place.shows(dot):
            sheet.disc(place(dot), 1.6, LIGHT["floor"])
    for figure in sorted(panel.figures, key=lambda f: f.main):
        _figure(sheet, figure, place)
    # the label stands on the panel's own colour, over whatever leaves the picture
    sheet.box(0, 0, _PANEL_WIDTH, _LABEL, LIGHT["panel"])
    note = panel.note
    room = _PANEL_WIDTH - 24 - (sheet.text_width(note, 11) + 8 if note else 0)
    sheet.text(12, 18, sheet.shorten(panel.label, 12, room), 12, LIGHT["ink"], bold=True)
    if note:
        sheet.text(_PANEL_WIDTH - 12, 18, note, 11, LIGHT["muted"], anchor="rs")
    sheet.frame(LIGHT["hairline"])
    return sheet


def _figure(sheet: Sheet, figure: _Figure, place: "_Fit") -> None:
    thick = 3.0 if figure.main else 2.0
    seen = np.isfinite(figure.points).all(axis=-1)
    for a, b in figure.bones:
        if not (seen[a] and seen[b]):
            continue
        side = figure.sides[b] if figure.sides[b] != "middle" else figure.sides[a]
        color = _faded(LIGHT[side], min(figure.strength[a], figure.strength[b]), figure.main)
        sheet.line(place(figure.points[a]), place(figure.points[b]), thick, color)
    radius = 3.2 if figure.bones and len(seen) < 40 else 2.2
    for joint in np.flatnonzero(seen).tolist():
        color = _faded(LIGHT[figure.sides[joint]], figure.strength[joint], figure.main)
        sheet.disc(place(figure.points[joint]), radius, color)


def _faded(color: str, strength: float, main: bool) -> tuple[int, int, int]:
    """Paler where the tool was less sure, and for the people behind the first."""
    return mix(color, LIGHT["panel"], min(0.85, 0.6 * (1 - float(strength)) + (0.0 if main else 0.45)))


class _Fit:
    """From the plane into a panel, at one scale for both axes."""

    def __init__(self, box: tuple[np.ndarray, np.ndarray], room: tuple[int, int], top: int):
        low, high = box
        span = np.maximum(high - low, 1e-9)
        self.scale = float(min((np.array(room) - 28) / span))
        self.middle = (low + high) / 2
        self.centre = np.array([room[0] / 2, top + room[1] / 2])
        self.room = room

    def __call__(self, point: np.ndarray) -> tuple[float, float]:
        x, y = (point - self.middle) * self.scale + self.centre
        return float(np.clip(x, -4000, 4000)), float(np.clip(y, -4000, 4000))

    def shows(self, point: np.ndarray) -> bool:
        x, y = self(point)
        return -10 < x < self.room[0] + 10 and -10 < y < self.centre[1] + self.room[1]


def _box(groups: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The part of the plane that nearly all points take: the farthest of 200 do not make everybody small."""
    points = np.concatenate([np.asarray(group, np.float64).reshape(-1, 2) for group in groups])
    points = points[np.isfinite(points).all(axis=-1)]
    if not len(points):
        return np.zeros(2), np.ones(2)
    low, high = np.quantile(points, (0.005, 0.995), axis=0)
    pad = 0.06 * max(float((high - low).max()), 1e-6)
    return low - pad, high + pad


def _strips(sheet: Sheet, strips: Sequence[_Strip], axis: _Axis, top: int, width: int) -> None:
    left, right = _MARGIN + _NAMES, width - _MARGIN - 92
    scale = (right - left) / max(axis.count, 1)
    for frame in axis.shown:
        x = left + (frame + 0.5) * scale
        sheet.polygon([(x - 4, top - 8), (x + 4, top - 8), (x, top - 2)], LIGHT["muted"])
    for row, strip in enumerate(strips):
        y = top + row * (_STRIP + _STRIP_GAP)
        sheet.text(_MARGIN, y + 20, sheet.shorten(strip.name, 12, _NAMES - 12), 12, LIGHT["ink"])
        sheet.text(right + 10, y + 20, strip.unit, 11, LIGHT["muted"])
        sheet.box(left, y, right, y + _STRIP, LIGHT["panel"], edge=LIGHT["hairline"])
        _strip(sheet, strip, left, right, y, axis)
    _time_axis(sheet, axis, left, scale, top + len(strips) * (_STRIP + _STRIP_GAP) + 10)


def _strip(sheet: Sheet, strip: _Strip, left: float, right: float, y: float, axis: _Axis) -> None:
    scale = (right - left) / max(axis.count, 1)
    color = LIGHT[strip.color]
    for first, last in strip.spans:
        whole = first == 0 and last == axis.count - 1
        start, end = left + first * scale, left + (last + 1) * scale
        shade = mix(color, LIGHT["panel"], 0.7) if whole else color
        sheet.box(start, y + 3, max(end, start + 2), y + _STRIP - 3, shade)
    if strip.values is None or not len(strip.values):
        return
    # one column of the picture for each value, or the smallest of the values in it, so that a gap of one frame shows
    columns = max(1, min(int(right - left), len(strip.values)))
    starts = np.linspace(0, len(strip.values), columns + 1).astype(int)[:-1]
    pick = np.minimum if strip.filled else np.maximum
    values = pick.reduceat(strip.values, starts)
    step = (right - left) / columns
    if strip.filled:
        for column, value in enumerate(values.tolist()):
            if value > 0:
                x = left + column * step
                sheet.box(
                    x,
                    y + 2 + (1 - value) * (_STRIP - 4),
                    x + step + 1,
                    y + _STRIP - 2,
                    mix(color, LIGHT["panel"], 0.45),
                )
        return
    points = [(left + (c + 0.5) * step, y + 3 + (1 - v) * (_STRIP - 6)) for c, v in enumerate(values.tolist())]
    if len(points) > 1:
        sheet.path(points, 1.4, color)


def _time_axis(sheet: Sheet, axis: _Axis, left: float, scale: float, y: float) -> None:
    """Frame numbers below the strips, and seconds where the frame rate is known."""
    wanted = max(1, axis.count // 8)
    power = 10 ** int(np.floor(np.log10(wanted)))
    step = next(power * k for k in (1, 2, 5, 10) if power * k >= wanted)
    for frame in range(0, axis.count, step):
        x = left + (frame + 0.5) * scale
        number = axis.first + frame * axis.step
        seconds = f" ({frame * axis.step / axis.fps:.3g} s)" if axis.fps else ""
        sheet.text(x, y + 8, f"{number}{seconds}", 11, LIGHT["muted"], anchor="ms")
    sheet.text(_MARGIN, y + 8, "frame", 11, LIGHT["muted"])
