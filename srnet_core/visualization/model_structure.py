"""A network as layers of body parts, read from the modules that it was built from: what a drawing of it shows."""

from dataclasses import dataclass, replace

from torch import nn

from srnet_core.errors import ConfigError
from srnet_core.geometry.limbs import division
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layers.graph import GraphConv1d
from srnet_core.layers.locally_connected import LocallyConnectedConv1d
from srnet_core.layers.split_recombine import SplitRecombineConv1d
from srnet_core.models import get_model
from srnet_core.models.backbone import TemporalBackbone
from srnet_core.models.pose_model import PoseModel

SPLIT, FULL, GRAPH, LOCAL = "split", "full", "graph", "local"


@dataclass(frozen=True)
class Layer:
    """One convolution of a network.

    Attributes:
        kind: `SPLIT`, `FULL` (all channels see all), `GRAPH` (shared weights along bones) or `LOCAL` (own weights for
            pairs of near joints).
        kernel: number of input frames of its filter.
        dilation: frames between these, where every frame of a clip is computed.
        channels: of its output; by group for split layers, else one number.
        context: "others", "all" or "none".
        recombine: "multiply", "add" or "concat".
        context_width: numbers in the context of a group for each frame of the filter.
        parameters: trainable numbers, those of its BatchNorm included.
        residual: whether the input of the block is added after it.
    """

    kind: str
    kernel: int
    dilation: int
    channels: tuple[int, ...]
    context: str = "none"
    recombine: str = "multiply"
    context_width: int = 0
    parameters: int = 0
    residual: bool = False


@dataclass(frozen=True)
class Structure:
    """A network.

    Attributes:
        name: of its structure, e.g. "srnet".
        groups: name and joints of each group; one of all joints where the network has none.
        divisions: number of groups of each of several divisions side by side; empty for a single division.
        layers: from the input to the output.
        joints_out: number of predicted joints.
        receptive_field: frames that one output frame depends on.
        parameters: trainable numbers of the whole network.
    """

    name: str
    skeleton: Skeleton
    groups: tuple[tuple[str, tuple[int, ...]], ...]
    layers: tuple[Layer, ...]
    joints_out: int
    receptive_field: int
    filter_widths: tuple[int, ...]
    causal: bool
    parameters: int
    divisions: tuple[int, ...] = ()

    @property
    def recombined(self) -> Layer | None:
        """The first layer with a context; `None` if there is none."""
        return next((layer for layer in self.layers if layer.context != "none"), None)


def structure_of(model: PoseModel) -> Structure:
    """The layers of a network as it was built.

    Raises:
        ConfigError: a network of a package that is no temporal network of srnet.
    """
    if not isinstance(model, TemporalBackbone):
        raise ConfigError(f"{type(model).__name__} is no temporal network of srnet, and its layers are not known")
    first, *widths = model.config.filter_widths
    layers = [_layer(model.expand_conv, model.expand_bn, 1)]
    dilation = first
    convs, norms = list(model.layers_conv), list(model.layers_bn)
    for number, width in enumerate(widths):
        layers.append(_layer(convs[2 * number], norms[2 * number], dilation))
        layers.append(_layer(convs[2 * number + 1], norms[2 * number + 1], 1, residual=True))
        dilation *= width
    layers.append(_layer(model.output_layer, None, 1))
    return Structure(
        name=model.config.name,
        skeleton=model.skeleton,
        groups=_groups(model),
        layers=tuple(layers),
        joints_out=model.num_joints_out,
        receptive_field=model.receptive_field,
        filter_widths=tuple(model.config.filter_widths),
        causal=model.config.causal,
        parameters=model.num_parameters,
        divisions=tuple(model.config.divisions) if get_model(model.config.name).takes_groups else (),
    )


def _groups(model: PoseModel) -> tuple[tuple[str, tuple[int, ...]], ...]:
    config, skeleton = model.config, model.skeleton
    if not get_model(config.name).takes_groups:
        return (("all joints", tuple(range(skeleton.num_joints))),)
    if config.body_parts:
        return tuple(skeleton.group_indices(dict(config.body_parts)).items())
    if not config.divisions:
        return tuple(skeleton.group_indices(division(skeleton, config.groups)).items())
    return tuple(
        (f"{number}: {name}", joints)
        for number in config.divisions
        for name, joints in skeleton.group_indices(division(skeleton, number)).items()
    )


def _layer(conv: nn.Module, norm: nn.Module | None, dilation: int, *, residual: bool = False) -> Layer:
    parameters = sum(p.numel() for module in (conv, norm) if module is not None for p in module.parameters())
    if isinstance(conv, SplitRecombineConv1d):
        layer = Layer(
            SPLIT,
            conv.kernel_size,
            dilation,
            conv.out_group_channels,
            context=conv.context,
            recombine=conv.recombine,
            context_width=conv.context_width,
        )
    elif isinstance(conv, LocallyConnectedConv1d):
        layer = Layer(LOCAL, conv.kernel_size, dilation, (conv.bias.numel(),))
    elif isinstance(conv, GraphConv1d):
        layer = Layer(GRAPH, int(conv.kernel_size[0]), dilation, (conv.out_channels * len(conv.adjacency),))
    else:
        assert isinstance(conv, nn.Conv1d)
        layer = Layer(FULL, int(conv.kernel_size[0]), dilation, (conv.out_channels,))
    return replace(layer, parameters=parameters, residual=residual)
