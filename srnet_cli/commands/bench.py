"""srnet bench: how fast srnet is on this machine, beside its yardsticks."""

from pathlib import Path
from typing import Annotated

import typer

from srnet_cli.options import Device


def main(
    what: Annotated[list[str] | None, typer.Argument(help="Lines to measure, as training inference; see below (default: all)", metavar="[WHAT]...")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small networks, few rounds: shows that all runs, its numbers mean nothing")] = False,
    json: Annotated[Path | None, typer.Option("--json", help="Write every number as JSON, after each line")] = None,
    threads: Annotated[int, typer.Option("--threads", help="Of the arithmetic (default: all cores)", min=0, show_default=False)] = 0,
    cache_dir: Annotated[str, typer.Option("--cache-dir", help="Where the data set of prepare is made, once")] = "cache",
    device: Device = "cpu",
) -> None:  # fmt: skip
    """Measure speed and memory against plain fc, the textbook form of the layer and the machine's fastest product.

    WHAT: training, training-large, single-frame, inference, inference-single, long-clip, streaming, sampler, streamed,
    prepare, evaluation, startup, cost. All together take about ten minutes on two cores; nothing else should run.

    A share of the limit is the arithmetic of the model per second over that of the fastest float32 product.
    """
    from srnet_cli.benching import bench
    from srnet_core.benchmark.bench import BenchConfig
    from srnet_core.files import require_folder, require_output

    require_folder(cache_dir)
    if json is not None:
        require_output(json)
    bench(what or [], BenchConfig(quick=quick, threads=threads, device=device, cache_dir=cache_dir), json)
