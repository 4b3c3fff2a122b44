"""Human3.6M: against the published code's own numbers on invented data, and what users meet on the way."""

import json

import numpy as np
import pytest
from support import published_files

from srnet_core import datasets
from srnet_core.errors import BadFileError, InputFileMissing
from srnet_core.geometry.h36m_cameras import h36m_cameras
from srnet_core.skeletons import h36m16, h36m17, h36m32


@pytest.fixture(scope="module")
def golden(golden_dir):
    folder = golden_dir / "E_dataset"
    return np.load(folder / "E_dataset_stage.npz"), json.loads((folder / "E_dataset_stage.json").read_text())


@pytest.fixture(scope="module")
def golden_dataset(golden_dir):
    folder = golden_dir / "E_dataset"
    return datasets.load("h36m", datasets.locate("h36m", folder, "gt", folder), "gt")


def _clip(dataset, subject, take, camera):
    return next(c for c in dataset.clip_names if (c.subject, c.take, c.camera) == (subject, take, camera))


def test_golden_world_positions(golden, golden_dataset):
    arrays, _ = golden
    keys = [k for k in arrays.files if k.startswith("pos17/")]
    assert len(keys) == 7
    for key in keys:
        _, subject, take = key.split("/")
        np.testing.assert_array_equal(golden_dataset.positions_3d_world_m[subject][take], arrays[key])


def test_golden_camera_space(golden, golden_dataset):
    arrays, _ = golden
    keys = [k for k in arrays.files if k.startswith("p3d/")]
    assert keys
    for key in keys:
        _, subject, take, camera = key.split("/")
        pose = golden_dataset.clip(_clip(golden_dataset, subject, take, int(camera))).pose_3d_cam_m
        # a float32 step at 7 m is 0.5e-6 m; the published numbers themselves lie 1.3e-6 m from those in float64
        np.testing.assert_allclose(pose, arrays[key], rtol=0, atol=2e-6)


def test_golden_2d(golden, golden_dataset):
    arrays, _ = golden
    keys = [k for k in arrays.files if k.startswith("p2d/")]
    assert keys
    for key in keys:
        _, subject, take, camera = key.split("/")
        clip = golden_dataset.clip(_clip(golden_dataset, subject, take, int(camera)))
        np.testing.assert_array_equal(clip.pose_2d_px, arrays[key])


def test_golden_checksums_of_every_sequence(golden, golden_dataset):
    sums = golden[1]["p3d_checksum"]
    assert len(sums) == len(golden_dataset.clip_names) == 576
    for clip in golden_dataset.clips(golden_dataset.clip_names):
        expected = sums[f"{clip.name.subject}/{clip.name.take}/{clip.name.camera}"]
        pose = clip.pose_3d_cam_m.astype(np.float64)
        np.testing.assert_allclose([pose.sum(), np.abs(pose).sum()], expected, rtol=1e-5)


def test_golden_order_of_the_selection(golden, golden_dataset):
    for split, subjects in (("train", golden_dataset.train_subjects), ("test", golden_dataset.test_subjects)):
        expected = golden[1]["fetch"][f"cross_subject_{split}"]["seqs"]
        found = [
            f"{c.subject}/{c.take}/{c.camera}" for s in subjects for c in golden_dataset.clip_names if c.subject == s
        ]
        assert found == expected


def test_golden_2d_is_cut_to_the_3d(golden, golden_dataset):
    ((key, (before, after)),) = golden[1]["truncated_2d"].items()
    subject, take = key.split("/")
    assert [len(v) for v in golden_dataset.positions_2d_px[subject][take]] == after
    first = f"{key}/camera 0, {before[0]} frames for {after[0]}"
    note = f"2D clips longer than their 3D were cut at the end: 4 (the first: {first})."
    assert golden_dataset.notes == (note,)


