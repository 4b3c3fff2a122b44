"""People followed from frame to frame by the distances of their poses, for tools that do not track people.

The people followed so far are assigned to those of the next frame so that the sum of distances is smallest (the
Hungarian method, `scipy.optimize.linear_sum_assignment`). A distance is the mean over the joints that both poses have,
divided by the size of the person.
"""

import numpy as np

from srnet_core.errors import require_extra
from srnet_core.keypoints.tracks import box_sizes
from srnet_core.readers.detections import Detections

_FARTHEST, _FARTHER_PER_FRAME, _FARTHEST_OF_ALL = 0.35, 0.03, 0.9
_LONGEST_ABSENCE = 60  # frames
_FEWEST_JOINTS = 3
_TOO_FAR = 1e6
_MOST_AT_ONCE = 4  # people


def track_people(detections: Detections) -> np.ndarray:
    """(N,) int: the track of each person of `detections`, by geometry.

    Raises:
        MissingExtraError: several people share a frame and scipy is not installed.
    """
    order = np.argsort(detections.frame_index, kind="stable")
    frames = detections.frame_index[order]
    tracks = np.zeros(len(frames), np.int64)
    if not len(frames):
        return tracks
    starts = np.flatnonzero(np.diff(frames, prepend=-1))
    counts = np.diff(np.append(starts, len(frames)))
    if not detections.consecutive:
        tracks[order] = np.arange(len(frames)) - np.repeat(starts, counts)
        return tracks
    if counts.max() == 1:
        return tracks
    found = _Follower(detections.points[order].astype(np.float64), frames).run(starts, counts)
    tracks[order] = found
    return tracks


class _Follower:
    """People that are being followed, and where each was seen last."""

    def __init__(self, points: np.ndarray, frames: np.ndarray):
        self.points, self.frames = points, frames
        self.sizes = np.nan_to_num(box_sizes(points), nan=0.0)
        self.centres = _centres(points)
        self.assign = require_extra("scipy.optimize", "data").linear_sum_assignment
        self.tracks = np.full(len(points), -1, np.int64)
        self.last: dict[int, int] = {}  # track -> its last person
        self.ready: dict[int, np.ndarray] = {}
        self.next_track = 0

    def run(self, starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
        near = self._near_the_one_before()
        self.ready = self._costs_of_equal_frames(starts, counts)
        for start, count in zip(starts.tolist(), counts.tolist()):
            if count == 1 and len(self.last) == 1 and near[start] and self.last == {self.tracks[start - 1]: start - 1}:
                self._put(start, int(self.tracks[start - 1]))
            else:
                self._frame(start, count)
        return self.tracks

    def _near_the_one_before(self) -> np.ndarray:
        """(N,) bool: whether the previous person in the list is in the previous frame and near."""
        near = np.zeros(len(self.points), bool)
        for begin in range(1, len(self.points), 50_000):
            now = slice(begin, min(begin + 50_000, len(self.points)))
            before = slice(now.start - 1, now.stop - 1)
            near[now] = (_distances(self, before, now) < _FARTHEST) & (
                np.diff(self.frames[before.start : now.stop]) == 1
            )
        return near

    def _frame(self, start: int, count: int) -> None:
        frame = int(self.frames[start])
        self.last = {t: i for t, i in self.last.items() if frame - self.frames[i] <= _LONGEST_ABSENCE}
        names, before = list(self.last), np.fromiter(self.last.values(), np.int64, len(self.last))
        now = np.arange(start, start + count)
        taken: dict[int, int] = {}
        if len(names):
            costs = self.ready.get(start) if before[0] == start - len(before) and before[-1] == start - 1 else None
            if costs is None or len(costs) != len(before) or (np.diff(before) != 1).any():
                costs = self._costs(before, now, frame)
            rows, columns = self.assign(costs)
            taken = {int(c): names[r] for r, c in zip(rows.tolist(), columns.tolist()) if costs[r, c] < _TOO_FAR}
        for column in range(count):
            if column in taken:
                self._put(start + column, taken[column])
            else:
                self._put(start + column, self.next_track)
                self.next_track += 1

    def _costs_of_equal_frames(self, starts: np.ndarray, counts: np.ndarray) -> dict[int, np.ndarray]:
        """{first person of a frame: costs} for frames that follow one with as many people: all at once is faster."""
        ready: dict[int, np.ndarray] = {}
        for people in range(2, _MOST_AT_ONCE + 1):
            same = np.flatnonzero((counts[1:] == people) & (counts[:-1] == people)) + 1
            same = same[self.frames[starts[same]] - self.frames[starts[same - 1]] == 1]
            for some in np.array_split(same, max(1, len(same) * people * people // 50_000)):
                now = (starts[some][:, None, None] + np.arange(people)).repeat(people, 1).reshape(-1)
                before = (starts[some - 1][:, None, None] + np.arange(people)[:, None]).repeat(people, 2).reshape(-1)
                costs = _distances(self, before, now)
                costs[costs > _FARTHEST] = _TOO_FAR
                ready.update(zip(starts[some].tolist(), costs.reshape(-1, people, people)))
        return ready

    def _costs(self, before: np.ndarray, now: np.ndarray, frame: int) -> np.ndarray:
        """(people followed, people now)."""
        rows = np.repeat(before, len(now))
        columns = np.tile(now, len(before))
        costs = _distances(self, rows, columns)
        allowed = _FARTHEST + _FARTHER_PER_FRAME * (frame - self.frames[rows] - 1)
        costs[costs > np.minimum(allowed, _FARTHEST_OF_ALL)] = _TOO_FAR
        return costs.reshape(len(before), len(now))

    def _put(self, person: int, track: int) -> None:
        self.tracks[person] = track
        self.last[track] = person


def _distances(follower: _Follower, before, now) -> np.ndarray:
    """Mean distance of the joints that both have, in sizes of the person; of the centres where they share too few."""
    a, b = follower.points[before], follower.points[now]
    gap = np.sqrt(((a - b) ** 2).sum(-1))  # (N, J)
    shared = ~np.isnan(gap)
    count = shared.sum(axis=1)
    mean = np.where(shared, gap, 0).sum(axis=1) / np.maximum(count, 1)
    centre = np.sqrt(((follower.centres[before] - follower.centres[now]) ** 2).sum(-1))
    distance = np.where(count >= _FEWEST_JOINTS, mean, centre)
    size = np.maximum(follower.sizes[before], follower.sizes[now])
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = distance / size
    return np.where(np.isfinite(distance), distance, _TOO_FAR)


def _centres(points: np.ndarray) -> np.ndarray:
    there = ~np.isnan(points[..., :1])
    return np.where(there, points, 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
