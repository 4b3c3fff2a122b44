"""srnet sweep: many training runs from one file, in parallel, resumable, summed up in one table."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from srnet_cli.json_output import JsonFile, write_json_to
from srnet_cli.options import SetOption, option
from srnet_cli.sweeping import ENGINES, Outputs, Resources, ViewOptions, run_sweep, show_cells
from srnet_core.config import read_size_mib

EXAMPLES = (
    "srnet sweep experiment.toml --json results.json",
    "srnet sweep experiment.toml --rows model.name --columns augment.use",
)
DEFAULT_FOLDER = Path("output/sweeps")
VIEW_PANEL, RESOURCES_PANEL = "Summary", "Cores and machines"

Output = Annotated[
    Path | None,
    option(
        "--output", "-o", help="Folder of the sweep", metavar="FOLDER", default="output/sweeps/NAME, by the file's name"
    ),
]
Table = Annotated[
    Path | None,
    option(
        "--table",
        help="Write the summary as CSV, Markdown or LaTeX (.csv, .md or .tex)",
        metavar="FILE",
        default="none",
    ),
]
Rows = Annotated[
    str | None,
    option(
        "--rows",
        help="Settings that make the rows, e.g. model.name,train.lr",
        panel=VIEW_PANEL,
        metavar="NAMES",
        default="every combination has a row",
    ),
]
Columns = Annotated[
    str | None,
    option("--columns", help="Settings that make the columns", panel=VIEW_PANEL, metavar="NAMES", default="none"),
]
Metric = Annotated[
    str,
    option("--metric", help="Metric shown, by its name in the JSON of srnet eval", panel=VIEW_PANEL, metavar="NAME"),
]
MeanOver = Annotated[
    str,
    option(
        "--mean",
        help="Mean over actions, as papers print, or over frames (action or frame)",
        panel=VIEW_PANEL,
        metavar="NAME",
        completes=("action", "frame"),
    ),
]
Jobs = Annotated[
    int | None,
    option(
        "--jobs",
        help="Cells at a time",
        panel=RESOURCES_PANEL,
        metavar="N",
        default="as many as there are cores for, or one per GPU",
        min=1,
    ),
]
Threads = Annotated[
    int | None,
    option(
        "--threads",
        help="Threads of each cell; fixed when the sweep begins, as the last bits of results depend on it",
        panel=RESOURCES_PANEL,
        metavar="N",
        default="cores / cells at a time",
        min=1,
        max=1024,
    ),
]
Memory = Annotated[
    str | None,
    option(
        "--memory",
        help="Memory of all cells together, e.g. 8GiB",
        panel=RESOURCES_PANEL,
        metavar="SIZE",
        default="80 % of what is free",
    ),
]
EngineName = Annotated[
    str,
    option(
        "--engine",
        help="Where cells run: local or ray (a Ray cluster, needs the extra sweep)",
        panel=RESOURCES_PANEL,
        metavar="NAME",
        completes=ENGINES,
    ),
]
Address = Annotated[
    str | None,
    option(
        "--address",
        help="Address of the Ray cluster, e.g. 10.0.0.1:6379",
        panel=RESOURCES_PANEL,
        metavar="HOST:PORT",
        default="the one that runs on this machine",
    ),
]


def main(
    file: Annotated[Path, typer.Argument(help="TOML file of the sweep, see docs/sweeps.md", metavar="FILE")],
    output: Output = None,
    json: JsonFile = None,
    table: Table = None,
    dry_run: Annotated[bool, option("--dry-run", help="List the cells and run none", default="no")] = False,
    rows: Rows = None,
    columns: Columns = None,
    metric: Metric = "mpjpe_mm",
    mean: MeanOver = "action",
    jobs: Jobs = None,
    threads: Threads = None,
    memory: Memory = None,
    engine: EngineName = "local",
    address: Address = None,
    set_: SetOption = None,
) -> None:
    """Train and measure every combination of settings in a file, and sum the results up.

    Stages are prepared once. What is done is kept: after a kill or a stop the same command goes on, and tries failed
    cells again.
    """
    from srnet_core.sweep.definition import read_sweep
    from srnet_core.sweep.summary import summary_json

    sweep = read_sweep(file, set_ or [])
    view = ViewOptions(names_in(rows), names_in(columns), metric, mean)
    if dry_run:
        if json is not None:
            Outputs(json).check()
            write_json_to(json, summary_json(sweep, {}, {}, view.of(sweep)))
        if str(json) != "-":
            view.of(sweep)
            show_cells(sweep)
        return
    folder = output or DEFAULT_FOLDER / folder_name(sweep.name)
    resources = Resources(jobs, threads, size_mib(memory), engine, address)
    run_sweep(sweep, view, folder, resources, Outputs(json, table), _again(file, output, set_ or []))


def names_in(text: str | None) -> list[str]:
    """The names in a list separated by commas."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def size_mib(text: str | None) -> float | None:
    """A size as typed after --memory."""
    return None if text is None else read_size_mib(text, where="--memory") or None


def folder_name(name: str) -> str:
    """A sweep's name as the name of a folder."""
    from srnet_cli.inputs import output_name

    return output_name(name).strip(". ") or "sweep"


def _again(file: Path, output: Path | None, settings: list[str]) -> str:
    words = ["srnet", "sweep", str(file), *(["--output", str(output)] if output else [])]
    return shlex.join([*words, *(word for setting in settings for word in ("--set", setting))])
