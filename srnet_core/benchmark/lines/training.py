"""Training step, 243 frames, batch 64."""

from srnet_core.benchmark.bench import BenchConfig, Progress
from srnet_core.benchmark.contenders import LONG
from srnet_core.benchmark.lines._training import measure_training
from srnet_core.benchmark.result import Line

TITLE = "training, 243 frames, batch 64"


def measure(config: BenchConfig, progress: Progress) -> Line:
    """Against fc and the textbook form."""
    return measure_training("training", TITLE, config.pick(LONG, (3, 3)), 64, 3.0, config, progress, rounds=9)
