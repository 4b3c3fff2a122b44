"""Augmentation in a run: the published batches without it, the same bits after a resume or when streamed."""

import numpy as np
import pytest
import torch
from augment_support import CAMERAS, FPS

from srnet_core import normalization
from srnet_core.augment import PLUGINS, STEPS, composition, load
from srnet_core.checkpoint import load_checkpoint
from srnet_core.config import (
    DataConfig,
    ModelConfig,
    RunConfig,
    TrainConfig,
    from_dict,
    merge,
    replace,
    to_dict,
    with_settings,
)
from srnet_core.config.augment import AnglesConfig, AugmentConfig, PlaceConfig, ViewConfig
from srnet_core.errors import ConfigError, UnknownNameError
from srnet_core.geometry.mirror import mirror_poses
from srnet_core.sampling.from_stage import make_sampler
from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.stages.prepare import prepare
from srnet_core.training.loop import Step
from srnet_core.training.run import RunFiles, Stopped, TrainingRun, default_name

ALL = AugmentConfig(use=STEPS)
STILL = AugmentConfig(use=("place",), place=PlaceConfig(0, 0, 0))  # a step that does nothing
CPU = torch.device("cpu")
STREAMED_MIB = 0.06


@pytest.fixture
def staged(small_data, tmp_path):
    """A function: normalization -> prepared stage."""

    def make(norm: str = "base"):
        data = DataConfig(
            dataset="small",
            data_dir=str(small_data),
            cache_dir=str(tmp_path / "cache"),
            subjects_test=("C",),
            normalization=norm,
        )
        return prepare(data)

    return make


def config_for(prepared, augment=ALL, **train) -> RunConfig:
    model = ModelConfig(filter_widths=(3, 3), channels=40, dropout=0.1)
    settings = {"epochs": 2, "batch_size": 32, "test_every": 0, "device": "cpu"} | train
    return RunConfig(prepared.config, model, TrainConfig(**settings), augment)


def sampler_of(prepared, augment, **train):
    return make_sampler(prepared.stage, prepared.stage.split("train"), config_for(prepared, augment, **train), CPU)


def as_arrays(batches) -> list[np.ndarray]:
    columns = zip(*((b.pose_2d, b.pose_3d, *([] if b.parameters is None else [b.parameters])) for b in batches))
    return [torch.cat(column).numpy() for column in columns]


@pytest.mark.parametrize("norm", normalization.names())
@pytest.mark.parametrize("train", [{}, {"stride": 3}, {"memory_budget_mib": STREAMED_MIB}, {"flip": False}])
def test_a_step_that_does_nothing_gives_the_published_batches(staged, norm, train):
    """So input, target, parameters, padding, mirror images and order are the stage's, for every normalization."""
    prepared = staged(norm)
    plain = sampler_of(prepared, AugmentConfig(), **train)
    changed = sampler_of(prepared, STILL, **train)
    if plain.order != changed.order:
        plain = sampler_of(prepared, AugmentConfig(), **train | {"memory_budget_mib": 0.11})
    assert plain.order["sampler"] == changed.order["sampler"]
    if plain.order == changed.order:
        for expected, found in zip(as_arrays(plain.epoch()), as_arrays(changed.epoch()), strict=True):
            np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)
    inputs = (as_arrays(s.every_window(np.random.RandomState(0)))[0] for s in (plain, changed))
    np.testing.assert_allclose(*(np.sort(pose.reshape(len(pose), -1).sum(1)) for pose in inputs), atol=1e-3)


