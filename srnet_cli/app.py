"""The `srnet` command: its list of commands, and what happens when one fails."""

import functools
import os
import signal
import sys
import warnings
from typing import Annotated, Any

import typer
from typer.main import get_command

from srnet_cli.command_list import AllCommands
from srnet_cli.help_text import examples_text

INTERRUPTED, TERMINATED = 130, 143
_EXAMPLES = ("srnet demo", "srnet train --help")


app = typer.Typer(
    cls=AllCommands,
    add_completion=True,
    rich_markup_mode="rich",
    epilog=examples_text(_EXAMPLES),
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@functools.cache
def _command_line() -> Any:
    """The command line as typer builds it, once."""
    return get_command(app)


def _show_version(value: bool) -> None:
    if value:
        from srnet_core import __version__

        typer.echo(f"srnet {__version__}")
        raise typer.Exit


@app.callback()
def _srnet(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; may stand anywhere on the command line.")
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", help="Show results, notes and errors only, no progress; may stand anywhere as well."),
    ] = False,
) -> None:
    """3D human pose from 2D keypoints, with split-and-recombine networks."""


def main() -> None:
    """Run the command line and leave with its exit code."""
    from srnet_cli.console import open_missing_streams

    open_missing_streams()
    _clean_up_when_terminated()
    warnings.showwarning = _show_warning(warnings.showwarning)
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
    sys.exit(code)


class _Terminated(BaseException):
    """SIGTERM came: the command ends, and what it had begun to write is removed on the way."""


def _clean_up_when_terminated() -> None:
    """Let SIGTERM end a command as Ctrl-C does, unless somebody else decides what it means."""

    def end(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second one ends the program at once
        raise _Terminated

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, end)


def _show_warning(otherwise):
    """Warnings of srnet once and in one line; all others as Python shows them."""
    said = set()

    def show(message, category, *more, **rest):
        from srnet_cli.console import remark
        from srnet_core.errors import FileSystemWarning, PluginWarning

        if not issubclass(category, (PluginWarning, FileSystemWarning)):
            otherwise(message, category, *more, **rest)
        elif str(message) not in said:
            said.add(str(message))
            remark(str(message))

    return show


def run(arguments: list[str]) -> int:
    """Run the command line.

    The exit code is 0, 1 for a failure, 2 for a mistake of the user, 130 if interrupted, 143 after SIGTERM.
    """
    from srnet_cli.console import begin_command

    begin_command(quietly="--quiet" in arguments)
    debug = "--debug" in arguments
    arguments = [a for a in arguments if a not in ("--debug", "--quiet")] or ["--help"]
    try:
        result = _command_line()(_with_json(arguments), standalone_mode=False, prog_name="srnet")
        code = result if isinstance(result, int) else 0
    except typer.Exit as leave:
        code = leave.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except _Terminated:
        return TERMINATED
    except BrokenPipeError:
        return _forget_output()
    except SystemExit as leave:  # typer leaves so after completion, and rich where the reader of the output has gone
        return 0 if not leave.code else _forget_output()
    except Exception as error:
        if debug and not isinstance(error, typer.TyperException):
            raise
        from srnet_cli.console import show_error
        from srnet_cli.errors import describe

        message, code = describe(error, arguments)
        if message:
            show_error(message)
        return code
    if code == INTERRUPTED:
        print("interrupted", file=sys.stderr)
    return code


def _with_json(arguments: list[str]) -> list[str]:
    """`--json` alone and `--json -` mean standard output for every command, whether or not it could write a file.

    Raises:
        ConfigError: a file follows that holds something else, e.g. the checkpoint that was to be evaluated.
    """
    if "--json" not in arguments:
        return arguments
    at = arguments.index("--json") + 1
    following = arguments[at : at + 1]
    if arguments[0] == "data":  # its commands print only
        return arguments[:at] + arguments[at + 1 :] if following == ["-"] else arguments
    if following == ["-"]:
        return arguments
    if following and not following[0].startswith("-"):
        _require_no_other_file(following[0])
        return arguments
    return [*arguments[:at], "-", *arguments[at:]]


def _require_no_other_file(name: str) -> None:
    """Raise `ConfigError` rather than let JSON replace a file that is none."""
    from srnet_core.errors import ConfigError

    if not name.lower().endswith(".json") and os.path.isfile(name) and os.path.getsize(name):
        todo = "Give a name that ends in .json, or --json - for standard output"
        raise ConfigError("this file is there already and is no .json file", where=f"--json {name}", todo=todo)


def _forget_output() -> int:
    """The reader of the output has closed it, as `head` does. That is no error, and nothing more can be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    main()
