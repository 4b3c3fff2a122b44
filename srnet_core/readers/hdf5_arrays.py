"""Arrays of keypoints in HDF5 files of no tool, with scores, names of joints and a frame rate beside them.

The arrays stand in the file itself, under the names and in the shapes that .npz files are read in.
"""

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.layouts import layouts_of_count
from srnet_core.motion import Motion
from srnet_core.readers import plain
from srnet_core.readers._hdf5 import MAGIC, SafeGroup, open_hdf5
from srnet_core.readers._known_files import is_of_h36m
from srnet_core.readers._plain_array import POINTS, Array
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.head import Head

FORMAT = "hdf5"
_AXES = (3, 4)
_BESIDE = {"scores", "confidence", "conf", "keypoint_scores", "score", "visibility", "joint_names", "joints", "fps"}
_MOST_NAMES = 100  # in a file that somebody wrote by hand


def sniff(head: Head) -> float:
    if head.is_folder or not head.start.startswith(MAGIC):
        return 0.0
    with open_hdf5(head.path) as root:
        names = root.names()
        return 0.25 if len(names) <= _MOST_NAMES and not is_of_h36m(names) and _points(root, names) else 0.0


def describe(head: Head) -> dict | None:
    """What a file of points in space holds; `None` for 2D, which `read` reads."""
    array = _load(head)
    return plain.described(array) if array.is_3d else None


def motions(head: Head) -> dict[str, Motion] | None:
    """{person: motion} of points in space; `None` for 2D."""
    array = _load(head)
    return plain.motions_of(array) if array.is_3d else None


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The keypoints of the file.

    Raises:
        BadFileError: no array of keypoints in it, several, or 3D points.
    """
    array = _load(head)
    if array.is_3d:
        raise BadFileError("holds 3D points, not 2D keypoints", where=head.path)
    return [plain.detections_of(array, head)]


def _points(root: SafeGroup, names: list[str]) -> list[str]:
    """The arrays that may be keypoints."""
    shapes = {name: root.shape(name) for name in names if root.is_dataset(name)}
    found = [n for n, shape in shapes.items() if len(shape) in _AXES and {2, 3} & set(shape) and min(shape)]
    if named := [name for name in found if name.lower() in POINTS]:
        return named
    return found if len(found) == 1 and _of_a_layout(shapes[found[0]]) else []


def _of_a_layout(shape: tuple[int, ...]) -> bool:
    """Whether an array of any name has as many points in a row as a known layout has joints."""
    return len(shape) == min(_AXES) and shape[2] in (2, 3) and bool(layouts_of_count(shape[1]))


def _load(head: Head) -> Array:
    values: dict[str, object] = {}
    with open_hdf5(head.path) as root:
        names = root.names()
        for name in _points(root, names):
            values[name] = np.asarray(root.array(name))
        for name in names:
            if name.lower() in _BESIDE and root.is_dataset(name):
                values[name] = _beside(root, name)
        if "fps" not in values and isinstance(fps := root.attribute("fps"), (int, float, np.number)):
            values["fps"] = np.asarray(fps)
    return plain.of_members(FORMAT, values, head)


def _beside(root: SafeGroup, name: str) -> np.ndarray | None:
    try:
        if name in ("joint_names", "joints"):
            return np.array(root.strings(name))
        return np.asarray(root.array(name))
    except BadFileError:
        return None
