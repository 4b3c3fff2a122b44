"""Metrics of 3D pose estimation, per frame, batched, on the device of the poses.

Functions take (N, J, 3) poses in millimetres, relative to the root, and give one number per frame, so that tables by
action, subject or camera are means over frames. For a metric that is defined over a clip (velocity), the mean of the
frame values is the published value. A frame without a value has NaN, so means over frames use `torch.nanmean`.

One rule for numbers that are not finite: `frame_metrics` rejects poses that contain any; in every other function a
frame with such a number, in the prediction or the true pose, has the value NaN, and other frames are not affected. One
rule for shapes: predicted and true poses have the same shape, nothing is broadcast; otherwise `ConfigError`.

Position errors, PCK and AUC are means over all joints, the root included, unless `frame_metrics` gets `joints`. Tables
of MPI-INF-3DHP count 14 joints without the root, `joints_3dhp(skeleton)`, which gives lower PCK and AUC, as the root is
always close to zero.

`frame_metrics`, `mpjpe`, `n_mpjpe`, `p_mpjpe`, `pck`, `auc` and `velocity_error` take NumPy arrays and nested lists
too; they give tensors.

`original=True` computes `angle_deg` and `symmetry_mm` as the published SRNet code does: means over a clip are taken
first, and predicted and true means are compared, so that errors of opposite sign cancel.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from srnet_core.errors import ArrayError, ConfigError, SrnetError
from srnet_core.evaluation import PCK_THRESHOLD_MM
from srnet_core.geometry.align import best_scale, procrustes, untilted
from srnet_core.geometry.arrays import joint_distance
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layouts.parts import parts_of, weights_of

METRICS = (
    "mpjpe_mm",
    "p_mpjpe_mm",
    "n_mpjpe_mm",
    "v_mpjpe_mm",
    "mpjve_mm",
    "pck150",
    "auc",
    "p_pck150",
    "p_auc",
    "angle_deg",
    "symmetry_mm",
)
AUC_STEP_MM = 5.0
AUC_THRESHOLDS = 31
# Counted in the evaluation script of MPI-INF-3DHP (Mehta et al., 3DV 2017), by their names in Human3.6M.
JOINTS_3DHP = (
    "Head",
    "Thorax",
    *(f"{side}{joint}" for joint in ("Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Foot") for side in "RL"),
)
# Frames at a time, in float64: 0.4 MB per array of 17 joints fit in the cache of a core; a GPU needs more frames.
_CHUNK_FRAMES, _CHUNK_FRAMES_GPU = 1 << 10, 1 << 16


def metric_names(pck_mm: float = PCK_THRESHOLD_MM) -> tuple[str, ...]:
    """`METRICS` with another threshold of PCK: "pck100" and "p_pck100" for 100 mm."""
    return tuple(name.replace("pck150", f"pck{pck_mm:.10g}") for name in METRICS)


# ---------------------------------------------------------------- positions


def mpjpe(predicted: Tensor | ArrayLike, target: Tensor | ArrayLike) -> Tensor:
    """Mean per-joint position error, "Protocol 1": (N, J, 3) twice -> (N,), in the unit of the poses."""
    return _by_frame(_mpjpe, predicted, target)


def _mpjpe(predicted: Tensor, target: Tensor) -> Tensor:
    errors: Tensor = joint_distance(predicted, target)
    return errors.mean(-1)


def n_mpjpe(predicted: Tensor | ArrayLike, target: Tensor | ArrayLike) -> Tensor:
    """MPJPE after the best scaling about the origin (Rhodin et al., CVPR 2018): (N, J, 3) twice -> (N,).

    A prediction of all zeros is not scaled; the published code gives NaN for it.
    """
    return _by_frame(_n_mpjpe, predicted, target)


def _n_mpjpe(predicted: Tensor, target: Tensor) -> Tensor:
    return _mpjpe(best_scale(predicted, target)[:, None, None] * predicted, target)


def p_mpjpe(predicted: Tensor | ArrayLike, target: Tensor | ArrayLike) -> Tensor:
    """MPJPE after the best similarity transform, "Protocol 2": (N, J, 3) twice -> (N,). See `geometry.align`."""
    return _by_frame(lambda p, t: _mpjpe(procrustes(p, t), t), predicted, target)


def v_mpjpe(predicted: Tensor | ArrayLike, target: Tensor | ArrayLike, up: Tensor) -> Tensor:
    """MPJPE after aligning the vertical, by the best turn about a horizontal axis through the root.

    Which way a person faces, the size and the pose itself stay as predicted. See `geometry.align.untilted`.

    Args:
        predicted, target: (N, J, 3), relative to the root.
        up: (3,) unit vector, the vertical in the axes of the poses.

    Returns:
        (N,), in the unit of the poses.
    """
    return _by_frame(lambda p, t: _mpjpe(untilted(p, t, up), t), predicted, target)


def pck(errors_mm: Tensor | ArrayLike, threshold_mm: float = PCK_THRESHOLD_MM) -> Tensor:
    """(..., J) joint errors -> (...), fraction (0 to 1) of joints below the threshold (Mehta et al., 3DV 2017)."""
    errors_mm = _numbers(errors_mm)
    passed = (errors_mm < threshold_mm).to(errors_mm.dtype).mean(-1)
    return passed.masked_fill(~errors_mm.isfinite().all(-1), torch.nan)


def auc(errors_mm: Tensor | ArrayLike) -> Tensor:
    """(..., J) joint errors -> (...), the mean of PCK over the thresholds 0, 5, ..., 150 mm (Mehta et al., 3DV 2017).

    As in the script of MPI-INF-3DHP, the 31 thresholds include 0, which no joint can pass, so the maximum is 30/31. All
    published AUC values are computed so.
    """
    errors_mm = _numbers(errors_mm)
    passed = AUC_THRESHOLDS - 1 - torch.floor(errors_mm / AUC_STEP_MM)  # thresholds k with error < 5 k
    mean = passed.clamp(min=0).mean(-1) / AUC_THRESHOLDS
    return mean.masked_fill(~errors_mm.isfinite().all(-1), torch.nan)


def joints_3dhp(skeleton: Skeleton) -> tuple[int, ...]:
    """Indices of the 14 joints that count in published tables of MPI-INF-3DHP, for `frame_metrics(joints=...)`.

    They are found by the words of their names: "LAnkle" and "left_foot" are the "LFoot" of Human3.6M where there is no
    other.

    Raises:
        ConfigError: the skeleton does not have them.
    """
    made = weights_of(parts_of(skeleton.joint_names))  # {joint of Human3.6M: {index: weight}}
    single = {name: next(iter(weights)) for name, weights in made.items() if len(weights) == 1}
    if missing := [name for name in JOINTS_3DHP if name not in single]:
        raise ConfigError(
            f"the skeleton {skeleton.name} has no joint {missing[0]}, one of the 14 of MPI-INF-3DHP",
            where="joints",
            todo="Name the joints to count",
        )
    return tuple(single[name] for name in JOINTS_3DHP)


def _numbers(values: Tensor | ArrayLike) -> Tensor:
    """A tensor of floating point numbers as it is; whole numbers and arrays of NumPy as one.

    Raises:
        ArrayError: what is given is no array of numbers.
    """
    try:
        tensor = torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArrayError(f"poses and errors must be arrays of numbers, not {type(values).__name__}: {error}") from error
    return tensor if tensor.is_floating_point() else tensor.double()


def _by_frame(function: Callable[..., Tensor], *given: Tensor | ArrayLike) -> Tensor:
    """`function` of poses (N, J, 3) -> (N,) or (N, ...), with NaN for frames in which a number is not finite.

    Raises:
        ConfigError: poses of another shape, or of different shapes.
    """
    poses = [_numbers(p) for p in given]
    first = poses[0]
    if first.ndim != 3 or first.shape[-1] != 3 or first.shape[1] == 0 or any(p.shape != first.shape for p in poses):
        shapes = " and ".join(str(tuple(p.shape)) for p in poses)
        raise ConfigError(f"poses must be (frames, joints, 3), predicted and true ones of the same shape, not {shapes}")
    usable = torch.stack([p.isfinite().flatten(1).all(-1) for p in poses]).all(0)  # (N,)
    values = function(*(torch.where(usable[:, None, None], p, 0.0) for p in poses))
    return values.masked_fill(~usable.reshape(-1, *[1] * (values.ndim - 1)), torch.nan)


# ---------------------------------------------------------------- clips


def velocity_error(predicted: Tensor | ArrayLike, target: Tensor | ArrayLike, clip_lengths: Iterable[int]) -> Tensor:
    """Mean per-joint velocity error, MPJVE (Pavllo et al., CVPR 2019): (N, J, 3) twice -> (N,), unit per frame.

    Frame t of a clip has the error of the motion from t - 1 to t; the first frame has the mean of its clip, so that a
    mean over frames weights clips by their length, as published. No velocity is measured across clips. A clip of one
    frame has no velocity: NaN.
    """
    predicted, target = _numbers(predicted), _numbers(target)
    _require_same_shape(predicted, target)
    clip = clip_index(clip_lengths, predicted)
    errors = _in_chunks(_velocity_errors, predicted[1:], target[1:], predicted[:-1], target[:-1])  # (N - 1,)
    inside = clip[1:] == clip[:-1]
    means = clip_means(errors[inside], clip[1:][inside], int(clip[-1]) + 1)
    values = means[clip]
    values[1:][inside] = errors[inside]
    return values


def _velocity_errors(predicted: Tensor, target: Tensor, predicted_before: Tensor, target_before: Tensor) -> Tensor:
    return mpjpe(predicted - predicted_before, target - target_before)


def clip_index(clip_lengths: Iterable[int], poses: Tensor) -> Tensor:
    """The index of the clip of each of the N frames of `poses`: (N,) int64.

    Raises:
        ConfigError: a length below 1, or lengths that do not add up to N.
    """
    lengths = torch.as_tensor([int(n) for n in clip_lengths], dtype=torch.int64)
    if len(lengths) == 0 or int(lengths.min()) < 1 or int(lengths.sum()) != len(poses):
        raise ConfigError(f"clip lengths {lengths.tolist()[:5]}... do not add up to {len(poses)} frames")
    return torch.repeat_interleave(lengths).to(poses.device)


def clip_means(values: Tensor, clip: Tensor, clips: int) -> Tensor:
    """Means of (N, ...) values by (N,) clip index -> (S, ...); NaN for a clip without values."""
    sums = values.new_zeros((clips, *values.shape[1:])).index_add_(0, clip, values)
    counts = torch.bincount(clip, minlength=clips).to(values.dtype)
    return sums / counts.reshape(-1, *[1] * (values.ndim - 1))


# ---------------------------------------------------------------- bones


def bone_angle_pairs(skeleton: Skeleton) -> tuple[tuple[int, int], ...]:
    """Pairs (bone, parent bone); a bone is identified by its child joint; J - 2 pairs.

    The parent of a bone at the root is the root's first bone, as in SRNet: for Human3.6M, the right hip for the left
    hip and the spine.
    """
    if not skeleton.bones:
        return ()
    first = skeleton.bones[0][1]
    return tuple((child, parent or first) for parent, child in skeleton.bones if child != first)


def bone_angles_deg(poses: Tensor, skeleton: Skeleton) -> Tensor:
    """(N, J, 3) -> (N, J - 2) angles between each bone and its parent bone; 90 where a bone has length zero."""
    _require_joints(poses, skeleton)
    return _by_frame(lambda p: _bone_angles_deg(p, skeleton), poses)


def _bone_angles_deg(poses: Tensor, skeleton: Skeleton) -> Tensor:
    a, b = _bone_vector_pairs(poses, skeleton)
    sine, cosine = torch.linalg.vector_norm(torch.linalg.cross(a, b), dim=-1), (a * b).sum(-1)
    # Near 0 and 180 degrees atan2 is exact, while the arc cosine loses half of its digits.
    angles = torch.rad2deg(torch.atan2(sine, cosine))
    return torch.where((sine == 0) & (cosine == 0), 90.0, angles)


def _bone_vector_pairs(poses: Tensor, skeleton: Skeleton) -> tuple[Tensor, Tensor]:
    parents = torch.as_tensor([max(p, 0) for p in skeleton.parents], device=poses.device)
    pairs = torch.as_tensor(bone_angle_pairs(skeleton), device=poses.device, dtype=torch.int64).reshape(-1, 2)
    axes = poses.movedim(-1, 0).contiguous()  # (3, N, J): sums over an innermost dimension of three are slow
    bones = axes - axes.index_select(2, parents)  # by child joint
    a, b = (bones.index_select(2, column).movedim(0, -1) for column in pairs.unbind(1))
    return a, b  # (N, J - 2, 3) each


def angle_errors_deg(predicted: Tensor, target: Tensor, skeleton: Skeleton) -> Tensor:
    """(N, J, 3) twice -> (N,): mean over bones of the absolute errors of their angles, frame by frame."""
    _require_same_shape(predicted, target)
    return (bone_angles_deg(predicted, skeleton) - bone_angles_deg(target, skeleton)).abs().mean(-1)


def side_lengths(poses: Tensor, skeleton: Skeleton) -> tuple[Tensor, Tensor]:
    """Lengths of the left and the right bones: (N, J, 3) -> (N, S) and (N, S), partners in the same column."""
    partners = [(left, right) for left, right in zip(skeleton.left_indices, skeleton.right_indices) if left and right]
    left, right = ([pair[side] for pair in partners] for side in (0, 1))
    return _bone_lengths(poses, skeleton, left), _bone_lengths(poses, skeleton, right)


def _bone_lengths(poses: Tensor, skeleton: Skeleton, children: Sequence[int]) -> Tensor:
    parents = [skeleton.parents[child] for child in children]
    lengths: Tensor = joint_distance(poses[:, children], poses[:, parents])
    return lengths


def symmetry(predicted: Tensor, skeleton: Skeleton) -> Tensor:
    """(N, J, 3) -> (N,): mean difference in length between left and right bones of the prediction, frame by frame."""
    _require_joints(predicted, skeleton)
    return _by_frame(lambda p: torch.sub(*side_lengths(p, skeleton)).abs().mean(-1), predicted)


# ---------------------------------------------------------------- as published


def original_bone_angles_deg(poses_mm: Tensor, skeleton: Skeleton) -> Tensor:
    """SRNet's `bone_angles_deg`: arc cosine with 1e-8 m^2 added to the denominator, 0.06 degrees if straight."""
    a, b = _bone_vector_pairs(poses_mm, skeleton)
    lengths = torch.linalg.vector_norm(a, dim=-1) * torch.linalg.vector_norm(b, dim=-1)
    return torch.rad2deg(torch.acos((a * b).sum(-1) / (lengths + 1e-2)))


