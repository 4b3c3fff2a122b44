"""The `srnet` command: which commands there are, and what happens when one fails."""

import os
import sys
import warnings
from typing import Annotated

import typer

from srnet_cli.commands import bench, demo, evaluate, export, groups, prepare, train, visualize

INTERRUPTED = 130

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name, module in {
    "prepare": prepare,
    "train": train,
    "eval": evaluate,
    "export": export,
    "visualize": visualize,
    "groups": groups,
    "bench": bench,
    "demo": demo,
}.items():
    app.command(name, no_args_is_help=False)(module.main)


def _show_version(value: bool) -> None:
    if value:
        from srnet_core import __version__

        typer.echo(f"srnet {__version__}")
        raise typer.Exit


@app.callback()
def _srnet(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; may stand anywhere.")] = False,
) -> None:
    """3D human pose from 2D keypoints, with split-and-recombine networks."""


def main() -> None:
    """Run the command line and leave with its exit code."""
    warnings.showwarning = _show_warning(warnings.showwarning)
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
    sys.exit(code)


def _show_warning(otherwise):
    """Warnings about plug-ins once and in one line; all others as Python shows them."""
    said = set()

    def show(message, category, *more, **rest):
        from srnet_cli.console import remark
        from srnet_core.errors import PluginWarning

        if not issubclass(category, PluginWarning):
            otherwise(message, category, *more, **rest)
        elif str(message) not in said:
            said.add(str(message))
            remark(str(message))

    return show


def run(arguments: list[str]) -> int:
    """Run the command line; returns the exit code: 0, 1 for a failure, 2 for a user's mistake, 130 when interrupted."""
    debug = "--debug" in arguments
    arguments = [a for a in arguments if a != "--debug"] or ["--help"]
    try:
        result = app(arguments, standalone_mode=False, prog_name="srnet")
        code = result if isinstance(result, int) else 0
    except typer.Exit as leave:
        code = leave.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        return _forget_output()
    except SystemExit:  # so do rich and typer leave when whoever read the output has gone
        return _forget_output()
    except Exception as error:
        if debug and not isinstance(error, typer.TyperException):
            raise
        from srnet_cli.console import show_error
        from srnet_cli.errors import describe

        message, code = describe(error)
        if message:
            show_error(message)
        return code
    if code == INTERRUPTED:
        print("interrupted", file=sys.stderr)
    return code


def _forget_output() -> int:
    """Whoever read the output has gone, as `head` does: nothing is wrong, and nothing more can be said."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    main()
