"""Positions to draw the joints of any skeleton at: a standing person seen from the front, made from the tree alone."""

import numpy as np

from srnet_core.geometry.skeleton import Skeleton

_SPREAD_DEG = 35.0  # between the branches of a limb, such as thumb and hand


def front_view(skeleton: Skeleton) -> np.ndarray:
    """Invented positions with bones of length about 1, from the tree and the two sides alone.

    Joints of neither side go up from the root. A limb that begins at the root is a leg and goes down; a limb that
    begins higher is an arm. The person faces the viewer, so the left side is on the right.

    Returns:
        (J, 2), x to the right, y down.
    """
    children: list[list[int]] = [[] for _ in skeleton.parents]
    for parent, joint in skeleton.bones:
        children[parent].append(joint)
    side = np.zeros(skeleton.num_joints)
    side[list(skeleton.left_indices)], side[list(skeleton.right_indices)] = 1, -1
    positions = np.zeros((skeleton.num_joints, 2))
    headings = np.zeros((skeleton.num_joints, 2))
    pending = [0]
    while pending:
        joint = pending.pop()
        for turn, child in zip(_turns(joint, children, side), children[joint]):
            bone, headings[child] = _bone(joint, side[joint], side[child], headings[joint], turn)
            positions[child] = positions[joint] + bone
            pending.append(child)
    return positions


def _turns(joint: int, children: list[list[int]], side: np.ndarray) -> list[float]:
    """Angle in degrees by which the branch of each child is turned, so that branches of one side are apart."""
    turns = []
    for child in children[joint]:
        alike = [c for c in children[joint] if side[c] == side[child]]
        turns.append(_SPREAD_DEG * (alike.index(child) - (len(alike) - 1) / 2))
    return turns


def _bone(
    joint: int, side: float, child_side: float, heading: np.ndarray, turn_deg: float
) -> tuple[np.ndarray, np.ndarray]:
    """(2,) the bone to a child, and (2,) the direction in which the limb of the child continues."""
    if child_side == 0:
        direction = onwards = np.array([0.0, -1.0])
    elif side == 0:  # a limb begins: first to the side, then down
        direction = np.array([0.55, 0.2]) if joint == 0 else np.array([0.9, 0.12])
        onwards = np.array([0.1, 1.0]) if joint == 0 else np.array([0.5, 0.8])
        direction, onwards = direction * (child_side, 1), onwards * (child_side, 1)
    else:
        direction = onwards = heading
    angle = np.deg2rad(turn_deg)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return rotation @ direction, rotation @ onwards
