"""Packages with plug-ins, put where Python finds installed packages, as `pip install --target` would."""

import contextlib
import importlib
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from srnet_core import lookup

EXAMPLE = Path(__file__).parent.parent / "plugin_example"


def install(source: Path, site: Path) -> None:
    """The package of a folder with a pyproject.toml: its modules, and what pip writes beside them."""
    project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for package in source.glob("*/__init__.py"):
        shutil.copytree(package.parent, site / package.parent.name, ignore=shutil.ignore_patterns("__pycache__"))
    write_dist_info(site, project["name"], project["entry-points"], version=project["version"])


def write_dist_info(
    site: Path, name: str, entry_points: Mapping[str, Mapping[str, str]], *, version: str = "1.0"
) -> None:
    """The metadata of an installed package. `entry_points`: {group: {name: "module:attribute"}}."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (folder / "METADATA").write_text(metadata, encoding="utf-8")
    lines = []
    for group, entries in entry_points.items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in entries.items()), ""]
    (folder / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")


@contextlib.contextmanager
def on_path(site: Path) -> Iterator[None]:
    """The packages of `site` are installed; afterwards they are gone again, with all their modules."""
    sys.path.insert(0, str(site))
    importlib.invalidate_caches()
    lookup.entry_points.cache_clear()
    try:
        yield
    finally:
        sys.path.remove(str(site))
        lookup.entry_points.cache_clear()
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith(f"{site}/"):
                del sys.modules[name]


@contextlib.contextmanager
def example_installed() -> Iterator[None]:
    """The example package is installed."""
    with tempfile.TemporaryDirectory() as folder:
        install(EXAMPLE, Path(folder))
        with on_path(Path(folder)):
            yield


def every(package: str) -> list[str]:
    """All plug-ins of a folder: built in, of packages that are installed, of the example package."""
    with example_installed():
        return lookup.names(package)
