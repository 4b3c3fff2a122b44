from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srnet_core.errors import ConfigError, MissingExtraError, UserMistake, require_extra
from srnet_core.visualization._orbit import Orbit
from srnet_core.visualization._panels import input_panel
from srnet_core.visualization._scale import expected_scale, nice_ceiling
from srnet_core.visualization._theme import DARK, LIGHT, mix
from srnet_core.visualization.picture import gif_timing, write_gif, write_png
from srnet_core.visualization.scene import Scene
from srnet_core.visualization.strip import write_strip

Image = pytest.importorskip("PIL.Image")


def pixels(path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def has_color(picture: np.ndarray, color: str, *, near: int = 12, at_least: int = 20) -> bool:
    gap = np.abs(picture - np.array(mix(color, color, 0))).max(axis=-1)
    return int((gap <= near).sum()) >= at_least


def count_tinted(picture: np.ndarray, tint: str) -> int:
    """Pixels that are clearly red, blue or purple; distance makes figures pale, so exact colours will not do."""
    red, green, blue = np.moveaxis(picture, -1, 0)
    tints = {"red": red - blue, "blue": blue - red, "purple": np.minimum(red, blue) - green}
    return int((tints[tint] > 40).sum())


@pytest.mark.parametrize("dark", [False, True])
def test_png_shows_both_sides_and_the_badge(make_scene, tmp_path, dark):
    theme = DARK if dark else LIGHT
    picture = pixels(write_png(make_scene(), tmp_path / "a.png", 20, width_px=900, dark=dark))
    assert picture.shape[1] == 900 and 300 < picture.shape[0] < 700
    columns = [picture[100:, 300 * i : 300 * (i + 1)] for i in range(3)]
    for column in columns:
        assert count_tinted(column, "blue") > 60 and count_tinted(column, "red") > 60
    assert has_color(picture[:60], theme["badge"], at_least=200)
    plain = pixels(write_png(make_scene(synthetic=False), tmp_path / "b.png", 20, width_px=900, dark=dark))
    assert not has_color(plain[:60], theme["badge"])


def test_expected_errors_colour_the_limbs(make_scene, tmp_path):
    """In the first frame nothing is expected to be wrong, in the second everything by as much as the scale tells."""
    expected = np.zeros((60, 17))
    expected[1::2] = 200.0
    scene = make_scene(expected_errors_mm={"prediction": expected})

    def drawn(of: Scene, frame: int) -> np.ndarray:
        return pixels(write_png(of, tmp_path / "a.png", frame, width_px=900))

    none, most, plain = (part[100:420, 300:600] for part in (drawn(scene, 0), drawn(scene, 1), drawn(make_scene(), 0)))
    assert has_color(none, LIGHT["tint-0"]) and not has_color(none, LIGHT["tint-2"], at_least=1)
    assert has_color(most, LIGHT["tint-2"]) and not has_color(most, LIGHT["tint-0"], at_least=1)
    assert not has_color(plain, LIGHT["tint-0"], at_least=1) and not has_color(plain, LIGHT["tint-2"], at_least=1)
    legend = drawn(scene, 0)[:76]
    assert all(has_color(legend, LIGHT[f"tint-{i}"], near=20) for i in range(3))
    write_strip(scene, tmp_path / "strip.png")
    assert has_color(pixels(tmp_path / "strip.png"), LIGHT["tint-2"])


def test_the_scale_of_expected_errors_ends_at_a_round_number(make_scene):
    expected = np.full((60, 17), 40.0)
    expected[0, :3] = 900.0  # less than 2 % of them
    assert str(expected_scale(make_scene(expected_errors_mm={"prediction": expected}))) == "≥ 40 mm"
    expected[0, :3] = 41.0
    expected[1:] = 38.0
    assert str(expected_scale(make_scene(expected_errors_mm={"prediction": expected}))) == "≥ 40 mm"
    assert str(expected_scale(make_scene(expected_errors_mm={"prediction": expected / 100}))) == "10 mm"
    assert expected_scale(make_scene()) is None


def test_frames_differ_and_the_same_frame_does_not(make_scene, tmp_path):
    scene = make_scene()
    first, again, other = (write_png(scene, tmp_path / f"{i}.png", f) for i, f in enumerate((3, 3, 40)))
    assert first.read_bytes() == again.read_bytes()
    assert (pixels(first) != pixels(other)).any(axis=-1).sum() > 1000


def test_right_is_right_and_up_is_up(make_scene, tmp_path):
    """Seen from the camera, the figure's right hand (x > 0 here) is on the right and its head on top."""
    scene = make_scene(poses={"prediction": make_scene().poses["ground truth"]})
    picture = pixels(write_png(scene, tmp_path / "a.png", 0, width_px=800, orbit=Orbit(0, 5)))[110:-90, 410:]
    place = {
        side: np.argwhere(np.abs(picture - mix(LIGHT[side], LIGHT["panel"], 0.15)).max(axis=-1) < 45).mean(axis=0)
        for side in ("left", "right")
    }
    assert place["right"][1] > place["left"][1] + 20
    dark = np.argwhere(np.abs(picture - mix(LIGHT["middle"], LIGHT["panel"], 0.16)).max(axis=-1) < 20)
    assert dark[:, 0].mean() < picture.shape[0] / 2  # spine and head are in the upper half


def test_overlay_takes_the_place_of_the_ground_truth(make_scene, tmp_path):
    truth = make_scene().poses["ground truth"]
    far_off = truth + np.array([0.3, 0, 0], np.float32) * (np.arange(17) > 0)[:, None]
    scene = make_scene(poses={"prediction": far_off, "ground truth": truth})
    beside, over = (pixels(write_png(scene, tmp_path / f"{o}.png", overlay=o)) for o in (False, True))
    assert count_tinted(over, "purple") > 200  # lines from each joint to where it should be
    assert count_tinted(beside, "purple") == 0
    assert has_color(over[70:110], LIGHT["ghost"], at_least=30)  # the legend says what is grey


def test_gif_plays_at_the_speed_of_life(make_scene, tmp_path):
    with Image.open(write_gif(make_scene(200), tmp_path / "a.gif", width_px=480, fps=25)) as gif:
        durations = []
        for i in range(gif.n_frames):
            gif.seek(i)
            durations.append(gif.info["duration"])
        assert gif.n_frames == 100 and set(durations) == {40}  # 200 frames at 50 fps are 4 s
        assert gif.width == 480 and gif.info["loop"] == 0


def test_gif_is_small_and_keeps_its_colors(make_scene, tmp_path):
    path = write_gif(make_scene(100), tmp_path / "a.gif", max_frames=30)
    assert path.stat().st_size < 30 / 150 * 3e6
    picture = pixels(path)
    assert all(has_color(picture, LIGHT[name], near=16) for name in ("page", "panel", "badge", "ink"))
    assert count_tinted(picture, "blue") > 200 and count_tinted(picture, "red") > 200


def test_gif_starts_where_asked(make_scene, tmp_path):
    scene = make_scene(50)
    late = write_gif(scene, tmp_path / "a.gif", start=-1, width_px=480)
    with Image.open(late) as gif:
        assert gif.n_frames == 1
    assert (pixels(late) != pixels(write_gif(scene, tmp_path / "b.gif", max_frames=1, width_px=480))).any()


@given(st.integers(1, 5000), st.floats(1, 240), st.floats(0.5, 120), st.integers(1, 500))
def test_gif_timing(frames, scene_fps, fps, max_frames):
    delay_cs, shown = gif_timing(frames, scene_fps, fps, max_frames)
    assert delay_cs >= 2 and 1 <= len(shown) <= max_frames
    assert shown[0] == 0 and shown[-1] < frames and np.all(np.diff(shown) >= 0)
    ideal = np.arange(len(shown)) * delay_cs / 100 * scene_fps
    assert np.abs(shown - ideal).max() <= 0.5 + 1e-6  # no drift


def test_one_frame_without_errors_and_odd_names(make_scene, tmp_path):
    name = "</b> \ud800 Übung 走る " + "x" * 400
    scene = make_scene(1, title=name, subtitle=name, poses={name: np.zeros((1, 17, 3))}, image_size_px=(100, 4000))
    assert pixels(write_png(scene, tmp_path / "a.png", width_px=320)).std() > 1
    write_gif(scene, tmp_path / "c.gif", width_px=320)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda s, p: write_png(s, p, 60), "frame: there is no frame 60, only 0 to 59"),
        (lambda s, p: write_png(s, p, width_px=100), "width_px: must lie in 320 to 2400"),
        (lambda s, p: write_gif(s, p, max_frames=0), "max_frames: must lie in 1 to 1500"),
        (lambda s, p: write_gif(s, p, max_frames=10**9), "max_frames: must lie in 1 to 1500"),
        (lambda s, p: write_gif(s, p, fps=0), "fps: must be a positive number"),
    ],
)
def test_requests_out_of_range(make_scene, tmp_path, draw, message):
    with pytest.raises(ConfigError, match=message):
        draw(make_scene(), tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_without_pillow_the_extra_is_named(make_scene, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"srnet\[viz\]"):
        write_png(make_scene(), tmp_path / "a.png")


def test_unwritable(make_scene, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserMistake, match="cannot be written"):
        write_png(make_scene(), tmp_path / "file" / "a.png", width_px=320)


@given(st.floats(0, 1e6))
def test_axis_top_is_round_and_near(value):
    top = nice_ceiling(value)
    assert value <= top <= max(1, 2 * value)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("raise ImportError('cannot import name of another version')", "cannot be imported: cannot import name"),
        ("import surely_not_there", "cannot be imported: No module named 'surely_not_there'"),
        (None, "'broken_extra', which is not installed. Install it with: pip install 'srnet\\[viz\\]'"),
    ],
)
def test_an_extra_that_is_there_and_broken_is_not_called_missing(tmp_path, monkeypatch, lines, said):
    monkeypatch.syspath_prepend(tmp_path)
    if lines:
        (tmp_path / "broken_extra.py").write_text(lines)
    with pytest.raises(MissingExtraError, match=said):
        require_extra("broken_extra", "viz")


def test_a_close_up_has_no_edge_of_the_image_in_it(make_scene):
    """A part of an edge is a lone line, which nobody understands; without a close-up the whole outline is there."""
    scene = make_scene(3)
    corner = replace(scene, keypoints_2d_px=scene.keypoints_2d_px - scene.keypoints_2d_px.min(axis=(0, 1)))
    for close_up in (True, False):
        panel = np.asarray(input_panel(corner, 0, 150, 190, 14, LIGHT, close_up=close_up).finish()).astype(int)
        assert has_color(panel, LIGHT["hairline"], near=2) is not close_up
