"""Inference with flip averaging, 243 frames, on sequences of 1,000 frames."""

from srnet_core.benchmark.bench import BenchConfig, Progress
from srnet_core.benchmark.contenders import LONG
from srnet_core.benchmark.lines._inference import measure_inference
from srnet_core.benchmark.result import Line

TITLE = "inference with flip averaging, 243 frames"


def measure(config: BenchConfig, progress: Progress) -> Line:
    """Against fc and the textbook form."""
    return measure_inference("inference", TITLE, config.pick(LONG, (3, 3, 3)), 3.0, config, progress)
