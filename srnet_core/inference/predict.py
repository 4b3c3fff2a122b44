"""Predictions for whole clips: padding, averaging with the mirror image, decoding to metres.

Keypoints and poses are small arrays: work on them stays on one core, as waiting for a second thread would take longer
where other programs run. The network uses all cores.

Letters: T frames of a clip, J joints, G clips of the same length in a batch.
"""

from functools import partial

import torch

from srnet_core.engine import InferenceForm, inference_form
from srnet_core.engine.threads import on_one_core
from srnet_core.geometry.mirror import mirror_poses
from srnet_core.models.pose_model import PoseModel
from srnet_core.normalization import Normalization

DECODE_FRAMES = 1 << 14  # frames decoded at a time, to bound memory


def pad_edges(pose_2d: torch.Tensor, receptive_field: int, causal: bool) -> torch.Tensor:
    """Repeat the first and last frame of (G, T, J, 2) so that the network gives T output frames.

    Half of the padding is at each end; for a causal model all of it is at the front. Clips may be shorter than the
    receptive field.
    """
    pad = receptive_field // 2
    before, after = (2 * pad, 0) if causal else (pad, pad)
    length = pose_2d.shape[1]
    index = torch.arange(-before, length + after, device=pose_2d.device).clamp_(0, length - 1)
    return pose_2d[:, index]


def predict_normalized(
    model: PoseModel | InferenceForm,
    pose_2d: torch.Tensor,
    mirror: tuple[int, ...],
    flip: bool,
    mirror_out: tuple[int, ...] | None = None,
) -> list[torch.Tensor]:
    """Network outputs for clips (G, T, J, 2): [(G, T, J, 3)], and with `flip` a second output for the mirror images.

    The second output is mirrored back, so that both predict the same poses; `decode_mean` averages them. Memory for
    activations does not grow with T.

    Args:
        model: always computed in evaluation mode. For many calls use `inference_form(model)`.
        mirror_out: mirror partners of the predicted joints, where they are others than those seen.
    """
    network = inference_form(model)

    def inputs() -> torch.Tensor:
        padded = pad_edges(pose_2d, network.receptive_field, network.config.causal)
        return torch.cat([padded, mirror_poses(padded, mirror)]) if flip else padded

    found = network(on_one_core(inputs))
    if not flip:
        return [found]
    plain, mirrored = found.chunk(2)  # of (2G, T, J, 3)
    return [plain, on_one_core(partial(mirror_poses, mirrored, mirror if mirror_out is None else mirror_out))]


def decode_mean(plugin: Normalization, outputs: list[torch.Tensor], parameters: torch.Tensor) -> torch.Tensor:
    """Several outputs (..., T, J, 3) for the same poses, and parameters (..., T, P) -> mean in metres, (..., T, J, 3).

    The mean is taken after decoding, because some normalizations do not decode linearly.
    """
    return on_one_core(partial(_decode_mean, plugin, outputs, parameters))


def _decode_mean(plugin: Normalization, outputs: list[torch.Tensor], parameters: torch.Tensor) -> torch.Tensor:
    metres = torch.empty_like(outputs[0])
    for start in range(0, metres.shape[-3], DECODE_FRAMES):
        frames = slice(start, start + DECODE_FRAMES)
        first, *more = (plugin.decode(output[..., frames, :, :], parameters[..., frames, :]) for output in outputs)
        metres[..., frames, :, :] = sum(more, first) / len(outputs)
    return metres
