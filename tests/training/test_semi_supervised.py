"""Trajectory networks and semi-supervised training, on people who sway in front of two cameras."""

import numpy as np
import pytest
import torch
from support.small_data import write_published

from srnet_core.checkpoint import load_checkpoint
from srnet_core.config import AugmentConfig, DataConfig, ModelConfig, RunConfig, TrainConfig, replace
from srnet_core.errors import ConfigError, UnknownNameError
from srnet_core.evaluation.run import evaluate_steps, finish
from srnet_core.geometry.mirror import mirror_poses
from srnet_core.normalization import load
from srnet_core.sampling.from_stage import make_sampler
from srnet_core.sampling.roots import RootColumns, RootSource
from srnet_core.stages.prepare import prepare
from srnet_core.training.loop import Epoch
from srnet_core.training.losses import bone_length_loss, trajectory_loss
from srnet_core.training.run import Finished, RunFiles, Stopped, TrainingRun

CPU = torch.device("cpu")
TAKES = {"Walk": 30, "Sit": 17}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_published(tmp_path_factory.mktemp("data"), "small", subjects=("A", "B", "C"), takes=TAKES)


@pytest.fixture(params=["base", "ray"])
def prepared(request, folder, tmp_path):
    return prepared_as(request.param, folder, tmp_path)


@pytest.fixture
def in_base(folder, tmp_path):
    return prepared_as("base", folder, tmp_path)


def prepared_as(name, folder, tmp_path):
    return prepare(
        DataConfig(
            dataset="small",
            data_dir=str(folder),
            cache_dir=str(tmp_path / "cache"),
            subjects_test=("C",),
            normalization=name,
        )
    )


def config_for(prepared, model="fc", **train) -> RunConfig:
    return RunConfig(
        prepared.config,
        ModelConfig(name=model, filter_widths=(3,), channels=32),
        TrainConfig(**{"epochs": 3, "batch_size": 32, "test_every": 0, "device": "cpu", "lr": 3e-3} | train),
    )


def semi(prepared, **train) -> RunConfig:
    return config_for(prepared, subjects_unlabeled=("B",), **train)


def run(config, prepared, folder, name="run", **how):
    return list(TrainingRun(config, prepared, RunFiles(name, folder / "checkpoint", folder / "best"), **how))


def test_windows_tell_the_root_and_mirror_images_its_mirror_image(prepared):
    stage = prepared.stage
    config = config_for(prepared)
    sampler = make_sampler(stage, stage.split("train"), config, CPU, roots=True)
    cameras = RootSource(stage, stage.split("train")).cameras
    seen = set()
    for batch in sampler.every_window(np.random.RandomState(0)):
        columns = RootColumns.of(batch.parameters)
        pose_m = stage.normalization.decode(batch.pose_3d, columns.own) + columns.root_m[..., None, :]
        for i in range(len(pose_m)):  # the pose in its place, seen by its camera, is what the network sees
            side = float(columns.side[i, 0])
            true = pose_m[i] if side > 0 else mirror_poses(pose_m[i], stage.skeleton.mirror)
            pixels = cameras[int(columns.camera[i, 0])].project(true.double().numpy())
            image = load("base").encode_2d(pixels, image_size=(1000, 1002))
            if prepared.config.normalization == "base":
                shown = batch.pose_2d[i, 1:2]
                shown = shown if side > 0 else mirror_poses(shown, stage.skeleton.mirror)
                np.testing.assert_allclose(shown.numpy(), image, atol=2e-4)
            seen.add((int(columns.camera[i, 0]), side))
    assert len(seen) == 2 * len(cameras)


