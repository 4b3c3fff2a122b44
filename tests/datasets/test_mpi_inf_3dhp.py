"""MPI-INF-3DHP in the layouts of P-STMO and of VideoPose3D with one array per camera."""

import numpy as np
import pytest
from motion_making import moving

from srnet_core import datasets
from srnet_core.datasets.mpi_inf_3dhp import TO_H36M17, import_3dhp, scene_of
from srnet_core.errors import BadFileError, InputFileMissing
from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.virtual_cameras import ring

CAMERAS = ring(5, image_size_px=(2048, 2048), focal_length_px=1500).cameras
FROM_H36M = np.argsort(TO_H36M17)
H36M_SYMMETRY = [list(SKELETON.left_indices), list(SKELETON.right_indices)]


def takes(count=2, frames=40):
    walk = np.stack([np.linspace(-0.5, 0.5, frames), np.zeros(frames), np.zeros(frames)], axis=-1)[:, None]
    return {f"Seq{i + 1}": moving(frames, seed=i) + walk for i in range(count)}


def views(pose, cameras=CAMERAS):
    points = [camera.world_to_camera(pose) for camera in cameras]
    return points, [camera.project(p).astype(np.float32) for camera, p in zip(cameras, points)]


def relative(pose, root=0):
    moved = pose - pose[:, root : root + 1]
    moved[:, root] = pose[:, root]
    return moved


def write_pair(folder, change=lambda pose: pose, metadata=None, cameras_of=lambda take: CAMERAS, container=list):
    positions_3d, positions_2d = {"S1": {}}, {"S1": {}}
    for take, pose in takes().items():
        points, pixels = views(pose, cameras_of(take))
        positions_3d["S1"][take] = container([change(p) for p in points])
        positions_2d["S1"][take] = container(pixels)
    metadata = {"num_joints": 17, "keypoints_symmetry": H36M_SYMMETRY} if metadata is None else metadata
    np.savez(folder / "data_3d_mpi_inf_3dhp.npz", positions_3d=positions_3d)
    np.savez(folder / "data_2d_mpi_inf_3dhp_gt.npz", positions_2d=positions_2d, metadata=metadata)


def load(folder):
    return datasets.load("mpi_inf_3dhp", datasets.locate("mpi-inf-3dhp".replace("-", "_"), folder, "gt", folder), "gt")


def check_world(dataset, subject="S1"):
    """The world is the one the views were made in, but for a turn about the vertical and a shift."""
    assert dataset.skeleton is SKELETON
    for take, pose in dataset.positions_3d_world_m[subject].items():
        expected = takes()[take.split(" ")[-1] if take not in takes() else take]
        np.testing.assert_allclose(pose[..., 2] - pose[:1, :1, 2], expected[..., 2] - expected[:1, :1, 2], atol=0.02)
        spans = [np.linalg.norm(p[:, 3] - p[:, 13], axis=-1) for p in (pose, expected)]
        np.testing.assert_allclose(*spans, atol=1e-4)
        assert abs(pose[..., 2].min()) < 0.2
    for clip in dataset.clips(dataset.clip_names):
        assert np.abs(clip.camera.project(clip.pose_3d_cam_m) - clip.pose_2d_px).max() < 0.1
        assert (clip.pose_3d_cam_m[..., 2] > 1).all()


@pytest.mark.parametrize("change", [lambda p: p, relative, lambda p: 1000 * p, lambda p: relative(1000 * p)])
def test_one_array_per_camera(tmp_path, change):
    write_pair(tmp_path, change)
    dataset = load(tmp_path)
    assert dataset.subjects == ("S1",) and len(dataset.cameras["S1"]) == 5
    check_world(dataset)
    camera = dataset.cameras["S1"][3]
    assert (camera.id, camera.width_px, camera.height_px) == ("video_3", 2048, 2048)
    np.testing.assert_allclose(camera.focal_length_px, 1500, rtol=1e-3)
    heights = [c.translation_m[2] for c in dataset.cameras["S1"]]
    np.testing.assert_allclose(np.diff(heights), 0, atol=0.1)


