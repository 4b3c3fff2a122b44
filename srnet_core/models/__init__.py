"""Models, one file each.

A model is a `ModelPlugin`: a function that builds the network, and a description of the model. The built-in models are
in the table `PLUGINS` and are imported on first use; other packages add theirs in the entry-point group `srnet.models`,
see docs/plugins.md.

The network is a `pose_model.PoseModel`, usually a subclass of `backbone.TemporalBackbone`. `build_model` sets its
`skeleton`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from srnet_core.body_parts import refuse_file
from srnet_core.config import ModelConfig, from_dict, named_as_arguments, replace, to_dict
from srnet_core.errors import ConfigError
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.lookup import PluginTable
from srnet_core.skeletons import get_skeleton

if TYPE_CHECKING:
    from srnet_core.models.pose_model import PoseModel

CONTEXT_SETTINGS = ("recombine", "context", "context_form", "context_width")
GROUP_SETTINGS = ("groups", "divisions", "body_parts", *CONTEXT_SETTINGS)
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class PublishedWeights:
    """Weights written by another program, described by names and shapes.

    Attributes:
        shapes: {name of a tensor: its shape}.
        known: fields of `ModelConfig` given by the user; they override recognized values.
        videopose3d: whether the file is taken for one of VideoPose3D, as it lacks the entries that SRNet's published
            code writes.
    """

    shapes: Shapes
    known: Mapping[str, Any] = field(default_factory=dict)
    videopose3d: bool = False


@dataclass(frozen=True)
class Recognized:
    """The configuration that a model recognizes in its own weights.

    Attributes:
        inferred: fields of `ModelConfig` that follow from names and shapes; they are shown to the user.
        assumed: further fields that do not follow from them; they override `inferred`. `notes` should explain them.
        notes: one sentence each, for the user.
        unused: names of tensors that the network does not use.
    """

    inferred: Mapping[str, Any]
    assumed: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


def _nothing(config: ModelConfig) -> str:
    return ""


def _not_mine(weights: PublishedWeights) -> None:
    return None


@dataclass(frozen=True)
class ModelPlugin:
    """A model and its description.

    Attributes:
        build: makes the network with new random weights. It raises `ConfigError` for a configuration that the
            model does not support.
        takes_groups: whether it divides the joints into `config.groups` body parts.
        ignores: names of the settings that have no effect on this model, for remarks.
        settings_text: the model's own settings in words, for tables and pictures: "multiply others".
        settings_short: the same as part of a file name: "mul".
        recognize: the configuration of published weights of this model, from names and shapes; `None` for weights of
            another model. It raises `CheckpointError` for weights of this model that fit no configuration.
    """

    build: "Callable[[ModelConfig, Skeleton], PoseModel]"
    takes_groups: bool = False
    ignores: tuple[str, ...] = ()
    settings_text: Callable[[ModelConfig], str] = _nothing
    settings_short: Callable[[ModelConfig], str] = _nothing
    recognize: Callable[[PublishedWeights], Recognized | None] = _not_mine

    def summary(self, config: ModelConfig) -> str:
        """The settings that distinguish networks of this model, in words: "5 groups, multiply others"; may be empty."""
        number = " + ".join(map(str, config.divisions or (config.groups,)))
        groups = f"{number} groups" if self.takes_groups else ""
        return ", ".join(part for part in (groups, self.settings_text(config)) if part)


PLUGINS = PluginTable(
    kind="model",
    group="srnet.models",
    shape=ModelPlugin,
    built_in={
        "early_split": "srnet_core.models.early_split:MODEL",
        "fc": "srnet_core.models.fc:MODEL",
        "gcn": "srnet_core.models.gcn:MODEL",
        "group": "srnet_core.models.group:MODEL",
        "late_fusion": "srnet_core.models.late_fusion:MODEL",
        "lcn": "srnet_core.models.lcn:MODEL",
        "split_fuse_split": "srnet_core.models.split_fuse_split:MODEL",
        "srnet": "srnet_core.models.srnet:MODEL",
        "trajectory": "srnet_core.models.trajectory:MODEL",
    },
    also_called={
        "videopose3d": "fc",
        "videopose": "fc",
        "vp3d": "fc",
        "tcn": "fc",
        "simplebaseline": "fc",
        "fullyconnected": "fc",
        "semgcn": "gcn",
        "locallyconnected": "lcn",
        "latefusion": "late_fusion",
        "splitandrecombine": "srnet",
        "splitrecombine": "srnet",
    },
)


def get_model(name: str) -> ModelPlugin:
    """The model of that name.

    Raises:
        UnknownNameError: there is none; the message lists the models.
        PluginError: the package that adds it cannot be used.
    """
    plugin: ModelPlugin = PLUGINS.load(name)
    return plugin


def build_model(
    model: str | ModelConfig = "srnet", skeleton: Skeleton | str | None = None, **fields: Any
) -> "PoseModel":
    """A model with new random weights from torch's global generator (`torch.manual_seed`).

    Args:
        model: name of a model, or a whole `ModelConfig`.
        skeleton: a skeleton, or the name of one of the project.
        fields: fields of `ModelConfig` that replace those of `model` or the default values.

    >>> build_model("srnet", filter_widths=(3, 3, 3), groups=5, recombine="multiply", context="others").receptive_field
    27

    Raises:
        UnknownNameError: no such model, field or choice; the message lists the choices.
        PluginError: the package that adds the model cannot be used.
        ConfigError: values out of range, or contradicting values.
    """
    if not isinstance(model, ModelConfig):
        with named_as_arguments(ModelConfig, name="model"):
            return _built({"name": model}, skeleton, fields)
    return _built(to_dict(model), skeleton, fields)


def _built(values: dict[str, Any], skeleton: Skeleton | str | None, fields: dict[str, Any]) -> "PoseModel":
    if skeleton is not None:
        fields["skeleton"] = skeleton if isinstance(skeleton, str) else skeleton.name
    for name in ("groups", "divisions", "body_parts"):
        refuse_file(fields.get(name), where=f"build_model, {name}")
    config = from_dict(ModelConfig, values | fields, where="build_model")
    plugin = get_model(config.name)
    config = replace(config, name=PLUGINS.choose(config.name), residual_2d=bool(config.residual_2d))
    if config.learned_edges and config.name != "gcn":
        what = f"{config.name} has no graph whose edges could be learned"
        raise ConfigError(what, where="--learned-edges", todo="Use --model gcn")
    joints = skeleton if isinstance(skeleton, Skeleton) else get_skeleton(config.skeleton)
    network = plugin.build(config, joints)
    network.skeleton = joints
    return network
