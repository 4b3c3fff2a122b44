"""Body parts of any skeleton, derived from its tree: the limbs, and the trunk that they are attached to."""

from collections.abc import Mapping

from srnet_core.errors import ConfigError
from srnet_core.geometry.skeleton import Skeleton

Division = Mapping[str, tuple[str, ...]]
_SIGNS = {"leg": ("hip", "knee", "ankle", "foot", "leg"), "arm": ("shoulder", "elbow", "wrist", "hand", "arm")}
_MOST_LIMBS = 64  # a tree with more is no body; each limb would be a branch of every layer


def divisions_of(skeleton: Skeleton) -> dict[int, Division]:
    """The divisions into body parts that a skeleton can be used with, by their number of parts.

    They are the built-in ones, or the limbs of the tree (`limbs`) where there are none, and always one part of all
    joints.
    """
    own = dict(skeleton.groups)
    if not own:
        derived = limbs(skeleton)
        own = {len(derived): derived}
    return dict(sorted(({1: {"body": skeleton.joint_names}} | own).items()))


def division(skeleton: Skeleton, groups: int) -> Division:
    """The division of a skeleton into that many body parts.

    Raises:
        ConfigError: there is none; the message lists the numbers of parts that there are.
    """
    known = divisions_of(skeleton)
    if groups not in known:
        raise ConfigError(
            f"skeleton {skeleton.name} has no division into {groups} groups, only {', '.join(map(str, known))}",
            where="--groups",
            todo="Choose one of these, or name the joints of each group in a TOML file (in Python: body_parts)",
        )
    return known[groups]


def limbs(skeleton: Skeleton) -> Division:
    """A division of a skeleton into limbs and trunk, in the order of their first joints. The root is in every part.

    A limb is a branch of the tree with at least two joints. Where the skeleton has a left and a right side, a limb
    begins at a joint of one side whose parent belongs to neither. Otherwise limbs begin where the trunk ends: the trunk
    follows the largest branch from the root until no branch is larger than the others or branches again. All other
    joints are the trunk. For the 17 joints of Human3.6M the result is the published division into five parts.

    >>> from srnet_core.skeletons import get_skeleton
    >>> h36m17 = get_skeleton("h36m17")
    >>> list(limbs(h36m17).values()) == list(h36m17.groups[5].values())
    True
    """
    children: list[list[int]] = [[] for _ in skeleton.joint_names]
    for parent, joint in skeleton.bones:
        children[parent].append(joint)
    tops = _tops_by_side(skeleton) or _tops_by_size(children)
    branches = {top: _branch(top, children) for top in tops}
    branches = {top: joints for top, joints in branches.items() if len(joints) > 1}
    if not 1 <= len(branches) <= _MOST_LIMBS:
        return {"body": skeleton.joint_names}
    in_limbs = {joint for joints in branches.values() for joint in joints}
    trunk = [joint for joint in range(1, skeleton.num_joints) if joint not in in_limbs]
    parts = [(_name(top, joints, skeleton), joints) for top, joints in branches.items()]
    if trunk:
        parts.append(("torso", trunk))
    names = skeleton.joint_names
    counted: dict[str, int] = {}
    division = {}
    for name, joints in sorted(parts, key=lambda part: part[1][0]):
        counted[name] = counted.get(name, 0) + 1
        label = name if counted[name] == 1 else f"{name} {counted[name]}"
        division[label] = (names[0], *(names[joint] for joint in joints))
    return division


def _branch(top: int, children: list[list[int]]) -> list[int]:
    """A joint and all joints below it, in the order of the skeleton."""
    found, pending = [], [top]
    while pending:
        joint = pending.pop()
        found.append(joint)
        pending += children[joint]
    return sorted(found)


def _tops_by_side(skeleton: Skeleton) -> list[int]:
    """The joints of one side whose parents belong to neither."""
    sided = {*skeleton.left_indices, *skeleton.right_indices}
    return [joint for parent, joint in skeleton.bones if joint in sided and parent not in sided]


def _tops_by_size(children: list[list[int]]) -> list[int]:
    """Where limbs begin in a skeleton without sides."""
    size, branching = [1] * len(children), [len(below) > 1 for below in children]
    for joint in reversed(_from_the_root(children)):
        size[joint] += sum(size[child] for child in children[joint])
        branching[joint] = branching[joint] or any(branching[child] for child in children[joint])
    tops: list[int] = []
    at = 0
    while True:
        ordered = sorted(children[at], key=lambda child: -size[child])
        goes_on = bool(ordered) and branching[ordered[0]]
        if not goes_on or (len(ordered) > 1 and size[ordered[1]] == size[ordered[0]]):
            return [*tops, *(ordered if len(ordered) > 1 else [])]
        tops += ordered[1:]
        at = ordered[0]


def _from_the_root(children: list[list[int]]) -> list[int]:
    """All joints, parents before their children."""
    order = [0]
    for joint in order:
        order += children[joint]
    return order


def _name(top: int, joints: list[int], skeleton: Skeleton) -> str:
    """ "left leg" or "right arm" where sides and names of joints tell, else the name of the first joint."""
    side = "left" if top in skeleton.left_indices else "right" if top in skeleton.right_indices else ""
    words = " ".join(skeleton.joint_names[joint] for joint in joints).lower()
    limb = next((limb for limb, signs in _SIGNS.items() if any(sign in words for sign in signs)), "")
    return f"{side} {limb}" if side and limb else skeleton.joint_names[top]
