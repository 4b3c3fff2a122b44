"""Evaluation of a trajectory network: how far its root is from the true one, in camera space."""

from collections.abc import Iterator

import torch

from srnet_core.engine import inference_form
from srnet_core.evaluation.tables import ClipErrors
from srnet_core.geometry.arrays import joint_distance
from srnet_core.inference.predict import predict_normalized
from srnet_core.models.pose_model import PoseModel
from srnet_core.normalization import require_trajectory
from srnet_core.stages.store import Stage, StoredClip


@torch.inference_mode()
def trajectory_errors(
    model: PoseModel, stage: Stage, clips: tuple[StoredClip, ...], device: str | torch.device
) -> Iterator[tuple[ClipErrors, float]]:
    """For each clip its errors, under the name of the MPJPE, and the sum of the errors divided by the distances.

    Raises:
        ConfigError: the normalization of the stage takes the root's place as given.
    """
    name = stage.manifest["config"]["normalization"]
    plugin, network = require_trajectory(name, stage.normalization), inference_form(model.to(device).eval())
    for clip in clips:
        start, stop = clip.start, clip.start + clip.length
        pose_2d = torch.from_numpy(stage.read("pose_2d", start, stop)).to(device)
        parameters = torch.zeros(clip.length, 0, device=device)
        if "norm_parameters" in stage.manifest["arrays"]:
            parameters = torch.from_numpy(stage.read("norm_parameters", start, stop)).to(device)
        target_m = torch.from_numpy(stage.read("root_cam_m", start, stop)).to(device)
        (output,) = predict_normalized(network, pose_2d[None], stage.skeleton.mirror, flip=False)
        root_m = plugin.decode_root(output[0], parameters)[:, 0]
        error_mm = 1000 * joint_distance(root_m, target_m).double()
        share = float((error_mm / 1000 / target_m.norm(dim=-1)).sum())
        total_mm = float(error_mm.sum())
        yield ClipErrors(clip, clip.length, {"mpjpe_mm": total_mm}, error_mm.sum()[None].cpu()), share
