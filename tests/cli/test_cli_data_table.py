"""docs/data.md, the table: every command in it runs on small files of the kind that its row names."""

import pickle
import re
import sys
from pathlib import Path

import h5py
import keypoint_files as files
import numpy as np
import pytest
from motion_making import bvh_text, moving
from support.calibration import CALIBRATION
from support.humaneva_of_coco import write_pair
from support.small_data import write_published

sys.path.insert(0, str(Path(__file__).parents[1] / "datasets"))
import test_h36m_collections as collections
import test_h36m_detections as detections
import test_humaneva as humaneva
import test_mpi_inf_3dhp as mpi_inf_3dhp
import test_threedpw as threedpw

from srnet_core.geometry.h36m_cameras import h36m_cameras
from srnet_core.skeletons import h36m16, h36m17, h36m32

PAGE = Path(__file__).parents[2] / "docs" / "data.md"


def rows() -> list[tuple[str, str]]:
    """(what you have, command) of each row."""
    table = PAGE.read_text(encoding="utf-8").partition("| What you have |")[2].partition("\n\n")[0]
    cells = [[cell.strip() for cell in line.split(" | ")] for line in table.splitlines()[2:]]
    return [(row[0].lstrip("| "), row[1].strip("`")) for row in cells if row[1].startswith("`")]


def keypoints() -> Path:
    people = [list(pair) for pair in zip(files.person("body25", 40), files.person("body25", 40, x_px=500.0, seed=3))]
    return files.write_openpose(Path("video"), people)


def mocap() -> Path:
    for person in ("Anna", "Ben"):
        path = Path("recordings", person, "walk.bvh")
        path.parent.mkdir(parents=True)
        path.write_text(bvh_text(40))
    return Path("recordings")


def h36m(keypoints="gt", *, joints=None, change=lambda view: view, metadata=None) -> Path:
    """The two published files in data/."""
    metadata = metadata or {"num_joints": 17, "keypoints_symmetry": [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]]}
    positions, views = {}, {}
    for i, subject in enumerate(("S1", "S9")):
        full = np.zeros((30, 32, 3), np.float32)
        full[:, h36m32.TO_H36M17] = moving(30, seed=i)
        positions[subject] = {"Walking": full}
        seen = [c.project(c.world_to_camera(moving(30, seed=i))) for c in h36m_cameras()[subject]]
        views[subject] = {"Walking": [change(view)[:, joints or slice(None)].astype(np.float32) for view in seen]}
    Path("data").mkdir()
    np.savez("data/data_3d_h36m.npz", positions_3d=positions)
    path = Path(f"data/data_2d_h36m_{keypoints}.npz")
    np.savez(path, positions_2d=views, metadata=metadata)
    return path


def h36m_of_coco() -> Path:
    coco = {"layout_name": "coco", "num_joints": 17}
    pairs = [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]]
    return h36m("detectron_pt_coco", change=detections.coco, metadata=coco | {"keypoints_symmetry": pairs})


def h36m_of_16() -> Path:
    pairs = [list(h36m16.SKELETON.left_indices), list(h36m16.SKELETON.right_indices)]
    metadata = {"num_joints": 16, "keypoints_symmetry": pairs}
    return h36m(joints=[j for j in range(17) if h36m17.JOINTS[j] != "Neck/Nose"], metadata=metadata)


def h36m_archive() -> Path:
    for subject in ("S1", "S9"):
        path = Path("archive", subject, "MyPoses", "3D_positions", "Walking 1.h5")
        path.parent.mkdir(parents=True)
        full = np.zeros((30, 32, 3))
        full[:, h36m32.TO_H36M17] = moving(30)
        with h5py.File(path, "w") as file:
            file["3D_positions"] = 1000 * full.reshape(30, 96).T
    return Path("archive")


def h36m_videos() -> Path:
    detections.hourglass(Path("sh_ft"))
    return Path("sh_ft")


def h36m_of_posenet() -> Path:
    for subject in ("subject1", "subject9"):
        collections.posenet(Path("annotations"), subject, {(2, 1): moving(30)})
    return Path("annotations")


def h36m_of_evoskeleton() -> Path:
    full = np.zeros((30, 32, 3))
    full[:, h36m32.TO_H36M17] = 1000 * moving(30)
    Path("numpy").mkdir()
    for name, subject in (("train", 1), ("test", 9)):
        value = {(subject, "Walking", "Walking.h5"): full.reshape(30, 96)}
        np.save(Path("numpy", f"threeDPose_{name}.npy"), value, allow_pickle=True)
    return Path("numpy")


def h36m_of_diffpose() -> Path:
    path = h36m("gt_gmm")
    with np.load(path, allow_pickle=True) as file:
        subjects, metadata = file["positions_2d"].item(), file["metadata"].item()
    for takes in subjects.values():
        for take, views in takes.items():
            takes[take] = [np.pad(np.repeat(v[:, :, None], 5, 2), [(0, 0)] * 3 + [(1, 2)]) for v in views]
    np.savez(path, positions_2d=subjects, metadata=metadata)
    return path


