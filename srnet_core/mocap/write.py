"""Points in space written in plain forms: TRC, CSV, npz, npy."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.files import atomic_write, require_output
from srnet_core.lookup import choose
from srnet_core.mocap.body import Body
from srnet_core.motion import METRES_PER_UNIT, Motion
from srnet_core.readers.trc import write_trc
from srnet_core.skeletons.h36m17 import SKELETON

_ENDINGS = {".trc": "trc", ".csv": "csv", ".npz": "npz", ".npy": "npy"}


def seventeen(body: Body) -> Motion:
    """The 17 joints of Human3.6M of a body, in metres, z up.

    Raises:
        ConfigError: joints, unit or up axis are not known.
    """
    poses_m = body.poses_m
    if poses_m is None:
        why = body.notes[-1] if body.notes else "its points are not those of a body."
        raise ConfigError(
            f"the 17 joints in metres cannot be made. {why}", todo="See srnet data mapping FILE, and write a mapping"
        )
    return Motion("h36m17", SKELETON.joint_names, SKELETON.parents, poses_m, body.motion.fps, "m", 1.0, "z")


def write_motion(motion: Motion, path: str | Path, format: str = "auto") -> str:
    """Write a motion; returns the name of the format. Lengths stay in the unit of the motion.

    Args:
        format: "trc", "csv", "npz", "npy", or "auto" for that of the ending.

    Raises:
        UnknownNameError, ConfigError: a format that is not one of these; one that needs what the motion does not have.
    """
    path = Path(path)
    require_output(path)
    if format == "auto" and path.suffix.lower() not in _ENDINGS:
        raise ConfigError(
            f"the ending {path.suffix!r} does not tell the format",
            where=path,
            todo=f"Say it with --to: {', '.join(_WRITERS)}",
        )
    name = choose("format to write", _ENDINGS[path.suffix.lower()] if format == "auto" else format, sorted(_WRITERS))
    _WRITERS[name](motion, path)
    return name


def _trc(motion: Motion, path: Path) -> None:
    if motion.fps is None:
        raise ConfigError("a TRC file needs the frame rate", where=path, todo="Say it with --fps, e.g. --fps 120")
    units = motion.units if motion.units in METRES_PER_UNIT else None
    if units is None and motion.metres_per_unit is None:
        raise ConfigError(
            "a TRC file names its unit of length, which this file does not tell",
            where=path,
            todo="Write the 17 joints in metres with --to-layout h36m17, or another format",
        )
    scale = 1.0 if units else 1000 * (motion.metres_per_unit or 1.0)
    write_trc(path, motion.positions * scale, motion.names, motion.fps, units or "mm")


def _csv(motion: Motion, path: Path) -> None:
    names = [re.sub(r"[^\w/ ().:+-]", "_", name).strip(" =+-") or "point" for name in motion.names]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    timed = motion.fps is not None
    table.writerow(["frame", *(["time_s"] if timed else []), *(f"{name}_{axis}" for name in names for axis in "xyz")])
    for frame, points in enumerate(motion.positions):
        cells = ["" if np.isnan(v) else f"{v:.8g}" for v in points.reshape(-1).tolist()]
        table.writerow([frame, *([f"{frame / motion.fps:.6f}"] if motion.fps else []), *cells])
    with atomic_write(path, "w") as file:
        file.write(text.getvalue())


def _npz(motion: Motion, path: Path) -> None:
    known: dict[str, np.ndarray] = {"joint_names": np.array(motion.names)}
    if motion.fps:
        known["fps"] = np.array(motion.fps)
    if motion.units:
        known["units"] = np.array(motion.units)
    if motion.parents:
        known["parents"] = np.array(motion.parents)
    with atomic_write(path) as file:
        np.savez_compressed(file, points=motion.positions.astype(np.float32), **known)  # type: ignore[arg-type]


def _npy(motion: Motion, path: Path) -> None:
    with atomic_write(path) as file:
        np.save(file, motion.positions.astype(np.float32), allow_pickle=False)


_WRITERS: dict[str, Callable[[Motion, Path], None]] = {"trc": _trc, "csv": _csv, "npz": _npz, "npy": _npy}
FORMATS = tuple(_WRITERS)
