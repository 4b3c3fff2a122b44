"""Points in JSON, in whatever form: flat numbers, rows of numbers, objects with x and y, lists of x and of y.

What is a row or an object of points is told by its form, not by the key it stands under. A joint that is `null`, or
an empty list or object, is missing. Joints that say their own number stand in the place of that number.
"""

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from srnet_core.layouts import part_of
from srnet_core.readers._joint_numbers import places_of, without_numbers
from srnet_core.readers._numbers import number_of_text

_FEWEST = 5  # joints of a person
_MOST = 1_000
_NAMES = (
    "part",
    "name",
    "label",
    "joint",
    "bodypart",
    "keypoint",
    "landmark",
    "jointname",
    "jointtype",
    "landmarktype",
    "type",
    "id",
)
_NUMBERS = ("id", "index", "idx", "landmarkid", "keypointid", "jointid", "partid", "landmarkindex", "keypointindex")
_SCORES = (
    "score",
    "scores",
    "confidence",
    "visibility",
    "likelihood",
    "conf",
    "c",
    "probability",
    "prob",
    "visible",
    "v",
    "presence",
    "inframelikelihood",
)
_OF_KINECT = ("camera", "color", "depth")  # cameraX, cameraY, cameraZ, as the package kinect2 of Node.js has them
_PLACES = ("position", "position3d", "position2d", "point", "location", "coordinates", "pos", "pt")
_LANDMARKS = 33
_NAN = float("nan")


@dataclass(frozen=True)
class Points:
    """The points of one person.

    Attributes:
        values: (J, 4) x, y, z, confidence; NaN where there is none.
        names: where each point has a name.
        third: whether z is the third number of a row, which may be a confidence.
        listed: whether the points stand under their numbers, so that some may be left out.
        bare: whether they are rows of numbers, which do not say that x comes before y.
        in_space: whether the key they stand under says that z is a place, not a confidence.
    """

    values: np.ndarray
    names: tuple[str, ...] | None = None
    third: bool = False
    listed: bool = False
    bare: bool = False
    in_space: bool = False

    def with_scores(self, scores: object) -> "Points":
        """The same with confidences from a list beside it, where it has one for each point."""
        if not isinstance(scores, list) or len(scores) != len(self.values):
            return self
        flat = [s[0] if isinstance(s, list) and len(s) == 1 else s for s in scores]
        if not all(_is_number(s) for s in flat):
            return self
        values = self.values.copy()
        values[:, 3] = [_float(s) for s in flat]
        flags = self.third and bool(np.isin(values[:, 2], (0, 1, 2)).all())  # visible or not, as Torchvision has it
        if flags:
            values[values[:, 2] == 0] = _NAN
        return replace(self, values=values, third=self.third and not flags)

    def placed(self, numbers: object, fewest: int = _FEWEST) -> "Points":
        """The same points, at least `fewest`, in the places that a list of their numbers gives; others are missing."""
        if not isinstance(numbers, list) or len(numbers) != len(self.values) or self.names:
            return self
        if not all(type(n) is int and 0 <= n < _MOST for n in numbers) or len(set(numbers)) < len(numbers):
            return self
        values = np.full((max(max(numbers) + 1, fewest), 4), _NAN)
        values[numbers] = self.values
        return replace(self, values=values, listed=True)


def plain(key: object) -> str:
    """A key without case, underscores and dashes: "pose_landmarks" and "poseLandmarks" are one."""
    text = str(key)
    return _short_plain(text) if len(text) <= _LONGEST_KEY else _plain(text)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


_LONGEST_KEY = 64  # files repeat their few short keys in every frame; a hostile file's long ones are not kept
_short_plain = lru_cache(maxsize=4096)(_plain)


def by_plain_key(value: Mapping) -> dict[str, object]:
    """The same object under plain keys; the first of two that become the same counts."""
    found: dict[str, object] = {}
    for key, item in value.items():
        found.setdefault(plain(key), item)
    return found


def points_of(value: object) -> Points | None:
    """The points that a value holds; `None` where it is something else."""
    if isinstance(value, list):
        if not _FEWEST <= len(value) <= 4 * _MOST:
            return None
        first = next((item for item in value if item), value[0])
        if isinstance(first, list):
            return _of_rows(value)
        if isinstance(first, dict):
            return _of_objects(value)
        return _of_numbers(value)
    if isinstance(value, dict):
        return _of_columns(value) or _of_names(value) or _of_numbered(value)
    return None


