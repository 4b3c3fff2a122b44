"""The arithmetic of a temporal network: multiply-adds of its products, counted from its layers.

A filter weight is used once per output position of its layer, so a layer costs its filter weights times its
positions. That is the grouped products and the context of split-and-recombine layers, and all of a fully connected one.
Normalization, activation and the recombination itself are not products: they cost memory traffic and are not counted.
One multiply-add is two floating-point operations.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from srnet_core.errors import ConfigError
from srnet_core.layers.split_recombine import SplitRecombineConv1d
from srnet_core.layers.temporal import TemporalConv1d


@dataclass(frozen=True)
class LayerWork:
    """One layer of a temporal network.

    Attributes:
        name: of the module.
        products: multiply-adds of the filters at one output position.
        context: multiply-adds of the context at one output position.
        in_channels, out_channels: of the layer.
        reach: input frames that one output position depends on, through all layers so far.
    """

    name: str
    products: int
    context: int
    in_channels: int
    out_channels: int
    reach: int

    @property
    def per_position(self) -> int:
        return self.products + self.context


def layers_of(model: nn.Module) -> list[LayerWork]:
    """The convolutions of a temporal model in their order.

    Raises:
        ConfigError: the model has other layers than temporal and split-and-recombine convolutions.
    """
    first, *widths = model.config.filter_widths
    reaches = [first]
    for width in widths:
        reaches += [reaches[-1] * width] * 2
    return [_work(name, conv, reach) for (name, conv), reach in zip(_convolutions(model), [*reaches, reaches[-1]])]


def multiply_adds(model: nn.Module, frames: int, *, sequence: bool = False) -> int:
    """Multiply-adds of a forward pass that predicts `frames` frames.

    Args:
        model: a temporal model: srnet, fc or another of `models/` with the same layers.
        frames: predicted frames.
        sequence: they are consecutive and share the work of all layers; else each comes from a window of its own,
            as in training.

    Raises:
        ConfigError: windows of a dense model, which has no strided form.
    """
    if model.config.dense and not sequence:
        raise ConfigError("a dense model has no strided form to count", where="model.dense")
    count = positions_in_sequence if sequence else positions_in_windows
    return sum(layer.per_position * count(model, layer, frames) for layer in layers_of(model))


def training_multiply_adds(model: nn.Module, windows: int) -> int:
    """Multiply-adds of a training step: forward, gradients of the weights, and gradients of the inputs of every layer
    but the first, whose input is data.

    Raises:
        ConfigError: a dense model, which has no strided form.
    """
    if model.config.dense:
        raise ConfigError("a dense model has no strided form to count", where="model.dense")
    first, *_ = layers_of(model)
    return 3 * multiply_adds(model, windows) - first.per_position * positions_in_windows(model, first, windows)


def positions_in_windows(model: nn.Module, layer: LayerWork, windows: int) -> int:
    """Output positions of a layer for that many windows of one target frame: the strided form."""
    return windows * (model.receptive_field // layer.reach)


def positions_in_sequence(model: nn.Module, layer: LayerWork, frames: int) -> int:
    """Output positions of a layer for a run of that many predicted frames: the dilated form."""
    return frames + model.receptive_field - layer.reach


def _convolutions(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    if not hasattr(model, "layers_conv"):
        raise ConfigError(f"layers of the model {model.config.name} are not counted", where="model",
                          todo="Use a model of temporal or split-and-recombine convolutions")  # fmt: skip
    yield "expand_conv", model.expand_conv
    for i, conv in enumerate(model.layers_conv):
        yield f"layers_conv.{i}", conv
    output = "shrink" if hasattr(model, "shrink") else "final_layer"
    yield output, getattr(model, output)


def _work(name: str, conv: nn.Module, reach: int) -> LayerWork:
    if isinstance(conv, SplitRecombineConv1d):
        filters = sum(c.weight.numel() for c in conv.group_conv)
        everything = sum(p.numel() for p in conv.parameters() if p.ndim == 3)
    elif type(conv) is TemporalConv1d:  # not graph convolutions, which are made from it
        filters = everything = conv.weight.numel()
    else:
        raise ConfigError(f"layers of the kind {type(conv).__name__} are not counted", where=name,
                          todo="Use a model of temporal or split-and-recombine convolutions")  # fmt: skip
    return LayerWork(name, filters, everything - filters, conv.in_channels, conv.out_channels, reach)
