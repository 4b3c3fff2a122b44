"""srnet presets show: what is in a preset, and for an experiment our results beside the published ones."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srnet_cli.commands.sweep import DEFAULT_FOLDER, Output
from srnet_cli.console import prose, say, shown
from srnet_cli.sweeping import Outputs, show_cells, show_results_there
from srnet_core.config import RunConfig

if TYPE_CHECKING:
    from srnet_core.presets.catalog import Preset

EXAMPLES = ("srnet presets show cross-subject-243", "srnet presets show srnet-243")
PresetName = Annotated[str, typer.Argument(help="Name of a preset, see srnet presets list", metavar="NAME")]


def main(name: PresetName, output: Output = None) -> None:
    """Show a preset: its cells or settings, and results if it has been run."""
    from srnet_core.presets.catalog import find_preset

    preset = find_preset(name)
    if preset.experiment:
        show_experiment(preset, output or DEFAULT_FOLDER / preset.name)
    else:
        show_settings(preset)


def show_experiment(preset: "Preset", folder: Path) -> None:
    """The cells, with published numbers, and what the folder of the sweep holds of them."""
    sweep = preset.read_sweep()
    prose(f"{sweep.about}.")
    show_cells(sweep)
    if not show_results_there(sweep, folder, Outputs()):
        say(f"Not run yet. Run it with: srnet presets run {preset.name}")


def show_settings(preset: "Preset") -> None:
    """The settings of a file, each with its default."""
    from srnet_cli.tables import plain_table
    from srnet_core.config import merge, read_toml
    from srnet_core.sweep.definition import Cell, setting_names, shown_value

    cell, default = Cell(merge(RunConfig(), read_toml(preset.path), where=preset.path)), Cell(RunConfig())
    rows = [
        [str(shown(name)), shown_value(name, cell.value(name)), shown_value(name, default.value(name))]
        for name in setting_names()
        if cell.value(name) != default.value(name)
    ]
    plain_table(f"{preset.name}: {preset.about}", ["setting", "value", "default"], rows, text_columns=3)
    say(f"Train with: srnet train --config {preset.name}")
