"""A plain network to compare with, from torch's own layers."""

import torch.nn.functional as F
from torch import Tensor, nn

from srnet_core.skeletons.h36m17 import SKELETON


class PlainFc(nn.Module):
    """The fully connected network of Pavllo et al. (CVPR 2019, section 3) from plain `nn.Conv1d` and `nn.BatchNorm1d`."""

    def __init__(self, filter_widths: tuple[int, ...], channels: int):
        super().__init__()
        self.filter_widths, joints = filter_widths, SKELETON.num_joints
        kernels = [filter_widths[0], *(k for width in filter_widths[1:] for k in (width, 1))]
        inputs = [2 * joints] + [channels] * (len(kernels) - 1)
        self.convs = nn.ModuleList(nn.Conv1d(n, channels, k, bias=False) for n, k in zip(inputs, kernels))
        self.norms = nn.ModuleList(nn.BatchNorm1d(channels) for _ in kernels)
        self.output = nn.Conv1d(channels, 3 * joints, 1)

    def forward(self, x: Tensor, strided: bool = False) -> Tensor:
        """(B, T, J, 2) -> (B, T - receptive field + 1, J, 3): every frame, dilated.

        With `strided`, (B, receptive field, J, 2) -> (B, 1, J, 3): the one frame of each window.
        """
        x, dilation = x.flatten(2).transpose(1, 2), 1  # (B, J * 2, T)
        for i, width in enumerate(self.filter_widths):
            stride, spread = (width, 1) if strided else (1, dilation)
            y = self._layer(max(0, 2 * i - 1), x, stride, spread)
            if i:
                start = width // 2 * spread
                y = self._layer(2 * i, y) + x[:, :, start : start + (y.shape[-1] - 1) * stride + 1 : stride]
            x, dilation = y, dilation * width
        return self.output(x).transpose(1, 2).unflatten(-1, (-1, 3))

    def _layer(self, i: int, x: Tensor, stride: int = 1, dilation: int = 1) -> Tensor:
        return F.leaky_relu(self.norms[i](F.conv1d(x, self.convs[i].weight, None, stride, 0, dilation)))
