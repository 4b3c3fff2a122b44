"""Lifted people as files of motion: one person per file."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np

import srnet_core
from srnet_core.articulation import articulate
from srnet_core.errors import ConfigError
from srnet_core.lifting.people import LEVEL, LiftedPeople
from srnet_core.lifting.world import tilt_text
from srnet_core.motion import Motion
from srnet_core.writers.bvh import write_bvh
from srnet_core.writers.c3d import write_c3d
from srnet_core.writers.opensim import MARKERS
from srnet_core.writers.trc import write_trc

WriteMotion = Callable[[IO[bytes], LiftedPeople, str, str, bool], None]


def write_trc_file(file: IO[bytes], people: LiftedPeople, name: str, names: str, opensim: bool) -> None:
    """Metres, y up."""
    write_trc(file, _markers(people.motion(), opensim), name=name)


def write_c3d_file(file: IO[bytes], people: LiftedPeople, name: str, names: str, opensim: bool) -> None:
    """Metres, y up."""
    told = {
        "program": f"srnet {srnet_core.__version__}",
        "model": people.model,
        "source": Path(people.source).name,
        "axes": _axes(people),
        "smoothing": people.smoothing or "none",
    }
    write_c3d(file, _markers(people.motion(), opensim), about=told)


def write_bvh_file(file: IO[bytes], people: LiftedPeople, name: str, names: str, opensim: bool) -> None:
    """Centimetres, y up; frames without a pose are interpolated, as BVH cannot leave any out."""
    motion = people.motion()
    if not motion.fps:
        raise ConfigError("the frame rate is unknown, and BVH needs it", where=name, todo="Give the frame rate")
    write_bvh(file, articulate(_without_gaps(motion.positions)), motion.fps, names=names)


def _axes(people: LiftedPeople) -> str:
    if people.frame == "world":
        return "y up; x, y, z are y, z, x of the world with z up"
    origin = "relative to the root joint" if people.frame == "root" else "from the camera"
    held = "level" if people.up == LEVEL or not people.on_floor else tilt_text(people.up)
    return f"x right, y up, z towards the camera, which is taken as {held}; {origin}"


def _markers(motion: Motion, opensim: bool) -> Motion:
    """Names of Pose2Sim's model; or those of the joints, without the character that marker files use otherwise."""
    names = tuple(MARKERS.get(n, n) for n in motion.names) if opensim else motion.names
    return dataclasses.replace(motion, names=tuple(name.replace("/", "_") for name in names))


def _without_gaps(positions: np.ndarray) -> np.ndarray:
    """Frames without a pose by straight lines between their neighbours; the first and last pose go on."""
    known = np.flatnonzero(np.isfinite(positions).all(axis=(1, 2)))
    frames = np.arange(len(positions))
    flat = positions.reshape(len(positions), -1)  # (T, J, 3) -> (T, 3J)
    filled = np.stack([np.interp(frames, known, column[known]) for column in flat.T], axis=1)
    return filled.reshape(positions.shape)
