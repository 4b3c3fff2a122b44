"""Train on common poses and test on rare ones, with all subjects in both (the question of Zeng et al., ECCV 2020).

The rareness of a take is measured as `srnet eval --rareness nearest` measures that of a pose:

    d         mean over the joints of the distance between two poses, root-relative and in camera axes, in metres
    pose      mean of its `NEAREST` smallest d to poses of other takes
    take      mean over its poses, as all its cameras see them

The rarest takes that together have the share `rare_share` of the frames are for test, all others for training. A take
is never divided, as neighbouring frames show nearly the same pose. Of each take a few frames at equal distances are
compared.
"""

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from srnet_core.clip import ClipName, PoseDataset
from srnet_core.config import DataConfig
from srnet_core.errors import ConfigError
from srnet_core.protocols import ProtocolPlugin, Split, keep, known_cameras, known_subjects

NEAREST = 10
POSES_PER_VIEW = 16
MOST_POSES = 16384  # compared in all; more takes have fewer poses each
_BLOCK = 256

Take = tuple[str, str]


def select(dataset: PoseDataset, config: DataConfig) -> Split:
    """Clips of the common takes for training, clips of the rare takes for test.

    `--subjects-train`, `--subjects-test`, `--train-camera` and `--test-camera` choose among them; what is rare does not
    depend on these options.

    Raises:
        ConfigError: there are fewer than two takes.
    """
    clips = keep(dataset, config)
    rareness_m = take_rareness_m(dataset, clips)
    if len(rareness_m) < 2:
        raise ConfigError("at least two takes are needed: common ones and rare ones", where="--protocol rare-pose")
    rare = _rarest(clips, rareness_m, config.rare_share)
    sides = {"train": [c for c in clips if _take(c) not in rare], "test": [c for c in clips if _take(c) in rare]}
    train = _chosen(
        sides["train"],
        known_subjects(dataset, config.subjects_train, "--subjects-train"),
        known_cameras(dataset, config.train_cameras, "--train-camera"),
    )
    test = _chosen(
        sides["test"],
        known_subjects(dataset, config.subjects_test, "--subjects-test"),
        known_cameras(dataset, config.test_cameras, "--test-camera"),
    )
    all_tested = len(test) == len(sides["test"])
    what = "the test takes are the" if all_tested else "the test takes are among the"
    bound_mm = 1000 * min(rareness_m[take] for take in rare)
    share = sum(c.frames for c in sides["test"]) / sum(c.frames for c in clips)
    rule = (
        f"rare-pose: {what} {len(rare)} rarest of {len(rareness_m)}, with {100 * share:.0f} % of the "
        f"frames; their poses are on average {bound_mm:.0f} mm or more from the {NEAREST} nearest poses of other takes."
    )
    if all_tested:
        return Split(train, test, (rule,))
    takes = len({_take(c) for c in test})
    chosen = (
        f"Of these takes {takes} {'is' if takes == 1 else 'are'} tested, in the cameras and with the people asked for."
    )
    return Split(train, test, (rule, chosen))


def _take(clip: ClipName) -> Take:
    return clip.subject, clip.take


def _chosen(clips: Sequence[ClipName], subjects: Sequence[str], cameras: Sequence[int]) -> tuple[ClipName, ...]:
    return tuple(c for c in clips if (not subjects or c.subject in subjects) and (not cameras or c.camera in cameras))


def _rarest(clips: Sequence[ClipName], rareness_m: dict[Take, float], share: float) -> set[Take]:
    """The rarest takes, as many as have `share` of the frames or more; at least one take is left out."""
    frames = dict.fromkeys(rareness_m, 0)
    for clip in clips:
        frames[_take(clip)] += clip.frames
    wanted, found, counted = share * sum(frames.values()), set[Take](), 0
    for take in sorted(rareness_m, key=lambda take: -rareness_m[take])[: len(rareness_m) - 1]:
        if found and counted >= wanted:
            break
        found.add(take)
        counted += frames[take]
    return found


def take_rareness_m(dataset: PoseDataset, clips: Sequence[ClipName]) -> dict[Take, float]:
    """The rareness in metres of each take among the takes of `clips`; 0 where there is no other take."""
    per_view = max(1, min(POSES_PER_VIEW, MOST_POSES // max(1, len(clips))))
    by_take = {take: list(of_take) for take, of_take in groupby(clips, key=_take)}
    poses_m = [
        np.concatenate([_some_poses_m(dataset, clip, per_view) for clip in of_take]) for of_take in by_take.values()
    ]
    if not poses_m:
        return {}
    number = np.repeat(np.arange(len(poses_m)), [len(poses) for poses in poses_m])
    rareness_m = _nearest_m(np.concatenate(poses_m), number)
    means = np.bincount(number, rareness_m) / np.bincount(number)
    return dict(zip(by_take, means.tolist()))


def _some_poses_m(dataset: PoseDataset, clip: ClipName, most: int) -> np.ndarray:
    """(n, J, 3) poses of a clip at equal distances in time, root-relative, in camera axes."""
    rows = np.unique(np.linspace(0, clip.frames - 1, min(most, clip.frames)).round().astype(int)) + clip.first_frame
    world_m = dataset.positions_3d_world_m[clip.subject][clip.take][rows]
    cam_m = dataset.cameras[clip.subject][clip.camera].world_to_camera(world_m)
    relative: np.ndarray = (cam_m - cam_m[:, :1]).astype(np.float32)
    return relative


def _nearest_m(poses_m: np.ndarray, take: np.ndarray) -> np.ndarray:
    """(N, J, 3) poses with the (N,) number of their take -> (N,) mean of the smallest d to poses of other takes."""
    places = poses_m.transpose(1, 0, 2)  # (J, N, 3)
    squares = (places**2).sum(-1)  # (J, N)
    found = np.zeros(len(poses_m))
    for start in range(0, len(poses_m), _BLOCK):
        rows = slice(start, start + _BLOCK)
        d = np.zeros((len(take[rows]), len(take)), np.float32)
        for place, square in zip(places, squares):
            apart = square[rows, None] + square - 2 * (place[rows] @ place.T)
            d += np.sqrt(np.maximum(apart, 0))
        d /= len(places)
        d[take[rows, None] == take] = np.inf
        smallest = np.sort(np.partition(d, min(NEAREST, len(take)) - 1, axis=1)[:, :NEAREST], axis=1)
        known = np.isfinite(smallest)
        found[rows] = np.where(known, smallest, 0).sum(1) / np.maximum(known.sum(1), 1)
    return found


PROTOCOL = ProtocolPlugin(select, takes_rare_share=True, everyone=True)
