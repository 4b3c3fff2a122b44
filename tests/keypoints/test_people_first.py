"""Lists and objects of people with all their frames, which look like frames with all their people."""

import json
import pickle

import numpy as np
import pytest
from keypoint_files import FRAMES, SIZE_PX, person

from srnet_core.keypoints import read_keypoints
from srnet_core.mocap.body import read_motions

TWO = [person("coco17", x_px=200.0), person("coco17", x_px=450.0, seed=3)]


def read(path, value):
    path.write_text(json.dumps(value))
    return read_keypoints(path)


def lists(people):
    return [[p.tolist() for p in points] for points in people]


@pytest.mark.parametrize(
    "form",
    [
        lambda people: lists(people),
        lambda people: {f"person_{m}": frames for m, frames in enumerate(lists(people))},
        lambda people: {str(m): {str(i): p for i, p in enumerate(one)} for m, one in enumerate(lists(people))},
        lambda people: [list(frame) for frame in zip(*lists(people))],  # frames first
    ],
)
@pytest.mark.parametrize("count", [1, 2])
def test_people_first_or_frames_first(tmp_path, form, count):
    found = read(tmp_path / "a.json", form(TWO[:count]))
    assert (found.frame_count, len(found.tracks)) == (FRAMES, count)
    for expected in TWO[:count]:
        assert min(np.abs(track.points - expected[..., :2]).max() for track in found.tracks) < 0.01


def test_people_who_come_later_keep_their_frames(tmp_path):
    value = {"7": {str(i): p for i, p in enumerate(lists(TWO)[0])}}
    value["9"] = {str(i): p for i, p in enumerate(lists(TWO)[1]) if i > 5}
    found = read(tmp_path / "a.json", value)
    tracks = {track.name: track for track in found.tracks}
    assert found.frame_count == FRAMES and set(tracks) == {"7", "9"}
    assert np.flatnonzero(tracks["9"].present).tolist() == list(range(6, FRAMES))
    np.testing.assert_allclose(tracks["9"].points[6:], TWO[1][6:, :, :2], atol=1e-3)


def test_frames_by_number_of_people_by_number(tmp_path):
    """As AlphaPose has images by name, but with joints under another key."""
    frames = {str(i): {"people": [{"keypoints": one[i].tolist()} for one in TWO]} for i in range(FRAMES)}
    found = read(tmp_path / "a.json", {name: frames[name] for name in sorted(frames)})
    assert (found.format, found.frame_count, len(found.tracks)) == ("json", FRAMES, 2)
    people = [
        {f"id_{m}": {"keypoints": one[i].reshape(-1).tolist()} for m, one in enumerate(TWO)} for i in range(FRAMES)
    ]
    named = read(tmp_path / "b.json", [{"frame_number": i, "persons": p} for i, p in enumerate(people)])
    for one in (found, named):
        for expected in TWO:
            assert min(np.abs(track.points - expected[..., :2]).max() for track in one.tracks) < 0.01
    assert {track.name for track in named.tracks} == {"id_0", "id_1"}


def test_many_people_in_few_frames_stay_people(tmp_path):
    crowd = [[person("coco17", x_px=150.0 * k, seed=k)[i].tolist() for k in range(9)] for i in range(3)]
    found = read(tmp_path / "a.json", crowd)
    assert (found.frame_count, len(found.tracks)) == (3, 9)
    said = [{"frame": i, "people": [{"keypoints": p} for p in lists(TWO)[0]]} for i in range(2)]
    assert read(tmp_path / "b.json", said).frame_count == 2  # whoever says frame is believed


def test_points_in_space_of_people_first(tmp_path):
    points = np.concatenate([TWO[0][..., :2] / 200, np.zeros((FRAMES, 17, 1))], axis=-1) - [1.5, 1.2, 3]
    (tmp_path / "a.json").write_text(json.dumps([points.tolist()]))
    motion = read_motions(tmp_path / "a.json")[""]
    np.testing.assert_allclose(motion.positions, points, atol=1e-6)


def test_one_take_of_mmaction(tmp_path):
    """What MMAction2's ntu_pose_extraction.py writes for a video: people before frames."""
    take = {"frame_dir": "a", "label": 1, "img_shape": SIZE_PX[::-1], "total_frames": FRAMES}
    take["keypoint"] = np.stack(TWO)[..., :2].astype("f4")
    take["keypoint_score"] = np.stack(TWO)[..., 2].astype("f4")
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(take))
    found = read_keypoints(tmp_path / "a.pkl")
    assert (found.frame_count, len(found.tracks), found.image_size) == (FRAMES, 2, SIZE_PX)
    assert min(np.abs(found.tracks[0].points - one[..., :2]).max() for one in TWO) < 0.01


def test_lists_as_movenet_has_them_with_x_first(tmp_path):
    """The lists inside each other do not say that y comes first: people would lie on their sides by that."""
    for name, points in (("x", TWO[0]), ("y", TWO[0][..., [1, 0, 2]])):
        (tmp_path / f"{name}.json").write_text(json.dumps([[[p]] for p in points.tolist()]))
        np.save(tmp_path / f"{name}.npy", points[:, None, None])
        for ending in ("json", "npy"):
            found = read_keypoints(tmp_path / f"{name}.{ending}")
            np.testing.assert_allclose(found.tracks[0].points, TWO[0][..., :2], atol=1e-2)


def test_people_side_by_side_in_few_images_stay_people(tmp_path):
    """Neighbours in a photo stand nearer to each other than the same place in the next photo, and are no recording."""
    photos = [[person("coco17", 1, x_px=100.0 + 90 * m + 200 * k, seed=m)[0] for m in range(8)] for k in range(3)]
    photos = [[p * [1 + 0.3 * k, 1 + 0.3 * k, 1] for p in people] for k, people in enumerate(photos)]
    listed = [[p.tolist() for p in people] for people in photos]
    for value in (listed, {str(k): dict(enumerate(people)) for k, people in enumerate(listed)}):
        assert read(tmp_path / "a.json", value).frame_count == 3


def test_people_may_lie_in_fractions_of_the_image_that_movenet_gives(tmp_path):
    """In pixels somebody wrote the points anew, and may have put x first; MoveNet itself never does."""
    lying = TWO[0][..., [1, 0, 2]] / [640, 640, 1]
    given = lying[..., [1, 0, 2]]  # y, x, score
    (tmp_path / "a.json").write_text(json.dumps([[[p]] for p in given.tolist()]))
    np.save(tmp_path / "a.npy", given[:, None, None])
    for ending in ("json", "npy"):
        found = read_keypoints(tmp_path / f"a.{ending}", image_size=(1, 1))
        np.testing.assert_allclose(found.tracks[0].points, lying[..., :2], atol=1e-4)