def _of_rows(rows: list) -> Points | None:
    """Rows of x, y and one or two more numbers, after the joint's name or number where it has one."""
    if len(rows) > _MOST:
        return None
    whole = [row for row in rows if row is not None and row != []]
    if not whole or not all(isinstance(row, list) for row in whole):
        return None
    names = None
    if len(whole) == len(rows) and all(row and isinstance(row[0], str) and not _is_number(row[0]) for row in rows):
        found = [row[0][:80] for row in rows]
        names = tuple(found) if len(set(found)) == len(found) else None
        rows = whole = [row[1:] for row in rows]
    width = len(whole[0])
    if not 2 <= width <= 5 or not all(len(row) == width for row in whole) or (given := _table(whole)) is None:
        return None
    numbers = np.full((len(rows), width), _NAN)
    numbers[[i for i, row in enumerate(rows) if row]] = given
    bare, listed = names is None, False
    if names is None and width > 2 and _rise(whole) and (found_without := without_numbers(numbers)) is not None:
        numbers, listed = found_without
        width -= 1
    if width == 5:
        return None
    values = np.full((len(numbers), 4), _NAN)
    values[:, :width] = numbers
    return Points(values, names, third=width == 3, bare=bare, listed=listed)


def _table(rows: list[list]) -> np.ndarray | None:
    """The numbers of rows of one length; `None` where a value is no number."""
    if {type(value) for row in rows for value in row} <= {float, int}:  # nearly always
        with contextlib.suppress(OverflowError):
            return np.array(rows, np.float64)
    if not all(_is_number(value) for row in rows for value in row):
        return None
    return np.array([[_float(value) for value in row] for row in rows])


def _rise(rows: list[list]) -> bool:
    """Whether the first row begins with a smaller whole number than the last, as numbers of joints do."""
    one, two = (_float(row[0]) for row in (rows[0], rows[-1]))
    return one % 1 == 0 and two % 1 == 0 and one < two


def _of_numbers(flat: list) -> Points | None:
    """x, y, confidence of each point in a row, or x, y."""
    if len(flat) < 2 * _FEWEST or not all(map(_is_number, flat)):
        return None
    numbers = [_float(v) for v in flat]
    if len(flat) == 4 * _LANDMARKS and _like_scores(numbers[3::4]):  # x, y, z, visibility of MediaPipe
        return Points(np.array(numbers).reshape(-1, 4), bare=True)
    if len(flat) % 3 == 0 and _like_scores(numbers[2::3]) and (len(flat) % 2 or not _like_scores(numbers)):
        rows = np.array(numbers).reshape(-1, 3)
    elif len(flat) % 2 == 0:
        rows = np.array(numbers).reshape(-1, 2)
    elif len(flat) % 3 == 0:
        rows = np.array(numbers).reshape(-1, 3)
    else:
        return None
    values = np.full((len(rows), 4), _NAN)
    values[:, : rows.shape[1]] = rows
    return Points(values, third=rows.shape[1] == 3, bare=True)


def _like_scores(numbers: Sequence[float]) -> bool:
    return all(v != v or 0 <= v <= 1.1 or v == 2 for v in numbers)


def _of_objects(objects: list) -> Points | None:
    if len(objects) > _MOST or not any(objects) or not all(o is None or isinstance(o, dict) for o in objects):
        return None
    values, names, all_keys = [], [], []
    for one in objects:
        keys = by_plain_key(one or {})
        all_keys.append(keys)
        point = _point(keys) if one else [_NAN] * 4
        if point is None:
            return None
        values.append(point)
        names.append(next((n for k in _NAMES if isinstance(n := keys.get(k), str) and n), None))
    if None not in names and len(set(names)) == len(names):
        return Points(np.array(values), tuple(str(n)[:80] for n in names))
    if not any(plain(key) in _NUMBERS for one in objects[:_FEWEST] for key in one or ()):
        return Points(np.array(values))
    places = places_of([next((n for k in _NUMBERS if type(n := keys.get(k)) is int), None) for keys in all_keys])
    if places is None or places == list(range(len(places))):
        return Points(np.array(values))
    placed = np.full((max(*places, _FEWEST - 1) + 1, 4), _NAN)
    placed[places] = values
    return Points(placed, listed=True)