def test_measuring_sees_the_data_as_they_are(staged):
    prepared = staged()
    plain, changed = (sampler_of(prepared, augment) for augment in (AugmentConfig(), ALL))
    batches = (as_arrays(s.every_window(np.random.RandomState(0))) for s in (plain, changed))
    for expected, found in zip(*batches, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("budget_mib", [0.0, STREAMED_MIB])
def test_an_epoch_can_be_entered_anywhere_and_differs_from_the_next(staged, budget_mib):
    whole, rest = (sampler_of(staged(), ALL, memory_budget_mib=budget_mib) for _ in range(2))
    assert whole.order["sampler"] == ("streamed" if budget_mib else "resident")
    state = whole.random.get_state()
    first = list(whole.epoch())
    for skip in (0, 3, len(whole) - 1):
        rest.random.set_state(state)
        for expected, found in zip(as_arrays(first[skip:]), as_arrays(rest.epoch(skip=skip)), strict=True):
            np.testing.assert_array_equal(found, expected)
    whole.random.set_state(state)
    again, second = as_arrays(whole.epoch())[1], as_arrays(whole.epoch())[1]
    np.testing.assert_array_equal(again, as_arrays(first)[1])
    assert np.abs(np.sort(second, 0) - np.sort(again, 0)).max() > 0.05


@pytest.mark.parametrize("budget_mib", [0.0, STREAMED_MIB])
@pytest.mark.parametrize("stop_at", [1, 10])
def test_stopped_anywhere_and_resumed_it_ends_with_the_same_bits(staged, tmp_path, stop_at, budget_mib):
    prepared = staged("ray")
    config = config_for(prepared, memory_budget_mib=budget_mib, batch_size=64)
    whole, parts = (RunFiles("run", tmp_path / n, tmp_path / n / "best") for n in ("whole", "parts"))
    list(TrainingRun(config, prepared, whole))
    seen = []
    run = TrainingRun(config, prepared, parts, should_stop=lambda: len(seen) >= stop_at)
    for event in run:
        seen += [event] if isinstance(event, Step) else []
    assert isinstance(event, Stopped) and len(seen) == stop_at
    checkpoint = load_checkpoint(parts.latest)
    stored = checkpoint.run_config()
    assert stored.augment == ALL
    list(TrainingRun(stored, prepared, parts, resume=checkpoint))
    expected, actual = (load_checkpoint(f.latest).model.state_dict() for f in (whole, parts))
    assert all(torch.equal(expected[k], actual[k]) for k in expected)


def test_mirrored_windows_are_mirror_images_of_the_same_draw(windows):
    for norm in normalization.names():
        plugin = normalization.load(norm)
        make = composition.Augmentation(
            ALL, SKELETON, CAMERAS, plugin, fps=FPS, past=2, stride=1, device=CPU, flip_parameters=plugin.flip
        )
        flip = torch.arange(10) % 3 == 0
        plain, mirrored = (make(*windows(10, 5), f, 7) for f in (None, flip))
        assert plain.pose_2d.shape == (10, 5, 17, 2) and plain.pose_3d.shape == (10, 1, 17, 3)
        for part, expected in (("pose_2d", plain.pose_2d), ("pose_3d", plain.pose_3d)):
            found = getattr(mirrored, part)
            assert found.is_contiguous()
            torch.testing.assert_close(found[flip], mirror_poses(expected[flip], SKELETON.mirror), rtol=0, atol=0)
            torch.testing.assert_close(found[~flip], expected[~flip], rtol=0, atol=0)
        if plugin.PARAMETERS:
            back = plugin.decode(mirrored.pose_3d, mirrored.parameters)
            straight = plugin.decode(plain.pose_3d, plain.parameters)
            torch.testing.assert_close(back[flip], mirror_poses(straight[flip], SKELETON.mirror), rtol=0, atol=1e-5)


def test_a_large_batch_is_changed_in_pieces(windows, monkeypatch):
    positions, cameras = windows(50, 5)
    flip = torch.arange(50) % 2 == 0
    made = {}
    for most in (1 << 15, 64):
        monkeypatch.setattr(composition, "_MOST_FRAMES_ON_CPU", most)
        for augment in (STILL, ALL):
            plugin = normalization.load("ray")
            settings = {"fps": FPS, "past": 2, "stride": 1, "device": CPU, "flip_parameters": plugin.flip}
            make = composition.Augmentation(augment, SKELETON, CAMERAS, plugin, **settings)
            made[most, augment] = make(positions.clone(), cameras, flip, 3)
    for name in ("pose_2d", "pose_3d", "parameters"):
        whole, pieces = (getattr(made[most, STILL], name) for most in (1 << 15, 64))
        torch.testing.assert_close(pieces, whole, rtol=0, atol=1e-6)
    poses = made[64, ALL].pose_3d
    assert poses.isfinite().all() and len(torch.unique(poses[:, 0, 5, 0])) == 50


@pytest.mark.parametrize("most", [1 << 15, 64])
def test_a_share_of_the_windows_stays_as_it_was_recorded(windows, monkeypatch, most):
    monkeypatch.setattr(composition, "_MOST_FRAMES_ON_CPU", most)
    plugin = normalization.load("ray")
    flip = torch.arange(40) % 3 == 0
    settings = {"fps": FPS, "past": 2, "stride": 1, "device": CPU, "flip_parameters": plugin.flip}

    def made(share: float, seed: int | None):
        augment = replace(ALL, recorded_share=share)
        make = composition.Augmentation(augment, SKELETON, CAMERAS, plugin, **settings)
        return make(*windows(40, 5), flip, seed)

    recorded, some, everything = made(0.0, None), made(0.25, 3), made(1.0, 3)
    for name in ("pose_2d", "pose_3d", "parameters"):
        expected, found = getattr(recorded, name), getattr(some, name)
        torch.testing.assert_close(getattr(everything, name), expected, rtol=0, atol=1e-6)
        torch.testing.assert_close(found[:10], expected[:10], rtol=0, atol=1e-6)
        assert found.isfinite().all()
    moved = (some.pose_2d - recorded.pose_2d).abs().amax((1, 2, 3))
    assert (moved[10:] > 1e-3).all()


def test_a_step_draws_the_same_whatever_other_steps_there_are(augmented):
    _, alone = augmented(20, 1, "bones")
    _, with_view = augmented(20, 1, "bones,view")
    spans = [(p[:, 0] - p[:, 0, :1]).norm(dim=-1) for p in (alone, with_view)]
    torch.testing.assert_close(*spans, rtol=1e-4, atol=1e-5)


def test_settings_come_from_set_and_presets():
    asked = ['augment.use=["view", "angles"]', "augment.angles.limb_deg=25", "augment.angles.limits=false"]
    config = with_settings(RunConfig(), asked)
    assert config.augment.use == ("angles", "view")  # in the order in which they act
    assert config.augment.angles == AnglesConfig(limb_deg=25.0, limits=False)
    config = merge(config, {"augment": {"view": {"yaw_deg": 30}}}, where="preset")
    assert config.augment.view == ViewConfig(yaw_deg=30.0) and not config.augment.angles.limits
    assert from_dict(RunConfig, to_dict(config)) == config
    assert from_dict(RunConfig, {k: v for k, v in to_dict(config).items() if k != "augment"}).augment == AugmentConfig()
    assert default_name(replace(config, data=DataConfig(dataset="small"))).endswith("_augmented")
    assert "augmented" not in default_name(RunConfig(data=DataConfig(dataset="small")))


@pytest.mark.parametrize(
    "setting, words",
    [
        ("augment.use=veiw", ["--augment", "Did you mean 'view'"]),
        ("augment.angles.limb=25", ["augment.angles", "Did you mean 'limb_deg'"]),
        ("augment.angle.limb_deg=25", ["augment", "Did you mean 'angles'"]),
        ("augment.angles.limb_deg=-1", ["augment.angles.limb_deg", "must lie in"]),
        ("augment.view.nearest_scale=2", ["augment.view.nearest_scale", "farthest_scale"]),
        ("augment.recorded_share=1.5", ["augment.recorded_share", "must lie in"]),
        ("augment.parts.share=nan", ["augment.parts.share", "must lie in"]),
        ("augment.angles=25", ["augment"]),
    ],
)
def test_mistakes_are_named(setting, words):
    with pytest.raises((ConfigError, UnknownNameError)) as raised:
        with_settings(RunConfig(), [setting])
    assert all(word in str(raised.value) for word in words), raised.value


def test_steps_that_move_limbs_ask_for_the_skeleton_that_has_them(tmp_path, published_files):
    data = DataConfig(
        dataset="few",
        data_dir=str(published_files(tmp_path / "data", "few", joints=7)),
        cache_dir=str(tmp_path / "cache"),
        subjects_test=("C",),
    )
    prepared = prepare(data)
    for step in ("angles", "parts"):
        with pytest.raises(ConfigError, match=f"{step}.*h36m17"):
            sampler_of(prepared, AugmentConfig(use=(step,)))
    others = AugmentConfig(use=("bones", "place", "view", "noise"))
    assert all(torch.isfinite(b.pose_2d).all() for b in sampler_of(prepared, others).epoch())


def test_an_estimated_depth_is_refused(small_data, tmp_path):
    data = DataConfig(
        dataset="small",
        data_dir=str(small_data),
        cache_dir=str(tmp_path / "cache"),
        subjects_test=("C",),
        normalization="proj",
        root_depth="estimate",
    )
    with pytest.raises(ConfigError, match="root-depth estimate"):
        sampler_of(prepare(data), ALL)


def test_every_step_is_a_file_with_its_settings():
    for name, settings in ALL.steps():
        assert callable(load(name).apply) and settings == getattr(AugmentConfig(), name)
    assert set(PLUGINS.names()) == set(STEPS)
    with pytest.raises(UnknownNameError, match="angles, bones, joints, layout, noise, parts, place, view"):
        load("composition")
