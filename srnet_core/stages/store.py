"""A stage on disk: flat zarr arrays with one row per frame, a table of clips, and a manifest that is written last.

    FOLDER/
      pose_2d           (N, J, 2) float32  normalized network input
      seen_2d           (N, K, 2) float32  the same in the joints of the detector; only where these are others
      pose_3d           (N, J, 3) float32  normalized network target (lcn: not root-relative)
      norm_parameters   (N, P)    float32  what decoding needs, one row per frame
      root_cam_m        (N, 3)    float32  true position of the root, camera metres
      manifest.json     configuration, counts, clips, the size and hash of every file above, and a digest of itself

Arrays and folder carry the names of their dimensions, units, joint names and frame rate, so that other programs find
their way: `xarray.open_zarr(FOLDER, consolidated=False)`.

The arrays hold the frames of the whole data set, whatever the split, and N counts all of these: stages of one data set
share their files (see `shared`). With `root_depth` "estimate" they hold the frames of the split.

Each frame is stored once. A window of 243 frames is a frame number and the bounds of its clip, not 243 copies. N counts
a frame once per camera that sees it. A folder without a manifest is not a stage.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from srnet_core import normalization as normalizations
from srnet_core.body import BodySize
from srnet_core.clip import clip_text
from srnet_core.errors import StageError
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.normalization import Normalization
from srnet_core.skeletons import known_or_new
from srnet_core.stages.local_copies import mark_used
from srnet_core.stages.manifest import (
    CHUNK_FRAMES,
    FRAME_ARRAYS,
    MAKE_AGAIN,
    MANIFEST,
    array_shapes,
    read_manifest,
)
from srnet_core.stages.remote import RemoteStages
from srnet_core.stages.shared import SharedFrames
from srnet_core.take_names import action_of

if TYPE_CHECKING:
    import zarr

__all__ = ["CHUNK_FRAMES", "FRAME_ARRAYS", "MANIFEST", "Stage", "StoredClip"]
_MAX_METADATA_BYTES = 2**20


@dataclass(frozen=True)
class StoredClip:
    """One clip in a stage: frames `start` to `start + length` of the flat arrays.

    `camera` is the index in the subject's rig; `split` is "train" or "test". `first_frame` is where the clip begins in
    its take, more than 0 after frames with missing keypoints.
    """

    subject: str
    take: str
    camera: int
    split: str
    start: int
    length: int
    first_frame: int = 0

    @property
    def action(self) -> str:
        return action_of(self.take)

    def __str__(self) -> str:
        return clip_text(self.subject, self.take, self.camera, self.first_frame)


class _PartRemoved(StageError):
    """A chunk was removed while it was read."""


@dataclass(frozen=True)
class Stage:
    """A finished stage, opened for reading.

    Attributes:
        folder: of the stage.
        manifest: the contents of its `manifest.json`, checked.
        remote: where files that are not in the folder yet are fetched from; `None` if all must be there.
        partial: files may be missing, as this is the copy of a stage in a store; they cannot be read.
    """

    folder: Path
    manifest: Mapping
    remote: RemoteStages | None = None
    partial: bool = False

    @classmethod
    def open(cls, folder: str | Path, remote: RemoteStages | None = None, *, partial: bool = False) -> "Stage":
        """Open a stage. Its manifest is checked, every file must have its size, and every `zarr.json` its bytes.

        Args:
            remote: where its files come from. What is missing in the folder is fetched, chunks when they are read.
            partial: accept that files are missing, without a place to fetch them from; to look at a copy.

        Raises:
            StageError: there is no manifest, it is damaged, of another version or of another stage, or files are
                missing, cut short or changed.
        """
        folder = Path(folder)
        if remote is not None and not (folder / MANIFEST).is_file():
            remote.fetch_manifest(folder)
        manifest = read_manifest(folder)
        stage = cls(folder, manifest, remote, partial)
        for name, entry in stage.manifest["files"].items():
            path = folder / name
            if (partial or remote is not None) and not path.exists():
                if remote is not None and name.endswith("zarr.json"):
                    remote.fetch(folder, name, entry)
                continue
            try:
                whole = path.is_file() and path.stat().st_size == entry["bytes"]
            except OSError:
                whole = False
            if not whole:
                raise StageError(f"damaged: {name} is missing or has another size", where=folder, todo=MAKE_AGAIN)
        _ = stage._array_metadata  # read and checked here, so that `read` needs no file but the chunks
        return stage

    def verify(self, known: dict[object, str] | None = None) -> None:
        """Read every file and compare its hash with the manifest; of a partial copy, every file that is there.

        Args:
            known: hashes of files that were read for other stages, and then of this one's too: files that several
                stages share are read once.

        Raises:
            StageError: the bytes of a file are not those that were written.
        """
        for name, entry in self.manifest["files"].items():
            if self.partial and not (self.folder / name).exists():
                continue
            fetched = self._fetch(name)
            try:
                whole = _digest_of(self.folder / name, {} if known is None else known) == entry["sha256"]
            except OSError:
                whole = False
            if not whole:
                raise StageError(f"damaged: the bytes of {name} have changed", where=self.folder, todo=MAKE_AGAIN)
            self._make_room(fetched)

    @cached_property
    def clips(self) -> tuple[StoredClip, ...]:
        """All clips, in the order of their frames."""
        return tuple(StoredClip(**entry) for entry in self.manifest["sequences"])

    @property
    def frames_apart(self) -> int:
        """Every how many frames of the data set are stored."""
        return int(self.manifest.get("frames_apart", self.manifest["config"]["downsample"]))

    @cached_property
    def skeleton(self) -> Skeleton:
        return known_or_new(self.manifest["skeleton"])

    @cached_property
    def normalization(self) -> Normalization:
        """The normalization of its poses.

        Raises:
            UnknownNameError: there is no such normalization here.
        """
        return normalizations.load(self.manifest["config"]["normalization"])

    @cached_property
    def body_size(self) -> BodySize | None:
        """The body size of the training subjects; `None` if the normalization does not use the depth of the root."""
        stored = self.manifest.get("body_size")
        if not stored:
            return None
        return BodySize(tuple(map(tuple, stored["bones"])), tuple(stored["lengths_m"]), stored["scale"])

    @cached_property
    def cameras(self) -> dict[str, tuple[Camera, ...]]:
        return {s: tuple(Camera(**c) for c in rig) for s, rig in self.manifest["cameras"].items()}

    @property
    def bytes(self) -> int:
        """Size of all files but the manifest, those that it shares with other stages included."""
        return sum(entry["bytes"] for entry in self.manifest["files"].values())

    @property
    def bytes_here(self) -> int:
        """Size of those of its files that are in the folder: of a copy, what was fetched so far."""
        return sum(entry["bytes"] for name, entry in self.manifest["files"].items() if (self.folder / name).is_file())

    @property
    def shared_bytes(self) -> int:
        """Size of those of its files that other stages have too."""
        paths = ((self.folder / name, entry["bytes"]) for name, entry in self.manifest["files"].items())
        return sum(size for path, size in paths if path.is_file() and path.stat().st_nlink > 1)

    def contents(self, clips: Iterable[StoredClip]) -> set[int]:
        """The numbers that stand for the takes of some clips, see `stages.contents`; earlier stages have none."""
        takes = self.manifest.get("contents", {})
        return {number for s, t in {(c.subject, c.take) for c in clips} for number in takes.get(s, {}).get(t, ())}

    def split(self, split: str) -> tuple[StoredClip, ...]:
        """The clips of "train" or "test"."""
        return tuple(clip for clip in self.clips if clip.split == split)

    def frames(self, split: str) -> tuple[int, int]:
        """(first, after last): the frames of a split, which are consecutive in the flat arrays."""
        clips = self.split(split)
        return (clips[0].start, clips[-1].start + clips[-1].length) if clips else (0, 0)

    def read(self, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Frames [start, stop) of an array.

        Raises:
            StageError: a chunk is damaged, i.e. its checksum does not match.
        """
        if "frames_from" in self.manifest:
            total = sum(self.manifest["frames"].values())
            first, last, _ = slice(start, stop).indices(total)
            return self._places.read(partial(self._read_rows, name), first, max(first, last))
        return self._read_rows(name, start, stop)

    def _read_rows(self, name: str, start: int, stop: int | None) -> np.ndarray:
        """Rows [start, stop) of an array as it lies in the folder."""
        if self.remote is None:
            return self._read_here(name, start, stop)
        for last_try in (False, False, True):
            fetched = self._fetch_chunks(name, start, stop)
            try:
                values = self._read_here(name, start, stop)
            except _PartRemoved:  # by another process, which needed the room
                if last_try:
                    raise
                continue
            self._make_room(fetched)
            break
        return values

    def _read_here(self, name: str, start: int, stop: int | None) -> np.ndarray:
        """`_read_rows` of chunks that are in the folder."""
        try:
            array = self._array(name)
            values = np.asarray(array[start:stop])
        except Exception as error:  # zarr and its codecs raise many kinds
            why = "its checksum does not match" if "checksum" in str(error) else error
            raise StageError(f"damaged: {name} cannot be read ({why})", where=self.folder, todo=MAKE_AGAIN) from error
        self._require_chunks(name, len(values), start, array.ndim)
        return values

    def _fetch(self, name: str) -> int:
        """Fetch a file that is not in the folder yet; its bytes, 0 if it was there."""
        if self.remote is None:
            return 0
        if (self.folder / name).is_file():
            mark_used(self.folder / name)
            return 0
        entry = self.manifest["files"][name]
        self.remote.fetch(self.folder, name, entry)
        return int(entry["bytes"])

    def _make_room(self, fetched: int) -> None:
        """Keep the copies on this machine within their limit, after some bytes were fetched and read."""
        if self.remote is not None and fetched:
            self.remote.make_room(fetched)

    def _fetch_chunks(self, name: str, start: int, stop: int | None) -> int:
        """Fetch the chunks of frames [start, stop) of an array that are not in the folder yet; their bytes."""
        fetched = 0
        shape = array_shapes(self.manifest)[name]
        first, last, _ = slice(start, stop).indices(shape[0])
        for index in range(first // CHUNK_FRAMES, -(-last // CHUNK_FRAMES) if last > first else 0):
            fetched += self._fetch("/".join([name, "c", str(index), *["0"] * (len(shape) - 1)]))
        return fetched

    @cached_property
    def _places(self) -> SharedFrames:
        return SharedFrames(self.manifest)

    def _array(self, name: str) -> "zarr.Array":
        """An array. It is opened once, as opening takes a third of the time of reading a chunk."""
        if name not in self._opened:
            import zarr  # here, as opening a stage is quicker than this import
            from zarr.storage import LocalStore, StorePath

            place = StorePath(LocalStore(self.folder, read_only=True), name)
            self._opened[name] = zarr.Array.from_dict(place, dict(self._array_metadata[name]))
        return self._opened[name]

    @cached_property
    def _opened(self) -> dict[str, "zarr.Array"]:
        return {}

    @cached_property
    def _array_metadata(self) -> dict[str, dict[str, Any]]:
        """The contents of the `zarr.json` of every array.

        They are compared with the manifest's hash, and with what `StageWriter` writes: another shape, chunk or codec
        would read as other numbers, or take any amount of memory.
        """
        found, missing = {}, set()
        for name, entry in self.manifest["files"].items():
            if not name.endswith("zarr.json"):
                continue
            array = name.removesuffix("zarr.json").rstrip("/")
            if self.partial and not (self.folder / name).exists():
                missing.add(array)
                continue
            try:
                if entry["bytes"] > _MAX_METADATA_BYTES:
                    raise ValueError("too large")
                content = (self.folder / name).read_bytes()
                if hashlib.sha256(content).hexdigest() != entry["sha256"]:
                    raise ValueError("it was changed after it was written")
                found[array] = json.loads(content)
            except (OSError, ValueError, RecursionError) as error:
                raise StageError(f"damaged: {name} ({error})", where=self.folder, todo=MAKE_AGAIN) from None
        for array, shape in array_shapes(self.manifest).items():
            if array not in missing and not _is_as_written(found.get(array), shape):
                raise StageError(
                    f"damaged: {array}/zarr.json describes another array than {shape} float32",
                    where=self.folder,
                    todo=MAKE_AGAIN,
                )
        return found

    def _require_chunks(self, name: str, count: int, start: int, dimensions: int) -> None:
        """Check that the chunks of a read still exist after it, as zarr reads a missing chunk as zeros."""
        if count == 0:
            return
        for index in range(start // CHUNK_FRAMES, (start + count - 1) // CHUNK_FRAMES + 1):
            if not self.folder.joinpath(name, "c", str(index), *["0"] * (dimensions - 1)).is_file():
                raise _PartRemoved(
                    f"damaged: a part of {name} was removed while it was read", where=self.folder, todo=MAKE_AGAIN
                )


def _digest_of(path: Path, known: dict[object, str]) -> str:
    with open(path, "rb") as file:
        stat = os.fstat(file.fileno())
        which = (stat.st_dev, stat.st_ino) if stat.st_nlink > 1 and stat.st_ino else None
        if which is None or which not in known:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            if which is None:
                return digest
            known[which] = digest
        return known[which]


def _is_as_written(metadata: Any, shape: tuple[int, ...]) -> bool:
    """Whether a `zarr.json` describes an array of that shape as `StageWriter` stores it."""
    chunk = [min(CHUNK_FRAMES, max(1, shape[0])), *(max(1, n) for n in shape[1:])]
    expected = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": "float32",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunk}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0.0,
        "storage_transformers": [],
    }
    if not isinstance(metadata, dict) or any(metadata.get(name) != value for name, value in expected.items()):
        return False
    codecs = metadata.get("codecs")
    if not isinstance(codecs, list) or not all(isinstance(codec, dict) for codec in codecs):
        return False
    first = {"name": "bytes", "configuration": {"endian": "little"}}
    return [codec.get("name") for codec in codecs] == ["bytes", "blosc", "crc32c"] and codecs[0] == first
