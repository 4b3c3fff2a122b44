"""YOLO pose (Ultralytics): a folder of label files, one text file per frame, or one such file.

A line is a person: class, box (centre x, y, width, height), then x, y and perhaps a confidence per joint, all as
fractions of the image. The size of the image is that of pictures in a folder `images` beside a folder `labels`, or
beside the files. Predictions may end in the confidence of the box or the number of a track. A frame without
people has no file.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError, ConfigError
from srnet_core.readers._encoding import box_of, frames_of, joints_of, scores_of, size_for_fractions, who_of
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._picture_size import size_of_pictures
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.detections import MOST_PEOPLE, Detections, ReadOptions
from srnet_core.readers.forms import CONFIDENCES, NUMBERS, TRACKS, Form, holding
from srnet_core.readers.head import Head
from srnet_core.readers.text import decode

FORMAT = "yolo"
_BOX = 5
_COMMON = (17, 26, 14, 16, 18, 25, 33, 133)
_MOST_BYTES = 64 << 20
_SURE = 0.8
_FEW_LINES = 5
_MOST_LINES_LOOKED_AT = 50
_BOXES = (_BOX, _BOX + 1, _BOX + 2)  # values of a line without joints: a confidence and a track may follow the box
_CORNERS = 4  # of a box that is turned
_MOST_POINTS = 300  # of an outline that are looked at
_CROSSINGS = 0.1  # of the edges of an outline; in the order of joints lines cross each other far more often
_SAME_BOX = 0.3  # overlap of the box of a person with the box around the joints
_MOST, _DISTINCT = 0.8, 0.8  # of the lines, of the points of an outline
_FEWEST_OF_AN_OUTLINE = 8
_OFF_CENTRE = 0.3  # in sizes of the box around the joints; the first point of an outline lies at its edge
_FARTHEST = 2.0  # image sizes from the middle; readers take more for another kind of file


def sniff(head: Head) -> float:
    if head.is_folder:
        if head.sample is None or head.sample.is_folder:
            return 0.0
        sure = sniff(head.sample)
        return 0.85 if sure >= _SURE else sure
    lines = [line.split() for line in head.text.splitlines()[:5] if line.strip()]
    if head.size > len(head.start) and len(lines) > 1 and len(head.text.splitlines()) <= _FEW_LINES:
        lines = lines[:-1]  # long outlines: the last line may be cut
    if not lines or not all(_numeric(line) for line in lines):
        return 0.0
    first = [float(v) for v in lines[0]]
    like_a_label = first[0] == int(first[0]) >= 0 and all(-0.5 <= v <= 1.5 for v in first[1:_BOX])
    if len(first) < _BOX or not like_a_label:
        return 0.0
    if other := other_labels(lines):  # which `read` refuses in words
        return 0.2 if other.startswith("boxes") else 0.45
    return _SURE if len(first) >= _BOX + 4 and layout_of(lines) is not None else 0.0


def _numeric(words: list[str]) -> bool:
    try:
        return all(math.isfinite(float(word)) for word in words)
    except ValueError:
        return False


def layout_of(lines: list[list[str]]) -> tuple[int, int, int] | None:
    """(joints, values per joint, values after them) of label lines, `None` where no split fits them all.

    3 values per joint are tried first; the third must look like a confidence or a flag.
    """
    widths = {len(line) for line in lines}
    found = []
    for tail in (0, 1, 2):
        for k in (3, 2):
            counts = {divmod(w - _BOX - t, k) for w in widths for t in (tail,)}
            if len(counts) == 1 and (only := counts.pop())[1] == 0 and only[0] >= 2:
                found.append((only[0], k, tail))
    fitting = [f for f in found if all(_fits(line, *f) for line in lines)]
    return min(fitting, key=lambda f: (_outside_box(lines, *f), f[0] not in _COMMON, f[2], f[1] == 2), default=None)


def _fits(line: list[str], joints: int, k: int, tail: int) -> bool:
    values = [float(v) for v in line]
    points = values[_BOX : _BOX + joints * k]
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
    _, x, y, width, height = values[:_BOX]
    points = np.array(values[_BOX : _BOX + joints * k]).reshape(joints, k)[:, :2]
    points = points[(points != 0).any(axis=1)]
    if len(points) < 2 or width <= 0 or height <= 0:
        return False
    low, high = points.min(axis=0), points.max(axis=0)
    box_low, box_high = np.array([x - width / 2, y - height / 2]), np.array([x + width / 2, y + height / 2])
    common = np.prod(np.clip(np.minimum(high, box_high) - np.maximum(low, box_low), 0, None))
    both = np.prod(high - low) + width * height - common
    off = np.abs(np.array([x, y]) - (low + high) / 2) / np.maximum(high - low, 1e-9)
    return bool(both > 0 and common / both >= _SAME_BOX and off.max() < _OFF_CENTRE)


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all frames, as fractions of the image: the files do not say how large it is.

    Raises:
        BadFileError: a line is not a person; the message names file and line.
    """
    notes: list[str] = []
    size = None
    if head.is_folder:
        video, notes = head.video(options.sequence)
        size = _size_of_pictures(head.path, [name.rpartition(".")[0] for name in video.names])
        files = [(number, head.path / name) for number, name in zip(video.numbers, video.names)]
    else:
        files = [(0, head.path)]
    sample: list[list[str]] = []
    for _, path in files[:50]:
        sample += _lines(path)[:5]
    numeric = [line for line in sample if _numeric(line)]
    if numeric and (other := other_labels(numeric)):
        raise BadFileError(f"holds {other}", where=head.path, todo="Run a pose model, e.g. yolo11n-pose.pt")
    split = layout_of(numeric) if numeric else None
    if split is None:
        raise BadFileError(
            "is not a label file of YOLO pose: a line must be a class, a box and 2 or 3 values per joint",
            where=head.path,
        )
    joints, k, tail = split
    gathering = Gathering(head.path, values_per_joint=k)
    for done, (number, path) in enumerate(files, 1):
        lines = _lines(path)
        gathering.frame(number, len(lines))
        for at, words in enumerate(lines, 1):
            if len(words) != _BOX + joints * k + tail or not _numeric(words):
                raise BadFileError(
                    f"line {at} is not a person of {joints} joints: it has {len(words)} values", where=path
                )
            values = [float(w) for w in words]
            gathering.person(number, values[_BOX : _BOX + joints * k], identity=_track(values, tail), where=path)
        if options.progress and done % 500 == 0:
            options.progress(done, len(files))
    return [
        gathering.build(
            FORMAT,
            base=1 if head.is_folder else None,
            notes=notes,
            units="normalized",
            candidates=("coco17",) if joints == 17 else (),
            layout="coco17" if joints == 17 else None,
            image_size=size,
        )
    ]


