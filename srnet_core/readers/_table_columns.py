"""Which columns of a table of keypoints or 3D points hold what, by their names."""

import itertools
import re
from collections.abc import Iterator, Sequence

from srnet_core.readers._rates import TIME_COLUMNS

FRAME = ("frame", "frame_id", "frame_index", "frame_number", "frame_idx", "frames", "frame_no", "frame_num", "fnum")
PERSON = (
    "person",
    "person_id",
    "person_index",
    "person_idx",
    "person_name",
    "track",
    "track_id",
    "tracking_id",
    "id_person",
    "pose_id",
    "body",
    "body_id",
    "player",
    "player_id",
    "subject",
    "subject_id",
    "skeleton_id",
    "instance",
    "instance_id",
    "individual",
    "individuals",
    "object_id",
    "obj_id",
    "human_id",
    "actor",
    "pid",
)
_JOINT = (
    "joint",
    "jointtype",
    "joint_type",
    "jointname",
    "keypoint",
    "landmark",
    "name",
    "joint_name",
    "keypoint_name",
    "bodypart",
    "landmark_index",
    "landmark_name",
    "landmark_id",
    "keypoint_index",
    "joint_index",
    "id",
    "joint_id",
    "keypoint_id",
    "node",
)
VIDEO = (
    "video",
    "video_name",
    "video_id",
    "video_file",
    "video_path",
    "clip",
    "sequence",
    "camera",
    "camera_id",
    "cam",
)
IMAGE = ("image", "image_path", "image_name", "image_file", "img", "img_path", "file_name", "filename", "file", "path")
_CONFIDENCE = ("confidence", "conf", "score", "likelihood", "c", "s", "p", "v", "visibility", "prob")
_COLUMN = re.compile(r"(.+?)[ ._:/\-]?(x|y|z|confidence|conf|score|likelihood|visibility|prob|[XYZ]|c|s|p|v)$")
_BEFORE = re.compile(r"(x|y|z|confidence|conf|score|likelihood|visibility|prob|c|s|p|v)[ ._:\-](.+)$", re.IGNORECASE)
_COORDINATES = ("x", "y", "z", "likelihood", "confidence", "conf", "score", "visibility")
_CORNERS_OF_A_BOX = ("1", "2")
_OF_BOXES = ("bbox", "box", "bb", "boundingbox", "bboxcenter", "boxcenter", "roi")
_FEWEST_BESIDE_BOX = 5  # joints
_PLACES = ("{}", "{}_px", "px_{}", "{}_pixel", "pixel_{}", "{}_norm", "norm_{}", "{}_normalized")
_MOST_HEADER_ROWS = 4
_LARGEST_CONFIDENCE = 100.0  # in percent
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|nan", re.IGNORECASE)
_CELL = re.compile(rf"[(\[]?\s*(?:{_NUMBER.pattern})(?:[\s,;]+(?:{_NUMBER.pattern})){{1,2}}\s*[)\]]?", re.IGNORECASE)
_NUMBERED = re.compile(r"(x|y|z|confidence|conf|score|c|s|p|v)[_ ]?([0-9]{1,5})$")
_UNIT = re.compile(r"\s*[\[(]\s*(?:px|pixels?|mm|cm|m|meters?|metres?)\s*[\])]$", re.IGNORECASE)  # "nose X (px)"
_IN_BRACKETS = re.compile(
    r"(.+?)\s*[\[(]\s*([xyz]|conf|confidence|score|likelihood|visibility)\s*[\])]$", re.IGNORECASE
)


def without_unit(cell: str) -> str:
    """The name of a column without the unit of its places, and without brackets around a coordinate."""
    cell = _UNIT.sub("", cell.strip())
    return f"{match[1]}_{match[2]}" if (match := _IN_BRACKETS.fullmatch(cell)) else cell


