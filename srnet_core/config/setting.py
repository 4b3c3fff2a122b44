"""One setting: everything that is said about a field of a config, as metadata of that field.

    @dataclass(frozen=True)
    class TrainConfig:
        SECTION: ClassVar[str] = "train"
        lr: float = setting(1e-3, "Initial learning rate", flags=("--lr",), panel="Training", above=0)

        def __post_init__(self):
            check_settings(self)

`settings_of(TrainConfig)["lr"]` gives it back, with its name, type and default filled in.
"""

import dataclasses
import functools
import math
import re
import reprlib
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Real
from typing import Any

from srnet_core import lookup
from srnet_core.errors import ConfigError, UserMistake

_UNITS = {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_LARGEST_WHOLE_NUMBER = 2**53  # up to here every whole number is exact as a float, and fits into those of numpy
_OPTION = re.compile(r"--[a-z0-9-]+")
_SIZE = re.compile(rf"(\d+(?:\.\d+)?) ?({'|'.join(_UNITS)})", re.IGNORECASE)


@dataclass(frozen=True)
class Setting:
    """What is known of a setting.

    Attributes:
        help: one sentence for the command line, without a full stop, choices or default.
        details: more sentences, for docs/settings.md.
        flags: the option's names as typer takes them; none if the setting is reached by presets and `--set` only.
        panel: the part of the help the option is shown in.
        basic: one of the few options people use first.
        metavar: what stands for the value in the help: N, NAME, FRACTION.
        default_text: the default in words, where the value does not say it.
        choices: the allowed values.
        plugins: folder of `srnet_core` whose plug-ins are the allowed values; those are checked where they are loaded.
        hidden: plug-ins that are not offered by name.
        other: what may be given beside `choices` and `plugins`, in words.
        also_called: other names of the setting that people know, for messages: ("learning_rate",).
        completes: what a shell completes, where that is neither choices nor plug-ins: "actions", "keypoints", ...
        dashes: names are written with dashes on the command line: cross-subject for cross_subject.
        minimum, maximum: bounds that are allowed values; for a list, of each item.
        above, below: bounds that are not.
        parse: makes the value from the text typed at the option; raises `ConfigError`.
        otherwise: what to do about a value of another type, where that can be told: `otherwise(value)`.
        published_help: the option's help in commands that read checkpoints, for settings that published files lack.
        section, name, annotation, default: of the field; filled in by `settings_of`.
    """

    help: str
    details: str = ""
    flags: tuple[str, ...] = ()
    panel: str = ""
    basic: bool = False
    metavar: str | None = None
    default_text: str | None = None
    choices: tuple[str, ...] = ()
    plugins: str | None = None
    hidden: tuple[str, ...] = ()
    other: str | None = None
    also_called: tuple[str, ...] = ()
    completes: str | None = None
    dashes: bool = False
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    parse: Callable[[str], Any] | None = None
    otherwise: Callable[[Any], str | None] | None = None
    published_help: str | None = None
    section: str = ""
    name: str = ""
    annotation: Any = str
    default: Any = None

    @property
    def option(self) -> str:
        """How messages call it: --lr, or train.lr where there is no option."""
        return self.flags[0].partition("/")[0] if self.flags else f"{self.section}.{self.name}"

    @property
    def spellings(self) -> tuple[str, ...]:
        """All that people call it: its name, its options without dashes in front, and other names."""
        flags = [part.lstrip("-") for flag in self.flags for part in flag.split("/")]
        return (self.name, *flags, *self.also_called)

    @property
    def kind(self) -> type:
        """Type of the value, or of each item of a list; without `None`."""
        return _kind(self.annotation)[0]

    @property
    def many(self) -> bool:
        """Whether the value is a list."""
        return _kind(self.annotation)[1]

    @property
    def named(self) -> bool:
        """Whether the value is one of a set of names; their dashes and underscores are the same."""
        return bool((self.choices or self.plugins) and self.kind is str)

    def names(self) -> tuple[str, ...]:
        """The values that can be offered, as they are written on the command line. Imports no plug-in."""
        names = self.choices or (lookup.names(self.plugins) if self.plugins else ())
        return tuple(n.replace("_", "-") if self.dashes else n for n in names if n not in self.hidden)

    def shown_default(self) -> str:
        """The default in words."""
        return self.default_text if self.default_text is not None else self.shown(self.default)

    def shown(self, value: Any) -> str:
        """A value as people write it."""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, tuple):
            return ",".join(self.shown(item) for item in value)
        if isinstance(value, float):
            return f"{value:g}"
        return value.replace("_", "-") if self.dashes and isinstance(value, str) else str(value)

    def range_text(self) -> str:
        """The allowed numbers: "in [1, 65536]", "1 or more", "positive and finite"; empty if there is no bound."""
        low = self.minimum if self.above is None else self.above
        high = self.maximum if self.below is None else self.below
        if low is not None and high is not None:
            return f"in {'[' if self.above is None else '('}{low:.10g}, {high:.10g}{']' if self.below is None else ')'}"
        if low is None:
            return ""
        text = f"{low:.10g} or more" if self.above is None else "positive" if low == 0 else f"more than {low:.10g}"
        return f"{text} and finite" if self.kind is float else text

    def require(self, value: Any) -> None:
        """Check a value.

        Raises:
            UnknownNameError: it is not one of the choices; the message lists them.
            ConfigError: a number outside its range.
        """
        if value is None:
            return
        for item in value if isinstance(value, (tuple, list)) else (value,):
            if self.choices:
                lookup.choose("choice", item, self.choices, where=self.option)
            elif self._bounded and not self._inside(item):
                text = self.range_text()
                verb = "lie" if text.startswith("in ") else "be"
                shown = item if isinstance(item, Real) else reprlib.repr(item)
                raise ConfigError(f"must {verb} {text}, not {shown}", where=self.option)
            elif isinstance(item, int) and abs(item) > _LARGEST_WHOLE_NUMBER:
                raise ConfigError(f"the number {reprlib.repr(item)} is too large", where=self.option)

    @property
    def _bounded(self) -> bool:
        return self.minimum is not None or self.above is not None  # every range has a lower end

    def _inside(self, value: Any) -> bool:
        """Whether a value is a number within the bounds; written so that NaN is not."""
        is_number = isinstance(value, Real)  # apart, so that the type stays that of numbers that can be compared
        return is_number and (
            (self.minimum is None or value >= self.minimum)
            and (self.maximum is None or value <= self.maximum)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
            and (self.kind is not float or math.isfinite(value))
        )


