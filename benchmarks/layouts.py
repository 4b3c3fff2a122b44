"""How often the layout of 2D keypoints is told right by bones: motion capture seen from random sides, in every layout.

    python benchmarks/layouts.py FILE.npz [FILE.npz ...] --clips 150

Each file is a `data_3d_NAME.npz`; takes of other than 17 joints are left out. Eyes, ears, hands and feet, which the 17
do not have, are put where a body has them. Every joint gets 2 px of noise on a person of 350 px, and one in twenty is
missing.
"""

import argparse
from collections import Counter

import numpy as np

from srnet_core.layouts import all_layouts, get_layout, layouts_of_count
from srnet_core.layouts.geometry import decide
from srnet_core.readers.npz import read_npz

PX_PER_M, NOISE_PX, MISSING = 200, 2.0, 0.05


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-9)


def body_parts(pose_m: np.ndarray) -> dict[str, np.ndarray]:
    """{part: (T, 3)} of (T, 17, 3) poses."""
    found = {part: pose_m[:, i] for i, part in enumerate(get_layout("h36m17").parts)}
    to_left = unit(found["left_shoulder"] - found["right_shoulder"])
    up = unit(found["head_top"] - found["neck"])
    forward = np.cross(to_left, up)
    neck = found["head_top"] - found["neck"]
    found["head"] = found["neck"] + 0.55 * neck
    found["upper_neck"] = found["neck"] + 0.25 * neck
    found["nose"] = found["head"] + 0.1 * forward
    found["chest"] = (found["spine"] + found["neck"]) / 2
    for side, sign in (("left", 1), ("right", -1)):
        found[f"{side}_eye"] = found["nose"] + 0.035 * up + sign * 0.032 * to_left - 0.02 * forward
        found[f"{side}_ear"] = found["nose"] + 0.02 * up + sign * 0.075 * to_left - 0.11 * forward
        shank = unit(found[f"{side}_ankle"] - found[f"{side}_knee"])
        for name, down, ahead in (
            ("heel", 0.05, -0.05),
            ("big_toe", 0.07, 0.15),
            ("small_toe", 0.07, 0.12),
            ("foot", 0.07, 0.12),
        ):
            found[f"{side}_{name}"] = found[f"{side}_ankle"] + down * shank + ahead * forward
        forearm = unit(found[f"{side}_wrist"] - found[f"{side}_elbow"])
        for name, beyond in (("hand", 0.08), ("hand_tip", 0.16), ("thumb", 0.07)):
            found[f"{side}_{name}"] = found[f"{side}_wrist"] + beyond * forearm
    return found


def view(parts: dict[str, np.ndarray], layout, rng: np.random.Generator) -> np.ndarray:
    """(T, J, 2) px, seen from a random side."""
    angle = rng.uniform(0, 2 * np.pi)
    across = np.array([np.cos(angle), -np.sin(angle), 0])
    points = np.stack([parts.get(part, parts["nose"]) for part in layout.parts], axis=1)
    points = np.stack([points @ across, -points[..., 2]], axis=-1) * PX_PER_M
    points += rng.normal(0, NOISE_PX, points.shape)
    points[rng.random(points.shape[:2]) < MISSING] = np.nan
    return points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--clips", type=int, default=150, help="of each layout and length")
    arguments = parser.parse_args()
    takes = [
        pose.astype(np.float64)
        for file in arguments.files
        for subject in read_npz(file)["positions_3d"].values()
        for pose in subject.values()
        if pose.shape[1] == 17
    ]
    rng = np.random.default_rng(0)
    for frames in (1, 30):
        long_enough = [take for take in takes if len(take) >= frames]
        total: Counter[str] = Counter()
        for layout in all_layouts():
            if len(layouts_of_count(layout.num_joints)) == 1:
                continue
            found: Counter[str] = Counter()
            for _ in range(arguments.clips):
                take = long_enough[rng.integers(len(long_enough))]
                start = rng.integers(len(take) - frames + 1)
                points = view(body_parts(take[start : start + frames]), layout, rng)
                told, _ = decide(points, layouts_of_count(layout.num_joints))
                found["right" if told is layout else "asked" if told is None else f"wrong: {told.name}"] += 1
                total["right" if told is layout else "asked" if told is None else "wrong"] += 1
            print(f"{frames:3} frames  {layout.name:20} {dict(found)}")
        print(f"{frames:3} frames  all of {sum(total.values())}: {dict(total)}")


if __name__ == "__main__":
    main()
