"""Lifted people as files, by the ending of the name."""

import csv
import dataclasses
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

import srnet_core
from srnet_core.articulation import articulate
from srnet_core.errors import ConfigError
from srnet_core.files import atomic_write, without_nan
from srnet_core.lifting.page import people_scene
from srnet_core.lifting.people import LiftedPeople
from srnet_core.motion import Motion
from srnet_core.visualization.page import write_page
from srnet_core.writers.bvh import write_bvh
from srnet_core.writers.c3d import write_c3d
from srnet_core.writers.trc import write_trc

_PAGE = ".html"
CAMERA_AXES = "camera: x right, y down, z forward; metres relative to the root joint"


def write_people(people: LiftedPeople, path: Path, *, names: str = "motionbuilder") -> list[Path]:
    """Write lifted people; the format is told by the ending.

    Formats that hold one person get a file for each, `NAME_PERSON.ENDING`, where there are several.

    Args:
        names: of the joints in BVH, see `writers.bvh.NAMES`.

    Returns:
        The files written.

    Raises:
        ConfigError: an ending without a format, or a frame rate that the format needs and nobody knows.
    """
    require_format(path)
    ending = path.suffix.lower()
    if ending in _TOGETHER:
        with atomic_write(path) as file:
            _TOGETHER[ending](file, people)
        return [path]
    written = []
    for index, person in enumerate(people.people):
        target = path if len(people.people) == 1 else path.with_name(f"{path.stem}_{person.name}{path.suffix}")
        if ending == _PAGE:
            write_page(people_scene(people, index, title=Path(people.source).name), target)
        else:
            with atomic_write(target) as file:
                _EACH[ending](file, people.only(index), target.name, names)
        written.append(target)
    return written


def require_format(path: Path) -> None:
    """Check before long work that a file's ending has a format.

    Raises:
        ConfigError: it has none; the message lists those there are.
    """
    ending = path.suffix.lower()
    if ending not in {*_TOGETHER, *_EACH, _PAGE}:
        choices = ", ".join(sorted({*_TOGETHER, *_EACH, _PAGE}))
        raise ConfigError(f"no format ends in {ending or 'nothing'}", where=path, todo=f"Endings: {choices}")


def about(people: LiftedPeople) -> dict[str, Any]:
    """What every file tells of the whole, as plain values."""
    return {
        "program": f"srnet {srnet_core.__version__}",
        "model": people.model,
        "source": Path(people.source).name,
        "fps": people.fps,
        "image_size_px": list(people.image_size),
        "axes": CAMERA_AXES,
        "joints": list(people.skeleton.joint_names),
        "parents": list(people.skeleton.parents),
        "notes": list(people.notes),
    }


def _write_npz(file: IO[bytes], people: LiftedPeople) -> None:
    arrays: dict[str, Any] = {"about": np.array(json.dumps(about(people))), "frame_numbers": people.frame_numbers}
    for person in people.people:
        arrays[f"{person.name}/joints_m"] = person.joints_m
        arrays[f"{person.name}/keypoints_px"] = person.keypoints_px
        arrays[f"{person.name}/filled"] = person.filled
    np.savez_compressed(file, **arrays)


def _write_h5(file: IO[bytes], people: LiftedPeople) -> None:
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as h5:
        for key, value in about(people).items():
            if value is not None:
                h5.attrs[key] = json.dumps(value) if isinstance(value, list) else value
        h5["frame_numbers"] = people.frame_numbers
        for person in people.people:
            group = h5.create_group(person.name)
            group["joints_m"], group["keypoints_px"] = person.joints_m, person.keypoints_px
            group["joints_m"].attrs["axes"] = CAMERA_AXES
            group["filled"] = person.filled
    file.write(buffer.getvalue())


def _write_json(file: IO[bytes], people: LiftedPeople) -> None:
    whole = {
        **about(people),
        "frame_numbers": people.frame_numbers.tolist(),
        "people": [
            {"name": p.name, "joints_m": _rounded(p.joints_m), "filled": p.filled.tolist()} for p in people.people
        ],
    }
    file.write(json.dumps(without_nan(whole), allow_nan=False).encode() + b"\n")


def _write_jsonl(file: IO[bytes], people: LiftedPeople) -> None:
    """A line about the whole, then one for each frame and person that has a pose."""
    file.write(json.dumps(without_nan(about(people)), allow_nan=False).encode() + b"\n")
    for index, number in enumerate(people.frame_numbers):
        for person in people.people:
            if person.lifted[index]:
                line = {"frame": int(number), "person": person.name, "joints_m": _rounded(person.joints_m[index])}
                file.write(json.dumps(line).encode() + b"\n")


def _rounded(values: np.ndarray) -> Any:
    return np.round(values.astype(np.float64), 5).tolist()


def _write_csv(file: IO[bytes], people: LiftedPeople) -> None:
    """A row for each frame and person that has a pose; empty cells nowhere, so that every program reads numbers."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    rows = csv.writer(text)
    columns = [f"{joint}_{axis}_m" for joint in people.skeleton.joint_names for axis in "xyz"]
    rows.writerow(["person", "frame", "time_s", *columns])
    first = people.frame_numbers[0] if len(people.frame_numbers) else 0
    for person in people.people:
        for index in np.flatnonzero(person.lifted):
            number = people.frame_numbers[index]
            time_s = f"{(number - first) / people.fps:.6f}" if people.fps else ""
            values = [f"{v:.5f}" for v in person.joints_m[index].ravel()]
            rows.writerow([person.name, number, time_s, *values])
    text.detach()


def _write_trc(file: IO[bytes], people: LiftedPeople, name: str, names: str) -> None:
    write_trc(file, _marker_names(people.motion()), name=name)


def _write_c3d(file: IO[bytes], people: LiftedPeople, name: str, names: str) -> None:
    write_c3d(file, _marker_names(people.motion()))


def _write_bvh(file: IO[bytes], people: LiftedPeople, name: str, names: str) -> None:
    motion = people.motion()
    if not motion.fps:
        raise ConfigError("the frame rate is unknown, and BVH needs it", where=name, todo="Give the frame rate")
    write_bvh(file, articulate(_without_gaps(motion.positions)), motion.fps, names=names)


def _marker_names(motion: Motion) -> Motion:
    """Names without the characters that marker files use for something else."""
    return dataclasses.replace(motion, names=tuple(name.replace("/", "_") for name in motion.names))


def _without_gaps(positions: np.ndarray) -> np.ndarray:
    """Frames without a pose by straight lines between their neighbours; the first and last pose go on."""
    known = np.flatnonzero(np.isfinite(positions).all(axis=(1, 2)))
    frames = np.arange(len(positions))
    flat = positions.reshape(len(positions), -1)  # (T, J, 3) -> (T, 3J)
    filled = np.stack([np.interp(frames, known, column[known]) for column in flat.T], axis=1)
    return filled.reshape(positions.shape)


_TOGETHER: Mapping[str, Callable[[IO[bytes], LiftedPeople], None]] = {
    ".npz": _write_npz,
    ".h5": _write_h5,
    ".json": _write_json,
    ".jsonl": _write_jsonl,
    ".csv": _write_csv,
}
_EACH: Mapping[str, Callable[[IO[bytes], LiftedPeople, str, str], None]] = {
    ".trc": _write_trc,
    ".c3d": _write_c3d,
    ".bvh": _write_bvh,
}
