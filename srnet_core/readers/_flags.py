"""COCO's flag in the place of a confidence: 0 not labelled, 1 hidden, 2 visible."""

import numpy as np

from srnet_core.readers._gathering import Gathering

_NOTE = "The third value is COCO's flag: visible (2) counts as confidence 1, hidden (1) as 0.5."


def flags_to_confidences(gathering: Gathering, notes: list[str], *, always: bool) -> None:
    """Make confidences 0, 0.5, 1 of flags 0, 1, 2, and say so; other third values stay as they are.

    Args:
        always: numbers that are all 0 or 1 are flags too, as in annotations.
    """
    if len(gathering.values) % 3 or not len(gathering.values):
        return
    values = np.frombuffer(memoryview(gathering.values), np.float64).reshape(-1, 3)
    third = values[:, 2]
    if np.isin(third, (0, 1, 2)).all() and (always or (third == 2).any()):
        third *= 0.5
        notes.append(_NOTE)
