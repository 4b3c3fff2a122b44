"""Running the command line inside the test process, on a data set small enough for whole runs."""

from pathlib import Path

import pytest
from support.cli import DATA, TINY, Ran
from support.small_data import write_published

from srnet_cli.app import run


@pytest.fixture
def srnet(tmp_path, monkeypatch, capsys):
    """`srnet("train", "--epochs", "1")` in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Ran:
        capsys.readouterr()
        code = run([str(a) for a in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def project(tmp_path_factory) -> Path:
    """A folder with data/, cache/ and checkpoint/latest_epoch_tiny.bin, for tests that only read."""
    folder = tmp_path_factory.mktemp("project")
    write_published(folder / "data", "small")
    places = ("--data-dir", folder / "data", "--cache-dir", folder / "cache", "--checkpoint-dir", folder / "checkpoint")
    code = run([str(a) for a in ("train", *DATA, *TINY, *places, "--arch", "3,1", "--name", "tiny")])
    assert code == 0
    return folder


@pytest.fixture
def checkpoint(project) -> Path:
    """A trained checkpoint that knows where its data lies."""
    return project / "checkpoint" / "latest_epoch_tiny.bin"


@pytest.fixture
def own_data(srnet) -> Path:
    """The data set "small" in data/ of the test's own folder."""
    return write_published(Path("data"), "small")
