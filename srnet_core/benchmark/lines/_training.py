"""What the lines about training share."""

from srnet_core.benchmark.bench import BenchConfig, Progress
from srnet_core.benchmark.clock import Samples, interleaved
from srnet_core.benchmark.contenders import trainings
from srnet_core.benchmark.limit import largest_products
from srnet_core.benchmark.result import FC, Line, speeds, times_faster
from srnet_core.device import choose_device


def measure_training(
    name: str, title: str, filter_widths: tuple[int, ...], batch: int, bound: float, config: BenchConfig,
    progress: Progress, *, rounds: int,
) -> Line:  # fmt: skip
    """Training steps of all networks against each other and the large products, in turns."""
    device = choose_device(config.device)
    batch = config.pick(batch, 16)
    steps = trainings(filter_widths, config.channels, batch, frames=config.pick(64_000, 2000), device=device)
    products = largest_products(device, quick=config.quick)
    work = {name: training.step for name, training in steps.items()} | {n: p.call for n, p in products.items()}
    samples = interleaved(
        work, rounds=config.pick(rounds, 2), warm_up=config.pick(2, 1), at_least_s=config.pick(0.1, 0.0), device=device,
        told=lambda done, total: progress(title, done, total),
    )  # fmt: skip
    made, limits = speeds(samples, batch, {n: t.multiply_adds for n, t in steps.items()}, products)
    return Line(name, title, "windows", len(_first(samples).wall), made, limits, (times_faster(made, FC, bound),))


def _first(samples: dict[str, Samples]) -> Samples:
    return next(iter(samples.values()))
