"""Export of networks and predictions for other programs, one file per format.

A format is a `NetworkFormat`, a `CheckpointFormat` or a `PredictionFormat`. The table `PLUGINS` lists the built-in ones
and imports each only when it is asked for; other packages add theirs in the entry-point group `srnet.exports`, see
docs/plugins.md.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from srnet_core.lookup import PluginTable

if TYPE_CHECKING:
    import numpy as np

    from srnet_core.checkpoint import Checkpoint
    from srnet_core.models.pose_model import PoseModel
    from srnet_core.stages.store import Stage, StoredClip

ROOT_NOTE = (
    "the origin is the root joint as the network locates it; the predicted root joint (index 0) itself can be some "
    "centimetres off zero, and counts in the reported errors; subtract it from all joints to put it at zero"
)

ANGLES_NOTE = (
    "angle and symmetry errors that the published program computes of these poses are those of srnet eval --compat "
    "original, not of srnet eval"
)


@dataclass(frozen=True)
class WrittenNetwork:
    """A written network, and the difference of its outputs from torch's.

    Attributes:
        lengths: numbers of frames of the compared inputs; their batch sizes are 1, 2, 3 and so on.
        errors: largest absolute difference at each length, in the unit of the normalization.
        scale: largest absolute output of torch.
        compared_in: name of the program that ran the file.
    """

    path: Path
    lengths: tuple[int, ...]
    errors: tuple[float, ...]
    scale: float
    compared_in: str


@dataclass(frozen=True)
class ExportFormat:
    """A format of exported files.

    Attributes:
        endings: possible endings of its file names, the usual one first, e.g. (".csv",); "" for folders.
    """

    endings: tuple[str, ...]


@dataclass(frozen=True)
class NetworkFormat(ExportFormat):
    """A format for the network itself; it needs a checkpoint only.

    Attributes:
        write: `write(model, path, metadata)` writes the complete file or none, and compares its outputs with those of
            the model. `metadata` is what a user of the file has to know, with keys such as "srnet.normalization". It
            raises `MissingExtraError` if a package is missing, `SrnetError` if the outputs differ.
        tolerance: largest difference of an output from torch's, as a share of the largest output, or of 1 if that is
            smaller.
    """

    write: "Callable[[PoseModel, Path, Mapping[str, str]], WrittenNetwork]"
    tolerance: float = 1e-4


@dataclass(frozen=True)
class CheckpointFormat(ExportFormat):
    """A format for a network with what its checkpoint tells of it, which srnet reads back.

    Attributes:
        write: `write(checkpoint, path, metadata)`, otherwise as that of a `NetworkFormat`.
        tolerance: as that of a `NetworkFormat`.
    """

    write: "Callable[[Checkpoint, Path, Mapping[str, str]], WrittenNetwork]"
    tolerance: float = 0.0


@dataclass(frozen=True)
class PredictionFormat(ExportFormat):
    """A format for the poses that a network predicts; it needs a checkpoint and data.

    Attributes:
        write: `write(file, predictions, stage)` writes to an open binary file. `predictions` yields clips with their
            poses, (T, J, 3) float32 in camera metres relative to the root joint as the network sees it (`ROOT_NOTE`),
            one by one, so that a split need not fit into memory. `stage` has the skeleton and the frame rate.
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
        "onnx_fp16": "srnet_core.export.onnx_fp16:FORMAT",
        "onnx_pixels": "srnet_core.export.onnx_pixels:FORMAT",
        "onnx_stream": "srnet_core.export.onnx_stream:FORMAT",
        "pt2": "srnet_core.export.pt2:FORMAT",
        "safetensors": "srnet_core.export.safetensors:FORMAT",
        "folder": "srnet_core.export.folder:FORMAT",
    },
)


def format_of(path: Path) -> str | None:
    """The name of the format whose ending a file's name has, the longest one; `None` if no format has it."""
    found = [
        (len(ending), name)
        for name, plugin in PLUGINS.each()
        for ending in plugin.endings
        if (path.name.lower().endswith(ending) if ending else not path.suffix)
    ]
    return max(found)[1] if found else None


def get_format(name: str) -> ExportFormat:
    """The format of that name.

    Raises:
        UnknownNameError: there is none; the message lists those there are.
        PluginError: the package that adds it cannot be used.
    """
    return PLUGINS.load(name, where="--format")
