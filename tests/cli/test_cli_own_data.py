"""Data and skeletons of one's own: the page docs/own_data.md, groups that fit the skeleton of the data."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from support.cli import TINY

from srnet_core.checkpoint import load_checkpoint

_WORDS = "Pelvis RHip RKnee RAnkle LHip LKnee LAnkle Chest Head LShoulder LElbow LWrist RShoulder RElbow RWrist"
JOINTS = _WORDS.split()
PAGE = Path(__file__).resolve().parents[2] / "docs" / "own_data.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def own(srnet):
    """The command line in a folder with the data set that the page writes."""
    Path("data").mkdir()
    exec(compile(blocks("python")[0], str(PAGE), "exec"), {})
    return srnet


def test_the_commands_of_the_page_run(own):
    *_, train = commands = [line.split()[1:] for line in blocks("sh")[0].splitlines()]
    assert [c[0] for c in commands] == ["prepare", "groups", "train"]
    for command in commands[:-1]:
        own(*command).ok()
    assert "no groups of its own; its limbs are used: right leg (4 joints)" in own(*train, *TINY).ok().err
    model = load_checkpoint("checkpoint/latest_epoch_srnet_gp5_t1_mul_own.bin").model_config
    assert model.skeleton == "own" and [name for name, _ in model.body_parts][:2] == ["right leg", "left leg"]


def test_the_keypoints_of_the_page_are_those_its_camera_sees(own):
    """The 3D poses seen through the camera with its quaternion lie where the 2D file says."""
    from srnet_core import datasets

    data = datasets.load("own", datasets.locate("own", "data", "gt", "cache"), "gt")
    for person, takes in data.positions_3d_world_m.items():
        camera = data.cameras[person][0]
        seen_px = camera.project(camera.world_to_camera(takes["Walking"]))
        np.testing.assert_allclose(seen_px, data.positions_2d_px[person]["Walking"][0], atol=0.01)


def test_groups_of_ones_own_are_checked_against_the_skeleton_of_the_data(own):
    Path("g.toml").write_text(blocks("toml")[0])
    own("train", "--dataset", "own", *TINY, "--groups", "g.toml", "--name", "two").ok()
    assert load_checkpoint("checkpoint/latest_epoch_two.bin").model_config.groups == 2
    Path("wrong.toml").write_text('legs = ["Hip", "RHip"]')
    own("train", "--dataset", "own", *TINY, "--groups", "wrong.toml").refused("wrong.toml", "'Hip'", "Pelvis")
    own("train", "--dataset", "synthetic", *TINY, "--groups", "g.toml").refused("--groups", "there is no joint")
    own("train", "--dataset", "own", *TINY, "--groups", "3").refused("--groups", "no division into 3", "only 1, 5")
    assert "legs" in own("groups", "--dataset", "own", "--groups", "g.toml", "--no-pictures").ok().out


def test_groups_lists_the_limbs_of_the_data_set(own):
    out = own("groups", "--dataset", "own", "--no-pictures").ok().out
    assert "5 groups (limbs)" in out and "Pelvis, LShoulder, LElbow, LWrist" in out
    assert "srnet train --dataset own --groups N (here 1, 5)" in out
    own("groups", "--dataset", "own", "--skeleton", "h36m17").refused("--skeleton and --dataset", "one of them")


def test_the_2d_file_of_ones_own_skeleton_is_checked(own):
    """Where the 2D file describes its joints, alone; else with the 3D file, or with a file that names the joints."""
    path, other = "data/data_2d_own_gt.npz", "bare.npz"
    assert "nothing stands out in 2 sequences" in own("data", "check", path).ok().out
    with np.load(path, allow_pickle=True) as file:  # the test wrote it itself
        metadata = {k: v for k, v in file["metadata"].item().items() if k in ("num_joints", "keypoints_symmetry")}
        np.savez(other, positions_2d=file["positions_2d"], metadata=metadata)
    own("data", "check", other).refused("15 joints", "--layout MINE.toml, or --layout none to go without")
    assert "nothing stands out" in own("data", "check", other, "--layout", "none").ok().out
    assert "nothing stands out" in own("data", "check", other, "--layout", "data/data_3d_own.npz").ok().out
    own("data", "check", other, "--layout", path.replace("own", "no")).refused("there is no such")
    own("data", "check", path, "--layout", other).refused("no 'metadata' with joint_names")
    written = own("data", "mapping", other, "--output", "mine.toml").ok()
    assert "layout unknown" in written.out and "srnet data check bare.npz --layout mine.toml" in written.err
    text = Path("mine.toml").read_text()
    for number, name in enumerate(JOINTS):
        text = text.replace(f'"joint {number}",', f'"{name}",')
    Path("mine.toml").write_text(text)
    assert "nothing stands out" in own("data", "check", other, "--layout", "mine.toml").ok().out
    named = json.loads(own("data", "mapping", path, "--json").ok().out)
    assert named["layout"] == "own" and named["joints"]["RFoot"] == "RAnkle" and named["points"] == JOINTS


def test_keypoints_in_another_order_are_lifted_by_a_network_of_ones_own(own):
    own("train", "--dataset", "own", *TINY).ok()
    with np.load("data/data_2d_own_gt.npz", allow_pickle=True) as file:
        points = file["positions_2d"].item()["Ann"]["Walking"][0]
    order = [3, 1, 2, 0, *range(14, 3, -1)]
    np.save("walk.npy", points[:, order])
    Path("mine.toml").write_text(f"joints = {json.dumps([JOINTS[i] for i in order])}")
    options = [
        "--checkpoint",
        "checkpoint/latest_epoch_srnet_gp5_t1_mul_own.bin",
        "--fps",
        "30",
        "--image-size",
        "1000x1000",
    ]
    own("lift", "walk.npy", *options, "--layout", "mine.toml", "-o", "a.json").ok()
    own("lift", "data/data_2d_own_gt.npz", "--sequence", "Ann/Walking", *options, "-o", "b.json").ok()
    first, second = (json.loads(Path(name).read_text()) for name in ("a.json", "b.json"))
    assert first["people"][0]["joints_m"] == second["people"][0]["joints_m"]
