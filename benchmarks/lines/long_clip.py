"""One clip of an hour at 50 frames per second, 243 frames: how much memory the process takes."""

from benchmarks.bench import BenchConfig, Progress
from benchmarks.child import in_child
from benchmarks.contenders import LONG
from benchmarks.result import Line, Target

TITLE = "one clip of an hour, 243 frames"
_FRAMES = 3600 * 50


def measure(config: BenchConfig, progress: Progress) -> Line:
    """In a process of its own, which lifts the clip with flip averaging and tells its greatest memory."""
    progress(TITLE, 0, 1)
    widths = config.pick(LONG, (3, 3))
    frames = config.pick(_FRAMES, 3000)
    found = in_child(
        "memory:clip_memory", threads=config.threads, filter_widths=widths, channels=config.channels, frames=frames
    )
    progress(TITLE, 1, 1)
    values = {
        "frames": frames,
        "seconds": found["seconds"],
        "frames_per_second": frames / found["seconds"],
        "peak_process_bytes": found["peak_bytes"],
        "peak_before_bytes": found["peak_bytes_before"],
    }
    note = f"of the whole process, {found['peak_bytes_before'] / 1e9:.2f} GB of it before the first frame"
    target = Target("most memory", found["peak_bytes"] / 1e9, 1.0, "GB", note=note)
    return Line("long_clip", TITLE, targets=(target,), values=values)
