"""HumanEva as converters write it: no cameras, chunks, Train/ against Validate/, views that are missing."""

import numpy as np
import pytest
from motion_making import moving

from srnet_core import datasets
from srnet_core.datasets import humaneva
from srnet_core.errors import BadFileError, ConfigError, InputFileMissing
from srnet_core.geometry.camera import Camera
from srnet_core.skeletons import humaneva15, humaneva20
from srnet_core.skeletons.h36m17 import JOINTS
from srnet_core.virtual_cameras import ring

TO_15 = [0, 8, 11, 12, 13, 14, 15, 16, 4, 5, 6, 1, 2, 3, 10]
TAKES = ("Walking 1 chunk0", "Jog 1 chunk2")
SUBJECTS = tuple(f"{part}/S{i}" for part in ("Train", "Validate") for i in (1, 2))


def known_cameras(person):
    """HumanEva's cameras with focal lengths that the published calibration lacks."""
    return [
        Camera(name, 640, 480, (760, 765), (318, 242), orientation=np.array(q) / np.linalg.norm(q), translation_m=t)
        for name, (q, t) in zip(humaneva.CAMERAS, humaneva._KNOWN[person])
    ]


def write(
    folder, cameras, *, joints=TO_15, skeleton=humaneva15.SKELETON, subjects=SUBJECTS, own=None, edit=None, noise_px=0
):
    folder.mkdir(exist_ok=True)
    name, rng = skeleton.name, np.random.default_rng(2)
    positions_3d, positions_2d = {}, {}
    for i, subject in enumerate(subjects):
        for j, take in enumerate(TAKES):
            walk = np.stack([np.linspace(-1, 1, 70), np.sin(np.linspace(0, 5, 70)), np.zeros(70)], axis=-1)
            pose = (moving(70, seed=10 * i + j)[:, joints] + walk[:, None]).astype(np.float32)
            positions_3d.setdefault(subject, {})[take] = pose
            views = [c.project(c.world_to_camera(pose)) for c in cameras(subject.rpartition("/")[2])]
            views = [(v + rng.normal(size=v.shape) * noise_px).astype(np.float32) for v in views]
            positions_2d.setdefault(subject, {})[take] = views
    left, right = list(skeleton.left_indices), list(skeleton.right_indices)
    metadata = {"layout_name": name, "num_joints": len(joints), "keypoints_symmetry": [left, right]}
    if edit:
        edit(positions_3d, positions_2d, metadata)
    extra = {} if own is None else {"cameras": own}
    np.savez(folder / f"data_3d_{name}.npz", positions_3d=positions_3d, **extra)
    np.savez(folder / f"data_2d_{name}_gt.npz", positions_2d=positions_2d, metadata=metadata)
    return datasets.load(name, datasets.locate(name, folder, "gt", folder), "gt")


def worst_px(dataset):
    return max(
        np.abs(c.camera.project(c.pose_3d_cam_m) - c.pose_2d_px).max() for c in dataset.clips(dataset.clip_names)
    )


def test_published_places_with_fitted_focal_lengths(tmp_path):
    dataset = write(tmp_path, known_cameras)
    assert dataset.skeleton is humaneva15.SKELETON and dataset.fps == 60
    assert dataset.subjects == SUBJECTS and dataset.actions == ("Walking", "Jog")
    assert dataset.train_subjects == ("Train/S1", "Train/S2") and dataset.test_subjects == (
        "Validate/S1",
        "Validate/S2",
    )
    camera = dataset.cameras["Validate/S2"][1]
    assert (camera.id, camera.width_px, camera.height_px) == ("C2", 640, 480)
    np.testing.assert_allclose(camera.focal_length_px, (760, 765), atol=0.01)
    np.testing.assert_allclose(camera.translation_m, humaneva._KNOWN["S2"][1][1])
    assert worst_px(dataset) < 0.01
    assert dataset.notes == (
        "The file has no cameras; focal lengths were fitted to its 3D and 2D, with a median error of 0.0 px.",
    )


def test_detections_are_noisy(tmp_path):
    dataset = write(tmp_path, known_cameras, noise_px=5)
    np.testing.assert_allclose(dataset.cameras["Train/S1"][0].focal_length_px, (760, 765), rtol=0.02)
    assert "focal lengths were fitted" in dataset.notes[0]


def test_cameras_that_are_not_humanevas_are_estimated(tmp_path):
    cameras = ring(3).cameras
    dataset = write(tmp_path, lambda person: cameras)
    assert "were estimated from its 3D and 2D" in dataset.notes[0]
    np.testing.assert_allclose(dataset.cameras["Train/S1"][2].translation_m, cameras[2].translation_m, atol=1e-3)
    assert dataset.cameras["Train/S1"][0].width_px == 1000
    assert worst_px(dataset) < 0.01


