"""How fast this machine trains, lifts and streams, beside a plain network of the same width and a matrix product."""

import copy
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from srnet_core.batch import Batch
from srnet_core.config import TrainConfig
from srnet_core.engine import inference_form
from srnet_core.geometry.mirror import mirror_poses
from srnet_core.inference.predict import pad_edges, predict_normalized
from srnet_core.inference.stream import PoseStream
from srnet_core.models import build_model
from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.speed.clock import Samples, interleaved, ratio, timed
from srnet_core.speed.textbook import textbook
from srnet_core.training.optimizer import make_optimizer
from srnet_core.training.step import TrainingStep

OURS, PLAIN, PRODUCT = "srnet", "plain fc", "matrix product"
Progress = Callable[[str, int, int], object]
"""Called as progress(what, done, total)."""


class Size(NamedTuple):
    """What is measured: networks, windows of a training step, frames of a clip, rounds, frames streamed per round."""

    filter_widths: tuple[int, ...] = (3,) * 5
    channels: int = 1024
    batch: int = 64
    clip_frames: int = 1000
    rounds: int = 9
    pushes: int = 100
    product: int = 2048


FULL = Size()
QUICK = Size((3, 3), channels=50, batch=8, clip_frames=50, rounds=2, pushes=5, product=256)


@dataclass(frozen=True)
class Speed:
    """Speed of training, lifting or streaming: of SRNet with five groups, and of a plain `fc` of the same width.

    Attributes:
        what, unit: what was measured, and the unit of `ours` and `plain`.
        ours, plain: windows per second, frames per second, or milliseconds per frame (medians).
        times_faster: how many times faster SRNet is, median over rounds of the ratio within a round.
        ours_share, plain_share: operations of the network per second, over those of the matrix product.
        ours_p99, plain_p99: milliseconds that 99 of 100 streamed frames stay below.
    """

    what: str
    unit: str
    ours: float
    plain: float
    times_faster: float
    ours_share: float
    plain_share: float
    ours_p99: float | None = None
    plain_p99: float | None = None


def flops(call: Callable[[], object]) -> int:
    """Floating-point operations of the products and convolutions in a call, as torch counts them.

    torch's counter sees neither in-place products nor other threads. So count a network as it is defined, and not its
    fused or folded form.
    """
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


def measure_speed(device: torch.device, size: Size, progress: Progress = lambda *_: None) -> Iterator[Speed]:
    """Measure training, lifting with flip averaging, and streaming; yields each as soon as it is measured.

    Weights and keypoints are random: the time does not depend on them. On CPU torch uses as many threads as it is
    set to.
    """
    srnet = build_model("srnet", filter_widths=size.filter_widths, channels=size.channels)
    plain = textbook(build_model("fc", filter_widths=size.filter_widths, channels=size.channels))
    networks: dict[str, Any] = {OURS: srnet.to(device), PLAIN: plain.to(device)}
    matrix = torch.randn(size.product, size.product, device=device)
    product = torch.inference_mode()(lambda: matrix @ matrix)
    for what, unit, prepare in (("training", "windows/s", _training), ("lifting", "frames/s", _lifting)):
        units, calls, counts = prepare(networks, size, device)
        work, told = calls | {PRODUCT: product}, functools.partial(progress, what)
        samples = interleaved(work, rounds=size.rounds, warm_up=2, progress=told)
        yield speed_from(what, unit, samples, counts, size, units)
    samples, counts = _streaming(networks, product, size, device, functools.partial(progress, "streaming"))
    found = speed_from("streaming", "ms per frame", samples, counts, size)
    yield replace(found, ours_p99=_p99_ms(samples[OURS]), plain_p99=_p99_ms(samples[PLAIN]))


def speed_from(
    what: str, unit: str, samples: dict[str, Samples], counts: dict[str, int], size: Size, units: int = 0
) -> Speed:
    """From samples of one call and its operations; speeds of `units` per call, or the milliseconds of a call."""
    seconds = {name: taken.seconds for name, taken in samples.items()}
    limit = 2 * size.product**3 / seconds[PRODUCT]
    ours, plain = (units / seconds[name] if units else 1000 * seconds[name] for name in (OURS, PLAIN))
    faster = ratio(samples[PLAIN], samples[OURS]) if units else seconds[PLAIN] / seconds[OURS]
    ours_share, plain_share = (counts[name] / seconds[name] / limit for name in (OURS, PLAIN))
    return Speed(what, unit, ours, plain, faster, ours_share, plain_share)


