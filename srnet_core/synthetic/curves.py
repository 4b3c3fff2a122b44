"""Smooth functions of time, the components of the synthetic motions. All are vectorised over the frames of a take."""

import numpy as np
from numpy.typing import ArrayLike


class PeriodicSpline:
    """The periodic cubic spline (C2) through knots on [0, 1).

    Args:
        phases: (K,) increasing, in [0, 1).
        values: (K,) values there.
    """

    def __init__(self, phases: ArrayLike, values: ArrayLike):
        x, y = np.asarray(phases, float), np.asarray(values, float)
        self.x, self.y = np.append(x, x[0] + 1.0), np.append(y, y[0])
        self.second = self._second_derivatives()

    def _second_derivatives(self) -> np.ndarray:
        """(K + 1,) second derivatives at the knots, from a cyclic tridiagonal system: continuity of the first."""
        h, k = np.diff(self.x), len(self.x) - 1
        i = np.arange(k)
        matrix, slope = np.zeros((k, k)), np.diff(self.y) / h
        matrix[i, i] = 2 * (h[i - 1] + h)
        matrix[i, (i + 1) % k] += h
        matrix[i, i - 1] += h[i - 1]
        m = np.linalg.solve(matrix, 6 * (slope - slope[i - 1]))
        return np.append(m, m[0])

    def __call__(self, phase: np.ndarray) -> np.ndarray:
        """Values at (...) phases, with period 1."""
        phase = (np.asarray(phase, float) - self.x[0]) % 1.0 + self.x[0]
        k = np.clip(np.searchsorted(self.x, phase, side="right") - 1, 0, len(self.x) - 2)
        h = self.x[k + 1] - self.x[k]
        a, b = (self.x[k + 1] - phase) / h, (phase - self.x[k]) / h
        bend = ((a**3 - a) * self.second[k] + (b**3 - b) * self.second[k + 1]) * h**2 / 6
        return a * self.y[k] + b * self.y[k + 1] + bend


def min_jerk(u: np.ndarray) -> np.ndarray:
    """The minimum-jerk profile from 0 to 1 on [0, 1], constant outside (Flash & Hogan, J. Neuroscience 5(7), 1985)."""
    u = np.clip(u, 0.0, 1.0)
    return u**3 * (10 - 15 * u + 6 * u**2)


def segment_at(t: np.ndarray, leave: np.ndarray, arrive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The key before each time, and the progress (min-jerk, 0 to 1) from it to the next key.

    Args:
        t: (T,) seconds.
        leave, arrive: (K,) seconds at which key k is left and reached; arrive[k] <= leave[k] <= arrive[k + 1].
    """
    k = np.clip(np.searchsorted(leave, t, side="right") - 1, 0, max(len(leave) - 2, 0))
    after = np.minimum(k + 1, len(leave) - 1)
    span = np.maximum(arrive[after] - leave[k], 1e-9)
    return k, min_jerk((t - leave[k]) / span)


def keyed(t: np.ndarray, times: ArrayLike, key_values: ArrayLike, holds: ArrayLike = 0.0) -> np.ndarray:
    """A track through keys, at rest at each: (T,) times -> (T, ...) values.

    Args:
        times: (K,) times of arrival in seconds.
        key_values: (K, ...) values of the keys.
        holds: duration of each key in seconds, one number or (K,).
    """
    arrive, values = np.asarray(times, float), np.asarray(key_values, float)
    leave = arrive + np.broadcast_to(holds, arrive.shape)
    k, u = segment_at(t, leave, arrive)
    after = np.minimum(k + 1, len(arrive) - 1)
    return values[k] + (values[after] - values[k]) * u.reshape(u.shape + (1,) * (values.ndim - 1))


def keyed_slerp(t: np.ndarray, arrive: np.ndarray, leave: np.ndarray, quaternions: np.ndarray) -> np.ndarray:
    """A track of rotations through (K, 4) unit quaternions, on great circles, at rest at each: (T, 4)."""
    k, u = segment_at(t, leave, arrive)
    a, b = quaternions[k], quaternions[np.minimum(k + 1, len(quaternions) - 1)]
    dot = np.sum(a * b, axis=-1, keepdims=True)
    b, dot = np.where(dot < 0, -b, b), np.clip(np.abs(dot), 0, 1)
    angle, u = np.arccos(dot), u[:, None]
    sine = np.sin(angle)
    near = sine < 1e-6  # two equal keys: any blend of them is right
    sine = np.where(near, 1.0, sine)
    wa, wb = np.where(near, 1 - u, np.sin((1 - u) * angle) / sine), np.where(near, u, np.sin(u * angle) / sine)
    out = wa * a + wb * b
    return out / np.linalg.norm(out, axis=-1, keepdims=True)


def smooth_noise(
    rng: np.random.Generator, t: np.ndarray, shape: tuple[int, ...] = (), *, hz: float = 0.3, parts: int = 5
) -> np.ndarray:
    """Sums of random sinusoids with unit variance and frequencies up to `hz`: (T,) times -> (T, *shape)."""
    frequency = rng.uniform(0.15, 1.0, (*shape, parts)) * hz
    phase = rng.uniform(0, 2 * np.pi, (*shape, parts))
    size = rng.uniform(0.4, 1.0, (*shape, parts))
    size *= np.sqrt(2 / np.sum(size**2, axis=-1, keepdims=True))
    t = t.reshape(-1, *([1] * (len(shape) + 1)))
    return np.sum(size * np.sin(2 * np.pi * frequency * t + phase), axis=-1)


def soft_limit(values: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """`values`, compressed smoothly so that none is beyond plus or minus `limit`; small ones hardly change."""
    return values / (1 + (values / limit) ** 6) ** (1 / 6)


def _bell(width: int) -> np.ndarray:
    """A smooth kernel of 2 * width + 1 samples that sum to one."""
    kernel = np.cos(np.linspace(-np.pi / 2, np.pi / 2, 2 * width + 3)[1:-1]) ** 4
    return kernel / kernel.sum()


def smooth(values: np.ndarray, width: int) -> np.ndarray:
    """(T,) values averaged over 2 * width + 1 samples with bell-shaped weights; the ends are repeated."""
    return np.convolve(np.pad(values, width, mode="edge"), _bell(width), mode="valid")


def smooth_below(limit: np.ndarray, width: int) -> np.ndarray:
    """(T,) a smooth function nowhere above `limit`: a running mean of a running minimum of equal width."""
    padded = np.pad(limit, width, mode="edge")
    lowest = np.lib.stride_tricks.sliding_window_view(padded, 2 * width + 1).min(axis=-1)
    return smooth(lowest, width)


def rotation_matrices(rotation_vectors: np.ndarray) -> np.ndarray:
    """(..., 3) rotation vectors in radians -> (..., 3, 3) matrices (Rodrigues' formula)."""
    angle = np.linalg.norm(rotation_vectors, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(rotation_vectors, -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*x.shape, 3, 3)
    a = np.sinc(angle / np.pi)
    b = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    return np.eye(3) + a * cross + b * (cross @ cross)
