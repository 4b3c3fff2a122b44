"""Every motion capture file of the reference collection against what a correct reader finds in it."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from srnet_core.errors import BadFileError
from srnet_core.readers.amc import read_amc, read_asf
from srnet_core.readers.bvh import read_bvh
from srnet_core.readers.c3d import read_c3d

SHARED = Path(__file__).resolve().parents[3] / "shared"  # beside the checkout, for developers only


def rows(*kinds):
    """(path, expected) of the rows of these kinds; one row that skips where the collection is absent."""
    path = SHARED / "wild" / "EXPECT.json"
    if not path.is_file():
        return [pytest.param(None, None, marks=pytest.mark.skip(reason="the reference collection is not there"))]
    expected = json.loads(path.read_text(encoding="utf-8"))
    return [pytest.param(SHARED / "wild" / k, v, id=k) for k, v in expected.items() if k.split("/")[0] in kinds]


@pytest.mark.parametrize(("path", "expected"), rows("bvh"))
def test_bvh(path, expected):
    if path.suffix == ".csv":
        assert sum(1 for _ in path.open(encoding="utf-8")) == expected["rows"]
        return
    motion = read_bvh(path)
    assert len(motion.joints) == expected["joints"]
    assert motion.frames == expected["frames"] == expected["frames_in_body"]
    assert motion.fps == pytest.approx(expected["fps"], abs=1e-4)
    assert motion.names[0] == expected["root"]
    if path.name == "makehuman_tpose.bvh":
        pytest.skip("its expected position is that of OFFSETs replaced by zeros, which its own description rules out")
    pose = motion.positions[expected["check_frame"]]
    np.testing.assert_allclose(
        pose[motion.names.index(expected["check_joint"])], expected["check_xyz_file_units"], atol=1e-4
    )
    np.testing.assert_allclose(np.ptp(pose[list(motion.joints)], axis=0), expected["extent_xyz_at_check"], atol=1e-4)


def test_makehumans_zeros_do_not_replace_offsets(shared_dir):
    motion = read_bvh(shared_dir / "wild/bvh/makehuman_tpose.bvh")
    at = {name: motion.positions[0, j] for j, name in enumerate(motion.names)}
    assert at["head"][2] - at["foot.L"][2] == pytest.approx(14.75, abs=0.1)  # decimetres
    assert at["wrist.L"][0] == pytest.approx(-at["wrist.R"][0], abs=0.01)


def test_bvh_positions_are_those_its_program_computed(shared_dir):
    motion = read_bvh(shared_dir / "wild/bvh/walk01_cm.bvh")
    with (shared_dir / "wild/bvh/walk01_pos.csv").open(encoding="utf-8") as file:
        header, *lines = csv.reader(file)
    values = np.array(lines, float)
    for joint in motion.joints:
        name = motion.names[joint]
        columns = [header.index(f"{name}.{axis}") for axis in "xyz"]
        np.testing.assert_allclose(motion.positions[:, joint], values[:, columns], atol=1e-5)


@pytest.mark.parametrize(("path", "expected"), rows("c3d"))
def test_c3d(path, expected):
    if expected.get("points") == 0:
        with pytest.raises(BadFileError, match="rotations but no points"):
            read_c3d(path)
        return
    motion = read_c3d(path)
    assert motion.details["processor"] == expected["processor"]
    if "points" not in expected:  # the float file of the same trial
        same = read_c3d(path.with_name("sample02_pc_real.c3d"))
        np.testing.assert_array_equal(motion.positions, same.positions)
        assert motion.names == same.names
        return
    assert (motion.frames, len(motion.names)) == (expected["frames"], expected["points"])
    assert (motion.fps, motion.units) == (expected["rate"], expected["units"])
    assert list(motion.names[:4]) == expected["labels"]
    assert motion.missing_fraction == pytest.approx(expected["missing_fraction"], abs=1e-4)
    np.testing.assert_allclose(np.nanmean(motion.positions, axis=(0, 1)), expected["mean_xyz"], atol=1e-4)
    first = expected["first_valid"]
    np.testing.assert_allclose(motion.positions[first["frame"], first["point"]], first["xyz"], atol=1e-4)
    for key in ("storage", "first_frame", "analog_channels"):
        assert motion.details[key] == expected[key]
    assert motion.details["manufacturer"] in expected["manufacturer"]


@pytest.mark.parametrize(("path", "expected"), rows("asf_amc"))
def test_asf_amc(path, expected):
    if path.suffix == ".asf":
        skeleton = read_asf(path)
        assert len(skeleton.names) == expected["bones"] == 31
        assert (skeleton.unit_scale, skeleton.degrees) == (0.45, True)
        return
    motion = read_amc(path)
    assert motion.frames == expected["frames"]
    lengths = np.linalg.norm(np.diff(motion.positions[:, [7, 8]], axis=1), axis=-1)  # rfemur to rtibia
    np.testing.assert_allclose(lengths, np.full_like(lengths, lengths[0, 0]), rtol=1e-9)
