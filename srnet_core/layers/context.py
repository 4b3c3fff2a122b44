"""The context of a group: the information from outside the group that a split-and-recombine layer uses.

Parameter names and shapes are those of the published SRNet code, so that its checkpoints load without changes.
Shapes: B batch, W output positions, C channels, G groups, d width of the context, k filter taps. A context has d
numbers per position, group and tap, (B, W, G * d, k), where d is 1 in the published networks. In the channel-wise
form it has one number per position, channel and tap, (B, W, C, k).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srnet_core.layers.channels import group_slices
from srnet_core.layers.constant import Constant
from srnet_core.layers.module_list import convolutions, modules_as, weights_suffice
from srnet_core.layers.temporal import call_on_taps, norm_channels_last, taps_product


def zero_weight_conv(in_channels: int, out_channels: int, kernel_size: int) -> nn.Conv1d:
    """A convolution with zero weight and random bias as `nn.Conv1d`, so that the context is constant at the start."""
    conv = nn.Conv1d(in_channels, out_channels, kernel_size)
    nn.init.zeros_(conv.weight)
    return conv


def bias_of(conv: nn.Conv1d) -> Tensor:
    """The bias of a convolution that has one, as those of `zero_weight_conv` do."""
    assert conv.bias is not None
    return conv.bias


def published_order(context: Tensor) -> Tensor:
    """Assign the contexts to positions and taps in the order of the published code.

    The published context convolution gives (k, W) numbers per group, which are then read as (W, k) without transposing:
    the number for position w and tap n has flat index `n * W + w`. So a tap gets a number computed for another
    position, which depends on W. Weights trained in this order need the same order in inference.

    Args:
        context: (B, W, G, k).

    Returns:
        (B, W, G, k).
    """
    _, positions, _, taps = context.shape
    by_tap = context.permute(0, 2, 3, 1)  # (B, G, k, W)
    # in two steps, the first of which joins only: torch.export cannot tell that k * W numbers divide into W rows
    by_position: Tensor = by_tap.flatten(2).unflatten(2, (positions, taps))  # (B, G, k * W) -> (B, G, W, k)
    return by_position.transpose(1, 2)


@dataclass(frozen=True)
class ContextSettings:
    """Settings of a context, those of its layer.

    Attributes:
        form: see the classes of the contexts.
        recombine: "multiply", "add" or "concat".
        kernel_size: k, filter taps.
        widths: input channels of each group.
        negative_slope: of the LeakyReLU on the context of add and concat.
        context_width: d, numbers per group, position and tap.
    """

    form: str
    recombine: str
    kernel_size: int
    widths: tuple[int, ...]
    negative_slope: float
    context_width: int


class _Context(nn.Module):
    """Settings and activation shared by both kinds of context."""

    def __init__(self, settings: ContextSettings):
        super().__init__()
        self.form, self.recombine, self.kernel_size = settings.form, settings.recombine, settings.kernel_size
        self.widths, self.negative_slope = settings.widths, settings.negative_slope
        self.context_width = settings.context_width

    def activate(self, context: Tensor) -> Tensor:
        if self.recombine == "multiply":
            return torch.sigmoid(context)
        return F.leaky_relu(context, self.negative_slope)


class OthersContext(_Context):
    """Context from the channels of all other groups; a joint in several groups counts once for each of them.

    Forms: `learned` (convolution over k frames), `mean` (of the channels, frame by frame, no parameters),
    `upsampled_mean` (convolution of that mean).
    """

    m_conv: nn.ModuleList  # not in the form `mean`
    layers_bn: nn.ModuleList  # with `multiply` only

    def __init__(self, settings: ContextSettings):
        super().__init__(settings)
        form, widths, kernel_size = self.form, self.widths, self.kernel_size
        others = [sum(widths) - width for width in widths]
        outputs = self.context_width * kernel_size
        if self.recombine == "multiply":  # unused in the mean forms, but present in published weights
            self.layers_bn = nn.ModuleList(nn.BatchNorm1d(outputs) for _ in widths)
        if form == "learned":
            self.m_conv = nn.ModuleList(zero_weight_conv(n, outputs, kernel_size) for n in others)
        else:
            self.others_mask = Constant(self._others_mask())
        if form == "upsampled_mean":
            self.m_conv = nn.ModuleList(zero_weight_conv(1, kernel_size, kernel_size) for _ in widths)

    def forward(self, layer_taps: Sequence[Tensor], group_taps: Sequence[Tensor]) -> Tensor:
        """k taps (B, W, C), the layer's input and the same arranged by group -> (B, W, G * d, k)."""
        if self.form == "learned":
            return self._learned(group_taps)
        mask = self.others_mask.like(group_taps[0])
        total = torch.stack([F.linear(tap, mask) for tap in group_taps], dim=-1)  # (B, W, G, k)
        mean = total / mask.sum(dim=1, keepdim=True)
        if self.form == "mean":
            return mean
        if not weights_suffice(self.modules_used, bias=True):
            groups = zip(self.modules_used, mean.split(1, dim=2))  # (B, W, 1, k) each
            return torch.stack([call_on_taps(conv, own.unbind(-1)) for conv, own in groups], dim=2)
        weight = torch.cat([conv.weight for conv in self.convs], dim=1)  # (k outputs, G, k taps)
        return torch.einsum("bwgn,ogn->bwgo", mean, weight) + torch.stack([bias_of(conv) for conv in self.convs])

    @property
    def modules_used(self) -> list[nn.Module]:
        """The convolution of each group, or what stands in its place; none in the form `mean`."""
        return [] if self.form == "mean" else list(self.m_conv)

    @property
    def convs(self) -> list[nn.Conv1d]:
        """The convolution of each group."""
        return convolutions(self.modules_used)

    @property
    def norms(self) -> list[nn.BatchNorm1d]:
        """The BatchNorm of each group's context."""
        return modules_as(self.layers_bn, nn.BatchNorm1d)

    def _learned(self, group_taps: Sequence[Tensor]) -> Tensor:
        if weights_suffice(self.modules_used, bias=True):
            bias = torch.cat([bias_of(conv) for conv in self.convs])
            flat = taps_product(group_taps, self.joined_weight(), bias)  # (B, W, G * d * k)
        else:
            flat = torch.cat([self._called(i, conv, group_taps) for i, conv in enumerate(self.modules_used)], dim=-1)
        context = flat.unflatten(-1, (len(self.widths), -1))  # (B, W, G, d * k)
        if self.recombine == "multiply":
            groups = zip(self.layers_bn, context.unbind(2))
            context = torch.stack([norm_channels_last(norm, group) for norm, group in groups], dim=2)
        each: Tensor = self.activate(context).flatten(2).unflatten(-1, (-1, self.kernel_size))
        return each  # (B, W, G * d, k)

    def _called(self, i: int, conv: nn.Module, group_taps: Sequence[Tensor]) -> Tensor:
        """The convolution of group i called on the channels of the other groups: (B, W, d * k)."""
        own = group_slices(self.widths)[i]
        return call_on_taps(conv, [torch.cat([tap[..., : own.start], tap[..., own.stop :]], -1) for tap in group_taps])

    def joined_weight(self) -> Tensor:
        """The convolutions of all groups as one, (G * d * k, C, k), with zeros at each group's own channels."""
        rows = []
        for own, conv in zip(group_slices(self.widths), self.convs):
            blank = conv.weight.new_zeros(conv.out_channels, own.stop - own.start, self.kernel_size)
            rows.append(torch.cat([conv.weight[:, : own.start], blank, conv.weight[:, own.start :]], dim=1))
        return torch.cat(rows)

    def _others_mask(self) -> np.ndarray:
        """(G, C), 1 for the channels of other groups, 0 for those of the own group."""
        mask = np.ones((len(self.widths), sum(self.widths)))
        for row, own in zip(mask, group_slices(self.widths)):
            row[own] = 0.0
        return mask


