"""Weights of a split-and-recombine network, as SRNet publishes them, recognized by names and shapes."""

from collections.abc import Mapping
from typing import Any

from srnet_core.errors import CheckpointError
from srnet_core.layers.split_recombine import reorders
from srnet_core.models import PublishedWeights, Recognized, Shapes
from srnet_core.models._published import number_of_blocks, skeleton_with, skeletons, without_settings


def recognize(weights: PublishedWeights) -> Recognized | None:
    """The configuration of a split-and-recombine network, `None` for weights of another model.

    Raises:
        CheckpointError: a layer is missing, or no skeleton has a division into groups of these sizes; or the weights
            are those of a network that is split in a part of its layers only.
    """
    shapes, known = weights.shapes, weights.known
    if {"expand_conv.weight", "final_layer.group_conv.0.weight"} <= shapes.keys():
        raise without_settings("early_split")
    if "expand_conv.group_conv.0.weight" not in shapes:
        return None
    if "shrink.weight" in shapes:
        raise without_settings("late_fusion")
    if "layers_conv.0.weight" in shapes:
        raise without_settings("split_fuse_split")
    groups = _group_convs(shapes, "expand_conv")
    blocks = number_of_blocks(shapes, "layers_conv.{}.group_conv.0.weight")
    previous = _group_convs(shapes, f"layers_conv.{2 * blocks - 1}") if blocks else groups
    concat = _group_convs(shapes, "final_layer")[0][1] == previous[0][0] + 1
    widths = [inputs - concat for _, inputs, _ in groups]
    inferred = {
        "filter_widths": [groups[0][2]] + [_group_convs(shapes, f"layers_conv.{2 * i}")[0][2] for i in range(blocks)],
        "channels": shapes["expand_bn.weight"][0],
        "groups": len(groups),
        **_recombination(shapes, concat, widths),
    }
    assumed, notes = _left_open(inferred, known)
    assumed["skeleton"] = known.get("skeleton") or _skeleton_with_groups(widths)
    unused = _never_used(shapes)
    if unused:
        notes.append(f"{len(unused)} tensors named group_mo are never used by the published code and were left out")
    fields: dict[str, Any] = (
        {"recombine": "multiply", "context": "others", "context_form": "learned"} | inferred | assumed | dict(known)
    )
    form = fields["recombine"], fields["context"], fields["context_form"]
    if "compat" not in known and any(reorders(*form, width) for width in fields["filter_widths"]):
        notes.append(
            "clips are computed as its training computed single windows, which the published evaluation does not do "
            "(--compat original to do as it does)"
        )
    return Recognized(inferred, assumed, tuple(notes), unused)


def _group_convs(shapes: Shapes, layer: str) -> list[tuple[int, ...]]:
    """(outputs, inputs, taps) of each group's convolution in a layer."""
    found: list[tuple[int, ...]] = []
    while (key := f"{layer}.group_conv.{len(found)}.weight") in shapes:
        found.append(shapes[key])
    if not found or any(len(shape) != 3 for shape in found):
        raise CheckpointError(f"the layer {layer} is missing or incomplete")
    return found


def _recombination(shapes: Shapes, concat: bool, widths: list[int]) -> dict[str, str]:
    """The fields recombine, context and context_form."""
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


def _left_open(inferred: Mapping[str, Any], known: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Fields that do not follow from names and shapes: assumed values, and notes about them."""
    assumed: dict[str, Any] = {}
    notes = []
    if inferred["context"] == "all" and inferred["recombine"] == "multiply" and "recombine" not in known:
        notes.append(
            "multiply and add have the same weights here; published default assumed: multiply (option --recombine)"
        )
    if inferred["context_form"] == "mean" and inferred["recombine"] == "add":
        if known.get("context") == "none" or inferred["groups"] == 1:
            assumed = {"context": "none", "context_form": "learned", "recombine": "multiply"}
        else:
            notes.append(
                "there are no context weights; assumed: the mean of the other groups is added, the only such network "
                "the published code can train (--context none for no context)"
            )
    return assumed, notes


def _never_used(shapes: Shapes) -> tuple[str, ...]:
    if "expand_conv.get_all_info.m_conv.0.weight" not in shapes:
        return ()
    return tuple(key for key in shapes if ".group_mo." in key)


def _skeleton_with_groups(widths: list[int]) -> str:
    """The skeleton whose division has groups of these input widths (two numbers per joint)."""
    if len(widths) == 1:
        return skeleton_with(widths[0] // 2)
    for skeleton in skeletons():
        division = skeleton.groups.get(len(widths), {})
        if [2 * len(joints) for joints in division.values()] == widths:
            return skeleton.name
    sizes = ", ".join(str(width // 2) for width in widths)
    raise CheckpointError(
        f"the network's groups have {sizes} joints, and no known skeleton has such a division",
        todo="Name the skeleton (option skeleton) and the joints of each group (option body_parts)",
    )
