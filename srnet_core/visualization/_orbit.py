"""The viewer's eye: a perspective view that circles the poses. `assets/view.js` has the same formulas."""

from dataclasses import dataclass

import numpy as np

FIELD_OF_VIEW_DEG = 26.0


@dataclass(frozen=True)
class Orbit:
    """Position of the eye. Azimuth 0 looks along +y, as the recording camera did; positive moves the eye to the right.

    Attributes:
        azimuth_deg, elevation_deg: direction of the eye as seen from the target.
        zoom: 1 fits the poses into the panel, 2 shows them twice as large.
    """

    azimuth_deg: float = -28.0
    elevation_deg: float = 10.0
    zoom: float = 1.0


def view_axes(orbit: Orbit) -> np.ndarray:
    """(3, 3): the rows are right, up and forward of the eye, in world coordinates."""
    a, e = np.radians([orbit.azimuth_deg, orbit.elevation_deg])
    sa, ca, se, ce = np.sin(a), np.cos(a), np.sin(e), np.cos(e)
    return np.array([[ca, sa, 0], [-sa * se, ca * se, ce], [-sa * ce, ca * ce, -se]])


def fit_distance_m(radius_m: float, height_m: float, aspect: float) -> float:
    """Distance of the eye in metres at which an upright cylinder fits a panel; `aspect` is its width / height."""
    half_tan = np.tan(np.radians(FIELD_OF_VIEW_DEG / 2))
    vertical = (0.53 * height_m + 0.22 * radius_m) / half_tan  # the near rim appears lower and larger
    horizontal = 1.06 * radius_m / (half_tan * aspect)
    return float(max(vertical, horizontal) + 0.8 * radius_m)


def project(
    points_m: np.ndarray,
    orbit: Orbit,
    radius_m: float,
    height_m: float,
    size_px: tuple[float, float],
    top_px: float = 0.0,
    depth_m: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Project points to the pixels of a panel.

    Args:
        points_m: (..., 3) world coordinates, z up, floor at 0.
        radius_m, height_m: size of the cylinder on the floor that has to be visible.
        depth_m: how far it reaches below the floor.
        size_px: (width, height) of the panel.
        top_px: height that is kept free for a heading.

    Returns:
        (..., 2) panel pixels, y down, and (...,) depth along the view in metres, relative to the target.
    """
    width, height = size_px[0], size_px[1] - top_px
    distance = fit_distance_m(radius_m, height_m + depth_m, width / height) / orbit.zoom
    target = np.array([0, 0, (height_m + depth_m) * 0.49 - depth_m])
    x, y, depth = np.moveaxis((points_m - target) @ view_axes(orbit).T, -1, 0)
    scale = height / 2 / np.tan(np.radians(FIELD_OF_VIEW_DEG / 2)) / np.maximum(depth + distance, 0.05)
    return np.stack([width / 2 + x * scale, top_px + height / 2 - y * scale], axis=-1), depth
