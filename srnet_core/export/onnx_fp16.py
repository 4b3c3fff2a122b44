"""ONNX in half precision: half the size; input and output are float32."""

from collections.abc import Mapping
from pathlib import Path

from srnet_core.export import NetworkFormat, WrittenNetwork
from srnet_core.export.onnx import TOLERANCE_FP16, export_onnx
from srnet_core.models.pose_model import PoseModel


def write(model: PoseModel, path: Path, metadata: Mapping[str, str]) -> WrittenNetwork:
    """See `NetworkFormat`."""
    return export_onnx(model, path, metadata=metadata, half=True)


FORMAT = NetworkFormat((".fp16.onnx",), write, TOLERANCE_FP16)
