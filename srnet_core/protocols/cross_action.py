"""Train on some actions and test on all others, with all subjects in both (Zeng et al., ECCV 2020, section 4.2)."""

from srnet_core.clip import PoseDataset
from srnet_core.config import DataConfig
from srnet_core.errors import ConfigError
from srnet_core.protocols import ProtocolPlugin, Split, keep, known_actions, known_cameras, known_subjects


def select(dataset: PoseDataset, config: DataConfig) -> Split:
    """Clips of the training actions for training, clips of the other actions for test.

    All subjects are in both, as in the published code, unless `--subjects-train` or `--subjects-test` is given.

    Raises:
        ConfigError: no training action is given.
    """
    if not config.train_actions:
        raise ConfigError(
            "the action to train on is not given",
            where="--protocol cross-action",
            todo=f"Give --train-action NAME. Choices: {', '.join(dataset.actions)}",
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


PROTOCOL = ProtocolPlugin(select, takes_train_actions=True, everyone=True)
