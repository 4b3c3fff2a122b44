"""Depth of the root joint, estimated from 2D keypoints and known bone lengths.

Weak perspective: a bone of length L perpendicular to the line of sight at depth Z spans u = L f/Z pixels; a tilted bone
spans fewer, never more. So every bone gives an upper bound of the depth, Z <= L f/u, and the least tilted bones give
the tightest bounds. The estimate is a power mean over the bones of u / (f L), weighted by L^2. Its high exponent gives
most weight to the least tilted bones, without relying on a single one:

    1/Z = ( sum_b L_b^2 (u_b / (f L_b))^p / sum_b L_b^2 )^(1/p) / scale,      p = 8

`scale` corrects for the average tilt of even the least tilted bones; it and the mean bone lengths are learned from
training poses. The idea is that of the distance measure k of Moon et al., "Camera Distance-aware Top-down Approach for
3D Multi-person Pose Estimation" (RootNet, ICCV 2019), with bones in place of the bounding box.

A person 5 % smaller than the training subjects is estimated 5 % too far away: one view cannot tell size from distance.
Lens distortion is ignored.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from srnet_core.clip import Clip, check_2d
from srnet_core.errors import BadFileError
from srnet_core.geometry.camera import Camera

POWER = 8
NEAREST_M, FARTHEST_M = 1.5, 100.0  # no joint is 1.5 m from the hip, so all joints stay in front of the camera


@dataclass(frozen=True)
class BodySize:
    """Mean bone lengths of the training subjects.

    Attributes:
        bones: (parent, child) joint indices.
        lengths_m: the mean length of each bone.
        scale: median over the training frames of the formula above without `scale`, times the true depth.
    """

    bones: tuple[tuple[int, int], ...]
    lengths_m: tuple[float, ...]
    scale: float


def learn_body_size(clips: Iterable[Clip], bones: Sequence[tuple[int, int]], *, every: int = 5) -> BodySize:
    """Mean bone lengths and scale of training poses.

    Args:
        clips: with 3D poses.
        bones: (parent, child) joint indices.
        every: use every n-th frame.

    Raises:
        BadFileError: no frames, a clip without 3D, or no bone with a length above zero.
    """
    spans, depths_m, lengths_m = [], [], []
    for clip in clips:
        poses_m = _ground_truth(clip)[::every].astype(np.float64)
        spans.append(_spans(clip.pose_2d_px[::every], clip.camera, bones))
        lengths_m.append(np.linalg.norm(_differences(poses_m, bones), axis=-1))
        depths_m.append(poses_m[:, 0, 2])
    if not spans or not np.concatenate(lengths_m).mean(0).any():
        raise BadFileError("the training poses have no bone lengths to estimate depths from")
    mean_lengths_m = np.concatenate(lengths_m).mean(0)
    scale = np.median(np.concatenate(depths_m) * _inverse_depth(np.concatenate(spans), mean_lengths_m))
    return BodySize(tuple((parent, child) for parent, child in bones), tuple(map(float, mean_lengths_m)), float(scale))


def estimate_root_depth(pose_2d_px: np.ndarray, camera: Camera, body: BodySize) -> np.ndarray:
    """(T, J, 2) pixels -> (T,) depth of the root in metres, frame by frame, between 1.5 and 100 m.

    Raises:
        BadFileError: keypoints of another shape, or not finite.
    """
    inverse = _inverse_depth(_spans(check_2d(pose_2d_px), camera, body.bones), np.asarray(body.lengths_m))
    depth_m: np.ndarray = np.clip(body.scale / np.maximum(inverse, 1e-9), NEAREST_M, FARTHEST_M)
    return depth_m


def at_depth(clip: Clip, depth_m: np.ndarray) -> np.ndarray:
    """The clip's true poses, moved so that the root is at (T,) given depths on the ray of its keypoint: (T, J, 3).

    Raises:
        BadFileError: the clip has no 3D poses.
    """
    poses_m = _ground_truth(clip)
    ray = (clip.pose_2d_px[:, 0].astype(np.float64) - clip.camera.center_px) / clip.camera.focal_length_px  # (T, 2)
    root_m = np.concatenate([ray, np.ones((len(ray), 1))], axis=-1) * depth_m[:, None]  # (T, 3)
    moved_m: np.ndarray = poses_m - poses_m[:, :1] + root_m[:, None]
    return moved_m


def _ground_truth(clip: Clip) -> np.ndarray:
    if clip.pose_3d_cam_m is None:
        raise BadFileError("the clip has no 3D poses", where=str(clip.name))
    return clip.pose_3d_cam_m


def _spans(pose_2d_px: np.ndarray, camera: Camera, bones: Sequence[tuple[int, int]]) -> np.ndarray:
    """(T, J, 2) -> (T, bones) apparent lengths divided by the focal length."""
    across = _differences(pose_2d_px.astype(np.float64) / camera.focal_length_px, bones)
    lengths: np.ndarray = np.linalg.norm(across, axis=-1)
    return lengths


def _differences(poses: np.ndarray, bones: Sequence[tuple[int, int]]) -> np.ndarray:
    parents, children = np.asarray(bones).T
    differences: np.ndarray = poses[:, children] - poses[:, parents]
    return differences


def _inverse_depth(spans: np.ndarray, lengths_m: np.ndarray) -> np.ndarray:
    """(T, bones) -> (T,), before the scale; bones of length zero have no influence."""
    weights = lengths_m**2 / np.sum(lengths_m**2)
    ratios = np.divide(spans, lengths_m, out=np.zeros_like(spans), where=lengths_m > 0)
    inverse: np.ndarray = np.sum(weights * ratios**POWER, axis=-1) ** (1 / POWER)
    return inverse
