"""The JavaScript example lifts as `Lifter` does; `make interop` installs onnxruntime-web where there is npm."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import srnet_core as srnet
from srnet_core.checkpoint import load_checkpoint
from srnet_core.export.onnx_stream import export_onnx_stream
from srnet_core.inference.lifter import Lifter
from srnet_core.serving.about import page_about
from srnet_core.weights import weights_file

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_the_example_gives_the_poses_of_the_lifter(tmp_path):
    modules = Path(os.environ.get("SRNET_NODE_MODULES", ".venv-interop/node_modules")).resolve()
    if shutil.which("node") is None or not (modules / "onnxruntime-web").is_dir():
        pytest.skip("onnxruntime-web is not installed; `make interop` installs it where there is npm")
    checkpoint = load_checkpoint(weights_file())
    export_onnx_stream(checkpoint.model, tmp_path / "m.stream.onnx")
    (tmp_path / "about.json").write_text(json.dumps(page_about(checkpoint, name="open")))
    keypoints = srnet.read_keypoints(EXAMPLES / "balancing.npz").only(0).to_h36m17().fill_gaps(max_frames=20)
    points, (width, height) = keypoints.tracks[0].points, keypoints.image_size
    (tmp_path / "frames.json").write_text(json.dumps({"width": width, "height": height, "points": points.tolist()}))
    command = [
        "node",
        EXAMPLES / "live" / "lift.mjs",
        *(tmp_path / n for n in ("m.stream.onnx", "about.json", "frames.json")),
    ]
    ran = subprocess.run(
        command,
        env={**os.environ, "NODE_MODULES": str(modules)},
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    found = np.array([json.loads(line) for line in ran.stdout.splitlines()])
    expected = Lifter(checkpoint, device="cpu")(points, image_size=(width, height))
    np.testing.assert_allclose(found, expected, atol=1e-4)
