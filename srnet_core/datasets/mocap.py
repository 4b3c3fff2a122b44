"""Motion capture of any kind (BVH, ASF/AMC, C3D, TRC, tables) seen by virtual cameras.

`import_mocap` turns a folder of motion files into a data set in the published layout: Human3.6M's 17 joints, or the
joints of the files' own skeleton; metres, z up, one frame rate, exact 2D of virtual cameras. A manifest beside it tells
what was found and decided for each file.

The result of each file is kept on disk until the import is finished, so that one that was stopped goes on where it was.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core import mappings
from srnet_core.datasets import custom
from srnet_core.datasets._files import file_names
from srnet_core.datasets._writing import manifest_path, skeleton_metadata, write_pair
from srnet_core.errors import BadFileError, ConfigError, UserMistake
from srnet_core.files import require_folder
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.lookup import choose
from srnet_core.mocap import bones, gaps, size
from srnet_core.mocap.files import find_files
from srnet_core.mocap.kept import KeptResults
from srnet_core.mocap.naming import clean, naming_pattern, subject_and_take
from srnet_core.mocap.resample import resample
from srnet_core.mocap.sources import Source, read_sources, reason
from srnet_core.motion import UP_AXES, to_z_up
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.text import parse_json
from srnet_core.skeletons.h36m17 import JOINTS, SKELETON
from srnet_core.virtual_cameras import Rig, h36m_rig, read_rig, ring

_ASSUMED_AMC_FPS = 120.0  # CMU's and HDM05's
_NEAREST_M = 0.3  # to a camera
_ANKLE_HEIGHT_M = 0.08
_MOST_BYTES_OF_A_MANIFEST = 256 << 20
_FEET = [JOINTS.index("LFoot"), JOINTS.index("RFoot")]
SKELETONS = ("h36m17", "own")


@dataclass(frozen=True)
class MocapConfig:
    """How motion files become a data set.

    Attributes:
        name: of the data set, part of its file names.
        fps: frames per second of the result.
        cameras: "h36m" (of S1), "h36m:S9", "ring", "ring:8" (number of cameras), or the path of a calibration file.
        skeleton: "h36m17" for Human3.6M's 17 joints, "own" for the joints of the files' own skeleton.
        mapping: a mapping of the project or the path of one; `None` to find one for each file.
        metres_per_unit: length of one unit of the files; `None` to find it.
        up: the axis that points up in the files; `None` to find it.
        source_fps: frame rate of files that do not tell theirs.
        naming: where subject, action and take stand in the path of a file below the folder, for instance
            "{subject}/{action}_{take}"; `None` for the customary places (docs/mocap.md).
        longest_gap_s: joints that are missing for longer cut a take in two.
        shortest_take_s: pieces that are shorter are left out.
        constant_bones: give every bone of a subject its median length.
        centre: put the middle of every take where the cameras look; else takes stay where they were recorded.

    Raises:
        ConfigError: a number out of range, or a naming that is not one.
        UnknownNameError: a skeleton that is none of `SKELETONS`.
    """

    name: str = "mocap"
    fps: float = 50.0
    cameras: str = "h36m"
    skeleton: str = "h36m17"
    mapping: str | None = None
    metres_per_unit: float | None = None
    up: str | None = None
    source_fps: float | None = None
    naming: str | None = None
    longest_gap_s: float = 0.25
    shortest_take_s: float = 0.2
    constant_bones: bool = False
    centre: bool = True

    def __post_init__(self):
        file_names(self.name, "gt")
        choose("skeleton of an import", self.skeleton, SKELETONS)
        for option, value, lowest, highest in (
            ("fps", self.fps, 1, 1000),
            ("metres_per_unit", self.metres_per_unit, 1e-6, 1e3),
            ("source_fps", self.source_fps, 0.1, 1e5),
            ("longest_gap_s", self.longest_gap_s, 0, 10),
            ("shortest_take_s", self.shortest_take_s, 0, 1e4),
        ):
            if value is not None and not lowest <= value <= highest:
                raise ConfigError(f"must lie between {lowest:g} and {highest:g}, not {value:g}", where=option)
        if self.up is not None and self.up not in UP_AXES:
            raise ConfigError(f"must be one of {', '.join(UP_AXES)}, not {self.up!r}", where="up")
        if self.naming is not None:
            naming_pattern(self.naming)


@dataclass(frozen=True)
class ImportReport:
    """What an import made: the files written, and the manifest as plain values.

    Attributes:
        read_before: the number of files that an import which was stopped had read.
    """

    paths: tuple[Path, ...]
    manifest: Mapping[str, Any]
    read_before: int = 0

    @property
    def left_out(self) -> Mapping[str, str]:
        """{file: why it was left out}."""
        return self.manifest["left_out"]


DATASET = custom.DATASET  # an import writes the files of a data set of one's own


def make_rig(cameras: str) -> Rig:
    """The cameras that `MocapConfig.cameras` names.

    Raises:
        ConfigError, UnknownNameError, InputFileMissing, BadFileError: see `virtual_cameras`.
    """
    kind, _, detail = cameras.partition(":")
    if kind == "h36m":
        return h36m_rig(detail or "S1")
    if kind == "ring" and (not detail or detail.isascii()) and (not detail or detail.isdigit()):
        return ring(int(detail[:6] or 4))
    return read_rig(cameras)


def import_mocap(
    folder: str | Path,
    data_dir: str | Path,
    config: MocapConfig | None = None,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
    converting: Callable[[int, int], None] = lambda done, total: None,
) -> ImportReport:
    """Make `data_3d_NAME.npz`, `data_2d_NAME_gt.npz` and `data_NAME_manifest.json` of motion files.

    Files that cannot be used are left out; the manifest says why. Nothing is written unless at least one take is good.
    If the import is stopped, what was read of single files stays in a hidden folder of `data_dir`. The next import of
    that name uses what still fits, and removes the folder at its end.

    Args:
        folder: a folder, or one file.
        progress: called with the number of files read and of all files.
        converting: called afterwards with the number of people converted and of all people in the files.

    Raises:
        InputFileMissing: there are no motion files.
        BadFileError: no file can be used; the message gives the reason of the first.
        ConfigError: options that do not fit.
    """
    config = config or MocapConfig()
    folder = Path(folder)
    rig = make_rig(config.cameras)
    mapping = _chosen_mapping(config.mapping)
    files = find_files(folder)
    require_folder(data_dir)
    kept = kept_results(data_dir, config.name)
    reading = read_sources(
        files,
        folder if folder.is_dir() else folder.parent,
        mapping,
        own_name=config.name if config.skeleton == "own" else None,
        kept=kept,
        progress=progress,
    )
    try:
        report = _write(reading.sources, reading.left_out, rig, folder, len(files), data_dir, config, converting)
    except Exception:  # but not Ctrl-C: what was read stays then
        kept.remove()
        raise
    kept.remove()
    return replace(report, read_before=reading.read_before)


def kept_results(data_dir: str | Path, name: str) -> KeptResults:
    """What imports of that name that were stopped have read so far."""
    return KeptResults(Path(data_dir) / f".data_{name}.import")


def made_of(data_dir: str | Path, name: str) -> Path | None:
    """The folder or file that the data set of that name was made of; `None` where there is no such data set."""
    path = manifest_path(data_dir, name)
    try:
        manifest = parse_json(read_bounded(path, _MOST_BYTES_OF_A_MANIFEST), path)
    except UserMistake:
        return None
    source = manifest.get("source") if isinstance(manifest, dict) else None
    return Path(source) if isinstance(source, str) and source else None


def _write(
    sources: Sequence[Source],
    left_out: dict[str, str],
    rig: Rig,
    folder: Path,
    files: int,
    data_dir: str | Path,
    config: MocapConfig,
    converting: Callable[[int, int], None],
) -> ImportReport:
    skeleton, sources = _one_skeleton(sources, left_out)
    converted = _convert_all(sources, left_out, config, converting)
    takes = _name_takes(converted, config)
    if config.constant_bones:
        _fix_bones(takes, skeleton)
    positions_3d, positions_2d, reports = _project_all(takes, rig, left_out, config)
    if not positions_3d:
        first = next(iter(left_out.items()))
        raise BadFileError(f"none of {files} files can be used; {first[0]}: {first[1]}", where=folder)
    metadata = skeleton_metadata(skeleton, config.fps) | {"source": "motion capture seen by virtual cameras"}
    if config.skeleton == "own":
        metadata["names_as_in"] = sources[0].motion.format  # names of AMC files are those of bones, points their ends
    manifest = {
        "format": 1,
        "source": str(folder),
        "options": asdict(config),
        "skeleton": {"name": skeleton.name, "joints": list(skeleton.joint_names)},
        "cameras": {"name": rig.name, "ids": [c.id for c in rig.cameras], "notes": list(rig.notes)},
        "files": reports,
        "left_out": left_out,
    }
    paths = write_pair(
        data_dir,
        config.name,
        positions_3d,
        positions_2d,
        {subject: rig.cameras for subject in positions_3d},
        metadata,
        manifest=manifest,
    )
    return ImportReport(paths, manifest)


def _one_skeleton(sources: Sequence[Source], left_out: dict[str, str]) -> tuple[Skeleton, list[Source]]:
    """The skeleton of most files, and the people that have it; a data set has one skeleton."""
    counts: dict[Skeleton, int] = {}
    for source in sources:
        counts[source.skeleton] = counts.get(source.skeleton, 0) + 1
    most = max(counts, key=lambda skeleton: counts[skeleton], default=SKELETON)
    fitting = []
    for source in sources:
        if source.skeleton == most:
            fitting.append(source)
            continue
        left_out[source.relative.as_posix()] = (
            f"its skeleton has {source.skeleton.num_joints} joints and is not that of most files, "
            f"which has {most.num_joints}. Import it on its own, under another name"
        )
    return most, fitting


# Reading


def _chosen_mapping(asked: str | None) -> mappings.JointMapping | None:
    if asked is None:
        return None
    if asked.replace("-", "_") in mappings.names() or not asked.endswith(".toml"):
        return mappings.get_mapping(asked)
    return mappings.read_mapping(asked)


# Converting


@dataclass
class _Take:
    """One run of frames without gaps, in metres, z up, at the rate of the result."""

    source: Source
    subject: str
    name: str
    poses_m: np.ndarray  # (T, J, 3)
    report: dict[str, Any]


def _convert_all(
    sources: Sequence[Source],
    left_out: dict[str, str],
    config: MocapConfig,
    progress: Callable[[int, int], None],
) -> list[tuple[Source, list[np.ndarray], dict]]:
    """Unit and up axis by skeleton, then each file to runs of poses in metres."""
    groups: dict[tuple, list[Source]] = {}
    for source in sources:
        groups.setdefault(source.signature, []).append(source)
    frames = {signature: _frame_of_reference(group, config) for signature, group in groups.items()}
    converted = []
    for done, source in enumerate(sources):
        try:
            found = frames[source.signature]
            if isinstance(found, UserMistake):
                raise found
            converted.append((source, *_convert(source, *found, config)))
        except UserMistake as error:
            left_out[source.relative.as_posix()] = reason(error)
        progress(done + 1, len(sources))
    return converted


def _frame_of_reference(group: Sequence[Source], config: MocapConfig) -> tuple[size.Unit, str, str] | UserMistake:
    """(unit, up axis, how the axis was found) of all files with one skeleton, or why there is none."""
    try:
        heights = [h for h in (size.stature(s.poses) for s in group) if np.isfinite(h)]
        height = float(np.median(heights)) if heights else float("nan")
        if config.metres_per_unit is not None:
            given = config.metres_per_unit
            unit = size.Unit(f"{given:g} m", given, height * given, "Unit of length: as given.")
        else:
            unit = size.find_unit(height, group[0].motion)
        if config.up is not None:
            return unit, config.up, "Up axis: as given."
        if group[0].motion.up is not None:
            return unit, group[0].motion.up, "Up axis: as the file says."
        up, how = size.find_up([s.poses for s in group], [s.rest for s in group if s.rest is not None])
        return unit, up, how
    except UserMistake as error:
        return error


def _convert(
    source: Source, unit: size.Unit, up: str, up_note: str, config: MocapConfig
) -> tuple[list[np.ndarray], dict[str, Any]]:
    """(runs of (T, J, 3) poses, report for the manifest)."""
    notes = [*source.notes, unit.note, up_note]
    fps = _source_rate(source, config, notes)
    # the 17 joints decide; those of the file's own skeleton, which follow them, go the same way
    points = source.poses if source.own is None else np.concatenate([source.poses, source.own], axis=1)
    poses = to_z_up(points * unit.metres, up)
    if _starts_in_t_pose(poses):
        poses = poses[1:]
        notes.append("The first frame is a T-pose from which the second jumps; it was left out.")
    if size.looks_mirrored(poses[np.isfinite(poses).all((1, 2)), : len(JOINTS)]):
        notes.append("Knees bend backwards in most frames: left and right may be swapped in the file.")
    longest = round(config.longest_gap_s * fps)
    poses, bridged = gaps.bridge_gaps(poses, longest)
    shortest = max(2, round(config.shortest_take_s * fps))
    runs = gaps.whole_runs(poses, shortest)
    kept = sum(end - start for start, end in runs)
    if not runs and len(poses) < shortest:
        raise BadFileError(f"has {len(poses)} frames, fewer than the {shortest} that a take needs")
    if not runs:
        raise BadFileError(
            f"has no {shortest} frames in a row in which no joint is missing",
            todo="A mapping that needs fewer markers may help",
        )
    if bridged:
        notes.append(f"Joint positions interpolated over gaps of up to {longest} frames: {bridged}.")
    if kept < len(poses):
        notes.append(f"Frames left out because joints are missing: {len(poses) - kept} of {len(poses)}.")
    stature_m = size.stature(source.poses) * unit.metres
    report = {
        "file": source.relative.as_posix(),
        "person": source.person or None,
        "format": source.motion.format,
        "frames": len(source.poses),
        "fps": fps,
        "points": len(source.motion.names),
        "unit": unit.name,
        "metres_per_unit": unit.metres,
        "stature_m": round(stature_m, 3) if np.isfinite(stature_m) else None,
        "up": up,
        "mapping": source.mapping.name,
        "joints": source.mapping.describe(),
        "interpolated": bridged,
    }
    resampled = [resample(poses[start:end], fps, config.fps) for start, end in runs]
    placed = [_on_the_floor(run, notes) for run in resampled]
    if source.own is not None:
        placed = [run[:, len(JOINTS) :] for run in placed]
    return placed, report | {"notes": list(dict.fromkeys(notes))}


def _source_rate(source: Source, config: MocapConfig, notes: list[str]) -> float:
    if source.motion.fps is not None:
        return source.motion.fps
    if config.source_fps is not None:
        notes.append(f"Frame rate: {config.source_fps:g} per second, as given.")
        return config.source_fps
    if source.motion.format == "amc":
        notes.append(
            f"Frame rate: assumed {_ASSUMED_AMC_FPS:g} per second, that of CMU and HDM05. "
            "Give another with source_fps (--source-fps)."
        )
        return _ASSUMED_AMC_FPS
    todo = "Give the frame rate of the files with source_fps (--source-fps)"
    raise BadFileError("does not tell its frame rate", todo=todo)


def _starts_in_t_pose(poses: np.ndarray) -> bool:
    """Whether the first frame is a T-pose from which the second jumps: CMU's BVH files begin so, for calibration."""
    poses = poses[:4, : len(JOINTS)]
    if len(poses) < 4 or not np.isfinite(poses).all():
        return False
    relative = poses - poses[:, :1]
    steps = np.linalg.norm(np.diff(relative, axis=0), axis=-1).max(-1)  # (3,)
    tall = np.ptp(poses[0], axis=0).max()
    if steps[0] < 0.05 * tall or steps[0] < 8 * steps[1:].max():
        return False
    at = {joint: poses[0, j] for j, joint in enumerate(JOINTS)}
    across = at["LShoulder"] - at["RShoulder"]
    arms = [(at["LWrist"] - at["LShoulder"]) @ across, (at["RShoulder"] - at["RWrist"]) @ across]
    lengths = [np.linalg.norm(at[s + "Wrist"] - at[s + "Shoulder"]) * np.linalg.norm(across) for s in "LR"]
    return all(arm > 0.9 * length for arm, length in zip(arms, lengths))


