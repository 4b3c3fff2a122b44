"""From exceptions to one line on the screen and an exit code: 2 for the user's mistake, 1 for a failure."""

import difflib
import errno
import os
import re
import reprlib
import shlex
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from srnet_cli.wording import as_options
from srnet_core.config import RunConfig, Setting, sections_of, settings_of
from srnet_core.errors import InputFileMissing, SrnetError
from srnet_core.lookup import spelling

DEBUG_HINT = "Run again with --debug for the traceback"
_SYSTEM = {
    errno.ENOSPC: ("no space left on the disk", "Free some space, or choose another folder"),
    errno.EDQUOT: ("the disk quota is used up", "Free some space, or choose another folder"),
    errno.EFBIG: ("the file is larger than the file system or a limit allows", "Choose another folder"),
    errno.EACCES: ("permission denied", "Check the rights of the file and of its folder, or choose another"),
    errno.EROFS: ("the file system is read-only", "Choose a folder you may write to"),
    errno.EISDIR: ("is a folder, not a file", "Give the path of a file"),
    errno.ENOTDIR: ("is not a folder", "Choose another folder"),
    errno.EEXIST: ("is a file, not a folder", "Choose another folder"),
    errno.ENOENT: ("cannot be created or found", "Check the path"),
    errno.ENAMETOOLONG: ("the name is too long for the file system", "Choose a shorter one"),
    errno.ELOOP: ("the symbolic links lead in a circle", "Check the path"),
}
_WRONG_PATH = {errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOENT, errno.ENAMETOOLONG, errno.ELOOP}
_OF_ARGUMENTS = ("--checkpoint", "--path", "--file", "--input", "--evaluate", "--weights", "-i")  # of other programs
_TORCH_WRITER = re.compile(r"PytorchStreamWriter failed|unexpected pos \d+ vs \d+")


class StoppedByUser(Exception):
    """Ctrl-C, raised after the run has been saved and the user told how to resume it."""


def describe(error: BaseException, typed: Sequence[str] = ()) -> tuple[str, int]:
    """The line to show for an exception (empty if everything has been said) and the exit code.

    Args:
        typed: the words of the command line.
    """
    if isinstance(error, StoppedByUser):
        return "", 130
    if isinstance(error, SrnetError):
        quotes = _quotes_hint(str(error.where), typed, error) if isinstance(error, InputFileMissing) else ""
        return as_options(f"{_as_typed(error)}{quotes}"), error.exit_code
    if isinstance(error, typer.TyperException):
        return _usage(error, typed), 2
    if isinstance(error, OSError) and error.errno is not None:
        return _system(error), 2 if error.errno in _WRONG_PATH or _is_device(error.filename) else 1
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out of memory. Try a smaller --batch-size, or fewer --channels", 1
    if isinstance(error, ValueError) and "null byte" in str(error):
        return "a path contains a NUL character, which no file name can have. Check the paths given", 2
    if isinstance(error, UnicodeEncodeError):
        text = reprlib.repr(error.object)
        todo = "Set PYTHONUTF8=1, or choose a locale with UTF-8, or another name"
        return f"{text} cannot be written in the encoding {error.encoding} of this system. {todo}", 2
    if isinstance(error, RuntimeError) and _TORCH_WRITER.search(str(error)):
        todo = "Free some space, or choose another --checkpoint-dir"
        return f"a checkpoint could not be written: the disk may be full. {todo}", 1
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" ({last[0].filename.rsplit('/', 1)[-1]}:{last[0].lineno})" if last else ""
    text = " ".join(str(error).split())
    text = text if len(text) <= 200 else f"{text[:200]} ..."
    return f"unexpected {type(error).__name__}: {text}{where}. {DEBUG_HINT}", 1


def _as_typed(error: SrnetError) -> SrnetError:
    """The error with the option of the command where it names the argument or setting that the option gives."""
    context = _context(error)
    if context is None or not isinstance(error.where, str) or not error.where.isidentifier():
        return error
    options = {flag for parameter in context.command.params for flag in parameter.opts}
    plain = f"--{error.where.replace('_', '-')}"
    settings = (about.option for about in _settings() if about.name == error.where)
    option = next((flag for flag in (plain, *settings) if flag in options), error.where)
    return type(error)(error.what, where=option, todo=error.todo)


def _settings() -> list[Setting]:
    """All settings of a run."""
    return [about for section in sections_of(RunConfig) for about in settings_of(section).values()]  # type: ignore[arg-type]  # classes are hashable


def _system(error: OSError) -> str:
    """An error of the operating system: which file, what happened, what to do."""
    number = error.errno or 0
    what, todo = _SYSTEM.get(number) or (error.strerror or os.strerror(number), DEBUG_HINT)
    where = f"{_short(error.filename2 or error.filename)}: " if error.filename else ""
    return f"{where}{what}. {todo}"


def _is_device(path: object) -> bool:
    """Whether an output path names a device, which is the user's choice, not a failing disk."""
    try:
        return isinstance(path, (str, os.PathLike)) and Path(path).is_char_device()
    except OSError:  # the folder cannot be looked into
        return False


