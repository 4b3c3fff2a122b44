"""The rareness of the test poses of a stage, computed once and kept in the cache folder.

    CACHE/rareness/KEY.npz    one array (N, 3) float32 for the body and each part, N test frames in the stage's order

A computation that is interrupted goes on where it last saved.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from srnet_core.errors import ConfigError, SrnetError
from srnet_core.evaluation import RARENESS
from srnet_core.evaluation.predict import decode_targets
from srnet_core.evaluation.rareness import KERNEL_M, NEAREST, THINNED_M, TrainingPoses, rareness
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
    stage: Stage, cache_dir: str | Path, progress: Progress = lambda *_: None, *, limbs_too: bool = False
) -> StageRareness:
    """Find the rareness of a stage's test poses in the cache, or compute it.

    Args:
        limbs_too: also of trunk and limbs, which takes about four times as long.

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
    path = local_folder(cache_dir) / _FOLDER / f"{_key(stage, parts)}.npz"
    done = _read(path, parts, end - first)
    count = len(done[BODY])
    if count < end - first:
        require_folder(path.parent)
        progress("reading training poses", 0, 1)
        train = TrainingPoses.of_clips(decode_targets(stage, clip).numpy() for clip in stage.split("train"))
        test_m = np.concatenate([decode_targets(stage, clip).numpy() for clip in stage.split("test")])
        blocks, saved_at = [done], time.monotonic()
        for block in rareness(test_m[count:], train, parts):
            blocks.append(block)
            count += len(block[BODY])
            progress("rareness", count, len(test_m))
            if count == len(test_m) or time.monotonic() - saved_at > _SAVED_EVERY_S:
                blocks, saved_at = [_joined(blocks)], time.monotonic()
                arrays: dict[str, Any] = blocks[0]
                with atomic_write(path) as file:
                    np.savez(file, **arrays)
        done = blocks[0]
    return StageRareness(done, first)


def _joined(blocks: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _parts(skeleton: Skeleton) -> dict[str, tuple[int, ...]]:
    """The whole body, and trunk and limbs without the root, which they share."""
    own = {name: tuple(skeleton.index(j) for j in joints[1:]) for name, joints in limbs(skeleton).items()}
    return {BODY: tuple(range(skeleton.num_joints)), **{name: part for name, part in own.items() if len(part) > 1}}


def _key(stage: Stage, parts: Mapping[str, tuple[int, ...]]) -> str:
    """A hash of everything that decides the values."""
    content = [stage.manifest["key"], parts, RARENESS, KERNEL_M, NEAREST, THINNED_M, 1]
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
