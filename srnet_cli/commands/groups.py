"""srnet groups: the divisions of a skeleton into body parts."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from srnet_cli.console import command, remark, say
from srnet_cli.inputs import require_ending, skeleton_of
from srnet_cli.options import CacheDir, DataDir, Keypoints, SkeletonDataset, SkeletonName, option
from srnet_cli.run_configuration import numbers_of_groups
from srnet_cli.tables import plain_table
from srnet_core.config import DataConfig, ModelConfig
from srnet_core.errors import ConfigError

if TYPE_CHECKING:
    from srnet_core.body_parts import BodyParts
    from srnet_core.geometry.skeleton import Skeleton

EXAMPLES = (
    "srnet groups",
    "srnet groups --dataset synthetic --no-pictures",
)


def main(
    skeleton: SkeletonName = None,
    dataset: SkeletonDataset = None,
    data_dir: DataDir = "data",
    keypoints: Keypoints = "gt",
    cache_dir: CacheDir = "cache",
    groups: Annotated[
        str | None,
        option(
            "--groups",
            help="Show the division into this many groups, or check and show the groups of a TOML file",
            metavar="N | FILE",
            default="those of srnet",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        option("--output", "-o", help="PNG file", metavar="FILE", default="output/groups-SKELETON.png"),
    ] = None,
    pictures: Annotated[bool, option("--pictures/--no-pictures", help="Also draw the groups")] = True,
) -> None:
    """List and draw the groups of joints (body parts) that a network can be split into: built-in ones or your own.

    A skeleton without groups of its own is divided into its limbs.
    """
    from srnet_core.skeletons import get_skeleton

    if skeleton and dataset:
        raise ConfigError("--skeleton and --dataset both name a skeleton: give one of them")
    if output is not None:
        require_ending(output, (".png",))
    if dataset is not None:
        chosen = skeleton_of(DataConfig(dataset=dataset, data_dir=data_dir, keypoints=keypoints, cache_dir=cache_dir))
    else:
        chosen = get_skeleton((skeleton or ModelConfig().skeleton).replace("-", "_"))
    divisions = divisions_by_title(chosen, groups)
    show_divisions(chosen, divisions, dataset)
    if pictures:
        draw_divisions(chosen, divisions, output)


def divisions_by_title(skeleton: "Skeleton", asked: str | None) -> "dict[str, BodyParts]":
    """The division of a file or into a number of groups, or all of the skeleton, one of which has a single group.

    Raises:
        ConfigError: the skeleton has no division into that number of groups.
        InputFileMissing, BadFileError, UnknownNameError: see `read_groups`.
    """
    from srnet_core.body_parts import read_groups
    from srnet_core.geometry.limbs import division, divisions_of

    known = divisions_of(skeleton)
    if asked is not None:
        numbers = numbers_of_groups(asked)
        if not numbers:
            return {Path(asked).stem: read_groups(asked, skeleton.joint_names)}
        known = {number: division(skeleton, number) for number in numbers}
    source = "" if skeleton.groups else " (limbs)"
    return {
        f"{number} groups{source}" if number > 1 else "1 group": tuple(parts.items()) for number, parts in known.items()
    }


def show_divisions(skeleton: "Skeleton", divisions: "Mapping[str, BodyParts]", dataset: str | None) -> None:
    """A table of the groups of each division and their joints."""
    from srnet_core.geometry.limbs import divisions_of

    rows = [
        [title if first else "", name, len(joints), ", ".join(joints)]
        for title, parts in divisions.items()
        for first, (name, joints) in ((i == 0, part) for i, part in enumerate(parts))
    ]
    title = f"Skeleton {skeleton.name}, {skeleton.num_joints} joints"
    plain_table(title, ["division", "group", "joints", "which"], rows, text_columns=4, counts={2})
    numbers = ", ".join(map(str, divisions_of(skeleton)))
    named = f" --dataset {shlex.quote(dataset)}" if dataset else ""
    say(f"Train with: {command('train')}{named} --groups N (here {numbers}), several of them or --groups PATH.toml")


def draw_divisions(skeleton: "Skeleton", divisions: "Mapping[str, BodyParts]", output: Path | None) -> None:
    """Write the picture and say where. Without Pillow this fails only if the picture was asked for with --output."""
    from srnet_core.errors import MissingExtraError
    from srnet_core.files import require_output
    from srnet_core.visualization.groups_picture import write_groups_png

    path = output or Path("output") / f"groups-{skeleton.name}.png"
    require_output(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        say(f"{write_groups_png(skeleton, divisions, path)}")
    except MissingExtraError as error:
        if output is not None:
            raise
        remark(f"no picture: {error}")
