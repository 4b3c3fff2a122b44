"""A decoder that predicts each body part in its own branch from one feature vector, by split and recombine."""

import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from srnet_core.errors import ConfigError
from srnet_core.layers.channels import group_ranges, share_channels
from srnet_core.layers.split_recombine import SplitRecombineLinear


class SplitRecombineDecoder(nn.Module):
    """From a feature vector to the outputs of several parts, each in a branch that uses the others through a small
    context.

    A fully connected layer gives each part its share of the hidden channels, in proportion to its outputs;
    split-and-recombine layers follow (Zeng et al., SRNet, ECCV 2020, section 3.2), the last of them with a bias.
    Lee and Lee, "Uncertainty-Aware Human Mesh Recovery from Video by Learning Part-Based 3D Dynamics", ICCV 2021, use
    such branches to decode body meshes. Outputs that belong to no part, such as the camera, are fully connected to
    the last hidden channels of all parts.

    >>> import torch, srnet_core as srnet
    >>> decoder = srnet.nn.SplitRecombineDecoder(
    ...     2048, parts={"trunk": 36, "left arm": 30, "right arm": 30}, heads={"camera": 3}, hidden_channels=256)
    >>> out = decoder(torch.zeros(8, 16, 2048))
    >>> {name: tuple(value.shape) for name, value in out.items()}
    {'trunk': (8, 16, 36), 'left arm': (8, 16, 30), 'right arm': (8, 16, 30), 'camera': (8, 16, 3)}

    Args:
        in_features: length of the feature vector.
        parts: number of outputs of each part.
        heads: number of outputs of each head that is not a part.
        hidden_channels: of all parts together.
        hidden_layers: 1 or more, the first fully connected, the others split and recombined.
        dropout: probability, after each hidden layer.
        negative_slope: of the LeakyReLU after each hidden layer.
        settings: of the split-and-recombine layers: `recombine`, `context`, `context_form`, `context_width`.

    Raises:
        ConfigError: no parts, a size below 1, a name that is both part and head, fewer hidden channels than parts,
            or contradicting settings.
    """

    def __init__(
        self,
        in_features: int,
        parts: Mapping[str, int],
        *,
        heads: Mapping[str, int] | None = None,
        hidden_channels: int = 1024,
        hidden_layers: int = 2,
        dropout: float = 0.0,
        negative_slope: float = 0.01,
        **settings: Any,
    ):
        super().__init__()
        _check(parts, heads or {}, hidden_layers)
        self.parts, self.heads = dict(parts), dict(heads or {})
        sizes = tuple(parts.values())
        shares = share_channels(hidden_channels, sizes)
        settings["negative_slope"] = negative_slope
        self.split = nn.Linear(in_features, hidden_channels)
        groups = group_ranges(shares)
        self.hidden = nn.ModuleList(
            SplitRecombineLinear(groups, out_channels=hidden_channels, out_group_channels=shares, **settings)
            for _ in range(hidden_layers - 1)
        )
        self.output = SplitRecombineLinear(groups, out_channels=sum(sizes), out_group_channels=sizes, **settings)
        self.output_bias = nn.Parameter(torch.zeros(sum(sizes)))
        self.head_layers = nn.ModuleList(nn.Linear(hidden_channels, size) for size in self.heads.values())
        self.after = nn.Sequential(nn.LeakyReLU(negative_slope), nn.Dropout(dropout))

    def forward(self, feature: Tensor) -> dict[str, Tensor]:
        """(..., in_features) -> {name of part or head: (..., size)}."""
        x = self.after(self.split(feature))
        for layer in self.hidden:
            x = self.after(layer(x))
        y = self.output(x) + self.output_bias
        outputs = dict(zip(self.parts, y.split(tuple(self.parts.values()), dim=-1)))
        return outputs | {name: layer(x) for name, layer in zip(self.heads, self.head_layers)}


def join_parts(outputs: Mapping[str, Tensor], parts: Mapping[str, Sequence[int]]) -> Tensor:
    """Join the outputs of all parts in the order of the joints.

    Args:
        outputs: {part: (..., joints of the part * features)}, joint by joint.
        parts: {part: joint indices}, together 0, 1, ..., J - 1. A joint in several parts is taken from the first.

    Returns:
        (..., J, features).

    Raises:
        ConfigError: a joint is in no part, a part has no output, or joints have different numbers of features.

    >>> import torch
    >>> out = {"a": torch.tensor([10.0, 11.0, 30.0, 31.0]), "b": torch.tensor([20.0, 21.0])}
    >>> join_parts(out, {"a": [0, 2], "b": [1]})
    tensor([[10., 11.],
            [20., 21.],
            [30., 31.]])
    """
    _check_joints(outputs, parts)
    together = torch.cat([outputs[name].unflatten(-1, (len(joints), -1)) for name, joints in parts.items()], dim=-2)
    owners = [joint for joints in parts.values() for joint in joints]
    missing = sorted(set(range(max(owners) + 1)) - set(owners))
    if missing:
        raise ConfigError(f"joints in no part: {', '.join(map(str, missing))}", where="parts")
    order = [owners.index(joint) for joint in range(max(owners) + 1)]
    return together[..., order, :]


def _check_joints(outputs: Mapping[str, Tensor], parts: Mapping[str, Sequence[int]]) -> None:
    _require_named(parts, "lists of joints")
    features: dict[str, int] = {}
    for name, joints in parts.items():
        if name not in outputs:
            raise ConfigError(f"has no outputs; parts with outputs: {', '.join(outputs)}", where=f"part {name!r}")
        if min(joints, default=0) < 0:
            raise ConfigError("joint indices start at 0", where=f"part {name!r}")
        numbers = outputs[name].shape[-1]
        if not joints or numbers % len(joints):
            raise ConfigError(f"{numbers} outputs cannot be divided among {len(joints)} joints", where=f"part {name!r}")
        features[name] = numbers // len(joints)
    if len(set(features.values())) > 1:
        raise ConfigError(f"parts have different numbers per joint: {features}", where="parts")


def _require_named(parts: Any, what: str) -> None:
    """Raise `ConfigError` if there are no parts, or something else is given in their place."""
    if not isinstance(parts, Mapping):
        raise ConfigError(f"expected {what} by the names of parts, not {reprlib.repr(parts)}", where="parts")
    if not parts:
        raise ConfigError("needs at least one part", where="parts")


def _check(parts: Mapping[str, int], heads: Mapping[str, int], hidden_layers: int) -> None:
    _require_named(parts, "numbers of outputs")
    both = sorted(set(parts) & set(heads))
    if both:
        raise ConfigError(f"{both[0]!r} is both a part and a head", where="heads")
    for name, size in (*parts.items(), *heads.items()):
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ConfigError(f"the number of outputs must be 1 or more, not {size!r}", where=name)
    if hidden_layers < 1:
        raise ConfigError(f"must be 1 or more, not {hidden_layers}", where="hidden_layers")
