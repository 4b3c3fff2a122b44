"""The files of the published code: where they hold what, and what a state dict says about the network it came from.

They tell nothing of the network; all there is are the names and shapes of the tensors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from srnet_core.checkpoint._located import Weights, listed, locate_weights
from srnet_core.config import ModelConfig, from_dict
from srnet_core.errors import CheckpointError, UserMistake
from srnet_core.models import PLUGINS, ModelPlugin, PublishedWeights, Recognized
from srnet_core.skeletons import get_skeleton

METRICS = ("loss 3d train", "loss 3d eval", "loss 3d test")  # keys that SRNet writes and VideoPose3D does not
# networks of other projects, by names of tensors that no other network has
_FAMILIES = {
    "SemGCN": ("gconv_input.", "gconv_layers."),
    "MotionBERT": ("blocks_st.",),
    "MotionBERT or MotionAGFormer": ("joints_embed.",),
    "PoseFormerV2": ("Joint_embedding.", "Freq_embedding."),
    "PoseFormer": ("Spatial_patch_to_embedding.", "Spatial_blocks."),
    "MixSTE or D3DP": ("STEblocks.", "TTEblocks."),
    "the PyTorch version of 3d_pose_baseline": ("linear_stages.",),
    "HRNet, a 2D detector": ("stage2.0.branches.",),
    "a ResNet": ("layer1.0.conv1.",),
    "MMPose": ("backbone.",),
    "YOLO, a 2D detector": ("model.0.conv.", "model.0.c"),
}
# networks that see other joints than they predict: their numbers -> (layout of those seen, skeleton of those predicted)
OTHER_JOINTS = {(17, 15): ("coco17", "humaneva15")}
ASSUMED = {"causal": "no", "residual_2d": "no"}
_NOT_KNOWN = "these are not the weights of a known network"
_WELL_KNOWN = {"fc": "fc (VideoPose3D, SimpleBaseline)", "srnet": "srnet (SRNet)"}


@dataclass(frozen=True)
class Description:
    """The network of a state dict.

    Attributes:
        config: its configuration.
        notes: one sentence for each thing inferred, and for each that is not in the file and was assumed.
        unused: keys that the published code stores but never uses.
    """

    config: ModelConfig
    notes: tuple[str, ...]
    unused: tuple[str, ...] = ()


def weights_of(content: Mapping[Any, Any], part: str) -> Weights:
    """The tensors of one network of a file by name.

    Files of other programs may have them under `state_dict`, `model`, `net_G` and the like, behind prefixes such as
    `model.`, or be nothing but a state dict. A file of srnet holds exactly the names of its network.

    Raises:
        CheckpointError: there are no weights, those of several networks, or in a form that is not read.
    """
    return locate_weights(content, part, (lambda state: True) if isinstance(content.get("srnet"), dict) else _is_known)


def _is_known(state: Mapping[str, Tensor]) -> bool:
    """Whether tensors have the names of a known network, be their shapes right or not."""
    weights = PublishedWeights({key: tuple(value.shape) for key, value in state.items()}, {}, False)
    for name, model in PLUGINS.each():
        try:
            if _recognize(name, model, weights) is not None:
                return True
        except UserMistake:
            return True
    return False


def number_of(content: Mapping[Any, Any], key: str) -> int | float | None:
    """A number of a file; `None` where there is none, or one that is not finite or absurdly large."""
    value = content.get(key)
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**63  # no NaN either
    return value if usable else None


def metrics_of(content: Mapping[Any, Any]) -> dict[str, float]:
    """The losses of a file of SRNet by name, in the unit it wrote them in."""
    return {key: float(value) for key in METRICS if (value := number_of(content, key)) is not None}


def describe_file(content: Mapping[Any, Any], state: Mapping[str, Tensor], **known) -> Description:
    """As `describe_state`, telling VideoPose3D's files from SRNet's by what else is in them."""
    return describe_state(state, videopose3d=not any(key in content for key in METRICS), **known)


def describe_state(state: Mapping[str, Any], *, videopose3d: bool = False, place: str = "", **known) -> Description:
    """Infer the configuration of a network from its state dict, in the published naming.

    The built-in models are asked first, then those of other packages; a package that cannot be imported is passed over.

    Args:
        state: tensors by name.
        videopose3d: the file is not SRNet's, so an `fc` network has VideoPose3D's activation and dropout.
        place: the key in the file that the state dict is stored under, for messages.
        known: fields of `ModelConfig` that are known otherwise; they win.

    Raises:
        CheckpointError: not the names of a known network, or no skeleton fits it.
    """
    shapes = {key: tuple(value.shape) for key, value in state.items() if hasattr(value, "shape")}
    weights = PublishedWeights(shapes, known, videopose3d)
    for name, model in PLUGINS.each():
        if (recognized := _recognize(name, model, weights)) is not None:
            return _description(name, recognized, known)
    under = f" (under {place})" if place not in ("", "model_pos") else ""
    models = ", ".join(_WELL_KNOWN.get(name, name) for name in PLUGINS.names())
    family = next((name for name, starts in _FAMILIES.items() if any(k.startswith(starts) for k in state)), None)
    what = f"the weights{under} are not those of a network that srnet knows" if under else _NOT_KNOWN
    raise CheckpointError(
        f"{what}; they begin with: {listed(state)}" + (f", as those of {family} do" if family else ""),
        todo=f"The networks that can be read are {models}",
    )


def _recognize(name: str, model: ModelPlugin, weights: PublishedWeights) -> Recognized | None:
    """What a model finds; tensors named as its own but of shapes that it never has are the file's mistake."""
    try:
        return model.recognize(weights)
    except UserMistake:
        raise
    except (LookupError, ValueError, TypeError, ArithmeticError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise CheckpointError(
            f"its tensors have names of the model {name!r}, but one is missing or of an impossible shape ({reason})"
        ) from error


def _description(name: str, recognized: Recognized, known: Mapping[str, Any]) -> Description:
    inferred = {"name": name, **recognized.inferred}
    notes = [_inferred_note(inferred), *recognized.notes]
    notes += [
        f"not stored in the file, published default assumed: {field} = {value} (option --{field.replace('_', '-')})"
        for field, value in ASSUMED.items()
        if field not in known
    ]
    fields = {"residual_2d": False} | inferred | dict(recognized.assumed) | dict(known)
    config = from_dict(ModelConfig, fields)
    if (get_skeleton(config.skeleton).num_joints, config.num_joints_out) in OTHER_JOINTS:
        notes.append(
            "not stored in the file, assumed: the joints seen are the 17 of COCO, those predicted HumanEva's 15"
        )
    elif "skeleton" not in known:
        notes.append(
            f"not stored in the file, assumed: the joints and their order are those of {config.skeleton} "
            "(a network for other keypoints, e.g. COCO's, gives wrong poses)"
        )
    return Description(config, tuple(notes), recognized.unused)


def _inferred_note(fields: Mapping[str, Any]) -> str:
    values = {key: ",".join(map(str, value)) if isinstance(value, list) else value for key, value in fields.items()}
    return "inferred from names and shapes: " + ", ".join(f"{key} = {value}" for key, value in values.items())
