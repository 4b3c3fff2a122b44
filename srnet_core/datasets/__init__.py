"""Data sets, one file each.

A data set is a `DatasetPlugin`: one function finds its files and one reads them. The table `PLUGINS` lists the built-in
ones and imports each only when it is asked for; other packages add theirs in the entry-point group `srnet.datasets`,
see docs/plugins.md. Any other name stands for the files `data_3d_NAME.npz` and `data_2d_NAME_KEYPOINTS.npz`, which
`custom` reads.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from srnet_core.lookup import PluginTable, plain

if TYPE_CHECKING:
    from srnet_core.clip import PoseDataset
    from srnet_core.datasets._missing import FramesLost

_DEFAULT, _FALLBACK, _ANY_NAME = "h36m", "synthetic", "custom"
# Names that the files of a data set have in the field, beside the name of the data set itself.
_H36M_NAMES = ("h36m", "human36m", "human36")  # in names of files, without case and punctuation
_READ_BY = {"humaneva15": "humaneva", "humaneva20": "humaneva", "3dhp": "mpi_inf_3dhp", "3dpw": "threedpw"}


@dataclass(frozen=True)
class DatasetPlugin:
    """How the poses of a data set are found and read.

    Attributes:
        locate: `locate(name, data_dir, keypoints, cache_dir)` returns the input files, all of which exist. A data set
            that generates its files writes them to `cache_dir` first; nothing is ever written to `data_dir`. It
            raises `InputFileMissing` for missing files, `ConfigError` or `UnknownNameError` for a name or keypoints
            that the data set cannot have.
        load: `load(name, paths, keypoints)` reads those files into a `PoseDataset` of that name. It raises
            `BadFileError` for a file whose contents are not valid.
    """

    locate: Callable[[str, str | Path, str, str | Path], Sequence[Path]]
    load: "Callable[[str, Sequence[Path], str], PoseDataset]"


PLUGINS = PluginTable(
    kind="data set",
    group="srnet.datasets",
    shape=DatasetPlugin,
    built_in={
        "custom": "srnet_core.datasets.custom:DATASET",
        "h36m": "srnet_core.datasets.h36m:DATASET",
        "humaneva": "srnet_core.datasets.humaneva:DATASET",
        "mocap": "srnet_core.datasets.mocap:DATASET",
        "mpi_inf_3dhp": "srnet_core.datasets.mpi_inf_3dhp:DATASET",
        "synthetic": "srnet_core.datasets.synthetic:DATASET",
        "threedpw": "srnet_core.datasets.threedpw:DATASET",
    },
)


def available(data_dir: str | Path) -> list[str]:
    """The NAMEs of the files `data_3d_NAME.npz` in a folder, sorted."""
    return sorted(p.stem.removeprefix("data_3d_") for p in Path(data_dir).glob("data_3d_*.npz"))


def names_of(name: str) -> list[str]:
    """The names of several data sets that are used as one, e.g. "h36m,humaneva"; a list of one for a single one."""
    return [part.strip() for part in name.split(",") if part.strip()] if "," in name else [name]


def resolve_name(name: str | None, data_dir: str | Path, keypoints: str) -> str:
    """`name`; if it is `None`, "h36m" if a file in `data_dir` looks like Human3.6M, else "synthetic".

    Any such file is enough, e.g. 2D of other keypoints, or a download that has another name: a user who has only part
    of Human3.6M is told what is missing, instead of training on synthetic data. The name of a plug-in is returned with
    underscores instead of dashes.
    """
    if name is not None:
        if len(parts := names_of(name)) > 1:
            return ",".join(resolve_name(part, data_dir, keypoints) for part in parts)
        return plain(name) if plain(name) in PLUGINS.names() else name
    return _DEFAULT if h36m_like(data_dir) else _FALLBACK


def h36m_like(data_dir: str | Path) -> list[str]:
    """The files and folders in a folder whose names say that they are of Human3.6M, or a part of a download of it."""
    folder = Path(data_dir)
    if not folder.is_dir():
        return []
    return sorted(p.name for p in folder.iterdir() if any(n in _letters(p.name) for n in _H36M_NAMES))


def _letters(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


def locate(name: str, data_dir: str | Path, keypoints: str, cache_dir: str | Path) -> tuple[Path, ...]:
    """The input files of a data set, all of which exist.

    Raises:
        InputFileMissing: a file is missing; the message says which, in which folder, and where to get it.
        ConfigError: a name that cannot be part of a file name.
        PluginError: the package that adds the data set cannot be used.
    """
    if len(parts := names_of(name)) > 1:
        return tuple(path for part in parts for path in locate(part, data_dir, keypoints, cache_dir))
    return tuple(_plugin(name).locate(name, data_dir, keypoints, cache_dir))


def load(name: str, paths: Sequence[Path], keypoints: str) -> "PoseDataset":
    """Read the files that `locate` returned.

    Raises:
        InputFileMissing, BadFileError, HostileFileError: see the data set.
        PluginError: the package that adds the data set cannot be used.
    """
    return _plugin(name).load(name, paths, keypoints)


def load_joined(names: Sequence[str], data_dir: str | Path, keypoints: str, cache_dir: str | Path) -> "PoseDataset":
    """Read several data sets and bring them together, see `joined`.

    Raises:
        ConfigError: they cannot be brought together.
        InputFileMissing, BadFileError, HostileFileError, PluginError: see `locate` and `load`.
    """
    from srnet_core.datasets.joined import join

    return join([load(name, locate(name, data_dir, keypoints, cache_dir), keypoints) for name in names])


def fill_gaps(dataset: "PoseDataset", longest: int) -> "tuple[PoseDataset, int]":
    """(a data set with the gaps of its 2D keypoints of up to `longest` frames filled, number of keypoints filled)."""
    from srnet_core.datasets._missing import fill_gaps

    return fill_gaps(dataset, longest)


def frames_lost(dataset: "PoseDataset") -> "FramesLost":
    """How many frames are not used because a keypoint or a 3D joint is missing in them."""
    from srnet_core.datasets._missing import frames_lost

    return frames_lost(dataset)


def _plugin(name: str) -> DatasetPlugin:
    name = _READ_BY.get(name, name)
    return PLUGINS.load(name if plain(name) in PLUGINS.names() else _ANY_NAME)
