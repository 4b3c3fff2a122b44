"""Tables of keypoints as people and programs name their columns, and in whatever order their rows stand."""

import hashlib

import numpy as np
import pytest
from keypoint_files import FRAMES, person

from srnet_core.errors import BadFileError
from srnet_core.keypoints import read_keypoints
from srnet_core.layouts import get_layout

NAMES = get_layout("coco17").joints
POSE = person("coco17")
TWO = [person("coco17", x_px=200.0), person("coco17", x_px=450.0, seed=3)]
LANDMARKS = get_layout("blazepose33").joints
BLAZE = person("blazepose33")


def write(path, header, rows):
    lines = [",".join(header), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def wide(before, name="{}_{}", kinds="xyc"):
    return [*before, *(name.format(joint, kind) for joint in NAMES for kind in kinds)]


def same(path, *, confidence=True, fps=None):
    found = read_keypoints(path)
    assert (found.layout.name, found.frame_count, len(found.tracks)) == ("coco17", FRAMES, 1)
    np.testing.assert_allclose(found.tracks[0].points, POSE[..., :2], atol=1e-3)
    if confidence:
        np.testing.assert_allclose(found.tracks[0].confidence, POSE[..., 2], atol=1e-3)
    assert found.fps == fps
    return found


def two(path):
    found = read_keypoints(path)
    assert (found.layout.name, found.frame_count, len(found.tracks)) == ("coco17", FRAMES, 2)
    for expected in TWO:
        near = [np.abs(track.points - expected[..., :2]).max() for track in found.tracks]
        assert min(near) < 0.01
    return found


@pytest.mark.parametrize("name", ["{} {} (px)", "{}[{}]", "{} ({})", "{}_{} [px]", "{} {} [mm]"])
def test_units_and_brackets_in_names_of_columns(tmp_path, name):
    same(write(tmp_path / "a.csv", wide(["Frame #"], name, "XY"), _rows(2)), confidence=False)
    long = ["Frame No", "joint name", "x (px)", "y (px)", "confidence"]
    same(write(tmp_path / "b.csv", long, [[i, n, *p] for i in range(FRAMES) for n, p in zip(NAMES, POSE[i].tolist())]))


def _rows(width, before=lambda i: [i]):
    return [[*before(i), *POSE[i, :, :width].reshape(-1).tolist()] for i in range(FRAMES)]


@pytest.mark.parametrize("word", ["-", "--", "<NA>", "missing", "NaT"])
def test_words_for_missing(tmp_path, word):
    rows = _rows(3)
    rows[3][1 + 3 * 4 : 1 + 3 * 6] = [word] * 6
    found = read_keypoints(write(tmp_path / "a.csv", wide(["frame"]), rows))
    assert np.flatnonzero(np.isnan(found.tracks[0].points[3, :, 0])).tolist() == [4, 5]
    assert not np.isnan(np.delete(found.tracks[0].points, 3, axis=0)).any()


def test_confidences_in_percent(tmp_path):
    rows = [[i, *(v for x, y, c in POSE[i].tolist() for v in (x, y, f"{100 * c:.1f}%"))] for i in range(FRAMES)]
    same(write(tmp_path / "a.csv", wide(["frame"]), rows))


@pytest.mark.parametrize(
    "clock",
    ["00:00:{:06.3f}", "0:{:06.3f}", "2024-03-01 10:00:{:06.3f}", "2024-03-01T23:59:{:06.3f}Z", "1:00:{:06.3f}"],
)
def test_times_as_text_tell_the_frame_rate(tmp_path, clock):
    before = lambda i: [clock.format(i / 25)]  # noqa: E731
    same(write(tmp_path / "wide.csv", wide(["timestamp"]), _rows(3, before)), fps=25)
    for name, times in (("long", before), ("since 1970", lambda i: [1_700_000_000_000 + 40 * i])):
        rows = [[*times(i), n, *p] for i in range(FRAMES) for n, p in zip(NAMES, POSE[i].tolist())]
        same(write(tmp_path / f"{name}.csv", ["time", "joint", "x", "y", "score"], rows), fps=25)
    header = ["time", *(f"{n}_{k}" for n in LANDMARKS for k in ("x", "y", "z", "visibility"))]
    rows = [[*before(i), *(v for x, y, c in BLAZE[i].tolist() for v in (x, y, 0.1, c))] for i in range(FRAMES)]
    assert read_keypoints(write(tmp_path / "landmarks.csv", header, rows)).fps == 25


@pytest.mark.parametrize("column", ["filename", "Image", "img_path"])
def test_rows_are_in_the_order_of_their_images(tmp_path, column):
    """Sorted as text, or by a thread that is done first: img_10 before img_9."""
    mixed = np.random.default_rng(0).permutation(FRAMES).tolist()
    rows = _rows(3, lambda i: [f"clip/img_{i + 1}.jpg"])
    same(write(tmp_path / "wide.csv", wide([column]), [rows[i] for i in mixed]))
    rows = [[f"clip/img_{i + 1}.jpg", n, *p] for i in mixed for n, p in zip(NAMES, POSE[i].tolist())]
    same(write(tmp_path / "long.csv", [column, "keypoint", "x", "y", "conf"], rows))


def test_landmarks_of_mediapipe_are_in_the_order_of_their_images(tmp_path):
    mixed = np.random.default_rng(0).permutation(FRAMES).tolist()
    header = ["image", *(f"{n}_{k}" for n in LANDMARKS for k in ("x", "y", "z", "visibility"))]
    rows = [[f"i_{i}.png", *(v for x, y, c in BLAZE[i].tolist() for v in (x, y, 0.1, c))] for i in mixed]
    found = read_keypoints(write(tmp_path / "wide.csv", header, rows))
    np.testing.assert_allclose(found.tracks[0].points, BLAZE[..., :2], atol=1e-3)
    rows = [[f"i_{i}.png", n, x, y, c] for i in mixed for n, (x, y, c) in zip(LANDMARKS, BLAZE[i].tolist())]
    found = read_keypoints(write(tmp_path / "long.csv", ["image", "landmark", "x", "y", "visibility"], rows))
    np.testing.assert_allclose(found.tracks[0].points, BLAZE[..., :2], atol=1e-3)


def test_several_people_of_an_image_have_a_row_each(tmp_path):
    rows = [[f"img_{i}.jpg", *TWO[m][i].reshape(-1).tolist()] for i in range(FRAMES) for m in (0, 1)]
    two(write(tmp_path / "a.csv", wide(["image"]), rows))


def test_images_of_several_videos_are_refused(tmp_path):
    rows = [[f"{v}_{i}.jpg", *POSE[i].reshape(-1).tolist()] for v in ("left", "right") for i in range(FRAMES)]
    with pytest.raises(BadFileError, match="images of several videos: left_#, right_#.*Write a table for each"):
        read_keypoints(write(tmp_path / "a.csv", wide(["image"]), rows))


@pytest.mark.parametrize("column", ["player_id", "Person ID", "obj_id", "subject", None, "cow"])
def test_two_people_in_a_table_with_a_row_per_joint(tmp_path, column):
    """The second of two rows of a joint was kept before, and the first person was gone."""
    rows = [
        [i, *([m + 5] if column else []), n, *p]
        for i in range(FRAMES)
        for m in (0, 1)
        for n, p in zip(NAMES, TWO[m][i].tolist())
    ]
    header = ["frame", *([column] if column else []), "keypoint", "x", "y", "conf"]
    found = two(write(tmp_path / "a.csv", header, rows))
    if column not in (None, "cow"):
        assert {track.name for track in found.tracks} == {"5", "6"}


def test_a_joint_twice_of_one_person(tmp_path):
    header = ["frame", "person_id", "joint", "x", "y", "conf"]
    rows = [[i, 3, n, *p] for i in range(FRAMES) for n, p in zip(NAMES, POSE[i].tolist())]
    same(write(tmp_path / "a.csv", header, [row for row in rows for _ in (0, 1)]))  # the same rows again
    rows.insert(20, [0, 3, "nose", 1.0, 2.0, 0.5])
    with pytest.raises(BadFileError, match=r"row 22 has joint 'nose' of person '3' in frame '0' again.*'person_id'"):
        read_keypoints(write(tmp_path / "b.csv", header, rows))


def _sorted_as_text(name):
    return sorted((name.format(i, k), POSE[:, i, at]) for i in range(17) for at, k in enumerate("xyc"))


@pytest.mark.parametrize("name", ["{1}{0}", "kp{0}_{1}", "keypoint_{0}_{1}"])
def test_numbered_columns_sorted_as_text(tmp_path, name):
    """Joint 10 before joint 2: the columns were taken as they stand."""
    names, columns = zip(*_sorted_as_text(name))
    same(write(tmp_path / "a.csv", names, zip(*(column.tolist() for column in columns))))


@pytest.mark.parametrize("name", ["{}", "kp{}", "joint {}"])
@pytest.mark.parametrize(("start", "left_out"), [(0, None), (0, 0), (0, 5), (0, 16), (1, None), (1, 5)])
def test_numbered_joints_in_rows_sorted_as_text_or_never_found(tmp_path, name, start, left_out):
    rows = [
        [i, name.format(j + start), *POSE[i, j].tolist()]
        for i in range(FRAMES)
        for j in sorted(range(17), key=str)
        if j != left_out
    ]
    if left_out == 16:
        rows.append([0, name.format(16), *POSE[0, 16].tolist()])
    found = read_keypoints(write(tmp_path / "a.csv", ["frame", "joint", "x", "y", "score"], rows))
    assert (found.layout.name, found.num_joints) == ("coco17", 17)
    kept = np.delete(np.arange(17), [] if left_out is None else left_out)
    np.testing.assert_allclose(found.tracks[0].points[:, kept], POSE[:, kept, :2], atol=1e-3)
    if left_out in (0, 5):
        assert np.isnan(found.tracks[0].points[:, left_out]).all()


@pytest.mark.parametrize("box", ["bbox_{}", "box_{}", "Bounding Box {}"])
def test_a_box_is_no_joint(tmp_path, box):
    before = ["frame", *(box.format(k) for k in "xywh")]
    same(write(tmp_path / "a.csv", wide(before), _rows(3, lambda i: [i, 1, 2, 3, 4])))


@pytest.mark.parametrize("start", [0, 7])
def test_rows_of_numbers_with_commas_are_no_labels_of_yolo(tmp_path, start):
    """A frame number and landmarks of MediaPipe, x, y and the depth from the hips, without a header."""
    depth = np.random.default_rng(0).uniform(-0.3, 0.3, 33)
    depth[[23, 24]] = 0
    rows = [
        [i + start, *(v for (x, y, _), z in zip(BLAZE[i], depth) for v in (x / 640, y / 480, z))] for i in range(FRAMES)
    ]
    (tmp_path / "a.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))
    found = read_keypoints(tmp_path / "a.csv", image_size=(640, 480))
    assert (found.format, found.layout.name, found.frame_count) == ("csv", "blazepose33", FRAMES)
    np.testing.assert_allclose(found.tracks[0].points, BLAZE[..., :2], atol=1e-2)


@pytest.mark.parametrize(
    "name",
    [
        lambda i: f"2024-01-31_12-00-{58 + i // 6:02d}_{33 * (i % 6):03d}.png",
        lambda i: f"20240131_1200{58 + i // 6:02d}_{33 * (i % 6):03d}.png",
        lambda i: f"20240131_12{i // 6:02d}{54 + i % 6:02d}.png",
        lambda i: f"{1706702459 + i // 6}.{33 * (i % 6):03d}.png",
        lambda i: f"{hashlib.md5(bytes([i])).hexdigest()}.png",
    ],
)
def test_clocks_and_hashes_in_names_of_images_are_no_videos(tmp_path, name):
    same(write(tmp_path / "a.csv", wide(["image"]), _rows(3, lambda i: [name(i)])))
