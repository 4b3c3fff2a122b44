"""OpenPose's `--write_keypoint`: matrices in OpenCV's YAML, XML or JSON, a file for each frame (before `--write_json`).

A file holds `pose_0`, a matrix of (people, joints, 3): x, y, confidence; 0 rows without people. Files of faces and
hands lie beside. Source: OpenPose, keypointSaver.cpp and fileStream.cpp (saveData); OpenCV, FileStorage.
"""

import re
from collections.abc import Iterator, Mapping

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._numbers import number_of_text
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.detections import MOST_PEOPLE, Detections, ReadOptions
from srnet_core.readers.frames import choose_video
from srnet_core.readers.head import Head
from srnet_core.readers.openpose import LAYOUTS
from srnet_core.readers.text import decode, parse_json

FORMAT = "openpose"
_ENDINGS = (".yml", ".yaml", ".xml", ".json")
_OF_OTHER_PARTS = ("face", "hand_left", "hand_right", "hand", "heatmaps")
_MOST_BYTES = 64 << 20
_FEWEST, _MOST_JOINTS = 5, 1_000
_SIDES = ("rows", "cols")
_LIST = r"\[([^\]]*)\]"
_YAML = re.compile(r"^(\w+): !!opencv-(?:nd-)?matrix\s*\n(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
_XML = re.compile(r'<(\w+) type_id="opencv-(?:nd-)?matrix"\s*>(.*?)</\1>', re.DOTALL)


def sniff(head: Head) -> float:
    one = _first(head) if head.is_folder else head
    return 0.9 if one is not None and _is_storage(one.text) and _matrix(one) is not None else 0.0


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all frames.

    Raises:
        BadFileError: a file holds no matrix of keypoints, as the others do.
    """
    notes: list[str] = []
    files = [(0, head.path)]
    if head.is_folder:
        names = list(_names(head))
        if not names:
            raise BadFileError("holds no matrices of OpenPose", where=head.path)
        video, notes = choose_video(names, head.path, options.sequence)
        files = [(number, head.path / name) for number, name in zip(video.numbers, video.names)]
    gathering = Gathering(head.path)
    for done, (number, path) in enumerate(files, 1):
        people = _matrix(Head(path))
        if people is None:
            raise BadFileError("holds no matrix of keypoints, as OpenPose writes them", where=path)
        if len(people) > MOST_PEOPLE:
            raise BadFileError(f"has {len(people)} people in one frame; at most {MOST_PEOPLE} are read", where=path)
        gathering.frame(number, len(people))
        for person in people:
            gathering.person(number, person.reshape(-1), where=path)
        if options.progress and done % 500 == 0:
            options.progress(done, len(files))
    joints = max(set(gathering.joints), key=gathering.joints.count, default=0)
    layouts = LAYOUTS.get(joints, ())
    layout = layouts[0] if len(layouts) == 1 else None
    return [gathering.build(FORMAT, notes=notes, layout=layout, candidates=layouts)]


def _names(head: Head) -> Iterator[str]:
    """The files of the bodies of all frames."""
    for name in head.entries:
        stem, _, ending = name.lower().rpartition(".")
        if f".{ending}" in _ENDINGS and not stem.endswith(_OF_OTHER_PARTS):
            yield name


def _first(head: Head) -> Head | None:
    name = next(_names(head), None)
    return Head(head.path / name) if name is not None and (head.path / name).stat().st_size else None


def _is_storage(text: str) -> bool:
    return "opencv-matrix" in text or "opencv-nd-matrix" in text


def _matrix(head: Head) -> np.ndarray | None:
    """(people, joints, 3) of the first matrix in a file; `None` where it is something else."""
    content = read_bounded(head.path, _MOST_BYTES)
    if head.looks_like_json:
        value = parse_json(content, head.path)
        return next((_of_json(v) for v in value.values() if _is_matrix(v)), None) if isinstance(value, dict) else None
    text = decode(content, head.path)
    found = _YAML.search(text)
    if found is not None:
        sizes = _of_yaml(found[2], "sizes") or [v for key in _SIDES for v in _of_yaml(found[2], key) or ()]
        return _shaped(sizes, _of_yaml(found[2], "data"))
    found = _XML.search(text)
    if found is None:
        return None
    sizes = _of_xml(found[2], "sizes") or [v for key in _SIDES for v in _of_xml(found[2], key) or ()]
    return _shaped(sizes, _of_xml(found[2], "data"))


def _is_matrix(value: object) -> bool:
    return isinstance(value, dict) and str(value.get("type_id", "")).startswith("opencv-")


def _of_json(value: Mapping[str, object]) -> np.ndarray | None:
    sizes, data = value.get("sizes"), value.get("data")
    sizes = sizes if isinstance(sizes, list) else [value.get("rows"), value.get("cols")]
    numbers = [_number(v) for v in data] if isinstance(data, list) else None
    return None if numbers is None else _shaped([_number(size) for size in sizes], numbers)


def _number(value: object) -> float | None:
    if isinstance(value, str):
        return _of_word(value)
    return float(value) if isinstance(value, (int, float)) and abs(value) < 1e300 else None


def _of_word(word: str) -> float | None:
    """A number as OpenCV writes it: "3.2e+02", "12.", ".Nan", "-.Inf"."""
    lower = word.lower()
    return float("nan") if lower.lstrip("+-") in (".nan", ".inf", "nan", "inf") else number_of_text(word)


def _of_yaml(text: str, key: str) -> list[float | None] | None:
    found = re.search(rf"^\s+{key}:\s*(?:{_LIST}|([0-9]+))", text, re.MULTILINE)
    if found is None:
        return None
    words = found[1] if found[1] is not None else found[2]
    return [_of_word(word) for word in words.replace(",", " ").split()]


def _of_xml(text: str, key: str) -> list[float | None] | None:
    found = re.search(rf"<{key}>([^<]*)</{key}>", text)
    return [_of_word(word) for word in found[1].split()] if found else None


def _shaped(sizes: list[float | None], data: list[float | None] | None) -> np.ndarray | None:
    """(people, joints, 3) of numbers in a row, with no people where there are no numbers."""
    if data is None or None in data or None in sizes:
        return None
    if not data:
        return np.zeros((0, 0, 3))
    shape = [int(size) for size in sizes if size is not None and 0 <= size < 1e6]
    if len(shape) not in (2, 3) or shape[-1] != 3 or not _FEWEST <= shape[-2] <= _MOST_JOINTS:
        return None
    if int(np.prod(shape)) != len(data):
        return None
    return np.array(data, np.float64).reshape(-1, *shape[-2:])
