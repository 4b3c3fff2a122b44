"""Protocols: which clips go where, and the order of the published code."""

import json
from dataclasses import replace

import numpy as np
import pytest

from srnet_core.clip import PoseDataset
from srnet_core.config import DataConfig
from srnet_core.errors import ConfigError, UnknownNameError
from srnet_core.protocols import actions_read_otherwise, split_clips
from srnet_core.skeletons import get_skeleton
from srnet_core.take_names import action_of

SUBJECTS = ("S1", "S5", "S9")
TAKES = ("Sitting 1", "Sitting 2", "SittingDown", "Walking", "Walking 1")


@pytest.fixture
def dataset() -> PoseDataset:
    poses = {s: {t: np.zeros((5, 17, 3), np.float32) for t in TAKES} for s in SUBJECTS}
    keypoints = {s: {t: [np.zeros((5, 17, 2), np.float32)] * 4 for t in TAKES} for s in SUBJECTS}
    return PoseDataset("toy", "gt", get_skeleton("h36m17"), 50, poses, keypoints, {}, ("S1", "S5"), ("S9",))


def test_sitting_does_not_take_in_sitting_down(dataset):
    split = split_clips(dataset, DataConfig(protocol="cross-action", train_actions=("Sitting",)))
    assert {c.take for c in split.train} == {"Sitting 1", "Sitting 2"}
    assert {c.action for c in split.test} == {"SittingDown", "Walking"}
    assert action_of("SittingDown 2") == "SittingDown"


@pytest.mark.parametrize(
    "asked", ["sittingdown", "Sitting Down", "sitting_down", "SitD.", "SittingDown 2", "sitting-down"]
)
def test_an_action_in_other_spellings(dataset, asked):
    split = split_clips(dataset, DataConfig(protocol="cross-action", train_actions=(asked,)))
    assert {c.take for c in split.train} == {"SittingDown"}


def test_an_action_that_stands_for_one_of_another_name_is_said(dataset):
    def said(*actions):
        return actions_read_otherwise(dataset, DataConfig(actions=actions))

    assert said("Walk", "SitD.") == [
        "--actions Walk: this stands for the action Walking.",
        "--actions SitD.: this stands for the action SittingDown.",
    ]
    assert said("Walking 1") == ["--actions 'Walking 1': this stands for the action Walking."]
    assert said("Walking", "sitting down", "Sitting_Down") == []


def _with_takes(dataset, *takes):
    poses = {s: {t: np.zeros((5, 17, 3), np.float32) for t in takes} for s in SUBJECTS}
    keypoints = {s: {t: [np.zeros((5, 17, 2), np.float32)] * 4 for t in takes} for s in SUBJECTS}
    return replace(dataset, positions_3d_world_m=poses, positions_2d_px=keypoints)


def test_actions_of_several_words_are_not_joined_by_their_first(dataset):
    """Training on "Jump rope" must not train on "Jump high", which is tested."""
    jumps = _with_takes(dataset, "Jump rope", "Jump rope 2", "Jump high", "Walking_1", "Walking_2")
    split = split_clips(jumps, DataConfig(protocol="cross-action", train_actions=("Jump rope",)))
    assert {c.take for c in split.train} == {"Jump rope", "Jump rope 2"}
    assert {c.action for c in split.test} == {"Jump high", "Walking"}
    with pytest.raises(UnknownNameError, match="no action 'Jump'. Did you mean 'Jump rope'"):
        split_clips(jumps, DataConfig(protocol="cross-action", train_actions=("Jump",)))


def test_advice_for_one_subject_can_work(dataset):
    poses = {"S1": dataset.positions_3d_world_m["S1"]}
    one = replace(dataset, positions_3d_world_m=poses, train_subjects=(), test_subjects=())
    with pytest.raises(ConfigError, match="no customary split") as caught:
        split_clips(one, DataConfig())
    assert "--protocol cross-action --train-action Sitting" in str(caught.value)
    assert "--protocol cross-camera --subjects-train S1 --subjects-test S1" in str(caught.value)
    assert split_clips(one, DataConfig(protocol="cross-camera", subjects_train=("S1",), subjects_test=("S1",))).test
    assert split_clips(one, DataConfig(protocol="cross-action", train_actions=("Sitting",))).test


def test_test_subjects_that_are_not_in_the_files_are_named(dataset):
    half = replace(dataset, test_subjects=(), absent_test_subjects=("S9", "S11"))
    with pytest.raises(ConfigError, match=r"the test subjects of toy \(S9, S11\) are not in the files"):
        split_clips(half, DataConfig())


def test_several_training_actions_and_any_case(dataset):
    split = split_clips(dataset, DataConfig(protocol="cross-action", train_actions=("walking", "Sitting")))
    assert {c.action for c in split.test} == {"SittingDown"}


