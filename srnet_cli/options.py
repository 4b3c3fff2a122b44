"""Options of the command line, made from what the settings say of themselves (`srnet_core.config.setting`).

`@shared(data=DATA)` gives a command an option for every setting of a section, and hands it those the user typed as one
dict. So "not given" stays different from "given with the default": presets and checkpoints fill in what was not given.
"""

import copy
import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.models import OptionInfo

from srnet_cli.completion import completer
from srnet_cli.help_text import escaped
from srnet_core.config import AugmentConfig, DataConfig, ModelConfig, Setting, TrainConfig, settings_of
from srnet_core.errors import ConfigError
from srnet_core.evaluation import RARENESS

AS_TRAINED = "as trained"
RUN_PANEL = "Run"
_PUBLISHED_PANEL = "Published checkpoints"


@dataclass(frozen=True)
class SettingOption:
    """The option of one setting: its annotation for typer, and a function from text to value (`None`: unchanged)."""

    annotation: Any
    read: Callable[[str], Any] | None


def option(
    *flags: str,
    help: str,
    panel: str | None = None,
    metavar: str | None = None,
    default: str | None = None,
    completes: str | Sequence[str] | None = None,
    **more: Any,
) -> Any:
    """An option of one command.

    Args:
        help: one sentence without a full stop; its brackets are text, not markup.
        panel: part of the help it is shown in; without one it is among the first.
        metavar: what stands for the value in the help.
        default: the default in words, where the value itself does not say it.
        completes: what a shell completes: choices, or the name of a kind (`completion.completer`).
        more: as `typer.Option` takes them, e.g. `min`.
    """
    return typer.Option(
        *flags,
        help=_help_text(help, default),
        show_default=default is None,
        rich_help_panel=panel,
        metavar=metavar,
        autocompletion=completer(completes) if completes else None,
        **more,
    )


def options_of(config: type) -> Mapping[str, SettingOption]:
    """An option for every setting of a config that has a flag; the basic ones are shown first."""
    return {
        name: _setting_option(about, panel=None if about.basic else about.panel, default=about.shown_default())
        for name, about in settings_of(config).items()
        if about.flags
    }


def options_from_checkpoint(config: type) -> Mapping[str, SettingOption]:
    """The same options where a setting that is not given is taken from a checkpoint."""
    return {
        name: _setting_option(about, panel=about.panel, default=AS_TRAINED)
        for name, about in settings_of(config).items()
        if about.flags
    }


def options_of_published(config: type) -> Mapping[str, SettingOption]:
    """Options for what published checkpoints do not say. For checkpoints of srnet only `compat` can be chosen anew."""
    return {
        name: _setting_option(
            about,
            panel=_PUBLISHED_PANEL,
            default=f"{AS_TRAINED}; published files: {about.shown_default()}",
            help=about.published_help,
        )
        for name, about in settings_of(config).items()
        if about.published_help
    }


def annotation_of(
    config: type, name: str, kind: Any, *flags: str, help: str | None = None, default: str | None = None
) -> Any:
    """An annotation for a command's own parameter that is described like a setting of a config."""
    about = settings_of(config)[name]
    return Annotated[
        kind,
        typer.Option(
            *(flags or about.flags),
            help=_help_text((help or about.help) + _listed(about.names()), default),
            show_default=default is None,
            metavar=about.metavar,
            autocompletion=_completion_of(about),
        ),
    ]


def shared(**groups: Mapping[str, SettingOption]) -> Callable:
    """Give a command the options of whole groups; `shared(data=DATA)` passes it a dict `data` of those given."""

    def decorate(command: Callable) -> Callable:
        own = [p for p in inspect.signature(command).parameters.values() if p.name not in groups]
        added = [
            inspect.Parameter(f"{group}__{name}", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=o.annotation)
            for group, options in groups.items()
            for name, o in options.items()
        ]

        @functools.wraps(command)
        def run(**typed):
            given: dict[str, dict[str, Any]] = {group: {} for group in groups}
            for group, options in groups.items():
                for name, o in options.items():
                    value = typed.pop(f"{group}__{name}")
                    if value is not None:
                        given[group][name] = o.read(value) if o.read else value
            return command(**typed, **given)

        return _signed(run, [*own, *added])

    return decorate


def with_defaults_shown(command: Callable) -> Callable:
    """The command with the defaults of its own options at the end of their help, where those of settings are too."""

    def described(parameter: inspect.Parameter) -> inspect.Parameter:
        info = next((m for m in getattr(parameter.annotation, "__metadata__", ()) if isinstance(m, OptionInfo)), None)
        default = parameter.default
        nothing = default is None or default is False or default is inspect.Parameter.empty
        if info is None or not info.show_default or nothing:
            return parameter
        info = copy.copy(info)
        info.help = (info.help or "") + _help_text("", "yes" if default is True else f"{default}")
        info.show_default = False
        return parameter.replace(annotation=Annotated[parameter.annotation.__origin__, info])

    @functools.wraps(command)
    def run(**typed):
        return command(**typed)

    parameters = [described(p) for p in inspect.signature(command).parameters.values()]
    return _signed(run, parameters)