def setting(default: Any, help: str, **about: Any) -> Any:
    """A dataclass field with a default and what is said about it; `about` are fields of `Setting`."""
    return dataclasses.field(default=default, metadata={"setting": Setting(help, **about)})


@functools.cache
def settings_of(config: type[Any]) -> Mapping[str, Setting]:
    """The settings of a config class by name, in the order of its fields; not those of the sections inside it."""
    hints = typing.get_type_hints(config)
    return types.MappingProxyType(
        {
            f.name: dataclasses.replace(
                f.metadata["setting"],
                section=config.SECTION,
                name=f.name,
                annotation=hints[f.name],
                default=f.default,
            )
            for f in dataclasses.fields(config)
            if "setting" in f.metadata
        }
    )


@functools.cache
def sections_of(config: type[Any]) -> tuple[type[Any], ...]:
    """The config classes among the fields of a config class, each followed by those among its own fields."""
    hints = typing.get_type_hints(config)
    inside = [hints[f.name] for f in dataclasses.fields(config) if dataclasses.is_dataclass(hints[f.name])]
    return tuple(section for kind in inside for section in (kind, *sections_of(kind)))


def check_settings(config: Any) -> None:
    """Check every value of a config against its setting; dashes in names become underscores.

    Raises:
        UnknownNameError, ConfigError: as `Setting.require`.
    """
    for name, about in settings_of(type(config)).items():  # type: ignore[arg-type]  # classes are hashable
        value = getattr(config, name)
        if about.named and isinstance(value, str) and about.other is None:
            object.__setattr__(config, name, value := value.replace("-", "_"))
        about.require(value)


@contextmanager
def named_as_arguments(config: type, **others: str) -> Iterator[None]:
    """Errors raised inside name the fields of a config instead of the options of the command line, for Python users.

    Args:
        others: names that differ from those of the fields: {field: name}.
    """
    try:
        yield
    except UserMistake as error:
        named = {
            flag: others.get(name, name)
            for name, about in settings_of(config).items()
            for flags in about.flags
            for flag in flags.split("/")
        }

        def renamed(text: str) -> str:
            return _OPTION.sub(lambda found: named.get(found[0], found[0]), text)

        where = renamed(error.where) if isinstance(error.where, str) else error.where
        todo = None if error.todo is None else renamed(error.todo)
        raise type(error)(renamed(error.what), where=where, todo=todo) from None


def read_size_mib(text: str, *, where: str = "--memory-budget") -> float:
    """A size in MiB from the text people write; 0 for "auto".

    >>> read_size_mib("2GiB"), read_size_mib("auto")
    (2048.0, 0.0)

    Raises:
        ConfigError: not a size, or a size of nothing.
    """
    if text.strip().lower() == "auto":
        return 0.0
    found = _SIZE.fullmatch(text.strip())
    if not found or not (size := float(found[1]) * _UNITS[found[2].lower()] / 2**20):
        raise ConfigError(f"expected a size such as 2GiB or 500MiB, or auto, not {text!r}", where=where)
    return size


@functools.cache
def _kind(annotation: Any) -> tuple[type, bool]:
    """(type, whether it is a list) of an annotation such as `int`, `bool | None` or `tuple[str, ...]`."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        annotation = next(k for k in typing.get_args(annotation) if k is not types.NoneType)
    if typing.get_origin(annotation) is tuple:
        return typing.get_args(annotation)[0], True
    return annotation, False
