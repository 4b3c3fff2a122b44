"""Keypoints in files of `torch.save`: a tensor, or one beside others, e.g. GVHMR's `vitpose.pt` (frames, 17, 3).

The files are read as checkpoints are: nothing in them runs (`torch_file`).
"""

from dataclasses import replace

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.motion import Motion
from srnet_core.readers import pickled
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.head import Head

FORMAT = "torch"
_MOST_LEVELS = 8
_FEWEST_NUMBERS = 10
_OF_NETWORKS = {"model_pos", "state_dict", "model", "optimizer", "model_state_dict", "epoch"}


def sniff(head: Head) -> float:
    return 0.6 if head.is_torch else 0.0


def describe(head: Head) -> dict | None:
    """What a file of 3D points holds; `None` for 2D, which `read` reads."""
    found = pickled.described(_value(head), head)
    return found and found | {"format": FORMAT}


def motions(head: Head) -> dict[str, Motion] | None:
    """{person: motion} of a file of 3D points; `None` for 2D."""
    found = pickled.motions_in(_value(head), head)
    return found and {name: replace(motion, format=FORMAT) for name, motion in found.items()}


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The keypoints of the file.

    Raises:
        BadFileError: it holds a network, or no keypoints.
    """
    return [replace(found, format=FORMAT) for found in pickled.sequences_in(_value(head), head)]


def _value(head: Head) -> object:
    from srnet_core.readers.torch_file import read_torch_file

    value = read_torch_file(head.path)
    if isinstance(value, dict) and (value.keys() & _OF_NETWORKS or any("." in str(key) for key in value)):
        raise BadFileError(
            "is a network of PyTorch, not a file of keypoints",
            where=head.path,
            todo="Give it as a checkpoint, e.g. to srnet eval or srnet lift --checkpoint",
        )
    value = _as_numpy(value, 0)
    if not _has_arrays(value, 0):
        raise BadFileError(
            "is a file of PyTorch without tensors of keypoints",
            where=head.path,
            todo="Give what the tool writes beside it, e.g. coco_instances_results.json of Detectron2, or save the "
            "keypoints with numpy.savez",
        )
    return value


def _has_arrays(value: object, level: int) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim >= 2 and value.size >= _FEWEST_NUMBERS
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return level < _MOST_LEVELS and any(_has_arrays(item, level + 1) for item in inside)


def _as_numpy(value: object, level: int) -> object:
    """The same with arrays of numpy for tensors; what is nested deeper than keypoints are is left as it is."""
    import torch

    if isinstance(value, torch.Tensor):
        value = value.detach()
        if not value.dtype.is_floating_point:
            return value.numpy()
        numbers: np.ndarray = value.to(torch.float64).numpy()
        return numbers
    if level < _MOST_LEVELS and isinstance(value, list):
        return [_as_numpy(item, level + 1) for item in value]
    if level < _MOST_LEVELS and isinstance(value, dict):
        return {key: _as_numpy(item, level + 1) for key, item in value.items()}
    return value