def plain_name(name: str) -> str:
    """A name without case, blanks and marks: "Frame #", "frame" and "FRAME" are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def column_of(header: Sequence[str], choices: Sequence[str]) -> int | None:
    """The column that has the first of these names that there is; `None` where there is none of them."""
    names = [plain_name(without_unit(cell)) for cell in header]
    return next((names.index(n) for n in map(plain_name, choices) if n in names), None)


def wide_columns(header: list[str]) -> dict[str, dict[str, int]] | None:
    """{joint: {"x": column, "y": column, "z" or "c": column}} of a header with a column per joint and coordinate."""
    found: dict[str, dict[str, int]] = {}
    for at, cell in enumerate(header):
        cell = without_unit(cell)
        match = _NUMBERED.match(cell.lower())
        if match:
            stem, kind = match.group(2), match.group(1)
        elif match := _COLUMN.match(cell):
            stem, kind = match.group(1), match.group(2).lower()
        elif match := _BEFORE.match(cell):
            stem, kind = match.group(2), match.group(1).lower()
        else:
            continue
        kind = kind if kind in "xyz" else "c"
        found.setdefault(stem, {}).setdefault(kind, at)
    joints = {stem: c for stem, c in found.items() if "x" in c and "y" in c}
    of_box = [stem for stem in joints if stem in _CORNERS_OF_A_BOX]
    if len(joints) - len(of_box) >= 5 and not any(stem.isdigit() for stem in joints if stem not in of_box):
        joints = {stem: c for stem, c in joints.items() if stem not in of_box}  # x1, y1, x2, y2
    if len(named := {stem: c for stem, c in joints.items() if plain_name(stem) not in _OF_BOXES}) >= _FEWEST_BESIDE_BOX:
        joints = named  # without bbox_x, bbox_y
    before = _wide_of_prefixes(header) or {}
    best = before if len(before) > len(joints) else joints
    told = column_of(header, FRAME) is not None and column_of(header, PERSON) is not None  # SLEAP's, with few points
    return best if len(best) >= (2 if told else 5) else None


def _wide_of_prefixes(header: list[str]) -> dict[str, dict[str, int]] | None:
    """The same where all columns are named "x_nose", "y_nose", ..., even if a name ends like a coordinate."""
    found: dict[str, dict[str, int]] = {}
    for at, cell in enumerate(header):
        if match := _BEFORE.match(without_unit(cell)):
            kind = match.group(1).lower()
            found.setdefault(match.group(2), {}).setdefault(kind if kind in "xyz" else "c", at)
    joints = {stem: c for stem, c in found.items() if "x" in c and "y" in c}
    return joints if len(joints) >= 5 else None


def names_of(stems: tuple[str, ...]) -> tuple[str, ...] | None:
    """Names of joints; `None` where all are alike but for their numbers ("kp0", "kp1")."""
    words = {re.sub(r"[0-9]+", "#", stem) for stem in stems}
    return None if len(words) == 1 and "#" in words.pop() else stems


def long_columns(header: list[str]) -> dict[str, int] | None:
    """The columns of frame, time, image, joint, person, x, y, z and c of a table with a row per joint.

    -1 where there is none; `None` for other tables.
    """
    columns = {
        key: -1 if (at := column_of(header, choices)) is None else at
        for key, choices in (
            ("frame", FRAME),
            ("time", TIME_COLUMNS),
            ("image", IMAGE),
            ("joint", _JOINT),
            ("person", PERSON),
            ("c", _CONFIDENCE),
        )
    }
    names = [without_unit(cell).lower() for cell in header]
    place = next((p for p in _PLACES if p.format("x") in names and p.format("y") in names), _PLACES[0])
    columns |= {k: names.index(n) if (n := place.format(k)) in names else -1 for k in "xyz"}
    for other in ("time", "image"):  # the times or the images tell which rows are of one frame
        if columns["frame"] < 0:
            columns["frame"] = columns[other]
    return columns if min(columns[k] for k in ("frame", "joint", "x", "y")) >= 0 else None


def joined_header(rows: list[list[str]]) -> tuple[list[str], int] | None:
    """Names and coordinates that stand in rows below each other, as one header ("nose_x"); and how many rows they take.

    So pandas writes tables with columns of several levels. A name may stand above the first of its columns only.
    """
    for at, row in enumerate(rows[:_MOST_HEADER_ROWS]):
        words = [cell.strip().lower() for cell in row]
        coordinates = [i for i, word in enumerate(words) if word in _COORDINATES]
        if len(coordinates) < 10 or any(words[coordinates[0] :].count(axis) < 5 for axis in "xy"):
            continue
        if at == 0 or len(rows[at - 1]) != len(row):
            return None
        names = [cell.strip() for cell in rows[at - 1]]
        for i in coordinates[1:]:
            names[i] = names[i] or names[i - 1]
        joined = [f"{name}_{word}" if word in _COORDINATES else word or name for name, word in zip(names, words)]
        return joined, at + 1
    return None


def _coordinates_in_cells(header: list[str], rows: list[list[str]]) -> list[int]:
    """Columns whose cells hold two or three numbers each, such as "(310.5, 88)"."""
    sample = [row for row in rows if len(row) == len(header)][:5]
    return [i for i in range(len(header)) if sample and all(_CELL.fullmatch(row[i].strip()) for row in sample)]


def in_cells(rows: list[list[str]]) -> bool:
    """Whether a table has a column per joint with all of its coordinates in one cell."""
    return len(rows) > 1 and len(_coordinates_in_cells(rows[0], rows[1:])) >= 5


def taken_apart(header: list[str], rows: Iterator[list[str]]) -> tuple[list[str], Iterator[list[str]]]:
    """The same table with a column per joint and coordinate."""
    first = list(itertools.islice(rows, 5))
    columns = _coordinates_in_cells(header, first)
    width = max(len(_NUMBER.findall(row[i])) for row in first for i in columns if i < len(row))
    others = [i for i in range(len(header)) if i not in columns]
    thirds = [
        float(found[2]) for row in first for i in columns if i < len(row) and len(found := _NUMBER.findall(row[i])) > 2
    ]
    kinds = "xyz" if any(not -1 <= third <= _LARGEST_CONFIDENCE for third in thirds if third == third) else "xyc"
    if all(_CELL.fullmatch(header[i].strip()) for i in columns):  # the table has no header
        first, header = [header, *first], list(map(str, range(len(header))))
    names = [header[i] for i in others] + [f"{header[i]}_{kind}" for i in columns for kind in kinds[:width]]

    def cells() -> Iterator[list[str]]:
        for row in itertools.chain(first, rows):
            made = [row[i] if i < len(row) else "" for i in others]
            for i in columns:
                found = _NUMBER.findall(row[i])[:width] if i < len(row) else []
                made += found + [""] * (width - len(found))
            yield made

    return names, cells()


def is_numeric(row: list[str]) -> bool:
    try:
        return len([float(c) for c in row if c.strip()]) >= 10
    except ValueError:
        return False
