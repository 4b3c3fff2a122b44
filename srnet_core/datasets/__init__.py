"""Data sets, one file each, with two functions:

`locate(name, data_dir, keypoints, cache_dir)` gives the input files, making them first where a data set can;
`load(name, paths, keypoints)` reads them into a `PoseDataset`. A name that has no file of its own is read by `custom`.
"""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from srnet_core import lookup
from srnet_core.clip import PoseDataset

_DEFAULT, _FALLBACK, _ANY_NAME = "h36m", "synthetic", "custom"


def available(data_dir: str | Path) -> list[str]:
    """The NAMEs of the files `data_3d_NAME.npz` in a folder, sorted."""
    return sorted(p.stem.removeprefix("data_3d_") for p in Path(data_dir).glob("data_3d_*.npz"))


def resolve_name(name: str | None, data_dir: str | Path, keypoints: str) -> str:
    """`name`, or without one: Human3.6M if its 3D file or these keypoints are in `data_dir`, else synthetic data.

    One file of the two is enough, so that somebody who has half of Human3.6M hears what is missing instead of
    training on synthetic data without noticing.
    """
    if name is not None:
        return name
    files = (f"data_3d_{_DEFAULT}.npz", f"data_2d_{_DEFAULT}_{keypoints}.npz")
    return _DEFAULT if any((Path(data_dir) / file).is_file() for file in files) else _FALLBACK


def locate(name: str, data_dir: str | Path, keypoints: str, cache_dir: str | Path) -> tuple[Path, ...]:
    """The input files of a data set, all of which exist.

    Raises:
        InputFileMissing: they do not; the message says which, where they belong and where they come from.
        ConfigError: a name that cannot be part of a file name.
    """
    return tuple(_plugin(name).locate(name, data_dir, keypoints, cache_dir))


def load(name: str, paths: Sequence[Path], keypoints: str) -> PoseDataset:
    """Read the files that `locate` gave.

    Raises:
        InputFileMissing, BadFileError, HostileFileError: see the data set.
    """
    return _plugin(name).load(name, paths, keypoints)


def _plugin(name: str) -> ModuleType:
    return lookup.load("datasets", name if name in lookup.names("datasets") else _ANY_NAME)
