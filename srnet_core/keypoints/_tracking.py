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
_MOST_PAIRS = 64  # of people in two frames, of which many are computed at once
_AT_ONCE = 50_000  # pairs
_AHEAD = 64  # people after one who is absent


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
    found = _Follower(detections.points[order].astype(np.float64), frames, starts, counts).run()
    tracks[order] = found
    return tracks


class _Follower:
    """People that are being followed, and where each was seen last."""

    def __init__(self, points: np.ndarray, frames: np.ndarray, starts: np.ndarray, counts: np.ndarray):
        self.points, self.frames = points, frames
        self.starts, self.counts = starts, counts
        self.sizes = np.nan_to_num(box_sizes(points), nan=0.0)
        self.centres = _centres(points)
        self.assign = require_extra("scipy.optimize", "data").linear_sum_assignment
        self.tracks = np.full(len(points), -1, np.int64)
        self.last: dict[int, int] = {}  # track -> its last person
        self.ready: dict[int, np.ndarray] = {}
        self.ahead: dict[int, tuple[int, np.ndarray]] = {}
        self.next_track = 0

    def run(self) -> np.ndarray:
        near = self._near_the_one_before()
        self.ready = self._of_neighbouring_frames()
        for start, count in zip(self.starts.tolist(), self.counts.tolist()):
            if count == 1 and len(self.last) == 1 and near[start] and self.last == {self.tracks[start - 1]: start - 1}:
                self._put(start, int(self.tracks[start - 1]))
            else:
                self._frame(start, count)
        return self.tracks

    def _near_the_one_before(self) -> np.ndarray:
        """(N,) bool: whether the previous person in the list is in the previous frame and near."""
        near = np.zeros(len(self.points), bool)
        for begin in range(1, len(self.points), _AT_ONCE):
            now = slice(begin, min(begin + _AT_ONCE, len(self.points)))
            before = slice(now.start - 1, now.stop - 1)
            near[now] = (_distances(self, before, now) < _FARTHEST) & (
                np.diff(self.frames[before.start : now.stop]) == 1
            )
        return near

    def _of_neighbouring_frames(self) -> dict[int, np.ndarray]:
        """{first person of a frame: distances from all of the frame before}: many frames at once are faster."""
        ready: dict[int, np.ndarray] = {}
        gaps = np.diff(self.frames[self.starts]) == 1
        sizes = np.column_stack([self.counts[:-1], self.counts[1:]])
        sizes[~gaps | (sizes == 1).all(axis=1)] = 0
        for rows, columns in np.unique(sizes, axis=0).tolist():
            if not 0 < rows * columns <= _MOST_PAIRS:
                continue
            same = np.flatnonzero((sizes == (rows, columns)).all(axis=1)) + 1
            for some in np.array_split(same, max(1, len(same) * rows * columns // _AT_ONCE)):
                before = self.starts[some - 1][:, None, None] + np.arange(rows)[:, None].repeat(columns, 1)
                now = self.starts[some][:, None, None] + np.arange(columns)[None].repeat(rows, 0)
                distances = _distances(self, before.reshape(-1), now.reshape(-1))
                ready.update(zip(self.starts[some].tolist(), distances.reshape(-1, rows, columns)))
        return ready

    def _frame(self, start: int, count: int) -> None:
        frame = int(self.frames[start])
        gone = [t for t, i in self.last.items() if frame - self.frames[i] > _LONGEST_ABSENCE]
        for track in gone:
            self.ahead.pop(self.last.pop(track), None)
        names = list(self.last)
        taken: dict[int, int] = {}
        if names:
            costs = self._costs(list(self.last.values()), start, count, frame)
            rows, columns = self.assign(costs)
            taken = {int(c): names[r] for r, c in zip(rows.tolist(), columns.tolist()) if costs[r, c] < _TOO_FAR}
        for column in range(count):
            if column in taken:
                self._put(start + column, taken[column])
            else:
                self._put(start + column, self.next_track)
                self.next_track += 1

    def _costs(self, before: list[int], start: int, count: int, frame: int) -> np.ndarray:
        """(people followed, people now): the distances, of those that are too far `_TOO_FAR`."""
        ready = self.ready.get(start)
        first = start if ready is None else start - len(ready)
        costs = np.empty((len(before), count))
        rest = []
        for row, person in enumerate(before):
            if ready is not None and person >= first:
                costs[row] = ready[person - first]
            elif frame - self.frames[person] > 1:
                costs[row] = self._from_an_absent_one(person, start, count)
            else:
                rest.append(row)
        if rest:
            people = np.array(before)[rest]
            now = np.tile(np.arange(start, start + count), len(rest))
            costs[rest] = _distances(self, people.repeat(count), now).reshape(len(rest), count)
        away = frame - self.frames[before] - 1
        costs[costs > np.minimum(_FARTHEST + _FARTHER_PER_FRAME * away, _FARTHEST_OF_ALL)[:, None]] = _TOO_FAR
        return costs

    def _from_an_absent_one(self, person: int, start: int, count: int) -> np.ndarray:
        """(count,) distances of a person, seen some frames ago, from those now: kept for the frames that follow."""
        begin, distances = self.ahead.get(person, (0, np.empty(0)))
        if start + count > begin + len(distances):
            end = min(start + max(count, _AHEAD), len(self.points))
            begin, distances = start, _distances(self, np.full(end - start, person), slice(start, end))
            self.ahead[person] = begin, distances
        return distances[start - begin : start - begin + count]

    def _put(self, person: int, track: int) -> None:
        self.tracks[person] = track
        if track in self.last:
            self.ahead.pop(self.last[track], None)
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
