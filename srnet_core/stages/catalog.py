"""The stages in a cache folder: which there are, whether they are whole, and what can be removed."""

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from srnet_core.errors import StageError
from srnet_core.files import LOCK, try_lock
from srnet_core.stages.manifest import MANIFEST
from srnet_core.stages.shared import folder_of_frames
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
        bytes: of the files in the folder.
        changed_s: when the folder was written, in seconds since 1970.
        unfinished: a process is writing it, or has left it unfinished.
        frames_in: the folder of the stage that stores its frames; `None` if it stores them itself.
    """

    folder: Path
    stage: Stage | None
    problem: str
    bytes: int
    changed_s: float
    unfinished: bool = False
    frames_in: Path | None = None


def find_stages(cache_dir: str | Path) -> list[StoredStage]:
    """The stages of a cache folder, the newest first, and folders that were not finished."""
    found = []
    for folder in Path(cache_dir).glob("*"):
        unfinished = _TEMPORARY in folder.name
        if folder.is_dir() and (unfinished or (folder / MANIFEST).exists()):
            found.append(_look_at(folder, unfinished))
    return sorted(found, key=lambda entry: (-entry.changed_s, entry.folder.name))


def _look_at(folder: Path, unfinished: bool) -> StoredStage:
    size, changed_s = 0, folder.stat().st_mtime
    for path in folder.rglob("*"):
        try:
            if path.is_file():
                size, changed_s = size + path.stat().st_size, max(changed_s, path.stat().st_mtime)
        except OSError:  # removed meanwhile
            continue
    if unfinished:
        return StoredStage(folder, None, "not finished", size, changed_s, unfinished=True)
    try:
        stage = Stage.open(folder)
    except StageError as error:
        return StoredStage(folder, None, error.what, size, changed_s)
    frames_in = folder_of_frames(folder, stage.manifest) if "frames_from" in stage.manifest else None
    return StoredStage(folder, stage, "", size, changed_s, frames_in=frames_in)


def verify_stages(entries: Sequence[StoredStage], progress: Progress = lambda *_: None) -> Iterator[StoredStage]:
    """Read every byte of every finished stage; yields each entry, with its problem if there is one."""
    finished = [entry for entry in entries if not entry.unfinished]
    for done, entry in enumerate(finished):
        progress("verifying", done, len(finished))
        problem = entry.problem
        if entry.stage is not None:
            try:
                entry.stage.verify()
            except StageError as error:
                problem = error.what
        yield StoredStage(**{**entry.__dict__, "problem": problem})
    progress("verifying", len(finished), len(finished))


def removable(entries: Sequence[StoredStage], *, older_than_s: float | None = None) -> list[StoredStage]:
    """What can be removed: damaged stages and folders that killed processes left; older stages too, if asked for.

    A stage is kept if one that is kept has its frames in it.

    Args:
        older_than_s: also remove whole stages that were made so many seconds ago; 0 for all.
    """
    now = time.time()

    def goes(entry: StoredStage) -> bool:
        old = older_than_s is not None and now - entry.changed_s >= older_than_s
        return bool(entry.problem) or old

    kept = [entry for entry in entries if not goes(entry)]
    needed = {entry.frames_in for entry in kept if entry.frames_in is not None}
    return [entry for entry in entries if goes(entry) and (entry.problem or entry.folder not in needed)]


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
