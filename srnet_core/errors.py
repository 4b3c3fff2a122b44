"""Every error a user can meet, in one place.

A message has up to three parts: what went wrong, where, and what to do about it. The command line prints
them on one line. `UserMistake` ends a command with exit code 2, any other `SrnetError` with 1.

Each class also inherits from the fitting built-in, so that code which knows nothing of srnet can catch it.
"""


class SrnetError(Exception):
    """Base of all errors raised on purpose by srnet: a failure that is nobody's mistake.

    Args:
        what: what went wrong, one sentence without a full stop.
        where: the file, option or array it was found in.
        todo: what the reader can do next.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: object = None, todo: str | None = None):
        self.what, self.where, self.todo = what, where, todo
        text = what if where is None else f"{where}: {what}"
        super().__init__(text if todo is None else f"{text}. {todo}")

    def __str__(self) -> str:  # KeyError would print the repr of its argument
        return self.args[0]


class UserMistake(SrnetError):
    """Something the user asked for cannot be: a wrong option, a missing file, data that do not fit."""

    exit_code = 2


class ConfigError(UserMistake, ValueError):
    """Options that contradict each other or lie outside their range."""


class UnknownNameError(UserMistake, LookupError):
    """A name that is not among the choices present; the message lists them."""


class InputFileMissing(UserMistake, FileNotFoundError):
    """A file that should be there is not."""


class BadFileError(UserMistake, ValueError):
    """A file that is there, but truncated, of another format, or with contents that make no sense."""


class HostileFileError(BadFileError):
    """A file that asks for something a data file has no business asking for. Nothing of it was run."""


class AmbiguousError(UserMistake, ValueError):
    """Something that can be read in several ways, none clearly better; the message names them and how to choose."""


class CheckpointError(UserMistake, ValueError):
    """A checkpoint that does not fit the model, skeleton or normalization it is used with."""


class MissingExtraError(UserMistake, ImportError):
    """An optional package is needed; the message names the extra that installs it."""


class PluginError(UserMistake, ImportError):
    """A plug-in that an installed package adds cannot be imported, or is not what it should be."""


class PluginWarning(UserWarning):
    """A plug-in that an installed package adds is not used; the message says which and why."""


class StageError(SrnetError, RuntimeError):
    """A cached stage is damaged or cannot be written."""


class TrainingError(SrnetError, RuntimeError):
    """Training cannot go on, for instance because the loss is no longer finite."""


def require_extra(module: str, extra: str):
    """Import an optional module by name, or raise `MissingExtraError` naming the extra that has it."""
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"this needs the package {module.split('.')[0]!r}, which is not installed",
            todo=f"Install it with: pip install 'srnet[{extra}]'",
        ) from error
