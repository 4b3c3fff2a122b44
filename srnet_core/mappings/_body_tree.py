"""The joints of a body in a tree of bones whose names say nothing."""

from collections.abc import Sequence

import numpy as np

from srnet_core.motion import Motion

_MOST_POINTS = 600
_MOST_FRAMES = 200  # that are looked at
_BENDS_DEG, _STRAIGHT_DEG = 10.0, 1.0


def joints_from_tree(motion: Motion) -> dict[str, dict[int, float]] | None:
    """{joint of Human3.6M: {point: 1.0}}, or `None` where the tree is not one of a body.

    The rest pose is looked at, or else the first whole frame: in it a person stands with the head above the feet.
    """
    pose = _standing_pose(motion)
    if pose is None or motion.parents is None or len(pose) > _MOST_POINTS:
        return None
    parents = motion.parents
    leaves = sorted(set(range(len(parents))) - set(parents))
    paths = {joint: _path(joint, parents) for joint in range(len(parents))}
    up = _up_axis(pose, leaves, paths)
    if up is None:
        return None
    height = pose @ up
    feet = _two_chains(sorted(leaves, key=lambda j: height[j]), paths, pose)
    if feet is None:
        return None
    pelvis = _meeting(paths[feet[0]], paths[feet[1]])
    above = [leaf for leaf in leaves if _meeting(paths[leaf], paths[feet[0]]) in paths[pelvis]]
    above = [leaf for leaf in above if leaf not in feet]
    if len(above) < 3:
        return None
    head = max(above, key=lambda j: height[j])
    across = _unit(pose[feet[0]] - pose[feet[1]] - up * (height[feet[0]] - height[feet[1]]))
    hands = [max(above, key=lambda j: pose[j] @ across), min(above, key=lambda j: pose[j] @ across)]
    if len({*hands, head}) < 3:
        return None
    chest = _meeting(paths[hands[0]], paths[hands[1]])
    legs = [_bending_limb(_below(paths[foot], pelvis), pose, motion) for foot in feet]
    arms = [_bending_limb(_below(paths[hand], chest), pose, motion) for hand in hands]
    whole_legs, whole_arms = [leg for leg in legs if leg], [arm for arm in arms if arm]
    if len(whole_legs) < 2 or len(whole_arms) < 2:
        return None
    forward = sum((pose[foot] - pose[leg[2]] for foot, leg in zip(feet, whole_legs)), np.zeros(3))
    forward -= up * (forward @ up)
    if np.linalg.norm(forward) < 1e-6 * np.ptp(height):
        return None  # no toes: nothing tells the front from the back
    first_is_left = np.cross(up, forward) @ across > 0
    sides = ("L", "R") if first_is_left else ("R", "L")
    found: dict[str, dict[int, float]] = {}
    for name, leg, arm in zip(sides, whole_legs, whole_arms):
        found |= {name + joint: {point: 1.0} for joint, point in zip(("Hip", "Knee", "Foot"), leg)}
        found |= {name + joint: {point: 1.0} for joint, point in zip(("Shoulder", "Elbow", "Wrist"), arm)}
    return found | _trunk(head, chest, pelvis, paths, pose)


def _standing_pose(motion: Motion) -> np.ndarray | None:
    candidates = [motion.rest] if motion.rest is not None else []
    whole = np.flatnonzero(np.isfinite(motion.positions).all((1, 2)))
    candidates += [motion.positions[whole[0]]] if len(whole) else []
    return next((p for p in candidates if np.isfinite(p).all() and np.ptp(p, axis=0).max() > 0), None)


def _path(joint: int, parents: Sequence[int]) -> list[int]:
    """The joint and its ancestors, up to the root."""
    path = []
    while joint >= 0:
        path.append(joint)
        joint = parents[joint]
    return path


def _meeting(a: Sequence[int], b: Sequence[int]) -> int:
    on_b = set(b)
    return next((j for j in a if j in on_b), -1)


def _below(path: Sequence[int], ancestor: int) -> list[int]:
    """The part of a path below an ancestor, from the top to the leaf."""
    return list(reversed(path[: path.index(ancestor)]))


