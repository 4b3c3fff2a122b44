"""From what a network's predictions say about their errors to errors in millimetres, fitted on people left out.

The expected error is the exponential of a weighted sum of the numbers of `spread.features` and of a level for each
joint. Weights and levels are those of a gamma regression with a logarithmic link, whose predictions have the mean of
the errors themselves. The bound that 90 % of the errors keep below is the expected error times a factor for each joint.
A quantile of the ratios of true and expected errors of all people together would be kept by the people at hand on
average, and by fewer than 90 % of the errors of somebody who is harder than they are. So the quantile is taken for each
person and condition alone, and the factor is one that nine of ten of them keep: of few, the largest.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core.errors import BadFileError, ConfigError, InputFileMissing
from srnet_core.files import write_json
from srnet_core.inference.spread import NAMES

SCHEMA = 1
SHARE = 0.9
"""Of the errors that keep below the bound."""
FEWEST_FRAMES = 500
_MAX_BYTES = 1 << 20
_LARGEST_LOG = 9.0  # e^9 mm are eight metres
_ROUNDS = 50
_RIDGE = 1e-6  # of the square of a column, so that columns that are alike do not make weights explode
_LEAST_MM = 1e-3  # errors are positive


@dataclass(frozen=True)
class Calibration:
    """How to tell the errors of one network.

    Attributes:
        digest: of the weights of the network, see `checkpoint.writing.tensor_digest`.
        joints: names, root first.
        weights: (F,) for the numbers of `spread.features`.
        levels: (J,) for the joints; the root's is not used, as its error is zero.
        factors: (J,) from the expected error to the bound that `SHARE` of the errors keep below.
        people, frames: whom it was fitted on, and in how many frames.
        about: the data in words.
    """

    digest: str
    joints: tuple[str, ...]
    weights: tuple[float, ...]
    levels: tuple[float, ...]
    factors: tuple[float, ...]
    people: tuple[str, ...]
    frames: int
    about: str = ""

    def __post_init__(self) -> None:
        count = len(self.joints)
        if len(self.levels) != count or len(self.factors) != count or len(self.weights) != len(NAMES):
            raise ConfigError("the numbers of a calibration do not fit its joints")

    def expected_mm(self, features: np.ndarray) -> np.ndarray:
        """(T, J) expected errors in mm from (T, J, F) features; zero for the root."""
        logarithms = features @ np.array(self.weights) + np.array(self.levels)
        errors: np.ndarray = np.exp(np.minimum(logarithms, _LARGEST_LOG))
        errors[:, 0] = 0
        return errors

    def bound_mm(self, expected_mm: np.ndarray) -> np.ndarray:
        """(T, J) bounds in mm that 90 % of the errors keep below."""
        bound: np.ndarray = expected_mm * np.array(self.factors)
        return bound


def fit(
    features: Sequence[np.ndarray],
    errors_mm: Sequence[np.ndarray],
    people: Sequence[str],
    *,
    digest: str,
    joints: Sequence[str],
    conditions: Sequence[object] = (),
    about: str = "",
) -> Calibration:
    """Fit a calibration on clips of people that the network was not trained on; all people count the same.

    Args:
        features: of each clip, (T, J, F).
        errors_mm: of each clip, (T, J), relative to the root.
        people: who is seen in each clip.
        conditions: under which each clip was lifted, e.g. how noisy its keypoints are; by default all the same.

    Raises:
        ConfigError: there are fewer than `FEWEST_FRAMES` frames.
    """
    frames = sum(map(len, errors_mm))
    if frames < FEWEST_FRAMES:
        raise ConfigError(f"{frames} frames are too few to calibrate on; at least {FEWEST_FRAMES} are needed")
    x, y = np.concatenate(features)[:, 1:], np.maximum(np.concatenate(errors_mm), _LEAST_MM)[:, 1:]  # without the root
    counts = {name: sum(len(e) for e, p in zip(errors_mm, people) if p == name) for name in people}
    share = np.concatenate([np.full(len(e), 1 / counts[name]) for e, name in zip(errors_mm, people)])
    number = y.shape[1]
    which = np.broadcast_to(np.eye(number), (len(x), number, number))
    rows = np.concatenate([which, x], axis=-1).reshape(-1, number + len(NAMES))
    fitted = _gamma_regression(rows, y.ravel(), np.repeat(share, number))
    levels, weights = fitted[:number], fitted[number:]
    ratios = y / np.exp(np.minimum(x @ weights + levels, _LARGEST_LOG))
    factors = _factors(ratios, _frames_of_each(errors_mm, people, conditions or [None] * len(people)))
    return Calibration(
        digest,
        tuple(joints),
        _rounded(weights),
        _rounded([0.0, *levels]),
        _rounded([1.0, *factors]),
        tuple(sorted(counts)),
        frames,
        about,
    )


def _gamma_regression(x: np.ndarray, y: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Weights w of the mean exp(x w) of gamma-distributed y, by iteratively reweighted least squares.

    Source: McCullagh and Nelder, Generalized Linear Models (1989), sections 2.5 and 8.2. With the logarithmic link all
    working weights are equal.
    """
    scaled = x * share[:, None]
    normal = scaled.T @ x
    normal += np.diag(_RIDGE * np.diag(normal))
    weights = np.linalg.solve(normal, scaled.T @ np.log(y))
    for _ in range(_ROUNDS):
        linear = np.clip(x @ weights, -_LARGEST_LOG, _LARGEST_LOG)
        mean = np.exp(linear)
        changed = np.linalg.solve(normal, scaled.T @ (linear + np.minimum(y / mean - 1, 10.0)))
        done = np.abs(changed - weights).max() < 1e-6
        weights = changed
        if done:
            break
    return weights


