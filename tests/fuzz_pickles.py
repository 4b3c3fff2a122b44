"""Damages npz and torch files at random and reads them: a good value or an error of srnet, in bounded memory.

    python tests/fuzz_pickles.py --mutants 100000 [--kinds npz,torch] [--minutes 40] [--seed 0]

Each mutant is a whole small file with bits flipped, bytes exchanged, pieces cut out, doubled or put in (opcodes of
pickles, numbers, names), or cut short. Most are damaged in the pickle, around which the zip is made anew, so that the
damage gets past the checksums. The process may take little more memory than it has at the start, and a hook of the
interpreter reports anything that a file makes it run, import or open.
"""

import argparse
import collections
import contextlib
import importlib
import io
import os
import pathlib
import random
import resource
import struct
import sys
import tempfile
import time
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
import torch
from support.npz_making import dump, npy_header, pickled_npy, poses

from srnet_core.checkpoint import load_checkpoint
from srnet_core.errors import SrnetError
from srnet_core.lookup import names
from srnet_core.models import build_model
from srnet_core.readers.inert import InertRecord
from srnet_core.readers.npz import read_npz
from srnet_core.readers.torch_file import RandomState, read_torch_file
from srnet_core.skeletons import get_skeleton

MORE_BYTES = 1 << 30  # that a process may take over what it has before the first mutant
SLOW_S = 5.0
_OPCODES = b"()]}NJKMLIFGSTUVXBCaesudtl012bRcqrphgjioPQ." + bytes([*range(0x80, 0x82), *range(0x85, 0x97)])
_PIECES = (
    b"cos\nsystem\n",
    b"cbuiltins\neval\n",
    b"cbuiltins\ngetattr\n",
    b"cmine\nThing\n)\x81",
    b"cmine\nThing\n)R",
    b"ccollections\nOrderedDict\n)R",
    b"cbuiltins\nset\n]\x85R",
    b"c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00bz2\x86R",
    b"](h\x00h\x00h\x00h\x00h\x00h\x00e",
    b"J\xff\xff\xff\xff",
    b"J\xff\xff\xff\x7f",
    b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\x8b\xff\xff\xff\x7f",
    b"\x8e\x00\x00\x00\x00\x00\x00\x00\x40",
    b"X\xff\xff\xff\xff",
    b"G\x7f\xf0\x00\x00\x00\x00\x00\x00",
    b"(" * 50,
    b"]" * 200,
    b"2" * 20,
    b"K\x00K\x01s",
    b"\x85b",
)
_FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.remove",
    "os.rename",
    "os.mkdir",
    "subprocess.Popen",
    "import",
    "socket.connect",
    "socket.bind",
    "ctypes.dlopen",
    "compile",
    "exec",
    "pickle.find_class",
    "shutil.rmtree",
    "urllib.Request",
    "marshal.loads",
    "code.__new__",
)


class Watch:
    """Counts what the interpreter is made to run while a file is read."""

    def __init__(self) -> None:
        self.on, self.seen = False, collections.Counter[str]()
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple) -> None:
        if self.on and event in _FORBIDDEN:
            self.seen[f"{event} {str(arguments)[:200]}"] += 1


class Thing:
    """An object of a class that is not read."""

    def __init__(self, **fields: object):
        self.__dict__.update(fields)


def npz_seeds() -> list[dict[str, bytes]]:
    """Members of honest npz files, by name."""
    odd = {
        "S1": collections.defaultdict(dict, Walking=[np.arange(6.0).reshape(2, 3), None]),
        "args": argparse.Namespace(architecture="3,3,3", path=pathlib.PurePosixPath("/a/b"), thing=Thing(a={1, 2})),
        "masked": np.ma.masked_array([1.0, 2.0], [False, True]),
        "date": np.array(["2020-01-01"], "datetime64[D]"),
        "numbers": (1 + 2j, frozenset("ab"), 2**70, np.float32(1.5), collections.OrderedDict(a=1)),
    }
    views = np.empty(2, object)
    views[0], views[1] = np.zeros((2, 3), "f4"), np.ones((3, 3), "f4")
    odd["views"] = views
    small = {"S1": {"a": np.arange(6.0).reshape(2, 3), "b": [1, "x", None]}}
    seeds = [{"x.npy": pickled_npy(dump(value, protocol))} for value in (small, odd) for protocol in range(6)]
    seeds.append({"x.npy": pickled_npy(dump(poses(), 4)), "y.npy": npy_header("<f8", "(2, 3)") + bytes(48)})
    return seeds


