"""Films: length, rate and size; a video behind the 2D at the right time; what is refused."""

from itertools import pairwise

import numpy as np
import pytest

from srnet_core.errors import ConfigError
from srnet_core.video import Video, write_mp4
from srnet_core.visualization.film import write_film
from srnet_core.visualization.footage import Footage, seen_at, small_pictures
from srnet_core.visualization.picture import write_gif
from srnet_core.visualization.scene import without_truth
from srnet_core.visualization.strip import write_strip

pytest.importorskip("av")
pytest.importorskip("PIL")


def write_video(path, frames=20, fps=25.0):
    """A video whose picture is darker at first and brighter later: 10 more in each frame."""
    pictures = (np.full((64, 64, 3), 10 * number, np.uint8) for number in range(frames))
    with open(path, "wb") as file:
        write_mp4(file, pictures, fps)
    return path


def frames_of(path):
    with Video(path) as video:
        return video.info, list(video.frames())


def test_a_film_plays_at_the_speed_of_life(make_scene, tmp_path):
    done = []
    progress = lambda *what: done.append(what)  # noqa: E731
    info, pictures = frames_of(write_film(make_scene(30), tmp_path / "a.mp4", width_px=400, progress=progress))
    assert len(pictures) == 15 and info.fps == pytest.approx(25) and info.width_px == 400
    assert done[0] == ("drawing", 0, 15) and done[-1] == ("drawing", 15, 15)
    assert any((a != b).any() for a, b in pairwise(pictures))
    info, pictures = frames_of(write_film(make_scene(12), tmp_path / "b.mp4", width_px=400, fps=100))
    assert len(pictures) == 12 and info.fps == pytest.approx(50)


def test_a_video_is_behind_the_keypoints_at_its_time(make_scene, tmp_path):
    video = write_video(tmp_path / "v.mp4")
    scene = make_scene(20)
    options = {"width_px": 480, "close_up": True}
    _, plain = frames_of(write_film(scene, tmp_path / "a.mp4", **options))
    _, over = frames_of(write_film(scene, tmp_path / "b.mp4", footage=Footage(video, 0.2), **options))
    for number, picture in enumerate(over):
        left = picture[80:, 20:150]  # the panel of the input
        shown = np.median(left.reshape(-1, 3), axis=0)
        assert np.abs(shown - 10 * (5 + number)).max() < 12, (number, shown)
    assert np.median(plain[0][80:, 20:150]) > 200
    assert np.abs(plain[0][:, 180:].astype(int) - over[0][:, 180:]).mean() < 2, "nothing else changes"


def test_a_page_stores_few_small_pictures(tmp_path):
    video, done = write_video(tmp_path / "v.mp4"), []
    every, pictures = small_pictures(Footage(video, 0.4), 50.0, 60, lambda *what: done.append(what))
    assert every == 4 and len(pictures) == 5, "10 frames at 25 per second are left: 0.4 s, of which 4 / 50 s each"
    assert all(picture[:2] == b"\xff\xd8" and picture[-2:] == b"\xff\xd9" for picture in pictures)
    assert done[-1] == ("video", 15, 15)
    every, pictures = small_pictures(Footage(video), 25.0, 30_000)
    assert every == 50 and len(pictures) == 1, "at most 600 pictures in all"


def test_a_video_is_behind_the_keypoints_of_other_pictures(make_scene, tmp_path):
    from PIL import Image

    footage, scene = Footage(write_video(tmp_path / "v.mp4"), 0.2), make_scene(20)
    with Image.open(write_gif(scene, tmp_path / "a.gif", width_px=480, close_up=True, footage=footage)) as gif:
        for number in (0, 5):
            gif.seek(number)
            left = np.asarray(gif.convert("RGB"))[80:, 20:150]
            assert np.abs(np.median(left.reshape(-1, 3), axis=0) - 10 * (5 + number)).max() < 14
    with Image.open(write_strip(scene, tmp_path / "a.png", moments=2, footage=footage)) as strip:
        first, last = (np.asarray(strip)[100:255, left : left + 130] for left in (30, 186))
    for cell, shown in ((first, 50), (last, 50 + 10 * 19 / 50 * 25)):
        assert np.abs(np.median(cell.reshape(-1, 3), axis=0) - shown).max() < 16


def test_frames_of_a_video_by_time(tmp_path):
    video = write_video(tmp_path / "v.mp4", 8)
    seen = list(seen_at(Footage(video, 0.08), [0.0, 0.04, 0.04, 0.16, 5.0]))
    assert [None if image is None else round(float(image.mean()) / 10) for image in seen] == [2, 3, 3, 6, None]


def test_bitrate_makes_films_smaller(make_scene, tmp_path):
    large, small = (write_film(make_scene(40), tmp_path / f"{b}.mp4", bitrate=b) for b in (None, 60_000))
    assert small.stat().st_size < 0.8 * large.stat().st_size


def test_without_the_truth_errors_stay(make_scene):
    scene = without_truth(make_scene())
    assert list(scene.poses) == ["prediction"] and scene.reference is None
    np.testing.assert_array_equal(scene.errors_mm["prediction"], make_scene().errors_mm["prediction"])


def test_rates_out_of_range(make_scene, tmp_path):
    for options in ({"fps": 0}, {"width_px": 100}):
        with pytest.raises(ConfigError):
            write_film(make_scene(), tmp_path / "a.mp4", **options)
    assert not list(tmp_path.iterdir())
