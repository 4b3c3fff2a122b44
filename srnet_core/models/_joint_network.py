"""The temporal network with separate features for each joint, for structures that follow the skeleton's graph."""

from collections.abc import Callable

from torch import nn

from srnet_core.config import ModelConfig
from srnet_core.errors import ConfigError
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layers.graph import JointBatchNorm1d
from srnet_core.models._groups import require_own_joints
from srnet_core.models.backbone import TemporalBackbone

MakeLayer = Callable[[int, int, int], nn.Module]


class JointNetwork(TemporalBackbone):
    """A network with the same number of hidden channels for every joint, and no channels for the remainder (1020 of
    1024 channels for 17 joints). The joints share the BatchNorm of each feature, as in published graph networks.

    Args:
        layer: makes a layer: `layer(in_features, out_features, kernel_size)`, features per joint.
        output: makes the output layer with the same arguments; `layer` by default.

    Raises:
        ConfigError: fewer channels than joints, or options of `fc`.
    """

    layers_only = True

    def __init__(self, config: ModelConfig, skeleton: Skeleton, layer: MakeLayer, output: MakeLayer | None = None):
        require_own_joints(config)
        features = config.channels // skeleton.num_joints
        if features < 1:
            raise ConfigError(
                f"{config.channels} channels are too few for {skeleton.num_joints} joints", where="--channels"
            )
        super().__init__(config, skeleton, hidden_channels=features * skeleton.num_joints)
        first, *widths = config.filter_widths
        self.expand_conv = layer(2, features, first)
        convs = [layer(features, features, k) for width in widths for k in (width, 1)]
        self.shrink = (output or layer)(features, 3, 1)
        self._add_blocks(convs)

    def _batch_norm(self) -> JointBatchNorm1d:
        return JointBatchNorm1d(self.hidden_channels // self.num_joints)
