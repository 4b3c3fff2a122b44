"""How far away the root is, from 2D alone: bones of known length look the smaller the farther they are.

Weak perspective: a bone of length L that lies across the line of sight at depth Z spans L f/Z pixels, one that is turned
spans less, never more. So every bone says "Z is at most L f/u", and the least turned ones come closest. The estimate
is a power mean over the bones of u / (f L), weighted by L^2, whose high exponent lets the least turned bones decide
without leaving the decision to a single one:

    1/Z = ( sum_b L_b^2 (u_b / (f L_b))^p / sum_b L_b^2 )^(1/p) / scale,      p = 8

`scale` is what even the least turned bones lack on average; it and the mean bone lengths are learned from training
poses. The idea is that of the distance measure k of Moon et al., "Camera Distance-aware Top-down Approach for 3D
Multi-person Pose Estimation" (RootNet, ICCV 2019), with bones in place of the bounding box.

A person 5 % smaller than the training people is put 5 % too far away: nothing in one view tells size from distance.
Lens distortion is left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from srnet_core.clip import Clip, check_2d
from srnet_core.errors import BadFileError
from srnet_core.geometry.camera import Camera

POWER = 8
NEAREST_M, FARTHEST_M = 1.5, 100.0  # nobody reaches 1.5 m from the hip, so all joints stay in front of the camera


@dataclass(frozen=True)
class BodySize:
    """What is known about the people before a picture of one is seen.

    Attributes:
        bones: (parent, child) joint indices.
        lengths_m: the mean length of each bone.
        scale: mean of what the formula above gives without it, over the true inverse depth.
    """

    bones: tuple[tuple[int, int], ...]
    lengths_m: tuple[float, ...]
    scale: float


def learn_body_size(clips: Iterable[Clip], bones: Sequence[tuple[int, int]], *, every: int = 5) -> BodySize:
    """Mean bone lengths and scale of training poses, from every n-th frame.

    Raises:
        BadFileError: no frames, or no bone that has a length.
    """
    spans, depths_m, lengths_m = [], [], []
    for clip in clips:
        poses_m = clip.pose_3d_cam_m[::every].astype(np.float64)
        spans.append(_spans(clip.pose_2d_px[::every], clip.camera, bones))
        lengths_m.append(np.linalg.norm(_differences(poses_m, bones), axis=-1))
        depths_m.append(poses_m[:, 0, 2])
    if not spans or not np.concatenate(lengths_m).mean(0).any():
        raise BadFileError("the training poses have no bone lengths to estimate depths from")
    mean_lengths_m = np.concatenate(lengths_m).mean(0)
    scale = np.median(np.concatenate(depths_m) * _inverse_depth(np.concatenate(spans), mean_lengths_m))
    return BodySize(tuple(map(tuple, bones)), tuple(map(float, mean_lengths_m)), float(scale))


def estimate_root_depth(pose_2d_px: np.ndarray, camera: Camera, body: BodySize) -> np.ndarray:
    """(T, J, 2) pixels -> (T,) depth of the root in metres, frame by frame, within 1.5 and 100 m.

    Raises:
        BadFileError: keypoints of another shape, or not finite.
    """
    inverse = _inverse_depth(_spans(check_2d(pose_2d_px), camera, body.bones), np.asarray(body.lengths_m))
    return np.clip(body.scale / np.maximum(inverse, 1e-9), NEAREST_M, FARTHEST_M)


def at_depth(clip: Clip, depth_m: np.ndarray) -> np.ndarray:
    """(T, J, 3): the clip's true pose about the root, moved to where its root keypoint lies at these (T,) depths."""
    ray = (clip.pose_2d_px[:, 0].astype(np.float64) - clip.camera.center_px) / clip.camera.focal_length_px  # (T, 2)
    root_m = np.concatenate([ray, np.ones((len(ray), 1))], axis=-1) * depth_m[:, None]  # (T, 3)
    return clip.pose_3d_cam_m - clip.pose_3d_cam_m[:, :1] + root_m[:, None]


def _spans(pose_2d_px: np.ndarray, camera: Camera, bones: Sequence[tuple[int, int]]) -> np.ndarray:
    """(T, J, 2) -> (T, bones) apparent lengths over the focal length."""
    across = _differences(pose_2d_px.astype(np.float64) / camera.focal_length_px, bones)
    return np.linalg.norm(across, axis=-1)


def _differences(poses: np.ndarray, bones: Sequence[tuple[int, int]]) -> np.ndarray:
    parents, children = np.asarray(bones).T
    return poses[:, children] - poses[:, parents]


def _inverse_depth(spans: np.ndarray, lengths_m: np.ndarray) -> np.ndarray:
    """(T, bones) -> (T,), before the scale; bones without a length say nothing."""
    weights = lengths_m**2 / np.sum(lengths_m**2)
    ratios = np.divide(spans, lengths_m, out=np.zeros_like(spans), where=lengths_m > 0)
    return np.sum(weights * ratios**POWER, axis=-1) ** (1 / POWER)
