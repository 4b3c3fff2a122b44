"""The picture of divisions: a figure that looks like a person, in the colours of its parts."""

import numpy as np
import pytest

from srnet_core.errors import ConfigError
from srnet_core.lookup import names
from srnet_core.skeletons import get_skeleton
from srnet_core.visualization._front_view import front_view
from srnet_core.visualization.groups_picture import COLORS, write_groups_png

H36M = get_skeleton("h36m17")
DIVISIONS = {f"{number} groups": tuple(parts.items()) for number, parts in H36M.groups.items()}


def test_the_figure_stands_and_faces_us():
    at = dict(zip(H36M.joint_names, front_view(H36M)))
    assert at["Head"][1] < at["Thorax"][1] < at["Hip"][1] < at["LKnee"][1] < at["LFoot"][1]
    assert at["RWrist"][0] < at["RShoulder"][0] < at["Thorax"][0] < at["LShoulder"][0] < at["LWrist"][0]
    assert at["LFoot"][0] == pytest.approx(-at["RFoot"][0])


@pytest.mark.parametrize("name", names("skeletons"))
def test_no_two_joints_of_any_skeleton_lie_on_each_other(name):
    points = front_view(get_skeleton(name))
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1) + np.eye(len(points))
    assert np.isfinite(points).all() and distances.min() > 0.05


def test_every_part_has_its_colour(tmp_path):
    image = pytest.importorskip("PIL.Image")
    path = write_groups_png(H36M, {"mine": DIVISIONS["5 groups"]}, tmp_path / "g.png")
    pixels = np.asarray(image.open(path)).reshape(-1, 3)
    for color in COLORS[:5]:
        rgb = tuple(bytes.fromhex(color[1:]))
        assert (pixels == rgb).all(axis=1).sum() > 100
    assert not (pixels == tuple(bytes.fromhex(COLORS[5][1:]))).all(axis=1).any()


def test_divisions_stand_side_by_side(tmp_path):
    image = pytest.importorskip("PIL.Image")
    one = image.open(write_groups_png(H36M, {"a": DIVISIONS["5 groups"]}, tmp_path / "a.png"))
    four = image.open(write_groups_png(H36M, DIVISIONS, tmp_path / "b.png", dark=True))
    assert four.width > 3 * one.width and four.height == one.height


def test_impossible_pictures_are_refused(tmp_path):
    pytest.importorskip("PIL")
    with pytest.raises(ConfigError, match="1 to 12 divisions, not 0"):
        write_groups_png(H36M, {}, tmp_path / "g.png")
    with pytest.raises(ConfigError, match="half.*joints in no group: Head"):
        write_groups_png(H36M, {"half": (("a", H36M.joint_names[:10] + H36M.joint_names[11:]),)}, tmp_path / "g.png")
    assert not list(tmp_path.iterdir())
