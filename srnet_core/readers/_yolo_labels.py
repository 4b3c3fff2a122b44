"""What the lines of a YOLO label file hold, told by their numbers: joints in fractions or pixels, boxes, outlines."""

import math

import numpy as np

BOX = 5
_COMMON = (17, 26, 14, 16, 18, 25, 33, 133)
_MOST_LINES_LOOKED_AT = 50
_BOXES = (BOX, BOX + 1, BOX + 2)  # values of a line without joints: a confidence and a track may follow the box
_CORNERS = 4  # of a box that is turned
_MOST_POINTS = 300  # of an outline that are looked at
_CROSSINGS = 0.1  # of the edges of an outline; in the order of joints lines cross each other far more often
_SAME_BOX = 0.3  # overlap of the box of a person with the box around the joints
_MOST, _DISTINCT = 0.8, 0.8  # of the lines, of the points of an outline
_FEWEST_OF_AN_OUTLINE = 8
_OFF_CENTRE = 0.3  # in sizes of the box around the joints; the first point of an outline lies at its edge
_LARGEST_FRACTION = 3.0  # joints beyond it are in pixels
_FEWEST_IN_PIXELS = 5  # joints: a few numbers in a line may be anything
_FEW_OUTSIDE = 1  # tenths of the joints that lie outside the box
_MISFIT_IN_PIXELS = 6  # tenths by which the box may miss the joints


def is_numeric(words: list[str]) -> bool:
    try:
        return all(math.isfinite(float(word)) for word in words)
    except ValueError:
        return False


def in_order(line: list[str], order: int) -> list[str]:
    """A line as class, box, joints and what else there is; `order` is what `order_of` gives for its file."""
    if order == _CONFIDENCE_BEFORE_JOINTS:
        return [*line[:BOX], *line[BOX + 1 :], line[BOX]]
    return [*line[1:], line[0]] if order == _CONFIDENCE_FIRST else line


def order_of(lines: list[list[str]]) -> int:
    """How the numbers of label lines are ordered: 0 is Ultralytics' order, class, box, joints, and what else there is.

    Forks of YOLOv5 and YOLOv7 for poses have the confidence of the box before the joints, or first of all. Another
    order than Ultralytics' is taken only where with it, and not with Ultralytics', the joints lie in the boxes.
    """
    if not lines or not all(is_numeric(line) and len(line) >= BOX + 2 * _FEWEST_IN_PIXELS for line in lines):
        return 0
    if are_people(lines):
        return 0
    for order, place in ((_CONFIDENCE_BEFORE_JOINTS, BOX), (_CONFIDENCE_FIRST, 0)):
        ordered = [in_order(line, order) for line in lines]
        if all(0 <= float(line[place]) <= 1 for line in lines) and are_people(ordered):
            return order
    return 0


_CONFIDENCE_BEFORE_JOINTS, _CONFIDENCE_FIRST = 1, 2


def are_people(lines: list[list[str]]) -> bool:
    """Whether lines in Ultralytics' order hold a class and joints that lie in the boxes."""
    if any(float(line[0]) != int(float(line[0])) or float(line[0]) < 0 for line in lines):
        return False
    if in_pixels(lines):
        return layout_in_pixels(lines) is not None
    split = layout_of(lines)
    return split is not None and _outside_box(lines, *split) <= _FEW_OUTSIDE


def layout_of(lines: list[list[str]]) -> tuple[int, int, int] | None:
    """(joints, values per joint, values after them) of label lines, `None` where no split fits them all.

    3 values per joint are tried first; the third must look like a confidence or a flag.
    """
    widths = {len(line) for line in lines}
    found = []
    for tail in (0, 1, 2):
        for k in (3, 2):
            counts = {divmod(w - BOX - t, k) for w in widths for t in (tail,)}
            if len(counts) == 1 and (only := counts.pop())[1] == 0 and only[0] >= 2:
                found.append((only[0], k, tail))
    fitting = [f for f in found if all(_fits(line, *f) for line in lines)]
    return min(fitting, key=lambda f: (_outside_box(lines, *f), f[0] not in _COMMON, f[2], f[1] == 2), default=None)


