"""Train on one or several actions, test on all the others (Zeng et al., ECCV 2020, section 4.2), all subjects on both sides."""

from srnet_core.clip import PoseDataset
from srnet_core.config import DataConfig
from srnet_core.errors import ConfigError
from srnet_core.protocols import ProtocolPlugin, Split, keep, known_actions, known_cameras, known_subjects


def select(dataset: PoseDataset, config: DataConfig) -> Split:
    """Clips of the training actions against clips of the rest.

    Every subject is on both sides unless `--subjects-train` or `--subjects-test` says otherwise, as in the
    published code.

    Raises:
        ConfigError: no training action given.
    """
    if not config.train_actions:
        raise ConfigError(
            "the action to train on is not given",
            where="protocol cross-action",
            todo=f"Say --train-action NAME. Choices: {', '.join(dataset.actions)}",
        )
    train_actions = known_actions(dataset, config.train_actions, "--train-action")
    test_actions = [a for a in dataset.actions if a not in train_actions]
    return Split(
        keep(
            dataset,
            config,
            subjects=known_subjects(dataset, config.subjects_train, "--subjects-train"),
            actions=train_actions,
            cameras=known_cameras(dataset, config.train_cameras, "--train-camera"),
        ),
        keep(
            dataset,
            config,
            subjects=known_subjects(dataset, config.subjects_test, "--subjects-test"),
            actions=test_actions,
            cameras=known_cameras(dataset, config.test_cameras, "--test-camera"),
        ),
    )


PROTOCOL = ProtocolPlugin(select, takes_train_actions=True)
