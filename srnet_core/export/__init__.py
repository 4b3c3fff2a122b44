"""What leaves the project for other programs: networks and predictions, one file per format.

A format is a `NetworkFormat` or a `PredictionFormat`. The built-in ones stand in the table `PLUGINS`, where nothing is
imported before it is asked for; other packages add theirs in the entry-point group `srnet.exports`, see docs/plugins.md.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from srnet_core.lookup import PluginTable

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from srnet_core.stages.store import Stage, StoredClip


@dataclass(frozen=True)
class WrittenNetwork:
    """A written network, and how far its outputs were from torch's.

    Attributes:
        lengths: frames of the inputs compared, each with another batch size: 1, 2, 3 and so on.
        errors: largest absolute difference at each length, in the unit of the normalization.
        scale: largest absolute output of torch.
        compared_in: the program that ran the file.
    """

    path: Path
    lengths: tuple[int, ...]
    errors: tuple[float, ...]
    scale: float
    compared_in: str


@dataclass(frozen=True)
class ExportFormat:
    """What all formats have.

    Attributes:
        endings: of the names of the files it writes, the usual one first: (".csv",).
    """

    endings: tuple[str, ...]


@dataclass(frozen=True)
class NetworkFormat(ExportFormat):
    """A format for the network itself; it needs nothing but a checkpoint.

    Attributes:
        write: `write(model, path, metadata)` writes the file as a whole or not at all, and compares its outputs with
            those of the model. `metadata` says what has to be known to use the file: keys such as
            "srnet.normalization". It raises `MissingExtraError` where a package is missing, `SrnetError` where the
            outputs differ.
    """

    write: "Callable[[nn.Module, Path, Mapping[str, str]], WrittenNetwork]"


@dataclass(frozen=True)
class PredictionFormat(ExportFormat):
    """A format for the poses that a network predicts; it needs a checkpoint and data.

    Attributes:
        write: `write(file, predictions, stage)` writes to an open binary file. `predictions` gives each clip with its
            poses, (T, J, 3) float32 in camera metres relative to the root joint; they come one by one, so that no
            split is too large for the memory. `stage` knows the skeleton and the frame rate.
    """

    write: "Callable[[IO[bytes], Iterator[tuple[StoredClip, np.ndarray]], Stage], None]"


PLUGINS = PluginTable(
    kind="format",
    group="srnet.exports",
    shape=ExportFormat,
    built_in={
        "csv": "srnet_core.export.csv:FORMAT",
        "json": "srnet_core.export.json:FORMAT",
        "npz": "srnet_core.export.npz:FORMAT",
        "onnx": "srnet_core.export.onnx:FORMAT",
    },
)


def get_format(name: str) -> ExportFormat:
    """The format of that name.

    Raises:
        UnknownNameError: there is none; the message lists those there are.
        PluginError: the package that adds it cannot be used.
    """
    return PLUGINS.load(name, where="--format")
