"""A test clip that is predicted after each epoch of a training, as data for the page of runs."""

import json
from pathlib import Path
from typing import Any

from srnet_core.config import DataConfig
from srnet_core.files import atomic_write
from srnet_core.models.pose_model import PoseModel
from srnet_core.stages.store import Stage
from srnet_core.visualization.clip_scene import Predictor, choose_clip, clip_scenes
from srnet_core.visualization.page import scene_data

CLIP_FILE = "clip.json"
_MOST_FRAMES = 300


class WatchedClip:
    """The first walking clip of the test split, or its first clip; the file is written into the folder of a run.

    Args:
        data: configuration of the stage, with the current folders of its files.
        folder: of the run.
    """

    def __init__(self, stage: Stage, data: DataConfig, folder: Path):
        self._stage, self._data, self._clip = stage, data, choose_clip(stage)
        self.path = folder / CLIP_FILE

    def write(self, model: PoseModel, epoch: int, device: Any) -> None:
        """Predict the clip with the network as it is now. Its mode and its numbers stay as they are.

        Args:
            epoch: number of finished epochs, for the page.
        """
        training = model.training
        try:
            (scene,) = clip_scenes(
                {"prediction": Predictor(model, self._stage)},
                [self._clip],
                data=self._data,
                frames=_MOST_FRAMES,
                flip=False,
                device=device,
            )
        finally:
            model.train(training)
        text = json.dumps({"epoch": epoch, **scene_data(scene)}, allow_nan=False, separators=(",", ":"))
        with atomic_write(self.path, "w") as file:
            file.write(text)
