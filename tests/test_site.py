"""The documentation as a web site, up to the program that makes pages of Markdown, and the notebook beside it."""

import json
import re
import runpy
from pathlib import Path

import pytest
from support.browser import CHROMIUM, browser
from support.small_data import write_published

ROOT = Path(__file__).resolve().parent.parent
SITE = runpy.run_path(str(ROOT / "docs" / "make_site.py"))


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    SITE["write_pages"](folder)
    return folder


def test_every_page_has_a_place(pages):
    nav = [name for names in SITE["NAV"].values() for name in names] + ["settings.md"]
    assert sorted(nav) == sorted(path.name for path in pages.glob("*.md"))
    assert len(nav) == len(set(nav))


def test_the_site_asks_for_nothing_elsewhere(pages, tmp_path):
    settings = json.dumps(SITE["configuration"](pages, tmp_path))
    own = (pages / "srnet.js").read_text(encoding="utf-8") + (pages / "srnet.css").read_text(encoding="utf-8")
    assert "http" not in settings and "http" not in own
    assert "srnet.js" in settings and "srnet.css" in settings


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")
def test_keys_and_screen_readers_reach_everything(pages, tmp_path):
    """Found with axe: regions that keys could not scroll, lists of one name but for its letters' case, empty heads."""
    page, script = tmp_path / "page.html", (pages / "srnet.js").read_text(encoding="utf-8")
    page.write_text(
        "<!doctype html><title>t</title><pre><code>a</code></pre><div class='md-typeset__scrollwrap'><table>"
        "<thead><tr><th></th><th>b</th></tr></thead></table></div><nav class='md-nav' aria-label='lifter'></nav>"
        f"<nav class='md-nav' aria-label='Lifter'></nav><script>{script}</script>"
    )
    with browser() as shown:
        shown.open(page.as_uri())
        shown.wait("document.querySelector('pre > code').tabIndex === 0")
        table = "document.querySelector('.md-typeset__scrollwrap')"
        assert shown.run(f"[{table}.tabIndex, {table}.getAttribute('aria-label')]") == [0, "Table 1"]
        names = "[...document.querySelectorAll('nav')].map((list) => list.getAttribute('aria-label'))"
        assert shown.run(names) == ["lifter", "Lifter, 2"]
        assert shown.run("[...document.querySelectorAll('tr > *')].map((cell) => cell.tagName)") == ["TD", "TH"]
        assert shown.problems == []


def test_links_lead_to_pages(pages):
    for page in pages.glob("*.md"):
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (pages / target).is_file(), f"{page.name}: {target}"


def test_commands_with_their_options_and_examples(pages):
    names = {path.stem for path in (pages / "commands").glob("*.md")}
    assert {"lift", "train", "data-import-mocap", "cache-verify"} <= names
    page = (pages / "commands" / "train.md").read_text(encoding="utf-8")
    assert page.startswith("# srnet train\n") and "\nsrnet train --arch 3,3,3" in page
    assert "| `--lr` `RATE` |" in page and "[/dim]" not in page


def test_modules_of_the_reference_exist():
    for modules in SITE["REFERENCE"].values():
        for module in modules:
            path = ROOT / module.replace(".", "/")
            assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file(), module


def test_the_notebook_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    """On less data than it makes itself."""
    data = write_published(tmp_path / "data", "small")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    own = 'dataset="synthetic", downsample=25'
    smaller = f'dataset="small", data_dir={str(data)!r}, subjects_test=("C",)'
    notebook = json.loads((ROOT / "examples" / "tour.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert sum(own in cell for cell in cells) == 1
    assert not any(cell.get("outputs") for cell in notebook["cells"])
    names: dict[str, object] = {}
    for number, cell in enumerate(cells, 1):
        source = cell.replace(own, smaller).replace("range(101)", "range(26)")
        exec(compile(source, f"cell {number}", "exec"), names)
    names["plt"].close("all")
    assert all(0 < names[name] < 1000 for name in ("network_mm", "mean_pose_mm"))
    assert "network" in capsys.readouterr().out
    assert all(Path(f"tour.{ending}").stat().st_size > 1000 for ending in ("bvh", "trc", "csv", "html"))
