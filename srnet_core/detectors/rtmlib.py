"""rtmlib: RTMPose on the people that a YOLOX finds, with ONNX files that the user gives. Extra `rtmlib`.

rtmlib downloads a model whose file it does not find; here it only gets files that are there.
"""

import contextlib
import io
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core.detectors import Detector, DetectorPlugin
from srnet_core.errors import BadFileError, ConfigError, require_extra

_ORDER = "Give first the network that finds people (YOLOX), then RTMPose"
_LAYOUTS = {17: "coco17", 26: "halpe26", 133: "coco_wholebody133"}  # by the number of joints


class RtmLib:
    """An open pair of networks: one finds people, the other their joints."""

    def __init__(self, people: Path, pose: Path) -> None:
        module: Any = require_extra("rtmlib", "rtmlib")
        runtime: Any = require_extra("onnxruntime", "rtmlib")
        sizes = [_input_size(runtime, path) for path in (people, pose)]
        joints = _joints(runtime, pose)
        if joints not in _LAYOUTS:
            raise ConfigError(
                f"the pose network has {joints} joints",
                where=pose,
                todo=f"Known are networks of {', '.join(map(str, _LAYOUTS))} joints",
            )
        given = {"backend": "onnxruntime", "device": "cpu"}
        with contextlib.redirect_stdout(io.StringIO()):  # rtmlib says what it loads; live lifting writes poses there
            self._people = module.YOLOX(str(people), model_input_size=sizes[0], **given)
            self._pose = module.RTMPose(str(pose), model_input_size=sizes[1][::-1], **given)
        self.layout = _LAYOUTS[joints]
        self.about = f"{_name()}, {people.name}, {pose.name}"

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """See `Detector`."""
        bgr = np.ascontiguousarray(image[..., ::-1])
        boxes = self._people(bgr)
        if len(boxes) == 0:  # rtmlib takes no boxes for the whole image
            return np.zeros((0, next(j for j, name in _LAYOUTS.items() if name == self.layout), 3), np.float32)
        points, scores = self._pose(bgr, bboxes=boxes)
        return np.concatenate([points, np.clip(scores, 0, 1)[..., None]], axis=-1).astype(np.float32)

    def close(self) -> None:
        """See `Detector`."""


def _name() -> str:
    """With the version, which the module itself does not tell."""
    try:
        return f"rtmlib {metadata.version('rtmlib')}"
    except metadata.PackageNotFoundError:  # a folder on the path, not an installed package
        return "rtmlib"


def _session(runtime: Any, path: Path) -> Any:
    try:
        return runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a class for each way in which a file can be wrong
        reason = " ".join(str(error).split())[:150]
        raise BadFileError(f"is no ONNX file that onnxruntime can run: {reason}", where=path) from None


def _input_size(runtime: Any, path: Path) -> tuple[int, int]:
    """Height and width of the images that a network takes."""
    shape = _session(runtime, path).get_inputs()[0].shape
    if len(shape) != 4 or not all(isinstance(n, int) and n > 0 for n in shape[2:]):
        raise BadFileError("takes no images of one size, (batch, 3, height, width)", where=path)
    return int(shape[2]), int(shape[3])


def _joints(runtime: Any, path: Path) -> int:
    """How many joints a pose network finds."""
    outputs = [output.shape for output in _session(runtime, path).get_outputs()]
    if len(outputs) != 2 or not all(len(shape) == 3 and isinstance(shape[1], int) for shape in outputs):
        raise BadFileError("is no RTMPose: it needs two outputs, (people, joints, bins)", where=path, todo=_ORDER)
    return int(outputs[0][1])


def _open(files: tuple[Path, ...]) -> Detector:
    if len(files) != 2:
        raise ConfigError(
            f"rtmlib needs two ONNX files, not {len(files)}",
            where="--detector-file",
            todo=f"{_ORDER}: PATH or PATH:SHA256",
        )
    return RtmLib(*files)


DETECTOR = DetectorPlugin(_open, "RTMPose on people found by YOLOX, with two ONNX files of your own")
