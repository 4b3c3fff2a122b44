"""Safe writing (temporary name, fsync, rename), publishing of folders, and locks between processes."""

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from srnet_core.errors import ConfigError

if TYPE_CHECKING:
    from filelock import BaseFileLock


@contextlib.contextmanager
def atomic_write(path: str | Path, mode: str = "wb") -> Iterator[IO]:
    """Open a temporary file beside `path`; on success it is flushed to disk and takes the name `path`.

    The folder is made if it is missing. On any exception the temporary file is removed and `path` stays as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp-{secrets.token_hex(4)}")
    try:
        with open(temporary, mode, **({} if "b" in mode else {"encoding": "utf-8"})) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        fsync_folder(path.parent)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename is None:
            error.filename = str(path)  # a full disk does not say which file it is about
        raise


def require_output(path: str | Path) -> None:
    """Refuse a path that no file can be written to, before the work that would be lost.

    Raises:
        ConfigError: it is a folder, or no folder can be there to hold it.
    """
    path = Path(path)
    if path.is_dir() or not path.name:
        raise ConfigError("is a folder, not a file", where=path, todo="Give the path of a file")
    require_folder(path.parent, where=path)


def require_folder(folder: str | Path, *, where: object = None) -> None:
    """Refuse a folder that is not there and cannot be made, or cannot be written to.

    Raises:
        ConfigError: a file is in its place, or writing there is not allowed.
    """
    folder = Path(folder)
    nearest = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if not nearest.is_dir():
        raise ConfigError(f"{nearest} is a file, not a folder", where=where or folder, todo="Choose another folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise ConfigError(f"no permission to write to {nearest}", where=where or folder, todo="Choose another folder")


def try_lock(path: str | Path) -> "BaseFileLock | None":
    """Lock a file for this process, or `None` if another process holds it. The file is made if it is missing.

    The operating system releases the lock when the process ends, however it ends. The file itself stays. Where the file
    system has no such locks, filelock uses the existence of the file instead.
    """
    from filelock import FileLock, Timeout  # imported where it is used: most commands lock nothing

    lock = FileLock(path, blocking=False, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        return None
    return lock


def publish_folder(finished: Path, target: Path, is_good: Callable[[Path], bool]) -> None:
    """Give a finished folder the name `target`, so that readers find all of it or nothing.

    A folder of that name that is good already is left as it is. One that is not is moved aside and only deleted once the
    finished one has the name. Several processes may do this at the same time: the last word is a good folder.

    Args:
        finished: on the same file system; gone afterwards, or left where `target` was good already.
        is_good: whether a folder has the content that `finished` has.

    Raises:
        OSError: the folder cannot be renamed.
    """
    aside: list[Path] = []
    try:
        for _ in range(100):  # each round is lost only to another process that has just put its folder there
            try:
                os.rename(finished, target)
            except OSError:
                if not target.is_dir():
                    raise
                if is_good(target):
                    return
                aside.append(target.with_name(f"{finished.name}-old-{secrets.token_hex(3)}"))
                with contextlib.suppress(FileNotFoundError):  # another process may have been faster
                    os.rename(target, aside[-1])
            else:
                return fsync_folder(target.parent)
        raise OSError("other processes keep writing this folder")
    finally:
        for path in aside:
            shutil.rmtree(path, ignore_errors=True)


def fsync_folder(folder: Path) -> None:
    """Make renames inside a folder survive a power cut (no-op where folders cannot be opened)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_json(path: str | Path, values: Any) -> None:
    """Write plain values as indented JSON, atomically. NaN becomes null: JSON has no NaN."""
    with atomic_write(path, "w") as file:
        json.dump(without_nan(values), file, indent=1, allow_nan=False)
        file.write("\n")


def without_nan(values: Any) -> Any:
    """Plain values with NaN and infinities replaced by `None`, as JSON has neither."""
    if isinstance(values, dict):
        return {k: without_nan(v) for k, v in values.items()}
    if isinstance(values, (list, tuple)):
        return [without_nan(v) for v in values]
    if isinstance(values, float) and (values != values or values in (float("inf"), float("-inf"))):
        return None
    return values
