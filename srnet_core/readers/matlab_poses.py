"""MATLAB files with annotated joints: `joint_positions.mat` of JHMDB, labels of Penn Action, `joints.mat` of LSP.

JHMDB: `pos_img` (2, 15, frames), pixels that count from 1. Source: the data set's README (Jhuang et al., ICCV 2013).
Penn Action: `x`, `y` and `visibility` (frames, 13), `dimensions` (height, width, frames). Source: the data set's README
(Zhang et al., ICCV 2013).
Other files: one array of keypoints, e.g. `keypoints` (frames, joints, 2 or 3), as .npz files have it.
LSP: `joints` (3, 14, images), the third value 1 where a joint is hidden; LSP extended: (14, 3, images), the third value
0 where a joint is not labelled. Source: the data sets' READMEs (Johnson and Everingham, BMVC 2010, CVPR 2011).
"""

import contextlib
from dataclasses import replace

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._plain_array import POINTS, as_array, float64
from srnet_core.readers.array_file import read_array
from srnet_core.readers.detections import MOST_FRAMES, Detections, ReadOptions, image_size
from srnet_core.readers.head import Head
from srnet_core.readers.plain import detections_of

FORMAT = "matlab"
_LAYOUT = "jhmdb15"
_JHMDB_JOINTS = 15
_LSP_JOINTS = 14
_LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_OF_PENN = ("head", *(f"{side}_{limb}" for limb in _LIMBS for side in ("left", "right")))


def sniff(head: Head) -> float:
    return 0.5 if head.start.startswith(b"MATLAB 5.0") else 0.0


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The joints of the one person.

    Raises:
        BadFileError: it is a MATLAB file of another kind, or damaged.
        MissingExtraError: scipy is not installed.
    """
    points = _array(head, "pos_img")
    if points is not None:
        if points.ndim == 2:  # MATLAB drops a last axis of one frame
            points = points[..., None]
        if points.ndim != 3 or len(points) != 2:
            raise BadFileError(f"pos_img is an array of shape {points.shape}, not (2, joints, frames)", where=head.path)
        found = np.concatenate([points, np.ones_like(points[:1])]).transpose(2, 1, 0)
        return [_built(head, found, layout=_LAYOUT if found.shape[1] == _JHMDB_JOINTS else None)]
    joints = _array(head, "joints")
    if joints is not None and joints.ndim == 3 and joints.shape[:2] in ((3, _LSP_JOINTS), (_LSP_JOINTS, 3)):
        return [_of_lsp(head, joints)]
    x, y = _array(head, "x"), _array(head, "y")
    if x is None or y is None or x.ndim != 2 or x.shape != y.shape:
        for name in POINTS:
            points = None
            with contextlib.suppress(BadFileError):  # a structure of that name
                points = _array(head, name)
            if points is not None and points.ndim in (3, 4):
                return [_of_array(head, name, points)]
        raise BadFileError(
            "is a MATLAB file, but not of a kind that is known",
            where=head.path,
            todo="Give its folder to: srnet data import h36m, humaneva or mpi-inf-3dhp; or name an array (frames, "
            "joints, 2 or 3) 'keypoints'",
        )
    visible, dimensions = _array(head, "visibility"), _array(head, "dimensions")
    scores = np.where(visible > 0, 1.0, 0.5) if visible is not None and visible.shape == x.shape else np.ones(x.shape)
    size = None
    if dimensions is not None and dimensions.size >= 2 and np.isfinite(dimensions).all():
        height, width = dimensions.ravel()[:2].tolist()
        size = image_size(int(width), int(height)) if max(abs(width), abs(height)) < 1e6 else None
    names = _OF_PENN if x.shape[1] == len(_OF_PENN) else None
    return [_built(head, np.stack([x, y, scores], axis=-1), joint_names=names, image_size=size)]


def _of_array(head: Head, name: str, points: np.ndarray) -> Detections:
    """An array that somebody saved, under one of the names and in one of the shapes of .npz files."""
    array = as_array(FORMAT, points, head, notes=(f"Read from the array {name!r}.",))
    if array.is_3d:
        raise BadFileError("holds 3D points, not 2D keypoints", where=head.path)
    return detections_of(array, head)


def _of_lsp(head: Head, joints: np.ndarray) -> Detections:
    extended = joints.shape[0] == _LSP_JOINTS
    points = joints.transpose(2, 0, 1) if extended else joints.transpose(2, 1, 0)
    flags = points[..., 2]
    scores = np.where(flags > 0, 1.0, 0.0) if extended else np.where(flags > 0, 0.5, 1.0)
    found = np.concatenate([points[..., :2], scores[..., None]], axis=-1)
    return replace(_built(head, found, layout="lsp14"), consecutive=False, track_ids=None)


def _array(head: Head, name: str) -> np.ndarray | None:
    try:
        return float64(read_array(head.path, (name,)))
    except BadFileError as error:
        if error.what.startswith(f"has no {name}"):
            return None
        raise


def _built(head: Head, points: np.ndarray, **known) -> Detections:
    if not points.size or len(points) > MOST_FRAMES:
        raise BadFileError("holds no frames", where=head.path)
    gathering = Gathering(head.path)
    for frame, joints in enumerate(points):
        gathering.frame(frame)
        gathering.person(frame, joints.reshape(-1), identity="1")
    return gathering.build(FORMAT, **known)
