"""Writing a stage: under a temporary name, with every chunk checked and the manifest last, then renamed."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from srnet_core.errors import StageError
from srnet_core.files import (
    LOCK,
    fsync_folder,
    link_or_copy,
    make_temporary_folder,
    publish_folder,
    try_lock,
    write_json,
)
from srnet_core.stages.manifest import CHUNK_FRAMES, MANIFEST, OWN_FRAMES, SHARED_FRAMES, same_content, with_digest
from srnet_core.stages.remote import RemoteStages
from srnet_core.stages.store import Stage

__all__ = ["LOCK", "StageWriter"]

if TYPE_CHECKING:
    import zarr  # imported in functions only, as importing it takes longer than opening a finished stage
    from zarr.core.buffer import Buffer
    from zarr.storage import LocalStore

# What each array holds, and its dimensions after the frames. xarray and other programs read both.
_DESCRIBED: dict[str, tuple[tuple[str, ...], str]] = {
    "pose_2d": (("joint", "xy"), "normalized 2D keypoints, the input of the network"),
    "pose_3d": (("joint", "xyz"), "normalized 3D pose, the target of the network"),
    "norm_parameters": (("parameter",), "what decoding the normalization needs"),
    "seen_2d": (("seen_joint", "xy"), "normalized 2D keypoints in the joints of the detector"),
    "root_cam_m": (("xyz",), "true position of the root joint in camera axes: x right, y down, z forward"),
}
_UNITS = {"root_cam_m": "m"}
_GROUP = "zarr.json"  # the file of a folder's attributes


class StageWriter:
    """Context manager that writes a stage under a temporary name; `commit` renames it.

    `append` takes the frames in order and writes them in whole chunks, so no more than a chunk and one clip is in
    memory. Leaving the context without `commit` removes what was written.

    Args:
        frames: N, of all clips together.
        shapes: the shape of one frame of each array, by the array's name.
        attributes: what the stage holds, for other programs; stored with the zarr group.
        array_attributes: the same for each array, added to what is stored anyway.
    """

    def __init__(
        self,
        folder: Path,
        frames: int,
        shapes: Mapping[str, tuple[int, ...]],
        *,
        attributes: Mapping[str, Any] | None = None,
        array_attributes: Mapping[str, Mapping[str, Any]] | None = None,
    ):
        self.folder, self.frames = Path(folder), frames
        self.written = 0
        self._shapes = dict(shapes)
        self._attributes, self._array_attributes = dict(attributes or {}), dict(array_attributes or {})
        self._buffer: dict[str, list[np.ndarray]] = {name: [] for name in shapes}
        self._buffered = 0

    def __enter__(self) -> "StageWriter":
        import zarr

        self.temporary, self._lock = make_temporary_folder(self.folder, try_lock)
        try:
            self._require_space()
        except StageError:
            self.__exit__()
            raise
        # mode "w" would delete the lock
        self._group = zarr.open_group(_store(self.temporary), mode="a", zarr_format=3, attributes=self._attributes)
        self._arrays = {name: self._create(name, (self.frames, *shape)) for name, shape in self._shapes.items()}
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        shutil.rmtree(self.temporary, ignore_errors=True)

    def append(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Add frames: for each array of the stage the same number of rows."""
        for name, rows in arrays.items():
            self._buffer[name].append(np.asarray(rows, dtype=np.float32))
        self._buffered += len(next(iter(arrays.values())))
        if self._buffered >= CHUNK_FRAMES:
            self._flush(self._buffered - self._buffered % CHUNK_FRAMES)

    def commit(self, manifest: Mapping, *, replace_existing: bool = False) -> None:
        """Write the remaining frames and the manifest, and rename the folder.

        If another process has finished the same stage meanwhile, that one is kept, since it has the same content.
        With `replace_existing` every byte of it is compared first, and it is replaced if any differs.

        Raises:
            StageError: frames or chunks are missing.
        """
        self._flush(self._buffered)
        if self.written != self.frames:
            raise StageError(f"{self.written} of {self.frames} frames were written", where=self.folder)
        files = {}
        for path in sorted(p for p in self.temporary.rglob("*") if p.is_file() and not p.name.startswith(LOCK)):
            files[path.relative_to(self.temporary).as_posix()] = _sync_and_hash(path)
        self._require_every_chunk(files)
        _sync_folders(self.temporary)
        finished = with_digest({**manifest, "stage_version": _version(manifest), "files": files})
        write_json(self.temporary / MANIFEST, finished)
        publish_folder(self.temporary, self.folder, partial(_is_good, made=finished, every_byte=replace_existing))

    def _create(self, name: str, shape: tuple[int, ...]) -> "zarr.Array":
        from zarr.codecs import BloscCodec, Crc32cCodec

        dimensions, description = _DESCRIBED[name]
        attributes = {"long_name": description, "units": _UNITS.get(name, "1")}
        return self._group.create_array(
            name,
            shape=shape,
            dimension_names=("frame", *dimensions),
            attributes={**attributes, **self._array_attributes.get(name, {})},
            chunks=(min(CHUNK_FRAMES, max(1, shape[0])), *(max(1, n) for n in shape[1:])),
            dtype=np.float32,
            # the checksum last: without it a flipped bit on disk reads back silently as another pose
            compressors=[BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle"), Crc32cCodec()],
            config={"write_empty_chunks": True},  # so that every chunk must exist
        )

    def _flush(self, count: int) -> None:
        if count == 0:
            return
        for name, parts in self._buffer.items():
            rows = np.concatenate(parts) if len(parts) > 1 else parts[0]
            self._arrays[name][self.written : self.written + count] = rows[:count]
            self._buffer[name] = [rows[count:].copy()]
        self.written += count
        self._buffered -= count

    def _require_space(self) -> None:
        needed = self.frames * sum(int(np.prod(s)) for s in self._shapes.values()) * 4 + 2**20
        parent = next(p for p in self.folder.parents if p.exists())
        free = shutil.disk_usage(parent).free
        if free < needed:
            raise StageError(
                f"no disk space: the stage may need {needed / 2**20:,.1f} MiB, and {free / 2**20:,.1f} MiB are free",
                where=self.folder.parent,
                todo="Free some space or choose another --cache-dir",
            )

    def _require_every_chunk(self, files: Mapping) -> None:
        """Check the number of chunks before the stage is published, as zarr reads a missing chunk as zeros."""
        expected = -(-self.frames // CHUNK_FRAMES)
        for name in self._shapes:
            present = sum(f.startswith(f"{name}/c/") for f in files)
            if present != expected:
                raise StageError(f"{present} of {expected} chunks of {name} are on disk", where=self.temporary)


def write_sharing(
    folder: Path,
    manifest: Mapping[str, Any],
    source: Stage,
    *,
    attributes: Mapping[str, Any],
) -> None:
    """Write a stage whose frames are those of another one: with the same files, linked, and a manifest of its own.

    Args:
        source: the other stage. Of one at a URL the files that are here already are linked, the others are fetched when
            they are read, as those of `source` itself.
        attributes: as in `StageWriter`.

    Raises:
        OSError: it cannot be written.
    """
    import zarr

    temporary, lock = make_temporary_folder(folder, try_lock)
    try:
        zarr.open_group(_store(temporary), mode="a", zarr_format=3, attributes=dict(attributes))
        files = {_GROUP: _sync_and_hash(temporary / _GROUP)}
        for name, entry in source.manifest["files"].items():
            if name == _GROUP:
                continue
            files[name] = entry
            if (source.folder / name).exists() or source.remote is None:
                (temporary / name).parent.mkdir(parents=True, exist_ok=True)
                link_or_copy(source.folder / name, temporary / name)
        _sync_folders(temporary)
        finished = with_digest({**manifest, "stage_version": _version(manifest), "files": dict(sorted(files.items()))})
        write_json(temporary / MANIFEST, finished)
        publish_folder(temporary, folder, partial(_is_good, made=finished, every_byte=False, remote=source.remote))
    finally:
        lock.release()
        shutil.rmtree(temporary, ignore_errors=True)


def _version(manifest: Mapping[str, Any]) -> int:
    return SHARED_FRAMES if "frames_from" in manifest else OWN_FRAMES


def _store(folder: Path) -> "LocalStore":
    """A folder that this process alone writes, as a store.

    zarr's own way to write a file only if it is not there needs hard links, which some file systems do not have.
    """
    from zarr.storage import LocalStore

    class OneWriterStore(LocalStore):
        async def set_if_not_exists(self, key: str, value: "Buffer") -> None:
            if not await self.exists(key):
                await self.set(key, value)

    return OneWriterStore(folder)


def _sync_folders(folder: Path) -> None:
    for path in [p for p in folder.rglob("*") if p.is_dir()]:
        fsync_folder(path)


def _is_good(folder: Path, *, made: Mapping[str, Any], every_byte: bool, remote: RemoteStages | None = None) -> bool:
    """Whether the stage in a folder is the one that has just been made."""
    try:
        stage = Stage.open(folder, remote)
        if every_byte:
            stage.verify()
    except (StageError, OSError):
        return False
    if every_byte:
        return same_content(stage.manifest, made)
    return bool(stage.manifest["key"] == made["key"])


def _sync_and_hash(path: Path) -> dict:
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return {"bytes": path.stat().st_size, "sha256": digest}
