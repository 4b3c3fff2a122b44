"""Lifting beside onnxruntime and OpenVINO, which run the ONNX file of the same network, and beside plain fc; streams
beside onnxruntime.

    python -m benchmarks.runtimes                  # 243 frames, 1024 channels, one thread
    python -m benchmarks.runtimes --frames 1
    python -m benchmarks.runtimes --stream         # frame by frame, a causal network, onnxruntime only

All get the same clip of 1,000 frames and its mirror image, in turns. Times are processor time of the whole process.
OpenVINO is left out where it is not installed. Writing the file of 243 frames takes some minutes.
"""

import argparse
import importlib.util
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.contenders import LONG, SINGLE, networks
from benchmarks.result import FC, OURS
from srnet_cli.console import told
from srnet_core.engine import inference_form
from srnet_core.errors import require_extra
from srnet_core.export.onnx import export_onnx
from srnet_core.export.onnx_stream import export_onnx_stream
from srnet_core.models import build_model
from srnet_core.models.backbone import TemporalBackbone
from srnet_core.speed.clock import interleaved

_CLIP_FRAMES, _STREAM_FRAMES = 1000, 50
Run = Callable[[torch.Tensor], Any]


def in_onnxruntime(path: str) -> Run:
    """The network in onnxruntime, on one thread that does not spin."""
    session = _session(path)
    return lambda clip: session.run(None, {"keypoints": clip.numpy()})[0]


def _session(path: str) -> Any:
    runtime = require_extra("onnxruntime", "onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def in_openvino(path: str) -> Run:
    """The network in OpenVINO, in float32 on one thread."""
    openvino = importlib.import_module("openvino")
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
    compiled = openvino.Core().compile_model(path, "CPU", settings)
    return lambda clip: compiled([clip.numpy()])[0]


def contenders(filter_widths: tuple[int, ...], channels: int, folder: Path) -> dict[str, Run]:
    """What runs, by name; ours and the runtimes have the same weights."""
    models = networks(filter_widths, channels)
    ours, fc = models[OURS].eval(), models[FC].eval()
    path = str(export_onnx(ours, folder / "network.onnx").path)
    found: dict[str, Run] = {OURS: inference_form(ours), "onnxruntime": in_onnxruntime(path)}
    if importlib.util.find_spec("openvino") is not None:
        found["OpenVINO"] = in_openvino(path)
    return found | {FC: fc}


def stream_contenders(filter_widths: tuple[int, ...], channels: int, folder: Path) -> dict[str, Run]:
    """As `contenders`, for the frames of a stream one after the other, (frames, 17, 2). onnxruntime keeps the states
    between two frames as its user would: the results of one call are given to the next.
    """
    model = build_model("srnet", filter_widths=filter_widths, channels=channels, causal=True).eval()
    assert isinstance(model, TemporalBackbone)
    session = _session(str(export_onnx_stream(model, folder / "stream.onnx").path))
    live, states = inference_form(model).live(), {}
    for number, shape in enumerate(model.stream_states()):
        states[f"state_{number}"] = np.zeros((1, *shape), np.float32)

    def ours(clip: torch.Tensor) -> None:
        for frame in clip.numpy():
            live.push(frame[None])

    def theirs(clip: torch.Tensor) -> None:
        for frame in clip.numpy():
            found = session.run(None, {"keypoints": frame[None, None], **states})
            states.update(zip(states, found[1:]))

    live.start(np.zeros((1, model.num_joints, 2), np.float32))
    return {OURS: ours, "onnxruntime": theirs}


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.runtimes", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, choices=(1, 243), default=243, help="receptive field")
    parser.add_argument("--stream", action="store_true", help="frame by frame")
    parser.add_argument("--channels", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode(False):
        make = stream_contenders if asked.stream else contenders
        runs = make(LONG if asked.frames == 243 else SINGLE, asked.channels, Path(folder))
        frames = _STREAM_FRAMES if asked.stream else _CLIP_FRAMES + asked.frames - 1
        clip = torch.randn(frames, 17, 2) if asked.stream else torch.randn(2, frames, 17, 2)
        with torch.no_grad():
            work = {name: lambda run=run: run(clip) for name, run in runs.items()}
            samples = interleaved(work, rounds=asked.rounds, warm_up=1, at_least_s=0.0)
    ours = samples[OURS]
    for name, times in samples.items():
        ratio = statistics.median(a / b for a, b in zip(times.cpu, ours.cpu))
        ms = 1000 * statistics.median(times.cpu) / (frames if asked.stream else 1)
        told(f"{name:<20}{ms:8.3g} ms, srnet is {ratio:.2f} times faster")
    return 0


if __name__ == "__main__":
    sys.exit(main())
