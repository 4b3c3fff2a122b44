"""Steps of two versions in turns."""

import pytest

from benchmarks import versions
from benchmarks.versions import Size


@pytest.mark.parametrize(
    ("text", "widths", "said"),
    [
        ("1:256:64", (1, 1, 1), "1 frame, 256 channels, batch 64"),
        ("27:25:8", (3, 3, 3), "27 frames, 25 channels, batch 8"),
    ],
)
def test_sizes(text, widths, said):
    size = Size.read(text)
    assert size.filter_widths == widths and str(size) == said


def test_a_version_against_itself():
    """In processes of their own; the times are of this machine, so they are only looked at."""
    was, now, faster = versions.compared(versions.ROOT, Size(1, 25, 4), rounds=1, threads=1, seconds=0.01)
    assert was > 0 and now > 0 and faster == pytest.approx(was / now)
