"""The exported ONNX files in other programs: the outputs of torch, and an error for a clip that is too short."""

import json
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import runtimes
from srnet_core.export.onnx import export_onnx
from srnet_core.export.onnx_stream import export_onnx_stream
from srnet_core.models import build_model

CLIP = np.random.default_rng(0).uniform(-1, 1, (3, 40, 17, 2)).astype(np.float32)
TOO_SHORT = np.zeros((1, 5, 17, 2), np.float32)


NETWORKS = {
    name: {"model": name}
    for name in ("srnet", "fc", "group", "late_fusion", "early_split", "split_fuse_split", "gcn", "lcn")
}
NETWORKS["several divisions"] = {"model": "srnet", "divisions": (2, 3, 5)}


@pytest.fixture(scope="module", params=NETWORKS)
def exported(request, tmp_path_factory):
    """(path of the file, torch's poses for `CLIP`) of a network with a receptive field of 9 frames."""
    for name in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name)
    torch.manual_seed(0)
    model = build_model(channels=68, filter_widths=(3, 3), **NETWORKS[request.param]).eval()
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export_onnx(model, path)
    with torch.no_grad():
        return str(path), model(torch.from_numpy(CLIP)).numpy()


def require_same(run, expected, *, atol=1e-5):
    np.testing.assert_allclose(run(CLIP), expected, rtol=0, atol=atol)
    with pytest.raises(Exception):  # noqa: B017 - each program raises an error of its own
        run(TOO_SHORT)


def in_onnxruntime(model):
    session = pytest.importorskip("onnxruntime").InferenceSession(model, providers=["CPUExecutionProvider"])
    return lambda keypoints: session.run(None, {"keypoints": keypoints})[0]


def test_onnxruntime(exported):
    path, expected = exported
    require_same(in_onnxruntime(path), expected)


def test_onnxruntime_with_8_bit_weights(exported, tmp_path):
    path, expected = exported
    quantization, small = pytest.importorskip("onnxruntime.quantization"), str(tmp_path / "small.onnx")
    quantization.quantize_dynamic(path, small, weight_type=quantization.QuantType.QUInt8)
    require_same(in_onnxruntime(small), expected, atol=0.02 * float(np.abs(expected).max()))


def test_half_precision(exported, package):
    path, expected = exported
    onnx, float16 = pytest.importorskip("onnx"), package("onnxconverter_common.float16")
    half = float16.convert_float_to_float16(onnx.load(path), keep_io_types=True)
    require_same(in_onnxruntime(half.SerializeToString()), expected, atol=0.005 * float(np.abs(expected).max()))


def test_openvino(exported, package):
    path, expected = exported
    compiled = package("openvino").Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    require_same(lambda keypoints: compiled([keypoints])[0], expected)


def test_the_runtimes_of_the_benchmark_compute_the_network(exported, package):
    path, expected = exported
    package("openvino")
    for run in (runtimes.in_onnxruntime(path), runtimes.in_openvino(path)):
        np.testing.assert_allclose(run(torch.from_numpy(CLIP)), expected, rtol=0, atol=1e-5)


def test_opencv(exported, package):
    path, expected = exported
    cv2 = package("cv2")
    if int(cv2.__version__.partition(".")[0]) < 5:
        pytest.skip("OpenCV before 5 reads no inputs of variable length")

    def run(keypoints):
        network = cv2.dnn.readNetFromONNX(path)
        network.setInput(keypoints, "keypoints")
        return network.forward()

    require_same(run, expected)


@pytest.mark.parametrize("fixed", [False, True], ids=["any size", "fixed size"])
def test_tract(exported, package, fixed):
    path, expected = exported
    tract = package("tract")

    def run(keypoints):
        model = tract.onnx().load(path)
        if fixed:
            model.set_input_fact(0, ",".join(map(str, keypoints.shape)) + ",f32")
        return model.into_model().into_runnable().run([keypoints])[0].to_numpy()

    require_same(run, expected)


