"""Forms of further programs: what people bring beside the results of the well-known detectors."""

import json
import pickle
import struct
import zipfile

import numpy as np
import pytest
import torch
from figure_making import FRAMES, SIZE_PX, flat, json_file, person

from srnet_core.errors import AmbiguousError, BadFileError
from srnet_core.keypoints import describe, read_keypoints
from srnet_core.layouts import get_layout

POSE = person("coco17")
OTHER = person("coco17", x_px=120.0, seed=4)
NAMES = get_layout("coco17").joints


def same(path, expected=POSE, **known):
    found = read_keypoints(path, **known)
    np.testing.assert_allclose(found.tracks[0].points, expected[..., :2], atol=0.05)
    return found


# FreeMoCap


@pytest.mark.parametrize("width", [2, 3])
def test_cameras_of_freemocap(tmp_path, width):
    body = person("blazepose33")
    values = np.random.default_rng(0).uniform(-90, 300, (3, FRAMES, 553, width))
    for camera in range(3):
        values[camera, :, :33, :2] = body[..., :2] + 10 * camera
    np.save(tmp_path / "a.npy", values)
    found = describe(tmp_path / "a.npy")
    assert (found["kind"], found["layout"], found["joints"]) == ("keypoints-2d", "freemocap553", 553)
    assert [one["frames"] for one in found["sequences"]] == [FRAMES] * 3
    second = read_keypoints(tmp_path / "a.npy", sequence="camera 2")
    np.testing.assert_allclose(second.tracks[0].points[:, :33], body[..., :2] + 10, atol=0.01)
    with pytest.raises(AmbiguousError, match="camera 1, camera 2, camera 3"):
        read_keypoints(tmp_path / "a.npy")


# Sapiens


def test_sapiens(tmp_path):
    points = person("goliath308")
    for i, p in enumerate(points):
        instance = {"keypoints": p[:, :2].tolist(), "keypoint_scores": p[:, 2].tolist()}
        (tmp_path / f"{i:06d}.json").write_text(json.dumps({"instance_info": [instance]}))
    seventeen = read_keypoints(tmp_path).to_h36m17().tracks[0].points
    expected = person("coco17")
    for joint, coco in ((3, 16), (13, 9), (16, 10)):  # right ankle, left and right wrist
        np.testing.assert_allclose(seventeen[:, joint], expected[:, coco, :2], atol=3)


# YOLO: pictures beside the labels


def label(points):
    x, y = points[:, 0] / SIZE_PX[0], points[:, 1] / SIZE_PX[1]
    box = ((x.min() + x.max()) / 2, (y.min() + y.max()) / 2, np.ptp(x), np.ptp(y))
    return " ".join(["0", *(f"{v:.6f}" for v in box), *(f"{a:.6f} {b:.6f} 2" for a, b in zip(x, y))]) + "\n"


def png(size):
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", *size) + b"\x08\x02\0\0\0"


def jpeg(size):
    start = b"\xff\xd8\xff\xe0\x00\x10JFIF\0" + bytes(9)
    return start + b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", size[1], size[0]) + bytes(10)


def labelled(folder, part="", picture=png, ending="png", size=SIZE_PX):
    labels, images = folder / "labels" / part, folder / "images" / part
    labels.mkdir(parents=True)
    images.mkdir(parents=True)
    for i, p in enumerate(POSE):
        (labels / f"v_{i + 1:04d}.txt").write_text(label(p))
        (images / f"v_{i + 1:04d}.{ending}").write_bytes(picture(size))


@pytest.mark.parametrize(("picture", "ending"), [(png, "png"), (jpeg, "jpg"), (jpeg, "JPG")])
def test_labels_beside_images(tmp_path, picture, ending):
    labelled(tmp_path, picture=picture, ending=ending)
    (tmp_path / "data.yaml").write_text("kpt_shape: [17, 3]\n")
    found = same(tmp_path)
    assert (found.image_size, found.origins["image_size"]) == (SIZE_PX, "file")
    assert same(tmp_path / "labels").image_size == SIZE_PX


def test_labels_in_parts(tmp_path):
    labelled(tmp_path, "train")
    labelled(tmp_path, "val")
    with pytest.raises(BadFileError, match=r"labels/train, labels/val"):
        describe(tmp_path)
    assert same(tmp_path / "labels" / "train").image_size == SIZE_PX


