"""From a checkpoint and a stage to a scene: choose a sequence, predict it, put it upright."""

from collections.abc import Mapping

import numpy as np
import torch

from srnet_core import datasets
from srnet_core.clip import ClipName
from srnet_core.config import DataConfig
from srnet_core.errors import UnknownNameError
from srnet_core.evaluation.predict import predict_split
from srnet_core.lookup import choose
from srnet_core.stages.store import Stage, StoredClip
from srnet_core.visualization.scene import GROUND_TRUTH, Scene, camera_to_view


def choose_sequence(
    stage: Stage, *, subject: str | None = None, action: str | None = None, camera: int | None = None
) -> StoredClip:
    """A test sequence; what is left open is the first there is, with walking preferred because everyone knows it.

    Args:
        action: an action, or the full name of a take.

    Raises:
        UnknownNameError: the test split has no such subject, action or camera; the message lists those it has.
    """
    sequences = stage.split("test")
    if subject is not None:
        choose("test subject", subject, dict.fromkeys(s.subject for s in sequences), where="--subject")
        sequences = tuple(s for s in sequences if s.subject == subject)
    if action is not None:
        by_take = tuple(s for s in sequences if s.take.lower() == action.lower())
        by_action = tuple(s for s in sequences if s.action.lower() == action.lower())
        if not (by_take or by_action):
            choose("test action", action, dict.fromkeys(s.action for s in sequences), where="--action")
        sequences = by_take or by_action
    if camera is not None:
        choose("test camera", str(camera), sorted({s.camera for s in sequences}), where="--camera")
        sequences = tuple(s for s in sequences if s.camera == camera)
    if not sequences:
        raise UnknownNameError("the test split has no such sequence")
    walking = [s for s in sequences if s.action == "Walking"] if action is None else []
    return (walking or sequences)[0]


def clip_scene(
    models: Mapping[str, torch.nn.Module],
    stage: Stage,
    sequence: StoredClip,
    *,
    data: DataConfig,
    title: str,
    subtitle: str,
    start: int = 0,
    frames: int | None = None,
    flip: bool = True,
    device: str | torch.device = "cpu",
) -> Scene:
    """Predict one sequence with each model and make the scene of it.

    Args:
        models: name to show -> model.
        data: the configuration of the stage, with the folders where its files are now.
        start, frames: the part of the sequence to show; all of it is predicted.
    """
    camera = stage.cameras[sequence.subject][sequence.camera]
    shown = slice(start, None if frames is None else start + frames)
    poses = {}
    for name, model in models.items():
        (prediction,) = predict_split(model, stage, (sequence,), flip=flip, device=device)
        poses[name] = camera_to_view(prediction.predicted_m.numpy(), camera)[shown]
        truth = prediction.target_m.numpy()
    poses[GROUND_TRUTH] = camera_to_view(truth, camera)[shown]
    return Scene(
        title=title,
        subtitle=subtitle,
        skeleton=stage.skeleton,
        fps=stage.manifest["fps"],
        image_size_px=(camera.width_px, camera.height_px),
        keypoints_2d_px=_keypoints_px(data, sequence)[shown],
        poses=poses,
        synthetic=stage.manifest["synthetic"],
    )


def _keypoints_px(config: DataConfig, sequence: StoredClip) -> np.ndarray:
    """The sequence's 2D input in pixels, from the input files: stages hold it normalized."""
    paths = datasets.locate(config.dataset, config.data_dir, config.keypoints, config.cache_dir)
    dataset = datasets.load(config.dataset, paths, config.keypoints)
    every = ClipName(sequence.subject, sequence.take, sequence.camera, sequence.length * config.downsample)
    return dataset.clip(every).pose_2d_px[:: config.downsample][: sequence.length]
