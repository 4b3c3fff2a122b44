"""srnet bench: how fast this machine trains, lifts and streams."""

from typing import Annotated

from srnet_cli.json_output import JsonFile, write_json_to
from srnet_cli.options import Device, option

EXAMPLES = (
    "srnet bench",
    "srnet bench --quick --json output/bench.json",
)


def main(
    json: JsonFile = None,
    threads: Annotated[
        int,
        option(
            "--threads", help="Number of threads to compute with", metavar="N", default="all cores", min=0, max=1024
        ),
    ] = 0,
    quick: Annotated[
        bool, option("--quick", help="Small networks, to see that everything runs; the numbers mean nothing")
    ] = False,
    device: Device = "cpu",
) -> None:
    """Measure how fast this machine trains, lifts and streams, in about half a minute on two cores.

    SRNet (243 frames, 1024 channels, 5 groups) is measured beside a plain fully connected network of the same width
    and a large float32 matrix product, in turns, so that a busy machine slows all of them alike. Lifting is with flip
    averaging, training in batches of 64 windows. Streaming gives the median time per frame; p99 is the time that 99 of
    100 frames stay below.

    The detailed benchmarks are in the folder benchmarks/ of the source: python -m benchmarks --help.
    """
    import dataclasses

    import torch

    from srnet_cli.console import remark
    from srnet_cli.progress import progress_bar
    from srnet_cli.tables import plain_table
    from srnet_core.device import choose_device
    from srnet_core.engine.kernels import choices_here
    from srnet_core.engine.products import FORMS
    from srnet_core.files import require_output
    from srnet_core.speed.clock import on_device, usable_cores, using_threads
    from srnet_core.speed.measure import FULL, QUICK, measure_speed

    chosen, size = choose_device(device), QUICK if quick else FULL
    if json is not None and str(json) != "-":
        require_output(json)
    name = torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else "cpu"
    with using_threads(threads or usable_cores()) as used, on_device(chosen), progress_bar() as bar:
        speeds = list(measure_speed(chosen, size, bar.update))
    if quick:
        remark("--quick shows that everything runs; the numbers mean nothing")
    kernels = choices_here() if chosen.type == "cpu" else {}
    if json is not None:
        about = {"device": name, "threads": used, "torch": torch.__version__, "quick": quick, "size": size._asdict()}
        about["kernels"] = {product: dataclasses.asdict(choice) for product, choice in kernels.items()}
        write_json_to(json, about | {"speeds": [dataclasses.asdict(speed) for speed in speeds]})
    if str(json) == "-":
        return
    plain_table(
        f"Speed on {name}, {used} threads, torch {torch.__version__}",
        ["what", "unit", "srnet", "plain fc", "times\nfaster", "srnet, of\nthe product", "plain fc, of\nthe product"],
        [_row(speed) for speed in speeds],
        text_columns=2,
        caption="Of the product: the network's own multiplications and additions per second, over those of a large "
        "float32 matrix product in the same rounds. The plain network streams by running on the last 243 frames.",
    )
    if kernels:
        plain_table(
            "Fastest form of each matrix product on this machine",
            ["product: rows x inputs x outputs", "form", "GFLOP/s"],
            [(product, choice.form, f"{choice.gflops:.0f}") for product, choice in sorted(kernels.items())],
            text_columns=2,
            caption=f"Measured once per machine, then kept. SRNET_KERNELS forces one form: {', '.join(FORMS)}.",
        )


def _row(speed) -> list[str]:
    """One row; streaming also shows the time that 99 of 100 frames stay below."""
    cells = [f"{value:,.0f}" if value >= 100 else f"{value:.2f}" for value in (speed.ours, speed.plain)]
    if speed.ours_p99 is not None:
        cells = [f"{c} (p99 {p99:.2f})" for c, p99 in zip(cells, (speed.ours_p99, speed.plain_p99))]
    shares = [f"{100 * share:.0f} %" for share in (speed.ours_share, speed.plain_share)]
    return [speed.what, speed.unit, *cells, f"{speed.times_faster:.2f}x", *shares]
