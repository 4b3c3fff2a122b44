"""The stages in a cache folder: which there are, whether they are whole, and what can be removed."""

import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from srnet_core.errors import StageError
from srnet_core.files import LOCK, try_lock
from srnet_core.stages.local_copies import is_copy
from srnet_core.stages.manifest import MANIFEST, read_manifest
from srnet_core.stages.remote import RemoteStages
from srnet_core.stages.shared import frames_of
from srnet_core.stages.store import Stage

_TEMPORARY = ".tmp-"
_YOUNG_S = 60.0  # a folder without a lock that is younger may belong to a process that is about to lock it
Progress = Callable[[str, int, int], object]


@dataclass(frozen=True)
class StoredStage:
    """A folder in the cache.

    Attributes:
        folder: of the stage, or of one that a killed process left.
        stage: `None` if it cannot be opened.
        problem: why it cannot be opened or is not whole; empty if nothing is known to be wrong.
        bytes: of the files in the folder, without those that an older stage has too.
        changed_s: when the folder was written, in seconds since 1970.
        unfinished: a process is writing it, or has left it unfinished.
        files: every file in the folder: (what tells files that are one apart from others, bytes).
        copy: of a stage that is whole in an object store; files that were not read yet are missing, and no problem.
    """

    folder: Path
    stage: Stage | None
    problem: str
    bytes: int
    changed_s: float
    unfinished: bool = False
    files: tuple[tuple[object, int], ...] = ()
    copy: bool = False


def find_stages(cache_dir: str | Path) -> list[StoredStage]:
    """The stages of a cache folder, the newest first, and folders that were not finished."""
    found = []
    for folder in Path(cache_dir).glob("*"):
        unfinished = _TEMPORARY in folder.name
        if folder.is_dir() and (unfinished or (folder / MANIFEST).exists() or _lost_its_manifest(folder)):
            found.append(_look_at(folder, unfinished))
    found.sort(key=lambda entry: (entry.changed_s, entry.folder.name))
    counted: set[object] = set()
    for index, entry in enumerate(found):
        found[index] = replace(entry, bytes=sum(size for which, size in entry.files if which not in counted))
        counted.update(which for which, _ in entry.files)
    return sorted(found, key=lambda entry: (-entry.changed_s, entry.folder.name))


def _lost_its_manifest(folder: Path) -> bool:
    """Whether a folder has the name and the arrays of a stage, but no manifest."""
    return re.fullmatch(r".+-[0-9a-f]{16}", folder.name) is not None and (folder / "pose_3d").is_dir()


def _look_at(folder: Path, unfinished: bool) -> StoredStage:
    files, changed_s = [], folder.stat().st_mtime
    for path in folder.rglob("*"):
        try:
            stat = path.stat()
            if path.is_file():
                # a file with one name only is no other's, also where the system does not number files
                which = (stat.st_dev, stat.st_ino) if stat.st_nlink > 1 and stat.st_ino else path
                files.append((which, stat.st_size))
                if stat.st_nlink == 1:  # one that is shared may be older than the stage
                    changed_s = max(changed_s, stat.st_mtime)
        except OSError:  # removed meanwhile
            continue
    copy = is_copy(folder)
    seen = StoredStage(folder, None, "", 0, changed_s, unfinished, files=tuple(files), copy=copy)
    if unfinished:
        return replace(seen, problem="not finished")
    try:
        stage = Stage.open(folder, partial=copy)
    except StageError as error:
        return replace(seen, problem=error.what)
    return replace(seen, stage=stage)


def find_frames(folder: Path, frames: tuple[str, str], remote: RemoteStages | None = None) -> Stage | None:
    """A stage beside a folder whose arrays hold certain frames; `None` if there is none.

    Args:
        frames: what `shared.frames_of` says of them.
        remote: where files of the stages come from.
    """
    for manifest in sorted(folder.parent.glob(f"*/{MANIFEST}")):
        if manifest.parent == folder or _TEMPORARY in manifest.parent.name:
            continue
        try:
            if frames_of(read_manifest(manifest.parent)) == frames:
                return Stage.open(manifest.parent, remote)
        except StageError:  # one that is damaged is no help
            continue
    return None


def freed_bytes(gone: Sequence[StoredStage], entries: Sequence[StoredStage]) -> int:
    """Bytes that removing some of the stages frees: those of files that no other stage has.

    Args:
        gone: the stages that are removed.
        entries: all stages of the cache folder.
    """
    removed = {entry.folder for entry in gone}
    kept = {which for entry in entries if entry.folder not in removed for which, _ in entry.files}
    return sum({which: size for entry in gone for which, size in entry.files if which not in kept}.values())


def verify_stages(entries: Sequence[StoredStage], progress: Progress = lambda *_: None) -> Iterator[StoredStage]:
    """Read every byte of every finished stage; yields each entry, with its problem if there is one."""
    finished = [entry for entry in entries if not entry.unfinished]
    known: dict[object, str] = {}
    for done, entry in enumerate(finished):
        progress("verifying", done, len(finished))
        problem = entry.problem
        if entry.stage is not None:
            try:
                entry.stage.verify(known)
            except StageError as error:
                problem = error.what
        yield replace(entry, problem=problem)
    progress("verifying", len(finished), len(finished))


def removable(entries: Sequence[StoredStage], *, older_than_s: float | None = None) -> list[StoredStage]:
    """What can be removed: damaged stages and folders that killed processes left; older stages too, if asked for.

    Args:
        older_than_s: also remove whole stages that were made so many seconds ago; 0 for all.
    """
    now = time.time()
    return [
        entry
        for entry in entries
        if entry.problem or (older_than_s is not None and now - entry.changed_s >= older_than_s)
    ]


def remove(entry: StoredStage) -> bool:
    """Remove a folder; False if a process is writing it. It is renamed first, so that nobody opens a part of it.

    Raises:
        OSError: it cannot be removed.
    """
    lock = None
    if entry.unfinished:
        young = time.time() - entry.folder.stat().st_mtime < _YOUNG_S
        if not (entry.folder / LOCK).exists() and young:
            return False
        lock = try_lock(entry.folder / LOCK)
        if lock is None:
            return False
    try:
        aside = entry.folder.with_name(f"{entry.folder.name}{_TEMPORARY}{secrets.token_hex(6)}")
        os.rename(entry.folder, aside)
        shutil.rmtree(aside)
    finally:
        if lock is not None:
            lock.release()
    return True
