"""Detectors of 2D keypoints in images: one detector per file, each with an extra of its own.

A detector is opened with the options of the user and called with one image after the other. Nothing is downloaded: a
detector brings its weights, or is given them as files.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from srnet_core.lookup import PluginTable


class Detector(Protocol):
    """An open detector; images of one video follow each other.

    Attributes:
        layout: name of the layout of its joints (`srnet_core.layouts`).
        about: name and version, in words.
    """

    layout: str
    about: str

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 RGB -> (people, joints, 3) x and y in pixels and confidence from 0 to 1."""
        ...

    def close(self) -> None:
        """Give memory and threads back."""
        ...


@dataclass(frozen=True)
class DetectorPlugin:
    """A detector that can be opened.

    Attributes:
        open: from the files of weights, each as `weights.checked_file` gave it, to an open detector. It raises
            `MissingExtraError` where its packages are missing, and `ConfigError` where files are missing or too many.
        help: one sentence about it.
    """

    open: Callable[[tuple[Path, ...]], Detector]
    help: str


PLUGINS = PluginTable(
    kind="detector",
    group="srnet.detectors",
    shape=DetectorPlugin,
    built_in={
        "mediapipe": "srnet_core.detectors.mediapipe:DETECTOR",
        "rtmlib": "srnet_core.detectors.rtmlib:DETECTOR",
    },
)


def open_detector(name: str, files: tuple[Path, ...] = ()) -> Detector:
    """An open detector.

    Args:
        files: its weights, for those that do not bring them.

    Raises:
        UnknownNameError: there is no detector of that name.
        MissingExtraError: its packages are not installed.
        ConfigError: files of weights are missing, or are not those it can use.
    """
    return cast(DetectorPlugin, PLUGINS.load(name)).open(files)
