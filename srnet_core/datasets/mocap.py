"""Motion capture of any kind (BVH, ASF/AMC, C3D, TRC) seen by virtual cameras.

`import_mocap` turns a folder of motion files into a data set in the published layout: Human3.6M's 17 joints, metres, z
up, one frame rate, exact 2D of virtual cameras. A manifest beside it tells what was found and decided for each file.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core import mappings
from srnet_core.datasets import custom
from srnet_core.datasets._files import file_names
from srnet_core.datasets._writing import skeleton_metadata, write_pair
from srnet_core.errors import BadFileError, ConfigError, UserMistake
from srnet_core.mappings.propose import propose_mapping
from srnet_core.mocap import bones, gaps, size
from srnet_core.mocap.files import find_files, read_motion, split_people
from srnet_core.mocap.resample import resample
from srnet_core.motion import UP_AXES, Motion, to_z_up
from srnet_core.skeletons.h36m17 import JOINTS, SKELETON
from srnet_core.virtual_cameras import Rig, h36m_rig, read_rig, ring

_ASSUMED_AMC_FPS = 120.0  # CMU's and HDM05's
_NEAREST_M = 0.3  # to a camera
_ANKLE_HEIGHT_M = 0.08
_FEET = [JOINTS.index("LFoot"), JOINTS.index("RFoot")]


@dataclass(frozen=True)
class MocapConfig:
    """How motion files become a data set.

    Attributes:
        name: of the data set, part of its file names.
        fps: frames per second of the result.
        cameras: "h36m" (of S1), "h36m:S9", "ring", "ring:8" (number of cameras), or the path of a calibration file.
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
    """

    name: str = "mocap"
    fps: float = 50.0
    cameras: str = "h36m"
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
            _naming_pattern(self.naming)


@dataclass
class _Source:
    """One person of one file, on the way to takes."""

    file: Path
    relative: Path
    person: str
    motion_format: str
    signature: tuple
    poses: np.ndarray  # (T, 17, 3) in units of the file
    rest: np.ndarray | None  # (17, 3), in units of the file
    motion: Motion  # without positions
    mapping: mappings.ResolvedMapping
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ImportReport:
    """What an import made: the files written, and the manifest as plain values."""

    paths: tuple[Path, ...]
    manifest: Mapping[str, Any]

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
) -> ImportReport:
    """Make `data_3d_NAME.npz`, `data_2d_NAME_gt.npz` and `data_NAME_manifest.json` of motion files.

    Files that cannot be used are left out; the manifest says why. Nothing is written unless at least one take is good.

    Args:
        folder: a folder, or one file.
        progress: called with the number of files done and of all files.

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
    base = folder if folder.is_dir() else folder.parent
    sources, left_out = _read_all(files, base, mapping, config, progress)
    converted = _convert_all(sources, left_out, config)
    takes = _name_takes(converted, config)
    if config.constant_bones:
        _fix_bones(takes)
    positions_3d, positions_2d, reports = _project_all(takes, rig, left_out, config)
    if not positions_3d:
        first = next(iter(left_out.items()))
        raise BadFileError(f"none of {len(files)} files can be used; {first[0]}: {first[1]}", where=folder)
    metadata = skeleton_metadata(SKELETON, config.fps) | {"source": "motion capture seen by virtual cameras"}
    manifest = {
        "format": 1,
        "source": str(folder),
        "options": asdict(config),
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


# Reading


def _chosen_mapping(asked: str | None) -> mappings.JointMapping | None:
    if asked is None:
        return None
    if asked.replace("-", "_") in mappings.names() or not asked.endswith(".toml"):
        return mappings.get_mapping(asked)
    return mappings.read_mapping(asked)


def _read_all(
    files: Sequence[Path],
    base: Path,
    mapping: mappings.JointMapping | None,
    config: MocapConfig,
    progress: Callable[[int, int], None],
) -> tuple[list[_Source], dict[str, str]]:
    sources: list[_Source] = []
    left_out: dict[str, str] = {}
    known: dict[tuple, mappings.ResolvedMapping] = {}
    for done, file in enumerate(files):
        relative = file.relative_to(base)
        try:
            for person, motion in split_people(read_motion(file)).items():
                sources.append(_source(file, relative, person, motion, mapping, known))
        except UserMistake as error:
            left_out[relative.as_posix()] = _reason(error)
        progress(done + 1, len(files))
    return sources, left_out


def _source(
    file: Path,
    relative: Path,
    person: str,
    motion: Motion,
    asked: mappings.JointMapping | None,
    known: dict[tuple, mappings.ResolvedMapping],
) -> _Source:
    signature = (motion.format, motion.names, motion.metres_per_unit)
    if signature not in known:
        if asked is None:
            known[signature] = propose_mapping(motion)
        else:
            resolved = mappings.resolve(asked, motion.names)
            if isinstance(resolved, list):
                raise BadFileError(f"the mapping {asked.name} finds no points in it for {', '.join(resolved)}")
            known[signature] = resolved
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
    rest = None if motion.rest is None else mapping.apply(motion.rest[None])[0]
    # a file's positions are large, and only its names, units and rate are needed from here on
    nothing = np.empty((0, len(motion.names), 3))
    empty = replace(motion, parents=None, positions=nothing, ends=(), rest=None, notes=())
    return _Source(
        file, relative, person, motion.format, signature, poses, rest, empty, mapping, [*motion.notes, *mapping.notes]
    )


def _reason(error: UserMistake) -> str:
    """The message without the path, which the manifest has already."""
    return error.what if error.todo is None else f"{error.what}. {error.todo}"


# Converting


@dataclass
class _Take:
    """One run of frames without gaps, in metres, z up, at the rate of the result."""

    source: _Source
    subject: str
    name: str
    poses_m: np.ndarray  # (T, 17, 3)
    report: dict[str, Any]


def _convert_all(
    sources: Sequence[_Source], left_out: dict[str, str], config: MocapConfig
) -> list[tuple[_Source, list[np.ndarray], dict]]:
    """Unit and up axis by skeleton, then each file to runs of poses in metres."""
    groups: dict[tuple, list[_Source]] = {}
    for source in sources:
        groups.setdefault(source.signature, []).append(source)
    frames = {signature: _frame_of_reference(group, config) for signature, group in groups.items()}
    converted = []
    for source in sources:
        try:
            found = frames[source.signature]
            if isinstance(found, UserMistake):
                raise found
            converted.append((source, *_convert(source, *found, config)))
        except UserMistake as error:
            left_out[source.relative.as_posix()] = _reason(error)
    return converted


def _frame_of_reference(group: Sequence[_Source], config: MocapConfig) -> tuple[size.Unit, str, str] | UserMistake:
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
    source: _Source, unit: size.Unit, up: str, up_note: str, config: MocapConfig
) -> tuple[list[np.ndarray], dict[str, Any]]:
    """(runs of (T, 17, 3) poses, report for the manifest)."""
    notes = [*source.notes, unit.note, up_note]
    fps = _source_rate(source, config, notes)
    poses = to_z_up(source.poses * unit.metres, up)
    if _starts_in_t_pose(poses):
        poses = poses[1:]
        notes.append("The first frame is a T-pose from which the second jumps; it was left out.")
    if size.looks_mirrored(poses[np.isfinite(poses).all((1, 2))]):
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
        "format": source.motion_format,
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
    return [_on_the_floor(run, notes) for run in resampled], report | {"notes": list(dict.fromkeys(notes))}


