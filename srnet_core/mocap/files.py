"""Motion capture files of any kind: found in a folder, recognized by what is in them, read into a `Motion`."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from srnet_core.errors import BadFileError, InputFileMissing, UserMistake
from srnet_core.lookup import path_hint
from srnet_core.mappings.propose import known_mapping
from srnet_core.motion import Motion
from srnet_core.readers import amc
from srnet_core.readers.bounded import open_regular
from srnet_core.readers.formats import load_format
from srnet_core.readers.head import Head
from srnet_core.readers.record import CAPTURED, record

FORMATS = ("bvh", "amc", "c3d", "trc", "qualisys", "motive", "nexus", "mvnx")
_OF_MOTION_ONLY = ("qualisys", "motive", "nexus", "mvnx")  # whose readers give one motion
MAX_FILES = 100_000


def recognize(path: str | Path) -> str | None:
    """The format of a file by its first bytes: one of `FORMATS`, "asf", "fbx", or `None` for anything else.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is a folder, is empty, or cannot be read.
    """
    with open_regular(path):
        head = Head(path)
    if head.start.startswith(b"Kaydara FBX Binary") or head.text.lstrip().startswith("; FBX "):
        return "fbx"
    if amc.is_asf(head):
        return "asf"
    return next((name for name in FORMATS if load_format(name).sniff(head) > 0), None)


def find_files(path: str | Path) -> list[Path]:
    """The motion capture files in a folder and the folders below it, or the one file; names with numbers in order.

    Raises:
        InputFileMissing: there are none.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    if not path.is_dir():
        todo = f"{path_hint(path)}Check the path"
        raise InputFileMissing("there is no such file or folder", where=path, todo=todo)
    found, fbx = [], 0
    for file in sorted(path.rglob("*"), key=lambda p: _natural(p.relative_to(path).as_posix())):
        if not file.is_file() or file.name.startswith("."):
            continue
        try:
            kind = recognize(file)
        except UserMistake:
            continue  # a file that may not be read is none of those to import
        fbx += kind == "fbx"
        if kind in FORMATS:
            found.append(file)
        if len(found) > MAX_FILES:
            raise BadFileError(f"holds more than {MAX_FILES} motion files", where=path, todo="Import parts of it")
    if not found:
        more = f"; its {fbx} FBX files are not read" if fbx else ""
        todo = "Export BVH from the program that wrote the FBX" if fbx else f"Read are {', '.join(FORMATS)}"
        raise InputFileMissing(f"holds no motion capture{more}", where=path, todo=todo)
    return found


def read_motion(path: str | Path) -> Motion:
    """The motion in a file of any of the `FORMATS`.

    Raises:
        InputFileMissing: there is no such file, or no ASF file for an AMC file.
        BadFileError: it is none of these formats, or damaged.
    """
    path = Path(path)
    kind = recognize(path)
    if kind == "bvh":
        from srnet_core.readers.bvh import read_bvh

        return read_bvh(path)
    if kind == "amc":
        from srnet_core.readers.amc import read_amc

        return read_amc(path)
    if kind == "c3d":
        from srnet_core.readers.c3d import read_c3d

        return read_c3d(path)
    if kind == "trc":
        return _read_trc(path)
    if kind in _OF_MOTION_ONLY:
        return load_format(kind).motions(Head(path))[""]
    if kind == "asf":
        raise BadFileError("is a skeleton without motion", where=path, todo="Give the AMC files beside it")
    if kind == "fbx":
        raise BadFileError(
            "is an FBX file, which is not read", where=path, todo="Export BVH from the program it is from"
        )
    raise BadFileError(f"is none of {', '.join(FORMATS)}", where=path)


def describe(path: str | Path) -> dict[str, Any]:
    """What is in a motion capture file, as plain values; what the file does not tell is `None`.

    `joints` is the number of joints or markers before any mapping, without the ends of bones. `layout` is the name of
    the project's mapping that fits the names.

    Raises:
        InputFileMissing, BadFileError: as `read_motion`.
    """
    return describe_motion(read_motion(path))


def describe_motion(motion: Motion) -> dict[str, Any]:
    """The same of a motion that has been read."""
    people = split_people(motion)
    one = next(iter(people.values()))
    return record(
        CAPTURED,
        motion.format,
        layout=known_mapping(one.names, one.format),
        frames=motion.frames,
        people=len(people),
        joints=len(one.joints),
        fps=motion.fps,
        units=motion.units,
        joint_names=[one.names[j] for j in one.joints],
        missing_share=round(motion.missing_fraction, 4),
        notes=motion.notes,
    )


def _read_trc(path: Path) -> Motion:
    from srnet_core.readers.trc import motion_of, read_trc

    markers = read_trc(path)
    if markers.is_pixels:
        raise BadFileError("holds 2D keypoints in pixels, not 3D", where=path, todo="Import it as keypoints")
    return motion_of(markers)


def split_people(motion: Motion) -> dict[str, Motion]:
    """{name: motion} of each person in a file: markers named "Anna:LASI" and "Ben:LASI", or several skeletons.

    A file of one person gives {"": motion}.
    """
    groups: dict[str, list[int]] = {}
    if motion.parents is None:
        for i, name in enumerate(motion.names):
            groups.setdefault(name.rpartition(":")[0], []).append(i)
        labels = {person: {motion.names[i].rpartition(":")[2] for i in points} for person, points in groups.items()}
        most = max(map(len, labels.values()), default=0)
        people = [person for person, own in labels.items() if person and len(own) >= max(3, 0.5 * most)]
    else:
        roots: list[int] = []
        for i, parent in enumerate(motion.parents):
            roots.append(i if parent < 0 else roots[parent])
        for i, root in enumerate(roots):
            groups.setdefault(f"{motion.names[root]} {root}", []).append(i)
        people = [person for person, points in groups.items() if len(points) >= 10]
    if len(people) < 2:
        return {"": motion}
    return {person: _subset(motion, groups[person]) for person in people}


def _subset(motion: Motion, points: Sequence[int]) -> Motion:
    new_index = {old: new for new, old in enumerate(points)}
    return replace(
        motion,
        names=tuple(motion.names[p] for p in points),
        parents=None if motion.parents is None else tuple(new_index.get(motion.parents[p], -1) for p in points),
        positions=motion.positions[:, list(points)],
        ends=tuple(new_index[e] for e in motion.ends if e in new_index),
        rest=None if motion.rest is None else motion.rest[list(points)],
    )


def _natural(name: str) -> list:
    return [(1, int(p), "") if p.isdigit() and len(p) < 18 else (0, 0, p) for p in re.split(r"(\d+)", name)]
