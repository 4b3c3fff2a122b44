"""Scenes from networks and their stages: choose clips, predict them, turn them upright."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from srnet_core import datasets
from srnet_core.clip import ClipName, PoseDataset
from srnet_core.config import DataConfig
from srnet_core.errors import UnknownNameError
from srnet_core.evaluation.predict import predict_split
from srnet_core.geometry.arrays import joint_distance
from srnet_core.lookup import choose
from srnet_core.models.pose_model import PoseModel
from srnet_core.stages.checked import read_dataset
from srnet_core.stages.place import local_folder
from srnet_core.stages.store import Stage, StoredClip
from srnet_core.visualization.scene import GROUND_TRUTH, Scene, camera_to_view

Progress = Callable[[str, int, int], object]


@dataclass(frozen=True)
class Predictor:
    """A network with a stage of its own normalization; all predictors of a scene have stages of the same clips."""

    model: PoseModel
    stage: Stage

    def own(self, clip: StoredClip) -> StoredClip:
        """The clip of another stage, in this one.

        Raises:
            UnknownNameError: the stage does not have it.
        """
        mine = self._by_name.get((clip.split, str(clip)))
        if mine is None or mine.length != clip.length:
            raise UnknownNameError(f"{self.stage.folder} has no clip {clip}")
        return mine

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], StoredClip]:
        return {(clip.split, str(clip)): clip for clip in self.stage.clips}


def choose_clip(
    stage: Stage, *, subject: str | None = None, action: str | None = None, camera: int | None = None
) -> StoredClip:
    """The first of `choose_clips`."""
    return choose_clips(stage, subject=subject, action=action, camera=camera)[0]


def choose_clips(
    stage: Stage, *, subject: str | None = None, action: str | None = None, camera: int | None = None
) -> tuple[StoredClip, ...]:
    """The test clips with these properties, at least one: of each take one camera, then of each the next one.

    Without `action`, those of walking come first.

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
    if action is None:
        clips = tuple(sorted(clips, key=lambda clip: clip.action != "Walking"))  # a stable sort
    return _takes_first(clips)


def _takes_first(clips: Sequence[StoredClip]) -> tuple[StoredClip, ...]:
    """One clip of each take, then a second one of each, and so on: few of them show different movements."""
    seen: Counter[tuple[str, str]] = Counter()
    rounds = []
    for clip in clips:
        rounds.append(seen[clip.subject, clip.take])
        seen[clip.subject, clip.take] += 1
    return tuple(clips[i] for i in sorted(range(len(clips)), key=rounds.__getitem__))


def gallery(
    predictor: Predictor,
    clips: Sequence[StoredClip],
    count: int,
    *,
    flip: bool = True,
    device: str | torch.device = "cpu",
    progress: Progress = lambda *_: None,
) -> list[tuple[str, StoredClip]]:
    """The best, the median and the worst clips by MPJPE, `count` of each, each clip once, with the name of its kind.

    Args:
        progress: called as progress("measuring clips", done, total).
    """
    errors_mm = []
    own = tuple(map(predictor.own, clips))
    for done, prediction in enumerate(predict_split(predictor.model, predictor.stage, own, flip=flip, device=device)):
        errors_mm.append(1000 * float(joint_distance(prediction.predicted_m, prediction.target_m).mean()))
        progress("measuring clips", done + 1, len(clips))
    ranked = [clips[i] for i in np.argsort(errors_mm, kind="stable")]
    count = min(count, max(1, len(ranked) // 3))
    middle = max(0, len(ranked) // 2 - count // 2)
    kinds = {"best": ranked[:count], "median": ranked[middle : middle + count], "worst": ranked[::-1][:count]}
    named: dict[str, tuple[str, StoredClip]] = {}
    for kind in ("worst", "median", "best"):
        for place, clip in enumerate(kinds[kind], 1):
            named.setdefault(str(clip), (f"{kind} {place}" if count > 1 else kind, clip))
    return list(named.values())


def clip_scenes(
    predictors: Mapping[str, Predictor],
    clips: Iterable[StoredClip],
    *,
    data: DataConfig,
    start: int = 0,
    frames: int | None = None,
    flip: bool = True,
    device: str | torch.device = "cpu",
) -> Iterator[Scene]:
    """Predict clips with each network and make a scene of each; titles are left to the caller.

    Args:
        predictors: displayed name -> network and stage; at least one. Clips are of the first one's stage.
        data: configuration of the first stage, with the current folders of its files.
        start, frames: part of each clip to show; all of it is predicted.
        flip: average the prediction with that for the mirror image.
    """
    stage = next(iter(predictors.values())).stage
    dataset = _read(data)
    shown = slice(start, None if frames is None else start + frames)
    for clip in clips:
        camera = stage.cameras[clip.subject][clip.camera]
        poses = {}
        truth: np.ndarray | None = None
        for name, predictor in predictors.items():
            own = (predictor.own(clip),)
            (prediction,) = predict_split(predictor.model, predictor.stage, own, flip=flip, device=device)
            poses[name] = camera_to_view(prediction.predicted_m.numpy(), camera)[shown]
            truth = prediction.target_m.numpy() if truth is None else truth
        assert truth is not None, "at least one predictor"
        poses[GROUND_TRUTH] = camera_to_view(truth, camera)[shown]
        yield Scene(
            title=f"{clip.subject} {clip.take}, camera {clip.camera}",
            skeleton=stage.skeleton,
            fps=stage.manifest["fps"],
            image_size_px=(camera.width_px, camera.height_px),
            keypoints_2d_px=_keypoints_px(dataset, clip, stage.frames_apart)[shown],
            poses=poses,
            synthetic=stage.manifest["synthetic"],
        )


def _read(config: DataConfig) -> PoseDataset:
    name = datasets.resolve_name(config.dataset, config.data_dir, config.keypoints)
    paths = datasets.locate(name, config.data_dir, config.keypoints, local_folder(config.cache_dir))
    return read_dataset(config, name, paths)


def _keypoints_px(dataset: PoseDataset, clip: StoredClip, step: int) -> np.ndarray:
    """(T, J, 2) input of a clip in pixels, from the input files, since stages store it normalized."""
    every = ClipName(clip.subject, clip.take, clip.camera, clip.length * step, clip.first_frame)
    return dataset.clip(every).pose_2d_px[::step][: clip.length]