def original_angle_errors_deg(
    predicted: Tensor, target: Tensor, skeleton: Skeleton, clip_lengths: Iterable[int]
) -> Tensor:
    """SRNet's angle error: |mean predicted angle - mean true angle| of each clip -> (S, J - 2)."""
    _require_same_shape(predicted, target)
    means = [_means(lambda p: original_bone_angles_deg(p, skeleton), p, clip_lengths) for p in (predicted, target)]
    return (means[0] - means[1]).abs()


def original_symmetry(predicted: Tensor, skeleton: Skeleton, clip_lengths: Iterable[int]) -> Tensor:
    """SRNet's bone symmetry: |mean left length - mean right length| of each clip -> (S, side bones)."""
    differences = _means(lambda p: torch.sub(*side_lengths(p, skeleton)), predicted, clip_lengths)
    return differences.abs()


def _means(function: Callable[[Tensor], Tensor], poses: Tensor, clip_lengths: Iterable[int]) -> Tensor:
    clip = clip_index(clip_lengths, poses)
    return clip_means(_in_chunks(function, poses), clip, int(clip[-1]) + 1)


# ---------------------------------------------------------------- all together


@torch.no_grad()
def frame_metrics(
    predicted_mm: Tensor | ArrayLike,
    target_mm: Tensor | ArrayLike,
    skeleton: Skeleton,
    clip_lengths: Iterable[int] | None = None,
    *,
    joints: Sequence[int] | None = None,
    original: bool = False,
    up: Tensor | None = None,
    pck_mm: float = PCK_THRESHOLD_MM,
) -> dict[str, Tensor]:
    """All `METRICS`, each (N,) float64 on the device of the poses; computed in float64.

    Args:
        predicted_mm, target_mm: (N, J, 3), clip by clip, frames in order.
        skeleton: of the J joints.
        clip_lengths: number of frames of each clip, N in total; one clip if `None`.
        joints: joints to compute position errors, PCK and AUC for (14 in 3DPW; `joints_3dhp`); all if `None`, the root
            included.
        original: compute `angle_deg` and `symmetry_mm` as the published SRNet code does.
        up: (3,) the vertical in the axes of the poses; `v_mpjpe_mm` is NaN if it is not known.
        pck_mm: threshold of PCK, which is part of its name, see `metric_names`; that of AUC stays 150 mm.

    Without left and right sides symmetry is NaN; with fewer than two bones angles are NaN.

    Raises:
        ConfigError: contradicting shapes, skeleton or lengths; no joints, a joint twice, or one that does not exist.
        SrnetError: poses that are not finite.
    """
    predicted_mm, target_mm = _numbers(predicted_mm), _numbers(target_mm)
    _check(predicted_mm, target_mm, skeleton)
    if joints is not None:
        _check_joints(joints, skeleton)
    lengths = [len(predicted_mm)] if clip_lengths is None else list(clip_lengths)
    chosen = (predicted_mm, target_mm) if joints is None else (predicted_mm[:, joints], target_mm[:, joints])
    values = dict(zip(_POSITION_METRICS, _in_chunks(partial(_positions, pck_mm=pck_mm), *chosen).unbind(-1)))
    if up is None:
        values["v_mpjpe_mm"] = torch.full_like(values["mpjpe_mm"], torch.nan)
    else:
        values["v_mpjpe_mm"] = _in_chunks(lambda p, t: v_mpjpe(p, t, up), *chosen)
    values["mpjve_mm"] = velocity_error(*chosen, lengths)
    if original:
        clip = clip_index(lengths, predicted_mm)
        angles = original_angle_errors_deg(predicted_mm, target_mm, skeleton, lengths).mean(-1)
        values["angle_deg"] = angles[clip]
        values["symmetry_mm"] = original_symmetry(predicted_mm, skeleton, lengths).mean(-1)[clip]
    else:
        values["angle_deg"] = _in_chunks(lambda p, t: angle_errors_deg(p, t, skeleton), predicted_mm, target_mm)
        values["symmetry_mm"] = _in_chunks(lambda p: symmetry(p, skeleton), predicted_mm)
    return {name: values[usual] for name, usual in zip(metric_names(pck_mm), METRICS)}


