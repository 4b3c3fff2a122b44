"""Predictions for the clips of a stage, together with the ground truth.

Letters: T frames of a clip, J joints, G clips of equal length that are computed together.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np
import torch

from srnet_core.checkpoint.published import OTHER_JOINTS
from srnet_core.engine import InferenceForm, inference_form
from srnet_core.errors import ConfigError
from srnet_core.evaluation.noise import KeypointNoise, worse_input
from srnet_core.geometry.mirror import mirror_poses
from srnet_core.inference.predict import decode_mean, predict_normalized
from srnet_core.layouts import get_layout
from srnet_core.models.pose_model import PoseModel
from srnet_core.normalization import Normalization
from srnet_core.stages.manifest import SEEN
from srnet_core.stages.store import Stage, StoredClip

# Frames read, predicted and decoded together: enough to occupy all cores, few enough for memory.
_FRAMES_PER_PASS = 8192


@dataclass(frozen=True)
class ClipPrediction:
    """Predicted and true poses of one clip: (T, J, 3) camera metres, root-relative."""

    clip: StoredClip
    predicted_m: torch.Tensor
    target_m: torch.Tensor


def predict_split(
    model: PoseModel,
    stage: Stage,
    clips: tuple[StoredClip, ...],
    *,
    flip: bool = True,
    device: str | torch.device = "cpu",
) -> Iterator[ClipPrediction]:
    """Predict clips of a stage, in the order given; the poses are on the CPU.

    For a model with `compat="original"`, predictions and true poses are decoded as in the published code.

    Args:
        flip: average the prediction with that for the mirror image.
    """
    for batch in predict_batches(model, stage, clips, flip=flip, device=device):
        for p in batch:
            yield ClipPrediction(p.clip, p.predicted_m.cpu(), p.target_m.cpu())


def predict_batches(
    model: PoseModel,
    stage: Stage,
    clips: tuple[StoredClip, ...],
    *,
    flip: bool,
    device: str | torch.device,
    noise: KeypointNoise | None = None,
    part: tuple[int, int] = (0, 1),
) -> Iterator[list[ClipPrediction]]:
    """Like `predict_split`, but yields the clips of a batch together, with the poses on `device`.

    Args:
        noise: what makes the keypoints worse; `None` leaves them as they are.
        part: (i, n): of every n batches the one with the number i, for n processes.
    """
    network = inference_form(model.to(device).eval())
    for batch in islice(_batches(clips, network.receptive_field), part[0], None, part[1]):
        yield _predict_batch(network, stage, batch, flip, device, noise or None)


@torch.inference_mode()
def _predict_batch(
    network: InferenceForm,
    stage: Stage,
    batch: list[StoredClip],
    flip: bool,
    device: str | torch.device,
    noise: KeypointNoise | None,
) -> list[ClipPrediction]:
    """Predict consecutive clips of equal length, e.g. the views of one take, in one pass."""
    start, stop = batch[0].start, batch[-1].start + batch[-1].length
    by_clip = (len(batch), -1)
    stored_2d, stored_parameters = stage.read("pose_2d", start, stop), _parameters(stage, start, stop)
    seen_2d, seen_parameters = stored_2d, stored_parameters
    seen_mirror = None
    if (network.num_joints, network.num_joints_out) in OTHER_JOINTS:
        if noise is not None:
            raise ConfigError("keypoints are not made worse for a network that sees other joints than it predicts")
        seen_2d = stage.read(SEEN, start, stop)
        seen_mirror = get_layout(OTHER_JOINTS[network.num_joints, network.num_joints_out][0]).mirror
    if noise is not None:
        seen_2d, seen_parameters = _worse(stage, batch, noise, stored_2d, stored_parameters)
    pose_2d = torch.from_numpy(seen_2d).to(device).unflatten(0, by_clip)  # (G, T, J, 2)
    seen = torch.from_numpy(seen_parameters).to(device).unflatten(0, by_clip)  # (G, T, P), to decode the output
    parameters = torch.from_numpy(stored_parameters).to(device).unflatten(0, by_clip)  # (G, T, P), of the target
    target = torch.from_numpy(stage.read("pose_3d", start, stop)).to(device).unflatten(0, by_clip)  # (G, T, J, 3)
    mirror = stage.skeleton.mirror
    outputs = predict_normalized(network, pose_2d, seen_mirror or mirror, flip, mirror_out=mirror)
    plugin = stage.normalization
    poses: Iterable[tuple[torch.Tensor, torch.Tensor]]
    if network.config.as_published:
        decode = partial(_decode_as_published, plugin, stage.skeleton.mirror)
        poses = [decode([o[i] for o in outputs], seen[i], target[i], parameters[i]) for i in range(len(batch))]
    else:
        poses = zip(decode_mean(plugin, outputs, seen), decode_mean(plugin, [target], parameters))
    return [ClipPrediction(clip, *pair) for clip, pair in zip(batch, poses)]


def _worse(
    stage: Stage, batch: list[StoredClip], noise: KeypointNoise, pose_2d: np.ndarray, parameters: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Input and parameters of the clips of a batch, made from worse keypoints."""
    found = []
    for clip in batch:
        rows = slice(clip.start - batch[0].start, clip.start - batch[0].start + clip.length)
        camera = stage.cameras[clip.subject][clip.camera]
        mirror = stage.skeleton.mirror
        found.append(worse_input(noise, stage.normalization, clip, camera, mirror, pose_2d[rows], parameters[rows]))
    return np.concatenate([one for one, _ in found]), np.concatenate([one for _, one in found])


