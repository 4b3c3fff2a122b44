"""Synthetic data: invented people doing Human3.6M's fifteen actions in front of Human3.6M's four cameras.

This is the project's default data set. It needs no licence and no download, and is generated on first use. Results on
it say nothing about real people: bodies follow published tables of segment lengths, walking follows published joint
angles, and everything else was composed by hand (see docs/synthetic.md).
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from srnet_core.clip import PoseDataset
from srnet_core.datasets import DatasetPlugin, custom
from srnet_core.datasets._files import file_names
from srnet_core.datasets._writing import camera_values, skeleton_metadata, write_npz
from srnet_core.errors import ConfigError
from srnet_core.files import LOCK, fsync_folder, make_temporary_folder, publish_folder
from srnet_core.geometry.h36m_cameras import SUBJECTS, TEST_SUBJECTS, TRAIN_SUBJECTS, h36m_cameras
from srnet_core.lookup import choose
from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.synthetic import take as takes_of
from srnet_core.synthetic.actions import ACTIONS

GENERATOR_VERSION = 1  # raise it whenever the same configuration gives other numbers
FPS = 50
KEYPOINTS = ("gt",)
_TAKES = ("", " 1")  # suffixes of the two takes of an action, as in Human3.6M: "Walking", "Walking 1"


@dataclass(frozen=True)
class SyntheticConfig:
    """Settings of the generator. Anything that changes its numbers is here or in `GENERATOR_VERSION`.

    Attributes:
        seed: seed of movements, proportions and habits.
        seconds_per_take: mean length of a take in seconds.
        subjects: some of Human3.6M's seven subjects; their cameras are used.
        actions: some of Human3.6M's fifteen actions; there are two takes of each.

    Raises:
        ConfigError: a number is out of range, or a list is empty or names something twice.
        UnknownNameError: there is no such subject or action; the message lists those there are.
    """

    seed: int = 4321
    seconds_per_take: float = 6.6
    subjects: tuple[str, ...] = SUBJECTS
    actions: tuple[str, ...] = tuple(ACTIONS)

    def __post_init__(self):
        where = "synthetic data"
        if not 0 <= self.seed < 2**63:
            raise ConfigError(f"seed must lie in [0, 2^63), not {self.seed}", where=where)
        if not 0.1 <= self.seconds_per_take <= 600:
            raise ConfigError(f"seconds_per_take must lie in [0.1, 600], not {self.seconds_per_take}", where=where)
        for kind, asked, there in (("subject", self.subjects, SUBJECTS), ("action", self.actions, tuple(ACTIONS))):
            for name in asked:
                choose(kind, name, there, where=where)
            if not asked or len(set(asked)) != len(asked):
                raise ConfigError(f"needs at least one {kind} and none twice, not {asked!r}", where=where)

    @property
    def key(self) -> str:
        """Hash of the configuration and the generator's version; it names the folder of the generated files."""
        text = json.dumps([GENERATOR_VERSION, FPS, asdict(self)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def generate(config: SyntheticConfig | None = None) -> tuple[dict, dict, dict, dict]:
    """Generate the data in memory.

    Returns:
        positions_3d: {subject: {take: (T, 17, 3) float32 metres, world}}.
        positions_2d: {subject: {take: [per camera (T, 17, 2) float32 pixels]}}, with lens distortion.
        cameras: {subject: [one dict per camera]}, as stored in a `data_3d_NAME.npz`.
        metadata: frame rate, joints, customary split, seed and version; `synthetic` is True.
    """
    config = config or SyntheticConfig()
    rigs = h36m_cameras()
    positions_3d: dict[str, dict[str, np.ndarray]] = {}
    positions_2d: dict[str, dict[str, list[np.ndarray]]] = {}
    for subject in config.subjects:
        person = takes_of.make_person(config.seed, subject)
        positions_3d[subject] = {
            action + take: takes_of.make_take(config.seed, person, action + take, config.seconds_per_take, FPS)
            for action in config.actions
            for take in _TAKES
        }
        positions_2d[subject] = {
            take: [camera.project(camera.world_to_camera(pose)) for camera in rigs[subject]]
            for take, pose in positions_3d[subject].items()
        }
    cameras = {subject: [camera_values(camera) for camera in rigs[subject]] for subject in config.subjects}
    return positions_3d, positions_2d, cameras, _metadata(config)


def _metadata(config: SyntheticConfig) -> dict:
    return skeleton_metadata(SKELETON, FPS) | {
        "train_subjects": [s for s in TRAIN_SUBJECTS if s in config.subjects],
        "test_subjects": [s for s in TEST_SUBJECTS if s in config.subjects],
        "synthetic": True,
        "generator_version": GENERATOR_VERSION,
        "seed": config.seed,
        "seconds_per_take": config.seconds_per_take,
    }


def locate(name: str, data_dir: str | Path, keypoints: str, cache_dir: str | Path) -> tuple[Path, ...]:
    """(3D file, 2D file) of the default configuration in `cache_dir`, generated if they are not there yet.

    Args:
        data_dir: not used; synthetic data have no input files.

    Raises:
        UnknownNameError: `keypoints` is not "gt".
    """
    choose("kind of keypoints of the synthetic data", keypoints, KEYPOINTS, where="--keypoints")
    return make_files(SyntheticConfig(), Path(cache_dir) / "synthetic", name)


def load(name: str, paths: Sequence[Path], keypoints: str) -> PoseDataset:
    """Read the files that `locate` returned, like any data set in the published layout.

    Raises:
        InputFileMissing, BadFileError, HostileFileError: see `custom.load`.
    """
    return custom.load(name, paths, keypoints)


def make_files(config: SyntheticConfig, folder: str | Path, name: str = "synthetic") -> tuple[Path, Path]:
    """Write `folder/<key>/data_3d_NAME.npz` and `data_2d_NAME_gt.npz`, unless they are there.

    The same configuration gives the same bytes. Both files appear together and complete. If two processes generate them
    at the same time, the files of the first are kept.

    Raises:
        ConfigError: a name that cannot be part of a file name.
    """
    target = Path(folder) / config.key
    names = file_names(name, "gt")
    paths = target / names[0], target / names[1]
    if all(path.is_file() for path in paths):
        return paths
    making, lock = make_temporary_folder(target.with_name(f".{config.key}"))
    try:
        _write(config, making / names[0], making / names[1])
        fsync_folder(making)
        publish_folder(making, target, lambda folder: all((folder / name).is_file() for name in names))
        (target / LOCK).unlink(missing_ok=True)
    finally:
        lock.release()
        shutil.rmtree(making, ignore_errors=True)
    return paths


def _write(config: SyntheticConfig, path_3d: Path, path_2d: Path) -> None:
    positions_3d, positions_2d, cameras, metadata = generate(config)
    write_npz(path_3d, {"positions_3d": positions_3d, "cameras": cameras, "metadata": metadata})
    write_npz(path_2d, {"positions_2d": positions_2d, "metadata": metadata})


DATASET = DatasetPlugin(locate, load)
