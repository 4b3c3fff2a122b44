"""ONNX from pixels to metres: the poses of the Lifter, for whole clips, frame by frame, and any camera."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from srnet_core.checkpoint import Checkpoint, Record
from srnet_core.config import DataConfig, RunConfig
from srnet_core.errors import ConfigError
from srnet_core.export import format_of
from srnet_core.export.about import network_metadata
from srnet_core.export.onnx_pixels import PixelsToMetres, export_pixels
from srnet_core.geometry.h36m_cameras import h36m_cameras
from srnet_core.inference.lifter import Lifter
from srnet_core.models import build_model

CAMERAS = h36m_cameras()["S1"]


def made(**fields) -> Checkpoint:
    torch.manual_seed(0)
    model = build_model("srnet", **({"channels": 40, "filter_widths": (3, 3)} | fields)).eval()
    for parameter in model.parameters():  # context convolutions start at zero
        torch.nn.init.normal_(parameter, std=0.3)
    return Checkpoint(model, model.config, record=Record(config=RunConfig(DataConfig(normalization="ray")), fps=25.0))


def given(points_px, cameras) -> dict[str, np.ndarray]:
    """The inputs of the graph: clips (B, T, J, 2) with a camera each."""
    matrices = [
        [[c.focal_length_px[0], 0, c.center_px[0]], [0, c.focal_length_px[1], c.center_px[1]], [0, 0, 1]]
        for c in cameras
    ]
    lenses = [(*c.radial_distortion[:2], *c.tangential_distortion, c.radial_distortion[2]) for c in cameras]
    values = {"keypoints_px": points_px, "camera_matrix": matrices, "distortion": lenses}
    return {name: np.asarray(value, np.float32) for name, value in values.items()}


def people_px(frames: int, cameras) -> np.ndarray:
    """(B, T, 17, 2): people of random joints that move a little, up to the edge of the image."""
    random = np.random.default_rng(frames)
    start = random.uniform(0, 1000, (len(cameras), 1, 1, 2)) + random.normal(0, 100, (len(cameras), 1, 17, 2))
    return (start + random.normal(0, 5, (len(cameras), frames, 17, 2)).cumsum(1)).clip(0, 1000).astype(np.float32)


@pytest.mark.parametrize("fields", [{}, {"causal": True}, {"filter_widths": (1,)}], ids=str)
@pytest.mark.parametrize("flip", [True, False])
def test_the_graph_is_the_lifter(fields, flip):
    """Before it is written; so that every kind of network is compared at little cost."""
    checkpoint = made(**fields)
    module = PixelsToMetres(checkpoint.model, checkpoint.skeleton.mirror, flip)
    points_px = people_px(20, CAMERAS)
    with torch.no_grad():
        poses = module(**{name: torch.from_numpy(v) for name, v in given(points_px, CAMERAS).items()}).numpy()
    lifter = Lifter(checkpoint, device="cpu", flip=flip)
    for clip_px, camera, found in zip(points_px, CAMERAS, poses, strict=True):
        expected = lifter(clip_px, camera=camera)
        np.testing.assert_allclose(found, expected, atol=2e-4 * np.abs(expected).max())


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """(checkpoint, session of onnxruntime) of a causal network."""
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    checkpoint = made(causal=True, filter_widths=(3,))
    path = tmp_path_factory.mktemp("pixels") / "network.pixels.onnx"
    export_pixels(checkpoint.model, path, metadata=network_metadata(checkpoint, source="made.bin"), flip=False)
    assert format_of(path) == "onnx_pixels"
    return checkpoint, runtime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("frames", [1, 3, 40])
def test_onnxruntime_gives_the_poses_of_the_lifter_from_pixels(written, frames):
    checkpoint, session = written
    cameras = [*CAMERAS[:2], replace(CAMERAS[2], radial_distortion=(0, 0, 0), tangential_distortion=(0, 0))]
    points_px = people_px(frames, cameras)
    (poses,) = session.run(None, given(points_px, cameras))
    assert poses.shape == (3, frames, 17, 3)
    lifter = Lifter(checkpoint, device="cpu", flip=False)
    for clip_px, camera, found in zip(points_px, cameras, poses, strict=True):
        expected = lifter(clip_px, camera=camera)
        np.testing.assert_allclose(found, expected, atol=2e-4 * np.abs(expected).max())


def test_onnxruntime_frame_by_frame_gives_the_poses_of_the_stream(written):
    checkpoint, session = written
    clip_px = people_px(15, CAMERAS[:1])[0]
    live = Lifter(checkpoint, device="cpu", flip=False).stream(camera=CAMERAS[0])
    about = session.get_modelmeta().custom_metadata_map
    window = int(about["srnet.receptive_field"])
    for frame in range(len(clip_px)):
        (poses,) = session.run(None, given(clip_px[None, max(0, frame + 1 - window) : frame + 1], CAMERAS[:1]))
        expected = live.push(clip_px[frame])
        np.testing.assert_allclose(poses[0, -1], expected, atol=2e-4 * np.abs(expected).max())
    assert about["srnet.live"] == "give the last 3 frames and take the last pose" and about["srnet.fps"] == "25"


def test_a_network_of_another_normalization_is_refused(tmp_path):
    checkpoint = made()
    with pytest.raises(ConfigError, match="has base") as refused:
        export_pixels(checkpoint.model, tmp_path / "x.pixels.onnx", metadata={"srnet.normalization": "base"})
    assert "--norm ray" in str(refused.value) and not list(tmp_path.iterdir())
