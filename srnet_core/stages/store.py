"""A stage on disk: flat frame-major zarr arrays, a table of sequences, and a manifest that is written last.

    FOLDER/
      pose_2d           (N, J, 2) float32  normalized network input
      pose_3d           (N, J, 3) float32  normalized network target, root-relative
      norm_parameters   (N, P)    float32  what decoding needs, one row per frame
      root_cam_m        (N, 3)    float32  where the root really is, camera metres
      windows_train     (n,)      int32    the frame at the centre of each training window
      windows_test      (m,)      int32    the same for the test split
      manifest.json     configuration, counts, sequences, and the size and hash of every file above

One frame is stored once. A window of 243 frames is its centre and the bounds of its sequence, never 243 copies.
N counts a frame once per camera that sees it. A folder without a manifest is not a stage.
"""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from srnet_core.clip import action_of
from srnet_core.errors import StageError
from srnet_core.files import fsync_folder, write_json
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.skeletons import get_skeleton
from srnet_core.stages.key import STAGE_VERSION

if TYPE_CHECKING:
    import zarr  # imported where it is used: it takes longer than finding a stage that is there

CHUNK_FRAMES = 16384
FRAME_ARRAYS = ("pose_2d", "pose_3d", "norm_parameters", "root_cam_m")
MANIFEST = "manifest.json"
_MAX_MANIFEST_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Sequence:
    """One clip in a stage: frames `start` to `start + length` of the flat arrays.

    `camera` is the index in the subject's rig; `split` is "train" or "test".
    """

    subject: str
    take: str
    camera: int
    split: str
    start: int
    length: int

    @property
    def action(self) -> str:
        return action_of(self.take)

    def __str__(self) -> str:
        return f"{self.subject}/{self.take}/camera {self.camera}"


