"""The contract of `--json`: with it nothing but JSON goes to standard output, for every command that has it."""

import json
import shutil

import h5py
import pytest
from motion_making import bvh_text, moving
from typer.main import get_command

from srnet_cli.app import app
from srnet_core.skeletons import h36m32

LINES = {
    "eval": "eval {checkpoint} --json -",
    "compare": "compare {checkpoint} {runs}/latest_epoch_other.bin --json -",
    "runs list": "runs list --json - --checkpoint-dir {runs}",
    "runs show": "runs show tiny --json - --checkpoint-dir {runs}",
    "runs compare": "runs compare tiny other --json - --checkpoint-dir {runs}",
    "runs diff": "runs diff tiny other --json - --checkpoint-dir {runs}",
    "data list": "data list {data} --json",
    "data info": "data info {data}/data_2d_small_gt.npz --json",
    "data check": "data check {data}/data_3d_small.npz --json",
    "data plot": "data plot walk.bvh --output walk.png --json",
    "data mapping": "data mapping walk.bvh --json",
    "data convert": "data convert walk.bvh walk.csv --json",
    "data import mocap": "data import mocap moves --name mine --json",
    "data import h36m": "data import h36m archive --json",
    "cache list": "cache list --json - --cache-dir {cache}",
    "cache verify": "cache verify --json - --cache-dir {cache}",
}
# those whose own tests read standard output as JSON, and those that end as `data import h36m` does, in one function
ELSEWHERE = {"bench", "doctor", "sweep", "presets run"}
SAME_END = {f"data import {name}" for name in ("humaneva", "mpi-inf-3dhp", "3dpw")}


def commands_with_json(group, path=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_with_json(command, (*path, name))
        elif any("--json" in param.opts for param in command.params):
            yield " ".join((*path, name))


def test_no_command_is_forgotten():
    assert set(commands_with_json(get_command(app))) == set(LINES) | ELSEWHERE | SAME_END


@pytest.fixture
def places(project, tmp_path):
    """A folder with two runs, a stage, a data set and a file of motion capture."""
    shutil.copytree(project / "checkpoint", tmp_path / "checkpoint")
    shutil.copytree(tmp_path / "checkpoint" / "tiny", tmp_path / "checkpoint" / "other")
    shutil.copy(tmp_path / "checkpoint/latest_epoch_tiny.bin", tmp_path / "checkpoint/latest_epoch_other.bin")
    (tmp_path / "moves" / "Anna").mkdir(parents=True)
    for path in ("walk.bvh", "moves/Anna/walk.bvh"):
        (tmp_path / path).write_text(bvh_text(), encoding="utf-8")
    folder = tmp_path / "archive" / "S1" / "MyPoses" / "3D_positions"
    folder.mkdir(parents=True)
    order = [h36m32.TO_H36M17.index(j) if j in h36m32.TO_H36M17 else 0 for j in range(32)]
    with h5py.File(folder / "Walking.h5", "w") as file:
        file["3D_positions"] = 1000 * moving(30)[:, order].reshape(30, -1).T
    runs = tmp_path / "checkpoint"
    return {
        "checkpoint": runs / "latest_epoch_tiny.bin",
        "runs": runs,
        "data": project / "data",
        "cache": project / "cache",
    }


@pytest.mark.parametrize("command", LINES)
def test_standard_output_is_json_and_nothing_else(srnet, places, command):
    if command == "data plot":
        pytest.importorskip("PIL")
    ran = srnet(*(word.format(**places) for word in LINES[command].split())).ok()
    assert isinstance(json.loads(ran.out), dict | list)
