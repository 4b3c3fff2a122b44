"""PoseTrack 2017 and MPII as `annolist` JSON: an entry per image, people as rectangles with numbered points.

A value stands in a list of one, as the conversion from MATLAB leaves it. Points that are not listed are missing.
Source: the PoseTrack evaluation kit, leonid-pishchulin/poseval.
"""

from srnet_core.errors import BadFileError
from srnet_core.readers._gathering import Gathering
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.frames import natural_key, videos_of
from srnet_core.readers.head import Head

FORMAT = "annolist"
_NAMES = (
    "right_ankle",
    "right_knee",
    "right_hip",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_wrist",
    "right_elbow",
    "right_shoulder",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "neck",
    "nose",
    "head_top",
)
_MOST_POINTS = 200
_NOT_A_VIDEO = 1.5


def sniff(head: Head) -> float:
    if head.is_folder or not head.looks_like_json or '"annolist"' not in head.text:
        return 0.0
    return 0.95 if isinstance(head.json, dict) and isinstance(head.json.get("annolist"), list) else 0.0


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all images.

    Raises:
        BadFileError: not in this form.
    """
    entries = head.json.get("annolist") if isinstance(head.json, dict) else None
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise BadFileError('is not an annotation of PoseTrack: it has no list "annolist"', where=head.path)
    names = [_image(entry, i) for i, entry in enumerate(entries)]
    numbers = _numbers(names)
    people = [(numbers[name], p) for name, entry in zip(names, entries) for p in _list(entry.get("annorect"))]
    found = [(number, _points(person, head), _one(person.get("track_id"))) for number, person in people if person]
    joints = max((max(points, default=-1) + 1 for _, points, _ in found), default=0)
    joints = len(_NAMES) if 0 < joints <= len(_NAMES) else joints
    gathering = Gathering(head.path)
    for name in names:
        gathering.frame(numbers[name])
    for number, points, who in found:
        if points:
            flat = [v for j in range(joints) for v in points.get(j, (0.0, 0.0, 0.0))]
            gathering.person(number, flat, identity=who if isinstance(who, (int, str)) else None)
    known = _NAMES if joints == len(_NAMES) else None
    return [gathering.build(FORMAT, sparse=_NOT_A_VIDEO, joint_names=known)]


def _list(value: object) -> list[dict]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def _one(value: object) -> object:
    """The value in a list of one."""
    return value[0] if isinstance(value, list) and value else value


def _image(entry: dict, position: int) -> str:
    for image in _list(entry.get("image")):
        if isinstance(name := _one(image.get("name")), str):
            return name.replace("\\", "/")[:400]
    return f"{position}"


def _numbers(names: list[str]) -> dict[str, int]:
    videos = videos_of(list(dict.fromkeys(names)))
    if len(videos) == 1 and not videos[0].duplicates:
        return dict(zip(videos[0].names, videos[0].numbers))
    return {name: i for i, name in enumerate(sorted(set(names), key=natural_key))}


def _points(person: dict, head: Head) -> dict[int, tuple[float, float, float]]:
    """{number of the point: x, y, score}."""
    found: dict[int, tuple[float, float, float]] = {}
    for group in _list(person.get("annopoints")):
        for point in _list(group.get("point")):
            number, x, y, score = (_one(point.get(k)) for k in ("id", "x", "y", "score"))
            if not isinstance(number, int) or not 0 <= number < _MOST_POINTS:
                raise BadFileError(f"has a point of number {str(number)[:20]!a}", where=head.path)
            if not isinstance(x, (int, float)) or not isinstance(y, (int, float)):
                raise BadFileError("has a point without x and y", where=head.path)
            try:
                values = float(x), float(y), float(score) if isinstance(score, (int, float)) else 1.0
            except OverflowError:
                raise BadFileError("has a number that is far too long", where=head.path) from None
            found[number] = values
    return found
