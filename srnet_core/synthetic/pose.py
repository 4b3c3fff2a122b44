"""Joint positions of a motion: forward kinematics of trunk and arms, inverse kinematics of legs.

Body axes: x forward, y left, z up. Side 0 is left, side 1 is right. Everything is vectorised over the T frames.
"""

from dataclasses import dataclass

import numpy as np

from srnet_core.geometry.rotation import quaternion_multiply, quaternion_to_matrix, rotation_about
from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.synthetic.body import Body
from srnet_core.synthetic.curves import rotation_matrices, smooth_below

SIDE = np.array([1.0, -1.0])  # left, right along y
LEFT, RIGHT = 0, 1
STRAIGHTEST_KNEE_DEG = 9.0  # smallest knee flexion


@dataclass
class Motion:
    """A motion of T frames, ready for `joint_positions`.

    Attributes:
        hip_world_m: (T, 3) middle of the hip joints; it is lowered where the legs are too short.
        heading: (T,) radians about z.
        pelvis, spine, neck: (T, 3) rotation vectors in radians: pelvis relative to the heading, thorax to the
            pelvis, head to the thorax.
        clavicle: (T, 2, 2) radians of elevation and protraction of each shoulder.
        shoulder: (T, 2, 4) quaternions, upper arm relative to the thorax; the identity hangs straight down.
        elbow: (T, 2) radians of flexion.
        ankle_world_m: (T, 2, 3).
        knee_pole: (T, 2, 3) direction of the knees, relative to the heading.
    """

    hip_world_m: np.ndarray
    heading: np.ndarray
    pelvis: np.ndarray
    spine: np.ndarray
    neck: np.ndarray
    clavicle: np.ndarray
    shoulder: np.ndarray
    elbow: np.ndarray
    ankle_world_m: np.ndarray
    knee_pole: np.ndarray


