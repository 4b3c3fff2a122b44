"""Lifting of 2D keypoints to 3D poses: pixels in, metres out.

>>> lifter = Lifter.from_checkpoint("checkpoint/best.bin")                     # doctest: +SKIP
>>> poses_m = lifter(keypoints_px, image_size=(1000, 1002))                    # doctest: +SKIP

Frame by frame, e.g. from a camera:

>>> live = lifter.stream(image_size=(1000, 1002))                              # doctest: +SKIP
>>> for frame_px in camera:                                                    # doctest: +SKIP
...     pose_m = live.push(frame_px)  # (17, 3), or None for the first live.delay_frames frames
>>> last_poses_m = live.flush()                                                # doctest: +SKIP
"""

import hashlib
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, cast

import numpy as np
import torch

from srnet_core import normalization
from srnet_core.body import estimate_root_depth
from srnet_core.checkpoint import Checkpoint, load_checkpoint
from srnet_core.checkpoint.writing import tensor_digest
from srnet_core.device import choose_device
from srnet_core.engine import inference_form
from srnet_core.errors import ArrayError, ConfigError, InputFileMissing, KeypointWarning
from srnet_core.geometry.camera import Camera, estimated_camera
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.inference.arguments import (
    checked_image_size,
    checked_root_depth,
    keypoints_array,
    require_finite,
    require_found,
    require_shape,
)
from srnet_core.inference.calibration import Calibration, calibration_file, read_calibration
from srnet_core.inference.other_joints import seen_and_predicted
from srnet_core.inference.plausible import problems_of
from srnet_core.inference.predict import DECODE_FRAMES, decode_mean, predict_normalized
from srnet_core.inference.readings import FEWEST_FRAMES, likelier_readings
from srnet_core.inference.spread import features, several_predictions
from srnet_core.inference.stream import PoseStream
from srnet_core.inference.stream_network import StreamNetwork
from srnet_core.inference.streams import PoseStreams
from srnet_core.lookup import choose
from srnet_core.models.pose_model import PoseModel
from srnet_core.normalization import Normalization
from srnet_core.weights import MEAN, MEAN_OF, NAMES, network_name, weights_file

CHECKS = ("warn", "error", "off")


class PosesWithErrors(NamedTuple):
    """Poses and how far off they may be.

    Attributes:
        poses_m: (T, J, 3) as calling the lifter gives them.
        expected_error_mm: (T, J) the expected distance of each joint from its true place, both relative to the root
            joint; zero for the root.
        error_bound_mm: (T, J) the distance that 90 % of the joints keep below.
    """

    poses_m: np.ndarray
    expected_error_mm: np.ndarray
    error_bound_mm: np.ndarray


