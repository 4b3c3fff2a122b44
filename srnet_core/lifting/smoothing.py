"""Smoothing of lifted poses: off unless asked for, and named in what is written.

- `one-euro`: a low-pass filter whose cutoff rises with speed. It needs no frames of the future, so it can be used live.
  Casiez, Roussel & Vogel, "1 Euro Filter", CHI 2012, equations 1 to 4.
- `savgol`: a polynomial fitted to the frames around each one. Savitzky & Golay, Analytical Chemistry 36 (1964).
- `butterworth`: fourth order, forwards and backwards, so that nothing is delayed; the filter of Pose2Sim and most
  gait laboratories (Winter, *Biomechanics and Motor Control of Human Movement*, chapter 2).

Each stretch without a gap is smoothed by itself. Filters smooth root-relative poses, and the path where there is one.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from srnet_core.errors import ConfigError, require_extra
from srnet_core.lifting.people import LiftedPeople, runs_of
from srnet_core.lookup import choose

# of each filter: its parameter's name, unit and default
_PARAMETERS = {
    "one-euro": ("minimum cutoff", "Hz", 1.5),
    "savgol": ("window", "s", 0.25),
    "butterworth": ("cutoff", "Hz", 6.0),
}
NAMES = tuple(_PARAMETERS)
_BETA_PER_M, _SPEED_CUTOFF_HZ = 2.0, 1.0  # of the 1 Euro filter: how the cutoff rises with speed in m/s
_POLYNOMIAL, _ORDER = 3, 2  # degree; order of one pass of the two


def parse(text: str) -> tuple[str, float]:
    """ "butterworth" or "butterworth:6" -> (name, parameter).

    Raises:
        UnknownNameError: there is no such filter.
        ConfigError: the parameter is not a positive number.
    """
    name, _, number = text.partition(":")
    name = choose("filter", name.strip().lower().replace("_", "-"), NAMES, where="smooth")
    what, unit, default = _PARAMETERS[name]
    if not number:
        return name, default
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(?:hz|s)?\s*", number, re.IGNORECASE)
    value = float(match[1]) if match else 0.0
    if not 0 < value < 1e6:
        raise ConfigError(f"the {what} of {name} is a positive number of {unit}, not {number[:20]!r}", where="smooth")
    return name, value


def require_rate(how: str, fps: float | None, source: object) -> None:
    """Check that a filter can be used at a frame rate, before anything is lifted.

    Raises:
        UnknownNameError, ConfigError, MissingExtraError: as `smooth`.
    """
    _filter(how, fps, source)


def _filter(how: str, fps: float | None, source: object) -> Callable[[np.ndarray], np.ndarray]:
    name, value = parse(how)
    if not fps:
        raise ConfigError("the frame rate is unknown, and a filter needs it", where=source, todo="Give it")
    return _FILTERS[name](value, fps)


def smooth(people: LiftedPeople, how: str) -> LiftedPeople:
    """The same people with smoothed poses and paths.

    Args:
        how: one of `NAMES`, with a parameter or not, e.g. "butterworth:6" for a cutoff of 6 Hz.

    Raises:
        UnknownNameError, ConfigError: as `parse`; the frame rate is unknown, or too low for the filter.
        MissingExtraError: scipy is not installed, which two of the filters need.
    """
    name, value = parse(how)
    run = _filter(how, people.rate, people.source)
    smoothed = []
    for person in people.people:
        joints_m = person.joints_m.astype(np.float64)
        root_m = None if person.root_m is None else person.root_m.astype(np.float64)
        for start, stop in runs_of(person.lifted):
            frames = slice(start, stop)
            joints_m[frames] = run(joints_m[frames].reshape(stop - start, -1)).reshape(joints_m[frames].shape)
            if root_m is not None:
                root_m[frames] = run(root_m[frames])
        smoothed.append(
            replace(
                person,
                joints_m=joints_m.astype(np.float32),
                root_m=None if root_m is None else root_m.astype(np.float32),
            )
        )
    words = in_words(name, value)
    return replace(
        people, people=tuple(smoothed), smoothing=words, notes=(*people.notes, f"Poses are smoothed: {words}.")
    )


class OneEuro:
    """The 1 Euro filter of one person, frame by frame. Coordinates of one joint share a cutoff, so that the filter does
    not depend on the axes.

    Args:
        cutoff_hz: minimum cutoff, that of somebody who stands still.
        fps: frames per second.
    """

    def __init__(self, cutoff_hz: float, fps: float):
        self._cutoff_hz, self._fps = cutoff_hz, fps
        self.reset()

    def reset(self) -> None:
        """Begin anew: the next frame is taken as it is."""
        self._value: np.ndarray | None = None
        self._speed = np.zeros(0)

    def push(self, values: np.ndarray, frames: int = 1) -> np.ndarray:
        """(D,) metres, D a multiple of 3 -> (D,) smoothed.

        Args:
            frames: how many frames have gone by since the last call.
        """
        if self._value is None:
            self._value, self._speed = values.astype(np.float64), np.zeros(values.shape[0])
            return self._value
        rate = self._fps / frames
        self._speed = self._speed + _share(_SPEED_CUTOFF_HZ, rate) * ((values - self._value) * rate - self._speed)
        fast = np.linalg.norm(self._speed.reshape(-1, 3), axis=-1)
        weight = np.repeat(_share(self._cutoff_hz + _BETA_PER_M * fast, rate), 3)
        self._value = self._value + weight * (values - self._value)
        return self._value


def _share(cutoff_hz: Any, fps: float) -> Any:
    """Weight of the new value, equation 4."""
    tau = 1 / (2 * np.pi * cutoff_hz)
    return 1 / (1 + tau * fps)


def live_filter(text: str) -> tuple[float, str]:
    """ "one-euro" or "one-euro:1.5" -> (minimum cutoff in Hz, the filter in words).

    Raises:
        UnknownNameError, ConfigError: as `parse`; the filter needs frames of the future.
    """
    name, value = parse(text)
    if name != "one-euro":
        raise ConfigError(
            f"{name} needs frames that come later, so it cannot be used live",
            where="smooth",
            todo="Use one-euro, or lift a file",
        )
    return value, in_words(name, value)


def in_words(name: str, value: float) -> str:
    """A filter as files name it."""
    what, unit, _ = _PARAMETERS[name]
    return f"{name}, {what} {value:g} {unit}"


def _one_euro(cutoff_hz: float, fps: float) -> Callable[[np.ndarray], np.ndarray]:
    def run(values: np.ndarray) -> np.ndarray:
        one = OneEuro(cutoff_hz, fps)
        return np.stack([one.push(frame) for frame in values])

    return run


def _savgol(window_s: float, fps: float) -> Callable[[np.ndarray], np.ndarray]:
    signal = require_extra("scipy.signal", "data")
    frames = 2 * round(window_s * fps / 2) + 1
    if frames < _POLYNOMIAL + 2:
        raise ConfigError(
            f"a window of {window_s:g} s holds {frames} frames, and it needs {_POLYNOMIAL + 2}",
            where="smooth",
            todo="Give a longer one, e.g. savgol:0.5",
        )

    def run(values: np.ndarray) -> np.ndarray:
        length = min(frames, len(values) - 1 + len(values) % 2)  # odd, and not longer than the stretch
        if length <= _POLYNOMIAL:
            return values
        filtered: np.ndarray = signal.savgol_filter(values, length, _POLYNOMIAL, axis=0, mode="interp")
        return filtered

    return run


def _butterworth(cutoff_hz: float, fps: float) -> Callable[[np.ndarray], np.ndarray]:
    signal = require_extra("scipy.signal", "data")
    if cutoff_hz >= fps / 2:
        raise ConfigError(
            f"a cutoff of {cutoff_hz:g} Hz needs more than {2 * cutoff_hz:g} frames per second, not {fps:g}",
            where="smooth",
            todo=f"Give a lower one, e.g. butterworth:{fps / 8:.2g}",
        )
    b, a = signal.butter(_ORDER, cutoff_hz, fs=fps)
    pad = 3 * max(len(a), len(b))

    def run(values: np.ndarray) -> np.ndarray:
        if len(values) <= pad:
            return values
        filtered: np.ndarray = signal.filtfilt(b, a, values, axis=0)
        return filtered

    return run


_FILTERS: dict[str, Callable[[float, float], Callable[[np.ndarray], np.ndarray]]] = {
    "one-euro": _one_euro,
    "savgol": _savgol,
    "butterworth": _butterworth,
}
