"""The 3D file of a published data set: `positions_3d` -> {subject: {take: (T, J, 3)}} in an .npz (VideoPose3D).

A take may also be a list or a dict of one array per camera, as converters of MPI-INF-3DHP write it. The file holds
pickles, which are read without running anything. Nothing is checked here but shapes, so that files with mistakes can
be looked at.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.motion import Motion
from srnet_core.readers.head import Head
from srnet_core.readers.record import IN_SPACE, record
from srnet_core.skeletons import h36m16, h36m17, h36m32, humaneva15, humaneva20

FORMAT = "positions_3d"
_MOST_TAKES = 100_000
_MOST_LISTED = 1_000
_SKELETONS = {
    module.SKELETON.num_joints: module.SKELETON for module in (h36m16, h36m17, h36m32, humaneva15, humaneva20)
}


def sniff(head: Head) -> float:
    return 0.9 if head.is_npz and "positions_3d" in head.npz else 0.0


def describe(head: Head) -> dict:
    """What the file holds in all, and the takes in it."""
    found = motions(head)
    first = next(iter(found.values()))
    counts = sorted({len(motion.names) for motion in found.values()})
    notes = list(first.notes)
    if len(counts) > 1:
        notes.append(f"Takes have different numbers of joints: {', '.join(map(str, counts))}.")
    skeleton = _SKELETONS.get(len(first.names))
    return record(
        IN_SPACE,
        FORMAT,
        layout=skeleton.name if skeleton and skeleton.joint_names == first.names else None,
        frames=sum(motion.frames for motion in found.values()),
        people=1,
        joints=len(first.names),
        fps=first.fps,
        units=first.units,
        subjects=list(dict.fromkeys(name.partition("/")[0] for name in _subjects(head))),
        cameras=_cameras(head),
        joint_names=first.names,
        sequences=[{"name": name, "frames": m.frames} for name, m in list(found.items())[:_MOST_LISTED]],
        notes=notes,
    )


def motions(head: Head) -> dict[str, Motion]:
    """{"subject/take": motion} in metres, as the layout has it; of takes by camera one motion for each camera.

    Raises:
        BadFileError: it has no takes, or a take that is no array (frames, joints, 3).
    """
    metadata = head.npz.get("metadata")
    details = metadata if isinstance(metadata, dict) else {}
    found: dict[str, Motion] = {}
    for name, pose in _takes(head):
        if len(found) >= _MOST_TAKES:
            raise BadFileError(f"holds more than {_MOST_TAKES} takes", where=head.path)
        found[name] = _motion(pose, details, f"{head.path}, {name[:80]}")
    if not found:
        raise BadFileError("holds no takes", where=head.path)
    return found


def _subjects(head: Head) -> dict:
    subjects = head.npz["positions_3d"]
    if not isinstance(subjects, dict) or not all(isinstance(takes, dict) for takes in subjects.values()):
        raise BadFileError("'positions_3d' must be a dict of subjects, each a dict of takes", where=head.path)
    return {str(subject)[:80]: takes for subject, takes in subjects.items()}


def _takes(head: Head) -> Iterator[tuple[str, object]]:
    for subject, takes in _subjects(head).items():
        for take, value in takes.items():
            name = f"{subject}/{str(take)[:80]}"
            if isinstance(value, (list, tuple)) and value and np.ndim(value[0]) == 3:
                yield from ((f"{name}/camera {i}", view) for i, view in enumerate(value))
            elif isinstance(value, dict):
                yield from ((f"{name}/camera {str(key)[:40]}", view) for key, view in value.items())
            else:
                yield name, value


def _motion(pose: object, details: dict, where: str) -> Motion:
    if not isinstance(pose, np.ndarray) or pose.dtype.kind not in "fiu" or pose.ndim != 3 or pose.shape[2] != 3:
        raise BadFileError("must be an array of shape (frames, joints, 3)", where=where)
    joints = pose.shape[1]
    if not 1 <= joints <= 1000:
        raise BadFileError(f"has {joints} joints", where=where)
    skeleton = _SKELETONS.get(joints)
    names = _listed(details.get("joint_names"), joints)
    if len(set(map(str, names))) != joints:
        names = list(skeleton.joint_names) if skeleton else [f"joint {i}" for i in range(joints)]
    parents = _listed(details.get("parents"), joints)
    if not parents or not all(type(p) is int and -1 <= p < j for j, p in enumerate(parents)):
        parents = list(skeleton.parents) if skeleton else []
    fps = details.get("fps")
    known_fps = isinstance(fps, (int, float)) and 0 < fps < 1e5
    return Motion(
        format=FORMAT,
        names=tuple(str(name)[:80] for name in names),
        parents=tuple(parents) if parents else None,
        positions=pose.astype(np.float64),
        fps=float(fps) if known_fps and fps else None,
        units="m",
        metres_per_unit=1.0,
        units_from="format",
        details={"names_as_in": str(said)[:20]} if (said := details.get("names_as_in")) else {},
        notes=("Lengths are metres in this layout.",),
    )


def _listed(values: object, count: int) -> list[Any]:
    """The items of a list of so many, else none."""
    return list(values) if isinstance(values, (list, tuple)) and len(values) == count else []


def _cameras(head: Head) -> int | None:
    """The number of cameras of a subject where the file has its own; `None` where it has none."""
    cameras = head.npz.get("cameras")
    if isinstance(cameras, dict) and cameras:
        first = next(iter(cameras.values()))
        return len(first) if isinstance(first, (list, tuple, dict)) else None
    return None
