"""Detectors: what a video becomes, files of weights, and what is said where packages are missing."""

import hashlib
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from srnet_core import detectors
from srnet_core.detectors import DetectorPlugin, open_detector
from srnet_core.detectors.weights import checked_file
from srnet_core.errors import BadFileError, ConfigError, InputFileMissing, MissingExtraError, UnknownNameError


class Marks:
    """Finds one person of 17 joints at the brightest place; nobody in a dark picture."""

    layout = "coco17"
    about = "marks"

    def __call__(self, image):
        bright = image.mean(axis=-1)
        if bright.max() < 100:
            return np.zeros((0, 17, 3), np.float32)
        y, x = np.unravel_index(int(bright.argmax()), bright.shape)
        offsets = np.stack([np.arange(17) % 4 * 3, np.arange(17) * 3, np.ones(17)], axis=-1)
        return (offsets + np.array([x, y, 0]))[None].astype(np.float32)

    def close(self):
        pass


@pytest.fixture
def video(tmp_path):
    pytest.importorskip("av", reason="PyAV, of the extra video, is not installed")
    from srnet_core.video import write_mp4

    pictures = []
    for frame in range(30):
        picture = np.zeros((120, 160, 3), np.uint8)
        if frame not in (10, 11):
            x = 20 + frame if frame < 20 else 130  # then the detector goes over to somebody else
            picture[30:38, x : x + 8] = 255
        pictures.append(picture)
    with open(tmp_path / "a.mp4", "wb") as file:
        assert write_mp4(file, pictures, 25) == 30
    return tmp_path / "a.mp4"


def test_a_video_becomes_keypoints(video):
    from srnet_core.detectors.keypoints import detect

    calls = []
    keypoints = detect(video, Marks(), progress=lambda done, total: calls.append((done, total)))
    assert (keypoints.fps, keypoints.image_size, keypoints.frame_count) == (25, (160, 120), 30)
    assert keypoints.layout.name == "coco17" and calls[-1] == (30, 30)
    first, second = keypoints.tracks
    assert first.present[:20].sum() == 18 and not first.present[10:12].any() and not first.present[20:].any()
    assert second.present[20:].all()
    assert abs(first.points[5, 0, 0] - 25) < 3  # x of the bright square
    assert any("went over" in note for note in keypoints.notes)


def test_a_video_with_nobody(tmp_path):
    pytest.importorskip("av", reason="PyAV, of the extra video, is not installed")
    from srnet_core.detectors.keypoints import detect
    from srnet_core.video import write_mp4

    with open(tmp_path / "dark.mp4", "wb") as file:
        write_mp4(file, [np.zeros((64, 64, 3), np.uint8)] * 5, 30)
    assert detect(tmp_path / "dark.mp4", Marks()).tracks == ()


def test_files_that_are_no_videos(tmp_path):
    pytest.importorskip("av", reason="PyAV, of the extra video, is not installed")
    from srnet_core.video import Video

    (tmp_path / "a.mp4").write_bytes(b"not a video" * 100)
    with pytest.raises(BadFileError, match="no video"):
        Video(tmp_path / "a.mp4")
    with pytest.raises(InputFileMissing):
        Video(tmp_path / "no.mp4")


