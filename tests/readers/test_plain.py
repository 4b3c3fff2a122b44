"""Plain arrays and tables in the shapes in which people save them."""

import json

import numpy as np
import pytest
from keypoint_files import FRAMES, person

from srnet_core.errors import BadFileError
from srnet_core.keypoints import describe, read_keypoints
from srnet_core.layouts import get_layout
from srnet_core.layouts.parts import FIGURE_M
from srnet_core.mocap.body import read_motions
from srnet_core.readers._csv import lines_above

POSE = person("coco17")
NAMES = get_layout("coco17").joints


def same(path, *, confidence=True):
    found = read_keypoints(path)
    assert (found.layout.name, found.frame_count) == ("coco17", FRAMES)
    np.testing.assert_allclose(found.tracks[0].points, POSE[..., :2], atol=1e-3)
    if confidence:
        np.testing.assert_allclose(found.tracks[0].confidence, POSE[..., 2], atol=1e-3)


def test_lengths_of_bones_are_not_taken_for_keypoints(tmp_path):
    """PoseAug's templates: the 15 bones of 16 joints in metres, a body in each row."""
    bones = [0.13, 0.45, 0.45, 0.13, 0.45, 0.45, 0.24, 0.26, 0.11, 0.15, 0.28, 0.25, 0.15, 0.28, 0.25]
    bodies = np.random.default_rng(0).normal(1, 0.04, (12, 1)) * bones
    np.save(tmp_path / "templates.npy", bodies)
    for read in (describe, read_keypoints):
        with pytest.raises(BadFileError, match="lengths of the 15 bones of 12 bodies.*If they are points"):
            read(tmp_path / "templates.npy")
    moving = np.random.default_rng(1).uniform(0.05, 0.7, (12, 15))  # as many numbers of somebody who moves
    np.save(tmp_path / "points.npy", moving)
    assert describe(tmp_path / "points.npy")["frames"] == 12
    still = np.random.default_rng(2).uniform(0.05, 0.7, 16) + np.random.default_rng(3).normal(0, 0.001, (12, 16))
    np.save(tmp_path / "still.npy", still)  # whose places do not come in pairs
    assert describe(tmp_path / "still.npy")["joints"] == 8


def landmarks() -> np.ndarray:
    """(T, 33, 4) x, y, z, visibility as MediaPipe gives them."""
    points = person("blazepose33")
    depth = np.random.default_rng(0).normal(0, 0.2, (FRAMES, 33, 1))
    return np.concatenate([points[..., :2] / [640, 480], depth, points[..., 2:]], axis=-1)


@pytest.mark.parametrize("form", [lambda a: a, lambda a: a.reshape(FRAMES, -1), lambda a: a[:, None]])
def test_landmarks_of_mediapipe_with_z_and_visibility(tmp_path, form):
    np.save(tmp_path / "a.npy", form(landmarks()))
    found = read_keypoints(tmp_path / "a.npy", image_size=(640, 480))
    assert (found.layout.name, found.num_joints) == ("blazepose33", 33)
    np.testing.assert_allclose(found.tracks[0].points, person("blazepose33")[..., :2], atol=1e-3)
    np.testing.assert_allclose(found.tracks[0].confidence, person("blazepose33")[..., 2], atol=1e-6)


def test_landmarks_of_mediapipe_with_z(tmp_path):
    np.save(tmp_path / "a.npy", landmarks()[..., :3])
    assert describe(tmp_path / "a.npy")["units"] == "normalized"
    np.save(tmp_path / "b.npy", landmarks()[..., :3] * [1, -1, 1] - [0.5, -0.5, 0])  # around the hips, y up: in space
    assert describe(tmp_path / "b.npy")["kind"] == "keypoints-3d"


def test_points_in_space_in_rows(tmp_path):
    figure = np.array([FIGURE_M[part] for part in NAMES_OF_PARTS]) - [0, 1, 0]
    np.save(tmp_path / "a.npy", np.stack([figure + 0.01 * i for i in range(20)]).reshape(20, 51))
    motion = read_motions(tmp_path / "a.npy")[""]
    assert motion.positions.shape == (20, 17, 3) and motion.units == "m"
    np.testing.assert_allclose(motion.positions[0], figure, atol=1e-6)


NAMES_OF_PARTS = get_layout("coco17").parts


@pytest.mark.parametrize("numbered", [False, True])
def test_frames_of_several_numbers_of_people(tmp_path, numbered):
    frames = [np.stack([p, p + np.array([150, 0, 0])])[: 1 + i % 2] for i, p in enumerate(POSE)]
    frames[4] = np.zeros((0, 17, 3))
    value = np.empty((), object)
    value[()] = {str(i): f for i, f in enumerate(frames)} if numbered else None
    if not numbered:
        value = np.empty(FRAMES, object)
        value[:] = frames
    np.save(tmp_path / "a.npy", value, allow_pickle=True)
    about = describe(tmp_path / "a.npy")
    assert (about["frames"], about["people"], about["tracked"]) == (FRAMES, 2, False)
    assert about["people_per_frame"] == {"0": 1, "1": 5, "2": 6}


