"""MediaPipe's BlazePose: 33 landmarks of one person. Extra `video`; the weights are in MediaPipe's wheel.

Only the model of middle complexity is used: the other two would be downloaded when they are first used.
"""

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core.detectors import Detector, DetectorPlugin
from srnet_core.errors import ConfigError, MissingExtraError, SrnetError, require_extra

_IN_THE_WHEEL = 1  # complexity
_LAST_PYTHON = (3, 12)
_LANDMARKS = 33


class MediaPipe:
    """An open BlazePose. It follows one person, but may go over to another one."""

    layout = "blazepose33"

    def __init__(self) -> None:
        module = _mediapipe()
        self.about = f"MediaPipe {getattr(module, '__version__', '')}".strip()
        try:
            self._pose: Any = module.solutions.pose.Pose(
                static_image_mode=False, model_complexity=_IN_THE_WHEEL, enable_segmentation=False
            )
        except AttributeError:
            raise SrnetError(
                f"{self.about} has no BlazePose any more",
                todo="Install one that has: pip install 'mediapipe>=0.10.14,<0.10.22'",
            ) from None

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """See `Detector`. Landmarks outside the image stay outside; the confidence is MediaPipe's visibility."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning, module="google.protobuf")
            found = self._pose.process(np.ascontiguousarray(image)).pose_landmarks
        if found is None:
            return np.zeros((0, _LANDMARKS, 3), np.float32)
        height, width = image.shape[:2]
        rows = [(point.x * width, point.y * height, point.visibility) for point in found.landmark]
        return np.array([rows], np.float32)

    def close(self) -> None:
        """See `Detector`."""
        self._pose.close()


def _mediapipe() -> Any:
    """The module, or one line about why it is not there."""
    try:
        return require_extra("mediapipe", "video")
    except MissingExtraError:
        if sys.version_info[:2] <= _LAST_PYTHON:
            raise
        version = ".".join(map(str, sys.version_info[:2]))
        raise MissingExtraError(
            f"MediaPipe with BlazePose in its wheel exists for Python 3.9 to 3.12 only, and this is Python {version}",
            todo="Use Python 3.12 or earlier, or --detector rtmlib, or run another tool and lift its keypoints",
        ) from None


def _open(files: tuple[Path, ...]) -> Detector:
    if files:
        raise ConfigError("mediapipe brings its own weights", where=files[0], todo="Leave --detector-file out")
    return MediaPipe()


DETECTOR = DetectorPlugin(_open, "BlazePose, 33 landmarks of one person; its weights come with it")
