"""What mistakes in 2D keypoints cost in millimetres, and how often they are told: the last table of docs/lift.md.

    python -m benchmarks.mistake_costs --mocap FOLDER [--clips 16] [--data hdm05]

The folder is that of `benchmarks.open_weights`. Clips of people whom no network of the package was trained on are put
into an image of 1920 x 1080, with noise of 0.7 % of the person's size, and lifted as they are and with each mistake.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

import srnet_core as srnet
from srnet_core import datasets
from srnet_core.keypoints import Keypoints, Track
from srnet_core.layouts import get_layout
from srnet_core.lifting.lift import warnings_of
from srnet_core.markdown import markdown_table
from srnet_core.weights import MEAN

_SHARES = {"cmu": 0.25, "hdm05": 0.5, "uiprmd_mini": 0.25}  # of the clips
PEOPLE = {"cmu": "C49", "uiprmd_mini": "U10"}  # only these were not trained on
_MOST_FRAMES = 200
_SIZE = (1920, 1080)
_NOISE = 0.007
_LAYOUT = get_layout("h36m17")
_AT = {name: joint for joint, name in enumerate(_LAYOUT.joints)}
_LEGS = [_AT[name] for name in ("Hip", "RHip", "RKnee", "RFoot", "LHip", "LKnee", "LFoot")]
_LEFT = [_AT[name] for name in ("LShoulder", "LElbow", "LWrist", "LHip", "LKnee", "LFoot")]

Wrong = tuple[np.ndarray, tuple[int, int]]


def clips(mocap: Path, count: int, shares: Mapping[str, float]) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """(T, 17, 2) keypoints in an image of 1920 x 1080, (T, 17, 3) metres relative to the root, and the frame rate."""
    for name, share in shares.items():
        subject = PEOPLE.get(name, "")
        dataset = datasets.load(name, datasets.locate(name, mocap / name, "gt", mocap), "gt")
        found = [clip for clip in dataset.clips(dataset.clip_names) if not subject or clip.name.subject == subject]
        for number in np.unique(np.linspace(0, len(found) - 1, max(1, round(share * count))).round().astype(int)):
            clip = found[number]
            assert clip.pose_3d_cam_m is not None
            joints_m = np.asarray(clip.pose_3d_cam_m, np.float64)[:_MOST_FRAMES]
            size = np.array([clip.camera.width_px, clip.camera.height_px])
            scale = min(_SIZE) / max(size)
            points = (
                np.asarray(clip.pose_2d_px, np.float64)[:_MOST_FRAMES] * scale + (np.array(_SIZE) - scale * size) / 2
            )
            yield points, joints_m - joints_m[:, :1], dataset.fps


def noisy(points: np.ndarray, rng: np.random.Generator, share: float = _NOISE) -> np.ndarray:
    """With independent normal noise, a share of the person's size."""
    size = np.median(np.ptp(points, axis=1).max(axis=-1))
    noise: np.ndarray = points + share * size * rng.normal(size=points.shape)
    return noise