def _on_the_floor(poses_m: np.ndarray, notes: list[str]) -> np.ndarray:
    """Move a take up or down if its feet are nowhere near the floor, z = 0."""
    lowest = float(np.quantile(poses_m[:, _FEET, 2].min(-1), 0.05))
    if -0.15 <= lowest <= 0.35:
        return poses_m
    notes.append(f"The feet were at {lowest:.2f} m above the floor; the take was moved to it.")
    return poses_m + np.array([0, 0, _ANKLE_HEIGHT_M - lowest])


# Names


def _name_takes(converted: Sequence[tuple[Source, list[np.ndarray], dict]], config: MocapConfig) -> list[_Take]:
    pattern = naming_pattern(config.naming) if config.naming else None
    takes: list[_Take] = []
    used: set[tuple[str, str]] = set()
    for source, runs, report in converted:
        subject, name = subject_and_take(source.relative, pattern)
        if source.person:
            subject = f"{subject} {clean(source.person)}"
        for i, run in enumerate(runs):
            own = name if len(runs) == 1 else f"{name} part {i}"
            number = 1
            while (subject, own) in used:
                number += 1
                own = f"{name} {number}" if len(runs) == 1 else f"{name} {number} part {i}"
            used.add((subject, own))
            takes.append(_Take(source, subject, own, run, report))
    return takes


