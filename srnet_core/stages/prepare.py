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
from srnet_core.data_check import DataCheck
from srnet_core.errors import ConfigError, StageError
from srnet_core.files import require_folder, write_json
from srnet_core.layouts import get_layout
from srnet_core.normalization import Normalization, base
from srnet_core.protocols import Split, has_training, split_clips
from srnet_core.stages.catalog import find_frames
from srnet_core.stages.checked import about_the_data, check_or_refuse, read_dataset
from srnet_core.stages.contents import sketch
from srnet_core.stages.key import (
    MISSING_RULE,
    file_digest,
    file_identity,
    frames_config,
    is_settled,
    stage_folder,
    stage_key,
)
from srnet_core.stages.local_copies import limit_bytes
from srnet_core.stages.manifest import MANIFEST, SEEN, with_digest
from srnet_core.stages.place import is_remote, local_folder, require_no_file
from srnet_core.stages.remote import RemoteStages
from srnet_core.stages.shared import frames_of, layout_of
from srnet_core.stages.store import FRAME_ARRAYS, Stage, StoredClip
from srnet_core.stages.writer import StageWriter, write_sharing

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

    With a URL as cache folder the stage is looked for there first. One that is made is copied there.

    Raises:
        InputFileMissing, BadFileError: the data set's files; also if their 3D, 2D and cameras do not fit together.
        MissingExtraError: the cache folder is a URL, and obstore is not installed.
        UnknownNameError, ConfigError: what the configuration asks for does not exist or contradicts itself.
        StageError: no disk space, the stage cannot be written, or its input files keep changing while they are read.
    """
    started = time.perf_counter()
    require_no_file(config.cache_dir)
    asked, remote = config, None
    if is_remote(config.cache_dir):
        remote = RemoteStages(config.cache_dir, limit_bytes(config.local_cache_gb))
    config = replace(config, cache_dir=str(local_folder(config.cache_dir)))
    name = datasets.resolve_name(config.dataset, config.data_dir, config.keypoints)
    config = replace(config, dataset=name)
    _weights(config)  # refused before anything is read
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
            stage, cached, damage = _find_or_make(config, name, paths, normalization, force, progress, remote)
        except _InputChanged:
            continue
        if remote is not None:
            _publish(stage, remote, progress, again=force or damage is not None)
        config = replace(config, cache_dir=asked.cache_dir)
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
    remote: RemoteStages | None,
) -> tuple[Stage, bool, str | None]:
    """The stage, whether it was there, and what was wrong with one that had to be replaced."""
    progress("checking files", 0, len(paths))
    memo = Path(config.cache_dir) / DIGEST_MEMO
    inputs = []
    for path in paths:
        inputs.append(_Input.of(path, memo))
        progress("checking files", len(inputs), len(paths))
    key = stage_key(config, name, [file.sha256 for file in inputs])
    folder = stage_folder(config, name, key)
    damage = None
    earlier: Stage | None = None
    if not force:
        try:
            stage = Stage.open(folder, remote)
            if stage.manifest.get("missing_rule") == MISSING_RULE or stage.manifest["synthetic"]:
                return stage, True, None
            earlier = stage
        except StageError as error:  # one that is damaged is made again
            damage = error.what if os.path.lexists(folder) else None
    if earlier is None:
        require_folder(config.cache_dir)
    progress("reading", 0, 1)
    dataset = read_dataset(config, name, paths)
    progress("reading", 1, 1)
    if earlier is not None:
        if not config.fill_gaps and not datasets.frames_lost(dataset).keypoints:
            return _with_the_rule_of_today(earlier, folder, remote), True, None
        require_folder(config.cache_dir)
        damage, force = "is of an earlier version, in which keypoints that are missing counted as positions", True
    split = split_clips(dataset, config)
    progress("checking 3D against 2D", 0, 1)
    check = check_or_refuse(dataset, config, paths[0])
    progress("checking 3D against 2D", 1, 1)
    try:
        again = force or damage is not None
        made = _Making(dataset, check, name, inputs, normalization, again, progress, remote)
        made.write(folder, key, split, config)
    except OSError as error:
        todo = "Check the disk, or choose another --cache-dir"
        raise StageError(f"cannot be written: {error.strerror or error}", where=folder, todo=todo) from error
    return Stage.open(folder, remote), False, damage


def _with_the_rule_of_today(stage: Stage, folder: Path, remote: RemoteStages | None) -> Stage:
    """The same stage, whose manifest says that it is as today's rule for missing keypoints makes it.

    So its data are read once, and not at every `prepare`. Where the manifest cannot be written it stays as it is, and
    so it does in an object store, where it would have to be published again.
    """
    if remote is not None:
        return stage
    try:
        write_json(folder / MANIFEST, with_digest({**stage.manifest, "missing_rule": MISSING_RULE}))
        return Stage.open(folder, remote)
    except (OSError, StageError):
        return stage


def _publish(stage: Stage, remote: RemoteStages, progress: Progress, *, again: bool) -> None:
    """Copy a stage to where the cache folder is; files that are there already, as those of another stage, are not."""
    progress(f"copying to {remote.url}", 0, 1)
    remote.publish(stage.folder, stage.manifest["files"], again=again)
    progress(f"copying to {remote.url}", 1, 1)


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


@dataclass(frozen=True)
class _Making:
    """What all stages are made of that one call of `prepare` writes.

    Attributes:
        inputs: the files that the data set was read from.
        again: write every byte anew; files of other stages may be what is damaged.
        remote: where stages of a URL come from.
    """

    dataset: PoseDataset
    check: DataCheck
    name: str
    inputs: "Sequence[_Input]"
    normalization: Normalization
    again: bool
    progress: Progress
    remote: RemoteStages | None

    def write(self, folder: Path, key: str, split: Split, config: DataConfig) -> None:
        """Write the stage of a split. Its arrays hold the frames of all clips, and are those of another stage if one
        has them; where frames depend on the training subjects, they hold the frames of the split."""
        every = frames_apart(self.dataset.fps, config)
        clips, rows = _lay_out(split, config, every)
        manifest = self._manifest(key, split, config, clips, rows)
        stored, stored_rows = clips, rows
        shared = frames_config(config)
        frames_key = key if shared is None else stage_key(shared, self.name, self._digests)
        if shared is not None and frames_key != key:
            stored, stored_rows = _lay_out(Split((), self.dataset.clip_names), shared, every)
            manifest["frames_from"] = {
                "key": frames_key,
                "layout": layout_of(map(asdict, stored)),
                "starts": _places(clips, rows, stored, every),
                "frames": sum(clip.length for clip in stored),
            }
        source = None
        if shared is not None and not self.again:
            source = find_frames(folder, frames_of(manifest), self.remote)
        if source is not None:
            for file in self.inputs:
                file.require_unchanged()
            try:
                write_sharing(folder, manifest, source, attributes=_attributes(manifest, self.dataset, config))
                return
            except FileNotFoundError:  # another process has just replaced or removed the other stage
                pass
        self._write_frames(folder, manifest, config, stored, stored_rows)

    @property
    def _digests(self) -> list[str]:
        return [file.sha256 for file in self.inputs]

    def _write_frames(
        self,
        folder: Path,
        manifest: Mapping[str, Any],
        config: DataConfig,
        clips: Sequence[StoredClip],
        rows: Sequence[slice],
    ) -> None:
        """Write a stage whose arrays hold the `rows` of the `clips`."""
        total = sum(clip.length for clip in clips)
        dataset, normalization = self.dataset, self.normalization
        joints = dataset.skeleton.num_joints
        shapes: dict[str, tuple[int, ...]] = {"pose_2d": (joints, 2), "pose_3d": (joints, 3), "root_cam_m": (3,)}
        if SEEN in manifest["arrays"]:
            shapes[SEEN] = (len(manifest["seen_joints"]), 2)
        if normalization.PARAMETERS:
            shapes["norm_parameters"] = (len(normalization.PARAMETERS),)
        stored_body = manifest["body_size"]
        body = BodySize(**stored_body) if stored_body else None
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
                if SEEN in shapes:
                    arrays[SEEN] = base.encode_2d(_seen(clip), camera=clip.camera)
                writer.append({name: arrays[name] for name in shapes})
                self.progress("writing frames", stored.start + stored.length, total)
            for file in self.inputs:
                file.require_unchanged()
            self.progress("checking what was written", 0, 1)
            writer.commit(manifest, replace_existing=self.again)
            self.progress("checking what was written", 1, 1)

    def _manifest(
        self, key: str, split: Split, config: DataConfig, clips: Sequence[StoredClip], rows: Sequence[slice]
    ) -> dict[str, Any]:
        inputs = [file.to_dict() for file in self.inputs]
        every = frames_apart(self.dataset.fps, config)
        uses_body = self.normalization.USES_ROOT_DEPTH and split.train
        body = _body_size(self.dataset, clips, rows) if uses_body else None
        manifest = _manifest(key, self.dataset, config, inputs, clips, self.normalization.PARAMETERS)
        manifest["fps"] = self.dataset.fps / every
        if config.fps:
            manifest["frames_apart"] = every
        manifest["body_size"] = asdict(body) if body else None
        if weights := _weights(config):
            listed = ", ".join(f"{name} {weight:g}" for name, weight in weights.items())
            manifest["notes"].append(f"Training frames are used so often in an epoch: {listed}.")
        return manifest | about_the_data(self.dataset, split, self.check, config)


def _ground_truth(clip: Clip) -> np.ndarray:
    """The (T, J, 3) pose of a clip; clips of a data set have one."""
    assert clip.pose_3d_cam_m is not None
    return clip.pose_3d_cam_m


def _seen(clip: Clip) -> np.ndarray:
    """The keypoints of a clip in the joints of the detector; a joint that is missing lies where the first one does."""
    assert clip.seen_2d_px is not None
    known = np.isfinite(clip.seen_2d_px).all(axis=-1, keepdims=True)
    return np.where(known, clip.seen_2d_px, clip.pose_2d_px[:, :1])


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
    weights = _weights(config)
    for side, clips in (("train", split.train), ("test", split.test)):
        for clip in clips:
            for share in _shares(clip, weights, config.subset) if side == "train" else [1.0]:
                chosen = _frames_of(clip, every, share)
                length = len(range(clip.frames)[chosen])
                stored.append(StoredClip(clip.subject, clip.take, clip.camera, side, start, length, clip.first_frame))
                rows.append(chosen)
                start += length
    return stored, rows


def _places(clips: Sequence[StoredClip], rows: Sequence[slice], stored: Sequence[StoredClip], every: int) -> list[int]:
    """Where the frames of each clip begin among those that are stored, of all clips of the data set."""
    begins = {(c.subject, c.take, c.camera, c.first_frame): c.start for c in stored}
    return [begins[c.subject, c.take, c.camera, c.first_frame] + row.start // every for c, row in zip(clips, rows)]


def _weights(config: DataConfig) -> dict[str, float]:
    """{data set: how often its training frames are used}; empty where all are used once.

    Raises:
        ConfigError: there is not one weight for each data set.
    """
    if not config.dataset_weights:
        return {}
    names = datasets.names_of(config.dataset or "")
    if len(names) != len(config.dataset_weights) or len(names) < 2:
        raise ConfigError(
            f"has {len(config.dataset_weights)} numbers for {len(names)} data set{'s'[: len(names) > 1]}",
            where="--dataset-weights",
            todo="Give one for each data set of --dataset a,b",
        )
    return dict(zip(names, config.dataset_weights))


def _shares(clip: ClipName, weights: Mapping[str, float], subset: float) -> list[float]:
    """The parts of a training clip, one after another, that an epoch uses: 2.5 times is twice whole and half of it."""
    weight = weights.get(clip.subject.partition(":")[0], 1.0) if weights else 1.0
    whole = int(weight)
    return [subset] * whole + ([subset * (weight - whole)] if weight > whole else [])


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
        seen = None if clip.seen_2d_px is None else clip.seen_2d_px[chosen]
        yield stored, Clip(name, clip.camera, clip.pose_2d_px[chosen], _ground_truth(clip)[chosen], seen)


def _manifest(
    key: str,
    dataset: PoseDataset,
    config: DataConfig,
    inputs: Sequence[Mapping],
    clips: Sequence[StoredClip],
    parameters: tuple[str, ...],
) -> dict[str, Any]:
    subjects = dict.fromkeys(clip.subject for clip in clips)
    arrays = [name for name in FRAME_ARRAYS if name != "norm_parameters" or parameters]
    seen = {}
    if dataset.seen_layout is not None and config.normalization == "base":
        arrays, seen = [*arrays, SEEN], {"seen_joints": list(get_layout(dataset.seen_layout).joints)}
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
        "arrays": arrays,
        "sequences": [asdict(clip) for clip in clips],
        **seen,
    }


def _contents(dataset: PoseDataset, clips: Sequence[StoredClip]) -> dict[str, dict[str, list[int]]]:
    found: dict[str, dict[str, list[int]]] = {}
    for subject, take in dict.fromkeys((clip.subject, clip.take) for clip in clips):
        found.setdefault(subject, {})[take] = sketch(dataset.positions_3d_world_m[subject][take])
    return found


def _attributes(manifest: Mapping[str, Any], dataset: PoseDataset, config: DataConfig) -> dict[str, Any]:
    """What other programs need to know of a stage; the manifest has the rest, e.g. the table of clips."""
    rows = ", where each begins: field frames_from.starts" if "frames_from" in manifest else ""
    return {
        "title": f"{dataset.name}: normalized 2D and 3D poses, one row per frame and camera",
        "clips": f"subject, take, camera, split, start and length of every clip: manifest.json, field sequences{rows}",
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