def test_pictures_of_several_sizes_or_damaged_say_nothing(tmp_path):
    labelled(tmp_path)
    (tmp_path / "images" / "v_0001.png").write_bytes(png((10, 10)))
    assert describe(tmp_path)["image_size"] is None
    for path in (tmp_path / "images").iterdir():
        path.write_bytes(b"\xff\xd8" + b"\xff" * 50)
    assert describe(tmp_path)["image_size"] is None


# pickles and PyTorch


def test_people_with_the_frames_they_are_in(tmp_path):
    """As WHAM keeps them."""
    tracks = {
        0: {"frame_id": np.arange(FRAMES), "bbox": np.zeros((FRAMES, 3)), "keypoints": POSE},
        7: {"frame_id": np.arange(3, FRAMES), "bbox": np.zeros((FRAMES - 3, 3)), "keypoints": OTHER[3:]},
    }
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(tracks))
    found = read_keypoints(tmp_path / "a.pkl")
    tracks = {track.name: track for track in found.tracks}
    np.testing.assert_allclose(tracks["0"].points, POSE[..., :2], atol=0.01)
    np.testing.assert_allclose(tracks["7"].points[3:], OTHER[3:, :, :2], atol=0.01)
    assert not tracks["7"].present[:3].any()


def test_lists_of_people_in_a_pickle(tmp_path):
    """As OpenCap keeps OpenPose's people."""
    points = person("body25")
    frames = [[{"person_id": [-1], "pose_keypoints_2d": flat(p)}] for p in points]
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(frames))
    assert same(tmp_path / "a.pkl", points).layout.name == "body25"


@pytest.mark.parametrize("value", [lambda t: t, lambda t: {"keypoints": t, "fps": 30.0}, lambda t: t.half()])
@pytest.mark.parametrize("new", [True, False])
def test_tensors(tmp_path, value, new):
    torch.save(value(torch.tensor(POSE)), tmp_path / "a.pt", _use_new_zipfile_serialization=new)
    found = read_keypoints(tmp_path / "a.pt")
    assert found.format == "torch"
    np.testing.assert_allclose(found.tracks[0].points, POSE[..., :2], atol=0.3)


@pytest.mark.parametrize(
    "value", [{"model_pos": {"a": torch.zeros(17, 17, 3)}}, {"expand_conv.weight": torch.zeros(64, 34, 3)}]
)
def test_a_network_is_no_file_of_keypoints(tmp_path, value):
    torch.save(value, tmp_path / "a.bin")
    with pytest.raises(BadFileError, match="is a network of PyTorch.*srnet eval"):
        describe(tmp_path / "a.bin")


# tables


@pytest.mark.parametrize(
    "coords", [("x", "y", "likelihood"), ("x", "y", "likelihood", "x_ens_median", "y_ens_median", "x_posterior_var")]
)
@pytest.mark.parametrize("with_set", [False, True])
def test_lightning_pose(tmp_path, coords, with_set):
    """Spreads beside the coordinates, and in labels a column that says which set an image is in."""
    header = [
        ["scorer", *["heatmap_tracker"] * (17 * len(coords))],
        ["bodyparts", *(n for n in NAMES for _ in coords)],
        ["coords", *coords * 17],
    ]
    rows = [[str(i), *(str(v) for row in p for v in (*row, 1, 2, "")[: len(coords)])] for i, p in enumerate(POSE)]
    if with_set:
        header = [[*row, name] for row, name in zip(header, ("set", "", ""))]
        rows = [[*row, "train"] for row in rows]
    (tmp_path / "a.csv").write_text("".join(",".join(row) + "\n" for row in [*header, *rows]))
    found = same(tmp_path / "a.csv")
    np.testing.assert_allclose(found.tracks[0].confidence, POSE[..., 2], atol=1e-3)


def test_cells_without_a_header(tmp_path):
    """The raw output of OpenVINO's demo: x,y of each joint, then the score of the person."""
    points = person("coco18_openpose").round()
    lines = [" ".join(f"{x:.0f},{y:.0f}" for x, y, _ in p) + " 30.5" for p in points]
    (tmp_path / "a.txt").write_text("\n".join(lines) + "\n")
    same(tmp_path / "a.txt", points)


