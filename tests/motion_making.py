"""A small moving person of 17 joints, and motion files of it."""

import numpy as np

from srnet_core.geometry.rotation import rotation_about
from srnet_core.skeletons.h36m17 import JOINTS, SKELETON

# z up, facing -y, so that the left side is at +x; metres; 1.68 m from ankle to top of the head
_STANDING = {
    "Hip": (0, 0, 0.92),
    "RHip": (-0.1, 0, 0.92),
    "RKnee": (-0.1, -0.02, 0.5),
    "RFoot": (-0.1, 0, 0.08),
    "LHip": (0.1, 0, 0.92),
    "LKnee": (0.1, -0.02, 0.5),
    "LFoot": (0.1, 0, 0.08),
    "Spine": (0, 0, 1.16),
    "Thorax": (0, 0, 1.42),
    "Neck/Nose": (0, -0.02, 1.55),
    "Head": (0, 0, 1.68),
    "LShoulder": (0.17, 0, 1.4),
    "LElbow": (0.2, 0, 1.12),
    "LWrist": (0.22, -0.05, 0.87),
    "RShoulder": (-0.17, 0, 1.4),
    "RElbow": (-0.2, 0, 1.12),
    "RWrist": (-0.22, -0.05, 0.87),
}
STANDING = np.array([_STANDING[joint] for joint in JOINTS])
BVH_NAMES = {
    "Hip": "Hips",
    "RHip": "RightUpLeg",
    "RKnee": "RightLeg",
    "RFoot": "RightFoot",
    "LHip": "LeftUpLeg",
    "LKnee": "LeftLeg",
    "LFoot": "LeftFoot",
    "Spine": "Spine",
    "Thorax": "Neck",
    "Neck/Nose": "Head",
    "LShoulder": "LeftArm",
    "LElbow": "LeftForeArm",
    "LWrist": "LeftHand",
    "RShoulder": "RightArm",
    "RElbow": "RightForeArm",
    "RWrist": "RightHand",
}


def moving(frames=50, fps=50.0, seed=0):
    """(T, 17, 3): the person turns a little, sways and swings the arms."""
    t = np.arange(frames)[:, None, None] / fps
    phase = np.random.default_rng(seed).uniform(0, 6, (1, 17, 1))
    poses = STANDING + 0.03 * np.sin(2 * np.pi * 0.7 * t + phase) * np.array([1, 0.6, 0.3])
    poses[:, 0] = (poses[:, 1] + poses[:, 4]) / 2
    turn = rotation_about(2, 0.2 * np.sin(t[:, 0, 0]))
    return np.einsum("tij,tkj->tki", turn, poses)


def bvh_text(frames=20, *, scale=100.0, y_up=True, rename=lambda name: name, fps=50):
    """A BVH file of the standing person who walks along a line and turns, as text."""
    rest = STANDING * scale
    if y_up:
        rest = np.stack([rest[:, 0], rest[:, 2], -rest[:, 1]], axis=-1)
    children = {p: [c for q, c in SKELETON.bones if q == p] for p, _ in SKELETON.bones}
    lines = ["HIERARCHY"]

    def joint(j, parent, depth):
        pad = "  " * depth
        offset = " ".join(f"{v:.6g}" for v in rest[j] - (rest[parent] if parent >= 0 else 0))
        if JOINTS[j] == "Head":
            lines.extend([f"{pad}End Site", f"{pad}{{", f"{pad}  OFFSET {offset}", f"{pad}}}"])
            return
        kind = "JOINT" if parent >= 0 else "ROOT"
        position = "Xposition Yposition Zposition " if parent < 0 else ""
        lines.extend([f"{pad}{kind} {rename(BVH_NAMES[JOINTS[j]])}", f"{pad}{{", f"{pad}  OFFSET {offset}"])
        lines.append(f"{pad}  CHANNELS {6 if position else 3} {position}Zrotation Xrotation Yrotation")
        for child in children.get(j, []):
            joint(child, j, depth + 1)
        if not children.get(j):
            lines.extend([f"{pad}  End Site", f"{pad}  {{", f"{pad}    OFFSET 0 0 0", f"{pad}  }}"])
        lines.append(f"{pad}}}")

    joint(0, -1, 0)
    lines += ["MOTION", f"Frames: {frames}", f"Frame Time: {1 / fps:.7f}"]
    for t in range(frames):
        root = rest[0] + np.array([0.5 * t, 0, 0]) * scale / 100
        turn = [0, 0, 2 * t] if y_up else [2 * t, 0, 0]
        lines.append(" ".join(f"{v:.6f}" for v in [*root, *turn, *[0] * (15 * 3)]))
    return "\n".join(lines) + "\n"
