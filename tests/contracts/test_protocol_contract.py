"""What every protocol promises, checked on every one that is built in or added by a package."""

import dataclasses

import numpy as np
import pytest
from support.plugins import every

from srnet_core import lookup
from srnet_core.clip import PoseDataset
from srnet_core.config import DataConfig
from srnet_core.errors import ConfigError, UnknownNameError
from srnet_core.geometry.camera import Camera
from srnet_core.protocols import split_clips
from srnet_core.skeletons import get_skeleton

SUBJECTS = ("S1", "S5", "S9")
TAKES = ("Sitting 1", "Sitting 2", "SittingDown", "Walking", "Walking 1")
EVERY_PROTOCOL = pytest.mark.parametrize("name", every("protocols"))

# options under which each protocol works on the toy data; a new protocol needs none if defaults do
OPTIONS = {"cross_action": {"train_actions": ("Walking",)}}


@pytest.fixture
def dataset() -> PoseDataset:
    poses = {s: {t: np.zeros((5, 17, 3), np.float32) for t in TAKES} for s in SUBJECTS}
    keypoints = {s: {t: [np.zeros((5, 17, 2), np.float32)] * 4 for t in TAKES} for s in SUBJECTS}
    cameras = dict.fromkeys(SUBJECTS, [Camera("c", 1000, 1002, (1145, 1143), (512, 515))] * 4)
    return PoseDataset("toy", "gt", get_skeleton("h36m17"), 50, poses, keypoints, cameras, ("S1", "S5"), ("S9",))


def config_of(name, **fields):
    return DataConfig(**{"protocol": name, **OPTIONS.get(name, {}), **fields})


@EVERY_PROTOCOL
def test_two_disjoint_ordered_sides(name, dataset):
    split = split_clips(dataset, config_of(name))
    order = {c: i for i, c in enumerate(dataset.clip_names)}
    assert (
        split.test
        and bool(split.train) == lookup.load("protocols", name).trains
        and not set(split.train) & set(split.test)
    )
    for side in (split.train, split.test):
        assert [order[c] for c in side] == sorted(order[c] for c in side)


@EVERY_PROTOCOL
def test_the_same_options_give_the_same_split(name, dataset):
    config = config_of(name)
    assert split_clips(dataset, config) == split_clips(dataset, dataclasses.replace(config))


@EVERY_PROTOCOL
def test_only_the_actions_asked_for_are_left(name, dataset):
    kept = ("Walking", "Sitting")
    split = split_clips(dataset, config_of(name, actions=kept))
    assert {clip.action for clip in (*split.train, *split.test)} <= set(kept)


@EVERY_PROTOCOL
@pytest.mark.parametrize("field", ["subjects_train", "subjects_test", "actions"])
def test_what_the_data_do_not_have_is_refused_with_the_choices(name, field, dataset):
    if field == "subjects_train" and not lookup.load("protocols", name).trains:
        pytest.skip("the protocol has no training data, and refuses options that choose them")
    with pytest.raises(UnknownNameError, match="no .* 'nobody'.*Choices: "):
        split_clips(dataset, config_of(name, **{field: ("nobody",)}))


@EVERY_PROTOCOL
def test_actions_to_train_on_are_taken_or_refused(name, dataset):
    config = config_of(name, train_actions=("Walking",))
    if lookup.load("protocols", name).takes_train_actions:
        assert {clip.action for clip in split_clips(dataset, config).train} == {"Walking"}
        with pytest.raises(ConfigError, match="--train-action"):
            split_clips(dataset, dataclasses.replace(config, train_actions=()))
    else:
        with pytest.raises(ConfigError, match="--train-action belongs to --protocol cross-action"):
            split_clips(dataset, config)
