"""Inference with flip averaging on clips of 1,000 frames, against fc and the textbook form."""

from collections.abc import Callable

import torch

from benchmarks.arithmetic import multiply_adds
from benchmarks.bench import BenchConfig, Progress, in_turns
from benchmarks.contenders import LONG, SINGLE, networks, poses
from benchmarks.limit import largest_products
from benchmarks.memory import IMAGE_SIZE, clip_px, make_lifter
from benchmarks.result import FC, OURS, Line, speeds, times_faster
from srnet_core.device import choose_device
from srnet_core.geometry.mirror import mirror_poses
from srnet_core.models.pose_model import PoseModel
from srnet_core.skeletons.h36m17 import SKELETON

CLIP_FRAMES = 1000


def long_windows(config: BenchConfig, progress: Progress) -> Line:
    """243 frames, against fc and the textbook form."""
    title = "inference with flip averaging, 243 frames"
    return _measure("inference", title, config.pick(LONG, (3, 3, 3)), 4.0, config, progress)


def single_frame(config: BenchConfig, progress: Progress) -> Line:
    """A single frame, against fc and the textbook form."""
    title = "inference with flip averaging, single frame"
    return _measure("inference_single", title, SINGLE, 3.0, config, progress)


def _measure(
    name: str, title: str, filter_widths: tuple[int, ...], bound: float, config: BenchConfig, progress: Progress
) -> Line:
    """Whole clips with flip averaging: ours from pixels to metres, the yardsticks from network input to output."""
    device = choose_device(config.device)
    frames = config.pick(CLIP_FRAMES, 100)
    models = networks(filter_widths, config.channels, device)
    lifter, keypoints_px = make_lifter(models[OURS], device=str(device)), clip_px(frames)
    work: dict[str, Callable] = {OURS: lambda: lifter(keypoints_px, image_size=IMAGE_SIZE, check="off")}
    for yardstick in models.keys() - {OURS}:
        work[yardstick] = flip_averaged(models[yardstick], frames, device)
    products = largest_products(device, quick=config.quick)
    work |= {product_name: product.call for product_name, product in products.items()}
    samples = in_turns(work, title, config, progress, rounds=15)
    counts = {n: 2 * multiply_adds(m, frames, clip=True) for n, m in models.items()}
    made, limits = speeds(samples, frames, counts, products)
    note = f"frames of {frames}-frame clips, each run twice, plain and mirrored"
    return Line(
        name, title, "frames", len(samples[OURS].wall), made, limits, (times_faster(made, FC, bound),), notes=(note,)
    )


def flip_averaged(model: PoseModel, frames: int, device: torch.device) -> Callable[[], torch.Tensor]:
    """A clip as the published evaluation runs it: edges padded, the mirror image in the same batch, both averaged."""
    pose_2d, _ = poses(frames, device)
    pad = model.receptive_field // 2
    model.eval()

    @torch.inference_mode()
    def run() -> torch.Tensor:
        padded = torch.cat([pose_2d[:1].expand(pad, -1, -1), pose_2d, pose_2d[-1:].expand(pad, -1, -1)])
        output = model(torch.stack([padded, mirror_poses(padded, SKELETON.mirror)]))  # (2, T, J, 3)
        return (output[0] + mirror_poses(output[1], SKELETON.mirror)) / 2

    return run
