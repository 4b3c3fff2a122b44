"""Errors of the networks in the package by how the camera stands: elevation, focal length, shape of the image.

    python -m benchmarks.open_cameras --mocap FOLDER

People whom the networks were not trained on, one take of each of their actions (of these every ninth of HDM05, every
third of the two people left out), seen from four sides by virtual cameras that look at the middle of the take. The
distance is such that a person of 1.75 m fills 60 % of the image's height, with focal lengths from 0.7 to 3 image
widths. Every fifth frame, root at zero, exact keypoints.
"""

import argparse
import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.open_weights import HELD_OUT, lifted_m
from srnet_core import datasets
from srnet_core.evaluation.metrics import mpjpe, p_mpjpe
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.rotation import matrix_to_quaternion
from srnet_core.inference.lifter import Lifter
from srnet_core.markdown import markdown_table
from srnet_core.virtual_cameras import look_at
from srnet_core.weights import MEAN, NAMES

_SETS: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("hdm05", (), 9),
    ("cmu", HELD_OUT, 3),
    ("uiprmd_mini", HELD_OUT, 3),
)
"""Data set, people, and of how many actions the first take is measured."""
_EVERY = 5  # frames of a measured clip
_SIDES = 4
_HEIGHT_M, _FILLED = 1.75, 0.6
_NEAREST_M = 2.0


@dataclass(frozen=True)
class View:
    """How a camera stands.

    Attributes:
        elevation_deg: angle of its line of sight below the horizon; below 0 it looks up.
        focal_widths: focal length in image widths.
        size_px: width and height of the image.
    """

    elevation_deg: float = 0.0
    focal_widths: float = 1.0
    size_px: tuple[int, int] = (1920, 1080)

    @property
    def distance_m(self) -> float:
        """How far the camera is away, so that people are of one size in the image."""
        width, height = self.size_px
        return max(_NEAREST_M, self.focal_widths * width * _HEIGHT_M / (_FILLED * height))

    def camera(self, azimuth_rad: float, target_m: np.ndarray) -> Camera:
        """The camera that sees a point of the world (metres, z up) from a side."""
        elevation = np.radians(self.elevation_deg)
        level = np.array([np.cos(azimuth_rad), np.sin(azimuth_rad), 0.0])
        away = level * np.cos(elevation) + np.array([0.0, 0.0, np.sin(elevation)])
        place_m = target_m + self.distance_m * away
        width, height = self.size_px
        return Camera(
            id="virtual",
            width_px=width,
            height_px=height,
            focal_length_px=(self.focal_widths * width,) * 2,
            center_px=(width / 2, height / 2),
            orientation=tuple(matrix_to_quaternion(look_at(place_m, target_m))),
            translation_m=tuple(place_m),
        )


_PORTRAIT = (1080, 1920)
VIEWS = {
    **{f"elevation {e}°": View(elevation_deg=e) for e in (-20, 0, 20, 40, 60, 75)},
    **{f"focal length {f} image widths": View(15, f) for f in (0.7, 1.5, 3)},
    **{f"portrait, {f} image widths": View(15, f, _PORTRAIT) for f in (1, 1.8, 3)},
}


def clips_m(mocap: Path) -> Iterator[tuple[float, np.ndarray]]:
    """(frames per second, (T, J, 3) world metres) of some takes of people whom the networks were not trained on."""
    for name, subjects, every in _SETS:
        dataset = datasets.load(name, datasets.locate(name, mocap / name, "gt", mocap), "gt")
        takes: dict[tuple[str, str], Any] = {}
        for clip in dataset.clips(dataset.clip_names):
            if clip.pose_3d_cam_m is not None and (not subjects or clip.name.subject in subjects):
                takes.setdefault((clip.name.subject, clip.name.action), clip)
        for clip in itertools.islice(takes.values(), 0, None, every):
            yield dataset.fps, clip.camera.camera_to_world(np.asarray(clip.pose_3d_cam_m, np.float64))


def errors_mm(lifter: Lifter, view: View, clips: list[tuple[float, np.ndarray]]) -> tuple[float, float, float, float]:
    """Mean MPJPE and P-MPJPE with the camera known, then with only the size of the image known."""
    errors: list[list[np.ndarray]] = [[], [], [], []]
    for number, (fps, world_m) in enumerate(clips):
        low, high = world_m.min((0, 1)), world_m.max((0, 1))
        for side in range(_SIDES):
            azimuth = 2 * np.pi * (side + number / len(clips)) / _SIDES
            camera = view.camera(azimuth, (low + high) / 2)
            pose_m = camera.world_to_camera(world_m)
            pose_m[..., 2] += np.maximum(0, 0.5 - pose_m[..., 2].min())
            true = torch.from_numpy((pose_m - pose_m[:, :1])[::_EVERY].astype(np.float32))
            points_px = camera.project(pose_m).astype(np.float32)
            for column, given in ((0, {"camera": camera}), (2, {"image_size": view.size_px})):
                poses = torch.from_numpy(lifted_m(lifter, points_px, fps, **given)[::_EVERY])
                errors[column].append(1000 * mpjpe(poses - poses[:, :1], true).numpy())
                errors[column + 1].append(1000 * p_mpjpe(poses, true).numpy())
    known, known_aligned, size, size_aligned = (float(np.concatenate(column).mean()) for column in errors)
    return known, known_aligned, size, size_aligned


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--mocap", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--networks", default=",".join((*NAMES, MEAN)), help="names, or checkpoint files")
    asked = parser.parse_args()
    clips = list(clips_m(asked.mocap.resolve()))
    heads = ["network", "camera", "MPJPE, camera known", "P-MPJPE", "MPJPE, image size known", "P-MPJPE"]
    rows = []
    for name in asked.networks.split(","):
        lifter = Lifter.from_checkpoint(name) if Path(name).exists() else Lifter.open(name)
        for title, view in VIEWS.items():
            rows.append([name, title, *(f"{error:.1f}" for error in errors_mm(lifter, view, clips))])
            print(*rows[-1], sep="\t", file=sys.stderr, flush=True)
    print(markdown_table(heads, rows, right=range(2, 6)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
