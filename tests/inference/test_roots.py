"""Roots by trajectory networks: from files, through cameras, and as the path of lifted people."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.lifters import clip_px

import srnet_core as srnet
from srnet_core.checkpoint import save_checkpoint
from srnet_core.checkpoint.record import Record
from srnet_core.config import DataConfig, ModelConfig, RunConfig
from srnet_core.errors import CheckpointError
from srnet_core.geometry.camera import Camera
from srnet_core.inference.roots import RootFinder
from srnet_core.lifting.lift import lift
from srnet_core.lifting.trajectory import follow

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "balancing.npz"


def stored(folder, norm, widths=(3,), name="trajectory", trajectory=None, **record):
    torch.manual_seed(0)
    model = srnet.build_model(name, filter_widths=widths, channels=16)
    config = RunConfig(DataConfig(normalization=norm), ModelConfig(name=name, filter_widths=widths, channels=16))
    return save_checkpoint(
        folder / f"{norm}.bin",
        model=model,
        epoch=1,
        lr=1e-3,
        optimizer_state=None,
        random_state=None,
        record=Record(config=config, **record),
        trajectory=trajectory,
    )


def camera(focal: float) -> Camera:
    size = round(1000 * focal / 1100)
    return Camera(
        id="a",
        width_px=size,
        height_px=size,
        focal_length_px=(focal, focal),
        center_px=(size / 2, size / 2),
        orientation=(1, 0, 0, 0),
        translation_m=(0, 0, 0),
    )


def test_every_frame_has_a_place_whatever_the_length(tmp_path):
    finder = RootFinder.from_checkpoint(stored(tmp_path, "base", (3, 3)), device="cpu")
    assert finder.receptive_field == 9
    whole = finder(clip_px(30), image_size=(1000, 1002))
    assert whole.shape == (30, 3) and np.isfinite(whole).all()
    np.testing.assert_allclose(finder(clip_px(30)[:20], image_size=(1000, 1002))[:10], whole[:10], atol=1e-5)
    assert finder(clip_px(1), image_size=(1000, 1002)).shape == (1, 3)


def test_with_rays_the_place_does_not_depend_on_the_lens(tmp_path):
    """A longer lens with a larger image sees the same rays, so the person is at the same place."""
    finder = RootFinder.from_checkpoint(stored(tmp_path, "ray"), device="cpu")
    rays = (clip_px(12) - 500) / 1100
    one, other = (finder(rays * f + camera(f).width_px / 2, camera=camera(f)) for f in (1100.0, 2200.0))
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_with_rays_the_root_lies_on_its_ray(tmp_path):
    finder = RootFinder.from_checkpoint(stored(tmp_path, "ray"), device="cpu")
    points = clip_px(12)
    root_m = finder(points, camera=camera(1100.0))
    rays = (points[:, 0] - camera(1100.0).width_px / 2) / 1100
    np.testing.assert_allclose(root_m[:, :2] / root_m[:, 2:], rays, atol=1e-4)


def test_files_of_semi_supervised_training_hold_one(tmp_path):
    beside = srnet.build_model("trajectory", filter_widths=(3,), channels=16)
    path = stored(tmp_path, "base", name="fc", trajectory=beside)
    assert RootFinder.from_checkpoint(path, device="cpu")(clip_px(5), image_size=(1000, 1002)).shape == (5, 3)


def test_a_network_of_poses_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="no trajectory network"):
        RootFinder.from_checkpoint(stored(tmp_path, "base", name="fc"))


def test_the_path_of_lifted_people_is_the_network_s(tmp_path):
    people = lift(srnet.read_keypoints(EXAMPLE).only(0), srnet.Lifter.open(device="cpu"))
    finder = RootFinder.from_checkpoint(stored(tmp_path, "ray"), device="cpu")
    (person,) = follow(people, network=finder).people
    expected = finder(person.keypoints_px[person.lifted], image_size=people.image_size, camera=people.camera)
    np.testing.assert_allclose(person.root_m[person.lifted], expected, atol=1e-4)
    (taller,) = follow(people, network=finder, height_m=2.0).people
    (shorter,) = follow(people, network=finder, height_m=1.0).people
    np.testing.assert_allclose(taller.root_m, 2 * shorter.root_m, rtol=1e-3, atol=1e-4)


def test_a_network_of_another_rate_sees_its_own_rate(tmp_path):
    people = lift(srnet.read_keypoints(EXAMPLE).only(0), srnet.Lifter.open(device="cpu"))
    finder = RootFinder.from_checkpoint(stored(tmp_path, "ray", (3,), fps=people.fps / 2), device="cpu")
    seen = []

    class Watching:
        receptive_field, fps = finder.receptive_field, finder.fps

        def __call__(self, keypoints_px, **given):
            seen.append(len(keypoints_px))
            return finder(keypoints_px, **given)

    (person,) = follow(replace(people), network=Watching()).people
    frames = int(person.lifted.sum())
    assert np.isfinite(person.root_m[person.lifted]).all()
    assert seen[0] == pytest.approx(frames / 2, abs=2)
