"""Protocols: rules that split clips into training and test. One file each.

A protocol is a `ProtocolPlugin`. The table `PLUGINS` lists the built-in ones and imports each only when it is asked
for; other packages add theirs in the entry-point group `srnet.protocols`, see docs/plugins.md.
"""

import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from srnet_core.config import DataConfig
from srnet_core.errors import ConfigError
from srnet_core.lookup import PluginTable, choose
from srnet_core.take_names import action_of, full_action, plain_name

if TYPE_CHECKING:
    from srnet_core.clip import ClipName, PoseDataset


_SIDES = ("--subjects-train", "--subjects-test")
_EVERYONE = "all"


@dataclass(frozen=True)
class Split:
    """The clips for training and for test.

    Attributes:
        rule: how the protocol chose them, one sentence each, where its name and the options do not say it.
    """

    train: "tuple[ClipName, ...]"
    test: "tuple[ClipName, ...]"
    rule: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProtocolPlugin:
    """A rule that splits the clips of a data set.

    Attributes:
        select: `select(dataset, config)` returns the split; clips in neither part are not used. It raises
            `UnknownNameError` or `ConfigError` for options that do not fit the data set.
        takes_train_actions: whether it uses `config.train_actions`; for other protocols they are an error.
        trains: whether it has clips for training; if not, options that choose them are an error.
        takes_rare_share: whether it uses `config.rare_share`; for other protocols another value than the default is an
            error.
        everyone: whether all subjects are in both parts unless options choose them.
    """

    select: "Callable[[PoseDataset, DataConfig], Split]"
    takes_train_actions: bool = False
    trains: bool = True
    takes_rare_share: bool = False
    everyone: bool = False


PLUGINS = PluginTable(
    kind="protocol",
    group="srnet.protocols",
    shape=ProtocolPlugin,
    built_in={
        "cross_action": "srnet_core.protocols.cross_action:PROTOCOL",
        "cross_camera": "srnet_core.protocols.cross_camera:PROTOCOL",
        "cross_dataset": "srnet_core.protocols.cross_dataset:PROTOCOL",
        "cross_subject": "srnet_core.protocols.cross_subject:PROTOCOL",
        "rare_pose": "srnet_core.protocols.rare_pose:PROTOCOL",
    },
)


def split_clips(dataset: "PoseDataset", config: DataConfig) -> Split:
    """Split a data set by the protocol of `config`.

    Raises:
        UnknownNameError: there is no such subject, action, camera or protocol; the message lists those there are.
        PluginError: the package that adds the protocol cannot be used.
        ConfigError: training or test would be empty, a clip would be in both, or an option does not belong to the
            protocol.
    """
    protocol: ProtocolPlugin = PLUGINS.load(config.protocol)
    _refuse_foreign_options(protocol, config)
    split = protocol.select(dataset, config)
    for side, clips, option in (("training", split.train, "--subjects-train"), ("test", split.test, "--subjects-test")):
        if not clips and (protocol.trains or side == "test"):
            raise ConfigError(
                f"no clip of {dataset.name} is left for {side}",
                where=_option(config),
                todo=f"Check {option}, --actions and the cameras",
            )
    both = set(split.train) & set(split.test)
    if both:
        subjects = sorted({c.subject for c in both})
        raise ConfigError(
            f"train and test overlap: {len(both)} clips of {', '.join(subjects)} are in both",
            where=_option(config),
            todo="Give training and test different subjects, actions or cameras",
        )
    return split


def _option(config: DataConfig) -> str:
    """The protocol as it is typed."""
    return f"--protocol {config.protocol.replace('_', '-')}"


def _refuse_foreign_options(protocol: ProtocolPlugin, config: DataConfig) -> None:
    """Raise `ConfigError` for an option that the protocol does not use, so that nobody believes it had an effect."""
    if config.train_actions and not protocol.takes_train_actions:
        raise ConfigError(
            "--train-action belongs to --protocol cross-action",
            where=_option(config),
            todo="To restrict training and test to some actions, use --actions",
        )
    if config.rare_share != DataConfig().rare_share and not protocol.takes_rare_share:
        raise ConfigError(
            "--rare-share belongs to --protocol rare-pose",
            where=_option(config),
            todo="To count only the rarest frames of a test split, use srnet eval --rare",
        )
    for option, given in (("--subjects-train", config.subjects_train), ("--train-camera", config.train_cameras)):
        if given and not protocol.trains:
            raise ConfigError(
                f"{option} has no effect: this protocol has no training data",
                where=_option(config),
                todo="Leave it out",
            )


def has_training(config: DataConfig) -> bool:
    """Whether the protocol of `config` has clips for training."""
    protocol: ProtocolPlugin = PLUGINS.load(config.protocol)
    return protocol.trains


def has_everyone(config: DataConfig) -> bool:
    """Whether the protocol of `config` has all subjects in both parts unless options choose them."""
    protocol: ProtocolPlugin = PLUGINS.load(config.protocol)
    return protocol.everyone


def require_training(config: DataConfig) -> None:
    """Raise `ConfigError` if the protocol of `config` has no clips for training."""
    if not has_training(config):
        raise ConfigError(
            "has no training data: it tests weights that were trained on another data set",
            where=_option(config),
            todo="Use it with srnet eval",
        )


