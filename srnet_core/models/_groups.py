"""The division of a skeleton's joints into body parts, for the models that use one."""

from srnet_core.config import ModelConfig
from srnet_core.errors import ConfigError
from srnet_core.geometry.skeleton import Skeleton


def joint_groups(config: ModelConfig, skeleton: Skeleton) -> list[tuple[int, ...]]:
    """Joint indices of each part: `config.body_parts` if given, else the skeleton's own division.

    Raises:
        UnknownNameError: a joint the skeleton does not have.
        ConfigError: a part without joints or with one twice, a joint in no part, or a division the skeleton
            does not have.
    """
    if config.body_parts:
        return _own_division(config, skeleton)
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


def _own_division(config: ModelConfig, skeleton: Skeleton) -> list[tuple[int, ...]]:
    groups = list(skeleton.group_indices({str(i): part for i, part in enumerate(config.body_parts)}).values())
    for i, group in enumerate(groups):
        if not group or len(set(group)) != len(group):
            raise ConfigError(f"part {i + 1} is empty or has a joint twice", where="body_parts")
    left_out = [name for j, name in enumerate(skeleton.joint_names) if not any(j in group for group in groups)]
    if left_out:
        raise ConfigError(f"joints in no part: {', '.join(left_out)}", where="body_parts")
    return groups