@pytest.fixture
def without_torchvision(monkeypatch):
    """onnx2torch imports torchvision for two operators that ours do not have. `make interop` installs none, because a
    build of torchvision that does not fit that of torch breaks other packages too."""
    package, operators = types.ModuleType("torchvision"), types.ModuleType("torchvision.ops")
    operators.roi_align = None
    package.ops = operators
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.ops", operators)


@pytest.mark.filterwarnings("ignore")
def test_onnx2torch(exported, without_torchvision, package):
    """It leaves BatchNorm in training mode."""
    path, expected = exported
    network = package("onnx2torch").convert(path).eval()
    with torch.no_grad():
        require_same(lambda clip: network(torch.from_numpy(clip)).numpy(), expected)


@pytest.fixture(scope="module")
def exported_forms(tmp_path_factory):
    """(model, paths by form) of a network with a receptive field of 9 frames."""
    for name in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name)
    torch.manual_seed(0)
    model = build_model("srnet", channels=68, filter_widths=(3, 3)).eval()
    folder = tmp_path_factory.mktemp("forms")
    paths = {form: folder / f"model.{form}.onnx" for form in ("plain", "fp16", "stream")}
    export_onnx(model, paths["plain"])
    export_onnx(model, paths["fp16"], half=True)
    export_onnx_stream(model, paths["stream"])
    return model, paths


def clips(model):
    """Five clips of different lengths, and torch's poses for each."""
    rng = np.random.default_rng(1)
    found = [rng.uniform(-1, 1, (1, 9 + more, 17, 2)).astype(np.float32) for more in (0, 1, 7, 50, 243)]
    with torch.no_grad():
        return [(clip, model(torch.from_numpy(clip)).numpy()) for clip in found]


@pytest.mark.parametrize(("form", "tolerance"), [("plain", 1e-5), ("fp16", 0.01)])
def test_openvino_at_five_lengths(exported_forms, package, form, tolerance):
    model, paths = exported_forms
    compiled = package("openvino").Core().compile_model(paths[form], "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for clip, expected in clips(model):
        np.testing.assert_allclose(compiled([clip])[0], expected, rtol=0, atol=tolerance)


def test_openvino_frame_by_frame(exported_forms, package):
    model, paths = exported_forms
    compiled = package("openvino").Core().compile_model(paths["stream"], "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for clip, expected in clips(model):
        states = [np.zeros((1, *shape), np.float32) for shape in model.stream_states()]
        poses = []
        for frame in range(clip.shape[1]):
            pose, *states = (np.array(value) for value in compiled([clip[:, frame : frame + 1], *states]).values())
            poses.append(pose)
        np.testing.assert_allclose(np.concatenate(poses[8:], axis=1), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("form", "tolerance"), [("plain", 1e-5), ("fp16", 0.01), ("stream", 1e-5)])
def test_onnxruntime_web_at_five_lengths(exported_forms, tmp_path, form, tolerance):
    """In node, with the WebAssembly that browsers run."""
    modules = Path(os.environ.get("SRNET_NODE_MODULES", ".venv-interop/node_modules")).resolve()
    if shutil.which("node") is None or not (modules / "onnxruntime-web").is_dir():
        pytest.skip("onnxruntime-web is not installed; `make interop` installs it where there is npm")
    model, paths = exported_forms
    pairs = clips(model)
    given = {
        "batches": [{"dims": clip.shape, "values": clip.ravel().tolist()} for clip, _ in pairs],
        "receptive_field": 9,
        "states": model.stream_states() if form == "stream" else None,
    }
    (tmp_path / "clip.json").write_text(json.dumps(given))
    script = Path(__file__).with_name("run_web.mjs")
    subprocess.run(
        ["node", script, modules, paths[form], tmp_path / "clip.json", tmp_path / "poses.json"], check=True, timeout=600
    )
    for (_, expected), found in zip(pairs, json.loads((tmp_path / "poses.json").read_text())):
        poses = np.array(found["values"], np.float32).reshape(found["dims"])
        np.testing.assert_allclose(poses, expected, rtol=0, atol=tolerance)