def test_the_image_points_of_an_input_are_where_its_pose_is_seen(prepared):
    """For both normalizations: the reprojection error of the true poses is zero, mirror images included."""
    stage, config = prepared.stage, semi(prepared, warmup=0)
    course = TrainingRun(config, prepared, RunFiles("x", stage.folder / "a", stage.folder / "b")).course
    for batch in course.batches.epoch():
        other = batch.unlabeled
        columns = RootColumns.of(other.parameters)
        assert float(course.step._reprojection(other.pose_3d, columns.root_m, other, columns)) < 1e-4
        moved = columns.root_m + torch.tensor([0.1, 0.0, 0.0])
        assert float(course.step._reprojection(other.pose_3d, moved, other, columns)) > 0.01


def test_a_trajectory_network_learns_where_people_are(prepared, tmp_path):
    config = config_for(prepared, "trajectory", epochs=8, lr=1e-2, batch_size=16)
    events = run(config, prepared, tmp_path)
    epochs = [event for event in events if isinstance(event, Epoch)]
    report = events[-1].report
    assert epochs[-1].loss < 0.3 * epochs[0].loss
    assert report.about["measured"] == "root" and set(report.frame_mean) == {"mpjpe_mm", "frames"}
    assert epochs[-1].train_mpjpe_mm < 0.2 * 5000  # people stand 5 m away
    share = report.about["root_error_share_of_distance"]
    assert share == pytest.approx(report.frame_mean["mpjpe_mm"] / 5000, rel=0.05)
    checkpoint = load_checkpoint(events[-1].path)
    assert checkpoint.model_config.predicts_root
    again = finish(evaluate_steps(checkpoint.model, prepared.stage))
    assert again.frame_mean == pytest.approx(report.frame_mean, rel=1e-5)


def test_semi_supervised_training_saves_both_networks_and_reports_the_root(prepared, tmp_path):
    events = run(semi(prepared, epochs=2, batch_size=16, test_every=1), prepared, tmp_path)
    assert isinstance(events[-1], Finished)
    tested = [event.extra for event in events if isinstance(event, Epoch) and "test_mpjpe_mm" in event.extra]
    assert len(tested) == 2 and all(0 < numbers["test_root_mm"] < 10_000 for numbers in tested)
    path = events[-1].path
    assert load_checkpoint(path).model_config.name == "fc"
    places = load_checkpoint(path, part="model_traj")
    assert places.model_config.predicts_root and places.model.num_joints_out == 1
    assert load_checkpoint(path).record.trained_on == tuple(
        str(clip) for clip in prepared.stage.split("train") if clip.subject == "A"
    )


def test_keypoints_without_3d_teach_the_network(in_base, tmp_path):
    """The poses of B are hidden: after the warm-up their reprojection error falls, and their 3D is never read."""
    config = semi(in_base, epochs=8, warmup=2, batch_size=16)
    training = TrainingRun(config, in_base, RunFiles("run", tmp_path / "c", tmp_path / "b"))
    step, course = training.step, training.course

    def error() -> float:
        total = []
        with torch.no_grad():
            for batch in course.batches.epoch():
                columns = RootColumns.of(batch.unlabeled.parameters)
                pose, place = (
                    network.eval()(batch.unlabeled.pose_2d) for network in (training.model, course.trajectory)
                )
                total.append(float(step._reprojection(pose, place[..., 0, :], batch.unlabeled, columns)))
        return float(np.mean(total))

    errors = {}
    for event in training:
        if isinstance(event, Epoch) and event.epoch in (2, 8):
            state = training.sampler.random.get_state()
            errors[event.epoch] = error()
            training.sampler.random.set_state(state)
    assert errors[8] < 0.5 * errors[2]


