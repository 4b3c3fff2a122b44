"""Files that other people's tools wrote: what is found in each is what a correct reader finds."""

import csv
import json

import numpy as np
import pytest

from srnet_core.errors import BadFileError
from srnet_core.keypoints import describe, describe_all, read_keypoints
from srnet_core.readers.trc import read_trc

LAYOUTS = {
    "openpose/body25b_pose2sim_single_cam01/": "body25b",
    "openpose/body25b_pose2sim_multi_associated_cam03/": "body25b",
    "openpose/body25_treadmill27/": "body25",
    "openpose/coco18_openmmd_motion1/": "coco18_openpose",
    "openpose/body25_with_hands_poseformat/": "body25",
    "alphapose/halpe26_list.json": "halpe26",
    "coco/coco_results_fakekeypoints100.json": "coco17",
    "coco/coco_annotations_mmpose.json": "coco17",
    "stgcn_json/gastnet_baseball_coco17.json": "coco17",
    "videopose3d/data_2d_custom_myvideos.npz": "coco17",
    "videopose3d/detectron2_floss.mp4.npz": "coco17",
    "npy/openpose25_900x25x2.npy": "body25",
    "mediapipe/sports2d_demo.tasks.json": "blazepose33",
    "mediapipe/sports2d_demo.long.csv": "blazepose33",
    "mediapipe/pose2sim_cam01.wide.csv": "blazepose33",
    "alphapose/cmu_format.json": "coco18_openpose",
    "alphapose/coco17_list.json": "coco17",
    "mmpose/topdown_demo_coco17.json": "coco17",
    "mmpose/inferencer_video_coco17.json": "coco17",
    "rtmlib/pose2sim_rtm_halpe26_json/": "halpe26",
    "yolo/labels/": "coco17",
}
WITHOUT_LAYOUT = [
    "deeplabcut/dlc_pred_filtered.csv",
    "deeplabcut/dlc_pred_filtered.h5",
    "deeplabcut/dlc_labels_CollectedData.csv",
    "deeplabcut/dlc2kinematics_2D.h5",
    "sleap/minimal_back.analysis.h5",
    "sleap/minimal_mid.analysis.h5",
    "trc/sports2d_style_px_person00.trc",
    "kinect/krajjat_sequence/",
]
IN_3D = [
    "npy/lifted_h36m17_900x17x3.npy",
    "deeplabcut/dlc_3d.csv",
    "bvh/walk01_pos.csv",
    *(
        f"trc/{name}.trc"
        for name in (
            "pose2sim_single_m_60fps",
            "pose2sim_single_lstm_m_60fps",
            "opensim_walk_free_01",
            "opensim_blanks",
            "opensim_nans",
            "opensim_eformat",
            "opensim_exampleFormat",
            "opensim_subject01_static",
            "opensim_markers_walk",
            "pyomeca_markers",
        )
    ),
]
ALL = [*LAYOUTS, *WITHOUT_LAYOUT, *IN_3D]


@pytest.fixture(scope="module")
def wild(shared_dir):
    folder = shared_dir / "wild"
    if not folder.is_dir():
        pytest.skip("no folder of files that other tools wrote")
    return folder


@pytest.fixture(scope="module")
def expected(wild):
    return json.loads((wild / "EXPECT.json").read_text(encoding="utf-8"))


def test_every_row_of_the_manifest_that_is_ours_is_tested(wild):
    with open(wild / "MANIFEST.tsv", encoding="utf-8") as file:
        rows = [row["path"] for row in csv.DictReader(file, delimiter="\t")]
    ours = [p for p in rows if p.split("/")[0] not in ("c3d", "bvh", "asf_amc", "pose2sim")]
    assert set(ours) <= set(ALL)


def test_one_description_covers_every_row(wild, expected):
    """Motion capture too; a file without points is refused in words."""
    with open(wild / "MANIFEST.tsv", encoding="utf-8") as file:
        rows = [row["path"] for row in csv.DictReader(file, delimiter="\t")]
    for path in rows:
        right = expected.get(path, {})
        if right.get("points") == 0:
            with pytest.raises(BadFileError, match="no points"):
                describe(wild / path)
            continue
        found = describe(wild / path)
        assert found["kind"] and found["format"], path
        if path.split("/")[0] in ("c3d", "bvh", "asf_amc") and path.endswith((".c3d", ".bvh", ".asf", ".amc")):
            assert found["kind"] == "motion-capture" and found["format"] == path.rpartition(".")[2], path
            assert found["frames"] == right.get("frames", found["frames"]), path
            assert found["joints"] == right.get("joints", right.get("points", right.get("bones", found["joints"]))), (
                path
            )
            rate = right.get("fps", right.get("rate"))
            assert rate is None or found["fps"] == pytest.approx(rate, abs=1e-4), path


def test_a_folder_of_recordings_is_described_as_a_whole(wild):
    found = {item["path"]: item for item in describe_all(wild)}
    assert sum("why" not in item for item in found.values()) >= 66
    assert not any("why" in item for path, item in found.items() if path.endswith((".bvh", ".amc", ".trc", ".csv")))


