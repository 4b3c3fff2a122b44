"""Keypoints in the forms of other tools: what `read_keypoints` reads, written.

The forms stand beside their readers, in `srnet_core/readers/`. What a form has no place for is lost, and
`lost_in` says it.
"""

import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.files import fsync_folder, require_folder, require_output
from srnet_core.keypoints.tracks import Keypoints
from srnet_core.layouts import layout_names
from srnet_core.readers.detections import Detections
from srnet_core.readers.formats import WRITTEN, load_form
from srnet_core.readers.forms import Form

_ENDINGS = {".csv": "csv", ".npz": "npz", ".npy": "npy", ".trc": "trc", ".h5": "deeplabcut_h5"}
_NAMES_BY_ENDING = {("deeplabcut", ".h5"): "deeplabcut_h5", ("deeplabcut", ".hdf5"): "deeplabcut_h5"}
FORMS = tuple(sorted(WRITTEN))


def write_keypoints(
    sequences: Sequence[Keypoints], path: str | Path, format: str = "auto", *, replace: bool = False
) -> str:
    """Write keypoints; returns the name of the form. Nothing is left half-written.

    Args:
        sequences: one; several only for forms that hold several.
        format: a name in `FORMS`; "auto" for that of the ending .csv, .npz, .npy, .trc or .h5.
        replace: replace a folder that is there already.

    Raises:
        UnknownNameError: there is no such form.
        ConfigError: the form cannot be told from the ending, or cannot hold these keypoints; the message says what
            to do.
        OSError: the disk.
    """
    path = Path(path)
    name, form = load_form(format_to_write(path, format))
    if not sequences:
        raise ConfigError("there are no keypoints to write")
    if len(sequences) > 1 and not form.several:
        raise ConfigError(
            f"the format {name} holds one sequence, and there are {len(sequences)}",
            where=path,
            todo="Choose one with --sequence, or write videopose3d",
        )
    people = max(len(one.tracks) for one in sequences)
    if people > 1 and form.one_person:
        raise ConfigError(
            f"the format {name} holds one person, and there are {people}",
            where=path,
            todo="Choose one with --person, e.g. --person 0 for the one who is seen most",
        )
    if not people:
        raise ConfigError("nobody is in any frame: there is nothing to write", where=sequences[0].source)
    detections = [detections_of(one) for one in sequences]
    if form.folder:
        _write_folder(form, detections, path, replace)
    else:
        require_output(path)
        form.write(detections, path)
    return name


def lost_in(name: str, sequences: Sequence[Keypoints]) -> list[str]:
    """What is known of the sequences and has no place in a form, e.g. "the frame rate"."""
    form = load_form(name)[1]
    return list(dict.fromkeys(what for one in sequences for what in form.loses(detections_of(one))))


def format_to_write(path: str | Path, format: str = "auto") -> str:
    """The form to write: the one named, else that of the ending.

    Raises:
        UnknownNameError: there is no form of that name.
        ConfigError: the ending does not tell.
    """
    ending = Path(path).suffix.lower()
    if format != "auto":
        name = load_form(format)[0]
        return _NAMES_BY_ENDING.get((name, ending), name)
    if ending not in _ENDINGS:
        raise ConfigError(
            f"the ending {ending!r} does not tell the format" if ending else "a folder does not tell the format",
            where=path,
            todo=f"Say it with --to: {', '.join(FORMS)}",
        )
    return _ENDINGS[ending]


def detections_of(keypoints: Keypoints) -> Detections:
    """The people of all tracks, frame by frame, as a reader gives them. Who fills no joint of a frame is not in it."""
    there = [np.flatnonzero(track.present) for track in keypoints.tracks]
    track = np.repeat(np.arange(len(there)), [len(frames) for frames in there])
    frames = np.concatenate(there) if there else np.zeros(0, np.int64)
    order = np.lexsort((track, frames))
    parts = {part: values.shape[1] for one in keypoints.tracks for part, values in one.extras.items()}

    def gathered(of: list[np.ndarray]) -> np.ndarray:
        rows = [values[at] for values, at in zip(of, there)]
        return np.concatenate(rows)[order]

    count, joints = keypoints.frame_count, keypoints.num_joints
    listed = np.bincount(frames, minlength=count).astype(np.int32)
    return Detections(
        format=keypoints.format,
        source=keypoints.source,
        points=gathered([t.points for t in keypoints.tracks]) if there else np.zeros((0, joints, 2), np.float32),
        confidence=gathered([t.confidence for t in keypoints.tracks]) if there else None,
        frame_index=frames[order],
        frame_count=count,
        first_number=keypoints.first_number,
        step=keypoints.step,
        listed=listed,
        present=np.ones(count, bool) if keypoints.present is None else keypoints.present,
        track_ids=tuple(keypoints.tracks[i].name for i in track[order].tolist()),
        consecutive=keypoints.consecutive,
        units=keypoints.units,
        sequence=keypoints.sequence,
        layout=keypoints.layout.name if keypoints.layout and keypoints.layout.name in layout_names() else None,
        joint_names=keypoints.joint_names,
        extras={
            part: gathered(
                [t.extras.get(part, np.full((count, width, 3), np.nan, np.float32)) for t in keypoints.tracks]
            )
            for part, width in parts.items()
        },
        fps=keypoints.fps,
        image_size=keypoints.image_size,
    )


def _write_folder(form: Form, sequences: Sequence[Detections], path: Path, replace: bool) -> None:
    """All files in a new folder, which takes its name once it is whole."""
    if path.exists() and not path.is_dir():
        raise ConfigError("is a file, not a folder", where=path, todo="Choose another name")
    if path.exists() and any(path.iterdir()) and not replace:
        raise ConfigError("is a folder that is not empty", where=path, todo="Choose another name, or add --force")
    require_folder(path.absolute().parent, where=path)
    path.absolute().parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.tmp-{secrets.token_hex(4)}")
    old = path.with_name(f".{path.name}.old-{secrets.token_hex(4)}")
    try:
        made.mkdir()
        form.write(sequences, made)
        if path.exists():
            os.rename(path, old)
        os.rename(made, path)
        fsync_folder(path.absolute().parent)
    finally:
        shutil.rmtree(made, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
