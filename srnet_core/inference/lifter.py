"""Lifting 2D keypoints from anywhere: pixels in, metres out.

>>> lifter = Lifter.from_checkpoint("checkpoint/best.bin")                     # doctest: +SKIP
>>> poses_m = lifter(keypoints_px, image_size=(1000, 1002))                    # doctest: +SKIP
"""

from pathlib import Path

import numpy as np
import torch

from srnet_core import normalization
from srnet_core.checkpoint import Checkpoint, load_checkpoint
from srnet_core.device import choose_device
from srnet_core.errors import BadFileError
from srnet_core.evaluation.predict import predict_normalized
from srnet_core.geometry.camera import Camera
from srnet_core.models._folded import fold
from srnet_core.normalization._root_depth import BodySize, estimate_root_depth


class Lifter:
    """A trained network with everything around it: normalization, padding, flip averaging, back to metres.

    Args:
        checkpoint: as `load_checkpoint` gives it.
        device: "auto", "cpu", "cuda" or "cuda:N".
        flip: average with the prediction for the mirror image.
        norm: the normalization; left out, the checkpoint's own, or base where it does not say.
    """

    def __init__(self, checkpoint: Checkpoint, *, device: str = "auto", flip: bool = True, norm: str | None = None):
        stored = ((checkpoint.meta or {}).get("config") or {}).get("data") or {}
        self.device, self.flip = choose_device(device), flip
        self.model = checkpoint.model.to(self.device).eval()
        self.network = fold(self.model)
        self.skeleton = checkpoint.model.skeleton
        self.normalization = normalization.load(norm or stored.get("normalization") or "base")
        body = (checkpoint.meta or {}).get("body_size")
        self.body_size = BodySize(**body) if body else None

    @classmethod
    def from_checkpoint(cls, path: str | Path, **settings) -> "Lifter":
        """A lifter from a checkpoint's path; `settings` are those of the class."""
        return cls(load_checkpoint(path, normalization=settings.get("norm")), **settings)

    @torch.inference_mode()
    def __call__(
        self,
        keypoints_px: np.ndarray,
        *,
        image_size: tuple[int, int] | None = None,
        camera: Camera | None = None,
        root_depth_m: float | np.ndarray | None = None,
    ) -> np.ndarray:
        """Lift one clip.

        Args:
            keypoints_px: (T, J, 2) pixels, joints in the order of the checkpoint's skeleton; any T of 1 or more, ends
                are padded with the first and last frame.
            image_size: (width, height) in pixels, enough for the normalization base.
            camera: needed by proj, weak_proj and lcn.
            root_depth_m: the distance of the root joint, for the same three; left out, it is estimated from the bone
                lengths that the checkpoint was trained on.

        Returns:
            (T, J, 3) float32 metres, relative to the root joint, camera axes: x right, y down, z forward.

        Raises:
            BadFileError: another shape, no frames, or numbers that are not finite.
            ConfigError: the normalization needs something that was not given.
        """
        keypoints_px = np.asarray(keypoints_px, np.float32)
        joints = self.skeleton.num_joints
        if keypoints_px.ndim != 3 or keypoints_px.shape[1:] != (joints, 2) or not len(keypoints_px):
            raise BadFileError(f"keypoints must be (frames, {joints}, 2), not {keypoints_px.shape}",
                               todo=f"Joints of {self.skeleton.name}: {', '.join(self.skeleton.joint_names)}")  # fmt: skip
        if root_depth_m is None and camera is not None and self.body_size is not None:
            root_depth_m = estimate_root_depth(keypoints_px, camera, self.body_size)
        given = {"image_size": image_size, "camera": camera, "root_depth_m": root_depth_m}
        pose_2d = torch.from_numpy(self.normalization.encode_2d(keypoints_px, **given)).to(self.device)
        parameters = torch.from_numpy(self.normalization.parameters_2d(keypoints_px, **given)).to(self.device)
        outputs = predict_normalized(self.network, pose_2d[None], self.skeleton.mirror, self.flip)
        metres = torch.stack([self.normalization.decode(output[0], parameters) for output in outputs]).mean(0)
        return metres.cpu().numpy()
