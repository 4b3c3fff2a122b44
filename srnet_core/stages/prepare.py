"""From raw files to a cached stage: locate, read, split, normalize, write. Running it again finds the stage there."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core import __version__, datasets, lookup
from srnet_core import normalization as normalizations
from srnet_core.body import BodySize, at_depth, estimate_root_depth, learn_body_size
from srnet_core.clip import Clip, ClipName, PoseDataset
from srnet_core.config import DataConfig, replace, to_dict
from srnet_core.errors import ConfigError, StageError
from srnet_core.files import require_folder
from srnet_core.normalization import Normalization
from srnet_core.protocols import Split, has_training, split_clips
from srnet_core.stages.checked import about_the_data, check_or_refuse, read_dataset
from srnet_core.stages.contents import sketch
from srnet_core.stages.key import MISSING_RULE, file_digest, file_identity, is_settled, stage_folder, stage_key
from srnet_core.stages.store import FRAME_ARRAYS, Stage, StoredClip
from srnet_core.stages.writer import StageWriter

Progress = Callable[[str, int, int], None]
"""Called as progress(step, done, total)."""

_CLIPS_FOR_BODY_SIZE = 400
_ATTEMPTS = 3  # to read input files that change meanwhile
DIGEST_MEMO = "digests.json"


@dataclass(frozen=True)
class Prepared:
    """What `prepare` gives back.

    Attributes:
        stage: the stage, opened.
        cached: whether it was there already.
        config: the configuration with the data set's name filled in.
        seconds: how long it took.
        damage: what was wrong with a stage that was there already and had to be made again; `None` otherwise.
    """

    stage: Stage
    cached: bool
    config: DataConfig
    seconds: float
    damage: str | None = None


class _InputChanged(Exception):
    """An input file changed between hashing and the end of reading."""


def prepare(config: DataConfig, *, force: bool = False, progress: Progress = lambda *_: None) -> Prepared:
    """Make the stage of a configuration, or find it.

    Args:
        force: make it again even if it is there.

    Raises:
        InputFileMissing, BadFileError: the data set's files; also if their 3D, 2D and cameras do not fit together.
        UnknownNameError, ConfigError: what the configuration asks for does not exist or contradicts itself.
        StageError: no disk space, the stage cannot be written, or its input files keep changing while they are read.
    """
    started = time.perf_counter()
    name = datasets.resolve_name(config.dataset, config.data_dir, config.keypoints)
    config = replace(config, dataset=name)
    lookup.choose("normalization", config.normalization, lookup.names("normalization"), where="--norm")
    normalization = normalizations.load(config.normalization)
    if config.root_depth == "estimate" and not normalization.USES_ROOT_DEPTH:
        what = f"normalization {config.normalization} does not use the depth of the root"
        raise ConfigError(what, where="--root-depth", todo="Leave it out, or choose proj, weak_proj or lcn")
    protocols = [p.replace("_", "-") for p in lookup.names("protocols")]  # as they are written on the command line
    lookup.choose("protocol", config.protocol.replace("_", "-"), protocols, where="--protocol")
    if config.root_depth == "estimate" and not has_training(config):
        raise ConfigError(
            f"protocol {config.protocol} has no training people whose bone lengths the estimate needs",
            where="--root-depth",
            todo="Leave it out, or choose a protocol with training data",
        )
    paths = datasets.locate(name, config.data_dir, config.keypoints, config.cache_dir)
    for _ in range(_ATTEMPTS):
        try:
            stage, cached, damage = _find_or_make(config, name, paths, normalization, force, progress)
        except _InputChanged:
            continue
        return Prepared(stage, cached, config, time.perf_counter() - started, damage)
    raise StageError(
        "the input files change while they are read",
        where=", ".join(str(path) for path in paths),
        todo="Wait until no program writes to them",
    )


def _find_or_make(
    config: DataConfig,
    name: str,
    paths: Sequence[Path],
    normalization: Normalization,
    force: bool,
    progress: Progress,
) -> tuple[Stage, bool, str | None]:
    """The stage, whether it was there, and what was wrong with one that had to be replaced."""
    progress("checking files", 0, len(paths))
    memo = Path(config.cache_dir) / DIGEST_MEMO
    inputs = [_Input.of(path, memo) for path in paths]
    key = stage_key(config, name, [file.sha256 for file in inputs])
    folder = stage_folder(config, name, key)
    damage = None
    earlier: Stage | None = None
    if not force:
        try:
            stage = Stage.open(folder)
            if stage.manifest.get("missing_rule") == MISSING_RULE or stage.manifest["synthetic"]:
                return stage, True, None
            earlier = stage
        except StageError as error:  # one that is damaged is made again
            damage = error.what if os.path.lexists(folder) else None
    if earlier is None:
        require_folder(config.cache_dir)
    progress("reading", 0, 1)
    dataset = read_dataset(config, name, paths)
    if earlier is not None:
        if not config.fill_gaps and not datasets.frames_lost(dataset).keypoints:
            return earlier, True, None
        require_folder(config.cache_dir)
        damage, force = "is of an earlier version, in which keypoints that are missing counted as positions", True
    split = split_clips(dataset, config)
    progress("checking 3D against 2D", 0, 1)
    check = check_or_refuse(dataset, config, paths[0])
    try:
        about = about_the_data(dataset, split, check, config)
        _write(folder, key, dataset, split, config, normalization, inputs, about, force, progress)
    except OSError as error:
        todo = "Check the disk, or choose another --cache-dir"
        raise StageError(f"cannot be written: {error.strerror or error}", where=folder, todo=todo) from error
    return Stage.open(folder), False, damage


@dataclass(frozen=True)
class _Input:
    """An input file as it was when it was hashed."""

    path: Path
    identity: list[str | int]
    settled: bool
    sha256: str

    @classmethod
    def of(cls, path: Path, memo: Path) -> "_Input":
        identity = file_identity(path)
        return cls(path, identity, is_settled(identity), file_digest(path, memo))

    def require_unchanged(self) -> None:
        """Raise `_InputChanged` unless the file that was read since is the one that was hashed."""
        try:
            same = file_identity(self.path) == self.identity
            if same and not self.settled:  # it was so new that a change may not show in its time stamps
                same = file_digest(self.path, None) == self.sha256
        except OSError:
            same = False
        if not same:
            raise _InputChanged

    def to_dict(self) -> dict[str, str | int]:
        return {"name": self.path.name, "bytes": self.identity[1], "sha256": self.sha256}


def _write(
    folder: Path,
    key: str,
    dataset: PoseDataset,
    split: Split,
    config: DataConfig,
    normalization: Normalization,
    inputs: Sequence[_Input],
    about: dict[str, Any],
    force: bool,
    progress: Progress,
) -> None:
    every = frames_apart(dataset.fps, config)
    clips, rows = _lay_out(split, config, every)
    total = sum(clip.length for clip in clips)
    joints = dataset.skeleton.num_joints
    body = _body_size(dataset, clips, rows) if normalization.USES_ROOT_DEPTH and split.train else None
    shapes: dict[str, tuple[int, ...]] = {"pose_2d": (joints, 2), "pose_3d": (joints, 3), "root_cam_m": (3,)}
    if normalization.PARAMETERS:
        shapes["norm_parameters"] = (len(normalization.PARAMETERS),)
    manifest = _manifest(key, dataset, config, [file.to_dict() for file in inputs], clips, normalization.PARAMETERS)
    manifest["fps"] = dataset.fps / every
    if config.fps:
        manifest["frames_apart"] = every
    manifest["body_size"] = asdict(body) if body else None
    manifest |= about
    described = _attributes(manifest, dataset, config)
    joint_names = {"joint_names": list(dataset.skeleton.joint_names)}
    array_attributes = {
        "pose_2d": joint_names,
        "pose_3d": joint_names,
        "norm_parameters": {"parameter_names": list(normalization.PARAMETERS)},
    }
    with StageWriter(folder, total, shapes, attributes=described, array_attributes=array_attributes) as writer:
        for stored, clip in _cut_clips(dataset, clips, rows):
            encoded = normalization.encode(clip.pose_2d_px, _pose_to_encode(clip, config, body), clip.camera)
            arrays = {
                "pose_2d": encoded.pose_2d,
                "pose_3d": encoded.pose_3d,
                "root_cam_m": _ground_truth(clip)[:, 0],
                "norm_parameters": encoded.parameters,
            }
            writer.append({name: arrays[name] for name in shapes})
            progress("writing frames", stored.start + stored.length, total)
        for file in inputs:
            file.require_unchanged()
        progress("checking what was written", 0, 1)
        writer.commit(manifest, replace_existing=force)


def _ground_truth(clip: Clip) -> np.ndarray:
    """The (T, J, 3) pose of a clip; clips of a data set have one."""
    assert clip.pose_3d_cam_m is not None
    return clip.pose_3d_cam_m


def _body_size(dataset: PoseDataset, clips: Sequence[StoredClip], rows: Sequence[slice]) -> BodySize:
    """The body size of the training subjects, measured on some hundred of their clips."""
    pairs = [(stored, chosen) for stored, chosen in zip(clips, rows) if stored.split == "train"]
    some = pairs[:: -(-len(pairs) // _CLIPS_FOR_BODY_SIZE)]
    cut = _cut_clips(dataset, [stored for stored, _ in some], [chosen for _, chosen in some])
    return learn_body_size((clip for _, clip in cut), dataset.skeleton.bones)


def _pose_to_encode(clip: Clip, config: DataConfig, body: BodySize | None) -> np.ndarray:
    """The pose at its true distance from the camera, or at the estimated one."""
    if config.root_depth == "ground_truth":
        return _ground_truth(clip)
    assert body is not None  # only normalizations that use the depth of the root may have it estimated
    return at_depth(clip, estimate_root_depth(clip.pose_2d_px, clip.camera, body))


def frames_apart(fps: float, config: DataConfig) -> int:
    """Every how many frames of a data set of `fps` frames per second are used."""
    return max(1, round(fps / config.fps)) if config.fps else config.downsample


def _lay_out(split: Split, config: DataConfig, every: int) -> tuple[list[StoredClip], list[slice]]:
    """The place of each clip in the flat arrays, training split first, and which of its frames are taken."""
    stored: list[StoredClip] = []
    rows: list[slice] = []
    start = 0
    for side, clips in (("train", split.train), ("test", split.test)):
        for clip in clips:
            chosen = _frames_of(clip, every, config.subset if side == "train" else 1.0)
            length = len(range(clip.frames)[chosen])
            stored.append(StoredClip(clip.subject, clip.take, clip.camera, side, start, length, clip.first_frame))
            rows.append(chosen)
            start += length
    return stored, rows


def _frames_of(clip: ClipName, every: int, fraction: float) -> slice:
    """Every n-th frame, and of these one run of consecutive frames, the same run for all cameras of a take."""
    count = -(-clip.frames // every)
    kept = max(1, round(count * fraction))
    digest = hashlib.sha256(f"{clip.subject}/{clip.take}".encode()).digest()
    first = int.from_bytes(digest[:4], "little") % (count - kept + 1)
    return slice(first * every, (first + kept - 1) * every + 1, every)


def _cut_clips(
    dataset: PoseDataset, clips: Sequence[StoredClip], rows: Sequence[slice]
) -> Iterator[tuple[StoredClip, Clip]]:
    for stored, chosen in zip(clips, rows):
        name = ClipName(stored.subject, stored.take, stored.camera, chosen.stop, stored.first_frame)
        clip = dataset.clip(name)
        yield stored, Clip(name, clip.camera, clip.pose_2d_px[chosen], _ground_truth(clip)[chosen])


def _manifest(
    key: str,
    dataset: PoseDataset,
    config: DataConfig,
    inputs: Sequence[Mapping],
    clips: Sequence[StoredClip],
    parameters: tuple[str, ...],
) -> dict[str, Any]:
    subjects = dict.fromkeys(clip.subject for clip in clips)
    return {
        "srnet_version": __version__,
        "key": key,
        "missing_rule": MISSING_RULE,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "config": to_dict(config),
        "inputs": inputs,
        "dataset": dataset.name,
        "keypoints": dataset.keypoints,
        "synthetic": dataset.synthetic,
        "skeleton": dataset.skeleton.to_dict(),
        "cameras": {subject: [asdict(camera) for camera in dataset.cameras[subject]] for subject in subjects},
        "norm_parameters": list(parameters),
        "frames": {side: sum(clip.length for clip in clips if clip.split == side) for side in ("train", "test")},
        "notes": list(dataset.notes),
        "contents": _contents(dataset, clips),
        "arrays": [name for name in FRAME_ARRAYS if name != "norm_parameters" or parameters],
        "sequences": [asdict(clip) for clip in clips],
    }


def _contents(dataset: PoseDataset, clips: Sequence[StoredClip]) -> dict[str, dict[str, list[int]]]:
    found: dict[str, dict[str, list[int]]] = {}
    for subject, take in dict.fromkeys((clip.subject, clip.take) for clip in clips):
        found.setdefault(subject, {})[take] = sketch(dataset.positions_3d_world_m[subject][take])
    return found


def _attributes(manifest: Mapping[str, Any], dataset: PoseDataset, config: DataConfig) -> dict[str, Any]:
    """What other programs need to know of a stage; the manifest has the rest, e.g. the table of clips."""
    return {
        "title": f"{dataset.name}: normalized 2D and 3D poses, one row per frame and camera",
        "clips": "subject, take, camera, split, start and length of every clip: manifest.json, field sequences",
        "dataset": dataset.name,
        "synthetic": dataset.synthetic,
        "fps": manifest["fps"],
        "normalization": config.normalization,
        "protocol": config.protocol,
        "skeleton": dataset.skeleton.name,
        "joint_names": list(dataset.skeleton.joint_names),
        "parent_joints": list(dataset.skeleton.parents),
        "train_frames": manifest["frames"]["train"],
        "test_frames": manifest["frames"]["test"],
    }
