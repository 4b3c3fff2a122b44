"""Names of Human3.6M's takes by their numbers: "s_01_act_04_subact_01" is take "Eating 2" of S1.

Converters number the actions from 2 to 16 and the two takes of each by 1 and 2. Source: Human3.6M's own metadata, as
tables of it in public code agree on it. Most takes are called "Action 1" and "Action"; the others are listed.
"""

import re

CAMERA_IDS = ("54138969", "55011271", "58860488", "60457274")  # cameras 1 to 4, in the order of the published files
DAMAGED = ("S11", "Directions")  # left out by all converters: one of its four videos is damaged
ACTIONS = (
    "Directions",
    "Discussion",
    "Eating",
    "Greeting",
    "Phoning",
    "Posing",
    "Purchases",
    "Sitting",
    "SittingDown",
    "Smoking",
    "Photo",
    "Waiting",
    "Walking",
    "WalkDog",
    "WalkTogether",
)
_FIRST_ACTION = 2  # 1 is "_ALL", the warming up
_USUAL = ("1", "")
# {subject: {action: what follows the action in the names of its first and second take}}
_OTHERS = {
    "S1": {"Eating": ("2", ""), "Sitting": ("1", "2"), "SittingDown": ("2", "")},
    "S5": {
        "Directions": ("1", "2"),
        "Discussion": ("2", "3"),
        "Greeting": ("1", "2"),
        "SittingDown": ("", "1"),
        "Photo": ("", "2"),
        "Waiting": ("1", "2"),
    },
    "S6": {
        "Eating": ("1", "2"),
        "Posing": ("2", ""),
        "Sitting": ("1", "2"),
        "Photo": ("", "1"),
        "Waiting": ("3", ""),
    },
    "S7": {
        "Phoning": ("2", ""),
        "SittingDown": ("", "1"),
        "Photo": ("", "1"),
        "Waiting": ("1", "2"),
        "Walking": ("1", "2"),
    },
    "S8": {"SittingDown": ("", "1"), "WalkTogether": ("1", "2")},
    "S9": {"Discussion": ("1", "2"), "SittingDown": ("", "1")},
    "S11": {
        "Discussion": ("1", "2"),
        "Greeting": ("2", ""),
        "Phoning": ("3", "2"),
        "SittingDown": ("", "1"),
        "Smoking": ("2", ""),
    },
}
_NUMBERED = re.compile(r"s_?(\d{1,2})_act_?(\d{1,2})_subact_?(\d{1,2})(?:_ca_?(\d{1,2}))?", re.ASCII)
_RENAMED = {"TakingPhoto": "Photo", "WalkingDog": "WalkDog"}  # as the published file names them


def numbered_take(subject: str, action: int, number: int) -> str | None:
    """The name of a take in the published files, e.g. "Eating 2"; `None` for numbers that Human3.6M does not have."""
    if not 0 <= action - _FIRST_ACTION < len(ACTIONS) or number not in (1, 2):
        return None
    name = ACTIONS[action - _FIRST_ACTION]
    return f"{name} {_OTHERS.get(subject, {}).get(name, _USUAL)[number - 1]}".strip()


def numbered_video(text: str) -> tuple[str, str, int | None] | None:
    """(subject, take, index of the camera) of a name with numbers, "s_01_act_02_subact_01_ca_03"; `None` for others."""
    match = _NUMBERED.search(text)
    if match is None:
        return None
    subject = f"S{int(match[1])}"
    take = numbered_take(subject, int(match[2]), int(match[3]))
    camera = int(match[4]) - 1 if match[4] else None
    if take is None or (camera is not None and not 0 <= camera < len(CAMERA_IDS)):
        return None
    return subject, take, camera


def named_take(name: str) -> str:
    """The name of a take in the published files, of that in other files: Directions_1 -> "Directions 1"."""
    take = name.replace("_", " ")
    for old, new in _RENAMED.items():
        take = take.replace(old, new)
    return take
