"""Names of a run and of its files."""

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from srnet_core.config import RunConfig
from srnet_core.errors import ConfigError
from srnet_core.files import try_lock
from srnet_core.lookup import plain
from srnet_core.models import get_model

MAX_DEFAULT_NAME = 120
_LONGEST_FILE_NAME = 255  # bytes, on the usual file systems


@dataclass(frozen=True)
class RunFiles:
    """Paths of a run's files: checkpoints with the published names, and a folder of the run's name for records."""

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
    def folder(self) -> Path:
        return self.checkpoint_dir / self.name

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def config(self) -> Path:
        return self.folder / "config.json"

    @property
    def result(self) -> Path:
        return self.folder / "result.json"

    def state(self) -> tuple[tuple[int, int] | None, ...]:
        """What changes when somebody writes the checkpoints of this name; `None` for one that is not there."""
        return tuple(_written(path) for path in (self.latest, self.best))


def _written(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_mtime_ns


def default_name(config: RunConfig) -> str:
    """A name like those of the published files: srnet_gp5_t243_mul.

    What differs from Human3.6M, cross-subject, base normalization follows: srnet_gp5_t243_mul_synthetic. The name is
    ASCII without spaces and not longer than `MAX_DEFAULT_NAME`, so that every file system and terminal can have it.
    """
    model, data = config.model, config.data
    plugin = get_model(model.name)
    parts = [plain(model.name)]
    if plugin.takes_groups:
        parts.append(f"gp{'-'.join(map(str, model.divisions or (model.groups,)))}")
    parts.append(f"t{model.receptive_field}" + ("_causal" if model.causal else ""))
    if settings := plugin.settings_short(model):
        parts.append(settings)
    norm = [] if data.normalization == "base" else [data.normalization]
    norm += ["estimated_depth"] if data.root_depth == "estimate" else []
    augmented = ["augmented"] if config.augment.use else []
    dataset = [] if data.dataset == "h36m" else [str(data.dataset)]
    protocol = [] if data.protocol == "cross_subject" else [data.protocol]
    return _safe("_".join([*parts, *dataset, *protocol, *data.train_actions, *norm, *augmented]))


def _safe(name: str) -> str:
    """`name` as part of a file name; one that loses characters gets a hash of all of them, to stay distinct."""
    name = name.replace(" ", "")
    safe = re.sub(r"[^A-Za-z0-9_.+-]+", "-", name)
    if safe == name and len(name) <= MAX_DEFAULT_NAME:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{safe[: MAX_DEFAULT_NAME - 9]}-{digest}"


def require_name(name: str) -> None:
    """Check that a run's files can have a name that was given by the user.

    Raises:
        ConfigError: it is empty, contains separators of paths or control characters, or is too long.
    """
    todo = "Choose the folder with --checkpoint-dir" if set(name) & set("/\\") else "Choose another name"
    if not name.strip(". ") or set(name) & set("/\\") or any(ord(c) < 32 or ord(c) == 127 for c in name):
        raise ConfigError(f"{name!r} cannot be the name of a file", where="--name", todo=todo)
    files = RunFiles(name, Path(), Path())
    longest = max(len(os.fsencode(path.name)) for path in (files.latest, files.best)) + len(".." + "tmp-12345678")
    if longest > _LONGEST_FILE_NAME:
        raise ConfigError(
            f"a name of {len(name)} characters is too long for a file", where="--name", todo="Choose a shorter one"
        )


def claim_name(name: str, checkpoint_dir: Path, best_dir: Path | None = None) -> str:
    """`name`, or `name-2`, `name-3` ... if it is taken. Its folder is made, so no other process gets the same name."""
    candidate, count = name, 1
    while not _claim(RunFiles(candidate, Path(checkpoint_dir), Path(best_dir or checkpoint_dir))):
        count += 1
        candidate = f"{name}-{count}"
    return candidate


def _claim(files: RunFiles) -> bool:
    if files.latest.exists() or files.best.exists():
        return False
    files.checkpoint_dir.mkdir(parents=True, exist_ok=True)
    try:
        files.folder.mkdir()
    except FileExistsError:
        return False
    return True


@contextlib.contextmanager
def run_lock(files: RunFiles) -> Iterator[None]:
    """Keep other processes from training under the same name at the same time.

    Raises:
        ConfigError: another process is training under this name.
    """
    files.folder.mkdir(parents=True, exist_ok=True)
    lock = try_lock(files.folder / ".lock")
    if lock is None:
        raise ConfigError(
            f"another process is training {files.name}",
            where=files.folder,
            todo="Wait for it, or choose another --name",
        )
    try:
        yield
    finally:
        lock.release()
