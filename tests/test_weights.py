"""The networks that come with the package: they are there, whole, say where they are from, and lift as they should."""

import pickle

import numpy as np
import pytest

import srnet_core as srnet
from srnet_core.checkpoint import load_checkpoint
from srnet_core.datasets import synthetic
from srnet_core.datasets.synthetic import SyntheticConfig, make_files
from srnet_core.errors import ConfigError, InputFileMissing, UnknownNameError
from srnet_core.weights import MEAN, MEAN_OF, NAMES, best_network, network_name, weights_file


def test_the_package_holds_its_networks_in_few_bytes():
    assert sum(weights_file(name).stat().st_size for name in NAMES) < 10 * 2**20
    for name in NAMES:
        checkpoint = load_checkpoint(weights_file(name))
        assert checkpoint.record.digest and checkpoint.record.config.data.normalization == "ray"
        assert checkpoint.skeleton.name == "h36m17"
    with pytest.raises(UnknownNameError, match=f"Choices: {NAMES[0]}"):
        weights_file("other")


@pytest.mark.parametrize(
    ("asked", "meant"),
    [("srnet-open-72", "'srnet-open-27'"), ("SRNet_open_1", "'srnet-open-1'"), ("srnet-open-27-casual", "-causal'")],
)
def test_a_misspelled_network_names_the_nearest(asked, meant):
    with pytest.raises(UnknownNameError, match=f"Did you mean .*{meant}"):
        srnet.Lifter.open(asked)


def test_names_given_where_a_path_is_wanted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputFileMissing, match=r"Lifter.open\('srnet-open-27'\)"):
        srnet.Lifter.from_checkpoint("srnet-open-27")
    with pytest.raises(InputFileMissing, match="a run called first is in checkpoint/latest_epoch_first.bin"):
        srnet.Lifter.from_checkpoint("first")
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "latest_epoch_first.bin").touch()
    with pytest.raises(InputFileMissing, match="is in checkpoint/latest_epoch_first.bin: give that path"):
        srnet.Lifter.from_checkpoint("first")
    with pytest.raises(InputFileMissing, match="Did you mean 'checkpoint/latest_epoch_first.bin'"):
        srnet.Lifter.from_checkpoint("checkpoint/latest_epoch_frist.bin")


def test_the_network_suits_the_recording():
    assert best_network(200) == MEAN and network_name(27) == "srnet-open-27"
    assert best_network(200, consecutive=False) == best_network(5) == "srnet-open-1" == network_name(1, causal=True)
    assert best_network(200, live=True) == "srnet-open-27-causal" == network_name(27, causal=True)
    assert best_network(200, live=True, fps=30) == "srnet-open-27-causal"
    assert best_network(200, live=True, fps=5) == best_network(200, live=True, fps=240) == "srnet-open-1"
    assert best_network(200, fps=5) == MEAN  # a recording is brought to the rate of the network
    with pytest.raises(UnknownNameError, match="no causal network of 243 frames.*srnet-open-27"):
        srnet.Lifter.open(frames=243, causal=True)
    lifter = srnet.Lifter.open(frames=27, device="cpu")
    assert lifter.model.receptive_field == 27 and lifter.fps == 25
    live = srnet.Lifter.open(frames=27, causal=True, device="cpu")
    assert live.model.config.causal and live.fps == 25 and live.stream(image_size=(1000, 1000)).delay_frames == 0


def test_the_mean_of_two_networks(tmp_path):
    mean, many, one = (srnet.Lifter.open(name, device="cpu") for name in (MEAN, "srnet-open-27", "srnet-open-1"))
    clip_px = np.random.default_rng(0).normal(500, 100, (30, 17, 2)).astype(np.float32)
    given = {"image_size": (1000, 1000), "check": "off"}
    shares = MEAN_OF["srnet-open-27"], MEAN_OF["srnet-open-1"]
    assert sum(shares) == pytest.approx(1)
    expected = shares[0] * many(clip_px, **given) + shares[1] * one(clip_px, **given)
    np.testing.assert_allclose(mean(clip_px, **given), expected, atol=1e-5)
    again = pickle.loads(pickle.dumps(mean))
    np.testing.assert_array_equal(again(clip_px, **given), mean(clip_px, **given))
    for live in (mean.stream, lambda **more: mean.streams(2, **more)):
        with pytest.raises(ConfigError, match="does not lift live.*causal=True"):
            live(image_size=(1000, 1000))


def test_the_mean_of_two_networks_tells_its_errors():
    lifter = srnet.Lifter.open(MEAN, device="cpu", uncertainty=True)
    clip_px = np.random.default_rng(0).normal(500, 100, (9, 17, 2)).astype(np.float32)
    poses_m, expected_mm, bound_mm = lifter.with_errors(clip_px, image_size=(1000, 1000), check="off")
    assert expected_mm.shape == poses_m.shape[:2] and (bound_mm[:, 1:] > expected_mm[:, 1:]).all()
    assert (expected_mm[:, 0] == 0).all() and (expected_mm[:, 1:] > 10).all(), "nobody is shaped like this"


@pytest.mark.parametrize(("frames", "causal"), [(1, False), (27, False), (27, True)])
def test_people_it_never_saw_are_lifted(tmp_path, frames, causal):
    """Invented walkers from four sides: far below the 190 mm that the mean pose gives."""
    config = SyntheticConfig(seconds_per_take=1.0, subjects=("S1",), actions=("Walking",))
    dataset = synthetic.load("synthetic", make_files(config, tmp_path), "gt")
    lifter = srnet.Lifter.open(frames=frames, causal=causal, device="cpu")
    errors_mm = []
    for clip in dataset.clips(dataset.clip_names):
        size = (clip.camera.width_px, clip.camera.height_px)
        truth = clip.pose_3d_cam_m - clip.pose_3d_cam_m[:, :1]
        for given in ({"image_size": size}, {"camera": clip.camera}):
            poses = lifter(clip.pose_2d_px, **given)
            errors_mm.append(1000 * np.linalg.norm(poses - poses[:, :1] - truth, axis=-1).mean())
    assert len(errors_mm) >= 8 and np.mean(errors_mm) < 100, errors_mm
