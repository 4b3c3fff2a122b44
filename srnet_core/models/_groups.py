"""The division of a skeleton's joints into body parts, for models that use one."""

from itertools import accumulate

from srnet_core.body_parts import part_indices
from srnet_core.config import ModelConfig
from srnet_core.errors import ConfigError
from srnet_core.geometry.limbs import division
from srnet_core.geometry.skeleton import Skeleton


def joint_groups(config: ModelConfig, skeleton: Skeleton) -> list[tuple[int, ...]]:
    """Joint indices of each part: `config.body_parts` if given, else of a division of the skeleton or of several, one
    after another (`divisions_of`).

    Raises:
        UnknownNameError: the skeleton does not have a joint.
        ConfigError: a joint is in no part, or the skeleton does not have the division.
    """
    if config.body_parts:
        return part_indices(config.body_parts, skeleton.joint_names)
    numbers = config.divisions or (config.groups,)
    return [part for n in numbers for part in skeleton.group_indices(division(skeleton, n)).values()]


def output_channels(groups: list[tuple[int, ...]]) -> tuple[int, ...]:
    """Output channels of each group: three per joint; as published, the last of several groups has a spare channel."""
    channels = [3 * len(group) for group in groups]
    if len(groups) > 1:
        channels[-1] += 1
    return tuple(channels)


def output_index(groups: list[tuple[int, ...]], outputs: tuple[int, ...], divisions: tuple[int, ...]) -> list[int]:
    """The output channels of the joints: x, y, z of each joint, from the first group of a division that contains it.

    Args:
        divisions: the number of groups in each of several divisions; empty for one of all groups. The channels of one
            coordinate in all divisions follow one another.
    """
    starts = [0, *accumulate(outputs)]
    places: list[dict[int, int]] = []
    begin = 0
    for count in divisions or (len(groups),):
        first: dict[int, int] = {}
        for start, group in zip(starts[begin : begin + count], groups[begin : begin + count]):
            for position, joint in enumerate(group):
                first.setdefault(joint, start + 3 * position)
        places.append(first)
        begin += count
    return [place[joint] + axis for joint in sorted(places[0]) for axis in range(3) for place in places]


def require_own_joints(config: ModelConfig) -> None:
    """Check that a configuration has none of the options of the fully connected model.

    Raises:
        ConfigError: `dense`, or `num_joints_out`.
    """
    if config.dense:
        raise ConfigError(f"there is no dense {config.name}", where="--dense", todo="Use --model fc")
    if config.num_joints_out:
        raise ConfigError(
            f"{config.name} predicts the joints of its skeleton", where="num_joints_out", todo="Use --model fc"
        )
