"""Locally connected layer: separate weights for every pair of neighbouring joints of the skeleton."""

from math import sqrt

import numpy as np
import torch
from torch import Tensor, nn

from srnet_core.errors import ConfigError
from srnet_core.layers.constant import Constant
from srnet_core.layers.temporal import take_taps, taps_product


class LocallyConnectedConv1d(nn.Module):
    """Temporal convolution with a separate weight block for each connected pair of joints; all other pairs have none.

        y_j[w] = b_j + sum over taps n and joints i connected to j of W_ji[n] @ x_i[w + n]

    Ci et al., "Optimizing Network Structure for 3D Human Pose Estimation", ICCV 2019, the locally connected network:
    of the weights of a fully connected layer only the blocks of neighbouring joints are not zero, and no two blocks
    share weights.

    Args:
        connected: (J, J) bool, row j: the input joints of output joint j. Each joint needs at least one.
        in_features, out_features: numbers per joint.
        kernel_size: filter taps.

    Raises:
        ConfigError: `connected` is not square, or a joint has no input joints.

    Attributes:
        weight: (pairs, out_features, in_features, kernel_size), the blocks, ordered by output joint, then input joint.
        bias: (J * out_features,).
    """

    def __init__(self, connected: np.ndarray, in_features: int, out_features: int, kernel_size: int = 1):
        super().__init__()
        connected = np.asarray(connected, dtype=bool)
        if connected.ndim != 2 or connected.shape[0] != connected.shape[1] or not connected.any(axis=1).all():
            raise ConfigError(
                f"must be square with at least one input joint for each joint, not {connected.shape}",
                where="connected",
                todo="Connect each joint with itself",
            )
        self.num_joints, self.kernel_size = len(connected), kernel_size
        pairs = int(connected.sum())
        block = np.full(connected.shape, pairs)  # pairs without weights use the zeros after the last block
        block[connected] = np.arange(pairs)
        self.block = Constant(block.reshape(-1))
        self.weight = nn.Parameter(torch.empty(pairs, out_features, in_features, kernel_size))
        self.bias = nn.Parameter(torch.empty(self.num_joints * out_features))
        self._initialize(connected.sum(axis=1))

    @torch.no_grad()
    def _initialize(self, neighbours: np.ndarray) -> None:
        """Uniform as `nn.Conv1d`, with the bound from the number of inputs that an output joint has."""
        _, out_features, in_features, taps = self.weight.shape
        bounds = [1 / sqrt(count * in_features * taps) for count in neighbours]
        for blocks, bound in zip(self.weight.split(neighbours.tolist()), bounds):
            blocks.uniform_(-bound, bound)
        for own, bound in zip(self.bias.split(out_features), bounds):
            own.uniform_(-bound, bound)

    def dense_weight(self) -> Tensor:
        """(J * out_features, J * in_features, kernel_size), zero outside the blocks."""
        blocks = torch.cat([self.weight, self.weight.new_zeros(1, *self.weight.shape[1:])])
        placed = blocks.index_select(0, self.block.index(blocks)).unflatten(0, (self.num_joints, self.num_joints))
        dense: Tensor = (
            placed.permute(0, 2, 1, 3, 4).flatten(0, 1).flatten(1, 2)
        )  # (J, J, O, I, k) -> (J * O, J * I, k)
        return dense

    def channels_last(self, x: Tensor, *, dilation: int = 1, stride: int = 1) -> Tensor:
        """(B, T, J * in_features) -> (B, W, J * out_features)."""
        taps = take_taps(x, self.kernel_size, dilation=dilation, stride=stride)
        return taps_product(taps, self.dense_weight(), self.bias)

    def forward(self, x: Tensor, *, dilation: int = 1, stride: int = 1) -> Tensor:
        """(B, J * in_features, T) -> (B, J * out_features, T')."""
        return self.channels_last(x.transpose(1, 2), dilation=dilation, stride=stride).transpose(1, 2)

    def extra_repr(self) -> str:
        pairs, out_features, in_features, taps = self.weight.shape
        return f"{self.num_joints} joints, {pairs} pairs, {in_features} -> {out_features}, kernel_size={taps}"
