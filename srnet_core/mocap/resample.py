"""Positions at another frame rate.

Between frames, positions follow a Catmull-Rom cubic, which goes through the given frames. Body motion has hardly any
energy above 15 Hz (Winter, *Biomechanics and Motor Control of Human Movement*, section 3.4), so at 40 or more frames
per second there is no aliasing and no filter is needed. For lower rates a windowed-sinc low-pass filter at 0.45 of the
new rate, without shift in time, is applied first.
"""

import numpy as np

from srnet_core.errors import ConfigError

SAME_RATE = 5e-4  # relative difference under which two rates are one: 0.0083333 s are 120 frames per second
_NO_FILTER_FPS = 40.0
_LOBES = 4  # of the sinc on either side
MAX_FRAMES = 20_000_000


def resampled_length(frames: int, fps: float, target_fps: float) -> int:
    """How many frames at `target_fps` fit into the time from the first to the last of `frames`."""
    if abs(fps / target_fps - 1) <= SAME_RATE:
        return frames
    return int(np.floor((frames - 1) * target_fps / fps + 1e-6)) + 1 if frames else 0


def resample(positions: np.ndarray, fps: float, target_fps: float) -> np.ndarray:
    """(T, J, 3) at `fps` -> (T', J, 3) at `target_fps`; both start at the same time. Positions must be finite.

    Raises:
        ConfigError: a rate that is not a positive number, or a result of more than `MAX_FRAMES` frames.
    """
    for rate in (fps, target_fps):
        if not (np.isfinite(rate) and 0 < rate < 1e6):
            raise ConfigError(f"a frame rate must be above 0 and below a million, not {rate:.10g}")
    count = resampled_length(len(positions), fps, target_fps)
    if count > MAX_FRAMES:
        raise ConfigError(f"{len(positions)} frames at {fps:g} per second would become {count} at {target_fps:g}")
    if abs(fps / target_fps - 1) <= SAME_RATE or len(positions) < 2:
        return positions[:count].copy()
    if target_fps < min(fps, _NO_FILTER_FPS):
        positions = _low_pass(positions, 0.45 * target_fps / fps)
    return positions_at(positions, np.arange(count) * (fps / target_fps))


def _low_pass(positions: np.ndarray, cutoff: float) -> np.ndarray:
    """Windowed-sinc filter; `cutoff` in cycles per frame. Ends are continued by point reflection."""
    half = int(np.ceil(_LOBES / (2 * cutoff)))
    half = min(half, len(positions) - 1)
    taps = np.arange(-half, half + 1)
    kernel = np.sinc(2 * cutoff * taps) * np.cos(np.pi * taps / (2 * (half + 1))) ** 2
    kernel /= kernel.sum()
    before = 2 * positions[0] - positions[half:0:-1]
    after = 2 * positions[-1] - positions[-2 : -half - 2 : -1]
    padded = np.concatenate([before, positions, after])
    flat = padded.reshape(len(padded), -1)
    filtered = np.stack([np.convolve(column, kernel, "valid") for column in flat.T], axis=-1)
    return filtered.reshape(positions.shape)


def positions_at(positions: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(T, J, D) -> (N, J, D) at `times` in frames, by the cubic; a time after the last frame gets the last frame.

    The curve goes on as a parabola (of two frames, a line) beyond both ends, which shapes it near them.
    """
    last = len(positions) - 1
    if last < 1:
        return positions[np.zeros(len(times), np.int64)]
    times = np.minimum(times, last)
    start = np.minimum(times.astype(np.int64), last - 1)
    t = (times - start)[:, None, None]
    padded = np.concatenate([_beyond(positions[:3]), positions, _beyond(positions[-3:][::-1])])
    before, a, b, after = (padded[start + i] for i in range(4))
    return a + 0.5 * t * (b - before + t * (2 * before - 5 * a + 4 * b - after + t * (3 * (a - b) + after - before)))


def _beyond(ends: np.ndarray) -> np.ndarray:
    """(1, J, 3): one frame before the first of two or three."""
    if len(ends) < 3:
        return 2 * ends[:1] - ends[1:2]
    return 3 * ends[:1] - 3 * ends[1:2] + ends[2:3]
