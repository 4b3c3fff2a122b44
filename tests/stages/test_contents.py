"""Recognizing poses under other names."""

import numpy as np
import pytest

from srnet_core.geometry.rotation import rotate
from srnet_core.stages.contents import KEPT, is_known, sketch


@pytest.fixture
def take() -> np.ndarray:
    """(T, J, 3) a person who moves."""
    rng = np.random.default_rng(3)
    return np.cumsum(rng.normal(0, 0.01, (600, 17, 3)), axis=0) + rng.normal(0, 0.4, (17, 3))


def test_a_take_is_known_whatever_its_place_axes_camera_and_frame_rate(take):
    seen = set(sketch(take))
    assert len(seen) == KEPT
    turned = rotate(np.array([0.5, -0.5, 0.5, 0.5]), take) + np.array([3.0, -2.0, 1.0])
    assert is_known(sketch(turned), seen) and is_known(sketch(take.astype(np.float32)), seen)
    assert is_known(sketch(take[::5]), seen) and is_known(sketch(take[100:400]), seen)
    assert is_known(sketch(take), set(sketch(take[::5])))


def test_other_poses_are_not_known_and_one_shared_rest_pose_is_not_enough(take):
    other = take * 1.03
    assert not set(sketch(other)) & set(sketch(take))
    rest = np.repeat(take[:1], 4, axis=0)
    begins_alike, begins_so_too = np.concatenate([rest, take[1:]]), np.concatenate([rest, other[1:]])
    assert not is_known(sketch(begins_so_too), set(sketch(begins_alike)))


def test_takes_without_a_pose_are_known_to_nobody(take):
    assert sketch(take[:0]) == sketch(np.full_like(take, np.nan)) == sketch(take[:, :1]) == []
    assert not is_known([], set(sketch(take)))
    holes = take.copy()
    holes[::2] = np.nan
    assert is_known(sketch(holes), set(sketch(take)))
    assert len(sketch(np.full((2, 17, 3), 1e300))) == 1
