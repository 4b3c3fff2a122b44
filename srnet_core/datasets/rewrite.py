"""A data set that one of the readers reads from converters' files, written once as a pair of files with its cameras.

Cameras that have to be fitted, and worlds that have to be put together, are so found once and can be looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import srnet_core.datasets as datasets
from srnet_core.datasets._writing import skeleton_metadata, write_pair


@dataclass(frozen=True)
class RewriteReport:
    """What was written: the files, the number of takes by subject, notes of the reader."""

    paths: tuple[Path, ...]
    takes: dict[str, int]
    notes: tuple[str, ...]


def rewrite(
    dataset: str,
    folder: str | Path,
    data_dir: str | Path,
    name: str,
    keypoints: str = "gt",
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> RewriteReport:
    """Read a data set from `folder` and write `data_3d_NAME.npz` and `data_2d_NAME_KEYPOINTS.npz` into `data_dir`.

    Args:
        dataset: the name of the reader, or the NAME of its files, such as "humaneva15".

    Raises:
        InputFileMissing, BadFileError, HostileFileError, ConfigError: as the reader.
    """
    paths = datasets.locate(dataset, folder, keypoints, folder)
    progress(0, 2)
    found = datasets.load(dataset, paths, keypoints)
    progress(1, 2)
    metadata = skeleton_metadata(found.skeleton, found.fps) | {
        "train_subjects": list(found.train_subjects),
        "test_subjects": list(found.test_subjects),
    }
    positions = {s: t for s, t in found.positions_3d_world_m.items() if t}
    written = write_pair(
        data_dir,
        name,
        positions,
        {subject: found.positions_2d_px[subject] for subject in positions},
        {subject: found.cameras[subject] for subject in positions},
        metadata,
        keypoints=keypoints,
    )
    progress(2, 2)
    return RewriteReport(written, {subject: len(takes) for subject, takes in positions.items()}, found.notes)
