"""2D detections of Human3.6M's videos, one file per video, in the layouts that VideoPose3D's converters read.

Sources: its prepare_data_2d_h36m_sh.py (TAKE.CAMERA.h5 with `poses` (T, 16, 2), joints of MPII) and data_utils.py
(.npz of Detectron: per frame `boxes` [[], (N, 5)] and `keypoints` [[], (N, rows, 17)]; CPN: one array `keypoints`).
"""

import h5py
import numpy as np
import pytest
from motion_making import moving
from test_h36m_archive import poses32, write_h5

from srnet_core import datasets
from srnet_core.datasets.h36m import import_h36m
from srnet_core.errors import BadFileError, ConfigError, InputFileMissing
from srnet_core.geometry.h36m_cameras import h36m_cameras
from srnet_core.layouts import get_layout
from srnet_core.readers.npz import read_npz

CAMERAS = ("54138969", "55011271", "58860488", "60457274")
FRAMES = 30
# joints of Human3.6M for those of MPII; the face of COCO is put around the head
TO_MPII = [3, 2, 1, 4, 5, 6, 0, 8, 9, 10, 16, 15, 14, 11, 12, 13]
TO_COCO = [9, 10, 10, 10, 10, 11, 14, 12, 15, 13, 16, 4, 1, 5, 2, 6, 3]


def views():
    """(camera, (T, 17, 2) px) of the same person as in the archive."""
    return [(c.id, c.project(c.world_to_camera(moving(FRAMES)))) for c in h36m_cameras()["S1"]]


def hourglass(folder, subject="S1", take="TakingPhoto_1"):
    (folder / subject / "StackedHourglass").mkdir(parents=True, exist_ok=True)
    for camera, view in views():
        with h5py.File(folder / subject / "StackedHourglass" / f"{take}.{camera}.h5", "w") as file:
            file["poses"] = view[:, TO_MPII]


def coco(view):
    points = view[:, TO_COCO]
    points[:, 0] += (0, 2)
    points[:, 1:5] += np.array([(3, -2), (-3, -2), (7, 0), (-7, 0)])
    return points


def detectron(folder, subject="S1", take="Walking", rows=4, lost=()):
    """Two people are found in each frame; the one with the better score is the one that is there."""
    (folder / subject).mkdir(parents=True, exist_ok=True)
    for camera, view in views():
        boxes, keypoints = np.empty((FRAMES, 2), object), np.empty((FRAMES, 2), object)
        for t, points in enumerate(coco(view)):
            person = np.full((rows, 17), 0.5)
            person[:2] = points.T
            if rows == 6:
                person[:2], person[4:6] = np.round(person[:2]), points.T
            found = [np.array([[0, 0, 9, 9, 0.3], [0, 0, 9, 9, 0.9]]), np.stack([person * 0 + 5, person])]
            for array, value in zip((boxes, keypoints), found):
                array[t, 0], array[t, 1] = [], [] if t in lost else value
        np.savez(folder / subject / f"{take}.{camera}.mp4.npz", boxes=boxes, keypoints=keypoints)


def positions(path):
    return read_npz(path)["positions_2d"]


def test_stacked_hourglass(tmp_path):
    hourglass(tmp_path / "sh")
    hourglass(tmp_path / "sh", "S11", "Directions")  # damaged in the data set
    report = import_h36m(tmp_path / "sh", tmp_path / "data", keypoints="sh_ft_h36m")
    (path,) = report.paths
    assert path.name == "data_2d_h36m_sh_ft_h36m.npz" and report.takes == {"S1": 1}
    found = positions(path)
    assert list(found) == ["S1"] and list(found["S1"]) == ["Photo 1"] and len(found["S1"]["Photo 1"]) == 4
    for (_, expected), view in zip(views(), found["S1"]["Photo 1"]):
        made = [j for j in range(17) if j != 7]  # the spine is between pelvis and thorax
        np.testing.assert_allclose(view[:, made], expected[:, made], atol=1e-3)
        np.testing.assert_allclose(view[:, 7], (expected[:, 0] + expected[:, 8]) / 2, atol=1e-3)


