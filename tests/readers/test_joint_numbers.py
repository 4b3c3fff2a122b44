"""What is taken for the number of a joint, and what for a coordinate."""

import numpy as np
import pytest
from keypoint_files import person

from srnet_core.mocap.body import read_motions
from srnet_core.readers._joint_numbers import columns_without_numbers, places_of, without_numbers

POSE = person("coco17")


def test_coordinates_are_not_taken_for_numbers_of_joints():
    still = np.array([[7, 3, 1.0], [8, 2, 1], [9, 2, 1], [7, 1, 1], [3, 2, 1], [4, 5, 1]])
    assert without_numbers(still) is None
    assert columns_without_numbers(np.stack([still, still])) is None
    rising = np.column_stack([np.arange(310, 327), POSE[0, :, :2]])
    assert without_numbers(rising) is None
    assert columns_without_numbers(POSE) is None
    assert places_of([1, 2, 2]) is None and places_of([1, None]) is None and places_of([]) is None
    assert places_of([0, 900]) is None and places_of([4, 0, 2]) == [4, 0, 2]


@pytest.mark.parametrize("numbers", [range(1, 40), [6, 5, 4, 3, 2, 1, 11, 12, 13, 14]])
def test_numbered_markers_in_space_keep_their_names(tmp_path, numbers):
    points = np.random.default_rng(0).normal(0, 0.5, (4, len(numbers), 3))
    rows = [f"{t},M{m},{x},{y},{z}" for t in range(4) for m, (x, y, z) in zip(numbers, points[t])]
    (tmp_path / "a.csv").write_text("\n".join(["frame,joint,x,y,z", *rows]) + "\n")
    (motion,) = read_motions(tmp_path / "a.csv").values()
    assert motion.names == tuple(f"M{m}" for m in numbers)
    np.testing.assert_allclose(motion.positions, points)
