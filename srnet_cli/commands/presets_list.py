"""srnet presets list: what comes ready."""

from srnet_cli.console import prose
from srnet_cli.tables import plain_table

EXAMPLES = ("srnet presets list", "srnet presets show cross-subject-243")


def main() -> None:
    """List the experiments of the paper and the settings for srnet train."""
    from srnet_core.presets.catalog import presets

    known = presets()
    experiments = [[p.name, str(len(p.read_sweep().cells)), p.about] for p in known if p.experiment]
    heads = ["name", "cells", "what is compared"]
    plain_table("Experiments: srnet presets run NAME", heads, experiments, text_columns=3, counts={1})
    settings = [[p.name, p.about] for p in known if not p.experiment]
    plain_table("Settings of one run: srnet train --config NAME", ["name", "what it is"], settings, text_columns=2)
    prose("See what is in one with: srnet presets show NAME")
