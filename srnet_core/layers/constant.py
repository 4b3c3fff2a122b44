"""Constants of a layer: indices, masks and adjacencies, which are neither parameters nor state.

They are stored as NumPy arrays and converted to tensors where they are used. Buffers would be averaged by weight
averaging, cast by `model.half()`, and uninitialized after `to_empty` on a model made on the meta device.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor


class Constant:
    """Numbers that are converted to a tensor on first use; one tensor is kept for each device and dtype.

    Args:
        values: a number, nested sequences of numbers or an array.
    """

    def __init__(self, values: Any):
        self._values = np.array(values)
        self._tensors: dict[tuple[torch.device, torch.dtype], Tensor] = {}

    def __len__(self) -> int:
        return len(self._values)

    def index(self, like: Tensor) -> Tensor:
        """The numbers as int64, on the device of `like`."""
        return self._on(like.device, torch.int64)

    def like(self, like: Tensor) -> Tensor:
        """The numbers in the dtype and on the device of `like`."""
        return self._on(like.device, like.dtype)

    def _on(self, device: torch.device, dtype: torch.dtype) -> Tensor:
        if torch.compiler.is_dynamo_compiling():
            # without a look at `_tensors`: each new one, e.g. of a call without the graph, would compile it anew
            return torch.as_tensor(self._values, device=device, dtype=dtype)
        found = self._tensors.get((device, dtype))
        if found is not None:
            return found
        with torch.inference_mode(False):  # a tensor made in inference mode could not be used in training later
            tensor = torch.tensor(self._values, device=device, dtype=dtype)
        # tensors of a trace are invalid outside it, and a second trace must be like the first
        if type(tensor) is Tensor and not (torch.compiler.is_compiling() or torch.jit.is_tracing()):
            self._tensors[device, dtype] = tensor
        return tensor

    def __reduce__(self) -> tuple[type["Constant"], tuple[Any]]:
        return Constant, (self._values,)
