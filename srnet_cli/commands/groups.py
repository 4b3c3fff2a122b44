"""srnet groups: the divisions of a skeleton into body parts."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from srnet_cli.console import remark, say
from srnet_cli.options import SkeletonName, option
from srnet_cli.tables import plain_table

if TYPE_CHECKING:
    from srnet_core.body_parts import BodyParts
    from srnet_core.geometry.skeleton import Skeleton

EXAMPLES = (
    "srnet groups",
    "srnet groups --skeleton h36m32 --no-pictures",
)


def main(
    skeleton: SkeletonName = "h36m17",
    groups: Annotated[
        Path | None,
        option(
            "--groups", help="Check and show the groups of this TOML file", metavar="FILE", default="those of srnet"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        option("--output", help="PNG file", metavar="FILE", default="output/groups-SKELETON.png"),
    ] = None,
    pictures: Annotated[bool, option("--pictures/--no-pictures", help="Also draw the groups")] = True,
) -> None:
    """List and draw the groups of joints (body parts) that a network can be split into: built-in ones or your own."""
    from srnet_core.skeletons import get_skeleton

    chosen = get_skeleton(skeleton.replace("-", "_"))
    divisions = divisions_of(chosen, groups)
    show_divisions(chosen, divisions)
    if pictures:
        draw_divisions(chosen, divisions, output)


def divisions_of(skeleton: "Skeleton", path: Path | None) -> "dict[str, BodyParts]":
    """Divisions by title: that of a file, or the built-in ones, which always include one group of all joints."""
    from srnet_core.body_parts import read_groups

    if path is not None:
        return {path.stem: read_groups(path, skeleton.joint_names)}
    built_in = {1: {"body": skeleton.joint_names}} | dict(skeleton.groups)
    return {
        f"{number} group{'s' if number > 1 else ''}": tuple(parts.items()) for number, parts in sorted(built_in.items())
    }


def show_divisions(skeleton: "Skeleton", divisions: "Mapping[str, BodyParts]") -> None:
    """A table of the groups of each division and their joints."""
    rows = [
        [title if first else "", name, len(joints), ", ".join(joints)]
        for title, parts in divisions.items()
        for first, (name, joints) in ((i == 0, part) for i, part in enumerate(parts))
    ]
    title = f"Skeleton {skeleton.name}, {skeleton.num_joints} joints"
    plain_table(title, ["division", "group", "joints", "which"], rows, text_columns=4)
    numbers = ", ".join(str(number) for number in sorted({1, *skeleton.groups}))
    say(f"Train with: srnet train --groups N (here {numbers}) or --groups PATH.toml")


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
