"""YOLO pose (Ultralytics): a folder of label files, one text file per frame, or one such file.

A line is a person: class, box (centre x, y, width, height), then x, y and perhaps a confidence per joint, all as
fractions of the image; or, as people write them themselves, in pixels, with the box as its centre, its upper left
corner or two corners. Numbers may be parted by commas, and the confidence of the box may stand before the joints or
first of all, as forks of YOLOv5 and YOLOv7 have it. The size of the image is that of pictures in a folder `images`
beside a folder `labels`, or beside the files. Predictions may end in the confidence of the box or the number of a
track. A frame without people has no file.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError, ConfigError
from srnet_core.readers._encoding import box_of, frames_of, joints_of, scores_of, size_for_fractions, who_of
from srnet_core.readers._flags import flags_to_confidences
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._picture_size import size_of_pictures
from srnet_core.readers._yolo_labels import (
    BOX,
    are_people,
    in_order,
    in_pixels,
    is_numeric,
    layout_in_pixels,
    layout_of,
    order_of,
    other_labels,
)
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.detections import MOST_PEOPLE, Detections, ReadOptions
from srnet_core.readers.forms import CONFIDENCES, NUMBERS, TRACKS, Form, holding
from srnet_core.readers.head import Head
from srnet_core.readers.text import decode

FORMAT = "yolo"
_MOST_BYTES = 64 << 20
_SURE, _SURE_IN_PIXELS = 0.8, 0.75
_SURE_OF_COMMAS = 0.3  # Ultralytics writes blanks; rows of numbers with commas may be any table
_FEW_LINES = 5
_FARTHEST = 2.0  # image sizes from the middle; readers take more for another kind of file


def sniff(head: Head) -> float:
    if head.is_folder:
        if head.sample is None or head.sample.is_folder:
            return 0.0
        sure = sniff(head.sample)
        return sure + 0.05 if sure >= _SURE_IN_PIXELS else sure
    lines = [_words(line) for line in head.text.splitlines()[:5] if line.strip()]
    if head.size > len(head.start) and len(lines) > 1 and len(head.text.splitlines()) <= _FEW_LINES:
        lines = lines[:-1]  # long outlines: the last line may be cut
    if not lines or not all(is_numeric(line) for line in lines):
        return 0.0
    order = order_of(lines)
    lines = [in_order(line, order) for line in lines]
    first = [float(v) for v in lines[0]]
    if len(first) < BOX or not first[0] == int(first[0]) >= 0:
        return 0.0
    if in_pixels(lines):
        return _SURE_IN_PIXELS if layout_in_pixels(lines) is not None else 0.0
    if not all(-0.5 <= v <= 1.5 for v in first[1:BOX]):
        return 0.0
    if other := other_labels(lines):  # which `read` refuses in words
        return 0.2 if other.startswith("boxes") else 0.45
    if len(first) < BOX + 4 or layout_of(lines) is None:
        return 0.0
    return _SURE if "," not in head.text or are_people(lines) else _SURE_OF_COMMAS


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all frames, as fractions of the image, or in pixels where the numbers are far beyond 1.

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
    numeric = [line for line in sample if is_numeric(line)]
    order = order_of(numeric)
    numeric = [in_order(line, order) for line in numeric]
    pixels = bool(numeric) and in_pixels(numeric)
    if numeric and not pixels and (other := other_labels(numeric)):
        raise BadFileError(f"holds {other}", where=head.path, todo="Run a pose model, e.g. yolo11n-pose.pt")
    split = (layout_in_pixels(numeric) if pixels else layout_of(numeric)) if numeric else None
    if pixels:
        notes = [*notes, "The joints are in pixels, not fractions of the image as Ultralytics writes them."]
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
            if len(words) != BOX + joints * k + tail or not is_numeric(words):
                raise BadFileError(
                    f"line {at} is not a person of {joints} joints: it has {len(words)} values", where=path
                )
            values = [float(w) for w in in_order(words, order)]
            gathering.person(number, values[BOX : BOX + joints * k], identity=_track(values, tail), where=path)
        if options.progress and done % 500 == 0:
            options.progress(done, len(files))
    if k == 3:
        notes = [*notes]
        flags_to_confidences(gathering, notes, always=False)
    return [
        gathering.build(
            FORMAT,
            base=1 if head.is_folder else None,
            notes=notes,
            units="px" if pixels else "normalized",
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


def _words(line: str) -> list[str]:
    return line.replace(",", " ").split()


def _lines(path) -> list[list[str]]:
    try:
        content = read_bounded(path, _MOST_BYTES)
    except BadFileError as error:
        if error.what == "is empty":  # nobody in this frame
            return []
        raise
    lines = [_words(line) for line in decode(content, path).splitlines() if line.strip()]
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
