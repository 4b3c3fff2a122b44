"""Protocols: which clips train and which test. One file each.

A protocol is a `ProtocolPlugin`. The built-in ones stand in the table `PLUGINS`, where nothing is imported before it is
asked for; other packages add theirs in the entry-point group `srnet.protocols`, see docs/plugins.md.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from srnet_core.config import DataConfig
from srnet_core.errors import ConfigError
from srnet_core.lookup import PluginTable, choose

if TYPE_CHECKING:
    from srnet_core.clip import ClipName, PoseDataset


@dataclass(frozen=True)
class Split:
    """The clips of both sides, in the order of the data set."""

    train: "tuple[ClipName, ...]"
    test: "tuple[ClipName, ...]"


@dataclass(frozen=True)
class ProtocolPlugin:
    """How the clips of a data set are split.

    Attributes:
        select: `select(dataset, config)` gives the split; clips that it leaves out are not used. It raises
            `UnknownNameError` or `ConfigError` for options that do not fit the data set.
        takes_train_actions: whether it uses `config.train_actions`; other protocols refuse them.
    """

    select: "Callable[[PoseDataset, DataConfig], Split]"
    takes_train_actions: bool = False


PLUGINS = PluginTable(
    kind="protocol",
    group="srnet.protocols",
    shape=ProtocolPlugin,
    built_in={
        "cross_action": "srnet_core.protocols.cross_action:PROTOCOL",
        "cross_camera": "srnet_core.protocols.cross_camera:PROTOCOL",
        "cross_subject": "srnet_core.protocols.cross_subject:PROTOCOL",
    },
)


def split_clips(dataset: "PoseDataset", config: DataConfig) -> Split:
    """Split a data set by the protocol of `config`.

    Raises:
        UnknownNameError: a subject, action, camera or protocol that does not exist; the message lists those that do.
        PluginError: the package that adds the protocol cannot be used.
        ConfigError: a side would be empty, a clip would be in both, or an option does not belong to the protocol.
    """
    protocol: ProtocolPlugin = PLUGINS.load(config.protocol)
    _refuse_foreign_options(protocol, config)
    split = protocol.select(dataset, config)
    for side, clips, option in (("train", split.train, "--subjects-train"), ("test", split.test, "--subjects-test")):
        if not clips:
            raise ConfigError(
                f"no clip of {dataset.name} is left to {side} on",
                where=f"protocol {config.protocol}",
                todo=f"Check {option}, --actions and the cameras",
            )
    both = set(split.train) & set(split.test)
    if both:
        subjects = sorted({c.subject for c in both})
        raise ConfigError(
            f"train and test overlap: {len(both)} clips of {', '.join(subjects)} are in both",
            where=f"protocol {config.protocol}",
            todo="Give the two sides different subjects, actions or cameras",
        )
    return split


def _refuse_foreign_options(protocol: ProtocolPlugin, config: DataConfig) -> None:
    """An option that the protocol does not use is refused: nobody should believe that it had an effect."""
    if config.train_actions and not protocol.takes_train_actions:
        raise ConfigError(
            "--train-action belongs to --protocol cross-action",
            where=f"protocol {config.protocol}",
            todo="To keep some actions on both sides use --actions",
        )


def customary_subjects(dataset: "PoseDataset", config: DataConfig) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(train, test) subjects: those asked for, else the data set's custom; one side given leaves the rest to the other."""
    train = known_subjects(dataset, config.subjects_train, "--subjects-train")
    test = known_subjects(dataset, config.subjects_test, "--subjects-test")
    if train and test:
        return train, test
    if train or test:
        asked = train or test
        custom = dataset.test_subjects if train else dataset.train_subjects
        rest = tuple(s for s in custom or dataset.subjects if s not in asked)
        return (train, rest) if train else (rest, test)
    if not dataset.train_subjects or not dataset.test_subjects:
        raise ConfigError(
            f"{dataset.name} has no customary split into train and test subjects",
            todo=f"Say for instance --subjects-test {dataset.subjects[-1]} (subjects: {', '.join(dataset.subjects)})",
        )
    return dataset.train_subjects, dataset.test_subjects


def known_subjects(dataset: "PoseDataset", asked: Iterable[str], option: str) -> tuple[str, ...]:
    return tuple(choose("subject", s, dataset.subjects, where=option) for s in asked)


def known_actions(dataset: "PoseDataset", asked: Iterable[str], option: str) -> tuple[str, ...]:
    """Actions by name; "Walking 1" means Walking, as every take of an action belongs to it."""
    present = {a.lower(): a for a in dataset.actions}
    return tuple(
        present.get(a.lower()) or choose("action", a.split(" ")[0], dataset.actions, where=option) for a in asked
    )


def known_cameras(dataset: "PoseDataset", asked: Iterable[int], option: str) -> tuple[int, ...]:
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
    """The clips of these subjects, actions and cameras that `--actions` lets through too; empty means all.

    Order is that of the subjects asked for, then of the file, as in the published code.
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