def _of_names(value: dict) -> Points | None:
    """{name: point}; names that are numbers are no names of joints."""
    if not _FEWEST <= len(value) <= _MOST or all(str(k).isdigit() for k in value):
        return None
    values = []
    third = False
    missing = 0
    for item in value.values():
        if isinstance(item, list) and len(item) in (2, 3, 4) and all(map(_is_number, item)):
            third = third or len(item) == 3
            values.append([*map(_float, item), _NAN, _NAN][:4])
        elif isinstance(item, dict) and (point := _point(by_plain_key(item))) is not None:
            values.append(point)
        elif item is None or item in ([], {}):
            missing += 1
            values.append([_NAN] * 4)
        else:
            return None
    if missing > len(values) - _FEWEST and sum(bool(part_of(str(k)[:80])) for k in value) < _FEWEST:
        return None  # an object of other values, which are not known
    return Points(np.array(values), tuple(str(k)[:80] for k in value), third)


def _of_numbered(value: dict) -> Points | None:
    """{"0": {"x": ..., "y": ...}, "3": ...}; numbers that are left out are points that are missing."""
    if not 1 <= len(value) <= _MOST or not all(str(k).isdigit() and len(str(k)) <= 4 for k in value):
        return None
    found: dict[int, list[float]] = {}
    for key, item in value.items():
        point = _point(by_plain_key(item)) if isinstance(item, dict) else None
        if point is None:
            return None
        found[int(key)] = point
    if max(found) >= _MOST:
        return None
    values = np.full((max(max(found) + 1, _FEWEST), 4), _NAN)
    for at, point in found.items():
        values[at] = point
    return Points(values, listed=True)


def _of_columns(value: dict) -> Points | None:
    """{"x": [...], "y": [...], "visible": [...]}."""
    keys = by_plain_key(value)
    x, y = keys.get("x"), keys.get("y")
    if not (isinstance(x, list) and isinstance(y, list) and len(x) == len(y) and _FEWEST <= len(x) <= _MOST):
        return None
    if not all(map(_is_number, (*x, *y))):
        return None
    values = np.full((len(x), 4), _NAN)
    values[:, 0], values[:, 1] = [_float(v) for v in x], [_float(v) for v in y]
    scores = next((keys[k] for k in _SCORES if isinstance(keys.get(k), list)), None)
    return Points(values).with_scores(scores)


def _point(keys: Mapping[str, object]) -> list[float] | None:
    """x, y, z, confidence of an object."""
    place: Mapping[str, object] = keys
    if "x" not in keys:
        inside = next((keys[k] for k in _PLACES if k in keys), None)
        if isinstance(inside, list) and len(inside) in (2, 3) and all(map(_is_number, inside)):
            place = dict(zip("xyz", inside))
        elif isinstance(inside, dict):
            place = by_plain_key(inside)
        elif kind := next((kind for kind in _OF_KINECT if f"{kind}x" in keys), None):
            place = {axis: keys[kind + axis] for axis in "xyz" if kind + axis in keys}
    x, y, z = place.get("x"), place.get("y"), place.get("z")
    if "x" not in place or "y" not in place or not _is_number(x) or not _is_number(y):
        return None
    score = next((keys[k] for k in _SCORES if k in keys and _is_number(keys[k])), None)
    return [_float(x), _float(y), _float(z) if _is_number(z) else _NAN, _float(score)]


def _is_number(value: object) -> bool:
    return value is None or isinstance(value, (int, float)) or (isinstance(value, str) and _in_text(value) is not None)


def _in_text(text: str) -> float | None:
    """The number that a text is; `None` for a blank one, too, which may be no coordinate at all."""
    return number_of_text(text) if text.strip() else None


def _float(value: object) -> float:
    if isinstance(value, str):
        number = number_of_text(value)
        return _NAN if number is None else number
    if not isinstance(value, (int, float)):
        return _NAN
    try:
        return float(value)
    except OverflowError:
        return float("inf")