# Cameras


def _fix_bones(takes: Sequence[_Take], skeleton: Skeleton) -> None:
    by_subject: dict[str, list[_Take]] = {}
    for take in takes:
        by_subject.setdefault(take.subject, []).append(take)
    for group in by_subject.values():
        lengths = bones.median_lengths([take.poses_m for take in group], skeleton.parents)
        for take in group:
            take.poses_m = bones.with_constant_bones(take.poses_m, skeleton.parents, lengths)


def _project_all(
    takes: Sequence[_Take], rig: Rig, left_out: dict[str, str], config: MocapConfig
) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, dict[str, list[np.ndarray]]], list[dict]]:
    positions_3d: dict[str, dict[str, np.ndarray]] = {}
    positions_2d: dict[str, dict[str, list[np.ndarray]]] = {}
    reports: dict[int, dict] = {}
    for take in takes:
        poses_m = take.poses_m
        if config.centre:
            root = poses_m[:, 0, :2]
            poses_m = poses_m - np.append((root.min(0) + root.max(0)) / 2 - rig.target_m, 0.0)
        poses_m = poses_m.astype(np.float32)
        in_cameras = [camera.world_to_camera(poses_m) for camera in rig.cameras]
        nearest = min(float(points[..., 2].min()) for points in in_cameras)
        if nearest < _NEAREST_M:
            where = "behind a camera" if nearest < 0 else f"only {nearest:.2f} m in front of a camera"
            key = take.source.relative.as_posix()
            left_out[key] = (
                f"in take {take.name!r} a joint is {where}. Use cameras that stand further away, such as a ring"
            )
            continue
        views = [camera.project(points) for camera, points in zip(rig.cameras, in_cameras)]
        positions_3d.setdefault(take.subject, {})[take.name] = poses_m
        positions_2d.setdefault(take.subject, {})[take.name] = views
        report = reports.setdefault(id(take.source), take.report | {"takes": []})
        report["takes"].append(
            {
                "subject": take.subject,
                "take": take.name,
                "frames": len(poses_m),
                "outside_image": [round(_outside(v, c.width_px, c.height_px), 4) for v, c in zip(views, rig.cameras)],
            }
        )
    return positions_3d, positions_2d, list(reports.values())


def _outside(view: np.ndarray, width_px: int, height_px: int) -> float:
    """The share of keypoints that are not in the image."""
    return float(((view < 0) | (view > (width_px, height_px))).any(-1).mean())
