"""What the user of an exported network has to know, as text values for the metadata of the file.

Lists are JSON. Keys and meaning are documented in docs/inference.md.
"""

import json

from srnet_core import normalization as normalizations
from srnet_core.checkpoint import Checkpoint
from srnet_core.checkpoint.published import OTHER_JOINTS
from srnet_core.config import to_dict
from srnet_core.export import ROOT_NOTE
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.inference.other_joints import seen_and_predicted
from srnet_core.models.backbone import TemporalBackbone
from srnet_core.models.pose_model import PoseModel

_HOW_TO_ENCODE = {
    "base": "x = 2 * x_px / width_px - 1; y = 2 * y_px / width_px - height_px / width_px",
    "lcn": "x = 2 * x_px / w - 1; y = 2 * y_px / w - h / w; w and h are twice the principal point, rounded down",
    "proj": "(x, y) = (keypoint_px - root_px) * root_depth_m / fx_px",
    "weak_proj": "(x, y) = (keypoint_px - root_px) * root_depth_m / fx_px",
    "ray": (
        "undistorted rays ((x_px - cx_px) / fx_px, (y_px - cy_px) / fy_px, 1) of all joints, rotated by the smallest "
        "rotation R that takes the ray of the root onto (0, 0, 1); x / z and y / z of the rotated rays; divided by the "
        "mean length of (x, y) over all joints but the root"
    ),
}
_HOW_TO_DECODE = {
    "base": "none: the output is in metres",
    "lcn": (
        "x_px = (x + 1) * w / 2; y_px = (y + h / w) * w / 2; "
        "Z = root_depth_m + z / (fx_px / (1000 * root_depth_m) + 1); "
        "X = (x_px - cx_px) / fx_px * Z; Y = (y_px - cy_px) / fy_px * Z; subtract the root joint"
    ),
    "proj": (
        "(x_px, y_px) = (x, y) * fx_px / root_depth_m + root_px; Z = root_depth_m + z; X = (x_px - cx_px) / fx_px * Z; "
        "Y = (y_px - cy_px) / fy_px * Z; subtract the root joint"
    ),
    "weak_proj": "divide y by fy_px / fx_px; subtract the root joint",
    "ray": "multiply each joint by the inverse (transpose) of the rotation R of its frame",
}


def network_metadata(checkpoint: Checkpoint, *, source: str, fps: float | None = None) -> dict[str, str]:
    """The metadata of an exported network.

    Args:
        source: name of the checkpoint file.
        fps: frame rate of the training data; by default what the checkpoint tells.

    Raises:
        UnknownNameError: the normalization of the checkpoint is not installed.
    """
    record, model = checkpoint.record, checkpoint.model
    seen = predicted = checkpoint.skeleton
    if (model.num_joints, model.num_joints_out) in OTHER_JOINTS:
        seen, predicted = seen_and_predicted(checkpoint)
    name = record.config.data.normalization if record.config else "base"
    fps = record.fps if fps is None else fps
    plugin = normalizations.load(name)
    before, after = model.pad + model.causal_shift, model.pad - model.causal_shift
    frames, joints = model.receptive_field, model.num_joints
    return {
        "srnet.model": json.dumps(to_dict(checkpoint.model_config)),
        "srnet.source": source,
        "srnet.trained_on": (record.dataset or "unknown") + (" (synthetic)" if record.synthetic else ""),
        "srnet.fps": "unknown" if fps is None else f"{fps:g}",
        **_joints(predicted),
        **({"srnet.joints_seen": json.dumps(seen.joint_names)} if seen is not predicted else {}),
        "srnet.receptive_field": str(frames),
        "srnet.pad_before": str(before),
        "srnet.pad_after": str(after),
        "srnet.padding": (
            f"repeat the first frame {before} times before the clip and the last frame {after} times after it, for as "
            "many output frames as input frames"
        ),
        "srnet.shortest_input": (
            f"{frames} frames; the file cannot refuse fewer, and some runtimes then return invented frames instead of "
            "an error"
        ),
        "srnet.normalization": name,
        "srnet.input": f"keypoints, (batch, frames, {joints}, 2) float32, pixels converted as srnet.encode says",
        "srnet.encode": _HOW_TO_ENCODE.get(name, f"as the normalization {name} does"),
        "srnet.output": (
            f"poses, (batch, frames - {frames - 1}, {model.num_joints_out}, 3) float32, converted to metres as "
            "srnet.decode says; camera axes: x right, y down, z forward"
        ),
        "srnet.output_unit": plugin.TARGET_UNIT,
        "srnet.decode": _HOW_TO_DECODE.get(name, f"as the normalization {name} does"),
        "srnet.root": ROOT_NOTE,
        **({"srnet.clips": clips} if (clips := how_clips_are_computed(model)) else {}),
    }


def how_clips_are_computed(model: PoseModel) -> str:
    """What the published code does otherwise with whole clips, or does alike; empty where there is one way only."""
    if not isinstance(model, TemporalBackbone) or not model.depends_on_window:
        return ""
    if model.config.as_published:
        return "computed as the published evaluation does: an output depends on the length of the clip"
    return (
        "every output is computed from its own window, as in training; the published program evaluates whole clips "
        "otherwise, and has other errors with these weights: --compat original for its numbers"
    )


def _joints(skeleton: Skeleton) -> dict[str, str]:
    """The joints of the poses."""
    return {
        "srnet.skeleton": skeleton.name,
        "srnet.joints": json.dumps(skeleton.joint_names),
        "srnet.parents": json.dumps(skeleton.parents),
        "srnet.mirror": json.dumps(skeleton.mirror),
    }