class Lifter:
    """A trained network with normalization, padding, flip averaging and decoding to metres.

    It uses a copy of the weights with folded BatchNorms, so further training of the checkpoint's model does not change
    it. Clips of any length are lifted in bounded memory, on as many cores as torch may use.

    Args:
        checkpoint: from `load_checkpoint`.
        device: "auto", "cpu", "cuda" or "cuda:N".
        flip: average with the prediction for the mirror image.
        norm: the normalization; by default that of the checkpoint, or "base" if the checkpoint does not record it.
        uncertainty: read how far off the network may be from the file that `srnet calibrate` has made beside the
            checkpoint, so that `with_errors` can tell; docs/uncertainty.md.
        precision: of matrix products on a CPU: "fp32", or "bf16" or "int8", which some processors compute faster, with
            errors of a millimetre or some; docs/performance.md has numbers.
        beside: other lifters of the same joints, each with its share: poses are then the weighted mean of theirs and
            of this network's, whose share is the rest of 1. Such a lifter does not lift live.

    Attributes:
        skeleton: the joints of the poses.
        seen: the joints of the keypoints: the same, but for networks of VideoPose3D for HumanEva that see COCO's.
        calibration: how to tell errors; `None` without `uncertainty`.
        fps: frames per second of the clips that the network was trained on, `None` if its file does not tell. A network
            that sees many frames at once expects clips of about this rate.

    Raises:
        CheckpointError: the network predicts fewer joints than its input has.
        InputFileMissing, BadFileError: with `uncertainty`: nobody measured how far off this network may be, or the file
            is damaged or of other weights.
    """

    model: PoseModel
    skeleton: Skeleton

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        device: str = "auto",
        flip: bool = True,
        norm: str | None = None,
        uncertainty: bool = False,
        precision: str = "fp32",
        beside: Sequence[tuple["Lifter", float]] = (),
    ):
        self.seen, self.skeleton = seen_and_predicted(checkpoint)
        self.device, self.flip = choose_device(device), flip
        self.model = checkpoint.model.to(self.device).eval()
        self.network = inference_form(self.model, precision)
        trained_with = None if norm else checkpoint.normalization
        self.normalization = trained_with or normalization.load(norm or "base")
        self.body_size = checkpoint.record.body_size
        self.fps = checkpoint.record.fps
        self.beside = tuple(beside)
        self.calibration: Calibration | None = None
        if uncertainty:
            if checkpoint.path is None:
                raise ConfigError("this checkpoint is of no file, so there is no file beside it that tells its errors")
            self._calibrate(calibration_file(checkpoint.path))

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path,
        *,
        device: str = "auto",
        flip: bool = True,
        norm: str | None = None,
        uncertainty: bool = False,
        precision: str = "fp32",
        beside: Sequence[tuple["Lifter", float]] = (),
    ) -> "Lifter":
        """A lifter from the path of a checkpoint.

        Args:
            device, flip, norm, uncertainty, precision, beside: as for the class.

        Raises:
            InputFileMissing: there is no such file; with `uncertainty` also if there is none beside it.
            CheckpointError: the file cannot be used, or the network predicts fewer joints than its input has.
            BadFileError: with `uncertainty`: its file is damaged or of other weights.
        """
        try:
            checkpoint = load_checkpoint(path, normalization=norm)
        except InputFileMissing as error:
            if str(path) not in NAMES:
                raise
            todo = f"It is a network of the package: Lifter.open({str(path)!r})"
            raise InputFileMissing(error.what, where=path, todo=todo) from None
        return cls(
            checkpoint,
            device=device,
            flip=flip,
            norm=norm,
            uncertainty=uncertainty,
            precision=precision,
            beside=beside,
        )

    @classmethod
    def open(
        cls,
        name: str | None = None,
        *,
        frames: int = 1,
        causal: bool = False,
        device: str = "auto",
        flip: bool = True,
        uncertainty: bool = False,
        precision: str = "fp32",
    ) -> "Lifter":
        """A lifter with a network that comes with the package; docs/srnet-open.md says what each can do.

        Args:
            name: one of `srnet_core.weights.NAMES`, or `srnet_core.weights.MEAN` for the weighted mean of two of them,
                which is what `srnet lift` uses for recordings; by default the one that `frames` and `causal` ask for.
            frames: how many frames the network sees at once.
            causal: whether it sees past frames only, for live use.
            device, flip, uncertainty, precision: as for the class.

        Raises:
            UnknownNameError: there is no such network.
        """
        if name == MEAN:
            (first, _), *others = MEAN_OF.items()
            beside = [(cls.open(other, device=device, flip=flip, precision=precision), s) for other, s in others]
            lifter = cls.from_checkpoint(
                weights_file(first), device=device, flip=flip, precision=precision, beside=beside
            )
            if uncertainty:
                lifter._calibrate(calibration_file(weights_file(first).with_name(f"{MEAN}.safetensors")))
            return lifter
        path = weights_file(network_name(frames, causal) if name is None else name)
        return cls.from_checkpoint(path, device=device, flip=flip, uncertainty=uncertainty, precision=precision)

    def _calibrate(self, file: Path) -> None:
        self.calibration = read_calibration(file, digest=self.digest, joints=self.skeleton.joint_names)

    @property
    def digest(self) -> str:
        """A hash of the weights, and of the shares where there are several networks."""
        own = tensor_digest(self.model.state_dict())
        if not self.beside:
            return own
        parts = [own, *(f"{share:.6f} {other.digest}" for other, share in self.beside)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def receptive_field(self) -> int:
        """Number of input frames that one pose depends on."""
        return self.network.receptive_field

    def __getstate__(self) -> dict[str, Any]:
        """For `pickle` and `copy`: a normalization that is a module is stored by name."""
        state = self.__dict__.copy()
        if isinstance(self.normalization, ModuleType):
            state["normalization"] = self.normalization.__name__
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if isinstance(state["normalization"], str):
            self.normalization = cast(Normalization, import_module(state["normalization"]))

    @torch.inference_mode()
    def __call__(
        self,
        keypoints_px: np.ndarray,
        *,
        image_size: tuple[float, float] | None = None,
        camera: Camera | None = None,
        root_depth_m: float | np.ndarray | None = None,
        check: str = "warn",
    ) -> np.ndarray:
        """Lift one clip.

        Args:
            keypoints_px: (T, J, 2) pixels, joints in the order of the checkpoint's skeleton, T of 1 or more; the clip
                is padded with its first and last frame.
            image_size: (width, height) in pixels, sufficient for the normalization base.
            camera: needed by proj, weak_proj and lcn.
            root_depth_m: depth of the root joint, one or T numbers, for these three; by default estimated from the
                mean bone lengths of the training data.
            check: what happens to keypoints that cannot be right, e.g. in another order of joints, upside down, or with
                left and right exchanged: "warn" gives a `KeypointWarning`, "error" raises, "off" does not look.

        Returns:
            (T, J, 3) float32 metres, camera axes: x right, y down, z forward. The origin is the root joint as the
            network locates it. The network also predicts the root joint itself, which can be some centimetres off
            zero; `poses_m - poses_m[:, :1]` puts it at zero exactly.

        Raises:
            ArrayError: keypoints or depths of the wrong shape or type, no frames, numbers that are not finite,
                keypoints at (0, 0) or (-1, -1), which tools write for joints that they did not find, or with
                `check="error"` keypoints that cannot be right.
            ConfigError: a missing argument that the normalization needs, or an image size that cannot be one.
        """
        keypoints_px, image_size, root_depth_m = self._checked(keypoints_px, image_size, camera, root_depth_m, check)
        return self._lifted(keypoints_px, image_size, camera, root_depth_m)

    @torch.inference_mode()
    def with_errors(
        self,
        keypoints_px: np.ndarray,
        *,
        image_size: tuple[float, float] | None = None,
        camera: Camera | None = None,
        root_depth_m: float | np.ndarray | None = None,
        check: str = "warn",
    ) -> PosesWithErrors:
        """Lift one clip, and tell how far off each joint may be. It takes about three times as long as lifting.

        Args:
            keypoints_px, image_size, camera, root_depth_m, check: as for calling the lifter.

        Raises:
            ConfigError: the lifter was made without `uncertainty=True`; else as calling the lifter.
            ArrayError: as calling the lifter.
        """
        if self.calibration is None:
            raise ConfigError("this lifter cannot tell errors", todo="Make it with Lifter(..., uncertainty=True)")
        keypoints_px, image_size, root_depth_m = self._checked(keypoints_px, image_size, camera, root_depth_m, check)
        poses_m, about_errors = self.poses_and_features(
            keypoints_px, image_size=image_size, camera=camera, root_depth_m=root_depth_m
        )
        expected_mm = self.calibration.expected_mm(about_errors)
        bound_mm = self.calibration.bound_mm(expected_mm)
        return PosesWithErrors(poses_m, expected_mm.astype(np.float32), bound_mm.astype(np.float32))

    @torch.inference_mode()
    def poses_and_features(
        self,
        keypoints_px: np.ndarray,
        *,
        image_size: tuple[float, float] | None = None,
        camera: Camera | None = None,
        root_depth_m: float | np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """(T, J, 3) poses of a clip, and (T, J, F) numbers that tell of their errors, see `inference.spread`.

        Args:
            keypoints_px, image_size, camera, root_depth_m: as for calling the lifter, finite.
        """

        def lift(points_px: np.ndarray) -> tuple[np.ndarray, ...]:
            return self._predictions(points_px, image_size, camera, root_depth_m)

        poses_m = self._lifted(keypoints_px, image_size, camera, root_depth_m)
        return poses_m, features(several_predictions(lift, keypoints_px))

    def _predictions(
        self,
        keypoints_px: np.ndarray,
        image_size: tuple[float, float] | None,
        camera: Camera | None,
        root_depth_m: float | np.ndarray | None,
    ) -> tuple[np.ndarray, ...]:
        """(T, J, 3) poses of each network, one from the keypoints and one from their mirror image."""
        pose_2d, parameters = self._encode(keypoints_px, image_size, camera, root_depth_m)
        outputs = predict_normalized(self.network, pose_2d[None], self.seen.mirror, True, self.skeleton.mirror)
        own = [decode_mean(self.normalization, [o[0]], parameters).cpu().numpy() for o in outputs]
        others = [lifter._predictions(keypoints_px, image_size, camera, root_depth_m) for lifter, _ in self.beside]
        return (*own, *(pose for poses in others for pose in poses))

    def _checked(
        self,
        keypoints_px: np.ndarray,
        image_size: tuple[float, float] | None,
        camera: Camera | None,
        root_depth_m: float | np.ndarray | None,
        check: str,
    ) -> tuple[np.ndarray, tuple[float, float] | None, float | np.ndarray | None]:
        """Keypoints, image size and depth as `_lifted` takes them; what looks wrong is told, see `__call__`."""
        joints = self.seen.num_joints
        keypoints_px = keypoints_array(keypoints_px, self.seen, what="keypoints")
        fits = keypoints_px.ndim == 3 and keypoints_px.shape[1:] == (joints, 2) and len(keypoints_px) > 0
        require_shape(keypoints_px, f"(frames, {joints}, 2)", fits, self.seen, what="keypoints")
        todo = "Fill in the missing joints, or remove these frames from the clip"
        require_finite(keypoints_px, self.seen, todo=todo)
        image_size, root_depth_m = checked_image_size(image_size), checked_root_depth(root_depth_m, len(keypoints_px))
        if choose("check", check, CHECKS, where="check") != "off":
            require_found(keypoints_px, self.seen, todo=todo)
            self._tell(self.problems(keypoints_px, image_size=image_size, camera=camera), check)
        return keypoints_px, image_size, root_depth_m

    def problems(
        self,
        keypoints_px: np.ndarray,
        *,
        image_size: tuple[float, float] | None = None,
        camera: Camera | None = None,
    ) -> list[str]:
        """What looks wrong in a clip, one sentence each; nothing where all is plausible.

        Args:
            keypoints_px, image_size, camera: as for lifting, finite.
        """
        if self.seen is not self.skeleton:  # what is looked at are joints of the poses
            return []
        if image_size is None and camera is not None:
            image_size = (camera.width_px, camera.height_px)
        in_order = self.receptive_field > 1  # a network of single frames may be given pictures of anybody
        found = problems_of(keypoints_px, self.skeleton, image_size, fps=self.fps, in_order=in_order)
        return found or self.likelier_readings(keypoints_px, image_size=image_size, camera=camera, fps=self.fps)

    def likelier_readings(
        self,
        keypoints_px: np.ndarray,
        *,
        image_size: tuple[float, float] | None = None,
        camera: Camera | None = None,
        fps: float | None = None,
    ) -> list[str]:
        """Other readings of a clip that make a better body, other sides, another scale, one person only.

        Args:
            keypoints_px, image_size, camera: as for lifting, finite.
            fps: frames per second, where they are known.
        """
        known = camera
        if known is None and image_size is not None:
            known = estimated_camera((round(image_size[0]), round(image_size[1])))
        alone = self.body_size is not None or not self.normalization.USES_ROOT_DEPTH  # no depth has to be given
        if self.seen is not self.skeleton or known is None or not alone or len(keypoints_px) < FEWEST_FRAMES:
            return []
        with torch.inference_mode():
            return likelier_readings(
                keypoints_px,
                self.skeleton,
                image_size,
                known.undistort,
                lambda part: self._lifted(part.astype(np.float32), image_size, camera, None),
                fps=fps,
            )

    def _tell(self, problems: list[str], check: str) -> None:
        if problems and check == "error":
            raise ArrayError(problems[0].rstrip("."), where="keypoints", todo="Lift them anyway with check='off'")
        for problem in problems:
            warnings.warn(f"keypoints: {problem}", KeypointWarning, stacklevel=5)

    def _lifted(
        self,
        keypoints_px: np.ndarray,
        image_size: tuple[float, float] | None,
        camera: Camera | None,
        root_depth_m: float | np.ndarray | None,
    ) -> np.ndarray:
        """As calling the lifter, for arguments that have been checked."""
        pose_2d, parameters = self._encode(keypoints_px, image_size, camera, root_depth_m)
        outputs = predict_normalized(self.network, pose_2d[None], self.seen.mirror, self.flip, self.skeleton.mirror)
        poses_m: np.ndarray = decode_mean(self.normalization, [o[0] for o in outputs], parameters).cpu().numpy()
        if self.beside:
            poses_m *= 1 - sum(share for _, share in self.beside)
            for lifter, share in self.beside:
                poses_m += share * lifter._lifted(keypoints_px, image_size, camera, root_depth_m)
        return poses_m

    def _encode(
        self,
        keypoints_px: np.ndarray,
        image_size: tuple[float, float] | None,
        camera: Camera | None,
        root_depth_m: float | np.ndarray | None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Network input (T, J, 2) and parameters (T, P) on the device, computed some frames at a time."""
        each = root_depth_m is not None and np.size(root_depth_m) == len(keypoints_px) > 1  # a depth for every frame
        parts = []
        for start in range(0, len(keypoints_px), DECODE_FRAMES):
            frames = slice(start, start + DECODE_FRAMES)
            depth_m = root_depth_m
            if each and root_depth_m is not None:
                depth_m = np.ravel(root_depth_m)[frames]
            elif root_depth_m is None and camera is not None and self.body_size is not None:
                depth_m = estimate_root_depth(keypoints_px[frames], camera, self.body_size)
            given: dict[str, Any] = {"image_size": image_size, "camera": camera, "root_depth_m": depth_m}
            encoded = self.normalization.encode_2d(keypoints_px[frames], **given)
            parts.append((encoded, self.normalization.parameters_2d(keypoints_px[frames], **given)))
        pose_2d, parameters = (torch.from_numpy(np.concatenate(part)).to(self.device) for part in zip(*parts))
        return pose_2d, parameters

    def stream(
        self,
        *,
        image_size: tuple[float, float] | None = None,
        camera: Camera | None = None,
        root_depth_m: float | None = None,
        flip: bool = False,
    ) -> PoseStream:
        """Lift frame by frame: `push` a frame, get a pose, `flush` at the end. See `PoseStream`.

        The poses equal those of the whole clip at once. A lifter can have several independent streams.

        Args:
            image_size, camera, root_depth_m: as for a clip; by default the depth is estimated frame by frame.
            flip: average with the prediction for the mirror image, which takes somewhat more time; off by default.

        >>> import numpy as np, srnet_core as srnet, tempfile
        >>> from pathlib import Path
        >>> from srnet_core.checkpoint import save_checkpoint
        >>> model = srnet.build_model("srnet", filter_widths=(3, 3), channels=64)
        >>> path = save_checkpoint(Path(tempfile.mkdtemp()) / "model.bin", model=model, epoch=0, lr=1e-3,
        ...                        optimizer_state=None, random_state=None)
        >>> lifter = srnet.Lifter.from_checkpoint(path, device="cpu", flip=False)
        >>> clip_px = np.random.default_rng(0).uniform(0, 1000, (30, 17, 2))
        >>> live = lifter.stream(image_size=(1000, 1002))
        >>> poses_m = [pose for frame_px in clip_px if (pose := live.push(frame_px)) is not None]
        >>> live.delay_frames, len(poses_m)
        (4, 26)
        >>> poses_m = np.concatenate([poses_m, live.flush()])
        >>> np.allclose(poses_m, lifter(clip_px, image_size=(1000, 1002)), atol=1e-5)
        True

        Raises:
            ConfigError: a missing argument that the normalization needs, or a network that cannot stream.
        """
        return PoseStream(
            self._stream_network(), image_size=image_size, camera=camera, root_depth_m=root_depth_m, flip=flip
        )

    def streams(
        self,
        count: int,
        *,
        image_size: tuple[float, float] | Sequence[tuple[float, float]] | None = None,
        camera: Camera | Sequence[Camera] | None = None,
        root_depth_m: float | None = None,
        flip: bool = False,
    ) -> PoseStreams:
        """Lift several live clips together, e.g. of several people or cameras: each `push` takes a frame of each.

        The poses are those of as many streams of `stream`, in a fraction of the time. See `PoseStreams`.

        Args:
            count: number of clips.
            image_size, camera: as for `stream`, one for all clips or a list with one for each.
            root_depth_m, flip: as for `stream`.

        Raises:
            ConfigError: a missing argument that the normalization needs, or a network that cannot stream.
        """
        return PoseStreams(
            self._stream_network(), count, image_size=image_size, camera=camera, root_depth_m=root_depth_m, flip=flip
        )

    def _stream_network(self) -> StreamNetwork:
        if self.beside:
            todo = "Open one of them, e.g. Lifter.open(frames=27, causal=True)"
            raise ConfigError("the mean of several networks does not lift live", todo=todo)
        return StreamNetwork(self.network, self.skeleton, self.normalization, self.body_size)
