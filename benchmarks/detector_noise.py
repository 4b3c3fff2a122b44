"""Measure how far detected keypoints are off, and fit the settings of `--augment noise` to it: docs/augmentation.md.

    python -m benchmarks.detector_noise --pose2sim FOLDER

FOLDER is Pose2Sim's demo: `pose-associated/camNN_json` with OpenPose's keypoints, `pose2sim_camNN.npz` with MediaPipe's
landmarks for the same video, `pose-3d/*.trc` with the triangulation from four cameras, `Calib_*.toml`. The error of a
keypoint is its distance from the triangulated joint as its camera sees it, less the distance of the middle of the hips,
because networks see poses relative to the root. It is given in metres at the person's distance, and one metre is about
the length that `noise` scales with.

The triangulation is made from OpenPose's keypoints, so OpenPose's errors come out a little too small.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core.files import write_json
from srnet_core.geometry.camera import Camera
from srnet_core.keypoints import read_keypoints
from srnet_core.markdown import markdown_table
from srnet_core.readers.trc import read_trc
from srnet_core.virtual_cameras import read_rig

_OPENPOSE = {
    name: name
    for name in (
        *("RHip", "RKnee", "RAnkle", "LHip", "LKnee", "LAnkle"),
        *("Neck", "Head", "Nose", "RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist"),
    )
}
MEDIAPIPE = {"LHip": 23, "RHip": 24, "LKnee": 25, "RKnee": 26, "LAnkle": 27, "RAnkle": 28, "Nose": 0} | {
    **{"LShoulder": 11, "RShoulder": 12, "LElbow": 13, "RElbow": 14, "LWrist": 15, "RWrist": 16}
}
_LIMBS = (("Hip", "Knee", "Ankle"), ("Shoulder", "Elbow", "Wrist"))
_FAR = 4.0  # robust standard deviations from the usual error of its joint: an outlier
_LAGS = 8  # frames over which the correlation is fitted


@dataclass(frozen=True)
class Pairs:
    """Detections of one camera and where the joints are.

    Attributes:
        error_m: (T, J, 2) at the person's distance, relative to the middle of the hips; NaN where not detected.
        confidence: (T, J).
        swapped: share of frames, over arms and legs, in which left and right exchanged fit better.
    """

    name: str
    joints: tuple[str, ...]
    error_m: np.ndarray
    confidence: np.ndarray
    swapped: float
    fps: float


def triangulated_m(folder: Path) -> tuple[dict[str, np.ndarray], float]:
    """({joint: (T, 3) world metres}, frames per second) of the triangulation that is neither filtered nor augmented."""
    (trc,) = [p for p in (folder / "pose-3d").glob("*.trc") if "filt" not in p.name]
    true = read_trc(trc)
    # a TRC's (x, y, z) are (Y, Z, X) of the calibration
    positions = np.moveaxis(true.positions[..., [2, 0, 1]].astype(np.float64), 1, 0)
    return dict(zip(true.names, positions, strict=True)), float(true.fps or 60)


def demo_cameras(folder: Path) -> dict[str, Camera]:
    """The calibrated cameras by the names that the folders of keypoints have, e.g. "cam01"."""
    (calibration,) = folder.glob("Calib_*.toml")
    return {camera.id.replace("_", ""): camera for camera in read_rig(calibration).cameras}


def pairs(folder: Path) -> list[Pairs]:
    """One entry for each detector and camera."""
    world_m, _ = triangulated_m(folder)
    cameras = demo_cameras(folder)
    found = []
    for file in sorted(folder.glob("pose2sim_cam*.npz")):
        number = file.stem.rpartition("_")[2]
        with np.load(file) as own:
            size, fps, landmarks = tuple(int(n) for n in own["size"]), float(own["fps"]), own["px"]
        path = folder / "pose-associated" / f"{number}_json"
        keypoints = read_keypoints(path, layout="body25b", fps=fps, image_size=(size[0], size[1]))
        track, names = keypoints.tracks[0], keypoints.joint_names or ()
        there = [names.index(name) for name in _OPENPOSE.values()]
        detected = {
            "OpenPose": (tuple(_OPENPOSE), track.points[:, there], track.confidence[:, there]),
            "MediaPipe": (
                tuple(MEDIAPIPE),
                landmarks[:, list(MEDIAPIPE.values()), :2],
                landmarks[:, list(MEDIAPIPE.values()), 2],
            ),
        }
        for tool, (joints, points_px, confidence) in detected.items():
            found.append(_compared(f"{tool} {number}", joints, points_px, confidence, world_m, cameras[number], fps))
    return found


def _compared(
    name: str,
    joints: tuple[str, ...],
    points_px: np.ndarray,
    confidence: np.ndarray,
    world_m: dict[str, np.ndarray],
    camera: Camera,
    fps: float,
) -> Pairs:
    cam_m = camera.world_to_camera(np.stack([world_m[joint] for joint in joints], axis=1))  # (T, J, 3)
    frames = min(len(cam_m), len(points_px))
    cam_m, points_px = cam_m[:frames], points_px[:frames].astype(np.float64)
    metres_per_px = cam_m[..., 2:] / camera.focal_length_px[0]
    exact_px = camera.project(cam_m)
    error_m = (points_px - exact_px) * metres_per_px
    hips = [joints.index(side) for side in ("LHip", "RHip")]
    swapped = _swapped(joints, points_px, exact_px)
    return Pairs(name, joints, error_m - error_m[:, hips].mean(1, keepdims=True), confidence[:frames], swapped, fps)


def _swapped(joints: tuple[str, ...], points_px: np.ndarray, exact_px: np.ndarray) -> float:
    """Share of (frame, limb) in which both limbs exchanged are less than half as far off, all their joints together."""
    found = []
    for limb in _LIMBS:
        left, right = ([joints.index(side + part) for part in limb] for side in "LR")
        as_is, exchanged = (
            sum(
                np.linalg.norm(points_px[:, a] - exact_px[:, b], axis=-1).sum(1)
                for a, b in ((left, first), (right, second))
            )
            for first, second in ((left, right), (right, left))
        )
        found.append(exchanged < as_is / 2)
    return float(np.mean(found))


def fit(pair: Pairs) -> dict[str, float]:
    """The settings that make noise like this, and what else there is to know; lengths in metres."""
    error_m = pair.error_m
    offset_m = np.nanmedian(error_m, axis=0)  # (J, 2)
    moving_m = error_m - offset_m
    robust_m = 1.4826 * float(np.nanmedian(np.abs(moving_m)))
    with np.errstate(invalid="ignore"):
        far = np.abs(moving_m).max(-1) > _FAR * robust_m  # (T, J)
    near_m = np.where(far[..., None], np.nan, moving_m)
    total = float(np.nanmean(near_m**2))
    correlated, seconds = _correlated(near_m, total, pair.fps)
    missing = np.isnan(error_m[..., 0])
    known = ~missing
    return {
        "offset_sigma": float(np.sqrt(np.nanmean(offset_m**2))),
        "sigma": float(np.sqrt(correlated)),
        "correlation_s": seconds,
        "jitter_sigma": float(np.sqrt(max(total - correlated, 0.0))),
        "outlier_share": float(far[known].mean()),
        "outlier_sigma": float(np.sqrt(np.nanmean(moving_m[far] ** 2))) if far.any() else 0.0,
        "outlier_s": _mean_run(far) / pair.fps,
        "swap_share": pair.swapped,
        "missing_share": float(missing.mean()),
        "confidence_near": float(pair.confidence[known & ~far].mean()),
        "confidence_far": float(pair.confidence[far].mean()) if far.any() else float("nan"),
    }


def _correlated(moving_m: np.ndarray, total: float, fps: float) -> tuple[float, float]:
    """Variance of the part that is alike in neighbouring frames, and after how many seconds it is not any more.

    The covariance between frames falls as exp(-lag / tau); a line through its logarithm, weighted by the covariance,
    gives tau and the variance at lag zero, which is what of the total is not independent from frame to frame.
    """
    lags = np.arange(1, _LAGS + 1)
    covariance = np.array([np.nanmean(moving_m[lag:] * moving_m[:-lag]) for lag in lags])
    used = np.cumprod(covariance > 0.05 * total).astype(bool)
    if used.sum() < 2:
        return max(float(covariance[0]), 0.0), 1 / fps
    slope, height = np.polyfit(lags[used], np.log(covariance[used]), 1, w=covariance[used])
    slope = min(slope, -1 / (10 * _LAGS))
    return min(float(np.exp(height)), total), float(-1 / slope / fps)


def _mean_run(far: np.ndarray) -> float:
    """Mean number of frames for which a joint stays far off."""
    starts = (far & ~np.concatenate([np.zeros_like(far[:1]), far[:-1]])).sum()
    return float(far.sum() / max(starts, 1))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--pose2sim", type=Path, required=True, help="folder of Pose2Sim's demo with a triangulation")
    parser.add_argument("--json", type=Path, help="also write every number to this file")
    asked = parser.parse_args()
    fitted: dict[str, dict[str, Any]] = {pair.name: fit(pair) for pair in pairs(asked.pose2sim)}
    names = list(next(iter(fitted.values())))
    rows = [[name, *(f"{values[name]:.3f}" for values in fitted.values())] for name in names]
    print(markdown_table(["", *fitted], rows, right=range(1, len(fitted) + 1)))
    if asked.json:
        write_json(asked.json, fitted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
