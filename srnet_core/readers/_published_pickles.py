"""Pickles and arrays of objects of published code: several recordings in one, read or called what they are.

MotionBERT: {split: {joint_2d, confidence, source, ...}} with a row per image. VIBE's databases: `vid_name`, `frame_id`
and `joints2D` with a row per image. Others keep an array per recording under its name. Sources: Walter0807/MotionBERT
(lib/data/datareader_h36m.py), mkocabas/VIBE (lib/dataset), Nicholasli1995/EvoSkeleton (docs/HHR.md).
"""

from collections.abc import Iterator, Mapping

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.readers._plain_array import POINTS, Array, as_array, float64
from srnet_core.readers.head import Head

_LEVELS = 3  # of objects inside each other: subjects, takes, cameras
_FEWEST_COLUMNS, _MOST_RECORDINGS = 10, 100_000
_ABOUT_POINTS = {
    *POINTS,
    "scores",
    "score",
    "confidence",
    "conf",
    "visibility",
    "bbox",
    "boxes",
    "frame_ids",
    "pose",
    "betas",
}
_IMPORT_3DHP = (
    "Put it into data/ as data_train_3dhp.npz or data_test_3dhp.npz, then: srnet prepare --dataset mpi_inf_3dhp"
)
_IMPORT_H36M = "Give the folder of the archive, or of PoseNet's annotations, to: srnet data import h36m"


def recordings_in(value: object, head: Head, format: str) -> dict[str, Array] | None:
    """{name: array} of the recordings in a value; `None` where it is of none of these forms.

    Raises:
        BadFileError: it is of a data set that another command reads; the message names it.
    """
    if not isinstance(value, dict) or not 0 < len(value) <= _MOST_RECORDINGS:
        return None
    if named := _of_a_data_set(value):
        raise BadFileError(named[0], where=head.path, todo=named[1])
    if all(isinstance(split, dict) and {"joint_2d", "source"} <= split.keys() for split in value.values()):
        return {
            f"{split}/{name}": array for split in value for name, array in _of_motionbert(value[split], head, format)
        }
    if {"vid_name", "joints2D"} <= value.keys():
        points = _numbers(value["joints2D"], 3, head)
        return {
            name: as_array(format, points[rows], head) for name, rows in _rows_of(value["vid_name"], len(points), head)
        }
    return _by_name(_flat(value), head, format)


def _flat(value: Mapping[object, object], levels: int = _LEVELS) -> dict[object, object]:
    """{subject: {take: [view of a camera]}} as {"subject/take/camera 0": view}; an object without others as it is."""
    found: dict[object, object] = {}
    for key, inside in value.items():
        if isinstance(inside, list) and inside and all(isinstance(view, np.ndarray) for view in inside):
            inside = {f"camera {number}": view for number, view in enumerate(inside)}
        if isinstance(inside, dict) and levels:
            found |= {f"{key}/{name}": array for name, array in _flat(inside, levels - 1).items()}
        else:
            found[key] = inside
    return found


def _of_motionbert(split: Mapping[str, object], head: Head, format: str) -> Iterator[tuple[str, Array]]:
    points = _numbers(split["joint_2d"], 3, head)
    scores = split.get("confidence")
    if isinstance(scores, np.ndarray) and scores.dtype.kind in "fiu" and scores.size == points[..., 0].size:
        points = np.concatenate([points[..., :2], float64(scores).reshape(*points.shape[:2], 1)], axis=-1)
    for name, rows in _rows_of(split["source"], len(points), head):
        yield name, as_array(format, points[rows], head)


def _numbers(value: object, axes: int, head: Head) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu" or value.ndim != axes or not value.size:
        raise BadFileError("holds no array of images, joints and coordinates", where=head.path)
    return float64(value)


def _rows_of(names: object, count: int, head: Head) -> list[tuple[str, np.ndarray]]:
    """(name, rows) of each recording, in the order of the file."""
    if not isinstance(names, (list, tuple, np.ndarray)) or len(names) != count:
        raise BadFileError("does not name the recording of each of its images", where=head.path)
    words = [str(name)[:80] for name in names]
    at = {name: i for i, name in enumerate(dict.fromkeys(words))}
    if len(at) > _MOST_RECORDINGS:
        raise BadFileError(f"holds {len(at)} recordings", where=head.path)
    which = np.array([at[word] for word in words])
    order = np.argsort(which, kind="stable")
    return list(zip(at, np.split(order, np.cumsum(np.bincount(which))[:-1])))


def _by_name(value: Mapping[object, object], head: Head, format: str) -> dict[str, Array] | None:
    """Arrays of the same joints under the names of their recordings."""
    arrays = list(value.values())
    if len(arrays) < 2 and not isinstance(next(iter(value)), tuple):
        return None
    if any(str(key).lower() in _ABOUT_POINTS or str(key).isdigit() for key in value):
        return None
    if not all(isinstance(a, np.ndarray) and a.dtype.kind in "fiu" and a.ndim in (2, 3) and a.size for a in arrays):
        return None
    forms = {(a.ndim, a.shape[1:]) for a in arrays if isinstance(a, np.ndarray)}
    ndim, shape = forms.pop()
    if forms or (shape[0] < _FEWEST_COLUMNS if ndim == 2 else shape[1] not in (2, 3) or shape[0] < 5):
        return None
    names = [" ".join(map(str, key)) if isinstance(key, tuple) else str(key) for key in value]
    return {name[:80]: as_array(format, array, head) for name, array in zip(names, arrays)}


def _of_a_data_set(value: Mapping[object, object]) -> tuple[str, str] | None:
    """(what it is, what to do) of files of data sets that are no keypoints of a recording."""
    first = next(iter(value.values()))
    inside = first[0] if isinstance(first, list) and first else first
    view = next(iter(inside.values())) if isinstance(inside, dict) and inside else None
    if any(isinstance(one, dict) and {"data_2d", "data_3d"} <= one.keys() for one in (inside, view)):
        return "is MPI-INF-3DHP as P-STMO and MotionAGFormer write it", _IMPORT_3DHP
    if {"data_input", "data_label"} <= value.keys():
        return (
            "is a clip of MotionBERT's training data, of normalized poses",
            "Give the .pkl that the clips were made from",
        )
    if {"subject_names", "camera_names", "table"} <= value.keys():
        return "is Human3.6M as Learnable Triangulation labels it, which is not read", _IMPORT_H36M
    return None
