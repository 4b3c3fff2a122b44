"""Charts: what is drawn is what was given, and the same chart gives the same file."""

import numpy as np
import pytest

from srnet_core.errors import ConfigError
from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.visualization.charts import COLUMN_IN, PAGE_IN, write_curves, write_errors
from srnet_core.visualization.poses_chart import _EYES, Shown, _seen, view_axes, write_poses_chart

pytest.importorskip("matplotlib")
CURVES = {"first": {"train": [(1, 90.0), (2, 60.0)], "test": [(2, 80.0)]}, "second": {"train": [], "test": [(1, 70.0)]}}
ERRORS = {"srnet": {"Walking": 40.0, "Sitting": 70.0}, "fc": {"Walking": 50.0, "Sitting": 60.0, "Eating": 1.0}}


def test_the_words_of_a_chart_are_in_its_svg(tmp_path):
    text = write_curves(CURVES, tmp_path / "curves.svg").read_text()
    for word in ("first, train", "first, test", "second, test", "epoch", "MPJPE in mm"):
        assert f">{word}<" in text
    assert ">second, train<" not in text, "an empty curve has no legend"
    text = write_errors(ERRORS, tmp_path / "errors.svg", what="P-MPJPE").read_text()
    for word in ("srnet", "fc", "Walking", "Sitting", "Eating", "P-MPJPE in mm"):
        assert f">{word}<" in text


def test_a_single_epoch_is_seen_and_names_leave_room(tmp_path):
    from PIL import Image

    def inked(runs):
        picture = Image.open(write_curves(runs, tmp_path / "a.png")).convert("L")
        return picture.size, np.asarray(picture.crop((400, 0, 700, 420))) < 100

    (_, height), one = inked({"a": {"test": [(1, 50.0)]}})
    assert one.any(), "a point where the line has no length"
    (_, taller), _ = inked({f"a long name of run {i}": {"test": [(1, 50.0)]} for i in range(5)})
    assert taller > height


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_same_chart_gives_the_same_file(tmp_path, ending):
    files = [write_errors(ERRORS, tmp_path / f"{name}.{ending}").read_bytes() for name in "ab"]
    assert files[0] == files[1] and len(files[0]) > 1000


def test_width_and_colours_are_those_asked_for(tmp_path):
    from PIL import Image

    for width_in in (COLUMN_IN, PAGE_IN):
        image = Image.open(write_curves(CURVES, tmp_path / "a.png", width_in=width_in))
        assert image.width == pytest.approx(300 * width_in, abs=1)
    light, dark = (
        Image.open(write_curves(CURVES, tmp_path / "b.png", dark=d)).convert("L").getpixel((2, 2))
        for d in (False, True)
    )
    assert light > 200 > 60 > dark


@pytest.mark.parametrize(
    ("curves", "name", "message"),
    [
        ({"a": {"test": []}}, "c.png", "nothing to draw. Give runs that finished an epoch"),
        ({str(i): CURVES["first"] for i in range(6)}, "c.png", "at most 5"),
        (CURVES, "c.gif", r"ends in .png, .svg, .pdf"),
    ],
)
def test_what_cannot_be_drawn_is_told(tmp_path, curves, name, message):
    with pytest.raises(ConfigError, match=message):
        write_curves(curves, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_nobody_is_seen_end_on(tmp_path):
    """Somebody who bows to the camera, with the trunk along the line of sight, is turned until it has a length."""
    upright = np.zeros((17, 3))
    upright[:, 2] = np.linspace(0, 1.7, 17)
    forward = view_axes(_EYES[0])[2]
    bowing = np.outer(np.linspace(0, 1.7, 17), -forward)
    for pose_m in (upright, bowing):
        flat = _seen(pose_m, 10)
        assert np.linalg.norm(flat[10] - flat[0]) > 0.6 * np.linalg.norm(pose_m[10] - pose_m[0])
    np.testing.assert_allclose(_seen(bowing, None)[10], 0, atol=1e-9)  # without a head as the first eye sees it
    write_poses_chart([Shown(bowing, ("Greeting", "S11"))], SKELETON, tmp_path / "p.svg", title="test")
    assert (tmp_path / "p.svg").stat().st_size > 1000
