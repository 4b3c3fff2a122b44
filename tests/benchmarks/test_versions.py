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


@pytest.mark.parametrize(("work", "batch"), [("training", 4), ("streams", 1), ("streams", 2)])
def test_a_version_against_itself(work, batch):
    """In processes of their own; the times are of this machine, so they are only looked at."""
    work = versions.WORKS[work]
    was, now, faster = versions.compared(versions.ROOT, Size(1, 25, batch), 1, threads=1, work=work, seconds=0.01)
    assert was > 0 and now > 0 and faster == pytest.approx(was / now)
