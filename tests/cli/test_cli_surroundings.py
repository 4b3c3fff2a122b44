"""Odd surroundings: outputs that nobody reads, devices and links, checkpoints that name folders, damaged caches."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.cli import DATA, TINY
from support.processes import srnet_process

from srnet_core.checkpoint import load_checkpoint

posix_only = pytest.mark.skipif(os.name != "posix", reason="pipes, devices and links of POSIX systems")


@posix_only
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_training_goes_on_when_nobody_reads_its_output(own_data, stream):
    other = {"stdout": "stderr", "stderr": "stdout"}[stream]
    with srnet_process("train", *DATA, *TINY, "--arch", "1", "--name", "unread", unread=stream) as process:
        getattr(process, other).read()
        assert process.wait() == 0
    assert load_checkpoint("checkpoint/latest_epoch_unread.bin").epoch == 1


@posix_only
def test_numbers_go_through_a_device_and_behind_a_link(srnet, checkpoint):
    Path("disk").mkdir()
    Path("link.json").symlink_to("disk/numbers.json")
    srnet("eval", checkpoint, "--json", "/dev/null", "--csv", "link.json").ok()
    assert not Path("/dev/null").is_file() and Path("link.json").is_symlink() and Path("disk/numbers.json").is_file()


def test_a_damaged_stage_is_told_and_made_again(srnet, own_data):
    srnet("prepare", *DATA).ok()
    (manifest,) = Path("cache").glob("*-cross_subject-*/manifest.json")
    before = json.loads(manifest.read_text())
    manifest.write_text(manifest.read_text().replace('"split": "test"', '"split": "Test"', 1))
    ran = srnet("prepare", *DATA).ok()
    assert "was changed after it was written. It was made again" in ran.err
    assert json.loads(manifest.read_text())["sequences"] == before["sequences"]
    assert "made again" not in srnet("prepare", *DATA).ok().err


def test_a_checkpoint_does_not_decide_where_stages_are_written(srnet, own_data):
    srnet("train", *DATA, *TINY, "--arch", "1", "--cache-dir", "elsewhere", "--name", "a").ok()
    srnet("eval", "checkpoint/latest_epoch_a.bin").ok()
    assert not Path("cache").exists()  # the folder holds the stage of the training, so it is used
    shutil.rmtree("elsewhere")
    Path("elsewhere").mkdir()
    srnet("eval", "checkpoint/latest_epoch_a.bin").ok()
    assert not os.listdir("elsewhere") and os.listdir("cache")


@pytest.mark.parametrize("name", ["latest_epoch_...bin", "latest_epoch_..bin", "latest_epoch_.bin"])
def test_a_file_without_the_name_of_a_run_cannot_be_resumed(srnet, checkpoint, name):
    shutil.copy(checkpoint, name)
    srnet("train", "--resume", name, "--epochs", "3").refused(name, "no name of a run")


@pytest.mark.parametrize("name", ["n" * 300, "a\0b"])
def test_a_name_that_no_file_can_have_is_a_mistake(srnet, own_data, name):
    srnet("train", *DATA, *TINY, "--name", name).refused()


def test_a_cache_folder_that_no_file_system_can_have_is_a_mistake(srnet, own_data):
    srnet("prepare", *DATA, "--cache-dir", "c" * 300).refused("too long")
    srnet("prepare", *DATA, "--cache-dir", "a\0b").refused("NUL")


@posix_only
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_a_closed_standard_stream_is_no_failure(closed):
    ran = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m srnet_cli.app groups --no-pictures {closed}"], capture_output=True
    )
    assert ran.returncode == 0 and b"Traceback" not in ran.stderr
