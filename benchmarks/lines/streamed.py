"""Training from a stage ten times larger than the memory it may use, against the same stage in memory."""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.bench import BenchConfig, Progress
from benchmarks.child import in_child
from benchmarks.contenders import LONG, SINGLE
from benchmarks.data import H36M_SIZED, h36m_sized
from benchmarks.memory import PLENTY_MIB
from benchmarks.result import Line, Target
from srnet_core.config import DataConfig, ModelConfig, RunConfig, TrainConfig, replace
from srnet_core.device import choose_device
from srnet_core.models import build_model
from srnet_core.sampling.from_stage import make_sampler
from srnet_core.stages.prepare import prepare
from srnet_core.stages.store import Stage
from srnet_core.training import loop

TITLE = "training from a stage of ten times the memory"
_STEPS_IN_TURN = 5


@dataclass
class Run:
    """One of the two trainings, and what its counted steps took."""

    steps: Iterator[loop.Step]
    windows: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    first_s: float = 0.0


def measure(config: BenchConfig, progress: Progress) -> Line:
    """Steps of single frames on data of Human3.6M's size, a few resident, then a few streamed.

    Single frames are the harder case: their steps are the shortest for the frames they use. Also steps that wait for a
    block count, so sums are compared, not medians.
    """
    data_dir = h36m_sized(config)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=config.cache_dir) as folder:
        progress(TITLE, 0, 1)
        stage = prepare(DataConfig(dataset=H36M_SIZED, data_dir=str(data_dir), cache_dir=folder)).stage
        budget = array_bytes(stage) / 10 / 2**20
        resident, streamed = (Run(_steps(stage, mib, config)) for mib in (PLENTY_MIB, budget))
        _take_turns((resident, streamed), config.pick(30, 2), progress)
        startup = in_child("memory:sampler_startup", stage=str(stage.folder), filter_widths=LONG, batch=1024)
    share, share_cpu = (
        100 * (streamed.windows / spent(streamed)) / (resident.windows / spent(resident))
        for spent in (lambda run: run.wall_s, lambda run: run.cpu_s)
    )
    values = {
        "stage_mib": 10 * budget,
        "memory_budget_mib": budget,
        "windows": streamed.windows,
        "resident_windows_per_second": resident.windows / resident.wall_s,
        "streamed_windows_per_second": streamed.windows / streamed.wall_s,
        "share_by_cpu": share_cpu,
        "resident_first_turn_s": resident.first_s,
        "streamed_first_turn_s": streamed.first_s,
        "startup_s": startup["seconds"],
        "startup_first_batch_s": startup["first_batch_seconds"],
        "startup_peak_bytes": startup["peak_bytes"] - startup["peak_bytes_before"],
    }
    note = f"{budget:.1f} of {10 * budget:.0f} MiB, single frame; by processor time {share_cpu:.0f} %"
    target = Target("of the resident sampler's speed", share, 90.0, "%", at_least=True, note=note)
    first_s, mib = values["startup_first_batch_s"], values["startup_peak_bytes"] / 2**20
    windows = f"{startup['windows']:,} windows"
    start = f"a sampler of {windows} in memory has its first batch after {first_s:.1f} s and {mib:.0f} MiB"
    return Line("streamed", TITLE, targets=(target,), values=values, notes=(start,))


def array_bytes(stage: Stage) -> int:
    """What the training split's network inputs, targets and parameters take uncompressed."""
    first, last = stage.frames("train")
    joints, parameters = stage.skeleton.num_joints, len(stage.manifest["norm_parameters"])
    return 4 * (last - first) * (5 * joints + parameters)


def _steps(stage: Stage, budget_mib: float, config: BenchConfig) -> Iterator[loop.Step]:
    """The steps of one epoch."""
    device = choose_device(config.device)
    model = build_model(ModelConfig(filter_widths=SINGLE, channels=config.channels)).to(device)
    train = TrainConfig(epochs=1, batch_size=config.pick(1024, 128), memory_budget_mib=budget_mib)
    run = replace(RunConfig(), model=model.config, train=train)
    sampler = make_sampler(stage, stage.split("train"), run, device)
    events = loop.train_epochs(model, sampler, loop.make_optimizer(model, train), train, loop.Progress())
    return (event for event in events if isinstance(event, loop.Step))


def _take_turns(runs: tuple[Run, Run], turns: int, progress: Progress) -> None:
    """A few steps of each in turn; the first turn, which also fills the memory, is kept apart."""
    for turn in range(turns + 1):
        for run in runs if turn % 2 else runs[::-1]:
            wall, cpu = time.perf_counter(), time.process_time()
            windows = sum(step.windows for _, step in zip(range(_STEPS_IN_TURN), run.steps))
            if turn == 0:
                run.first_s = time.perf_counter() - wall
                continue
            run.windows += windows
            run.wall_s += time.perf_counter() - wall
            run.cpu_s += time.process_time() - cpu
        progress(TITLE, turn, turns)
