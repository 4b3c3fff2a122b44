"""Forms of JSON, tables and MATLAB files of tools that are met less often."""

import json
import pickle

import h5py
import numpy as np
import pytest
from figure_making import FRAMES, SIZE_PX, flat, json_file, person
from keypoint_files import dlc_h5_fixed

from srnet_core.errors import BadFileError
from srnet_core.keypoints import describe, read_keypoints
from srnet_core.layouts import get_layout
from srnet_core.layouts.parts import FIGURE_M

POSE = person("coco17")
NAMES = get_layout("coco17").joints
SHARES = POSE[..., :2] / SIZE_PX


def same(path, expected=POSE, **known):
    found = read_keypoints(path, **known)
    np.testing.assert_allclose(found.tracks[0].points, expected[..., :2], atol=0.02)
    return found


def frames_of(path, make):
    path.mkdir()
    for i in range(FRAMES):
        (path / f"v_{i:012d}_keypoints.json").write_text(json.dumps(make(i)))
    return path


# Apple's Vision: fractions of the image, counted from below

VISION = {
    "nose": "head_joint",
    **{
        f"{side}_{joint}": f"{side}_{apple}_joint"
        for side in ("left", "right")
        for joint, apple in (
            ("eye", "eye"),
            ("ear", "ear"),
            ("shoulder", "shoulder_1"),
            ("elbow", "forearm"),
            ("wrist", "hand"),
            ("hip", "upLeg"),
            ("knee", "leg"),
            ("ankle", "foot"),
        )
    },
}


def camel(name):
    first, *others = name.split("_")
    return first + "".join(map(str.title, others))


def vision_joints(i, names):
    return {
        names(n): {"x": float(x), "y": float(1 - y), "confidence": float(c)}
        for n, (x, y), c in zip(NAMES, SHARES[i], POSE[i, :, 2])
    }


@pytest.mark.parametrize("names", [VISION.get, camel])
@pytest.mark.parametrize(
    "frame",
    [
        lambda joints: {"joints": joints},
        lambda joints: {"observations": [{"confidence": 0.9, "joints": joints}]},
        lambda joints: {"keypoints": [{"name": n, **values} for n, values in joints.items()]},
        lambda joints: {
            "recognizedPoints": {n: {"location": v, "confidence": v["confidence"]} for n, v in joints.items()}
        },
    ],
)
def test_apple_vision(tmp_path, names, frame):
    path = json_file(tmp_path / "a", [{"frame": i, **frame(vision_joints(i, names))} for i in range(FRAMES)])
    found = same(path, image_size=SIZE_PX)
    assert found.layout.name == "coco17"
    assert any("y goes up" in note for note in found.notes)


def test_a_handstand_in_pixels_stays_one(tmp_path):
    joints = [
        {"keypoints": [{"name": n, "x": x, "y": 480 - y} for n, (x, y, _) in zip(NAMES, p.tolist())]} for p in POSE
    ]
    found = read_keypoints(json_file(tmp_path / "a", joints))
    assert found.tracks[0].points[0, 0, 1] == pytest.approx(480 - POSE[0, 0, 1], abs=0.01)


def test_ml_kit(tmp_path):
    points = person("blazepose33")
    frames = [
        {
            "landmarks": [
                {"type": k, "position": {"x": x, "y": y, "z": 3.0}, "inFrameLikelihood": c}
                for k, (x, y, c) in enumerate(p.tolist())
            ]
        }
        for p in points
    ]
    assert same(json_file(tmp_path / "a", frames), points).layout.name == "blazepose33"


def test_joints_by_their_numbers_may_be_left_out(tmp_path):
    """tf-pose-estimation lists the parts that it found only."""
    points = person("coco18_openpose")
    frames = []
    for i, p in enumerate(points):
        parts = {str(k): {"x": x / 640, "y": y / 480, "score": c} for k, (x, y, c) in enumerate(p.tolist())}
        if i == 2:
            del parts["4"], parts["17"]
        frames.append({"frame": i, "humans": [{"body_parts": parts}]})
    track = read_keypoints(json_file(tmp_path / "a", frames), image_size=SIZE_PX).tracks[0]
    assert np.flatnonzero(track.missing[2]).tolist() == [4, 17] and track.missing.sum() == 2
    np.testing.assert_allclose(track.points[~track.missing], points[..., :2][~track.missing], atol=0.02)


