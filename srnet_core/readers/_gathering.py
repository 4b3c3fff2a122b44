"""Collects people while a file is read, and makes `Detections` of them."""

from array import array
from collections import Counter
from collections.abc import Sequence

import numpy as np

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.readers._numbers import number_of_text
from srnet_core.readers.detections import LARGEST_PX, MOST_PEOPLE, MOST_VALUES, Detections
from srnet_core.readers.frames import few, frame_axis

_FEW_OF_ANOTHER_COUNT = 0.1
_MANY_WITHOUT_CONFIDENCE = 0.3
_LARGEST_CONFIDENCE = 1e6
_PERCENT = 100.0


class Gathering:
    """People in the order of the file. Each has K values per joint: x, y, and confidence where K is 3."""

    def __init__(self, where: object, *, values_per_joint: int = 3):
        self.where = where
        self.k = values_per_joint
        self.values = array("d")
        self.joints: list[int] = []
        self.frames: list[int] = []
        self.ids: list[str | None] = []
        self.listed: Counter[int] = Counter()
        self.seen_frames: list[int] = []
        self.empty_people = 0
        self.extras: dict[str, dict[int, array]] = {}

    def frame(self, number: int, people: int | None = None) -> None:
        """A frame is in the file, with so many people listed (0 where people are added one by one)."""
        self.seen_frames.append(number)
        if people is not None and people > MOST_PEOPLE:
            raise HostileFileError(
                f"lists {people} people in one frame; at most {MOST_PEOPLE} are read", where=self.where
            )

    def person(self, number: int, flat, *, identity: object = None, where: object = None) -> int:
        """Add a person to a frame: a flat list of values. Returns the index, -1 for one without joints."""
        self.listed[number] += 1
        if self.listed[number] > MOST_PEOPLE:
            raise HostileFileError(f"lists more than {MOST_PEOPLE} people in one frame", where=where or self.where)
        if len(flat) == 0:
            self.empty_people += 1
            return -1
        count, rest = divmod(len(flat), self.k)
        if rest:
            raise BadFileError(
                f"a person has {len(flat)} values, not a multiple of {self.k}", where=where or self.where
            )
        self._extend(flat, where or self.where)
        self.joints.append(count)
        self.frames.append(number)
        self.ids.append(None if identity is None else str(identity)[:80])
        return len(self.frames) - 1

    def extra(self, name: str, index: int, flat) -> None:
        """Hands, face: more points of the person `index`, as a flat list of x, y, confidence."""
        if flat and index >= 0:
            try:
                values = array("d", flat)
            except (TypeError, OverflowError):
                values = array("d", [_number(v, self.where) for v in flat])
            self.extras.setdefault(name, {})[index] = values

    def _extend(self, flat, where: object) -> None:
        if len(self.values) + len(flat) > MOST_VALUES:
            raise HostileFileError(f"holds more than {MOST_VALUES} values", where=where)
        if isinstance(flat, np.ndarray):
            with np.errstate(invalid="ignore"):  # NaN of another bit pattern
                self.values.frombytes(np.ascontiguousarray(flat, np.float64).tobytes())
            return
        start = len(self.values)
        try:
            self.values.extend(flat)
        except (TypeError, OverflowError):
            del self.values[start:]
            self.values.extend([_number(v, where) for v in flat])

    def build(
        self,
        format: str,
        *,
        base: int | None = None,
        sparse: float = 20.0,
        notes: Sequence[str] = (),
        zero_is_missing: bool = True,
        zero_confidence_is_missing: bool = True,
        **known,
    ) -> Detections:
        """Everything gathered, with frame numbers laid out and missing joints marked.

        Raises:
            BadFileError: there are no frames; people of several numbers of joints; values that make no sense.
        """
        notes = list(notes)
        if not self.seen_frames and not self.frames:
            raise BadFileError("holds no frames", where=self.where)
        joints, keep = self._usual_joints(notes)
        separate = "The images have different sizes" if len(known.get("image_sizes", ())) > 1 else None
        axis = frame_axis([*self.frames, *self.seen_frames], base=base, sparse=sparse, separate=separate)
        if len(keep):
            keep &= axis.index[: len(self.frames)] >= 0
        values = self._rows(joints, keep)
        points, confidence = values[..., :2], values[..., 2] if self.k > 2 else None
        if confidence is not None and _all_blank(points, confidence):
            confidence = None
        if confidence is not None and zero_confidence_is_missing:
            notes += _without_confidence(points, confidence)
        missing = mark_missing(points, confidence, zero_is_missing, zero_confidence_is_missing)
        if confidence is not None and _in_percent(confidence):
            confidence /= 100
            notes.append("Confidences go up to 100: they are read as percent.")
        notes += axis.notes
        wild = np.abs(points) > LARGEST_PX
        if wild.any():
            points[wild.any(axis=-1)] = np.nan
            notes.append(f"Joints that lie more than 10^6 away count as missing: {int(wild.any(axis=-1).sum())}.")
        if self.empty_people:
            notes.append(f"People listed without any joints were left out: {self.empty_people}.")
        index = axis.index[: len(self.frames)][keep] if len(self.frames) else axis.index[:0]
        listed = np.zeros(axis.count, np.int32)
        present = np.zeros(axis.count, bool)
        present[axis.index[axis.index >= 0]] = True
        place = dict(zip([*self.frames, *self.seen_frames], axis.index.tolist()))
        for number, count in self.listed.items():
            if place.get(number, -1) >= 0:
                listed[place[number]] = count
        return Detections(
            format=format,
            source=str(self.where),
            points=points.astype(np.float32),
            confidence=None if confidence is None else confidence.astype(np.float32),
            frame_index=index,
            frame_count=axis.count,
            first_number=axis.first,
            step=axis.step,
            listed=listed,
            present=present,
            track_ids=self._identities(index, keep),
            consecutive=axis.consecutive,
            extras=self._extras(keep),
            missing=missing,
            notes=tuple(notes),
            **known,
        )

    def in_space(self, *, missing_below: float | None = 0.5) -> np.ndarray:
        """(people, T, J, 3) float64 of points of x, y, z and a fourth value; people in the order of each frame.

        Args:
            missing_below: a point is missing where its fourth value is smaller.

        Raises:
            BadFileError: nobody is in any frame; people of several numbers of joints; too many people for the frames.
        """
        joints, keep = self._usual_joints([])
        if not joints:
            raise BadFileError("holds no joints", where=self.where)
        axis = frame_axis([*self.frames, *self.seen_frames])
        keep &= axis.index[: len(self.frames)] >= 0
        rows, index = self._rows(joints, keep), axis.index[: len(self.frames)][keep]
        order = np.argsort(index, kind="stable")
        starts = np.searchsorted(index[order], index[order])
        place = np.arange(len(order)) - starts
        people = int(place.max(initial=-1)) + 1
        if people * axis.count * joints * 3 > MOST_VALUES // 8:
            raise HostileFileError(f"has {people} people and {axis.count} frames: too many", where=self.where)
        found = np.full((people, axis.count, joints, 3), np.nan)
        bad = ~np.isfinite(rows[order, :, :3]).all(axis=-1)
        if missing_below is not None:
            bad |= ~(rows[order, :, 3] >= missing_below)
        found[place, index[order]] = np.where(bad[..., None], np.nan, rows[order, :, :3])
        return found

    def _usual_joints(self, notes: list[str]) -> tuple[int, np.ndarray]:
        counts = Counter(self.joints)
        if not counts:
            return 0, np.zeros(0, bool)
        usual, often = counts.most_common(1)[0]
        others = len(self.joints) - often
        if others > _FEW_OF_ANOTHER_COUNT * len(self.joints):
            raise BadFileError(
                "has people of different numbers of joints: "
                + few(f"{n} people of {j}" for j, n in counts.most_common()),
                where=self.where,
                todo="Files of two layouts may be mixed: put each into its own folder",
            )
        if others:
            notes.append(f"People with another number of joints than {usual} were left out: {others}.")
        return usual, np.array(self.joints) == usual

    def _rows(self, joints: int, keep: np.ndarray) -> np.ndarray:
        values = np.frombuffer(self.values, np.float64) if len(self.values) else np.zeros(0)
        if len(keep) and not keep.all():
            widths = np.array(self.joints) * self.k
            values = values[np.repeat(keep, widths)]
        return values.reshape(-1, joints, self.k).copy() if joints else np.zeros((0, 0, self.k))

    def _identities(self, index: np.ndarray, keep: np.ndarray) -> tuple[str, ...] | None:
        """Names of the tracks, if every person has one and nobody appears twice in a frame."""
        kept = [i for i, k in zip(self.ids, keep) if k]
        ids = tuple(i for i in kept if i is not None)
        if not ids or len(ids) < len(kept) or len(set(zip(index.tolist(), ids))) != len(ids):
            return None
        return ids

    def _extras(self, keep: np.ndarray) -> dict[str, np.ndarray]:
        kept = {old: new for new, old in enumerate(np.flatnonzero(keep).tolist())}
        made = {}
        for name, rows in self.extras.items():
            width = Counter(len(row) for row in rows.values()).most_common(1)[0][0]
            if width % 3 or width * len(kept) > MOST_VALUES:
                continue
            values = np.full((len(kept), width // 3, 3), np.nan, np.float32)
            whole = [(kept[old], row) for old, row in rows.items() if old in kept and len(row) == width]
            if whole:
                joined = np.frombuffer(b"".join(row for _, row in whole), np.float64)
                with np.errstate(over="ignore", invalid="ignore"):
                    values[[place for place, _ in whole]] = joined.reshape(len(whole), -1, 3)
            values[values[..., 2] == 0] = np.nan
            made[name] = values
        return made


def _all_blank(points: np.ndarray, confidence: np.ndarray) -> bool:
    """Whether no joint that has a place has a number for its confidence: its column is there, but blank."""
    placed = np.isfinite(points).all(axis=-1) & (points != 0).any(axis=-1)
    return bool(placed.any()) and bool(np.isnan(confidence[placed]).all())


def _in_percent(confidence: np.ndarray) -> bool:
    """Whether most confidences are far beyond 1 and none beyond 100. The raw scores of SimCC heads reach about 10."""
    found = confidence[confidence > 0]
    return len(found) > 0 and bool(found.max() <= _PERCENT and np.median(found) > _PERCENT / 5)


def _without_confidence(points: np.ndarray, confidence: np.ndarray) -> list[str]:
    """What to say where many joints have a place but no confidence: the last column may be another number."""
    placed = np.isfinite(points).all(axis=-1) & (points != 0).any(axis=-1) & (points != -1).any(axis=-1)
    with np.errstate(invalid="ignore"):
        share = float((~(confidence > 0))[placed].mean()) if placed.any() else 0.0
    if share < _MANY_WITHOUT_CONFIDENCE:
        return []
    return [
        f"{share:.0%} of the joints that have a place have a confidence of 0 or less, and count as missing: if that "
        "column is no confidence, leave it out."
    ]


def mark_missing(points: np.ndarray, confidence: np.ndarray | None, zero: bool, zero_confidence: bool) -> int:
    """Set joints that stand for "not found" to NaN: confidence 0, (0, 0), (-1, -1), or no number. Returns how many."""
    bad = ~np.isfinite(points).all(axis=-1)
    with np.errstate(invalid="ignore"):
        if zero:
            bad |= (points == 0).all(axis=-1) | (points == -1).all(axis=-1)
        if confidence is not None and zero_confidence:
            bad |= ~(confidence > 0)  # NaN counts as zero
    points[bad] = np.nan
    if confidence is not None:
        confidence[bad | ~np.isfinite(confidence)] = 0
        np.clip(confidence, 0, _LARGEST_CONFIDENCE, out=confidence)
    return int(bad.sum())


def _number(value: object, where: object) -> float:
    """A number of a JSON file, which may stand there as text; null is no number but allowed."""
    if value is None:
        return float("nan")
    if isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError:
            return float("inf")
    if isinstance(value, str) and (number := number_of_text(value)) is not None:
        return number
    raise BadFileError(f"has {type(value).__name__} {str(value)[:40]!a} where a coordinate belongs", where=where)
