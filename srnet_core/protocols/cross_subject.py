"""Protocol 1 of the field: train on some subjects, test on others. Human3.6M: S1 S5 S6 S7 S8, and S9 S11."""

from srnet_core.clip import PoseDataset
from srnet_core.config import DataConfig
from srnet_core.protocols import ProtocolPlugin, Split, customary_subjects, keep, known_cameras


def select(dataset: PoseDataset, config: DataConfig) -> Split:
    """Clips of the training subjects for training, clips of the test subjects for test.

    The clips of all cameras are used unless `--train-camera` or `--test-camera` is given.
    """
    train, test = customary_subjects(dataset, config)
    return Split(
        keep(dataset, config, subjects=train, cameras=known_cameras(dataset, config.train_cameras, "--train-camera")),
        keep(dataset, config, subjects=test, cameras=known_cameras(dataset, config.test_cameras, "--test-camera")),
    )


PROTOCOL = ProtocolPlugin(select)