def test_h3wb(tmp_path):
    """H3WB: images by number, 2D and 3D joints by number."""
    points = person("coco_wholebody133")
    images = {
        str(i): {
            "image_path": f"S1/Images/Walking.54138969/frame_{i:04d}.jpg",
            "keypoints_2d": {str(k): {"x": x, "y": y} for k, (x, y, _) in enumerate(p.tolist())},
            "keypoints_3d": {str(k): {"x": 1.0, "y": 2.0, "z": 3.0} for k in range(133)},
        }
        for i, p in enumerate(points)
    }
    assert same(json_file(tmp_path / "a", images), points).num_joints == 133


def test_joints_in_space_of_fit3d(tmp_path):
    found = describe(json_file(tmp_path / "a", {"joints3d_25": (np.ones((FRAMES, 25, 3)) * (-0.5, 1.2, 3.7)).tolist()}))
    assert (found["kind"], found["frames"], found["people"], found["joints"]) == ("keypoints-3d", FRAMES, 1, 25)


def test_keypoints_of_ultralytics_as_they_are(tmp_path):
    frames = [{"keypoints": {"xy": [p[:, :2].tolist()], "conf": [p[:, 2].tolist()]}} for p in POSE]
    same(json_file(tmp_path / "a", {"frames": frames}))


# OpenPose


def test_openpose_body19(tmp_path):
    points = person("body25")[:, :19]
    path = frames_of(tmp_path / "a", lambda i: {"people": [{"pose_keypoints_2d": flat(points[i])}]})
    found = same(path, points)
    assert (found.format, found.layout.name) == ("openpose", "body19")


def test_openpose_in_rows(tmp_path):
    points = person("body25")
    same(frames_of(tmp_path / "a", lambda i: {"people": [{"pose_keypoints_2d": points[i].tolist()}]}), points)


# MMPose, Detectron2


def test_mmpose_preds_in_json(tmp_path):
    batches = [{"preds": [p.tolist()], "image_paths": [f"a/{i:012d}.jpg"], "bbox_ids": [i]} for i, p in enumerate(POSE)]
    assert same(json_file(tmp_path / "a", batches[::-1])).format == "mmpose"


def test_mmpose_people_in_a_pickle(tmp_path):
    frames = [[{"bbox": np.ones(5), "keypoints": p.astype("f4"), "track_id": 0}] for p in POSE]
    frames[3] = []
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(frames))
    found = read_keypoints(tmp_path / "a.pkl")
    assert not found.tracks[0].present[3]
    np.testing.assert_allclose(found.tracks[0].points[4:], POSE[4:, :, :2], atol=0.02)


def test_detectron2_instances_by_image(tmp_path):
    images = [
        {"image_id": i, "instances": [{"image_id": i, "bbox": [1, 2, 3, 4], "score": 0.9, "keypoints": flat(p)}]}
        for i, p in enumerate(POSE)
    ]
    same(json_file(tmp_path / "a", images))


@pytest.mark.parametrize(
    "content, words",
    [(b"PAR1" + bytes(40), "Parquet.*CSV"), (b"ARROW1" + bytes(40), "Arrow.*CSV")],
)
def test_tables_of_other_kinds_are_named(tmp_path, content, words):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(BadFileError, match=words):
        describe(tmp_path / "a")


def test_a_file_of_pytorch_is_named(tmp_path):
    import torch

    torch.save([{"image_id": 1, "instances": []}], tmp_path / "instances_predictions.pth")
    with pytest.raises(BadFileError, match="file of PyTorch.*coco_instances_results"):
        describe(tmp_path / "instances_predictions.pth")


