"""Predictions of a split in any format for them, streamed to the file so that no split is too large."""

from collections.abc import Iterable
from pathlib import Path

from srnet_core.errors import ConfigError
from srnet_core.evaluation.predict import SequencePrediction
from srnet_core.export import PredictionFormat, get_format
from srnet_core.files import atomic_write
from srnet_core.stages.store import Stage


def write_predictions(
    predictions: Iterable[SequencePrediction], stage: Stage, path: str | Path, format: str
) -> tuple[int, int]:
    """Write root-relative predictions in camera metres; returns how many sequences and frames were written.

    Raises:
        UnknownNameError: another format.
        PluginError: the package that adds the format cannot be used.
        ConfigError: a format for networks.
    """
    plugin = get_format(format)
    if not isinstance(plugin, PredictionFormat):
        raise ConfigError(f"{format} is a format for networks, not for predictions", where="--format")
    counts = [0, 0]

    def counted():
        for prediction in predictions:
            counts[0] += 1
            counts[1] += prediction.sequence.length
            yield prediction.sequence, prediction.predicted_m.numpy()

    with atomic_write(path) as file:
        plugin.write(file, counted(), stage)
    return counts[0], counts[1]
