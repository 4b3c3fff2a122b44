"""Weights of the fully connected network, as VideoPose3D and SRNet publish them, recognized by names and shapes."""

from typing import Any

from srnet_core.errors import CheckpointError
from srnet_core.models import PublishedWeights, Recognized
from srnet_core.models._published import number_of_blocks, skeleton_with, without_settings


def recognize(weights: PublishedWeights) -> Recognized | None:
    """The configuration of a fully connected network, `None` for weights of another model.

    Activation and dropout cannot be recognized: those of VideoPose3D are assumed for its files, those of SRNet for all
    others.

    Raises:
        CheckpointError: an odd number of inputs, or no skeleton has that many joints; or the weights are those of `lcn`
            or `gcn`, which have the same names.
    """
    shapes, known = weights.shapes, weights.known
    if not {"expand_conv.weight", "shrink.weight"} <= shapes.keys():
        return None
    if len(shapes["expand_conv.weight"]) == 4:
        raise without_settings("lcn")
    if shapes["expand_conv.weight"][1:2] == (2,):  # the two coordinates of a joint
        raise without_settings("gcn")
    channels, inputs, first = shapes["expand_conv.weight"]
    blocks = number_of_blocks(shapes, "layers_conv.{}.weight")
    taps = [first] + [shapes[f"layers_conv.{2 * i}.weight"][2] for i in range(blocks)]
    if inputs % 2:
        raise CheckpointError(
            f"the network takes {inputs} numbers per frame, an odd number, instead of x and y of each joint"
        )
    joints, outputs = inputs // 2, shapes["shrink.weight"][0] // 3
    dense = known.get("dense", _looks_dense(taps))
    inferred = {
        "filter_widths": _widths_of_dense(taps) if dense else taps,
        "channels": channels,
        "dense": dense,
        "num_joints_out": 0 if outputs == joints else outputs,
    }
    notes = []
    if dense and "dense" not in known:
        notes.append("the filter widths grow as in a dense network; assumed: dense (option --no-dense if it is not)")
    left, options = [], []
    if "negative_slope" not in known:
        left.append("ReLU" if weights.videopose3d else "LeakyReLU 0.01")
        options.append("--negative-slope")
    if "dropout" not in known:
        left.append("dropout 0.25" if weights.videopose3d else "no dropout")
        options.append("--dropout")
    if left:
        program = "VideoPose3D" if weights.videopose3d else "SRNet's fc"
        what = (
            f"{' and '.join(left)}, as {program} ({'option' if len(options) == 1 else 'options'} {', '.join(options)})"
        )
        notes.append(f"not stored in the file, assumed: {what}")
    assumed: dict[str, Any] = (
        {"negative_slope": 0.0, "dropout": 0.25} if weights.videopose3d else {"negative_slope": 0.01}
    )
    assumed["skeleton"] = known.get("skeleton") or skeleton_with(joints)
    return Recognized(inferred, assumed, tuple(notes))


def _looks_dense(taps: list[int]) -> bool:
    width = taps[0]
    return width > 1 and len(taps) > 1 and taps[1:] == [(width - 1) * width**i + 1 for i in range(1, len(taps))]


def _widths_of_dense(taps: list[int]) -> list[int]:
    widths, dilation = [taps[0]], taps[0]
    for span in taps[1:]:
        widths.append((span - 1) // dilation + 1)
        dilation *= widths[-1]
    return widths
