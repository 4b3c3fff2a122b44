"""Training steps of all networks against each other and the large products, in turns."""

from benchmarks.arithmetic import training_multiply_adds
from benchmarks.bench import BenchConfig, Progress, in_turns
from benchmarks.child import in_child
from benchmarks.contenders import LONG, SINGLE, make_sampler, networks, our_step, plain_step, trainings
from benchmarks.limit import largest_products
from benchmarks.result import FC, OURS, Line, Target, speeds, times_faster
from srnet_core.device import choose_device
from srnet_core.models import build_model

_LARGE = "training, 243 frames, batch 1024"
_MOST_BYTES = 6e9
_SMALL = "srnet, batch 64, 16 steps"


def long_windows(config: BenchConfig, progress: Progress) -> Line:
    """243 frames, batch 64, against fc and the textbook form."""
    title = "training, 243 frames, batch 64"
    return _steps("training", title, config.pick(LONG, (3, 3)), 64, 4.0, config, progress, rounds=9)


def single_frame(config: BenchConfig, progress: Progress) -> Line:
    """A single frame, batch 1024, against fc and the textbook form."""
    title = "training, single frame, batch 1024"
    return _steps("single_frame", title, SINGLE, 1024, 5.0, config, progress, rounds=15)


def large_batch(config: BenchConfig, progress: Progress) -> Line:
    """One step of 1024 windows against 16 of 64, and against fc. A step of the textbook form would take a minute."""
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
    samples = in_turns(work, _LARGE, config, progress, rounds=5, warm_up=1, at_least_s=0.0)
    counts = {name: training_multiply_adds(models[name], large) for name in (OURS, FC)}
    made, limits = speeds(samples, large, counts | {_SMALL: counts[OURS]}, products)
    sizes = {"filter_widths": widths, "channels": config.channels, "batch": large, "frames": frames}
    memory = in_child("memory:training_memory", threads=config.threads, **sizes)
    note = "activations, gradients and the optimizer's moments; network, frames and libraries come on top"
    targets = (
        Target("times faster than the same windows in batches of 64", made[1].times_faster, 1.0, "x", at_least=True),
        times_faster(made, FC, 4.5),
        Target("memory of a step", memory["step_bytes"] / 1e9, _MOST_BYTES / 1e9, "GB", note=note),
    )
    values = {"step_bytes": memory["step_bytes"], "peak_process_bytes": memory["peak_bytes"]}
    return Line("training_large", _LARGE, "windows", len(samples[OURS].wall), made, limits, targets, values)


def _steps(
    name: str,
    title: str,
    filter_widths: tuple[int, ...],
    batch: int,
    bound: float,
    config: BenchConfig,
    progress: Progress,
    *,
    rounds: int,
) -> Line:
    device = choose_device(config.device)
    batch = config.pick(batch, 16)
    steps = trainings(filter_widths, config.channels, batch, frames=config.pick(64_000, 2000), device=device)
    products = largest_products(device, quick=config.quick)
    work = {who: training.step for who, training in steps.items()} | {who: p.call for who, p in products.items()}
    samples = in_turns(work, title, config, progress, rounds=rounds)
    made, limits = speeds(samples, batch, {who: t.multiply_adds for who, t in steps.items()}, products)
    return Line(name, title, "windows", len(samples[OURS].wall), made, limits, (times_faster(made, FC, bound),))