def test_cameras_of_the_file_are_used_when_they_are_whole(tmp_path):
    def values(camera):
        return {
            "id": "mine",
            "res_w": 640,
            "res_h": 480,
            "focal_length": camera.focal_length_px,
            "center": camera.center_px,
            "orientation": camera.orientation,
            "translation": camera.translation_m,
        }

    rigs = {s: [values(c) for c in known_cameras(s[-2:])] for s in SUBJECTS}
    dataset = write(tmp_path, known_cameras, own=rigs)
    assert dataset.cameras["Train/S1"][0].id == "mine" and not dataset.notes
    for rig in rigs.values():
        for camera in rig:
            del camera["focal_length"], camera["center"]
    assert write(tmp_path, known_cameras, own=rigs).cameras["Train/S1"][0].id == "C1"


def test_views_that_are_missing(tmp_path):
    def edit(positions_3d, positions_2d, metadata):
        positions_2d["Unlabeled/S4"] = {"Jog 1": [positions_2d["Train/S1"][TAKES[0]][0], None, None]}
        positions_2d["Train/S1"][TAKES[1]][1] = None

    dataset = write(tmp_path, known_cameras, edit=edit)
    assert list(dataset.positions_3d_world_m["Train/S1"]) == [TAKES[0]]
    assert any("without the 2D of a camera were left out: 1 (Train/S1/Jog 1 chunk2)" in note for note in dataset.notes)


def _places_of_20() -> list[int]:
    """The joint of Human3.6M's 17 that stands for each of the 20."""
    places = {"Pelvis": "Hip", "Thorax": "Thorax", "Neck": "Neck/Nose", "Head": "Head"}
    parts = {"Elbow": "Elbow", "Knee": "Knee", "Ankle": "Foot"}

    def place(name):
        if name in places:
            return JOINTS.index(places[name])
        joint = name[1:].removesuffix("Upper").removesuffix("Lower")
        return JOINTS.index(name[0] + parts.get(joint, joint))

    return [place(name) for name in humaneva20.JOINTS]


TWENTY = _places_of_20()


def test_20_joints(tmp_path):
    dataset = write(tmp_path, known_cameras, joints=TWENTY, skeleton=humaneva20.SKELETON)
    assert dataset.skeleton is humaneva20.SKELETON and dataset.skeleton.num_joints == 20


def test_2d_that_does_not_belong_to_the_3d(tmp_path):
    def shuffled(positions_3d, positions_2d, metadata):
        rng = np.random.default_rng(0)
        for takes in positions_2d.values():
            for views in takes.values():
                views[0] = rng.uniform(0, 640, views[0].shape).astype(np.float32)

    with pytest.raises(BadFileError, match="camera C1 of S1 cannot be fitted.*Add 'cameras' with focal_length"):
        write(tmp_path, known_cameras, edit=shuffled)


def test_other_2d_joints_are_refused_in_words(tmp_path):
    def coco(positions_3d, positions_2d, metadata):
        for takes in positions_2d.values():
            for views in takes.values():
                views[:] = [np.concatenate([v, v[:, :2]], axis=1) for v in views]

    with pytest.raises(BadFileError, match="has 17 joints in 2D and the 3D file has 15"):
        write(tmp_path, known_cameras, edit=coco)


def test_groups_of_the_skeletons():
    for skeleton in (humaneva15.SKELETON, humaneva20.SKELETON):
        for number in (1, 2, 3, 5):
            groups = skeleton.group_indices(number)
            assert set().union(*groups.values()) == set(range(skeleton.num_joints))
            assert all(0 in joints for joints in groups.values())


# What VideoPose3D's MATLAB script writes (sources: its ConvertHumanEva.m, prepare_data_humaneva.py): one file per take,
# `poses_3d` (T, J, 3) in millimetres and `poses_2d` (3, T, J, 2), both NaN in frames that are not valid


def write_matlab(folder, *, joints=TO_15, damaged=()):
    io = pytest.importorskip("scipy.io")
    for i, subject in enumerate(SUBJECTS):
        path = folder / subject / "ThrowCatch_1.mat"
        path.parent.mkdir(parents=True)
        walk = np.stack([np.linspace(-1, 1, 70), np.sin(np.linspace(0, 5, 70)), np.zeros(70)], axis=-1)
        pose = moving(70, seed=i)[:, joints] + walk[:, None]
        views = np.stack([c.project(c.world_to_camera(pose)) for c in known_cameras(subject[-2:])]).astype(np.float64)
        pose[list(damaged)], views[:, list(damaged)] = np.nan, np.nan
        io.savemat(path, {"poses_3d": 1000 * pose, "poses_2d": views})
    return folder


