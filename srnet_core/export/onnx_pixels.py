"""ONNX with everything inside: pixels and a camera matrix in, camera metres out, for networks with `--norm ray`.

What a program that uses the network alone has to write itself is part of the graph: lens distortion and the camera are
taken out of the keypoints, both ends of the clip are padded, the prediction is averaged with the one for the mirror
image, and poses are turned back into the axes of the camera. So there are as many poses as frames.

A live program keeps the last `srnet.receptive_field` frames and takes one pose of the output: the last one of a causal
network, the one in the middle of another, and it begins with a clip that grows; these are the poses of `Lifter.stream`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from srnet_core.errors import ConfigError, SrnetError, require_extra
from srnet_core.export import NetworkFormat, WrittenNetwork
from srnet_core.export._onnx_file import file_to_check, joined, onnx_proto, save_proto, traced_proto
from srnet_core.export.onnx import TOLERANCE
from srnet_core.geometry.camera import CameraRows, undistort
from srnet_core.models.pose_model import PoseModel
from srnet_core.normalization import ray
from srnet_core.skeletons import get_skeleton

_STEPS = 6  # of Newton's method for the lens: rounding in single precision for strong lenses too


class PixelsToMetres(torch.nn.Module):
    """A network with normalization `ray`, from pixels to metres.

    Args:
        model: in evaluation mode.
        mirror: for each joint the one on the other side.
        flip: average with the prediction for the mirror image.
    """

    def __init__(self, model: PoseModel, mirror: tuple[int, ...], flip: bool = True):
        super().__init__()
        self.model, self.flip = model, flip
        self.encode = _Encode(model.pad + model.causal_shift, model.pad - model.causal_shift, mirror, flip)
        self.decode = _Decode(mirror, flip)

    def forward(self, keypoints_px: Tensor, camera_matrix: Tensor, distortion: Tensor) -> Tensor:
        """Lift clips.

        Args:
            keypoints_px: (B, T, J, 2) pixels.
            camera_matrix: (B, 3, 3) with focal lengths and principal point in pixels, [[fx, 0, cx], [0, fy, cy], [0, 0,
                1]].
            distortion: (B, 5) coefficients of the lens (k1, k2, p1, p2, k3) as Human3.6M's model has them
                (`Camera.project`), zeros for none. OpenCV's radial terms are the same; its tangential ones differ a
                little, by thousandths of them.

        Returns:
            (B, T, J, 3) metres relative to the root, camera axes: x right, y down, z forward.
        """
        pose_2d, parameters = self.encode(keypoints_px, camera_matrix, distortion)
        poses: Tensor = self.decode(self.model(pose_2d, strided=False), parameters)
        return poses


class _Encode(torch.nn.Module):
    """Pixels -> padded input of the network, after it that for the mirror images, and the parameters to decode with."""

    mirror: Tensor
    sides: Tensor

    def __init__(self, before: int, after: int, mirror: tuple[int, ...], flip: bool):
        super().__init__()
        self.before, self.after, self.flip = before, after, flip
        self.register_buffer("mirror", torch.tensor(mirror), persistent=False)
        self.register_buffer("sides", torch.tensor([-1.0, 1.0]), persistent=False)

    def forward(self, keypoints_px: Tensor, camera_matrix: Tensor, distortion: Tensor) -> tuple[Tensor, Tensor]:
        pose_2d, parameters = ray.encode_rays(undistort(keypoints_px, _rows(camera_matrix, distortion), steps=_STEPS))
        padded = torch.cat([*[pose_2d[:, :1]] * self.before, pose_2d, *[pose_2d[:, -1:]] * self.after], dim=1)
        if self.flip:
            padded = torch.cat([padded, padded.index_select(2, self.mirror) * self.sides])
        return padded, parameters


class _Decode(torch.nn.Module):
    """Output of the network and parameters -> metres in the axes of the camera, averaged with the mirror image."""

    mirror: Tensor
    sides: Tensor

    def __init__(self, mirror: tuple[int, ...], flip: bool):
        super().__init__()
        self.flip = flip
        self.register_buffer("mirror", torch.tensor(mirror), persistent=False)
        self.register_buffer("sides", torch.tensor([-1.0, 1.0, 1.0]), persistent=False)

    def forward(self, outputs: Tensor, parameters: Tensor) -> Tensor:
        if self.flip:
            first, second = outputs.chunk(2)
            outputs = (first + second.index_select(2, self.mirror) * self.sides) / 2  # decoding is linear
        poses: Tensor = ray.decode(outputs, parameters)
        return poses


def _rows(camera_matrix: Tensor, distortion: Tensor) -> CameraRows:
    """One camera for each clip, broadcast over frames and joints."""
    focal = torch.stack([camera_matrix[:, 0, 0], camera_matrix[:, 1, 1]], dim=-1)
    k1, k2, p1, p2, k3 = (distortion[:, i] for i in range(5))
    columns = {
        "focal_length_px": focal,
        "center_px": camera_matrix[:, :2, 2],
        "radial_distortion": torch.stack([k1, k2, k3], dim=-1),
        "tangential_distortion": torch.stack([p1, p2], dim=-1),
    }
    rows: dict[str, Any] = {name: column[:, None, None] for name, column in columns.items()}
    return CameraRows(**rows, size_px=None, up=None)


def export_pixels(
    model: PoseModel, path: str | Path, *, metadata: Mapping[str, str] | None = None, flip: bool = True
) -> WrittenNetwork:
    """Write a network with normalization `ray` as ONNX, from pixels to metres; see `PixelsToMetres`.

    Raises:
        ConfigError: the metadata say that the network has another normalization, the skeleton is unknown, or the
            network predicts other joints than it sees.
        MissingExtraError: onnx or onnxruntime is not installed.
        SrnetError: onnxruntime's poses differ from torch's; nothing is written.
    """
    known = dict(metadata or {})
    if known.get("srnet.normalization", "ray") != "ray":
        raise ConfigError(
            f"pixels can go in where the normalization is ray, and this network has {known['srnet.normalization']}",
            where="--format onnx_pixels",
            todo="Use --format onnx, or train with --norm ray",
        )
    if model.num_joints_out != model.num_joints:
        raise ConfigError(
            "pixels can go in where the network predicts the joints that it sees, and this one predicts "
            f"{model.num_joints_out} of {model.num_joints}",
            where="--format onnx_pixels",
            todo="Use --format onnx",
        )
    require_extra("onnx", "onnx")
    runtime = require_extra("onnxruntime", "onnx")
    path, model = Path(path), model.cpu().eval()
    skeleton = model.skeleton or get_skeleton(model.config.skeleton)
    module = PixelsToMetres(model, skeleton.mirror, flip).eval()
    lengths = (1, 2, model.receptive_field + 1, 60)
    proto = _proto(module, str(path))
    with file_to_check(path) as temporary:
        save_proto(proto, temporary, known | _about(module))
        errors, scale = _compare(module, runtime, temporary, lengths)
        if max(errors) > TOLERANCE * max(1.0, scale):
            raise SrnetError(f"the exported network differs from torch by {max(errors):.2e} m", where=path)
    return WrittenNetwork(path, lengths, errors, scale, "onnxruntime")


def _proto(module: PixelsToMetres, where: str) -> Any:
    """The graph, put together of three: the newer exporter for the network, the older one for what is around it."""
    model = module.model
    example = _example(model, 2, model.receptive_field + 8)
    pose_2d, parameters = module.encode(**example)
    clip, more = ("batch", "frames"), ("clips and mirror images", "frames and padding")
    before = traced_proto(
        module.encode,
        example,
        ["input", "parameters"],
        {"keypoints_px": clip, "camera_matrix": clip[:1], "distortion": clip[:1], "input": more, "parameters": clip},
        where,
    )
    dynamic = {"x": {0: torch.export.Dim("batch"), 1: torch.export.Dim("frames", min=model.receptive_field + 1)}}
    network = onnx_proto(model, (pose_2d,), dynamic, inputs=["network_input"], outputs=["network_output"], where=where)
    with torch.no_grad():
        outputs = {"outputs": model(pose_2d, strided=False), "known": parameters}
    after = traced_proto(
        module.decode, outputs, ["poses"], {"outputs": (more[0], "frames"), "known": clip, "poses": clip}, where
    )
    whole = joined(before, _prefixed(network, "network/"), {"input": "network/network_input"})
    names = {"network/network_output": "after/outputs", "parameters": "after/known"}
    return _named(joined(whole, _prefixed(after, "after/"), names), {"after/poses": "poses"})


def _prefixed(proto: Any, prefix: str) -> Any:
    return require_extra("onnx.compose", "onnx").add_prefix(proto, prefix)


def _named(proto: Any, names: Mapping[str, str]) -> Any:
    """The graph with outputs of other names."""
    for node in proto.graph.node:
        node.output[:] = [names.get(name, name) for name in node.output]
    for output in proto.graph.output:
        output.name = names.get(output.name, output.name)
    return proto


def _example(model: PoseModel, batch: int, frames: int) -> dict[str, Tensor]:
    """People of random joints, in an image of 1000 x 1000."""
    random = torch.Generator().manual_seed(frames)
    return {
        "keypoints_px": torch.rand(batch, frames, model.num_joints, 2, generator=random) * 400 + 300,
        "camera_matrix": torch.tensor([[1100.0, 0, 510], [0, 1090, 490], [0, 0, 1]]).expand(batch, 3, 3).contiguous(),
        "distortion": torch.tensor([-0.2, 0.24, -0.001, -0.001, -0.003]).expand(batch, 5).contiguous(),
    }


def _compare(
    module: PixelsToMetres, runtime: Any, path: str, lengths: tuple[int, ...]
) -> tuple[tuple[float, ...], float]:
    """Largest absolute difference from torch at each length in metres, and the largest output."""
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    errors, scale = [], 0.0
    for batch, frames in enumerate(lengths, start=1):
        given = _example(module.model, batch, frames)
        with torch.no_grad():
            expected = module(**given).numpy()
        (actual,) = session.run(None, {name: value.numpy() for name, value in given.items()})
        if actual.shape != expected.shape:
            raise SrnetError(
                f"the exported network gives {actual.shape} where torch gives {expected.shape}", where=path
            )
        errors.append(float(np.abs(actual - expected).max()))
        scale = max(scale, float(np.abs(expected).max()))
    return tuple(errors), scale


def _about(module: PixelsToMetres) -> dict[str, str]:
    """Metadata that differ from those of the network alone."""
    joints, frames = module.model.num_joints, module.model.receptive_field
    pose = "last" if module.model.causal_shift else "middle"
    return {
        "srnet.precision": "float32",
        "srnet.tolerance": f"{TOLERANCE:g}",
        "srnet.input": (
            f"keypoints_px (batch, frames, {joints}, 2) pixels; camera_matrix (batch, 3, 3) [[fx, 0, cx], [0, fy, cy], "
            "[0, 0, 1]] in pixels; distortion (batch, 5) (k1, k2, p1, p2, k3), zeros for none; all float32"
        ),
        "srnet.encode": "none: it is part of the graph",
        "srnet.padding": "none: it is part of the graph",
        "srnet.pad_before": "0",
        "srnet.pad_after": "0",
        "srnet.shortest_input": "1 frame",
        "srnet.output": f"poses (batch, frames, {joints}, 3) metres, camera axes: x right, y down, z forward",
        "srnet.output_unit": "metres",
        "srnet.decode": "none: it is part of the graph",
        "srnet.flip": "averaged with the mirror image" if module.flip else "none",
        "srnet.live": f"give the last {frames} frames and take the {pose} pose",
    }


def write(model: PoseModel, path: Path, metadata: Mapping[str, str]) -> WrittenNetwork:
    """See `NetworkFormat`."""
    return export_pixels(model, path, metadata=metadata)


FORMAT = NetworkFormat((".pixels.onnx",), write, TOLERANCE)
