import pytest


@pytest.fixture
def package():
    """Imports a package that srnet does not depend on, and skips the test where it is missing.

    `extra` is an extra of srnet that installs it, where it cannot be installed beside the others.
    """

    def load(name: str, *, extra: str | None = None):
        how = f"it needs an environment of its own, with the extra {extra}" if extra else "`make interop` installs it"
        return pytest.importorskip(name, reason=f"{name} is not installed; {how}", exc_type=ImportError)

    return load