def test_matlab_files_are_cut_where_frames_are_not_valid(tmp_path):
    source = write_matlab(tmp_path / "converted_15j", damaged=(20, 21, 50))
    report = humaneva.import_humaneva_matlab(source, tmp_path / "data")
    assert [path.name for path in report.paths] == ["data_3d_humaneva15.npz", "data_2d_humaneva15_gt.npz"]
    assert report.notes[0] == "Frames that are not valid were left out: 12."
    dataset = datasets.load("humaneva15", report.paths, "gt")
    assert dataset.train_subjects == SUBJECTS[:2] and dataset.test_subjects == SUBJECTS[2:]
    takes = dataset.positions_3d_world_m["Train/S1"]
    assert {take: len(pose) for take, pose in takes.items()} == {
        "ThrowCatch 1 chunk0": 20,
        "ThrowCatch 1 chunk2": 28,
        "ThrowCatch 1 chunk4": 19,
    }
    assert dataset.actions == ("ThrowCatch",)
    np.testing.assert_allclose(takes["ThrowCatch 1 chunk0"][0, 0], moving(1)[0, 0] + [-1, 0, 0], atol=1e-5)
    assert worst_px(dataset) < 1.5
    np.testing.assert_allclose(dataset.cameras["Train/S1"][0].focal_length_px, (760, 765), rtol=0.01)


def test_matlab_files_of_20_joints_and_files_that_are_none(tmp_path):
    io = pytest.importorskip("scipy.io")
    twenty = [TO_15[min(j, 14)] for j in range(20)]
    source = write_matlab(tmp_path / "converted_20j", joints=twenty)
    assert humaneva.import_humaneva_matlab(source, tmp_path / "data").paths[0].name == "data_3d_humaneva20.npz"
    path = source / "Train" / "S1" / "ThrowCatch_1.mat"
    for arrays, words in (
        ({"poses_3d": np.zeros((9, 15, 3)), "poses_2d": np.zeros((3, 8, 15, 2))}, "poses_2d has the shape"),
        ({"poses_3d": np.zeros((9, 16, 3)), "poses_2d": np.zeros((3, 9, 16, 2))}, "poses_3d has the shape"),
        ({"poses_2d": np.zeros((3, 9, 16, 2))}, "has no poses_3d"),
        ({"poses_3d": np.zeros((9, 15, 3)), "poses_2d": np.zeros((3, 9, 15, 2))}, "20 joints, and other files have 15"),
    ):
        io.savemat(path, arrays)
        with pytest.raises(BadFileError, match=words):
            humaneva.import_humaneva_matlab(source, tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("asked", [None, 20])
def test_files_of_20_joints_keep_their_name(tmp_path, asked):
    write(tmp_path / "raw", known_cameras, joints=TWENTY, skeleton=humaneva20.SKELETON)
    report = humaneva.import_humaneva(tmp_path / "raw", tmp_path / "data", asked)
    assert [path.name for path in report.paths] == ["data_3d_humaneva20.npz", "data_2d_humaneva20_gt.npz"]
    with pytest.raises(InputFileMissing, match="data_3d_humaneva15.npz"):
        humaneva.import_humaneva(tmp_path / "raw", tmp_path / "other", 15)
    with pytest.raises(InputFileMissing, match="data_3d_humaneva15.npz"):
        datasets.locate("humaneva15", tmp_path / "data", "gt", tmp_path)


def test_files_of_15_and_20_joints_in_one_folder(tmp_path):
    write(tmp_path / "raw", known_cameras)
    write(tmp_path / "raw", known_cameras, joints=TWENTY, skeleton=humaneva20.SKELETON)
    with pytest.raises(ConfigError, match="joints=15 or joints=20"):
        humaneva.import_humaneva(tmp_path / "raw", tmp_path / "data")
    with pytest.raises(ConfigError, match="is 17"):
        humaneva.import_humaneva(tmp_path / "raw", tmp_path / "data", 17)
    assert not (tmp_path / "data").exists()
    for joints in (15, 20):
        report = humaneva.import_humaneva(tmp_path / "raw", tmp_path / "data", joints)
        dataset = datasets.load(f"humaneva{joints}", report.paths, "gt")
        assert dataset.skeleton.num_joints == joints


def test_matlab_files_of_other_joints_than_asked_for(tmp_path):
    with pytest.raises(BadFileError, match="has 15 joints, and asked for are 20"):
        humaneva.import_humaneva(write_matlab(tmp_path / "raw"), tmp_path / "data", 20)
