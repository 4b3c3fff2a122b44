"""What `srnet train --track tensorboard` writes, as TensorBoard reads it."""

import subprocess
import sys

import pytest
from support.cli import DATA, TINY
from support.small_data import write_published


def train(folder, *options):
    command = [sys.executable, "-m", "srnet_cli.app", "train", "--track", "tensorboard,csv", *options]
    subprocess.run(command, cwd=folder, check=True)


def test_tensorboard_reads_the_epochs_of_a_resumed_run(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write_published(tmp_path / "data", "small")
    train(tmp_path, *DATA, *TINY, "--name", "run", "--epochs", "2")
    train(tmp_path, "--resume", "checkpoint/latest_epoch_run.bin", "--epochs", "3")
    events = EventAccumulator(str(tmp_path / "checkpoint/run/tensorboard")).Reload()
    assert [event.step for event in events.Scalars("mpjpe_mm/test")] == [1, 2, 3]
    assert events.Scalars("result/mpjpe_mm")[-1].value > 0
