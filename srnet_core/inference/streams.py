"""Several independent live clips, lifted together: one call takes a frame of each.

>>> import numpy as np, srnet_core as srnet
>>> from srnet_core.inference.streams import PoseStreams
>>> model = srnet.build_model("srnet", filter_widths=(3, 3), channels=64, causal=True)
>>> live = PoseStreams(model, 3, image_size=(1000, 1002))
>>> first, second, third = live.push([np.full((17, 2), 500.0), None, np.full((17, 2), 400.0)])
>>> first.shape, second
((17, 3), None)
"""

from collections import deque
from collections.abc import Sequence
from typing import Any, NoReturn, cast

import numpy as np

from srnet_core.body import estimate_root_depth
from srnet_core.engine import InferenceForm
from srnet_core.errors import ArrayError, ConfigError
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

MOST_STREAMS = 4096  # whose frames fit into memory at the largest receptive fields


class PoseStreams:
    """Poses of several live clips, each equal to that of a `PoseStream` of its own. `Lifter.streams` makes them.

    One batch through the network costs far less than one call per clip, as the weights are read once. The clips are
    independent: each may begin, pause and end when it wants.

    Args:
        network: as for `PoseStream`.
        count: number of clips.
        image_size, camera: as for `PoseStream`, one for all clips or a list with one for each.
        root_depth_m, flip: as for `PoseStream`.

    Raises:
        ConfigError: a missing argument that the normalization needs, lists of another length, or a network that cannot
            stream, has no skeleton, or predicts fewer joints than its input has.
    """

    def __init__(
        self,
        network: PoseModel | InferenceForm | StreamNetwork,
        count: int,
        *,
        image_size: tuple[float, float] | Sequence[tuple[float, float]] | None = None,
        camera: Camera | Sequence[Camera] | None = None,
        root_depth_m: float | None = None,
        flip: bool = False,
    ):
        if not 1 <= count <= MOST_STREAMS:
            raise ConfigError(f"must be a number from 1 to {MOST_STREAMS}, not {count}", where="streams")
        known = stream_network(network)
        self._network, self._skeleton, self.count = known.form, known.skeleton, count
        self._normalization, self._body_size, self._flip = known.normalization, known.body_size, flip
        self._root_depth_m = checked_root_depth(root_depth_m, 1)
        self._groups = _groups(_each_size(image_size, count), _each(camera, count, "camera"))
        self._live = self._network.together(2 * count if flip else count)
        self._pushed = [0] * count
        self._last: list[tuple[np.ndarray, np.ndarray] | None] = [None] * count
        self._parameters: list[deque[np.ndarray]] = [deque(maxlen=self.delay_frames + 1) for _ in range(count)]
        self._encode(np.zeros((count, known.skeleton.num_joints, 2), np.float32))  # raises if an argument is missing

    @property
    def delay_frames(self) -> int:
        """Delay of a pose after its frame: 0 for a causal model, half the receptive field for others."""
        return self._network.pad - self._network.causal_shift

    def __getstate__(self) -> NoReturn:
        raise TypeError("streams in use cannot be copied or pickled; copy their lifter and call streams() on the copy")

    def reset(self, stream: int | None = None) -> None:
        """Start a new clip with the next frame, in one stream or in all.

        Raises:
            ConfigError: there is no such stream.
        """
        for number in range(self.count) if stream is None else [self._number(stream)]:
            self._pushed[number], self._last[number] = 0, None
            self._parameters[number].clear()

    def push(self, frames_px: np.ndarray | Sequence[np.ndarray | None]) -> list[np.ndarray | None]:
        """Take the next frame of each clip that has one.

        Args:
            frames_px: one item per stream: (J, 2) pixels, joints in the order of the skeleton, or `None` where the clip
                has no new frame. So an array (streams, J, 2) gives a frame to all.

        Returns:
            One item per stream: (J, 3) float32 metres, as `PoseStream.push` gives them; `None` for the first
            `delay_frames` frames of a clip, and where no frame was given.

        Raises:
            ArrayError: another number of frames, or a frame that `PoseStream.push` would refuse; the message names its
                stream. No stream has taken its frame then.
        """
        if len(frames_px) != self.count:
            raise ArrayError(
                f"{len(frames_px)} frames for {self.count} streams", todo="Give None for those without one"
            )
        given = [number for number, frame in enumerate(frames_px) if frame is not None]
        whole = self._checked(frames_px, given)
        if not given:
            return [None] * self.count
        pose_2d, parameters = self._encode(whole)
        for number in given:
            self._last[number] = pose_2d[number], parameters[number]
        return self._advance(pose_2d, parameters, given)

    def flush(self, stream: int) -> np.ndarray:
        """The remaining poses of one clip, with its last frame repeated; its next frame starts a new clip.

        Returns:
            (n, J, 3), n = `delay_frames`, or the number of pushed frames if that is smaller.

        Raises:
            ConfigError: there is no such stream.
        """
        number = self._number(stream)
        waiting, last = min(self._pushed[number], self.delay_frames), self._last[number]
        found: list[np.ndarray] = []
        if waiting and last is not None:
            pose_2d = np.zeros((self.count, self._skeleton.num_joints, 2), np.float32)
            parameters = np.zeros((self.count, len(last[1])), last[1].dtype)
            pose_2d[number], parameters[number] = last
            for _ in range(self.delay_frames):
                pose = self._advance(pose_2d, parameters, [number])[number]
                found += [pose] if pose is not None else []
        self.reset(number)
        return np.stack(found[-waiting:]) if found else np.zeros((0, self._skeleton.num_joints, 3), np.float32)

    def _number(self, stream: int) -> int:
        if not 0 <= stream < self.count:
            raise ConfigError(f"there is no stream {stream}: they are numbered from 0 to {self.count - 1}")
        return stream

    def _advance(self, pose_2d: np.ndarray, parameters: np.ndarray, given: list[int]) -> list[np.ndarray | None]:
        """Poses of the clips `given`, whose frames are among pose_2d (streams, J, 2)."""
        taking, starting = np.zeros(self.count, bool), np.zeros(self.count, bool)
        taking[given] = True
        starting[[number for number in given if self._pushed[number] == 0]] = True
        for number in given:
            self._parameters[number].append(parameters[number])
            self._pushed[number] += 1
        if self._flip:
            images = np.concatenate([pose_2d, mirror_poses(pose_2d, self._skeleton.mirror)])
            found = self._live.push(images, np.tile(starting, 2), np.tile(taking, 2))
        else:
            found = self._live.push(pose_2d, starting, taking)
        outputs = found.reshape(-1, self.count, *found.shape[1:])  # (1 or 2, streams, J, 3)
        ready = [number for number in given if self._pushed[number] > self.delay_frames]
        poses: list[np.ndarray | None] = [None] * self.count
        if ready:
            oldest = np.stack([self._parameters[number][0] for number in ready])
            for number, pose in zip(ready, self._decode(outputs[:, ready], oldest)):
                poses[number] = pose
        return poses

    def _encode(self, frames_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(streams, J, 2) pixels -> (streams, J, 2) and (streams, P) parameters."""
        pose_2d = np.zeros(frames_px.shape, np.float32)
        parameters: np.ndarray | None = None
        for image_size, camera, rows in self._groups:
            depth_m: Any = self._root_depth_m
            if depth_m is None and camera is not None and self._body_size is not None:
                depth_m = estimate_root_depth(frames_px[rows], camera, self._body_size)
            given: dict[str, Any] = {"image_size": image_size, "camera": camera, "root_depth_m": depth_m}
            pose_2d[rows] = self._normalization.encode_2d(frames_px[rows], **given)
            own = self._normalization.parameters_2d(frames_px[rows], **given)
            if parameters is None:
                parameters = np.zeros((self.count, own.shape[1]), own.dtype)
            parameters[rows] = own
        assert parameters is not None  # there is at least one group
        return pose_2d, parameters

    def _decode(self, outputs: np.ndarray, parameters: np.ndarray) -> np.ndarray:
        """(1 or 2, n, J, 3) outputs -> (n, J, 3) metres: the mean of pose and mirror image, after decoding."""
        if not self._flip:
            return np.array(self._normalization.decode(outputs[0], parameters), np.float32)
        images = outputs[0], mirror_poses(outputs[1], self._skeleton.mirror)
        first, second = (self._normalization.decode(image, parameters) for image in images)
        mean: np.ndarray = ((first + second) / 2).astype(np.float32)
        return mean

    def _checked(self, frames_px: np.ndarray | Sequence[np.ndarray | None], given: list[int]) -> np.ndarray:
        """The frames of the clips `given` among zeros, (streams, J, 2)."""
        shape = (self._skeleton.num_joints, 2)
        whole = np.zeros((self.count, *shape), np.float32)
        for number in given:
            what = f"the keypoints of stream {number}"
            frame_px = keypoints_array(frames_px[number], self._skeleton, what=what)
            require_shape(frame_px, f"({shape[0]}, 2)", frame_px.shape == shape, self._skeleton, what=what)
            whole[number] = frame_px
        if not given or plainly_found(whole[given]):
            return whole
        for number in given:
            todo = f"Give None for stream {number}, or fill in the missing joint"
            own, first = whole[number, None], self._pushed[number]
            require_finite(own, self._skeleton, first_frame=first, todo=todo)
            require_found(own, self._skeleton, first_frame=first, todo=todo)
        return whole


_Group = tuple[tuple[float, float] | None, Camera | None, np.ndarray]  # image size, camera, numbers of the streams


def _groups(sizes: list[tuple[float, float] | None], cameras: list[Camera | None]) -> list[_Group]:
    """Streams that are encoded together, as they have the same image size and camera."""
    found: list[tuple[tuple[float, float] | None, Camera | None, list[int]]] = []
    for number, (size, camera) in enumerate(zip(sizes, cameras)):
        for known_size, known_camera, rows in found:
            if known_size == size and known_camera is camera:
                rows.append(number)
                break
        else:
            found.append((size, camera, [number]))
    return [(size, camera, np.array(rows)) for size, camera, rows in found]


def _each_size(image_size: Any, count: int) -> list[tuple[float, float] | None]:
    """The image size of each stream: (width, height) for all, or a list of such."""
    one = image_size is None or len(image_size) != count or all(np.ndim(value) == 0 for value in image_size)
    sizes = [image_size] * count if one else list(image_size)
    return [checked_image_size(size) for size in sizes]


def _each(value: Any, count: int, what: str) -> list[Camera | None]:
    if not isinstance(value, (list, tuple)):
        return [cast("Camera | None", value)] * count
    if len(value) != count:
        raise ConfigError(f"{len(value)} for {count} streams", where=what, todo="Give one, or one for each stream")
    return list(value)