def test_names_and_axes_with_a_slash(tmp_path):
    header = ["Time", *(f"{n}/{axis}" for n in NAMES for axis in "XY")]
    rows = [[f"{i / 25:.3f}", *(str(v) for v in p[:, :2].reshape(-1))] for i, p in enumerate(POSE)]
    (tmp_path / "a.csv").write_text("".join(",".join(row) + "\n" for row in [header, *rows]))
    assert same(tmp_path / "a.csv").fps == 25


# JSON


def test_candidates_and_subsets(tmp_path):
    """DWPose's: the points of all people, and which of them each person has."""
    points = person("coco18_openpose")
    shares = points[..., :2] / SIZE_PX
    frames = [
        {"bodies": {"candidate": p.tolist(), "subset": [[*map(float, range(17)), -1.0]]}, "hands": []} for p in shares
    ]
    found = read_keypoints(json_file(tmp_path / "a", frames), image_size=SIZE_PX)
    np.testing.assert_allclose(found.tracks[0].points[:, :17], points[:, :17, :2], atol=0.05)
    assert np.isnan(found.tracks[0].points[:, 17]).all()


def dwpose(joints: int = 18) -> tuple[list[dict], np.ndarray]:
    """Frames as DWPose has them in Python, with two people, and nobody in every fifth; and the points, in pixels."""
    points = np.stack([person("coco18_openpose"), person("coco18_openpose", x_px=120.0, seed=3)], axis=1)[..., :2]
    frames = []
    for i, people in enumerate(points / SIZE_PX):
        people = people[: 0 if i % 5 == 4 else 2]
        more = people[:, : joints - 18]  # the toes of a later form
        candidate = np.concatenate([people, more], axis=1).reshape(-1, 2).astype(np.float32)
        subset = np.arange(len(candidate), dtype=float).reshape(-1, joints)
        hands, faces = np.zeros((2 * len(people), 21, 2)), np.zeros((len(people), 68, 2))
        frames.append({"bodies": {"candidate": candidate, "subset": subset}, "hands": hands, "faces": faces})
    return frames, points


@pytest.mark.parametrize("joints", [18, 20])
@pytest.mark.parametrize("form", ["npy", "list", "pkl", "named", "npz", "folder"])
def test_objects_of_dwpose(tmp_path, form, joints):
    frames, points = dwpose(joints)
    path = tmp_path / f"a.{'pkl' if form == 'pkl' else 'npz' if form == 'npz' else 'npy'}"
    if form == "pkl":
        path.write_bytes(pickle.dumps(frames))
    elif form == "npz":
        np.savez(path, poses=np.array(frames, object))
    elif form == "folder":
        path = tmp_path / "frames"
        path.mkdir()
        for i, frame in enumerate(frames):
            np.save(path / f"{i:04d}.npy", frame, allow_pickle=True)
    elif form == "named":
        np.save(path, {f"{i:06d}.jpg": frame for i, frame in enumerate(frames)}, allow_pickle=True)
    else:
        np.save(path, np.array(frames, object) if form == "npy" else frames, allow_pickle=True)
    found = read_keypoints(path, image_size=SIZE_PX)
    assert (found.layout.name, found.frame_count, len(found.tracks)) == ("coco18_openpose", FRAMES, 2)
    seen = np.arange(FRAMES) % 5 != 4
    for track, expected in zip(sorted(found.tracks, key=lambda t: -t.points[0, 0, 0]), points.transpose(1, 0, 2, 3)):
        np.testing.assert_array_equal(track.present, seen)
        np.testing.assert_allclose(track.points[seen], expected[seen], atol=0.05)


def test_pairs_of_keypoints_and_scores_as_rtmlib_returns_them(tmp_path):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps([(p[None, :, :2], p[None, :, 2]) for p in POSE]))
    np.testing.assert_allclose(same(tmp_path / "a.pkl").tracks[0].confidence, POSE[..., 2], atol=1e-3)


def test_rate_and_size_beside_the_keypoints_of_a_pickle(tmp_path):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"keypoints": POSE, "fps": 25.0, "image_size": SIZE_PX}))
    found = same(tmp_path / "a.pkl")
    assert (found.fps, found.image_size) == (25.0, SIZE_PX)


@pytest.mark.parametrize("subset", [[[99.0] * 18], [[float("nan")] * 18], [["a"] * 18], [[]], [[1e300] * 18]])
def test_subsets_that_name_no_candidates(tmp_path, subset):
    frames = [{"bodies": {"candidate": p[:, :2].tolist(), "subset": subset}} for p in person("coco18_openpose")]
    with pytest.raises(BadFileError):
        describe(json_file(tmp_path / "a", frames))


