"""The table of docs/robustness.md."""

from pathlib import Path

from robustness.tally import Tally
from srnet_core.files import atomic_write
from srnet_core.markdown import markdown_table

_START, _END = "<!-- trials -->", "<!-- end of trials -->"


def rows(tallies: list[Tally]) -> list[list[str]]:
    """One row for each kind of trial: what, tried, told in one line, held."""
    return [[t.what, f"{t.tried:,}", f"{t.told:,}", f"{t.held:,}"] for t in tallies]


def write(page: Path, tallies: list[Tally]) -> None:
    """Replace the table between the marks of a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(_START)
    _, _, after = rest.partition(_END)
    text = markdown_table(["Trial", "Tried", "Told in one line", "Held"], rows(tallies))
    with atomic_write(page, "w") as file:
        file.write(f"{before}{_START}\n\n{text}\n\n{_END}{after}")
