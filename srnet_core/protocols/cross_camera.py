"""Train on the clips of some cameras and test on those of others, with the subjects of cross-subject."""

from collections.abc import Sequence

from srnet_core.clip import PoseDataset
from srnet_core.config import DataConfig
from srnet_core.errors import ConfigError
from srnet_core.protocols import ProtocolPlugin, Split, customary_subjects, keep, known_cameras


def select(dataset: PoseDataset, config: DataConfig) -> Split:
    """Training subjects seen by the training cameras, and test subjects seen by the test cameras.

    By default camera 0 is for training and all others are for test.

    Raises:
        ConfigError: a camera is in both, or none is left for one of them.
    """
    present = sorted({c.camera for c in dataset.clip_names})
    train = known_cameras(dataset, config.train_cameras, "--train-camera")
    test = known_cameras(dataset, config.test_cameras, "--test-camera")
    train = train or tuple(c for c in present if c not in test)[: None if test else 1]
    test = test or tuple(c for c in present if c not in train)
    if not train or not test:
        raise ConfigError(
            f"training and test both need a camera of their own; the data set has {', '.join(map(str, present))}",
            where="--train-camera, --test-camera",
        )
    if both := sorted(set(train) & set(test)):
        raise ConfigError(
            f"train and test overlap: camera {', '.join(map(str, both))} is in both",
            where="--train-camera, --test-camera",
        )
    train_subjects, test_subjects = customary_subjects(dataset, config)
    return Split(
        keep(dataset, config, subjects=train_subjects, cameras=train),
        keep(dataset, config, subjects=test_subjects, cameras=test),
        (_rule(train, test, train_subjects, test_subjects),),
    )


def _rule(
    train: Sequence[int], test: Sequence[int], train_subjects: Sequence[str], test_subjects: Sequence[str]
) -> str:
    """Which of the two readings of this protocol it is: numbers of one cannot be compared with those of the other."""
    both = sorted(set(train_subjects) & set(test_subjects))
    if not both:
        people = "other people in test than in training"
    elif set(train_subjects) == set(test_subjects):
        people = "the same people in both"
    else:
        people = f"{', '.join(both)} in both"
    return f"Training with camera {_listed(train)}, test with camera {_listed(test)}; {people}."


def _listed(cameras: Sequence[int]) -> str:
    return ", ".join(map(str, cameras))


PROTOCOL = ProtocolPlugin(select)
