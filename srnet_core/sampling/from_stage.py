"""The sampler of a stage: resident if the frames fit into the memory budget, streamed if not."""

from collections.abc import Iterable, Mapping
from functools import partial

import torch

from srnet_core.augment.composition import Augmentation
from srnet_core.config import RunConfig
from srnet_core.errors import ConfigError
from srnet_core.sampling.blocks import BlockPlan, plan_blocks
from srnet_core.sampling.camera_space import CameraSpaceSource
from srnet_core.sampling.frames import FrameSource, StageSource
from srnet_core.sampling.memory import free_bytes
from srnet_core.sampling.roots import Flip, RootSource, flip_with_root
from srnet_core.sampling.sampler import Sampler
from srnet_core.sampling.streamed import StreamedSampler
from srnet_core.sampling.table import WindowTable
from srnet_core.sampling.windows import ResidentSampler
from srnet_core.stages.store import Stage, StoredClip

SHARE_OF_FREE_MEMORY = 0.5  # the rest is for the network and its intermediate results


def make_sampler(
    stage: Stage,
    clips: Iterable[StoredClip],
    config: RunConfig,
    device: torch.device,
    order: Mapping | None = None,
    *,
    roots: bool = False,
) -> Sampler:
    """The sampler of a run.

    Args:
        clips: the clips of the training split to train on, in the stage's order.
        order: the `Sampler.order` of an earlier run, which is kept if the configured batch size allows it.
        roots: parameters also tell root, camera and side of each window, see `sampling.roots`.

    Raises:
        ConfigError: there are fewer than two windows, the memory budget is too small for any block, or the augmentation
            cannot be used with the stage.
        StageError: the stage is damaged.
    """
    train, model = config.train, config.model
    clips = tuple(clips)
    plugin = stage.normalization
    augmented = bool(config.augment.use)
    if augmented and config.data.root_depth == "estimate":
        raise ConfigError(
            "augmentation needs the true depth of the root, not an estimated one",
            where="--augment",
            todo="Leave out --root-depth estimate, or use --norm ray",
        )
    if augmented and roots:
        raise ConfigError(
            "trajectories are not trained with augmented poses",
            where="--augment",
            todo="Leave it out with --model trajectory and --subjects-unlabeled",
        )
    camera_space = CameraSpaceSource(stage, clips, plugin) if augmented else None
    source: FrameSource = camera_space or (RootSource(stage, clips) if roots else StageSource(stage))
    table = WindowTable(
        [(s.start - source.first, s.length) for s in clips],
        receptive_field=model.receptive_field,
        causal=model.causal,
        stride=train.stride,
        flip=train.flip,
    )
    windows_per_batch = max(1, train.batch_size // train.stride)
    flip_parameters: Flip = plugin.flip_original if model.as_published else plugin.flip
    if roots:
        flip_parameters = flip_with_root(flip_parameters)
    augmentation = None
    if camera_space is not None:
        augmentation = Augmentation(
            config.augment,
            stage.skeleton,
            camera_space.cameras,
            plugin,
            fps=stage.manifest["fps"],
            past=table.past,
            stride=table.stride,
            device=device,
            flip_parameters=flip_parameters,
        )
    keep, plan = _kept(order, table, windows_per_batch)
    if not keep:
        plan = _planned(table, source, windows_per_batch, config, device)
    make = ResidentSampler if plan is None else partial(StreamedSampler, plan=plan)
    return make(
        source,
        table,
        stage.skeleton.mirror,
        windows_per_batch=windows_per_batch,
        seed=train.seed,
        device=device,
        flip_parameters=flip_parameters,
        make_batch=augmentation,
    )


def _kept(order: Mapping | None, table: WindowTable, windows_per_batch: int) -> tuple[bool, BlockPlan | None]:
    """Whether an order can be kept, and its plan; the plan of a resident sampler is `None`."""
    if order is None:
        return False, None
    if order.get("sampler") != "streamed":
        return True, None
    plan = BlockPlan(int(order["blocks"]), int(order["mixed"]))
    return plan.suits(table, windows_per_batch), plan


def _planned(
    table: WindowTable, source: FrameSource, windows_per_batch: int, config: RunConfig, device: torch.device
) -> BlockPlan | None:
    asked = config.train.memory_budget_mib
    budget = int(asked * 2**20) if asked else int(SHARE_OF_FREE_MEMORY * free_bytes(device))
    return plan_blocks(table, source.shapes, windows_per_batch, budget)
