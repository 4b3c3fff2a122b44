"""`srnet data convert`: every form that is written is read again as the same people; data sets keep their structure."""

import json
from pathlib import Path

import keypoint_files as files
import numpy as np
import pytest
from motion_making import bvh_text
from support.small_data import write_published

from srnet_core.keypoints import read_keypoints
from srnet_core.keypoints.write import FORMS
from srnet_core.mocap.body import read_motions

# forms of tools that have joints of their own are tried in tests/keypoints/test_write.py
ANY_JOINTS = sorted(form for form in FORMS if not form.startswith(("mediapipe", "kinect")))


@pytest.fixture
def video(tmp_path) -> Path:
    """One person in COCO's layout; a joint is missing for a while."""
    points = files.person("coco17")
    points[3:6, 9] = 0
    return files.write_openpose(tmp_path / "video", files.one(points))


@pytest.mark.parametrize("form", ANY_JOINTS)
def test_what_is_written_is_read_again(srnet, video, form):
    said = ("--layout", "coco17", "--fps", 25, "--image-size", "640x480")
    ran = srnet("data", "convert", video, "made", "--to", form, *said).ok()
    assert f"({form})" in ran.out and "Joints missing: 3 of" in ran.err
    source = read_keypoints(video, layout="coco17")
    again = read_keypoints("made", layout="coco17", image_size=files.SIZE_PX)
    assert (again.frame_count, len(again.tracks), again.num_joints) == (files.FRAMES, 1, 17)
    np.testing.assert_allclose(again.tracks[0].points, source.tracks[0].points, atol=2e-3)
    assert again.tracks[0].missing.sum() == 3
    if form not in ("videopose3d", "trc"):  # these have no place for a confidence
        np.testing.assert_allclose(again.tracks[0].confidence, source.tracks[0].confidence, atol=1e-4)
    if form in ("trc", "csv", "npz"):
        assert again.fps == pytest.approx(25)


@pytest.mark.parametrize("form", [form for form in ANY_JOINTS if form not in ("trc", "videopose3d")])
def test_several_people(srnet, tmp_path, form):
    pairs = [list(pair) for pair in zip(files.person("coco17"), files.person("coco17", x_px=480.0, seed=3))]
    video = files.write_openpose(tmp_path / "video", pairs)
    srnet("data", "convert", video, "made", "--to", form, "--layout", "coco17", "--image-size", "640x480").ok()
    again = read_keypoints("made", layout="coco17", image_size=(640, 480))
    assert len(again.tracks) == 2
    source = read_keypoints(video, layout="coco17")
    for track in source.tracks:
        assert min(np.nanmax(np.abs(track.points - other.points)) for other in again.tracks) < 3e-3
    srnet("data", "convert", video, "one.trc", "--layout", "coco17", "--fps", 25).refused("--person")
    srnet("data", "convert", video, "one.trc", "--layout", "coco17", "--fps", 25, "--person", "1").ok()


def test_other_layouts(srnet, tmp_path):
    video = files.write_openpose(tmp_path / "video", files.one(files.person("halpe26")))
    source = read_keypoints(video, layout="halpe26")
    srnet("data", "convert", video, "a.npz", "--layout", "halpe26", "--to-layout", "h36m17").ok()
    made = read_keypoints("a.npz")
    assert made.layout.name == "h36m17"
    np.testing.assert_allclose(made.tracks[0].points, source.to_h36m17().tracks[0].points, atol=1e-3)
    srnet("data", "convert", video, "b.npz", "--layout", "halpe26", "--to-layout", "coco17").ok()
    np.testing.assert_allclose(read_keypoints("b.npz").tracks[0].points, source.tracks[0].points[:, :17], atol=1e-3)
    ran = srnet("data", "convert", video, "c.npz", "--layout", "halpe26", "--to-layout", "blazepose33").ok()
    assert "cannot give" in ran.err
    srnet("data", "convert", video, "d.npz", "--layout", "halpe26", "--to-layout", "h36").refused("h36m17")


def test_coco_joints_beside_human36m_poses_are_trained_on_after_one_conversion(srnet, tmp_path):
    """A 2D file of a data set in COCO's layout keeps its subjects, takes and cameras, and fits the 3D file."""
    data = write_published(tmp_path / "data", "small")
    poses = np.load(data / "data_3d_small.npz", allow_pickle=True)["positions_3d"].item()
    person = files.person("coco17", frames=60)[..., :2].astype(np.float32)
    detected = {
        s: {t: [person[: len(p)], person[: len(p)] + 5] for t, p in takes.items()} for s, takes in poses.items()
    }
    metadata = {
        "layout_name": "coco",
        "num_joints": 17,
        "keypoints_symmetry": [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]],
    }
    np.savez(data / "data_2d_small_detectron.npz", positions_2d=detected, metadata=metadata)
    prepare = ("prepare", "--dataset", "small", "--data-dir", data, "--subjects-test", "C")
    srnet(*prepare, "--keypoints", "detectron").refused("srnet data convert", "--to-layout h36m17")
    new = data / "data_2d_small_detectron17.npz"
    srnet(
        "data", "convert", data / "data_2d_small_detectron.npz", new, "--to", "videopose3d", "--to-layout", "h36m17"
    ).ok()
    srnet(*prepare, "--keypoints", "detectron17", "--unchecked").ok()  # the 2D is somebody else's
    made = np.load(new, allow_pickle=True)["positions_2d"].item()
    assert {s: list(t) for s, t in made.items()} == {s: list(t) for s, t in poses.items()}
    np.testing.assert_allclose(made["B"]["Sit"][1][:, 0] - made["B"]["Sit"][0][:, 0], 5, atol=1e-3)