def _signed(command: Any, parameters: Sequence[inspect.Parameter]) -> Callable:
    """A command with these parameters as its signature, all given by name."""
    by_name = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
    command.__signature__ = inspect.Signature(by_name)
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def _setting_option(about: Setting, *, panel: str | None, default: str, help: str | None = None) -> SettingOption:
    read = about.parse or (_list_reader(about) if about.many else None)
    text = help or about.help + _listed([*about.names(), *([about.other] if about.other else [])])
    kind: Any = str if read else about.kind
    annotation = Annotated[
        kind | None,
        typer.Option(
            *about.flags,
            help=_help_text(text, default),
            rich_help_panel=panel,
            metavar=about.metavar,
            autocompletion=_completion_of(about),
        ),
    ]
    return SettingOption(annotation, read)


def _list_reader(about: Setting) -> Callable[[str], tuple]:
    """Reads comma-separated lists: "1,1,1" -> (1, 1, 1)."""

    def read(text: str) -> tuple:
        items = [item.strip() for item in as_text(text).split(",") if item.strip()]
        try:
            return tuple(about.kind(item) for item in items)
        except ValueError:
            what = "whole numbers" if about.kind is int else "values"
            raise ConfigError(f"expected {what} separated by commas, not {text!r}", where=about.option) from None

    return read


def as_text(typed: str) -> str:
    """A name as typed. Where the locale is not UTF-8, Python hands over bytes that are no characters of it; most
    terminals send UTF-8 all the same.
    """
    try:
        return os.fsencode(typed).decode("utf-8")
    except ValueError:
        return typed


def _listed(names: Sequence[str]) -> str:
    """The values there are, in brackets: " (multiply, add or concat)"."""
    return f" ({', '.join(names[:-1])} or {names[-1]})" if names else ""


def _completion_of(about: Setting) -> Callable | None:
    what = about.completes or about.names()
    if about.plugins == "datasets":
        what = "datasets"
    return completer(what, many=about.many) if what else None


def _help_text(help: str, default: str | None) -> str:
    """Help as rich markup, with the default at the end as typer writes it."""
    return escaped(help) + (f" [dim]\\[default: {escaped(default)}][/dim]" if default is not None else "")


def checkpoint_argument(default: str | None = None, *, several: bool = False) -> Any:
    """The argument PATH of commands that read a checkpoint, or several."""
    what = "Checkpoint files" if several else "Checkpoint file"
    or_runs = "or names or folders of runs" if several else "or the name or folder of a run"
    return typer.Argument(
        help=_help_text(f"{what} of srnet, SRNet or VideoPose3D; {or_runs}", default),
        metavar="PATH ..." if several else "PATH",
        show_default=False,
        autocompletion=completer("checkpoints"),
    )


DATA, MODEL, TRAIN = options_of(DataConfig), options_of(ModelConfig), options_of(TrainConfig)
AUGMENT = options_of(AugmentConfig)
DATA_OF_CHECKPOINT = options_from_checkpoint(DataConfig)
PUBLISHED = options_of_published(ModelConfig)

SkeletonName = annotation_of(ModelConfig, "skeleton", str | None, "--skeleton", help="Skeleton", default="h36m17")
SkeletonDataset = Annotated[
    str | None,
    option("--dataset", help="Data set that has the skeleton", metavar="NAME", default="none", completes="datasets"),
]
CheckpointPath = Annotated[Path, checkpoint_argument()]
NewestCheckpoint = Annotated[Path | None, checkpoint_argument("the newest run, its best epoch if it has one")]
NewestCheckpoints = Annotated[
    list[Path] | None, checkpoint_argument("the newest run, its best epoch if it has one", several=True)
]
Device = annotation_of(TrainConfig, "device", str)
CacheDir = annotation_of(DataConfig, "cache_dir", str)
DataDir = annotation_of(DataConfig, "data_dir", str)
Keypoints = annotation_of(DataConfig, "keypoints", str)
Rareness = Annotated[
    str,
    option(
        "--rareness",
        help="How rareness is measured: mean, kernel or nearest distance to the training poses",
        metavar="NAME",
        completes=RARENESS,
        default="kernel",
    ),
]
RarenessExact = Annotated[
    bool,
    option(
        "--rareness-exact",
        help="Compare every test pose with every training pose: slow, and usually the same to a tenth of a millimetre",
    ),
]
Flip = annotation_of(
    TrainConfig, "test_flip", bool, "--flip/--no-flip", help="Average each prediction with that of the mirrored input"
)
SetOption = Annotated[
    list[str] | None,
    option(
        "--set",
        help="Any setting of docs/settings.md, e.g. train.lr=0.0005; may be repeated; overrides options and preset",
        panel=RUN_PANEL,
        metavar="SETTING",
        completes="settings",
    ),
]