def test_golden_skeleton_and_split(golden, golden_dataset):
    _, facts = golden
    assert list(golden_dataset.skeleton.parents) == facts["parents"]
    assert list(golden_dataset.skeleton.left_indices) == facts["joints_left"]
    assert list(golden_dataset.skeleton.right_indices) == facts["joints_right"]
    assert golden_dataset.fps == facts["fps"]
    assert golden_dataset.train_subjects == ("S1", "S5", "S6", "S7", "S8")
    assert golden_dataset.test_subjects == ("S9", "S11")


def test_real_motion_projects_onto_its_2d(shared_dir):
    folder = shared_dir / "mocap/uiprmd_h36m"
    dataset = datasets.load("h36m", datasets.locate("h36m", folder, "gt", folder), "gt")
    assert sum(c.frames for c in dataset.clip_names) == 4 * 87_608
    for clip in dataset.clips(dataset.clip_names[::20]):
        assert np.abs(clip.camera.project(clip.pose_3d_cam_m) - clip.pose_2d_px).max() < 1


def _load(tmp_path, members_3d, members_2d):
    return datasets.load("h36m", published_files.write(tmp_path, "h36m", members_3d, members_2d), "gt")


def test_17_joints_are_taken_as_they_are(tmp_path):
    three, two = published_files.h36m_members()
    from_32 = _load(tmp_path, three, two)
    kept = {s: {t: p[:, list(h36m32.TO_H36M17)] for t, p in ts.items()} for s, ts in three["positions_3d"].items()}
    from_17 = _load(tmp_path, {"positions_3d": kept}, two)
    for name in from_32.clip_names:
        np.testing.assert_array_equal(from_32.clip(name).pose_3d_cam_m, from_17.clip(name).pose_3d_cam_m)


def test_other_numbers_of_joints(tmp_path):
    _, two = published_files.h36m_members()
    with pytest.raises(BadFileError, match="has 16 joints; expected 32 or 17"):
        _load(tmp_path, {"positions_3d": published_files.poses(num_joints=16)}, two)


def test_takes_and_subjects_on_one_side_only(tmp_path):
    """As published: "Directions" of S11 has no 2D, and S2 has no calibration."""
    takes = {"S1": {"Walking": 3}, "S2": {"Walking": 4}, "S11": {"Directions": 3, "Walking": 4}}
    three, two = published_files.h36m_members({s: t for s, t in takes.items() if s != "S2"})
    three["positions_3d"]["S2"] = published_files.poses({"S2": takes["S2"]}, 32)["S2"]
    two["positions_2d"]["S11"]["Eating"] = two["positions_2d"]["S11"].pop("Directions")
    dataset = _load(tmp_path, three, two)
    assert [(c.subject, c.take) for c in dataset.clip_names[::4]] == [("S1", "Walking"), ("S11", "Walking")]
    assert dataset.notes == (
        "Subjects without known cameras were left out: S2.",
        "Takes with 3D but without 2D were left out: 1 (S11/Directions).",
        "Takes with 2D but without 3D were left out: 1 (S11/Eating).",
    )
    assert dataset.test_subjects == ("S11",)


def test_the_project_calibration_is_used(tmp_path):
    dataset = _load(tmp_path, *published_files.h36m_members())
    assert dataset.cameras["S1"] == h36m_cameras()["S1"]


def test_missing_files_say_what_is_there(tmp_path):
    published_files.write(tmp_path, "h36m", *published_files.h36m_members(), keypoints="cpn_ft_h36m_dbb")
    with pytest.raises(InputFileMissing) as caught:
        datasets.locate("h36m", tmp_path, "gt", tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}: data_2d_h36m_gt.npz is not there; ")
    assert "cpn_ft_h36m_dbb (--keypoints)" in message and "vision.imar.ro/human3.6m" in message


def test_without_a_name_human36m_is_taken_if_any_of_it_is_there(tmp_path):
    assert datasets.resolve_name(None, tmp_path, "gt") == "synthetic"
    assert datasets.resolve_name("mine", tmp_path, "gt") == "mine"
    (tmp_path / "data_2d_h36m_gt.npz").touch()
    assert datasets.resolve_name(None, tmp_path, "cpn") == "h36m"
    assert datasets.resolve_name(None, tmp_path, "gt") == "h36m"
    (tmp_path / "data_3d_h36m.npz").touch()
    assert datasets.resolve_name(None, tmp_path, "cpn") == "h36m"
    (tmp_path / "data_3d_mine.npz").touch()
    assert datasets.available(tmp_path) == ["h36m", "mine"]
    assert datasets.available(tmp_path / "gone") == []


