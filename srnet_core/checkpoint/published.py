"""The files of the published code: where they hold what, and what a state dict says about the network it came from.

They tell nothing of the network; all there is are the names and shapes of the tensors.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from srnet_core.config import ModelConfig, from_dict
from srnet_core.errors import CheckpointError
from srnet_core.layers.split_recombine import reorders
from srnet_core.lookup import names
from srnet_core.skeletons import get_skeleton

METRICS = ("loss 3d train", "loss 3d eval", "loss 3d test")  # keys that SRNet writes and VideoPose3D does not
SHOWN = 4  # keys named in a message
Shapes = Mapping[str, tuple[int, ...]]
ASSUMED = {"causal": "no", "residual_2d": "no"}
PREFERRED_SKELETON = "h36m17"


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
    description = describe_state(state, videopose3d=not any(key in content for key in METRICS), **known)
    config = description.config
    mixed = any(reorders(config.recombine, config.context, config.context_form, w) for w in config.filter_widths)
    if config.name != "srnet" or not mixed or "compat" in known:
        return description
    note = (
        "whole sequences are computed as its training computed single windows, which the published evaluation "
        'does not do (option compat="original" to do as it does)'
    )
    return replace(description, notes=(*description.notes, note))


def describe_state(state: Mapping[str, Any], *, videopose3d: bool = False, **known) -> Description:
    """Infer the configuration of a network from its state dict, in the published naming.

    Args:
        state: tensors by name.
        videopose3d: the file is not SRNet's, so an `fc` network has VideoPose3D's activation and dropout.
        known: fields of `ModelConfig` that are known otherwise; they win.

    Raises:
        CheckpointError: not the names of a known network, or no skeleton fits it.
    """
    shapes = {key: tuple(value.shape) for key, value in state.items() if hasattr(value, "shape")}
    if "expand_conv.group_conv.0.weight" in shapes:
        fields, notes, unused = _srnet(shapes, known)
    elif {"expand_conv.weight", "shrink.weight"} <= shapes.keys():
        fields, notes, unused = _fc(shapes, known, videopose3d)
    else:
        raise CheckpointError(f"these are not the weights of a known network; they begin with: {listed(state)}")
    notes += [
        f"not stored in the file, published default assumed: {field} = {value} (option {field})"
        for field, value in ASSUMED.items()
        if field not in known
    ]
    return Description(from_dict(ModelConfig, {"residual_2d": False} | fields | known), tuple(notes), tuple(unused))


def _srnet(shapes: Shapes, known: Mapping[str, Any]):
    groups = _group_convs(shapes, "expand_conv")
    blocks = _number_of_blocks(shapes, "layers_conv.{}.group_conv.0.weight")
    previous = _group_convs(shapes, f"layers_conv.{2 * blocks - 1}") if blocks else groups
    concat = _group_convs(shapes, "final_layer")[0][1] == previous[0][0] + 1
    widths = [inputs - concat for _, inputs, _ in groups]
    fields = {
        "name": "srnet",
        "filter_widths": [groups[0][2]] + [_group_convs(shapes, f"layers_conv.{2 * i}")[0][2] for i in range(blocks)],
        "channels": shapes["expand_bn.weight"][0],
        "groups": len(groups),
        **_recombination(shapes, concat, widths),
    }
    notes = [_inferred_note(fields)]
    notes += _recombination_notes(shapes, fields, known)
    fields["skeleton"] = known.get("skeleton") or _skeleton_with_groups(widths)
    unused = (
        [key for key in shapes if ".group_mo." in key] if "expand_conv.get_all_info.m_conv.0.weight" in shapes else []
    )
    if unused:
        notes.append(f"{len(unused)} tensors named group_mo are never used by the published code and were left out")
    return fields, notes, unused


def _group_convs(shapes: Shapes, layer: str) -> list[tuple[int, ...]]:
    """(outputs, inputs, taps) of each group's convolution in a layer."""
    found = []
    while (key := f"{layer}.group_conv.{len(found)}.weight") in shapes:
        found.append(shapes[key])
    if not found or any(len(shape) != 3 for shape in found):
        raise CheckpointError(f"the layer {layer} is missing or incomplete")
    return found


def _number_of_blocks(shapes: Shapes, pattern: str) -> int:
    layers = 0
    while pattern.format(layers) in shapes:
        layers += 1
    return layers // 2


def _recombination(shapes: Shapes, concat: bool, widths: list[int]) -> dict[str, str]:
    """recombine, context and context_form."""
    others, everything = "expand_conv.get_part_info.", "expand_conv.get_all_info."
    if any(key.startswith(everything) for key in shapes):
        recombine = "concat" if concat else "multiply"
        return {"recombine": recombine, "context": "all", "context_form": _form_of_all(shapes, everything)}
    multiply = f"{others}layers_bn.0.weight" in shapes
    recombine = "concat" if concat else "multiply" if multiply else "add"
    convolution = shapes.get(f"{others}m_conv.0.weight")
    if convolution is None:
        form = "mean"
    else:
        form = "upsampled_mean" if concat and convolution[1] == 1 < sum(widths[1:]) else "learned"
    return {"recombine": recombine, "context": "others", "context_form": form}


