"""Before the cells run: every stage is prepared once, and cores and memory are shared out."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from srnet_core.config import DataConfig, RunConfig
from srnet_core.config import replace as with_changes
from srnet_core.stages.prepare import Prepared
from srnet_core.stages.store import Stage
from srnet_core.sweep.definition import Cell, Sweep

_PROCESS_MIB = 500.0  # of Python and torch with their buffers, measured on Linux
_SHARE_FOR_CELLS = 0.8  # of the free memory; the rest is for everybody else
_SHARE_FOR_FRAMES = 0.5  # of a cell's memory; as `train` does with the memory that is free


@dataclass(frozen=True)
class Plan:
    """A sweep whose stages are there.

    Attributes:
        sweep: with the name of the data set, and groups derived from its skeleton, in the settings of every cell.
        stage_keys: the stage of each cell, by the cell's key.
        memory_mib: about how much memory each cell takes, by its key.
    """

    sweep: Sweep
    stage_keys: dict[str, str]
    memory_mib: dict[str, float]


def make_plan(
    sweep: Sweep,
    prepare: Callable[[DataConfig], Prepared],
    adapt: Callable[[RunConfig, Stage], RunConfig] = lambda config, _: config,
) -> Plan:
    """Prepare the stages of all cells, each stage once.

    Args:
        prepare: makes or finds a stage.
        adapt: fills in settings that depend on the data.

    Raises:
        SrnetError: a stage cannot be prepared; as `stages.prepare.prepare`.
    """
    prepared: dict[DataConfig, Prepared] = {}
    cells: list[Cell] = []
    stage_keys, memory_mib = {}, {}
    for cell in sweep.cells:
        data = cell.config.data
        if data not in prepared:
            prepared[data] = prepare(data)
        stage = prepared[data].stage
        config = adapt(with_changes(cell.config, data=prepared[data].config), stage)
        cells.append(replace(cell, config=config))
        stage_keys[cells[-1].key] = stage.manifest["key"]
        memory_mib[cells[-1].key] = estimated_memory_mib(config, stage)
    return Plan(replace(sweep, cells=tuple(cells)), stage_keys, memory_mib)


def estimated_memory_mib(config: RunConfig, stage: Stage) -> float:
    """About how much memory a cell takes: the process, its training frames, weights with Adam's state, one batch."""
    frames, joints = stage.manifest["frames"]["train"], stage.skeleton.num_joints
    frame_bytes = 4 * (5 * joints + len(stage.manifest["norm_parameters"]) + 3)
    model, train = config.model, config.train
    layers = 2 * len(model.filter_widths)
    weights = model.channels**2 * sum(model.filter_widths) * 2  # of a fully connected network; others have fewer
    windows = train.batch_size * (2 if train.flip else 1)
    positions = model.receptive_field / model.filter_widths[0] + layers  # time steps in all layers of a window
    activations = 3 * windows * positions * model.channels
    return _PROCESS_MIB + (frames * frame_bytes + 4 * (5 * weights + activations)) / 2**20


def available_cores() -> int:
    """Cores that this process may use."""
    with_affinity = getattr(os, "sched_getaffinity", None)
    return len(with_affinity(0)) if with_affinity else os.cpu_count() or 1


def available_memory_mib() -> float:
    """Memory that the cells may share: most of what is free."""
    from srnet_core.sampling.memory import free_bytes_of_machine

    return _SHARE_FOR_CELLS * free_bytes_of_machine() / 2**20


def frames_budget_mib(memory_mib: float, jobs: int) -> float:
    """The memory budget for the training frames of one cell among `jobs`."""
    return float(max(64, int(_SHARE_FOR_FRAMES * memory_mib / jobs)))
