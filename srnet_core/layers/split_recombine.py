"""Split-and-recombine layers (Zeng et al., "SRNet: Improving Generalization in 3D Human Pose Estimation with a
Split-and-Recombine Approach", ECCV 2020, section 3.2).

The input nodes (joints, or channels of a previous layer) are split into groups. Each group i has its own filters
W_i, applied to its own channels x_i and to a low-dimensional context c_i from outside the group. For output position
w and filter tap n:

    multiply:  y_i[w] = sum_n c_i[w, n] * (W_i[n] @ x_i[w + n])
    add:       y_i[w] = sum_n W_i[n] @ (x_i[w + n] + c_i[w, n])
    concat:    y_i[w] = sum_n W_i[n] @ [x_i[w + n]; c_i[w, n]]
    none:      y_i[w] = sum_n W_i[n] @ x_i[w + n]

As c_i[w, n] is one number, it is applied after the matrix product (multiply), or in a separate small product (add,
concat), so the input is never unfolded. Only contexts with several numbers per group (channel-wise, or wider than 1)
that are multiplied or added are applied before the product.
"""

import reprlib
from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from math import sqrt
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srnet_core.config import CONTEXT, RECOMBINE
from srnet_core.errors import ConfigError
from srnet_core.layers.channels import group_ranges, share_channels
from srnet_core.layers.constant import Constant
from srnet_core.layers.context import AllContext, ContextSettings, OthersContext, published_order
from srnet_core.layers.module_list import computes_as_defined, convolutions, weights_suffice
from srnet_core.layers.temporal import call_on_taps, take_taps, tap_weights, taps_product
from srnet_core.lookup import choose

FORMS = {
    "others": ("learned", "mean", "upsampled_mean"),
    "all": ("learned", "channel_wise", "one_for_all", "group_wise"),
    "none": ("learned",),
}

WIDE_FORMS = ("learned", "one_for_all", "group_wise")


