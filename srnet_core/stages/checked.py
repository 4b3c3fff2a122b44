"""The data set of a configuration, read, with its gaps filled and checked, and what users must know of it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from srnet_core import datasets
from srnet_core.clip import PoseDataset
from srnet_core.config import DataConfig
from srnet_core.data_check import DataCheck, check_dataset
from srnet_core.errors import BadFileError
from srnet_core.protocols import Split, actions_read_otherwise, has_everyone, has_training
from srnet_core.stages.place import local_folder


def read_dataset(config: DataConfig, name: str, paths: Sequence[Path]) -> PoseDataset:
    """Read a data set, fill its gaps as the configuration asks, and warn of frames that are not used.

    Raises:
        InputFileMissing, BadFileError, HostileFileError: see `datasets.load`; also where no frame has all keypoints.
    """
    if len(names := datasets.names_of(name)) > 1:
        dataset = datasets.load_joined(names, config.data_dir, config.keypoints, local_folder(config.cache_dir))
    else:
        dataset = datasets.load(name, paths, config.keypoints)
    notes = list(dataset.notes)
    if config.fill_gaps:
        dataset, filled = datasets.fill_gaps(dataset, config.fill_gaps)
        if filled:
            notes.append(f"Keypoints filled in gaps of up to {config.fill_gaps} frames: {filled:,}.")
    used = sum(clip.frames for clip in dataset.clip_names)
    lost, without_3d, whole = datasets.frames_lost(dataset)
    advice = f"--fill-gaps {max(5, 2 * config.fill_gaps)} fills gaps of up to that many frames"
    if lost and not used:
        raise BadFileError(
            "a keypoint is missing in every frame of every view", where=paths[-1], todo=f"Fill them in; {advice}"
        )
    if without_3d and not used:
        raise BadFileError(
            "a 3D joint or a keypoint is missing in every frame of every view", where=paths[0], todo="Fill them in"
        )
    warnings = list(dataset.warnings)
    if without_3d:
        warnings.append(
            f"Frames with missing 3D joints are not used: {without_3d:,} of {whole:,} ({without_3d / whole:.0%})."
        )
    if lost:
        warnings.append(
            f"Frames with missing keypoints are not used: {lost:,} of {whole:,} ({lost / whole:.0%}). {advice}."
        )
    return replace(dataset, notes=tuple(notes), warnings=tuple(warnings))


def check_or_refuse(dataset: PoseDataset, config: DataConfig, where: object) -> DataCheck:
    """Check the geometry of a data set.

    Raises:
        BadFileError: 3D, 2D and cameras do not belong together, and the configuration does not say `unchecked`.
    """
    check = check_dataset(dataset)
    if check.errors and not config.unchecked:
        first = check.errors[0]
        reason = f". Likely reason: {first.reason}" if first.reason else ""
        todo = f"{first.todo}. To use the data as they are: --unchecked"
        raise BadFileError(f"{first.text}{reason}", where=where, todo=todo)
    return check


def about_the_data(dataset: PoseDataset, split: Split, check: DataCheck, config: DataConfig) -> dict[str, Any]:
    """Entries of the manifest: warnings that every command shows, subjects that are absent, the result of the check."""
    absent_train, absent_test = _absent(dataset, config)
    warnings = [
        *actions_read_otherwise(dataset, config),
        *(
            _capital(f"{'let through with --unchecked: ' if f in check.errors else ''}{f.sentence}")
            for f in check.findings
        ),
        *_of_absent(absent_train, absent_test, dataset),
        *dataset.warnings,
    ]
    if not dataset.skeleton.left:
        warnings.append(
            "The skeleton names no left and right joints, so mirror images, which are on by default, keep every joint "
            "where it is. Add joints_left and joints_right to the metadata, or train with --no-flip --no-test-flip."
        )
    return {
        "split_rule": list(split.rule),
        "warnings": warnings,
        "absent_subjects": {"train": list(absent_train), "test": list(absent_test)},
        "check": {"unchecked": config.unchecked, **check.to_dict()},
    }


def _absent(dataset: PoseDataset, config: DataConfig) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Subjects of the usual split that are not there although the options ask for the usual split."""
    if has_everyone(config):
        given = bool(config.subjects_train or config.subjects_test)
        everyone = (*dataset.absent_train_subjects, *dataset.absent_test_subjects)
        return ((), ()) if given else (everyone, everyone)
    if (config.subjects_train and config.subjects_test) or not has_training(config):
        return (), ()
    return (
        () if config.subjects_train else dataset.absent_train_subjects,
        () if config.subjects_test else dataset.absent_test_subjects,
    )


def _of_absent(train: Sequence[str], test: Sequence[str], dataset: PoseDataset) -> list[str]:
    parts = {"training": tuple(train), "test": tuple(test)}
    if parts["training"] == parts["test"]:
        parts = {"training and test": parts["test"]}
    return [
        f"{', '.join(absent)} {'is a' if len(absent) == 1 else 'are'} {part} subject{'s'[: len(absent) > 1]} of "
        f"{dataset.name}, but not in the files: results are not comparable with those of the whole data set."
        for part, absent in parts.items()
        if absent
    ]


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
