"""SLEAP: the analysis export (HDF5): tracks of named nodes, NaN where missing.

The arrays, as SLEAP's documentation of the analysis file lists them: `tracks` (tracks, 2, nodes, frames),
`point_scores` (tracks, nodes, frames), `node_names`, `track_names`.
"""

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._hdf5 import MAGIC, open_hdf5
from srnet_core.readers.detections import MOST_PEOPLE, Detections, ReadOptions
from srnet_core.readers.head import Head

FORMAT = "sleap"


def sniff(head: Head) -> float:
    if head.is_folder or not head.start.startswith(MAGIC):
        return 0.0
    with open_hdf5(head.path) as root:
        return 0.9 if "tracks" in root and "node_names" in root else 0.0


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The tracks of the file, under their names.

    Raises:
        BadFileError: arrays are missing or do not fit together.
    """
    with open_hdf5(head.path) as root:
        nodes = root.strings("node_names")
        tracks = np.asarray(root.array("tracks"))
        names = root.strings("track_names") if root.is_dataset("track_names") and root.shape("track_names")[0] else []
        scores = np.asarray(root.array("point_scores")) if root.is_dataset("point_scores") else None
    tracks = _ordered(tracks, len(nodes), head)  # (people, 2, nodes, frames)
    people, _, joints, frames = tracks.shape
    if people > MOST_PEOPLE:
        raise BadFileError(f"has {people} tracks; at most {MOST_PEOPLE} are read", where=head.path)
    if scores is None or scores.dtype.kind not in "fiu" or sorted(scores.shape) != sorted((people, joints, frames)):
        scores = None
    else:
        scores = scores if scores.shape == (people, joints, frames) else scores.T
    if scores is not None and scores.shape != (people, joints, frames):
        scores = None
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
            zero_is_missing=False,
            zero_confidence_is_missing=False,  # mended points have the score 0
        )
    ]


def _ordered(tracks: np.ndarray, nodes: int, head: Head) -> np.ndarray:
    """(people, 2, nodes, frames); Python users often save it with the axes reversed."""
    if tracks.ndim != 4 or tracks.dtype.kind not in "fiu":
        raise BadFileError("its tracks are no array (tracks, 2, nodes, frames)", where=head.path)
    if tracks.shape[1:3] == (2, nodes):
        return tracks
    if tracks.shape[1:3] == (nodes, 2):
        return tracks.transpose(3, 2, 1, 0)
    raise BadFileError(f"its tracks have shape {tracks.shape}, which does not fit {nodes} nodes", where=head.path)
