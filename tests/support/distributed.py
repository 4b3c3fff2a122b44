"""One of the processes of training/test_distributed.py: trains small networks, and writes what came out to a file."""

import sys
from pathlib import Path

import torch

from srnet_core.config import TrainConfig
from srnet_core.models import build_model
from srnet_core.sampling.windows import WindowSampler
from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.training.distributed import PartedBatches, process_group
from srnet_core.training.loop import Progress, Step, make_optimizer, train_epochs
from srnet_core.training.step import TrainingStep

NETWORKS = {  # the fused step, BatchNorms of the context and after layers as modules, and one shared by joints
    "fused": {"name": "srnet", "filter_widths": (3, 3), "channels": 40},
    "plain": {"name": "srnet", "filter_widths": (3, 3), "channels": 40, "context_form": "mean"},
    "joints": {"name": "gcn", "filter_widths": (3, 3), "channels": 34},
}
STEPS = {"fused": 20, "plain": 4, "joints": 4}
FRAMES = 148  # 296 windows with mirror images: the ninth batch is smaller than the others


def trained(name, replicas):
    torch.manual_seed(1)
    model = build_model(**NETWORKS[name])
    for key, parameter in model.named_parameters():
        if "m_conv" in key:  # zero at first: a context that does not depend on its input
            torch.nn.init.normal_(parameter, 0, 0.3)
    time = torch.linspace(0, 9, FRAMES)[:, None]
    pose_3d = torch.sin(time * torch.linspace(0.5, 2, 51)).view(FRAMES, 17, 3)
    sampler = WindowSampler(
        pose_3d[..., :2] / 2,
        pose_3d,
        [(0, FRAMES)],
        SKELETON.mirror,
        receptive_field=9,
        causal=False,
        windows_per_batch=33,
    )
    config = TrainConfig(batch_size=33, epochs=100, lr=1e-4)
    step = TrainingStep(model, make_optimizer(model, config), config, replicas=replicas)
    batches = sampler if replicas is None else PartedBatches(sampler, replicas, 33, len(sampler.table))
    progress, losses, first = Progress(), [], {}
    for event in train_epochs(model, batches, make_optimizer(model, config), config, progress, step=step):
        if isinstance(event, Step):
            losses.append(float(event.loss))
        if len(losses) == 1 and not first:
            first = {
                "gradients": {k: p.grad.clone() for k, p in model.named_parameters() if p.grad is not None},
                "statistics": {k: b.clone() for k, b in model.named_buffers()},
            }
        if len(losses) == STEPS[name]:
            break
    sums = [float(progress.loss_sum), float(progress.error_sum_m)]
    return first | {
        "losses": losses,
        "state": model.state_dict(),
        "sums": sums,
        "windows": progress.windows,
    }


if __name__ == "__main__":
    with process_group("cpu") as replicas:
        found = {name: trained(name, replicas) for name in NETWORKS}
        torch.save(found, Path(sys.argv[1]) / f"{0 if replicas is None else replicas.rank}.pt")
