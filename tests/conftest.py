"""Fixtures shared by all tests."""

from pathlib import Path

import pytest

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