def _up_axis(pose: np.ndarray, leaves: Sequence[int], paths: dict[int, list[int]]) -> np.ndarray | None:
    """The signed axis along which the body is tall: two long chains (legs) lie on its lower side of the root."""
    best, best_score = None, 0.0
    for axis in range(3):
        for sign in (1.0, -1.0):
            up = np.zeros(3)
            up[axis] = sign
            height = pose @ up
            lowest = sorted(leaves, key=lambda j: height[j])[:2]
            if len(lowest) < 2 or abs(height[lowest[0]] - height[lowest[1]]) >= 0.1 * np.ptp(height):
                continue
            pelvis = _meeting(paths[lowest[0]], paths[lowest[1]])  # not the root, which may lie on the floor
            score = height[pelvis] - height[lowest].mean() if pelvis >= 0 else 0.0
            if score > best_score and height.max() > height[pelvis]:
                best, best_score = up, score
    return best


def _two_chains(leaves: Sequence[int], paths: dict[int, list[int]], pose: np.ndarray) -> tuple[int, int] | None:
    """The lowest leaf, and the lowest one whose chain leaves the first one's early: the two feet."""
    first = leaves[0]
    for other in leaves[1:]:
        meeting = _meeting(paths[first], paths[other])
        if meeting >= 0 and len(_below(paths[other], meeting)) >= 3 and len(_below(paths[first], meeting)) >= 3:
            own = np.linalg.norm(pose[first] - pose[meeting])
            if np.linalg.norm(pose[other] - pose[meeting]) > 0.6 * own:
                return first, other
    return None


def _bending_limb(chain: list[int], pose: np.ndarray, motion: Motion) -> tuple[int, int, int] | None:
    """`_limb` of a chain without joints that never bend.

    Rigs divide thighs and upper arms by joints for their twist, which lie on a straight line in every frame. Joints
    after the last one that bends stay: wrists that were not recorded are straight too.
    """
    frames = motion.positions[:: max(1, motion.frames // _MOST_FRAMES)][:, chain]
    bones = np.diff(frames, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        bones /= np.linalg.norm(bones, axis=-1, keepdims=True)
        angles = np.degrees(np.arccos(np.clip((bones[:, 1:] * bones[:, :-1]).sum(-1), -1, 1)))
    most = np.nan_to_num(angles).max(axis=0, initial=0.0)  # of the joints between the first and the last
    bending = np.flatnonzero(most > _BENDS_DEG)
    last = bending[-1] if len(bending) else 0
    straight = {chain[i + 1] for i in range(last) if most[i] <= _STRAIGHT_DEG}
    return _limb([joint for joint in chain if joint not in straight], pose)


def _limb(chain: Sequence[int], pose: np.ndarray) -> tuple[int, int, int] | None:
    """The two bones of a chain that follow each other and are the longest together: (start, middle, end)."""
    if len(chain) < 3:
        return None
    lengths = np.linalg.norm(np.diff(pose[list(chain)], axis=0), axis=-1)
    pairs = lengths[:-1] + lengths[1:]
    i = int(np.flatnonzero(pairs > 0.85 * pairs.max())[-1]) if pairs.any() else 0  # collar bones can be long
    return (chain[i], chain[i + 1], chain[i + 2]) if pairs[i] > 0 else None


def _trunk(
    head: int, chest: int, pelvis: int, paths: dict[int, list[int]], pose: np.ndarray
) -> dict[str, dict[int, float]]:
    """Head, neck and the joint of the spine that is nearest to the middle."""
    found = {"Head": {head: 1.0}}
    neck = [j for j in paths[head] if j not in paths[chest] and j != head]  # from the head downwards
    if neck:
        # the joint that is about as far from the top of the head as from where the neck begins
        base = pose[neck[-1] if len(neck) > 1 else chest]
        rise = [np.linalg.norm(pose[j] - base) for j in neck]
        middle = 0.5 * np.linalg.norm(pose[head] - base)
        upper = min(range(len(neck) - (len(neck) > 1)), key=lambda i: abs(rise[i] - middle))
        found["Neck/Nose"] = {neck[upper]: 1.0}
    if len(neck) > 1:
        found["Thorax"] = {neck[-1]: 1.0}
    spine = [j for j in paths[chest] if j not in paths[pelvis]]
    axis = pose[neck[-1] if neck else chest] - pose[pelvis]
    shares = {j: abs((pose[j] - pose[pelvis]) @ axis / max(axis @ axis, 1e-300) - 0.5) for j in spine}
    if shares and min(shares.values()) < 0.25:
        found["Spine"] = {min(shares, key=lambda joint: shares[joint]): 1.0}
    return found


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(np.linalg.norm(vector), 1e-300)
