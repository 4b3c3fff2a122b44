"""Joint angles computed from joint positions, and the ranges that the synthetic motions must keep.

The angles follow from the 17 positions alone, so this check is independent of how a motion was generated.

Sources of the ranges: American Academy of Orthopaedic Surgeons, "Joint Motion: Method of Measuring and Recording", 1965
(hip 120 flexion, 30 extension, 45 abduction, 30 adduction, 45 rotation to either side; elbow 0-150; shoulder 180
elevation, 60 extension; spine 80 flexion, 30 extension, 35 lateral, 45 rotation; neck 45 flexion, 45 extension).
Hemmerich et al., "Hip, knee, and ankle kinematics of high range of motion activities of daily living", J. Orthop. Res.
24(4), 2006: squatting and sitting cross-legged bend the knee to 150 degrees and more. A bound is wider than the source
only where the angle between joint centres is not the clinical angle; comments at `LIMITS_DEG` say so.
"""

import numpy as np

from srnet_core.skeletons.h36m17 import SKELETON

LIMITS_DEG = {
    "knee_flexion": (0.0, 150.0),
    "knee_rotation": (-45.0, 75.0),  # of the knee's axis about the thigh, outward positive; cross-legged is the extreme
    # the orientation of the pelvis is taken from the axis Hip-Spine, which includes some of the bend of the back
    "hip_flexion": (-30.0, 135.0),
    "hip_abduction": (-30.0, 48.0),
    "elbow_flexion": (0.0, 150.0),
    # of the elbow's axis about the upper arm: AAOS gives 70 in and 90 out, from one posture
    "elbow_rotation": (-110.0, 110.0),
    "arm_elevation": (0.0, 180.0),
    "arm_extension": (0.0, 60.0),  # of the upper arm behind the frontal plane of the thorax
    "spine_flexion": (-30.0, 85.0),
    "spine_lateral": (-35.0, 35.0),
    "spine_rotation": (-45.0, 45.0),
    "head_flexion": (-60.0, 60.0),  # of the axis Thorax-Head, which leans forward in neutral posture
    "head_lateral": (-45.0, 45.0),
}


def is_anatomical(positions_m: np.ndarray) -> bool:
    """Whether all angles of (T, 17, 3) positions lie within `LIMITS_DEG`."""
    with np.errstate(invalid="ignore"):
        return all(
            not np.any((angle < LIMITS_DEG[name][0]) | (angle > LIMITS_DEG[name][1]))
            for name, angle in joint_angles_deg(positions_m).items()
        )


def hand_clearance_m(positions_m: np.ndarray) -> float:
    """Smallest distance in metres of either wrist from the segment Hip-Thorax in (T, 17, 3) positions."""
    hip, thorax, *wrists = (positions_m[:, SKELETON.index(name)] for name in ("Hip", "Thorax", "LWrist", "RWrist"))
    trunk = thorax - hip
    nearest = np.inf
    for wrist in wrists:
        share = np.clip(np.sum((wrist - hip) * trunk, axis=-1) / np.sum(trunk**2, axis=-1), 0, 1)
        nearest = min(nearest, np.linalg.norm(wrist - hip - share[:, None] * trunk, axis=-1).min())
    return float(nearest)


def joint_angles_deg(positions_m: np.ndarray) -> dict[str, np.ndarray]:
    """Angles in degrees of (T, 17, 3) positions: (T, 2) left and right for limbs, (T,) for the trunk.

    Rotations of the knee's and the elbow's axis are NaN where the joint is too straight to show its axis.
    """
    joint = {name: positions_m[:, k].astype(np.float64) for k, name in enumerate(SKELETON.joint_names)}
    pelvis = _frame(joint["LHip"] - joint["RHip"], joint["Spine"] - joint["Hip"])
    thorax = _frame(joint["LShoulder"] - joint["RShoulder"], joint["Thorax"] - joint["Spine"])
    sides = [_leg(joint, pelvis, s, f) | _arm(joint, thorax, s, f) for s, f in (("L", 1.0), ("R", -1.0))]
    angles = {name: np.stack([side[name] for side in sides], axis=-1) for name in sides[0]}
    return angles | _trunk(joint, pelvis, thorax)


