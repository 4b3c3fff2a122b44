"""Many cameras at once: the NumPy camera is the definition; undistortion is its inverse."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tries import tries

from srnet_core.geometry.camera import Camera, camera_rows, distort, estimated_camera, rays_of, undistort
from srnet_core.geometry.h36m_cameras import h36m_cameras
from srnet_core.geometry.rotation import turn_from_axis, turn_to_axis

H36M = [camera for rig in h36m_cameras().values() for camera in rig]


def points_m(seed: int, count: int = 200) -> np.ndarray:
    return np.random.default_rng(seed).uniform((-2, -2, 2.2), (2, 2, 8), (len(H36M), count, 3))


@pytest.mark.parametrize("kind", ["numpy", "torch64", "torch32"])
def test_a_batch_of_cameras_projects_as_each_of_them(kind):
    points, rows = points_m(0), camera_rows(H36M).map(lambda column: column[:, None])
    if kind != "numpy":
        dtype = {"torch64": torch.float64, "torch32": torch.float32}[kind]
        points, rows = torch.from_numpy(points).to(dtype), rows.map(lambda column: torch.from_numpy(column).to(dtype))
    found = np.asarray(distort(rays_of(points), rows))
    for camera, pixels, metres in zip(H36M, found, points_m(0), strict=True):
        np.testing.assert_allclose(pixels, camera.project(metres), atol=1e-3 if kind == "torch32" else 1e-9)


def test_the_vertical_is_that_of_the_world():
    for camera, up in zip(H36M, camera_rows(H36M).up, strict=True):
        higher = camera.world_to_camera(np.array([[0.0, 0, 1], [0, 0, 0]]))
        np.testing.assert_allclose(higher[0] - higher[1], up, atol=1e-12)


@settings(max_examples=tries(40), deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    k=st.tuples(st.floats(-0.25, 0.25), st.floats(-0.1, 0.25), st.floats(-0.02, 0.05)),
    p=st.tuples(st.floats(-0.01, 0.01), st.floats(-0.01, 0.01)),
)
def test_undistorting_undoes_the_lens(seed, k, p):
    camera = Camera("c", 1000, 1000, (1000.0, 1010.0), (500.0, 490.0), k, p)
    rays = np.random.default_rng(seed).uniform(-0.6, 0.6, (300, 2))
    pixels = camera.project(np.concatenate([rays, np.ones((300, 1))], axis=1))
    np.testing.assert_allclose(camera.undistort(pixels), rays, atol=1e-9)


def test_two_steps_are_enough_from_nearby_and_nothing_becomes_infinite():
    for camera, metres in zip(H36M, points_m(1), strict=True):
        rows = camera_rows([camera]).map(lambda column: column[0])
        noisy = camera.project(metres) + np.random.default_rng(0).normal(0, 8, (200, 2))
        quick = undistort(noisy, rows, start=rays_of(metres), steps=2)
        assert np.abs(distort(quick, rows) - noisy).max() < 0.05
        assert np.median(np.abs(distort(quick, rows) - noisy)) < 1e-4
    wild = Camera("wild", 1000, 1000, (500.0, 500.0), (500.0, 500.0), (-0.8, 0.3, -0.5), (0.05, -0.05))
    assert np.isfinite(wild.undistort(np.random.default_rng(0).uniform(-9000, 9000, (500, 2)))).all()


def test_a_camera_that_nobody_knows_is_estimated_from_the_image():
    camera = estimated_camera((1080, 1920))
    assert camera.focal_length_px == (1920.0, 1920.0) and camera.center_px == (540.0, 960.0)
    assert not any(camera.radial_distortion + camera.tangential_distortion)


@settings(max_examples=tries(40), deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_smallest_rotation_onto_the_axis(seed):
    random = np.random.default_rng(seed)
    direction = np.append(random.normal(size=2), random.uniform(-0.5, 1))
    direction /= np.linalg.norm(direction)
    vectors = random.normal(size=(5, 3))
    matrix = turn_to_axis(direction, np.eye(3)).T
    np.testing.assert_allclose(matrix @ direction, [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    # the smallest one turns by the angle between the two, so its trace is 1 + 2 cos(angle)
    assert np.trace(matrix) == pytest.approx(1 + 2 * direction[2], abs=1e-12)
    np.testing.assert_allclose(turn_to_axis(direction, vectors), vectors @ matrix.T, atol=1e-12)
    np.testing.assert_allclose(turn_from_axis(direction, turn_to_axis(direction, vectors)), vectors, atol=1e-12)
    for function in (turn_to_axis, turn_from_axis):
        tensors = function(torch.from_numpy(direction).expand(5, 3), torch.from_numpy(vectors))
        np.testing.assert_allclose(tensors, function(direction, vectors), atol=1e-12)
