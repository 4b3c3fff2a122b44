"""Validation data: part of the training split, held out to choose the best epoch by. The test split never is."""

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.lookup import choose
from srnet_core.stages.store import StoredClip


def hold_out(
    sequences: tuple[StoredClip, ...], validation: tuple[str, ...], seed: int
) -> tuple[tuple[StoredClip, ...], tuple[StoredClip, ...]]:
    """(training, validation) sequences.

    Args:
        validation: subjects, or a single fraction in (0, 1) of the takes; all cameras of a take go the same way.
        seed: decides which takes a fraction is.

    Raises:
        UnknownNameError: a subject the training split does not have.
        ConfigError: nothing would be left on one side.
    """
    if not validation:
        return sequences, ()
    held = _held_takes(sequences, validation, seed)
    train = tuple(s for s in sequences if (s.subject, s.take) not in held)
    kept = tuple(s for s in sequences if (s.subject, s.take) in held)
    if not train or not kept:
        raise ConfigError(
            f"{len(kept)} sequences would validate and {len(train)} train; both need some", where="--validation"
        )
    return train, kept


def _held_takes(sequences, validation: tuple[str, ...], seed: int) -> set[tuple[str, str]]:
    takes = list(dict.fromkeys((s.subject, s.take) for s in sequences))
    fraction = _as_fraction(validation)
    if fraction is None:
        subjects = list(dict.fromkeys(s.subject for s in sequences))
        chosen = {choose("training subject", v, subjects, where="--validation") for v in validation}
        return {t for t in takes if t[0] in chosen}
    order = np.random.RandomState(seed).permutation(len(takes))
    return {takes[i] for i in order[: max(1, round(fraction * len(takes)))]}


def is_fraction(validation: tuple[str, ...]) -> bool:
    """Whether a fraction of the takes is held out, chosen by the seed, instead of subjects."""
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
