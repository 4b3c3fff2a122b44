"""The README is the map: its tree is the files that are there, and its commands exist."""

import re
import runpy
from pathlib import Path

import pytest
from typer.main import get_command

from srnet_cli.app import app

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
    parameters = [p for command in get_command(app).commands.values() for p in command.params]
    known = {name for p in parameters for name in (*p.opts, *p.secondary_opts)}
    assert option in known | {"--help", "--index-url"}
