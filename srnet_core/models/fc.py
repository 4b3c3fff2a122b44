"""Fully connected across joints: the temporal model of VideoPose3D (Pavllo et al., CVPR 2019); with filter widths
1,1,1 the single-frame baseline of Martinez et al. (ICCV 2017) as SRNet compares with it.

VideoPose3D uses ReLU (`negative_slope=0`) and dropout 0.25, SRNet's baseline LeakyReLU 0.01 and no dropout. With
`num_joints_out=1` it is VideoPose3D's trajectory model.
"""

from srnet_core.config import ModelConfig
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layers.temporal import TemporalConv1d
from srnet_core.models import GROUP_SETTINGS, ModelPlugin
from srnet_core.models._published_fc import recognize
from srnet_core.models.backbone import TemporalBackbone


class FullyConnected(TemporalBackbone):
    """Every layer is connected to all joints. With `config.dense` the dilated filters have no gaps."""

    layers_only = True

    def __init__(self, config: ModelConfig, skeleton: Skeleton):
        super().__init__(config, skeleton)
        channels, widths = config.channels, config.filter_widths
        self.shrink = TemporalConv1d(channels, 3 * self.num_joints_out, 1, bias=True)
        self.expand_conv = TemporalConv1d(2 * self.num_joints, channels, widths[0])
        convs, dilation = [], widths[0]
        for width in widths[1:]:
            taps = (width - 1) * dilation + 1 if config.dense else width
            convs += [TemporalConv1d(channels, channels, taps), TemporalConv1d(channels, channels, 1)]
            dilation *= width
        self._add_blocks(convs)


def build(config: ModelConfig, skeleton: Skeleton) -> FullyConnected:
    """The model of `config`; `groups`, `recombine` and `context` have no effect."""
    return FullyConnected(config, skeleton)


MODEL = ModelPlugin(build, recognize=recognize, ignores=GROUP_SETTINGS)
