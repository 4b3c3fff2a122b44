"""Everything about speed on a CUDA machine, in one command; see docs/performance.md.

    python benchmarks/gpu.py --json gpu.json                                     # about a quarter of an hour on one GPU
    python benchmarks/gpu.py --dataset h36m --data-dir data --json gpu.json      # the same on Human3.6M
    python benchmarks/gpu.py --device cpu --quick                                # shows that it runs, on any machine

Training speed at 243 frames and single frame under each precision, with and without each accelerator that `srnet train`
has; utilisation, share of the limit, waits for the device per step, time for 60 epochs of 3.1 million windows; loss curves
and test errors beside fp32; evaluation on the device; streaming per frame. What is not measured is not in the JSON.
"""

import argparse
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from srnet_cli.console import plain_table, progress_bar, remark, told
from srnet_core.benchmark import gpu
from srnet_core.benchmark.contenders import LONG, SINGLE
from srnet_core.benchmark.machine import describe_machine
from srnet_core.benchmark.streaming import push_times
from srnet_core.config import DataConfig
from srnet_core.device import choose_device
from srnet_core.errors import SrnetError
from srnet_core.files import require_output, write_json
from srnet_core.models import build_model
from srnet_core.stages.prepare import prepare


def main() -> int:
    arguments = _arguments()
    device = choose_device(arguments.device)
    require_output(arguments.json)
    stage = prepare(
        DataConfig(dataset=arguments.dataset, data_dir=arguments.data_dir, cache_dir=arguments.cache_dir)
    ).stage
    if device.type != "cuda":
        remark("this is no GPU: the numbers only show that everything runs")
    document = {
        "schema": 1, "machine": describe_machine(device), "quick": arguments.quick, "dataset": stage.manifest["dataset"],
        "synthetic": stage.manifest["synthetic"], "training": [], "curves": [], "streaming": [], "failed": [],
        "limit_gflops": gpu.limits(device, arguments.quick),
    }  # fmt: skip
    jobs = list(_jobs(stage, arguments, device, document["limit_gflops"]))
    with progress_bar() as bar:
        for done, (where, what, job) in enumerate(jobs):
            bar.update(what, 0, 1)
            try:
                document[where].append(job())
            except (SrnetError, RuntimeError) as error:  # out of memory, no compiler: the others go on
                document["failed"].append({"what": what, "reason": f"{type(error).__name__}: {error}".splitlines()[0]})
            bar.close(what)
            bar.update("all", done + 1, len(jobs) + 1)
            write_json(arguments.json, document)
    show(document)
    told(f"written: {arguments.json}")
    return 1 if document["failed"] else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--quick", action="store_true", help="small networks, few steps: its numbers mean nothing")
    parser.add_argument("--json", type=Path, default=Path("output/gpu.json"))
    parser.add_argument("--dataset", help="as srnet prepare takes it (default: synthetic unless Human3.6M is there)")
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--cache-dir", default="cache")
    parser.add_argument("--curve-steps", type=int, default=1500, help="steps of the loss curves")
    return parser.parse_args()


def _jobs(stage, arguments: argparse.Namespace, device: torch.device, limits: dict) -> Iterator[tuple]:
    """(list in the document, words, what to call) of every measurement."""
    plan = gpu.Plan(curve_steps=arguments.curve_steps)
    if arguments.quick:
        plan = gpu.Plan(steps=3, warm_up=1, curve_steps=4, batch_size=32, channels=50)
    for widths in ((3, 3), (1, 1)) if arguments.quick else (LONG, SINGLE):
        for settings in gpu.variants(device, arguments.quick):
            yield "training", f"training {_words(widths, settings)}", _later(gpu.training_speed, stage, widths, settings, plan, device, limits)  # fmt: skip
    for settings in gpu.variants(device, arguments.quick):
        widths = (3, 3) if arguments.quick else LONG
        yield "curves", f"loss curve {_words(widths, settings)}", _later(gpu.loss_curve, stage, widths, settings, plan, device)  # fmt: skip
    model = build_model("srnet", filter_widths=(3, 3) if arguments.quick else LONG, channels=plan.channels, causal=True)
    yield "streaming", "streaming", _later(push_times, model, device=str(device), frames=20 if arguments.quick else 500)


def _later(call, *arguments, **named):
    return lambda: call(*arguments, **named)


def _words(widths: tuple[int, ...], settings: dict) -> str:
    return ", ".join([f"{math.prod(widths)} frames", *(f"{k} {v}" for k, v in settings.items())])


def show(document: dict) -> None:
    """Tables of what was measured."""
    rows = [
        [_words(t["filter_widths"], _settings(t)), f"{t['windows_per_second']:,.0f}", f"{100 * t['share_of_limit']:.0f} %",
         _maybe(t.get("gpu_utilisation_percent"), "{:.0f} %"), _maybe(t["kernel_share"], "{:.0%}"),
         _maybe(t["waits_for_the_device_per_step"], "{:.2f}"), f"{t['minutes_for_60_epochs']:,.1f}"]
        for t in document["training"]
    ]  # fmt: skip
    heads = ["training", "windows/s", "of limit", "utilisation", "kernels", "waits/step", "min for 60 epochs"]
    plain_table(f"Training on {document['machine']['device']}", heads, rows,
                caption="Of limit: of the fastest large product in the same precision. Asked on one H100: 10 minutes at 243 frames, 2 at one.")  # fmt: skip
    curves = [
        [_words(c["filter_widths"], _settings(c)), f"{c['loss'][0]:.4f}", f"{c['loss'][-1]:.4f}", f"{c['mpjpe_mm']:.2f}",
         f"{c['mpjpe_mm'] - document['curves'][0]['mpjpe_mm']:+.2f}", f"{c['evaluation_frames_per_second']:,.0f}"]
        for c in document["curves"]
    ]  # fmt: skip
    plain_table(
        "Loss and test error after the same steps",
        ["settings", "first", "last", "mm", "to the first", "eval frames/s"],
        curves,
    )
    for found in document["streaming"]:
        plain_table(
            "Streaming", list(found), [[f"{v:.3g}" if isinstance(v, float) else str(v) for v in found.values()]]
        )
    for failed in document["failed"]:
        remark(f"{failed['what']}: {failed['reason']}")


def _settings(entry: dict) -> dict:
    return {k: entry[k] for k in gpu.variants(torch.device("cpu"))[0] if k in entry}


def _maybe(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SrnetError as error:
        sys.exit(f"error: {error}")
