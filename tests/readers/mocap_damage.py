"""Motion capture files damaged at random, for the tests and for long runs by hand:

python tests/readers/mocap_damage.py 100000
"""

import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import numpy as np
from c3d_making import make_c3d
from tables_making import DEVICES, motive, mvnx, nexus, qualisys, qualisys_skeleton

from srnet_core.errors import UserMistake
from srnet_core.readers.amc import read_amc, read_asf
from srnet_core.readers.bvh import read_bvh
from srnet_core.readers.c3d import read_c3d
from srnet_core.readers.motive import read_motive
from srnet_core.readers.mvnx import read_mvnx
from srnet_core.readers.nexus import read_nexus
from srnet_core.readers.qualisys import read_qualisys

BVH = b"""HIERARCHY
ROOT Hips
{
\tOFFSET 0.0 1.5e1 0.0
\tCHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
\tJOINT LeftUpLeg
\t{
\t\tOFFSET 3 -4 0
\t\tCHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
\t\tEnd Site
\t\t{
\t\t\tOFFSET 0 -9 1
\t\t}
\t}
}
MOTION
Frames: 3
Frame Time: .0333
0 0 0 10 20 30 3 -4 0 1 2 3
1 2 3 10 20 30 3 -4 0 1 2 3
2 4 6 10 20 30 3 -4 0 1 2 3
"""
ASF = b""":version 1.10
:units
 length 0.45
 angle deg
:root
 order TX TY TZ RX RY RZ
 axis XYZ
 position 0 0 0
 orientation 0 0 0
:bonedata
 begin
  id 1
  name lfemur
  direction 0.3 -0.9 0
  length 7.3
  axis 0 0 20 XYZ
  dof rx ry rz
 end
 begin
  name ltibia
  direction 0.3 -0.9 0
  length 7.1
  axis 0 0 20 XYZ
  dof rx
 end
:hierarchy
 begin
  root lfemur
  lfemur ltibia
 end
"""
AMC = b""":FULLY-SPECIFIED
:DEGREES
1
root 1 2 3 4 5 6
lfemur 1 2 3
ltibia 4
2
root 1 2 3 4 5 6
lfemur 1 2 3
ltibia 4
"""
_POINTS = np.arange(36, dtype=float).reshape(4, 3, 3)
C3D = [
    make_c3d(_POINTS, processor=processor, integer=integer, analog=2, trial=(1, 4))
    for processor in ("Intel", "DEC", "MIPS")
    for integer in (False, True)
]
_NAMES = ("Anna:LASI", "Anna:RASI", "Anna:LKNE")
_BONES = [f"Anna:Bone{i}" for i in range(12)]
TABLES = {
    "qualisys": [
        qualisys(_POINTS, _NAMES),
        qualisys(_POINTS, _NAMES, columns=True, version=True),
        qualisys(_POINTS, _NAMES, frame_and_time=False, tail="\t"),
        qualisys_skeleton(_POINTS, _NAMES),
    ],
    "motive": [
        motive([("Rigid Body Marker", _NAMES, _POINTS), ("Marker", _NAMES, _POINTS)], timecode=True),
        motive([("Bone", _BONES, np.ones((4, len(_BONES), 3)))], parents=True),
    ],
    "mvnx": [mvnx(_POINTS, ("Pelvis", "L5", "L3"))],
    "nexus": [nexus(_POINTS, _NAMES, before=DEVICES), nexus(_POINTS, _NAMES, separator="\t")],
}
TEXT_TOKENS = [
    b"{",
    b"}",
    b"nan",
    b"inf",
    b"-",
    b"1e999",
    b"1e308",
    b"9" * 30,
    b"\0",
    b"JOINT x {",
    b"End Site {",
    b"CHANNELS",
    b"OFFSET",
    b"MOTION",
    b"Frames: 999999999999",
    b"ROOT",
    b":",
    b"#",
    b"\r",
    b"\xff\xfe",
    b"begin",
    b"end",
    b"dof",
    b":DEGREES",
    b"root",
    b"1_0",
    b"0x10",
    b"-0",
    b"Xrotation",
    b"axis",
    b"\xe2\x82\xac",
    b"99 Xrotation",
    b"\t\t\t",
    b",,,",
    b'"',
    b";",
    b"1,5",
    b"Trajectories\n",
    b"\nFrame,Sub Frame,X,Y,Z",
    b"MARKER_NAMES\t",
    b",Position,X",
    b",Bone",
]
KINDS = ("bvh", "asf", "amc", "c3d", "qualisys", "motive", "nexus", "mvnx")
_READ = {
    "bvh": read_bvh,
    "asf": read_asf,
    "amc": read_amc,
    "c3d": read_c3d,
    "qualisys": read_qualisys,
    "motive": read_motive,
    "nexus": read_nexus,
    "mvnx": read_mvnx,
}


def whole(kind: str, rng: random.Random) -> bytes:
    if kind in TABLES:
        return rng.choice(TABLES[kind]).encode()
    return rng.choice(C3D) if kind == "c3d" else {"bvh": BVH, "asf": ASF, "amc": AMC}[kind]


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Bytes replaced, cut out, put in, repeated, or the end cut off."""
    content = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at = rng.randrange(len(content) + 1)
        what = rng.randrange(7)
        if what == 0 and at < len(content):
            content[at] = rng.randrange(256)
        elif what == 1:
            del content[at : at + rng.choice((1, 2, 4, 30))]
        elif what == 2:
            content[at:at] = rng.choice(TEXT_TOKENS)
        elif what == 3:
            content[at : at + 2] = rng.choice((b"\xff\xff", b"\0\0", b"\x7f\xff", b"\x80\0"))
        elif what == 4:
            piece = bytes(content[at : at + rng.choice((4, 40, 200))])
            content[at:at] = piece * rng.choice((1, 2, 5))
        elif what == 5:
            del content[at:]
        elif at < len(content):
            content[at] ^= 1 << rng.randrange(8)
        if not content:
            break
    return bytes(content)


def read(kind: str, folder: Path, content: bytes):
    """Read one damaged file; other errors than those of srnet come out."""
    path = folder / f"a.{kind}"
    path.write_bytes(content)
    if kind == "amc":
        (folder / "a.asf").write_bytes(ASF)
    try:
        return _READ[kind](path)
    except UserMistake as error:
        assert "\n" not in str(error), error
        return None


def main(count: int) -> None:
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            rng, start, good, slowest = random.Random(1), time.monotonic(), 0, 0.0
            for _ in range(count):
                content = damaged(whole(kind, rng), rng)
                began = time.monotonic()
                try:
                    good += read(kind, Path(folder), content) is not None
                except Exception:
                    failures += 1
                    traceback.print_exc(limit=-3)
                    print(kind, content)
                slowest = max(slowest, time.monotonic() - began)
                if failures > 5:
                    sys.exit(1)
            taken = time.monotonic() - start
            print(f"{kind}: {count} inputs, {good} still readable, slowest {slowest:.3f} s, {taken:.0f} s in all")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
