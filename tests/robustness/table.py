"""The table of docs/robustness.md."""

from pathlib import Path

from robustness.tally import Tally
from srnet_core.files import atomic_write
from srnet_core.markdown import markdown_table

_START, _END = "<!-- trials -->", "<!-- end of trials -->"


def rows(tallies: list[Tally]) -> list[list[str]]:
    """One row for each kind of trial: what, of which commands or files, tried, told in one line, held."""
    kinds: dict[str, list[Tally]] = {}
    for tally in tallies:
        kinds.setdefault(tally.what.partition(": ")[0], []).append(tally)
    made = []
    for kind, group in kinds.items():
        which = ", ".join(part for tally in group if (part := tally.what.partition(": ")[2]))
        sums = [sum(numbers) for numbers in zip(*((t.tried, t.told, t.held) for t in group))]
        made.append([kind, which, *(f"{number:,}" for number in sums)])
    return made


def write(page: Path, tallies: list[Tally]) -> None:
    """Replace the table between the marks of a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(_START)
    _, _, after = rest.partition(_END)
    text = markdown_table(["Trial", "Of", "Tried", "Told in one line", "Held"], rows(tallies), right=(2, 3, 4))
    with atomic_write(page, "w") as file:
        file.write(f"{before}{_START}\n\n{text}\n\n{_END}{after}")
