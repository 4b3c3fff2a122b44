"""What the camera-free input owes to known intrinsics: errors of trained networks with other focal lengths than the true.

    python -m benchmarks.generalization --mocap FOLDER --trainings "camera 0" --networks srnet --seeds 1 --data ray,joints --keep
    python -m benchmarks.estimated_intrinsics output/generalization/runs/*.bin

Each network lifts the test clips of its own split with the camera as calibrated, with only the size of the image known,
and with focal lengths that are wrong by a factor. Every fifth frame, root at zero.
"""  # noqa: E501 - commands are not broken

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from srnet_core import datasets
from srnet_core.checkpoint import load_checkpoint
from srnet_core.clip import Clip
from srnet_core.evaluation.metrics import mpjpe, p_mpjpe
from srnet_core.geometry.camera import Camera
from srnet_core.inference.lifter import Lifter
from srnet_core.markdown import markdown_table
from srnet_core.protocols import split_clips

_EVERY = 5


def _times(factor: float) -> Callable[[Camera], dict[str, Any]]:
    def given(camera: Camera) -> dict[str, Any]:
        x, y = camera.focal_length_px
        return {"camera": replace(camera, focal_length_px=(x * factor, y * factor))}

    return given


INTRINSICS: dict[str, Callable[[Camera], dict[str, Any]]] = {
    "calibrated": lambda camera: {"camera": camera},
    "estimated from the image size": lambda camera: {"image_size": (camera.width_px, camera.height_px)},
    "focal length x 0.7": _times(0.7),
    "focal length x 1.4": _times(1.4),
}
"""What the lifter is told of a camera."""


def test_clips(checkpoint: Path) -> list[Clip]:
    """The test clips of the split that a network was trained with.

    Raises:
        SrnetError: the data set is not where it was.
    """
    record = load_checkpoint(checkpoint).record
    config = record.config.data if record.config is not None else None
    assert config is not None and config.dataset is not None, "checkpoints of this project tell their data set"
    folder = Path(config.data_dir or "data")
    dataset = datasets.load(config.dataset, datasets.locate(config.dataset, folder, config.keypoints, folder), "gt")
    clips = (dataset.clip(name) for name in split_clips(dataset, config).test)
    return [clip for clip in clips if clip.pose_3d_cam_m is not None]


def errors_mm(lifter: Lifter, clips: list[Clip], given: Callable[[Camera], dict[str, Any]]) -> tuple[float, float]:
    """MPJPE and P-MPJPE, the mean over frames."""
    errors: list[list[np.ndarray]] = [[], []]
    for clip in clips:
        points_px, pose_m = np.asarray(clip.pose_2d_px), np.asarray(clip.pose_3d_cam_m)
        if lifter.receptive_field == 1:
            poses = torch.from_numpy(lifter(points_px[::_EVERY], check="off", **given(clip.camera)))
        else:
            poses = torch.from_numpy(lifter(points_px, check="off", **given(clip.camera))[::_EVERY])
        true = torch.from_numpy((pose_m - pose_m[:, :1])[::_EVERY].astype(np.float32))
        errors[0].append(1000 * mpjpe(poses - poses[:, :1], true).numpy())
        errors[1].append(1000 * p_mpjpe(poses, true).numpy())
    own, aligned = (float(np.concatenate(column).mean()) for column in errors)
    return own, aligned


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("checkpoints", type=Path, nargs="+")
    asked = parser.parse_args()
    rows = []
    for path in asked.checkpoints:
        lifter, clips = Lifter.from_checkpoint(path), test_clips(path)
        if lifter.normalization.USES_ROOT_DEPTH:
            parser.error(f"{path}: this normalization needs the place of the person, not intrinsics")
        found = [errors_mm(lifter, clips, given) for given in INTRINSICS.values()]
        rows.append([path.stem, *(f"{own:.1f} / {aligned:.1f}" for own, aligned in found)])
    print(markdown_table(["network", *INTRINSICS], rows, right=range(1, 1 + len(INTRINSICS))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
