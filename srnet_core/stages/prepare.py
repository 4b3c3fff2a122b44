"""From raw files to a cached stage: locate, read, split, normalize, write. Running it again finds the stage there."""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from srnet_core import __version__, datasets, lookup
from srnet_core.body import BodySize, at_depth, estimate_root_depth, learn_body_size
from srnet_core.clip import Clip, ClipName, PoseDataset
from srnet_core.config import DataConfig, replace, to_dict
from srnet_core.errors import ConfigError, StageError
from srnet_core.files import require_folder
from srnet_core.protocols import Split, split_clips
from srnet_core.stages.key import file_digest, stage_folder, stage_key
from srnet_core.stages.store import FRAME_ARRAYS, Stage, StoredClip
from srnet_core.stages.writer import StageWriter

Progress = Callable[[str, int, int], None]
"""Called as progress(step, done, total)."""

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
    """The stage if it is there and whole. One that is damaged is made again."""
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
                "root_cam_m": clip.pose_3d_cam_m[:, 0],
                "norm_parameters": encoded.parameters,
            }
            writer.append({name: arrays[name] for name in shapes})
            progress("writing frames", sequence.start + sequence.length, total)
        manifest = _manifest(key, dataset, config, inputs, sequences, normalization.PARAMETERS)
        manifest["body_size"] = asdict(body) if body else None
        progress("checking what was written", 0, 1)
        writer.commit(manifest, replace_existing=force)


def _body_size(dataset: PoseDataset, sequences: list[StoredClip], rows: list[slice]) -> BodySize:
    """Of the people who train, from some hundred of their clips."""
    pairs = [(s, r) for s, r in zip(sequences, rows) if s.split == "train"]
    chosen = pairs[:: -(-len(pairs) // _CLIPS_FOR_BODY_SIZE)]
    return learn_body_size((clip for _, clip in _cut_clips(dataset, *zip(*chosen))), dataset.skeleton.bones)


def _pose_to_encode(clip: Clip, config: DataConfig, body: BodySize | None) -> np.ndarray:
    """The pose where it is, or where an estimate of its distance puts it."""
    if config.root_depth == "ground_truth":
        return clip.pose_3d_cam_m
    return at_depth(clip, estimate_root_depth(clip.pose_2d_px, clip.camera, body))


def _lay_out(split: Split, config: DataConfig) -> tuple[list[StoredClip], list[slice]]:
    """Where each clip goes in the flat arrays, training split first, and which of its frames are taken."""
    sequences, rows, start = [], [], 0
    for side, clips in (("train", split.train), ("test", split.test)):
        for clip in clips:
            chosen = _frames_of(clip, config.downsample, config.subset if side == "train" else 1.0)
            length = len(range(clip.frames)[chosen])
            sequences.append(StoredClip(clip.subject, clip.take, clip.camera, side, start, length))
            rows.append(chosen)
            start += length
    return sequences, rows


def _frames_of(clip: ClipName, downsample: int, fraction: float) -> slice:
    """Every n-th frame, and of these one run of consecutive frames, the same run for all cameras of a take."""
    count = -(-clip.frames // downsample)
    kept = max(1, round(count * fraction))
    digest = hashlib.sha256(f"{clip.subject}/{clip.take}".encode()).digest()
    first = int.from_bytes(digest[:4], "little") % (count - kept + 1)
    return slice(first * downsample, (first + kept - 1) * downsample + 1, downsample)


def _cut_clips(dataset: PoseDataset, sequences, rows) -> Iterator[tuple[StoredClip, Clip]]:
    for sequence, chosen in zip(sequences, rows):
        name = ClipName(sequence.subject, sequence.take, sequence.camera, chosen.stop)
        clip = dataset.clip(name)
        yield sequence, Clip(name, clip.camera, clip.pose_2d_px[chosen], clip.pose_3d_cam_m[chosen])


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
