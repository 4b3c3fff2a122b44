"""Predictions for the clips of a stage, beside the truth.

Letters: T frames of a clip, J joints, G clips of the same length run together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from srnet_core.engine import InferenceForm, inference_form
from srnet_core.geometry.mirror import mirror_poses
from srnet_core.inference.predict import decode_mean, predict_normalized
from srnet_core.models.pose_model import PoseModel
from srnet_core.normalization import Normalization
from srnet_core.stages.store import Stage, StoredClip

# Frames read, predicted and decoded together: enough to share out to all cores, little enough for memory.
_FRAMES_PER_PASS = 8192


@dataclass(frozen=True)
class SequencePrediction:
    """One sequence: predicted and true poses, root-relative, camera metres, (T, J, 3)."""

    sequence: StoredClip
    predicted_m: torch.Tensor
    target_m: torch.Tensor


def predict_split(
    model: PoseModel,
    stage: Stage,
    sequences: tuple[StoredClip, ...],
    *,
    flip: bool = True,
    device: str | torch.device = "cpu",
) -> Iterator[SequencePrediction]:
    """Predict sequences of a stage, in the order given; the poses are on the CPU.

    A model of `compat="original"` is decoded as the published code decodes it, the true poses too.

    Args:
        flip: average with the prediction for the mirror image.
    """
    for group in predict_batches(model, stage, sequences, flip=flip, device=device):
        for p in group:
            yield SequencePrediction(p.sequence, p.predicted_m.cpu(), p.target_m.cpu())


def predict_batches(
    model: PoseModel,
    stage: Stage,
    sequences: tuple[StoredClip, ...],
    *,
    flip: bool,
    device: str | torch.device,
) -> Iterator[list[SequencePrediction]]:
    """As `predict_split`, some sequences at a time, the poses where they were computed."""
    network = inference_form(model.to(device).eval())
    for group in _groups(sequences, network.receptive_field):
        yield _predict_group(network, stage, group, flip, device)


@torch.inference_mode()
def _predict_group(
    network: InferenceForm, stage: Stage, group: list[StoredClip], flip: bool, device
) -> list[SequencePrediction]:
    """Consecutive sequences of one length, such as the views of one take, go through the network together."""
    start, stop = group[0].start, group[-1].start + group[-1].length
    pose_2d = torch.from_numpy(stage.read("pose_2d", start, stop)).to(device)
    parameters = torch.from_numpy(_parameters(stage, start, stop)).to(device)
    grouped = pose_2d.unflatten(0, (len(group), -1))  # (G, T, J, 2)
    outputs = predict_normalized(network, grouped, stage.skeleton.mirror, flip)
    parameters = parameters.unflatten(0, (len(group), -1))  # (G, T, P)
    target = torch.from_numpy(stage.read("pose_3d", start, stop)).to(device).unflatten(0, (len(group), -1))
    plugin = stage.normalization
    if network.config.as_published:
        back = partial(_back_as_published, plugin, stage.skeleton.mirror)
        poses = [back([o[i] for o in outputs], target[i], parameters[i]) for i in range(len(group))]
    else:
        poses = zip(decode_mean(plugin, outputs, parameters), decode_mean(plugin, [target], parameters))
    return [SequencePrediction(s, *pair) for s, pair in zip(group, poses)]


def _back_as_published(
    plugin: Normalization, mirror: tuple[int, ...], outputs: list[torch.Tensor], target: torch.Tensor, parameters
) -> tuple[torch.Tensor, torch.Tensor]:
    """(T, J, 3) outputs and target in metres by the published decoding, mirror images by their own flipped parameters."""
    metres = [plugin.decode_original(outputs[0], parameters)]
    for output in outputs[1:]:
        mirrored = plugin.decode_original(mirror_poses(output, mirror), plugin.flip_original(parameters))
        metres.append(mirror_poses(mirrored, mirror))
    return torch.stack(metres).mean(0), plugin.decode_original(target, parameters)


def _groups(sequences: tuple[StoredClip, ...], receptive_field: int) -> Iterator[list[StoredClip]]:
    """Runs of adjacent sequences of equal length, no more at once than memory likes."""
    group: list[StoredClip] = []
    for sequence in sequences:
        fits = group and (
            group[-1].start + group[-1].length == sequence.start
            and group[0].length == sequence.length
            and (len(group) + 1) * (sequence.length + receptive_field) <= _FRAMES_PER_PASS
        )
        if group and not fits:
            yield group
            group = []
        group.append(sequence)
    if group:
        yield group


def decode_targets(stage: Stage, sequence: StoredClip) -> torch.Tensor:
    """(T, J, 3) true poses of a sequence, root-relative, camera metres."""
    return torch.from_numpy(_decoded_targets(stage, sequence.start, sequence.start + sequence.length))


def mean_pose_m(stage: Stage, *, chunk_frames: int = 1 << 18) -> np.ndarray:
    """(J, 3) mean of the training split's root-relative poses in metres: what to guess without looking."""
    first, last = stage.frames("train")
    total = np.zeros((stage.skeleton.num_joints, 3))
    for start in range(first, last, chunk_frames):
        total += _decoded_targets(stage, start, min(start + chunk_frames, last)).sum(0, dtype=np.float64)
    return (total / (last - first)).astype(np.float32)


def _decoded_targets(stage: Stage, start: int, stop: int) -> np.ndarray:
    return stage.normalization.decode(stage.read("pose_3d", start, stop), _parameters(stage, start, stop))


def _parameters(stage: Stage, start: int, stop: int) -> np.ndarray:
    if "norm_parameters" in stage.manifest["arrays"]:
        return stage.read("norm_parameters", start, stop)
    return np.zeros((stop - start, 0), np.float32)
