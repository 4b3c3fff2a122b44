"""The contract tests run over the plug-ins of the example package too."""

import pytest
from support.plugins import example_installed


@pytest.fixture(scope="module", autouse=True)
def example_package():
    with example_installed():
        yield
