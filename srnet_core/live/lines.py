"""What a line of the live input may hold: a frame of one person, or settings for the lines after it."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from srnet_core.errors import AmbiguousError, ArrayError, ConfigError
from srnet_core.inference.arguments import checked_image_size
from srnet_core.layouts import Layout, check_count, get_layout, layout_of_names, layouts_of_count

LONGEST_LINE = 1 << 20  # bytes; 133 joints take about 6,000
MOST_FPS = 10_000
LONGEST_NAME = 100  # characters of a person's name
_FARTHEST_PX = 1e6  # a joint farther away counts as missing, as in files
_SMALLEST_PX = 3.0  # a person whose joints span less is not in pixels
_SETTINGS = ("layout", "joints", "image_size_px", "fps")


@dataclass(frozen=True)
class LineSettings:
    """What a line says for all lines after it; `None` where it says nothing.

    Attributes:
        layout: which joint stands where.
        image_size: (width, height) in pixels.
        fps: frames per second.
    """

    layout: Layout | None = None
    image_size: tuple[float, float] | None = None
    fps: float | None = None


@dataclass(frozen=True)
class LineFrame:
    """A frame of one person.

    Attributes:
        person: its name; "1" where the line has none.
        number: of the frame; `None` where the line has none.
        values: the keypoints as the line has them.
        confidence: one number for each joint, where they are not in `values`.
    """

    person: str
    number: int | None
    values: list[Any]
    confidence: list[Any] | None = None


def read_line(line: bytes) -> tuple[LineSettings, LineFrame | None]:
    """A line as settings and a frame; a line may hold either or both.

    Raises:
        ArrayError, ConfigError, UnknownNameError: it cannot be used; the message says why.
    """
    if len(line) > LONGEST_LINE:
        raise ArrayError(f"the line is longer than {LONGEST_LINE:,} bytes")
    try:
        entries = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ArrayError(f"the line is not UTF-8: {error.reason} at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise ArrayError(f"the line is not JSON: {error.msg} at character {error.colno}") from None
    except (RecursionError, ValueError) as error:  # ValueError: a whole number of thousands of digits
        raise ArrayError(f"the line is not usable JSON: {str(error)[:100]}") from None
    if not isinstance(entries, dict):
        raise ArrayError(f"the line must be a JSON object such as {_EXAMPLE}, not {_kind(entries)}")
    settings, frame = _settings_of(entries), None
    if "keypoints" in entries:
        frame = _frame_of(entries)
    elif settings == LineSettings():
        raise ArrayError(f'the line has no "keypoints"; it must look like {_EXAMPLE}')
    return settings, frame


def points_of(frame: LineFrame, layout: Layout | None) -> tuple[np.ndarray, Layout]:
    """(J, 2) float64 pixels, NaN where a joint is missing, and the layout of the joints.

    Joints are missing that are `null` or NaN, lie at (0, 0) or (-1, -1) or farther away than 10^6 pixels, or have a
    confidence of 0 or less.

    Args:
        layout: `None` to tell it by the number of joints.

    Raises:
        ArrayError: the values are not J times (x, y) or (x, y, confidence), or cannot be pixels.
        AmbiguousError: several layouts have so many joints.
        BadFileError: the layout has another number of joints.
    """
    rows = _rows(frame.values, layout)
    if layout is None:
        layout = _only_layout(len(rows))
    else:
        check_count(layout, len(rows), None)
    points = np.array([row[:2] for row in rows], np.float64)
    given = [_number(c, "confidence") for c in frame.confidence] if frame.confidence is not None else None
    if given is not None and len(given) != len(rows):
        raise ArrayError(f'"confidence" has {len(given)} numbers for {len(rows)} joints')
    confidence = np.array(given if given is not None else [row[2] for row in rows], np.float64)
    with np.errstate(invalid="ignore"):
        lost = ~np.isfinite(points).all(axis=1) | (np.abs(points) > _FARTHEST_PX).any(axis=1) | (confidence <= 0)
        lost |= (points == 0).all(axis=1) | (points == -1).all(axis=1) | np.isnan(confidence)
    points[lost] = np.nan
    known = points[~lost]
    if len(known) > 2 and np.ptp(known, axis=0).max() < _SMALLEST_PX:
        raise ArrayError(
            f"all joints lie within {_SMALLEST_PX:g} pixels",
            todo="Keypoints must be pixels; multiply fractions of the image by its width and height",
        )
    return points, layout


_EXAMPLE = '{"frame": 0, "keypoints": [[x, y], ...]}'


def _settings_of(entries: Mapping[str, Any]) -> LineSettings:
    given = {name: entries[name] for name in _SETTINGS if entries.get(name) is not None}
    size = given.get("image_size_px", entries.get("image_size"))
    layout = None
    if "joints" in given:
        names = given["joints"]
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ConfigError("must be a list of names", where="joints")
        layout = layout_of_names([name[:LONGEST_NAME] for name in names[:1000]])
        if layout is None and "layout" not in given:
            raise ConfigError("too few of these names are joints of a person", where="joints")
    if "layout" in given:
        layout = get_layout(str(given["layout"])[:LONGEST_NAME])
    fps = given.get("fps")
    if fps is not None:
        fps = _number(fps, "fps")
        if not 0 < fps <= MOST_FPS:
            raise ConfigError(f"must be above 0 and at most {MOST_FPS:,}, not {fps:g}", where="fps")
    return LineSettings(layout, checked_image_size(size), fps)


def _frame_of(entries: Mapping[str, Any]) -> LineFrame:
    values, confidence = entries["keypoints"], entries.get("confidence")
    if values is None:
        values = []
    if not isinstance(values, list) or not isinstance(confidence, list | None):
        raise ArrayError('"keypoints" and "confidence" must be lists')
    number = entries.get("frame")
    if number is not None and (type(number) is not int or abs(number) >= 1 << 53):
        raise ArrayError('"frame" must be a whole number')
    person = entries.get("person", "1")
    if type(person) not in (str, int) or len(str(person)) > LONGEST_NAME:
        raise ArrayError(f'"person" must be a name or number of at most {LONGEST_NAME} characters')
    return LineFrame(str(person), number, values, confidence)


def _rows(values: list[Any], layout: Layout | None) -> list[tuple[float, float, float]]:
    """J times (x, y, confidence), from pairs, triples, or flat numbers."""
    if not values:  # nobody is seen
        return [(math.nan,) * 3] * (layout.num_joints if layout else 0)
    if not any(isinstance(value, list) for value in values) and not all(value is None for value in values):
        values = _unflattened(values, layout)
    rows = []
    for joint, value in enumerate(values):
        if value is None:
            rows.append((math.nan, math.nan, 0.0))
            continue
        if not isinstance(value, list) or len(value) not in (2, 3):
            raise ArrayError(f"joint {joint} must be [x, y] or [x, y, confidence], not {_kind(value)}")
        x, y, *confidence = (_number(v, f"joint {joint}") for v in value)
        rows.append((x, y, confidence[0] if confidence else 1.0))
    return rows


def _unflattened(values: list[Any], layout: Layout | None) -> list[Any]:
    """x, y, confidence, x, y, ... as OpenPose and COCO write them, or x, y, x, y, ..."""
    for width in (3, 2):
        count, rest = divmod(len(values), width)
        if not rest and (layout.num_joints == count if layout else bool(layouts_of_count(count))):
            return [values[i : i + width] for i in range(0, len(values), width)]
    wanted = f"{2 * layout.num_joints} or {3 * layout.num_joints} for {layout.name}" if layout else "2 or 3 per joint"
    raise ArrayError(f'"keypoints" has {len(values)} numbers in a row; it must have {wanted}')


def _only_layout(joints: int) -> Layout:
    found = layouts_of_count(joints)
    if len(found) == 1:
        return found[0]
    if not found:
        raise ArrayError(f"no known layout has {joints} joints", todo='Say which joints they are, with "joints"')
    raise AmbiguousError(
        f"{joints} joints may be {' or '.join(x.name for x in found)}",
        todo='Say which, with --layout or "layout" in a line',
    )


def _number(value: Any, what: str) -> float:
    if value is None:
        return math.nan
    if type(value) not in (int, float):
        raise ArrayError(f"{what} must be numbers, not {_kind(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise ArrayError(f"{what} has an infinite number")
    return number


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number") + (f" of {len(value)}" if isinstance(value, list) else "")
