"""python -m benchmarks: tables, JSON, what it refuses, and what is left of an interrupted run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.bench import LINES
from benchmarks.lines import training
from srnet_core.errors import StageError


@pytest.fixture
def quick(tmp_path):
    """Runs some lines, quickly: `quick("training")` -> (exit code, the JSON)."""

    def run(*lines: str) -> tuple[int, dict]:
        path = tmp_path / "out" / "bench.json"
        options = ["--quick", "--threads", "1", "--cache-dir", str(tmp_path), "--json", str(path)]
        return main([*lines, *options]), json.loads(path.read_text())

    return run


def test_a_line_is_measured_shown_and_written(quick, capsys):
    code, written = quick("inference-single")
    shown = capsys.readouterr().out
    for text in ("fc, nn.Conv1d", "srnet, textbook form", "matrix product", "times faster than fc", "at least 3x"):
        assert text in shown
    assert code == 0
    assert written["schema"] == 1 and written["quick"] and not written["interrupted"]
    assert written["machine"]["threads"] >= 1 and written["machine"]["processor"]
    (found,) = written["lines"]
    assert found["name"] == "inference_single" and len(found["speeds"]) == 3
    assert found["targets"][0]["bound"] == 3 and isinstance(found["targets"][0]["reached"], bool)


def test_ctrl_c_keeps_what_was_measured(quick, capsys, monkeypatch):
    def interrupt(config, progress):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "long_windows", interrupt)
    code, written = quick("inference-single", "training")
    assert code == 130
    assert "times faster than fc" in capsys.readouterr().out
    assert written["interrupted"] and [entry["name"] for entry in written["lines"]] == ["inference_single"]


def test_a_line_that_fails_is_named_and_the_others_are_shown(quick, capsys, monkeypatch):
    def fail(config, progress):
        raise StageError("no room")

    monkeypatch.setattr(training, "long_windows", fail)
    code, written = quick("training", "inference-single")
    shown = capsys.readouterr()
    assert code == 1
    assert "no room" in shown.out and "times faster than fc" in shown.out
    assert "not measured: training" in shown.err
    assert written["lines"][0]["failed"] == "StageError: no room"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["speed"], "inference"),
        (["training", "--device", "tpu"], "--device"),
        (["--threads", "-1"], "--threads"),
        (["--cache-dir", __file__], "folder"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_measured(arguments, word, capsys):
    assert main([*arguments, "--quick"]) == 2
    assert word in capsys.readouterr().err


def test_the_package_runs_as_a_program():
    root = Path(__file__).resolve().parents[2]
    ran = subprocess.run([sys.executable, "-m", "benchmarks", "--help"], cwd=root, capture_output=True, text=True)
    assert ran.returncode == 0
    assert all(line in ran.stdout for line in LINES)
