"""Data sets to measure with, made by the synthetic generator."""

from pathlib import Path

from benchmarks.bench import BenchConfig
from srnet_core.datasets.synthetic import SyntheticConfig, make_files

H36M_SIZED = "h36m_size"
_SECONDS_PER_TAKE = 50.2  # seven subjects, fifteen actions twice: 527,000 frames


def h36m_sized(config: BenchConfig) -> Path:
    """The folder of a data set of Human3.6M's size, named `H36M_SIZED`; made once and kept in the cache folder."""
    made = SyntheticConfig(seed=config.seed, seconds_per_take=config.pick(_SECONDS_PER_TAKE, 0.5))
    return make_files(made, Path(config.cache_dir) / "synthetic", H36M_SIZED)[0].parent
