"""rtmlib itself as a detector, with stand-ins for its ONNX files: one person in a box, each joint at a place of it."""

from fractions import Fraction

import numpy as np
import pytest
from keypoint_files import person

from srnet_cli.app import run
from srnet_core.layouts import get_layout

IMAGE, PEOPLE_SIZE, POSE_SIZE = (
    (320, 240),
    64,
    (192, 256),
)  # width and height; YOLOX's square; RTMPose's width and height
BOX = (100.0, 20.0, 220.0, 220.0)  # of the image


@pytest.fixture
def film(tmp_path):
    """12 pictures of 320 x 240."""
    av = pytest.importorskip("av")
    path = tmp_path / "film.mp4"
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = *IMAGE, "yuv420p"
        for _ in range(12):
            picture = rng.integers(0, 255, (IMAGE[1], IMAGE[0], 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def networks(tmp_path, package):
    """(file of YOLOX, file of RTMPose with 26 joints, where its joints lie in the image)."""
    package("rtmlib", extra="rtmlib")
    onnx = pytest.importorskip("onnx")
    ratio = PEOPLE_SIZE / max(IMAGE)
    boxes = np.array([[[*(ratio * value for value in BOX), 0.9]]], np.float32)
    people = _constant(onnx, tmp_path / "yolox.onnx", (PEOPLE_SIZE, PEOPLE_SIZE), {"dets": boxes})
    points = person("halpe26", 1)[0, :, :2]
    places = 0.1 + 0.8 * (points - points.min(axis=0)) / np.ptp(points, axis=0)  # of the network's picture
    bins = np.round(places * [2 * n - 1 for n in POSE_SIZE]).astype(int)  # two bins for each pixel
    outputs = {}
    for axis, name in enumerate(("simcc_x", "simcc_y")):
        outputs[name] = np.zeros((1, len(points), 2 * POSE_SIZE[axis]), np.float32)
        outputs[name][0, np.arange(len(points)), bins[:, axis]] = 0.8
    pose = _constant(onnx, tmp_path / "rtmpose.onnx", POSE_SIZE[::-1], outputs)
    # RTMPose widens the box by a quarter and to the shape of its picture
    centre, size = np.array([BOX[0] + BOX[2], BOX[1] + BOX[3]]) / 2, 1.25 * np.array([BOX[2] - BOX[0], BOX[3] - BOX[1]])
    aspect = POSE_SIZE[0] / POSE_SIZE[1]
    size = np.array([max(size[0], size[1] * aspect), max(size[1], size[0] / aspect)])
    return people, pose, bins / (2 * np.array(POSE_SIZE)) * size + centre - size / 2


def _constant(onnx, path, picture, outputs):
    """A network that answers the same to every picture."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    given = helper.make_tensor_value_info("input", kind, (1, 3, *picture))
    nodes = [
        helper.make_node("Constant", [], [name], value=onnx.numpy_helper.from_array(value))
        for name, value in outputs.items()
    ]
    made = [helper.make_tensor_value_info(name, kind, value.shape) for name, value in outputs.items()]
    graph = helper.make_graph(nodes, "stand-in", [given], made)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, str(path))
    return path


def lift(film, people, pose, output) -> int:
    """The exit code of the command."""
    files = ("--detector-file", people, "--detector-file", pose, "-o", output)
    return run([str(word) for word in ("lift", film, "--detector", "rtmlib", *files, "--device", "cpu")])


def test_a_video_is_lifted_with_local_files(film, networks, tmp_path, capsys):
    people, pose, expected_px = networks
    assert lift(film, people, pose, tmp_path / "a.npz") == 0
    assert "backend" not in capsys.readouterr().out
    with np.load(tmp_path / "a.npz") as file:
        keypoints_px, joints_m = file["1/keypoints_px"], file["1/joints_m"]
    assert joints_m.shape == (12, 17, 3) and np.isfinite(joints_m).all()
    at = {"LWrist": 9, "RWrist": 10, "LKnee": 13, "RKnee": 14, "LFoot": 15, "RFoot": 16}  # Human3.6M's, in HALPE_26
    for name, joint in at.items():
        found = keypoints_px[:, get_layout("h36m17").joints.index(name)]
        np.testing.assert_allclose(found, np.tile(expected_px[joint], (12, 1)), atol=1.5)


def test_a_file_that_is_another_one_is_refused(film, networks, tmp_path, capsys):
    people, pose, _ = networks
    assert lift(film, f"{people}:{'0' * 64}", pose, tmp_path / "a.npz") == 2
    assert "yolox.onnx" in capsys.readouterr().err
