"""Validation data: a part of the training split, held out to choose the best epoch. It contains no test clips."""

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.lookup import choose
from srnet_core.stages.store import StoredClip


def hold_out(
    clips: tuple[StoredClip, ...], validation: tuple[str, ...], seed: int
) -> tuple[tuple[StoredClip, ...], tuple[StoredClip, ...]]:
    """(training, validation) clips.

    Args:
        validation: subjects, or a single fraction in (0, 1) of the takes; the cameras of a take stay together.
        seed: seed of the choice of takes for a fraction.

    Raises:
        UnknownNameError: the training split does not have a subject.
        ConfigError: training or validation would be empty.
    """
    if not validation:
        return clips, ()
    held = _held_takes(clips, validation, seed)
    train = tuple(clip for clip in clips if (clip.subject, clip.take) not in held)
    kept = tuple(clip for clip in clips if (clip.subject, clip.take) in held)
    if not train or not kept:
        raise ConfigError(
            f"training would have {len(train)} clips and validation {len(kept)}; both need at least one",
            where="--validation",
        )
    return train, kept


def _held_takes(clips: tuple[StoredClip, ...], validation: tuple[str, ...], seed: int) -> set[tuple[str, str]]:
    takes = list(dict.fromkeys((s.subject, s.take) for s in clips))
    fraction = _as_fraction(validation)
    if fraction is None:
        subjects = list(dict.fromkeys(s.subject for s in clips))
        chosen = {choose("training subject", v, subjects, where="--validation") for v in validation}
        return {t for t in takes if t[0] in chosen}
    order = np.random.RandomState(seed).permutation(len(takes))
    return {takes[i] for i in order[: max(1, round(fraction * len(takes)))]}


def is_fraction(validation: tuple[str, ...]) -> bool:
    """Whether `validation` is a fraction of the takes, not a list of subjects."""
    return _as_fraction(validation) is not None


def _as_fraction(validation: tuple[str, ...]) -> float | None:
    if len(validation) != 1:
        return None
    try:
        fraction = float(validation[0])
    except ValueError:
        return None
    if not 0 < fraction < 1:
        raise ConfigError(f"a fraction must lie between 0 and 1, not {validation[0]}", where="--validation")
    return fraction