@pytest.mark.parametrize("rows", [4, 6])
def test_detectron(tmp_path, rows):
    detectron(tmp_path / "d2", rows=rows, lost=(3, 4))
    report = import_h36m(tmp_path / "d2", tmp_path / "data", keypoints="detectron_pt_coco")
    assert "coco17" in report.notes[0]
    view = positions(report.paths[0])["S1"]["Walking"][0]
    expected = get_layout("coco17").matrix() @ coco(views()[0][1]).astype(np.float64)
    assert np.isnan(view[3:5]).all()
    seen = [t for t in range(FRAMES) if t not in (3, 4)]
    np.testing.assert_allclose(view[seen], expected[seen], atol=1e-3)


def test_cpn_has_the_joints_that_its_bones_say(tmp_path):
    for name, joints in (("h36m17", lambda view: view), ("coco17", coco)):
        folder = tmp_path / name / "S9"
        folder.mkdir(parents=True)
        for camera, view in views():
            scored = np.concatenate([joints(view.copy()), np.ones((FRAMES, 17, 1))], axis=-1)
            np.savez(folder / f"Eating 1.{camera}.mp4.npz", keypoints=scored)
        report = import_h36m(folder.parent, tmp_path / "data", keypoints=f"cpn_{name}", layout=name)
        assert name in report.notes[0]
        told = import_h36m(folder.parent, tmp_path / "data", keypoints="cpn")
        assert positions(told.paths[0])["S9"]["Eating 1"][2].shape == (FRAMES, 17, 2)
        assert told.notes[0] == report.notes[0]


def test_they_stand_beside_the_archive(tmp_path):
    write_h5(tmp_path / "h36m", "S1", "Walking", 1000 * poses32(FRAMES).reshape(FRAMES, 96).T)
    hourglass(tmp_path / "h36m", take="Walking")
    import_h36m(tmp_path / "h36m", tmp_path / "data")
    import_h36m(tmp_path / "h36m", tmp_path / "data", keypoints="sh")
    dataset = datasets.load("h36m", datasets.locate("h36m", tmp_path / "data", "sh", tmp_path), "sh")
    for clip in dataset.clips(dataset.clip_names):
        seen = clip.camera.project(clip.pose_3d_cam_m)
        limbs = [j for j in range(17) if j != 7]
        np.testing.assert_allclose(clip.pose_2d_px[:, limbs], seen[:, limbs], atol=0.05)


def test_a_video_that_is_missing_is_a_view_that_is_missing(tmp_path):
    hourglass(tmp_path / "sh")
    next((tmp_path / "sh").rglob(f"*{CAMERAS[1]}.h5")).unlink()
    report = import_h36m(tmp_path / "sh", tmp_path / "data", keypoints="sh")
    assert "Views without detections: 1." in report.notes
    assert positions(report.paths[0])["S1"]["Photo 1"][1] is None


def test_files_that_are_wrong(tmp_path):
    with pytest.raises(InputFileMissing, match="no 2D detections.*leave out --keypoints"):
        import_h36m(tmp_path, tmp_path / "data", keypoints="sh")
    folder = tmp_path / "wrong" / "S1"
    folder.mkdir(parents=True)
    path = folder / f"Walking.{CAMERAS[0]}.mp4.npz"
    boxes = np.empty((2, 2), object)
    for arrays, words in (
        ({"poses": np.zeros(3)}, "has no 'keypoints'"),
        ({"keypoints": np.zeros((3, 17))}, "shape \\(frames, joints, 2\\)"),
        ({"keypoints": np.full((3, 17, 2), 1e9)}, "no pixels"),
        ({"keypoints": np.zeros((3, 16, 2)), "boxes": np.zeros(2)}, "boxes in 2 frames and keypoints in 3"),
        ({"keypoints": boxes, "boxes": boxes}, "no keypoints in any frame"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(BadFileError, match=words):
            import_h36m(folder.parent, tmp_path / "data", keypoints="x")
    np.savez(path, keypoints=np.random.default_rng(0).uniform(0, 999, (9, 17, 2)))
    with pytest.raises(ConfigError, match="several layouts.*--layout coco17"):
        import_h36m(folder.parent, tmp_path / "data", keypoints="x")
    np.savez(folder / f"Walking.{CAMERAS[1]}.mp4.npz", keypoints=np.zeros((9, 16, 2)))
    with pytest.raises(BadFileError, match="different numbers of joints: 16 in .*17 in"):
        import_h36m(folder.parent, tmp_path / "data", keypoints="x")
    assert not (tmp_path / "data").exists()