def test_gaps_and_swaps(srnet, video):
    srnet("data", "convert", video, "a.npz", "--layout", "coco17", "--fill-gaps", 0.5).refused("frame rate")
    srnet("data", "convert", video, "a.npz", "--layout", "coco17", "--fill-gaps", 0.5, "--fps", 25, "--mend-swaps").ok()
    assert read_keypoints("a.npz").tracks[0].missing.sum() == 0


def test_motion_capture_becomes_plain_points(srnet, tmp_path):
    (tmp_path / "walk.bvh").write_text(bvh_text())
    for name in ("a.csv", "a.npz", "a.npy"):
        srnet("data", "convert", "walk.bvh", name).ok()
        (motion,) = read_motions(name).values()
        (source,) = read_motions("walk.bvh").values()
        np.testing.assert_allclose(motion.positions, source.positions, atol=1e-3)
    srnet("data", "convert", "walk.bvh", "a.trc").refused("unit of length")
    for name in ("b.trc", "b.csv", "b.npz"):
        srnet("data", "convert", "walk.bvh", name, "--to-layout", "h36m17").ok()
        (motion,) = read_motions(name).values()
        assert motion.positions.shape == (20, 17, 3)
        assert np.ptp(motion.positions[0, :, 2]) == pytest.approx(1.6, abs=0.05), "metres, z up"
    info = json.loads(srnet("data", "info", "b.trc", "--json").ok().out)
    assert (info["units"], info["fps"], info["joints"]) == ("m", 50, 17)


def test_nothing_is_written_where_something_is_wrong(srnet, video):
    srnet("data", "convert", video, "a.xyz", "--layout", "coco17").refused("--to")
    srnet("data", "convert", video, "a.json", "--to", "openpoose", "--layout", "coco17").refused("openpose")
    srnet("data", "convert", video, "a", "--to", "yolo", "--layout", "coco17").refused("--image-size")
    srnet("data", "convert", video, "a", "--to", "yolo", "--image-size", "60x40", "--layout", "coco17").refused(
        "outside"
    )
    srnet("data", "convert", video, "a.trc", "--layout", "coco17").refused("--fps")
    srnet("data", "convert", "nowhere", "a.npz").refused("there is no such file or folder")
    assert not list(Path().glob("*a*")), list(Path().iterdir())


def test_a_folder_is_replaced_only_if_asked(srnet, video):
    Path("kept").mkdir()
    Path("kept/diary.txt").write_text("dear diary")
    convert = ("data", "convert", video, "kept", "--to", "openpose", "--layout", "coco17")
    srnet(*convert).refused("is a folder that is not empty")
    assert Path("kept/diary.txt").exists()
    srnet(*convert, "--force").ok()
    assert len(list(Path("kept").iterdir())) == files.FRAMES


def test_joint_names_are_no_formulas(srnet, tmp_path):
    header = ",".join(f"{name}_{axis}" for name in ["=1+1", "@nose", *(f"p{i}" for i in range(5))] for axis in "xy")
    (tmp_path / "a.csv").write_text(
        f"{header}\n" + "\n".join(",".join(str(100 + i + k) for k in range(14)) for i in range(5))
    )
    srnet("data", "convert", "a.csv", "b.csv").ok()
    names = Path("b.csv").read_text().splitlines()[0].split(",")
    assert not any(name[0] in "=+-@" for name in names), names


def test_joints_are_missing_only_where_the_person_is_seen(srnet, tmp_path):
    people = files.person("coco17"), files.person("coco17", x_px=480.0, seed=3)
    people[0][2, 5] = 0
    video = files.write_openpose(
        tmp_path / "video", [[a, b] if i == 4 else [a] for i, (a, b) in enumerate(zip(*people))]
    )
    ran = srnet("data", "convert", video, "a.npz", "--layout", "coco17", "--fps", 25, "--json").ok()
    made = json.loads(ran.out)
    assert made["missing"] == [1, 17 * (files.FRAMES + 1)] and ran.err == ""
    assert (made["format"], made["output"], made["lost"]) == ("npz", "a.npz", [])
    assert any("do not say who" in note or "not identify" in note for note in made["notes"])
    (tmp_path / "walk.bvh").write_text(bvh_text(), encoding="utf-8")
    made = json.loads(srnet("data", "convert", "walk.bvh", "walk.csv", "--json").ok().out)
    assert (made["format"], made["missing"]) == ("csv", None)