_POSITION_METRICS = ("mpjpe_mm", "p_mpjpe_mm", "n_mpjpe_mm", "pck150", "auc", "p_pck150", "p_auc")


def _positions(predicted: Tensor, target: Tensor, pck_mm: float) -> Tensor:
    """(N, J, 3) twice -> (N, 7), in the order of `_POSITION_METRICS`."""
    errors = joint_distance(predicted, target)
    aligned = joint_distance(procrustes(predicted, target), target)
    scaled = _n_mpjpe(predicted, target)
    close = pck(errors, pck_mm), auc(errors), pck(aligned, pck_mm), auc(aligned)
    columns = errors.mean(-1), aligned.mean(-1), scaled, *close
    return torch.stack(columns, -1)


def _in_chunks(function: Callable[..., Tensor], *poses: Tensor) -> Tensor:
    """`function` of (N, ...) tensors in float64, some frames at a time."""
    size = _CHUNK_FRAMES if poses[0].device.type == "cpu" else _CHUNK_FRAMES_GPU
    parts = zip(*(p.split(size) for p in poses))
    return torch.cat([function(*(p.double() for p in part)) for part in parts])


def _require_same_shape(predicted: Tensor, target: Tensor) -> None:
    if predicted.shape != target.shape:
        raise ConfigError(
            f"predicted poses have shape {tuple(predicted.shape)}, true ones {tuple(target.shape)}; must be the same"
        )