@pytest.mark.parametrize(
    "value, words",
    [
        ({"info": {}, "categories": {}, "items": [{"id": "a", "annotations": []}]}, "Datumaro.*COCO keypoints"),
        ({"version": "2.0", "item": {"name": "a.jpg"}, "annotations": [{"skeleton": {"nodes": []}}]}, "V7 Darwin"),
        ({"description": "", "tags": [], "size": {}, "objects": [{"geometryType": "graph"}]}, "Supervisely"),
        ([{"data_row": {"id": "a"}, "projects": {}}], "Labelbox"),
        ({"project": {}, "config": {}, "attribute": {}, "file": {}, "metadata": {}, "view": {}}, "VIA 3"),
        ({"annotation_results": [{"person_detection_annotations": []}]}, "Video Intelligence"),
    ],
)
def test_exports_of_other_tools_are_named(tmp_path, value, words):
    with pytest.raises(BadFileError, match=words):
        describe(json_file(tmp_path / "a", value))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"glTF\x02\0\0\0" + bytes(40), "glTF.*export BVH"),
        (b"BLENDER-v300" + bytes(40), "Blender.*BVH"),
        (b"PXR-USDC" + bytes(40), "USD"),
        (b"#usda 1.0\n", "USD"),
        (b"Vocaloid Motion Data 0002" + bytes(40), "MikuMikuDance"),
        (b"%YAML 1.1\n%TAG !u! tag:unity3d.com,2011:\n", "Unity"),
        (b'<?xml version="1.0"?><COLLADA></COLLADA>', "COLLADA"),
        (b'<?xml version="1.0"?><OpenSimDocument Version="4"></OpenSimDocument>', "OpenSim"),
        (b"# made\n[Header]\nFileType htr\nDataType HTRS\n", "HTR.*C3D"),
        (b"BZh91AY&SY" + bytes(40), "bzip2 archive.*Unpack"),
        (b"Kaydara FBX Binary  \0" + bytes(40), "FBX.*BVH"),
    ],
)
def test_motion_of_other_programs_is_named(tmp_path, content, words):
    (tmp_path / "walk.bvh").write_bytes(content)
    with pytest.raises(BadFileError, match=words):
        describe(tmp_path / "walk.bvh")


def test_a_long_table_with_times_in_place_of_frames(tmp_path):
    rows = [f"{33 * i},{n},{x},{y},{c}" for i, p in enumerate(POSE) for n, (x, y, c) in enumerate(p)]
    (tmp_path / "a.csv").write_text("\n".join(["timestamp,keypoint_id,x,y,score", *rows]) + "\n")
    found = read_keypoints(tmp_path / "a.csv")
    assert found.frame_count == FRAMES and found.fps == pytest.approx(1000 / 33, abs=0.01)
    np.testing.assert_allclose(found.tracks[0].points, POSE[..., :2], atol=0.01)


def test_tracks_of_phalp_are_named(tmp_path):
    frame = {"tid": [1], "bbox": [np.zeros(4)], "2d_joints": [np.zeros(90)], "3d_joints": [np.zeros((45, 3))]}
    (tmp_path / "demo.pkl").write_bytes(pickle.dumps({f"img/{i:06d}.jpg": frame for i in range(3)}))
    with pytest.raises(BadFileError, match="PHALP.*numpy.savez"):
        describe(tmp_path / "demo.pkl")


# Tables


def test_simple_hrnet_of_two_people(tmp_path):
    others = person("coco17", x_px=520.0, seed=3)
    rows = [[i, k, *flat(p[:, [1, 0, 2]])] for i in range(FRAMES) for k, p in enumerate((POSE[i], others[i]))]
    (tmp_path / "a.csv").write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    found = read_keypoints(tmp_path / "a.csv")
    assert sorted(t.points[0, 0, 0] for t in found.tracks) == pytest.approx([POSE[0, 0, 0], others[0, 0, 0]], abs=0.02)
    assert any("SimpleHRNet" in note for note in found.notes)


