"""Lifted people as arrays, text and tables: all people in one file."""

import csv
import io
import json
from pathlib import Path
from typing import IO, Any

import numpy as np

import srnet_core
from srnet_core.errors import require_extra
from srnet_core.files import without_nan
from srnet_core.lifting.people import LiftedPeople, LiftedPerson, runs_of


def about(people: LiftedPeople) -> dict[str, Any]:
    """What every file tells of the whole, as plain values."""
    camera = people.camera
    numbers = people.frame_numbers
    return {
        "program": f"srnet {srnet_core.__version__}",
        "model": people.model,
        "source": Path(people.source).name,
        "fps": people.fps,
        "image_size_px": list(people.image_size),
        "axes": people.axes,
        "units": "m",
        "frame_of_reference": people.frame,
        "smoothing": people.smoothing or "none",
        "camera": {
            "known": people.camera_known,
            "focal_length_px": list(camera.focal_length_px),
            "center_px": list(camera.center_px),
            "orientation_wxyz": list(camera.orientation),
            "position_m": list(camera.translation_m),
        },
        "joints": list(people.skeleton.joint_names),
        "parents": list(people.skeleton.parents),
        "frames_without_pose": {
            p.name: [[int(numbers[a]), int(numbers[b - 1])] for a, b in runs_of(~p.lifted)] for p in people.people
        },
        **({"error_bound_factors": list(people.error_bound_factors)} if people.error_bound_factors else {}),
        "notes": list(people.notes),
    }


def write_npz(file: IO[bytes], people: LiftedPeople) -> None:
    """For each person `NAME/joints_m` and others, and `about` as JSON text."""
    arrays: dict[str, Any] = {"about": np.array(json.dumps(about(people))), "frame_numbers": people.frame_numbers}
    for person in people.people:
        arrays |= {f"{person.name}/{key}": value for key, value in _arrays(person).items()}
    np.savez_compressed(file, **arrays)


def _arrays(person: LiftedPerson) -> dict[str, np.ndarray]:
    arrays = {"joints_m": person.placed_m, "keypoints_px": person.keypoints_px, "filled": person.filled}
    if person.root_m is not None:
        arrays["root_m"] = person.root_m
    if person.standing is not None:
        arrays["standing"] = person.standing
    if person.expected_error_mm is not None:
        arrays["expected_error_mm"] = person.expected_error_mm
    return arrays


def write_h5(file: IO[bytes], people: LiftedPeople) -> None:
    """A group for each person; what is known of the whole as attributes, lists as JSON text."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as h5:
        for key, value in about(people).items():
            if value is not None:
                h5.attrs[key] = json.dumps(value) if isinstance(value, (list, dict)) else value
        h5["frame_numbers"] = people.frame_numbers
        for person in people.people:
            group = h5.create_group(person.name)
            for key, value in _arrays(person).items():
                group[key] = value
            group["joints_m"].attrs["axes"] = people.axes
    file.write(buffer.getvalue())


def write_json(file: IO[bytes], people: LiftedPeople) -> None:
    """One object; frames without a pose are null."""
    whole = {
        **about(people),
        "frame_numbers": people.frame_numbers.tolist(),
        "people": [
            {"name": p.name, "joints_m": _rounded(p.placed_m), "filled": p.filled.tolist(), **_errors_of(p)}
            for p in people.people
        ],
    }
    file.write(json.dumps(without_nan(whole), allow_nan=False).encode() + b"\n")


def write_jsonl(file: IO[bytes], people: LiftedPeople) -> None:
    """A line about the whole, then one for each frame and person that has a pose."""
    file.write(json.dumps(without_nan(about(people)), allow_nan=False).encode() + b"\n")
    placed = [(p.name, p.lifted, _rounded(p.placed_m), _errors_of(p)) for p in people.people]
    for index, number in enumerate(people.frame_numbers):
        for name, lifted, joints_m, errors in placed:
            if lifted[index]:
                line = {"frame": int(number), "person": name, "joints_m": joints_m[index]}
                line |= {key: values[index] for key, values in errors.items()}
                file.write(json.dumps(line).encode() + b"\n")


def _rounded(values: np.ndarray) -> Any:
    return np.round(values.astype(np.float64), 5).tolist()


def _errors_of(person: LiftedPerson) -> dict[str, Any]:
    """The expected errors of each frame, to a tenth of a millimetre, where they are known."""
    if person.expected_error_mm is None:
        return {}
    return {"expected_error_mm": np.round(person.expected_error_mm.astype(np.float64), 1).tolist()}


def _columns(people: LiftedPeople) -> list[str]:
    """The names of the numbers of a row; expected errors come last, where they are known."""
    joints = people.skeleton.joint_names
    errors = [f"{joint}_expected_error_mm" for joint in joints] if people.error_bound_factors else []
    return [*(f"{joint}_{axis}_m" for joint in joints for axis in "xyz"), *errors]


def _values(person: LiftedPerson) -> np.ndarray:
    """(T, N) the numbers of `_columns`."""
    placed = person.placed_m.reshape(len(person.joints_m), -1)  # (T, J, 3) -> (T, 3J)
    return placed if person.expected_error_mm is None else np.hstack([placed, person.expected_error_mm])


def _times_s(people: LiftedPeople) -> np.ndarray:
    """(T,) seconds from the first frame; NaN where the frame rate is unknown."""
    numbers = people.frame_numbers
    return (numbers - numbers[:1]) / people.fps if people.fps else np.full(len(numbers), np.nan)


def write_csv(file: IO[bytes], people: LiftedPeople) -> None:
    """A row for each frame and person that has a pose; empty cells nowhere, so that every program reads numbers."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    rows = csv.writer(text)
    rows.writerow(["person", "frame", "time_s", *_columns(people)])
    times = _times_s(people)
    for person in people.people:
        table = _values(person)
        for index in np.flatnonzero(person.lifted):
            time_s = f"{times[index]:.6f}" if people.fps else ""
            values = [f"{v:.5f}" for v in table[index]]
            rows.writerow([person.name, people.frame_numbers[index], time_s, *values])
    text.detach()


def write_parquet(file: IO[bytes], people: LiftedPeople) -> None:
    """The columns of the CSV; what is known of the whole as JSON in the schema's metadata under the key `srnet`."""
    arrow: Any = require_extra("pyarrow", "parquet")
    parquet: Any = require_extra("pyarrow.parquet", "parquet")
    times = _times_s(people)
    rows: dict[str, list[np.ndarray]] = {name: [] for name in ("person", "frame", "time_s", *_columns(people))}
    for person in people.people:
        there = person.lifted
        rows["person"].append(np.full(int(there.sum()), person.name, object))
        rows["frame"].append(people.frame_numbers[there].astype(np.int64))
        rows["time_s"].append(times[there])
        for name, column in zip(_columns(people), _values(person)[there].T):
            rows[name].append(column.astype(np.float32))
    table = arrow.table({name: arrow.array(np.concatenate(parts), from_pandas=True) for name, parts in rows.items()})
    told = json.dumps(without_nan(about(people)), allow_nan=False)
    parquet.write_table(table.replace_schema_metadata({"srnet": told}), file)
