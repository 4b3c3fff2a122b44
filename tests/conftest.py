"""Fixtures shared by all tests."""

import gc
import os
from pathlib import Path

import pytest
from support.tries import ALL

# Two test processes share two cores; threads of their own would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A product chosen by its speed would give other roundings from one run of the tests to the next.
os.environ.setdefault("SRNET_KERNELS", "mm")
# The processes of pytest-xdist say how wide their terminal is; they have none.
os.environ.pop("COLUMNS", None)


SLOW = Path(__file__).with_name("slow.txt")


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="run the tests of tests/slow.txt too")


def pytest_configure(config):
    os.environ[ALL] = "1" if config.getoption("--all") or _files_are_named(config) else "0"


def _files_are_named(config: pytest.Config) -> bool:
    return any(Path(argument).absolute() != SLOW.parent for argument in config.args)


def pytest_collection_modifyitems(config, items):
    """Leave out the tests of `SLOW`, unless all are to run or the tests to run were named."""
    named = {line for line in SLOW.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")}
    if _files_are_named(config):
        return
    if config.getoption("--all"):
        if missing := named - {_name(item) for item in items}:
            raise pytest.UsageError(f"{SLOW.name} names tests that there are not: {', '.join(sorted(missing))}")
        return
    config.hook.pytest_deselected(items=[item for item in items if _name(item) in named])
    items[:] = [item for item in items if _name(item) not in named]


def _name(item: pytest.Item) -> str:
    return item.nodeid.removeprefix("tests/")


def pytest_collection_finish():
    """What has been imported and collected is never garbage, so the collector need not look through it again."""
    gc.collect()
    gc.freeze()


SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of reference data beside the checkout; it exists for developers and CI only."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared folder beside the checkout: reference data not available")
    return SHARED


@pytest.fixture(scope="session")
def golden_dir(shared_dir) -> Path:
    """Inputs and outputs of the published code."""
    return shared_dir / "golden"


@pytest.fixture(scope="session")
def published_files():
    """A function that writes a small data set of two cameras in the published layout."""
    from support.small_data import write_published

    return write_published


@pytest.fixture
def small_data(tmp_path) -> Path:
    """A folder with the data set "small": subjects A, B, C, actions Walk (two takes) and Sit, two cameras."""
    from support.small_data import write_published

    return write_published(tmp_path / "data", "small")
