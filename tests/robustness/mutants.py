"""Damaged files for every reader: each gives a value or an error of one line, in bounded time."""

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import fuzz_readers
from keypoint_files import ALL_WRITERS

from robustness.tally import Tally
from robustness.world import CHECKPOINT, Failed, copy_of, stage_content, stage_folder
from srnet_core.errors import SrnetError

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "readers"))
import mocap_damage

SLOW_S = 5.0
_TOML = b"""# groups
torso = ["hip", "spine", "thorax", "neck", "head"]
left_arm = ["l_shoulder", "l_elbow", "l_wrist"]
right_arm = ["r_shoulder", "r_elbow", "r_wrist"]
left_leg = ["l_hip", "l_knee", "l_foot"]
right_leg = ["r_hip", "r_knee", "r_foot"]
"""
_PRESET = b"""# settings
[model]
name = "srnet"
filter_widths = [3, 3, 3]
channels = 40

[train]
epochs = 2
lr = 0.001
"""


def all_readers(template: Path, times: int, seed: int) -> Iterator[tuple[str, Callable[[], Tally]]]:
    """For each reader, `times` damaged files, shared out among the kinds of file that it reads.

    Yields, for each kind: its name in the table, and the function that makes its trials. The files to damage lie in a
    temporary folder: make the trials of one kind before you ask for the next.

    Args:
        template: a folder with a trained run.
    """
    with copy_of(template) as world, tempfile.TemporaryDirectory(prefix="robustness-") as scratch:
        folder = Path(scratch)
        kinds_of = Counter(reader for _, reader, *_ in ALL_WRITERS.values())
        for kind, (write, reader, *_) in ALL_WRITERS.items():
            whole, share = write(folder / f"whole {kind}"), -(-times // kinds_of[reader])
            yield _named(reader, kind, share, seed, partial(fuzz_readers.one_input, whole, folder))
        for kind in mocap_damage.KINDS:
            yield _named(kind, kind, times, seed, partial(_mocap, kind, folder))
        for kind, path, read in _others(world):
            read(path)  # raises an error if the file is refused before it is damaged: then damage would show nothing
            target = path.with_name("damaged.npz" if path.suffix == ".npz" else f"damaged{path.suffix}")
            yield _named(kind, kind, times, seed, partial(_damage, path.read_bytes(), target, read))
        for kind, path, read in _stage_files(world):
            read(path)
            yield _named("stage", kind, times, seed, partial(_damage, path.read_bytes(), path, read))


def _named(
    reader: str, kind: str, times: int, seed: int, one: Callable[[random.Random], bool]
) -> tuple[str, Callable[[], Tally]]:
    what = f"damaged file of {reader}: {kind.removeprefix(reader).strip()}".removesuffix(": ")
    return what, partial(_try, what, kind, times, seed, one)


def _try(what: str, kind: str, times: int, seed: int, one: Callable[[random.Random], bool]) -> Tally:
    """Damage files of one kind; `one` says whether the reader told an error."""
    tally = Tally(what)
    for number in range(times):
        name = f"{seed}-{kind}-{number}"
        with tally.trial(f"seed {name}"):
            began = time.process_time()
            tally.told += one(random.Random(name))
            if (taken_s := time.process_time() - began) > SLOW_S:
                raise Failed(f"took {taken_s:.1f} s")
    return tally


def _mocap(kind: str, folder: Path, rng: random.Random) -> bool:
    return mocap_damage.read(kind, folder, mocap_damage.damaged(mocap_damage.whole(kind, rng), rng)) is None


def _damage(content: bytes, path: Path, read: Callable[[Path], object], rng: random.Random) -> bool:
    """Write a damaged file to `path`, read it, and put the whole one back; whether an error was told."""
    path.write_bytes(fuzz_readers.damaged(content, rng))
    try:
        read(path)
    except SrnetError as error:
        if "\n" in str(error):
            raise Failed(f"not one line: {error}") from error
        return True
    finally:
        path.write_bytes(content)
    return False


def _others(template: Path) -> Iterator[tuple[str, Path, Callable[[Path], object]]]:
    """Kind, whole file and reader of the files that srnet itself writes or is configured by.

    Args:
        template: a folder with a trained run; the files to damage are put into it.
    """
    from srnet_core.body_parts import read_groups
    from srnet_core.checkpoint import load_checkpoint
    from srnet_core.config import RunConfig, merge, read_toml
    from srnet_core.datasets import load

    micro_3d, micro_2d = (template / "data" / name for name in ("data_3d_micro.npz", "data_2d_micro_gt.npz"))
    yield "checkpoint", template / CHECKPOINT, load_checkpoint
    yield "npz of 3D poses", micro_3d, lambda path: load("micro", [path, micro_2d], "gt")
    yield "npz of keypoints", micro_2d, lambda path: load("micro", [micro_3d, path], "gt")
    for name, content, read in (
        ("TOML of groups", _TOML, read_groups),
        ("TOML of settings", _PRESET, lambda path: merge(RunConfig(), read_toml(path), where=path)),
    ):
        path = template / f"{name}.toml"
        path.write_bytes(content)
        yield name, path, read


def _stage_files(template: Path) -> Iterator[tuple[str, Path, Callable[[Path], object]]]:
    """Kind, file and reader of a stage: its manifest, the description of an array, a chunk."""
    for kind, name in (
        ("manifest.json", "manifest.json"),
        ("zarr.json of the frames", "pose_2d/zarr.json"),
        ("chunk of the frames", "pose_2d/c/0/0/0"),
    ):
        yield kind, stage_folder(template) / name, lambda _: stage_content(template)
