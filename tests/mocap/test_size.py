"""Unit and up axis from the size and the stance of a person."""

import numpy as np
import pytest
from motion_making import STANDING, moving

from srnet_core.errors import BadFileError
from srnet_core.mocap.size import find_unit, find_up, looks_mirrored, stature
from srnet_core.motion import UP_AXES, Motion, to_z_up
from srnet_core.skeletons.h36m17 import SKELETON

POSES = moving()


def motion(**known):
    return Motion("bvh", ("a",), None, np.zeros((1, 1, 3)), **known)


def test_stature_of_a_person():
    assert stature(POSES) == pytest.approx(1.68, abs=0.06)


@pytest.mark.parametrize(
    ("name", "metres"),
    [
        ("m", 1),
        ("dm", 0.1),
        ("cm", 0.01),
        ("mm", 0.001),
        ("in", 0.0254),
        ("ft", 0.3048),
        ("inches / 0.45", 0.0254 / 0.45),
    ],
)
@pytest.mark.parametrize("height_m", [1.41, 1.68, 2.09])
def test_each_unit_is_found_for_each_person(name, metres, height_m):
    unit = find_unit(height_m / metres, motion())
    assert (unit.name, unit.metres) == (name, pytest.approx(metres))
    assert unit.stature_m == pytest.approx(height_m)
    assert f"{height_m:.2f} m" in unit.note


def test_what_the_file_says_comes_first_unless_it_cannot_be():
    child = find_unit(1100, motion(units="mm", metres_per_unit=0.001))
    assert child.metres == 0.001 and child.note == "Unit of length: as the file says."
    wrong = find_unit(1700, motion(units="m", metres_per_unit=1.0))
    assert wrong.metres == 0.001 and "The file says m, which cannot be." in wrong.note


def test_a_unit_that_was_told_by_the_size_of_the_body_is_not_said_to_be_from_the_file():
    guessed = {"units": "mm", "metres_per_unit": 0.001, "units_from": "size"}
    note = find_unit(1640, motion(**guessed)).note
    assert note == "Unit of length: mm, told by the size of the body, as the person is then 1.64 m tall."
    other = find_unit(170, motion(**guessed))
    assert other.name == "cm" and "The file says" not in other.note
    of_format = find_unit(1.64, motion(units="m", metres_per_unit=1.0, units_from="format"))
    assert of_format.note == "Unit of length: m, as in all files of this format."


def test_small_people_are_doubted_and_no_people_refused():
    assert "unusually small" in find_unit(1.2, motion()).note
    for height in (0.0, np.nan, 7e5):
        with pytest.raises(BadFileError):
            find_unit(height, motion())


@pytest.mark.parametrize("up", UP_AXES)
def test_up_axes_are_found_and_turned_to_z(up):
    turned = next(a for a in _all_turns(POSES) if np.allclose(to_z_up(a, up), POSES))
    found, how = find_up([turned])
    assert found == up and how == f"Up axis: {up}, because the head is above the feet along it."
    np.testing.assert_allclose(to_z_up(turned, found), POSES)


def _all_turns(poses):
    for order in ((0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1), (2, 1, 0), (1, 0, 2)):
        for signs in np.ndindex(2, 2, 2):
            yield poses[..., list(order)] * (1 - 2 * np.array(signs))


@pytest.mark.parametrize("up", UP_AXES)
def test_turning_never_mirrors(up):
    assert np.linalg.det(to_z_up(np.eye(3), up)) == pytest.approx(1)


def test_lying_people_are_asked_about_their_rest_pose():
    lying = np.concatenate([POSES[..., [2, 0, 1]], -POSES[..., [2, 0, 1]]])
    with pytest.raises(BadFileError, match="which axis points up"):
        find_up([lying])
    assert find_up([lying], [STANDING]) == ("z", "Up axis: z, because the rest pose stands along it.")


def test_swapped_sides_show_in_the_knees():
    bent = POSES.copy()
    bent[:, [2, 5], 1] -= 0.2
    assert not looks_mirrored(bent)
    assert looks_mirrored(bent[:, SKELETON.mirror])
    assert not looks_mirrored(POSES[:, SKELETON.mirror])  # straight legs do not tell