def _short(path: object) -> str:
    """A path, or the two ends of one that would fill the screen."""
    text = str(path)
    return text if len(text) <= 200 else f"{text[:90]}...{text[-90:]}"


def _usage(error: typer.TyperException, typed: Sequence[str]) -> str:
    """A wrong command line: what is wrong with it, and where the help is."""
    context = _context(error)
    message = error.format_message() or "a command is missing"  # no words at all: its help has been shown
    if (option := getattr(error, "option_name", None)) and message.startswith("No such option"):
        option = _whole_word(option, typed)
        message = f"there is no option {option}{_nearest_option(option, context)}"
    elif message.startswith("Got unexpected extra argument"):
        message = _extra(message, typed, error)
    elif (parameter := getattr(error, "param", None)) and (details := getattr(error.__cause__, "errors", None)):
        given = details()[0].get("input")
        rule = error.message.partition(",")[0].replace("Input should be", "must be")
        name = next((option for option in parameter.opts if option.startswith("--")), parameter.opts[-1])
        todo = f". Write {given.replace(',', '.')}" if re.fullmatch(r"-?\d+,\d+", str(given)) else ""
        message = f"{name}: {rule}, not {given!r}{todo}"
    message = message[:1].lower() + message[1:] if not message.startswith("-") else message
    message = message.rstrip(".").removesuffix("?.")
    return f"{message}{'' if message.endswith('?') else '.'} See {context.command_path if context else 'srnet'} --help"


def _extra(message: str, typed: Sequence[str], error: BaseException) -> str:
    """Words that belong to no option, e.g. the second of `--actions Taking Photo`."""
    words = message.partition("(s) (")[2].rstrip(".)")
    for number, word in enumerate(typed):
        if number and words.partition(" ")[0] == word and (hint := _quotes_hint(word, typed, error)):
            return f"{word!r} belongs to no option{hint}"
        if number > 1 and words.partition(" ")[0] == word and typed[number - 2] in _repeatable(error):
            return f"{word!r} belongs to no option. Repeat the option: {shlex.join([typed[number - 2], word])}"
    return f"too many arguments: {words}. A value of an option is written behind its name: --option value"


def _repeatable(error: BaseException) -> set[str]:
    """The options of the command that may be given several times."""
    context = _context(error)
    several = [p for p in context.command.params if getattr(p, "multiple", False)] if context else []
    return {option for parameter in several for option in parameter.opts}


def _whole_word(option: str, typed: Sequence[str]) -> str:
    """The option as it was typed: of `-arch`, the parser tells the first letter only."""
    if len(option) != 2:
        return option
    return next((word for word in typed if word.startswith(option) and word[2:].isalpha()), option)


def _quotes_hint(word: str, typed: Sequence[str], error: BaseException) -> str:
    """What to type instead where a value with a space was typed without quotes, and `word` is a part of it."""
    context = _context(error)
    with_value = (
        {o for p in context.command.params if not getattr(p, "is_flag", False) for o in p.opts} if context else ()
    )
    starts = [n for n, text in enumerate(typed) if text.startswith("--")]
    for start, end in zip(starts, [*starts[1:], len(typed)]):
        option, equals, value = typed[start].partition("=")
        parts = [*([value] if equals else []), *typed[start + 1 : end]]
        if option not in with_value or word not in parts[1:]:
            continue
        if all(part.endswith(",") for part in parts[:-1]):
            return f". Write the list without spaces: {option} {shlex.quote(''.join(parts))}"
        return f". A value with a space is put in quotes: {option} {shlex.quote(' '.join(parts))}"
    return ""


def _context(error: BaseException) -> Any:
    """The command whose line was read. The parser's own errors do not carry it; the calls that led there do."""
    if (context := getattr(error, "ctx", None)) is not None:
        return context
    for frame, _ in traceback.walk_tb(error.__traceback__):
        found = frame.f_locals.get("ctx")
        context = found if hasattr(found, "command_path") else context
    return context


def _nearest_option(asked: str, context) -> str:
    """The option that was probably meant: one that begins as typed, is called so elsewhere, or is most similar."""
    options = [o for p in context.command.params for o in (*p.opts, *p.secondary_opts)] if context else []
    begun = [o for o in options if o.startswith(asked if asked.startswith("--") else f"-{asked}")]
    names = {o.lstrip("-"): o for o in options}
    called = [s.option for s in _settings() if spelling(asked) in map(spelling, s.spellings) and s.option in options]
    near = begun or called or [names[n] for n in difflib.get_close_matches(asked.lstrip("-"), names, n=1, cutoff=0.6)]
    if asked in _OF_ARGUMENTS and not (begun or called) and context:
        argument = next((p for p in context.command.params if not p.opts[0].startswith("-")), None)
        if argument is not None:
            return f": the path is given without an option, e.g. {context.command_path} PATH"
    return f". Did you mean {near[0]}?" if near else ""
