"""Safe writing (temporary name, fsync, rename), publishing of folders, and locks between processes."""

import contextlib
import errno
import glob
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from srnet_core.errors import ConfigError, FileSystemWarning, SrnetError

if TYPE_CHECKING:
    from filelock import BaseFileLock

LOCAL_CACHE = "SRNET_LOCAL_CACHE"  # names the folder for what is made or fetched once per machine
LOCK = ".writer"  # the lock file in a folder that is being written
_LOCK_TRIES = 20
_TEMPORARY = re.compile(r"\..+\.tmp-[0-9a-f]{8}", re.DOTALL)
_OPEN_STREAM = re.compile(r"/(?:dev|proc/(?P<process>self|\d+))/fd/(?P<number>\d{1,9})")
_LONGEST_NAME_BYTES = 240  # file systems allow 255; the rest is for the mark of a temporary file
_UNTOUCHED_SECONDS = 60.0
_UNTOUCHED_WITHOUT_LOCKS_SECONDS = 86400.0
_PIPE_SECONDS = 10.0
_MOST_LINKS = 40
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


class TemporaryFolder(NamedTuple):
    """A folder that is being written, and the lock that keeps it from being removed as abandoned."""

    path: Path
    lock: "BaseFileLock"


@contextlib.contextmanager
def atomic_write(path: str | Path, mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a temporary file beside `path`; on success it is flushed to disk and takes the name `path`.

    The folder is made if it is missing. On any exception the temporary file is removed and `path` stays as it was. What
    killed processes left of the same file is deleted.

    A device, a named pipe or a standard stream, e.g. /dev/stdout, is written to directly. Behind a symbolic link the
    target of the link is replaced, not the link.

    Raises:
        ConfigError: the path contains a NUL character.
        SrnetError: the path is a named pipe from which no program reads.
        OSError: the file cannot be written.
    """
    path = Path(path)
    _require_no_nul(path)
    try:
        through = _open_stream(path, mode)
        if through is not None:
            with through as file:
                yield file
            return
        target = _behind_links(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_left_files(target)
        with _temporary_file(target, mode) as (temporary, file):
            yield file
            file.flush()
            os.fsync(file.fileno())
            if os.name != "posix":
                file.close()  # Windows does not rename open files
            os.replace(temporary, target)
        fsync_folder(target.parent)
    except OSError as error:
        if error.errno and _is_unknown_to_users(error.filename):
            error.filename, error.filename2 = str(path), None
        raise


def _is_unknown_to_users(filename: object) -> bool:
    """Whether an error names no file, as "disk full" does, or a temporary one."""
    return filename is None or _TEMPORARY.fullmatch(Path(str(filename)).name) is not None


@contextlib.contextmanager
def _temporary_file(target: Path, mode: str) -> Iterator[tuple[Path, IO[Any]]]:
    """A new file beside `target`. It is locked while it is open, so that nobody takes it for an abandoned one."""
    for last_try in (False, False, False, True):
        temporary = target.with_name(f"{_temporary_prefix(target.name)}{secrets.token_hex(4)}")
        file = open(temporary, mode.replace("w", "x"), encoding=_encoding(mode))  # noqa: SIM115
        if (_lock_open_file(file.fileno()) is not False and temporary.exists()) or last_try:
            break
        file.close()  # another process has just taken it for an abandoned file
    try:
        yield temporary, file
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        file.close()


def _temporary_prefix(name: str) -> str:
    """`.NAME.tmp-`, or a hash instead of a NAME so long that the file system would refuse the result."""
    if len(os.fsencode(name)) > _LONGEST_NAME_BYTES:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    return f".{name}.tmp-"


def _encoding(mode: str) -> str | None:
    return None if "b" in mode else "utf-8"


def _remove_left_files(target: Path) -> None:
    """Delete temporary files of killed processes in the folder of `target`: those that no process holds.

    Files of other targets must also be a minute old: another machine may hold them with a lock that is not seen here.
    """
    own = _temporary_prefix(target.name)
    with contextlib.suppress(OSError), os.scandir(target.parent) as entries:
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    _remove_unless_held(Path(entry.path), 0.0 if entry.name[:-8] == own else _UNTOUCHED_SECONDS)


def _remove_unless_held(path: Path, untouched_s: float) -> None:
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        age_s = time.time() - os.fstat(handle).st_mtime
        held = _lock_open_file(handle)
        if held is None:  # no locks here: only the age tells
            untouched_s = max(untouched_s, _UNTOUCHED_WITHOUT_LOCKS_SECONDS)
        if held is not False and age_s >= untouched_s:
            path.unlink()
    finally:
        os.close(handle)


def _lock_open_file(handle: int) -> bool | None:
    """Lock an open file until it is closed: `False` if another process holds it, `None` if there are no locks here."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK) else None
    return True


def _open_stream(path: Path, mode: str) -> IO[Any] | None:
    """An open stream for a standard stream, a device or a named pipe; `None` for a path of a file."""
    number = _stream_number(path)
    if number is not None:
        return open(os.dup(number), mode, encoding=_encoding(mode))
    try:
        kind = os.stat(path).st_mode
    except OSError:
        return None
    if stat.S_ISFIFO(kind):
        return open(_open_pipe(path), mode, encoding=_encoding(mode))
    if stat.S_ISREG(kind) or stat.S_ISDIR(kind):
        return None
    return open(path, mode, encoding=_encoding(mode))


def _stream_number(path: Path) -> int | None:
    """The number of the open stream that a path such as /dev/stdout or /dev/fd/3 stands for, also behind links.

    A stream that the shell redirected to a file must not be opened by name: that would cut the file to nothing.
    """
    name = os.path.join(os.path.abspath(path.parent), path.name) if path.name else ""
    for _ in range(_MOST_LINKS):
        if found := _OPEN_STREAM.fullmatch(name):
            return int(found["number"]) if found["process"] in (None, "self", str(os.getpid())) else None
        try:
            name = os.path.normpath(os.path.join(os.path.dirname(name), os.readlink(name)))
        except OSError:
            return {"/dev/stdout": 1, "/dev/stderr": 2}.get(name)
    return None


def _open_pipe(path: Path) -> int:
    """Open a named pipe for writing. Without a time limit, opening would wait for ever for a program that reads."""
    deadline = time.monotonic() + _PIPE_SECONDS
    while True:
        try:
            handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        else:
            os.set_blocking(handle, True)
            return handle
        if time.monotonic() > deadline:
            todo = "Start the program that reads it first"
            raise SrnetError("no program reads from this pipe", where=path, todo=todo)
        time.sleep(0.02)


def _behind_links(path: Path) -> Path:
    """The file that a path stands for: the target of a symbolic link, also of one that does not exist yet."""
    if not path.is_symlink():
        return path
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise ConfigError("the symbolic links lead in a circle", where=path, todo="Choose another file")
    return target


def require_output(path: str | Path, *, read: Iterable[str | Path] = ()) -> None:
    """Check before long work that a file can be written to a path.

    Args:
        read: files that the work reads. None of them may be replaced by what it writes.

    Raises:
        ConfigError: the path is a folder, or its folder cannot be made or written to; or it is one of those files.
    """
    path = Path(path)
    _require_no_nul(path)
    if path.is_dir() or not path.name:
        raise ConfigError("is a folder, not a file", where=path, todo="Give the path of a file")
    if _stream_number(path) is not None:
        return
    if path.exists() and not path.is_file():
        if not os.access(path, os.W_OK):
            raise ConfigError("no permission to write to it", where=path, todo="Choose another file")
        return
    require_folder(_behind_links(path).parent, where=path)
    if path.is_file() and any(os.path.exists(other) and path.samefile(other) for other in read):
        raise ConfigError("is the file that is read, which would be lost", where=path, todo="Choose another file")


def _require_no_nul(path: Path) -> None:
    if "\0" in str(path):
        raise ConfigError("a path cannot contain a NUL character", where=repr(str(path)), todo="Choose another path")


def require_folder(folder: str | Path, *, where: object = None) -> None:
    """Check that a folder, or the nearest existing folder above it, can be written to.

    Raises:
        ConfigError: it is a file, there is no permission to write, or the file system takes no new files, as /proc.
    """
    folder = Path(folder)
    _require_no_nul(folder)
    nearest = next(p for p in (folder, *folder.absolute().parents) if p.exists() or p.is_symlink())
    if not nearest.exists():
        raise ConfigError(f"{nearest} is a link to nothing", where=where or folder, todo="Choose another folder")
    if not nearest.is_dir():
        raise ConfigError(f"{nearest} is a file, not a folder", where=where or folder, todo="Choose another folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise ConfigError(f"no permission to write to {nearest}", where=where or folder, todo="Choose another folder")
    try:
        with tempfile.TemporaryFile(dir=nearest):  # rights alone do not tell: /proc, read-only file systems
            pass
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):  # told when it matters: there may be room later
            return
        raise ConfigError(
            f"no file can be made in {nearest}", where=where or folder, todo="Choose another folder"
        ) from None


def try_lock(path: str | Path) -> "BaseFileLock | None":
    """Lock a file for this process; `None` if another process holds the lock, or has removed the folder meanwhile.

    A missing file is created. The operating system releases the lock when the process ends, even after a crash. The
    file itself stays.

    On a file system without locks a file PATH.held is the lock while it exists, and a `FileSystemWarning` says so.
    """
    from filelock import FileLock, SoftFileLock, Timeout  # imported here because most commands need no lock

    lock: BaseFileLock = FileLock(path, blocking=False, thread_local=False, fallback_to_soft=False)
    try:
        try:
            lock.acquire()
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            held = f"{path}.held"
            lock = SoftFileLock(held, blocking=False, thread_local=False)
            lock.acquire()
            warnings.warn(
                f"{Path(path).parent}: this file system has no locks, so the file {held} is used instead. "
                "Delete it if a process was killed on another machine",
                FileSystemWarning,
                stacklevel=2,
            )
    except Timeout:
        return None
    if not os.path.exists(path):  # the folder was taken away between opening the file and locking it
        lock.release()
        return None
    return lock


def make_temporary_folder(target: Path, lock: "Callable[[Path], BaseFileLock | None]" = try_lock) -> "TemporaryFolder":
    """Make a folder TARGET.tmp-ID beside `target` and lock it. Abandoned ones of the same target are removed first.

    Args:
        target: the name the folder will get. A name that begins with a dot stays hidden while it is made.
        lock: how its lock file `LOCK` is locked.

    Raises:
        SrnetError: no lock can be had.
    """
    remove_abandoned(target.parent.glob(f"{glob.escape(target.name)}.tmp-*"))
    for _ in range(_LOCK_TRIES):
        folder = target.with_name(f"{target.name}.tmp-{secrets.token_hex(6)}")
        folder.mkdir(parents=True)
        try:
            held = lock(folder / LOCK)
        except FileNotFoundError:  # another process took it for an abandoned one before it was locked
            continue
        if held is not None:
            return TemporaryFolder(folder, held)
        shutil.rmtree(folder, ignore_errors=True)
    raise SrnetError("no lock can be had in this folder", where=target.parent, todo="Choose another folder")


def remove_abandoned(folders: Iterable[Path]) -> None:
    """Delete temporary folders of killed processes.

    A folder is abandoned if the lock file in it is free, or if it has had no lock file for a minute.
    """
    for folder in folders:
        with contextlib.suppress(OSError):
            if not (folder / LOCK).exists() and time.time() - folder.stat().st_mtime < _UNTOUCHED_SECONDS:
                continue  # a process may be about to lock it
            lock = try_lock(folder / LOCK)
            if lock is None:
                continue
            try:
                aside = folder.with_name(f"{folder.name}-{secrets.token_hex(3)}")
                os.rename(folder, aside)  # so that nobody can lock it while it is being deleted
                shutil.rmtree(aside, ignore_errors=True)
            finally:
                lock.release()


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


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name (a hard link); copy it where that cannot be had.

    Some file systems have no hard links or a limit of them, and some systems refuse them for files of others. A copy is
    not there at once: the folder of `target` is one that nobody reads yet.

    Raises:
        OSError: it cannot be copied either, or `target` exists.
    """
    try:
        os.link(source, target)
    except OSError:
        with open(source, "rb") as original, open(target, "xb") as copy:  # never into a file that is linked already
            shutil.copyfileobj(original, copy)
            copy.flush()
            os.fsync(copy.fileno())


def fsync_folder(folder: Path) -> None:
    """Make renames inside a folder survive a power failure; no effect where folders cannot be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def user_cache_folder() -> Path:
    """The folder for what srnet can make again, whatever the working folder: `SRNET_LOCAL_CACHE`, or ~/.cache/srnet."""
    folder = os.environ.get(LOCAL_CACHE)
    if not folder:
        folder = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "srnet")
    return Path(folder)


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
