"""`eval` with flip averaging and all metrics: the metrics' share of its time."""

import tempfile
from pathlib import Path

import torch

from benchmarks.bench import BenchConfig, Progress, in_turns
from benchmarks.contenders import LONG
from benchmarks.result import OURS, Line, Target, speeds
from srnet_core.config import DataConfig
from srnet_core.datasets.synthetic import SyntheticConfig, make_files
from srnet_core.device import choose_device
from srnet_core.evaluation.predict import predict_split
from srnet_core.evaluation.run import evaluate_steps, finish
from srnet_core.models import build_model
from srnet_core.models.pose_model import PoseModel
from srnet_core.speed.clock import ratio
from srnet_core.stages.prepare import prepare
from srnet_core.stages.store import Stage

TITLE = "eval, 243 frames, all metrics"
_H36M_TEST_FRAMES = 543_000  # frames x cameras of Human3.6M's test split
_NAME = "eval_sized"
_PREDICTING = "predictions only"


def measure(config: BenchConfig, progress: Progress) -> Line:
    """Whole evaluations and the same predictions without metrics, in turns; the rest of the time is the metrics'.

    On clips of Human3.6M's length; the work per frame is the same whatever their number.
    """
    device = choose_device(config.device)
    with tempfile.TemporaryDirectory() as folder:
        stage = _stage(Path(folder), config)
        model = build_model("srnet", filter_widths=config.pick(LONG, (3, 3)), channels=config.channels)
        work = {
            OURS: lambda: finish(evaluate_steps(model, stage, device=device)),
            _PREDICTING: lambda: predict(model, stage, device),
        }
        samples = in_turns(work, TITLE, config, progress, rounds=7, warm_up=1, at_least_s=0.0)
    frames = sum(s.length for s in stage.split("test"))
    made, _ = speeds(samples, frames, {}, {})
    share, share_cpu = (100 * (1 - ratio(samples[_PREDICTING], samples[OURS], clock)) for clock in ("wall", "cpu"))
    seconds = samples[OURS].seconds / frames * _H36M_TEST_FRAMES
    note = f"{frames:,} frames measured; {_H36M_TEST_FRAMES:,} would take {seconds:.0f} s"
    target = Target("share of the metrics in the time", share, 20.0, "%", note=note)
    values = {"frames": frames, "seconds_for_h36m": seconds, "metrics_share_by_cpu": share_cpu}
    return Line("evaluation", TITLE, "frames", len(samples[OURS].wall), made, {}, (target,), values)


def predict(model: PoseModel, stage: Stage, device: torch.device) -> None:
    """All predictions of the test split, thrown away."""
    for _ in predict_split(model, stage, stage.split("test"), device=device):
        pass


def _stage(folder: Path, config: BenchConfig) -> Stage:
    made = SyntheticConfig(
        seed=config.seed, seconds_per_take=config.pick(25.0, 2.0), subjects=("S1", "S9"), actions=("Walking",)
    )
    data_dir = make_files(made, folder, _NAME)[0].parent
    return prepare(DataConfig(dataset=_NAME, data_dir=str(data_dir), cache_dir=str(folder / "cache"))).stage
