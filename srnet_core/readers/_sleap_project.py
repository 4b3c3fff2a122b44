"""SLEAP's project files (.slp): labels and predictions as records of frames, instances and points in HDF5.

`frames` says which instances a frame has, `instances` which points; predicted points have a score, labelled ones none.
The nodes' names and order stand in the attribute `json` of `metadata`. Points from before version 1.1 of the form lie
half a pixel off, as SLEAP itself reads them. Source: talmolab/sleap-io, sleap_io/io/slp.py.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._hdf5 import SafeGroup
from srnet_core.readers.detections import MOST_PEOPLE, image_size
from srnet_core.readers.head import Head

_FIELDS = {
    "frames": ("frame_id", "video", "frame_idx", "instance_id_start", "instance_id_end"),
    "instances": ("instance_type", "track", "point_id_start", "point_id_end"),
}
_PREDICTED = 1
_MOST_NUMBER = 2**53


def is_project(root: SafeGroup) -> bool:
    """Whether an HDF5 file is a project of SLEAP."""
    return all(name in root for name in ("frames", "instances", "pred_points", "metadata"))


def read_videos(root: SafeGroup, head: Head) -> list[tuple[str, Gathering, dict]]:
    """(name, people, what is known) of each video in a project.

    Raises:
        BadFileError: tables are missing, damaged, or do not fit together.
    """
    names, old = _nodes(root, head)
    frames, instances = (_table(root, name, head) for name in ("frames", "instances"))
    points = {0: _points(root, "points", head), _PREDICTED: _points(root, "pred_points", head)}
    tracks = [_second(text) for text in _texts(root, "tracks_json")]
    videos = [_dict(text) for text in _texts(root, "videos_json")]
    if not len(frames):
        raise BadFileError("holds no labelled frames", where=head.path)
    made = []
    for video in np.unique(frames["video"]).tolist():
        known = videos[video] if video < len(videos) else {}
        backend = known.get("backend")
        known = {**known, **backend} if isinstance(backend, dict) else known
        gathering = Gathering(head.path)
        for frame in frames[frames["video"] == video]:
            number, begin, end = (int(frame[k]) for k in ("frame_idx", "instance_id_start", "instance_id_end"))
            if not (0 <= number < _MOST_NUMBER and 0 <= begin <= end <= len(instances) and end - begin <= MOST_PEOPLE):
                raise BadFileError("its frames and its instances do not fit together", where=head.path)
            rows = _without_repeats(instances[begin:end])
            gathering.frame(number, len(rows))
            for row in rows:
                of = points[_PREDICTED if int(row["instance_type"]) == _PREDICTED else 0]
                first, last, track = (int(row[k]) for k in ("point_id_start", "point_id_end", "track"))
                if not 0 <= first <= last <= len(of) or last - first != len(names):
                    raise BadFileError("its instances and its points do not fit together", where=head.path)
                values = of[first:last].copy()
                values[:, :2] -= 0.5 if old else 0.0
                who = tracks[track] if 0 <= track < len(tracks) else None
                gathering.person(number, values.reshape(-1), identity=who)
        title = str(known.get("filename") or f"video {video}").replace("\\", "/").rpartition("/")[2][:80]
        made.append((title, gathering, {"joint_names": names, "image_size": _size(known), "fps": _fps(known)}))
    return made


def _without_repeats(rows: np.ndarray) -> np.ndarray:
    """The instances of a frame without predictions that somebody corrected: `from_predicted` names those."""
    if "from_predicted" not in (rows.dtype.names or ()) or "instance_id" not in (rows.dtype.names or ()):
        return rows
    corrected = rows["from_predicted"][rows["from_predicted"] >= 0]
    return rows[~np.isin(rows["instance_id"], corrected)]


def _nodes(root: SafeGroup, head: Head) -> tuple[tuple[str, ...], bool]:
    """Names of the nodes in the order of the points, and whether the points are of the older form."""
    group = root.group("metadata")
    text = group.attribute("json")
    text = text.item() if isinstance(text, np.generic) else text
    values = _dict(text.decode("utf-8", "replace") if isinstance(text, bytes) else text)
    listed: Any = values.get("nodes")
    skeletons: Any = values.get("skeletons")
    try:
        order = [node["id"] for node in skeletons[0]["nodes"]]
        names = tuple(str(listed[i]["name"])[:80] for i in order)
    except (TypeError, KeyError, IndexError):
        raise BadFileError("names no nodes of a skeleton", where=head.path) from None
    version = group.attribute("format_id")
    return names, isinstance(version, (int, float, np.number)) and float(version) < 1.1


def _table(root: SafeGroup, name: str, head: Head) -> np.ndarray:
    rows = root.array(name)
    fields: Mapping = rows.dtype.fields or {}
    if rows.ndim != 1 or any(f not in fields or fields[f][0].kind not in "iu" for f in _FIELDS[name]):
        raise BadFileError(f"its table of {name} has an unknown form", where=head.path)
    return rows


def _points(root: SafeGroup, name: str, head: Head) -> np.ndarray:
    """(N, 3) x, y, score; NaN where a point is not visible."""
    if name not in root:
        return np.zeros((0, 3))
    rows = root.array(name)
    fields: Mapping = rows.dtype.fields or {}
    if rows.ndim != 1 or any(f not in fields or fields[f][0].kind not in "fiu" for f in ("x", "y")):
        raise BadFileError(f"its table of {name} has an unknown form", where=head.path)
    with np.errstate(invalid="ignore"):
        scores = rows["score"].astype(np.float64) if "score" in fields else np.ones(len(rows))
        values = np.stack([rows["x"].astype(np.float64), rows["y"].astype(np.float64), scores], axis=-1)
    if "visible" in fields and fields["visible"][0].kind in "biu":
        values[~rows["visible"].astype(bool)] = np.nan
    return values


def _texts(root: SafeGroup, name: str) -> list[str]:
    return root.strings(name) if root.is_dataset(name) and root.shape(name)[0] else []


def _second(text: str) -> str | None:
    """The name in [frame, name] of a track."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return str(value[1])[:80] if isinstance(value, list) and len(value) > 1 else None


def _dict(text: object) -> dict:
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _size(known: dict) -> tuple[int, int] | None:
    """(width, height) of `shape`: frames, height, width, channels."""
    shape = known.get("shape")
    return image_size(shape[2], shape[1]) if isinstance(shape, list) and len(shape) == 4 else None


def _fps(known: dict) -> float | None:
    value = known.get("fps")
    return float(value) if isinstance(value, (int, float)) and 0 < value < 1e5 else None
