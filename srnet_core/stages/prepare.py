"""Preparation of a stage from raw files: locate, read, split, normalize, write. A finished stage is reused."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from srnet_core import __version__, datasets, lookup
from srnet_core.body import BodySize, at_depth, estimate_root_depth, learn_body_size
from srnet_core.clip import Clip, ClipName, PoseDataset
from srnet_core.config import DataConfig, replace, to_dict
from srnet_core.errors import BadFileError, ConfigError, StageError
from srnet_core.files import require_folder
from srnet_core.protocols import Split, split_clips
from srnet_core.stages.key import file_digest, stage_folder, stage_key
from srnet_core.stages.store import FRAME_ARRAYS, Stage, StoredClip
from srnet_core.stages.writer import StageWriter

Progress = Callable[[str, int, int], None]
"""Called as `progress(what, done, total)`."""

_CLIPS_FOR_BODY_SIZE = 400
DIGEST_MEMO = "digests.json"


@dataclass(frozen=True)
class Prepared:
    """What `prepare` gives back.

    Attributes:
        stage: the stage, opened.
        cached: it was there already.
        config: the configuration with the data set's name filled in.
        seconds: how long it took.
    """

    stage: Stage
    cached: bool
    config: DataConfig
    seconds: float


def prepare(config: DataConfig, *, force: bool = False, progress: Progress = lambda *_: None) -> Prepared:
    """Make the stage of a configuration, or find it.

    Args:
        force: make it again even if it is there.

    Raises:
        InputFileMissing, BadFileError: the data set's files.
        UnknownNameError, ConfigError: what the configuration asks for does not exist or contradicts itself.
        StageError: no disk space, or the stage cannot be written.
    """
    started = time.perf_counter()
    name = datasets.resolve_name(config.dataset, config.data_dir, config.keypoints)
    config = replace(config, dataset=name)
    lookup.choose("normalization", config.normalization, lookup.names("normalization"), where="--norm")
    if config.root_depth == "estimate" and not lookup.load("normalization", config.normalization).USES_ROOT_DEPTH:
        raise ConfigError(
            f"normalization {config.normalization} does not use the depth of the root",
            where="--root-depth",
            todo="Leave it out, or choose proj, weak_proj or lcn",
        )
    protocols = [p.replace("_", "-") for p in lookup.names("protocols")]  # as they are written on the command line
    lookup.choose("protocol", config.protocol.replace("_", "-"), protocols, where="--protocol")
    paths = datasets.locate(name, config.data_dir, config.keypoints, config.cache_dir)
    progress("checking files", 0, len(paths))
    memo = Path(config.cache_dir) / DIGEST_MEMO
    digests = [file_digest(path, memo) for path in paths]
    key = stage_key(config, name, digests)
    folder = stage_folder(config, name, key)
    if not force and (stage := _finished(folder)) is not None:
        return Prepared(stage, True, config, time.perf_counter() - started)

    require_folder(config.cache_dir)
    progress("reading", 0, 1)
    dataset = datasets.load(name, paths, config.keypoints)
    split = split_clips(dataset, config)
    inputs = [
        {"name": path.name, "bytes": path.stat().st_size, "sha256": digest} for path, digest in zip(paths, digests)
    ]
    try:
        _write(folder, key, dataset, split, config, inputs, force, progress)
    except OSError as error:
        raise StageError(
            f"cannot be written: {error.strerror or error}",
            where=folder,
            todo="Check the disk, or choose another --cache-dir",
        ) from error
    return Prepared(Stage.open(folder), False, config, time.perf_counter() - started)


def _finished(folder: Path) -> Stage | None:
    """The stage if it is complete, else `None`: a damaged one is made again."""
    try:
        return Stage.open(folder)
    except StageError:
        return None


def _write(
    folder: Path,
    key: str,
    dataset: PoseDataset,
    split: Split,
    config: DataConfig,
    inputs: list[dict],
    force: bool,
    progress: Progress,
) -> None:
    normalization = lookup.load("normalization", config.normalization)
    sequences, rows = _lay_out(split, config)
    total = sum(s.length for s in sequences)
    joints = dataset.skeleton.num_joints
    body = _body_size(dataset, sequences, rows) if normalization.USES_ROOT_DEPTH else None
    shapes = {"pose_2d": (joints, 2), "pose_3d": (joints, 3), "root_cam_m": (3,)}
    if normalization.PARAMETERS:
        shapes["norm_parameters"] = (len(normalization.PARAMETERS),)
    with StageWriter(folder, total, shapes) as writer:
        for sequence, clip in _cut_clips(dataset, sequences, rows):
            encoded = normalization.encode(clip.pose_2d_px, _pose_to_encode(clip, config, body), clip.camera)
            arrays = {
                "pose_2d": encoded.pose_2d,
                "pose_3d": encoded.pose_3d,
                "root_cam_m": _true_pose_m(clip)[:, 0],
                "norm_parameters": encoded.parameters,
            }
            writer.append({name: arrays[name] for name in shapes})
            progress("writing frames", sequence.start + sequence.length, total)
        manifest = _manifest(key, dataset, config, inputs, sequences, normalization.PARAMETERS)
        manifest["body_size"] = asdict(body) if body else None
        progress("checking what was written", 0, 1)
        writer.commit(manifest, replace_existing=force)


def _body_size(dataset: PoseDataset, sequences: list[StoredClip], rows: list[slice]) -> BodySize:
    """The mean body size of the training subjects, from a few hundred of their clips."""
    pairs = [(s, r) for s, r in zip(sequences, rows) if s.split == "train"]
    chosen = pairs[:: -(-len(pairs) // _CLIPS_FOR_BODY_SIZE)]
    clips = _cut_clips(dataset, [clip for clip, _ in chosen], [frames for _, frames in chosen])
    return learn_body_size((clip for _, clip in clips), dataset.skeleton.bones)


def _pose_to_encode(clip: Clip, config: DataConfig, body: BodySize | None) -> np.ndarray:
    """(T, J, 3) the pose at its true depth, or at the estimated depth of the root."""
    if config.root_depth == "ground_truth" or body is None:
        return _true_pose_m(clip)
    return at_depth(clip, estimate_root_depth(clip.pose_2d_px, clip.camera, body))


def _true_pose_m(clip: Clip) -> np.ndarray:
    """(T, J, 3) ground truth in camera metres.

    Raises:
        BadFileError: the clip has none.
    """
    if clip.pose_3d_cam_m is None:
        raise BadFileError("has no 3D poses", where=clip.name, todo="Leave the clip out of the data set")
    return clip.pose_3d_cam_m


def _lay_out(split: Split, config: DataConfig) -> tuple[list[StoredClip], list[slice]]:
    """The position of each clip in the flat arrays, training split first, and the frames that are taken from it."""
    stored: list[StoredClip] = []
    rows: list[slice] = []
    start = 0
    for side, clips in (("train", split.train), ("test", split.test)):
        for clip in clips:
            chosen = _frames_of(clip, config.downsample, config.subset if side == "train" else 1.0)
            length = len(range(clip.frames)[chosen])
            stored.append(StoredClip(clip.subject, clip.take, clip.camera, side, start, length))
            rows.append(chosen)
            start += length
    return stored, rows


def _frames_of(clip: ClipName, downsample: int, fraction: float) -> slice:
    """Every `downsample`-th frame, and of these a consecutive `fraction`, the same for all cameras of a take."""
    count = -(-clip.frames // downsample)
    kept = max(1, round(count * fraction))
    digest = hashlib.sha256(f"{clip.subject}/{clip.take}".encode()).digest()
    first = int.from_bytes(digest[:4], "little") % (count - kept + 1)
    return slice(first * downsample, (first + kept - 1) * downsample + 1, downsample)


def _cut_clips(
    dataset: PoseDataset, clips: Sequence[StoredClip], rows: Sequence[slice]
) -> Iterator[tuple[StoredClip, Clip]]:
    """The clips with their poses, cut to the frames in `rows`."""
    for stored, chosen in zip(clips, rows):
        name = ClipName(stored.subject, stored.take, stored.camera, chosen.stop)
        clip = dataset.clip(name)
        yield stored, Clip(name, clip.camera, clip.pose_2d_px[chosen], _true_pose_m(clip)[chosen])


def _manifest(
    key: str,
    dataset: PoseDataset,
    config: DataConfig,
    inputs: list[dict],
    sequences: list[StoredClip],
    parameters: tuple[str, ...],
) -> dict:
    return {
        "srnet_version": __version__,
        "key": key,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "config": to_dict(config),
        "inputs": inputs,
        "dataset": dataset.name,
        "keypoints": dataset.keypoints,
        "synthetic": dataset.synthetic,
        "fps": dataset.fps / config.downsample,
        "skeleton": dataset.skeleton.to_dict(),
        "cameras": {s: [asdict(c) for c in dataset.cameras[s]] for s in dict.fromkeys(q.subject for q in sequences)},
        "norm_parameters": list(parameters),
        "frames": {side: sum(s.length for s in sequences if s.split == side) for side in ("train", "test")},
        "notes": list(dataset.notes),
        "arrays": [name for name in FRAME_ARRAYS if name != "norm_parameters" or parameters],
        "sequences": [asdict(s) for s in sequences],
    }
