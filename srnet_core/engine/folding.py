"""Folding of a trained network into layers for inference: every BatchNorm is merged into the weights before it.

In evaluation a BatchNorm is s y + b with fixed s and b. So a layer followed by a BatchNorm equals a layer with scaled
output channels and a bias, and a context with a BatchNorm equals a scaled convolution. The weights are computed in
float64 and rounded once. The result shares no memory with the network.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial, singledispatch

import torch
from torch import Tensor, nn

from srnet_core.engine.few_rows import TORCH, Activation, TorchCalls, leaky_relu, sigmoid
from srnet_core.engine.folded_groups import FoldedContext, GroupLayer
from srnet_core.engine.folded_layers import DenseLayer, FoldedLayer, GraphLayer, NarrowLayer
from srnet_core.engine.products import Operation
from srnet_core.layers.channels import group_slices
from srnet_core.layers.context import AllContext, OthersContext, bias_of
from srnet_core.layers.graph import GraphConv1d, JointBatchNorm1d
from srnet_core.layers.locally_connected import LocallyConnectedConv1d
from srnet_core.layers.module_list import compute_weights, computes_as_defined, modules_as
from srnet_core.layers.split_recombine import SplitRecombineConv1d
from srnet_core.layers.temporal import TemporalConv1d
from srnet_core.models.backbone import TemporalBackbone
from srnet_core.models.pose_model import PoseModel

_KINDS = (SplitRecombineConv1d, LocallyConnectedConv1d, GraphConv1d, TemporalConv1d)
Affine = tuple[Tensor, Tensor]  # scale and shift of channels, float64


class CannotFold(Exception):
    """A layer that cannot be folded: the network must be run in its own form."""


@dataclass(frozen=True)
class FoldedBlock:
    """A residual block: `wide` over `width` frames `dilation` apart, then `narrow`.

    Attributes:
        taps_apart: dilation of `wide` itself, 1 if it is dense.
        residual_tap: index of the frame, of `width`, that is added to the output.
    """

    wide: FoldedLayer
    narrow: FoldedLayer
    width: int
    dilation: int
    taps_apart: int
    residual_tap: int


class FoldedModel:
    """The layers of a network for inference, and the settings to run them. It copies all it needs from the model.

    Args:
        model: a `TemporalBackbone` whose class declares `layers_only`.

    Attributes:
        config, receptive_field, pad, causal_shift, num_joints, num_joints_out, by_window: the model's.
        expand, blocks, output: its layers.
        output_index: the output channels to keep, `None` for all.
        predictions: how many of these channels, one after another, each coordinate is the mean of.
        negative_slope: of the LeakyReLU.

    Raises:
        CannotFold: another type of network, or a layer that cannot be folded.
    """

    def __init__(self, model: PoseModel):
        if not isinstance(model, TemporalBackbone) or not layers_only(model):
            raise CannotFold(type(model).__name__)
        like = next(model.parameters())
        self.device, self.dtype = like.device, like.dtype
        self.config, self.receptive_field = model.config, model.receptive_field
        self.pad, self.causal_shift = model.pad, model.causal_shift
        self.num_joints, self.num_joints_out = model.num_joints, model.num_joints_out
        self.negative_slope = model.config.negative_slope
        self.expand = fold_layer(model.expand_conv, model.expand_bn, model.hidden_channels)
        self.blocks = _fold_blocks(model)
        self.output, self.output_index = _fold_output(model)
        self.predictions = model.predictions
        self.by_window = model.by_window

    def coordinates(self, out: Tensor, calls: TorchCalls = TORCH) -> tuple[list[Operation], Tensor]:
        """The operations from the channels of the output layer (rows, C) to the coordinates (rows, joints out * 3), and
        the memory in which these are.

        Args:
            calls: makes the operations.
        """
        if self.output_index is None:
            return [], out
        kept = out.new_zeros(len(out), len(self.output_index))
        operations = [calls.take(out, 1, self.output_index, kept)]
        if self.predictions == 1:
            return operations, kept
        mean = out.new_zeros(len(out), kept.shape[1] // self.predictions)
        return [*operations, partial(torch.mean, kept.unflatten(1, (-1, self.predictions)), -1, out=mean)], mean

    def needs_whole(self) -> bool:
        """Whether an output depends on the length of the clip."""
        layers = [self.expand, self.output, *(layer for b in self.blocks for layer in (b.wide, b.narrow))]
        contexts = [getattr(layer, "context", None) for layer in layers]
        return not self.by_window and any(context is not None and context.reorder for context in contexts)


def layers_only(model: PoseModel) -> bool:
    """Whether the class of a model itself declares `layers_only`; see `TemporalBackbone`."""
    return vars(type(model)).get("layers_only") is True


def affine(norm: nn.Module | None, channels: int) -> Affine:
    """Scale and shift of each of `channels` by a BatchNorm in evaluation.

    Raises:
        CannotFold: another type of normalization.
    """
    if norm is None or isinstance(norm, nn.Identity):
        like = torch.zeros(channels, dtype=torch.float64)
        return like + 1, like
    if not isinstance(norm, nn.BatchNorm1d) or not norm.affine or not _only_normalizes(norm):
        raise CannotFold(type(norm).__name__)
    if norm.running_mean is None or norm.running_var is None:
        raise CannotFold(type(norm).__name__)
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    shift = norm.bias.double() - norm.running_mean.double() * scale
    repeat = channels // norm.num_features  # by the number of joints, if these share the statistics
    return scale.repeat(repeat), shift.repeat(repeat)


def _only_normalizes(norm: nn.BatchNorm1d) -> bool:
    return computes_as_defined(norm, JointBatchNorm1d if isinstance(norm, JointBatchNorm1d) else nn.BatchNorm1d)


@torch.no_grad()
def fold_layer(layer: nn.Module, norm: nn.Module | None, channels: int) -> FoldedLayer:
    """A layer of the backbone and the BatchNorm after it (`None` for none) as one layer.

    Args:
        channels: number of output channels of the layer.

    Raises:
        CannotFold: a layer that cannot be folded.
    """
    _require_own(layer)
    compute_weights(layer)
    weight = next(layer.parameters())
    scale, shift = (a.to(weight.device) for a in affine(norm, channels))
    return _fold(layer, scale, shift, weight.dtype)


def _require_own(layer: nn.Module) -> None:
    """Check that a layer and the convolutions in it compute what their classes define: no hooks or other `forward`.

    Raises:
        CannotFold: one does not.
    """
    kind = next((kind for kind in _KINDS if isinstance(layer, kind)), None)
    own = kind is not None and type(layer).channels_last is kind.channels_last  # type: ignore[attr-defined]
    if kind is None or not own or not computes_as_defined(layer, kind):
        raise CannotFold(type(layer).__name__)
    if isinstance(layer, SplitRecombineConv1d) and not layer.weights_suffice():
        raise CannotFold("a convolution of a group")


@singledispatch
def _fold(layer: nn.Module, scale: Tensor, shift: Tensor, dtype: torch.dtype) -> FoldedLayer:
    raise CannotFold(type(layer).__name__)


@_fold.register
def _(layer: TemporalConv1d, scale: Tensor, shift: Tensor, dtype: torch.dtype) -> FoldedLayer:
    weight, bias = _scaled(layer.weight, layer.bias, scale, shift)
    return DenseLayer(weight.to(dtype), bias.to(dtype))


@_fold.register
def _(layer: LocallyConnectedConv1d, scale: Tensor, shift: Tensor, dtype: torch.dtype) -> FoldedLayer:
    weight, bias = _scaled(layer.dense_weight(), layer.bias, scale, shift)
    return DenseLayer(weight.to(dtype), bias.to(dtype))


@_fold.register
def _(layer: GraphConv1d, scale: Tensor, shift: Tensor, dtype: torch.dtype) -> FoldedLayer:
    features = layer.out_channels  # of one joint; all joints have the same scale and shift
    weight, bias = _scaled(layer.weight, layer.bias, scale[:features], shift[:features])
    return GraphLayer(layer.mixing(weight).to(dtype), weight.to(dtype), bias.to(dtype))


@_fold.register
def _(layer: SplitRecombineConv1d, scale: Tensor, shift: Tensor, dtype: torch.dtype) -> FoldedLayer:
    parts = [
        _scaled(conv.weight, None if layer.bias is None else layer.bias[own], scale[own], shift[own])
        for conv, own in zip(modules_as(layer.group_conv, nn.Conv1d), group_slices(layer.out_group_channels))
    ]
    return GroupLayer(
        [weight.to(dtype) for weight, _ in parts],
        [bias.to(dtype) for _, bias in parts],
        in_channels=layer.in_channels,
        index=None if layer.index is None else layer.index.index(scale).clone(),
        recombine=layer.recombine,
        context=_fold_context(layer, dtype),
        context_width=layer.context_width,
    )


def _scaled(weight: Tensor, bias: Tensor | None, scale: Tensor, shift: Tensor) -> Affine:
    """Weight (O, C, k) and bias (O,), or `None`, after scaling and shifting of the output, in float64."""
    scaled = weight.double() * scale[:, None, None]
    return scaled, shift if bias is None else bias.double() * scale + shift


def _fold_context(layer: SplitRecombineConv1d, dtype: torch.dtype) -> FoldedContext | None:
    if layer.context == "none":
        return None
    source: OthersContext | AllContext
    if layer.context == "others":
        source = layer.get_part_info
        weight, bias = _others(source, next(layer.parameters()).device)
    else:
        source = layer.get_all_info
        weight, bias = _all(source)
    return FoldedContext(
        NarrowLayer(weight.to(dtype), bias.to(dtype)),
        _activation(source),
        from_arranged=layer.context == "others" or source.form == "group_wise",
        per_channel=layer.runs is not None or source.form == "channel_wise",
        runs=None if layer.runs is None else layer.runs.index(weight).clone(),
        reorder=layer.reorder,
    )


def _activation(source: OthersContext | AllContext) -> Activation | None:
    """The activation of a context; `None` for the mean forms, which have none."""
    if isinstance(source, OthersContext) and source.form != "learned":
        return None
    if source.recombine == "multiply":
        return sigmoid
    return partial(leaky_relu, negative_slope=source.negative_slope)


def _others(source: OthersContext, device: torch.device) -> Affine:
    """Weight (numbers * k, C, k) and bias (numbers * k,) of the context of other groups, without activation."""
    if source.form != "learned":
        return _mean(source, device)
    weight, bias = source.joined_weight().double(), _bias(source.convs)
    if source.recombine != "multiply":
        return weight, bias
    each = [affine(norm, norm.num_features) for norm in source.norms]
    return _scaled(weight, bias, torch.cat([s for s, _ in each]), torch.cat([b for _, b in each]))


def _mean(source: OthersContext, device: torch.device) -> Affine:
    """The mean of the other groups' channels at each tap, or its convolution, as one convolution of the channels."""
    k = source.kernel_size
    mask = source.others_mask.like(torch.empty(0, dtype=torch.float64, device=device))
    mean = mask / mask.sum(dim=1, keepdim=True)  # (G, C)
    if source.form == "mean":  # tap n of the output is tap n of the input
        mix = torch.eye(k, dtype=mean.dtype, device=mean.device).expand(len(mean), k, k)
        bias = mean.new_zeros(len(mean) * k)
    else:
        mix = torch.stack([conv.weight[:, 0] for conv in source.convs]).double()  # (G, k outputs, k taps)
        bias = _bias(source.convs)
    return torch.einsum("gon,gc->gocn", mix, mean).flatten(0, 1), bias