def _source_rate(source: _Source, config: MocapConfig, notes: list[str]) -> float:
    if source.motion.fps is not None:
        return source.motion.fps
    if config.source_fps is not None:
        notes.append(f"Frame rate: {config.source_fps:g} per second, as given.")
        return config.source_fps
    if source.motion_format == "amc":
        notes.append(f"Frame rate: assumed {_ASSUMED_AMC_FPS:g} per second, that of CMU and HDM05.")
        return _ASSUMED_AMC_FPS
    raise BadFileError("does not tell its frame rate", todo="Give the frame rate of the files")


def _starts_in_t_pose(poses: np.ndarray) -> bool:
    """Whether the first frame is a T-pose from which the second jumps: CMU's BVH files begin so, for calibration."""
    if len(poses) < 4 or not np.isfinite(poses[:4]).all():
        return False
    relative = poses[:4] - poses[:4, :1]
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


def _name_takes(converted: Sequence[tuple[_Source, list[np.ndarray], dict]], config: MocapConfig) -> list[_Take]:
    pattern = _naming_pattern(config.naming) if config.naming else None
    takes: list[_Take] = []
    used: set[tuple[str, str]] = set()
    for source, runs, report in converted:
        subject, name = _subject_and_take(source, pattern)
        if source.person:
            subject = f"{subject} {_clean(source.person)}"
        for i, run in enumerate(runs):
            own = name if len(runs) == 1 else f"{name} part {i}"
            number = 1
            while (subject, own) in used:
                number += 1
                own = f"{name} {number}" if len(runs) == 1 else f"{name} {number} part {i}"
            used.add((subject, own))
            takes.append(_Take(source, subject, own, run, report))
    return takes


