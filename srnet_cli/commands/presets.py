"""srnet presets: the paper's experiments and settings, ready to run."""

from srnet_cli.commands import presets_list, presets_run, presets_show

HELP = "List, show and run what comes ready: the experiments of the paper, and settings for srnet train."
EXAMPLES = ("srnet presets list", "srnet presets run structures --data-dir data")
COMMANDS = {"list": presets_list, "show": presets_show, "run": presets_run}
