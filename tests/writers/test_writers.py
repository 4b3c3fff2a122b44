"""Written files read back by the readers of the project."""

import io

import numpy as np
import pytest

from srnet_core.errors import ConfigError
from srnet_core.motion import Motion
from srnet_core.readers.c3d import read_c3d
from srnet_core.readers.trc import read_trc
from srnet_core.writers.c3d import write_c3d
from srnet_core.writers.trc import write_trc


def motion(frames=7, joints=5, *, gaps=True, **more) -> Motion:
    positions = np.random.default_rng(0).normal(size=(frames, joints, 3))
    if gaps:
        positions[2, 1] = positions[5] = np.nan
    names = tuple(f"joint {j}" for j in range(joints))
    about = {"fps": 29.97, "metres_per_unit": 1.0, "up": "y", **more}
    return Motion("test", names, None, positions, **about)


def test_trc_reads_back(tmp_path):
    made, path = motion(), tmp_path / "a.trc"
    with open(path, "wb") as file:
        write_trc(file, made)
    read = read_trc(path)
    assert read.names == made.names
    np.testing.assert_allclose(read.positions, made.positions, atol=1e-6)


@pytest.mark.parametrize("frames", [1, 7, 70_000])
def test_c3d_reads_back(tmp_path, frames):
    made, path = motion(frames, 3, gaps=frames == 7), tmp_path / "a.c3d"
    with open(path, "wb") as file:
        write_c3d(file, made)
    read = read_c3d(path)
    assert read.names == made.names and read.fps == pytest.approx(29.97) and read.units == "m"
    np.testing.assert_allclose(read.positions, made.positions, atol=1e-6)


def test_what_a_format_cannot_hold_is_refused():
    for write in (write_trc, write_c3d):
        with pytest.raises(ConfigError, match="frame rate"):
            write(io.BytesIO(), motion(fps=None))
    with pytest.raises(ConfigError, match="y up"):
        write_trc(io.BytesIO(), motion(up="z"))
    with pytest.raises(ConfigError, match="255 points"):
        write_c3d(io.BytesIO(), motion(2, 300, gaps=False))