class SplitRecombineConv1d(nn.Module):
    """Temporal convolution with separate filters for groups of nodes, each recombined with a context from outside it.

    A replacement for `nn.Conv1d`: input (B, nodes * features_per_node, T), the channels of a node adjacent, output
    (B, out_channels, T'), or both without B. To stack layers, use `groups=layer.out_groups` (and `features_per_node=1`)
    for the next one. The convolutions in `group_conv` and in the context hold weights, which are used without calling
    them. Those with hooks, and wrapped or replaced ones, are called on the frames of each output, which takes longer.

    Args:
        groups: node indices of each group; a node may belong to several groups.
        features_per_node: channels of one node.
        out_channels: divided among the groups in proportion to their input channels; the last group gets the rest.
        kernel_size, dilation, stride: as in `nn.Conv1d`.
        padding: zero frames added on both sides, as in `nn.Conv1d`; "same" for as many outputs as inputs.
        causal: add zero frames before the first frame only, as many as the filter needs, so that an output depends on
            no later input. With `stride=1` there are as many outputs as inputs. Cannot be combined with `padding`.
        recombine: "multiply", "add" or "concat".
        context: computed from the "others" (all other groups), from "all", or "none". With one group "others" is
            "none".
        context_width: d, the number of values in the context of a group at each position and tap; 1 in the published
            networks. With "concat" each group gets d more input channels. With "multiply" and "add" the channels
            of a group are divided into d runs of nearly equal length, and each value acts on one run. More than
            one needs the form "learned", "one_for_all" or "group_wise".
        context_form: "learned"; for others also "mean", "upsampled_mean" (concat only); for all also
            "channel_wise" (not with concat), "one_for_all", "group_wise" (the group's own channels).
        nodes: number of nodes, if it is more than the largest index in `groups` plus one.
        out_group_channels: the number of output channels of each group, instead of the division in proportion.
        negative_slope: of the LeakyReLU on the context of add and concat.
        as_published: assign contexts of "concat" and "channel_wise" to taps in the published code's order, which
            mixes positions if `kernel_size > 1`; see `docs/differences.md`.
        bias: whether to add a bias to the output. Unlike in `nn.Conv1d` it is off by default, as published.
        device, dtype: of the parameters, as in `nn.Conv1d`.

    Raises:
        ConfigError: contradicting settings, a size below 1, an empty group, an unknown or repeated node in a group, or
            too few channels.
    """

    group_conv: nn.ModuleList
    bias: nn.Parameter | None
    get_part_info: OthersContext  # with context "others" only
    get_all_info: AllContext  # with context "all" only

    def __init__(
        self,
        groups: Sequence[Sequence[int]],
        *,
        out_channels: int,
        features_per_node: int = 1,
        kernel_size: int = 1,
        dilation: int = 1,
        stride: int = 1,
        padding: int | str = 0,
        causal: bool = False,
        recombine: str = "multiply",
        context: str = "others",
        context_form: str = "learned",
        context_width: int = 1,
        nodes: int | None = None,
        out_group_channels: Sequence[int] | None = None,
        negative_slope: float = 0.01,
        as_published: bool = False,
        bias: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        check_variant(recombine, context, context_form)
        check_sizes(features_per_node=features_per_node, kernel_size=kernel_size, dilation=dilation, stride=stride)
        nodes = check_groups(groups, nodes)
        channels = _channel_indices(groups, features_per_node)
        self.in_channels = nodes * features_per_node
        self.kernel_size, self.dilation, self.stride = kernel_size, dilation, stride
        self.padding = padding_frames(padding, causal, kernel_size, dilation, stride)
        self.recombine = recombine
        self.context = "none" if context == "others" and len(groups) == 1 else context
        self.context_form, self.context_width = context_form, context_width
        self.in_group_channels = tuple(len(c) for c in channels)
        self.out_group_channels = tuple(out_group_channels or share_channels(out_channels, self.in_group_channels))
        check_sizes(out_group_channels=min(self.out_group_channels, default=0))
        if sum(self.out_group_channels) != out_channels or len(self.out_group_channels) != len(groups):
            raise ConfigError(f"channels of the groups {self.out_group_channels} do not add up to {out_channels}")
        self._set_index(channels)
        check_context_width(context_width, self.context, context_form, recombine, self.in_group_channels)
        self._set_runs()
        self.reorder = (
            as_published and context_width == 1 and reorders(recombine, self.context, context_form, kernel_size)
        )
        extra = context_width if recombine == "concat" and self.context != "none" else 0
        self.group_conv = nn.ModuleList(
            nn.Conv1d(n + extra, m, kernel_size, bias=False)
            for n, m in zip(self.in_group_channels, self.out_group_channels)
        )
        settings = ContextSettings(
            context_form, recombine, kernel_size, self.in_group_channels, negative_slope, context_width
        )
        if self.context == "others":
            self.get_part_info = OthersContext(settings)
        elif self.context == "all":
            self.get_all_info = AllContext(settings, self.in_channels)
        self.register_parameter("bias", self._new_bias() if bias else None)
        if device is not None or dtype is not None:
            self.to(device=device, dtype=dtype)

    def _new_bias(self) -> nn.Parameter:
        """Uniform as `nn.Conv1d`, with the bound from the number of inputs of each group."""
        bounds = [1 / sqrt(conv.in_channels * self.kernel_size) for conv in convolutions(self.group_conv)]
        parts = [torch.empty(n).uniform_(-b, b) for n, b in zip(self.out_group_channels, bounds)]
        return nn.Parameter(torch.cat(parts))

    def _set_index(self, channels: list[list[int]]) -> None:
        """Store the order of the input channels by group; `None` if the input already has it."""
        flat = list(chain(*channels))
        arranged = flat == list(range(self.in_channels))
        self.index = None if arranged else Constant(flat)

    def _set_runs(self) -> None:
        """Store which of the G * d context values acts on each channel, if several act on one group."""
        d = self.context_width
        wide = d > 1 and self.recombine != "concat" and self.context != "none"
        runs = [g * d + i * d // c for g, c in enumerate(self.in_group_channels) for i in range(c)]
        self.runs = Constant(runs) if wide else None

    @property
    def out_channels(self) -> int:
        return sum(self.out_group_channels)

    @property
    def out_groups(self) -> list[range]:
        """Indices of each group's output channels, for the `groups` of the next layer."""
        return group_ranges(self.out_group_channels)

    def forward(self, x: Tensor, *, dilation: int | None = None, stride: int | None = None) -> Tensor:
        """(B, C_in, T) -> (B, C_out, T'), or (C_in, T) -> (C_out, T').

        Args:
            dilation, stride: for this call, instead of those of the layer.

        Raises:
            ConfigError: wrong number of channels, or fewer frames than the filter spans.
        """
        if x.ndim == 2:
            return self.forward(x.unsqueeze(0), dilation=dilation, stride=stride).squeeze(0)
        dilation, stride = dilation or self.dilation, stride or self.stride
        self._check(x, dilation)
        x = F.pad(x, self.padding) if any(self.padding) else x
        return self.channels_last(x.transpose(1, 2), dilation=dilation, stride=stride).transpose(1, 2)

    def _check(self, x: Tensor, dilation: int) -> None:
        if x.ndim != 3 or x.shape[1] != self.in_channels:
            raise ConfigError(
                f"the layer takes (batch, {self.in_channels}, frames) or the same without batch, not {tuple(x.shape)}"
            )
        span = (self.kernel_size - 1) * dilation + 1
        if x.shape[2] + sum(self.padding) < span:
            raise ConfigError(
                f"{x.shape[2]} frames, fewer than the {span} that the filter spans",
                todo="Give more frames, or set padding",
            )

    def channels_last(self, x: Tensor, *, dilation: int = 1, stride: int = 1) -> Tensor:
        """(B, T, C_in) -> (B, W, C_out), without padding."""
        spacing = {"dilation": dilation, "stride": stride}
        layer_taps = take_taps(x, self.kernel_size, **spacing)
        arranged = x if self.index is None else x[..., self.index.index(x)]
        group_taps = layer_taps if self.index is None else take_taps(arranged, self.kernel_size, **spacing)
        context = self._context(layer_taps, group_taps)
        if context is not None and (self.context_form == "channel_wise" or self.runs is not None):
            group_taps, context = self._recombine_channels(group_taps, context), None
        # split, not sliced: the gradient of a split is one concatenation, that of every slice a full-size tensor
        by_group = zip(*(tap.split(self.in_group_channels, dim=-1) for tap in group_taps))
        if weights_suffice(self.group_conv, bias=False):  # else a convolution has hooks, is wrapped or replaced
            weights = [conv.weight for conv in convolutions(self.group_conv)]
            parts = [self._group(i, *both, context) for i, both in enumerate(zip(by_group, weights))]
        else:
            parts = [self._called_group(i, *both, context) for i, both in enumerate(zip(by_group, self.group_conv))]
        y = torch.cat(parts, dim=-1)
        return y if self.bias is None else y + self.bias.to(y.dtype)  # under autocast the products have dtype bf16

    def weights_suffice(self) -> bool:
        """Whether no convolution of a group or of the context has to be called; see `module_list.weights_suffice`."""
        if not weights_suffice(self.group_conv, bias=False):
            return False
        if self.context == "none":
            return True
        source = self.get_part_info if self.context == "others" else self.get_all_info
        return computes_as_defined(source, type(source)) and weights_suffice(source.modules_used, bias=True)

    def _context(self, layer_taps: Sequence[Tensor], group_taps: Sequence[Tensor]) -> Tensor | None:
        """(B, W, G * d, k), or (B, W, C, k) if each channel has its own number; `None` without context."""
        if self.context == "none":
            return None
        source = self.get_part_info if self.context == "others" else self.get_all_info
        context: Tensor = source(layer_taps, group_taps)
        if self.runs is not None:
            return context[:, :, self.runs.index(context)]
        return published_order(context) if self.reorder else context

    def _recombine_channels(self, taps: Sequence[Tensor], context: Tensor) -> list[Tensor]:
        combine = torch.mul if self.recombine == "multiply" else torch.add
        return [combine(tap, own) for tap, own in zip(taps, context.unbind(-1))]

    def _group(self, i: int, inputs: Sequence[Tensor], weight: Tensor, context: Tensor | None) -> Tensor:
        """Output of group i, (B, W, O_i), from its own k taps (B, W, C_i) and the context (B, W, G * d, k).

        Args:
            weight: (O_i, C_i, k), with d more input channels for concat.
        """
        if context is None:
            return taps_product(inputs, weight)
        if self.recombine == "concat":
            d = self.context_width
            context = context[:, :, i * d : i * d + d].flatten(2)  # (B, W, d * k)
            return taps_product(inputs, weight[:, :-d]) + F.linear(context, weight[:, -d:].flatten(1))
        context = context[:, :, i]  # (B, W, k)
        if self.recombine == "multiply":
            first, *others = (
                F.linear(x, w) * c.unsqueeze(-1) for x, w, c in zip(inputs, tap_weights(weight), context.unbind(-1))
            )
            return sum(others, first)
        return taps_product(inputs, weight) + F.linear(context, weight.sum(dim=1))  # W (x + c 1) = W x + c (W 1)

    def _called_group(self, i: int, inputs: Sequence[Tensor], conv: nn.Module, context: Tensor | None) -> Tensor:
        """As `_group`, by the formulas at the top of this file: the convolution is called on recombined taps."""
        if context is not None:
            d = self.context_width if self.recombine == "concat" else 1
            own = context[:, :, i * d : i * d + d].unbind(-1)  # k times (B, W, d)
            inputs = [self._recombined(x, c) for x, c in zip(inputs, own)]
        return call_on_taps(conv, inputs)

    def _recombined(self, x: Tensor, context: Tensor) -> Tensor:
        if self.recombine == "concat":
            return torch.cat([x, context], dim=-1)
        return x * context if self.recombine == "multiply" else x + context

    def extra_repr(self) -> str:
        names = ("kernel_size", "recombine", "context", "context_form", "context_width")
        settings = ", ".join(f"{name}={getattr(self, name)}" for name in names)
        bias = "" if self.bias is None else ", bias=True"
        return f"{self.in_channels} -> {self.out_channels}, groups={self.in_group_channels}, {settings}{bias}"


class SplitRecombineLinear(SplitRecombineConv1d):
    """`SplitRecombineConv1d` for single frames: (..., C_in) -> (..., C_out), replaces `nn.Linear`."""

    def __init__(
        self, groups: Sequence[Sequence[int]], *, out_channels: int, features_per_node: int = 1, **settings: Any
    ):
        super().__init__(groups, out_channels=out_channels, features_per_node=features_per_node, **settings)
        if self.kernel_size != 1 or self.stride != 1 or any(self.padding):
            raise ConfigError("a linear layer has one frame, no stride and no padding", todo="Use SplitRecombineConv1d")

    def forward(self, x: Tensor, *, dilation: int | None = None, stride: int | None = None) -> Tensor:
        """(..., C_in) -> (..., C_out); `dilation` and `stride` have no effect on single frames.

        Raises:
            ConfigError: wrong number of channels.
        """
        if x.shape[-1:] != (self.in_channels,):
            raise ConfigError(f"the layer takes (..., {self.in_channels}), not {tuple(x.shape)}")
        y = self.channels_last(x.reshape(-1, 1, x.shape[-1]))  # (N, 1, C_out)
        return y.reshape(*x.shape[:-1], y.shape[-1])


def check_variant(recombine: str, context: str, context_form: str) -> None:
    """Check a combination of settings.

    Raises:
        UnknownNameError: an unknown setting; the message lists the choices.
        ConfigError: contradicting settings.
    """
    choose("recombination", recombine, RECOMBINE, where="recombine")
    choose("context", context, CONTEXT, where="context")
    choose(f"form of the context {context!r}", context_form, FORMS[context], where="context_form")
    if context_form == "upsampled_mean" and recombine != "concat":
        raise ConfigError("an upsampled mean needs recombine 'concat'", where="context_form")
    if context_form == "channel_wise" and recombine == "concat":
        raise ConfigError(
            "a channel-wise context cannot be concatenated",
            where="context_form",
            todo="Use recombine multiply or add",
        )


def check_sizes(**sizes: int) -> None:
    """Raise `ConfigError` if one of these numbers is not a whole number of 1 or more."""
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ConfigError(f"must be a whole number of 1 or more, not {size!r}", where=name)


def check_groups(groups: Sequence[Sequence[int]], nodes: int | None) -> int:
    """The number of nodes: `nodes`, or the largest index in `groups` plus one.

    Raises:
        ConfigError: no groups, an empty group, a repeated node in a group, an index that is negative or too large.
    """
    if (
        isinstance(groups, str)
        or not isinstance(groups, Iterable)
        or not all(isinstance(group, Collection) and not isinstance(group, str) for group in groups)
    ):
        what = f"expected lists of nodes, not {reprlib.repr(groups)}"
        raise ConfigError(what, where="groups", todo="Write e.g. [[0, 1, 2], [0, 3, 4]]")
    if not groups or not all(len(group) for group in groups):
        raise ConfigError("every group needs at least one node", where="groups")
    if any(len(set(group)) < len(group) for group in groups):
        raise ConfigError("a group contains the same node twice", where="groups")
    lowest, highest = min(chain(*groups)), max(chain(*groups))
    if nodes is not None:
        check_sizes(nodes=nodes)
    if lowest < 0 or (nodes is not None and highest >= nodes):
        count = "" if nodes is None else f" of {nodes}"
        raise ConfigError(
            f"there is no node {lowest if lowest < 0 else highest}{count}",
            where="groups",
            todo="Nodes are counted from 0",
        )
    return highest + 1 if nodes is None else nodes


def check_context_width(
    width: int, context: str, context_form: str, recombine: str, group_channels: Sequence[int]
) -> None:
    """Raise `ConfigError` if a context cannot have `width` numbers per group."""
    if width < 1:
        raise ConfigError(f"must be 1 or more, not {width}", where="context_width")
    if width == 1 or context == "none":
        return
    if context_form not in WIDE_FORMS:
        raise ConfigError(
            f"the form {context_form!r} has a fixed width",
            where="context_width",
            todo=f"Use one of the forms {', '.join(WIDE_FORMS)}",
        )
    if recombine != "concat" and width > min(group_channels):
        raise ConfigError(
            f"{width} is more than the {min(group_channels)} channels of a group",
            where="context_width",
            todo="Use fewer, or recombine 'concat'",
        )


def padding_frames(padding: int | str, causal: bool, kernel_size: int, dilation: int, stride: int) -> tuple[int, int]:
    """Zero frames before and after the input.

    Raises:
        ConfigError: padding together with causal, "same" with a stride, a negative number or another string.
    """
    span = (kernel_size - 1) * dilation
    if causal:
        if padding != 0:
            raise ConfigError("a causal layer has its own padding", where="padding", todo="Remove padding")
        return span, 0
    if padding == "same":
        if stride != 1:
            raise ConfigError('"same" needs stride 1', where="padding")
        return span // 2, span - span // 2
    if not isinstance(padding, int) or isinstance(padding, bool) or padding < 0:
        raise ConfigError(f'must be a number of frames or "same", not {padding!r}', where="padding")
    return padding, padding


def reorders(recombine: str, context: str, context_form: str, kernel_size: int) -> bool:
    """Whether the published code assigns contexts to taps in mixed order; see `context.published_order`."""
    if kernel_size == 1 or context == "none":
        return False
    return context_form == "channel_wise" or (recombine == "concat" and context_form != "mean")


def _channel_indices(groups: Sequence[Sequence[int]], features_per_node: int) -> list[list[int]]:
    """Input channels of each group."""
    f = features_per_node
    return [list(chain(*(range(node * f, node * f + f) for node in group))) for group in groups]
