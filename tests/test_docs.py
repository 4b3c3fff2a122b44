"""The documentation: its examples run, its tables are those that its commands make."""

import doctest
import importlib.util
import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parent.parent / "docs"


PAGES = ("augmentation", "inference", "keypoints", "layers", "live", "structures", "uncertainty")


@pytest.mark.parametrize("page", PAGES)
def test_examples_run(page):
    results = doctest.testfile(str(DOCS / f"{page}.md"), module_relative=False)
    assert results.attempted
    assert not results.failed


def test_the_settings_page_is_made_from_the_settings():
    made = runpy.run_path(str(DOCS / "make_settings.py"))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"](), "run: python docs/make_settings.py"
    assert "| `lr` | `--lr` | 0.001 | number, positive and finite | Initial learning rate of Adam" in made["page"]()


def test_sizes_of_the_structures_are_those_of_the_networks():
    spec = importlib.util.spec_from_file_location("make_structures", DOCS / "make_structures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = module.PAGE.read_text(encoding="utf-8")
    assert module.with_table(page) == page, "run: python docs/make_structures.py"
    assert "| `fc` |  | 4.292 | 16.952 |" in page
