"""Build the documentation as a web site: the pages of docs/, a page for each command, and the reference of the library.

    make site                                        # in an environment of its own, to build/site
    python docs/make_site.py --output build/site     # needs mkdocs-material and mkdocstrings[python]

The pages of docs/ and the README stay as they are and can be read without the site. Commands are written from the
command line itself, the reference from the docstrings. The site loads nothing from elsewhere: its fonts are the
reader's, and its search runs in the browser.
"""

import argparse
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

ROOT = Path(__file__).resolve().parent.parent

NAV = {
    "Start": ["index.md", "tutorial.md"],
    "How to": [
        "lift.md",
        "live.md",
        "data.md",
        "own_data.md",
        "viewer.md",
        "evaluation.md",
        "sweeps.md",
        "augmentation.md",
        "uncertainty.md",
        "semi-supervised.md",
        "interop.md",
        "migrating.md",
    ],
    "In Python": ["inference.md", "keypoints.md", "mocap.md", "datasets.md", "layers.md", "plugins.md"],
    "Results": ["srnet-open.md", "results.md", "structures.md", "performance.md", "robustness.md", "parity.md"],
    "About": [
        "architecture.md",
        "stages.md",
        "synthetic.md",
        "differences.md",
        "decisions.md",
        "STYLE.md",
        "contributing.md",
        "changes.md",
    ],
}
"""The pages by part of the site; commands, settings and the library come between "In Python" and "Results"."""

REFERENCE = {
    "Lifting": ["srnet_core.inference.lifter", "srnet_core.inference.stream", "srnet_core.lifting.lift"],
    "Keypoints": ["srnet_core.keypoints.read", "srnet_core.keypoints.tracks", "srnet_core.keypoints.check"],
    "Motion capture": ["srnet_core.mocap", "srnet_core.mappings", "srnet_core.virtual_cameras"],
    "Geometry": ["srnet_core.geometry.camera", "srnet_core.geometry.skeleton", "srnet_core.geometry.mirror"],
    "Normalizations": ["srnet_core.normalization"],
    "Layers": ["srnet_core.layers"],
    "Networks": ["srnet_core.models", "srnet_core.models.srnet", "srnet_core.engine"],
    "Training": ["srnet_core.training.losses", "srnet_core.training.step", "srnet_core.training.loop"],
    "Metrics": ["srnet_core.evaluation.metrics"],
    "Checkpoints": ["srnet_core.checkpoint"],
    "Settings": ["srnet_core.config"],
    "Errors": ["srnet_core.errors"],
}
_PLAIN_PANELS = ("Arguments", "Options")
_HERE = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changes.md"}
_FILES = ("LICENSE", "CITATION.cff")


