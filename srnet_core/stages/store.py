"""A stage on disk: flat zarr arrays with one row per frame, a table of clips, and a manifest that is written last.

    FOLDER/
      pose_2d           (N, J, 2) float32  normalized network input
      pose_3d           (N, J, 3) float32  normalized network target (lcn: not root-relative)
      norm_parameters   (N, P)    float32  what decoding needs, one row per frame
      root_cam_m        (N, 3)    float32  true position of the root, camera metres
      manifest.json     configuration, counts, clips, and the size and hash of every file above

Each frame is stored once. A window of 243 frames is a frame number and the bounds of its clip, not 243 copies. N counts
a frame once per camera that sees it. A folder without a manifest is not a stage.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from srnet_core import normalization as normalizations
from srnet_core.body import BodySize
from srnet_core.clip import action_of
from srnet_core.errors import StageError
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.normalization import Normalization
from srnet_core.skeletons import known_or_new
from srnet_core.stages.key import STAGE_VERSION

if TYPE_CHECKING:
    import zarr

CHUNK_FRAMES = 16384
FRAME_ARRAYS = ("pose_2d", "pose_3d", "norm_parameters", "root_cam_m")
MANIFEST = "manifest.json"
_MAX_MANIFEST_BYTES = 256 * 2**20
_AGAIN = "Delete the folder, or run prepare with --force"


@dataclass(frozen=True)
class StoredClip:
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
        try:
            if (folder / MANIFEST).stat().st_size > _MAX_MANIFEST_BYTES:
                raise StageError(
                    f"the manifest is larger than {_MAX_MANIFEST_BYTES / 2**20:.0f} MiB", where=folder, todo=_AGAIN
                )
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            _check_manifest(manifest)
            sizes = {str(name): int(entry["bytes"]) for name, entry in manifest["files"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StageError(f"is not a finished stage: {error}", where=folder, todo=_AGAIN) from None
        for name, size in sizes.items():
            path = folder / name
            if not path.is_file() or path.stat().st_size != size:
                raise StageError(f"damaged: {name} is missing or has another size", where=folder, todo=_AGAIN)
        return cls(folder, manifest)

    def verify(self) -> None:
        """Read every file and compare its hash with the manifest.

        Raises:
            StageError: the bytes of a file are not those that were written.
        """
        for name, entry in self.manifest["files"].items():
            with open(self.folder / name, "rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != entry["sha256"]:
                    raise StageError(f"damaged: the bytes of {name} have changed", where=self.folder, todo=_AGAIN)

    @cached_property
    def clips(self) -> tuple[StoredClip, ...]:
        """All clips, in the order of their frames."""
        return tuple(StoredClip(**entry) for entry in self.manifest["sequences"])

    @cached_property
    def skeleton(self) -> Skeleton:
        return known_or_new(self.manifest["skeleton"])

    @cached_property
    def normalization(self) -> Normalization:
        """How its poses are normalized.

        Raises:
            UnknownNameError: there is no such normalization here.
        """
        return normalizations.load(self.manifest["config"]["normalization"])

    @cached_property
    def body_size(self) -> BodySize | None:
        """Of the people who train, `None` where the normalization does not use the depth of the root."""
        stored = self.manifest.get("body_size")
        if not stored:
            return None
        return BodySize(tuple(map(tuple, stored["bones"])), tuple(stored["lengths_m"]), stored["scale"])

    @cached_property
    def cameras(self) -> dict[str, tuple[Camera, ...]]:
        return {s: tuple(Camera(**c) for c in rig) for s, rig in self.manifest["cameras"].items()}

    @property
    def bytes(self) -> int:
        """Size of all files but the manifest."""
        return sum(entry["bytes"] for entry in self.manifest["files"].values())

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
        try:
            array = self._array(name)
            values = np.asarray(array[start:stop])
        except Exception as error:  # zarr and its codecs raise many kinds
            raise StageError(f"damaged: {name} cannot be read ({error})", where=self.folder, todo=_AGAIN) from error
        self._require_chunks(name, len(values), start, array.ndim)
        return values

    def _array(self, name: str) -> "zarr.Array":
        """An array. It is opened once, as opening takes a third of the time of reading a chunk."""
        if name not in self._opened:
            import zarr  # here, as opening a stage is quicker than this import

            array = zarr.open_group(self.folder, mode="r", zarr_format=3)[name]
            if not isinstance(array, zarr.Array):
                raise TypeError(f"{name} is not an array")
            self._opened[name] = array
        return self._opened[name]

    @cached_property
    def _opened(self) -> dict[str, "zarr.Array"]:
        return {}

    def _require_chunks(self, name: str, count: int, start: int, dimensions: int) -> None:
        """Check that the chunks of a read still exist after it, as zarr reads a missing chunk as zeros."""
        if count == 0:
            return
        for index in range(start // CHUNK_FRAMES, (start + count - 1) // CHUNK_FRAMES + 1):
            if not self.folder.joinpath(name, "c", str(index), *["0"] * (dimensions - 1)).is_file():
                raise StageError(
                    f"damaged: a part of {name} was removed while it was read", where=self.folder, todo=_AGAIN
                )


def _check_manifest(manifest: Any) -> None:
    """Raise `ValueError` or `KeyError` unless the manifest has the entries of every manifest."""
    if not isinstance(manifest, dict):
        raise ValueError("the manifest is not a JSON object")
    if manifest["stage_version"] != STAGE_VERSION:
        raise ValueError(f"made by another version ({manifest['stage_version']}, not {STAGE_VERSION})")
    if not isinstance(manifest["files"], dict) or not manifest["files"]:
        raise ValueError("the manifest lists no files")