@pytest.mark.parametrize(
    "file",
    [
        "data_3d_h36m (1).npz",
        "data_3d_h36m.npz.part",
        "data_2d_h36m_cpn_ft_h36m_dbb.npz",
        "Human3.6M.zip",
        "h36m",
        "data_3d_Human36M.npz",
    ],
)
def test_half_of_human36m_or_another_name_never_means_synthetic_data(tmp_path, file):
    (tmp_path / "README.md").touch()
    assert datasets.resolve_name(None, tmp_path, "gt") == "synthetic"
    (tmp_path / file).touch()
    assert datasets.resolve_name(None, tmp_path, "gt") == "h36m"
    with pytest.raises(InputFileMissing, match=r"data_3d_h36m\.npz and data_2d_h36m_gt\.npz are not there") as caught:
        datasets.locate("h36m", tmp_path, "gt", tmp_path)
    assert ("unpack and rename" in str(caught.value)) == ("cpn" not in file)
    assert file.removeprefix("data_2d_h36m_").removesuffix(".npz") in str(caught.value)


def test_a_subject_of_the_usual_split_that_is_not_there(tmp_path):
    dataset = _load(tmp_path, *published_files.h36m_members())
    assert (dataset.absent_train_subjects, dataset.absent_test_subjects) == (("S5", "S6", "S7", "S8"), ("S11",))


def test_a_file_that_brings_cameras_and_says_synthetic_is_believed(tmp_path):
    members_3d, members_2d = published_files.members()
    members_3d["metadata"]["synthetic"] = True
    moved = {**members_3d["cameras"]["S1"][0], "translation": np.float32([1, 2, 3])}
    members_3d["cameras"]["S1"] = [moved, *members_3d["cameras"]["S1"][1:]]
    dataset = datasets.load("h36m", published_files.write(tmp_path, "h36m", members_3d, members_2d), "gt")
    assert dataset.synthetic and dataset.cameras["S1"][0].translation_m == (1, 2, 3)
    assert any("cameras of its own" in note for note in dataset.notes)


@pytest.mark.parametrize("joints_3d", [32, 17, 16])
def test_sets_of_16_joints_have_a_skeleton_of_their_own(tmp_path, joints_3d):
    """SemGCN and PoseAug leave Neck/Nose out of the 2D; their 3D has 32, 17 or 16 joints."""
    members_3d, members_2d = published_files.h36m_members()
    for takes in members_2d["positions_2d"].values():
        for views in takes.values():
            views[:] = [view[:, h36m16.TO_H36M16] for view in views]
    sides = [list(h36m16.SKELETON.left_indices), list(h36m16.SKELETON.right_indices)]
    assert sides == [[4, 5, 6, 10, 11, 12], [1, 2, 3, 13, 14, 15]]
    members_2d["metadata"] = {"num_joints": 16, "keypoints_symmetry": sides}
    kept = {32: range(32), 17: h36m32.TO_H36M17, 16: [h36m32.TO_H36M17[j] for j in h36m16.TO_H36M16]}[joints_3d]
    for takes in members_3d["positions_3d"].values():
        for take in takes:
            takes[take] = takes[take][:, list(kept)]
    published_files.write(tmp_path, "h36m", members_3d, members_2d)
    dataset = datasets.load("h36m", datasets.locate("h36m", tmp_path, "gt", tmp_path), "gt")
    assert dataset.skeleton is h36m16.SKELETON and dataset.skeleton.parents[9] == 8
    assert any("16 joints" in note for note in dataset.notes)
    for clip in dataset.clips(dataset.clip_names):
        assert np.abs(clip.camera.project(clip.pose_3d_cam_m) - clip.pose_2d_px).max() < 0.01
    assert set(h36m17.JOINTS) - set(dataset.skeleton.joint_names) == {"Neck/Nose"}