def _decode_as_published(
    plugin: Normalization,
    mirror: tuple[int, ...],
    outputs: list[torch.Tensor],
    seen: torch.Tensor,
    target: torch.Tensor,
    parameters: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """(T, J, 3) mean output, decoded with `seen`, and target, decoded with `parameters`, by the published decoding.

    `outputs` are the output and, with flip averaging, that for the mirror image, which is decoded with flipped
    parameters.
    """
    metres = [plugin.decode_original(outputs[0], seen)]
    for output in outputs[1:]:
        mirrored = plugin.decode_original(mirror_poses(output, mirror), plugin.flip_original(seen))
        metres.append(mirror_poses(mirrored, mirror))
    return torch.stack(metres).mean(0), plugin.decode_original(target, parameters)


def _batches(clips: tuple[StoredClip, ...], receptive_field: int) -> Iterator[list[StoredClip]]:
    """Runs of adjacent clips of equal length, of no more than `_FRAMES_PER_PASS` frames with padding."""
    batch: list[StoredClip] = []
    for clip in clips:
        fits = batch and (
            batch[-1].start + batch[-1].length == clip.start
            and batch[0].length == clip.length
            and (len(batch) + 1) * (clip.length + receptive_field) <= _FRAMES_PER_PASS
        )
        if batch and not fits:
            yield batch
            batch = []
        batch.append(clip)
    if batch:
        yield batch


def decode_targets(stage: Stage, clip: StoredClip) -> torch.Tensor:
    """(T, J, 3) true poses of a clip in camera metres, root-relative."""
    return torch.from_numpy(_decoded_targets(stage, clip.start, clip.start + clip.length))


def mean_pose_m(stage: Stage, *, chunk_frames: int = 1 << 18) -> np.ndarray:
    """(J, 3) mean of the training split's root-relative poses in metres: the guess that needs no input."""
    first, last = stage.frames("train")
    total = np.zeros((stage.skeleton.num_joints, 3))
    for start in range(first, last, chunk_frames):
        total += _decoded_targets(stage, start, min(start + chunk_frames, last)).sum(0, dtype=np.float64)
    return (total / (last - first)).astype(np.float32)


@dataclass(frozen=True)
class GuessErrors:
    """MPJPE in mm of guesses that need no input: of the mean pose, and of all joints at the root."""

    mean_pose_mm: float
    root_mm: float


def guess_errors_mm(stage: Stage, clips: Sequence[StoredClip], *, most_frames: int = 1 << 15) -> GuessErrors:
    """Errors of guesses over the frames of some clips.

    Args:
        most_frames: about how many frames are read; if there are more, clips at equal distances are used.
    """
    step = max(1, sum(clip.length for clip in clips) // most_frames)
    targets_m = torch.cat([decode_targets(stage, clip) for clip in clips[::step]]).double()
    off_m = [(targets_m - guess_m).norm(dim=-1).mean() for guess_m in (targets_m.mean(0), targets_m[:, :1])]
    return GuessErrors(*(1000 * float(error_m) for error_m in off_m))


def _decoded_targets(stage: Stage, start: int, stop: int) -> np.ndarray:
    return stage.normalization.decode(stage.read("pose_3d", start, stop), _parameters(stage, start, stop))


def _parameters(stage: Stage, start: int, stop: int) -> np.ndarray:
    if "norm_parameters" in stage.manifest["arrays"]:
        return stage.read("norm_parameters", start, stop)
    return np.zeros((stop - start, 0), np.float32)