def test_the_same_with_x_first(tmp_path):
    rows = [[i, 0, *flat(p)] for i, p in enumerate(POSE)]
    (tmp_path / "a.csv").write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    assert not any("SimpleHRNet" in note for note in same(tmp_path / "a.csv").notes)


def test_a_column_of_frames_that_the_rows_lack(tmp_path):
    """The demo of HRNet writes a header that is one cell longer than its rows."""
    header = ["frame", *(f"{n}_{k}" for n in NAMES for k in "xy")]
    lines = [header, *([str(int(v)) for v in p[:, :2].reshape(-1)] for p in POSE)]
    (tmp_path / "a.csv").write_text("".join(",".join(line) + "\n" for line in lines))
    same(tmp_path / "a.csv", np.trunc(POSE))


def test_a_blank_last_cell_that_was_left_out(tmp_path):
    header = ["frame", *(f"{n}_{k}" for n in NAMES for k in "xy")]
    lines = [header, *([str(i), *(str(v) for v in p[:, :2].reshape(-1))][:-1] for i, p in enumerate(POSE))]
    (tmp_path / "a.csv").write_text("".join(",".join(line) + "\n" for line in lines))
    track = read_keypoints(tmp_path / "a.csv").tracks[0]
    np.testing.assert_allclose(track.points[:, :-1], POSE[:, :-1, :2], atol=0.02)


# MATLAB


@pytest.mark.parametrize("extended", [False, True])
def test_leeds_sports_poses(tmp_path, extended):
    savemat = pytest.importorskip("scipy.io").savemat
    points = person("lsp14")
    points[..., 2] = 1.0 if extended else 0.0
    points[2, 3, 2] = 1.0 - points[2, 3, 2]  # not labelled, or hidden
    savemat(tmp_path / "joints.mat", {"joints": points.transpose(1, 2, 0) if extended else points.transpose(2, 1, 0)})
    found = read_keypoints(tmp_path / "joints.mat")
    assert found.layout.name == "lsp14" and not found.consecutive
    third = next(t for t in found.tracks if t.present[2])
    assert third.confidence[2, 3] == (0 if extended else 0.5)
    np.testing.assert_allclose(third.points[2, 4:], points[2, 4:, :2], atol=0.02)


def test_hidden_joints_and_people_of_jta(tmp_path):
    from keypoint_files import jta

    found = read_keypoints(jta(tmp_path / "a"))
    assert (found.fps, found.image_size, len(found.tracks)) == (30.0, (1920, 1080), 2)
    assert {t.name for t in found.tracks} == {"3", "17"}
    assert found.tracks[0].confidence[0, 6] == 0.5


def test_flags_of_ai_challenger(tmp_path):
    values = [[10.0, 20.0, 1], [11.0, 30.0, 2], [0.0, 0.0, 3]]
    points = [v for k in range(14) for v in values[k % 3]]
    images = [{"image_id": f"{c * 8}", "keypoint_annotations": {"human1": points, "human2": points}} for c in "ab"]
    found = read_keypoints(json_file(tmp_path / "a", images))
    assert found.layout.name == "aic14" and not found.consecutive
    assert found.tracks[0].confidence[0, :3].tolist() == [1.0, 0.5, 0.0]


# Kinect's tables, and rates


def kinect_m() -> np.ndarray:
    """(T, 25, 3) metres, y up, before the sensor."""
    parts = get_layout("kinect_v2_25").parts
    body = np.array([FIGURE_M[part] if part else FIGURE_M["nose"] for part in parts])
    walked = np.linspace([0, -0.9, 2.5], [0.3, -0.9, 2.5], FRAMES)[:, None]
    return body + walked + np.random.default_rng(0).normal(0, 0.002, (25, 3))


def test_rows_of_kinect_with_states_and_a_comma_at_the_end(tmp_path):
    """KiMoRe's: x, y, z and the state of each joint."""
    rows = ["".join(f"{x:.4f},{y:.4f},{z:.4f},2," for x, y, z in frame) for frame in kinect_m()]
    (tmp_path / "a.csv").write_text("\n".join(rows) + "\n")
    found = describe(tmp_path / "a.csv")
    assert (found["kind"], found["joints"], found["layout"], found["units"]) == (
        "keypoints-3d",
        25,
        "kinect_v2_25",
        "m",
    )


