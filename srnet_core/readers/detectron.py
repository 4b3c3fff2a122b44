"""VideoPose3D's npz files: 2D of its inference script (Detectron2), and its custom and published 2D data sets.

The script writes, per frame, the people found by Detectron2 as (N, 4, 17): x, y, logit, probability. The data sets are
dicts {subject: {take: [one (T, J, 2) array per camera]}} with `metadata`; some converters write {camera: array}
instead of the list. Both hold pickles, which are read without running anything.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.files import atomic_write
from srnet_core.layouts import get_layout, layout_names, layouts_of_count
from srnet_core.layouts.own import layout_of_metadata
from srnet_core.readers._encoding import (
    arrays_of,
    box_of,
    frames_of,
    joints_of,
    layout_of,
    require_pixels,
    tracks_of,
)
from srnet_core.readers._gathering import Gathering
from srnet_core.readers.detections import Detections, ReadOptions, image_size
from srnet_core.readers.forms import CONFIDENCES, RATE, SIZE, TRACKS, Form, holding
from srnet_core.readers.frames import few
from srnet_core.readers.head import Head
from srnet_core.readers.mixtures import is_mixture, likeliest

FORMAT = "videopose3d"
_MOST_SEQUENCES = 100_000
_LAYOUTS = {"coco": "coco17", "h36m": "h36m17", "humaneva15": "humaneva15", "custom": None}


def sniff(head: Head) -> float:
    if not head.is_npz:
        return 0.0
    names = set(head.npz)
    return 0.9 if "positions_2d" in names or {"boxes", "keypoints"} <= names else 0.0


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """All sequences of the file: one per video, or one per subject, action and camera.

    Raises:
        BadFileError: not one of these files; the message says what is wrong and where.
    """
    if "positions_2d" in head.npz:
        return _data_set(head, options)
    return [_script(head, options)]


def _script(head: Head, options: ReadOptions) -> Detections:
    frames, metadata = head.npz.get("keypoints"), _dict(head.npz.get("metadata"))
    if not isinstance(frames, np.ndarray) or frames.ndim < 1:
        raise BadFileError("its keypoints are no list of frames", where=head.path)
    gathering = Gathering(head.path)
    for number, frame in enumerate(frames):
        people = _people(frame, number, head)
        gathering.frame(number, len(people))
        for person in people:
            gathering.person(number, np.asarray(person, np.float64)[[0, 1, 3]].T.reshape(-1))
        if options.progress and number % 5000 == 0:
            options.progress(number, len(frames))
    joints = gathering.joints[0] if gathering.joints else 0
    return gathering.build(
        FORMAT, image_size=_size(metadata), layout="coco17" if joints == 17 else None, zero_is_missing=False
    )


def _people(frame: object, number: int, head: Head) -> np.ndarray:
    """The (N, 4, J) of the class "person": a frame is [[], people]."""
    people = frame[1] if isinstance(frame, (list, np.ndarray)) and len(frame) == 2 else frame
    if isinstance(people, list) and not people:
        return np.zeros((0, 4, 17))
    if not isinstance(people, np.ndarray) or people.dtype.kind not in "fiu" or people.ndim != 3 or people.shape[1] != 4:
        if isinstance(people, np.ndarray) and not people.size:
            return np.zeros((0, 4, 17))
        raise BadFileError(f"frame {number} holds no people of shape (people, 4, joints)", where=head.path)
    return people


def _data_set(head: Head, options: ReadOptions) -> list[Detections]:
    subjects, metadata = head.npz["positions_2d"], _dict(head.npz.get("metadata"))
    if not isinstance(subjects, dict) or not all(isinstance(takes, dict) for takes in subjects.values()):
        raise BadFileError("'positions_2d' must be a dict of subjects, each a dict of actions", where=head.path)
    sequences = [
        (f"{subject}/{take}{camera}", subject, view)
        for subject, takes in subjects.items()
        for take, views in takes.items()
        for camera, view in _views(views, f"{subject}/{take}", head)
        if view is not None  # a camera that did not see the take
    ]
    if not sequences or len(sequences) > _MOST_SEQUENCES:
        raise BadFileError(f"holds {len(sequences)} sequences", where=head.path)
    return [_sequence(name, view, metadata, subject, head) for name, subject, view in sequences]


def _views(views: object, name: str, head: Head) -> list[tuple[str, object]]:
    """(what to add to the name of the sequence, array) of each camera."""
    if isinstance(views, dict):
        return [(f"/camera {camera}", view) for camera, view in views.items()]
    if isinstance(views, np.ndarray) and views.dtype != object and views.ndim == 3:
        views = [views]
    if not isinstance(views, (list, tuple)) and not (isinstance(views, np.ndarray) and views.ndim):
        raise BadFileError(f"{name[:60]!a} must be a list with one array per camera", where=head.path)
    return [(f"/camera {camera}" if len(views) > 1 else "", view) for camera, view in enumerate(views)]


def _sequence(name: str, view: object, metadata: dict, subject: object, head: Head) -> Detections:
    where = f"{head.path}, {name[:80]}"
    if isinstance(view, np.ndarray) and is_mixture(view):
        view = likeliest(view)
    if (
        not isinstance(view, np.ndarray)
        or view.dtype.kind not in "fiu"
        or view.ndim != 3
        or view.shape[2] not in (2, 3)
    ):
        raise BadFileError("must be an array of shape (frames, joints, 2)", where=where)
    if not view.shape[0] or not view.shape[1]:
        raise BadFileError("has no frames or no joints", where=where)
    layout, note = _layout(metadata, view.shape[1], where)
    described = layout_of_metadata(metadata) if layout is None else None
    if described is not None and described.num_joints != view.shape[1]:
        described = None
    sizes = _dict(metadata.get("video_metadata"))
    gathering = Gathering(where, values_per_joint=view.shape[2])
    rows = view.reshape(len(view), -1)
    for number, row in enumerate(rows):
        gathering.frame(number)
        gathering.person(number, row, identity="1")
    built = gathering.build(
        FORMAT,
        sequence=name,
        layout=layout,
        joint_names=described.joints if described else None,
        described=described,
        notes=[] if described else note,
        image_size=_size(_dict(sizes.get(subject))),
        fps=_fps(metadata),
        candidates=("coco17",) if view.shape[1] == 17 and layout is None and not metadata else (),
    )
    return built


def _layout(metadata: dict, joints: int, where: str) -> tuple[str | None, list[str]]:
    """The layout that the metadata name, if its mirror pairs agree with those that the metadata list.

    Where the metadata list mirror pairs only, and one layout of so many joints has just these, it is that one.
    """
    listed = _mirror_pairs(metadata, where)
    said = metadata.get("layout_name")
    if not isinstance(said, str):
        fitting = [x.name for x in layouts_of_count(joints) if listed and set(x.mirror_pairs) == listed]
        return (fitting[0], []) if len(fitting) == 1 else (None, [])
    name = _LAYOUTS.get(said.lower(), said.lower())
    if name == "h36m17" and joints == 16:  # SemGCN and PoseAug leave Neck/Nose out and keep the name
        name = "h36m16"
    if name not in layout_names() or get_layout(name).num_joints != joints:
        return None, [f"The file calls its layout {said[:40]!a}, of {joints} joints, which is not known by that name."]
    if listed is not None and listed != set(get_layout(name).mirror_pairs):
        return None, [
            f"The file calls its layout {said[:40]!a}, but its left and right joints are others: {few(listed)}."
        ]
    return name, []


def _mirror_pairs(metadata: dict, where: str) -> set[tuple[int, int]] | None:
    pairs = metadata.get("keypoints_symmetry")
    try:
        return {(int(a), int(b)) for a, b in zip(*pairs, strict=True)} if pairs is not None else None
    except (TypeError, ValueError, OverflowError):
        raise BadFileError("'keypoints_symmetry' must be two lists of joints of one length", where=where) from None


def _fps(metadata: dict) -> float | None:
    value = metadata.get("fps")
    return float(value) if isinstance(value, (int, float)) and 0 < value < 1e5 else None


def _dict(value: object) -> dict:
    return value if isinstance(value, dict) else {}


def _size(values: dict) -> tuple[int, int] | None:
    """Width and height as whole numbers; the published files hold them as numbers or as text."""
    try:
        return image_size(*(int(values[key]) for key in ("w", "h")))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


# Writing


def write(sequences: Sequence[Detections], path: Path) -> None:
    """A 2D data set; sequences named "subject/take/camera N" stay under these names, with None for missing views."""
    subjects: dict[str, dict[str, list[np.ndarray | None]]] = {}
    sizes: dict[str, dict[str, int]] = {}
    for index, detections in enumerate(sequences):
        require_pixels(detections, "VideoPose3D's form")
        subject, take = _subject_and_take(detections, index)
        camera = re.search(r"/camera (\d{1,3})$", detections.sequence)
        tracks = tracks_of(detections)
        for name, rows in tracks.items():
            title = f"{take} person {name}" if len(tracks) > 1 else take
            points = arrays_of(detections, rows)[0].astype(np.float32)
            views = subjects.setdefault(subject, {}).setdefault(title, [])
            views += [None] * (int(camera[1]) - len(views) if camera else 0)  # cameras that saw nothing keep a place
            views.append(points)
        if detections.image_size:
            sizes[subject] = dict(zip(("w", "h"), detections.image_size))
    first = sequences[0]
    layout = layout_of(first)
    pairs = layout.mirror_pairs if layout else ()
    metadata: dict[str, Any] = {
        "layout_name": _DATASET_NAMES.get(layout.name, layout.name) if layout else "custom",
        "num_joints": first.joints,
        "keypoints_symmetry": [[left for left, _ in pairs], [right for _, right in pairs]],
    }
    if sizes:
        metadata["video_metadata"] = sizes
    if first.fps:
        metadata["fps"] = first.fps
    with atomic_write(path) as file:
        np.savez(file, positions_2d=np.array(subjects, object), metadata=np.array(metadata, object))


def _subject_and_take(detections: Detections, index: int) -> tuple[str, str]:
    parts = re.sub(r"/camera \d+$", "", detections.sequence).rsplit("/", 1)  # subjects may be named "Train/S1"
    if len(parts) == 2 and all(parts):
        return parts[0], parts[1]
    name = parts[0] or Path(detections.source).name.partition(".")[0] or f"video {index + 1}"
    return name, "custom"


def write_script(sequences: Sequence[Detections], path: Path) -> None:
    """As the inference script of Detectron2 writes it: per frame the people as (N, 4, J): x, y, logit, probability."""
    detections = sequences[0]
    require_pixels(detections, "VideoPose3D's form")
    frames = dict(frames_of(detections))
    keypoints = np.empty((len(frames), 2), object)
    boxes = np.empty((len(frames), 2), object)
    for at, rows in enumerate(frames.values()):
        people = np.array([joints_of(detections, row) for row in rows], np.float32).reshape(-1, detections.joints, 3)
        x, y, score = people.transpose(2, 0, 1)
        keypoints[at, 0], keypoints[at, 1] = [], np.stack([x, y, np.zeros_like(x), score], axis=1)
        corners = [(x, y, x + w, y + h, 1.0) for x, y, w, h in (box_of(detections, row) for row in rows)]
        boxes[at, 0], boxes[at, 1] = [], np.array(corners, np.float32).reshape(-1, 5)
    size = dict(zip(("w", "h"), detections.image_size)) if detections.image_size else {}
    nothing = np.empty((len(frames), 2), object)
    with atomic_write(path) as file:
        np.savez_compressed(file, boxes=boxes, segments=nothing, keypoints=keypoints, metadata=np.array(size, object))


_DATASET_NAMES = {"h36m17": "h36m", "coco17": "coco"}  # as VideoPose3D's files name layouts
FORMS = {
    "videopose3d": Form(write, holding(TRACKS, RATE, SIZE), several=True),
    "detectron": Form(write_script, holding(CONFIDENCES, SIZE)),
}
