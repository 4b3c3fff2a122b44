"""From exceptions to one line on the screen and an exit code: 2 for the user's mistake, 1 for a failure."""

import errno
import traceback

import typer

from srnet_core.errors import SrnetError

DEBUG_HINT = "Run again with --debug for the traceback"
_SYSTEM = {
    errno.ENOSPC: "no space left on the disk",
    errno.EACCES: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.EDQUOT: "the disk quota is used up",
}


def describe(error: BaseException) -> tuple[str, int]:
    """The line to show for an exception, and the exit code."""
    if isinstance(error, SrnetError):
        return str(error), error.exit_code
    if isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        return f"{error.format_message().rstrip('.')}. See {context.command_path if context else 'srnet'} --help", 2
    if isinstance(error, OSError) and error.errno in _SYSTEM:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{_SYSTEM[error.errno]}", 1
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out of memory. Try a smaller --batch-size, or fewer --channels", 1
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" ({last[0].filename.rsplit('/', 1)[-1]}:{last[0].lineno})" if last else ""
    text = " ".join(str(error).split())[:200]
    return f"unexpected {type(error).__name__}: {text}{where}. {DEBUG_HINT}", 1
