"""Cameras: pictures become lines of keypoints, and lines become poses; people keep their names."""

import json

import numpy as np
import pytest

import srnet_core as srnet
from srnet_core import video
from srnet_core.detectors.live import Names, keypoint_lines
from srnet_core.errors import ConfigError
from srnet_core.live.people import LiveLifter


class Detector:
    """Finds what it is told to find."""

    layout, about = "coco17", "a detector for tests"

    def __init__(self, *found):
        self.found = list(found)

    def __call__(self, image):
        return self.found.pop(0)


def person(x, y=100.0, size=200.0):
    rng = np.random.default_rng(0)
    return np.concatenate([rng.uniform(0, size, (17, 2)) + np.array([x, y]), np.full((17, 1), 0.9)], axis=1).astype(
        np.float32
    )


def pictures(count, step=1):
    return ((step * i, np.zeros((480, 640, 3), np.uint8)) for i in range(count))


def test_a_line_for_each_person_of_each_picture():
    lost = person(300)
    lost[3, 2] = 0
    nobody = np.zeros((0, 17, 3), np.float32)
    detector = Detector(np.stack([person(50), lost]), nobody, person(60)[None])
    first, *lines = map(json.loads, keypoint_lines(pictures(3, step=2), detector, 25))
    assert first == {"layout": "coco17", "image_size_px": [640, 480], "fps": 25}
    assert [(line["frame"], line["person"]) for line in lines] == [(0, "1"), (0, "2"), (4, "1")]
    assert lines[1]["keypoints"][3] is None and len(lines[1]["keypoints"][4]) == 3


def test_lines_of_a_camera_are_lifted():
    frames = [person(50 + i)[None] for i in range(4)]
    live = LiveLifter(srnet.Lifter.open(device="cpu"))
    answers = [a for line in keypoint_lines(pictures(4), Detector(*frames), 30) for a in live.answer(line)]
    poses = [answer for answer in answers if answer.get("joints_m")]
    assert len(poses) == 4 and np.isfinite(poses[0]["joints_m"]).all()


def test_people_who_change_places_in_the_list_keep_their_names():
    names = Names()
    assert names.of(np.stack([person(0), person(400)]), 0) == ["1", "2"]
    assert names.of(np.stack([person(405), person(5)]), 1) == ["2", "1"]
    assert names.of(np.stack([person(1500)]), 2) == ["3"]
    assert names.of(np.stack([person(10)]), 500) == ["4"]  # forgotten meanwhile


def test_a_camera_that_is_not_there_is_one_line():
    pytest.importorskip("av")
    with pytest.raises(ConfigError, match="no camera 97"):
        video.Camera(97)


def test_only_the_newest_picture_is_read(tmp_path, monkeypatch):
    """A film as camera: a slow reader gets fewer pictures, numbered by the time that has gone by, and then the end."""
    av = pytest.importorskip("av")
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as film:
        stream = film.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(12):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * i, np.uint8), format="rgb24")
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    monkeypatch.setattr(video, "_camera_device", lambda number: (str(path), None))
    with video.Camera(0) as camera:
        assert camera.fps == 30
        seen = list(camera.pictures())
    assert 1 <= len(seen) <= 12
    numbers = [number for number, _ in seen]
    assert numbers == sorted(set(numbers))
    assert all(picture.shape == (48, 64, 3) for _, picture in seen)
    assert seen[-1][1].mean() > 200  # the last one is not left out