def test_a_take_means_its_action(dataset):
    split = split_clips(dataset, DataConfig(actions=("Walking 1",)))
    assert {c.take for c in split.train} == {"Walking", "Walking 1"}


def test_cameras_default_to_the_first_against_the_others(dataset):
    split = split_clips(dataset, DataConfig(protocol="cross-camera"))
    assert {c.camera for c in split.train} == {0} and {c.camera for c in split.test} == {1, 2, 3}
    split = split_clips(dataset, DataConfig(protocol="cross-camera", test_cameras=(0,)))
    assert {c.camera for c in split.train} == {1, 2, 3}


@pytest.mark.parametrize(
    ("train", "test", "people"),
    [
        ((), (), "other people in test than in training"),
        (("all",), ("all",), "the same people in both"),
        (("S1", "S5"), ("S5", "S9"), "S5 in both"),
    ],
)
def test_cross_camera_tells_which_of_its_readings_it_is(dataset, train, test, people):
    config = DataConfig(protocol="cross-camera", subjects_train=train, subjects_test=test)
    assert split_clips(dataset, config).rule == (f"Training with camera 0, test with camera 1, 2, 3; {people}.",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"protocol": "cross-action"}, "the action to train on is not given"),
        ({"protocol": "cross-camera", "train_cameras": (0, 1), "test_cameras": (1,)}, "camera 1 is in both"),
        ({"protocol": "cross-camera", "train_cameras": (0, 1, 2, 3)}, "both need a camera"),
        ({"subjects_train": ("S1", "S9"), "subjects_test": ("S9",)}, "overlap: 20 clips of S9"),
        ({"protocol": "cross-action", "train_actions": ("Walking", "Sitting", "SittingDown")}, "left for test"),
    ],
)
def test_what_cannot_be_split_is_refused(dataset, options, message):
    with pytest.raises(ConfigError, match=message):
        split_clips(dataset, DataConfig(**options))


def test_one_side_given_leaves_the_customary_other(dataset):
    split = split_clips(dataset, DataConfig(subjects_test=("S5",)))
    assert {c.subject for c in split.train} == {"S1"}
    split = split_clips(dataset, DataConfig(subjects_train=("S1",)))
    assert {c.subject for c in split.test} == {"S9"}


@pytest.fixture(scope="module")
def golden(golden_dir):
    from srnet_core import datasets

    folder = golden_dir / "E_dataset"
    paths = datasets.locate("h36m", folder, "gt", folder)
    fetched = json.loads((folder / "E_dataset_stage.json").read_text())["fetch"]
    return datasets.load("h36m", paths, "gt"), fetched


@pytest.mark.parametrize(
    ("options", "train", "test"),
    [
        ({}, "cross_subject_train", "cross_subject_test"),
        (
            {"protocol": "cross_action", "train_actions": ("Discussion",)},
            "cross_action_train_Discussion",
            "cross_action_test14",
        ),
        ({"protocol": "cross_camera"}, "cross_camera_train_0", "cross_camera_test_123"),
    ],
)
def test_selection_and_order_are_the_published_ones(golden, options, train, test):
    dataset, fetched = golden
    split = split_clips(dataset, DataConfig(**options))
    assert [f"{c.subject}/{c.take}/{c.camera}" for c in split.train] == fetched[train]["seqs"]
    assert [f"{c.subject}/{c.take}/{c.camera}" for c in split.test] == fetched[test]["seqs"]


def test_all_means_every_subject(dataset):
    both = DataConfig(protocol="cross-camera", subjects_train=("all",), subjects_test=("all",), train_cameras=(0,))
    split = split_clips(dataset, both)
    assert {c.subject for c in split.train} == {c.subject for c in split.test} == set(SUBJECTS)
    assert {c.camera for c in split.test} == {1, 2, 3}
    with pytest.raises(ConfigError, match="no subject is left for training.*--protocol cross-dataset"):
        split_clips(dataset, DataConfig(subjects_test=("all",)))
    with pytest.raises(ConfigError, match="no subject is left for test"):
        split_clips(dataset, DataConfig(subjects_train=SUBJECTS))


def test_another_data_set_is_for_test_as_a_whole(dataset):
    no_split = replace(dataset, train_subjects=(), test_subjects=())
    split = split_clips(no_split, DataConfig(protocol="cross-dataset"))
    assert split.train == () and len(split.test) == len(SUBJECTS) * len(TAKES) * 4
    some = split_clips(no_split, DataConfig(protocol="cross-dataset", subjects_test=("S5",), test_cameras=(2,)))
    assert {(c.subject, c.camera) for c in some.test} == {("S5", 2)}
    for option, value in (("subjects_train", ("S1",)), ("train_cameras", (0,))):
        with pytest.raises(ConfigError, match="has no effect: this protocol has no training data"):
            split_clips(no_split, DataConfig(protocol="cross-dataset", **{option: value}))