def _form_of_all(shapes: Shapes, prefix: str) -> str:
    if f"{prefix}m_conv.0.weight" in shapes:
        return "learned"
    if f"{prefix}m_conv.weight" in shapes:
        outputs, _, taps = shapes[f"{prefix}m_conv.weight"]
        return "one_for_all" if outputs == taps else "channel_wise"
    return "group_wise"


def _recombination_notes(shapes: Shapes, fields: dict[str, Any], known: Mapping[str, Any]) -> list[str]:
    """Say what names and shapes leave open; sets `context_form` right where the caller knows there is no context."""
    notes = []
    if fields["context"] == "all" and fields["recombine"] == "multiply" and "recombine" not in known:
        notes.append(
            "multiply and add have the same weights here; published default assumed: multiply (option recombine)"
        )
    if fields["context_form"] == "mean" and fields["recombine"] == "add":
        if known.get("context") == "none" or fields["groups"] == 1:
            fields.update(context="none", context_form="learned", recombine="multiply")
        else:
            notes.append(
                "there are no context weights; assumed: the mean of the other groups is added, the only such network "
                'the published code can train (option context="none" for no context)'
            )
    return notes


def _fc(shapes: Shapes, known: Mapping[str, Any], videopose3d: bool):
    channels, inputs, first = shapes["expand_conv.weight"]
    blocks = _number_of_blocks(shapes, "layers_conv.{}.weight")
    taps = [first] + [shapes[f"layers_conv.{2 * i}.weight"][2] for i in range(blocks)]
    if inputs % 2:
        raise CheckpointError(f"the network takes {inputs} numbers per frame, not x and y of each joint")
    joints, outputs = inputs // 2, shapes["shrink.weight"][0] // 3
    dense = known.get("dense", _looks_dense(taps))
    fields = {
        "name": "fc",
        "filter_widths": _widths_of_dense(taps) if dense else taps,
        "channels": channels,
        "dense": dense,
        "num_joints_out": 0 if outputs == joints else outputs,
    }
    notes = [_inferred_note(fields)]
    if dense and "dense" not in known:
        notes.append("the filters grow as those of a dense network do; taken as dense (option dense)")
    fields |= {"negative_slope": 0.0, "dropout": 0.25} if videopose3d else {"negative_slope": 0.01}
    if "negative_slope" not in known:
        what = "ReLU and dropout 0.25, as VideoPose3D" if videopose3d else "LeakyReLU 0.01, as SRNet's fc"
        notes.append(f"not stored in the file, assumed: {what} (options negative_slope, dropout)")
    fields["skeleton"] = known.get("skeleton") or _skeleton_with(joints)
    return fields, notes, []


def _looks_dense(taps: list[int]) -> bool:
    width = taps[0]
    return width > 1 and len(taps) > 1 and taps[1:] == [(width - 1) * width**i + 1 for i in range(1, len(taps))]


def _widths_of_dense(taps: list[int]) -> list[int]:
    widths, dilation = [taps[0]], taps[0]
    for span in taps[1:]:
        widths.append((span - 1) // dilation + 1)
        dilation *= widths[-1]
    return widths


def _inferred_note(fields: dict[str, Any]) -> str:
    values = {key: ",".join(map(str, value)) if isinstance(value, list) else value for key, value in fields.items()}
    return "inferred from names and shapes: " + ", ".join(f"{key} = {value}" for key, value in values.items())


def _skeletons() -> list:
    """All skeletons, the usual one first."""
    return [get_skeleton(n) for n in sorted(names("skeletons"), key=lambda n: (n != PREFERRED_SKELETON, n))]


def _skeleton_with(joints: int) -> str:
    for skeleton in _skeletons():
        if skeleton.num_joints == joints:
            return skeleton.name
    raise CheckpointError(
        f"the network has {joints} joints, and no known skeleton has", todo="Add a file to skeletons/"
    )


def _skeleton_with_groups(widths: list[int]) -> str:
    """The skeleton whose division has groups of these input widths (two numbers per joint)."""
    if len(widths) == 1:
        return _skeleton_with(widths[0] // 2)
    for skeleton in _skeletons():
        division = skeleton.groups.get(len(widths), {})
        if [2 * len(joints) for joints in division.values()] == widths:
            return skeleton.name
    sizes = ", ".join(str(width // 2) for width in widths)
    raise CheckpointError(
        f"the network's groups have {sizes} joints, and no known skeleton is divided so",
        todo="Name the skeleton (option skeleton) and the joints of each group (option body_parts)",
    )


def _strip_parallel(state: Mapping[str, Any]) -> dict[str, Any]:
    """Without the `module.` that DataParallel puts before every name, once for each time a network was wrapped."""
    while state and all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    return dict(state)
