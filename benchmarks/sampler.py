"""The sampler by itself: windows per second beside a memory copy, start-up at Human3.6M's size, streaming.

    python benchmarks/sampler.py                      # about five minutes on one core; --json FILE keeps the numbers

Writes a stage of Human3.6M's size (600 clips of 2,600 frames, smooth random numbers) into --folder, 450 MB, once.
Processor time of this process counts, reading threads included, since wall time tells little on a shared machine.
Contenders take turns, and medians of the ratios within a turn are reported.
"""

import argparse
import contextlib
import itertools
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from srnet_core.config import ModelConfig, RunConfig, TrainConfig
from srnet_core.models import build_model
from srnet_core.sampling.from_stage import make_sampler
from srnet_core.sampling.sampler import Sampler
from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.stages.store import Stage
from srnet_core.stages.writer import StageWriter
from srnet_core.training.loop import Progress, Step, make_optimizer, train_epochs

CPU = torch.device("cpu")
RESIDENT_MIB = 2.0**40
SHAPES = {"pose_2d": (17, 2), "pose_3d": (17, 3), "root_cam_m": (3,)}
SETTLING_S = 0.3  # until the reading thread has nothing left to do


def make_stage(folder: Path, clips: int = 600, frames: int = 2600, seed: int = 0) -> Stage:
    """A stage of so many clips, all for training, of slow waves with a little noise; one that is there is opened."""
    if (folder / "manifest.json").exists():
        return Stage.open(folder)
    random = np.random.default_rng(seed)
    sequences = [
        {"subject": f"S{c // 120}", "take": f"Take {c // 4}", "camera": c % 4, "split": "train", "start": c * frames,
         "length": frames} for c in range(clips)
    ]  # fmt: skip
    with StageWriter(folder, clips * frames, SHAPES) as writer:
        for _ in range(clips):
            writer.append({name: _waves(random, frames, shape) for name, shape in SHAPES.items()})
        manifest = {
            "key": folder.name, "dataset": "waves", "synthetic": True, "arrays": list(SHAPES), "norm_parameters": [],
            "sequences": sequences, "skeleton": SKELETON.to_dict(), "cameras": {},
        }  # fmt: skip
        writer.commit(manifest, {"train": np.arange(clips * frames)})
    return Stage.open(folder)


def _waves(random: np.random.Generator, frames: int, shape: tuple[int, ...]) -> np.ndarray:
    time_s = np.arange(frames).reshape(-1, *[1] * len(shape)) / 50
    speed, phase, centre = random.uniform(0.5, 8, shape), random.uniform(0, 6, shape), random.normal(size=shape)
    return centre + 0.2 * np.sin(speed * time_s + phase) + 0.001 * random.normal(size=(frames, *shape))


def sampler_of(stage: Stage, filter_widths: tuple[int, ...], batch: int, budget_mib: float = RESIDENT_MIB) -> Sampler:
    """The sampler that training would make."""
    config = RunConfig(
        model=ModelConfig(filter_widths=filter_widths),
        train=TrainConfig(batch_size=batch, memory_budget_mib=budget_mib),
    )
    return make_sampler(stage, stage.split("train"), config, CPU)


def measure_gather(
    stage: Stage, filter_widths: tuple[int, ...] = (3, 3, 3, 3, 3), batch: int = 1024, rounds: int = 60
) -> dict:
    """Windows per second of the resident sampler on one core, against copying as many bytes within memory."""
    sampler = sampler_of(stage, filter_widths, batch)
    batches = _endless(sampler)
    first = next(batches)
    source = torch.rand(first.pose_2d.shape)
    target = torch.empty_like(source).fill_(0)
    del first
    gather, copy = [], []
    for _ in range(rounds):
        gather.append(_cpu_seconds(lambda: next(batches)))
        copy.append(_cpu_seconds(lambda: target.copy_(source)))
    return {
        "frames": int(np.prod(filter_widths)),
        "batch": batch,
        "windows_per_second": batch / statistics.median(gather),
        "copies_per_second": batch / statistics.median(copy),
        "of_a_copy": statistics.median(c / g for g, c in zip(gather, copy)),
    }


def measure_startup(folder: Path, filter_widths: tuple[int, ...] = (3, 3, 3, 3, 3)) -> dict:
    """Seconds and memory until the resident sampler stands, in a process of its own; what importing took is apart."""
    line = [sys.executable, __file__, "--folder", str(folder), "--startup", ",".join(map(str, filter_widths))]
    return json.loads(subprocess.run(line, check=True, capture_output=True, text=True).stdout)


def _startup(folder: Path, filter_widths: tuple[int, ...]) -> dict:
    import zarr  # noqa: F401  imported now, as by prepare before a training

    before_mib = _peak_mib()
    wall, cpu = time.perf_counter(), time.process_time()
    sampler = sampler_of(Stage.open(folder), filter_widths, 1024)
    made = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    next(sampler.epoch())
    made |= {"first_batch_wall_s": time.perf_counter() - wall, "windows": len(sampler.table)}
    return made | {"peak_mib": _peak_mib(), "peak_before_mib": before_mib}