def test_a_dict_of_views(tmp_path):
    write_pair(tmp_path, container=lambda views: dict(enumerate(views)))
    check_world(load(tmp_path))


def test_the_joint_order_of_the_test_set(tmp_path):
    metadata = {"keypoints_symmetry": [[5, 6, 7, 11, 12, 13], [2, 3, 4, 8, 9, 10]]}
    positions_3d, positions_2d = {"S1": {}}, {"S1": {}}
    for take, pose in takes().items():
        points, pixels = views(pose[:, FROM_H36M])
        positions_3d["S1"][take], positions_2d["S1"][take] = points, pixels
    np.savez(tmp_path / "data_3d_mpi_inf_3dhp.npz", positions_3d=positions_3d)
    np.savez(tmp_path / "data_2d_mpi_inf_3dhp_gt.npz", positions_2d=positions_2d, metadata=metadata)
    check_world(load(tmp_path))


@pytest.mark.parametrize("name", ["mpi_inf_3dhp", "3dhp"])
@pytest.mark.parametrize(("order", "change"), [(range(17), lambda p: p), (FROM_H36M, relative), (range(17), relative)])
def test_the_files_of_graphmlp(tmp_path, name, order, change):
    """data_3d_3dhp.npz and data_2d_3dhp.npz, without metadata: Vegetebird/GraphMLP, common/load_data_3dhp.py."""
    positions_3d, positions_2d = {"S1": {}}, {"S1": {}}
    root = list(order).index(0)
    for take, pose in takes().items():
        points, pixels = views(pose[:, list(order)])
        positions_3d["S1"][take] = [p if change is not relative else relative(p, root) for p in points]
        positions_2d["S1"][take] = pixels
    np.savez(tmp_path / "data_3d_3dhp.npz", positions_3d=positions_3d)
    np.savez(tmp_path / "data_2d_3dhp.npz", positions_2d=positions_2d)
    found = datasets.load(name, datasets.locate(name, tmp_path, "gt", tmp_path), "gt")
    assert found.name == name and found.train_subjects == ("S1",)
    check_world(found)


def test_takes_filmed_by_different_cameras_become_subjects_of_their_own(tmp_path):
    other = ring(5, image_size_px=(2048, 2048), focal_length_px=1500, radius_m=6, first_angle_deg=10).cameras
    write_pair(tmp_path, cameras_of=lambda take: CAMERAS if take == "Seq1" else other)
    dataset = load(tmp_path)
    assert dataset.subjects == dataset.train_subjects == ("S1 Seq1", "S1 Seq2")
    check_world(dataset, "S1 Seq1")


def write_pstmo(folder):
    train = {}
    for take, pose in takes().items():
        points, pixels = views(pose[:, FROM_H36M])
        train[f"S1 {take}"] = [{str(c): {"data_3d": 1000 * points[c], "data_2d": pixels[c]} for c in range(5)}]
    points, pixels = views(takes(1)["Seq1"][:, FROM_H36M], CAMERAS[:1])
    valid = np.ones(40)
    valid[10:15] = 0
    test = {
        "TS1": {"data_3d": 1000 * points[0], "data_2d": pixels[0], "valid": valid},
        "TS2": {"data_3d": 1000 * points[0][:, None], "data_2d": pixels[0], "valid": np.ones((40, 1))},
    }
    np.savez(folder / "data_train_3dhp.npz", data=train)
    np.savez(folder / "data_test_3dhp.npz", data=test)
    return train, test


