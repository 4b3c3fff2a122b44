"""Arrays of networks that recognize actions, such as ST-GCN, 2s-AGCN and CTR-GCN: many recordings in one file.

(N, C, T, V, M) or (C, T, V, M) as .npy: N recordings, C values (x, y, score, or x, y, z), T frames, V joints, M people.
Names and labels lie beside it, as `NAME_label.pkl`: (names, labels). CTR-GCN's .npz have `x_train` and `x_test`,
(N, T, M * V * C). Frames without anybody at the end only fill the array up. Sources: yysijie/st-gcn,
tools/kinetics_gendata.py (18 joints of OpenPose, fractions of the image less 0.5) and tools/ntu_gendata.py (25 joints
of Kinect v2, metres); Uason-Chen/CTR-GCN, data/ntu/seq_transformation.py.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.layouts import layouts_of_count
from srnet_core.motion import Motion
from srnet_core.readers import plain
from srnet_core.readers._plain_array import Array, float64, third_is_confidence
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.frames import few
from srnet_core.readers.head import Head
from srnet_core.readers.pickle_file import read_pickle_file
from srnet_core.readers.record import IN_IMAGE

FORMAT = "stgcn_array"
_MOST_RECORDINGS = 2_000  # that are read at once
_MOST_PEOPLE = 10
_FEWEST_JOINTS = 5
_MOST_LABELS = 2_000_000
_OF_NTU = (2, 25, 3)  # people, joints, values
_MEMBERS = ("x_train", "x_test")
_CENTRED = 0.05  # a smaller number is below 0 by more than a joint outside the image is
_UPRIGHT = ("left_ankle", "right_ankle", "neck", "nose", "left_shoulder", "right_shoulder")


def sniff(head: Head) -> float:
    if head.is_folder:
        return 0.6 if len(_data_files(head)) > 0 and _has_labels(head) else 0.0
    if head.is_npz:
        return 0.6 if all(name in head.npz for name in _MEMBERS) and _members(head.npz) else 0.0
    if head.start.startswith(b"\x93NUMPY"):
        return 0.6 if _recordings(head.npy) is not None else 0.0
    return 0.0


def _data_files(head: Head) -> list[str]:
    return [name for name in head.entries if name.endswith(".npy")]


def _has_labels(head: Head) -> bool:
    return any(name.endswith(".pkl") and "label" in name.lower() for name in head.entries)


def _members(values: dict) -> dict[str, np.ndarray]:
    people, joints, width = _OF_NTU
    return {
        name: value
        for name in _MEMBERS
        if isinstance(value := values.get(name), np.ndarray)
        and value.ndim == 3
        and value.dtype.kind == "f"
        and value.shape[-1] == people * joints * width
        and value.size
    }


def _recordings(value: object) -> np.ndarray | None:
    """The array as (N, C, T, V, M); `None` where it is none of these."""
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or not value.size:
        return None
    if value.ndim == 3 and value.shape[0] in (2, 3) and value.shape[-1] >= _FEWEST_JOINTS:
        value = value[..., None]
    if value.ndim == 4:
        value = value[None]
    if value.ndim != 5:
        return None
    _, width, _, joints, people = value.shape
    if width not in (2, 3) or joints < _FEWEST_JOINTS or people > _MOST_PEOPLE:
        return None
    if people not in (2, 3):  # else the last axis may be x, y
        return value
    if width == 2:
        return None
    sample = value[:50]
    alone = not sample[..., 1:].any() and bool(sample[:, :2, ..., 0].any())
    scores = third_is_confidence(np.moveaxis(sample, 1, -1)) and bool((sample[:, :2] < -_CENTRED).any())
    in_pixels = third_is_confidence(np.moveaxis(sample, 1, -1)) and float(np.nanmax(np.abs(sample[:, :2]))) > 20
    return value if alone or scores or in_pixels else None


def _load(head: Head) -> tuple[dict[str, np.ndarray], dict[str, list[str]]]:
    """({name: (N, C, T, V, M)}, {name: the names of its recordings})."""
    if head.is_folder:
        files = _data_files(head)
        if len(files) != 1:
            raise BadFileError(f"holds {len(files)} arrays", where=head.path, todo=f"Give one of them: {few(files)}")
        inside = Head(head.path / files[0])
        if _recordings(inside.npy) is None:
            raise BadFileError("is not an array of (N, C, T, V, M)", where=inside.path)
        return _load(inside)
    if head.is_npz:
        people, joints, width = _OF_NTU
        found = {
            name: value.reshape(*value.shape[:2], people, joints, width).transpose(0, 4, 1, 3, 2)
            for name, value in _members(head.npz).items()
        }
        if not found:
            raise BadFileError("has no x_train and x_test of ST-GCN", where=head.path)
        return found, {}
    array = _recordings(head.npy)
    if array is None:
        raise BadFileError("is not an array of (N, C, T, V, M)", where=head.path)
    return {"": array}, {"": _names_beside(head.path, len(array))}


def _names_beside(path: Path, recordings: int) -> list[str]:
    """The names of the recordings, of the pickle of labels beside an array; nothing where there is none that fits."""
    stem = path.stem
    for joint in ("_data_joint", "_data", "_joint", ""):
        if stem.endswith(joint):
            labels = path.with_name(f"{stem.removesuffix(joint)}_label.pkl")
            if labels.is_file():
                break
    else:
        return []
    try:
        value = read_pickle_file(labels)
    except BadFileError:
        return []
    names = value[0] if isinstance(value, (tuple, list)) and value else None
    if not isinstance(names, (list, tuple)) or len(names) != recordings or len(names) > _MOST_LABELS:
        return []
    texts = [str(name)[:80] for name in names]
    return texts if len(set(texts)) == len(texts) else []


def _arrays(head: Head, wanted: str | None = None) -> Iterator[tuple[str, Array]]:
    """(name, array) of each recording, or of the one that is wanted."""
    loaded, named = _load(head)
    count = sum(map(len, loaded.values()))
    if count > _MOST_RECORDINGS and wanted is None:
        raise BadFileError(
            f"holds {count} recordings; at most {_MOST_RECORDINGS} are read at once",
            where=head.path,
            todo="Say which with sequence=: its name, or its number from 0",
        )
    for member, array in loaded.items():
        names = named.get(member) or [f"{member} {at}".strip() for at in range(len(array))]
        for name, one in zip(names, array):
            if wanted is None or name == wanted:
                yield (name if count > 1 else ""), _array(one)


def _array(recording: np.ndarray) -> Array:
    """One recording (C, T, V, M) as people with points, the frames that fill it up left out."""
    values = float64(recording).transpose(1, 3, 2, 0)  # (T, M, V, C)
    values[~np.isfinite(values)] = np.nan
    used = np.flatnonzero(np.nan_to_num(values).any(axis=(1, 2, 3)))
    values = values[: used[-1] + 1 if len(used) else 1]
    there = np.nan_to_num(values).any(axis=(0, 2, 3))
    values = values[:, there] if there.any() else values[:, :1]
    if values.shape[-1] == 3 and not third_is_confidence(values):
        values[~np.nan_to_num(values).any(axis=(2, 3))] = np.nan  # nobody
        return Array(FORMAT, values)
    confidence = values[..., 2] if values.shape[-1] == 3 else None
    points, notes = _in_the_image(values[..., :2], confidence)
    return Array(FORMAT, points, confidence, notes=tuple(notes), tracked=values.shape[1] == 1)


def _in_the_image(points: np.ndarray, confidence: np.ndarray | None) -> tuple[np.ndarray, list[str]]:
    """Points less 0.5, and points with y up, as fractions of the image with y down."""
    missing = confidence == 0 if confidence is not None else ~np.nan_to_num(points).any(axis=-1)
    points = np.where(missing[..., None], np.nan, points)
    found = points[np.isfinite(points)]
    if not len(found) or np.abs(found).max() > 2 or found.min() >= -_CENTRED:
        return points, []
    notes = ["The points are fractions of the image less 0.5, as ST-GCN stores them."]
    if _upside_down(points):
        points = points * np.array([1.0, -1.0])
        notes.append("y goes up in the file, as the people stand on their heads otherwise: it is turned over.")
    return points + 0.5, notes


def _upside_down(points: np.ndarray) -> bool:
    """Whether the ankles are above the shoulders in most frames."""
    layouts = layouts_of_count(points.shape[2])
    if not layouts:
        return False
    place = {part: at for at, part in enumerate(layouts[0].parts) if part in _UPRIGHT}
    low = [at for part, at in place.items() if part.endswith("ankle")]
    high = [at for part, at in place.items() if not part.endswith("ankle")]
    if not low or not high:
        return False
    down = np.nanmedian(np.r_[points[:, :, low, 1].reshape(-1), np.nan]) if low else np.nan
    up = np.nanmedian(np.r_[points[:, :, high, 1].reshape(-1), np.nan])
    return bool(down < up)


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of each recording.

    Raises:
        BadFileError: it is no array of this kind, holds points in space, or more recordings than are read at once.
    """
    found = list(_arrays(head, options.sequence))
    if any(array.is_3d for _, array in found):
        raise BadFileError("holds 3D points, not 2D keypoints", where=head.path)
    return [plain.detections_of(array, head, sequence=name) for name, array in found]


