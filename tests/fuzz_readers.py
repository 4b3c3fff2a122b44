"""Damages keypoint files at random and reads them: only typed errors may come out, in bounded time and memory.

    python tests/fuzz_readers.py --inputs 100000 [--kinds openpose,sleap] [--seed 0]

Each input is a whole file of `keypoint_files` in which some bytes, numbers or pieces are changed, or the end is cut
off. Text is damaged in its values too, npz and HDF5 also in their arrays: such files are whole but hold something else.
Slow inputs, warnings and exceptions of other types are printed with their seeds as they occur.
"""

import argparse
import copy
import io
import json
import random
import re
import resource
import shutil
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from keypoint_files import ALL_WRITERS

from srnet_core.errors import SrnetError
from srnet_core.keypoints import describe, read_keypoints
from srnet_core.mocap.body import bodies_of, is_in_space, read_motions
from srnet_core.mocap.check import check_body

_WORDS = [
    b"null",
    b"NaN",
    b"Infinity",
    b"-1",
    b"1e999",
    b"10000000000",
    b"999999999999999999999999",
    b'"=1+1"',
    b"[]",
    b"{}",
    b"true",
    b'""',
    b"0",
    b"[[[[]]]]",
    b"-0.0",
    b"\x00",
    b"\xff\xfe",
    b'"a"',
    b",",
    b"\t",
    b"\n",
    b"1e6",
    b"0.5",
]
_NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?")
SLOW_S = 5.0  # of processor time: other processes on the machine do not count


_VALUES = [
    None,
    True,
    False,
    0,
    -1,
    1,
    2**70,
    -(2**63),
    10**9,
    1e308,
    float("nan"),
    float("inf"),
    0.5,
    "",
    "x",
    "1",
    "0.jpg",
    [],
    [[]],
    {},
    [None],
    [1, 2, 3],
    [[1, 2], [3, 4]],
    {"x": 1, "y": 2},
    [[[0.0], [1.0]]],
    {"0": []},
]


_NAMES = [
    "keypoints",
    "positions_2d",
    "metadata",
    "boxes",
    "scores",
    "fps",
    "size",
    "joint_names",
    "imgname",
    "center",
    "scale",
    "part",
    "openpose",
    "S",
    "tracks",
    "node_names",
    "pose2d",
]


def damaged_json(content: bytes, rng: random.Random) -> bytes:
    """JSON that is still JSON: values replaced, taken out, doubled, wrapped, or exchanged with others of the file."""
    encoding = json.detect_encoding(content)
    value = json.loads(content)
    for _ in range(rng.choice((1, 1, 2, 5))):
        places = []
        node, holder, key = value, None, None
        for _ in range(rng.randrange(1, 12)):  # a walk down from the top
            if isinstance(node, dict) and node:
                holder, key = node, rng.choice(list(node))
            elif isinstance(node, list) and node:
                holder, key = node, rng.randrange(len(node))
            else:
                break
            places.append((holder, key))
            node = holder[key]
        if not places:
            return json.dumps(rng.choice(_VALUES)).encode(encoding)
        holder, key = rng.choice(places)
        kind = rng.randrange(6)
        if kind <= 1:
            holder[key] = copy.deepcopy(rng.choice(_VALUES))
        elif kind == 2:
            del holder[key]
        elif kind == 3:
            holder[key] = [holder[key]] if rng.random() < 0.5 else {"a": holder[key]}
        elif kind == 4 and isinstance(holder, list):
            holder[key:key] = [copy.deepcopy(holder[key]) for _ in range(rng.choice((1, 3, 50)))]
        else:
            other_holder, other_key = rng.choice(places)
            if other_key in other_holder if isinstance(other_holder, dict) else other_key < len(other_holder):
                holder[key] = json.loads(json.dumps(other_holder[other_key]))
    return json.dumps(value).encode(encoding)


def _other_array(rng: random.Random) -> np.ndarray:
    """An array that does not belong where it is put."""
    shape = rng.choice(
        [(), (0,), (3,), (12,), (2, 3), (12, 2), (12, 24, 3), (12, 17, 2), (0, 17, 2), (1, 1, 1, 1), (12, 0, 3)]
    )
    number = rng.choice([0, -1, 1, 0.5, 1e300, float("nan"), float("inf"), 2**62])
    kind = rng.choice(["f4", "f8", "f8", "i8", "u1", "?", "c8", "U3", "S3"])
    with np.errstate(over="ignore", invalid="ignore"):
        return np.full(shape, number, "f8").astype(kind)


