"""What is in a file or folder, without running a network: kind, format, layout, frames, people, joints, and more."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from srnet_core.errors import AmbiguousError, MissingExtraError, UserMistake
from srnet_core.keypoints._axes import x_first
from srnet_core.keypoints._layout import find_layout
from srnet_core.keypoints.measure import measure
from srnet_core.keypoints.read import check_given, chosen_sequence, detections_in, keypoints_of
from srnet_core.layouts import Layout, get_layout, layout_names
from srnet_core.motion import Motion
from srnet_core.readers.detections import Detections, Progress
from srnet_core.readers.formats import find, load_format, recognise
from srnet_core.readers.head import Head
from srnet_core.readers.record import IN_IMAGE, KEYS, record

_ABOUT_DATA = ("README", "LICENSE", "LICENCE", "NOTICE", "CHANGELOG")
_MOST_LISTED = 1_000


def describe(
    path: str | Path,
    format: str = "auto",
    *,
    layout: str = "auto",
    fps: float | None = None,
    image_size: tuple[int, int] | None = None,
    sequence: int | str | None = None,
    measured: bool = False,
    progress: Progress | None = None,
    at: tuple[Head, str] | None = None,
) -> dict:
    """What a file or folder holds, as plain values for a table or JSON.

    Args:
        at: what `recording_at` gave for the path.
        measured: also measure every person in every sequence: `measured`, a list of what `keypoints.measure` or
            `mocap.measure` give, each with the name of its `sequence`.
        layout, fps, image_size, sequence: as `read_keypoints`; without `sequence` all of them are described together.

    Returns:
        At least `kind` ("keypoints-2d", "keypoints-3d" or "motion-capture"), `format`, `layout`, `frames`, `people`
        (the most in one frame), `joints` (as the file has them), `fps`, `units` and `image_size`; `None` where the file
        does not tell. For 2D also how many frames have how many people, the share of missing joints, and `notes`.

    Raises:
        InputFileMissing, BadFileError, UnknownNameError, AmbiguousError: as `read_keypoints`.
    """
    fps, image_size = check_given(fps, image_size)
    head, name = at or find(path, format)
    reader = load_format(name)
    found = reader.describe(head) if hasattr(reader, "describe") else None
    motions: Mapping[str, Motion] | None = None
    wanted = measured or found is None or sequence is not None
    if hasattr(reader, "motions") and wanted and (found is None or found.get("frames")):
        motions = reader.motions(head)
    if motions is not None and sequence is not None:
        motions, found = _of_one_motion(motions, sequence, head, found)
    if motions is not None:
        found = found or _of_motion(next(iter(motions.values())))
        if measured:
            found["measured"] = _measured_in_space(motions, found)
    if found is None:
        named = sequence if isinstance(sequence, str) else None
        detections = detections_in(head, name, named=format != "auto", sequence=named, progress=progress)
        if sequence is not None:
            detections = [chosen_sequence(detections, sequence)]
        found = _of_detections(detections, layout)
        if measured:
            found["measured"] = _measured(detections, path, found, layout, fps, image_size)
    if fps is not None or image_size is not None:
        found |= {
            "fps": fps or found.get("fps"),
            "image_size": list(image_size) if image_size else found.get("image_size"),
        }
    return {"path": str(path), **{key: found.get(key) for key in KEYS}, **found}


def _of_motion(motion: Motion) -> dict:
    from srnet_core.mocap.files import describe_motion

    return describe_motion(motion)


def _of_one_motion(
    motions: Mapping[str, Motion], sequence: int | str, head: Head, found: dict | None
) -> tuple[dict[str, Motion], dict]:
    """The motion of that name or position alone, and what it holds."""
    from srnet_core.mocap.body import motion_called

    chosen = motion_called(motions, sequence, head.path)
    one = _of_motion(next(iter(chosen.values())))
    kept = {key: one[key] for key in ("frames", "people", "joints", "joint_names", "fps")}
    whole = {key: value for key, value in (found or one).items() if key != "sequences"}
    return chosen, whole | kept


def _measured_in_space(motions: Mapping[str, Motion], found: dict) -> list[dict]:
    from srnet_core.mocap.body import bodies_of
    from srnet_core.mocap.measure import measure_body

    bodies = [body for name, motion in motions.items() for body in bodies_of(name, motion)]
    found["notes"] = [*dict.fromkeys([*found.get("notes", ()), *bodies[0].notes])]
    return [measure_body(body) for body in bodies]


def _measured(
    detections: list[Detections],
    path: str | Path,
    found: dict,
    layout: str,
    fps: float | None,
    image_size: tuple[int, int] | None,
) -> list[dict]:
    """What `measure` gives for each person; where layout or people cannot be told, a note instead."""
    people = []
    for one in detections:
        try:
            keypoints = keypoints_of(one, path, layout, fps, image_size)
        except (AmbiguousError, MissingExtraError) as error:
            known = _sentence(error) in found["notes"]
            found["notes"].append(f"Not measured{'' if known else f': {error.what}'}. {error.todo or ''}".strip())
            break
        people += [{"sequence": one.sequence, **values} for values in measure(keypoints)]
    return people


def _of_detections(sequences: list[Detections], layout: str) -> dict:
    first = sequences[0]
    notes = [note for d in sequences[:3] for note in d.notes]
    try:
        chosen, origin, more = find_layout(first, layout)
    except AmbiguousError as error:
        chosen, origin, more = None, "unknown", [_sentence(error)]
    try:
        more += x_first(first, chosen, None)[1]
    except AmbiguousError as error:
        more.append(_sentence(error))
    listed = np.concatenate([d.listed for d in sequences])
    present = np.concatenate([d.present for d in sequences])
    joints = sum(d.points.shape[0] * d.joints for d in sequences)
    missing = sum(d.missing for d in sequences)
    found = record(
        IN_IMAGE,
        first.format,
        layout=chosen.name if chosen else None,
        layout_from=origin,
        layout_joints=_joints_of(chosen),
        frames=sum(d.frame_count for d in sequences),
        people=int(listed.max(initial=0)),
        joints=first.joints or None,
        fps=first.fps,
        units=first.units,
        image_size=first.image_size,
        joint_names=(chosen.joints if chosen else first.joint_names) or None,
        frames_with_people=int((listed > 0).sum()),
        frames_not_in_the_data=int((~present).sum()),
        first_frame=first.first_number,
        people_per_frame={str(n): c for n, c in sorted(Counter(listed[present].tolist()).items())},
        missing=[missing, joints],
        missing_share=round(missing / joints, 4) if joints else None,
        confidence=first.confidence is not None,
        tracked=first.track_ids is not None,
        consecutive=first.consecutive,
        notes=[*dict.fromkeys([*notes, *more])],
    )
    if first.image_sizes:
        found["image_sizes"] = [list(size) for size in first.image_sizes]
    if first.extras:
        found["extras"] = {name: values.shape[1] for name, values in first.extras.items()}
    if len(sequences) > 1:
        found["sequences"] = [{"name": d.sequence, "frames": d.frame_count} for d in sequences[:_MOST_LISTED]]
    return found


def _joints_of(layout: Layout | None) -> int | None:
    """The joints of a known layout, of which a file may name some only; `None` of layouts that are not known."""
    if layout is None or layout.name not in layout_names():
        return None
    return get_layout(layout.name).num_joints


def _sentence(error: UserMistake) -> str:
    return f"{error.what[0].upper()}{error.what[1:]}."


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
    names = [name for name in [*head.folders, *head.entries] if not _is_no_data(name)]
    return [_listed(head.path / name) for name in names[:_MOST_LISTED]]


def _is_no_data(name: str) -> bool:
    """Whether a file or folder is hidden or tells about the data, e.g. .gitkeep, README.md, LICENSE."""
    return name.startswith(".") or name.partition(".")[0].upper() in _ABOUT_DATA


def describe_all(folder: str | Path) -> Iterator[dict]:
    """What every recording in a folder and the folders below it holds, as `describe` has it.

    Files that are of no known kind or cannot be read are given as {"path", "why"}.

    Raises:
        InputFileMissing, BadFileError: there is no such folder, or it cannot be read.
    """
    head = Head(folder)
    waiting = [head.path]
    seen = 0
    while waiting:
        path = waiting.pop(0)
        seen += 1
        if seen > _MOST_LISTED:
            yield {"path": str(folder), "why": f"only the first {_MOST_LISTED} files and folders were looked at"}
            return
        try:
            here = Head(path)
            if here.is_folder and (path == head.path or _known(here) is None):
                # its own files first, then the folders in it
                waiting = [path / name for name in [*here.entries, *here.folders]] + waiting
                continue
            yield describe(path)
        except UserMistake as error:
            yield {"path": str(path), "why": error.what}


def _known(head: Head) -> str | None:
    try:
        return recognise(head)
    except UserMistake:
        return None


def recording_at(path: str | Path) -> tuple[Head, str] | None:
    """The recording at a path, as `readers.formats.find` gives it: in a file, or a folder such as one of frames.

    Returns:
        `None` for a folder that is not one recording.

    Raises:
        InputFileMissing, BadFileError: there is nothing at the path, or it is a file that cannot be read.
    """
    is_folder = Head(path).is_folder
    try:
        return find(path)
    except UserMistake:
        if not is_folder:
            raise
        return None


def _listed(path: Path) -> dict:
    try:
        return {"path": str(path), "format": recognise(Head(path))}
    except UserMistake as error:
        return {"path": str(path), "format": None, "why": error.what}