@pytest.mark.parametrize(("head", "prefix"), [("Timestamp,JointType,X,Y,Z", ""), ("Time,Joint,X,Y,Z", "K4ABT_JOINT_")])
@pytest.mark.parametrize("fps", [30.0, 29.97, 15.0])
def test_long_tables_of_kinect(tmp_path, head, prefix, fps):
    names = get_layout("kinect_v2_25").joints
    rows = [
        f"{i / fps:.4f},{prefix}{n},{p[0]},{p[1]},{p[2]}" for i, f in enumerate(kinect_m()) for n, p in zip(names, f)
    ]
    (tmp_path / "a.csv").write_text("\n".join([head, *rows]) + "\n")
    found = describe(tmp_path / "a.csv")
    assert (found["kind"], found["layout"], found["frames"]) == ("keypoints-3d", "kinect_v2_25", FRAMES)
    assert found["fps"] == fps


# Numbers as text


@pytest.mark.parametrize("write", [str, lambda v: f"{v:.3f}".replace(".", ","), lambda v: f" {v:.6e} "])
def test_numbers_that_stand_as_text(tmp_path, write):
    frames = [
        {"frame": i, "keypoints": [{"x": write(x), "y": write(y), "score": write(c)} for x, y, c in joints.tolist()]}
        for i, joints in enumerate(person("coco17"))
    ]
    (tmp_path / "a.json").write_text(
        json.dumps({"fps": "30000/1001", "width": "640", "height": 480.0, "frames": frames})
    )
    found = read_keypoints(tmp_path / "a.json")
    np.testing.assert_allclose(found.tracks[0].points, person("coco17")[..., :2], atol=0.01)
    assert found.fps == pytest.approx(29.97, abs=0.001) and found.image_size == (640, 480)


@pytest.mark.parametrize("wrong", ["=1+1", "12.3.4", "x", "1_0", "٣", "0x10", "1" * 100])
def test_texts_that_are_no_numbers(tmp_path, wrong):
    people = [{"image_id": 1, "category_id": 1, "keypoints": [wrong, *map(str, range(50))], "score": 1}]
    (tmp_path / "a.json").write_text(json.dumps(people))
    with pytest.raises(BadFileError, match="where a coordinate belongs"):
        read_keypoints(tmp_path / "a.json")


# People annotated in space, in COCO's form


