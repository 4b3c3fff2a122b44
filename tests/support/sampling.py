"""Windows worked out one at a time, to compare samplers with."""

from collections import Counter

import numpy as np
import torch

from srnet_core.sampling.blocks import BlockPlan
from srnet_core.sampling.frames import ArraySource
from srnet_core.sampling.streamed import StreamedSampler
from srnet_core.sampling.table import WindowTable
from srnet_core.sampling.windows import ResidentSampler

MIRROR = (0, 2, 1)  # three joints, so that tests stay small
CPU = torch.device("cpu")


def arrays_of(frames: int) -> dict[str, np.ndarray]:
    """Poses and parameters in which no two numbers are alike."""
    numbers = np.random.default_rng(5).permutation(frames * 17).astype(np.float32).reshape(frames, 17) + 1
    return {
        "pose_2d": numbers[:, :6].reshape(-1, 3, 2),
        "pose_3d": numbers[:, 6:15].reshape(-1, 3, 3),
        "norm_parameters": numbers[:, 15:],
    }


def flip_parameters(parameters):
    """Stands in for a normalization's `flip`."""
    return 1000 - parameters


def starts_of(lengths) -> list[tuple[int, int]]:
    return list(zip(np.cumsum([0, *lengths[:-1]]).tolist(), lengths))


def expected_windows(sequences, receptive_field: int, causal: bool, stride: int, flip: bool):
    """(input frames, target frames, mirrored) of every window in the published order, by the definition."""
    pad = receptive_field // 2
    past = 2 * pad if causal else pad
    for start, length in sequences:
        count = -(-length // stride)
        overhang = (count * stride - length) // 2
        for mirrored in (False, True) if flip else (False,):
            for index in range(count):
                first = start - overhang + index * stride
                frames = np.arange(first - past, first - past + 2 * pad + stride), np.arange(first, first + stride)
                yield (*(np.clip(f, start, start + length - 1) for f in frames), mirrored)


def signature(pose_2d, pose_3d, parameters) -> bytes:
    return b"".join(np.ascontiguousarray(a).tobytes() for a in (pose_2d, pose_3d, parameters))


def expected_signatures(arrays, windows) -> Counter:
    """The contents of these windows, each with how often it is wanted."""
    found = Counter()
    for inputs, targets, mirrored in windows:
        poses = [arrays["pose_2d"][inputs], arrays["pose_3d"][targets]]
        parameters = arrays["norm_parameters"][targets]
        if mirrored:
            poses = [pose[:, list(MIRROR)] * ([-1] + [1] * (pose.shape[-1] - 1)) for pose in poses]
            parameters = flip_parameters(parameters)
        found[signature(*(a.astype(np.float32) for a in (*poses, parameters)))] += 1
    return found


def signatures(batches) -> list[bytes]:
    """The contents of every window of some batches, in order."""
    return [
        signature(*window)
        for b in batches
        for window in zip(b.pose_2d.numpy(), b.pose_3d.numpy(), b.parameters.numpy())
    ]


def make_sampler(
    kind: str, sequences, *, batch: int, blocks: int = 7, mixed: int = 3, seed: int = 1, arrays=None, **cut
):
    """A "resident" or "streamed" sampler; `blocks` are made fewer where batches need larger ones."""
    cut = {"receptive_field": 3, "causal": False, "stride": 1, "flip": True} | cut
    table = WindowTable(sequences, **cut)
    arrays = arrays or arrays_of(sum(sequences[-1]))
    settings = {"windows_per_batch": batch, "seed": seed, "device": CPU, "flip_parameters": flip_parameters}
    if kind == "resident":
        return ResidentSampler(ArraySource(**arrays), table, MIRROR, **settings)
    return StreamedSampler(ArraySource(**arrays), table, MIRROR, fitting(table, batch, blocks, mixed), **settings)


def fitting(table: WindowTable, batch: int, blocks: int, mixed: int) -> BlockPlan | None:
    """The plan, or the nearest one whose blocks are large enough."""
    plans = (BlockPlan(b, min(mixed, b)) for b in range(blocks, 0, -1))
    return next((p for p in plans if p.suits(table, batch)), None)
