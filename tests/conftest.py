"""Fixtures shared by all tests."""

import gc
import os
from pathlib import Path

import pytest

# Two test processes share two cores; threads of their own would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A product chosen by its speed would give other roundings from one run of the tests to the next.
os.environ.setdefault("SRNET_KERNELS", "mm")
# The processes of pytest-xdist say how wide their terminal is; they have none.
os.environ.pop("COLUMNS", None)


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
