"""A scene from a model and a stage: choose a clip, predict it, turn it upright."""

from collections.abc import Mapping

import numpy as np
import torch

from srnet_core import datasets
from srnet_core.clip import ClipName
from srnet_core.config import DataConfig
from srnet_core.errors import UnknownNameError
from srnet_core.evaluation.predict import predict_split
from srnet_core.lookup import choose
from srnet_core.models.pose_model import PoseModel
from srnet_core.stages.checked import read_dataset
from srnet_core.stages.place import local_folder
from srnet_core.stages.store import Stage, StoredClip
from srnet_core.visualization.scene import GROUND_TRUTH, Scene, camera_to_view


def choose_clip(
    stage: Stage, *, subject: str | None = None, action: str | None = None, camera: int | None = None
) -> StoredClip:
    """The first test clip with these properties; without `action`, walking is preferred.

    Args:
        action: an action, or the full name of a take.

    Raises:
        UnknownNameError: the test split has no such subject, action or camera; the message lists those it has.
    """
    clips = stage.split("test")
    if subject is not None:
        choose("test subject", subject, dict.fromkeys(s.subject for s in clips), where="--subject")
        clips = tuple(s for s in clips if s.subject == subject)
    if action is not None:
        by_take = tuple(s for s in clips if s.take.lower() == action.lower())
        by_action = tuple(s for s in clips if s.action.lower() == action.lower())
        if not (by_take or by_action):
            choose("test action", action, dict.fromkeys(s.action for s in clips), where="--action")
        clips = by_take or by_action
    if camera is not None:
        choose("test camera", str(camera), sorted({s.camera for s in clips}), where="--camera")
        clips = tuple(s for s in clips if s.camera == camera)
    if not clips:
        raise UnknownNameError("the test split has no such clip")
    walking = [s for s in clips if s.action == "Walking"] if action is None else []
    return (walking or clips)[0]


def clip_scene(
    models: Mapping[str, PoseModel],
    stage: Stage,
    clip: StoredClip,
    *,
    data: DataConfig,
    title: str,
    subtitle: str,
    start: int = 0,
    frames: int | None = None,
    flip: bool = True,
    device: str | torch.device = "cpu",
) -> Scene:
    """Predict one clip with each model and make a scene of it.

    Args:
        models: displayed name -> model; at least one.
        data: configuration of the stage, with the current folders of its files.
        title, subtitle: text of the scene.
        start, frames: part of the clip to show; all of it is predicted.
        flip: average the prediction with that for the mirror image.
    """
    camera = stage.cameras[clip.subject][clip.camera]
    shown = slice(start, None if frames is None else start + frames)
    poses = {}
    for name, model in models.items():
        (prediction,) = predict_split(model, stage, (clip,), flip=flip, device=device)
        poses[name] = camera_to_view(prediction.predicted_m.numpy(), camera)[shown]
        truth = prediction.target_m.numpy()
    poses[GROUND_TRUTH] = camera_to_view(truth, camera)[shown]
    return Scene(
        title=title,
        subtitle=subtitle,
        skeleton=stage.skeleton,
        fps=stage.manifest["fps"],
        image_size_px=(camera.width_px, camera.height_px),
        keypoints_2d_px=_keypoints_px(data, clip, stage.frames_apart)[shown],
        poses=poses,
        synthetic=stage.manifest["synthetic"],
    )


def _keypoints_px(config: DataConfig, clip: StoredClip, step: int) -> np.ndarray:
    """(T, J, 2) input of a clip in pixels, from the input files, since stages store it normalized."""
    name = datasets.resolve_name(config.dataset, config.data_dir, config.keypoints)
    paths = datasets.locate(name, config.data_dir, config.keypoints, local_folder(config.cache_dir))
    dataset = read_dataset(config, name, paths)
    every = ClipName(clip.subject, clip.take, clip.camera, clip.length * step, clip.first_frame)
    return dataset.clip(every).pose_2d_px[::step][: clip.length]
