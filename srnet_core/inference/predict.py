"""Predictions for whole clips: edges padded, mirror images averaged, back in metres.

Letters: T frames of a clip, J joints, G clips of the same length run together.
"""

import torch

from srnet_core.engine import InferenceForm, inference_form
from srnet_core.geometry.mirror import mirror_poses
from srnet_core.models.pose_model import PoseModel
from srnet_core.normalization import Normalization

DECODE_FRAMES = 1 << 14  # frames brought back to metres at a time: what lies between stays small


def pad_edges(pose_2d: torch.Tensor, receptive_field: int, causal: bool) -> torch.Tensor:
    """Repeat the first and last frame of (G, T, J, 2) so that T frames come out of the network.

    The padding is shared by both ends; a causal model gets all of it in front. A clip shorter than the receptive
    field needs nothing more.
    """
    pad = receptive_field // 2
    before, after = (2 * pad, 0) if causal else (pad, pad)
    length = pose_2d.shape[1]
    index = torch.arange(-before, length + after, device=pose_2d.device).clamp_(0, length - 1)
    return pose_2d[:, index]


def predict_normalized(
    model: PoseModel | InferenceForm, pose_2d: torch.Tensor, mirror: tuple[int, ...], flip: bool
) -> list[torch.Tensor]:
    """Network outputs for (G, T, J, 2) sequences: [(G, T, J, 3)], with `flip` a second one from the mirror images.

    The second is mirrored back, so both say the same thing and are averaged once they are in metres. The memory for
    what is between input and output does not grow with T.

    Args:
        model: in evaluation mode whatever mode it is in; for many calls give `inference_form(model)`.
    """
    network = inference_form(model)
    padded = pad_edges(pose_2d, network.receptive_field, network.config.causal)
    if not flip:
        return [network(padded)]
    both = network(torch.cat([padded, mirror_poses(padded, mirror)]))  # (2G, T, J, 3)
    plain, mirrored = both.chunk(2)
    return [plain, mirror_poses(mirrored, mirror)]


def decode_mean(plugin: Normalization, outputs: list[torch.Tensor], parameters: torch.Tensor) -> torch.Tensor:
    """(..., T, J, 3) outputs that say the same thing, (..., T, P) parameters -> their mean in metres, (..., T, J, 3).

    Averaged in metres, for the decoding of some normalizations is not linear.
    """
    metres = torch.empty_like(outputs[0])
    for start in range(0, metres.shape[-3], DECODE_FRAMES):
        frames = slice(start, start + DECODE_FRAMES)
        first, *more = (plugin.decode(output[..., frames, :, :], parameters[..., frames, :]) for output in outputs)
        metres[..., frames, :, :] = sum(more, first) / len(outputs)
    return metres