def of_graphmlp() -> Path:
    folder = in_data(mpi_inf_3dhp.write_pair)
    (folder / "data_3d_mpi_inf_3dhp.npz").rename(folder / "data_3d_3dhp.npz")
    (folder / "data_2d_mpi_inf_3dhp_gt.npz").rename(folder / "data_2d_3dhp.npz")
    return folder


def humaneva_npz() -> Path:
    humaneva.write(Path("downloads"), humaneva.known_cameras)
    return Path("downloads")


def humaneva_of_coco() -> Path:
    pairs = [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]]
    views = [c.project(c.world_to_camera(moving(30))) for c in humaneva.known_cameras("S1")]
    unlabeled = {"Unlabeled/S4": {"Jog 1": [detections.coco(views[0]), None, detections.coco(views[2])]}}
    positions = {"Train/S1": {"Jog 1 chunk0": [detections.coco(view) for view in views]}} | unlabeled
    metadata = {"layout_name": "coco", "num_joints": 17, "keypoints_symmetry": pairs}
    np.savez("data_2d_humaneva15_detectron_pt_coco.npz", positions_2d=positions, metadata=metadata)
    return Path("data_2d_humaneva15_detectron_pt_coco.npz")


def in_data(write) -> Path:
    Path("data").mkdir()
    write(Path("data"))
    return Path("data")


def of_3dhp() -> Path:
    mpi_inf_3dhp.write_original(Path("3dhp"))
    return Path("3dhp")


def single_poses(name: str) -> Path:
    mpi_inf_3dhp.write_single_poses(Path("extra"))
    return Path("extra", name)


def one_bvh() -> Path:
    Path("walk.bvh").write_text(bvh_text(40))
    return Path("walk.bvh")


def mocap_with_cameras() -> Path:
    Path("calibration.toml").write_text(CALIBRATION)
    return mocap()


def of_3dpw() -> Path:
    for split in ("train", "test"):
        threedpw.write(Path("3DPW"), split)
    return Path("3DPW")


def aist() -> Path:
    Path("a.pkl").write_bytes(pickle.dumps({"keypoints3d_optim": 100 * files.person("coco17", 40)}))
    return Path("a.pkl")


def motionbert() -> Path:
    points = files.person("h36m17", 40)
    rows = {"joint_2d": points[..., :2], "confidence": points[..., 2:], "source": ["s_01_act_02_subact_01_ca_01"] * 40}
    Path("h36m.pkl").write_bytes(pickle.dumps({"train": rows, "test": rows}))
    return Path("h36m.pkl")