def turn_vectors(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """(..., 3, 3) matrices times (..., 3) vectors."""
    return (matrices @ vectors[..., None])[..., 0]


def joint_positions(body: Body, motion: Motion) -> np.ndarray:
    """(T, 17, 3) world metres, float64, in the joint order of h36m17."""
    pose = np.empty((len(motion.heading), SKELETON.num_joints, 3))
    facing = rotation_about(2, motion.heading)
    pelvis = facing @ rotation_matrices(motion.pelvis)
    hip_offsets = body.half_hips * SIDE[:, None] * pelvis[:, None, :, 1]  # (T, 2, 3)
    hip = _within_reach(body, motion, hip_offsets)
    _put(pose, hip, "Hip")
    thorax, chest = _trunk(body, motion, pelvis, hip, pose)
    _arms(body, motion, thorax, chest, pose)
    pole = turn_vectors(facing[:, None], motion.knee_pole)
    hips = hip[:, None] + hip_offsets
    knees = two_bone(hips, motion.ankle_world_m, body.thigh, body.shank, pole)
    for side, letter in enumerate("LR"):
        _put(pose, hips[:, side], f"{letter}Hip")
        _put(pose, knees[:, side], f"{letter}Knee")
        _put(pose, motion.ankle_world_m[:, side], f"{letter}Foot")
    return pose


def _put(pose: np.ndarray, positions: np.ndarray, joint: str) -> None:
    pose[:, SKELETON.index(joint)] = positions


def _within_reach(body: Body, motion: Motion, hip_offsets: np.ndarray) -> np.ndarray:
    """(T, 3) middle of the hips, lowered smoothly where a leg is too short."""
    hips = motion.hip_world_m[:, None] + hip_offsets
    away = np.sum((hips - motion.ankle_world_m)[..., :2] ** 2, axis=-1)  # (T, 2), squared
    rise = np.sqrt(np.maximum(body.reach(STRAIGHTEST_KNEE_DEG) ** 2 - away, 1e-4))
    highest = (motion.ankle_world_m[..., 2] + rise - hip_offsets[..., 2]).min(axis=1)
    over = np.maximum(motion.hip_world_m[:, 2] - highest, 0.0)
    lowered = motion.hip_world_m.copy()
    lowered[:, 2] += smooth_below(-over, 4)
    return lowered


def _trunk(
    body: Body, motion: Motion, pelvis: np.ndarray, hip: np.ndarray, pose: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Write spine, thorax, neck and head; returns position and axes of the thorax.

    Two fifths of the bend are below the joint Spine.
    """
    lower = pelvis @ rotation_matrices(0.4 * motion.spine)
    chest = lower @ rotation_matrices(0.6 * motion.spine)
    spine = hip + body.lumbar * lower[..., 2]
    thorax = spine + body.chest * chest[..., 2]
    cervical = chest @ rotation_matrices(0.4 * motion.neck)
    skull = chest @ rotation_matrices(motion.neck)
    neck = thorax + body.neck * _tilted(cervical, 22)  # Neck/Nose is in front of the axis from thorax to vertex
    _put(pose, spine, "Spine")
    _put(pose, thorax, "Thorax")
    _put(pose, neck, "Neck/Nose")
    _put(pose, neck + body.head * _tilted(skull, -8), "Head")
    return thorax, chest


def _tilted(frame: np.ndarray, degrees: float) -> np.ndarray:
    """The up axis of (T, 3, 3) frames, tilted forward."""
    angle = np.radians(degrees)
    return np.cos(angle) * frame[..., 2] + np.sin(angle) * frame[..., 0]


def shoulder_offset(body: Body, clavicle: np.ndarray) -> np.ndarray:
    """Shoulder joints in the thorax frame: (..., 2, 2) elevation and protraction -> (..., 2, 3) metres."""
    up, forward = clavicle[..., 0], clavicle[..., 1]
    flat = np.cos(up)
    return body.clavicle * np.stack([flat * np.sin(forward), SIDE * flat * np.cos(forward), np.sin(up)], axis=-1)


def _arms(body: Body, motion: Motion, thorax: np.ndarray, chest: np.ndarray, pose: np.ndarray) -> None:
    shoulders = thorax[:, None] + turn_vectors(chest[:, None], shoulder_offset(body, motion.clavicle))
    upper = chest[:, None] @ quaternion_to_matrix(motion.shoulder)
    elbows = shoulders - body.upper_arm * upper[..., 2]
    s, c = np.sin(motion.elbow)[..., None], np.cos(motion.elbow)[..., None]
    wrists = elbows + body.forearm * (s * upper[..., 0] - c * upper[..., 2])  # a hinge about the frame's y
    for side, letter in enumerate("LR"):
        _put(pose, shoulders[:, side], f"{letter}Shoulder")
        _put(pose, elbows[:, side], f"{letter}Elbow")
        _put(pose, wrists[:, side], f"{letter}Wrist")


def two_bone(start: np.ndarray, end: np.ndarray, first_m: float, second_m: float, pole: np.ndarray) -> np.ndarray:
    """(..., 3) the joint between two bones, bent towards `pole`. `end` must be within reach of `start`."""
    across = end - start
    distance = np.linalg.norm(across, axis=-1, keepdims=True)
    along = across / distance
    share = (first_m**2 - second_m**2 + distance**2) / (2 * distance)
    height = np.sqrt(np.maximum(first_m**2 - share**2, 0.0))
    side = pole - np.sum(pole * along, axis=-1, keepdims=True) * along
    return start + share * along + height * side / np.linalg.norm(side, axis=-1, keepdims=True)


def swing(quaternions: np.ndarray, rotation_vectors: np.ndarray) -> np.ndarray:
    """(T, 4) rotations followed by (T, 3) small rotation vectors in the parent's axes."""
    angle = np.linalg.norm(rotation_vectors, axis=-1, keepdims=True)
    extra = np.concatenate([np.cos(angle / 2), 0.5 * np.sinc(angle / (2 * np.pi)) * rotation_vectors], axis=-1)
    return quaternion_multiply(extra, quaternions)


def arm_down_direction(quaternions: np.ndarray) -> np.ndarray:
    """(T, 4) shoulder rotations -> (T, 3) direction of the upper arm in the thorax frame."""
    return -quaternion_to_matrix(quaternions)[..., 2]