@pytest.mark.parametrize("columns", [2, 3])
def test_rows_without_names_that_begin_with_the_frame(tmp_path, columns):
    rows = [[i, *p[:, :columns].reshape(-1).tolist()] for i, p in enumerate(POSE)]
    (tmp_path / "a.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))
    same(tmp_path / "a.csv", confidence=columns == 3)


@pytest.mark.parametrize("levels", [("joint", "coordinate"), ("", ""), None])
@pytest.mark.parametrize("once", [False, True])
def test_names_and_coordinates_below_each_other(tmp_path, levels, once):
    """As pandas writes columns of two or three levels; the name may stand above the first of its columns only."""
    first, second = levels or ("", "")
    head = [
        [first, *(n if not once or i == 0 else "" for n in NAMES for i in range(3))],
        [second, *(["x", "y", "conf"] * 17)],
    ]
    head = head if levels else [["model", *(["detector"] * 51)], *head]
    rows = [[str(i), *map(str, p.reshape(-1).tolist())] for i, p in enumerate(POSE)]
    (tmp_path / "a.csv").write_text("\n".join(",".join(row) for row in [*head, *rows]))
    same(tmp_path / "a.csv")


@pytest.mark.parametrize("cell", ["({}, {}, {})", "[{} {} {}]", "{};{};{}"])
def test_all_coordinates_in_one_cell(tmp_path, cell):
    rows = [[str(i), *(f'"{cell.format(*joint)}"' for joint in p.tolist())] for i, p in enumerate(POSE)]
    (tmp_path / "a.csv").write_text("\n".join([",".join(["frame", *NAMES]), *(",".join(row) for row in rows)]))
    same(tmp_path / "a.csv")


def test_people_in_the_names_of_columns(tmp_path):
    head = ["frame_idx", *(f"inst{who}.{n}.{k}" for who in (0, 1) for n in NAMES for k in ("x", "y", "score"))]
    blank = [""] * 51
    rows = [
        [str(i), *map(str, p.reshape(-1)), *(map(str, p.reshape(-1) + 50) if i else blank)] for i, p in enumerate(POSE)
    ]
    (tmp_path / "a.csv").write_text("\n".join(",".join(row) for row in [head, *rows]))
    about = describe(tmp_path / "a.csv")
    assert (about["people"], about["joints"], about["layout"]) == (2, 17, "coco17")
    assert about["people_per_frame"] == {"1": 1, "2": FRAMES - 1}


@pytest.mark.parametrize(
    "content, words",
    [
        (b"[]", "holds nothing: its JSON is an empty list"),
        (b"%YAML:1.0\npose_0: !!opencv-nd-matrix\n", "YAML without keypoints"),
        (b"Coordinates\nversion=1\nnRows=2\nnColumns=2\ninDegrees=yes\nendheader\ntime\ta\n0\t1\n", "table of OpenSim"),
    ],
)
def test_files_of_other_things_say_what_to_do(tmp_path, content, words):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(BadFileError, match=words):
        describe(tmp_path / "a")


def test_parameters_of_smpl_say_what_to_do(tmp_path):
    np.savez(tmp_path / "a.npz", poses=np.zeros((9, 156)), trans=np.zeros((9, 3)), betas=np.zeros(16))
    with pytest.raises(BadFileError, match="parameters of SMPL.*body model"):
        describe(tmp_path / "a.npz")


def test_boxes_of_yolo_are_refused_in_words(tmp_path):
    for i in range(3):
        (tmp_path / f"v_{i}.txt").write_text("0 0.5 0.5 0.2 0.9\n0 0.2 0.5 0.2 0.9 0.8\n")
    with pytest.raises(BadFileError, match="boxes, but no keypoints.*pose model"):
        describe(tmp_path)


def test_a_hand_is_not_taken_for_a_person(tmp_path):
    """21 points are also those of a layout of people."""
    finger = [(-40, 60), (-20, 100), (0, 105), (18, 98), (35, 80)]
    points = [(300, 300)] + [(300 + x * (1 + j) / 3, 300 - y - 20 * j) for x, y in finger for j in range(4)]
    people = [{"keypoints": points, "keypoint_scores": [0.9] * 21}]
    (tmp_path / "a.json").write_text(json.dumps([{"frame_id": i, "instances": people} for i in range(9)]))
    about = describe(tmp_path / "a.json")
    assert about["layout"] is None and any("may be a hand" in note for note in about["notes"])
    (tmp_path / "b.json").write_text(
        json.dumps(
            [
                {"frame_id": i, "instances": [{"keypoints": p[:, :2].tolist(), "keypoint_scores": [0.9] * 21}]}
                for i, p in enumerate(person("humanart21"))
            ]
        )
    )
    assert describe(tmp_path / "b.json")["layout"] == "humanart21"


def test_movenet_for_several_people(tmp_path):
    points = person("coco17")[..., [1, 0, 2]]
    output = np.zeros((len(points), 1, 6, 56))
    output[:, 0, 2, :51] = points.reshape(len(points), -1)
    output[:, 0, 2, -1] = 0.9
    output[:, 0, 4, :51], output[:, 0, 4, -1] = 7.0, 0.02
    np.save(tmp_path / "a.npy", output)
    found = read_keypoints(tmp_path / "a.npy")
    assert len(found.tracks) == 1
    np.testing.assert_allclose(found.tracks[0].points, points[..., [1, 0]], atol=0.01)


def test_movenet_in_json(tmp_path):
    points = person("coco17")
    (tmp_path / "a.json").write_text(json.dumps([[[joints[:, [1, 0, 2]].tolist()]] for joints in points]))
    np.testing.assert_allclose(read_keypoints(tmp_path / "a.json").tracks[0].points, points[..., :2], atol=0.01)


@pytest.mark.parametrize(
    "above",
    [["sep={}"], ["# fps: 25", "# a.mp4"], ["Number of poses{}12", "Number of joints{}17", "processing_steps{}[]"]],
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_lines_above_the_header(tmp_path, above, separator, ends):
    """The separator for Excel, remarks, and what Krajjat writes above its tables."""
    rows = [[i, *p.reshape(-1)] for i, p in enumerate(POSE)]
    table = [["frame", *(f"{n}_{axis}" for n in NAMES for axis in ("x", "y", "score"))], *rows]
    lines = [line.format(separator) for line in above] + [separator.join(map(str, row)) for row in table]
    (tmp_path / "a.csv").write_text(ends.join(lines))
    same(tmp_path / "a.csv")


def test_remarks_above_bare_numbers(tmp_path):
    lines = ["# made by nobody", *(" ".join(map(str, p.reshape(-1))) for p in POSE)]
    (tmp_path / "a.txt").write_text("\n".join(lines))
    same(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("lines", "above"),
    [
        ([], 0),
        (["a,b"], 0),
        (["a,b,c,d", "1,2,3,4"], 0),
        (["frame,keypoints", '0,"[1,2],[3,4],[5,6]"'], 0),
        (["frame\tkeypoints", "0\t[1,2,3,4,5,6]"], 0),
        (["12", "1 2 3 4"], 0),
        (["n,12", "a,b,c,d", "1,2,3,4"], 1),
        (["#"] * 10 + ["a,b,c,d"], 10),
        (["#"] * 11 + ["a,b,c,d"], 0),
        (["#a,b,c,d,e", "f,g,h,i,j"], 0),
        (["# a b c d", "1 2 3 4"], 0),
        (["# a, b, c, d, e", "a,b,c,d", "1,2,3,4"], 1),
    ],
)
def test_what_counts_as_above_a_table(lines, above):
    assert lines_above(lines) == above


def test_the_line_of_a_mistake_below_lines_above(tmp_path):
    lines = ["sep=;", ";".join(f"{n}_{axis}" for n in NAMES for axis in "xy"), ";".join(["1"] * 33 + ["=1+1"])]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    with pytest.raises(BadFileError, match="=1.1' is not a number"):
        read_keypoints(tmp_path / "a.csv")


@pytest.mark.parametrize("names", [("width", "height"), ("w", "h"), ("image_width", "image_height")])
def test_width_and_height_beside_the_keypoints(tmp_path, names):
    np.savez(tmp_path / "a.npz", keypoints=person("coco17"), **dict(zip(names, (640, 480))))
    assert describe(tmp_path / "a.npz")["image_size"] == [640, 480]
    np.savez(tmp_path / "b.npz", keypoints=person("coco17"), **{names[0]: 640.5, names[1]: 480})
    assert describe(tmp_path / "b.npz")["image_size"] is None


def _wide_rows():
    names = get_layout("coco17").joints
    head = ",".join(f"{name}_{axis}" for name in names for axis in "xy")
    return [head, *(",".join(f"{v:.2f}" for v in p[:, :2].reshape(-1)) for p in person("coco17"))]


@pytest.mark.parametrize(
    "column, first, second",
    [
        ("video", lambda i: "a.mp4", lambda i: "b.mp4"),
        ("camera", lambda i: "1", lambda i: "2"),
        ("image", lambda i: f"a/{i:04d}.jpg", lambda i: f"b/{i:04d}.jpg"),
        ("image", lambda i: f"a\\{i:04d}.jpg", lambda i: f"b\\{i:04d}.jpg"),
    ],
)
@pytest.mark.parametrize("frames", [False, True])
def test_rows_of_several_videos_are_refused(tmp_path, column, first, second, frames):
    """They would be joined to one video, or be two people in one."""
    header, *rows = _wide_rows()
    lines = [("frame," if frames else "") + f"{column},{header}"]
    for video in (first, second):
        lines += [(f"{i}," if frames else "") + f"{video(i)},{row}" for i, row in enumerate(rows)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(BadFileError, match="rows of several videos"):
        describe(path)
    path.write_text("\n".join(lines[: len(rows) + 1]))
    assert describe(path)["frames"] == FRAMES


def test_images_of_two_folders_that_are_one_video(tmp_path):
    header, *rows = _wide_rows()
    lines = [f"image,{header}", *(f"{'a' if i < 5 else 'b'}/{i:04d}.jpg,{row}" for i, row in enumerate(rows))]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    assert describe(tmp_path / "a.csv")["frames"] == FRAMES
