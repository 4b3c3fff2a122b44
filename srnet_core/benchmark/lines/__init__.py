"""Lines of the bench, one file each.

A line's file has `TITLE` and `measure(config: BenchConfig, progress: Progress) -> Line`.
"""

from srnet_core.lookup import PluginTable

_LINES = (
    "cost evaluation inference inference_single long_clip prepare sampler single_frame startup streamed streaming "
    "training training_large"
)
PLUGINS = PluginTable("line of the bench", {name: f"srnet_core.benchmark.lines.{name}" for name in _LINES.split()})
