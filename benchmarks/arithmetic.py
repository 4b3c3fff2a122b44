"""The arithmetic of a temporal network: multiply-adds of its products, as torch counts them in its textbook form.

That is the grouped products and the context of split-and-recombine layers, and all of a fully connected one.
Normalization, activation and the recombination itself are not products: they cost memory traffic and are not counted.
One multiply-add is two floating-point operations. Counting runs on the device "meta", where nothing is computed.
"""

import functools
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from srnet_core.models import build_model
from srnet_core.models.pose_model import PoseModel
from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.speed.measure import flops
from srnet_core.speed.textbook import TextbookNetwork, textbook


@dataclass(frozen=True)
class LayerWork:
    """One layer of a temporal network.

    Attributes:
        name: of the module.
        per_position: multiply-adds at one output position.
        positions: output positions for one window of one target frame.
        out_channels: of the layer.
    """

    name: str
    per_position: int
    positions: int
    out_channels: int


@torch.no_grad()
def layers_of(model: PoseModel) -> list[LayerWork]:
    """The convolutions of a temporal model in their order.

    Raises:
        ConfigError: a model that has no textbook form.
    """
    network, x = _textbook(model), _keypoints(1, model.receptive_field)
    names = ["expand_conv", *(f"layers_conv.{i}" for i in range(len(network.layers_conv))), network.output_name]
    shapes: dict[str, list[torch.Size]] = {name: [] for name in names}
    for name in names:
        hook = functools.partial(_note_shape, shapes[name])
        network.get_submodule(name).register_forward_hook(hook)
    with FlopCounterMode(display=False) as counter:
        network(x)  # not the strided form: torch counts by module in calls of the whole module only
    network.forward_strided(x)
    found = []
    for name, (dilated, strided) in shapes.items():
        operations = sum(counter.get_flop_counts()[f"{type(network).__name__}.{name}"].values())
        found.append(LayerWork(name, operations // 2 // dilated[2], strided[2], strided[1]))
    return found


def _note_shape(shapes: list[torch.Size], layer: nn.Module, given: tuple, made: torch.Tensor) -> None:
    shapes.append(made.shape)


@torch.no_grad()
def multiply_adds(model: PoseModel, frames: int, *, clip: bool = False) -> int:
    """Multiply-adds of a forward pass that predicts `frames` frames.

    Args:
        model: srnet, fc or another model with a textbook form, or that form.
        frames: predicted frames.
        clip: they are consecutive and share the work of all layers; else each comes from a window of its own,
            as in training.

    Raises:
        ConfigError: a model that has no textbook form, a dense one for example.
    """
    network, field = _textbook(model), model.receptive_field
    if clip:
        return flops(lambda: network(_keypoints(1, frames + field - 1))) // 2
    return flops(lambda: network.forward_strided(_keypoints(frames, field))) // 2


def training_multiply_adds(model: PoseModel, windows: int) -> int:
    """Multiply-adds of a training step: forward, gradients of the weights, and gradients of the inputs of every layer
    but the first, whose input is data.

    Raises:
        ConfigError: a model that has no textbook form, a dense one for example.
    """
    # not the textbook form's own backward pass: it scales the taps before the product, so its first layer has one more
    first, *_ = layers_of(model)
    return 3 * multiply_adds(model, windows) - windows * first.positions * first.per_position


def _textbook(model: PoseModel) -> TextbookNetwork:
    """A fresh textbook form in evaluation mode, without memory for its weights."""
    return textbook(build_model(model.config)).to("meta").eval()


def _keypoints(windows: int, frames: int) -> torch.Tensor:
    return torch.empty(windows, frames, SKELETON.num_joints, 2, device="meta")