# the beginning of what you have: (files of that kind, what words of the command stand for, what is there afterwards)
ROWS = {
    "a file or folder, and no idea": (keypoints, {}, ()),
    "a folder of many recordings": (mocap, {}, ()),
    "results that look wrong": (keypoints, {}, ()),
    "the same, to see": (keypoints, {}, ("output/*.png",)),
    "2D keypoints of any tool": (keypoints, {}, ("output/*.html",)),
    "keypoints of one tool": (keypoints, {"OUTPUT": "a.json", "FORMAT": "alphapose"}, ("a.json",)),
    "keypoints in another layout": (keypoints, {"OUTPUT.npz": "a.npz"}, ("a.npz",)),
    "keypoints with joints": (keypoints, {"MINE.toml": "mine.toml"}, ("mine.toml",)),
    "BVH, ASF/AMC, C3D, TRC, MVNX, tables of Qualisys, Motive and Nexus": (
        mocap,
        {"NAME": "mine"},
        ("data/data_3d_mine.npz", "data/data_2d_mine_gt.npz"),
    ),
    "BVH, ASF/AMC, MVNX, to train": (mocap, {"NAME": "mine"}, ("data/data_3d_mine.npz",)),
    "the same and a calibration": (
        mocap_with_cameras,
        {"NAME": "mine", "FILE": "calibration.toml"},
        ("data/data_2d_mine_gt.npz",),
    ),
    "a skeleton or marker set": (one_bvh, {"MINE.toml": "mine.toml"}, ("mine.toml",)),
    "its archive": (h36m_archive, {}, ("data/data_3d_h36m.npz", "data/data_2d_h36m_gt.npz")),
    "PoseNet's": (h36m_of_posenet, {}, ("data/data_3d_h36m.npz", "data/data_2d_h36m_gt.npz")),
    "EvoSkeleton's": (h36m_of_evoskeleton, {}, ("data/data_3d_h36m.npz", "data/data_2d_h36m_gt.npz")),
    "DiffPose's": (h36m_of_diffpose, {}, ("cache/h36m_gt_gmm*",)),
    "2D of all videos": (motionbert, {"NAME": "sh"}, ("data/data_2d_h36m_sh.npz",)),
    "`data_3d_h36m.npz` and": (lambda: h36m("cpn_ft_h36m_dbb"), {}, ("cache/h36m_cpn_ft_h36m_dbb*",)),
    "the same of 16 joints": (h36m_of_16, {}, ("cache/h36m_gt*",)),
    "2D of COCO or MPII": (h36m_of_coco, {"NEW.npz": "data/data_2d_h36m_new.npz"}, ("data/data_2d_h36m_new.npz",)),
    "2D detections, one file": (h36m_videos, {"NAME": "sh_ft_h36m"}, ("data/data_2d_h36m_sh_ft_h36m.npz",)),
    "VideoPose3D's `data_3d_humaneva15": (humaneva_npz, {}, ("data/data_3d_humaneva15.npz",)),
    "the `.mat` files": (
        lambda: humaneva.write_matlab(Path("converted")),
        {},
        ("data/data_3d_humaneva15.npz", "data/data_2d_humaneva15_gt.npz"),
    ),
    "2D of COCO (`detectron_pt_coco`) beside HumanEva": (
        lambda: in_data(write_pair),
        {},
        ("cache/humaneva15_detectron_pt_coco*",),
    ),
    "the same beside its 20 joints": (humaneva_of_coco, {"NEW.npz": "new.npz"}, ("new.npz",)),
    "its annotations": (of_3dhp, {}, ("data/data_3d_mpi_inf_3dhp.npz",)),
    "`data_train_3dhp.npz`": (lambda: in_data(mpi_inf_3dhp.write_pstmo), {}, ("cache/mpi_inf_3dhp_gt*",)),
    "`data_3d_mpi_inf_3dhp.npz`": (lambda: in_data(mpi_inf_3dhp.write_pair), {}, ("cache/mpi_inf_3dhp_gt*",)),
    "`data_3d_3dhp.npz`": (of_graphmlp, {}, ("cache/3dhp_gt*",)),
    "SPIN's": (lambda: single_poses("mpi_inf_3dhp_valid.npz"), {}, ()),
    "PoseAug's": (lambda: single_poses("test_3dhp.npz"), {}, ()),
    "MotionBERT's": (motionbert, {}, ()),
    "AIST++'s": (aist, {}, ()),
    "3DPW's": (of_3dpw, {}, ("data/data_3d_threedpw.npz",)),
    "poses, cameras and skeleton": (lambda: write_published(Path("data"), "mine"), {"NAME": "mine"}, ("cache/mine*",)),
}
# commands that need more than the row says, for these small files
MORE = {
    "2D keypoints of any tool": ["--fps", "30", "--image-size", "1000x1000"],
    "`data_3d_mpi_inf_3dhp.npz`": ["--protocol", "cross-camera", "--subjects-train", "S1", "--subjects-test", "S1"],
    "`data_3d_3dhp.npz`": ["--protocol", "cross-camera", "--subjects-train", "S1", "--subjects-test", "S1"],
    "poses, cameras and skeleton": ["--subjects-test", "C"],
}


def test_every_row_has_a_test_and_every_test_a_row():
    begun = {have: [key for key in ROWS if have.startswith(key)] for have, _ in rows()}
    assert all(keys for keys in begun.values()), [have for have, keys in begun.items() if not keys]
    assert {max(keys, key=len) for keys in begun.values()} == set(ROWS)


@pytest.mark.parametrize(("have", "command"), rows(), ids=lambda text: text[:40])
def test_the_command_of_the_row(srnet, have, command):
    key = max((key for key in ROWS if have.startswith(key)), key=len)
    if ".mat" in have:
        pytest.importorskip("scipy.io")
    write, words, made = ROWS[key]
    given = str(write())
    stands_for = {"PATH": given, "FOLDER": given, "FILE": given} | words
    program, *arguments = command.split()
    assert program == "srnet"
    ran = srnet(*(stands_for.get(word, word) for word in arguments), *MORE.get(key, ())).ok()
    assert ran.out
    for pattern in made:
        assert list(Path().glob(pattern)), pattern


def test_the_2d_that_was_brought_to_humanevas_joints(srnet):
    """Subjects keep their names, cameras that saw nothing their places; the head is made of the eyes, which is said."""
    path = humaneva_of_coco()
    ran = srnet("data", "convert", path, "new.npz", "--to", "videopose3d", "--to-layout", "humaneva15").ok()
    assert "Head: made of left_eye, right_eye, about where it is." in ran.err
    from srnet_core.readers.npz import read_npz

    found = read_npz("new.npz")["positions_2d"]
    assert list(found) == ["Train/S1", "Unlabeled/S4"] and found["Unlabeled/S4"]["Jog 1"][1] is None
    expected = humaneva.known_cameras("S1")[1]
    seen = expected.project(expected.world_to_camera(moving(30)))
    view = found["Train/S1"]["Jog 1 chunk0"][1]
    order = humaneva.TO_15
    limbs = [j for j in range(2, 14)]
    np.testing.assert_allclose(view[:, limbs], seen[:, [order[j] for j in limbs]], atol=1e-3)


def test_what_has_no_row_is_named_all_the_same():
    """Tools and data sets that people ask for stand on the page."""
    text = PAGE.read_text(encoding="utf-8")
    for word in ("P-STMO", "MotionAGFormer", "SemGCN", "PoseAug", "SPIN", "detectron_pt_coco", "3DPW", "HumanEva"):
        assert re.search(rf"\b{word}\b", text), word
