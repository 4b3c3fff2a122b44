"""2D keypoint layouts, one data file each: joints in order, mirror partners, bones, and how they make the 17 joints.

>>> layout = get_layout("coco17")
>>> layout.num_joints, layout.joints[0]
(17, 'nose')
>>> layout.matrix().shape
(17, 17)
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib import resources

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.layouts.parts import mirror_pairs_of, parents_of, part_of, parts_of, weights_of
from srnet_core.lookup import FORMATS_LISTED_BY, choose
from srnet_core.skeletons.h36m17 import JOINTS as H36M17

BY_NAMES = "named joints"


@dataclass(frozen=True)
class Layout:
    """Which joint stands where in a row of keypoints.

    Attributes:
        name: as users type it, e.g. "halpe26"; "named joints" where a file names joints of no known layout.
        joints: J names, in the order of the keypoints.
        parts: the body part of each joint ("left_elbow"), "" for points that have none.
        parents: index of the joint each one hangs off, -1 where nothing is known.
        mirror_pairs: (left, right) indices.
        weights: {joint of H36M-17: {index: weight}}; joints that cannot be made are missing.
        source: where the order was taken from.
        by_count: keypoints without names may be in this layout if they are as many; False for layouts that only files
            of one format have.
    """

    name: str
    joints: tuple[str, ...]
    parts: tuple[str, ...]
    parents: tuple[int, ...]
    mirror_pairs: tuple[tuple[int, int], ...]
    weights: Mapping[str, Mapping[int, float]]
    source: str = ""
    note: str = ""
    also_named: tuple[str, ...] = ()
    by_count: bool = True

    @property
    def num_joints(self) -> int:
        return len(self.joints)

    @cached_property
    def mirror(self) -> tuple[int, ...]:
        """Permutation of the joints that swaps left and right."""
        order = list(range(self.num_joints))
        for left, right in self.mirror_pairs:
            order[left], order[right] = right, left
        return tuple(order)

    @cached_property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) index pairs."""
        return tuple((p, j) for j, p in enumerate(self.parents) if p >= 0)

    @property
    def missing_of_h36m17(self) -> tuple[str, ...]:
        """The joints of the 17 that cannot be made out of this layout."""
        return tuple(joint for joint in H36M17 if joint not in self.weights)

    def described(self) -> dict[str, str]:
        """{joint of the 17: how it is made}, for instance "0.5 left_hip + 0.5 right_hip"; "-" where it cannot be."""
        made = {}
        for joint in H36M17:
            row = self.weights.get(joint, {})
            terms = [f"{weight:g} {self.joints[i]}" if weight != 1 else self.joints[i] for i, weight in row.items()]
            made[joint] = " + ".join(terms) or "-"
        return made

    def without(self, joints: Collection[int]) -> "Layout":
        """The same layout, but the 17 joints are made without some of its joints, where the others allow it.

        Args:
            joints: indices of the joints that are not to be used.
        """
        other_ways = weights_of(tuple("" if i in joints else part for i, part in enumerate(self.parts)))
        weights = {
            joint: other_ways.get(joint, row) if any(i in joints for i in row) else row
            for joint, row in self.weights.items()
        }
        return replace(self, weights=weights)

    def matrix(self) -> np.ndarray:
        """(17, J): the 17 joints of Human3.6M are `matrix @ joints`; a row of zeros where one cannot be made."""
        matrix = np.zeros((len(H36M17), self.num_joints))
        for row, joint in enumerate(H36M17):
            for index, weight in self.weights.get(joint, {}).items():
                matrix[row, index] = weight
        return matrix


def layout_names() -> list[str]:
    """The layouts there are, sorted."""
    files = resources.files("srnet_core.layouts").iterdir()
    return sorted(f.name.removesuffix(".toml") for f in files if f.name.endswith(".toml"))


@cache
def _loaded(name: str) -> Layout:
    import tomllib

    text = resources.files("srnet_core.layouts").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    values = tomllib.loads(text)
    joints = tuple(values["joints"])
    index = {joint: i for i, joint in enumerate(joints)}
    parents = [-1] * len(joints)
    for parent, child in values["bones"]:
        parents[index[child]] = index[parent]
    return Layout(
        name=values["name"],
        joints=joints,
        parts=tuple(values["parts"]),
        parents=tuple(parents),
        mirror_pairs=tuple((index[left], index[right]) for left, right in values["mirror"]),
        weights={j: {index[n]: w for n, w in row.items()} for j, row in values["h36m17"].items()},
        source=values["source"],
        note=values.get("note", ""),
        also_named=tuple(values.get("also_named", ())),
        by_count=values.get("by_count", True),
    )


def get_layout(name: str) -> Layout:
    """The layout of that name. Upper case, dashes and underscores do not matter: "BODY_25" is "body25".

    Raises:
        UnknownNameError: there is none; the message tells the nearest ones, and what lists all.
    """
    names = layout_names()
    plain = {_plain(n): n for n in names} | {_plain(a): n for a, n in _ALIASES.items()}
    wanted = plain.get(_plain(str(name)))
    if not wanted and (several := _SEVERAL.get(_plain(str(name)))):
        hint = f"Did you mean {' or '.join(map(repr, several))}? "
        choose("layout", str(name), names, hint=hint, listed_by=FORMATS_LISTED_BY)
    return _loaded(wanted if wanted else choose("layout", str(name), names, listed_by=FORMATS_LISTED_BY))


