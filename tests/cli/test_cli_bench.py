"""srnet bench: tables, JSON, what it refuses, and what is left of an interrupted one."""

import json
from pathlib import Path

import pytest
from srnet_core.benchmark import bench

from srnet_cli.commands import bench as bench_command
from srnet_core.errors import StageError
from srnet_core.lookup import load


@pytest.fixture
def line():
    """A line's module, to be broken: `line("single_frame")`."""
    return lambda name: load(bench.LINES, name)


def test_a_line_is_measured_shown_and_written(srnet):
    ran = srnet("bench", "inference-single", "--quick", "--threads", 1, "--json", "out/bench.json").ok()
    for text in ("fc, nn.Conv1d", "srnet, textbook form", "matrix product", "times faster than fc", "at least 2.50x"):
        assert text in ran.out
    written = json.loads(Path("out/bench.json").read_text())
    assert written["schema"] == 1 and written["quick"] and not written["interrupted"]
    assert written["machine"]["threads"] >= 1 and written["machine"]["processor"]
    (found,) = written["lines"]
    assert found["name"] == "inference_single" and len(found["speeds"]) == 3
    assert found["targets"][0]["bound"] == 2.5 and isinstance(found["targets"][0]["reached"], bool)


def test_ctrl_c_keeps_what_was_measured(srnet, line, monkeypatch):
    def interrupt(config, progress):
        raise KeyboardInterrupt

    monkeypatch.setattr(line("training"), "measure", interrupt)
    ran = srnet("bench", "inference-single", "training", "--quick", "--threads", 1, "--json", "bench.json")
    assert ran.code == 130
    assert "times faster than fc" in ran.out
    written = json.loads(Path("bench.json").read_text())
    assert written["interrupted"] and [entry["name"] for entry in written["lines"]] == ["inference_single"]


def test_a_line_that_fails_is_named_and_the_others_are_shown(srnet, line, monkeypatch):
    def fail(config, progress):
        raise StageError("no room")

    monkeypatch.setattr(line("training"), "measure", fail)
    ran = srnet("bench", "training", "inference-single", "--quick", "--threads", 1, "--json", "bench.json")
    assert ran.code == 1
    assert "no room" in ran.out and "times faster than fc" in ran.out
    assert "not measured: training" in ran.err
    assert json.loads(Path("bench.json").read_text())["lines"][0]["failed"] == "StageError: no room"


def test_what_cannot_be_is_refused_before_anything_is_measured(srnet, tmp_path):
    srnet("bench", "speed").refused("speed", "inference")
    srnet("bench", "--json", tmp_path).refused("folder")
    srnet("bench", "training", "--device", "tpu").refused("--device")


def test_help_names_every_line():
    for name in bench.line_names():
        assert name.replace("_", "-") in bench_command.main.__doc__
