"""Batches of the published generators, and ours from the same clips."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch

from srnet_core.batch import Batch
from srnet_core.sampling.windows import WindowSampler
from srnet_core.skeletons.h36m17 import SKELETON

# golden case -> settings of the sampler; the batch size and stride are those of its constructor
CASES: dict[str, dict[str, Any]] = {
    "c1_plain_noshuffle": {"receptive_field": 1, "windows_per_batch": 4, "flip": False},
    "c2_aug_noshuffle": {"receptive_field": 1, "windows_per_batch": 4},
    "c3_aug_shuffle_defaultseed_2epochs": {"receptive_field": 1, "windows_per_batch": 8},
    "c4_aug_shuffle_pad4_seed1234": {"receptive_field": 9, "windows_per_batch": 8, "seed": 1234},
    "c5_causal_pad4_shift4": {"receptive_field": 9, "windows_per_batch": 8, "causal": True},
    "c6_stride3_pad2_noparams": {"receptive_field": 5, "windows_per_batch": 4, "stride": 3},
    "c7_stride3_pad0_params": {"receptive_field": 1, "windows_per_batch": 4, "stride": 3},
    "c8_stride4_pad1_intr": {"receptive_field": 3, "windows_per_batch": 4, "stride": 4, "flip": False},
    "c10_randseed_flag_77": {"receptive_field": 1, "windows_per_batch": 8, "seed": 77},
    "c9_pad13_longer_than_seq": {"receptive_field": 27, "windows_per_batch": 16, "flip": False},
}


def compared_batches(golden: Path, case: str) -> Iterator[tuple[Batch, np.ndarray, np.ndarray]]:
    """(our batch, their network input, their target), batch by batch.

    A last batch of a single window, which ours leaves out, is left out of theirs.

    Raises:
        ValueError: an epoch of ours has another number of batches than theirs.
    """
    folder = golden / "C_generators"
    about = json.loads((folder / "C_generators.json").read_text(encoding="utf-8"))[case]
    inputs, expected = (_arrays(folder / name) for name in ("C_inputs.npz", f"C_{case}.npz"))
    poses_2d, poses_3d = ([inputs[f"{kind}/{i}"] for i in range(3)] for kind in ("p2d", "p3d"))
    lengths = [len(p) for p in poses_3d]
    clips = list(zip(np.cumsum([0, *lengths[:-1]]).tolist(), lengths))
    pose_2d, pose_3d = (torch.from_numpy(np.concatenate(p)) for p in (poses_2d, poses_3d))
    settings: dict[str, Any] = {"causal": False} | CASES[case]
    sampler = WindowSampler(pose_2d, pose_3d, clips, SKELETON.mirror, **settings)
    if "'shuffle': False" in about["args"][2]:
        sampler.random = cast(np.random.RandomState, SimpleNamespace(permutation=np.arange))
    for epoch in range(int(about["args"][1])):
        count = len({key.split("/")[1] for key in expected if key.startswith(f"e{epoch}/")})
        theirs = [[expected[f"e{epoch}/b{i}/{n}"].astype(np.float32) for n in ("2d", "3d")] for i in range(count)]
        if len(theirs[-1][0]) == 1:
            theirs.pop()
        for batch, (their_2d, their_3d) in zip(sampler.epoch(), theirs, strict=True):
            yield batch, their_2d, their_3d


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}
