"""Draws docs/images/augmentation.png: synthetic people before and after each step of augmentation, to be looked at.

    python docs/make_augmentation.py
    python docs/make_augmentation.py --dataset NAME --data-dir DIR --out sheet.png --columns 16   # other poses

Each column is one pose. The first row is the pose as it was recorded, the others what a step makes of it, each as the
camera sees it, scaled to the cell; below it, smaller, from the side. Right limbs are red, left ones blue. Needs Pillow.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from srnet_core import datasets, normalization
from srnet_core.augment.composition import Augmentation
from srnet_core.clip import PoseDataset
from srnet_core.config.augment import AnglesConfig, AugmentConfig, PartsConfig
from srnet_core.skeletons import get_skeleton

PAGE = Path(__file__).resolve().parent / "images" / "augmentation.png"
ROWS = (
    ("as recorded", ()),
    ("view", ("view",)),
    ("angles", ("angles",)),
    ("parts", ("parts",)),
    ("bones", ("bones",)),
    ("joints", ("joints",)),
    ("all", ("parts", "angles", "bones", "place", "view")),
)
CELL_PX, LABEL_PX, SCALE = 120, 64, 2  # drawn twice as large, then made smaller: smooth lines
RIGHT, LEFT, MIDDLE, GROUND = (200, 60, 50), (50, 90, 190), (70, 70, 70), (255, 255, 255)


def poses_of(dataset: PoseDataset, count: int, seed: int) -> tuple[torch.Tensor, list]:
    """(3, J, B, 1) camera metres of frames spread over all takes, and their cameras."""
    random = np.random.default_rng(seed)
    names = [dataset.clip_names[i] for i in random.permutation(len(dataset.clip_names))[:count]]
    clips = list(dataset.clips(names))
    poses = np.stack([clip.pose_3d_cam_m[random.integers(len(clip.pose_3d_cam_m))] for clip in clips])
    return torch.from_numpy(poses).float().permute(2, 1, 0)[..., None].contiguous(), [clip.camera for clip in clips]


def augmented(positions: torch.Tensor, cameras: list, steps: tuple[str, ...], seed: int) -> torch.Tensor:
    """(B, J, 3) root-relative metres as the camera sees them; every pose is changed, not only a share."""
    config = AugmentConfig(use=steps, angles=AnglesConfig(share=1.0), parts=PartsConfig(share=1.0))
    plugin = normalization.load("base")
    skeleton = get_skeleton("h36m17")
    make = Augmentation(config, skeleton, cameras, plugin, fps=50, past=0, stride=1, device=torch.device("cpu"))
    batch = make(positions.clone(), torch.arange(len(cameras)), None, seed)
    return batch.pose_3d[:, 0]


def draw_pose(draw: ImageDraw.ImageDraw, pose: np.ndarray, box: tuple[float, float, float], width: int) -> None:
    """(J, 2) metres, y down, into a square (left, top, side) that is 2.2 m wide."""
    skeleton = get_skeleton("h36m17")
    left, top, side = box
    middle = (pose.max(0) + pose.min(0)) / 2
    points = (pose - middle) / 2.2 * side + (left + side / 2, top + side / 2)
    sides = dict.fromkeys(skeleton.right_indices, RIGHT) | dict.fromkeys(skeleton.left_indices, LEFT)
    for parent, child in skeleton.bones:
        draw.line([*points[parent], *points[child]], fill=sides.get(child, MIDDLE), width=width)
    x, y = points[skeleton.index("Head")]
    draw.ellipse([x - 2.5 * width, y - 2.5 * width, x + 2.5 * width, y + 2.5 * width], outline=MIDDLE, width=width)


def sheet(dataset: PoseDataset, columns: int, seed: int) -> Image.Image:
    positions, cameras = poses_of(dataset, columns, seed)
    cell, label = CELL_PX * SCALE, LABEL_PX * SCALE
    height = round(1.7 * cell)
    image = Image.new("RGB", (label + columns * cell, len(ROWS) * height), GROUND)
    draw = ImageDraw.Draw(image)
    for row, (name, steps) in enumerate(ROWS):
        draw.text((8, row * height + cell // 2), name, fill=MIDDLE, font_size=12 * SCALE)
        for column, pose in enumerate(augmented(positions, cameras, steps, seed).numpy()):
            left, top = label + column * cell, row * height
            draw_pose(draw, pose[:, :2], (left, top, cell), 2 * SCALE)
            draw_pose(draw, pose[:, [2, 1]], (left + 0.15 * cell, top + cell, 0.7 * cell), SCALE)
    return image.resize((image.width // SCALE, image.height // SCALE), Image.Resampling.LANCZOS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="synthetic")
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--cache-dir", default="cache")
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--out", type=Path, default=PAGE)
    asked = parser.parse_args()
    paths = datasets.locate(asked.dataset, asked.data_dir, "gt", asked.cache_dir)
    picture = sheet(datasets.load(asked.dataset, paths, "gt"), asked.columns, asked.seed)
    picture.quantize(64).save(asked.out, optimize=True)


if __name__ == "__main__":
    main()
