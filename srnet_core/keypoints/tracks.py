"""The object: people over time, each frames x joints x (x, y, confidence), and what is known about them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from srnet_core.errors import ConfigError, UnknownNameError
from srnet_core.keypoints._gaps import complete_runs, interpolate
from srnet_core.keypoints._swaps import find_swaps
from srnet_core.layouts import Layout, get_layout
from srnet_core.readers.frames import few

_H36M17 = "h36m17"


@dataclass(frozen=True)
class Track:
    """One person.

    Attributes:
        name: as the tool numbered the person, or "1" for the one who is seen most, "2", ...
        points: (T, J, 2) float32, NaN where a joint is missing.
        confidence: (T, J) float32 as the tool gave it, 0 where a joint is missing; 1 where the format has none.
        filled: (T, J) bool, joints that were interpolated.
        mended: (T,) bool, frames in which left and right limbs were exchanged back.
        extras: hands, face: {name: (T, K, 3) float32}.
    """

    name: str
    points: np.ndarray
    confidence: np.ndarray
    filled: np.ndarray
    mended: np.ndarray
    extras: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def missing(self) -> np.ndarray:
        """(T, J) bool."""
        return np.isnan(self.points)[..., 0]

    @property
    def present(self) -> np.ndarray:
        """(T,) bool: frames in which any joint was found."""
        return np.any(~self.missing, axis=1)

    def while_seen(self) -> "Track":
        """The frames from the first to the last in which the person was found."""
        seen = np.flatnonzero(self.present)
        span = slice(seen[0], seen[-1] + 1) if len(seen) else slice(0, 0)
        return replace(
            self,
            points=self.points[span],
            confidence=self.confidence[span],
            filled=self.filled[span],
            mended=self.mended[span],
            extras={name: values[span] for name, values in self.extras.items()},
        )

    @property
    def sizes(self) -> np.ndarray:
        """(T,) the larger side of the box around the joints, NaN where nobody is."""
        return box_sizes(self.points)


def box_sizes(points: np.ndarray) -> np.ndarray:
    """(N,) the larger side of the box around the joints of (N, J, 2) points; NaN where none is there."""
    if not points.shape[1]:
        return np.full(len(points), np.nan)
    values = np.ascontiguousarray(points.transpose(1, 2, 0))  # (J, 2, N): a row for each joint is far faster to reduce
    with np.errstate(invalid="ignore"):
        sides = np.fmax.reduce(values, axis=0) - np.fmin.reduce(values, axis=0)  # (2, N)
        size: np.ndarray = sides.max(axis=0)
    return np.where(np.isfinite(size), size, np.nan)


@dataclass(frozen=True)
class Keypoints:
    """The people of one video.

    Attributes:
        tracks: the people, the one who is seen most and largest first.
        frame_count: T.
        layout: which joint stands where; `None` where the joints are of no known layout.
        joint_names: J names, of the layout or of the file; `None` where neither has any.
        units: "px", "normalized" (fractions of width and height) or "screen" (-1 to 1 over the width).
        fps, image_size: frames per second; (width, height) in pixels; `None` where unknown.
        origins: where `layout`, `fps` and `image_size` come from: "file", "format", "joint count", "bones", "given" or
            "unknown".
        source, format, sequence: the file or folder, the tool that wrote it, and which of its sequences this is.
        first_number, step: frame i has number `first_number + i * step` in the file.
        present: (T,) bool, False for frames that the file has nothing about.
        consecutive: False for collections of images, whose people are not the same from one to the next.
        notes: what was assumed, left out or not known, one sentence each.
        others_reach: the largest x and y of the people who were left out by `only`, in pixels; `None` where nobody was.
    """

    tracks: tuple[Track, ...]
    frame_count: int
    layout: Layout | None
    joint_names: tuple[str, ...] | None
    units: str
    fps: float | None
    image_size: tuple[int, int] | None
    origins: Mapping[str, str]
    source: str
    format: str
    sequence: str = ""
    first_number: int = 0
    step: int = 1
    present: np.ndarray | None = None
    consecutive: bool = True
    notes: tuple[str, ...] = ()
    others_reach: tuple[float, float] | None = None

    @property
    def num_joints(self) -> int:
        return self.tracks[0].points.shape[1] if self.tracks else (self.layout.num_joints if self.layout else 0)

    @cached_property
    def frame_numbers(self) -> np.ndarray:
        """(T,) the number of each frame in the file."""
        return self.first_number + self.step * np.arange(self.frame_count)

    def person(self, which: int | str) -> Track:
        """A track by position (0 is the person who is seen most) or by name; text that is nobody's name may be a
        position too.

        Raises:
            UnknownNameError: there is none; the message lists those there are.
        """
        if isinstance(which, str):
            for track in self.tracks:
                if track.name == which:
                    return track
            if which.isascii() and which.isdigit() and len(which) < 10:
                which = int(which)
        if isinstance(which, int) and 0 <= which < len(self.tracks):
            return self.tracks[which]
        names = few((t.name for t in self.tracks), 10) or "none"
        raise UnknownNameError(
            f"there is no person {which!r}",
            where=self.source,
            todo=f"{len(self.tracks)} people, by position from 0 or by name: {names}",
        )

    def only(self, which: int | str) -> "Keypoints":
        """The same with one person."""
        kept = self.person(which)
        others = replace(self, tracks=tuple(track for track in self.tracks if track is not kept))
        return replace(self, tracks=(kept,), others_reach=others.reach())

    def reach(self) -> tuple[float, float] | None:
        """The largest x and y of all people, also of those who were left out; `None` where no joint is known."""
        seen = [track.points[~np.isnan(track.points[..., 0])] for track in self.tracks]
        ends = [points.max(axis=0) for points in seen if len(points)]
        if self.others_reach is not None:
            ends.append(np.array(self.others_reach))
        if not ends:
            return None
        x, y = np.max(ends, axis=0).tolist()
        return x, y

    def to_h36m17(self) -> "Keypoints":
        """The same people with the 17 joints of Human3.6M, by the table of the layout.

        A joint made of several joints is missing where one of them is missing; its confidence is the smallest of
        theirs. Joints of the layout that were never found are replaced by others where possible (the hip by the mean
        of both hips), and a note says so. Joints that cannot be made from the layout are missing throughout, and a
        note says so.

        Raises:
            ConfigError: the layout is unknown.
        """
        if self.layout is None:
            raise ConfigError(
                "the layout of the joints is unknown, so they cannot be converted to the 17",
                where=self.source,
                todo="Say the layout with layout=, or give a file that names your joints, layout='MINE.toml'",
            )
        if self.layout.joints == get_layout(_H36M17).joints:
            return self
        layout = self.layout.without(self._never_found())
        matrix = layout.matrix()
        tracks = tuple(_mapped(track, matrix) for track in self.tracks)
        notes = list(self.notes)
        if other := [joint for joint, row in layout.weights.items() if row != self.layout.weights[joint]]:
            notes.append(f"{few(other, 17)}: made of other joints than usual, as theirs were never found.")
        if lost := self.layout.missing_of_h36m17:
            notes.append(f"The layout {self.layout.name} cannot give {', '.join(lost)}: missing throughout.")
        target = get_layout(_H36M17)
        return replace(self, tracks=tracks, layout=target, joint_names=target.joints, notes=tuple(notes))

    def _never_found(self) -> set[int]:
        """Indices of the joints that are missing in every frame of every person."""
        missing = [track.missing.all(axis=0) for track in self.tracks]
        return set(np.flatnonzero(np.all(missing, axis=0)).tolist()) if missing else set()

    def mend_swaps(self) -> "Keypoints":
        """The same people with left and right limbs exchanged back where a tool confused them for some frames.

        In such frames both limbs jump to each other's position and back. Frames that were changed are marked in
        `Track.mended`. Limbs that are swapped from the first frame to the last cannot be recognized.
        """
        if self.layout is None or not self.consecutive:
            return self
        tracks, changed = [], 0
        for track in self.tracks:
            order = find_swaps(track.points, self.layout)  # (T, J): where each joint is taken from
            rows = np.arange(len(order))[:, None]
            moved = (order != np.arange(order.shape[1])).any(axis=1)
            changed += int(moved.sum())
            tracks.append(
                replace(
                    track,
                    points=track.points[rows, order],
                    confidence=track.confidence[rows, order],
                    filled=track.filled[rows, order],
                    mended=track.mended | moved,
                )
            )
        frames = f"{changed} frame{'s' if changed != 1 else ''}"
        note = f"The tool confused left and right limbs in {frames}: they are exchanged back."
        return replace(self, tracks=tuple(tracks), notes=(*self.notes, note) if changed else self.notes)

    def fill_gaps(self, *, max_frames: int | None = None, max_seconds: float | None = None) -> "Keypoints":
        """Gaps of each joint up to a length filled by straight lines and marked in `Track.filled`; longer ones stay.

        Args:
            max_frames, max_seconds: the longest gap that is filled; give one of the two.

        Raises:
            ConfigError: neither or both are given, or seconds where the frame rate is unknown.
        """
        longest = self._longest_gap(max_frames, max_seconds)
        if not self.consecutive:
            return self
        return replace(self, tracks=tuple(_filled(track, longest) for track in self.tracks))

    def _longest_gap(self, max_frames: int | None, max_seconds: float | None) -> int:
        """The longest gap to fill, in frames."""
        if max_frames is not None and max_seconds is None:
            return max_frames
        if max_seconds is None or max_frames is not None:
            raise ConfigError("give the longest gap either as max_frames or as max_seconds")
        if self.fps is None:
            raise ConfigError(
                "the frame rate is unknown, so a gap in seconds cannot be converted to frames",
                where=self.source,
                todo="Give fps=, or the gap as max_frames",
            )
        return int(max_seconds * self.fps + 1e-6)

    def clips(self, *, min_frames: int = 1) -> list[tuple[Track, int, int]]:
        """The stretches in which every joint of a person is there: (track, first frame, frame after the last)."""
        if not self.consecutive:
            return []
        return [(t, a, b) for t in self.tracks for a, b in complete_runs(t.missing) if b - a >= min_frames]


def _mapped(track: Track, matrix: np.ndarray) -> Track:
    uses = (matrix != 0).astype(np.float64)  # (17, J)
    missing = track.missing
    lost = (missing.astype(np.float64) @ uses.T > 0) | ~uses.any(axis=1)  # (T, 17)
    points = np.einsum("kj,tjd->tkd", matrix, np.nan_to_num(track.points)).astype(np.float32)
    points[lost] = np.nan
    confidence = np.zeros(lost.shape, np.float32)
    filled = track.filled.astype(np.float64) @ uses.T > 0
    for row, joints in enumerate(uses.astype(bool)):
        if joints.any():
            confidence[:, row] = track.confidence[:, joints].min(axis=1)
    confidence[lost] = 0
    return replace(track, points=points, confidence=confidence, filled=filled & ~lost)


def _filled(track: Track, max_frames: int) -> Track:
    points, confidence, new = interpolate(track.points, track.confidence, max_frames)
    return replace(track, points=points, confidence=confidence, filled=track.filled | new)
