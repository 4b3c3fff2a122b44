"""Joints that say their name or number keep their places, whatever their order, and whichever are left out."""

import json

import numpy as np
import pytest
from keypoint_files import FRAMES, person
from numbered_files import NAMES

from srnet_core.keypoints import read_keypoints

POSE = person("coco17")
GONE = (np.arange(FRAMES)[:, None] + np.arange(17)) % 7 == 0  # (T, 17), a few joints of each frame
EXPECTED = np.where(GONE[..., None], np.nan, POSE)


def read(path, frames):
    path.write_text(json.dumps(frames))
    return read_keypoints(path)


def check(found, expected, *, confidence=True):
    """Each joint by its name, as those left out may stand behind the others."""
    names = found.joint_names or NAMES
    track = found.tracks[0]
    order = [names.index(name) for name in NAMES]
    assert found.layout.name == "coco17" and found.num_joints == 17
    np.testing.assert_allclose(track.points[:, order], expected[..., :2], atol=1e-3)
    if confidence:
        np.testing.assert_allclose(track.confidence[:, order], np.nan_to_num(expected[..., 2]), atol=1e-3)


def joint(i, j, name="name"):
    return {name: NAMES[j], **dict(zip(("x", "y", "score"), POSE[i, j].tolist()))}


def listed(i):
    return [j for j in range(17) if not GONE[i, j]]


@pytest.mark.parametrize(
    "person_of",
    [
        lambda i: [joint(i, j) for j in listed(i)],
        lambda i: [joint(i, j) for j in reversed(listed(i))],
        lambda i: {NAMES[j]: POSE[i, j].tolist() for j in listed(i)},
        lambda i: {NAMES[j]: joint(i, j) for j in listed(i)},
        lambda i: {n: None if GONE[i, j] else POSE[i, j].tolist() for j, n in enumerate(NAMES)},
        lambda i: {n: [] if GONE[i, j] else POSE[i, j].tolist() for j, n in enumerate(NAMES)},
        lambda i: [None if GONE[i, j] else joint(i, j) for j in range(17)],
        lambda i: [None if GONE[i, j] else POSE[i, j].tolist() for j in range(17)],
        lambda i: [[] if GONE[i, j] else POSE[i, j].tolist() for j in range(17)],
        lambda i: [[NAMES[j], *POSE[i, j].tolist()] for j in listed(i)],
        lambda i: [[j, *POSE[i, j].tolist()] for j in listed(i)],
        lambda i: [[j + 1, *POSE[i, j].tolist()] for j in listed(i)],
        lambda i: [{"id": j, **joint(i, j, "text")} for j in listed(i)],
        lambda i: [{"id": j + 1, **joint(i, j, "text")} for j in listed(i)],
        lambda i: {str(j): joint(i, j, "text") for j in reversed(listed(i))},
        lambda i: {str(j + 1): joint(i, j, "text") for j in reversed(listed(i))},
    ],
)
def test_joints_left_out_or_in_another_order(tmp_path, person_of):
    frames = [{"frame": i, "keypoints": person_of(i)} for i in range(FRAMES)]
    check(read(tmp_path / "a.json", frames), EXPECTED)


def test_joints_that_count_from_one_where_the_first_is_never_found(tmp_path):
    """The numbers begin at 1 as if they counted from there; the bones say that they do not."""
    frames = [
        {"frame": i, "keypoints": [{"id": j, **joint(i, j, "text")} for j in range(1, 17)]} for i in range(FRAMES)
    ]
    expected = POSE.copy()
    expected[:, 0] = np.nan
    check(read(tmp_path / "a.json", frames), expected)


def test_lists_of_several_numbers_of_joints_with_names_of_different_things_are_not_mixed(tmp_path):
    """Body and hands as people of one list: their names have nothing in common."""
    hand = [{"name": f"finger {k}", "x": 5.0 * k, "y": 9.0, "score": 0.5} for k in range(21)]
    frames = [
        {"frame": i, "people": [{"keypoints": [joint(i, j) for j in range(17)]}, *([{"keypoints": hand}] * (i == 3))]}
        for i in range(FRAMES)
    ]
    found = read(tmp_path / "a.json", frames)
    check(found, POSE)
    assert any("another number of joints than 17 were left out: 1" in note for note in found.notes)


def test_an_object_of_other_values_is_no_person(tmp_path):
    frames = [
        {"bbox": [1, 2, 3, 4], "mask": None, "area": None, "text": None, "flag": None, "pose": POSE[i].tolist()}
        for i in range(FRAMES)
    ]
    check(read(tmp_path / "a.json", frames), POSE)


def test_frames_with_times_are_frames_even_where_the_person_jumps(tmp_path):
    """A pose every few seconds: each is far from the one before, as people of one image are."""
    moved = POSE + np.array([1.0, 0, 0]) * (150 * (np.arange(FRAMES) % 3))[:, None, None]
    frames = [{"timestamp": 2.0 * i, "keypoints": p.tolist()} for i, p in enumerate(moved)]
    found = read(tmp_path / "a.json", frames)
    assert (found.frame_count, len(found.tracks)) == (FRAMES, 1)
    frames = [{"keypoints": p.tolist()} for p in moved]
    assert read(tmp_path / "b.json", frames).frame_count == 1


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("width", [2, 3])
def test_tables_whose_joints_begin_with_their_number(tmp_path, start, width):
    rows = [",".join(f"{j + start},{','.join(map(str, p[:width]))}" for j, p in enumerate(f)) for f in POSE.tolist()]
    (tmp_path / "a.csv").write_text("\n".join(rows) + "\n")
    found = read_keypoints(tmp_path / "a.csv")
    check(found, POSE, confidence=width == 3)
    assert any("The first number of each joint is the joint's own" in note for note in found.notes)


def test_numbers_with_depth_and_visibility_of_mediapipe(tmp_path):
    points = person("blazepose33")
    depth = np.random.default_rng(0).normal(0, 50, (FRAMES, 33))
    depth[:, [23, 24]] = 0
    rows = np.stack([np.broadcast_to(np.arange(33), depth.shape), *points[..., :2].transpose(2, 0, 1), depth], axis=-1)
    for name, value in (("a", rows), ("b", np.concatenate([rows, points[..., 2:]], axis=-1))):
        np.save(tmp_path / f"{name}.npy", value)
        (tmp_path / f"{name}.json").write_text(json.dumps(value.tolist()))
        for ending in ("npy", "json"):
            track = read_keypoints(tmp_path / f"{name}.{ending}").tracks[0]
            np.testing.assert_allclose(track.points, points[..., :2], atol=1e-3)
            expected = points[..., 2] if name == "b" else np.ones((FRAMES, 33))
            np.testing.assert_allclose(track.confidence, expected, atol=1e-3)


def test_rows_of_joints_with_text_and_numbers_beyond_any_type(tmp_path):
    rows = [[[f"{x:.3f}", y, c] for x, y, c in frame] for frame in person("coco17").tolist()]
    huge = person("coco17").tolist()
    huge[0][3][2] = 10**400
    for value, frames in ((rows, FRAMES), (huge, FRAMES)):
        (tmp_path / "a.json").write_text(json.dumps(value))
        found = read_keypoints(tmp_path / "a.json")
        assert found.frame_count == frames
        np.testing.assert_allclose(found.tracks[0].points[1:], person("coco17")[1:, :, :2], atol=1e-3)
