"""Write the tree of docs/architecture.md: one line per file, taken from the first line of each file's docstring.

    python docs/make_tree.py            # rewrites the tree in docs/architecture.md

Files whose names start with an underscore are helpers of their folder, not plug-ins.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START, END = "<!-- tree: made by docs/make_tree.py -->", "<!-- end of tree -->"
FOLDERS = {
    "srnet_cli": "the command line: parse, configure, call the core once, show",
    "srnet_core": "the library; it never prints and knows no command line",
}
OTHERS = """\
tests/            mirrors srnet_core; tests/contracts/ runs every plug-in of a folder through the same checks
benchmarks/       scripts behind the numbers in docs/
docs/             results, decisions, differences from the published code, synthetic data
data/             your input files go here; srnet only reads it
cache/            prepared stages; may be deleted at any time
Makefile          make demo, make test, make results, make bench
constraints.txt   the versions everything is tested with"""
WIDTH = 34


def tree() -> str:
    lines = []
    for folder, about in FOLDERS.items():
        lines.append(f"{folder + '/':<{WIDTH}}{about}")
        lines += _folder(ROOT / folder, 1)
    return "\n".join([*lines, *OTHERS.splitlines()])


def _folder(folder: Path, depth: int) -> list[str]:
    """Files of a folder, plug-ins and public modules before helpers, then its folders."""
    files = sorted(
        (p for p in folder.glob("*.py") if p.name != "__init__.py"), key=lambda p: (p.name[0] == "_", p.name)
    )
    lines = [_line(p.name, _first_line(p), depth) for p in files]
    for child in sorted(p for p in folder.iterdir() if p.is_dir() and (p / "__init__.py").exists()):
        lines.append(_line(f"{child.name}/", _first_line(child / "__init__.py"), depth))
        lines += _folder(child, depth + 1)
    presets = sorted(p.name for p in folder.glob("*.toml"))
    return lines + ["  " * depth + " ".join(presets)] * bool(presets)


def _line(name: str, about: str, depth: int) -> str:
    return f"{'  ' * depth + name:<{WIDTH}}{about}".rstrip()


def _first_line(path: Path) -> str:
    """The first sentence of a docstring, on one line."""
    text = " ".join((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0].split())
    text = text.split(". ")[0].rstrip(".:")
    return text if len(text) <= 116 else text.split(" (")[0].split(": ")[0]


def with_tree(page: str) -> str:
    """The page with a fresh tree between its two marks."""
    before, _, rest = page.partition(START)
    after = rest.partition(END)[2]
    return f"{before}{START}\n```\n{tree()}\n```\n{END}{after}"


if __name__ == "__main__":
    path = ROOT / "docs" / "architecture.md"
    path.write_text(with_tree(path.read_text(encoding="utf-8")), encoding="utf-8")
