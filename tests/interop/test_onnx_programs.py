"""The exported ONNX file in other programs: the outputs of torch, and an error for a clip that is too short."""

import numpy as np
import pytest
import torch

from srnet_core.export.onnx import export_onnx
from srnet_core.models import build_model

CLIP = np.random.default_rng(0).uniform(-1, 1, (3, 40, 17, 2)).astype(np.float32)
TOO_SHORT = np.zeros((1, 5, 17, 2), np.float32)


@pytest.fixture(scope="module", params=["srnet", "fc", "gcn", "lcn"])
def exported(request, tmp_path_factory):
    """(path of the file, torch's poses for `CLIP`) of a network with a receptive field of 9 frames."""
    for name in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name)
    torch.manual_seed(0)
    model = build_model(request.param, channels=68, filter_widths=(3, 3)).eval()
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