def describe(head: Head) -> dict | None:
    """What an array holds: `frames` are those of all recordings together."""
    loaded, named = _load(head)
    array = next(iter(loaded.values()))
    first = _array(array[0])
    if not first.is_3d and sum(map(len, loaded.values())) <= _MOST_RECORDINGS:
        return None
    frames = people = 0
    for recording in (one for found in loaded.values() for one in found):
        there = np.nan_to_num(recording).any(axis=(0, 2))  # (T, M)
        frames += int(np.flatnonzero(there.any(axis=1)).max(initial=0)) + 1
        people = max(people, int(there.sum(axis=1).max(initial=0)))
    about = plain.described(first) if first.is_3d else plain.described(_in_space(first)) | {"kind": IN_IMAGE}
    names = named.get("") or [f"{m} {i}".strip() for m, a in loaded.items() for i in range(len(a))]
    listed = [{"name": name} for name in names[:1000]] if len(names) > 1 else []
    return about | {"frames": frames, "people": people} | ({"sequences": listed} if listed else {})


def _in_space(array: Array) -> Array:
    return Array(FORMAT, np.concatenate([array.values, np.zeros_like(array.values[..., :1])], axis=-1))


def motions(head: Head) -> dict[str, Motion] | None:
    """{recording and person: motion} of points in space; `None` for 2D."""
    found: dict[str, Motion] = {}
    for name, array in _arrays(head):
        if not array.is_3d:
            return None
        for person, motion in plain.motions_of(array).items():
            found[f"{name} {person}".strip()] = motion
    return found
