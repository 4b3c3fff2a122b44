"""Preparing a data set in a process of its own (`child.in_child`), without torch, as `srnet prepare` runs."""

import time

from srnet_core.config import DataConfig
from srnet_core.stages.prepare import prepare


def prepare_folder(*, dataset: str, data_dir: str, cache_dir: str) -> dict[str, float]:
    """Prepare; seconds by the wall and of all threads, frames, and whether the stage was there."""
    cpu = time.process_time()
    prepared = prepare(DataConfig(dataset=dataset, data_dir=data_dir, cache_dir=cache_dir))
    return {
        "seconds": prepared.seconds,
        "cpu_seconds": time.process_time() - cpu,
        "frames": sum(prepared.stage.manifest["frames"].values()),
        "cached": prepared.cached,
    }
