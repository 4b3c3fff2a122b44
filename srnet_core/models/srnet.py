"""SRNet: the temporal network with a split-and-recombine convolution in every layer (Zeng et al., ECCV 2020)."""

from collections.abc import Sequence
from typing import Any

from srnet_core.config import ModelConfig
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layers.constant import Constant
from srnet_core.layers.split_recombine import SplitRecombineConv1d
from srnet_core.models import ModelPlugin
from srnet_core.models._groups import joint_groups, output_channels, output_index, require_own_joints
from srnet_core.models._published_srnet import recognize
from srnet_core.models.backbone import TemporalBackbone

_RECOMBINE_SHORT = {"multiply": "mul", "add": "add", "concat": "cat"}


class SRNet(TemporalBackbone):
    """Joints split into body parts with separate filters, recombined with the others in every layer.

    The published dilated and strided forms give different results for concat and channel-wise contexts with filters
    wider than one frame; `config.compat` selects the behaviour. The default, "trained", computes every frame of a clip
    from its own window, as in training. That takes longer on long clips than the single pass of "aligned" or
    "original". See `docs/differences.md`.
    """

    layers_only = True

    def __init__(self, config: ModelConfig, skeleton: Skeleton):
        super().__init__(config, skeleton)
        require_own_joints(config)
        groups = joint_groups(config, skeleton)
        widths = config.filter_widths
        self.expand_conv = self._layer(groups, widths[0], features_per_node=2, nodes=skeleton.num_joints)
        convs, previous = [], self.expand_conv
        for width in widths[1:]:
            wide = self._layer(previous.out_groups, width)
            previous = self._layer(wide.out_groups, 1)
            convs += [wide, previous]
        outputs = output_channels(groups)
        self.final_layer = self._layer(previous.out_groups, 1, out_group_channels=outputs, out_channels=sum(outputs))
        self.output_index = Constant(output_index(groups, outputs, config.divisions))
        self._add_blocks(convs)

    def _layer(self, groups: Sequence[Sequence[int]], kernel_size: int, **settings: Any) -> SplitRecombineConv1d:
        config = self.config
        return SplitRecombineConv1d(
            groups,
            kernel_size=kernel_size,
            recombine=config.recombine,
            context=config.context,
            context_form=config.context_form,
            context_width=config.context_width,
            negative_slope=config.negative_slope,
            as_published=config.compat != "aligned",
            **{"out_channels": config.channels, **settings},
        )

    @property
    def depends_on_window(self) -> bool:
        """Whether contexts get to filter taps in the published order, which depends on the number of frames."""
        return any(layer.reorder for layer in self.modules() if isinstance(layer, SplitRecombineConv1d))


def build(config: ModelConfig, skeleton: Skeleton) -> SRNet:
    """The model of `config`.

    Raises:
        ConfigError: body parts that do not fit the skeleton, or contradicting settings.
    """
    return SRNet(config, skeleton)


def _settings_text(config: ModelConfig) -> str:
    return f"{config.recombine} {config.context}"


def _settings_short(config: ModelConfig) -> str:
    return _RECOMBINE_SHORT[config.recombine]


MODEL = ModelPlugin(
    build,
    takes_groups=True,
    settings_text=_settings_text,
    settings_short=_settings_short,
    recognize=recognize,
)