def _training(networks: dict[str, Any], size: Size, device: torch.device) -> tuple[int, dict, dict]:
    """Training steps on the same windows: `TrainingStep`, and a step as anybody would write it."""
    x, y = torch.randn(size.batch, networks[OURS].receptive_field, 17, 2), torch.randn(size.batch, 1, 17, 3)
    batch, config, plain = Batch(x.to(device), y.to(device)), TrainConfig(device=str(device)), networks[PLAIN]
    step = TrainingStep(networks[OURS], make_optimizer(networks[OURS], config), config)
    adam = torch.optim.Adam(plain.parameters(), amsgrad=True)

    def plain_step() -> None:
        adam.zero_grad()
        (plain.train()(batch.pose_2d, strided=True) - batch.pose_3d).abs().mean().backward()
        adam.step()

    counts = {name: count_operations(network, batch.pose_2d, training=True) for name, network in networks.items()}
    return size.batch, {OURS: lambda: step(batch), PLAIN: plain_step}, counts


def _lifting(networks: dict[str, Any], size: Size, device: torch.device) -> tuple[int, dict, dict]:
    """A clip with flip averaging, both images of it in one batch."""
    clip = torch.randn(1, size.clip_frames, 17, 2, device=device)
    folded, plain, mirror = inference_form(networks[OURS].eval()), networks[PLAIN].eval(), SKELETON.mirror
    padded = pad_edges(torch.cat([clip, mirror_poses(clip, mirror)]), networks[OURS].receptive_field, False)

    @torch.inference_mode()
    def lift_plainly() -> None:
        output = plain(padded)
        output[:1] += mirror_poses(output[1:], mirror)

    calls = {OURS: torch.inference_mode()(lambda: predict_normalized(folded, clip, mirror, True)), PLAIN: lift_plainly}
    return size.clip_frames, calls, {name: count_operations(network, padded) for name, network in networks.items()}


def _streaming(networks, product: Callable, size: Size, device: torch.device, progress: Callable) -> tuple[dict, dict]:
    """Some frames of ours, then some of the plain network, which has no streaming form and takes the whole window."""
    field = networks[OURS].receptive_field
    stream = PoseStream(networks[OURS].eval(), image_size=(1000, 1000))
    frame_px, window = torch.rand(17, 2).numpy() * 1000, torch.randn(1, field, 17, 2, device=device)
    plain = torch.inference_mode()(functools.partial(networks[PLAIN].eval(), strided=True))
    calls = {OURS: lambda: stream.push(frame_px), PLAIN: lambda: plain(window), PRODUCT: product}
    for _ in range(field):
        stream.push(frame_px)
    times: dict[str, list] = {name: [] for name in calls}
    for turn in range(size.rounds):
        for name, count in ((OURS, size.pushes), (PLAIN, size.pushes), (PRODUCT, 1)):
            times[name] += [timed(calls[name]) for _ in range(count)]
        progress(turn + 1, size.rounds)
    clips = (torch.randn(1, frames, 17, 2, device=device) for frames in (field, field + 1))
    whole, longer = (count_operations(networks[OURS], x) for x in clips)
    counts = {OURS: longer - whole, PLAIN: count_operations(networks[PLAIN], window, strided=True)}
    return {name: Samples(*zip(*pairs)) for name, pairs in times.items()}, counts


def count_operations(network: nn.Module, x: Tensor, *, training: bool = False, strided: bool = False) -> int:
    """Operations of the network's definition on inputs of that shape; of training also those of the backward pass."""
    definition = copy.deepcopy(network).eval()
    forward = functools.partial(definition, strided=training or strided)
    with torch.set_grad_enabled(training):
        return flops(lambda: forward(x).sum().backward() if training else forward(x))


def _p99_ms(samples: Samples) -> float:
    return 1000 * sorted(samples.wall)[int(0.99 * (len(samples.wall) - 1))]
