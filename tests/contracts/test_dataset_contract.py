"""What every data set promises, checked on every one that is built in or added by a package.

A new data set in the published layout is covered as it is. One that reads something else gets an entry in
`EXAMPLE_FILES`: a function that writes a tiny example of its files into a folder and returns their paths.
"""

import inspect
import sys

import numpy as np
import pytest
from support import published_files
from support.plugins import every

from srnet_core import datasets, lookup
from srnet_core.clip import PoseDataset
from srnet_core.errors import ConfigError, InputFileMissing
from srnet_core.geometry.camera import Camera


def _published(folder, name):
    return published_files.write(folder, name, *published_files.members())


def _h36m(folder, name):
    return published_files.write(folder, name, *published_files.h36m_members())


def _synthetic(folder, name):
    from srnet_core.datasets.synthetic import SyntheticConfig, make_files

    few = SyntheticConfig(seconds_per_take=0.5, subjects=("S1", "S9"), actions=("Walking", "SittingDown"))
    return make_files(few, folder, name)


def _humaneva(folder, name):
    from srnet_core.geometry.h36m_cameras import h36m_cameras
    from srnet_core.skeletons import get_skeleton

    skeleton = get_skeleton("humaneva15")
    poses = published_files.poses({"Train/S1": {"Walking 1 chunk0": 60}}, skeleton.num_joints)
    poses |= published_files.poses({"Validate/S1": {"Jog 1 chunk1": 40}}, skeleton.num_joints, seed=1)
    pixels = {  # without lens distortion, which the cameras that are fitted to these files do not have
        s: {t: [c.project(c.world_to_camera(p), distort=False) for c in h36m_cameras()["S1"]] for t, p in takes.items()}
        for s, takes in poses.items()
    }
    sides = [list(skeleton.left_indices), list(skeleton.right_indices)]
    members_2d = {"positions_2d": pixels, "metadata": {"keypoints_symmetry": sides}}
    return published_files.write(folder, name, {"positions_3d": poses}, members_2d)


def _npy_folder(folder, name):
    paths = []
    for subject, takes in published_files.poses().items():
        for take, pose in takes.items():
            paths.append(folder / name / f"{subject}-{take}.npy")
            paths[-1].parent.mkdir(exist_ok=True)
            np.save(paths[-1], pose)
    return tuple(sorted(paths))


EXAMPLE_FILES = {
    "h36m": _h36m,
    "humaneva": _humaneva,
    "synthetic": _synthetic,
    "npy_folder": _npy_folder,
}
MAKES_ITS_OWN_FILES = {"synthetic"}
OTHER_LAYOUT = {"npy_folder"}


@pytest.fixture(scope="module", params=every("datasets"))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def data_dir(name, tmp_path_factory):
    return tmp_path_factory.mktemp(name)


@pytest.fixture(scope="module")
def paths(name, data_dir):
    return EXAMPLE_FILES.get(name, _published)(data_dir, name)


@pytest.fixture(scope="module")
def dataset(name, paths) -> PoseDataset:
    return datasets.load(name, paths, "gt")


def test_the_two_functions(name):
    plugin = lookup.load("datasets", name)
    assert list(inspect.signature(plugin.locate).parameters) == ["name", "data_dir", "keypoints", "cache_dir"]
    assert list(inspect.signature(plugin.load).parameters) == ["name", "paths", "keypoints"]
    assert sys.modules[plugin.load.__module__].__doc__ and plugin.locate.__doc__ and plugin.load.__doc__


def test_files_are_found_where_they_lie(name, data_dir, paths, tmp_path):
    if name not in MAKES_ITS_OWN_FILES:
        assert datasets.locate(name, data_dir, "gt", tmp_path) == tuple(paths)
        assert not list(tmp_path.iterdir())


def test_files_that_are_missing(name, tmp_path):
    if name in MAKES_ITS_OWN_FILES:
        return
    with pytest.raises(InputFileMissing) as caught:
        datasets.locate(name, tmp_path / "data", "gt", tmp_path / "cache")
    published = (f"data_3d_{name}.npz", f"data_2d_{name}_gt.npz", "--dataset synthetic")
    for word in (str(tmp_path / "data"), *(() if name in OTHER_LAYOUT else published)):
        assert word in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_names_cannot_leave_the_folder(name, tmp_path):
    with pytest.raises((ConfigError, LookupError)):
        datasets.locate(name, tmp_path, "../gt", tmp_path)


def test_it_says_what_it_is(dataset, name):
    assert isinstance(dataset, PoseDataset)
    assert (dataset.name, dataset.keypoints) == (name, "gt")
    assert dataset.subjects and dataset.actions and dataset.fps > 0
    assert all(isinstance(note, str) and note.endswith(".") and note.isprintable() for note in dataset.notes)


def test_arrays_are_float32_of_the_skeletons_joints(dataset):
    joints = dataset.skeleton.num_joints
    for takes in dataset.positions_3d_world_m.values():
        for pose in takes.values():
            assert pose.dtype == np.float32 and pose.shape[1:] == (joints, 3) and np.isfinite(pose).all()
    for subject, takes in dataset.positions_2d_px.items():
        for take, views in takes.items():
            for view in views:
                assert view.dtype == np.float32 and view.shape[1:] == (joints, 2) and np.isfinite(view).all()
                assert len(view) >= len(dataset.positions_3d_world_m[subject][take]) > 0


def test_one_camera_per_2d_sequence(dataset):
    assert list(dataset.positions_2d_px) == list(dataset.positions_3d_world_m) == list(dataset.cameras)
    for subject, takes in dataset.positions_2d_px.items():
        assert list(takes) == list(dataset.positions_3d_world_m[subject])
        assert all(isinstance(camera, Camera) for camera in dataset.cameras[subject])
        assert {len(views) for views in takes.values()} == {len(dataset.cameras[subject])}


def test_clips_come_in_the_order_of_the_file(dataset):
    expected = [
        (subject, take, camera)
        for subject, takes in dataset.positions_3d_world_m.items()
        for take in takes
        for camera in range(len(dataset.cameras[subject]))
    ]
    assert [(c.subject, c.take, c.camera) for c in dataset.clip_names] == expected
    assert expected


def test_the_cameras_see_the_3d_where_the_2d_is(dataset):
    for clip in dataset.clips(dataset.clip_names):
        assert len(clip.pose_2d_px) == len(clip.pose_3d_cam_m) == clip.name.frames
        assert clip.pose_3d_cam_m.dtype == np.float32
        assert (clip.pose_3d_cam_m[..., 2] > 0).all(), "behind the camera"
        error_px = np.abs(clip.camera.project(clip.pose_3d_cam_m) - clip.pose_2d_px).max()
        assert error_px < 1, clip.name


def test_the_customary_split_names_subjects_that_are_there(dataset):
    assert set(dataset.train_subjects) | set(dataset.test_subjects) <= set(dataset.subjects)
    assert not set(dataset.train_subjects) & set(dataset.test_subjects)


def test_reading_twice_gives_the_same(dataset, name, paths):
    again = datasets.load(name, paths, "gt")
    assert again.clip_names == dataset.clip_names and again.notes == dataset.notes
    first, second = dataset.clip(dataset.clip_names[-1]), again.clip(again.clip_names[-1])
    assert (first.pose_2d_px == second.pose_2d_px).all() and (first.pose_3d_cam_m == second.pose_3d_cam_m).all()
