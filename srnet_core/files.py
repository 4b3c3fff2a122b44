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
def atomic_write(path: str | Path, mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a temporary file beside `path`; on success it is flushed to disk and takes the name `path`.

    The folder is made if it is missing. On any exception the temporary file is removed and `path` stays as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp-{secrets.token_hex(4)}")
    try:
        with open(temporary, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        fsync_folder(path.parent)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename is None:
            error.filename = str(path)  # an error such as "disk full" does not name the file
        raise


def require_output(path: str | Path) -> None:
    """Check before long work that a file can be written to a path.

    Raises:
        ConfigError: the path is a folder, or its folder cannot be made or written to.
    """
    path = Path(path)
    if path.is_dir() or not path.name:
        raise ConfigError("is a folder, not a file", where=path, todo="Give the path of a file")
    require_folder(path.parent, where=path)


def require_folder(folder: str | Path, *, where: object = None) -> None:
    """Check that a folder, or the nearest existing folder above it, can be written to.

    Raises:
        ConfigError: it is a file, or there is no permission to write.
    """
    folder = Path(folder)
    nearest = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if not nearest.is_dir():
        raise ConfigError(f"{nearest} is a file, not a folder", where=where or folder, todo="Choose another folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise ConfigError(f"no permission to write to {nearest}", where=where or folder, todo="Choose another folder")


def try_lock(path: str | Path) -> "BaseFileLock | None":
    """Lock a file for this process; `None` if another process holds the lock. A missing file is created.

    The operating system releases the lock when the process ends, even after a crash. The file itself stays. On a file
    system without locks, filelock uses the existence of the file instead.
    """
    from filelock import FileLock, Timeout  # imported here because most commands need no lock

    lock = FileLock(path, blocking=False, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        return None
    return lock


def publish_folder(finished: Path, target: Path, is_good: Callable[[Path], bool]) -> None:
    """Rename a finished folder to `target`, so that readers find the complete folder or none.

    An existing `target` that is good is kept. One that is not good is moved aside, and deleted after the rename.
    Several processes may publish the same folder at the same time: the result is always a good folder.

    Args:
        finished: on the same file system as `target`. It is renamed, or left if `target` is good already.
        is_good: whether a folder has the same content as `finished`.

    Raises:
        OSError: the folder cannot be renamed.
    """
    aside: list[Path] = []
    try:
        for _ in range(100):  # a round fails only if another process has just published its folder
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
    """Make renames inside a folder survive a power failure; no effect where folders cannot be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_json(path: str | Path, values: Any) -> None:
    """Write plain values as indented JSON, atomically. NaN and infinities become null, as JSON has neither."""
    with atomic_write(path, "w") as file:
        json.dump(without_nan(values), file, indent=1, allow_nan=False)
        file.write("\n")


def without_nan(values: Any) -> Any:
    """Plain values with `None` instead of NaN and infinities."""
    if isinstance(values, dict):
        return {k: without_nan(v) for k, v in values.items()}
    if isinstance(values, (list, tuple)):
        return [without_nan(v) for v in values]
    if isinstance(values, float) and (values != values or values in (float("inf"), float("-inf"))):
        return None
    return values