def test_the_files_of_pstmo(tmp_path):
    write_pstmo(tmp_path)
    dataset = load(tmp_path)
    assert dataset.train_subjects == ("S1",) and dataset.test_subjects == ("TS1", "TS2")
    assert [len(p) for p in dataset.positions_3d_world_m["TS1"].values()] == [10, 25]
    assert list(dataset.positions_3d_world_m["TS2"]) == ["Seq"]
    assert any("marked as not valid were left out: 5" in note for note in dataset.notes)
    check_world(dataset)
    (tmp_path / "data_train_3dhp.npz").unlink()
    assert load(tmp_path).subjects == ("TS1", "TS2")
    (tmp_path / "data_test_3dhp.npz").unlink()
    with pytest.raises(InputFileMissing, match="data_3d_mpi_inf_3dhp.npz.*data_train_3dhp.npz"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p - p[:, :1], "relative to the root, without where the root is"),
        (lambda p: p * 50, "neither metres nor millimetres"),
        (lambda p: p[:, :16], "shape \\(frames, 17, 3\\)"),
        (lambda p: np.where(p == p[3, 3, 0], np.nan, p), "frame 3, joint 3 is not a finite number of sensible size"),
        (lambda p: p[:5], None),
        (lambda p: "text", "not a str"),
    ],
)
def test_arrays_that_are_wrong(tmp_path, change, words):
    write_pair(tmp_path, change)
    if words is None:
        assert all(len(p) == 5 for p in load(tmp_path).positions_3d_world_m["S1"].values())
        return
    with pytest.raises(BadFileError, match=words):
        load(tmp_path)


def test_views_of_different_movements(tmp_path):
    counter = iter(range(100))
    write_pair(tmp_path, lambda p: p + 0.3 * np.sin(next(counter) + np.arange(17))[None, :, None])
    with pytest.raises(BadFileError, match="not the movement that camera 0 sees"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("metadata", "words"),
    [({}, "no 'keypoints_symmetry'"), ({"keypoints_symmetry": [[1], [2]]}, "neither in the order")],
)
def test_joint_orders_that_are_not_known(tmp_path, metadata, words):
    write_pair(tmp_path, lambda pose: pose[:, ::-1], metadata=metadata)
    with pytest.raises(BadFileError, match=words):
        load(tmp_path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([1, 2], "neither 'positions_3d' nor 'data'"),
        ({}, "neither 'positions_3d' nor 'data'"),
        ({"S1 Seq1": []}, "must hold a dict of cameras"),
        ({"S1 Seq1": [{"0": 3}]}, "must hold a dict of cameras"),
        ({"S1 Seq1": [{"0": {"data_3d": 3}}]}, "must be an array of shape"),
        ({"TS1": {"data_3d": np.zeros((4, 17, 3)), "data_2d": np.zeros((4, 17, 2))}}, "neither metres"),
    ],
)
def test_pstmo_files_that_are_wrong(tmp_path, data, words):
    np.savez(tmp_path / "data_train_3dhp.npz", data=np.array(data, dtype=object))
    with pytest.raises(BadFileError, match=words):
        load(tmp_path)


FROM_28 = (7, 5, 14, 15, 16, 9, 10, 11, 23, 24, 25, 18, 19, 20, 4, 3, 6)


def write_original(folder, subject="S1"):
    io = pytest.importorskip("scipy.io")
    h5py = pytest.importorskip("h5py")
    for take, pose in takes().items():
        points, pixels = views(pose[:, FROM_H36M])
        cells = {}
        for name, arrays, dimensions, unit in (("annot3", points, 3, 1000), ("annot2", pixels, 2, 1)):
            cells[name] = np.empty((5, 1), object)
            for c, array in enumerate(arrays):
                whole = np.zeros((len(array), 28, dimensions))
                whole[:, FROM_28] = unit * array
                cells[name][c, 0] = whole.reshape(len(array), -1)
        path = folder / subject / take / "annot.mat"
        path.parent.mkdir(parents=True)
        io.savemat(path, cells)
    points, pixels = views(takes(1)["Seq1"][:, FROM_H36M], CAMERAS[:1])
    (folder / "TS1").mkdir()
    with h5py.File(folder / "TS1" / "annot_data.mat", "w") as file:
        file["annot3"], file["annot2"] = 1000 * points[0][:, None], pixels[0][:, None]
        file["valid_frame"] = np.array([[1.0]] * 30 + [[0.0]] * 10)


