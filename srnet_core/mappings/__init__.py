"""Mappings: which points of a motion capture skeleton or marker set make up the 17 joints of Human3.6M. Data, not code.

A mapping is a TOML file in this folder, or one of a user:

    title = "..."
    source = "..."
    kind = "joints"                       # or "markers"
    formats = ["amc"]                     # optional: only for these file formats
    sides = { L = "Left", R = "Right" }   # what {S} and {side} in the names below stand for
    telltale = ["LeftThigh"]              # names that tell it from others
    prefix = "mixamorig"                  # optional: what names that belong to it often start with

    [joints]
    "{S}Hip" = ["{side}UpLeg"]            # the first of the alternatives whose points are all in the file is taken
    Thorax = [{ LeftShoulder = 0.5, RightShoulder = 0.5 }]     # weights of several points; they sum to 1

Joints that a mapping does not name are made from the others where that is possible, see `DERIVED`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.lookup import choose
from srnet_core.skeletons.h36m17 import JOINTS
from srnet_core.toml_file import read_toml_file

Weights = Mapping[str, float]
# Joints made from other joints where a mapping has nothing better, in this order.
DERIVED: dict[str, dict[str, float]] = {
    "Hip": {"RHip": 0.5, "LHip": 0.5},
    "Thorax": {"RShoulder": 0.5, "LShoulder": 0.5},
    "Spine": {"Hip": 0.5, "Thorax": 0.5},
    "Neck/Nose": {"Thorax": 0.5, "Head": 0.5},
}
_MOST_POINTS = 12  # in one joint


@dataclass(frozen=True)
class JointMapping:
    """A mapping as its file gives it.

    Attributes:
        name: the name of its file.
        kind: "joints" or "markers".
        formats: the file formats it is for; empty for all.
        telltale: names that tell it from others; `prefix`: what its names often start with.
        joints: {joint of Human3.6M: alternatives, each {point: weight}}.
    """

    name: str
    title: str
    source: str
    kind: str
    formats: tuple[str, ...]
    telltale: tuple[str, ...]
    prefix: str
    joints: Mapping[str, tuple[Weights, ...]]


@dataclass(frozen=True)
class ResolvedMapping:
    """A mapping found to fit the points of a motion.

    Attributes:
        name: of the mapping, or "proposed".
        points: the names of the motion's points.
        weights: {joint of Human3.6M: {index of a point: weight}}, all 17 joints in their order.
        derived: joints that were made from other joints.
        notes: what was decided or looks doubtful, one sentence each.
    """

    name: str
    points: tuple[str, ...]
    weights: Mapping[str, Mapping[int, float]]
    derived: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def apply(self, positions: np.ndarray) -> np.ndarray:
        """(T, points, 3) -> (T, 17, 3); NaN where a point that a joint needs is missing."""
        joints = np.empty((len(positions), len(JOINTS), 3))
        for j, joint in enumerate(JOINTS):
            joints[:, j] = sum(weight * positions[:, point] for point, weight in self.weights[joint].items())
        return joints

    def describe(self) -> dict[str, str]:
        """{joint: how it is made}, for instance "0.5 LASI + 0.5 RASI"."""
        return {
            joint: " + ".join(f"{w:g} {self.points[p]}" if w != 1 else self.points[p] for p, w in weights.items())
            for joint, weights in self.weights.items()
        }


def names() -> list[str]:
    """The mappings of the project, sorted."""
    return list(_names())


@cache
def _names() -> tuple[str, ...]:
    return tuple(sorted(f.name.removesuffix(".toml") for f in _folder().iterdir() if f.name.endswith(".toml")))


def get_mapping(name: str) -> JointMapping:
    """The mapping of that name; an unknown name lists those there are."""
    return _of_package(choose("mapping", name.replace("-", "_"), names()))


@cache
def _of_package(name: str) -> JointMapping:
    """Read once: finding a mapping for unknown points looks at all of them."""
    with resources.as_file(_folder() / f"{name}.toml") as path:
        return read_mapping(path)


def read_mapping(path: str | Path) -> JointMapping:
    """The mapping in a TOML file.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is not a mapping; the message says what is wrong with which joint.
    """
    path = Path(path)
    values = read_toml_file(path, what="mapping", todo=f"Mappings of srnet: {', '.join(names())}")
    joints = values.get("joints")
    sides = values.get("sides", {"L": "L", "R": "R"})
    if not isinstance(joints, dict) or not joints:
        raise BadFileError("has no joints below [joints]", where=path)
    if not isinstance(sides, dict) or set(sides) != {"L", "R"} or not all(isinstance(s, str) for s in sides.values()):
        raise BadFileError("'sides' must be a table with the texts L and R", where=path)
    read: dict[str, tuple[Weights, ...]] = {}
    for joint, alternatives in joints.items():
        for side in ("L", "R") if "{S}" in joint else ("",):
            name = joint.replace("{S}", side)
            if name not in JOINTS:
                raise BadFileError(
                    f"{name[:40]!r} is not a joint of Human3.6M", where=path, todo=f"Joints: {', '.join(JOINTS)}"
                )
            read[name] = _alternatives(alternatives, sides.get(side, ""), f"{path}, {name}")
    return JointMapping(
        name=path.stem,
        title=str(values.get("title", path.stem))[:200],
        source=str(values.get("source", ""))[:400],
        kind=choose("kind of mapping", str(values.get("kind", "joints")), ("joints", "markers"), where=path),
        formats=tuple(map(str, values.get("formats", ()))),
        telltale=tuple(map(str, values.get("telltale", ()))),
        prefix=str(values.get("prefix", "")),
        joints=read,
    )


def resolve(mapping: JointMapping, names: Sequence[str]) -> ResolvedMapping | list[str]:
    """The mapping with the points of a file, or the joints for which the file has no points.

    Args:
        names: of the points of a motion. They are compared without prefix, case and separators.
    """
    index = point_index(names)
    weights: dict[str, dict[int, float]] = {}
    for joint, alternatives in mapping.joints.items():
        for alternative in alternatives:
            keys = {key_of(point): weight for point, weight in alternative.items()}
            found = {index[key]: weight for key, weight in keys.items() if key in index}
            if len(found) == len(alternative):
                weights[joint] = found
                break
    return complete(mapping.name, names, weights)


def complete(
    name: str, points: Sequence[str], weights: Mapping[str, Mapping[int, float]], notes: Sequence[str] = ()
) -> ResolvedMapping | list[str]:
    """Add the joints that can be made from others; or the list of joints that are missing."""
    weights = dict(weights)
    derived = []
    for joint, parts in DERIVED.items():
        if joint in weights or not all(part in weights for part in parts):
            continue
        total: dict[int, float] = {}
        for part, share in parts.items():
            for point, weight in weights[part].items():
                total[point] = total.get(point, 0.0) + share * weight
        weights[joint] = total
        derived.append(joint)
    missing = [joint for joint in JOINTS if joint not in weights]
    if missing:
        return missing
    return ResolvedMapping(
        name, tuple(points), {joint: weights[joint] for joint in JOINTS}, tuple(derived), tuple(notes)
    )


def common_prefix(names: Sequence[str]) -> str:
    """The prefix that at least four of five names share and that ends in a separator, such as "Bip01 "; else ""."""
    prefixes: dict[str, int] = {}
    for name in names:
        for match in re.finditer(r"[:|_. ]|mixamorig\d*(?=[A-Z])", name[:60]):
            prefixes[name[: match.end()]] = prefixes.get(name[: match.end()], 0) + 1
    shared = [p for p, count in prefixes.items() if count >= 0.8 * len(names) and count > 2]
    return max(shared, key=len, default="")


def key_of(name: str) -> str:
    """A name without namespace, case and separators: "mixamorig:LeftUpLeg" -> "leftupleg"."""
    return _short_key_of(name) if len(name) <= _LONGEST_NAME else _key_of(name)


def _key_of(name: str) -> str:
    return re.sub(r"[\s_.\-]", "", re.split("[:|]", name)[-1]).lower()


_LONGEST_NAME = 64  # every table is held against the same few names; a hostile file's long ones are not kept
_short_key_of = lru_cache(maxsize=4096)(_key_of)


def point_index(names: Sequence[str]) -> dict[str, int]:
    """{key of a name without the common prefix: index}; of points with the same key the first."""
    prefix = common_prefix(names)
    index: dict[str, int] = {}
    for i, name in enumerate(names):
        index.setdefault(key_of(name.removeprefix(prefix)), i)
    return index


def _alternatives(value: object, side: str, where: str) -> tuple[Weights, ...]:
    listed = value if isinstance(value, list) else [value]
    tables = [{v: 1.0} if isinstance(v, str) else v for v in listed if isinstance(v, (str, dict))]
    if not tables or len(tables) < len(listed):
        raise BadFileError("must be a list of points, or of tables of points and weights", where=where)
    return tuple(_weights(table, side, where) for table in tables)


def _weights(value: dict, side: str, where: str) -> Weights:
    weights = {point.replace("{side}", side): weight for point, weight in value.items()}
    plain = all(isinstance(w, (int, float)) and not isinstance(w, bool) and abs(w) < 10 for w in weights.values())
    if not weights or len(weights) > _MOST_POINTS or not plain or abs(sum(weights.values()) - 1) > 1e-6:
        raise BadFileError("weights must be numbers that sum to 1", where=where)
    return {point: float(weight) for point, weight in weights.items()}


def _folder():
    return resources.files("srnet_core.mappings")