def _fits(line: list[str], joints: int, k: int, tail: int) -> bool:
    values = [float(v) for v in line]
    points = values[BOX : BOX + joints * k]
    xy = [v for i, v in enumerate(points) if i % k < 2]
    third = points[2::3] if k == 3 else []
    return all(-2 <= v <= 3 for v in xy) and all(v == 2 or 0 <= v <= 1.5 for v in third)


def _outside_box(lines: list[list[str]], joints: int, k: int, tail: int) -> float:
    """Tenths of the joints that lie outside the person's box: joints lie in it, confidences taken for joints do not."""
    outside = total = 0
    for line in lines[:50]:
        _, x, y, width, height, *points = (float(v) for v in line)
        for at in range(0, joints * k, k):
            px, py = points[at], points[at + 1]
            if px or py:
                total += 1
                outside += abs(px - x) > 0.75 * width + 0.01 or abs(py - y) > 0.75 * height + 0.01
    return round(10 * outside / max(total, 1))


def in_pixels(lines: list[list[str]]) -> bool:
    """Whether most lines have values far beyond the image, if they were fractions of it.

    The last two values are not looked at: they may be the number of a track.
    """
    wide = [any(abs(float(v)) > _LARGEST_FRACTION for v in line[BOX:-2]) for line in lines if len(line) > BOX + 2]
    return bool(wide) and sum(wide) > len(wide) / 2


def layout_in_pixels(lines: list[list[str]]) -> tuple[int, int, int] | None:
    """As `layout_of`, of joints in pixels: the split whose joints lie in the boxes, `None` where none does.

    Outlines of objects in pixels are none.
    """
    if _outlines_in_pixels(lines):
        return None
    widths = {len(line) for line in lines}
    found = []
    for tail in (0, 1, 2):
        for k in (3, 2):
            counts = {divmod(w - BOX - tail, k) for w in widths}
            if len(counts) != 1 or (only := counts.pop())[1] or only[0] < _FEWEST_IN_PIXELS:
                continue
            values = np.array(lines[:_MOST_LINES_LOOKED_AT], np.float64)
            points = values[:, BOX : BOX + only[0] * k].reshape(len(values), only[0], k)
            third = points[..., 2] if k == 3 else np.zeros(1)
            if (third < 0).any() or ((third > 1.5).any() and not np.isin(third, (0, 1, 2)).all()):
                continue
            misfit = _misfit(points[..., :2], values[:, 1:BOX])
            found.append((misfit, only[0] not in _COMMON, tail, k == 2, (only[0], k, tail)))
    best = min(found, default=None)
    return best[-1] if best is not None and best[0] <= _MISFIT_IN_PIXELS else None


def _outlines_in_pixels(lines: list[list[str]]) -> bool:
    """Whether the lines are outlines, as `other_labels` tells them, of coordinates in pixels."""
    values = np.array([float(v) for line in lines[:_MOST_LINES_LOOKED_AT] for v in line[1:]])
    largest = float(np.abs(values).max(initial=1.0))
    fractions = [[line[0], *(str(float(v) / largest) for v in line[1:])] for line in lines[:_MOST_LINES_LOOKED_AT]]
    other = other_labels(fractions)
    return other is not None and other.startswith("outlines")


def _misfit(points: np.ndarray, box: np.ndarray) -> int:
    """How badly (N, J, 2) joints in pixels fit the (N, 4) numbers of their boxes: 0 is best, 10 is not at all.

    A box may be its centre and size, its upper left corner and size, or two corners. Where it is in fractions of the
    image, the joints tell by themselves: confidences taken for coordinates are no pixels.
    """
    placed = (points != 0).any(axis=-1)
    if not placed.any():
        return 10
    if (np.abs(box) <= _LARGEST_FRACTION / 2).all():
        return int(np.ceil(10 * (np.abs(points[placed]) <= 1).mean()))
    a, b = box[:, :2], box[:, 2:]
    low, high = (fill(np.where(placed[..., None], points, other), axis=1) for fill, other in _EXTENT)
    overlaps = [_overlap(low, high, *corners) for corners in ((a - b / 2, a + b / 2), (a, a + b), (a, b))]
    return 10 - int(10 * max(np.median(overlap) for overlap in overlaps))


_EXTENT = ((np.min, np.inf), (np.max, -np.inf))


