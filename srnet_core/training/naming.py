"""What a run and its files are called."""

from dataclasses import dataclass
from pathlib import Path

from srnet_core.config import RunConfig

_RECOMBINE_SHORT = {"multiply": "mul", "add": "add", "concat": "cat"}


@dataclass(frozen=True)
class RunFiles:
    """Where a run's files lie: published names for the checkpoints, a folder of the run's name for its records."""

    name: str
    checkpoint_dir: Path
    best_dir: Path

    @property
    def latest(self) -> Path:
        return self.checkpoint_dir / f"latest_epoch_{self.name}.bin"

    @property
    def best(self) -> Path:
        return self.best_dir / f"model_best_{self.name}.bin"

    @property
    def metrics(self) -> Path:
        return self.checkpoint_dir / self.name / "metrics.jsonl"

    @property
    def config(self) -> Path:
        return self.checkpoint_dir / self.name / "config.json"


def default_name(config: RunConfig) -> str:
    """A name that says what is inside, in the manner of the published files: srnet_gp5_t27_mul_synthetic_cross_subject."""
    model, data = config.model, config.data
    parts = [model.name]
    if model.name != "fc":
        parts.append(f"gp{model.groups}")
    parts.append(f"t{model.receptive_field}" + ("_causal" if model.causal else ""))
    if model.name == "srnet":
        parts.append(_RECOMBINE_SHORT[model.recombine])
    norm = [] if data.normalization == "base" else [data.normalization]
    norm += ["estimated_depth"] if data.root_depth == "estimate" else []
    return "_".join([*parts, str(data.dataset), data.protocol, *data.train_actions, *norm]).replace(" ", "")


def free_name(name: str, checkpoint_dir: Path, best_dir: Path | None = None) -> str:
    """`name`, or `name-2`, `name-3` ... if a run of that name is there already."""
    candidate, count = name, 1
    while any(f.exists() for f in _checkpoints(RunFiles(candidate, checkpoint_dir, best_dir or checkpoint_dir))):
        count += 1
        candidate = f"{name}-{count}"
    return candidate


def _checkpoints(files: RunFiles) -> tuple[Path, Path]:
    return files.latest, files.best
