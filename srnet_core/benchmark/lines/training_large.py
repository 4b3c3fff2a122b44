"""Training step, 243 frames, batch 1024: no slower per window than batch 64, and what memory it takes."""

from srnet_core.benchmark.arithmetic import training_multiply_adds
from srnet_core.benchmark.bench import BenchConfig, Progress
from srnet_core.benchmark.child import in_child
from srnet_core.benchmark.clock import interleaved
from srnet_core.benchmark.contenders import LONG, make_sampler, networks, our_step, plain_step
from srnet_core.benchmark.limit import largest_products
from srnet_core.benchmark.result import FC, OURS, Line, Target, speeds, times_faster
from srnet_core.device import choose_device
from srnet_core.models import build_model

TITLE = "training, 243 frames, batch 1024"
_MOST_BYTES = 6e9
_SMALL = "srnet, batch 64, 16 steps"


def measure(config: BenchConfig, progress: Progress) -> Line:
    """One step of 1024 windows against 16 of 64, and against fc. The textbook form would take most of a minute a step."""
    device = choose_device(config.device)
    widths, large, small = config.pick(LONG, (3, 3)), config.pick(1024, 32), config.pick(64, 8)
    models = networks(widths, config.channels, device)
    frames = config.pick(64_000, 2000)
    samplers = {
        batch: make_sampler(models[OURS].receptive_field, batch, frames=frames, device=device)
        for batch in (large, small)
    }
    one_small = our_step(build_model(models[OURS].config).to(device), samplers[small], small)
    steps = {
        OURS: our_step(models[OURS], samplers[large], large),
        _SMALL: lambda: [one_small() for _ in range(large // small)],
        FC: plain_step(models[FC], make_sampler(models[FC].receptive_field, large, frames=frames, device=device)),
    }
    products = largest_products(device, quick=config.quick)
    work = steps | {name: product.call for name, product in products.items()}
    samples = interleaved(
        work, rounds=config.pick(5, 2), device=device, told=lambda done, total: progress(TITLE, done, total)
    )
    counts = {name: training_multiply_adds(build_model(models[name].config), large) for name in (OURS, FC)}
    made, limits = speeds(samples, large, counts | {_SMALL: counts[OURS]}, products)
    memory = in_child(
        "memory:training_memory", threads=config.threads,
        filter_widths=widths, channels=config.channels, batch=large, frames=frames,
    )  # fmt: skip
    note = "activations, gradients and the optimizer's moments; network, frames and libraries come on top"
    targets = (
        Target("times faster than the same windows in batches of 64", made[1].times_faster, 1.0, "x", at_least=True),
        times_faster(made, FC, 3.0),
        Target("memory of a step", memory["step_bytes"] / 1e9, _MOST_BYTES / 1e9, "GB", note=note),
    )
    values = {"step_bytes": memory["step_bytes"], "peak_process_bytes": memory["peak_bytes"]}
    return Line("training_large", TITLE, "windows", len(samples[OURS].wall), made, limits, targets, values)
