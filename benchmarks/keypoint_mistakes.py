"""How often a mistake in 2D keypoints is told before they are lifted, and how often correct ones are blamed.

    python -m benchmarks.keypoint_mistakes FILE[:WIDTHxHEIGHT] ...

Every file is read as `srnet lift` reads it, and looked at whole and cut to its first second: as it is, and with each
mistake. The numbers are those of docs/lift.md, "What is missing or looks wrong".
"""

import argparse
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

import srnet_core as srnet
from srnet_core.keypoints import Keypoints, read_keypoints
from srnet_core.layouts import layouts_of_count
from srnet_core.lifting.lift import warnings_of
from srnet_core.markdown import markdown_table

ASSUMED_FPS = 30
_OTHER_ORDERS = 4


def mistakes(keypoints: Keypoints) -> Iterator[tuple[str, Keypoints]]:
    """(what is wrong, the keypoints with it), the correct ones first."""
    assert keypoints.layout is not None and keypoints.image_size is not None
    width, height = keypoints.image_size
    order = np.arange(keypoints.num_joints)
    for left, right in keypoints.layout.mirror_pairs:
        order[[left, right]] = right, left
    yield "none", keypoints
    yield "x and y exchanged", _moved(keypoints, lambda p: p[..., ::-1])
    yield "y upwards", _moved(keypoints, lambda p: np.stack([p[..., 0], height - p[..., 1]], axis=-1))
    yield "from 0 to 1", _moved(keypoints, lambda p: p / np.array([width, height]))
    yield "left and right exchanged", _moved(keypoints, lambda p: p[:, order])
    yield "image a third as large", replace(keypoints, image_size=(width // 3, height // 3))
    yield "image four times as large", replace(keypoints, image_size=(4 * width, 4 * height))
    yield "another order", _moved(keypoints, lambda p: p[:, ::-1])
    others = [layout for layout in layouts_of_count(keypoints.num_joints) if layout.name != keypoints.layout.name]
    for layout in others[:_OTHER_ORDERS]:
        yield "another order", replace(keypoints, layout=layout, joint_names=layout.joints)


def _moved(keypoints: Keypoints, change: Callable[[np.ndarray], np.ndarray]) -> Keypoints:
    tracks = (replace(track, points=change(track.points).astype(np.float32)) for track in keypoints.tracks)
    return replace(keypoints, tracks=tuple(tracks))


def cut(keypoints: Keypoints, start: int, count: int) -> Keypoints:
    """Some frames, as a recording of their own."""
    part = slice(start, start + count)
    tracks = tuple(
        replace(
            track,
            points=track.points[part],
            confidence=track.confidence[part],
            filled=track.filled[part],
            mended=track.mended[part],
        )
        for track in keypoints.tracks
    )
    return replace(keypoints, tracks=tracks, frame_count=len(range(keypoints.frame_count)[part]))


def read(text: str) -> Keypoints:
    """The keypoints of FILE[:WIDTHxHEIGHT]."""
    path, size = text, None
    if match := re.fullmatch(r"(.+):(\d+)x(\d+)", text):
        path, size = match[1], (int(match[2]), int(match[3]))
    return read_keypoints(Path(path), fps=ASSUMED_FPS, image_size=size)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE[:WIDTHxHEIGHT]")
    lifter = srnet.Lifter.open(device="cpu")
    told: dict[str, list[bool]] = {}
    for text in parser.parse_args().files:
        whole = read(text)
        second = round(whole.fps or ASSUMED_FPS)
        long = whole.consecutive and whole.frame_count > second
        for keypoints in (whole, cut(whole, 0, second)) if long else (whole,):
            for what, wrong in mistakes(keypoints):
                told.setdefault(what, []).append(bool(warnings_of(wrong, lifter, mistakes_only=True)))
    rows = [[what, f"{100 * np.mean(found):.0f} %", len(found)] for what, found in told.items()]
    print(markdown_table(["mistake", "told", "recordings"], rows))


if __name__ == "__main__":
    main()
