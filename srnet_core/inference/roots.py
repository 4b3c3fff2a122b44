"""Where the root joint of a person is, by a trajectory network: pixels in, camera metres out."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from srnet_core.checkpoint import Checkpoint, load_checkpoint
from srnet_core.device import choose_device
from srnet_core.engine import inference_form
from srnet_core.errors import CheckpointError
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.inference.predict import predict_normalized
from srnet_core.normalization import load, require_trajectory

_TRAJECTORY = "model_traj"


class RootFinder:
    """A trained trajectory network with normalization and padding.

    Args:
        checkpoint: of a trajectory network.
        device: "auto", "cpu", "cuda" or "cuda:N".

    Attributes:
        fps: frames per second of the clips that the network was trained on, `None` if its file does not tell.
        receptive_field: number of input frames that one place depends on.
        skeleton: the joints that it sees.

    Raises:
        CheckpointError: the network predicts something else.
    """

    skeleton: Skeleton

    def __init__(self, checkpoint: Checkpoint, *, device: str = "auto"):
        if checkpoint.model.num_joints_out != 1:
            raise CheckpointError(
                "is no trajectory network",
                where=checkpoint.path,
                todo="Train one with --model trajectory or --subjects-unlabeled",
            )
        config = checkpoint.record.config
        self.device = choose_device(device)
        self.skeleton = checkpoint.skeleton
        self.fps = checkpoint.record.fps
        name = config.data.normalization if config else "base"
        self._plugin = require_trajectory(name, checkpoint.normalization or load(name))
        self._network = inference_form(checkpoint.model.to(self.device).eval())
        self.receptive_field = self._network.receptive_field

    @classmethod
    def from_checkpoint(cls, path: str | Path, *, device: str = "auto") -> "RootFinder":
        """From a file of `srnet train --model trajectory`, or of semi-supervised training.

        Raises:
            InputFileMissing: there is no such file.
            CheckpointError: the file cannot be used, or holds no trajectory network.
        """
        checkpoint = load_checkpoint(path)
        if checkpoint.model.num_joints_out != 1:
            with suppress(CheckpointError):  # refused below: the file holds a network of poses alone
                checkpoint = load_checkpoint(path, part=_TRAJECTORY)
        return cls(checkpoint, device=device)

    @torch.inference_mode()
    def __call__(
        self, keypoints_px: np.ndarray, *, image_size: tuple[int, int] | None = None, camera: Camera | None = None
    ) -> np.ndarray:
        """(T, J, 2) pixels without gaps -> (T, 3) float32 metres, camera axes.

        Args:
            image_size: (width, height) in pixels.
            camera: its intrinsics, for the normalization ray; by default estimated from the image size.

        Raises:
            ConfigError: what the normalization needs is not given.
        """
        given: dict[str, Any] = {"image_size": image_size, "camera": camera}
        pose_2d = torch.from_numpy(self._plugin.encode_2d(keypoints_px, **given)).to(self.device)
        parameters = torch.from_numpy(self._plugin.parameters_2d(keypoints_px, **given)).to(self.device)
        (output,) = predict_normalized(self._network, pose_2d[None], self.skeleton.mirror, flip=False)
        root_m: np.ndarray = self._plugin.decode_root(output[0], parameters)[:, 0].float().cpu().numpy()
        return root_m
