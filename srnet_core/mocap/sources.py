"""The people in motion files: 17 joints of each, in the units of the file, and what the file says of itself."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core import __version__, mappings
from srnet_core.errors import BadFileError, UserMistake
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.mappings.propose import propose_mapping
from srnet_core.mocap.files import read_motion, recognize, split_people
from srnet_core.mocap.kept import KeptResults, key_of
from srnet_core.mocap.own_skeleton import own_skeleton
from srnet_core.motion import Motion
from srnet_core.readers.amc import find_asf
from srnet_core.readers.bounded import read_bounded
from srnet_core.skeletons.h36m17 import JOINTS, SKELETON

_KEPT_FORM = 1  # of what is kept on disk; counts up with every change of it


@dataclass
class Source:
    """One person of one file, on the way to takes.

    Attributes:
        relative: the path of the file below the folder.
        person: "" where a file has one only.
        signature: files with the same one have the same kind of skeleton or marker set, and the same stated unit.
        poses: (T, 17, 3) joints of Human3.6M in units of the file, NaN where missing.
        own: (T, J, 3) joints of `skeleton` in units of the file; `None` where the 17 joints are asked for.
        skeleton: of the file itself, or that of the 17 joints.
        rest: (17, 3) the rest pose, in units of the file; `None` where there is none.
        motion: as read, without positions.
        mapping: what made the 17 joints.
        notes: of reader and mapping.
    """

    relative: Path
    person: str
    signature: tuple
    poses: np.ndarray
    own: np.ndarray | None
    skeleton: Skeleton
    rest: np.ndarray | None
    motion: Motion
    mapping: mappings.ResolvedMapping
    notes: list[str] = field(default_factory=list)


@dataclass
class Reading:
    """What `read_sources` found: the people, {file: why it was left out}, and how many files were read before."""

    sources: list[Source]
    left_out: dict[str, str]
    read_before: int = 0


def read_sources(
    files: Sequence[Path],
    base: Path,
    mapping: mappings.JointMapping | None,
    *,
    own_name: str | None,
    kept: KeptResults,
    progress: Callable[[int, int], None],
) -> Reading:
    """The people of all files; those of files that `kept` has are not read again.

    Args:
        base: the folder that paths are relative to.
        mapping: `None` to find one for each kind of skeleton.
        own_name: the name of the files' own skeleton, where that is asked for besides the 17 joints.
    """
    reading = Reading([], {})
    known: dict[tuple, mappings.ResolvedMapping] = {}
    settings = {"version": __version__, "form": _KEPT_FORM, "mapping": mapping, "own": own_name}
    for done, file in enumerate(files):
        relative = file.relative_to(base)
        try:
            key = key_of(settings, relative.as_posix(), *_contents(file))
            found = _kept_people(kept.get(key), relative, known)
            reading.read_before += found is not None
            if found is None:
                found = [_person(relative, *person, mapping, known, own_name) for person in _people(file)]
                kept.put(key, *_to_keep([source for source, _ in found], [is_first for _, is_first in found]))
            reading.sources += [source for source, _ in found]
        except UserMistake as error:
            reading.left_out[relative.as_posix()] = reason(error)
        progress(done + 1, len(files))
    return reading


def reason(error: UserMistake) -> str:
    """The message without the path, which the manifest has already."""
    return error.what if error.todo is None else f"{error.what}. {error.todo}"


def _people(file: Path) -> list[tuple[str, Motion]]:
    return list(split_people(read_motion(file)).items())


def _contents(file: Path) -> list[bytes]:
    """The bytes that decide what is read: of the file, and of the skeleton of an AMC file."""
    contents = [read_bounded(file)]
    if recognize(file) == "amc":
        contents.append(read_bounded(find_asf(file)))
    return contents


def _person(
    relative: Path,
    person: str,
    motion: Motion,
    asked: mappings.JointMapping | None,
    known: dict[tuple, mappings.ResolvedMapping],
    own_name: str | None,
) -> tuple[Source, bool]:
    """A person, and whether it is the first of its signature, which decides the mapping of all."""
    signature = _signature(motion)
    is_first = signature not in known
    if is_first:
        known[signature] = _mapping(motion, asked)
    mapping = known[signature]
    positions = motion.positions
    if motion.parents is None:
        # Some programs write missing markers as 0 0 0, where no marker can be in every frame but by chance.
        positions = np.where((positions == 0).all(-1, keepdims=True), np.nan, positions)
    poses = mapping.apply(positions)
    whole = poses[np.isfinite(poses).all((1, 2))]
    spread = np.ptp(whole, axis=(0, 1)) if len(whole) else np.zeros(3)
    if spread.max() > 0 and spread.min() <= 1e-9 * spread.max():
        raise BadFileError("its positions lie in one plane: they are 2D, not 3D")
    own = own_skeleton(own_name, motion, mapping) if own_name else None
    source = Source(
        relative=relative,
        person=person,
        signature=signature,
        poses=poses,
        own=None if own is None else positions[:, list(own.points)],
        skeleton=SKELETON if own is None else own.skeleton,
        rest=None if motion.rest is None else mapping.apply(motion.rest[None])[0],
        motion=_without_positions(motion),
        mapping=mapping,
        notes=[*motion.notes, *mapping.notes, *(own.notes if own else ())],
    )
    return source, is_first


def _signature(motion: Motion) -> tuple:
    return (motion.format, motion.names, motion.metres_per_unit)


def _mapping(motion: Motion, asked: mappings.JointMapping | None) -> mappings.ResolvedMapping:
    if asked is None:
        return propose_mapping(motion)
    resolved = mappings.resolve(asked, motion.names)
    if isinstance(resolved, list):
        raise BadFileError(f"the mapping {asked.name} finds no points in it for {', '.join(resolved)}")
    return resolved


def _without_positions(motion: Motion) -> Motion:
    """A file's positions are large, and only its names, units and rate are needed from here on."""
    nothing = np.empty((0, len(motion.names), 3))
    return replace(motion, parents=None, positions=nothing, ends=(), rest=None, notes=(), details={})