def measure_streaming(
    stage: Stage, filter_widths: tuple[int, ...] = (3, 3, 3), channels: int = 256, batch: int = 1024,
    steps: int = 26, rounds: int = 3, share: float = 0.1,
) -> dict:  # fmt: skip
    """Training with a budget of a `share` of what all frames need, against training from memory.

    Some steps of one, then as many of the other. After each turn the reading thread is left to finish, so that its work
    counts where it belongs. Only with all cores busy does processor time tell the speed, so it is the worst case:
    with a core to spare reading costs nothing.
    """
    from srnet_core.sampling.blocks import resident_bytes
    from srnet_core.sampling.frames import StageSource

    resident = sampler_of(stage, filter_widths, batch)
    budget_mib = share * resident_bytes(resident.table, StageSource(stage).shapes) / 2**20
    streamed = sampler_of(stage, filter_widths, batch, budget_mib)
    runs = {
        name: _steps(s, filter_widths, channels, batch) for name, s in (("resident", resident), ("streamed", streamed))
    }
    for run in runs.values():
        _turn(run, 2)
    taken = {name: [] for name in runs}
    for index in range(rounds):
        for name in list(runs)[:: 1 if index % 2 else -1]:
            taken[name].append(_turn(runs[name], steps))
    cpu, wall = ({n: [t[i] for t in turns] for n, turns in taken.items()} for i in (0, 1))
    return {
        "frames": int(np.prod(filter_widths)),
        "channels": channels,
        "budget_mib": budget_mib,
        "order": streamed.order,
        "steps": steps * rounds,
        "windows_per_second": {n: batch * steps / statistics.median(w) for n, w in wall.items()},
        "share_by_cpu": sum(cpu["resident"]) / sum(cpu["streamed"]),
        "share_by_wall": sum(wall["resident"]) / sum(wall["streamed"]),
    }


def measure_epoch(stage: Stage, filter_widths: tuple[int, ...], batches: int, share: float = 0.1) -> dict:
    """Processor time per window of the samplers alone, and the time until a streamed epoch has its first batch."""
    from srnet_core.sampling.blocks import resident_bytes
    from srnet_core.sampling.frames import StageSource

    resident = sampler_of(stage, filter_widths, 1024)
    budget = share * resident_bytes(resident.table, StageSource(stage).shapes) / 2**20
    streamed = sampler_of(stage, filter_widths, 1024, budget)
    made: dict = {"frames": int(np.prod(filter_widths)), "order": streamed.order}
    for name, sampler in (("resident", resident), ("streamed", streamed)):
        epoch = sampler.epoch()
        made[f"{name}_first_batch_s"] = _cpu_seconds(lambda epoch=epoch: next(epoch))
        spent = _cpu_seconds(lambda epoch=epoch: sum(1 for _ in itertools.islice(epoch, batches)))
        made[f"{name}_us_per_window"] = 1e6 * spent / (1024 * batches)
    return made


def _steps(sampler: Sampler, filter_widths: tuple[int, ...], channels: int, batch: int) -> Iterator[Step]:
    model = build_model("srnet", filter_widths=filter_widths, channels=channels)
    config = TrainConfig(epochs=10**6, batch_size=batch)
    events = train_epochs(model, sampler, make_optimizer(model, config), config, Progress())
    return (event for event in events if isinstance(event, Step))


def _turn(run: Iterator[Step], steps: int) -> tuple[float, float]:
    """(processor seconds with the reading that they caused, wall seconds) of some steps."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in itertools.islice(run, steps):
        pass
    wall_s = time.perf_counter() - wall
    time.sleep(SETTLING_S)
    return time.process_time() - cpu, wall_s


def _endless(sampler: Sampler) -> Iterator:
    while True:
        yield from (b for b in sampler.epoch() if len(b.pose_2d) == sampler.windows_per_batch)


def _cpu_seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _peak_mib() -> float:
    """The most memory this process had. Where there is /proc, without what its parent had, which `getrusage` counts."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=Path("cache/sampler-benchmark"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--startup", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.startup:
        return print(json.dumps(_startup(options.folder, tuple(map(int, options.startup.split(","))))))
    stage = make_stage(options.folder)
    found = {}
    for name, work in {
        "gather, 243 frames": lambda: measure_gather(stage),
        "gather, 1 frame": lambda: measure_gather(stage, (1, 1, 1)),
        "start-up, 243 frames": lambda: measure_startup(options.folder),
        "samplers alone, 1 frame": lambda: measure_epoch(stage, (1, 1, 1), 1000),
        "samplers alone, 243 frames": lambda: measure_epoch(stage, (3, 3, 3, 3, 3), 400),
        "streaming, 1 frame, 1024 channels": lambda: measure_streaming(stage, (1, 1, 1), 1024, steps=52),
        "streaming, 27 frames, 256 channels": lambda: measure_streaming(stage),
        "streaming, 243 frames, 1024 channels": lambda: measure_streaming(
            stage, (3, 3, 3, 3, 3), 1024, batch=64, steps=10
        ),
    }.items():
        found[name] = work()
        print(name)
        for key, value in found[name].items():
            print(f"  {key:24} {value:,.3f}" if isinstance(value, float) else f"  {key:24} {value}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
