"""Writes arrays of keypoints in files of no tool: HDF5, lists of frames, the joints as the first axis."""

from pathlib import Path

import h5py
import numpy as np
from figure_making import FRAMES, person


def hdf5_array(path: Path):
    points = person("halpe26")
    path = path.with_suffix(".h5")
    with h5py.File(path, "w") as file:
        file["keypoints"], file["scores"] = points[..., :2], points[..., 2]
    return path


def npz_of_frames(path: Path):
    """RTMLib's results of each frame, (people, joints, 2) and (people, joints), as NumPy saves lists of them."""
    keypoints, scores = np.empty(FRAMES, object), np.empty(FRAMES, object)
    for i, points in enumerate(person("halpe26")):
        keypoints[i], scores[i] = points[None, :, :2], points[None, :, 2]
    path = path.with_suffix(".npz")
    np.savez(path, keypoints=keypoints, scores=scores)
    return path


def joints_first(path: Path):
    path = path.with_suffix(".npy")
    np.save(path, person("coco17").transpose(1, 0, 2))
    return path


ARRAYS = {
    "hdf5 array": (hdf5_array, "hdf5", "halpe26", 26, "px"),
    "npz of frames": (npz_of_frames, "npz", "halpe26", 26, "px"),
    "npy joints first": (joints_first, "npy", "coco17", 17, "px"),
}
