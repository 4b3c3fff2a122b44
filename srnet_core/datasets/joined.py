"""Several data sets as one: `--dataset a,b`.

- Subjects are called `a:S1`, so that people of the same name stay apart.
- Joints are those that all skeletons have, in the order of the first data set and with its names. A joint hangs on the
  nearest of its ancestors that is left. Joints belong together that have the same name, or names of one joint in
  Human3.6M and HumanEva, e.g. LFoot and LAnkle. The root must be the same joint.
- The frame rate is the lowest of them: of a faster data set every n-th frame is kept, the nearest whole number n.
- Each data set keeps its usual training and test subjects; all subjects of one without a usual split are for training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from srnet_core.clip import PoseDataset
from srnet_core.errors import ConfigError
from srnet_core.geometry.skeleton import Skeleton

_SAME_JOINT = {"Pelvis": "Hip", "LAnkle": "LFoot", "RAnkle": "RFoot"}  # HumanEva -> Human3.6M
_ALIKE = 0.02  # difference of frame rates that needs no word

Value = TypeVar("Value")


def join(datasets: Sequence[PoseDataset]) -> PoseDataset:
    """The data sets as one, named by all of their names.

    Raises:
        ConfigError: they have no root or not two joints in common, or the same name.
    """
    names = [dataset.name for dataset in datasets]
    if len(set(names)) < len(names):
        raise ConfigError("the same data set is given twice", where=f"--dataset {','.join(names)}")
    skeleton = common_skeleton([dataset.skeleton for dataset in datasets], names)
    fps = min(dataset.fps for dataset in datasets)
    steps = [max(1, round(dataset.fps / fps)) for dataset in datasets]
    warnings = [f"{d.name}: {w}" for d in datasets for w in d.warnings]
    rates = [dataset.fps / step for dataset, step in zip(datasets, steps)]
    if max(rates) > fps * (1 + _ALIKE):
        listed = ", ".join(f"{name} {rate:.4g}" for name, rate in zip(names, rates))
        warnings.append(f"The frame rates differ ({listed}): the same movement looks faster or slower.")
    parts = [_part(dataset, skeleton, step) for dataset, step in zip(datasets, steps)]
    return PoseDataset(
        name=",".join(names),
        keypoints=",".join(dict.fromkeys(dataset.keypoints for dataset in datasets)),
        skeleton=skeleton,
        fps=fps,
        positions_3d_world_m=_merged(part.positions_3d_world_m for part in parts),
        positions_2d_px=_merged(part.positions_2d_px for part in parts),
        cameras=_merged(part.cameras for part in parts),
        train_subjects=tuple(s for part in parts for s in part.train_subjects),
        test_subjects=tuple(s for part in parts for s in part.test_subjects),
        synthetic=any(dataset.synthetic for dataset in datasets),
        notes=(*_about(datasets, skeleton, steps), *(f"{d.name}: {n}" for d in datasets for n in d.notes)),
        warnings=tuple(warnings),
        absent_train_subjects=tuple(s for part in parts for s in part.absent_train_subjects),
        absent_test_subjects=tuple(s for part in parts for s in part.absent_test_subjects),
        cameras_assumed=any(dataset.cameras_assumed for dataset in datasets),
    )


def common_skeleton(skeletons: Sequence[Skeleton], names: Sequence[str]) -> Skeleton:
    """The joints that all skeletons have, in the order and with the tree of the first.

    Raises:
        ConfigError: the roots differ, or fewer than two joints are common.
    """
    first = skeletons[0]
    for skeleton, name in zip(skeletons, names):
        if _known_as(skeleton.joint_names[0]) != _known_as(first.joint_names[0]):
            raise ConfigError(
                f"the root of {names[0]} is {first.joint_names[0]}, that of {name} is {skeleton.joint_names[0]}",
                where=f"--dataset {','.join(names)}",
                todo="Import them with the same skeleton: srnet data import",
            )
    if all(skeleton.same_joints(first) for skeleton in skeletons):
        return first
    known = [{_known_as(joint) for joint in skeleton.joint_names} for skeleton in skeletons]
    common = [joint for joint in first.joint_names if all(_known_as(joint) in names for names in known)]
    if len(common) < 2:
        raise ConfigError("have fewer than two joints in common", where=f"--dataset {','.join(names)}")
    parent_of = dict(zip(first.joint_names, first.parent_names))

    def parent(joint: str) -> str | None:
        above = parent_of[joint]
        while above is not None and above not in common:
            above = parent_of[above]
        return above

    sides = [(left, right) for left, right in zip(first.left, first.right) if left in common and right in common]
    return Skeleton(
        f"common{len(common)}",
        tuple(common),
        tuple(parent(joint) for joint in common),
        tuple(left for left, _ in sides),
        tuple(right for _, right in sides),
    )


def _known_as(joint: str) -> str:
    """The name of a joint by which skeletons are compared."""
    return _SAME_JOINT.get(joint, joint)


def _part(dataset: PoseDataset, skeleton: Skeleton, step: int) -> PoseDataset:
    """A data set with the common joints, every `step`-th frame, and its name before those of its subjects."""
    own = [_known_as(joint) for joint in dataset.skeleton.joint_names]
    joints = [own.index(_known_as(joint)) for joint in skeleton.joint_names]
    as_it_is = joints == list(range(dataset.skeleton.num_joints)) and step == 1

    def chosen(array: Any) -> Any:
        return array if as_it_is else array[::step, joints]

    def named(subjects: Sequence[str]) -> tuple[str, ...]:
        return tuple(f"{dataset.name}:{subject}" for subject in subjects)

    def renamed(by_subject: Mapping[str, Value]) -> dict[str, Value]:
        return {f"{dataset.name}:{subject}": value for subject, value in by_subject.items()}

    train, test = dataset.train_subjects, dataset.test_subjects
    return replace(
        dataset,
        skeleton=skeleton,
        positions_3d_world_m=renamed(
            {s: {t: chosen(pose) for t, pose in takes.items()} for s, takes in dataset.positions_3d_world_m.items()}
        ),
        positions_2d_px=renamed(
            {
                s: {t: [chosen(view) for view in views] for t, views in takes.items()}
                for s, takes in dataset.positions_2d_px.items()
            }
        ),
        cameras=renamed(dataset.cameras),
        train_subjects=named(train or (() if test else dataset.subjects)),
        test_subjects=named(test),
        absent_train_subjects=named(dataset.absent_train_subjects),
        absent_test_subjects=named(dataset.absent_test_subjects),
    )


def _merged(parts: Any) -> dict[str, Any]:
    return {subject: value for part in parts for subject, value in part.items()}


def _about(datasets: Sequence[PoseDataset], skeleton: Skeleton, steps: Sequence[int]) -> list[str]:
    """What was done to bring the data sets together."""
    notes = []
    for dataset, step in zip(datasets, steps):
        kept = {_known_as(joint) for joint in skeleton.joint_names}
        lost = [joint for joint in dataset.skeleton.joint_names if _known_as(joint) not in kept]
        if lost:
            notes.append(f"{dataset.name}: joints that other data sets do not have are left out: {', '.join(lost)}.")
        if step > 1:
            notes.append(f"{dataset.name}: one of {step} frames is used, {dataset.fps / step:.4g} per second.")
    return notes
