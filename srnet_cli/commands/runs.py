"""srnet runs: what has been trained: lists, settings, curves, results, differences."""

from srnet_cli.commands import runs_compare, runs_diff, runs_list, runs_serve, runs_show

HELP = "See and compare the runs in a folder of checkpoints: settings, curves, results."
EXAMPLES = ("srnet runs list", "srnet runs compare first second")
COMMANDS = {"list": runs_list, "show": runs_show, "compare": runs_compare, "diff": runs_diff, "serve": runs_serve}
