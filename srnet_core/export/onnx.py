"""ONNX: the network alone, for any batch size and clip length, compared with torch before the file is published."""

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from srnet_core.errors import SrnetError, require_extra
from srnet_core.export import NetworkFormat, WrittenNetwork
from srnet_core.export._onnx_graph import drop_allowzero, fold_constants, strip_notes
from srnet_core.files import atomic_write
from srnet_core.models.pose_model import PoseModel

OPSET = 18
TOLERANCE = 1e-4  # relative to the largest output; float32 rounding through some ten layers stays far below


def export_onnx(model: PoseModel, path: str | Path, *, metadata: Mapping[str, str] | None = None) -> WrittenNetwork:
    """Write the network as ONNX.

    Input: `keypoints` (batch, frames, J, 2). Output: `poses` (batch, frames - receptive field + 1, J, 3). As in torch,
    the caller normalizes the keypoints and pads the ends; `metadata` tells how.

    Raises:
        MissingExtraError: onnx or onnxruntime is not installed.
        SrnetError: onnxruntime's outputs differ from torch's; nothing is written.
    """
    require_extra("onnx", "onnx")
    runtime = require_extra("onnxruntime", "onnx")
    path = Path(path)
    model = model.cpu().eval()
    lengths = tuple(model.receptive_field + extra for extra in (0, 1, 7, 50, 243))
    with atomic_write(path) as file:
        temporary = file.name
        _write(model, temporary, metadata or {}, runtime)
        errors, scale = _compare(model, runtime, temporary, lengths)
        if max(errors) > TOLERANCE * max(1.0, scale):
            raise SrnetError(f"the exported network differs from torch by {max(errors):.2e}", where=path)
    return WrittenNetwork(path, lengths, errors, scale, "onnxruntime")


def _write(model: PoseModel, path: str, metadata: Mapping[str, str], runtime: Any) -> None:
    onnx = require_extra("onnx", "onnx")
    require_extra("onnxscript", "onnx")
    example = torch.zeros(2, model.receptive_field + 8, model.num_joints, 2)
    dynamic = {"x": {0: torch.export.Dim("batch"), 1: torch.export.Dim("frames", min=model.receptive_field + 1)}}
    with warnings.catch_warnings(), torch.no_grad(), _quiet():
        warnings.simplefilter("ignore")
        try:
            program = torch.onnx.export(
                model,
                (example,),
                dynamo=True,
                dynamic_shapes=dynamic,
                opset_version=OPSET,
                verbose=False,
                input_names=["keypoints"],
                output_names=["poses"],
            )
        except Exception as error:  # the exporter raises many kinds, with pages of text
            reason = str(error).strip().partition("\n")[0][:200]
            raise SrnetError(f"this network cannot be written as ONNX: {reason}", where=path) from error
    if program is None:  # the exporter returns a program unless it is given a file
        raise SrnetError("this network cannot be written as ONNX: the exporter returned nothing", where=path)
    proto = program.model_proto
    fold_constants(proto, onnx, runtime)
    strip_notes(proto)
    drop_allowzero(proto)
    for key, value in metadata.items():
        entry = proto.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(proto)
    with open(path, "wb") as file:
        file.write(proto.SerializeToString())
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the warnings that the exporter logs through several packages; none of them is for the user."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _compare(model: PoseModel, runtime: Any, path: str, lengths: tuple[int, ...]) -> tuple[tuple[float, ...], float]:
    """Largest absolute difference from torch at each length, on random keypoints, and the largest output."""
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    errors: list[float] = []
    scale = 0.0
    for batch, length in enumerate(lengths, start=1):
        keypoints = torch.rand(batch, length, model.num_joints, 2, generator=generator) * 2 - 1
        with torch.no_grad():
            expected = model(keypoints).numpy()
        (actual,) = session.run(None, {"keypoints": keypoints.numpy()})
        if actual.shape != expected.shape:
            raise SrnetError(
                f"the exported network gives {actual.shape} where torch gives {expected.shape}", where=path
            )
        errors.append(float(np.abs(actual - expected).max()))
        scale = max(scale, float(np.abs(expected).max()))
    return tuple(errors), scale


def write(model: PoseModel, path: Path, metadata: Mapping[str, str]) -> WrittenNetwork:
    """See `NetworkFormat`."""
    return export_onnx(model, path, metadata=metadata)


FORMAT = NetworkFormat((".onnx",), write)
