"""Problems are found where they are, and a good recording has none."""

from dataclasses import replace

import numpy as np
import pytest
from keypoint_files import WRITERS, person, write_openpose

from srnet_core.errors import AmbiguousError, InputFileMissing
from srnet_core.keypoints import check, describe, list_data, measure, read_keypoints
from srnet_core.layouts import get_layout

T = 40


@pytest.fixture
def reading(tmp_path):
    def read(points, **how):
        np.save(tmp_path / "a.npy", points)
        return read_keypoints(tmp_path / "a.npy", **{"layout": "halpe26", "fps": 30, "image_size": (640, 480), **how})

    return read


def kinds(problems) -> dict[str, list[tuple]]:
    found: dict[str, list[tuple]] = {}
    for problem in problems:
        found.setdefault(problem.kind, []).append((problem.first_frame, problem.last_frame))
    return found


def test_a_good_recording_has_no_problems(reading):
    assert check(reading(person("halpe26", T))) == []


def test_jumps(reading):
    points = person("halpe26", T)
    points[20:, :, 0] += 400
    assert kinds(check(reading(points)))["jump"] == [(20, 20)]


def test_joints_outside_the_image(reading):
    points = person("halpe26", T)
    points[10:13, 9, 0] = 900
    found = kinds(check(reading(points)))
    assert found["outside image"] == [(10, 12)]
    assert found["too fast"][0] == (10, 10)
    assert "outside image" not in kinds(check(reading(points, image_size=None)))


def test_joints_that_nobody_needs_are_not_told_as_too_fast(reading):
    points = person("halpe26", T)
    toe, wrist = (get_layout("halpe26").joints.index(name) for name in ("left_big_toe", "left_wrist"))
    points[10, [toe, wrist], 0] += 300
    (found,) = (problem for problem in check(reading(points)) if problem.kind == "too fast")
    assert found.joints == ("left_wrist", "left_big_toe")
    assert "left_wrist, left_big_toe jump faster than people move" in found.text
    (found,) = (problem for problem in check(reading(points), needed={wrist}) if problem.kind == "too fast")
    assert found.joints == ("left_wrist",) and "left_wrist jumps" in found.text
    assert "too fast" not in kinds(check(reading(points), needed={0}))


def test_upside_down(reading):
    points = person("halpe26", T)
    points[..., 1] = 480 - points[..., 1]
    assert "upside down" in kinds(check(reading(points)))


@pytest.mark.parametrize(("turned_deg", "exchanged"), [(115, True), (180, False)])
def test_a_head_that_is_more_beside_than_below_the_hips_may_be_x_and_y_exchanged(reading, turned_deg, exchanged):
    points = person("halpe26", T)
    a = np.radians(turned_deg)
    points[..., :2] = (points[..., :2] - [320, 240]) @ [[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]] + [320, 240]
    (text,) = [p.text for p in check(reading(points)) if p.kind == "upside down"]
    assert ("x and y be exchanged" in text) == exchanged


def test_one_point_is_no_person(reading):
    points = person("halpe26", T)
    points[..., :2] = 300 + points[..., :2] / 1000
    (problem,) = [p for p in check(reading(points)) if p.kind == "too small"]
    assert problem.mistake and "look like one point" in problem.text
    one = person("halpe26", T)
    one[:, 1:] = 0  # a single joint is missing joints, not a small person
    assert "too small" not in kinds(check(reading(one)))


def test_frames_that_repeat_to_the_last_digit(reading):
    points = person("halpe26", T)
    points[10:30] = points[10]
    assert kinds(check(reading(points)))["frozen"] == [(10, 29)]
    assert not any(p.mistake for p in check(reading(points)) if p.kind == "frozen")
    assert "frozen" not in kinds(check(reading(points, fps=120)))  # a film of fewer frames, each shown several times
    points[12:30:3, 4] = 0  # joints that are missing now and then
    assert kinds(check(reading(points)))["frozen"] == [(10, 29)]
    some = person("halpe26", T)
    some[10:15] = some[10]
    assert "frozen" not in kinds(check(reading(some)))
    gone = person("halpe26", T)
    gone[10:30] = 0  # nobody is there
    assert "frozen" not in kinds(check(reading(gone)))


def test_swapped_sides(reading):
    points = person("halpe26", T)
    points[15:20, [13, 14]] = points[15:20, [14, 13]]
    points[15:20, [15, 16]] = points[15:20, [16, 15]]
    points[15:20, 20:26] = points[15:20][:, [21, 20, 23, 22, 25, 24]]
    assert kinds(check(reading(points)))["swapped sides"] == [(15, 19)]


