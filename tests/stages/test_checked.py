"""Data that do not fit together make no stage unless asked for, and what users must know stands in the manifest."""

from dataclasses import replace

import numpy as np
import pytest

from srnet_core.config import DataConfig
from srnet_core.errors import BadFileError, ConfigError
from srnet_core.stages.prepare import prepare
from srnet_core.stages.store import Stage


@pytest.fixture
def config(small_data, tmp_path) -> DataConfig:
    return DataConfig(
        dataset="small", data_dir=str(small_data), cache_dir=str(tmp_path / "cache"), subjects_test=("C",)
    )


def _rewrite(config, tmp_path, *, three=lambda members: None, two=lambda members: None) -> DataConfig:
    """The same data set in another folder, with the members of its files changed."""
    folder = tmp_path / "changed"
    folder.mkdir()
    for name, change in (("data_3d_small.npz", three), ("data_2d_small_gt.npz", two)):
        with np.load(f"{config.data_dir}/{name}", allow_pickle=True) as file:
            members = {key: file[key].item() for key in file.files}
        change(members)
        np.savez(folder / name, **members)
    return replace(config, data_dir=str(folder))


def _thousandth(members):
    for takes in members["positions_3d"].values():
        takes.update({take: pose / 1000 for take, pose in takes.items()})


def _gaps(members):
    """A joint of A's first view is missing in frames 10 and 11 and 20 to 29; the first view of B's Sit is not there."""
    view = members["positions_2d"]["A"]["Walk"][0]
    view[10:12, 3] = view[20:30, 5] = 0
    members["positions_2d"]["B"]["Sit"][0] = None


def test_sound_data_have_no_warnings(config):
    manifest = prepare(config).stage.manifest
    assert manifest["warnings"] == [] and manifest["absent_subjects"] == {"train": [], "test": []}
    assert manifest["check"]["unchecked"] is False and manifest["check"]["findings"] == []
    assert manifest["check"]["views"] == 18 and manifest["check"]["median_px"] < 0.01


def test_data_that_do_not_fit_are_refused(config, tmp_path):
    wrong = _rewrite(config, tmp_path, three=_thousandth)
    with pytest.raises(BadFileError, match=r"data_3d_small\.npz: .* px from the 2D .*1000 times too small") as caught:
        prepare(wrong)
    assert "--unchecked" in str(caught.value)
    assert not list((tmp_path / "cache").glob("small*"))


def test_unchecked_lets_them_through_and_the_manifest_says_so(config, tmp_path):
    prepared = prepare(replace(_rewrite(config, tmp_path, three=_thousandth), unchecked=True))
    manifest = Stage.open(prepared.stage.folder).manifest
    assert manifest["check"]["unchecked"] is True and manifest["config"]["unchecked"] is True
    assert manifest["check"]["findings"][0]["level"] == "error"
    assert manifest["warnings"][0].startswith("Let through with --unchecked: the 3D seen through its cameras lies")


def test_frames_with_missing_keypoints_are_in_no_window(config, tmp_path):
    gaps = _rewrite(config, tmp_path, two=_gaps)
    stage = prepare(gaps).stage
    whole = prepare(config).stage
    assert np.isfinite(stage.read("pose_2d")).all()
    cut = [c for c in stage.clips if (c.subject, c.take, c.camera) == ("A", "Walk", 0)]
    assert [(c.first_frame, c.length) for c in cut] == [(0, 10), (12, 8), (30, 10)]
    assert [str(c) for c in cut][1:] == ["A/Walk/camera 0/from frame 12", "A/Walk/camera 0/from frame 30"]
    (uncut,) = [c for c in whole.clips if str(c) == "A/Walk/camera 0"]
    for clip in cut:
        start = uncut.start + clip.first_frame
        for name in ("pose_2d", "pose_3d", "root_cam_m"):
            found = stage.read(name, clip.start, clip.start + clip.length)
            np.testing.assert_array_equal(found, whole.read(name, start, start + clip.length))
    assert not [c for c in stage.clips if (c.subject, c.take, c.camera) == ("B", "Sit", 0)]
    (warning,) = stage.manifest["warnings"]
    assert warning.startswith("Frames with missing keypoints are not used: 12 of 541 (2%). --fill-gaps 5")
    assert "Views without 2D were left out: 1 (B/Sit/camera 0)." in stage.manifest["notes"]