def _all(source: AllContext) -> Affine:
    """Weight (numbers * k, C, k) and bias (numbers * k,) of the context of all channels, without activation."""
    if source.form == "group_wise":
        return _block_diagonal([conv.weight for conv in source.convs]), _bias(source.convs)
    weight, bias = torch.cat([conv.weight for conv in source.convs]).double(), _bias(source.convs)
    repeat = len(source.widths) if source.form == "one_for_all" else 1
    return weight.repeat(repeat, 1, 1), bias.repeat(repeat)


def _bias(convs: Sequence[nn.Conv1d]) -> Tensor:
    return torch.cat([bias_of(conv) for conv in convs]).double()


def _block_diagonal(weights: Sequence[Tensor]) -> Tensor:
    """Per group (d * k, C_i, k) -> (G * d * k, C, k), zero for the channels of other groups."""
    shape = sum(len(w) for w in weights), sum(w.shape[1] for w in weights), weights[0].shape[2]
    whole = torch.zeros(shape, dtype=torch.float64, device=weights[0].device)
    rows, columns = group_slices([len(w) for w in weights]), group_slices([w.shape[1] for w in weights])
    for weight, row, column in zip(weights, rows, columns):
        whole[row, column] = weight.double()
    return whole


def _fold_blocks(model: TemporalBackbone) -> list[FoldedBlock]:
    blocks, dilation = [], model.config.filter_widths[0]
    for i, width in enumerate(model.config.filter_widths[1:]):
        wide, narrow = (
            fold_layer(model.layers_conv[n], model.layers_bn[n], model.hidden_channels) for n in (2 * i, 2 * i + 1)
        )
        tap = width - 1 if model.config.causal else width // 2
        blocks.append(FoldedBlock(wide, narrow, width, dilation, 1 if model.config.dense else dilation, tap))
        dilation *= width
    return blocks


def _fold_output(model: TemporalBackbone) -> tuple[FoldedLayer, Tensor | None]:
    """The output layer, and the indices of the channels to keep."""
    layer, index = model.output_layer, model.output_index
    channels = 3 * model.num_joints_out
    if index is not None:  # of a layer with more channels or another order of them
        channels = int(getattr(layer, "out_channels", channels))
    folded = fold_layer(layer, None, channels)
    return folded, None if index is None else index.index(next(layer.parameters())).clone()
