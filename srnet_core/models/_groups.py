"""The division of a skeleton's joints into body parts, for the models that use one."""

from itertools import accumulate

from srnet_core.body_parts import part_indices
from srnet_core.config import ModelConfig
from srnet_core.errors import ConfigError
from srnet_core.geometry.skeleton import Skeleton


def joint_groups(config: ModelConfig, skeleton: Skeleton) -> list[tuple[int, ...]]:
    """Joint indices of each part: `config.body_parts` if given, else the skeleton's own division.

    Raises:
        UnknownNameError: a joint the skeleton does not have.
        ConfigError: a joint in no part, or a division the skeleton does not have.
    """
    if config.body_parts:
        return part_indices(config.body_parts, skeleton.joint_names)
    if config.groups == 1:
        return [tuple(range(skeleton.num_joints))]
    if config.groups not in skeleton.groups:
        known = ", ".join(map(str, sorted({1, *skeleton.groups})))
        raise ConfigError(
            f"skeleton {skeleton.name} has no division into {config.groups} groups, only {known}",
            where="--groups",
            todo="Choose one of these, or name the joints of each part in body_parts",
        )
    return list(skeleton.group_indices(config.groups).values())


def output_channels(groups: list[tuple[int, ...]]) -> tuple[int, ...]:
    """Three channels per joint of each group; the published networks have a spare one in the last of several."""
    channels = [3 * len(group) for group in groups]
    if len(groups) > 1:
        channels[-1] += 1
    return tuple(channels)


def output_index(groups: list[tuple[int, ...]], outputs: tuple[int, ...]) -> list[int]:
    """The output channels to keep, by joint: x, y, z from the first group that has the joint."""
    starts = [0, *accumulate(outputs)]
    first: dict[int, int] = {}
    for start, group in zip(starts, groups):
        for position, joint in enumerate(group):
            first.setdefault(joint, start + 3 * position)
    return [first[joint] + axis for joint in sorted(first) for axis in range(3)]


def require_own_joints(config: ModelConfig) -> None:
    """Refuse the options that only the fully connected model has.

    Raises:
        ConfigError: `dense`, or another number of output joints than the skeleton's.
    """
    if config.dense:
        raise ConfigError(f"there is no dense {config.name}", where="--dense", todo="Use --model fc")
    if config.num_joints_out:
        raise ConfigError(f"{config.name} predicts the joints of its skeleton", where="model.num_joints_out",
                          todo="Use --model fc")  # fmt: skip
