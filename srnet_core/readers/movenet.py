"""MoveNet's raw output: a joint is y, x, score, in .npy, .npz, CSV or JSON that are bare numbers.

Nothing in such a file says that y comes first, so this format is only used where the user names it; what `plain` and
`json` can tell by the shape of the numbers or by the bodies, they tell themselves.
"""

from dataclasses import replace

from srnet_core.readers import json_poses, plain
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.head import Head


def sniff(head: Head) -> float:
    return 0.0


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The keypoints of the file with x before y.

    Raises:
        BadFileError: as `plain` and `json_poses`.
    """
    reader = json_poses if head.is_folder or head.looks_like_json else plain
    return [
        replace(found, points=found.points[..., ::-1].copy(), bare=False) if found.bare else found
        for found in reader.read(head, options)
    ]
