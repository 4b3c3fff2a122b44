"""Training step, single frame, batch 1024."""

from srnet_core.benchmark.bench import BenchConfig, Progress
from srnet_core.benchmark.contenders import SINGLE
from srnet_core.benchmark.lines._training import measure_training
from srnet_core.benchmark.result import Line

TITLE = "training, single frame, batch 1024"


def measure(config: BenchConfig, progress: Progress) -> Line:
    """Against fc and the textbook form."""
    return measure_training("single_frame", TITLE, SINGLE, 1024, 4.0, config, progress, rounds=15)
