"""Lifting frame by frame: one frame of keypoints in, one pose out.

>>> import numpy as np, srnet_core as srnet
>>> from srnet_core.inference.stream import PoseStream
>>> model = srnet.build_model("srnet", filter_widths=(3, 3), channels=64, causal=True)
>>> live = PoseStream(model, image_size=(1000, 1002))
>>> live.push(np.full((17, 2), 500.0)).shape, live.delay_frames
((17, 3), 0)
"""

from collections import deque
from typing import Any, NoReturn

import numpy as np

from srnet_core.body import estimate_root_depth
from srnet_core.engine import InferenceForm
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.mirror import mirror_poses
from srnet_core.inference.arguments import (
    checked_image_size,
    checked_root_depth,
    keypoints_array,
    plainly_found,
    require_finite,
    require_found,
    require_shape,
)
from srnet_core.inference.stream_network import StreamNetwork, stream_network
from srnet_core.models.pose_model import PoseModel


class PoseStream:
    """Poses of a live clip, equal to those of the whole clip at once. `Lifter.stream` makes one.

    The time for a frame does not depend on the receptive field: every layer keeps the past frames that its filter
    needs.
    A causal model gives the pose of the frame just pushed; other models need `delay_frames` frames after it.

    Args:
        network: a model, its `inference_form`, or a `StreamNetwork` with another normalization than "base".
        image_size, camera, root_depth_m: as for `Lifter`; one depth for all frames.
        flip: average with the prediction for the mirror image.

    Raises:
        ConfigError: a missing argument that the normalization needs, or a network that cannot stream, has no skeleton,
            or predicts fewer joints than its input has.
    """

    def __init__(
        self,
        network: PoseModel | InferenceForm | StreamNetwork,
        *,
        image_size: tuple[float, float] | None = None,
        camera: Camera | None = None,
        root_depth_m: float | None = None,
        flip: bool = False,
    ):
        known = stream_network(network)
        self._network, self._skeleton = known.form, known.skeleton
        self._normalization, self._body_size, self._flip = known.normalization, known.body_size, flip
        self._image_size, self._camera = checked_image_size(image_size), camera
        self._root_depth_m = checked_root_depth(root_depth_m, 1)
        self._live = self._network.live(2 if flip else 1)
        self._parameters: deque[np.ndarray] = deque(maxlen=self.delay_frames + 1)
        self._encode(np.zeros((1, self._skeleton.num_joints, 2), np.float32), None)  # raises if an argument is missing
        self.reset()

    @property
    def delay_frames(self) -> int:
        """Delay of a pose after its frame: 0 for a causal model, half the receptive field for others."""
        return self._network.pad - self._network.causal_shift

    def __getstate__(self) -> NoReturn:
        raise TypeError("a stream in use cannot be copied or pickled; copy its lifter and call stream() on the copy")

    def reset(self) -> None:
        """Start a new clip with the next frame."""
        self._pushed = 0
        self._last: tuple[np.ndarray, np.ndarray] | None = None
        self._parameters.clear()

    def push(self, frame_px: np.ndarray, *, root_depth_m: float | None = None) -> np.ndarray | None:
        """Take the next frame of the clip.

        Args:
            frame_px: (J, 2) pixels, joints in the order of the skeleton.
            root_depth_m: of this frame, instead of the stream's depth or an estimate.

        Returns:
            (J, 3) float32 metres, relative to the root, camera axes: the pose of the frame pushed `delay_frames`
            before; `None` for the first `delay_frames` frames.

        Raises:
            ArrayError: wrong shape or type, numbers that are not finite, or a keypoint at (0, 0) or (-1, -1), which
                tools write for a joint that they did not find; the frame is then ignored.
        """
        frame_px = self._checked(frame_px)
        pose_2d, parameters = self._encode(frame_px[None], root_depth_m)
        self._last = pose_2d, parameters
        return self._advance(pose_2d, parameters)

    def flush(self) -> np.ndarray:
        """The remaining poses, with the last frame repeated; the next frame starts a new clip.

        Returns:
            (n, J, 3), n = `delay_frames`, or the number of pushed frames if that is smaller.
        """
        waiting, last = min(self._pushed, self.delay_frames), self._last
        found = [self._advance(*last) for _ in range(self.delay_frames)] if waiting and last is not None else []
        self.reset()
        poses = [pose for pose in found[-waiting:] if pose is not None]
        return np.stack(poses) if poses else np.zeros((0, self._skeleton.num_joints, 3), np.float32)

    def _advance(self, pose_2d: np.ndarray, parameters: np.ndarray) -> np.ndarray | None:
        outputs = self._live.push(pose_2d) if self._pushed else self._live.start(pose_2d)
        self._parameters.append(parameters)
        self._pushed += 1
        return self._decode(outputs, self._parameters[0]) if self._pushed > self.delay_frames else None

    def _encode(self, frames_px: np.ndarray, root_depth_m: float | None) -> tuple[np.ndarray, np.ndarray]:
        """(1, J, 2) pixels -> (1 or 2, J, 2), the frame and its mirror image, and (1, P) parameters."""
        depth_m = self._root_depth_m if root_depth_m is None else checked_root_depth(root_depth_m, 1)
        if depth_m is None and self._camera is not None and self._body_size is not None:
            depth_m = estimate_root_depth(frames_px, self._camera, self._body_size)
        given: dict[str, Any] = {
            "image_size": self._image_size,
            "camera": self._camera,
            "root_depth_m": depth_m,
        }
        pose_2d = self._normalization.encode_2d(frames_px, **given)
        parameters = self._normalization.parameters_2d(frames_px, **given)
        if self._flip:
            pose_2d = np.concatenate([pose_2d, mirror_poses(pose_2d, self._skeleton.mirror)])
        return pose_2d, parameters

    def _decode(self, outputs: np.ndarray, parameters: np.ndarray) -> np.ndarray:
        """(1 or 2, J, 3) outputs -> (J, 3) metres: the mean of the pose and its mirror image, after decoding."""
        if not self._flip:
            return np.array(self._normalization.decode(outputs, parameters)[0], np.float32)
        both = np.concatenate([outputs[:1], mirror_poses(outputs[1:], self._skeleton.mirror)])
        first, second = self._normalization.decode(both, parameters)
        mean: np.ndarray = ((first + second) / 2).astype(np.float32)
        return mean

    def _checked(self, frame_px: np.ndarray) -> np.ndarray:
        joints = self._skeleton.num_joints
        frame_px = keypoints_array(frame_px, self._skeleton, what="a frame of keypoints")
        if frame_px.shape == (joints, 2) and plainly_found(frame_px):
            return frame_px
        require_shape(
            frame_px, f"({joints}, 2)", frame_px.shape == (joints, 2), self._skeleton, what="a frame of keypoints"
        )
        todo = "Push the previous frame again, or fill in the missing joint"
        require_finite(frame_px[None], self._skeleton, first_frame=self._pushed, todo=todo)
        require_found(frame_px[None], self._skeleton, first_frame=self._pushed, todo=todo)
        return frame_px