def test_a_video_that_is_cut_off_ends_early(video):
    from srnet_core.detectors.keypoints import detect

    whole = video.read_bytes()
    moved = video.with_name("b.mkv")
    moved.write_bytes(whole[: len(whole) - len(whole) // 4])
    try:
        assert detect(moved, Marks()).frame_count <= 30
    except BadFileError as error:  # an MP4 whose index is at its end cannot be read at all
        assert "video" in str(error) or "decoded" in str(error)


def test_files_of_weights(tmp_path):
    path = tmp_path / "pose.onnx"
    path.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    assert checked_file(str(path)) == path == checked_file(f"{path}:{digest}")
    with pytest.raises(BadFileError, match="SHA-256"):
        checked_file(f"{path}:{'0' * 64}")
    for cut_short in (digest[:-1], "0", ""):
        with pytest.raises(ConfigError, match=f"'{cut_short}' is no SHA-256.*64 hexadecimal digits"):
            checked_file(f"{path}:{cut_short}")
    with pytest.raises(InputFileMissing, match="pose.onnx"):
        checked_file(str(tmp_path / "poses.onnx"))
    with pytest.raises(ConfigError, match="nothing is downloaded"):
        checked_file("https://example.com/pose.onnx")


def test_detectors_by_name(tmp_path):
    assert detectors.PLUGINS.names() == ["mediapipe", "rtmlib"]
    for _, plugin in detectors.PLUGINS.each():
        assert isinstance(plugin, DetectorPlugin) and plugin.help
    with pytest.raises(UnknownNameError, match="mediapipe"):
        open_detector("openpose")
    with pytest.raises(ConfigError, match="two ONNX files"):
        open_detector("rtmlib")
    with pytest.raises(ConfigError, match="own weights"):
        open_detector("mediapipe", (tmp_path / "a.onnx",))


def test_missing_packages_are_one_line(monkeypatch, tmp_path):
    for name in ("mediapipe", "rtmlib"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(sys, "version_info", (3, 12, 0))
    with pytest.raises(MissingExtraError, match=r"pip install 'srnet\[video\]'"):
        open_detector("mediapipe")
    with pytest.raises(MissingExtraError, match=r"pip install 'srnet\[rtmlib\]'"):
        open_detector("rtmlib", (tmp_path / "a", tmp_path / "b"))
    monkeypatch.setattr(sys, "version_info", (3, 13, 0))
    with pytest.raises(MissingExtraError, match=r"3\.9 to 3\.12 only, and this is Python 3\.13"):
        open_detector("mediapipe")


@pytest.fixture
def talking_rtmlib(monkeypatch, tmp_path):
    """Stand-ins for rtmlib, which prints what it loads, and for onnxruntime; the two files that they take."""
    shapes = {
        "yolox.onnx": ((1, 3, 64, 48), [("batch", 5, 5), ("batch", 5)]),
        "rtmpose.onnx": (("batch", 3, 256, 192), [("batch", 26, 384), ("batch", 26, 512)]),
    }

    class Session:
        def __init__(self, path, providers):
            taken, given = shapes[path.rpartition("/")[2]]
            self.get_inputs = lambda: [SimpleNamespace(shape=taken)]
            self.get_outputs = lambda: [SimpleNamespace(shape=shape) for shape in given]

    def network(path, model_input_size, backend, device):
        print(f"load {path} with {backend} backend")
        return SimpleNamespace(size=model_input_size)

    monkeypatch.setitem(sys.modules, "rtmlib", SimpleNamespace(YOLOX=network, RTMPose=network))
    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(InferenceSession=Session))
    return tmp_path / "yolox.onnx", tmp_path / "rtmpose.onnx"


def test_rtmlib_writes_nothing_to_the_standard_output(talking_rtmlib, capsys):
    """There `srnet lift --camera 0` writes poses, which other programs read."""
    found = open_detector("rtmlib", talking_rtmlib)
    assert found.layout == "halpe26"
    assert re.fullmatch(r"rtmlib( \d[\d.]*)?, yolox.onnx, rtmpose.onnx", found.about)
    assert (found._people.size, found._pose.size) == ((64, 48), (192, 256))  # height, width; width, height
    assert capsys.readouterr().out == ""


def test_files_of_rtmlib_in_the_other_order_are_refused_in_words(talking_rtmlib):
    with pytest.raises(BadFileError, match=r"yolox.onnx: is no RTMPose.* first .*YOLOX.*, then RTMPose"):
        open_detector("rtmlib", talking_rtmlib[::-1])


@pytest.mark.parametrize(
    ("matrix", "corner", "turned_deg", "mirrored"),
    [
        ((1, 0, 0, 1), "upper left", 0, False),
        ((0, 1, -1, 0), "upper right", 270, False),  # by a quarter, clockwise: a phone that was held upright
        ((-1, 0, 0, -1), "lower right", 180, False),
        ((0, -1, 1, 0), "lower left", 90, False),
        ((-1, 0, 0, 1), "upper right", 0, True),
        ((1, 0, 0, -1), "lower left", 180, True),
        ((0, 1, 1, 0), "upper left", 90, True),
        ((0, -1, -1, 0), "lower right", 270, True),
    ],
)
def test_videos_are_turned_and_mirrored_as_a_player_shows_them(tmp_path, matrix, corner, turned_deg, mirrored):
    pytest.importorskip("av", reason="PyAV, of the extra video, is not installed")
    from srnet_core.detectors.keypoints import detect
    from srnet_core.video import Video, write_mp4

    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:16, :16] = 255  # in the upper left corner
    with open(tmp_path / "a.mp4", "wb") as file:
        write_mp4(file, [picture] * 3, 30)
    content = (tmp_path / "a.mp4").read_bytes()
    upright = np.array([1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30], ">i4").tobytes()
    a, b, c, d = (number << 16 for number in matrix)
    shown_so = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], ">i4").tobytes()
    at = content.index(upright, content.index(b"tkhd"))
    (tmp_path / "b.mp4").write_bytes(content[:at] + shown_so + content[at + 36 :])
    with Video(tmp_path / "b.mp4") as video:
        assert (video.info.turned_deg, video.info.mirrored) == (turned_deg, mirrored)
        shown = next(video.frames())
        assert shown.shape == (video.info.height_px, video.info.width_px, 3)
    assert shown.shape == ((64, 96, 3) if a else (96, 64, 3))
    corners = {"upper left": shown[:12, :12], "upper right": shown[:12, -12:], "lower left": shown[-12:, :12]}
    corners["lower right"] = shown[-12:, -12:]
    assert corners.pop(corner).min() > 200 and all(other.max() < 60 for other in corners.values())
    assert any("mirrored" in note for note in detect(tmp_path / "b.mp4", Marks()).notes) is mirrored
