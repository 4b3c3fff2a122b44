"""Showing divisions of a skeleton: a table for each, and a picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from srnet_cli.console import plain_table, remark, say

if TYPE_CHECKING:
    from srnet_core.body_parts import BodyParts
    from srnet_core.geometry.skeleton import Skeleton


def divisions_of(skeleton: "Skeleton", path: Path | None) -> "dict[str, BodyParts]":
    """By title: the one of a file, or those built in. Every skeleton has the one of all joints together."""
    from srnet_core.body_parts import read_groups

    if path is not None:
        return {path.stem: read_groups(path, skeleton.joint_names)}
    built_in = {1: {"body": skeleton.joint_names}} | dict(skeleton.groups)
    return {
        f"{number} group{'s' if number > 1 else ''}": tuple(parts.items()) for number, parts in sorted(built_in.items())
    }


def show_divisions(skeleton: "Skeleton", divisions: "Mapping[str, BodyParts]") -> None:
    """One table: the parts of each division and their joints."""
    rows = [
        [title if first else "", name, len(joints), ", ".join(joints)]
        for title, parts in divisions.items()
        for first, (name, joints) in ((i == 0, part) for i, part in enumerate(parts))
    ]
    plain_table(
        f"Skeleton {skeleton.name}, {skeleton.num_joints} joints", ["division", "group", "joints", "which"], rows,
        text_columns=4,
    )  # fmt: skip
    numbers = ", ".join(str(number) for number in sorted({1, *skeleton.groups}))
    say(f"Train with: srnet train --groups N (here {numbers}) or --groups PATH.toml")


def draw_divisions(skeleton: "Skeleton", divisions: "Mapping[str, BodyParts]", output: Path | None) -> None:
    """Write the picture and say where. One that was not asked for may be missing where Pillow is."""
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