def _overlap(low: np.ndarray, high: np.ndarray, box_low: np.ndarray, box_high: np.ndarray) -> np.ndarray:
    """Intersection over union of (N, 2) corners with others."""
    with np.errstate(invalid="ignore", divide="ignore"):
        sides = np.clip(np.minimum(high, box_high) - np.maximum(low, box_low), 0, None)
        areas = [np.prod(np.clip(end - start, 0, None), axis=1) for start, end in ((low, high), (box_low, box_high))]
        common = np.prod(sides, axis=1)
        return np.nan_to_num(common / (areas[0] + areas[1] - common))


def other_labels(lines: list[list[str]]) -> str | None:
    """What label lines hold that are none of YOLO pose, told by the numbers; `None` where they may be people.

    Lines of segmentation are a class and an outline: points one after the other around the object, so that the closed
    line through them does not cross itself. Read as a person, the first two points would be the box, which the others
    do not fit.
    """
    widths = {len(line) for line in lines}
    if widths <= set(_BOXES):
        return "boxes, but no keypoints"
    values = [[float(v) for v in line] for line in lines[:_MOST_LINES_LOOKED_AT]]
    for tail in (0, 1, 2):  # nothing, the confidence, or the confidence and the track
        points = [v[1 : len(v) - tail] for v in values]
        if all(len(p) % 2 == 0 and len(p) >= 2 * _CORNERS - 2 and min(p) >= -0.5 and max(p) <= 1.5 for p in points):
            break
    else:
        return None
    outlines = [np.array(p).reshape(-1, 2) for p in points]
    crossings = np.array([_crossings(outline) for outline in outlines])
    if (crossings <= _CROSSINGS).mean() < _MOST:
        return None
    plain = (crossings == 0) & (np.array([len(outline) for outline in outlines]) >= _FEWEST_OF_AN_OUTLINE)
    if (
        plain.mean() < _MOST
        and (split := layout_of(lines))
        and np.mean([_in_its_box(v, *split) for v in values]) >= 0.5
    ):
        return None
    if widths <= {1 + 2 * _CORNERS + t for t in (0, 1, 2)}:
        return "boxes that are turned, as YOLO OBB writes them, but no keypoints"
    return f"outlines of objects, as YOLO segmentation writes them ({_range(widths)} numbers in a line), not keypoints"


def _range(widths: set[int]) -> str:
    low, high = min(widths), max(widths)
    return f"{low}" if low == high else f"{low} to {high}"


def _crossings(outline: np.ndarray) -> float:
    """The share of the edges of a closed line that cross another one; 1 where it comes back to the same points."""
    if len(np.unique(outline, axis=0)) < _DISTINCT * len(outline):  # joints that are missing lie at 0, 0
        return 1.0
    points = outline[:: -(-len(outline) // _MOST_POINTS)]
    start, end = points, np.roll(points, -1, axis=0)

    def side(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
        ab, ac = b - a, c - a
        return np.sign(ab[..., 0] * ac[..., 1] - ab[..., 1] * ac[..., 0])

    a, b, c, d = start[:, None], end[:, None], start[None], end[None]
    crossing = (side(a, b, c) * side(a, b, d) < 0) & (side(c, d, a) * side(c, d, b) < 0)
    return float(crossing.any(axis=1).mean())


def _in_its_box(values: list[float], joints: int, k: int, tail: int) -> bool:
    """Whether the box around the joints of a line is about the box that the line begins with."""
    _, x, y, width, height = values[:BOX]
    points = np.array(values[BOX : BOX + joints * k]).reshape(joints, k)[:, :2]
    points = points[(points != 0).any(axis=1)]
    if len(points) < 2 or width <= 0 or height <= 0:
        return False
    low, high = points.min(axis=0), points.max(axis=0)
    box_low, box_high = np.array([x - width / 2, y - height / 2]), np.array([x + width / 2, y + height / 2])
    common = np.prod(np.clip(np.minimum(high, box_high) - np.maximum(low, box_low), 0, None))
    both = np.prod(high - low) + width * height - common
    off = np.abs(np.array([x, y]) - (low + high) / 2) / np.maximum(high - low, 1e-9)
    return bool(both > 0 and common / both >= _SAME_BOX and off.max() < _OFF_CENTRE)