def test_the_original_annotations(tmp_path):
    write_original(tmp_path / "3dhp")
    report = import_3dhp(tmp_path / "3dhp", tmp_path / "data")
    assert not report.left_out and any("TS1 that are marked as not valid were left out: 10" in n for n in report.notes)
    dataset = load(tmp_path / "data")
    assert dataset.fps == 25 and dataset.train_subjects == ("S1",) and dataset.test_subjects == ("TS1",)
    lengths = {take: len(p) for take, p in dataset.positions_3d_world_m["S1"].items()}
    assert lengths == {"Seq1": 40, "Seq2": 20}  # Seq2 was recorded at 50
    assert len(dataset.positions_3d_world_m["TS1"]["Seq"]) == 30
    spans = [
        np.linalg.norm(p[:, 3] - p[:, 13], axis=-1)
        for p in (dataset.positions_3d_world_m["S1"]["Seq1"], takes()["Seq1"])
    ]
    np.testing.assert_allclose(*spans, atol=1e-4)
    for clip in dataset.clips(dataset.clip_names):
        assert np.abs(clip.camera.project(clip.pose_3d_cam_m) - clip.pose_2d_px).max() < 0.1


def test_activities_of_the_test_set_are_its_actions(tmp_path):
    h5py = pytest.importorskip("h5py")
    write_original(tmp_path / "3dhp")
    with h5py.File(tmp_path / "3dhp" / "TS1" / "annot_data.mat", "a") as file:
        file["activity_annotation"] = np.array([[1.0]] * 12 + [[5.0]] * 10 + [[1.0]] * 18)
    import_3dhp(tmp_path / "3dhp", tmp_path / "data")
    dataset = load(tmp_path / "data")
    lengths = {take: len(p) for take, p in dataset.positions_3d_world_m["TS1"].items()}
    assert lengths == {"Stand or walk part 0": 12, "On the floor part 0": 10, "Stand or walk part 1": 8}
    assert {c.action for c in dataset.clip_names if c.subject == "TS1"} == {"Stand or walk", "On the floor"}


def test_scenes_of_the_test_set():
    assert [scene_of(s) for s in ("TS1", "TS4", "TS6 Seq part 1", "S1")] == [
        "studio, green screen",
        "studio, no green screen",
        "outdoor",
        None,
    ]


def test_original_annotations_that_are_damaged(tmp_path):
    with pytest.raises(InputFileMissing, match="no annot.mat"):
        import_3dhp(tmp_path, tmp_path / "data")
    write_original(tmp_path / "3dhp")
    damaged = tmp_path / "3dhp" / "S1" / "Seq1" / "annot.mat"
    damaged.write_bytes(damaged.read_bytes()[:500])
    (tmp_path / "3dhp" / "TS1" / "annot_data.mat").write_bytes(b"text")
    report = import_3dhp(tmp_path / "3dhp", tmp_path / "data")
    assert set(report.left_out) == {"S1/Seq1/annot.mat", "TS1/annot_data.mat"}
    assert load(tmp_path / "data").subjects == ("S1",)


def test_converters_files_that_tell_their_frame_rate(tmp_path):
    """MotionAGFormer writes [cameras, frames per second] (source: its data_to_npz_3dhp.py)."""
    train, _ = write_pstmo(tmp_path)
    train["S1 Seq1"].append(25)
    train["S1 Seq2"].append(50)
    np.savez(tmp_path / "data_train_3dhp.npz", data=train)
    dataset = load(tmp_path)
    assert {take: len(p) for take, p in dataset.positions_3d_world_m["S1"].items()} == {"Seq1": 40, "Seq2": 20}
    assert "Sequences at 50 frames per second keep every second frame: S1 Seq2." in dataset.notes
    assert not any(note.startswith("Assumed") for note in dataset.notes)
    np.testing.assert_allclose(
        np.linalg.norm(np.diff(dataset.positions_3d_world_m["S1"]["Seq2"][:, [0, 3]], axis=1), axis=-1)[:, 0],
        np.linalg.norm(np.diff(takes()["Seq2"][::2, [0, 3]], axis=1), axis=-1)[:, 0],
        atol=1e-4,
    )


