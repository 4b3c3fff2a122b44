"""The temporal network, base of the models: Pavllo et al., "3D human pose estimation in video with temporal
convolutions and semi-supervised training", CVPR 2019, section 3.

expand layer, BatchNorm, LeakyReLU; then for each further filter width a residual block {convolution of that width,
BatchNorm, LeakyReLU; convolution of width 1, BatchNorm, LeakyReLU}; then the output layer.
"""

from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srnet_core.config import ModelConfig
from srnet_core.errors import ConfigError
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layers.constant import Constant
from srnet_core.layers.module_list import modules_as
from srnet_core.layers.temporal import call_channels_last, norm_channels_last, plain_inference, windows
from srnet_core.models.pose_model import PoseModel

FRAMES_AT_ONCE = 1 << 16  # input frames copied at a time when clips are computed window by window


class TemporalBackbone(PoseModel):
    """Base of the temporal models, channels-last inside.

    A subclass sets `expand_conv`, `layers_conv` (two per block, see `_add_blocks`) and an output layer, `shrink` or
    `final_layer`, all called as `layer(x, dilation=..., stride=...)` on (B, C, T). If the channels of the output layer
    are not in the order of the joints, it also sets `output_index`. With `config.divisions` this holds the channels of
    a coordinate in all divisions one after another, and their mean is the coordinate. The names and the order of the
    parameters are the published ones, so that checkpoints and optimizer states are compatible.

    Attributes:
        layers_only: `True` in the body of a class declares that the class only adds layers and leaves the computation
            to this class, so that the engine may compute its models in faster forms. The attribute is not
            inherited: a subclass without it is always computed by its own methods.
        output_index: the output channels to keep, x, y, z joint by joint; `None` for all, unchanged.
        predictions: how many channels each coordinate is the mean of: the number of divisions, or 1.
        hidden_channels: width of the hidden layers; `config.channels` unless a subclass sets it.
        expand_conv, expand_bn, layers_conv, layers_bn: the hidden layers and the BatchNorm after each.
        shrink, final_layer: the output layer, which has one of these two names.
    """

    layers_only: ClassVar[bool] = True
    output_index: Constant | None = None
    expand_conv: nn.Module
    expand_bn: nn.BatchNorm1d
    layers_conv: nn.ModuleList
    layers_bn: nn.ModuleList
    shrink: nn.Module
    final_layer: nn.Module

    def __init__(self, config: ModelConfig, skeleton: Skeleton, *, hidden_channels: int | None = None):
        super().__init__()
        self.config = config
        self.hidden_channels = hidden_channels or config.channels
        self.num_joints = skeleton.num_joints
        self.num_joints_out = config.num_joints_out or skeleton.num_joints
        self.receptive_field = config.receptive_field
        self.pad = (config.receptive_field - 1) // 2
        self.causal_shift = self.pad if config.causal else 0
        self.expand_bn = self._batch_norm()
        if config.residual_2d and self.num_joints_out != self.num_joints:
            raise ConfigError("residual_2d needs as many output joints as input joints", where="num_joints_out")

    def forward(self, x: Tensor, strided: bool | None = None) -> Tensor:
        """Predict every frame with a complete window around it (before it, if causal).

        There are two forms with the same weights. The dilated form computes every layer at every frame and is meant
        for whole clips. The strided form computes only what a single output frame needs and is meant for windows of
        exactly the receptive field, for which it is thirty times faster with 243 frames. In training mode BatchNorm
        collects statistics of the computed positions; published training uses the strided form.

        Args:
            x: (B, T, J, 2) normalized keypoints, T at least the receptive field.
            strided: True for the strided form, False for the dilated one. By default the strided form where T is the
                receptive field, in training and evaluation, with one exception: in evaluation, a network with
                `compat="original"` whose two forms differ uses the dilated form, as in the published evaluation.

        Returns:
            (B, T - receptive_field + 1, J, 3).

        Raises:
            ConfigError: wrong number of joints or coordinates, fewer frames than the receptive field, or more with
                `strided=True`.
        """
        self._check(x, exact=strided is True)
        if strided is None:
            strided = x.shape[1] == self.receptive_field and not self._keeps_dilated()
        if not strided and self.by_window:
            return self._each_window(x)
        return self.to_pose(self._network(x.flatten(2), strided=strided and not self.config.dense), x)

    def forward_strided(self, x: Tensor) -> Tensor:
        """`forward` in the strided form: (B, receptive_field, J, 2) -> (B, 1, J, 3)."""
        return self.forward(x, strided=True)

    def stream_states(self) -> list[tuple[int, int]]:
        """(frames, channels) of each tensor that `forward_stream` hands on from call to call; empty for one frame.

        Raises:
            ConfigError: every output must be computed from its own window, or depends on the length of the clip.
        """
        if self.depends_on_window:
            raise ConfigError(
                "this network computes each output from its own window, and has no state to hand on",
                where="recombine",
                todo="Export it as .onnx, and hand it the last frames each time",
            )
        first, *widths = self.config.filter_widths
        states, dilation = [(first - 1, 2 * self.num_joints)], first
        for width in widths:
            states.append(((width - 1) * dilation, self.hidden_channels))
            dilation *= width
        if self.config.residual_2d:
            states.append((self.pad - self.causal_shift, 2 * self.num_joints))
        return [(frames, channels) for frames, channels in states if frames]

    def forward_stream(self, x: Tensor, states: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """The next frames of clips whose past lies in `states`; each frame is computed once in every layer.

        From states of zeros, a call with `receptive_field - 1` copies of a clip's first frame gives the states to begin
        with; its poses mean nothing. From then on each frame gives the pose `pad - causal_shift` frames before it.

        Args:
            x: (B, n, J, 2) normalized keypoints, n at least 1.
            states: (B, frames, channels) each, as `stream_states` says.

        Returns:
            (B, n, J, 3) poses, and the states for the next call.
        """
        waiting, handed_on, count = list(states), list[Tensor](), x.shape[1]

        def with_past(y: Tensor, frames: int) -> Tensor:
            if not frames:
                return y
            whole = torch.cat([waiting.pop(0), y], dim=1)
            handed_on.append(whole[:, count:])
            return whole

        first, *widths = self.config.filter_widths
        flat = x.flatten(2)
        y = self._after(self.expand_bn, call_channels_last(self.expand_conv, with_past(flat, first - 1)))
        dilation = first
        for i, width in enumerate(widths):
            y = self._block(i, with_past(y, (width - 1) * dilation), width, dilation, 1)
            dilation *= width
        pose: Tensor = self._output(y).unflatten(-1, (self.num_joints_out, 3))
        if self.config.residual_2d:
            seen = with_past(flat, self.pad - self.causal_shift)[:, :count].unflatten(-1, (self.num_joints, 2))
            pose = torch.cat([pose[..., :2] + seen, pose[..., 2:]], dim=-1)
        return pose, handed_on

    @property
    def depends_on_window(self) -> bool:
        """Whether an output depends on the start of its window, so that the dilated and the strided form differ."""
        return False

    @property
    def by_window(self) -> bool:
        """Whether every output of a clip is computed from its own window, as in training."""
        return self.depends_on_window and self.config.compat == "trained"

    def _keeps_dilated(self) -> bool:
        return not self.training and self.depends_on_window and self.config.as_published

    def set_bn_momentum(self, momentum: float) -> None:
        """Set the momentum of all BatchNorms; with `compat="original"`, as published, without those of the contexts."""
        published = [self.expand_bn, *modules_as(self.layers_bn, nn.BatchNorm1d)]
        everywhere = [m for m in self.modules() if isinstance(m, (nn.BatchNorm1d, nn.SyncBatchNorm))]
        for norm in published if self.config.compat == "original" else everywhere:
            norm.momentum = momentum

    @property
    def output_layer(self) -> nn.Module:
        """The output layer, under one of its two published names."""
        return self.shrink if hasattr(self, "shrink") else self.final_layer

    def _output(self, x: Tensor) -> Tensor:
        """The output layer: (B, W, C) -> (B, W, joints out * 3)."""
        return self.coordinates(call_channels_last(self.output_layer, x))

    @property
    def predictions(self) -> int:
        return max(1, len(self.config.divisions)) if self.output_index is not None else 1

    def coordinates(self, y: Tensor) -> Tensor:
        """The coordinates of the joints (..., joints out * 3) from the channels of the output layer."""
        if self.output_index is None:
            return y
        kept = y[..., self.output_index.index(y)]
        return kept if self.predictions == 1 else kept.unflatten(-1, (-1, self.predictions)).mean(-1)

    def _add_blocks(self, convs: Sequence[nn.Module]) -> None:
        """Register the convolutions of the residual blocks, and a BatchNorm for each."""
        self.layers_conv = nn.ModuleList(convs)
        self.layers_bn = nn.ModuleList(self._batch_norm() for _ in convs)

    def _batch_norm(self) -> nn.BatchNorm1d:
        """A BatchNorm of the hidden channels, for after a hidden layer."""
        return nn.BatchNorm1d(self.hidden_channels)

    def _network(self, x: Tensor, *, strided: bool) -> Tensor:
        """(B, T, J * 2) -> (B, T', joints out * 3)."""
        first, *widths = self.config.filter_widths
        y = call_channels_last(self.expand_conv, x, width=first, stride=first if strided else 1)
        x = self._after(self.expand_bn, y)
        dilation = first
        for i, width in enumerate(widths):
            x = self._block(i, x, width, 1 if strided else dilation, width if strided else 1)
            dilation *= width
        if x.is_meta or not torch.is_autocast_enabled(x.device.type):  # torch knows no autocast of the meta device
            return self._output(x)
        with torch.autocast(x.device.type, enabled=False):  # bf16 would round a coordinate of 0.5 m to 2 mm
            return self._output(x.float())

    def _block(self, i: int, x: Tensor, width: int, dilation: int, stride: int) -> Tensor:
        wide, narrow = self.layers_conv[2 * i], self.layers_conv[2 * i + 1]
        spacing = {} if self.config.dense else {"width": width, "dilation": dilation, "stride": stride}
        y = call_channels_last(wide, x, **spacing)
        y = self._after(self.layers_bn[2 * i], y)
        y = self._after(self.layers_bn[2 * i + 1], call_channels_last(narrow, y))
        tap = width - 1 if self.config.causal else width // 2  # the newest or the middle frame
        start, frames = tap * dilation, y.shape[1]
        return x[:, start : start + (frames - 1) * stride + 1 : stride] + y

    def _after(self, norm: nn.Module, x: Tensor) -> Tensor:
        y, in_place = norm_channels_last(norm, x), plain_inference() and type(norm) is nn.BatchNorm1d
        in_place = in_place and not norm._forward_hooks  # a hook may keep what it is given
        x = F.leaky_relu(y, self.config.negative_slope, inplace=in_place)
        return F.dropout(x, self.config.dropout, self.training)

    def to_pose(self, y: Tensor, x: Tensor) -> Tensor:
        """(B, T', joints * 3) -> (B, T', joints, 3), plus the 2D keypoints of each output frame with `residual_2d`."""
        pose: Tensor = y.unflatten(-1, (self.num_joints_out, 3))
        if not self.config.residual_2d:
            return pose
        start = self.pad + self.causal_shift
        keypoints = x[:, start : start + pose.shape[1]]
        return torch.cat([pose[..., :2] + keypoints, pose[..., 2:]], dim=-1)

    def _each_window(self, x: Tensor) -> Tensor:
        """`forward` by the strided form of every window, in pieces of bounded memory if no statistics are collected."""
        count = x.shape[1] - self.receptive_field + 1
        at_once = max(1, FRAMES_AT_ONCE // (self.receptive_field * max(1, x.shape[0])))
        if self.training or torch.compiler.is_exporting():  # statistics are those of all windows
            return self._piece(x, 0, count)
        starts = range(0, count, at_once)
        return torch.cat([self._piece(x, start, min(start + at_once, count)) for start in starts], dim=1)

    def _piece(self, x: Tensor, start: int, stop: int) -> Tensor:
        """Output frames start, ..., stop - 1, each from its own window."""
        y = self.forward_strided(windows(x, self.receptive_field, start, stop))
        return y.reshape(x.shape[0], stop - start, self.num_joints_out, 3)

    def _check(self, x: Tensor, *, exact: bool) -> None:
        wanted = (self.num_joints, 2)
        if x.ndim != 4 or tuple(x.shape[2:]) != wanted:
            raise ConfigError(f"the model takes keypoints (batch, frames, {wanted[0]}, 2), not {tuple(x.shape)}")
        frames = x.shape[1]
        if frames < self.receptive_field or (exact and frames != self.receptive_field):
            relation = "other than" if exact else "fewer than"
            raise ConfigError(
                f"{frames} frames, {relation} the model's receptive field of {self.receptive_field}",
                todo="Pad the clip with its first and last frames",
            )
