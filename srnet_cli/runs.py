"""What the commands of `srnet runs` share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from srnet_cli.console import remark
from srnet_cli.options import option

if TYPE_CHECKING:
    from srnet_core.runs.catalog import Run

CheckpointDir = Annotated[Path, option("--checkpoint-dir", help="Folder of the runs", metavar="FOLDER")]
BestDir = Annotated[Path, option("--best-dir", help="Folder of their best epochs", metavar="FOLDER")]


def shown_mm(value: float | None) -> str:
    """An error in mm, or a dash."""
    return "-" if value is None or value != value else f"{value:.1f}"


def settings_rows(names_and_values: "dict[str, tuple]") -> list[list[str]]:
    """Rows of a table of settings: the name, then a value per run."""
    from srnet_core.sweep.definition import shown_value

    return [
        [name, *("?" if value is None else shown_value(name, value) for value in values)]
        for name, values in names_and_values.items()
    ]


def found(names: list[str], folder: Path, best_dir: Path) -> "list[Run]":
    """The runs of these names; a remark says which one the beginning of a name stands for.

    Raises:
        InputFileMissing: there is no such run.
    """
    from srnet_core.runs.catalog import find_run

    runs = [find_run(name, folder, best_dir) for name in names]
    for name, run in zip(names, runs):
        if run.name not in Path(name).name:
            remark(f"{name} stands for the run {run.name}, the newest of that kind")
    return runs