def _require_joints(poses: Tensor, skeleton: Skeleton) -> None:
    if poses.ndim != 3 or poses.shape[1] != skeleton.num_joints:
        raise ConfigError(
            f"poses have shape {tuple(poses.shape)}; skeleton {skeleton.name} needs (frames, {skeleton.num_joints}, 3)"
        )


def _check_joints(joints: Sequence[int], skeleton: Skeleton) -> None:
    if not len(joints) or len(set(joints)) < len(joints):
        raise ConfigError("must be at least one joint, and none twice", where="joints")
    wrong = [joint for joint in joints if not 0 <= joint < skeleton.num_joints]
    if wrong:
        raise ConfigError(
            f"there is no joint {wrong[0]}; {skeleton.name} has joints 0 to {skeleton.num_joints - 1}", where="joints"
        )


def _check(predicted: Tensor, target: Tensor, skeleton: Skeleton) -> None:
    if predicted.shape != target.shape or predicted.ndim != 3 or predicted.shape[1:] != (skeleton.num_joints, 3):
        raise ConfigError(
            f"predicted poses have shape {tuple(predicted.shape)}, true ones {tuple(target.shape)}; "
            f"skeleton {skeleton.name} needs (frames, {skeleton.num_joints}, 3)"
        )
    for what, poses in (("predicted", predicted), ("true", target)):
        bad = (~poses.isfinite()).flatten(1).any(-1)  # (N,)
        if bad.any():
            raise SrnetError(
                f"{what} poses are not finite in {int(bad.sum())} of {len(bad)} frames",
                where=f"frame {int(bad.nonzero()[0])}",
                todo="A diverged training run or a damaged checkpoint gives such poses",
            )