def _rounded(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(round(float(value), 5) for value in values)


def _frames_of_each(
    errors_mm: Sequence[np.ndarray], people: Sequence[str], conditions: Sequence[object]
) -> list[np.ndarray]:
    """The frames, as numbers, of each person under each condition."""
    ends = np.cumsum([len(errors) for errors in errors_mm])
    frames: dict[tuple[str, object], list[np.ndarray]] = {}
    for name, condition, end, errors in zip(people, conditions, ends, errors_mm):
        frames.setdefault((name, condition), []).append(np.arange(end - len(errors), end))
    return [np.concatenate(parts) for parts in frames.values()]


def _factors(ratios: np.ndarray, groups: Sequence[np.ndarray]) -> np.ndarray:
    """(J,) quantiles of the ratios (N, J) that `SHARE` of the groups of frames keep; those of few frames are not asked.

    The quantile of somebody who is hardly seen is a matter of chance.
    """
    enough = [group for group in groups if len(group) >= FEWEST_FRAMES // 5] or [np.arange(len(ratios))]
    of_each = [np.quantile(ratios[group], SHARE, axis=0) for group in enough]
    factors: np.ndarray = np.quantile(of_each, SHARE, axis=0, method="higher")
    return factors


def calibration_file(checkpoint: Path) -> Path:
    """The file of a checkpoint's calibration, beside it: NAME.uncertainty.json."""
    return checkpoint.with_name(f"{checkpoint.stem}.uncertainty.json")


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Write the file of a calibration, atomically."""
    write_json(path, {"schema": SCHEMA, "features": list(NAMES), **asdict(calibration)})


def read_calibration(path: Path, *, digest: str, joints: Sequence[str]) -> Calibration:
    """The calibration in a file.

    Args:
        digest, joints: of the network that it is wanted for.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is damaged, of another version of srnet, or of other weights.
    """
    todo = "Make it with: srnet calibrate CHECKPOINT"
    try:
        with open(path, "rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputFileMissing("how far off this network may be was not measured", where=path, todo=todo) from None
    try:
        if len(content) > _MAX_BYTES:
            raise ValueError
        found = _from_plain(json.loads(content))
    except (ValueError, KeyError, TypeError, RecursionError, ConfigError):
        raise BadFileError("is no calibration that this version of srnet can use", where=path, todo=todo) from None
    if found.digest != digest or found.joints != tuple(joints):
        raise BadFileError("is the calibration of another network", where=path, todo=todo)
    return found


def _from_plain(values: Mapping[str, Any]) -> Calibration:
    if values["schema"] != SCHEMA or values["features"] != list(NAMES):
        raise ValueError
    weights, levels, factors = (tuple(map(float, values[name])) for name in ("weights", "levels", "factors"))
    if not np.isfinite([*weights, *levels, *factors]).all():
        raise ValueError
    return Calibration(
        str(values["digest"]),
        tuple(map(str, values["joints"])),
        weights,
        levels,
        factors,
        tuple(map(str, values["people"])),
        int(values["frames"]),
        str(values["about"]),
    )
