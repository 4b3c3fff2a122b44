"""Which files belong to one video, in which order, and which frames are missing."""

import pytest
from keypoint_files import one, person, write_openpose

from srnet_core.errors import BadFileError
from srnet_core.keypoints import read_keypoints
from srnet_core.readers.frames import choose_video, frame_axis, natural_key, videos_of


@pytest.mark.parametrize(
    "style",
    [
        "{}.json",
        "{:03d}.json",
        "video_{:012d}_keypoints.json",
        "cam01.{:04d}.json",
        "cam01_{:06d}.json",
        "frame_{}.json",
        "IMG_20231112_093045_{:05d}.json",
        "2021-08-24T22-30_{:04d}_keypoints.json",
        "{:04d}_cam3.json",
        "a-{:03d}.rendered.json",
        "clip (2) {:05d}.json",
        "Übung_{:05d}.json",
        "x{:d}y.json",
        "test3_{:012d}_keypoints.json",
    ],
)
def test_names_of_every_style(style):
    names = [style.format(i) for i in (10, 9, 2, 1, 0, 11)]
    video, notes = choose_video(names, "folder")
    assert video.numbers == (0, 1, 2, 9, 10, 11)
    assert [style.format(n) for n in video.numbers] == list(video.names)
    assert not notes


def test_natural_order():
    assert sorted(["f10", "f9", "f1", "g0", "f01"], key=natural_key) == ["f1", "f01", "f9", "f10", "g0"]


def test_files_left_over_from_another_video():
    names = [f"new_{i:03d}.json" for i in range(30)] + [f"old_{i:03d}.json" for i in range(10)]
    video, notes = choose_video(names, "folder")
    assert len(video.names) == 30 and all(n.startswith("new") for n in video.names)
    assert "another video: 10 (old_000.json, " in notes[0]


def test_left_over_files_whose_names_differ_in_a_number():
    names = [f"take3_{i:03d}.json" for i in range(30)] + [f"take2_{i:03d}.json" for i in range(4)]
    video, notes = choose_video(names, "folder")
    assert video.prefix == "take3_#" and "another video: 4 (" in notes[0]


def test_two_videos_of_one_length_are_asked_about():
    names = [f"cam{c}_{i:03d}.json" for c in (1, 2) for i in range(30)]
    with pytest.raises(BadFileError, match="2 videos: cam1_# .30 files., cam2_#"):
        choose_video(names, "folder")
    assert len(choose_video(names, "folder", "cam2_")[0].names) == 30


def test_two_files_of_one_number():
    video, notes = choose_video([f"{i:03d}.json" for i in range(12)] + ["7.json"], "folder")
    assert (len(video.names), video.duplicates) == (12, ("7.json",))
    assert "7.json" in notes[0]


def test_names_without_numbers_are_taken_in_order():
    video, notes = choose_video(["b.json", "a.json", "c.json"], "folder")
    assert video.names == ("a.json", "b.json", "c.json") and notes


def test_a_number_beyond_all_bounds_is_cut():
    (video,) = videos_of(["9" * 300 + ".json"])
    assert video.numbers[0] < 10**18


def test_missing_frames_are_missing_frames(tmp_path):
    points = person("body25", 12)
    folder = write_openpose(tmp_path / "a", one(points), numbers=[0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13])
    found = read_keypoints(folder)
    assert found.frame_count == 14
    assert found.present.tolist() == [True] * 4 + [False] * 2 + [True] * 8
    assert found.tracks[0].present.tolist() == found.present.tolist()
    assert any("without people: 2 of 14." in note for note in found.notes)


def test_counting_from_another_number_than_zero(tmp_path):
    found = read_keypoints(write_openpose(tmp_path / "a", one(person("body25")), numbers=range(614, 626)))
    assert (found.frame_count, found.first_number, found.frame_numbers[-1]) == (12, 614, 625)


def test_every_fifth_frame(tmp_path):
    found = read_keypoints(write_openpose(tmp_path / "a", one(person("body25")), numbers=range(0, 60, 5)))
    assert (found.frame_count, found.step, found.frame_numbers.tolist()[:3]) == (12, 5, [0, 5, 10])
    assert any("one of every 5 frames" in note for note in found.notes)


def test_frame_axis_of_formats_that_leave_empty_frames_out():
    axis = frame_axis([3, 4, 5, 5], base=0)
    assert (axis.count, axis.first, axis.index.tolist()) == (6, 0, [3, 4, 5, 5])


def test_images_that_do_not_follow_each_other():
    axis = frame_axis([785, 40083, 196141, 197388])
    assert (axis.count, axis.consecutive) == (4, False)
