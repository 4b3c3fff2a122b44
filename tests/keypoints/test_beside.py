"""The video beside keypoints: which one it is, and what it tells or contradicts."""

from fractions import Fraction

import numpy as np
import pytest
from keypoint_files import person

from srnet_core.keypoints import read_keypoints
from srnet_core.keypoints.beside import read_beside_video, video_beside
from srnet_core.readers import plain
from srnet_core.video import write_mp4

av = pytest.importorskip("av", reason="PyAV, of the extra video, is not installed")


def write_video(path, width=96, height=64, fps=25):
    """A video that somebody else wrote."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(fps))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for _ in range(3):
            picture = np.zeros((height, width, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("keypoints", "video"),
    [
        ("walk.json", "walk.mp4"),
        ("walk_keypoints.npz", "Walk.MP4"),
        ("walkDLC_resnet50_walkMay1shuffle1_1030000.h5", "walk.avi"),
        ("pose/cam01_json", "videos/cam01.mp4"),
        ("out/walk.json", "walk.mp4"),
    ],
)
def test_the_video_of_the_same_name_is_found(tmp_path, keypoints, video):
    write_video(tmp_path / video)
    write_video(tmp_path / "other.mp4", 32, 32)
    (tmp_path / keypoints).parent.mkdir(exist_ok=True)
    found = video_beside(tmp_path / keypoints)
    assert found is not None and found.size == (96, 64) and found.info.fps == 25


def test_no_video_is_taken_where_it_is_not_clear_which_or_it_is_none(tmp_path):
    assert video_beside(tmp_path / "walk.json") is None
    (tmp_path / "walk.mp4").write_bytes(b"no video" * 50)
    assert video_beside(tmp_path / "walk.json") is None
    with open(tmp_path / "walk.mp4", "wb") as file:
        write_mp4(file, [np.zeros((64, 64, 3), np.uint8)] * 3, 25)  # a film of skeletons, as `-o walk.mp4` writes
    assert video_beside(tmp_path / "walk.json") is None
    write_video(tmp_path / "walk.avi")
    write_video(tmp_path / "videos" / "walk.mov")
    assert video_beside(tmp_path / "walk.json") is None


def test_a_cut_picture_and_another_frame_rate_are_told(tmp_path):
    write_video(tmp_path / "walk.mp4", 640, 480)
    np.save(tmp_path / "walk.npy", person("halpe26", 20))
    video = video_beside(tmp_path / "walk.npy")
    assert video is not None

    def told(size, fps):
        return video.differences(read_keypoints(tmp_path / "walk.npy", layout="halpe26", image_size=size, fps=fps))

    assert told((640, 480), 25) == told(None, None) == []
    (size,) = told((400, 480), 25.0)
    assert "640 x 480 pixels, not 400 x 480" in size and "cut copy" in size
    (rate,) = told((640, 480), 60)
    assert "25 frames per second, not 60" in rate


@pytest.mark.parametrize(
    ("given", "used", "said"),
    [
        ({}, ((640, 480), 25), ["images of 640 x 480 pixels and 25 frames per second, as walk.mp4"]),
        ({"fps": 25.0}, ((640, 480), 25), ["images of 640 x 480 pixels, as walk.mp4"]),
        ({"fps": 60.0, "image_size": (640, 480)}, ((640, 480), 60), ["25 frames per second, not 60"]),
        ({"image_size": (400, 480)}, ((400, 480), 25), ["pixels, not 400 x 480", "25 frames per second, as walk.mp4"]),
    ],
)
def test_what_the_file_does_not_tell_is_asked_of_the_video_and_the_file_is_read_once(
    tmp_path, monkeypatch, given, used, said
):
    write_video(tmp_path / "walk.mp4", 640, 480)
    np.save(tmp_path / "walk.npy", person("halpe26", 20))
    reads, read = [], plain.read
    monkeypatch.setattr(plain, "read", lambda *arguments: reads.append(1) or read(*arguments))
    keypoints, sentences = read_beside_video(tmp_path / "walk.npy", layout="halpe26", **given)
    assert len(reads) == 1 and (keypoints.image_size, keypoints.fps) == used
    assert len(sentences) == len(said) and all(part in text for part, text in zip(said, sentences))
    expected = read_keypoints(tmp_path / "walk.npy", layout="halpe26", image_size=used[0], fps=used[1])
    np.testing.assert_array_equal(keypoints.tracks[0].points, expected.tracks[0].points)
    assert keypoints.notes == expected.notes


def test_without_a_video_nothing_is_added(tmp_path):
    np.save(tmp_path / "walk.npy", person("halpe26", 20))
    keypoints, sentences = read_beside_video(tmp_path / "walk.npy", layout="halpe26", person=0)
    assert sentences == [] and keypoints.image_size is None and keypoints.fps is None and len(keypoints.tracks) == 1
