"""Inference and streaming by themselves, with more contenders than `srnet bench` has.

    python benchmarks/inference.py                          # about three minutes on one core; --json FILE keeps the numbers
    python benchmarks/inference.py sequences --threads 2    # one part: sequences, stream or long_clip

Contenders take turns; ratios are medians over rounds of two times from the same round. Processor time of this process counts
beside wall time, which tells little on a shared machine.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from srnet_core.benchmark.child import in_child
from srnet_core.benchmark.clock import interleaved, ratio
from srnet_core.benchmark.contenders import LONG, SINGLE, poses
from srnet_core.benchmark.lines._inference import flip_averaged
from srnet_core.benchmark.memory import IMAGE_SIZE, clip_px
from srnet_core.benchmark.textbook import TextbookNetwork, textbook
from srnet_core.evaluation.predict import predict_normalized
from srnet_core.files import write_json
from srnet_core.inference.stream import PoseStream
from srnet_core.models import build_model
from srnet_core.models._folded import fold
from srnet_core.skeletons.h36m17 import SKELETON

FC = "fc, nn.Conv1d"


def measure_sequences(
    filter_widths: tuple[int, ...] = LONG, *, channels: int = 1024, frames: int = 1000, rounds: int = 11
) -> dict[str, dict[str, float]]:
    """Flip-averaged predictions of one sequence, from network input to output.

    Returns:
        By contender: frames per second by the wall and by processor time of all threads, and how many times faster
        than fc from `nn.Conv1d` by each clock.
    """
    fc = build_model("fc", filter_widths=filter_widths, channels=channels).eval()
    srnet = build_model("srnet", filter_widths=filter_widths, channels=channels).eval()
    group = build_model("group", filter_widths=filter_widths, channels=channels).eval()
    networks = {
        FC: textbook(fc),
        "fc, nn.Conv1d, BatchNorm folded": folded_textbook(fc),
        "srnet, textbook": textbook(srnet),
    }
    work: dict[str, Callable] = {name: flip_averaged(network, frames, "cpu") for name, network in networks.items()}
    work["srnet, not folded"] = flip_averaged(srnet, frames, "cpu")
    for name, model in (("srnet", srnet), ("group, ours", group), ("fc, ours", fc)):
        work[name] = ours(model, frames)
    samples = interleaved(work, rounds=rounds, warm_up=2)
    return {
        name: {
            "frames_per_second": frames / s.seconds,
            "frames_per_cpu_second": frames / s.cpu_seconds,
            "times_fc": ratio(samples[FC], s),
            "times_fc_cpu": ratio(samples[FC], s, "cpu"),
        }
        for name, s in samples.items()
    }


def ours(model: nn.Module, frames: int) -> Callable[[], object]:
    """The folded network on a padded sequence and its mirror image."""
    network, (pose_2d, _) = fold(model), poses(frames)
    return lambda: predict_normalized(network, pose_2d[None], SKELETON.mirror, True)


def folded_textbook(model: nn.Module) -> TextbookNetwork:
    """fc from `nn.Conv1d` with its BatchNorms folded into the convolutions, by torch's own hand."""
    network = textbook(model).eval()
    network.expand_conv = fuse_conv_bn_eval(network.expand_conv, network.expand_bn)
    pairs = zip(network.layers_conv, network.layers_bn)
    network.layers_conv = nn.ModuleList(fuse_conv_bn_eval(conv, norm) for conv, norm in pairs)
    network.expand_bn = nn.Identity()
    network.layers_bn = nn.ModuleList(nn.Identity() for _ in network.layers_bn)
    return network


def measure_stream(
    filter_widths: tuple[int, ...] = LONG, *, channels: int = 1024, frames: int = 500, causal: bool = True
) -> dict[str, dict[str, float]]:
    """Pushing frames, pixels to metres: with and without the mirror image in turns, and the floor below both.

    Returns:
        `plain`, `flip`: median and 95 of 100 in milliseconds, and the median of processor time. `weights`: their bytes,
        and milliseconds to read as many bytes once, which a frame cannot do without.
    """
    model = build_model("srnet", filter_widths=filter_widths, channels=channels, causal=causal).eval()
    network = fold(model)
    streams = {
        name: PoseStream(network, skeleton=SKELETON, image_size=IMAGE_SIZE, flip=flip)
        for name, flip in (("plain", False), ("flip", True))
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in (*streams, "weights")}
    weights = torch.ones(model.num_parameters)
    for frame_px in clip_px(frames + 50):
        for name, stream in streams.items():
            times[name].append(_milliseconds(lambda s=stream, f=frame_px: s.push(f)))
        times["weights"].append(_milliseconds(weights.sum))
    found = {name: _summary(pairs[50:]) for name, pairs in times.items()}
    found["weights"]["bytes"] = weights.nbytes
    return found


def _milliseconds(call: Callable[[], object]) -> tuple[float, float]:
    """By the wall, and of this thread."""
    wall, cpu = time.perf_counter(), time.thread_time()
    call()
    return 1000 * (time.perf_counter() - wall), 1000 * (time.thread_time() - cpu)


def _summary(pairs: list[tuple[float, float]]) -> dict[str, float]:
    wall, cpu = (sorted(column) for column in zip(*pairs))
    return {
        "median_ms": statistics.median(wall),
        "p95_ms": wall[int(0.95 * len(wall))],
        "cpu_median_ms": statistics.median(cpu),
    }


def measure_long_clip(
    filter_widths: tuple[int, ...] = LONG, *, channels: int = 1024, frames: int = 180_000, threads: int = 0
) -> dict[str, float]:
    """Lifting one clip, an hour at 50 frames per second, in a process of its own: its peak memory and its speed."""
    found = in_child(
        "memory:clip_memory", threads=threads, filter_widths=filter_widths, channels=channels, frames=frames
    )
    return found | {"frames_per_second": frames / found["seconds"]}


def main() -> None:
    """Measure what is asked for and print it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=["sequences", "stream", "long_clip", []], default=[])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "sequences": lambda: {"243 frames": measure_sequences(LONG), "1 frame": measure_sequences(SINGLE)},
        "stream": measure_stream,
        "long_clip": lambda: measure_long_clip(threads=args.threads),
    }
    found = {name: parts[name]() for name in args.parts or parts}
    print(json.dumps(found, indent=1))
    if args.json:
        write_json(args.json, found)


if __name__ == "__main__":
    main()
