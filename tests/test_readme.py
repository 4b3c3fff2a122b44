"""The README and the map of the code: links lead somewhere, options exist, the tree is the files that are there."""

import re
import runpy
from pathlib import Path

import pytest
from test_imports import LAYERS
from typer.main import get_command

from srnet_cli.app import app

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_tree_is_the_one_the_files_make():
    made = runpy.run_path(str(ROOT / "docs" / "make_tree.py"))
    assert made["with_tree"](ARCHITECTURE) == ARCHITECTURE, "run: python docs/make_tree.py"


def test_the_readme_is_one_page():
    assert len(README.splitlines()) <= 120


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_link_leads_somewhere(page):
    targets = re.findall(r"\]\(((?!http|#)[^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [t for t in targets if not (page.parent / t).exists()] == []


def test_every_file_named_on_the_map_is_there():
    named = re.findall(r"`((?:srnet_core|srnet_cli|tests|docs|benchmarks)/[\w/.]+)`", ARCHITECTURE)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_packages_on_the_map_are_in_the_order_of_imports():
    rows = re.findall(r"^\| (`srnet_core/[^|]+) \|", ARCHITECTURE.partition("## Where do I")[0], re.MULTILINE)
    on_the_map = [set(re.findall(r"(?<=[`/])(\w+)(?=/`|\.py`)", row)) for row in rows]
    assert on_the_map == LAYERS


@pytest.mark.parametrize("option", sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README))))
def test_every_option_named_is_an_option(option):
    parameters = [p for command in get_command(app).commands.values() for p in command.params]
    known = {name for p in parameters for name in (*p.opts, *p.secondary_opts)}
    assert option in known | {"--help", "--index-url", "--install-completion"}
