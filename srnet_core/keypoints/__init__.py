"""2D keypoints of any tool: read, tracked, corrected, and converted to the 17 joints of Human3.6M."""

from srnet_core.keypoints.check import Problem, check
from srnet_core.keypoints.describe import describe, describe_all, list_data
from srnet_core.keypoints.measure import measure
from srnet_core.keypoints.read import read_all_keypoints, read_keypoints
from srnet_core.keypoints.tracks import Keypoints, Track

__all__ = [
    "Keypoints",
    "Problem",
    "Track",
    "check",
    "describe",
    "describe_all",
    "list_data",
    "measure",
    "read_all_keypoints",
    "read_keypoints",
]
