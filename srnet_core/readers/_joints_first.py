"""JSON of joints by name, each with its places in all frames, as frames of joints by name."""

from collections.abc import Mapping, Sequence

from srnet_core.layouts import part_of

_FEWEST = 8  # names of body parts
_INSIDE = ("keypoints", "joints", "landmarks", "poses", "data")
_MOST_KEYS = 1_000


def frames_of_joints(value: object) -> object:
    """{"frames": [{joint: place}, ...]} of {joint: [place of each frame]}; any other value as it is.

    The places of a joint are a list, an object by number of the frame, or {"x": [...], "y": [...], ...}. The object may
    stand under one key, beside details such as the frame rate.
    """
    if not isinstance(value, dict):
        return value
    if (frames := _frames(value)) is not None:
        return {"frames": frames}
    for key in _INSIDE:
        if (frames := _frames(value.get(key))) is not None:
            return {**{k: v for k, v in value.items() if k != key}, "frames": frames}
    return value


def _frames(value: object) -> list[dict] | None:
    if not isinstance(value, dict) or not _FEWEST <= len(value) <= _MOST_KEYS:
        return None
    joints = {name: _places(places) for name, places in value.items() if part_of(str(name)[:80])}
    if len(joints) < _FEWEST:
        return None
    numbers: set[int] = set()
    for places in joints.values():
        if places is None:
            return None
        numbers |= places.keys()
    if len({len(places) for places in joints.values() if places is not None}) > 1 and 0 not in numbers:
        return None
    return [
        {"frame": number, "keypoints": {name: (places or {}).get(number) for name, places in joints.items()}}
        for number in sorted(numbers)
    ]


def _places(value: object) -> Mapping[int, object] | None:
    """{number of the frame: place of the joint}; `None` where these are no places over time."""
    if isinstance(value, list):
        return dict(enumerate(value)) if value and all(map(_is_place, value)) else None
    if not isinstance(value, dict) or not value:
        return None
    if all(str(key).isdigit() and len(str(key)) < 18 for key in value):
        return {int(key): place for key, place in value.items()} if all(map(_is_place, value.values())) else None
    columns = {str(key): column for key, column in value.items() if isinstance(column, list)}
    if not {"x", "y"} <= columns.keys() or len(set(map(len, columns.values()))) > 1:
        return None
    return {at: dict(zip(columns, row)) for at, row in enumerate(zip(*columns.values()))}


def _is_place(value: object) -> bool:
    """Whether it is the place of a joint in one frame: x and y, or nothing where it is missing."""
    if value is None or value in ([], {}):
        return True
    if isinstance(value, dict):
        return "x" in value and "y" in value and not isinstance(value["x"], (list, dict))
    return isinstance(value, Sequence) and 2 <= len(value) <= 4 and not any(isinstance(v, (list, dict)) for v in value)
