"""The `srnet` command: which commands there are, and what happens when one fails."""

import sys
from typing import Annotated

import typer

from srnet_cli.commands import demo, evaluate, export, prepare, train, visualize

app = typer.Typer(
    no_args_is_help=True,
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
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; may stand anywhere.")] = False,
) -> None:
    """3D human pose from 2D keypoints, with split-and-recombine networks."""


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command line; returns the exit code: 0, 1 for a failure, 2 for a user's mistake, 130 when interrupted."""
    debug = "--debug" in arguments
    arguments = [a for a in arguments if a != "--debug"]
    try:
        result = app(arguments, standalone_mode=False, prog_name="srnet")
        return result if isinstance(result, int) else 0
    except typer.Exit as leave:
        return leave.exit_code
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # whoever read the output has left: nothing is wrong
        return 0
    except Exception as error:
        if debug:
            raise
        from srnet_cli.console import show_error
        from srnet_cli.errors import describe

        message, code = describe(error)
        show_error(message)
        return code


if __name__ == "__main__":
    main()
