"""JTA (Joint Track Auto): a row per joint, as JSON or .npy, of frames of 1920 x 1080 pixels at 30 per second.

A row is the frame from 1, the person, the joint 0 to 21, x and y in pixels, x, y and z in metres before the camera,
whether the joint is hidden, and whether its own person hides it. Source: fabbrimatteo/JTA-Dataset, README.md.
"""

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.layouts import get_layout
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._plain_array import float64
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.head import Head

FORMAT = "jta"
_LAYOUT = "jta22"
_COLUMNS = 10
_FPS, _SIZE_PX = 30.0, (1920, 1080)
_HIDDEN = 0.5  # confidence of a joint that is hidden
_LARGEST = 1e7  # number of a frame, of a person


def sniff(head: Head) -> float:
    if head.is_folder:
        return 0.0
    if head.start.startswith(b"\x93NUMPY"):
        return 0.9 if _looks_right(head.npy) else 0.0
    if not head.looks_like_json or not head.text.lstrip().startswith("[["):
        return 0.0
    rows = head.json
    whole = isinstance(rows, list) and all(isinstance(r, list) and len(r) == _COLUMNS for r in rows[:2000])
    return 0.9 if whole and _looks_right(_table(rows[:2000])) else 0.0


def _table(rows: list) -> np.ndarray | None:
    try:
        return np.array(rows, np.float64)
    except (TypeError, ValueError, OverflowError):
        return None


def _looks_right(table: object) -> bool:
    if not isinstance(table, np.ndarray) or table.ndim != 2 or table.shape[1] != _COLUMNS or not len(table):
        return False
    if table.dtype.kind not in "fiu":
        return False
    numbers, flags = float64(table[:5000, :3]), table[:5000, 8:]
    whole = np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all() and (numbers >= 0).all()
    return bool(whole and np.isin(flags, (0, 1)).all() and numbers[:, 2].max() < get_layout(_LAYOUT).num_joints)


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all frames. Joints that are hidden have a confidence of 0.5.

    Raises:
        BadFileError: not in this form.
    """
    table = head.npy if head.start.startswith(b"\x93NUMPY") else _table(head.json)
    if not _looks_right(table) or not isinstance(table, np.ndarray):
        raise BadFileError(f"is not an annotation of JTA: rows of {_COLUMNS} numbers", where=head.path)
    table = float64(table)
    joints = get_layout(_LAYOUT).num_joints
    numbers = table[:, :3]
    if not np.isfinite(numbers).all() or numbers.min() < 0 or numbers.max() > _LARGEST or table[:, 2].max() >= joints:
        raise BadFileError("has a row without the number of a frame, a person or a joint", where=head.path)
    whose, index = np.unique(numbers[:, :2].astype(np.int64), axis=0, return_inverse=True)
    values = np.zeros((len(whose), joints, 3))
    hidden = table[:, 8:].any(axis=1)
    values[index.reshape(-1), numbers[:, 2].astype(np.int64)] = np.column_stack(
        [table[:, 3:5], np.where(hidden, _HIDDEN, 1.0)]
    )
    gathering = Gathering(head.path)
    for (frame, person), rows in zip(whose.tolist(), values):
        gathering.person(frame, rows.reshape(-1), identity=person)
    return [gathering.build(FORMAT, base=1, layout=_LAYOUT, fps=_FPS, image_size=_SIZE_PX, zero_is_missing=False)]