def test_3d_poses_of_unlabeled_subjects_change_nothing(folder, tmp_path):
    """The same keypoints with other poses: the weights are the same, bit by bit."""
    weights = []
    for name in ("as they are", "other poses"):
        place = tmp_path / name
        write_published(place, "small", subjects=("A", "B", "C"), takes=TAKES)
        prepared = prepared_as("base", place, place)
        training = TrainingRun(semi(prepared, epochs=2, warmup=1), prepared, RunFiles("run", place / "c", place / "b"))
        if name == "other poses":
            training.course.batches._unlabeled._store._target.normal_()
            training.course.batches._unlabeled._store._arrays["norm_parameters"][:, :3].normal_()
        list(training)
        weights.append(training.model.state_dict())
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_a_resumed_run_gives_the_same_weights(in_base, tmp_path):
    config = semi(in_base, batch_size=16, warmup=1)
    whole = run(config, in_base, tmp_path, "whole")[-1].path
    steps = iter([False] * 9)
    files = RunFiles("parts", tmp_path / "checkpoint", tmp_path / "best")
    first = list(TrainingRun(config, in_base, files, should_stop=lambda: next(steps, True)))
    assert isinstance(first[-1], Stopped) and first[-1].step > 0
    resumed = run(config, in_base, tmp_path, "parts", resume=load_checkpoint(first[-1].path))
    for part in ("model_pos", "model_traj"):
        one, other = (load_checkpoint(path, part=part).model.state_dict() for path in (whole, resumed[-1].path))
        assert all(torch.equal(one[key], other[key]) for key in one), part


def test_the_published_default_is_untouched(in_base, tmp_path):
    """Without the options there is one network, one optimizer group as ever, and no further entry in the file."""
    path = run(config_for(in_base, epochs=1), in_base, tmp_path)[-1].path
    content = torch.load(path, weights_only=True)
    assert "model_traj" not in content and "trajectory_digest" not in content["srnet"]


def test_damage_of_the_trajectory_network_is_noticed(in_base, tmp_path):
    from srnet_core.errors import BadFileError

    path = run(semi(in_base, epochs=1), in_base, tmp_path)[-1].path
    content = torch.load(path, weights_only=True)
    content["model_traj"]["shrink.bias"] += 1
    torch.save(content, path)
    assert load_checkpoint(path).model_config.name == "fc"
    with pytest.raises(BadFileError, match="not those that were saved"):
        load_checkpoint(path, part="model_traj")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train": {"subjects_unlabeled": ("A", "B")}}, "no training subject with 3D poses is left"),
        ({"augment": AugmentConfig(use=("view",))}, "augmented"),
        ({"model": {"compat": "original"}}, "as the published code"),
        ({"model": {"name": "trajectory"}}, "3D only"),
    ],
)
def test_what_does_not_go_together_is_refused(in_base, tmp_path, change, words):
    config = semi(in_base)
    for section, values in change.items():
        config = replace(
            config, **{section: replace(getattr(config, section), **values) if isinstance(values, dict) else values}
        )
    with pytest.raises(ConfigError, match=words):
        run(config, in_base, tmp_path)


def test_unknown_subjects_and_normalizations_without_a_place_are_refused(in_base, folder, tmp_path):
    with pytest.raises(UnknownNameError, match="D"):
        run(config_for(in_base, subjects_unlabeled=("D",)), in_base, tmp_path)
    prepared = prepared_as("weak_proj", folder, tmp_path)
    with pytest.raises(ConfigError, match="--norm base"):
        run(config_for(prepared, "trajectory"), prepared, tmp_path)


def test_losses():
    root = torch.tensor([[[0.0, 0.0, 4.0]], [[0.0, 0.0, 2.0]]])
    assert float(trajectory_loss(root + torch.tensor([0.4, 0.0, 0.0]), root)) == pytest.approx((0.1 + 0.2) / 2)
    from srnet_core.skeletons import get_skeleton

    pose = torch.randn(4, 1, 17, 3, generator=torch.Generator().manual_seed(0))
    skeleton = get_skeleton("h36m17")
    assert float(bone_length_loss(pose, pose[:2].repeat(2, 1, 1, 1) * 0 + pose, skeleton)) == 0
    bones = [(pose[..., j, :] - pose[..., p, :]).norm(dim=-1).mean() for p, j in skeleton.bones]
    assert float(bone_length_loss(pose, 1.5 * pose, skeleton)) == pytest.approx(0.5 * float(sum(bones)) / len(bones))
