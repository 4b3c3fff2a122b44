"""srnet runs and srnet train --track: what is in a folder of runs, and records for other programs."""

import csv
import json
import os
import shutil
from pathlib import Path

import pytest
from support.cli import DATA, TINY


@pytest.fixture
def runs(srnet, project):
    """The command on a copy of the folder of runs, with a second run that has another learning rate."""
    shutil.copytree(project / "checkpoint" / "tiny", "checkpoint/tiny")  # alone: other tests may add runs beside it
    shutil.copy(project / "checkpoint" / "latest_epoch_tiny.bin", "checkpoint")
    for name in ("checkpoint/latest_epoch_tiny.bin", "checkpoint/tiny"):
        copy = Path(name.replace("tiny", "other"))
        shutil.copytree(name, copy) if Path(name).is_dir() else shutil.copy(name, copy)
    config = json.loads(Path("checkpoint/other/config.json").read_text())
    config["train"]["lr"] = 0.5
    Path("checkpoint/other/config.json").write_text(json.dumps(config))
    return lambda *arguments: srnet("runs", *arguments)


def test_runs_are_listed(runs):
    ran = runs("list", "--sort", "name").ok()
    lines = [line for line in ran.out.splitlines() if "srnet 3,1" in line]
    assert [line.split()[0] for line in lines] == ["other", "tiny"]
    assert all("1/1" in line and "finished" in line and "small cross-subject base" in line for line in lines)
    values = json.loads(runs("list", "--json", "-").ok().out)["runs"]
    assert {run["name"] for run in values} == {"tiny", "other"} and values[0]["result"]["report"]["mean"]["mpjpe_mm"]


def test_runs_that_ran_out_of_time_are_told_from_finished_ones(runs):
    config = json.loads(Path("checkpoint/other/config.json").read_text())
    config["train"]["epochs"] = 60
    Path("checkpoint/other/config.json").write_text(json.dumps(config))
    lines = {line.split()[0]: line for line in runs("list").ok().out.splitlines() if "srnet 3,1" in line}
    assert "1/60" in lines["other"] and "ended early" in lines["other"] and "early" not in lines["tiny"]


def test_the_beginning_of_names_stands_for_the_newest_run(runs):
    for number, name in enumerate(("kind_1", "kind-2", "kindred")):
        shutil.copytree("checkpoint/tiny", f"checkpoint/{name}")
        shutil.copy("checkpoint/latest_epoch_tiny.bin", f"checkpoint/latest_epoch_{name}.bin")
        for path in (Path(f"checkpoint/latest_epoch_{name}.bin"), *Path(f"checkpoint/{name}").iterdir()):
            os.utime(path, (2_000_000_000 + number, 2_000_000_000 + number))
    ran = runs("show", "kind").ok()
    assert "kind-2" in ran.out and "note: kind stands for the run kind-2, the newest of that kind" in ran.err
    runs("show", "kin").refused("kin", "no run")
    assert not runs("show", "checkpoint/latest_epoch_tiny.bin").ok().err


def test_a_run_is_shown(runs):
    ran = runs("show", "tiny").ok()
    for part in (
        "finished, 1 of 1 epochs",
        "model.filter_widths = 3,1",
        "MPJPE by epoch",
        "action-wise mean",
        "test (last",
    ):
        assert part in ran.out
    assert runs("show", "checkpoint/latest_epoch_tiny.bin").ok().out == ran.out


def test_differences_of_settings(runs):
    assert "train.lr 0.001 0.5" in " ".join(runs("diff", "tiny", "other").ok().out.split())
    values = json.loads(runs("diff", "tiny", "other", "--json", "-").ok().out)
    assert values == {"runs": ["tiny", "other"], "differing": {"train.lr": [0.001, 0.5]}}


def test_runs_are_compared(runs):
    out = runs("compare", "tiny", "other").ok().out
    assert "train.lr" in out and "Action-wise means on the test split." in out and "test by epoch, MPJPE in mm" in out


def test_damaged_folders_are_told_and_do_not_hide_the_others(runs):
    Path("checkpoint/other/config.json").write_text("{")
    Path("checkpoint/other/result.json").write_text("[]")
    ran = runs("list").ok()
    assert "other: config.json is damaged; result.json is not the result of a run" in ran.err and "tiny" in ran.out
    assert "other" in runs("diff", "tiny", "other").ok().err


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("show", "tinyy"), ("there is no run 'tinyy'", "Did you mean 'tiny'?")),
        (("diff", "tiny"), ("needs two runs or more",)),
        (("diff", "tiny", "tiny"), ("the same run is given twice",)),
        (("list", "--sort", "tst"), ("--sort", "Did you mean 'test'?")),
        (("list", "--checkpoint-dir", "nowhere"), ("there is no such folder", "nowhere")),
    ],
)
def test_mistakes(runs, arguments, parts):
    runs(*arguments).refused(*parts)


def test_epochs_go_to_csv_too(srnet, own_data):
    srnet("train", *DATA, *TINY, "--name", "run", "--epochs", "2", "--track", "csv").ok()
    with open("checkpoint/run/metrics.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"] and float(rows[1]["test_mpjpe_mm"]) > 0
    assert "crc32" not in rows[0]
    srnet("train", "--name", "x", "--track", "csvv").refused("--track", "Did you mean 'csv'?")


def test_without_tensorboard_the_extra_is_named(srnet, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorboard", None)
    srnet("train", "--track", "tensorboard").refused("'tensorboard'", "pip install 'srnet[track]'")


def test_a_watched_training_is_the_same_and_leaves_a_clip(srnet, own_data):
    plain = srnet("train", *DATA, *TINY, "--epochs", "2", "--name", "plain").ok()
    watched = srnet("train", *DATA, *TINY, "--epochs", "2", "--name", "watched", "--watch", "--port", "0").ok()
    assert "watch at http://127.0.0.1:" in watched.out and "watch at" not in plain.out
    numbers = [json.loads(srnet("runs", "show", name, "--json", "-").ok().out) for name in ("plain", "watched")]
    assert numbers[0]["result"]["report"] == {**numbers[1]["result"]["report"]}
    clip = json.loads(Path("checkpoint/watched/clip.json").read_text())
    assert clip["epoch"] == 2 and [pose["name"] for pose in clip["poses"]] == ["prediction", "ground truth"]
    assert not Path("checkpoint/plain/clip.json").exists()


def test_the_page_of_runs_is_asked_for_one_of_them(srnet, project, monkeypatch):
    told = []
    monkeypatch.setattr(
        "srnet_cli.commands.runs_serve.serve_until_interrupted",
        lambda server, fragment="": (server.server_close(), told.append(fragment)),
    )
    where = ("--checkpoint-dir", project / "checkpoint", "--port", "0")
    srnet("runs", "serve", "tiny", *where).ok()
    srnet("runs", "serve", *where).ok()
    assert told == ["#run=tiny", ""]
    srnet("runs", "serve", "nosuch", *where).refused("nosuch")