def _frame(left: np.ndarray, up: np.ndarray) -> np.ndarray:
    """(T, 3, 3) axes as columns: forward, left, up; `left` is kept, `up` is made orthogonal to it."""
    y = _unit(left)
    z = _unit(up - np.sum(up * y, axis=-1, keepdims=True) * y)
    return np.stack([np.cross(y, z), y, z], axis=-1)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _within(frame: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Directions of (T, 3) vectors in the axes of (T, 3, 3) frames."""
    return _unit(np.einsum("tji,tj->ti", frame, vectors))


def _hinge(
    proximal: np.ndarray, distal: np.ndarray, neutral: np.ndarray, side: float, bends: float
) -> tuple[np.ndarray, np.ndarray]:
    """(T,) flexion and (T,) rotation of the hinge axis about the proximal bone, outward positive, in degrees.

    Args:
        neutral: (T, 3) direction of the axis at zero rotation, orthogonal to the proximal bone.
        bends: +1 for a joint that bends backward (knee), -1 for one that bends forward (elbow).
    """
    flexion = np.degrees(np.arccos(np.clip(np.sum(proximal * distal, axis=-1), -1, 1)))
    axis = bends * np.cross(proximal, distal)
    sine, cosine = np.sum(np.cross(neutral, axis) * proximal, axis=-1), np.sum(neutral * axis, axis=-1)
    rotation = -side * np.degrees(np.arctan2(sine, cosine))
    return flexion, np.where(flexion > 20, rotation, np.nan)


def _sideways(bone: np.ndarray) -> np.ndarray:
    """The left axis made orthogonal to a bone: zero rotation in the joint coordinates of Grood & Suntay (1983)."""
    y = np.array([0.0, 1.0, 0.0])
    return _unit(y - (bone @ y)[:, None] * bone)


def _carried(bone: np.ndarray) -> np.ndarray:
    """The left axis turned by the shortest rotation from straight down to the bone. Arms may point sideways."""
    down, y = np.array([0.0, 0.0, -1.0]), np.array([0.0, 1.0, 0.0])
    turn = np.cross(down, bone)
    return y + np.cross(turn, y) + np.cross(turn, np.cross(turn, y)) / (1 + bone @ down)[:, None]


def _leg(joint: dict[str, np.ndarray], pelvis: np.ndarray, letter: str, side: float) -> dict[str, np.ndarray]:
    thigh = _within(pelvis, joint[f"{letter}Knee"] - joint[f"{letter}Hip"])
    shank = _within(pelvis, joint[f"{letter}Foot"] - joint[f"{letter}Knee"])
    flexion, rotation = _hinge(thigh, shank, _sideways(thigh), side, 1.0)
    return {
        "knee_flexion": flexion,
        "knee_rotation": rotation,
        "hip_flexion": np.degrees(np.arctan2(thigh[:, 0], -thigh[:, 2])),
        "hip_abduction": np.degrees(np.arcsin(np.clip(side * thigh[:, 1], -1, 1))),
    }


def _arm(joint: dict[str, np.ndarray], thorax: np.ndarray, letter: str, side: float) -> dict[str, np.ndarray]:
    upper = _within(thorax, joint[f"{letter}Elbow"] - joint[f"{letter}Shoulder"])
    fore = _within(thorax, joint[f"{letter}Wrist"] - joint[f"{letter}Elbow"])
    flexion, rotation = _hinge(upper, fore, _carried(upper), side, -1.0)
    elevation = np.degrees(np.arccos(np.clip(-upper[:, 2], -1, 1)))
    # The neutral axis of a raised arm is a matter of convention, so the rotation is checked for low arms only.
    return {
        "elbow_flexion": flexion,
        "elbow_rotation": np.where(elevation < 100, rotation, np.nan),
        "arm_elevation": elevation,
        "arm_extension": np.degrees(np.arcsin(np.clip(-upper[:, 0], 0, 1))),
    }


def _trunk(joint: dict[str, np.ndarray], pelvis: np.ndarray, thorax: np.ndarray) -> dict[str, np.ndarray]:
    relative = np.einsum("tji,tjk->tik", pelvis, thorax)
    head = _within(thorax, joint["Head"] - joint["Thorax"])
    return {
        "spine_flexion": np.degrees(np.arctan2(relative[:, 0, 2], relative[:, 2, 2])),
        "spine_lateral": np.degrees(np.arcsin(np.clip(relative[:, 1, 2], -1, 1))),
        "spine_rotation": np.degrees(np.arctan2(relative[:, 1, 0], relative[:, 0, 0])),
        "head_flexion": np.degrees(np.arctan2(head[:, 0], head[:, 2])),
        "head_lateral": np.degrees(np.arcsin(np.clip(head[:, 1], -1, 1))),
    }
