"""Protocol rare-pose: the rarest takes are tested, by the distance to poses of other takes."""

import numpy as np
import pytest
from support.small_data import cameras, moving_poses

from srnet_core.clip import PoseDataset
from srnet_core.config import DataConfig
from srnet_core.errors import ConfigError
from srnet_core.protocols import split_clips
from srnet_core.protocols.rare_pose import NEAREST, POSES_PER_VIEW, take_rareness_m
from srnet_core.skeletons import get_skeleton

RARE_PROTOCOL = DataConfig(protocol="rare-pose")


@pytest.fixture
def dataset() -> PoseDataset:
    """Three subjects with three takes each; B's "Handstand" is unlike all others."""
    rng = np.random.default_rng(1)
    poses = {s: {t: moving_poses(rng, 20) for t in ("Walk", "Sit", "Handstand")} for s in "ABC"}
    poses["B"]["Handstand"] = poses["B"]["Handstand"] * np.float32([1, 1, -1])
    keypoints = {s: {t: [np.ones((20, 17, 2), np.float32)] * 2 for t in takes} for s, takes in poses.items()}
    return PoseDataset("toy", "gt", get_skeleton("h36m17"), 50, poses, keypoints, dict.fromkeys("ABC", cameras()))


def test_the_take_unlike_all_others_is_tested_as_a_whole(dataset):
    split = split_clips(dataset, DataConfig(protocol="rare-pose", rare_share=0.1))
    assert {(c.subject, c.take, c.camera) for c in split.test} == {("B", "Handstand", 0), ("B", "Handstand", 1)}
    assert len(split.train) == 16
    assert "1 rarest of 9" in split.rule[0] and "11 % of the frames" in split.rule[0]


def test_the_share_is_reached_with_whole_takes(dataset):
    split = split_clips(dataset, RARE_PROTOCOL)
    tested = {(c.subject, c.take) for c in split.test}
    assert len(tested) == 2 and not tested & {(c.subject, c.take) for c in split.train}


def test_rareness_as_computed_directly(dataset):
    rows = np.unique(np.linspace(0, 19, POSES_PER_VIEW).round().astype(int))
    seen = {}
    for clip in dataset.clips(dataset.clip_names):
        pose_m = clip.pose_3d_cam_m[rows].astype(np.float64)
        seen.setdefault((clip.name.subject, clip.name.take), []).append(pose_m - pose_m[:, :1])
    poses = {take: np.concatenate(views) for take, views in seen.items()}
    for take, value in take_rareness_m(dataset, dataset.clip_names).items():
        others = np.concatenate([p for other, p in poses.items() if other != take])
        d = np.linalg.norm(poses[take][:, None] - others, axis=-1).mean(-1)
        assert value == pytest.approx(np.sort(d, axis=1)[:, :NEAREST].mean(), rel=1e-4)


def test_subjects_and_cameras_choose_without_changing_what_is_rare(dataset):
    whole = split_clips(dataset, RARE_PROTOCOL)
    some = split_clips(dataset, DataConfig(protocol="rare-pose", subjects_test=("B",), train_cameras=(1,)))
    assert set(some.test) == {c for c in whole.test if c.subject == "B"}
    assert set(some.train) == {c for c in whole.train if c.camera == 1}
    assert len(whole.rule) == 1 and "the test takes are the 2 rarest of 9" in whole.rule[0]
    takes = len({c.take for c in some.test})  # the table said that all rare takes were tested
    assert "among the 2 rarest of 9" in some.rule[0] and some.rule[1].startswith(f"Of these takes {takes} ")


def test_one_take_cannot_be_divided(dataset):
    with pytest.raises(ConfigError, match="two takes"):
        split_clips(
            PoseDataset(
                "toy",
                "gt",
                dataset.skeleton,
                50,
                {"A": {"Walk": dataset.positions_3d_world_m["A"]["Walk"]}},
                {"A": {"Walk": dataset.positions_2d_px["A"]["Walk"]}},
                {"A": cameras()},
            ),
            RARE_PROTOCOL,
        )


def test_the_share_belongs_to_this_protocol(dataset):
    with pytest.raises(ConfigError, match="--rare-share belongs to --protocol rare-pose"):
        split_clips(dataset, DataConfig(rare_share=0.5, subjects_train=("A",), subjects_test=("B",)))
