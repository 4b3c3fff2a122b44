"""ONNX: the network alone, for any batch size and clip length, compared with torch before the file is published."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from srnet_core.errors import require_extra
from srnet_core.export import NetworkFormat, WrittenNetwork
from srnet_core.export._comparing import compare, lengths_for, require_close
from srnet_core.export._onnx_file import file_to_check, onnx_proto, save_proto
from srnet_core.export._onnx_graph import sort_nodes
from srnet_core.models.pose_model import PoseModel

TOLERANCE = 1e-4  # relative to the largest output; float32 rounding through some ten layers stays far below
TOLERANCE_FP16 = 1e-2  # the same for half precision, which has 11 bits


def export_onnx(
    model: PoseModel, path: str | Path, *, metadata: Mapping[str, str] | None = None, half: bool = False
) -> WrittenNetwork:
    """Write the network as ONNX.

    Input: `keypoints` (batch, frames, J, 2). Output: `poses` (batch, frames - receptive field + 1, J, 3). As in torch,
    the caller normalizes the keypoints and pads the ends; `metadata` tells how.

    Args:
        half: store and compute in half precision; input and output stay float32.

    Raises:
        MissingExtraError: onnx or onnxruntime is not installed.
        SrnetError: onnxruntime's outputs differ from torch's; nothing is written.
    """
    require_extra("onnx", "onnx")
    runtime = require_extra("onnxruntime", "onnx")
    path = Path(path)
    model = model.cpu().eval()
    tolerance = TOLERANCE_FP16 if half else TOLERANCE
    about = {
        **(metadata or {}),
        "srnet.precision": "float16" if half else "float32",
        "srnet.tolerance": f"{tolerance:g}",
    }
    with file_to_check(path) as temporary:
        _write(model, temporary, about, half)
        errors, scale = _compare(model, runtime, temporary)
        require_close(errors, scale, tolerance, path)
    return WrittenNetwork(path, lengths_for(model), errors, scale, "onnxruntime")


def _write(model: PoseModel, path: str, metadata: Mapping[str, str], half: bool) -> None:
    example = torch.zeros(2, model.receptive_field + 8, model.num_joints, 2)
    dynamic = {"x": {0: torch.export.Dim("batch"), 1: torch.export.Dim("frames", min=model.receptive_field + 1)}}
    proto = onnx_proto(model, (example,), dynamic, inputs=["keypoints"], outputs=["poses"], where=path)
    if model.receptive_field > 1:
        for node in proto.graph.node:  # runtimes name the node at which a clip that is too short fails
            node.name = f"needs_{model.receptive_field}_frames_or_more/{node.name}"
    if half:
        proto = _halved(proto)
    save_proto(proto, path, metadata)


def _halved(proto: Any) -> Any:
    """The graph in half precision, input and output in float32. onnxruntime brings the converter with it."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    halved = convert_float_to_float16(proto, keep_io_types=True, disable_shape_infer=True)
    sort_nodes(halved)
    return halved


def _compare(model: PoseModel, runtime: Any, path: str) -> tuple[tuple[float, ...], float]:
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return compare(lambda keypoints: session.run(None, {"keypoints": keypoints})[0], model, path)


def write(model: PoseModel, path: Path, metadata: Mapping[str, str]) -> WrittenNetwork:
    """See `NetworkFormat`."""
    return export_onnx(model, path, metadata=metadata)


FORMAT = NetworkFormat((".onnx",), write, TOLERANCE)
