"""Start-up: `srnet --help` and `srnet eval` on a small file, each in fresh processes."""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.bench import BenchConfig, Progress
from benchmarks.child import seconds_of_command
from benchmarks.result import Line, Target
from srnet_core.checkpoint import Record, save_checkpoint
from srnet_core.config import DataConfig, RunConfig, TrainConfig
from srnet_core.datasets.synthetic import SyntheticConfig, make_files
from srnet_core.errors import SrnetError
from srnet_core.models import build_model
from srnet_core.stages.prepare import prepare

TITLE = "start-up"
_NAME = "small"


def measure(config: BenchConfig, progress: Progress) -> Line:
    """Medians of fresh processes; the first of each is not counted."""
    times = config.pick(7, 1)
    with tempfile.TemporaryDirectory() as folder:
        evaluation = ["eval", str(_small_run(Path(folder), config)), "--device", "cpu"]
        commands = {"srnet --help": ["--help"], "srnet eval, small file": evaluation}
        medians = {}
        for done, (name, arguments) in enumerate(commands.items()):
            progress(TITLE, done, len(commands))
            seconds = [seconds_of_command(arguments, threads=config.threads) for _ in range(times + 1)]
            medians[name] = statistics.median(seconds[1:])
    progress(TITLE, len(commands), len(commands))
    targets = (
        Target("srnet --help", medians["srnet --help"], 0.3, "s"),
        Target("srnet eval on a small file", medians["srnet eval, small file"], 4.0, "s"),
        Target("modules of torch that srnet --help loads", modules_loaded("srnet_cli.app", "torch"), 0, ""),
    )
    values = {"help_seconds": medians["srnet --help"], "eval_seconds": medians["srnet eval, small file"]}
    return Line("startup", TITLE, rounds=times, targets=targets, values=values)


def modules_loaded(imported: str, package: str) -> int:
    """How many modules of `package` a fresh process has after importing `imported`."""
    code = f"import sys, {imported}; sys.exit(sum(m.partition('.')[0] == {package!r} for m in sys.modules) > 0)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if ended.returncode not in (0, 1) or ended.stderr:
        raise SrnetError(f"{imported} cannot be imported: {ended.stderr.strip().splitlines()[-1:]}")
    return ended.returncode


def _small_run(folder: Path, config: BenchConfig) -> Path:
    """A prepared data set of two short takes per subject and a checkpoint that knows it."""
    made = SyntheticConfig(seed=config.seed, seconds_per_take=2.0, subjects=("S1", "S9"), actions=("Walking",))
    data_dir = make_files(made, folder / "data", _NAME)[0].parent
    data = DataConfig(dataset=_NAME, data_dir=str(data_dir), cache_dir=str(folder / "cache"))
    prepare(data)
    model = build_model("srnet", channels=100)
    run = RunConfig(data=data, model=model.config, train=TrainConfig(epochs=1))
    return save_checkpoint(
        folder / "small.bin",
        model=model,
        epoch=1,
        lr=1e-3,
        optimizer_state=None,
        random_state=None,
        record=Record(config=run, dataset=_NAME, synthetic=True),
    )