def test_ml_kit_by_numbers(tmp_path):
    points = person("blazepose33")
    frames = [
        {
            "landmarks": [
                {"landmarkType": n, "position3D": {"x": x, "y": y, "z": 3.0}, "inFrameLikelihood": c}
                for n, (x, y, c) in enumerate(p.tolist())
            ]
        }
        for p in points
    ]
    same(json_file(tmp_path / "a", frames), points)


# what is not read is named


def zipped(path, member):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, "{}")


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ("annotations/person_keypoints_default.json", "zip archive.*Unpack"),
        ("[Content_Types].xml", "workbook of Excel.*CSV"),
    ],
)
def test_archives(tmp_path, member, words):
    zipped(tmp_path / "a.zip", member)
    with pytest.raises(BadFileError, match=words):
        describe(tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("#Kinovea Trajectory data export\n#T X Y\n0:00:00:00 1.0 2.0\n", "Kinovea.*frame, joint, x, y"),
        ("<?xml version='1.0'?>\n<data><row><keypoints>{'x': []}</keypoints></row></data>", "Ultralytics.*to_json"),
    ],
)
def test_texts(tmp_path, text, words):
    (tmp_path / "a").write_text(text)
    with pytest.raises(BadFileError, match=words):
        describe(tmp_path / "a")


def test_a_folder_of_recordings(tmp_path):
    for name in "abc":
        np.save(tmp_path / f"walk{name}.npy", POSE)
    with pytest.raises(BadFileError, match="3 recordings, one in each file.*Give one of them"):
        describe(tmp_path)


def test_poses_of_krajjat(tmp_path):
    """All frames of Kinect in one list, times in seconds."""
    joints = np.random.default_rng(0).normal((0, 0, 2.5), 0.4, (FRAMES, 3, 3))
    poses = [
        {
            "Bodies": [
                {
                    "Joints": [
                        {"JointType": name, "Position": dict(zip("XYZ", map(float, place)))}
                        for name, place in zip(("Head", "HandRight", "HandLeft"), frame)
                    ]
                }
            ],
            "Timestamp": i / 30,
        }
        for i, frame in enumerate(joints)
    ]
    path = json_file(tmp_path / "a", {"Number of poses": FRAMES, "Poses": poses})
    found = describe(path)
    assert (found["kind"], found["format"], found["frames"]) == ("keypoints-3d", "kinect", FRAMES)
    assert (found["joints"], found["fps"], found["units"]) == (3, 30.0, "m")


def test_annotations_of_easymocap(tmp_path):
    """A file for each frame: 2D, and points in space whose fourth number is a confidence."""
    points = person("body25")
    for name in ("annots", "keypoints3d"):
        (tmp_path / name).mkdir()
    for i, p in enumerate(points):
        people = [{"bbox": [1, 2, 3, 4, 0.9], "personID": 0, "keypoints": p.tolist(), "isKeyframe": False}]
        frame = {"filename": f"images/1/{i:06d}.jpg", "height": 480, "width": 640, "annots": people}
        (tmp_path / "annots" / f"{i:06d}.json").write_text(json.dumps(frame))
        body = np.column_stack([1.5 + p[:, 0] / 200, 0.9 + p[:, 0] / 300, 2 - p[:, 1] / 200, p[:, 2]])
        (tmp_path / "keypoints3d" / f"{i:06d}.json").write_text(json.dumps([{"id": 0, "keypoints3d": body.tolist()}]))
    assert same(tmp_path / "annots", points).layout.name == "body25"
    found = describe(tmp_path / "keypoints3d")
    assert (found["kind"], found["frames"], found["joints"]) == ("keypoints-3d", FRAMES, 25)
    with pytest.raises(BadFileError, match="3D"):
        read_keypoints(tmp_path / "keypoints3d")


@pytest.mark.parametrize("version", [0.1, 0.2])
def test_a_file_of_pose_format_is_named(tmp_path, version):
    (tmp_path / "a.pose").write_bytes(
        struct.pack("<fHHHH", version, 640, 480, 0, 1) + b"\x0ePOSE_LANDMARKS" + bytes(90)
    )
    with pytest.raises(BadFileError, match="pose-format.*numpy.savez"):
        describe(tmp_path / "a.pose")
