"""Body parts by the words of their names: sides, synonyms, parents, and a figure of average size.

Parts are named, e.g., "left_elbow", "nose", "hip" (the middle of the hips), "neck" (between the shoulders) or
"head_top". Other points of a layout (faces, fingers) have the part "".
"""

import re

# A standing person of 1.75 m: x to the person's left, y up, z forward, metres. Right sides follow by mirroring.
_FIGURE_M = {
    "head_top": (0, 1.75, 0),
    "head": (0, 1.64, 0.02),
    "nose": (0, 1.60, 0.11),
    "upper_neck": (0, 1.52, 0.01),
    "neck": (0, 1.44, 0),
    "chest": (0, 1.25, 0.02),
    "spine": (0, 1.14, 0),
    "hip": (0, 0.93, 0),
    "left_eye": (0.032, 1.635, 0.09),
    "left_eye_inner": (0.018, 1.635, 0.09),
    "left_eye_outer": (0.046, 1.635, 0.085),
    "left_ear": (0.075, 1.62, 0.0),
    "left_mouth": (0.025, 1.56, 0.09),
    "left_clavicle": (0.04, 1.43, 0.02),
    "left_shoulder": (0.17, 1.42, 0),
    "left_elbow": (0.24, 1.14, 0),
    "left_wrist": (0.27, 0.90, 0.05),
    "left_hand": (0.28, 0.82, 0.06),
    "left_hand_tip": (0.28, 0.74, 0.07),
    "left_index": (0.27, 0.80, 0.09),
    "left_pinky": (0.29, 0.81, 0.03),
    "left_thumb": (0.25, 0.83, 0.10),
    "left_hip": (0.11, 0.93, 0),
    "left_knee": (0.12, 0.51, 0.02),
    "left_ankle": (0.12, 0.09, -0.01),
    "left_heel": (0.12, 0.03, -0.06),
    "left_big_toe": (0.13, 0.03, 0.16),
    "left_small_toe": (0.18, 0.03, 0.12),
    "left_foot": (0.13, 0.04, 0.12),
}
FIGURE_M = {}
for _part, (_x, _y, _z) in _FIGURE_M.items():
    FIGURE_M[_part] = (_x, _y, _z)
    if _part.startswith("left_"):
        FIGURE_M["right_" + _part[5:]] = (-_x, _y, _z)

# What a part hangs off: the first of these that a layout has.
_HANGS_OFF = {
    "spine": ("hip",),
    "chest": ("spine", "hip"),
    "neck": ("chest", "spine", "hip"),
    "upper_neck": ("neck", "chest"),
    "head": ("upper_neck", "neck", "nose"),
    "nose": ("head", "upper_neck", "neck", "head_top"),
    "head_top": ("head", "nose", "upper_neck", "neck"),
    "eye": ("nose", "head", "head_top"),
    "eye_inner": ("nose", "head"),
    "eye_outer": ("eye", "nose"),
    "ear": ("eye_outer", "eye", "nose", "head", "head_top"),
    "mouth": ("nose",),
    "clavicle": ("neck", "chest"),
    "shoulder": ("clavicle", "neck", "upper_neck", "nose", "head"),
    "elbow": ("shoulder",),
    "wrist": ("elbow",),
    "hand": ("wrist", "elbow"),
    "hand_tip": ("hand", "wrist"),
    "index": ("wrist", "hand"),
    "pinky": ("wrist", "hand"),
    "thumb": ("hand", "wrist"),
    "hip": ("hip", "shoulder"),
    "knee": ("hip",),
    "ankle": ("knee",),
    "heel": ("ankle", "knee"),
    "big_toe": ("ankle", "heel"),
    "small_toe": ("big_toe", "ankle", "heel"),
    "foot": ("ankle", "knee"),
}

_WORDS = {
    "head_top": "headtop tophead topofhead vertex crown hd htop",
    "head": "head headcenter headcentre",
    "nose": "nose nosetip",
    "upper_neck": "upperneck headbottom jaw chin",
    "neck": "neck thorax spineshoulder spinechest sternum spine4 throat cervicale c7",
    "chest": "chest upperspine spine2 spine3",
    "spine": "spine spinemid belly torso midspine lowerspine spinenaval spine1 abdomen",
    "hip": "midhip hips pelvis root spinebase hipmid hipcenter hipcentre centerhip centrehip sacrum",
    "eye": "eye",
    "eye_inner": "eyeinner innereye",
    "eye_outer": "eyeouter outereye",
    "ear": "ear",
    "mouth": "mouth mouthcorner",
    "clavicle": "clavicle collar",
    "shoulder": "shoulder sho uparm upperarm",
    "elbow": "elbow elb forearm lowerarm",
    "wrist": "wrist wri",
    "hand": "hand",
    "hand_tip": "handtip",
    "index": "index indexfinger",
    "pinky": "pinky littlefinger",
    "thumb": "thumb",
    "knee": "knee kne calf shank lowerleg",
    "ankle": "ankle ank",
    "heel": "heel calcaneus",
    "big_toe": "bigtoe footindex toe toes",
    "small_toe": "smalltoe littletoe",
    "foot": "foot",
    "side_hip": "hip upleg upperleg thigh",
}
_PART_OF_WORD = {word: part for part, words in _WORDS.items() for word in words.split()}
_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SIDES = {"l": "left", "left": "left", "lt": "left", "r": "right", "right": "right", "rt": "right"}


