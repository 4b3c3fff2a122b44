"""Networks of body parts that are combined in fully connected layers instead of through a context: the alternatives to
split-and-recombine in Zeng et al., "SRNet", ECCV 2020, section 3. Which layers are fully connected is this project's
decision, see docs/structures.md.

Each hidden layer is either split (group connected: each part has its own filters and sees only its own channels)
or fused (fully connected: all channels see all). A part keeps the same channels through all hidden layers, so that
neither residuals nor split layers mix parts.
"""

from collections.abc import Collection, Sequence

from srnet_core.config import ModelConfig
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layers.channels import group_ranges, share_channels
from srnet_core.layers.constant import Constant
from srnet_core.layers.split_recombine import SplitRecombineConv1d
from srnet_core.layers.temporal import TemporalConv1d
from srnet_core.models._groups import joint_groups, output_channels, output_index, require_own_joints
from srnet_core.models.backbone import TemporalBackbone


class SplitNetwork(TemporalBackbone):
    """The temporal network with some hidden layers fused and all others split into the body parts.

    The hidden layers are the expand layer and two per residual block, 2 n - 1 for n filter widths. A split output
    layer has the same layout as in `srnet`, so that without fused layers the weights are those of srnet without context
    (except for a few widths, such as 299, whose shares srnet rounds differently from layer to layer).

    Args:
        fused: indices of the fused hidden layers; the expand layer is 0.
        fused_output: whether the output layer sees all channels.

    Raises:
        ConfigError: body parts that do not fit the skeleton, fewer channels than parts, or options of `fc`.
    """

    layers_only = True

    def __init__(
        self, config: ModelConfig, skeleton: Skeleton, *, fused: Collection[int] = (), fused_output: bool = False
    ):
        require_own_joints(config)
        super().__init__(config, skeleton)
        self.fused = frozenset(fused)
        groups = joint_groups(config, skeleton)
        self.group_channels = share_channels(config.channels, [2 * len(group) for group in groups])
        ranges = group_ranges(self.group_channels)
        first, *widths = config.filter_widths
        self.expand_conv = self._hidden_layer(0, groups, first, features=2, nodes=self.num_joints)
        kernels = [k for width in widths for k in (width, 1)]
        convs = [self._hidden_layer(i, ranges, k) for i, k in enumerate(kernels, start=1)]
        if fused_output:
            self.shrink = TemporalConv1d(config.channels, 3 * self.num_joints, 1, bias=True)
        else:
            self._add_split_output(groups, ranges)
        self._add_blocks(convs)

    def _hidden_layer(
        self,
        number: int,
        groups: Sequence[Sequence[int]],
        kernel_size: int,
        *,
        features: int = 1,
        nodes: int | None = None,
    ) -> TemporalConv1d | SplitRecombineConv1d:
        channels = self.config.channels
        if number in self.fused:
            return TemporalConv1d((nodes or channels) * features, channels, kernel_size)
        return SplitRecombineConv1d(
            groups,
            features_per_node=features,
            nodes=nodes,
            kernel_size=kernel_size,
            context="none",
            out_channels=channels,
            out_group_channels=self.group_channels,
        )

    def _add_split_output(self, groups: list[tuple[int, ...]], ranges: list[range]) -> None:
        outputs = output_channels(groups)
        self.final_layer = SplitRecombineConv1d(
            ranges, context="none", out_channels=sum(outputs), out_group_channels=outputs
        )
        self.output_index = Constant(output_index(groups, outputs, self.config.divisions))
