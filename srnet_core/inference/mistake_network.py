"""A small network that tells mistakes in 2D keypoints from the way a body looks and moves.

It sees a second of the 17 joints of Human3.6M and says how likely each of `KINDS` is. Exchanged joints, joints of two
people and a picture that was squeezed look unlike any body. With all left and right joints exchanged, a body seen from
the front looks like one seen from behind: only perspective, and people who come nearer as they walk forwards, tell the
two apart, so this is told less often. `python -m benchmarks.mistake_network` trains it and measures it.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from srnet_core.weights import MISTAKES

NONE = "none"
KINDS = (
    NONE,
    "all sides",
    "legs",
    "knees and feet",
    "knees",
    "feet",
    "arms",
    "elbows and wrists",
    "elbows",
    "wrists",
    "squeezed in x",
    "squeezed in y",
    "two people",
)
"""What the network tells apart: nothing wrong, left and right of these joints exchanged, other scales, two people."""
LIMBS = KINDS[2:10]
"""Kinds that are limbs with left and right exchanged."""
FRAMES = 16
RATE_FPS = 12.5
"""A window has so many frames, as far apart as at this rate."""
JOINTS = 17
WIDTH = 256
_INPUTS = 2 * JOINTS * FRAMES + 3
_LAYERS = 3
_DROPOUT = 0.1
_LEAST_SIZE = 1e-4  # of a person, in widths of the image
_USUAL_LOG_SIZE = -2.5


def build() -> nn.Sequential:
    """The network with random weights: (N, inputs) from `features` -> (N, kinds) logits."""
    layers: list[nn.Module] = []
    for layer in range(_LAYERS):
        layers += [nn.Linear(WIDTH if layer else _INPUTS, WIDTH), nn.BatchNorm1d(WIDTH), nn.LeakyReLU()]
        layers += [nn.Dropout(_DROPOUT)]
    return nn.Sequential(*layers, nn.Linear(WIDTH, len(KINDS)))


def load() -> nn.Sequential:
    """The network that comes with the package."""
    from safetensors.torch import load_file

    network = build()
    network.load_state_dict({name: tensor.float() for name, tensor in load_file(MISTAKES).items()})
    return network.eval()


def save(network: nn.Module, path: Path) -> None:
    """Write the weights in half precision."""
    from safetensors.torch import save_file

    state = network.state_dict().items()
    save_file({name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state}, path)


def features(windows: Tensor) -> Tensor:
    """(N, FRAMES, J, 2) positions relative to the middle of the image, in its longer side -> (N, inputs)."""
    root = windows[:, :, 0].mean(dim=1)  # (N, 2)
    around = windows - root[:, None, None]
    size = around.abs().mean(dim=(1, 2, 3)).clamp(min=_LEAST_SIZE)[:, None]
    about = torch.cat([2 * root, size.log() - _USUAL_LOG_SIZE], dim=1)
    return torch.cat([(around / size[:, :, None, None]).flatten(1), about], dim=1)
