"""The video beside keypoints: which one it is, and what it tells or contradicts."""

from fractions import Fraction

import numpy as np
import pytest
from keypoint_files import person

from srnet_core.keypoints import read_keypoints
from srnet_core.keypoints.beside import video_beside
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
