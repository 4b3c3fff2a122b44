"""What joint names mean: the side of the body and the joint, in the words that programs use."""

import re

LEFT, RIGHT, MIDDLE = "L", "R", ""
_SIDES = {"left": LEFT, "l": LEFT, "lft": LEFT, "lt": LEFT, "right": RIGHT, "r": RIGHT, "rgt": RIGHT, "rt": RIGHT}
# Words for the joint at which a segment starts; the earlier of two words in one file wins.
_WORDS = {
    "hip": ("upleg", "upperleg", "legupper", "thigh", "thighbend", "femur", "hjc", "hip", "hips"),
    "knee": ("knee", "kjc", "lowerleg", "leglower", "lowleg", "loleg", "calf", "shin", "shank", "tibia", "leg"),
    "ankle": ("ankle", "ajc", "foot", "talus"),
    "toe": ("toebase", "toe", "toes", "ball", "bigtoe"),
    "clavicle": ("clavicle", "collar", "clav", "scapula", "collarbone"),
    "shoulder": ("upperarm", "uparm", "uarm", "humerus", "sjc", "armupper", "arm", "shldrbend", "shoulder", "shldr"),
    "elbow": (
        "elbow",
        "ejc",
        "forearm",
        "forearmbend",
        "lowerarm",
        "armlower",
        "lowarm",
        "loarm",
        "farm",
        "larm",
        "radius",
        "ulna",
    ),
    "wrist": ("wrist", "wjc", "hand", "carpus"),
    "pelvis": ("hips", "pelvis", "hip", "midhip", "spinebase", "root"),
    "spine": ("spine", "chest", "abdomen", "torso", "waist", "lowerback", "back", "belly", "upperchest", "spinemid"),
    "neck": ("neck", "lowerneck", "spineshoulder"),
    "head": ("head",),
    "headtop": ("headtop", "headend", "headnub", "tophead", "headtopend", "headtip"),
    "nose": ("nose",),
}
_PAIRED = ("hip", "knee", "ankle", "toe", "clavicle", "shoulder", "elbow", "wrist")
_JOINT_WORDS = {"knee", "ankle", "elbow", "wrist", "hip", "shoulder", "neck", "head"}
_PART_OF = {word: part for part, words in _WORDS.items() for word in words}
_IGNORED = {
    "joint",
    "jnt",
    "jt",
    "bone",
    "def",
    "bip",
    "j",
    "skel",
    "skeleton",
    "base",
    "bind",
    "sim",
    "c",
    "center",
    "centre",
}


def meaning(name: str) -> tuple[str, str, int] | None:
    """(part, side, rank) of a joint's name; the lower rank is the better name. `None` where it means no joint.

    >>> meaning("mixamorig:LeftForeArm"), meaning("calf_r"), meaning("lfemur")
    (('elbow', 'L', 2), ('knee', 'R', 6), ('hip', 'L', 4))
    """
    words, numbers = _split(name)
    side = MIDDLE
    kept = []
    for i, word in enumerate(words):
        if word in _SIDES and (len(word) > 1 or i in (0, len(words) - 1) or len(words) <= 3) and not side:
            side = _SIDES[word]
        elif word not in _IGNORED and not (word == "m" and i == 0):
            kept.append(word)
    joined = "".join(kept)
    if not side and joined[:1] in ("l", "r") and joined not in _PART_OF and joined[1:] in _PART_OF:
        side, joined = _SIDES[joined[0]], joined[1:]
    if joined not in _PART_OF:
        return None
    part = _part(joined, side)
    if part is None:
        return None
    rank = _WORDS[part].index(joined) + 20 * max((n for n in numbers if n > 1), default=0)
    return part, side if part in _PAIRED else MIDDLE, rank


def _part(word: str, side: str) -> str | None:
    if side:
        return next((part for part in _PAIRED if word in _WORDS[part]), None)
    return next((part for part, words in _WORDS.items() if word in words and part not in _PAIRED), None)


def _split(name: str) -> tuple[list[str], list[int]]:
    """Lower-case words and numbers of a name: "LeftUpLeg_01" -> (["left", "up", "leg"], [1])."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])", " ", name)
    pieces = re.findall(r"[A-Za-z]+|\d+", name)
    return [p.lower() for p in pieces if not p.isdigit()], [int(p) for p in pieces if p.isdigit() and len(p) < 6]


def is_segment(part: str, rank: int) -> bool:
    """Whether the word that `meaning` found names a segment ("tibia"), not the joint itself ("knee")."""
    return part in _PAIRED and _WORDS[part][rank % 20] not in _JOINT_WORDS