def write_pages(folder: Path) -> None:
    """Write the pages of the site, as Markdown, to an empty folder."""
    for page in sorted((ROOT / "docs").glob("*.md")):
        (folder / page.name).write_text(_relinked(page.read_text(encoding="utf-8"), ""), encoding="utf-8")
    for name, place in _HERE.items():
        (folder / place).write_text(_relinked((ROOT / name).read_text(encoding="utf-8"), "docs/"), encoding="utf-8")
    shutil.copytree(ROOT / "docs" / "images", folder / "images")
    for name in _FILES:
        shutil.copy(ROOT / name, folder / f"{name}.txt")
    (folder / "examples").mkdir()
    shutil.copy(ROOT / "examples" / "tour.ipynb", folder / "examples")
    (folder / "srnet.css").write_text(_STYLE, encoding="utf-8")
    (folder / "srnet.js").write_text(_SCRIPT, encoding="utf-8")
    (folder / "commands").mkdir()
    for name, text in command_pages():
        (folder / "commands" / f"{name}.md").write_text(text, encoding="utf-8")
    (folder / "reference").mkdir()
    for title, modules in REFERENCE.items():
        parts = [f"# {title}", *(f"::: {module}" for module in modules)]
        (folder / "reference" / f"{_slug(title)}.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _relinked(text: str, docs: str) -> str:
    """A page with links that hold in the site, where all pages lie in one folder.

    Args:
        docs: how the page calls the folder of the others.
    """

    def moved(match: re.Match[str]) -> str:
        target = match[1].removeprefix("../").removeprefix(docs)
        if target in _FILES:
            target = f"{target}.txt"
        elif not target.endswith((".md", ".png", ".svg")):
            return match[0]
        return f"]({_HERE.get(target, target)}{match[2] or ''})"

    return re.sub(r"\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)", moved, text)


def command_pages() -> Iterator[tuple[str, str]]:
    """For each command, also those of groups such as `srnet data`: its name and its page."""
    from srnet_cli.app import app

    yield from _pages_of(typer.main.get_command(app), "srnet")


def _pages_of(command: Any, name: str) -> Iterator[tuple[str, str]]:
    for child, below in sorted(getattr(command, "commands", {}).items()):
        yield from _pages_of(below, f"{name} {child}")
    if name != "srnet" and not getattr(command, "commands", {}):
        yield name.removeprefix("srnet ").replace(" ", "-"), _page(command, name)


def _page(command: Any, name: str) -> str:
    context = command.make_context(name, [], resilient_parsing=True)
    examples = _plain(command.epilog or "").partition("\n")[2]
    lines = [f"# {name}", "", _plain(command.help or ""), "", "```sh", inspect.cleandoc(examples), "```", ""]
    panels: dict[str, list[str]] = {}
    for parameter in command.get_params(context):
        if parameter.param_type_name == "argument":
            panels.setdefault("Arguments", []).append(_row(f"`{parameter.metavar or parameter.name}`", parameter.help))
        elif not parameter.hidden:
            names = ", ".join(f"`{text}`" for text in (*parameter.opts, *parameter.secondary_opts))
            panel = getattr(parameter, "rich_help_panel", None) or "Options"
            value = f" `{parameter.metavar}`" if parameter.metavar else ""
            panels.setdefault(str(panel), []).append(_row(names + value, parameter.help))
    for panel, rows in panels.items():
        lines += [
            f"## {panel}",
            "",
            f"| {panel.rstrip('s') if panel in _PLAIN_PANELS else 'Option'} | What it is |",
            "|---|---|",
            *rows,
            "",
        ]
    return "\n".join(lines)


def _row(name: str, about: str | None) -> str:
    about = _plain(about or "").replace("|", "\\|")  # the name is code, where | divides no cells
    return f"| {name} | {about} |"


def _plain(text: str) -> str:
    """Help without the markup of the terminal, as Markdown."""
    return re.sub(r"\[/?(?:bold|dim)\]", "", text).replace("\\[", "[").replace("<", "&lt;")


def _slug(title: str) -> str:
    return title.lower().replace(" ", "-")


# what the theme leaves below the contrast that readers need, and code that keys cannot scroll
_STYLE = """
.md-typeset p a, .md-typeset li a, .md-typeset td a { text-decoration: underline; }
.md-tabs__link { opacity: 1; }
[data-md-color-scheme="default"] { --md-code-hl-comment-color: #5c5c5c; --md-default-fg-color--light: #616161; }
[data-md-color-scheme="slate"] { --md-code-bg-color: #15171e; }
.md-copyright, .md-copyright a { color: var(--md-footer-fg-color--light); }
"""
# Browsers start no worker from a file: the theme's search then runs in a hidden frame, which answers as a worker does.
_SCRIPT = """
window.addEventListener("load", () => setTimeout(() => {  // after the theme has done its own
  document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
  document.querySelectorAll("pre > code").forEach((code) => (code.tabIndex = 0));
  document.querySelectorAll(".md-typeset__scrollwrap").forEach((table, i) => {  // wide tables, which keys scroll too
    table.tabIndex = 0;
    table.setAttribute("role", "group");
    table.setAttribute("aria-label", `Table ${i + 1}`);
  });
  for (const head of document.querySelectorAll("th:empty")) head.replaceWith(document.createElement("td"));
  const named = new Map();  // in the reference, a module "lifter" and a class "Lifter" have a list each
  for (const list of document.querySelectorAll("nav.md-nav[aria-label]")) {
    const name = list.getAttribute("aria-label"), heard = name.toLowerCase(), count = (named.get(heard) || 0) + 1;
    named.set(heard, count);
    if (count > 1) list.setAttribute("aria-label", `${name}, ${count}`);
  }
  document.querySelectorAll(".md-code__nav").forEach((bar, i) => bar.setAttribute("aria-label", `Code ${i + 1}`));
}, 300));
if (location.protocol === "file:") {
  window.Worker = window.IFrameWorker = class extends EventTarget {
    constructor(address) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.title = "search";
      this.frame.srcdoc = "<!doctype html><title>search</title><body>";
      this.ready = new Promise((done) => {
        this.frame.onload = () => {
          const inner = this.frame.contentWindow, script = inner.document.createElement("script");
          inner.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
          script.onload = () => done(inner);
          script.src = address;
          inner.document.body.append(script);
        };
      });
      document.body.append(this.frame);
    }

    postMessage(data) {
      this.ready.then((inner) => inner.dispatchEvent(new MessageEvent("message", { data })));
    }

    terminate() {
      this.frame.remove();
    }
  };
}
"""


def configuration(pages: Path, output: Path) -> dict[str, Any]:
    """The settings of mkdocs."""
    commands = sorted(path.stem for path in (pages / "commands").glob("*.md"))
    nav: list[dict[str, Any]] = [{part: list(names)} for part, names in NAV.items()]
    reference = ["settings.md", {"Commands": [f"commands/{name}.md" for name in commands]}]
    reference += [{"Library": [f"reference/{_slug(title)}.md" for title in REFERENCE]}]
    nav.insert(3, {"Reference": reference})
    options = {
        "docstring_style": "google",
        "show_source": False,
        "show_root_heading": True,
        "heading_level": 2,
        "members_order": "source",
        "separate_signature": True,
        "show_signature_annotations": True,
        "filters": ["!^_"],
        "extensions": [f"{Path(__file__).with_name('site_examples.py')}:Doctests"],
    }
    return {
        "site_name": "srnet",
        "site_description": "3D human pose from 2D keypoints with split-and-recombine networks",
        "docs_dir": str(pages),
        "site_dir": str(output.absolute()),
        "use_directory_urls": False,  # the pages open from a folder too, without a server
        "nav": nav,
        "theme": {
            "name": "material",
            "font": False,
            "features": ["navigation.tabs", "navigation.top", "toc.follow", "content.code.copy", "search.highlight"],
            "palette": [
                {
                    "media": "(prefers-color-scheme: light)",
                    "scheme": "default",
                    "primary": "indigo",
                    "toggle": {"icon": "material/weather-night", "name": "Dark"},
                },
                {
                    "media": "(prefers-color-scheme: dark)",
                    "scheme": "slate",
                    "primary": "indigo",
                    "toggle": {"icon": "material/weather-sunny", "name": "Light"},
                },
            ],
        },
        "extra_css": ["srnet.css"],
        "extra": {"polyfills": ["srnet.js"]},  # scripts that are loaded before the theme's
        "plugins": [
            "search",
            {"mkdocstrings": {"handlers": {"python": {"paths": [str(ROOT)], "options": options}}}},
        ],
        "markdown_extensions": ["tables", "admonition", "pymdownx.superfences", "pymdownx.highlight", "toc"],
        "validation": {"links": {"anchors": "warn", "not_found": "warn", "unrecognized_links": "warn"}},
    }


def build(output: Path, *, strict: bool = True) -> None:
    """Build the site; a link that leads nowhere is an error."""
    with tempfile.TemporaryDirectory(prefix="srnet-site-") as scratch:
        pages = Path(scratch) / "pages"
        pages.mkdir()
        write_pages(pages)
        settings = Path(scratch) / "mkdocs.yml"
        settings.write_text(json.dumps(configuration(pages, output)), encoding="utf-8")  # JSON is YAML
        command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "-f", str(settings)]
        quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
        subprocess.run([*command, *(["--strict"] if strict else [])], check=True, env=quiet)
    index = output / "search" / "search_index.json"  # for pages from a folder, which can load scripts only
    index.with_suffix(".js").write_text(f"var __index = {index.read_text(encoding='utf-8')}", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "site")
    build(parser.parse_args().output)
