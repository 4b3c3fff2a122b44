"""YOLO pose (Ultralytics): a folder of label files, one text file per frame, or one such file.

A line is a person: class, box (centre x, y, width, height), then x, y and perhaps a confidence per joint, all as
fractions of the image. Predictions may end in the confidence of the box or the number of a track. A frame without
people has no file.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError, ConfigError
from srnet_core.readers._encoding import box_of, frames_of, joints_of, scores_of, size_for_fractions, who_of
from srnet_core.readers._gathering import Gathering
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.detections import MOST_PEOPLE, Detections, ReadOptions
from srnet_core.readers.forms import CONFIDENCES, NUMBERS, TRACKS, Form, holding
from srnet_core.readers.frames import choose_video
from srnet_core.readers.head import Head
from srnet_core.readers.text import decode

FORMAT = "yolo"
_BOX = 5
_COMMON = (17, 26, 14, 16, 18, 25, 33, 133)
_MOST_BYTES = 64 << 20
_FARTHEST = 2.0  # image sizes from the middle; readers take more for another kind of file


def sniff(head: Head) -> float:
    if head.is_folder:
        return 0.85 if head.sample is not None and not head.sample.is_folder and sniff(head.sample) else 0.0
    lines = [line.split() for line in head.text.splitlines()[:5] if line.strip()]
    if not lines or not all(_numeric(line) for line in lines):
        return 0.0
    first = [float(v) for v in lines[0]]
    if {len(line) for line in lines} <= {_BOX, _BOX + 1} and all(0 <= v <= 1 for v in first[1:]):
        return 0.2  # boxes without keypoints, which `read` refuses in words
    like_a_label = len(first) >= _BOX + 4 and first[0] == int(first[0]) and all(-0.5 <= v <= 1.5 for v in first[1:_BOX])
    return 0.8 if like_a_label and layout_of(lines) is not None else 0.0


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


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all frames, as fractions of the image: the files do not say how large it is.

    Raises:
        BadFileError: a line is not a person; the message names file and line.
    """
    notes: list[str] = []
    if head.is_folder:
        video, notes = choose_video(head.frame_names, head.path, options.sequence)
        files = [(number, head.path / name) for number, name in zip(video.numbers, video.names)]
    else:
        files = [(0, head.path)]
    sample: list[list[str]] = []
    for _, path in files[:50]:
        sample += _lines(path)[:5]
    split = layout_of([line for line in sample if _numeric(line)]) if sample else None
    if sample and {len(line) for line in sample} <= {_BOX, _BOX + 1}:
        raise BadFileError(
            "holds boxes, but no keypoints", where=head.path, todo="Run a pose model, e.g. yolo11n-pose.pt"
        )
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
        )
    ]


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
