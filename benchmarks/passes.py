"""What each pass of a training step and of lifting a clip costs: processor time of one thread, by what the pass is for.

    python -m benchmarks.passes                    # 243 frames, batch 64, 1024 channels, 5 groups
    python -m benchmarks.passes --frames 1 --batch 1024

The recorded operations are run one by one, and each is timed. Processor time does not count the waiting for other
programs, but caches that they use as well still cost.
"""

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial

import torch

from benchmarks.contenders import LONG, SINGLE
from srnet_cli.console import told
from srnet_core.config import TrainConfig
from srnet_core.engine.folded import FoldedForm
from srnet_core.engine.folding import FoldedModel
from srnet_core.engine.fused import TrainingForm
from srnet_core.engine.openblas import NumPyThreads
from srnet_core.engine.recording import Recording
from srnet_core.models import build_model
from srnet_core.models.pose_model import PoseModel
from srnet_core.training.loop import make_optimizer

_WARM_UP = 2
Times = dict[str, float]  # seconds by what they were spent on


class _Labelled(list):  # type: ignore[type-arg]
    """A list of operations that notes which function appended each."""

    def __init__(self) -> None:
        super().__init__()
        self.labels: list[str] = []

    def append(self, operation: Callable[[], object]) -> None:
        self.labels.append(sys._getframe(1).f_code.co_qualname)
        super().append(operation)


def training_passes(model: PoseModel, batch: int, rounds: int) -> Times:
    """Seconds per training step by the function of the engine that made the operation."""
    found: list[Recording] = []
    plain = Recording.__init__

    def noted(self: Recording, *args: object, **settings: object) -> None:
        plain(self, *args, **settings)  # type: ignore[arg-type]
        self.forward, self.backward = _Labelled(), _Labelled()
        found.append(self)

    model.train()
    form, optimizer = TrainingForm(model), make_optimizer(model, TrainConfig())
    form.lay_out()
    x = torch.randn(batch, model.receptive_field, model.num_joints, 2)
    Recording.__init__ = noted  # type: ignore[assignment, method-assign]
    try:
        form(x).abs().mean().backward()
    finally:
        Recording.__init__ = plain  # type: ignore[method-assign]
    times: Times = defaultdict(float)
    (recording,) = found
    for _ in range(rounds):
        with torch.no_grad(), NumPyThreads(1):
            for operations in (recording.forward, recording.backward):
                assert isinstance(operations, _Labelled)
                _time(operations, operations.labels, times)
        _time([optimizer.step], ["optimizer"], times)
    return {label: seconds / rounds for label, seconds in times.items()}


def lifting_passes(model: PoseModel, frames: int, rounds: int) -> Times:
    """Seconds per clip and its mirror image by the operation."""
    times: Times = defaultdict(float)
    with torch.inference_mode(), NumPyThreads(1):
        form = FoldedForm(model, FoldedModel(model))
        tiles = form._take_tiles(1)
        x = torch.randn(frames + model.receptive_field - 1, 1, 2 * model.num_joints)
        for round_number in range(-_WARM_UP, rounds):
            tiles.reset()
            for piece in x.split(tiles.frames):
                rows = len(piece)
                key = rows, *(inputs.held for inputs in tiles._inputs)
                tiles.feed(piece)
                if round_number >= 0:
                    operations = tiles._plans[key][0]
                    _time(operations, [_name(operation) for operation in operations], times)
    return {label: 2 * seconds / rounds for label, seconds in times.items()}


def _name(operation: Callable[[], object]) -> str:
    function = operation.func if isinstance(operation, partial) else operation
    name = getattr(function, "__name__", type(function).__name__)
    if name in ("mm", "matmul", "multiply", "addmm", "addmm_"):
        columns = operation.args[-1].shape[-1] if isinstance(operation, partial) else 0
        return "products of contexts" if columns in (5, 16, 15, 48) else "products of groups"
    return str(name)


def _time(operations: Sequence[Callable[[], object]], labels: Sequence[str], times: Times) -> None:
    for operation, label in zip(operations, labels):
        started = time.thread_time()
        operation()
        times[label] += time.thread_time() - started


def _show(title: str, times: Times) -> None:
    whole = sum(times.values())
    told(f"{title}: {1000 * whole:.0f} ms")
    for label, seconds in sorted(times.items(), key=lambda item: -item[1]):
        told(f"  {label:<44}{1000 * seconds:8.1f} ms {100 * seconds / whole:5.1f} %")


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.passes", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, choices=(1, 243), default=243, help="receptive field")
    parser.add_argument("--batch", type=int, default=64, help="windows of a training step")
    parser.add_argument("--channels", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=6)
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = build_model("srnet", filter_widths=LONG if asked.frames == 243 else SINGLE, channels=asked.channels)
    _show(f"training step, batch {asked.batch}", training_passes(model, asked.batch, asked.rounds))
    _show("clip of 1,000 frames, plain and mirrored", lifting_passes(model.eval(), 1000, asked.rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
