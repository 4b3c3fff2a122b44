"""Inference with flip averaging, single frame, on sequences of 1,000 frames."""

from srnet_core.benchmark.bench import BenchConfig, Progress
from srnet_core.benchmark.contenders import SINGLE
from srnet_core.benchmark.lines._inference import measure_inference
from srnet_core.benchmark.result import Line

TITLE = "inference with flip averaging, single frame"


def measure(config: BenchConfig, progress: Progress) -> Line:
    """Against fc and the textbook form."""
    return measure_inference("inference_single", TITLE, SINGLE, 2.5, config, progress)
