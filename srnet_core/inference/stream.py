"""Lifting as the frames come in: one frame of keypoints in, one pose out.

>>> import numpy as np, srnet_core as srnet
>>> from srnet_core.inference.stream import PoseStream
>>> model = srnet.build_model("srnet", filter_widths=(3, 3), channels=64, causal=True)
>>> live = PoseStream(model, image_size=(1000, 1002))
>>> live.push(np.full((17, 2), 500.0)).shape, live.delay_frames
((17, 3), 0)
"""

from collections import deque
from math import isfinite

import numpy as np
import torch

from srnet_core import normalization as normalizations
from srnet_core.body import BodySize, estimate_root_depth
from srnet_core.checkpoint import require_whole_poses
from srnet_core.engine import InferenceForm, inference_form
from srnet_core.errors import BadFileError
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.mirror import mirror_poses
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.models.pose_model import PoseModel
from srnet_core.normalization import Normalization


class PoseStream:
    """Poses of a live sequence, the same as the whole sequence gives at once. `Lifter.stream` makes one.

    A frame costs the same whatever the receptive field: every layer keeps what its filter reaches back to. A causal
    model gives the pose of the frame just pushed; others wait for the frames after it, `delay_frames` of them.

    Args:
        network: a model, or what `inference_form` made of one.
        skeleton: the model's own if left out.
        normalization: base if left out.
        body_size: to estimate the root's depth with, where it is needed and not given; frame by frame.
        image_size, camera, root_depth_m: as for `Lifter`; one depth for all frames.
        flip: average with the prediction for the mirror image.

    Raises:
        ConfigError: the normalization needs something that was not given, or a network that cannot stream or predicts
            fewer joints than it sees.
    """

    def __init__(
        self,
        network: PoseModel | InferenceForm,
        *,
        skeleton: Skeleton | None = None,
        normalization: Normalization | None = None,
        body_size: BodySize | None = None,
        image_size: tuple[int, int] | None = None,
        camera: Camera | None = None,
        root_depth_m: float | None = None,
        flip: bool = False,
    ):
        self._skeleton = skeleton or network.skeleton
        self._network = inference_form(network)
        require_whole_poses(self._network)
        self._normalization = normalization or normalizations.load("base")
        self._body_size, self._flip = body_size, flip
        self._given = {"image_size": image_size, "camera": camera, "root_depth_m": root_depth_m}
        self._live = self._network.live(2 if flip else 1)
        self._parameters: deque[np.ndarray] = deque(maxlen=self.delay_frames + 1)
        self._encode(np.zeros((1, self._skeleton.num_joints, 2), np.float32), None)  # asks for all it needs
        self.reset()

    @property
    def delay_frames(self) -> int:
        """How many frames a pose comes after its frame: 0 of a causal model, half the receptive field of others."""
        return self._network.pad - self._network.causal_shift

    def reset(self) -> None:
        """Forget the sequence; the next frame is the first of another."""
        self._pushed, self._last = 0, None
        self._parameters.clear()

    def push(self, frame_px: np.ndarray, *, root_depth_m: float | None = None) -> np.ndarray | None:
        """Take in the next frame.

        Args:
            frame_px: (J, 2) pixels, joints in the order of the skeleton.
            root_depth_m: of this frame, instead of the stream's own or an estimate.

        Returns:
            (J, 3) float32 metres, relative to the root, camera axes, of the frame pushed `delay_frames` before; `None`
            for the first `delay_frames` frames.

        Raises:
            BadFileError: another shape, or numbers that are not finite; the sequence is as it was before.
        """
        frame_px = self._checked(frame_px)
        pose_2d, parameters = self._encode(frame_px[None], root_depth_m)
        self._last = pose_2d, parameters
        return self._advance(pose_2d, parameters)

    def flush(self) -> np.ndarray:
        """The poses still waited for, as if the last frame went on; the next frame is the first of another sequence.

        Returns:
            (n, J, 3), n up to `delay_frames`, fewer if fewer frames were pushed.
        """
        waiting = min(self._pushed, self.delay_frames)
        poses = [self._advance(*self._last) for _ in range(self.delay_frames)] if waiting else []
        self.reset()
        return np.stack(poses[-waiting:]) if waiting else np.zeros((0, self._skeleton.num_joints, 3), np.float32)

    def _advance(self, pose_2d: np.ndarray, parameters: np.ndarray) -> np.ndarray | None:
        given = torch.from_numpy(pose_2d).to(self._network.device)
        outputs = self._live.push(given) if self._pushed else self._live.start(given)
        self._parameters.append(parameters)
        self._pushed += 1
        return (
            self._decode(outputs.numpy(force=True), self._parameters[0]) if self._pushed > self.delay_frames else None
        )

    def _encode(self, frames_px: np.ndarray, root_depth_m: float | None) -> tuple[np.ndarray, np.ndarray]:
        """(1, J, 2) pixels -> (1 or 2, J, 2), the frame and its mirror image, and (1, P) parameters."""
        given, camera = self._given, self._given["camera"]
        if root_depth_m is not None:
            given = given | {"root_depth_m": root_depth_m}
        elif given["root_depth_m"] is None and camera is not None and self._body_size is not None:
            given = given | {"root_depth_m": estimate_root_depth(frames_px, camera, self._body_size)}
        pose_2d = self._normalization.encode_2d(frames_px, **given)
        parameters = self._normalization.parameters_2d(frames_px, **given)
        return np.concatenate(
            [pose_2d, mirror_poses(pose_2d, self._skeleton.mirror)]
        ) if self._flip else pose_2d, parameters

    def _decode(self, outputs: np.ndarray, parameters: np.ndarray) -> np.ndarray:
        """(1 or 2, J, 3) outputs -> (J, 3) metres; the mean of frame and mirror image is taken in metres."""
        if not self._flip:
            return np.array(self._normalization.decode(outputs, parameters)[0], np.float32)
        both = np.concatenate([outputs[:1], mirror_poses(outputs[1:], self._skeleton.mirror)])
        first, second = self._normalization.decode(both, parameters)
        return ((first + second) / 2).astype(np.float32)

    def _checked(self, frame_px: np.ndarray) -> np.ndarray:
        frame_px = np.asarray(frame_px, np.float32)
        joints = self._skeleton.num_joints
        if frame_px.shape != (joints, 2):
            raise BadFileError(f"a frame of keypoints must be ({joints}, 2), not {frame_px.shape}",
                               todo=f"Joints of {self._skeleton.name}: {', '.join(self._skeleton.joint_names)}")  # fmt: skip
        if not isfinite(frame_px.sum(dtype=np.float64)):  # the quick question first
            joint = int(np.argmin(np.isfinite(frame_px).all(axis=1)))
            raise BadFileError(f"the keypoint of {self._skeleton.joint_names[joint]} is not finite",
                               where=f"frame {self._pushed}, joint {joint}",
                               todo="Push the frame before once more, or fill the missing joint")  # fmt: skip
        return frame_px