def customary_subjects(dataset: "PoseDataset", config: DataConfig) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(training, test) subjects.

    Without options these are the customary ones of the data set. If only one part is given, the other part has its
    customary subjects (all subjects where the data set has no customary split), without those that are given.

    Raises:
        UnknownNameError: there is no such subject.
        ConfigError: no subjects are given and the data set has no customary split, or none are left for one part.
    """
    train = known_subjects(dataset, config.subjects_train, "--subjects-train")
    test = known_subjects(dataset, config.subjects_test, "--subjects-test")
    if train and test:
        return train, test
    if train or test:
        asked = train or test
        custom = dataset.test_subjects if train else dataset.train_subjects
        rest = tuple(s for s in custom or dataset.subjects if s not in asked)
        if not rest:
            raise ConfigError(
                f"no subject is left for {'test' if train else 'training'}",
                where=_SIDES[0] if train else _SIDES[1],
                todo="Leave some out"
                + ("" if train else ". To test weights of another data set on all: --protocol cross-dataset"),
            )
        return (train, rest) if train else (rest, test)
    if not dataset.train_subjects or not dataset.test_subjects:
        raise ConfigError(_no_split(dataset), todo=_how_to_split(dataset))
    return dataset.train_subjects, dataset.test_subjects


def _no_split(dataset: "PoseDataset") -> str:
    absent = dataset.absent_test_subjects if not dataset.test_subjects else dataset.absent_train_subjects
    if not absent:
        return f"{dataset.name} has no customary split into training and test subjects"
    part = "test" if not dataset.test_subjects else "training"
    return f"the {part} subjects of {dataset.name} ({', '.join(absent)}) are not in the files"


def _how_to_split(dataset: "PoseDataset") -> str:
    if len(dataset.subjects) < 2:
        ways = []
        if len(dataset.actions) > 1:
            ways.append(f"by action (--protocol cross-action --train-action {shlex.quote(dataset.actions[0])})")
        if len({clip.camera for clip in dataset.clip_names}) > 1:
            both = " ".join(f"{option} {shlex.quote(s)}" for s in dataset.subjects for option in _SIDES)
            ways.append(f"by camera (--protocol cross-camera {both})")
        return f"With one subject, split {' or '.join(ways)}" if ways else "Add the data of another subject"
    return f"Give e.g. --subjects-test {dataset.subjects[-1]} (subjects: {', '.join(dataset.subjects)})"


def known_subjects(dataset: "PoseDataset", asked: Iterable[str], option: str) -> tuple[str, ...]:
    """`asked`, if the data set has these subjects; "all" means all of them.

    Raises:
        UnknownNameError: there is no such subject; the message names `option`.
    """
    asked = tuple(asked)
    if asked == (_EVERYONE,) and _EVERYONE not in dataset.subjects:
        return dataset.subjects
    return tuple(_chosen("subject", s, dataset.subjects, option) for s in asked)


def _chosen(kind: str, asked: str, choices: Sequence[str], option: str) -> str:
    """`choose`; names that are separated by blanks instead of commas are told."""
    names = asked.split()
    hint = f"Separate them by commas: {option} {','.join(names)}. " if set(names) <= set(choices) else None
    return choose(kind, asked, choices, where=option, hint=hint if names[1:] else None)


def known_actions(dataset: "PoseDataset", asked: Iterable[str], option: str) -> tuple[str, ...]:
    """The actions of the data set that are meant by `asked`.

    Case, blanks and punctuation do not count, e.g. "taking photo" means Photo. The name of a take means its action,
    e.g. "Walking 1" means Walking. The short names in the tables of papers mean actions of Human3.6M, e.g. "SitD."
    means SittingDown.

    Raises:
        UnknownNameError: there is no such action; the message names `option`.
    """
    return tuple(dict.fromkeys(_known_action(dataset.actions, a, option) for a in asked))


def actions_read_otherwise(dataset: "PoseDataset", config: DataConfig) -> list[str]:
    """A sentence for each action of the options that `known_actions` takes for one of another name, e.g. Walk."""
    return [
        f"{option} {shlex.quote(asked)}: this stands for the action {meant}."
        for option, actions in (("--actions", config.actions), ("--train-action", config.train_actions))
        for asked in actions
        if plain_name(meant := _known_action(dataset.actions, asked, option)) != plain_name(asked)
    ]


def _known_action(actions: Sequence[str], asked: str, option: str) -> str:
    if asked in actions:
        return asked
    for meant in (asked, action_of(asked), full_action(asked)):
        same = [a for a in actions if meant is not None and plain_name(a) == plain_name(meant)]
        if len(same) == 1:
            return same[0]
    return _chosen("action", asked, actions, option)


def known_cameras(dataset: "PoseDataset", asked: Iterable[int], option: str) -> tuple[int, ...]:
    """`asked`, if the data set has cameras with these indices; otherwise `UnknownNameError`, which names `option`."""
    count = max((c.camera for c in dataset.clip_names), default=-1) + 1
    return tuple(int(choose("camera", str(c), range(count), where=option)) for c in asked)


def keep(
    dataset: "PoseDataset",
    config: DataConfig,
    *,
    subjects: Sequence[str] = (),
    actions: Sequence[str] | None = None,
    cameras: Sequence[int] = (),
) -> "tuple[ClipName, ...]":
    """The clips of these subjects, actions and cameras, restricted to `config.actions`.

    An empty `subjects` or `cameras`, and `None` for `actions`, mean all. Clips are in the order of `subjects`, then in
    the order of the file, as in the published code.
    """
    wanted = known_actions(dataset, config.actions, "--actions")
    by_subject = {s: [c for c in dataset.clip_names if c.subject == s] for s in subjects or dataset.subjects}
    return tuple(
        clip
        for clips in by_subject.values()
        for clip in clips
        if (not wanted or clip.action in wanted)
        and (actions is None or clip.action in actions)
        and (not cameras or clip.camera in cameras)
    )
