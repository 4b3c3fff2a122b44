"""The exceptions of srnet.

A message has up to three parts: what went wrong, where, and what to do about it. The command line prints
them on one line. `UserMistake` ends a command with exit code 2, any other `SrnetError` with 1.

Most classes also inherit from the built-in exception of the same meaning, so that code without knowledge of srnet can
catch them.
"""

from types import ModuleType


class SrnetError(Exception):
    """Base of all errors that srnet raises. An instance of this class itself is a failure without a user's mistake.

    Args:
        what: what went wrong, one sentence without a full stop.
        where: the file, option or array with the problem.
        todo: what the user can do about it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: object = None, todo: str | None = None):
        self.what, self.where, self.todo = what, where, todo
        text = what if where is None else f"{where}: {what}"
        super().__init__(text if todo is None else f"{text}. {todo}")

    def __str__(self) -> str:  # built-in classes, such as FileNotFoundError, would format the message differently
        return str(self.args[0])


class UserMistake(SrnetError):
    """A request that cannot be fulfilled: a wrong option, a missing file, data of the wrong shape."""

    exit_code = 2


class ConfigError(UserMistake, ValueError):
    """Options that contradict each other or are out of range."""


class UnknownNameError(UserMistake, LookupError):
    """A name that is not among the choices; the message lists them."""


class InputFileMissing(UserMistake, FileNotFoundError):
    """A required file does not exist."""


class BadFileError(UserMistake, ValueError):
    """A file that is truncated, has another format, or has invalid contents."""


class ArrayError(UserMistake, ValueError):
    """An array given by a program that has the wrong shape or type, or contains numbers that cannot be used."""


class HostileFileError(BadFileError):
    """A file with content that no data file needs, such as code to run. Nothing in it was run."""


class AmbiguousError(UserMistake, ValueError):
    """Something that can be read in several ways, none clearly better; the message names them and how to choose."""


class CheckpointError(UserMistake, ValueError):
    """A checkpoint that does not fit the model, skeleton or normalization used with it."""


class MissingExtraError(UserMistake, ImportError):
    """An optional package is needed; the message names the extra that installs it."""


class PluginError(UserMistake, ImportError):
    """A plug-in that an installed package adds cannot be imported, or has the wrong type."""


class PluginWarning(UserWarning):
    """A plug-in that an installed package adds is not used; the message says which and why."""


class KeypointWarning(UserWarning):
    """Keypoints cannot be right: another order of joints, upside down, the wrong size of the image, ..."""


class FileSystemWarning(UserWarning):
    """The file system lacks something; the message says what is done instead."""


class StageError(SrnetError, RuntimeError):
    """A cached stage is damaged or cannot be written."""


class TrainingError(SrnetError, RuntimeError):
    """Training cannot continue, e.g. because the loss is no longer finite."""


def require_extra(module: str, extra: str) -> ModuleType:
    """Import an optional module by name.

    Raises:
        MissingExtraError: it is not installed, or what it needs itself is missing or of another version; the message
            tells which, and names the extra that installs it.
    """
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        if isinstance(error, ModuleNotFoundError) and (error.name or package).split(".")[0] == package:
            raise MissingExtraError(
                f"this needs the package {package!r}, which is not installed",
                todo=f"Install it with: pip install 'srnet[{extra}]'",
            ) from error
        reason = " ".join(str(error).split())
        raise MissingExtraError(
            f"this needs the package {package!r}, which cannot be imported: {reason}",
            todo="Other packages here may be too old or too new for it: see them with: pip check. Or install it in an "
            f"environment of its own with: pip install 'srnet[{extra}]'",
        ) from error
