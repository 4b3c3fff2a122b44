"""The list of commands. Each is imported when it is first used: the list itself needs names and first sentences."""

import copy
import importlib
from collections.abc import Iterator, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from srnet_cli.help_text import examples_text, help_of


class Listed(NamedTuple):
    """A command in the list: its module below `srnet_cli.commands`, and the first paragraph of its help."""

    module: str
    about: str


COMMANDS: Mapping[str, Listed] = MappingProxyType(
    {
        "prepare": Listed("prepare", "Prepare a data set: read it, split it, normalize it, store it as a stage."),
        "train": Listed("train", "Train a model. Missing stages are prepared first."),
        "eval": Listed("evaluate", "Evaluate a checkpoint: MPJPE and ten other metrics on the test split."),
        "calibrate": Listed(
            "calibrate",
            "Measure how far off a network may be, so that srnet lift --uncertainty can tell for each joint and frame.",
        ),
        "compare": Listed(
            "compare",
            "Compare checkpoints on the same test frames: by action, joint and difficulty, with 95 % intervals.",
        ),
        "sweep": Listed("sweep", "Train and measure every combination of settings in a file, and sum the results up."),
        "export": Listed(
            "export",
            "Write the network of a checkpoint for other programs (ONNX, torch.export, safetensors), or its "
            "predictions.",
        ),
        "visualize": Listed(
            "visualize",
            "Show predictions beside the ground truth: an HTML page that works offline, pictures, a film.",
        ),
        "lift": Listed(
            "lift",
            "Lift 2D keypoints of any tool, or a video, to 3D poses: for animation, OpenSim, notebooks, a web page.",
        ),
        "serve": Listed(
            "serve",
            "Serve a page on this machine that lifts a webcam, a video or lines of keypoints live. Nothing is sent "
            "out.",
        ),
        "groups": Listed(
            "groups",
            "List and draw the groups of joints (body parts) that a network can be split into: built-in ones or your "
            "own.",
        ),
        "bench": Listed(
            "bench",
            "Measure how fast this machine trains, lifts and streams, in about half a minute on two cores.",
        ),
        "doctor": Listed(
            "doctor",
            "Show versions, device, speed, data and networks found, and which extras are missing.",
        ),
        "demo": Listed(
            "demo",
            "Try everything on synthetic data: prepare, train two models, compare, export, visualize; lift real "
            "keypoints.",
        ),
        "presets": Listed(
            "presets",
            "List, show and run what comes ready: the experiments of the paper, and settings for srnet train.",
        ),
        "runs": Listed("runs", "See and compare the runs in a folder of checkpoints: settings, curves, results."),
        "chart": Listed("chart", "Draw charts for papers and slides: curves, errors, networks, skeletons, poses."),
        "data": Listed(
            "data",
            "Look at, check, convert and import 2D keypoints, motion capture and data sets of any known format.",
        ),
        "cache": Listed("cache", "See, verify and remove prepared stages."),
    }
)
"""name -> command or group of commands, in the order of the help."""


class _Command(TyperCommand):
    """A command; switches such as --help show no type."""

    def get_params(self, ctx):
        return _without_type_of_switches(super().get_params(ctx))


class _Commands(TyperGroup):
    """The group of all commands; the options for shell completion have a panel of their own."""

    def get_params(self, ctx):
        params = _without_type_of_switches(super().get_params(ctx))
        for param in params:
            if param.name in ("install_completion", "show_completion"):
                param.rich_help_panel = "Shell completion"
        return params


def _without_type_of_switches(params):
    for param in params:
        if getattr(param, "is_flag", False) and param.metavar is None:
            param.metavar = ""
    return params


class AllCommands(_Commands):
    """The group of all commands, which are made when they are asked for."""

    def __init__(self, **attributes: Any):
        super().__init__(**attributes)
        self.commands = _WhenAsked()

    def get_command(self, ctx, cmd_name):
        """See typer. A `KeyError` in the module of a command does not mean that there is no such command."""
        return self.commands[cmd_name] if cmd_name in COMMANDS else None

    def format_help(self, ctx, formatter):
        """See typer."""
        TyperGroup.format_help(self._listed(), ctx, formatter)

    def shell_complete(self, ctx, incomplete):
        """See typer."""
        return TyperGroup.shell_complete(self._listed(), ctx, incomplete)

    def _listed(self) -> "AllCommands":
        """The same group, whose commands only know what the list shows."""
        listed = copy.copy(self)
        listed.commands = {name: _Command(name, help=command.about) for name, command in COMMANDS.items()}
        return listed


class _WhenAsked(MutableMapping):
    """name -> command as typer makes it, when it is first asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _made(name, COMMANDS[name].module)
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _made(name: str, module: str) -> Any:
    parent = typer.Typer(rich_markup_mode="rich")
    _add(parent, name, importlib.import_module(f"srnet_cli.commands.{module}"))
    return get_group(parent).commands[name]


def _add(parent: typer.Typer, name: str, module: Any) -> None:
    """Add a command: a module (or the like) with `main` and `EXAMPLES`; or, with `COMMANDS`, a group of commands."""
    from srnet_cli.options import with_defaults_shown  # not for the list

    if hasattr(module, "main"):
        register = parent.command(name, cls=_Command, help=help_of(module.main), epilog=examples_text(module.EXAMPLES))
        register(with_defaults_shown(module.main))
        return
    group = typer.Typer(
        cls=_Commands, rich_markup_mode="rich", context_settings={"help_option_names": ["-h", "--help"]}
    )
    for inner, command in module.COMMANDS.items():
        _add(group, inner, command)
    parent.add_typer(group, name=name, help=module.HELP, epilog=examples_text(module.EXAMPLES), no_args_is_help=True)