def part_of(name: str) -> str:
    """The body part that a joint's name says, "" if it says none.

    >>> part_of("LShoulder"), part_of("ShoulderLeft"), part_of("r_big-toe"), part_of("Tail_0")
    ('left_shoulder', 'left_shoulder', 'right_big_toe', '')
    """
    pieces = _PIECES.findall(name[:60])
    if pieces and pieces[0].isupper() and len(pieces[0]) > 1 and pieces[0].lower() not in _SIDES:
        word = pieces[0].lower()
        if word not in _PART_OF_WORD and word[0] in "lr" and word[1:] in _PART_OF_WORD:  # LANK
            pieces[0:1] = [word[0], word[1:]]
    pieces = [p.lower() for p in pieces]
    sides = [p for p in pieces if p in _SIDES]
    if len(sides) > 1:
        return ""
    word = "".join(p for p in pieces if p not in _SIDES)
    if not sides and word not in _PART_OF_WORD:
        for written, side in (("left", "left"), ("right", "right"), ("l", "left"), ("r", "right")):
            if word.startswith(written) and _PART_OF_WORD.get(word[len(written) :]):  # "leftshoulder", "lsho"
                return _sided(_PART_OF_WORD[word[len(written) :]], side)
        return ""
    part = _PART_OF_WORD.get(word, "")
    return _sided(part, _SIDES[sides[0]]) if sides else _in_the_middle(part, word)


def _sided(part: str, side: str) -> str:
    part = "hip" if part == "side_hip" else part
    return f"{side}_{part}" if f"{side}_{part}" in FIGURE_M else ""


def _in_the_middle(part: str, word: str) -> str:
    if part == "side_hip":
        part = "hip" if word == "hip" else ""
    return part if part in FIGURE_M else ""


def parts_of(names) -> tuple[str, ...]:
    """The parts of all joints of a layout; a part that two joints claim belongs to the first."""
    parts: list[str] = []
    for name in names:
        part = part_of(name)
        parts.append(part if part not in parts else "")
    for side in ("left", "right"):
        foot, ankle = f"{side}_foot", f"{side}_ankle"
        if foot in parts and ankle not in parts:  # Human3.6M calls the ankle a foot
            parts[parts.index(foot)] = ankle
    return tuple(parts)


def parents_of(parts) -> tuple[int, ...]:
    """The index of what each joint hangs off, -1 where nothing does."""
    index = {part: i for i, part in enumerate(parts) if part}
    parents = []
    for i, part in enumerate(parts):
        side, _, kind = part.partition("_") if part.startswith(("left_", "right_")) else ("", "", part)
        choices = () if not part or part == "hip" else _HANGS_OFF[kind]
        named = [name for c in choices for name in ([f"{side}_{c}", c] if side else [c]) if name != part]
        parents.append(next((index[n] for n in named if n in index and index[n] != i), -1))
    return tuple(parents)


def mirror_pairs_of(parts) -> tuple[tuple[int, int], ...]:
    """(left, right) indices of the joints whose parts say that they are each other's mirror image."""
    index = {part: i for i, part in enumerate(parts) if part}
    return tuple(
        (i, index["right_" + part[5:]])
        for part, i in index.items()
        if part.startswith("left_") and "right_" + part[5:] in index
    )


# Ways to make the 17 joints out of parts, best first. Each is {part: weight}.
_LIMBS = {
    "RHip": "right_hip",
    "RKnee": "right_knee",
    "RFoot": "right_ankle",
    "LHip": "left_hip",
    "LKnee": "left_knee",
    "LFoot": "left_ankle",
    "LShoulder": "left_shoulder",
    "LElbow": "left_elbow",
    "LWrist": "left_wrist",
    "RShoulder": "right_shoulder",
    "RElbow": "right_elbow",
    "RWrist": "right_wrist",
}
_HIPS = {"left_hip": 0.5, "right_hip": 0.5}
_SHOULDERS = {"left_shoulder": 0.5, "right_shoulder": 0.5}
_TRUNK = {"left_hip": 0.25, "right_hip": 0.25, "left_shoulder": 0.25, "right_shoulder": 0.25}
WAYS_TO_H36M17 = {
    **{joint: ({part: 1.0},) for joint, part in _LIMBS.items()},
    "Hip": ({"hip": 1.0}, _HIPS),
    "Spine": ({"spine": 1.0}, {"hip": 0.5, "neck": 0.5}, {"left_hip": 0.25, "right_hip": 0.25, "neck": 0.5}, _TRUNK),
    "Thorax": ({"neck": 1.0}, _SHOULDERS),
    "Neck/Nose": (
        {"nose": 1.0},
        {"upper_neck": 1.0},
        {"neck": 0.75, "head_top": 0.25},
        {"neck": 0.5, "head": 0.5},
        {"left_shoulder": 0.25, "right_shoulder": 0.25, "head": 0.5},
    ),
    "Head": (
        {"head_top": 1.0},
        {"head": 1.0},
        {"left_eye": 0.5, "right_eye": 0.5},
        {"left_ear": 0.5, "right_ear": 0.5},
        # no point of the head but the nose: go on from the shoulders through it
        {"nose": 1.5, "neck": -0.5},
        {"nose": 1.5, "left_shoulder": -0.25, "right_shoulder": -0.25},
    ),
}


def weights_of(parts) -> dict[str, dict[int, float]]:
    """{joint of the 17: {index: weight}} for every joint of the 17 that can be made out of these parts."""
    index = {part: i for i, part in enumerate(parts) if part}
    found = {}
    for joint, ways in WAYS_TO_H36M17.items():
        for way in ways:
            if all(part in index for part in way):
                found[joint] = {index[part]: weight for part, weight in way.items()}
                break
    return found
