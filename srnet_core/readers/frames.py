"""Frame numbers: which files of a folder belong to one video, in which order, and which frames are missing."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.readers.detections import MOST_FRAMES

MOST_DIGITS = 18  # what fits an int64
_TOKENS = re.compile(r"[0-9]+")
_PIECES = re.compile(r"([0-9]+)")
_SPARSE_ALLOWED = 1_000
_MANY_TIMES = 100
_SURELY_A_VIDEO = 20  # frames, whatever is missing of them: collections of images have larger numbers


@dataclass(frozen=True)
class FrameFiles:
    """The files of one video: `numbers[i]` is the frame number in `names[i]`; both sorted by number."""

    prefix: str
    names: tuple[str, ...]
    numbers: tuple[int, ...]
    duplicates: tuple[str, ...] = ()


def natural_key(name: str) -> tuple:
    """Sorts "frame_2" before "frame_10", and "frame_1" before "frame_01"."""
    return (tuple(map(_piece, _PIECES.split(name))), len(name), name)


def _piece(piece: str) -> tuple:
    digits = piece.lstrip("0") if piece.isdigit() and piece.isascii() else None
    return (0, piece) if digits is None else (1 + len(digits), digits)


def videos_of(names: Sequence[str]) -> list[FrameFiles]:
    """Group file names into videos, the one with most files first.

    Names are alike but for their digits ("cam01_0001.json"). The number that varies most is the frame; everything else
    tells the videos apart.
    """
    shapes: dict[tuple, list[tuple[str, list[str]]]] = {}
    for name in names:
        stem = name.rpartition(".")[0] or name
        digits = _TOKENS.findall(stem)
        shapes.setdefault(tuple(_TOKENS.split(stem)), []).append((name, digits))
    videos = []
    for shape, members in shapes.items():
        videos += _videos_of_shape(shape, members)
    return sorted(videos, key=lambda v: (-len(v.names), natural_key(v.prefix)))


def _videos_of_shape(shape: tuple, members: list[tuple[str, list[str]]]) -> list[FrameFiles]:
    slots = len(shape) - 1
    if not slots:
        return [FrameFiles(shape[0], tuple(name for name, _ in members), tuple(range(len(members))))]
    distinct = [len({digits[s].lstrip("0") for _, digits in members}) for s in range(slots)]
    frame_slot = max(range(slots), key=lambda s: (distinct[s], s))
    groups: dict[str, list[tuple[int, str, str]]] = {}
    for name, digits in members:
        number = digits[frame_slot]
        others = [d if s != frame_slot else "#" for s, d in enumerate(digits)] + [""]
        prefix = "".join(text + digit for text, digit in zip(shape, others))
        groups.setdefault(prefix, []).append((int(number[:MOST_DIGITS]), number, name))
    return [_video(prefix, found) for prefix, found in groups.items()]


def _video(prefix: str, found: list[tuple[int, str, str]]) -> FrameFiles:
    """Two files of one number ("7" and "007"): the one that is as wide as most others stays."""
    found.sort()
    usual_width = Counter(len(text) for _, text, _ in found).most_common(1)[0][0]
    kept: dict[int, tuple[str, str]] = {}
    doubles = []
    for number, text, name in found:
        if number in kept and len(text) != usual_width:
            doubles.append(name)
        else:
            if number in kept:
                doubles.append(kept[number][1])
            kept[number] = (text, name)
    return FrameFiles(prefix, tuple(name for _, name in kept.values()), tuple(kept), tuple(doubles))


def choose_video(
    names: Sequence[str], where: object, wanted: str | None = None, *, videos: Sequence[FrameFiles] | None = None
) -> tuple[FrameFiles, list[str]]:
    """The files of the one video in a folder, and notes on what was left out.

    Args:
        videos: what `videos_of` says of the names, if it is known.

    Raises:
        BadFileError: several videos share the folder and none has a clear majority; the message says how to choose.
    """
    videos = videos_of(names) if videos is None else videos
    if wanted is not None:
        matching = [v for v in videos if wanted in (v.prefix, v.prefix.replace("#", ""))]
        if not matching:
            raise BadFileError(
                f"has no files of {wanted!r}", where=where, todo="It has: " + few(v.prefix for v in videos)
            )
        return matching[0], _double_notes(matching[0])
    first, others = videos[0], videos[1:]
    if others and len(others[0].names) > 0.5 * len(first.names) and len(first.names) > 1:
        raise BadFileError(
            f"holds files of {len(videos)} videos: {few(f'{v.prefix} ({len(v.names)} files)' for v in videos)}",
            where=where,
            todo="Put each in a folder of its own, or name one with sequence=",
        )
    if others and len(first.names) == 1:  # names without any pattern: keep them all, in natural order
        ordered = sorted(names, key=natural_key)
        return FrameFiles("", tuple(ordered), tuple(range(len(ordered)))), [
            "The file names have no frame numbers in common; they are taken in alphabetical order."
        ]
    notes = []
    if others:
        count = sum(len(v.names) + len(v.duplicates) for v in others)
        notes.append(
            f"Files that are named differently from the others ({first.prefix}) were left out, as they seem to be from "
            f"another video: {count} ({few(name for v in others for name in v.names)})."
        )
    return first, notes + _double_notes(first)


def _double_notes(video: FrameFiles) -> list[str]:
    if not video.duplicates:
        return []
    return [
        "Files with a frame number that another has too were left out: "
        f"{len(video.duplicates)} ({few(video.duplicates)})."
    ]


@dataclass(frozen=True)
class FrameAxis:
    """T frames: where each given number lies among them."""

    index: np.ndarray  # of each number given, -1 for those left out
    count: int
    first: int
    step: int
    consecutive: bool
    notes: tuple[str, ...]


def frame_axis(
    numbers: Sequence[int], *, base: int | None = None, sparse: float = 20.0, separate: str | None = None
) -> FrameAxis:
    """Lay frame numbers out on a line without holes.

    Args:
        numbers: frame numbers, repeated where a frame has several people, in any order.
        base: where the format starts to count, for formats that do not list frames without people.
        sparse: the largest ratio of all frames to those in the data. With a larger ratio (and more than 1,000 frames)
            the numbers are taken for names of images that do not follow each other.
        separate: why the frames are separate images, where something else than the numbers says so.
    """
    given = np.asarray(numbers, np.int64)
    if not len(given):
        return FrameAxis(given, 0, base or 0, 1, True, ())
    unique = np.unique(given)
    notes = []
    if outliers := _far_away(unique):
        unique = unique[~np.isin(unique, outliers)]
        notes.append(f"Frames far away from all others were left out: {few(outliers)}.")
    first, last = int(unique[0]), int(unique[-1])
    step = math.gcd(*np.diff(unique).tolist()) if len(unique) >= 3 else 1
    if base is not None and base < first <= base + max(50, len(unique)) and (first - base) % step == 0:
        first = base
    count = (last - first) // step + 1
    if count > max(_SPARSE_ALLOWED, sparse * len(unique)) or (
        sparse < 2 and count > max(_SURELY_A_VIDEO, sparse * len(unique))
    ):
        separate = separate or "The frame numbers do not follow each other"
    if separate:
        notes.append(f"{separate}: frames are taken as separate images, in their order.")
        index = np.where(np.isin(given, unique), np.searchsorted(unique, given), -1)
        return FrameAxis(index, len(unique), int(unique[0]), 1, False, tuple(notes))
    if count > MOST_FRAMES:
        raise BadFileError(f"spans {count} frames; at most {MOST_FRAMES} are read")
    if step > 1:
        notes.append(f"The frame numbers go up in steps of {step}: one of every {step} frames is here.")
    if missing := count - len(unique):
        notes.append(f"Frames that the data leave out are kept as frames without people: {missing} of {count}.")
    index = np.where(np.isin(given, unique), (given - first) // step, -1)
    return FrameAxis(index, count, first, step, True, tuple(notes))


def _far_away(unique: np.ndarray) -> list[int]:
    """Numbers at either end that a huge hole parts from nearly all others: a slip, e.g. frame 1000000000 of 300."""
    if len(unique) < 10:
        return []
    holes = np.flatnonzero(np.diff(unique) > max(_SPARSE_ALLOWED, 20 * len(unique)))
    few_of_them = max(1, len(unique) // 20)
    after = [int(h) + 1 for h in holes if len(unique) - h - 1 <= few_of_them]
    before = [int(h) + 1 for h in holes if h + 1 <= few_of_them]
    kept = unique[max(before, default=0) : min(after, default=len(unique))]
    usual = float(np.median(np.diff(kept)))
    cut = [int(np.diff(unique)[i - 1]) for i in (max(before, default=0), min(after, default=0)) if i]
    if any(hole <= _MANY_TIMES * usual for hole in cut):
        return []  # names of images, which are far from each other everywhere
    return np.setdiff1d(unique, kept).tolist()


def few(names, most: int = 3) -> str:
    """The first names of many, as text."""
    names = [ascii(str(n)[:60])[1:-1] for n in names]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
