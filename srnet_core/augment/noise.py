"""Keypoints with the errors of a detector: mostly small, now and then large, sometimes left and right exchanged.

The noise scales with the apparent size of the person: the length in pixels that trunk and arm, the longest chain of
bones from the root, would have seen from the front; in an adult they measure about a metre. Neighbouring frames have
similar noise: independent draws lie `correlation_s` apart, and between two of them, a and b, the noise is
a cos(u) + b sin(u) with u from 0 to a quarter turn, which has the same standard deviation at every moment.

`offset_sigma` is the size of an error that stays the same in a window, `jitter_sigma` that of an error that is new in
every frame. `spread` makes some windows exact and others worse, as pictures are sharp or blurred. The default sizes of
the presets were measured with `benchmarks/detector_noise.py`.
"""

import math

import torch
from torch import Tensor

from srnet_core.augment._people import Rig
from srnet_core.augment.draws import Draws
from srnet_core.config.augment import NoiseConfig
from srnet_core.normalization.seen import Seen


def apply(seen: Seen, config: NoiseConfig, draws: Draws, rig: Rig) -> Seen:
    """The same poses with noisy keypoints."""
    windows, frames, joints, _ = seen.pose_cam_m.shape
    times = _Times(frames, config, rig, seen.pose_cam_m.device)
    knots = draws.normal(config.sigma, 2, joints, windows, times.knots)
    if config.outlier_share:
        far = draws.share(joints, windows, times.knots) < config.outlier_share
        knots += draws.normal(config.outlier_sigma, 2, joints, windows, times.knots) * far
    noise = times.between(knots)
    if config.offset_sigma:
        noise = noise + draws.normal(config.offset_sigma, 2, joints, windows, 1)
    if config.jitter_sigma:
        noise = noise + draws.normal(config.jitter_sigma, 2, joints, windows, frames)
    if config.spread:
        noise = noise * (1 + draws.within(config.spread, windows, 1))
    noise_px = noise * _size_px(seen, rig)
    if config.swap_share:
        swapped = times.nearest(draws.share(windows, times.knots) < config.swap_share)
        exact_px = seen.pose_2d_px.permute(3, 2, 0, 1)
        mirror = rig.on_device(rig.skeleton.mirror)
        noise_px += torch.where(swapped, exact_px.index_select(1, mirror) - exact_px, 0.0)
    return seen.with_noise(noise_px.permute(2, 3, 1, 0))


def _size_px(seen: Seen, rig: Rig) -> Tensor:
    """(B, 1) apparent size of each window's person in pixels, in the frame `Rig.centre`."""
    pose_m = seen.pose_cam_m[:, rig.centre]
    chain = rig.longest_chain
    bones_m = [pose_m[:, j] - pose_m[:, rig.skeleton.parents[j]] for j in chain]
    size_m = sum(bone.square().sum(-1).sqrt() for bone in bones_m)
    return (size_m / pose_m[:, 0, 2] * seen.cameras.focal_length_px[:, 0, 0, 0])[:, None]


class _Times:
    """The moments of independent draws among the frames of a window."""

    def __init__(self, frames: int, config: NoiseConfig, rig: Rig, device: torch.device):
        self._step = max(1.0, config.correlation_s * rig.fps)  # frames from one draw to the next
        self.knots = 1 if frames == 1 else math.ceil((frames - 1) / self._step) + 1
        place = torch.arange(frames, device=device) / self._step
        self._before = place.floor().long().clamp_max(max(self.knots - 2, 0))
        self._phase = (place - self._before) * (math.pi / 2)

    def between(self, knots: Tensor) -> Tensor:
        """(..., knots) draws -> (..., L) noise."""
        if self.knots == 1:
            return knots
        first, second = (knots.index_select(-1, self._before + k) for k in (0, 1))
        return first * self._phase.cos() + second * self._phase.sin()

    def nearest(self, knots: Tensor) -> Tensor:
        """(..., knots) -> (..., L) the value of the draw before each frame."""
        return knots.index_select(-1, self._before)
