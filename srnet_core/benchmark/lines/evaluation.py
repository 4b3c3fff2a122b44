"""`eval` with flip averaging and all metrics: the metrics' share of its time."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from srnet_core.benchmark.bench import BenchConfig, Progress
from srnet_core.benchmark.contenders import LONG
from srnet_core.benchmark.result import Line, Target
from srnet_core.config import DataConfig
from srnet_core.datasets.synthetic import SyntheticConfig, make_files
from srnet_core.device import choose_device
from srnet_core.evaluation.predict import predict_split
from srnet_core.evaluation.tables import make_report
from srnet_core.evaluation.tables import measure as measure_errors
from srnet_core.models import build_model
from srnet_core.stages.prepare import prepare
from srnet_core.stages.store import Stage

TITLE = "eval, 243 frames, all metrics"
_H36M_TEST_FRAMES = 543_000  # frames x cameras of Human3.6M's test split
_NAME = "eval_sized"


def measure(config: BenchConfig, progress: Progress) -> Line:
    """Every stage of an evaluation timed on a few sequences of Human3.6M's length; the work per frame is the same."""
    with tempfile.TemporaryDirectory() as folder:
        stage = _stage(Path(folder), config)
        found = _evaluate(stage, config, progress)
    frames = sum(s.length for s in stage.split("test"))
    total = found["predict_s"] + found["metrics_s"]
    share = found["metrics_cpu_s"] / (found["predict_cpu_s"] + found["metrics_cpu_s"])
    values = found | {
        "frames": frames,
        "frames_per_second": frames / total,
        "metrics_share_wall": found["metrics_s"] / total,
        "metrics_share_cpu": share,
        "seconds_for_h36m": total / frames * _H36M_TEST_FRAMES,
    }
    note = f"{frames:,} frames measured; {_H36M_TEST_FRAMES:,} would take {values['seconds_for_h36m']:.0f} s"
    target = Target("share of the metrics in the time", 100 * found["metrics_s"] / total, 20.0, "%", note=note)
    return Line("evaluation", TITLE, targets=(target,), values=values)


def _stage(folder: Path, config: BenchConfig) -> Stage:
    made = SyntheticConfig(
        seed=config.seed, seconds_per_take=config.pick(50.2, 2.0), subjects=("S1", "S9"), actions=("Walking",)
    )
    data_dir = make_files(made, folder, _NAME)[0].parent
    return prepare(DataConfig(dataset=_NAME, data_dir=str(data_dir), cache_dir=str(folder / "cache"))).stage


def _evaluate(stage: Stage, config: BenchConfig, progress: Progress) -> dict[str, float]:
    """Seconds by the wall and of all threads, of predicting and of measuring."""
    device = choose_device(config.device)
    widths = config.pick(LONG, (3, 3))
    model = build_model("srnet", filter_widths=widths, channels=config.channels)
    sequences = stage.split("test")
    spent = {"predict_s": 0.0, "predict_cpu_s": 0.0, "metrics_s": 0.0, "metrics_cpu_s": 0.0}
    errors = []
    predictions = iter(predict_split(model, stage, sequences, flip=True, device=device))
    measure_errors(next(iter(predict_split(model, stage, sequences[:1], flip=True, device=device))), stage.skeleton)
    for done in range(len(sequences)):
        progress(TITLE, done, len(sequences))
        with _clock(spent, "predict"):
            prediction = next(predictions)
        with _clock(spent, "metrics"):
            errors.append(measure_errors(prediction, stage.skeleton))
    with _clock(spent, "metrics"):
        make_report(errors, stage.skeleton, {})
    progress(TITLE, len(sequences), len(sequences))
    return spent


@contextmanager
def _clock(spent: dict[str, float], what: str) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    spent[f"{what}_s"] += time.perf_counter() - wall
    spent[f"{what}_cpu_s"] += time.process_time() - cpu
