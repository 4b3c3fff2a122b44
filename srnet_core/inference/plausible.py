"""Keypoints that a network takes without a word and that cannot be right: told before they do harm.

What can be told from the keypoints alone is told by `srnet_core.keypoints.check`: another order of joints, y upwards, x
and y exchanged, fractions instead of pixels, a wrong image size, zeros for joints that were not found.
"""

import numpy as np

from srnet_core.geometry.skeleton import Skeleton
from srnet_core.keypoints.check import Problem, check_whole
from srnet_core.keypoints.tracks import Keypoints, Track
from srnet_core.layouts import get_layout


def problems_of(
    keypoints_px: np.ndarray,
    skeleton: Skeleton,
    image_size: tuple[float, float] | None,
    *,
    fps: float | None = None,
    in_order: bool = False,
) -> list[str]:
    """What looks wrong in a clip, one sentence each, from the keypoints alone.

    Args:
        keypoints_px: (T, J, 2), finite.
        image_size: (width, height) in pixels, where it is known.
        fps: frames per second, where they are known.
        in_order: the frames follow each other, and may be compared.
    """
    layout = get_layout("h36m17")
    fits = skeleton.joint_names == layout.joints
    count = keypoints_px.shape[:2]
    track = Track(
        name="1",
        points=keypoints_px.astype(np.float32, copy=False),
        confidence=np.ones(count, np.float32),
        filled=np.zeros(count, bool),
        mended=np.zeros(count[0], bool),
    )
    size = None if image_size is None else (round(image_size[0]), round(image_size[1]))
    keypoints = Keypoints(
        tracks=(track,),
        frame_count=count[0],
        layout=layout if fits else None,
        joint_names=skeleton.joint_names,
        units="px",
        fps=fps,
        image_size=size,
        origins={},
        source="keypoints",
        format="array",
        consecutive=in_order,
    )
    return [_with_frames(problem) for problem in check_whole(keypoints)]


def _with_frames(problem: Problem) -> str:
    if problem.mistake or problem.first_frame is None:
        return problem.text
    if problem.last_frame == problem.first_frame:
        return f"Frame {problem.first_frame}: {problem.text}"
    return f"Frames {problem.first_frame} to {problem.last_frame}: {problem.text}"