def _load_from(folder):
    return datasets.load("h36m", datasets.locate("h36m", folder, "gt", folder), "gt")


@pytest.mark.parametrize("names", [{"S1": "s_01", "S9": "s_09"}, {"S1": 1, "S9": 9}, {"S1": "Subject 1", "S9": "s9"}])
@pytest.mark.parametrize("both", [True, False])
def test_subjects_spelled_in_other_ways_get_their_cameras(tmp_path, names, both):
    members_3d, members_2d = published_files.h36m_members()
    for members, key in (
        ((members_2d, "positions_2d"), (members_3d, "positions_3d")) if both else ((members_2d, "positions_2d"),)
    ):
        members[key] = {names[subject]: takes for subject, takes in members[key].items()}
    published_files.write(tmp_path, "h36m", members_3d, members_2d)
    dataset = _load_from(tmp_path)
    assert dataset.subjects == ("S1", "S9") and dataset.test_subjects == ("S9",)
    assert dataset.cameras["S9"] == h36m_cameras()["S9"]
    assert any("Human3.6M's names" in note for note in dataset.notes) is both


@pytest.mark.parametrize("pattern", ["{take}.{id}", "{take} cam {id}", "{take}_{id}.h5"])
def test_2d_takes_of_one_camera_each(tmp_path, pattern):
    """Names as in the files of the stacked hourglass and of h36m-fetch, "Walking 1.54138969"."""
    members_3d, members_2d = published_files.h36m_members()
    expected = {s: {t: list(v) for t, v in takes.items()} for s, takes in members_2d["positions_2d"].items()}
    members_2d["positions_2d"] = {
        subject: {
            pattern.format(take=take, id=camera.id): [view]
            for take, views in takes.items()
            for camera, view in reversed(list(zip(h36m_cameras()[subject], views)))
        }
        for subject, takes in expected.items()
    }
    del members_2d["positions_2d"]["S9"][pattern.format(take="Walking", id="55011271")]
    published_files.write(tmp_path, "h36m", members_3d, members_2d)
    dataset = _load_from(tmp_path)
    for subject, takes in dataset.positions_2d_px.items():
        for take, views in takes.items():
            for camera, view in enumerate(views):
                if (subject, take, camera) == ("S9", "Walking", 1):
                    assert np.isnan(view).all()
                else:
                    np.testing.assert_array_equal(view, expected[subject][take][camera][: len(view)])
    assert any("put together by the cameras in their names" in note for note in dataset.notes)


def test_takes_without_a_partner_are_shown(tmp_path):
    members_3d, members_2d = published_files.h36m_members()
    members_2d["positions_2d"] = {
        s: {f"x{t}": v for t, v in takes.items()} for s, takes in members_2d["positions_2d"].items()
    }
    published_files.write(tmp_path, "h36m", members_3d, members_2d)
    with pytest.raises(BadFileError, match="Takes of S1 with 3D: Walking, .*; with 2D: xWalking"):
        _load_from(tmp_path)


def test_files_in_a_folder_below_and_files_of_single_images(tmp_path):
    published_files.write(tmp_path / "h36m", "h36m", *published_files.h36m_members())
    with pytest.raises(InputFileMissing, match="give --data-dir .*h36m"):
        _load_from(tmp_path)
    other = tmp_path / "spin"
    other.mkdir()
    np.savez(other / "h36m_train.npz", imgname=["a"], center=[1], scale=[1], S=np.zeros((1, 24, 4)))
    with pytest.raises(BadFileError, match="single poses .*srnet data import h36m FOLDER"):
        _load_from(other)
    (other / "h36m_train.npz").rename(other / "data_3d_h36m.npz")
    published_files.write(tmp_path, "h36m", *published_files.h36m_members())
    (tmp_path / "data_2d_h36m_gt.npz").rename(other / "data_2d_h36m_gt.npz")
    with pytest.raises(BadFileError, match="single poses"):
        _load_from(other)
