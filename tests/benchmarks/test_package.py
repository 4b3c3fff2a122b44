"""Who imports whom: benchmarks import the library, tests import both; never the other way round."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = {path.stem for path in (ROOT / "tests").rglob("*.py")} - {"__init__"}


def imported(path: Path) -> set[str]:
    """First parts of the names of the modules that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("package", ["srnet_core", "srnet_cli"])
def test_what_is_installed_does_without_benchmarks(package):
    assert not [path for path in (ROOT / package).rglob("*.py") if imported(path) & {"benchmarks", "tests"}]


def test_benchmarks_import_no_test():
    files = sorted((ROOT / "benchmarks").rglob("*.py"))
    assert files
    assert not [path for path in files if imported(path) & (TESTS | {"tests", "pytest"})]