def test_wrong_layout(reading):
    (problem,) = [p for p in check(reading(person("coco17", T), layout="h36m17")) if p.kind == "wrong layout"]
    assert "coco17" in problem.text


def test_missing_joints(reading):
    points = person("halpe26", T)
    points[:, 11:] = 0
    texts = [p.text for p in check(reading(points)) if p.kind == "missing"]
    assert any("58%" in t for t in texts) and any("left_hip" in t for t in texts)


def test_frame_numbers_are_those_of_the_file(tmp_path):
    points = person("halpe26", T)
    points[20:, :, 0] += 600
    frames = [[p] for p in points]
    found = read_keypoints(write_openpose(tmp_path / "a", frames, numbers=range(100, 140)))
    assert kinds(check(found))["jump"] == [(120, 120)]


def test_images_have_no_jumps(reading):
    points = person("halpe26", T)
    points[20:, :, 0] += 400
    assert check(replace(reading(points, image_size=None), consecutive=False)) == []


def test_measures(reading):
    points = person("halpe26", T)
    points[:20, 9] = 0
    points[5, 10, 0] = 700
    (found,) = measure(reading(points))
    assert (found["frames"], found["missing_share"]) == (T, round(20 / (26 * T), 4))
    assert found["outside_image_share"] == round(1 / (26 * T - 20), 4)
    assert 300 < found["size"] < 450
    assert 0.05 < found["speed_median"] < 1.5 and found["speed_unit"] == "sizes/s"
    thigh = found["bones"]["left_hip - left_knee"]
    assert 70 < thigh["median"] < 110 and thigh["spread"] < 0.3
    (per_frame,) = measure(reading(points, fps=None, image_size=None))
    assert per_frame["speed_median"] == pytest.approx(found["speed_median"] / 30, rel=1e-3)
    assert per_frame["outside_image_share"] is None


# describe and list


def test_several_sequences_are_listed_and_asked_about(tmp_path):
    points = person("coco17")[..., :2]
    takes = {"S1": {"Walk": [points, points + 50], "Sit": [points[:5]]}}
    np.savez(tmp_path / "a.npz", positions_2d=takes, metadata={"layout_name": "coco", "num_joints": 17})
    found = describe(tmp_path / "a.npz")
    assert [s["name"] for s in found["sequences"]] == ["S1/Walk/camera 0", "S1/Walk/camera 1", "S1/Sit"]
    assert (found["frames"], found["people"]) == (29, 1)
    with pytest.raises(AmbiguousError, match="S1/Sit"):
        read_keypoints(tmp_path / "a.npz")
    assert read_keypoints(tmp_path / "a.npz", sequence="S1/Sit").frame_count == 5
    assert read_keypoints(tmp_path / "a.npz", sequence=1).sequence == "S1/Walk/camera 1"
    with pytest.raises(AmbiguousError, match="none called"):
        read_keypoints(tmp_path / "a.npz", sequence="S2")


def test_sides_that_contradict_the_layout_are_not_believed(tmp_path):
    points = person("h36m17")[..., :2]
    metadata = {
        "layout_name": "coco",
        "num_joints": 17,
        "keypoints_symmetry": [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]],
    }
    np.savez(tmp_path / "a.npz", positions_2d={"a": {"custom": [points]}}, metadata=metadata)
    found = read_keypoints(tmp_path / "a.npz")
    assert (found.layout.name, found.origins["layout"]) == ("h36m17", "bones")
    assert any("left and right" in note for note in found.notes)


def test_what_cannot_be_told_is_none(tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).uniform(0, 1000, (50, 17, 2)))
    found = describe(tmp_path / "a.npy")
    assert (found["layout"], found["fps"], found["image_size"], found["joints"]) == (None, None, None, 17)
    assert any("coco17" in note for note in found["notes"])


def test_list_of_a_folder(tmp_path):
    WRITERS["npz"][0](tmp_path / "a")
    WRITERS["dlc csv"][0](tmp_path / "b")
    WRITERS["openpose body25"][0](tmp_path / "cam01_json")
    (tmp_path / "notes.md").write_text("nothing")
    found = {item["path"].rpartition("/")[2]: item["format"] for item in list_data(tmp_path)}
    assert found == {"a.npz": "plain", "b.csv": "deeplabcut", "cam01_json": "openpose", "notes.md": None}
    assert [i["format"] for i in list_data(tmp_path / "cam01_json")] == ["openpose"]
    assert [i["format"] for i in list_data(tmp_path / "b.csv")] == ["deeplabcut"]
    with pytest.raises(InputFileMissing):
        list_data(tmp_path / "no")