def mistakes(points: np.ndarray, other: np.ndarray) -> dict[str, Wrong]:
    """{what is wrong: (keypoints with it, the image size that is said)}.

    Args:
        other: (T, 17, 2) of somebody else.
    """
    width, height = _SIZE
    size = np.array(_SIZE)
    frames = np.arange(len(points))
    mirror = np.arange(len(_AT))
    for left, right in _LAYOUT.mirror_pairs:
        mirror[[left, right]] = right, left
    box = (np.ptp(points, axis=1).max(axis=-1) * 1.2)[:, None, None]
    corner = (points.min(axis=1) + points.max(axis=1))[:, None] / 2 - box / 2
    person = np.median(box)
    return {
        "none": (points, _SIZE),
        "every frame twice": (points[frames // 2 * 2], _SIZE),
        "thousandths instead of pixels": (points / size * 1000, _SIZE),
        "x scaled by 0.5": (points * [0.5, 1], _SIZE),
        "y scaled by 0.5": (points * [1, 0.5], _SIZE),
        "legs of another person nearby": (_with(points, _LEGS, other), _SIZE),
        "legs of another person, 1 m away": (_with(points, _LEGS, np.add(other, [0.6 * person, 0])), _SIZE),
        "left half of another person nearby": (_with(points, _LEFT, other), _SIZE),
        "frames of two people in turns": (np.where((frames % 2)[:, None, None], other, points), _SIZE),
        "another person from the middle on": (
            np.where((frames >= len(frames) // 2)[:, None, None], other, points),
            _SIZE,
        ),
        "knees exchanged for a while": (_exchanged(points, ("Knee",), some=True), _SIZE),
        "wrists exchanged for a while": (_exchanged(points, ("Wrist",), some=True), _SIZE),
        "knees exchanged throughout": (_exchanged(points, ("Knee",)), _SIZE),
        "wrists exchanged throughout": (_exchanged(points, ("Wrist",)), _SIZE),
        "legs exchanged throughout": (_exchanged(points, ("Hip", "Knee", "Foot")), _SIZE),
        "left and right exchanged throughout": (points[:, mirror], _SIZE),
        "a wrist that never moves": (_with(points, [_AT["LWrist"]], np.repeat(points[:1], len(points), 0)), _SIZE),
        "a foot at 10, 10": (_with(points, [_AT["RFoot"]], np.full_like(points, 10)), _SIZE),
        "left wrist where the right one is": (_with(points, [_AT["LWrist"]], points[:, mirror]), _SIZE),
        "width and height of the image exchanged": (points, (height, width)),
        "image 1.3 times as large": (points, (round(width * 4 / 3), round(height * 4 / 3))),
        "image twice as large": (points, (2 * width, 2 * height)),
        "pixels of a box around the person": (points - corner, _SIZE),
        "pixels of a box of 256 x 256": ((points - corner) / box * 256, _SIZE),
        "picture cut to the person in each frame": ((points - corner) / box * 256, (256, 256)),
        "picture cut to where the person goes": (points - points.min(axis=(0, 1)) + 0.1 * person, _cut_size(points)),
        "pixels of 64 x 48": (points / size * [64, 48], _SIZE),
        "coordinates from -1 to 1": (points / size * 2 - 1, _SIZE),
        "y upwards from another origin": (np.stack([points[..., 0], 1.5 * height - points[..., 1]], axis=-1), _SIZE),
        "picture turned by 90 degrees": (np.stack([points[..., 1], width - points[..., 0]], axis=-1), (height, width)),
        "mirrored video": (np.array([width, 0]) + points[:, mirror] * [-1, 1], _SIZE),
    }


def _cut_size(points: np.ndarray) -> tuple[int, int]:
    """The size of a picture that was cut to all that the person does, with a margin."""
    margin = 0.2 * 1.2 * np.median(np.ptp(points, axis=1).max(axis=-1))
    width, height = np.ceil(np.ptp(points, axis=(0, 1)) + margin).astype(int).tolist()
    return width, height


def _with(points: np.ndarray, joints: list[int], other: np.ndarray) -> np.ndarray:
    changed = points.copy()
    changed[:, joints] = other[:, joints]
    return changed


def _exchanged(points: np.ndarray, kinds: tuple[str, ...], *, some: bool = False) -> np.ndarray:
    """Left and right of these joints exchanged, in a quarter of the frames or in all."""
    part = slice(len(points) // 3, len(points) // 3 + max(3, len(points) // 4)) if some else slice(None)
    changed = points.copy()
    for kind in kinds:
        left, right = _AT[f"L{kind}"], _AT[f"R{kind}"]
        changed[part, left], changed[part, right] = points[part, right], points[part, left]
    return changed


def as_keypoints(points: np.ndarray, size: tuple[int, int], fps: float) -> Keypoints:
    """(T, 17, 2) pixels as a recording of one person, of which nothing is missing."""
    count = points.shape[:2]
    nothing = np.zeros(count, bool)
    track = Track("1", points.astype(np.float32), np.ones(count, np.float32), nothing, nothing[:, 0])
    return Keypoints((track,), count[0], _LAYOUT, _LAYOUT.joints, "px", fps, size, {}, "motion capture", "array")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mocap", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--network", default=MEAN, help="network of the package")
    parser.add_argument("--data", choices=tuple(_SHARES), help="only people of this data set")
    asked = parser.parse_args()
    rng, lifter = np.random.default_rng(0), srnet.Lifter.open(asked.network, device="cpu")
    taken = list(clips(asked.mocap.resolve(), asked.clips, {asked.data: 1.0} if asked.data else _SHARES))
    found: dict[str, list[tuple[float, bool, bool]]] = {}
    for number, (exact, true_m, fps) in enumerate(taken):
        points = noisy(exact, rng)
        other = np.resize(taken[(7 * number + 3) % len(taken)][0], points.shape)
        for what, (wrong, size) in mistakes(points, other).items():
            wrong = wrong.astype(np.float32)
            poses_m = lifter(wrong, image_size=size, check="off").astype(np.float64)
            error_mm = 1000 * float(np.linalg.norm(poses_m - poses_m[:, :1] - true_m, axis=-1).mean())
            given = as_keypoints(wrong, size, fps)
            mended = given.mend_swaps()
            told = mended.notes != given.notes or bool(warnings_of(mended, lifter))
            found.setdefault(what, []).append((error_mm, told, bool(lifter.problems(wrong, image_size=size))))
        print(f"clip {number + 1} of {len(taken)}", file=sys.stderr, flush=True)
    rows = []
    print(f"{len(taken)} clips, {asked.network}")
    for what, values in found.items():
        error_mm, by_command, by_lifter = np.mean(values, axis=0)
        rows.append([what, f"{error_mm:.0f}", f"{by_command:.0%}", f"{by_lifter:.0%}"])
    print(markdown_table(["mistake", "error in mm", "told by srnet lift", "by Lifter"], rows, right=range(1, 4)))


if __name__ == "__main__":
    main()
