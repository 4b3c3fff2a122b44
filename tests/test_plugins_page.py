"""docs/plugins.md shows the example package as it is, and names what there is."""

import re
from pathlib import Path

import pytest
from support.plugins import EXAMPLE

from srnet_core import datasets, export, models, normalization, protocols

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "plugins.md").read_text(encoding="utf-8")
FILES = ("pyproject.toml", "srnet_example/left_right.py", "srnet_example/npy_folder.py")


@pytest.mark.parametrize("name", FILES)
def test_the_page_shows_the_files_that_the_tests_run(name):
    shown = re.search(rf"`{re.escape(name)}`:\n\n```\w+\n(.*?)```\n", PAGE, re.DOTALL)
    assert shown and shown[1] == (EXAMPLE / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", [models, datasets, normalization, protocols, export], ids=lambda f: f.__name__)
def test_the_page_names_group_file_and_object(folder):
    (row,) = [line for line in PAGE.splitlines() if line.startswith("|") and f"`{folder.PLUGINS.group}`" in line]
    path = Path(folder.__file__)
    assert f"`srnet_core/{path.parent.name}/__init__.py`" in row
    for name in re.findall(r"`([A-Z]\w+)`", row):
        assert folder.PLUGINS.shape in getattr(folder, name).__mro__
