"""Several data sets as one: subjects, joints, frame rates, usual splits, weights, training."""

import json

import numpy as np
import pytest

from srnet_core import datasets
from srnet_core.config import DataConfig, replace
from srnet_core.datasets.joined import common_skeleton, join
from srnet_core.errors import ConfigError
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.skeletons import get_skeleton
from srnet_core.stages.prepare import prepare


@pytest.fixture
def folder(published_files, tmp_path):
    published_files(tmp_path / "data", "one", seed=1)
    return published_files(tmp_path / "data", "two", seed=2, fps=100)


@pytest.fixture
def config(folder, tmp_path) -> DataConfig:
    return DataConfig(
        dataset="one,two", data_dir=str(folder), cache_dir=str(tmp_path / "cache"), subjects_test=("one:C", "two:C")
    )


def load(folder, name):
    return datasets.load(name, datasets.locate(name, folder, "gt", "cache"), "gt")


def test_people_of_the_same_name_stay_apart_and_the_lowest_frame_rate_counts(folder):
    one, two = load(folder, "one"), load(folder, "two")
    both = join([one, two])
    assert both.name == "one,two" and both.fps == 50 and both.skeleton == one.skeleton
    assert both.subjects == ("one:A", "one:B", "one:C", "two:A", "two:B", "two:C")
    np.testing.assert_array_equal(both.positions_3d_world_m["one:A"]["Walk"], one.positions_3d_world_m["A"]["Walk"])
    np.testing.assert_array_equal(
        both.positions_3d_world_m["two:A"]["Walk"], two.positions_3d_world_m["A"]["Walk"][::2]
    )
    np.testing.assert_array_equal(both.positions_2d_px["two:B"]["Sit"][1], two.positions_2d_px["B"]["Sit"][1][::2])
    assert both.cameras["two:A"] == two.cameras["A"]
    assert any(note.startswith("two: one of 2 frames is used, 50 per") for note in both.notes)


def test_skeletons_are_brought_together_by_common_joints():
    h36m, other = get_skeleton("h36m17"), get_skeleton("h36m16")
    common = common_skeleton([h36m, other], ["a", "b"])
    assert common.joint_names == tuple(j for j in h36m.joint_names if j in other.joint_names)
    assert common.num_joints == 16 and common.parent_names[0] is None
    assert set(common.parent_names[1:]) <= set(common.joint_names) and common.left == h36m.left
    with_humaneva = common_skeleton([h36m, get_skeleton("humaneva15")], ["a", "b"])
    assert with_humaneva.num_joints == 15 and "LFoot" in with_humaneva.joint_names
    head = with_humaneva.joint_names.index("Head")
    assert with_humaneva.parent_names[head] == "Thorax", "the neck, which HumanEva has not, is passed over"
    thorax = Skeleton("t", ("Thorax", "Head"), (None, "Thorax"), (), ())
    with pytest.raises(ConfigError, match="the root of a is Hip"):
        common_skeleton([h36m, thorax], ["a", "b"])


def test_rates_that_do_not_fit_are_told(folder, published_files):
    published_files(folder, "three", seed=3, fps=60)
    both = join([load(folder, "one"), load(folder, "three")])
    assert both.fps == 50 and any("one 50, three 60" in warning for warning in both.warnings)


def test_the_usual_splits_are_kept(folder):
    one, two = load(folder, "one"), load(folder, "two")
    usual = type(one)(**{**vars_of(one), "train_subjects": ("A", "B"), "test_subjects": ("C",)})
    both = join([usual, two])
    assert both.train_subjects == ("one:A", "one:B", "two:A", "two:B", "two:C") and both.test_subjects == ("one:C",)


def vars_of(dataset):
    return {name: getattr(dataset, name) for name in dataset.__dataclass_fields__}


def test_weights_repeat_the_training_frames_of_a_set_and_store_nothing_again(config):
    plain = prepare(config).stage
    weighted = prepare(replace(config, dataset_weights=(2.5, 0.5))).stage
    assert all((weighted.folder / a / "c").exists() and weighted.shared_bytes for a in plain.manifest["arrays"])
    assert weighted.bytes - weighted.shared_bytes == weighted.manifest["files"]["zarr.json"]["bytes"]

    def frames(stage, name, split):
        return sum(c.length for c in stage.split(split) if c.subject.startswith(name))

    for name, weight in (("one:", 2.5), ("two:", 0.5)):
        assert frames(weighted, name, "train") == pytest.approx(weight * frames(plain, name, "train"), rel=0.03)
        assert frames(weighted, name, "test") == frames(plain, name, "test")
    first, second, half = [c for c in weighted.split("train") if str(c) == str(plain.clips[0])]
    read = lambda c: weighted.read("pose_3d", c.start, c.start + c.length)  # noqa: E731
    np.testing.assert_array_equal(read(first), read(second))
    assert half.length == first.length // 2
    assert any("one 2.5, two 0.5" in note for note in weighted.manifest["notes"])


@pytest.mark.parametrize("weights", [(1.0,), (1.0, 2.0, 3.0)])
def test_one_weight_for_each_set(config, weights):
    with pytest.raises(ConfigError, match="--dataset-weights"):
        prepare(replace(config, dataset_weights=weights))
    with pytest.raises(ConfigError, match="--dataset-weights"):
        prepare(replace(config, dataset="one", subjects_test=("C",), dataset_weights=(1.0,)))


def test_a_set_given_twice(config):
    with pytest.raises(ConfigError, match="given twice"):
        prepare(replace(config, dataset="one,one"))


def test_training_on_two_sets_is_told(folder, tmp_path, monkeypatch, capsys):
    from srnet_cli.app import run

    monkeypatch.chdir(tmp_path)
    train = "--dataset one,two --dataset-weights 1,2 --subjects-test one:C,two:C --channels 40 --epochs 1 --arch 3"
    assert run(["train", *train.split(), "--device", "cpu", "--name", "both"]) == 0
    assert run(["eval", "both", "--json", "both.json", "--by", "subject"]) == 0
    out = capsys.readouterr().out
    assert "one,two" in out and "two:C" in out
    assert run(["eval", "both", "--dataset", "two", "--subjects-test", "A,C", "--json", "two.json"]) == 0
    both, two = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("both", "two"))
    assert both["dataset"] == "one,two" and both["trained_on"] == ["one", "two"] and both["test_clips_trained_on"] == 0
    assert two["protocol"] == "cross_dataset" and two["test_clips_known_under_other_names"] == 6, "A was trained on"
