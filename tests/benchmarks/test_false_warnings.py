"""Counts of correct keypoints that are blamed: the windows that are looked at, and what is printed."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import false_warnings
from benchmarks.keypoint_mistakes import read

EXAMPLE = Path(__file__).parents[2] / "examples" / "balancing.npz"  # 100 frames


def test_a_recording_is_looked_at_whole_and_in_windows_that_follow_one_another():
    """At 30 frames per second, as nothing else is asked of the files."""
    whole, *cut = false_warnings.windows(read(str(EXAMPLE)))
    assert [part.frame_count for part in (whole, *cut)] == [100, 30, 30, 30, 90]
    np.testing.assert_array_equal(cut[2].tracks[0].points, whole.tracks[0].points[60:90])
    assert all(len(track.filled) == len(track.confidence) == 90 for track in cut[3].tracks)


def test_counts_of_files(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["false_warnings", str(EXAMPLE)])
    false_warnings.main()
    assert capsys.readouterr().out == "blamed without a reason: 0 of 5 recordings of 1 files\n"
    monkeypatch.setattr("sys.argv", ["false_warnings", f"{EXAMPLE}:300x300"])
    false_warnings.main()
    first, *said = capsys.readouterr().out.splitlines()
    assert first == "blamed without a reason: 5 of 5 recordings of 1 files"
    assert any("outside the image of 300 x 300" in sentence for sentence in said)


@pytest.mark.parametrize("words", [[], ["--rules"], ["a.json", "--mocap", "m"], ["--mocap", "m", "--share", "0"]])
def test_what_makes_no_count_is_refused(monkeypatch, capsys, words):
    monkeypatch.setattr("sys.argv", ["false_warnings", *words])
    with pytest.raises(SystemExit) as ended:
        false_warnings.main()
    assert ended.value.code == 2 and "give files, or --mocap" in capsys.readouterr().err