def torch_seeds() -> list[bytes]:
    """Honest torch files: ours, the old format, a whole network, what others put beside the weights."""
    torch.manual_seed(0)
    model = build_model("fc", channels=4, filter_widths=(3,))
    content = {
        "epoch": 3,
        "lr": np.float32(0.001),
        "random_state": np.random.RandomState(1),
        "model_pos": model.state_dict(),
        "args": argparse.Namespace(architecture="3"),
    }
    small = {
        "w": torch.nn.Parameter(torch.zeros(2, 3)),
        "half": [torch.zeros(2, dtype=kind) for kind in (torch.half, torch.bfloat16, torch.bool, torch.uint16)],
        "view": torch.arange(6.0).reshape(2, 3).t()[1:],
        "sizes": (torch.Size([1, 2]), torch.device("cpu"), torch.float32),
    }
    seeds = []
    for value in (content, small, torch.nn.Sequential(torch.nn.Linear(3, 2))):
        for how in ({}, {"_use_new_zipfile_serialization": False}, {"pickle_protocol": 4}):
            out = io.BytesIO()
            torch.save(value, out, **how)
            seeds.append(out.getvalue())
    return seeds


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Some bits, bytes or pieces of a file changed."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 8))):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(9)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif kind == 1 and data:
            data[at % len(data)] = rng.randrange(256)
        elif kind == 2 and data:
            other = rng.randrange(len(data))
            data[at % len(data)], data[other] = data[other], data[at % len(data)]
        elif kind == 3:
            del data[at : at + rng.choice((1, 2, 3, 20, 200))]
        elif kind == 4:
            data[at:at] = bytes(rng.choice(_OPCODES) for _ in range(rng.choice((1, 2, 5))))
        elif kind == 5:
            data[at:at] = rng.choice(_PIECES)
        elif kind == 6:
            data[at:at] = data[max(0, at - rng.choice((1, 5, 60))) : at]
        elif kind == 7:
            data[at : at + 4] = struct.pack("<I", rng.choice((0, 1, 255, 2**16, 2**31 - 1, 2**32 - 1)))
        elif rng.random() < 0.2:
            del data[at:]
    return bytes(data)