@pytest.mark.parametrize("path", ALL)
def test_frames_people_and_joints(wild, expected, path):
    found, right = describe(wild / path), expected[path]
    frames = right.get("frames", right.get("images"))
    if frames is None:
        frames = {"videopose3d/data_2d_custom_myvideos.npz": 287, "yolo/labels/": 40, "bvh/walk01_pos.csv": 101}.get(
            path
        )
    if frames is None and "shape" in right:
        frames = right["shape"][0]
    if frames is None and "tracks" in right:
        frames = right["tracks"][3]
    if frames is None and "data_rows" in right:
        frames = right["data_rows"]
    if frames is None and "last" in right:
        frames = int(right["last"].removesuffix(".jpg")) + 1
    if frames is None and "last_frame" in right:
        frames = int(right["last_frame"]) + 1
    if frames is not None:
        assert found["frames"] == frames
    joints = right.get("joints", right.get("markers"))
    if isinstance(joints, dict):
        joints = max(map(int, joints))
    if joints is None:
        joints = len(right.get("nodes") or right.get("bodyparts") or ()) or (
            right["shape"][1] if "shape" in right else None
        )
    if joints is not None:
        assert found["joints"] == joints
    if "people_per_frame" in right:
        assert found["people_per_frame"] == dict(sorted(right["people_per_frame"].items()))
    if "missing_keypoints" in right:
        assert found["missing"] == [int(n) for n in right["missing_keypoints"].split("/")]
    if "missing" in right:
        assert found["missing"][0] == right["missing"]
    if "frames_with_person" in right:
        assert found["frames_with_people"] == right["frames_with_person"]


@pytest.mark.parametrize("path", ALL)
def test_rate_units_and_size(wild, expected, path):
    found, right = describe(wild / path), expected[path]
    pixels = path == "trc/sports2d_style_px_person00.trc"
    if right.get("units") and not pixels:
        assert found["units"] == right["units"]
    if pixels:
        assert found["units"] == "px"
    try:
        assert found["fps"] == float(right["fps"])
    except (KeyError, ValueError):
        assert found["fps"] is None or path in ("kinect/krajjat_sequence/", "bvh/walk01_pos.csv")
    if "size" in right:
        assert found["image_size"] == right["size"]
    if "sizes" in right:
        assert found["image_sizes"] == right["sizes"]
    if path.startswith("videopose3d/"):
        assert found["image_size"] == [640, 480]


@pytest.mark.parametrize("path", [*LAYOUTS, *WITHOUT_LAYOUT])
def test_first_values_and_layout(wild, expected, path):
    pytest.importorskip("scipy")
    found, right = read_keypoints(wild / path), expected[path]
    assert (found.layout and found.layout.name) == LAYOUTS.get(path, found.layout and found.layout.name)
    first = right.get("first_keypoint", right.get("first"))
    if path == "videopose3d/detectron2_floss.mp4.npz":
        first = [first[0], first[1], first[3]]
    if isinstance(first, dict):
        first = [first["x"] * 1768, first["y"] * 994, first["visibility"]]
    if not isinstance(first, list):
        return
    firsts = [t.points[np.flatnonzero(t.present)[0], 0] for t in found.tracks]
    assert any(np.allclose(f, first[:2], atol=1e-3 * max(1, abs(first[0]) / 1000)) for f in firsts)
    if len(first) > 2 and not path.startswith("coco/"):
        confident = [t.confidence[np.flatnonzero(t.present)[0], 0] for t in found.tracks]
        assert any(abs(c - first[2]) < 1e-3 for c in confident)


@pytest.mark.parametrize("path", IN_3D)
def test_3d_is_not_taken_for_2d(wild, path):
    with pytest.raises(BadFileError, match="3D"):
        read_keypoints(wild / path)


@pytest.mark.parametrize("path", [p for p in ALL if p.startswith("trc/")])
def test_markers_of_trc_files(wild, expected, path):
    markers, right = read_trc(wild / path), expected[path]
    assert list(markers.names[: len(right["names"])]) == right["names"]
    assert [markers.times_s[0], markers.times_s[-1]] == pytest.approx(right["time_first_last"])
    assert np.isnan(markers.positions).mean() == pytest.approx(right["nan_fraction"], abs=1e-4)
    if isinstance(right["first_xyz"], list):
        np.testing.assert_allclose(markers.positions[0, 0], right["first_xyz"], atol=1e-4)


def test_people_of_a_bystander_scene_are_told_apart(wild):
    """The order of the two people changes from file to file."""
    pytest.importorskip("scipy")
    found = read_keypoints(wild / "openpose/body25b_pose2sim_single_cam01/")
    assert [int(t.present.sum()) for t in found.tracks[:2]] == [100, 100]
    for track in found.tracks[:2]:
        steps = np.linalg.norm(np.diff(track.points, axis=0), axis=-1)
        assert np.nanmax(np.nanmedian(steps, axis=1)) < 60  # px


def test_associated_people_stay_who_they_are(wild):
    """Pose2Sim has put the two in order; tracking finds the same two."""
    pytest.importorskip("scipy")
    path = wild / "openpose/body25b_pose2sim_multi_associated_cam03/"
    found = read_keypoints(path)
    right = []
    for file in sorted(path.iterdir()):
        people = json.loads(file.read_text())["people"]
        right.append([np.reshape(p.get("pose_keypoints_2d") or [0] * 75, (25, 3)) for p in people])
    right = np.array(right)  # (T, 2, 25, 3)
    assert len(found.tracks) == 2
    for person in range(2):
        there = right[:, person, :, 2] > 0
        matches = [np.allclose(t.points[there], right[:, person, :, :2][there], atol=1e-3) for t in found.tracks]
        assert any(matches)


def test_all_of_them_are_described(wild):
    for path in ALL:
        assert describe(wild / path)
