"""What is in a file or folder, without running a network: kind, format, layout, frames, people, joints, and more."""

from collections import Counter
from pathlib import Path

import numpy as np

from srnet_core.errors import AmbiguousError, UserMistake
from srnet_core.keypoints._layout import find_layout
from srnet_core.keypoints.read import load_detections
from srnet_core.readers.detections import Detections, Progress
from srnet_core.readers.formats import find, load_format, recognise
from srnet_core.readers.head import Head

KEYS = ("kind", "format", "layout", "frames", "people", "joints", "fps", "units", "image_size")
_MOST_LISTED = 1_000


def describe(path: str | Path, format: str = "auto", *, layout: str = "auto", progress: Progress | None = None) -> dict:
    """What a file or folder holds, as plain values for a table or JSON.

    Returns:
        At least `kind` ("keypoints-2d", "keypoints-3d" or "motion-capture"), `format`, `layout`, `frames`, `people`
        (the most in one frame), `joints` (as the file has them), `fps`, `units` and `image_size`; `None` where the file
        does not tell. For 2D also how many frames have how many people, the share of missing joints, and `notes`.

    Raises:
        InputFileMissing, BadFileError, UnknownNameError: as `read_keypoints`.
    """
    head, name = find(path, format)
    reader = load_format(name)
    found = reader.describe(head) if hasattr(reader, "describe") else None
    if found is None:
        found = _of_detections(load_detections(head.path, name, progress=progress), layout)
    return {"path": str(path), **{key: found.get(key) for key in KEYS}, **found}


def _of_detections(sequences: list[Detections], layout: str) -> dict:
    first = sequences[0]
    notes = [note for d in sequences[:3] for note in d.notes]
    try:
        chosen, origin, more = find_layout(first, layout)
    except AmbiguousError as error:
        chosen, origin, more = None, "unknown", [f"{error.what[0].upper()}{error.what[1:]}."]
    listed = np.concatenate([d.listed for d in sequences])
    present = np.concatenate([d.present for d in sequences])
    joints = sum(d.points.shape[0] * d.joints for d in sequences)
    missing = sum(d.missing for d in sequences)
    found = {
        "kind": "keypoints-2d",
        "format": first.format,
        "layout": chosen.name if chosen else None,
        "layout_from": origin,
        "frames": sum(d.frame_count for d in sequences),
        "people": int(listed.max(initial=0)),
        "joints": first.joints or None,
        "fps": first.fps,
        "units": first.units,
        "image_size": list(first.image_size) if first.image_size else None,
        "joint_names": list(chosen.joints if chosen else first.joint_names or ()) or None,
        "frames_with_people": int((listed > 0).sum()),
        "frames_not_in_the_data": int((~present).sum()),
        "first_frame": first.first_number,
        "people_per_frame": {str(n): c for n, c in sorted(Counter(listed[present].tolist()).items())},
        "missing": [missing, joints],
        "missing_share": round(missing / joints, 4) if joints else None,
        "confidence": first.confidence is not None,
        "tracked": first.track_ids is not None,
        "consecutive": first.consecutive,
    }
    if first.image_sizes:
        found["image_sizes"] = [list(size) for size in first.image_sizes]
    if first.extras:
        found["extras"] = {name: values.shape[1] for name, values in first.extras.items()}
    if len(sequences) > 1:
        found["sequences"] = [{"name": d.sequence, "frames": d.frame_count} for d in sequences[:_MOST_LISTED]]
    found["notes"] = [*dict.fromkeys([*notes, *more])]
    return found


def list_data(folder: str | Path) -> list[dict]:
    """What kinds of data lie in a folder: the folder itself where it is one recording, else each file and folder in it.

    Returns:
        [{"path", "format"}]; where the format cannot be told, "format" is `None` and "why" says what is wrong.

    Raises:
        InputFileMissing, BadFileError: there is no such folder, or it cannot be read.
    """
    head = Head(folder)
    if not head.is_folder:
        return [_listed(head.path)]
    if len(head.entries) > 1 or not head.folders:
        whole = _listed(head.path)
        if whole["format"]:
            return [whole]
    return [_listed(head.path / name) for name in [*head.folders, *head.entries][:_MOST_LISTED]]


def _listed(path: Path) -> dict:
    try:
        return {"path": str(path), "format": recognise(Head(path))}
    except UserMistake as error:
        return {"path": str(path), "format": None, "why": error.what}
