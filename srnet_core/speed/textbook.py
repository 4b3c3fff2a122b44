"""The networks as their formulas stand, from plain `nn.Conv1d` and `nn.BatchNorm1d`: the yardsticks of the bench.

Channels before frames, one module after the other, nothing fused: `fc` becomes the strided convolutions of Pavllo
et al. (CVPR 2019), section 3; a split-and-recombine layer (Zeng et al., ECCV 2020, section 3.2) gathers each group's
channels and those of the others with index tensors, unfolds the taps, multiplies each by its context and convolves.
Parameters have the names of the models', so that the same weights give the same numbers.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srnet_core.errors import ConfigError
from srnet_core.layers.module_list import modules_as
from srnet_core.layers.split_recombine import SplitRecombineConv1d
from srnet_core.layers.temporal import TemporalConv1d
from srnet_core.models.pose_model import PoseModel


class PlainConv1d(nn.Conv1d):
    """`nn.Conv1d` whose stride and dilation are chosen per call: (B, C, T) -> (B, O, W)."""

    def forward(self, x: Tensor, *, stride: int = 1, dilation: int = 1) -> Tensor:
        return F.conv1d(x, self.weight, self.bias, stride, 0, dilation)


class _Context(nn.Module):
    """Holds the modules of the learned contexts under their published names, `get_part_info.*`."""

    def __init__(self, total: int, widths: Sequence[int], kernel_size: int):
        super().__init__()
        k = kernel_size
        self.m_conv = nn.ModuleList(PlainConv1d(total - n, k, k) for n in widths)
        self.layers_bn = nn.ModuleList(nn.BatchNorm1d(k) for _ in widths)


class TextbookSplitRecombine(nn.Module):
    """`y_i[w] = sum_n W_i[n] @ (c_i[w, n] * x_i[w + n])`, group by group, with a learned context of the others.

    Args:
        layer: the layer whose shapes it takes.
    """

    def __init__(self, layer: SplitRecombineConv1d):
        super().__init__()
        require_textbook_form(layer)
        self.kernel_size, widths = layer.kernel_size, layer.in_group_channels
        total = sum(widths)
        index = torch.arange(total) if layer.index is None else layer.index.index(next(layer.parameters()))
        ends = torch.tensor(widths).cumsum(0).tolist()
        for i, (end, width) in enumerate(zip(ends, widths)):
            own = torch.arange(total)[end - width : end]
            others = torch.cat([torch.arange(end - width), torch.arange(end, total)])
            self.register_buffer(f"own_{i}", index[own], persistent=False)
            self.register_buffer(f"others_{i}", index[others], persistent=False)
        k = self.kernel_size
        self.group_conv = nn.ModuleList(
            PlainConv1d(n, m, k, bias=False) for n, m in zip(widths, layer.out_group_channels)
        )
        self.has_context = layer.context != "none"
        if self.has_context:
            self.get_part_info = _Context(total, widths, k)

    def forward(self, x: Tensor, *, stride: int = 1, dilation: int = 1) -> Tensor:
        """(B, C_in, T) -> (B, C_out, W)."""
        span = (self.kernel_size - 1) * dilation
        first = torch.arange(0, x.shape[-1] - span, stride, device=x.device)
        frames = first[:, None] + dilation * torch.arange(self.kernel_size, device=x.device)  # (W, k)
        return torch.cat([self._group(i, x, frames, stride, dilation) for i in range(len(self.group_conv))], dim=1)

    def _group(self, i: int, x: Tensor, frames: Tensor, stride: int, dilation: int) -> Tensor:
        taps = x[:, getattr(self, f"own_{i}")][:, :, frames]  # (B, C_i, W, k)
        if self.has_context:
            others = x[:, getattr(self, f"others_{i}")]
            conv = modules_as(self.get_part_info.m_conv, PlainConv1d)[i]
            context = conv(others, stride=stride, dilation=dilation)  # (B, k, W)
            context = torch.sigmoid(self.get_part_info.layers_bn[i](context))
            taps = taps * context.transpose(1, 2).unsqueeze(1)  # by (B, 1, W, k)
        return self.group_conv[i](taps.flatten(2), stride=self.kernel_size)


class TextbookNetwork(PoseModel):
    """The temporal network around such layers, taking and giving what our models take and give.

    Args:
        model: the fc or srnet model whose shapes it takes; its weights fit: `load_state_dict(model.state_dict())`.

    Raises:
        ConfigError: a model whose layers have no textbook form here.
    """

    output_index: Tensor | None

    def __init__(self, model: Any):
        super().__init__()
        if not hasattr(model, "layers_conv"):
            raise ConfigError(f"the model {model.config.name} has no textbook form", where="model")
        self.config, self.skeleton = model.config, model.skeleton
        self.num_joints, self.num_joints_out = model.num_joints, model.num_joints_out
        self.receptive_field, self.pad, self.causal_shift = model.receptive_field, model.pad, model.causal_shift
        if self.config.dense or self.config.residual_2d or self.config.dropout:
            raise ConfigError("the textbook form has no dense filters, residual 2D input or dropout", where="model")
        self.output_name = "shrink" if hasattr(model, "shrink") else "final_layer"
        self.expand_conv, self.expand_bn = textbook_layer(model.expand_conv), nn.BatchNorm1d(model.hidden_channels)
        self.layers_conv = nn.ModuleList(textbook_layer(conv) for conv in model.layers_conv)
        self.layers_bn = nn.ModuleList(nn.BatchNorm1d(model.hidden_channels) for _ in model.layers_conv)
        setattr(self, self.output_name, textbook_layer(getattr(model, self.output_name)))
        kept = getattr(model, "output_index", None)
        self.register_buffer(
            "output_index", None if kept is None else kept.index(next(model.parameters())), persistent=False
        )

    def forward(self, x: Tensor, strided: bool | None = None) -> Tensor:
        """(B, T, J, 2) -> (B, T - receptive_field + 1, J, 3): every frame, dilated.

        With `strided`, (B, receptive_field, J, 2) -> (B, 1, J, 3): the one frame of each window.
        """
        return self._network(x, strided=bool(strided))

    def forward_strided(self, x: Tensor) -> Tensor:
        """(B, receptive_field, J, 2) -> (B, 1, J, 3): one frame of each window, strided."""
        return self._network(x, strided=True)

    def _network(self, x: Tensor, *, strided: bool) -> Tensor:
        first, *widths = self.config.filter_widths
        x = x.flatten(2).transpose(1, 2)  # (B, J * 2, T)
        x = self._activate(self.expand_bn(self.expand_conv(x, stride=first if strided else 1)))
        dilation = first
        for i, width in enumerate(widths):
            stride, spread = (width, 1) if strided else (1, dilation)
            y = self.layers_conv[2 * i](x, stride=stride, dilation=spread)
            y = self._activate(self.layers_bn[2 * i](y))
            y = self._activate(self.layers_bn[2 * i + 1](self.layers_conv[2 * i + 1](y)))
            start = (width - 1 if self.config.causal else width // 2) * spread
            x = x[:, :, start : start + (y.shape[-1] - 1) * stride + 1 : stride] + y
            dilation *= width
        y = getattr(self, self.output_name)(x)  # (B, joints * 3 or more, T')
        if self.output_index is not None:
            y = y[:, self.output_index].unflatten(1, (-1, max(1, len(self.config.divisions)))).mean(2)
        return y.transpose(1, 2).unflatten(-1, (-1, 3))

    def _activate(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x, self.config.negative_slope)


def textbook(model: Any) -> TextbookNetwork:
    """A model's textbook form with copies of its weights, of their type and on their device."""
    network = TextbookNetwork(model).to(next(model.parameters()))
    network.load_state_dict(model.state_dict())
    return network.train(model.training)


def textbook_layer(layer: nn.Module) -> PlainConv1d | TextbookSplitRecombine:
    """A layer's textbook form with fresh weights."""
    if isinstance(layer, SplitRecombineConv1d):
        return TextbookSplitRecombine(layer)
    if type(layer) is TemporalConv1d:  # not graph convolutions, which are made from it
        return PlainConv1d(layer.in_channels, layer.out_channels, layer.kernel_size[0], bias=layer.bias is not None)
    raise ConfigError(f"layers of the kind {type(layer).__name__} have no textbook form", where="model")


def require_textbook_form(layer: SplitRecombineConv1d) -> None:
    """Raise `ConfigError` for the variants of a split-and-recombine layer that the textbook form leaves out."""
    learned = layer.context_form == "learned" and layer.context_width == 1
    if layer.context != "none" and not (layer.recombine == "multiply" and layer.context == "others" and learned):
        raise ConfigError(
            "the textbook form multiplies by one learned context of the others",
            where="model.context",
            todo="Use recombine multiply and context others or none",
        )
