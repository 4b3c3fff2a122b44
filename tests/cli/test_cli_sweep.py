"""srnet sweep: what it shows and writes, and what it refuses. Whole sweeps are tested in tests/sweep."""

import io
import json
from pathlib import Path

import pytest
from support.small_data import write_published
from support.sweeps import run_inline, write_sweep


@pytest.fixture
def experiment(tmp_path):
    return lambda more, **_: write_sweep(tmp_path, write_published(tmp_path / "data", "small"), more)


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """A folder with experiment.toml and its finished sweep, for tests that only read."""
    folder = tmp_path_factory.mktemp("sweep")
    path = write_sweep(folder, write_published(folder / "data", "small"))
    run_inline(path, folder / "done")
    return folder


def test_cells_run_in_processes_and_a_failing_one_is_told_at_the_end(srnet, experiment):
    experiment('[grid]\n"train.validation" = [["nobody"], ["B"]]\n')
    failed = srnet("sweep", "experiment.toml", "--json", "all.json", "--jobs", "1", "--threads", "1")
    assert failed.code == 1 and "Traceback" not in failed.err
    assert failed.err.splitlines()[-1].startswith("error: output/sweeps/experiment: 1 of 2 cells failed")
    assert "validation=nobody failed: --validation: there is no training subject 'nobody'" in failed.err
    statuses = [cell["status"] for cell in json.loads(Path("all.json").read_text())["cells"]]
    assert statuses == ["failed", "done"]
    assert "2 cells, 1 stage prepared; 1 cell at a time, 1 thread each" in failed.out
    (log,) = Path("output/sweeps/experiment/runs").glob("*/failed.json")
    assert "Traceback" in (log.parent / "log.txt").read_text()


def test_a_finished_sweep_is_shown_again_at_once(srnet, finished):
    ran = srnet("sweep", finished / "experiment.toml", "--output", finished / "done", "--json", "-").ok()
    values = json.loads(ran.out)  # nothing else goes to standard output
    assert [cell["settings"] for cell in values["cells"]] == [
        {"model.name": name, "train.seed": seed} for name in ("srnet", "group") for seed in (1, 2)
    ]
    assert values["summary"][0]["test"]["seeds"] == 2 and values["summary"][0]["test"]["half_width_95"] > 0
    assert values["best"]["settings"]["model.name"] in ("srnet", "group")
    assert "4 cells, 4 done before" in ran.err


def test_the_table_is_pivoted_as_asked_and_written(srnet, finished):
    options = ("--output", finished / "done", "--rows", "seed", "--columns", "model", "--table", "t.tex")
    ran = srnet("sweep", finished / "experiment.toml", *options).ok()
    assert "columns: model.name" in ran.out and "train.seed" in ran.out
    assert "\\begin{tabular}{lrr}" in Path("t.tex").read_text()


def test_cells_are_listed_without_being_run(srnet, finished):
    ran = srnet("sweep", finished / "experiment.toml", "--dry-run").ok()
    assert "experiment, 4 cells" in ran.out and "group" in ran.out
    listed = json.loads(srnet("sweep", finished / "experiment.toml", "--dry-run", "--json", "-").ok().out)["cells"]
    assert [cell["status"] for cell in listed] == ["not done"] * 4
    assert not Path("output").exists()


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--rows", "lr"), ("--rows", "there is no setting 'lr'", "model.name, train.seed")),
        (("--metric", "mpjp_mm"), ("--metric", "Did you mean 'mpjpe_mm'?")),
        (("--engine", "rey"), ("--engine", "Did you mean 'ray'?")),
        (("--table", "t.xls"), (".csv, .md or .tex",)),
        (("--memory", "lots"), ("--memory", "2GiB")),
        (("--address", "here:1"), ("--address belongs to --engine ray",)),
        (("--set", "train.seed=3"), ("train.seed is varied by",)),
        (("--threads", "3"), ("--threads", "began with 1 threads")),
    ],
)
def test_wrong_options_are_one_line(srnet, finished, options, parts):
    srnet("sweep", finished / "experiment.toml", "--output", finished / "done", *options).refused(*parts)


def test_without_ray_the_extra_is_named(srnet, finished, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    options = ("--output", finished / "done", "--engine", "ray")
    srnet("sweep", finished / "experiment.toml", *options).refused("'ray'", "pip install 'srnet[sweep]'")


def test_the_live_table_keeps_its_numbers_in_80_columns(finished, monkeypatch):
    """Long names of cells cut the heads and the times."""
    from rich.console import Console

    from srnet_cli import console
    from srnet_cli.sweep_display import SweepDisplay
    from srnet_core.sweep.definition import read_sweep

    sweep = read_sweep(finished / "experiment.toml")
    display = SweepDisplay(sweep, {cell.key: 100 for cell in sweep.cells})
    values = {"epoch": 87, "loss": 0.1234, "done": 1.0, "validation_mpjpe_mm": 123.4, "test_mpjpe_mm": 432.1}
    for row in display.rows.values():
        row.text, row.status, row.values = "normalization=weak_proj model=split_fuse_split", "running", values
    screen = Console(width=80, file=io.StringIO())
    monkeypatch.setattr(console, "err", screen)
    screen.print(display._table())
    lines = screen.file.getvalue().splitlines()
    assert lines[1].split() == ["cell", "status", "epoch", "loss", "val", "mm", "test", "mm", "time"]
    rows = [line for line in lines if line.startswith("normalization=weak")]
    assert len(rows) == len(sweep.cells) and max(map(len, lines)) <= 80
    for row in rows:
        for part in ("running 100 %", "87/100", "0.1234", "123.4", "432.1"):
            assert part in row
        assert row.rstrip().endswith(("min", "h", "s"))