class StageWriter:
    """Writes a stage under a temporary name; `commit` gives it its own. Used as a context manager.

    Frames come in order through `append`; they are written a whole chunk at a time, so memory stays bounded by a
    chunk however large the stage is. Leaving the context without `commit` removes what was written.
    """

    def __init__(self, folder: Path, frames: int, shapes: Mapping[str, tuple[int, ...]]):
        self.folder, self.frames = Path(folder), frames
        self.written = 0
        self._remove_leftovers()
        self.temporary = self.folder.with_name(
            f"{self.folder.name}.tmp-{socket.gethostname()}-{os.getpid()}_{secrets.token_hex(3)}"
        )
        self._shapes = dict(shapes)
        self._buffer: dict[str, list[np.ndarray]] = {name: [] for name in shapes}
        self._buffered = 0

    def __enter__(self) -> "StageWriter":
        self._require_space()
        import zarr

        self.temporary.mkdir(parents=True)
        self._group = zarr.open_group(self.temporary, mode="w", zarr_format=3)
        self._arrays = {name: self._create(name, (self.frames, *shape)) for name, shape in self._shapes.items()}
        return self

    def __exit__(self, *_) -> None:
        shutil.rmtree(self.temporary, ignore_errors=True)

    def append(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Add frames: one array of the same length for each name given at creation."""
        for name, rows in arrays.items():
            self._buffer[name].append(np.asarray(rows, dtype=np.float32))
        self._buffered += len(next(iter(arrays.values())))
        if self._buffered >= CHUNK_FRAMES:
            self._flush(self._buffered - self._buffered % CHUNK_FRAMES)

    def commit(self, manifest: Mapping, windows: Mapping[str, np.ndarray], *, replace_existing: bool = False) -> None:
        """Write what is left, the windows and the manifest, and give the folder its name.

        A good stage of that name that another process finished meanwhile is left as it is, since it has the same
        content, unless `replace_existing`.
        """
        self._flush(self._buffered)
        if self.written != self.frames:
            raise StageError(f"{self.written} of {self.frames} frames were written", where=self.folder)
        for split, centres in windows.items():
            self._create(f"windows_{split}", (len(centres),), np.int32)[...] = centres.astype(np.int32)
        files = {}
        for path in sorted(p for p in self.temporary.rglob("*") if p.is_file()):
            files[path.relative_to(self.temporary).as_posix()] = _sync_and_hash(path)
        self._require_every_chunk(files, windows)
        for folder in [p for p in self.temporary.rglob("*") if p.is_dir()]:
            fsync_folder(folder)
        write_json(self.temporary / MANIFEST, {**manifest, "stage_version": STAGE_VERSION, "files": files})
        self._publish(replace_existing)

    def _publish(self, replace_existing: bool) -> None:
        for _ in range(100):  # each round loses only to another process that has just put its stage there
            try:
                os.rename(self.temporary, self.folder)
            except OSError:
                if not self.folder.is_dir():
                    raise
                if is_stage(self.folder) and not replace_existing:
                    return  # another process was faster
                self._move_away(self.folder)
            else:
                return fsync_folder(self.folder.parent)
        raise StageError("other processes keep writing this stage", where=self.folder)

    def _move_away(self, folder: Path) -> None:
        aside = folder.with_name(f"{self.temporary.name}-old-{secrets.token_hex(3)}")
        with contextlib.suppress(FileNotFoundError):  # another process may have moved it first
            os.rename(folder, aside)
        shutil.rmtree(aside, ignore_errors=True)

    def _create(self, name: str, shape: tuple[int, ...], dtype=np.float32) -> "zarr.Array":
        from zarr.codecs import BloscCodec, Crc32cCodec

        return self._group.create_array(
            name,
            shape=shape,
            chunks=(min(CHUNK_FRAMES, max(1, shape[0])), *(max(1, n) for n in shape[1:])),
            dtype=dtype,
            # the checksum last: without it a flipped bit on disk reads back silently as another pose
            compressors=[BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle"), Crc32cCodec()],
            config={"write_empty_chunks": True},  # so that every chunk can be expected to be there
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
                f"no disk space: the stage may need {needed / 2**20:,.0f} MiB, and {free / 2**20:,.0f} MiB are free",
                where=self.folder.parent, todo="Free some space or choose another --cache-dir")  # fmt: skip

    def _require_every_chunk(self, files: Mapping, windows: Mapping[str, np.ndarray]) -> None:
        """zarr reads a chunk that is not there as zeros, so their number is checked before the stage counts."""
        lengths = dict.fromkeys(self._shapes, self.frames) | {f"windows_{s}": len(c) for s, c in windows.items()}
        for name, length in lengths.items():
            present = sum(f.startswith(f"{name}/c/") for f in files)
            expected = -(-length // CHUNK_FRAMES)
            if present != expected:
                raise StageError(f"{present} of {expected} chunks of {name} are on disk", where=self.temporary)

    def _remove_leftovers(self) -> None:
        """Delete what killed processes of this machine left of this stage."""
        prefix = f"{self.folder.name}.tmp-{socket.gethostname()}-"
        for path in self.folder.parent.glob(f"{prefix}*"):
            pid = path.name.removeprefix(prefix).partition("_")[0]
            if pid.isdigit() and not _alive(int(pid)):
                shutil.rmtree(path, ignore_errors=True)


@dataclass(frozen=True)
class Stage:
    """A finished stage, opened for reading."""

    folder: Path
    manifest: Mapping

    @classmethod
    def open(cls, folder: str | Path) -> "Stage":
        """Open a stage and check that every file is there with its size.

        Raises:
            StageError: there is no manifest, it is damaged or of another version, or files are missing or cut short.
        """
        folder = Path(folder)
        again = "Delete the folder, or run prepare with --force"
        try:
            if (folder / MANIFEST).stat().st_size > _MAX_MANIFEST_BYTES:
                raise StageError("the manifest is too large to be one", where=folder, todo=again)
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            files, version = manifest["files"], manifest["stage_version"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StageError(f"not a finished stage: {error}", where=folder, todo=again) from None
        if version != STAGE_VERSION:
            raise StageError(f"made by another version ({version}, not {STAGE_VERSION})", where=folder, todo=again)
        for name, entry in files.items():
            path = folder / name
            if not path.is_file() or path.stat().st_size != entry["bytes"]:
                raise StageError(f"damaged: {name} is missing or has another size", where=folder, todo=again)
        return cls(folder, manifest)

    def verify(self) -> None:
        """Read every file and compare its hash.

        Raises:
            StageError: a file's bytes are not those that were written.
        """
        for name, entry in self.manifest["files"].items():
            with open(self.folder / name, "rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != entry["sha256"]:
                    raise StageError(f"damaged: the bytes of {name} have changed", where=self.folder,
                                     todo="Run prepare with --force")  # fmt: skip

    @cached_property
    def sequences(self) -> tuple[Sequence, ...]:
        return tuple(Sequence(**entry) for entry in self.manifest["sequences"])

    @cached_property
    def skeleton(self) -> Skeleton:
        stored = self.manifest["skeleton"]
        skeleton = skeleton_from_dict(stored)
        with contextlib.suppress(Exception):
            known = get_skeleton(stored["name"])
            if (known.joint_names, known.parents) == (skeleton.joint_names, skeleton.parents):
                return known  # with its groups
        return skeleton

    @cached_property
    def cameras(self) -> dict[str, tuple[Camera, ...]]:
        return {s: tuple(Camera(**c) for c in rig) for s, rig in self.manifest["cameras"].items()}

    @property
    def bytes(self) -> int:
        return sum(entry["bytes"] for entry in self.manifest["files"].values())

    def split(self, split: str) -> tuple[Sequence, ...]:
        return tuple(s for s in self.sequences if s.split == split)

    def frames(self, split: str) -> tuple[int, int]:
        """The frames of a split are one run of the flat arrays: its first and the one after its last."""
        parts = self.split(split)
        return (parts[0].start, parts[-1].start + parts[-1].length) if parts else (0, 0)

    def read(self, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Frames [start, stop) of an array.

        Raises:
            StageError: a chunk is damaged (its checksum does not fit).
        """
        import zarr

        try:
            return np.asarray(zarr.open_group(self.folder, mode="r", zarr_format=3)[name][start:stop])
        except Exception as error:  # zarr and its codecs raise many kinds
            raise StageError(f"damaged: {name} cannot be read ({error})", where=self.folder,
                             todo="Run prepare with --force") from error  # fmt: skip


def is_stage(folder: Path) -> bool:
    """Whether a folder is a finished and undamaged stage."""
    try:
        Stage.open(folder)
    except StageError:
        return False
    return True


def skeleton_to_dict(skeleton: Skeleton) -> dict:
    values = asdict(skeleton)
    values.pop("groups")
    return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def skeleton_from_dict(values: Mapping) -> Skeleton:
    return Skeleton(**{k: v if isinstance(v, str) else tuple(v) for k, v in values.items()})


def _sync_and_hash(path: Path) -> dict:
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return {"bytes": path.stat().st_size, "sha256": digest}


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
