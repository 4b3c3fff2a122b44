"""How often correct keypoints are blamed, and how often exchanged sides are told: the counts of docs/lift.md.

    python -m benchmarks.false_warnings FILE[:WIDTHxHEIGHT] ...
    python -m benchmarks.false_warnings --mocap FOLDER [--clips 240]
    python -m benchmarks.false_warnings --mocap FOLDER --rules [--share 0.25]

Files are looked at whole and in windows of one and of three seconds. Of the motion capture in FOLDER (that of
`benchmarks.open_weights`) the clips are those of people whom no network of the package was trained on, as
`benchmarks.mistake_costs` puts them into an image. With `--rules` no network looks: the clips are those of all people,
whole and cut to their first second, exact and with noise of 1 % of the person's size.
"""

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import srnet_core as srnet
from benchmarks.keypoint_mistakes import ASSUMED_FPS, cut, read
from benchmarks.mistake_costs import PEOPLE, as_keypoints, clips, mistakes, noisy
from srnet_core import datasets
from srnet_core.clip import Clip
from srnet_core.keypoints import Keypoints
from srnet_core.lifting.lift import warnings_of
from srnet_core.markdown import markdown_table

_WINDOWS_S = (1, 3)
_DATA = ("hdm05", "cmu", "uiprmd_mini")
_SIDES = "left and right exchanged throughout"
_NOISE = 0.01


def windows(keypoints: Keypoints) -> Iterator[Keypoints]:
    """The recording, and one after the other its windows of one and of three seconds."""
    yield keypoints
    for seconds in _WINDOWS_S:
        count = round(seconds * (keypoints.fps or ASSUMED_FPS))
        if keypoints.consecutive and keypoints.frame_count > count:
            for start in range(0, keypoints.frame_count - count + 1, count):
                yield cut(keypoints, start, count)


def of_files(files: list[str], lifter: srnet.Lifter) -> None:
    """Print what is said about windows of correct recordings."""
    said: Counter[str] = Counter()
    looked_at = blamed = 0
    for text in files:
        of_file = [warnings_of(part, lifter, mistakes_only=True) for part in windows(read(text))]
        looked_at += len(of_file)
        blamed += sum(map(bool, of_file))
        said.update(f"{text}: {sentence}" for warnings in of_file for sentence in warnings)
    print(f"blamed without a reason: {blamed} of {looked_at} recordings of {len(files)} files")
    _print_said(said)


def of_people_left_out(mocap: Path, count: int, lifter: srnet.Lifter) -> None:
    """Print how often clips of people who were never trained on are blamed, as they are and with exchanged sides."""
    rng = np.random.default_rng(0)
    rows, said = [], Counter[str]()
    for name in _DATA:
        blamed, told = [], []
        for exact, _, fps in clips(mocap, count, {name: 1.0}):
            points = noisy(exact, rng)
            wrong, size = mistakes(points, points)[_SIDES]
            warnings = _said(points, size, fps, lifter)
            said.update(f"{name}: {sentence}" for sentence in warnings)
            blamed.append(bool(warnings))
            told.append(bool(_said(wrong, size, fps, lifter)))
        rows.append([name, PEOPLE.get(name, "all"), len(told), sum(blamed), f"{np.mean(told):.0%}"])
        print(f"{name}: {len(told)} clips", flush=True)
    _print_said(said)
    print(markdown_table(["data", "people", "clips", "blamed wrongly", _SIDES], rows, right=range(2, 5)))


def _said(points: np.ndarray, size: tuple[int, int], fps: float, lifter: srnet.Lifter) -> list[str]:
    """How `srnet lift` says of (T, 17, 2) keypoints that they are mistaken."""
    return warnings_of(as_keypoints(points, size, fps), lifter, mistakes_only=True)


def _print_said(said: Counter[str]) -> None:
    for sentence, times in said.most_common():
        print(f"{times} x {sentence}")


def of_rules(mocap: Path, share: float) -> None:
    """Print how many clips of anybody the rules blame, which look at bodies, joints and frames without a network."""
    rng = np.random.default_rng(0)
    people, said = set(), Counter[str]()
    total = looked_at = blamed = 0
    for name in _DATA:
        dataset = datasets.load(name, datasets.locate(name, mocap / name, "gt", mocap), "gt")
        found = list(dataset.clips(dataset.clip_names))
        for number in np.linspace(0, len(found) - 1, round(share * len(found))).round().astype(int):
            clip = found[number]
            people.add((name, clip.name.subject))
            total += 1
            for keypoints in _variants(clip, dataset.fps, rng):
                warnings = warnings_of(keypoints)
                looked_at += 1
                blamed += bool(warnings)
                said.update(re.sub(r"\d+", "N", sentence) for sentence in warnings)
        print(f"{name}: {total} clips, {blamed} of {looked_at} recordings blamed", flush=True)
    print(f"blamed by rules: {blamed} of {looked_at} recordings, {total} clips of {len(people)} people")
    _print_said(said)


def _variants(clip: Clip, fps: float, rng: np.random.Generator) -> Iterator[Keypoints]:
    points = np.asarray(clip.pose_2d_px, np.float64)
    size = (clip.camera.width_px, clip.camera.height_px)
    for seen in (points, noisy(points, rng, _NOISE)):
        for part in (seen, seen[: round(fps)]):
            yield as_keypoints(part, size, fps)


def main() -> None:
    """Print the counts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="FILE[:WIDTHxHEIGHT]")
    parser.add_argument("--mocap", type=Path, help="folder of the data sets")
    parser.add_argument("--clips", type=int, default=240, help="of each data set, if it has as many")
    parser.add_argument("--rules", action="store_true", help="look at the clips of all people, without networks")
    parser.add_argument("--share", type=float, default=1.0, help="of all clips, with --rules")
    asked = parser.parse_args()
    if bool(asked.files) == bool(asked.mocap) or (asked.rules and not asked.mocap) or not 0 < asked.share <= 1:
        parser.error("give files, or --mocap FOLDER, with --rules or without; a share is above 0 and at most 1")
    if asked.rules:
        return of_rules(asked.mocap.resolve(), asked.share)
    lifter = srnet.Lifter.open(device="cpu")
    return (
        of_files(asked.files, lifter) if asked.files else of_people_left_out(asked.mocap.resolve(), asked.clips, lifter)
    )


if __name__ == "__main__":
    main()
