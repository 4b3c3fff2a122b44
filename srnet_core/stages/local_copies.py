"""The copies of remote stages on this machine: how much space they may take, and which go first.

    FOLDER/HASH OF A URL/STAGE/     a stage, of whose chunks some are here

Only chunks of stages that are whole in their store are removed, those that were read longest ago first; they are
fetched again when they are read. A file that several stages share goes from all of them at once, and stays if one of
them is not in its store yet.
"""

import contextlib
import math
import os
import re
import time
from collections import defaultdict
from pathlib import Path

from srnet_core.errors import ConfigError
from srnet_core.files import user_cache_folder

LIMIT = "SRNET_LOCAL_CACHE_GB"
USUAL_GB = 50.0
_IN_STORE = ".in-store"  # a file in the folder of a stage that is whole in its store
_FREED_SHARE = 0.1  # beyond what must go, so that not every chunk is followed by a search
_TOUCHED_S = 60.0  # a chunk's time is written again after this


def limit_bytes(gigabytes: float | None) -> float:
    """The space that copies may take: as given, else of the environment, else `USUAL_GB`; 0 means no limit.

    Raises:
        ConfigError: the environment's value is no size.
    """
    if gigabytes is None:
        text = os.environ.get(LIMIT, "").strip() or str(USUAL_GB)
        try:
            gigabytes = float(text)
        except ValueError:
            gigabytes = math.nan
        if not 0 <= gigabytes < math.inf:
            todo = "Give gigabytes, e.g. 50, or 0 for no limit"
            raise ConfigError(f"{text!r} is no size", where=f"the environment variable {LIMIT}", todo=todo)
    return gigabytes * 1e9 if gigabytes else math.inf


def mark_in_store(stage: Path) -> None:
    """Say that a stage's files can be fetched again. Where that cannot be written they are kept."""
    with contextlib.suppress(OSError):
        (stage / _IN_STORE).touch(exist_ok=True)


def is_copy(stage: Path) -> bool:
    """Whether a folder is the copy of a stage that is whole in its store, and may lack files."""
    return (stage / _IN_STORE).is_file()


def mark_used(chunk: Path) -> None:
    """Say that a chunk is read now. Reading itself says so only on some file systems."""
    with contextlib.suppress(OSError):
        stat, now = chunk.stat(), time.time()
        if now - stat.st_atime > _TOUCHED_S:
            os.utime(chunk, (now, stat.st_mtime))


class LocalCopies:
    """The copies of all remote stages below the folder of this machine.

    Args:
        limit: bytes.
    """

    def __init__(self, limit: float):
        self._limit = limit
        self._bytes: float | None = None  # those of chunks here; other processes may have fetched more since

    def added(self, count: int) -> None:
        """Count bytes that were fetched, and remove what was used longest ago if all take more than the limit."""
        if math.isinf(self._limit):
            return
        if self._bytes is not None:
            self._bytes += count
        if self._bytes is None or self._bytes > self._limit:
            self._bytes = _shrink(self._limit)


def _shrink(limit: float) -> float:
    """Remove chunks until they take 90 % of the limit, if they take more than all of it; the bytes that are left."""
    found: defaultdict[object, list[Path]] = defaultdict(list)
    about: dict[object, os.stat_result] = {}
    for url in _children(user_cache_folder()):
        if not re.fullmatch("[0-9a-f]{16}", url.name):
            continue
        for chunk in url.glob("*/*/c/**/*"):
            with contextlib.suppress(OSError):  # removed meanwhile
                if chunk.is_file():
                    stat = chunk.stat()
                    which = (stat.st_dev, stat.st_ino) if stat.st_nlink > 1 and stat.st_ino else chunk
                    found[which].append(chunk)
                    about[which] = stat
    total = float(sum(stat.st_size for stat in about.values()))
    if total <= limit:
        return total
    for oldest in sorted(about, key=lambda which: about[which].st_atime):
        if total <= (1 - _FREED_SHARE) * limit:
            break
        names = found[oldest]
        if len(names) < about[oldest].st_nlink or not all(is_copy(_stage_of(name)) for name in names):
            continue
        with contextlib.suppress(OSError):
            for name in names:
                name.unlink(missing_ok=True)
            total -= about[oldest].st_size
    return total


def _children(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError:
        return []


def _stage_of(chunk: Path) -> Path:
    """FOLDER/HASH/STAGE of FOLDER/HASH/STAGE/ARRAY/c/..."""
    depth = len(chunk.relative_to(user_cache_folder()).parts)
    return chunk.parents[depth - 3]
