"""srnet runs serve: a page on this machine with the curves of runs, also while they are trained."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from srnet_cli.runs import BestDir, CheckpointDir, found
from srnet_cli.serving import THIS_MACHINE, Port, serve_until_interrupted

EXAMPLES = ("srnet runs serve first", "srnet runs serve --checkpoint-dir output/sweeps/experiment/runs --port 8123")
PORT = 8070


def main(
    name: Annotated[
        str | None, typer.Argument(help="Run to show first; the others are a click away", metavar="[RUN]")
    ] = None,
    checkpoint_dir: CheckpointDir = Path("checkpoint"),
    best_dir: BestDir = Path("best_checkpoint"),
    port: Port = PORT,
) -> None:
    """Serve a page with the runs of a folder: errors, loss, learning rate and speed by epoch, as they come.

    Only this machine can open it, and nothing is sent out. Runs that were started with srnet train --watch also show a
    test clip of their last epoch. TensorBoard shows runs of srnet train --track tensorboard.
    """
    from srnet_core.serving.watching import Watched, serve_runs

    shown = "" if name is None else f"#run={quote(found([name], checkpoint_dir, best_dir)[0].name)}"
    serve_until_interrupted(serve_runs(Watched(checkpoint_dir, best_dir), THIS_MACHINE[0], port), shown)
