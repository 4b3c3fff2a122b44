"""Commands that several processes do together, started by `torchrun` or by `--devices N`."""

import os
import sys
from contextlib import contextmanager

from srnet_cli.console import err, out, remark
from srnet_core.errors import ConfigError


@contextmanager
def shown_by_first_process():
    """Of processes that do a command together, only the first one shows what it does; all show errors."""
    from srnet_core.training.launch import leads_here

    before = out.quiet, err.quiet
    if not leads_here():
        out.quiet = err.quiet = True
    try:
        yield
    finally:
        out.quiet, err.quiet = before


def start_processes(count: int, what: str) -> None:
    """Start this command in several processes and leave with their exit code.

    Args:
        what: they do, said after "N processes".
    """
    import typer

    from srnet_core.training.launch import processes_here, run_processes, this_command

    if processes_here() > 1:
        raise ConfigError("torchrun has started the processes already", where="--devices", todo="Leave it out")
    if count > max(2, cores := os.cpu_count() or 1):  # two can be tried anywhere
        raise ConfigError(
            f"{count} processes are too many for the {cores} cores of this machine",
            where="--devices",
            todo="Give at most the number of GPUs; without one, of cores",
        )
    remark(f"{count} processes {what}")
    arguments, kept = sys.argv[1:], []
    while arguments:
        argument = arguments.pop(0)
        if argument == "--devices":
            arguments.pop(0)
        elif not argument.startswith("--devices="):
            kept.append(argument)
    raise typer.Exit(run_processes(this_command(kept), count))