class AllContext(_Context):
    """Context from all channels of the layer's input.

    Forms: `learned` (one convolution per group), `one_for_all` (one for all groups), `group_wise` (per group, of
    its own channels only), `channel_wise` (one number per channel instead of one per group).
    """

    m_conv: nn.ModuleList | nn.Conv1d  # not in the form `group_wise`
    group_mo: nn.ModuleList  # in the form `group_wise` only

    def __init__(self, settings: ContextSettings, in_channels: int):
        super().__init__(settings)
        form, widths, k, d = self.form, self.widths, self.kernel_size, self.context_width
        if form == "learned":
            self.m_conv = nn.ModuleList(zero_weight_conv(in_channels, d * k, k) for _ in widths)
        elif form == "group_wise":
            self.group_mo = nn.ModuleList(zero_weight_conv(width, d * k, k) for width in widths)
        else:
            outputs = sum(widths) if form == "channel_wise" else d
            self.m_conv = zero_weight_conv(in_channels, outputs * k, k)

    def forward(self, layer_taps: Sequence[Tensor], group_taps: Sequence[Tensor]) -> Tensor:
        """k taps (B, W, C), the layer's input and the same arranged by group -> (B, W, G * d or C, k)."""
        if self.form == "group_wise":
            return self.activate(self._group_wise(group_taps))
        if weights_suffice(self.modules_used, bias=True):
            weight = torch.cat([conv.weight for conv in self.convs])
            bias = torch.cat([bias_of(conv) for conv in self.convs])
            flat = taps_product(layer_taps, weight, bias)  # (B, W, (G * d, d or C) * k)
        else:
            flat = torch.cat([call_on_taps(conv, layer_taps) for conv in self.modules_used], dim=-1)
        context = flat.unflatten(-1, (-1, self.kernel_size))
        if self.form == "one_for_all":
            context = context.repeat(1, 1, len(self.widths), 1)
        return self.activate(context)

    @property
    def modules_used(self) -> list[nn.Module]:
        """The convolution of each group, or the one of all groups, or what stands in its place."""
        found = self.group_mo if self.form == "group_wise" else self.m_conv
        return list(found) if isinstance(found, nn.ModuleList) else [found]

    @property
    def convs(self) -> list[nn.Conv1d]:
        """The convolution of each group, or the one of all groups."""
        return convolutions(self.modules_used)

    def _group_wise(self, group_taps: Sequence[Tensor]) -> Tensor:
        by_group = [[tap[..., own] for tap in group_taps] for own in group_slices(self.widths)]
        if weights_suffice(self.modules_used, bias=True):
            contexts = [taps_product(taps, conv.weight, conv.bias) for taps, conv in zip(by_group, self.convs)]
        else:
            contexts = [call_on_taps(conv, taps) for taps, conv in zip(by_group, self.modules_used)]
        joined: Tensor = torch.cat(contexts, dim=-1).unflatten(-1, (-1, self.kernel_size))
        return joined  # (B, W, G * d, k)