def test_keypoints_under_another_name(tmp_path):
    """MuPoTS-3D as mks0601/3DMPPE_POSENET_RELEASE has it."""
    points = person("mpi_inf_3dhp17")
    images = [{"id": i, "file_name": f"TS1/img_{i:06d}.jpg", "width": 2048, "height": 2048} for i in range(FRAMES)]
    annotations = [
        {"id": i, "image_id": i, "keypoints_img": p[:, :2].tolist(), "keypoints_vis": [True] * 16 + [False]}
        | {"keypoints_cam": np.ones((17, 3)).tolist(), "bbox": [1, 2, 3, 4]}
        for i, p in enumerate(points)
    ]
    (tmp_path / "a.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    found = read_keypoints(tmp_path / "a.json")
    assert (found.layout.name, found.image_size) == ("mpi_inf_3dhp17", (2048, 2048))
    np.testing.assert_allclose(found.tracks[0].points[:, :16], points[:, :16, :2], atol=0.01)
    assert found.tracks[0].missing[:, 16].all() and any("keypoints_img" in note for note in found.notes)


# Other versions of known tools


@pytest.mark.parametrize("ending", ["yml", "xml", "json"])
def test_matrices_of_openpose_before_write_json(tmp_path, ending):
    points = person("body25")
    for i, values in enumerate(points):
        data = [f"{v:.8e}" for v in values.reshape(-1)]
        xml = f"<sizes>\n    1 25 3</sizes>\n  <dt>f</dt>\n  <data>\n    {' '.join(data)}</data>"
        text = {
            "yml": f"%YAML:1.0\npose_0: !!opencv-nd-matrix\n   sizes: [ 1, 25, 3 ]\n   data: [ {', '.join(data)} ]\n",
            "xml": '<?xml version="1.0"?>\n<opencv_storage>\n<pose_0 type_id="opencv-nd-matrix">\n  '
            f"{xml}</pose_0>\n</opencv_storage>\n",
            "json": json.dumps(
                {"pose_0": {"type_id": "opencv-nd-matrix", "sizes": [1, 25, 3], "dt": "f", "data": flat(values)}}
            ),
        }
        (tmp_path / f"a_{i:012d}_pose.{ending}").write_text(text[ending])
    if ending == "yml":
        nobody = "%YAML:1.0\npose_0: !!opencv-matrix\n   rows: 0\n   cols: 0\n   dt: d\n   data: [ ]\n"
        (tmp_path / f"a_{FRAMES:012d}_pose.yml").write_text(nobody)
    found = same(tmp_path, points) if ending != "yml" else read_keypoints(tmp_path)
    assert (found.format, found.layout.name) == ("openpose", "body25")
    if ending == "yml":
        assert found.frame_count == FRAMES + 1 and not found.tracks[0].present[FRAMES]
        np.testing.assert_allclose(found.tracks[0].points[:FRAMES], points[..., :2], atol=0.01)


def test_instances_of_mmpose_as_a_list_of_frames(tmp_path):
    frames = [
        {"keypoints": [p[:, :2].tolist()], "keypoint_scores": [p[:, 2].tolist()], "bboxes": [[1, 2, 3, 4]]}
        for p in person("coco17")
    ]
    (tmp_path / "a.json").write_text(json.dumps(frames))
    assert read_keypoints(tmp_path / "a.json").format == "mmpose"
    np.testing.assert_allclose(
        read_keypoints(tmp_path / "a.json").tracks[0].confidence, person("coco17")[..., 2], atol=1e-5
    )


@pytest.mark.parametrize("name, frames", [("{}.jpg", FRAMES + 1), ("img-{:05d}.png", FRAMES)])
def test_where_alphapose_counts_from(tmp_path, name, frames):
    """Its own names of frames begin at 0, those of images that somebody else wrote mostly at 1."""
    people = [
        {"image_id": name.format(i), "category_id": 1, "keypoints": flat(p), "score": 2.5}
        for i, p in enumerate(person("coco17"), 1)
    ]
    (tmp_path / "a.json").write_text(json.dumps(people))
    assert read_keypoints(tmp_path / "a.json").frame_count == frames


def test_a_column_of_confidences_that_is_blank(tmp_path):
    """DeepLabCut's table as sleap-io writes it."""
    names = get_layout("coco17").joints
    rows = [
        ["scorer", *["sleap-io"] * 51],
        ["bodyparts", *[n for n in names for _ in range(3)]],
        ["coords", *["x", "y", "likelihood"] * 17],
    ]
    rows += [[i, *[v for x, y, _ in p for v in (x, y, "")]] for i, p in enumerate(person("coco17"))]
    (tmp_path / "a.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))
    found = read_keypoints(tmp_path / "a.csv")
    np.testing.assert_allclose(found.tracks[0].points, person("coco17")[..., :2], atol=0.01)


def test_parts_that_belong_to_no_animal(tmp_path):
    """DeepLabCut's unique body parts are those of an individual called "single"."""
    names = get_layout("coco17").joints
    columns = [("mia", n, c) for n in names for c in ("x", "y", "likelihood")]
    columns += [("single", "ball", c) for c in ("x", "y", "likelihood")]
    rows = [["scorer", *["DLC"] * len(columns)]]
    rows += [
        [level, *[column[i] for column in columns]] for i, level in enumerate(("individuals", "bodyparts", "coords"))
    ]
    rows += [[i, *flat(p), 50, 60, 0.9] for i, p in enumerate(person("coco17"))]
    (tmp_path / "a.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))
    found = describe(tmp_path / "a.csv")
    assert (found["people"], found["joints"], found["layout"]) == (1, 17, "coco17")
    assert any("ball" in note for note in found["notes"])


@pytest.mark.parametrize("joined", [False, True])
def test_tables_of_deeplabcut_that_were_changed_with_pandas(tmp_path, joined):
    """Without the scorer, or with the levels of the header joined."""
    path = dlc_h5_fixed(tmp_path / "a")
    with h5py.File(path, "r+") as file:
        table = file["df_with_missing"]
        for axis in ("axis0", "block0_items"):
            levels = [
                table[f"{axis}_level{i}"][()][table[f"{axis}_label{i}"][()]]
                for i in range(sum(name.startswith(f"{axis}_level") for name in table))
            ]
            for name in [name for name in table if name.startswith((f"{axis}_level", f"{axis}_label"))]:
                del table[name]
            if joined:
                table[axis] = np.array([b"_".join(label) for label in zip(*levels[1:])])
            for i, names in enumerate([] if joined else levels[1:]):
                table[f"{axis}_level{i}"], table[f"{axis}_label{i}"] = np.unique(names, return_inverse=True)
    same(path, person("coco17"))


# People one after the other, frames deeper inside, columns of a table


@pytest.mark.parametrize("form", ["frames of a person", "numbers beside poses"])
def test_people_who_stand_one_after_the_other(tmp_path, form):
    people = [person("coco17"), person("coco17", x_px=120.0, seed=4)[4:]]
    made = {}
    for who, first, poses in (("ann", 0, people[0]), ("ben", 4, people[1])):
        numbers = list(range(first, FRAMES))
        frames = [{"frame": n, "keypoints": p.tolist()} for n, p in zip(numbers, poses)]
        beside = {"frames": numbers, "keypoints": poses.tolist()}
        made[who] = {"track_id": who, "frames": frames} if form == "frames of a person" else beside
    value = list(made.values()) if form == "frames of a person" else made
    (tmp_path / "a.json").write_text(json.dumps(value))
    found = read_keypoints(tmp_path / "a.json")
    assert [track.name for track in found.tracks] == ["ann", "ben"] and found.frame_count == FRAMES
    np.testing.assert_allclose(found.tracks[0].points, people[0][..., :2], atol=0.01)
    np.testing.assert_allclose(found.tracks[1].points[4:], people[1][..., :2], atol=0.01)
    assert not found.tracks[1].present[:4].any()


def test_frames_deeper_inside(tmp_path):
    frames = [{"idx": i, "persons": [{"kps": p.tolist()}]} for i, p in enumerate(person("coco17"))]
    (tmp_path / "a.json").write_text(json.dumps({"video": "a.mp4", "fps": 25, "data": {"frames": frames}}))
    assert same(tmp_path / "a.json", person("coco17")).fps == 25


def test_corners_of_boxes_are_no_joints(tmp_path):
    header = ["frame", "x1", "y1", "x2", "y2", "conf", *[f"kp{k}_{c}" for k in range(17) for c in ("x", "y", "conf")]]
    rows = [header, *([i, 1, 2, 3, 4, 0.9, *flat(p)] for i, p in enumerate(person("coco17")))]
    (tmp_path / "a.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))
    assert same(tmp_path / "a.csv", person("coco17")).layout.name == "coco17"


def test_places_in_fractions_and_in_pixels(tmp_path):
    names = get_layout("blazepose33").joints
    rows = [["frame_idx", "time_sec", "pose_id", "landmark_name", "x_norm", "y_norm", "visibility", "x_px", "y_px"]]
    for i, joints in enumerate(person("blazepose33")):
        rows += [[i, i / 25, 0, n, x / 640, y / 480, c, x, y] for n, (x, y, c) in zip(names, joints.tolist())]
    (tmp_path / "a.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))
    found = same(tmp_path / "a.csv", person("blazepose33"))
    assert (found.units, found.fps) == ("px", 25.0)
