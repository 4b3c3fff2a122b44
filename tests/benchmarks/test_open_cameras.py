"""The virtual cameras that the networks of the package are measured with stand where their titles say."""

import numpy as np
import pytest

from benchmarks.open_cameras import VIEWS, View


@pytest.mark.parametrize("title", VIEWS)
@pytest.mark.parametrize("azimuth_rad", [0.0, 2.0, 4.5])
def test_cameras_look_at_their_target_upright(title, azimuth_rad):
    view, target = VIEWS[title], np.array([0.3, -1.2, 0.9])
    camera = view.camera(azimuth_rad, target)
    width, height = view.size_px
    points = camera.world_to_camera(np.stack([target, target + np.array([0, 0, 0.5])]))
    on_image = camera.project(points)
    np.testing.assert_allclose(on_image[0], [width / 2, height / 2], atol=1e-3)
    np.testing.assert_allclose(on_image[1, 0], width / 2, atol=1e-3)
    assert on_image[1, 1] < on_image[0, 1]  # what is above is above in the image
    np.testing.assert_allclose(points[0, 2], view.distance_m, rtol=1e-6)


def test_a_raised_camera_is_above_its_target():
    for elevation_deg in (-20.0, 0.0, 60.0):
        view = View(elevation_deg=elevation_deg)
        height_m = view.camera(1.0, np.zeros(3)).translation_m[2]
        assert height_m == pytest.approx(view.distance_m * np.sin(np.radians(elevation_deg)))


def test_people_fill_the_same_part_of_the_image():
    for view in (View(focal_widths=0.7), View(focal_widths=3), View(focal_widths=3, size_px=(1080, 1920))):
        width, height = view.size_px
        assert view.focal_widths * width * 1.75 / view.distance_m == pytest.approx(0.6 * height)
