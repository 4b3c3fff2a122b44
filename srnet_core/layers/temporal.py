"""Temporal convolution as matrix products, one for each filter tap on a view of the input.

Tensors are channels-last, (B, T, C). The dilated form of a layer (clips of any length, every frame) and its strided
form (one window, one frame) have the same weights and differ only in the views of the input.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srnet_core.errors import ConfigError


def take_taps(x: Tensor, kernel_size: int, *, dilation: int = 1, stride: int = 1) -> list[Tensor]:
    """The input of each filter tap, as views without copies.

    Args:
        x: (B, T, C).
        kernel_size: k, the number of taps.

    Returns:
        k views (B, W, C); tap n of output position w is frame `w * stride + n * dilation`.
    """
    if stride == kernel_size and dilation == 1 and x.shape[1] % stride == 0:
        return list(x.unflatten(1, (-1, stride)).unbind(2))  # the same views, with a faster backward pass
    span = (kernel_size - 1) * dilation
    frames = (x.shape[1] - span - 1) // stride + 1
    last = (frames - 1) * stride + 1
    return [x[:, n * dilation : n * dilation + last : stride] for n in range(kernel_size)]


def tap_weights(weight: Tensor) -> tuple[Tensor, ...]:
    """A convolution's weight (O, C, k) as k matrices (O, C) whose rows are contiguous, as matrix products need."""
    by_tap = weight.permute(2, 0, 1)  # (k, O, C)
    return (by_tap if by_tap.stride(2) == 1 else by_tap.contiguous()).unbind(0)


def taps_product(taps: Sequence[Tensor], weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Convolution over taps: sum over n of `taps[n] @ weight[:, :, n].T`.

    Args:
        taps: k tensors (B, W, C).
        weight: (O, C, k).
        bias: (O,) or `None`.

    Returns:
        (B, W, O).
    """
    first, *others = (F.linear(tap, matrix) for tap, matrix in zip(taps, tap_weights(weight)))
    total = first if bias is None else first + bias.to(first.dtype)  # under autocast the products have dtype bf16
    for product in others:
        total = total + product
    return total


def call_channels_last(layer: nn.Module, x: Tensor, *, width: int = 1, dilation: int = 1, stride: int = 1) -> Tensor:
    """Call a temporal layer, whose input is (B, C, T) as for `nn.Conv1d`, on (B, T, C) -> (B, W, C_out).

    The layer is called as a module, so that hooks, wrappers and replaced layers work. The transposed views need no
    copies, as the layers of this package compute channels-last. Layers of others may not take dilation and stride, or
    not pass them on (LoRA): they are called on the k = `width` frames of every output, one output at a time.
    """
    y: Tensor
    if dilation == stride == 1:
        y = layer(x.transpose(1, 2))
    elif hasattr(type(layer), "channels_last"):
        y = layer(x.transpose(1, 2), dilation=dilation, stride=stride)
    else:
        return call_on_taps(layer, take_taps(x, width, dilation=dilation, stride=stride))
    return y.transpose(1, 2)


def call_on_taps(layer: nn.Module, taps: Sequence[Tensor]) -> Tensor:
    """Call a temporal layer, whose input is (B, C, k), on the frames of every output: k taps (B, W, C) -> (B, W, O)."""
    frames = torch.stack(list(taps), dim=-1)  # (B, W, C, k)
    y: Tensor = layer(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])  # (B, W, O, 1)
    return y.squeeze(-1)


def norm_channels_last(norm: nn.Module, x: Tensor) -> Tensor:
    """Apply a normalization layer, whose input is (B, C, W), to (B, W, C)."""
    y: Tensor
    if isinstance(norm, nn.SyncBatchNorm):  # torch's converter makes it of every BatchNorm, whatever its class
        y = norm(x.reshape(-1, norm.num_features))  # joints may share the statistics
        return y.reshape(x.shape)
    if isinstance(norm, nn.BatchNorm1d) and not (type(norm) is nn.BatchNorm1d and _lies_channels_first(x)):
        y = norm(x.flatten(0, 1))  # BatchNorm takes (B * W, C) too, which needs no transposed copy
        return y.reshape(x.shape)
    y = norm(x.transpose(1, 2))
    return y.transpose(1, 2)


def plain_inference() -> bool:
    """Neither gradients nor a trace; a trace keeps to products, so that exported files stay the same."""
    return not (torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.jit.is_tracing())


def _lies_channels_first(x: Tensor) -> bool:
    """Whether (B, W, C) is a view of (B, C, W) in memory, as `TemporalConv1d` returns it in inference."""
    return plain_inference() and x.shape[1] > 1 and x.transpose(1, 2).is_contiguous()


class TemporalConv1d(nn.Conv1d):
    """`nn.Conv1d` with dilation and stride as arguments of each call.

    Parameters, their names and their initial values are those of `nn.Conv1d`. So are the arguments, as tools make
    layers of the same type with them (PEFT does for LoRA); but stride, padding, dilation and groups have one value.

    Raises:
        ConfigError: another stride, padding, dilation or number of groups.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int],
        stride: int | tuple[int] = 1,
        padding: int | tuple[int] = 0,
        dilation: int | tuple[int] = 1,
        groups: int = 1,
        bias: bool = False,
    ):
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias)
        if (self.stride, self.padding, self.dilation, self.groups) != ((1,), (0,), (1,), 1):
            raise ConfigError(
                "a TemporalConv1d has no stride, padding, dilation or groups of its own",
                todo="Give stride and dilation with each call",
            )

    def channels_last(self, x: Tensor, *, dilation: int = 1, stride: int = 1) -> Tensor:
        """(B, T, C_in) -> (B, W, C_out)."""
        one_product = self.kernel_size[0] == 1 and x.is_contiguous()  # a convolution would turn it to channels first
        if stride == 1 and x.ndim == 3 and not one_product and plain_inference():
            # a tenth faster than products, but not its gradient
            return F.conv1d(x.transpose(1, 2), self.weight, self.bias, dilation=dilation).transpose(1, 2)
        taps = take_taps(x, self.kernel_size[0], dilation=dilation, stride=stride)
        return taps_product(taps, self.weight, self.bias)

    def forward(self, x: Tensor, *, dilation: int = 1, stride: int = 1) -> Tensor:
        """(B, C_in, T) -> (B, C_out, T'), as `nn.Conv1d`."""
        return self.channels_last(x.transpose(1, 2), dilation=dilation, stride=stride).transpose(1, 2)


def windows(x: Tensor, length: int, start: int, stop: int) -> Tensor:
    """Windows of `length` consecutive frames that begin at frames start, ..., stop - 1.

    Args:
        x: (B, T, ...).

    Returns:
        (B * (stop - start), length, ...), copies of the frames.
    """
    first = torch.arange(start, stop, device=x.device)
    frames = first[:, None] + torch.arange(length, device=x.device)  # (windows, length)
    return x[:, frames].flatten(0, 1)
