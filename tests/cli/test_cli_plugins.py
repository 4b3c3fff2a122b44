"""Models and data sets of other packages on the command line, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.plugins import EXAMPLE, install, write_dist_info
from support.small_data import moving_poses

from srnet_core.checkpoint import load_checkpoint

DATA = ("--dataset", "npy-folder", "--subjects-test", "C")
TINY = ("--channels", "24", "--arch", "3,1", "--epochs", "1", "--batch-size", "64", "--device", "cpu")


@pytest.fixture
def srnet(tmp_path, monkeypatch):
    """`srnet("train", ...)` in a folder of its own, where the example package and a broken one are installed."""
    site, data = tmp_path / "site", tmp_path / "data" / "npy_folder"
    site.mkdir()
    data.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    install(EXAMPLE, site)
    write_dist_info(site, "unusable", {"srnet.models": {"broken": "not_there:MODEL", "fc": "not_there:MODEL"}})
    for subject in "ABC":
        np.save(data / f"{subject}-Walk.npy", moving_poses(np.random.default_rng(ord(subject)), 30))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(site), *filter(None, sys.path)])

    def call(*arguments):
        command = [sys.executable, "-m", "srnet_cli.app", *map(str, arguments)]
        return subprocess.run(command, env=environment, text=True, capture_output=True, timeout=300)

    return call


def test_a_model_and_a_data_set_of_another_package_are_trained_measured_and_exported(srnet):
    trained = srnet("train", "--model", "left-right", *DATA, *TINY)
    assert trained.returncode == 0, trained.stderr
    assert "left_right 3,1, 24 channels, multiply others" in trained.stdout
    (path,) = Path("checkpoint").glob("*.bin")
    assert path.name == "latest_epoch_left_right_t3_multiply_npy_folder.bin"
    measured = srnet("eval", path)
    assert measured.returncode == 0, measured.stderr
    assert "npy_folder" in measured.stdout and "Walk" in measured.stdout
    exported = srnet("export", path, "--format", "json", "--device", "cpu")
    assert exported.returncode == 0, exported.stderr
    assert Path(f"output/{path.stem}.json").stat().st_size > 0


def test_a_checkpoint_of_a_package_that_is_gone_says_which_model_is_missing(srnet, tmp_path):
    assert srnet("train", "--model", "left_right", *DATA, *TINY, "--name", "x").returncode == 0
    with pytest.raises(LookupError, match="no model 'left_right'"):
        load_checkpoint("checkpoint/latest_epoch_x.bin")


def test_a_package_that_cannot_be_imported_is_one_line(srnet):
    ran = srnet("train", "--model", "broken", *DATA, *TINY)
    assert ran.returncode == 2
    (line,) = ran.stderr.splitlines()
    assert line.startswith("error: not_there:MODEL: the model 'broken' of package unusable cannot be imported")
    assert line.endswith("Repair or uninstall that package")


def test_a_model_under_a_built_in_name_is_ignored_and_that_is_said(srnet):
    ran = srnet("train", "--model", "fc", *DATA, *TINY)
    assert ran.returncode == 0, ran.stderr
    said = [line for line in ran.stderr.splitlines() if "is ignored" in line]
    assert len(said) == 1 and "the model 'fc' of package unusable is ignored" in said[0]
    assert "PluginWarning" not in ran.stderr