def test_short_gaps_are_filled_on_request(config, tmp_path):
    gaps = replace(_rewrite(config, tmp_path, two=_gaps), fill_gaps=2)
    stage, whole = prepare(gaps).stage, prepare(config).stage
    cut = [c for c in stage.clips if (c.subject, c.take, c.camera) == ("A", "Walk", 0)]
    assert [(c.first_frame, c.length) for c in cut] == [(0, 20), (30, 10)]
    assert "Keypoints filled in gaps of up to 2 frames: 2." in stage.manifest["notes"]
    (uncut,) = [c for c in whole.clips if str(c) == "A/Walk/camera 0"]
    found = stage.read("pose_2d", cut[0].start + 10, cut[0].start + 12)
    np.testing.assert_allclose(found, whole.read("pose_2d", uncut.start + 10, uncut.start + 12), atol=2e-3)
    long = prepare(replace(gaps, fill_gaps=10)).stage
    assert not long.manifest["warnings"] and long.manifest["key"] != stage.manifest["key"]


def test_data_without_a_whole_frame(config, tmp_path):
    def nothing_whole(members):
        for takes in members["positions_2d"].values():
            for views in takes.values():
                for view in views:
                    view[::2, 4] = view[1::2, 5] = 0

    with pytest.raises(BadFileError, match="a keypoint is missing in every frame of every view.*--fill-gaps 5"):
        prepare(_rewrite(config, tmp_path, two=nothing_whole))


def test_a_usual_split_without_one_of_its_subjects(config, tmp_path):
    def split(members):
        members["metadata"] |= {"train_subjects": ["A", "B"], "test_subjects": ["C"]}

    usual = replace(_rewrite(config, tmp_path, three=split), subjects_test=())
    assert prepare(usual).stage.manifest["warnings"] == []


@pytest.mark.parametrize("gone", ["S9", "S11"])
def test_human36m_without_a_test_subject(tmp_path, gone):
    from support import published_files

    takes = {s: {"Walking": 6} for s in ("S1", "S5", "S6", "S7", "S8", "S9", "S11") if s != gone}
    published_files.write(tmp_path, "h36m", *published_files.h36m_members(takes))
    config = DataConfig(dataset="h36m", data_dir=str(tmp_path), cache_dir=str(tmp_path / "cache"))
    manifest = prepare(config).stage.manifest
    assert manifest["absent_subjects"] == {"train": [], "test": [gone]}
    assert any(w.startswith(f"{gone} is a test subject of h36m, but not in the files") for w in manifest["warnings"])
    asked = prepare(replace(config, subjects_test=("S5",))).stage.manifest
    assert asked["absent_subjects"]["test"] == []


def test_human36m_without_both_test_subjects(tmp_path):
    from support import published_files

    published_files.write(tmp_path, "h36m", *published_files.h36m_members({s: {"Walking": 6} for s in ("S1", "S5")}))
    config = DataConfig(dataset="h36m", data_dir=str(tmp_path), cache_dir=str(tmp_path / "cache"))
    with pytest.raises(ConfigError, match=r"the test subjects of h36m \(S9, S11\) are not in the files"):
        prepare(config)


def test_a_skeleton_without_sides_is_said(config, tmp_path):
    def no_sides(members):
        members["metadata"] |= {"joints_left": [], "joints_right": []}

    plain = _rewrite(config, tmp_path, three=no_sides, two=lambda members: members.pop("metadata"))
    (warning,) = prepare(plain).stage.manifest["warnings"]
    assert "names no left and right joints" in warning and "--no-flip" in warning