def zipped(members: dict[str, bytes], compression: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def npz_mutant(seed: dict[str, bytes], rng: random.Random) -> bytes:
    """A damaged npz file; mostly the pickle is damaged and the zip around it is whole."""
    compression = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    if rng.random() < 0.25:
        return damaged(zipped(seed, compression), rng)
    name = rng.choice(list(seed))
    return zipped(seed | {name: damaged(seed[name], rng)}, compression)


def torch_mutant(seed: bytes, rng: random.Random) -> bytes:
    """A damaged torch file; in zip files mostly the pickle is damaged and the zip is whole."""
    if not seed.startswith(b"PK") or rng.random() < 0.2:
        return damaged(seed, rng)
    with zipfile.ZipFile(io.BytesIO(seed)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    chosen = [name for name in members if name.endswith("data.pkl")]
    if rng.random() < 0.1:
        chosen = [rng.choice(list(members))]
    members[chosen[0]] = damaged(members[chosen[0]], rng)
    return zipped(members, zipfile.ZIP_STORED)


def check_value(value: object, depth: int = 0) -> None:
    """Raise `AssertionError` for a value that is not plain."""
    assert depth < 200
    if isinstance(value, RandomState):
        assert value.key.shape == (624,)
    elif isinstance(value, dict):
        assert type(value) is dict
        for key, item in value.items():
            check_value(key, depth + 1)
            check_value(item, depth + 1)
    elif isinstance(value, (list, tuple, set, frozenset)):
        assert type(value) in (list, tuple, set, frozenset)
        for item in value:
            check_value(item, depth + 1)
    elif isinstance(value, np.ndarray) and value.dtype == object:
        for item in value.reshape(-1):
            check_value(item, depth + 1)
    elif isinstance(value, (np.ndarray, np.generic)):
        assert value.dtype.kind in "biufcSU"
        np.asarray(value).tolist()
    elif isinstance(value, torch.Tensor):
        value.sum() if value.dtype.is_floating_point else value.clone()
    else:
        assert value is None or type(value) in (str, bytes, int, float, bool, complex, InertRecord), type(value)


def run(kind: str, mutants: int, seed: int, minutes: float, folder: Path, watch: Watch) -> tuple[dict, list[str]]:
    """Read damaged files of a kind; returns counts of the outcomes, and what went wrong, one line each."""
    seeds = npz_seeds() if kind == "npz" else torch_seeds()
    path, counts, wrong = folder / f"x.{kind}", collections.Counter[str](), []
    end = time.monotonic() + 60 * minutes
    for number in range(mutants):
        rng = random.Random(f"{seed}-{kind}-{number}")
        content = (npz_mutant if kind == "npz" else torch_mutant)(seeds[number % len(seeds)], rng)
        path.write_bytes(content)
        began = time.monotonic()
        watch.on = True
        try:
            if kind == "npz":
                value = read_npz(path)
            elif number % 20 == 0:  # what is built on it
                load_checkpoint(path)
                value = None
            else:
                value = read_torch_file(path)
            watch.on = False
            check_value(value)
            counts["good value"] += 1
        except SrnetError as error:
            watch.on = False
            counts[type(error).__name__] += 1
            if "\n" in str(error) or len(str(error)) > 2000 or "memory of this machine" in str(error):
                wrong.append(f"seed {seed}-{kind}-{number}: {str(error)[:200]!r}")
        except Exception as error:
            watch.on = False
            wrong.append(f"seed {seed}-{kind}-{number}: {type(error).__name__}: {str(error)[:200]}")
        if time.monotonic() - began > SLOW_S:
            wrong.append(f"seed {seed}-{kind}-{number}: took {time.monotonic() - began:.1f} s")
        if time.monotonic() > end:
            break
    return dict(counts), wrong


def import_everything(folder: Path) -> None:
    """Import what reading may import later, so that the watch sees only what a file causes."""
    importlib.import_module("encodings.cp437")  # names in zip files
    for name in names("models"):
        importlib.import_module(f"srnet_core.models.{name}")
    for name in names("skeletons"):
        get_skeleton(name)
    with torch.device("meta"):
        torch.zeros(1)
    path = folder / "whole"
    for content in torch_seeds():
        path.write_bytes(content)
        with contextlib.suppress(SrnetError):
            check_value(read_torch_file(path))
        with contextlib.suppress(SrnetError):
            load_checkpoint(path)
    for members in npz_seeds():
        path.write_bytes(zipped(members, zipfile.ZIP_DEFLATED))
        check_value(read_npz(path))


def bound_memory(more_bytes: int) -> None:
    """Let this process take no more than some bytes over what it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    bound = pages * os.sysconf("SC_PAGE_SIZE") + more_bytes
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=100_000, help="damaged files of each kind")
    parser.add_argument("--kinds", default="npz,torch")
    parser.add_argument("--minutes", type=float, default=20, help="longest time for each kind")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    watch, all_wrong = Watch(), []
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        import_everything(Path(name))
        bound_memory(MORE_BYTES)
        for kind in arguments.kinds.split(","):
            began = time.monotonic()
            counts, wrong = run(kind, arguments.mutants, arguments.seed, arguments.minutes, Path(name), watch)
            all_wrong += wrong + [f"{kind}: the interpreter was made to do {event}" for event in watch.seen]
            watch.seen.clear()
            total = sum(counts.values()) + len(wrong)
            told = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
            print(f"{kind}: {total} mutants in {time.monotonic() - began:.0f} s: {told}", flush=True)
    print("\n".join(all_wrong[:100]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(all_wrong)} problems; most memory {peak:.0f} MiB")
    return 1 if all_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