_ALIASES = {
    "coco": "coco17",
    "yolo_pose": "coco17",
    "coco18": "coco18_openpose",
    "body_25": "body25",
    "body_25b": "body25b",
    "mpi": "mpi15_openpose",
    "mpi15": "mpi15_openpose",
    "halpe": "halpe26",
    "wholebody": "coco_wholebody133",
    "coco_wholebody": "coco_wholebody133",
    "mpii": "mpii16",
    "aic": "aic14",
    "crowdpose": "crowdpose14",
    "h36m": "h36m17",
    "mediapipe": "blazepose33",
    "blazepose": "blazepose33",
    "kinect": "kinect_v2_25",
    "humaneva": "humaneva15",
    "jhmdb": "jhmdb15",
    "smpl": "smpl24",
    "lsp": "lsp14",
    "posetrack": "posetrack18",
    "humanart": "humanart21",
    "openpose_coco": "coco18_openpose",
    "openpose_mpi": "mpi15_openpose",
}


# tools that write several layouts: the usual ones
_SEVERAL = {
    "openpose": ("body25", "coco18"),
    "alphapose": ("halpe26", "coco17"),
    "mmpose": ("coco17", "coco_wholebody133"),
    "rtmpose": ("coco17", "halpe26", "coco_wholebody133"),
    "rtmlib": ("coco17", "halpe26", "coco_wholebody133"),
    "dwpose": ("coco_wholebody133", "coco18"),
    "detectron": ("coco17",),
    "detectron2": ("coco17",),
    "yolo": ("coco17",),
    "ultralytics": ("coco17",),
    "movenet": ("coco17",),
    "vitpose": ("coco17", "coco_wholebody133"),
    "humaneva20": ("humaneva15",),
    "spin": ("spin49", "spin24"),
    "mpi_inf_3dhp": ("mpi_inf_3dhp17", "mpi_inf_3dhp28"),
}
_SEVERAL = {"".join(c for c in name if c.isalnum()): layouts for name, layouts in _SEVERAL.items()}


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


@cache
def all_layouts() -> tuple[Layout, ...]:
    """All layouts that come with the project."""
    return tuple(_loaded(name) for name in layout_names())


def layouts_of_count(joints: int) -> tuple[Layout, ...]:
    """The layouts that have so many joints and that keypoints without names may be in."""
    return tuple(layout for layout in all_layouts() if layout.num_joints == joints and layout.by_count)


def rare_layouts_of_count(joints: int) -> tuple[Layout, ...]:
    """The layouts that have so many joints, but that keypoints without names are in only if their bones say so."""
    return tuple(layout for layout in all_layouts() if layout.num_joints == joints and not layout.by_count)


def layout_of_names(names: Sequence[str]) -> Layout | None:
    """The layout whose joints a file names, or one made for these names; `None` where too few name a human joint.

    The order is the file's. A file may leave out joints of a known layout; the name of the layout stays.
    """
    names = tuple(names)
    plain = [_plain(n) for n in _without_prefix(names)]
    if len(set(plain)) != len(plain):
        return None
    best = None
    for layout in all_layouts():
        index = {_plain(joint): i for i, joint in enumerate(layout.joints)}
        if plain == list(index):
            return layout
        if layout.by_count and set(plain) <= set(index) and (best is None or layout.num_joints < best[0].num_joints):
            best = (layout, [index[p] for p in plain])
    parts = tuple(best[0].parts[i] for i in best[1]) if best else parts_of(_without_prefix(names))
    if sum(bool(part) for part in parts) < 8:
        return None
    return _made(best[0].name if best else BY_NAMES, names, parts, "the names in the file")


def with_joints(layout: Layout, joints: Sequence[int]) -> Layout:
    """The layout of keypoints that hold some joints of another one: its joints of these indices, in this order."""
    if list(joints) == list(range(layout.num_joints)):
        return layout
    names, parts = ([values[i] for i in joints] for values in (layout.joints, layout.parts))
    return _made(layout.name, tuple(names), tuple(parts), layout.source)


def _without_prefix(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names without the words that all begin with: "K4ABT_JOINT_NECK" is "NECK", "Anna:Neck" is "Neck"."""
    if len(names) < 2:
        return names
    first, last = min(names), max(names)  # what these two begin with, all between them begin with
    shared = next((i for i, (a, b) in enumerate(zip(first, last)) if a != b), min(len(first), len(last)))
    end = max(first.rfind(mark, 0, shared) for mark in ":_. ") + 1
    return tuple(name[end:] for name in names) if end and all(len(name) > end for name in names) else names


def _made(name: str, joints: tuple[str, ...], parts: tuple[str, ...], source: str) -> Layout:
    return Layout(
        name=name,
        joints=joints,
        parts=parts,
        parents=parents_of(parts),
        mirror_pairs=mirror_pairs_of(parts),
        weights=weights_of(parts),
        source=source,
    )


def check_count(layout: Layout, joints: int, where: object) -> None:
    """Refuse a layout that has another number of joints than a file.

    Raises:
        BadFileError: the two numbers differ; the message lists the layouts that would fit.
    """
    if layout.num_joints != joints:
        fitting = ", ".join(x.name for x in layouts_of_count(joints)) or "none that is known"
        raise BadFileError(
            f"has {joints} joints, but the layout {layout.name} has {layout.num_joints}",
            where=where,
            todo=f"Layouts of {joints} joints: {fitting}",
        )


__all__ = [
    "BY_NAMES",
    "Layout",
    "all_layouts",
    "check_count",
    "get_layout",
    "layout_names",
    "layout_of_names",
    "layouts_of_count",
    "part_of",
    "rare_layouts_of_count",
    "with_joints",
]
