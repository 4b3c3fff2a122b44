"""A motion as a person: its 17 joints, its unit of length and its up axis, where they can be told."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from srnet_core import mappings
from srnet_core.errors import BadFileError, ConfigError, UnknownNameError, UserMistake
from srnet_core.layouts import Layout, get_layout, layout_of_names
from srnet_core.mappings.propose import propose_mapping
from srnet_core.mocap import size
from srnet_core.mocap.files import split_people
from srnet_core.motion import Motion, to_z_up
from srnet_core.readers.formats import find, load_format
from srnet_core.readers.frames import few
from srnet_core.skeletons import get_skeleton
from srnet_core.skeletons.h36m17 import JOINTS, SKELETON

_LAYOUTS_OF_SKELETONS = {17: "h36m17", 32: "h36m32", 15: "humaneva15"}  # in files of published data sets


@dataclass(frozen=True)
class Body:
    """One person in one sequence.

    Attributes:
        name: of the sequence and the person in it, "" where a file has one only.
        motion: as read.
        bones: (start, end) indices of the motion's points.
        poses: (T, 17, 3) joints of Human3.6M in the units of the file, NaN where missing; `None` where they cannot be
            told.
        mapping: what they were made by: a mapping of the project, "proposed", or a layout; `None` without poses.
        unit: the name of the unit of length, `None` where it cannot be told; `metres`: its length.
        up: the axis that points up, `None` where it cannot be told.
        notes: how all this was found, one sentence each.
    """

    name: str
    motion: Motion
    bones: tuple[tuple[int, int], ...]
    poses: np.ndarray | None
    mapping: str | None
    unit: str | None
    metres: float | None
    up: str | None
    notes: tuple[str, ...] = ()

    @property
    def poses_m(self) -> np.ndarray | None:
        """(T, 17, 3) metres, z up; `None` where joints, unit or axis are not known."""
        if self.poses is None or self.metres is None or self.up is None:
            return None
        return to_z_up(self.poses * self.metres, self.up)


def read_motions(path: str | Path, format: str = "auto") -> dict[str, Motion]:
    """{sequence: motion} of a file of 3D points or motion capture of any known format.

    Raises:
        InputFileMissing, BadFileError, UnknownNameError: as `formats.find`; `BadFileError` also for 2D keypoints.
    """
    head, name = find(path, format)
    reader = load_format(name)
    found: Mapping[str, Motion] | None = reader.motions(head) if hasattr(reader, "motions") else None
    if found is None:
        raise BadFileError(
            f"holds 2D keypoints ({name}), not points in space"
            if hasattr(reader, "read")
            else f"holds no points in space that are read ({name})",
            where=path,
        )
    return dict(found)


def chosen_motions(
    path: str | Path, format: str = "auto", sequence: int | str | None = None, *, fps: float | None = None
) -> dict[str, Motion]:
    """`read_motions`, only the sequence asked for (by position from 0 or by name), at the frame rate given.

    Raises:
        UnknownNameError: there is no such sequence.
        ConfigError: a frame rate that cannot be.
    """
    if fps is not None and not 0 < fps < 1e6:
        raise ConfigError(f"a frame rate must be above 0 and below a million, not {fps:.10g}")
    motions = read_motions(path, format)
    if sequence is not None:
        motions = motion_called(motions, sequence, path)
    return {name: replace(motion, fps=fps) if fps else motion for name, motion in motions.items()}


def motion_called(motions: Mapping[str, Motion], sequence: int | str, where: object) -> dict[str, Motion]:
    """The one motion of that name, or at that position from 0.

    Raises:
        UnknownNameError: there is no such sequence.
    """
    names = list(motions)
    if isinstance(sequence, int) and sequence < len(names):
        sequence = names[sequence]
    if not isinstance(sequence, str) or sequence not in motions:
        raise UnknownNameError(
            f"there is no sequence {sequence!r}",
            where=where,
            todo=f"{len(names)} sequences, by position from 0 or by name: {few(names, 10)}",
        )
    return {sequence: motions[sequence]}


def resolved_mapping(motion: Motion, asked: str | Path | None = None) -> mappings.ResolvedMapping:
    """The mapping asked for (a name or the path of a .toml file), or one that is found.

    Raises:
        UnknownNameError, InputFileMissing, BadFileError: there is none, or it finds no points for a joint.
    """
    return propose_mapping(motion) if asked is None else _asked(motion, asked)


def is_in_space(path: str | Path, format: str = "auto") -> bool:
    """Whether `read_motions` reads it; else it is 2D keypoints. Errors as `formats.find`."""
    head, name = find(path, format)
    reader = load_format(name)
    return hasattr(reader, "motions") and (not hasattr(reader, "read") or reader.motions(head) is not None)


def bodies_of(name: str, motion: Motion, mapping: str | Path | None = None) -> list[Body]:
    """The people in one sequence.

    Args:
        mapping: a mapping of the project or the path of one (.toml); `None` to find one.

    Raises:
        UnknownNameError, InputFileMissing, BadFileError: the mapping that is asked for does not exist or does not fit.
    """
    people = split_people(motion) if motion.names else {"": motion}
    return [_body(" ".join(part for part in (name, person) if part), one, mapping) for person, one in people.items()]


def _body(name: str, motion: Motion, asked: str | Path | None) -> Body:
    layout = _layout(motion) if asked is None else None
    poses: np.ndarray | None = None
    rest: np.ndarray | None = None
    mapping, notes, lines = None, [], None
    if layout is not None:
        poses, mapping, lines = _by_layout(motion, layout), layout.name, layout.bones
    else:
        try:
            found = resolved_mapping(motion, asked)
            poses, mapping, notes = found.apply(_seen(motion)), found.name, list(found.notes)
            rest = None if motion.rest is None else found.apply(motion.rest[None])
        except UserMistake as error:
            if asked is not None:
                raise
            notes = [_sentences(error)]
    bones = lines if lines is not None else _bones(motion)
    unit, up, more = _measured(motion, poses, rest)
    notes = [*motion.notes, *notes, *more]
    return Body(
        name=name,
        motion=motion,
        bones=bones,
        poses=poses,
        mapping=mapping,
        unit=unit.name if unit else motion.units,
        metres=unit.metres if unit else motion.metres_per_unit,
        up=up,
        notes=tuple(dict.fromkeys(notes)),
    )


def _layout(motion: Motion) -> Layout | None:
    """The layout in which a format lists its joints; `None` where joints are those of a skeleton or markers."""
    named = motion.details.get("layout")
    if isinstance(named, str):
        try:
            layout = get_layout(named)
        except UserMistake:
            layout = None
        layout = layout if layout and layout.num_joints == len(motion.names) else layout_of_names(motion.names)
    elif motion.format == "positions_3d" and len(motion.names) in _LAYOUTS_OF_SKELETONS:
        name = _LAYOUTS_OF_SKELETONS[len(motion.names)]
        skeleton = get_skeleton(name)
        if motion.parents not in (None, skeleton.parents) and motion.names != skeleton.joint_names:
            return None  # another skeleton with as many joints
        layout = get_layout(name)
    else:
        return None
    return layout if layout and not layout.missing_of_h36m17 else None


def _by_layout(motion: Motion, layout: Layout) -> np.ndarray:
    poses = np.empty((motion.frames, len(JOINTS), 3))
    for row, joint in enumerate(JOINTS):
        poses[:, row] = sum(weight * motion.positions[:, index] for index, weight in layout.weights[joint].items())
    return poses


def _asked(motion: Motion, asked: str | Path) -> mappings.ResolvedMapping:
    text = str(asked)
    chosen = mappings.read_mapping(asked) if text.endswith(".toml") else mappings.get_mapping(text)
    resolved = mappings.resolve(chosen, motion.names)
    if isinstance(resolved, list):
        raise BadFileError(
            f"the mapping {chosen.name} finds no points for {', '.join(resolved)}",
            todo=f"The points are {', '.join(motion.names[:12])}{', ...' if len(motion.names) > 12 else ''}",
        )
    return resolved


def _seen(motion: Motion) -> np.ndarray:
    """The positions, with markers that some programs write as 0 0 0 where they were not seen left out."""
    if motion.parents is not None:
        return motion.positions
    return np.where((motion.positions == 0).all(-1, keepdims=True), np.nan, motion.positions)


def _bones(motion: Motion) -> tuple[tuple[int, int], ...]:
    parents = motion.parents or ()
    return tuple((parent, joint) for joint, parent in enumerate(parents) if parent >= 0)


def _measured(
    motion: Motion, poses: np.ndarray | None, rest: np.ndarray | None
) -> tuple[size.Unit | None, str | None, list[str]]:
    if poses is None or not np.isfinite(poses).all((1, 2)).any():
        return None, motion.up, []
    notes = []
    unit = up = None
    try:
        unit = size.find_unit(size.stature(poses), motion)
        notes.append(unit.note)
    except UserMistake as error:
        notes.append(_sentences(error))
    try:
        up, how = (
            (motion.up, "Up axis: as the file says.")
            if motion.up
            else size.find_up([poses], [] if rest is None else [rest])
        )
        notes.append(how)
    except UserMistake as error:
        notes.append(_sentences(error))
    return unit, up, notes


def _sentences(error: UserMistake) -> str:
    """What is wrong, and what to do."""
    parts = [error.what, error.todo] if error.todo else [error.what]
    return " ".join(f"{part[0].upper()}{part[1:]}{'' if part.endswith('.') else '.'}" for part in parts)


SKELETON_BONES = tuple((int(parent), int(child)) for parent, child in SKELETON.bones)
