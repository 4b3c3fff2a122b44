"""ONNX frame by frame: the past of every layer goes in as a state and comes out for the next call."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from srnet_core.errors import ConfigError, require_extra
from srnet_core.export import NetworkFormat, WrittenNetwork
from srnet_core.export._comparing import compare, lengths_for, require_close
from srnet_core.export._onnx_file import file_to_check, onnx_proto, save_proto
from srnet_core.export.onnx import TOLERANCE
from srnet_core.models.backbone import TemporalBackbone
from srnet_core.models.pose_model import PoseModel


class _Stream(nn.Module):
    """`forward_stream` with the states as a list and the results in a row, as ONNX needs them."""

    def __init__(self, model: TemporalBackbone):
        super().__init__()
        self.model = model

    def forward(self, keypoints: Tensor, states: list[Tensor]) -> tuple[Tensor, ...]:
        """See `TemporalBackbone.forward_stream`."""
        poses, states = self.model.forward_stream(keypoints, states)
        return (poses, *states)


def export_onnx_stream(
    model: PoseModel, path: str | Path, *, metadata: Mapping[str, str] | None = None
) -> WrittenNetwork:
    """Write the network as ONNX for streams. It is compared with torch frame by frame.

    Inputs: `keypoints` (batch, n, J, 2), the next n frames, usually 1; `state_0`, `state_1`, ... (batch, frames,
    channels). Outputs: `poses` (batch, n, J, 3); `next_state_0`, ... for the next call. A network with a receptive
    field of one frame has no states.

    Raises:
        ConfigError: the network computes each output from its own window, or is none of the project's own.
        MissingExtraError: onnx or onnxruntime is not installed.
        SrnetError: onnxruntime's outputs differ from torch's; nothing is written.
    """
    runtime = require_extra("onnxruntime", "onnx")
    path = Path(path)
    model = model.cpu().eval()
    if not isinstance(model, TemporalBackbone):
        raise ConfigError(f"the network {model.config.name} cannot be written for streams", where=path)
    shapes = model.stream_states()
    inputs = ["keypoints", *(f"state_{i}" for i in range(len(shapes)))]
    outputs = ["poses", *(f"next_state_{i}" for i in range(len(shapes)))]
    batch, frames = torch.export.Dim("batch"), torch.export.Dim("frames")
    example = torch.zeros(2, 3, model.num_joints, 2), [torch.zeros(2, *shape) for shape in shapes]
    dynamic = {"keypoints": {0: batch, 1: frames}, "states": [{0: batch} for _ in shapes]}
    proto = onnx_proto(_Stream(model), example, dynamic, inputs=inputs, outputs=outputs, where=str(path))
    with file_to_check(path) as temporary:
        save_proto(proto, temporary, {**(metadata or {}), **_about(model)})
        session = runtime.InferenceSession(temporary, providers=["CPUExecutionProvider"])
        errors, scale = compare(lambda clip: run_stream(session, clip, model.receptive_field), model, path)
        require_close(errors, scale, TOLERANCE, path)
    return WrittenNetwork(path, lengths_for(model), errors, scale, "onnxruntime")


def run_stream(session: Any, clip: np.ndarray, receptive_field: int) -> np.ndarray:
    """A clip (B, T, J, 2) frame by frame through a session of onnxruntime -> (B, T - receptive_field + 1, J, 3)."""
    names = [value.name for value in session.get_inputs()][1:]
    shapes = [value.shape[1:] for value in session.get_inputs()][1:]
    states = [np.zeros((len(clip), *shape), np.float32) for shape in shapes]
    poses = []
    for frame in range(clip.shape[1]):
        given = {"keypoints": clip[:, frame : frame + 1], **dict(zip(names, states))}
        pose, *states = session.run(None, given)
        poses.append(pose)
    return np.concatenate(poses[receptive_field - 1 :], axis=1)


def _about(model: TemporalBackbone) -> dict[str, str]:
    """What differs from the metadata of a network for whole clips."""
    shapes, more = model.stream_states(), model.receptive_field - 1
    delay = model.pad - model.causal_shift
    start = f"zeros, then one call with the first frame of a clip {more} times, whose poses mean nothing"
    return {
        "srnet.tolerance": f"{TOLERANCE:g}",
        "srnet.precision": "float32",
        "srnet.states": json.dumps([list(shape) for shape in shapes]),
        "srnet.stream_start": start if more else "nothing: the network looks at one frame, and has no states",
        "srnet.delay_frames": str(delay),
        "srnet.input": f"keypoints, (batch, n, {model.num_joints}, 2) float32, the next n frames; and state_i",
        "srnet.output": (
            f"poses, (batch, n, {model.num_joints_out}, 3) float32, each of the frame {delay} before the one given; "
            "next_state_i, to be given as state_i with the next frame"
        ),
        "srnet.shortest_input": "1 frame",
        "srnet.padding": f"before the clip as srnet.stream_start says; after it the last frame {delay} times",
    }


def write(model: PoseModel, path: Path, metadata: Mapping[str, str]) -> WrittenNetwork:
    """See `NetworkFormat`."""
    return export_onnx_stream(model, path, metadata=metadata)


FORMAT = NetworkFormat((".stream.onnx",), write, TOLERANCE)
