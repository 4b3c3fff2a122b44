"""HumanEva's 15 joints in 3D beside COCO's 17 in 2D, in VideoPose3D's files, of invented motion."""

import numpy as np
from motion_making import moving

from srnet_core.datasets import humaneva
from srnet_core.geometry.camera import Camera
from srnet_core.layouts import get_layout
from srnet_core.skeletons.h36m17 import JOINTS

COCO = get_layout("coco17")
OF_COCO = {
    **{
        f"{side}_{name}": f"{side[0].upper()}{joint}"
        for side in ("left", "right")
        for name, joint in (
            ("shoulder", "Shoulder"),
            ("elbow", "Elbow"),
            ("wrist", "Wrist"),
            ("hip", "Hip"),
            ("knee", "Knee"),
            ("ankle", "Foot"),
        )
    },
    "nose": "Neck/Nose",
}
TO_15 = [0, 8, 11, 12, 13, 14, 15, 16, 4, 5, 6, 1, 2, 3, 10]
SUBJECTS = ("Train/S1", "Validate/S1")


def cameras():
    return [
        Camera(name, 640, 480, (760, 765), (318, 242), orientation=np.array(q) / np.linalg.norm(q), translation_m=t)
        for name, (q, t) in zip(humaneva.CAMERAS, humaneva._KNOWN["S1"])
    ]


def coco_m(pose):
    """(T, 17, 3) COCO's joints of Human3.6M's: the points of the face at the head."""
    return pose[:, [JOINTS.index(OF_COCO.get(joint, "Head")) for joint in COCO.joints]]


def write_pair(folder):
    """The 3D of 15 joints and the 2D of COCO's 17, as VideoPose3D's files of HumanEva."""
    positions_3d, positions_2d = {}, {}
    for i, subject in enumerate(SUBJECTS):
        for j, take in enumerate(("Walking 1 chunk0", "Jog 1 chunk0")):
            walk = np.stack([np.linspace(-1, 1, 50), np.sin(np.linspace(0, 5, 50)), np.zeros(50)], axis=-1)
            pose = (moving(50, seed=10 * i + j) + walk[:, None]).astype(np.float32)
            positions_3d.setdefault(subject, {})[take] = pose[:, TO_15]
            views = [c.project(c.world_to_camera(coco_m(pose))).astype(np.float32) for c in cameras()]
            positions_2d.setdefault(subject, {})[take] = views
    left, right = zip(*COCO.mirror_pairs)
    metadata = {"layout_name": "coco", "num_joints": 17, "keypoints_symmetry": [list(left), list(right)]}
    np.savez(folder / "data_3d_humaneva15.npz", positions_3d=positions_3d)
    np.savez(folder / "data_2d_humaneva15_detectron_pt_coco.npz", positions_2d=positions_2d, metadata=metadata)
    return folder
