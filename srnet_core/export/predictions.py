"""Predictions of a split in any prediction format, streamed to the file, so that a split need not fit into memory."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.evaluation.predict import ClipPrediction
from srnet_core.export import PredictionFormat, get_format
from srnet_core.files import atomic_write
from srnet_core.stages.store import Stage, StoredClip


def write_predictions(
    predictions: Iterable[ClipPrediction], stage: Stage, path: str | Path, format: str
) -> tuple[int, int]:
    """Write root-relative predictions in camera metres; returns the numbers of clips and frames written.

    Raises:
        UnknownNameError: there is no such format.
        PluginError: the package that adds the format cannot be used.
        ConfigError: the format is for networks.
    """
    plugin = get_format(format)
    if not isinstance(plugin, PredictionFormat):
        raise ConfigError(f"{format} is a format for networks, not for predictions", where="--format")
    counts = [0, 0]

    def counted() -> Iterator[tuple[StoredClip, np.ndarray]]:
        for prediction in predictions:
            counts[0] += 1
            counts[1] += prediction.clip.length
            yield prediction.clip, prediction.predicted_m.numpy()

    with atomic_write(path) as file:
        plugin.write(file, counted(), stage)
    return counts[0], counts[1]