def _naming_pattern(naming: str) -> re.Pattern:
    """ "{subject}/{action}_{take}" as a regular expression over a path without its ending."""
    parts = re.split(r"(\{\w*\})", naming)
    known = ("{subject}", "{action}", "{take}", "{}")
    unknown = [p for p in parts[1::2] if p not in known]
    if unknown or parts.count("{subject}") > 1 or parts.count("{take}") > 1 or parts.count("{action}") > 1:
        raise ConfigError(f"{naming!r} may hold {{subject}}, {{action}} and {{take}}, each once", where="naming")
    # each place stops at the next sign of the template, so that matching takes time in proportion to the path
    text = ""
    for i, part in enumerate(parts):
        if i % 2 == 0:
            text += re.escape(part)
            continue
        following = parts[i + 1][:1]
        stop = f"/{re.escape(following)}" if following else "/"
        text += f"(?P<{part[1:-1]}>[^{stop}]+)" if part != "{}" else f"[^{stop}]*"
    return re.compile(text)


def _subject_and_take(source: _Source, pattern: re.Pattern | None) -> tuple[str, str]:
    path = source.relative.with_suffix("").as_posix()
    if pattern is not None:
        match = pattern.fullmatch(path)
        if not match:
            return "unnamed", _clean(path)
        found = {key: _clean(value) for key, value in match.groupdict().items()}
        name = " ".join(found[key] for key in ("action", "take") if found.get(key))
        return found.get("subject") or "S1", name or _clean(path)
    folders, stem = source.relative.parts[:-1], source.relative.stem
    if folders:
        return _clean(folders[0]), _clean(" ".join([*folders[1:], stem]))
    if match := re.fullmatch(r"(\d{1,3})_(\d{1,3})", stem):  # CMU: subject_trial
        return match[1], stem
    if match := re.fullmatch(r"HDM_([a-z]{2})_(.+?)_(\d{3})_120", stem):  # HDM05: actor, class, number
        return match[1].upper(), f"{match[2]} {match[3]}"
    return "S1", _clean(stem)


def _clean(text: str) -> str:
    """Printable text without slashes or several blanks, as names of subjects and takes."""
    text = "".join(c if c.isprintable() and c not in "/\\" else " " for c in text)
    return " ".join(text.split())[:80] or "unnamed"


# Cameras


def _fix_bones(takes: Sequence[_Take]) -> None:
    by_subject: dict[str, list[_Take]] = {}
    for take in takes:
        by_subject.setdefault(take.subject, []).append(take)
    for group in by_subject.values():
        lengths = bones.median_lengths([take.poses_m for take in group], SKELETON.parents)
        for take in group:
            take.poses_m = bones.with_constant_bones(take.poses_m, SKELETON.parents, lengths)


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
