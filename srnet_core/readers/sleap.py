"""SLEAP: the analysis export (HDF5): tracks of named nodes, NaN where missing; and project files (.slp).

The arrays, as SLEAP's documentation of the analysis file lists them: `tracks` (tracks, 2, nodes, frames),
`point_scores` (tracks, nodes, frames), `node_names`, `track_names`. sleap-io also writes them with the axes in another
order, which the attribute `dims` of `tracks` tells: ["frame", "track", "node", "xy"].
"""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.files import atomic_write
from srnet_core.readers._encoding import arrays_of, layout_of, names_of, require_pixels, tracks_of
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._hdf5 import MAGIC, SafeGroup, open_hdf5
from srnet_core.readers._sleap_project import is_project, read_videos
from srnet_core.readers.detections import MOST_PEOPLE, Detections, ReadOptions, image_size
from srnet_core.readers.forms import CONFIDENCES, NAMES, TRACKS, Form, holding
from srnet_core.readers.head import Head

FORMAT = "sleap"
_MOST_BEFORE = 100_000  # frames that are left empty before the first one


def sniff(head: Head) -> float:
    if head.is_folder or not head.start.startswith(MAGIC):
        return 0.0
    with open_hdf5(head.path) as root:
        return 0.9 if ("tracks" in root and "node_names" in root) or is_project(root) else 0.0


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The tracks of the file, under their names.

    Raises:
        BadFileError: arrays are missing or do not fit together.
    """
    with open_hdf5(head.path) as root:
        if "tracks" not in root and is_project(root):
            return _of_project(root, head)
        size = _video_size(root)
        nodes = root.strings("node_names")
        tracks = np.asarray(root.array("tracks"))
        names = root.strings("track_names") if root.is_dataset("track_names") and root.shape("track_names")[0] else []
        scores = np.asarray(root.array("point_scores")) if root.is_dataset("point_scores") else None
        dims = root.attributes_of("tracks").attribute("dims")
    axes = _axes(tracks, len(nodes), len(names), dims, head)
    tracks = tracks.transpose([axes.index(axis) for axis in _AXES])  # (people, 2, nodes, frames)
    people, _, joints, frames = tracks.shape
    if people > MOST_PEOPLE:
        raise BadFileError(f"has {people} tracks; at most {MOST_PEOPLE} are read", where=head.path)
    if scores is not None:
        scores = _like_tracks(scores, axes, (people, joints, frames))
    gathering = Gathering(head.path)
    for frame in range(frames):
        gathering.frame(frame)
        for person in range(people):
            points = tracks[person, :, :, frame].T
            if np.isfinite(points).any():
                score = scores[person, :, frame] if scores is not None else np.ones(joints)
                name = names[person] if len(names) == people else f"track_{person}"
                gathering.person(frame, np.column_stack([points, score]).reshape(-1), identity=name)
    return [
        gathering.build(
            FORMAT,
            joint_names=tuple(n[:80] for n in nodes),
            image_size=size,
            zero_is_missing=False,
            zero_confidence_is_missing=False,  # mended points have the score 0
        )
    ]


def _of_project(root: SafeGroup, head: Head) -> list[Detections]:
    """The videos of a project file, a sequence each."""
    videos = read_videos(root, head)
    return [
        gathering.build(
            FORMAT,
            sequence=title if len(videos) > 1 else "",
            zero_is_missing=False,
            zero_confidence_is_missing=False,
            **known,
        )
        for title, gathering, known in videos
    ]


def _video_size(root: SafeGroup) -> tuple[int, int] | None:
    """(width, height), which newer exports have in an attribute."""
    text = root.attribute("video_backend_metadata")
    try:
        shape = json.loads(text)["shape"] if isinstance(text, str) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return image_size(shape[2], shape[1]) if isinstance(shape, list) and len(shape) == 4 else None


_AXES = ("track", "xy", "node", "frame")
# in which order the axes may be: SLEAP's, the reverse that Python users save, sleap-io's for Python, and others
_ORDERS = (
    _AXES,
    ("frame", "node", "xy", "track"),
    ("frame", "track", "node", "xy"),
    ("track", "frame", "node", "xy"),
    ("track", "frame", "xy", "node"),
    ("frame", "track", "xy", "node"),
)


def _axes(tracks: np.ndarray, nodes: int, people: int, dims: object, head: Head) -> tuple[str, ...]:
    """What the axes of `tracks` are: as its attribute `dims` says, else by their lengths.

    Args:
        people: how many tracks have names, 0 where none has.
    """
    if tracks.ndim != 4 or tracks.dtype.kind not in "fiu":
        raise BadFileError("its tracks are no array (tracks, 2, nodes, frames)", where=head.path)

    def fits(order: Sequence[str], *, named: bool) -> bool:
        size = dict(zip(order, tracks.shape))
        return size["xy"] == 2 and size["node"] == nodes and (not named or size["track"] == people)

    text = dims.decode("utf-8", "replace") if isinstance(dims, bytes) else dims
    try:
        said = json.loads(text) if isinstance(text, str) and len(text) < 200 else None
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, list) and sorted(map(str, said)) == sorted(_AXES) and fits(said, named=False):
        return tuple(said)
    for named in (True, False) if people else (False,):
        for order in _ORDERS:
            if fits(order, named=named):
                return order
    raise BadFileError(f"its tracks have shape {tracks.shape}, which does not fit {nodes} nodes", where=head.path)


def _like_tracks(scores: np.ndarray, axes: tuple[str, ...], shape: tuple[int, int, int]) -> np.ndarray | None:
    """Scores as (people, nodes, frames), whose axes are in the order of those of `tracks`; `None` for other arrays."""
    order = [axis for axis in axes if axis != "xy"]
    if scores.ndim != 3 or scores.dtype.kind not in "fiu":
        return None
    scores = scores.transpose([order.index(axis) for axis in _AXES if axis != "xy"])
    return scores if scores.shape == shape else None


# Writing


def write(sequences: Sequence[Detections], path: Path) -> None:
    """The analysis export, frames from 0 on; NaN where a node or a frame is missing."""
    import h5py

    detections = sequences[0]
    require_pixels(detections, "SLEAP's form")
    named = tracks_of(detections)
    first = detections.first_number if detections.step == 1 and 0 < detections.first_number <= _MOST_BEFORE else 0
    frames = first + detections.frame_count
    tracks = np.full((len(named), 2, detections.joints, frames), np.nan)
    scores = np.full((len(named), detections.joints, frames), np.nan)
    occupied = np.zeros((frames, len(named)), np.uint8)
    for place, rows in enumerate(named.values()):
        points, confidence = arrays_of(detections, rows)
        tracks[place, :, :, first:] = points.transpose(2, 1, 0)
        scores[place, :, first:] = np.where(np.isnan(points[..., 0]), np.nan, confidence).T
        occupied[first:, place] = rows >= 0
    there = np.isfinite(scores)
    count = there.sum(axis=1)
    means = np.where(count > 0, np.where(there, scores, 0).sum(axis=1) / np.maximum(count, 1), np.nan)
    texts = h5py.string_dtype()
    content = io.BytesIO()
    with h5py.File(content, "w") as made:
        made.create_dataset("tracks", data=tracks, compression="gzip")
        made.create_dataset("point_scores", data=scores, compression="gzip")
        made.create_dataset("instance_scores", data=means, compression="gzip")
        made.create_dataset("tracking_scores", data=np.where(np.isnan(means), np.nan, 0.0), compression="gzip")
        made.create_dataset("track_occupancy", data=occupied, compression="gzip")
        made["node_names"] = np.array([n.encode() for n in names_of(detections)])
        made["track_names"] = np.array([n.encode() for n in named])
        layout = layout_of(detections)
        bones = layout.bones if layout else ()
        nodes = names_of(detections)
        made["edge_inds"] = np.array(bones, np.int32).reshape(-1, 2)
        made["edge_names"] = np.array([[nodes[a].encode(), nodes[b].encode()] for a, b in bones], "S").reshape(-1, 2)
        for name, value in (("labels_path", ""), ("video_path", ""), ("provenance", "{}")):
            made.create_dataset(name, data=value, dtype=texts)
        made["video_ind"] = np.int32(0)
    with atomic_write(path) as file:
        file.write(content.getvalue())


FORMS = {"sleap": Form(write, holding(CONFIDENCES, TRACKS, NAMES))}
