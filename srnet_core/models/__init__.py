"""Models, one file each.

A model's file has `build(config: ModelConfig, skeleton: Skeleton) -> nn.Module`. The module has `config`,
`receptive_field`, `pad`, `causal_shift`, `num_parameters`, `forward`, `forward_strided` and `set_bn_momentum` as
documented in `backbone.TemporalBackbone`, which is the easy way to get them. `build_model` adds `skeleton`.
"""

from torch import nn

from srnet_core.config import ModelConfig, from_dict, replace, to_dict
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.lookup import load
from srnet_core.skeletons import get_skeleton


def build_model(model: str | ModelConfig = "srnet", skeleton: Skeleton | str | None = None, **fields) -> nn.Module:
    """A model with fresh random weights, drawn from torch's global generator (`torch.manual_seed`).

    Args:
        model: name of a model, or a whole `ModelConfig`.
        skeleton: one of the project's by name, or the data's own.
        fields: fields of `ModelConfig`, instead of its own or the default values.

    >>> build_model("srnet", filter_widths=(3, 3, 3), groups=5, recombine="multiply", context="others").receptive_field
    27

    Raises:
        UnknownNameError: no such model, field or choice; the message lists those there are.
        ConfigError: values out of range or that do not go together.
    """
    values = to_dict(model) if isinstance(model, ModelConfig) else {"name": model}
    if skeleton is not None:
        fields["skeleton"] = skeleton if isinstance(skeleton, str) else skeleton.name
    config = from_dict(ModelConfig, values | fields, where="build_model")
    builder = load("models", config.name, kind="model")
    config = replace(config, name=builder.__name__.rpartition(".")[2], residual_2d=bool(config.residual_2d))
    joints = skeleton if isinstance(skeleton, Skeleton) else get_skeleton(config.skeleton)
    network = builder.build(config, joints)
    network.skeleton = joints
    return network
