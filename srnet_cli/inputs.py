"""What commands start from: a prepared stage, a checkpoint."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srnet_cli.console import remark, remark_once
from srnet_cli.progress import progress_bar
from srnet_cli.wording import SYNTHETIC
from srnet_core.config import DataConfig
from srnet_core.errors import ConfigError, InputFileMissing

if TYPE_CHECKING:
    from srnet_core.checkpoint import Checkpoint
    from srnet_core.geometry.skeleton import Skeleton
    from srnet_core.stages.prepare import Prepared

_NOT_IN_NAMES = ' /\\:*?"<>|'
_SAME_RATE = 0.02  # rates that differ by less are the same, e.g. 29.97 and 30
_LONGEST_STEM = 200  # bytes; file systems take 255, with the ending and the mark of a temporary file


def prepare_stage(config: DataConfig, *, force: bool = False) -> "Prepared":
    """Prepare with a progress bar. A remark says that synthetic data is used, and why if it was not asked for."""
    from srnet_core.stages.prepare import prepare

    if config.dataset != "synthetic" and config.data_dir != DataConfig().data_dir:
        _require_data_dir(Path(config.data_dir))
        if config.dataset is None:
            _require_h36m(config)
    with progress_bar() as bar:
        prepared = prepare(config, force=force, progress=bar.update)
    if prepared.damage:
        said = prepared.damage if prepared.damage.startswith("is ") else f"is {prepared.damage}"
        remark(f"the stage in the cache {said}. It was made again")
    if prepared.stage.manifest["synthetic"]:
        remark_once(SYNTHETIC if config.dataset else _why_synthetic(config))
    if "check" not in prepared.stage.manifest:
        remark(f"made by an earlier version, without a check; to prepare it again, delete {prepared.stage.folder}")
    if config.fps and abs(prepared.stage.manifest["fps"] / config.fps - 1) > _SAME_RATE:
        used = prepared.stage.manifest["fps"]
        remark(f"--fps {config.fps:g}: the nearest rate that whole frames give is {used:.4g} per second, which is used")
    for warning in prepared.stage.manifest.get("warnings", ()):
        remark(warning)
    return prepared


def _require_data_dir(folder: Path) -> None:
    if not folder.is_dir():
        what = "this is a file, not a folder" if folder.exists() else "there is no such folder"
        raise InputFileMissing(what, where=folder, todo="Check --data-dir")


def _require_h36m(config: DataConfig) -> None:
    """A folder given with --data-dir must contain Human3.6M, unless a data set is named."""
    from srnet_core import datasets

    if datasets.resolve_name(None, config.data_dir, config.keypoints) == "synthetic":
        others = datasets.available(config.data_dir)
        todo = f"Give --dataset {' or '.join(others)}" if others else "Check the path, or give --dataset synthetic"
        if not others and config.keypoints != "gt":
            todo += " --keypoints gt"
        raise InputFileMissing("there are no Human3.6M files in this folder", where=config.data_dir, todo=todo)


def _why_synthetic(config: DataConfig) -> str:
    from srnet_core import datasets

    others = [n for n in datasets.available(config.data_dir) if n != "h36m"]
    also = f". Also in {config.data_dir}/: --dataset {' or '.join(others)}" if others else ""
    return f"no Human3.6M files in {config.data_dir}/: using {SYNTHETIC}{also}"


def skeleton_of(config: DataConfig) -> "Skeleton":
    """The skeleton of a data set, from its files."""
    from srnet_core import datasets
    from srnet_core.stages.place import local_folder

    name = datasets.resolve_name(config.dataset, config.data_dir, config.keypoints)
    if len(datasets.names_of(name)) > 1:
        raise ConfigError("a skeleton is that of one data set", where=f"--dataset {name}", todo="Give one of them")
    with progress_bar() as bar:
        bar.busy("reading")
        paths = datasets.locate(name, config.data_dir, config.keypoints, local_folder(config.cache_dir))
        return datasets.load(name, paths, config.keypoints).skeleton


def output_name(text: str) -> str:
    """Text as the stem of a file that every file system takes: without separators and controls, not too long."""
    name = "".join(c if c.isprintable() and c not in _NOT_IN_NAMES else "_" for c in text)
    try:
        size = len(os.fsencode(name))
    except UnicodeEncodeError:  # the system's encoding lacks some of its characters
        name = name.encode("ascii", "replace").decode("ascii").replace("?", "_")
        size = len(name)
    if size <= _LONGEST_STEM:
        return name
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{os.fsencode(name)[: _LONGEST_STEM - 9].decode('utf-8', 'ignore')}-{digest}"


def require_ending(path: Path, endings: Sequence[str], flag: str = "--output") -> None:
    """Check that the name of an output file ends as its format does.

    Raises:
        ConfigError: it ends otherwise.
    """
    if path.name and not path.is_dir() and path.suffix.lower() not in endings:
        raise ConfigError(
            f"the name of this file must end in {' or '.join(endings)}",
            where=f"{flag} {path}",
            todo=f"E.g.: {flag} {_with_ending(path, endings)}",
        )


def _with_ending(path: Path, endings: Sequence[str]) -> Path:
    """A path with the first of some endings; a second ending of the name that is among them is the one that stays."""
    shorter = path.with_suffix("")
    return shorter if shorter.suffix.lower() in endings else path.with_suffix(endings[0])


def open_checkpoint(path: str | Path, data: dict, network: Mapping[str, Any]) -> "Checkpoint":
    """Load a checkpoint. Remarks say what had to be inferred or assumed.

    Args:
        data: the data options given; a published file does not say which normalization it was trained with.
        network: options of the network that published files do not tell, as given; a file of ours that says
            otherwise is an error, but for `compat`.
    """
    from srnet_core.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(path, normalization=data.get("normalization"), **network)
    for sentence in checkpoint.inferred:
        remark(sentence)
    return checkpoint
