"""The files of the published code: where they hold what, and what a state dict says about the network it came from.

They tell nothing of the network; all there is are the names and shapes of the tensors.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from srnet_core.config import ModelConfig, from_dict
from srnet_core.errors import CheckpointError, UserMistake
from srnet_core.models import PLUGINS, ModelPlugin, PublishedWeights, Recognized

METRICS = ("loss 3d train", "loss 3d eval", "loss 3d test")  # keys that SRNet writes and VideoPose3D does not
SHOWN = 4  # keys named in a message
ASSUMED = {"causal": "no", "residual_2d": "no"}


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


def state_dict_of(content: Mapping[Any, Any], part: str) -> dict[str, Tensor]:
    """The tensors of one network of a file by name; a file may also be nothing but a state dict.

    Raises:
        CheckpointError: the file has no such part, or it is not a state dict.
    """
    if part in content:
        state = content[part]
    elif part == "model_pos" and content and all(isinstance(v, Tensor) for v in content.values()):
        state = content
    else:
        raise CheckpointError(f"has no {part!r}, only {listed(map(str, content))}")
    if not isinstance(state, dict) or not state or not all(isinstance(v, Tensor) for v in state.values()):
        raise CheckpointError(f"{part!r} is not a state dict: tensors by name")
    return _strip_parallel({str(key): value for key, value in state.items()})


def number_of(content: Mapping[Any, Any], key: str) -> int | float | None:
    """A number of a file; `None` where there is none, or one that is not finite or absurdly large."""
    value = content.get(key)
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**63  # no NaN either
    return value if usable else None


def metrics_of(content: Mapping[Any, Any]) -> dict[str, float]:
    """The losses of a file of SRNet by name, in the unit it wrote them in."""
    return {key: float(value) for key in METRICS if (value := number_of(content, key)) is not None}


def listed(keys: Iterable[str]) -> str:
    """The first keys, for a message."""
    keys = list(keys)
    return ", ".join(keys[:SHOWN]) + (", ..." if len(keys) > SHOWN else "")


def describe_file(content: Mapping[Any, Any], state: Mapping[str, Tensor], **known) -> Description:
    """As `describe_state`, telling VideoPose3D's files from SRNet's by what else is in them."""
    return describe_state(state, videopose3d=not any(key in content for key in METRICS), **known)


def describe_state(state: Mapping[str, Any], *, videopose3d: bool = False, **known) -> Description:
    """Infer the configuration of a network from its state dict, in the published naming.

    The built-in models are asked first, then those of other packages; a package that cannot be imported is passed over.

    Args:
        state: tensors by name.
        videopose3d: the file is not SRNet's, so an `fc` network has VideoPose3D's activation and dropout.
        known: fields of `ModelConfig` that are known otherwise; they win.

    Raises:
        CheckpointError: not the names of a known network, or no skeleton fits it.
    """
    shapes = {key: tuple(value.shape) for key, value in state.items() if hasattr(value, "shape")}
    weights = PublishedWeights(shapes, known, videopose3d)
    for name, model in PLUGINS.each():
        if (recognized := _recognize(name, model, weights)) is not None:
            return _description(name, recognized, known)
    raise CheckpointError(f"these are not the weights of a known network; they begin with: {listed(state)}")


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
        f"not stored in the file, published default assumed: {field} = {value} (option {field})"
        for field, value in ASSUMED.items()
        if field not in known
    ]
    fields = {"residual_2d": False} | inferred | dict(recognized.assumed) | dict(known)
    return Description(from_dict(ModelConfig, fields), tuple(notes), recognized.unused)


def _inferred_note(fields: Mapping[str, Any]) -> str:
    values = {key: ",".join(map(str, value)) if isinstance(value, list) else value for key, value in fields.items()}
    return "inferred from names and shapes: " + ", ".join(f"{key} = {value}" for key, value in values.items())


def _strip_parallel(state: Mapping[str, Any]) -> dict[str, Any]:
    """Without the `module.` that DataParallel puts before every name, once for each time a network was wrapped."""
    while state and all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    return dict(state)
