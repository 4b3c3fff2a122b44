"""Every line of the bench runs and says what it should; how fast anything is, is nobody's business here."""

import importlib
import json

import pytest
import torch

from benchmarks.bench import LINES, BenchConfig, chosen_lines, run_lines
from benchmarks.lines import inference
from benchmarks.result import FC, OURS, TEXTBOOK, Failed, Line
from srnet_core.errors import ConfigError, UnknownNameError

TIMED = {
    "training": {OURS, FC, TEXTBOOK},
    "single_frame": {OURS, FC, TEXTBOOK},
    "inference": {OURS, FC, TEXTBOOK},
    "inference_single": {OURS, FC, TEXTBOOK},
}


@pytest.fixture
def quick(tmp_path) -> BenchConfig:
    return BenchConfig(quick=True, threads=1, cache_dir=str(tmp_path))


def measured(name: str, config: BenchConfig) -> Line:
    told = []
    (line,) = run_lines([name], config, lambda *what: told.append(what))
    assert isinstance(line, Line), line.reason
    assert line.name == name and told and line.targets
    json.dumps(line.to_dict(), allow_nan=False)
    return line


@pytest.mark.parametrize("name", TIMED)
def test_timed_lines(name, quick):
    line = measured(name, quick)
    assert {s.name for s in line.speeds} == TIMED[name]
    ours = line.speeds[0]
    assert (ours.name, ours.times_faster, ours.times_faster_cpu) == (OURS, 1, 1)
    for speed in line.speeds:
        assert speed.per_second > 0 and speed.gflops > 0
        assert speed.share_of_limit == pytest.approx(speed.gflops / max(line.limit_gflops.values()))


def test_every_line_names_a_function_that_is_there():
    for place in LINES.values():
        module, _, function = place.partition(":")
        assert callable(getattr(importlib.import_module(f"benchmarks.lines.{module}"), function))


def test_lines_are_chosen_by_name_once():
    assert chosen_lines(["single-frame", "training", "single_frame"]) == ["single_frame", "training"]
    assert chosen_lines([]) == list(LINES)
    with pytest.raises(UnknownNameError, match="training_large"):
        chosen_lines(["trainning_large"])


def test_a_line_that_fails_does_not_keep_the_others_back(monkeypatch, quick):
    def fail(config, progress):
        raise ConfigError("no such thing")

    monkeypatch.setattr(inference, "single_frame", fail)
    failed, line = run_lines(["inference_single", "single_frame"], quick)
    assert isinstance(failed, Failed) and "no such thing" in failed.reason
    assert isinstance(line, Line)


def test_threads_are_as_before(quick):
    before = torch.get_num_threads()
    list(run_lines(["inference_single"], quick))
    assert torch.get_num_threads() == before


def test_bad_settings_are_refused():
    with pytest.raises(ConfigError, match="--threads"):
        BenchConfig(threads=-1)
