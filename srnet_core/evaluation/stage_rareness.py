"""The rareness of the test poses of a stage, computed once and kept in the cache folder.

    CACHE/rareness/KEY.npz    one array (N, 3) float32 for the body and each part, N test frames in the stage's order

A computation that is interrupted goes on where it last saved.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from srnet_core.errors import ConfigError, SrnetError
from srnet_core.evaluation import RARENESS
from srnet_core.evaluation.chains import between, knots, ways_m
from srnet_core.evaluation.predict import decode_targets
from srnet_core.evaluation.rareness import KERNEL_M, NEAREST, TOLERANCE_M, TrainingPoses, rareness
from srnet_core.files import atomic_write, require_folder
from srnet_core.geometry.limbs import limbs
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.readers.npz import read_npz
from srnet_core.stages.place import local_folder
from srnet_core.stages.store import Stage, StoredClip

BODY = "body"
DECILES = 10
_FOLDER = "rareness"
_SAVED_EVERY_S = 20.0

Progress = Callable[[str, int, int], None]
"""Called as progress(step, done, total)."""


@dataclass(frozen=True)
class StageRareness:
    """Rareness of every test frame of a stage.

    Attributes:
        values: {"body" or part: (N, 3)}, N test frames, the columns as in `evaluation.RARENESS`.
        first: number of the first test frame in the stage's arrays.
    """

    values: Mapping[str, np.ndarray]
    first: int

    def ranks(self, clip: StoredClip, measure: str, part: str = BODY) -> np.ndarray:
        """(T,) the share of the test frames that are less rare than each frame of a clip, from 0 to below 1."""
        start = clip.start - self.first
        return self._ranks(measure, part)[start : start + clip.length]

    def deciles(self, clip: StoredClip, measure: str, rarest_share: float = 1.0, part: str = BODY) -> torch.Tensor:
        """(T,) tenth of the test frames that each frame of a clip is in, 0: the least rare; -1 where it is not among
        the rarest."""
        ranks, total = self.ranks(clip, measure, part), len(self.values[part])
        counted = ranks >= (total - max(1, round(rarest_share * total))) / total
        return torch.from_numpy(np.where(counted, (ranks * DECILES).astype(np.int64), -1))

    def _ranks(self, measure: str, part: str) -> np.ndarray:
        if (measure, part) not in self._ranked:
            values = self.values[part][:, RARENESS.index(measure)]
            ranks = np.empty(len(values))
            ranks[np.argsort(values, kind="stable")] = np.arange(len(values)) / len(values)
            self._ranked[measure, part] = ranks
        return self._ranked[measure, part]

    @cached_property
    def _ranked(self) -> dict[tuple[str, str], np.ndarray]:
        return {}


def stage_rareness(
    stage: Stage,
    cache_dir: str | Path,
    progress: Progress = lambda *_: None,
    *,
    limbs_too: bool = False,
    tolerance_m: float = TOLERANCE_M,
) -> StageRareness:
    """Find the rareness of a stage's test poses in the cache, or compute it.

    Args:
        limbs_too: also of trunk and limbs, which takes about four times as long.
        tolerance_m: the most that mean and nearest may differ from those of all pairs of poses; 0: all pairs are
            computed. Kernel differs by at most this over 0.5 m.

    Raises:
        ConfigError: the stage has no training poses.
        StageError: the stage is damaged.
    """
    if not stage.split("train"):
        raise ConfigError(
            "rareness is measured against the training poses, and this protocol has none",
            where=f"--protocol {stage.manifest['config']['protocol'].replace('_', '-')}",
            todo="Choose the protocol that the network was trained with",
        )
    first, end = stage.frames("test")
    parts = _parts(stage.skeleton) if limbs_too else {BODY: tuple(range(stage.skeleton.num_joints))}
    path = local_folder(cache_dir) / _FOLDER / f"{_key(stage, parts, tolerance_m)}.npz"
    done = _read(path, parts, end - first)
    if len(done[BODY]) < end - first:
        require_folder(path.parent)
        progress("reading training poses", 0, 1)
        train = TrainingPoses.of_clips(_clips_m(stage, "train"), parts, tolerance_m)
        progress("reading training poses", 1, 1)
        test = _TestFrames.of_clips(_clips_m(stage, "test"), parts, tolerance_m)
        saved_at = time.monotonic()
        blocks, done = test.go_on(done)
        for block in rareness(test.poses_m[len(blocks[0][BODY]) :], train, parts):
            blocks.append(block)
            count = sum(len(part[BODY]) for part in blocks)
            progress("rareness", int(test.places[count - 1]) + 1, end - first)
            if count == len(test.places) or time.monotonic() - saved_at > _SAVED_EVERY_S:
                blocks, saved_at = [_joined(blocks)], time.monotonic()
                done = test.frames(blocks[0])
                arrays: dict[str, Any] = done
                with atomic_write(path) as file:
                    np.savez(file, **arrays)
    return StageRareness(done, first)


def _clips_m(stage: Stage, split: str) -> Iterator[np.ndarray]:
    return (decode_targets(stage, clip).numpy() for clip in stage.split(split))


@dataclass(frozen=True)
class _TestFrames:
    """The test frames, as few of them as are compared.

    Attributes:
        poses_m: (K, J, 3) of the frames that are compared.
        places: (K,) their numbers among all test frames.
        ways: (N,) of all test frames, the clips one after the other.
    """

    poses_m: np.ndarray
    places: np.ndarray
    ways: np.ndarray

    @classmethod
    def of_clips(
        cls, clips_m: Iterable[np.ndarray], parts: Mapping[str, Sequence[int]], tolerance_m: float
    ) -> "_TestFrames":
        poses, places, ways, count = [], [], [], 0
        for clip_m in clips_m:
            way = ways_m(clip_m, parts)
            chosen = knots(way, tolerance_m)
            poses.append(clip_m[chosen].astype(np.float32))
            places.append(count + chosen)
            ways.append(way)
            count += len(clip_m)
        return cls(np.concatenate(poses), np.concatenate(places), np.concatenate(ways))

    def frames(self, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """{part: (k, 3)} of the first k frames compared -> {part: (n, 3)} of all frames up to the last of them.

        The first and the last frame of every clip are compared, so nothing is mixed between clips.
        """
        places = self.places[: len(values[BODY])]
        ways = self.ways[: places[-1] + 1]
        return {name: between(value, places, ways).astype(np.float32) for name, value in values.items()}

    def go_on(self, done: dict[str, np.ndarray]) -> tuple[list[dict[str, np.ndarray]], dict[str, np.ndarray]]:
        """The values of frames compared that are among the first frames, and these frames up to the last of them."""
        compared = int(np.searchsorted(self.places, len(done[BODY])))
        last = self.places[compared - 1] + 1 if compared else 0
        places = self.places[:compared]
        return [{name: v[places] for name, v in done.items()}], {name: v[:last] for name, v in done.items()}


def _joined(blocks: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def part_names(skeleton: Skeleton) -> tuple[str, ...]:
    """What rareness can be measured of: "body", and the names of trunk and limbs, e.g. "right leg"."""
    return tuple(_parts(skeleton))


def _parts(skeleton: Skeleton) -> dict[str, tuple[int, ...]]:
    """The whole body, and trunk and limbs without the root, which they share."""
    own = {name: tuple(skeleton.index(j) for j in joints[1:]) for name, joints in limbs(skeleton).items()}
    return {BODY: tuple(range(skeleton.num_joints)), **{name: part for name, part in own.items() if len(part) > 1}}


def _key(stage: Stage, parts: Mapping[str, tuple[int, ...]], tolerance_m: float) -> str:
    """A hash of everything that decides the values."""
    content = [stage.manifest["key"], parts, RARENESS, KERNEL_M, NEAREST, tolerance_m, 2]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _read(path: Path, parts: Mapping[str, tuple[int, ...]], frames: int) -> dict[str, np.ndarray]:
    """What a file holds of the values, which may be a part of the frames; nothing if it is missing or damaged."""
    nothing = {name: np.empty((0, len(RARENESS)), np.float32) for name in parts}
    try:
        stored = read_npz(path)
        values = {name: np.asarray(stored[name]) for name in parts}
    except (SrnetError, KeyError):
        return nothing
    count = len(values[BODY])
    for value in values.values():
        if value.shape != (count, len(RARENESS)) or value.dtype != np.float32 or not np.isfinite(value).all():
            return nothing
    return values if count <= frames else nothing
