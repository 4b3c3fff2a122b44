"""The table of semi-supervised training: its commands, and that what has finished is not run again."""

import json

import pytest

from benchmarks import semi_supervised
from benchmarks.semi_supervised import DATA, WAYS, train_command


@pytest.mark.parametrize(("way", "people"), [("alone", "BD"), ("unlabeled", "BD,BK,DG"), ("no-bones", "BD,BK,DG")])
def test_a_run_says_which_people_have_no_3d(tmp_path, way, people):
    command = train_command(DATA["hdm05"], way, "1", tmp_path, tmp_path, "a")
    assert command[command.index("--subjects-train") + 1] == people
    assert ("--subjects-unlabeled" in command) is (way != "alone")
    assert ("--no-bone-length-term" in command) is (way == "no-bones")


def test_the_commands_are_those_of_the_program(tmp_path, capsys):
    """Each is taken by `srnet train`, up to the data, which are not there."""
    from srnet_cli.app import run

    for way in WAYS:
        assert run(train_command(DATA["hdm05"], way, "1", tmp_path, tmp_path, "a")[1:]) == 2
        assert "data_3d_hdm05.npz" in capsys.readouterr().err


def test_what_earlier_runs_left_makes_the_table(tmp_path, monkeypatch, capsys):
    for number, (way, seed) in enumerate((way, seed) for way in WAYS for seed in "12"):
        report = {"mean": {"mpjpe_mm": 100.25 + number}}
        (tmp_path / f"hdm05-{way}-{seed}.json").write_text(json.dumps(report))
    words = ["semi_supervised", "--mocap", str(tmp_path), "--only", "hdm05", "--output", str(tmp_path)]
    monkeypatch.setattr("sys.argv", words)
    semi_supervised.main()
    row = capsys.readouterr().out.splitlines()[-1]
    assert row == "| HDM05 | BD | BK, DG | 100.2, 101.2 | 102.2, 103.2 | 104.2, 105.2 |"
