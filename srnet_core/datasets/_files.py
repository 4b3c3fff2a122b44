"""Finds the two files of a published data set: `data_3d_NAME.npz` and `data_2d_NAME_KEYPOINTS.npz`."""

import re
from collections.abc import Collection
from pathlib import Path

from srnet_core.errors import BadFileError, ConfigError, InputFileMissing, UserMistake
from srnet_core.readers.npz import NpzFile

SINGLE_POSES = (
    "holds single poses relative to the root (SPIN, PoseAug), not sequences in front of a camera; "
    "no data set can be made of it"
)
_LOOKED_AT = 50  # files of a folder
_OF_NO_NAME = "gt"  # the keypoints of a 2D file whose name does not name them, data_2d_NAME.npz
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def file_names(name: str, keypoints: str) -> tuple[str, str]:
    """The names of the 3D and the 2D file.

    Raises:
        ConfigError: a name that cannot be part of a file name.
    """
    for option, value in (("--dataset", name), ("--keypoints", keypoints)):
        if not _NAME.fullmatch(value):
            raise ConfigError(f"{value!r} must consist of letters, digits, '_', '-' and '.'", where=option)
    return f"data_3d_{name}.npz", f"data_2d_{name}_{keypoints}.npz"


def has_single_poses(members: Collection[str]) -> bool:
    """Whether these are the arrays of SPIN's npz files, or of PoseAug's test set."""
    names = set(members)
    return {"imgname", "center", "scale"} <= names or {"part", "S"} <= names or {"pose3d", "pose2d"} <= names


def refuse_single_poses(folder: str | Path, wanted: Collection[str], todo: str) -> None:
    """Say what SPIN's and PoseAug's files are, where a folder has these and none of the files of a data set.

    Raises:
        BadFileError: it has such a file.
    """
    folder = Path(folder)
    if not folder.is_dir() or any((folder / name).is_file() for name in wanted):
        return
    for path in sorted(folder.glob("*.npz"))[:_LOOKED_AT]:
        try:
            single = has_single_poses(NpzFile(path))
        except UserMistake:
            continue
        if single:
            raise BadFileError(SINGLE_POSES, where=path, todo=todo)


def keypoints_present(name: str, folder: Path) -> list[str]:
    """The KEYPOINTS of the files `data_2d_NAME_KEYPOINTS.npz` in a folder, sorted."""
    prefix = f"data_2d_{name}_"
    return sorted(p.stem.removeprefix(prefix) for p in Path(folder).glob(f"{prefix}*.npz"))


def locate_pair(name: str, data_dir: str | Path, keypoints: str, *, todo: str) -> tuple[Path, Path]:
    """(3D file, 2D file) of a data set in `data_dir`; `data_2d_NAME.npz` is taken for that of `gt` if there is none.

    Args:
        todo: what the user can do about missing files; it ends the message.

    Raises:
        InputFileMissing: a file is missing; the message names it, the folder, and the keypoints that are there.
    """
    folder = Path(data_dir)
    name_3d, name_2d = file_names(name, keypoints)
    paths = folder / name_3d, folder / name_2d
    if keypoints == _OF_NO_NAME and not paths[1].is_file() and (unnamed := folder / f"data_2d_{name}.npz").is_file():
        paths, name_2d = (paths[0], unnamed), unnamed.name
    missing = [path.name for path in paths if not path.is_file()]
    if not missing:
        return paths
    what = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not there"
    if not folder.is_dir():
        what += " (the folder does not exist)"
    present = keypoints_present(name, folder)
    if present and name_2d in missing:
        what += f"; the 2D keypoints that are there: {', '.join(present)} (--keypoints)"
    if alike := _other_endings(folder, missing):
        what += f"; there is {', '.join(alike)}, which has another form"
        todo = f"Unpack it, or save its dict with numpy.savez(FILE, positions_3d=...) or positions_2d=. {todo}"
    raise InputFileMissing(what, where=folder.absolute(), todo=todo)


def _other_endings(folder: Path, missing: Collection[str]) -> list[str]:
    """Files that have the names of missing ones, but other endings: data_3d_own.npy, data_3d_own.npz.zip."""
    stems = tuple(f"{name.removesuffix('npz')}" for name in missing)
    there = sorted(path.name for path in folder.glob("data_*")) if folder.is_dir() else []
    return [name for name in there if name.startswith(stems) and name not in missing]
