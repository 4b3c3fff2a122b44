"""How long the rareness of 540,000 test poses against 310,000 training poses takes, and how far it is from all pairs.

    python -m benchmarks.rareness [--step-mm 5] [--exact] [--share 0.01] [--checks 200]

The poses walk at random, `--step-mm` from frame to frame. A share of the test poses that are compared is timed, as
processor time, and counted up to all. Some test poses are also compared with every training pose, pair by pair.
"""

import argparse
import time

import numpy as np
import torch

from srnet_core.evaluation import RARENESS
from srnet_core.evaluation.chains import between, knots, ways_m
from srnet_core.evaluation.rareness import KERNEL_M, NEAREST, TOLERANCE_M, TrainingPoses, rareness

JOINTS, CLIP_FRAMES = 17, 2000
BODY = {"body": range(JOINTS)}
_MEAN_LENGTH = 1.596  # of a vector of three standard normal numbers


def walks(frames: int, step_m: float, random: np.random.Generator) -> list[np.ndarray]:
    """Clips (T, J, 3): every joint walks at random within 0.5 m of its place in a pose of its clip."""
    found = []
    for _ in range(-(-frames // CLIP_FRAMES)):
        rest, steps = random.normal(0, 0.3, (JOINTS, 3)), random.normal(0, 1, (CLIP_FRAMES, JOINTS, 3))
        walked = np.cumsum(steps * step_m / _MEAN_LENGTH * JOINTS / (JOINTS - 1), 0)
        walked[:, 0] = 0  # the root, from which the others are measured
        clip = rest + np.abs((walked + 1.5) % 2 - 1) - 0.5  # turned back at 0.5 m
        found.append((clip - clip[:, :1]).astype(np.float32))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--test", type=int, default=540_000)
    parser.add_argument("--train", type=int, default=310_000)
    parser.add_argument("--step-mm", type=float, default=5.0)
    parser.add_argument("--exact", action="store_true")
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--checks", type=int, default=200)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    random, tolerance_m = np.random.default_rng(1), 0.0 if asked.exact else TOLERANCE_M
    train, test = (walks(count, asked.step_mm / 1000, random) for count in (asked.train, asked.test))
    started = time.process_time()
    poses = TrainingPoses.of_clips(train, BODY, tolerance_m)
    ways = [ways_m(clip, BODY) for clip in test]
    places = [knots(way, tolerance_m) for way in ways]
    gathered_s = time.process_time() - started
    compared = sum(map(len, places))
    print(f"training poses compared: {len(poses.poses_m):,} of {int(poses.weights.sum()):,}; test poses: {compared:,}")
    clips = max(1, round(asked.share * len(test)))
    values = []
    started = time.process_time()
    for clip, place, way in zip(test[:clips], places, ways):
        found = np.concatenate([block["body"] for block in rareness(clip[place], poses, BODY)])
        values.append(between(found, place, way))
    seconds = time.process_time() - started
    minutes = (gathered_s + seconds * compared / sum(map(len, places[:clips]))) / 60
    print(f"{clips} of {len(test)} clips in {seconds:.1f} s of a core; all: {minutes:.1f} minutes of a core")
    every, tested, computed = np.concatenate(train), np.concatenate(test[:clips]), np.concatenate(values)
    chosen = random.choice(len(tested), asked.checks, replace=False)
    errors = np.abs(computed[chosen] - [_directly(tested[n], every) for n in chosen])
    for number, name in enumerate(RARENESS):
        typical, worst = np.median(errors[:, number]), errors[:, number].max()
        print(f"{name}: error against all pairs {typical:.6f} in the median, {worst:.6f} at most")


def _directly(pose: np.ndarray, every: np.ndarray) -> tuple[float, float, float]:
    d = np.linalg.norm(every - pose, axis=-1).mean(-1, dtype=np.float64)
    return d.mean(), 1 - np.exp(-d / KERNEL_M).mean(), np.partition(d, NEAREST)[:NEAREST].mean()


if __name__ == "__main__":
    main()
