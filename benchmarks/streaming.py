"""Lifting frame by frame: how long one frame takes, alone and with other streams, and whether it gives what the whole
clip gives.
"""

import statistics
import time
from collections.abc import Callable
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


def times_faster_together(model: PoseModel, *, streams: int, rounds: int, frames: int = 10) -> float:
    """Poses per second of that many streams in one batch over those of as many streams one after the other.

    In turns of some frames each; the median over rounds, by processor time of this thread.
    """
    lifter, keypoints_px = make_lifter(model, flip=False), clip_px(frames)
    together = lifter.streams(streams, image_size=IMAGE_SIZE)
    alone = [lifter.stream(image_size=IMAGE_SIZE) for _ in range(streams)]

    def one_by_one(frame_px: np.ndarray) -> None:
        for live in alone:
            live.push(frame_px)

    def at_once(frame_px: np.ndarray) -> None:
        together.push([frame_px] * streams)

    def seconds(push: Callable[[np.ndarray], None]) -> float:
        started = time.thread_time()
        for frame_px in keypoints_px:
            push(frame_px)
        return time.thread_time() - started

    ratios = [seconds(one_by_one) / seconds(at_once) for _ in range(rounds + 1)]
    return statistics.median(ratios[1:])  # the first round fills the caches


def largest_difference_m(model: PoseModel, *, frames: int) -> float:
    """Largest distance between a coordinate of the streamed poses and of the whole clip's."""
    lifter, keypoints_px = make_lifter(model, flip=False), clip_px(frames)
    live = lifter.stream(image_size=IMAGE_SIZE)
    streamed = [pose for frame_px in keypoints_px if (pose := live.push(frame_px)) is not None]
    whole = lifter(keypoints_px, image_size=IMAGE_SIZE, check="off")
    return float(np.abs(np.concatenate([streamed, live.flush()]) - whole).max())
