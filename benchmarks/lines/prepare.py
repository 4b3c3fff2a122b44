"""`prepare` at Human3.6M's size: seven subjects, fifteen actions twice, 527,000 frames seen by four cameras."""

import shutil
import tempfile

from benchmarks.bench import BenchConfig, Progress
from benchmarks.child import in_child, seconds_of_command
from benchmarks.data import H36M_SIZED, h36m_sized
from benchmarks.result import Line, Target
from srnet_core.errors import SrnetError

TITLE = "prepare at Human3.6M's size"


def measure(config: BenchConfig, progress: Progress) -> Line:
    """The data are made once and kept in the cache folder; stages are made anew and removed."""
    progress(TITLE, 0, 3)
    folder = h36m_sized(config)
    stages = tempfile.mkdtemp(prefix="bench-", dir=config.cache_dir)
    folders = {"data_dir": str(folder), "cache_dir": stages}
    again = ["prepare", "--dataset", H36M_SIZED, "--data-dir", str(folder), "--cache-dir", stages]
    try:
        progress(TITLE, 1, 3)
        fresh = in_child("preparing:prepare_folder", threads=config.threads, dataset=H36M_SIZED, **folders)
        progress(TITLE, 2, 3)
        cached = in_child("preparing:prepare_folder", threads=config.threads, dataset=H36M_SIZED, **folders)
        command_s = seconds_of_command(again, threads=config.threads)
    finally:
        shutil.rmtree(stages, ignore_errors=True)
    progress(TITLE, 3, 3)
    if fresh["cached"] or not cached["cached"]:
        raise SrnetError("the stage was not made by the first run and found by the second", where=folder)
    targets = (
        Target("first run", fresh["seconds"], 20.0, "s"),
        Target("first run, most memory", fresh["peak_bytes"] / 1e9, 1.5, "GB", note="of the whole process"),
        Target("srnet prepare again, which finds the stage", command_s, 1.0, "s", note="the whole command"),
    )
    values = {
        "frames": fresh["frames"],
        "seconds": fresh["seconds"],
        "cpu_seconds": fresh["cpu_seconds"],
        "peak_process_bytes": fresh["peak_bytes"],
        "cached_seconds": cached["seconds"],
        "cached_command_seconds": command_s,
    }
    note = f"{fresh['frames']:,} frames x cameras, {fresh['cpu_seconds']:.1f} s of processor time"
    return Line("prepare", TITLE, targets=targets, values=values, notes=(note,))
