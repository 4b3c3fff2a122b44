"""The README is the map: its tree is the files that are there, and its commands exist."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_tree_is_the_one_the_files_make():
    made = runpy.run_path(str(ROOT / "docs" / "make_tree.py"))
    assert made["with_tree"](README) == README, "run: python docs/make_tree.py"


@pytest.mark.parametrize("target", re.findall(r"\]\(((?!http)[^)#]+)", README))
def test_every_link_leads_somewhere(target):
    assert (ROOT / target).exists()


@pytest.mark.parametrize("option", sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README))))
def test_every_option_named_is_an_option(option):
    known = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "srnet_cli").rglob("*.py"))
    assert f'"{option}' in known or f"/{option}" in known or option in ("--help", "--index-url")