def damaged_npz(content: bytes, rng: random.Random) -> bytes:
    """An npz whose checksums are right: members damaged in their bytes, taken out, exchanged, renamed or replaced."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for _ in range(rng.choice((1, 1, 2, 3))):
        if not members:
            break
        name = rng.choice(list(members))
        kind = rng.randrange(7)
        if kind <= 2:
            members[name] = damaged_bytes(members[name], rng)
        elif kind == 3:
            del members[name]
        elif kind == 4:
            members[name] = members[rng.choice(list(members))]
        elif kind == 5:
            members[rng.choice(_NAMES) + ".npy"] = members.pop(name) if rng.random() < 0.5 else members[name]
        else:
            buffer = io.BytesIO()
            np.save(buffer, _other_array(rng))
            members[name] = buffer.getvalue()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return made.getvalue()


def damaged_hdf5(content: bytes, rng: random.Random) -> bytes:
    """An HDF5 file that can be opened: data sets taken out, exchanged, replaced or hung elsewhere."""
    made = io.BytesIO(content)
    with h5py.File(made, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        for _ in range(rng.choice((1, 1, 2, 3))):
            name, other = rng.choice(names), rng.choice(names)
            kind = rng.randrange(5)
            if name not in file:
                continue
            if kind == 0:
                del file[name]
            elif kind == 1 and other in file and not other.startswith(name):
                del file[name]
                file[name] = file[other]  # a hard link
            elif kind == 2 and (new := rng.choice(_NAMES)) not in file:
                file[new] = file[name]
            elif file[name].attrs and kind == 3:
                file[name].attrs[rng.choice(list(file[name].attrs))] = rng.choice([1, -1, b"x", "frame_table"])
            else:
                array = _other_array(rng)
                del file[name]
                file[name] = array.astype("S3") if array.dtype.kind == "U" else array
    return made.getvalue()


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Some bytes of a file changed, cut out, put in or doubled; numbers of texts replaced by others."""
    for start, damage in ((b"{", damaged_json), (b"[", damaged_json), (b"PK", damaged_npz), (b"\x89HDF", damaged_hdf5)):
        if content.startswith(start) and rng.random() < 0.6:
            return damage(content, rng)
    return damaged_bytes(content, rng)


def damaged_bytes(content: bytes, rng: random.Random) -> bytes:
    """As `damaged`, whatever the content is."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(7)
        if kind == 0 and data:
            data[at % len(data)] = rng.randrange(256)
        elif kind == 1:
            del data[at : at + rng.choice((1, 3, 20, 400))]
        elif kind == 2:
            data[at:at] = rng.choice(_WORDS)
        elif kind == 3:
            del data[at:]
        elif kind == 4:
            data[at:at] = data[max(0, at - 60) : at]
        elif found := _NUMBER.search(data, at):
            data[found.start() : found.end()] = rng.choice(_WORDS)
    return bytes(data)


def one_input(whole: Path, folder: Path, rng: random.Random) -> bool:
    """Copy a file or folder with damage in it, and read it.

    Returns:
        Whether the reader told an error.

    Raises:
        Exception: anything but an error of srnet.
    """
    target = folder / "input"
    if target.is_dir():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    if whole.is_dir():
        target.mkdir()
        files = sorted(whole.iterdir())[:4]
        victim = rng.choice(files)
        for file in files:
            content = file.read_bytes()
            name = file.name
            if file == victim:
                content = damaged(content, rng)
                if rng.random() < 0.1:
                    name = rng.choice(("x.json", "9" * 60 + ".json", "a" + name, name.replace("0", "7"), "-1.txt"))
            (target / name).write_bytes(content)
    else:
        target.write_bytes(damaged(whole.read_bytes(), rng))
    try:
        describe(target)
        if is_in_space(target):
            for name, motion in read_motions(target).items():
                for body in bodies_of(name, motion):
                    check_body(body)
            return False
        found = read_keypoints(target)
        found.mend_swaps().fill_gaps(max_frames=3)
        if found.layout is not None:
            found.to_h36m17()
    except SrnetError as error:
        if "\n" in str(error) or len(str(error)) > 2000:
            raise AssertionError(f"not one line: {error}") from error
        return True
    return False


def run(kinds: list[str], inputs: int, seed: int, report: Callable[[str], None] | None = None) -> list[str]:
    """Read `inputs` damaged files of each kind.

    Args:
        report: called with a line for each problem, when it occurs, and for each kind that is done.

    Returns:
        The problems, one line each.
    """
    report = report or (lambda line: None)
    wrong: list[str] = []

    def problem(name: str, what: str) -> None:
        wrong.append(f"{name}: {what}")
        report(wrong[-1])

    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        for kind in kinds:
            whole = ALL_WRITERS[kind][0](folder / ("whole " + kind))
            started, before = time.monotonic(), len(wrong)
            for number in range(inputs):
                name = f"{kind}, seed {seed}-{kind}-{number}"
                begun = time.process_time()
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("error")  # a user would see it without knowing what to do
                        one_input(whole, folder, random.Random(f"{seed}-{kind}-{number}"))
                except Exception as error:
                    problem(name, f"{type(error).__name__}: {str(error)[:200]}")
                taken = time.process_time() - begun
                if taken > SLOW_S:
                    problem(name, f"took {taken:.1f} s")
            seconds = time.monotonic() - started
            report(f"{kind}: {inputs} inputs, {len(wrong) - before} problems, {seconds:.0f} s")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=100_000, help="damaged files of each kind")
    parser.add_argument("--kinds", default="", help="comma-separated beginnings of kinds; all if left out")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    starts = tuple(arguments.kinds.split(",")) if arguments.kinds else ("",)
    kinds = [k for k in ALL_WRITERS if k.startswith(starts)]
    wrong = run(kinds, arguments.inputs, arguments.seed, report=lambda line: print(line, flush=True))
    print(f"{len(wrong)} problems; most memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
