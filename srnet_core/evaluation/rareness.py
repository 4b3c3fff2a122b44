"""How rare a test pose is among the training poses.

The distance d of two poses is the mean over the joints of the distance between their positions, in metres, both
root-relative and in camera axes, as a network predicts them. Of a body part it is the same over the joints of the part,
relative to its first joint. A test pose has d to every training pose, and three measures of rareness:

    mean      mean of d
    kernel    1 - mean of exp(-d / 0.5 m): what is far away counts the same, however far it is
    nearest   mean of the `NEAREST` smallest d

None of them changes by more than d from one pose to another (kernel: d / 0.5 m). So training poses near to each other
along a clip are compared once and count as often as they are, and of a test clip some frames are compared and those
between are interpolated: see `chains`. `TOLERANCE_M` bounds what both change together.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from srnet_core.engine.threads import Workers
from srnet_core.evaluation.chains import covering, ways_m

NEAREST = 10
KERNEL_M = 0.5
TOLERANCE_M = 0.02  # the most that a value of mean and nearest may differ from that of all pairs of poses
_TEST_BLOCK, _TRAIN_BLOCK = 128, 1024  # one block of distances, 0.5 MB, fits in the cache of a core


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
    def of_clips(
        cls, clips_m: Iterable[np.ndarray], parts: Mapping[str, Sequence[int]], tolerance_m: float = TOLERANCE_M
    ) -> "TrainingPoses":
        """Gather (T, J, 3) clips. A pose left out is within half of `tolerance_m` of the one that stands for it."""
        poses, weights = [], []
        for clip_m in clips_m:
            kept, counts = covering(ways_m(clip_m, parts), tolerance_m / 2)
            poses.append(clip_m[kept].astype(np.float32))
            weights.append(counts)
        return cls(np.concatenate(poses), np.concatenate(weights).astype(np.float64))


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
    weights = torch.from_numpy(train.weights).float()
    compared = {name: _columns(train.poses_m, joints, second=True) for name, joints in parts.items()}
    workers = Workers()

    def block(start: int) -> dict[str, np.ndarray]:
        poses_m = test_m[start : start + _TEST_BLOCK]
        return {
            name: _measures(_columns(poses_m, joints), compared[name], weights, len(joints))
            for name, joints in parts.items()
        }

    starts = range(0, len(test_m), _TEST_BLOCK)
    together = 4 * workers.count()
    for first in range(0, len(starts), together):
        yield from workers.map(block, starts[first : first + together])


def _columns(poses_m: np.ndarray, joints: Sequence[int], second: bool = False) -> torch.Tensor:
    """(N, J, 3) -> (joints - 1, N, 5) so that the product of a first and a second gives squared distances by joint.

    |a - b|^2 = a . (-2 b) + |a|^2 * 1 + 1 * |b|^2. The first joint is where both poses are zero, and is left out.
    """
    part_m = poses_m[:, list(joints)]
    places = torch.from_numpy(np.ascontiguousarray(part_m[:, 1:] - part_m[:, :1], np.float32)).transpose(0, 1)
    square, one = places.square().sum(-1, keepdim=True), torch.ones(*places.shape[:2], 1)
    return torch.cat([-2 * places, one, square] if second else [places, square, one], -1)


def _measures(test: torch.Tensor, train: torch.Tensor, weights: torch.Tensor, joints: int) -> np.ndarray:
    """(joints - 1, n, 5) and (joints - 1, M, 5) -> (n, 3) of `RARENESS`.

    Args:
        weights: (M,) how many frames each training pose stands for.
        joints: over which d is the mean.
    """
    n = test.shape[1]
    mean, kernel = torch.zeros(n, dtype=torch.float64), torch.zeros(n, dtype=torch.float64)
    nearest = _Nearest(n)
    for columns, weight in zip(train.split(_TRAIN_BLOCK, 1), weights.split(_TRAIN_BLOCK)):
        d, joint_d = torch.zeros(n, len(weight)), torch.empty(n, len(weight))
        for of_test, of_train in zip(test, columns):  # in place: new memory for every joint costs more than computing
            torch.mm(of_test, of_train.T, out=joint_d)
            d += joint_d.clamp_min_(0).sqrt_()  # rounding may go below zero
        d /= joints
        mean += d @ weight
        nearest.add(d, weight)
        kernel += d.div_(-KERNEL_M).exp_() @ weight
    total = weights.double().sum()
    return torch.stack([mean / total, 1 - kernel / total, nearest.mean()], 1).float().numpy()


class _Nearest:
    """The smallest distances of n test poses, in turns."""

    def __init__(self, n: int):
        self._d = torch.full((n, NEAREST), torch.inf)
        self._weights = torch.zeros(n, NEAREST)

    def add(self, d: torch.Tensor, weight: torch.Tensor) -> None:
        """Take the smallest of (n, m) distances to poses that stand for `weight` (m,) frames each."""
        rows = (d.amin(1) < self._d.amax(1)).nonzero()[:, 0]  # a search in all rows costs a quarter of all the time
        if not len(rows):
            return
        found, place = d[rows].topk(min(NEAREST, d.shape[1]), largest=False)
        both = torch.cat([self._d[rows], found], 1)
        self._d[rows], place_in_both = both.topk(NEAREST, largest=False)
        self._weights[rows] = torch.cat([self._weights[rows], weight[place]], 1).gather(1, place_in_both)

    def mean(self) -> torch.Tensor:
        """(n,) mean of the smallest d over `NEAREST` frames, or over all if there are fewer."""
        d, order = self._d.double().sort(1)
        weights = self._weights.double().gather(1, order)
        taken = (NEAREST - (weights.cumsum(1) - weights)).clamp_min(0).minimum(weights)
        return torch.where(taken > 0, d * taken, 0).sum(1) / taken.sum(1)
