"""Models and data sets of other packages on the command line."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.plugins import EXAMPLE, install, on_path, write_dist_info
from support.processes import srnet_process
from support.small_data import moving_poses

from srnet_core.checkpoint import load_checkpoint

DATA = ("--dataset", "npy-folder", "--subjects-test", "C")
TINY = ("--channels", "24", "--arch", "3,1", "--epochs", "1", "--batch-size", "64", "--device", "cpu")


@pytest.fixture
def site(tmp_path, monkeypatch) -> Path:
    """A folder where the example package and a broken one are installed; data for them lie in the current folder."""
    site, data = tmp_path / "site", tmp_path / "data" / "npy_folder"
    site.mkdir()
    data.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    install(EXAMPLE, site)
    write_dist_info(site, "unusable", {"srnet.models": {"broken": "not_there:MODEL", "fc": "not_there:MODEL"}})
    for subject in "ABC":
        np.save(data / f"{subject}-Walk.npy", moving_poses(np.random.default_rng(ord(subject)), 30))
    return site


def test_a_model_and_a_data_set_of_another_package_are_trained_measured_and_exported(srnet, site):
    """Training in a Python that has just started, so that nothing but the installed files tells it of the package."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(site), *filter(None, sys.path)])
    command = [sys.executable, "-m", "srnet_cli.app", "train", "--model", "left-right", *DATA, *TINY]
    trained = subprocess.run(command, env=environment, text=True, capture_output=True, timeout=300)
    assert trained.returncode == 0, trained.stderr
    assert "left_right 3,1, 24 channels, multiply others" in trained.stdout
    (path,) = Path("checkpoint").glob("*.bin")
    assert path.name == "latest_epoch_left_right_t3_multiply_npy_folder.bin"
    with pytest.raises(LookupError, match="no model 'left_right'"):
        load_checkpoint(path)  # here the package is not installed
    with on_path(site):
        measured = srnet("eval", path).ok()
        assert "npy_folder" in measured.out and "Walk" in measured.out
        srnet("export", path, "--format", "json", "--device", "cpu").ok()
    assert Path(f"output/{path.stem}.json").stat().st_size > 0


def test_a_package_that_cannot_be_imported_is_one_line(srnet, site):
    with on_path(site):
        line = srnet("train", "--model", "broken", *DATA, *TINY).refused()
    assert line.startswith("error: not_there:MODEL: the model 'broken' of package unusable cannot be imported")
    assert line.endswith("Repair or uninstall that package")


def test_a_model_under_a_built_in_name_is_ignored_and_that_is_said(site):
    with on_path(site), srnet_process("train", "--model", "fc", *DATA, *TINY) as process:
        code, _, err = process.output()
    assert code == 0, err
    said = [line for line in err.splitlines() if "is ignored" in line]
    assert len(said) == 1 and "the model 'fc' of package unusable is ignored" in said[0]
    assert "PluginWarning" not in err
