"""Test weights of one data set on another: every clip is for test, none for training."""

from srnet_core.clip import PoseDataset
from srnet_core.config import DataConfig
from srnet_core.protocols import ProtocolPlugin, Split, keep, known_cameras, known_subjects


def select(dataset: PoseDataset, config: DataConfig) -> Split:
    """All clips for test, unless `--subjects-test`, `--test-camera` or `--actions` choose some of them."""
    subjects = known_subjects(dataset, config.subjects_test, "--subjects-test")
    cameras = known_cameras(dataset, config.test_cameras, "--test-camera")
    return Split((), keep(dataset, config, subjects=subjects, cameras=cameras))


PROTOCOL = ProtocolPlugin(select, trains=False)
