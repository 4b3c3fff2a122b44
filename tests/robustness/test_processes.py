"""Whole runs by several processes: as one trains, one of them killed, and going on with another number of them."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
import torch
from support.small_data import write_published

from srnet_core.checkpoint import load_checkpoint
from srnet_core.training.launch import this_command


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    write_published(folder / "data", "small")
    return folder


def arguments(folder, name, *more):
    shared = ("--dataset", "small", "--data-dir", str(folder / "data"), "--cache-dir", str(folder / "cache"))
    small = ("--subjects-test", "C", "--arch", "3,3", "--channels", "40", "--batch-size", "64", "--device", "cpu")
    place = ("--name", name, "--checkpoint-dir", str(folder / "checkpoint"))
    return ["train", *shared, *small, *place, "--test-every", "0", *more]


def environment(**more):
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)} | more


def run(*command, code=0):
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=600)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout, done.stderr


def losses(folder, name):
    file = folder / "checkpoint" / name / "metrics.jsonl"
    return [json.loads(line)["loss"] for line in file.read_text().splitlines()] if file.exists() else []


def checkpoint(folder, name):
    return folder / "checkpoint" / f"latest_epoch_{name}.bin"


def test_two_processes_end_where_one_ends_and_torchrun_starts_them_too(folder):
    run(*this_command(arguments(folder, "one", "--epochs", "3")))
    out, _ = run(*this_command(arguments(folder, "two", "--epochs", "3", "--devices", "2")))
    assert out.count("Result:") == 1
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    out, _ = run(*torchrun, "srnet_cli", *arguments(folder, "torchrun", "--epochs", "3"))
    assert out.count("Result:") == 1
    one, two, other = (losses(folder, name) for name in ("one", "two", "torchrun"))
    # a context is constant at first, and Adam takes the sign of what are roundings there
    assert two == pytest.approx(one, rel=5e-3) and other == two
    first, second = (load_checkpoint(checkpoint(folder, name)).model.state_dict() for name in ("two", "torchrun"))
    assert all(torch.equal(value, second[key]) for key, value in first.items())


def test_processes_that_evaluate_together_give_the_numbers_of_one(folder):
    run(*this_command(arguments(folder, "measured", "--epochs", "1")))
    torchrun = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "-m",
        "srnet_cli",
    ]
    written, shown = [], []
    for before, after in ((this_command([]), []), (this_command([]), ["--devices", "2"]), (torchrun, [])):
        given = ["eval", str(checkpoint(folder, "measured")), "--data-dir", str(folder / "data")]
        cache = ["--cache-dir", str(folder / "cache"), "--device", "cpu"]
        out, _ = run(*before, *given, *cache, "--json", str(folder / "numbers.json"), *after)
        written.append(json.loads((folder / "numbers.json").read_text()))
        shown.append(out)
    assert written[0] == written[1] == written[2]
    assert shown[0] == shown[1] == shown[2]  # one table, by the first process


def processes_below(process):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True)
    return [int(number) for number in found.stdout.split()]


@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_process_ends_the_run_and_one_process_finishes_it(folder, victim):
    name = f"killed{victim}"
    command = this_command(arguments(folder, name, "--epochs", "400", "--devices", "2"))
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 300
    while len(losses(folder, name)) < 2:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    os.kill(processes_below(process)[victim], signal.SIGKILL)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGKILL
    assert re.search(r"another process of this training has ended.*--resume", errors), errors
    done = load_checkpoint(checkpoint(folder, name)).epoch
    for count, epochs in ((1, done + 1), (2, done + 2)):
        resumed = ("--resume", str(checkpoint(folder, name)), "--epochs", str(epochs), "--devices", str(count))
        data = ("--data-dir", str(folder / "data"), "--cache-dir", str(folder / "cache"))
        run(*this_command(["train", *resumed, *data]))
        assert load_checkpoint(checkpoint(folder, name)).epoch == epochs


def test_ctrl_c_saves_once_and_the_run_goes_on(folder):
    command = this_command(arguments(folder, "stopped", "--epochs", "400", "--devices", "2"))
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 300
    while not checkpoint(folder, "stopped").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 130 and "Nothing is lost. To resume:" in out, out + errors
    stopped = load_checkpoint(checkpoint(folder, "stopped"))
    assert stopped.epoch < 400


def test_mistakes_are_told_once_with_their_exit_code(folder):
    _, errors = run(*this_command(arguments(folder, "wrong", "--devices", "2", "--batch-size", "3")), code=2)
    assert "batches of 3 windows are too small for 2 processes" in errors
    _, errors = run(*this_command(arguments(folder, "wrong", "--devices", "2", "--dataset", "none")), code=2)
    assert "none" in errors