def _size_of_pictures(folder: Path, stems: list[str]) -> tuple[int, int] | None:
    """The size of the pictures that the labels belong to: `images/x.jpg` to `labels/x.txt`, or beside them."""
    folder = folder.absolute()
    places = [folder]
    for above in (folder, folder.parent):  # labels, labels/train
        if above.name == "labels":
            places.append(above.parent / "images" / folder.relative_to(above))
    return next((size for place in places if (size := size_of_pictures(place, stems))), None)


def _lines(path) -> list[list[str]]:
    try:
        content = read_bounded(path, _MOST_BYTES)
    except BadFileError as error:
        if error.what == "is empty":  # nobody in this frame
            return []
        raise
    lines = [line.split() for line in decode(content, path).splitlines() if line.strip()]
    if len(lines) > MOST_PEOPLE:
        raise BadFileError(f"has {len(lines)} people in one frame; at most {MOST_PEOPLE} are read", where=path)
    return lines


def _track(values: list[float], tail: int) -> int | None:
    """The track number after the joints: a whole number from 1 on; any other value there is a confidence."""
    last = values[-1] if tail else 0.0
    return int(last) if last == int(last) and last >= 1 else None


# Writing


def write(sequences: Sequence[Detections], folder: Path) -> None:
    """Label files with the confidence of the box and the number of the track, as `track(..., save_txt, save_conf)`."""
    detections = sequences[0]
    size = size_for_fractions(detections, "YOLO's labels")
    far = np.abs(detections.points / size - 0.5)
    if np.isfinite(far).any() and float(np.nanmax(far)) > _FARTHEST:
        raise ConfigError(
            f"joints lie far outside the image of {size[0]:.0f} x {size[1]:.0f} pixels",
            where=detections.source,
            todo="Check --image-size: width x height",
        )
    who = who_of(detections)
    for number, rows in frames_of(detections):
        lines = []
        for row in rows:
            x, y, width, height = box_of(detections, row)
            box = [(x + width / 2) / size[0], (y + height / 2) / size[1], width / size[0], height / size[1]]
            joints = joints_of(detections, row)
            values = [v for px, py, c in joints for v in (px / size[0], py / size[1], min(c, 1.0))]
            score = float(np.clip(scores_of(detections, row).mean(), 0, 1))
            lines.append(" ".join(["0", *(f"{v:.7g}" for v in (*box, *values)), f"{score:.4f}", f"{who[row]}"]))
        (folder / f"frame_{number}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


FORMS = {"yolo": Form(write, holding(CONFIDENCES, TRACKS, NUMBERS), folder=True)}