# Keeping


def _to_keep(sources: Sequence[Source], first: Sequence[bool]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(plain values, arrays) of the people of one file."""
    people, arrays = [], {}
    for i, (source, is_first) in enumerate(zip(sources, first)):
        motion, mapping = source.motion, source.mapping
        people.append(
            {
                "person": source.person,
                "is_first": is_first,
                "notes": source.notes,
                "skeleton": None if source.own is None else source.skeleton.to_dict(),
                "motion": {k: getattr(motion, k) for k in ("format", "names", "fps", "units", "metres_per_unit", "up")},
                "mapping": dataclasses.asdict(mapping)
                | {"weights": {joint: list(weights.items()) for joint, weights in mapping.weights.items()}},
            }
        )
        optional = {"own": source.own, "rest": source.rest}
        arrays[f"poses {i}"] = source.poses
        arrays |= {f"{name} {i}": array for name, array in optional.items() if array is not None}
    return {"people": people}, arrays


def _kept_people(
    result: tuple[dict[str, Any], dict[str, np.ndarray]] | None,
    relative: Path,
    known: dict[tuple, mappings.ResolvedMapping],
) -> list[tuple[Source, bool]] | None:
    """The people of a file as they were kept; `None` where they are not those that reading it again would give."""
    if result is None:
        return None
    values, arrays = result
    found: list[tuple[Source, bool]] = []
    own_known = dict(known)
    try:
        for i, person in enumerate(values["people"]):
            source = _from_kept(person, relative, arrays, i)
            signature = source.signature
            if own_known.get(signature, source.mapping) != source.mapping:
                return None
            if (signature not in own_known) != person["is_first"]:
                return None  # files were added or left before it: another one decides the mapping
            own_known[signature] = source.mapping
            found.append((source, person["is_first"]))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, UserMistake):
        return None
    known.update(own_known)
    return found


def _from_kept(person: Mapping[str, Any], relative: Path, arrays: Mapping[str, np.ndarray], index: int) -> Source:
    told = person["motion"] | {"names": tuple(person["motion"]["names"])}
    motion = Motion(**told, parents=None, positions=np.empty((0, len(told["names"]), 3)))
    made = person["mapping"]
    mapping = mappings.ResolvedMapping(
        name=made["name"],
        points=tuple(made["points"]),
        weights={joint: {int(p): float(w) for p, w in made["weights"][joint]} for joint in JOINTS},
        derived=tuple(made["derived"]),
        notes=tuple(made["notes"]),
    )
    own = arrays.get(f"own {index}")
    return Source(
        relative=relative,
        person=person["person"],
        signature=_signature(motion),
        poses=arrays[f"poses {index}"],
        own=own,
        skeleton=SKELETON if own is None else Skeleton.from_dict(person["skeleton"]),
        rest=arrays.get(f"rest {index}"),
        motion=motion,
        mapping=mapping,
        notes=list(person["notes"]),
    )