def test_the_two_cameras_of_the_test_set(tmp_path):
    """TS1 to TS4 have images of 2048 x 2048 pixels, TS5 and TS6 of 1920 x 1080 (source: the data set's readme)."""
    of_studio = ring(1, image_size_px=(2048, 2048), focal_length_px=1500).cameras
    outdoors = ring(1, image_size_px=(1920, 1080), focal_length_px=1683).cameras
    test = {}
    for number in range(1, 7):
        points, pixels = views(takes(1)["Seq1"][:, FROM_H36M], of_studio if number < 5 else outdoors)
        test[f"TS{number}"] = {"data_3d": 1000 * points[0], "data_2d": pixels[0], "valid": np.ones(40)}
    np.savez(tmp_path / "data_test_3dhp.npz", data=test)
    dataset = load(tmp_path)
    assert dataset.test_subjects == tuple(test)
    for subject, rig in dataset.cameras.items():
        size, focal = ((2048, 2048), 1500) if subject < "TS5" else ((1920, 1080), 1683)
        assert (rig[0].width_px, rig[0].height_px) == size
        np.testing.assert_allclose(rig[0].focal_length_px, focal, rtol=0.01)


SPIN_PLACES = [14, 3, 4, 5, 2, 1, 0, 16, 12, 17, 18, 9, 10, 11, 8, 7, 6]  # of the 17 joints among SPIN's 24
POSEAUG = [14, 2, 1, 0, 3, 4, 5, 16, 12, 18, 9, 10, 11, 8, 7, 6]  # of SPIN's 24 joints


def write_single_poses(folder):
    """SPIN's mpi_inf_3dhp_valid.npz and PoseAug's test_3dhp.npz (sources: mpi_inf_3dhp.py, prepare_data_3dhp.py)."""
    points, pixels = views(moving(12), CAMERAS[:1])
    part, pose = np.zeros((12, 24, 3)), np.zeros((12, 24, 4))
    part[:, SPIN_PLACES] = np.concatenate([pixels[0], np.ones((12, 17, 1))], axis=-1)
    pose[:, SPIN_PLACES, :3] = points[0] - points[0][:, :1]
    names = [f"mpi_inf_3dhp_test_set/TS1/imageSequence/img_{i + 1:06d}.jpg" for i in range(12)]
    folder.mkdir()
    center, scale = pixels[0].mean(1), np.ones(12)
    np.savez(folder / "mpi_inf_3dhp_valid.npz", imgname=names, center=center, scale=scale, part=part, S=pose)
    np.savez(folder / "test_3dhp.npz", pose3d=pose[:, POSEAUG, :3], pose2d=part[:, POSEAUG, :2] / 1024 - 1)


def test_single_poses_without_a_place_are_refused_with_the_way_out(tmp_path):
    write_single_poses(tmp_path / "extra")
    wanted = "single poses relative to the root.*srnet data import mpi-inf-3dhp FOLDER"
    for given in ("", "mpi_inf_3dhp_valid.npz", "test_3dhp.npz"):
        with pytest.raises(BadFileError, match=wanted):
            import_3dhp(tmp_path / "extra" / given, tmp_path / "data")
    (tmp_path / "extra" / "test_3dhp.npz").rename(tmp_path / "data_test_3dhp.npz")
    with pytest.raises(BadFileError, match=wanted):
        load(tmp_path)
