"""Lifting frame by frame: how long one frame takes, and whether it gives what the whole clip gives."""

import statistics
import time
from typing import Any

import numpy as np

from benchmarks.memory import IMAGE_SIZE, clip_px, make_lifter
from srnet_core.models.pose_model import PoseModel


def push_times(model: PoseModel, *, frames: int, device: str = "cpu") -> dict[str, Any]:
    """Push so many frames through `Lifter.stream`, after a receptive field of others.

    Returns:
        Milliseconds per frame: `median_ms`, `slowest_ms` (99 of 100 are faster); `receptive_field`, `delay_frames`.
    """
    live = make_lifter(model, device=device).stream(image_size=IMAGE_SIZE)
    keypoints_px = clip_px(model.receptive_field + frames)
    times = []
    for frame_px in keypoints_px:
        started = time.perf_counter()
        live.push(frame_px)  # a pose in memory: the device has finished
        times.append(1000 * (time.perf_counter() - started))
    counted = sorted(times[model.receptive_field :])
    return {
        "receptive_field": model.receptive_field,
        "delay_frames": live.delay_frames,
        "median_ms": statistics.median(counted),
        "slowest_ms": counted[int(0.99 * (len(counted) - 1))],
    }


def largest_difference_m(model: PoseModel, *, frames: int) -> float:
    """Largest distance between a coordinate of the streamed poses and of the whole clip's."""
    lifter, keypoints_px = make_lifter(model, flip=False), clip_px(frames)
    live = lifter.stream(image_size=IMAGE_SIZE)
    streamed = [pose for frame_px in keypoints_px if (pose := live.push(frame_px)) is not None]
    whole = lifter(keypoints_px, image_size=IMAGE_SIZE, check="off")
    return float(np.abs(np.concatenate([streamed, live.flush()]) - whole).max())
