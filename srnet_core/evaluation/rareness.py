"""How rare a test pose is among the training poses.

The distance d of two poses is the mean over the joints of the distance between their positions, in metres, both
root-relative and in camera axes, as a network predicts them. Of a body part it is the same over the joints of the part,
relative to its first joint. A test pose has d to every training pose, and three measures of rareness:

    mean      mean of d
    kernel    1 - mean of exp(-d / 0.5 m): what is far away counts the same, however far it is
    nearest   mean of the `NEAREST` smallest d

Training poses that hardly differ from the frame before are left out, and those that are kept count as often as they
stand for others, so that minutes suffice for a large data set.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from srnet_core.engine.threads import Workers

NEAREST = 10
KERNEL_M = 0.5
THINNED_M = 0.01  # poses of a clip that are nearer to the last one kept, along the way, are left out
_TEST_BLOCK, _TRAIN_BLOCK = 128, 1024  # one block of distances, 0.5 MB, fits in the cache of a core
_INSIDE_M2 = 1e-12  # keeps the square root away from negative rounding errors


@dataclass(frozen=True)
class TrainingPoses:
    """Poses to compare with.

    Attributes:
        poses_m: (M, J, 3) float32, root-relative.
        weights: (M,) how many frames each stands for.
    """

    poses_m: np.ndarray
    weights: np.ndarray

    @classmethod
    def of_clips(cls, clips_m: Iterable[np.ndarray], thinned_m: float = THINNED_M) -> "TrainingPoses":
        """Gather (T, J, 3) clips, leaving out poses that lie less than `thinned_m` behind the last one kept.

        The way along a clip is the sum of the d between consecutive frames, so no pose left out is further than
        `thinned_m` from the one that stands for it.
        """
        poses, weights = [], []
        for clip_m in clips_m:
            kept = _kept(clip_m, thinned_m)
            poses.append(clip_m[kept].astype(np.float32))
            weights.append(np.diff(np.append(kept, len(clip_m))))
        return cls(np.concatenate(poses), np.concatenate(weights).astype(np.float64))


def _kept(clip_m: np.ndarray, thinned_m: float) -> np.ndarray:
    """Numbers of the frames to keep, the first one always."""
    if thinned_m <= 0:
        return np.arange(len(clip_m))
    moved_m = np.linalg.norm(np.diff(clip_m.astype(np.float64), axis=0), axis=-1).mean(-1)  # (T - 1,)
    pieces = np.floor(np.concatenate([[0], np.cumsum(moved_m)]) / thinned_m)
    return np.flatnonzero(np.diff(pieces, prepend=-1.0) > 0)


def rareness(
    test_m: np.ndarray, train: TrainingPoses, parts: Mapping[str, Sequence[int]]
) -> Iterator[dict[str, np.ndarray]]:
    """The rareness of test poses, some hundred poses at a time, in their order.

    Args:
        test_m: (N, J, 3) root-relative, in camera axes as those of `train`.
        parts: {name: joints}; a part of all joints is the whole body.

    Yields:
        {name: (n, 3) float32}, the columns as in `RARENESS`. Positions are compared in float32: d is exact to about
        1 mm where poses are nearly the same.
    """
    weights = torch.from_numpy(train.weights / train.weights.sum()).float()
    compared = {name: _columns(train.poses_m[:, list(joints)], second=True) for name, joints in parts.items()}
    workers = Workers()

    def block(start: int) -> dict[str, np.ndarray]:
        poses_m = test_m[start : start + _TEST_BLOCK]
        return {
            name: _measures(_columns(poses_m[:, list(joints)]), compared[name], weights)
            for name, joints in parts.items()
        }

    starts = range(0, len(test_m), _TEST_BLOCK)
    together = 4 * workers.count()
    for first in range(0, len(starts), together):
        yield from workers.map(block, starts[first : first + together])


def _columns(poses_m: np.ndarray, second: bool = False) -> torch.Tensor:
    """(N, J, 3) -> (J, N, 5) so that the product of a first and a second gives squared distances, joint by joint.

    |a - b|^2 = a . (-2 b) + |a|^2 * 1 + 1 * |b|^2.
    """
    places = torch.from_numpy(np.ascontiguousarray(poses_m - poses_m[:, :1], np.float32)).transpose(0, 1)  # (J, N, 3)
    square, one = places.square().sum(-1, keepdim=True), torch.ones(*places.shape[:2], 1)
    return torch.cat([-2 * places, one, square] if second else [places, square, one], -1)


def _measures(test: torch.Tensor, train: torch.Tensor, weights: torch.Tensor) -> np.ndarray:
    """(J, n, 5) and (J, M, 5) -> (n, 3) of `RARENESS`."""
    joints, n, _ = test.shape
    mean, kernel = torch.zeros(n, dtype=torch.float64), torch.zeros(n, dtype=torch.float64)
    nearest = torch.empty(n, 0)
    for columns, weight in zip(train.split(_TRAIN_BLOCK, 1), weights.split(_TRAIN_BLOCK)):
        d, joint_d = torch.zeros(n, len(weight)), torch.empty(n, len(weight))
        for joint in range(joints):  # in place: new memory for every joint would cost more than the computation
            torch.mm(test[joint], columns[joint].T, out=joint_d)
            d += joint_d.clamp_min_(_INSIDE_M2).sqrt_()
        d /= joints
        mean += d @ weight
        nearest = torch.cat([nearest, d], 1).topk(min(NEAREST, nearest.shape[1] + d.shape[1]), largest=False).values
        kernel += d.div_(-KERNEL_M).exp_() @ weight
    return torch.stack([mean, 1 - kernel, nearest.double().mean(1)], 1).float().numpy()
