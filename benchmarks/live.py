"""A long stream through `srnet lift --stream` at full speed: latency and memory, measured from outside.

    python -m benchmarks.live --minutes 10                # make live
    python -m benchmarks.live --frames 30000              # ten minutes of a recording at 50 frames per second
    python -m benchmarks.live --minutes 1 --people 4 --checkpoint checkpoint/best.bin

Each line is sent when the answer to the one before has come, so the time between the two is what a program sees that
talks to the command through pipes. Memory is the resident set of the command's process.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

import srnet_core as srnet
from srnet_core.files import without_nan
from srnet_core.live.latency import Latencies

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "balancing.npz"
WARM_UP_S = 5.0  # before the first look at the memory: the first calls take buffers that stay
_EVERY_S = 10.0


def measure(minutes: float, people: int, *options: str, frames: int | None = None) -> dict[str, Any]:
    """Send the example's keypoints again and again for so long.

    Args:
        frames: number of lines after which to stop, whatever the time.
        people: how many people take turns.
        options: more options of `srnet lift`.

    Returns:
        `poses`, `seconds`, `poses_per_s`, `p50_ms`, `p95_ms`, `p99_ms`, `longest_ms`, and `rss_mb`: resident memory in
        MB from the end of the warm-up on, every ten seconds.
    """
    keypoints = srnet.read_keypoints(EXAMPLE).only(0)
    assert keypoints.layout is not None and keypoints.image_size is not None
    width, height = keypoints.image_size
    command = [sys.executable, "-m", "srnet_cli.app", "lift", "--stream", "--layout", keypoints.layout.name]
    command += ["--image-size", f"{width}x{height}", "--fps", f"{keypoints.fps:g}", *options]
    times, rss_mb, poses = Latencies(), [], 0
    sent_px = [without_nan(np.round(p.astype(np.float64), 2).tolist()) for p in keypoints.tracks[0].points]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        about = json.loads(process.stdout.readline())
        if about["delay_frames"]:
            raise SystemExit("this network answers with a delay, so that lines and answers cannot be paired")
        memory, began_s, number = psutil.Process(process.pid), time.monotonic(), 0
        looked_s = began_s + WARM_UP_S - _EVERY_S
        end_s = math.inf if frames else began_s + 60 * minutes
        while (now_s := time.monotonic()) < end_s and not (frames and number >= frames):
            line = {"frame": number // people, "person": number % people, "keypoints": sent_px[number % len(sent_px)]}
            sent = json.dumps(line).encode() + b"\n"
            sent_s = time.monotonic()
            process.stdin.write(sent)
            process.stdin.flush()
            answer = process.stdout.readline()
            times.add(time.monotonic() - sent_s)
            poses += json.loads(answer).get("joints_m") is not None
            number += 1
            if now_s > looked_s + _EVERY_S:
                looked_s = now_s
                rss_mb.append(round(memory.memory_info().rss / 1e6, 1))
        seconds = time.monotonic() - began_s
        rss_mb.append(round(memory.memory_info().rss / 1e6, 1))
        process.stdin.close()
        process.stdout.read()
    percentiles = {f"p{p}_ms": round(1000 * times.percentile_s(p), 2) for p in (50, 95, 99)}
    return {
        "poses": poses,
        "seconds": round(seconds, 1),
        "poses_per_s": round(poses / seconds),
        **percentiles,
        "longest_ms": round(1000 * times.longest_s, 1),
        "rss_mb": rss_mb,
    }


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--frames", type=int, default=None, help="stop after so many lines instead")
    parser.add_argument("--people", type=int, default=1)
    parser.add_argument("--checkpoint", default=None)
    asked = parser.parse_args()
    options = ("--checkpoint", asked.checkpoint) if asked.checkpoint else ()
    found = measure(asked.minutes, asked.people, *options, frames=asked.frames)
    memory_mb = found.pop("rss_mb")
    sys.stdout.write("  ".join(f"{name} {value}" for name, value in found.items()) + "\n")
    looks = {"first": memory_mb[0], "middle": memory_mb[len(memory_mb) // 2], "last": memory_mb[-1]}
    looks["largest"] = max(memory_mb)
    sys.stdout.write("memory in MB: " + ", ".join(f"{when} {value}" for when, value in looks.items()) + "\n")


if __name__ == "__main__":
    main()
