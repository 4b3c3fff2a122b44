import pytest


@pytest.fixture
def package():
    """Imports a package that srnet does not depend on, and skips the test where it is missing."""

    def load(name: str):
        return pytest.importorskip(
            name, reason=f"{name} is not installed; `make interop` installs it", exc_type=ImportError
        )

    return load
