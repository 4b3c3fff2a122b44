"""srnet data mapping: which points of a skeleton, a marker set or 2D keypoints make the 17 joints."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from srnet_cli.console import remark, say, told
from srnet_cli.options import option
from srnet_cli.reading_options import DataPath, Json, Sequence_, name_or_position, print_json, shown
from srnet_cli.tables import plain_table
from srnet_cli.wording import as_options
from srnet_core.errors import BadFileError

if TYPE_CHECKING:
    from srnet_core.motion import Motion

EXAMPLES = (
    "srnet data mapping data/walk.bvh --output mine.toml",
    "srnet data mapping data/walk.csv --output joints.toml",
)


def main(
    path: DataPath,
    mapping: Annotated[
        str | None,
        option(
            "--mapping",
            help="Show this mapping for the file: one of the project, or a file of your own",
            metavar="NAME",
            default="the one that fits, else a proposal",
            completes="mappings",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        option(
            "--output",
            help="Write a file (.toml) to edit: a mapping, or a layout of 2D joints",
            metavar="FILE",
            default="not written",
        ),
    ] = None,
    sequence: Sequence_ = None,
    json: Json = False,
) -> None:
    """Show which points of a file make which of the 17 joints.

    Motion capture: a mapping of the project is taken where all its points are in the file; else one is proposed from
    the words in the names, or from the tree of bones. Write it to a file, edit the file, and give it to: srnet data
    import mocap --mapping FILE. 2D keypoints of an unknown layout: write a layout file, give each joint its name in
    it, and give it to the other commands: --layout FILE.
    """
    from srnet_core.files import require_output
    from srnet_core.mappings.files import write_mapping
    from srnet_core.mocap.body import chosen_motions, is_in_space, resolved_mapping

    if output is not None:
        require_output(output)
    if mapping is None and not is_in_space(path, "auto"):
        return _of_keypoints(path, output, sequence, json)
    motion = next(iter(chosen_motions(path, "auto", name_or_position(sequence)).values()))
    try:
        found = resolved_mapping(motion, mapping)
    except BadFileError as error:
        if mapping is not None or output is None:
            raise
        return _to_fill_in(path, motion, output, error.what, json)
    joints = found.describe()
    if output is not None:
        write_mapping(output, found, kind="joints" if motion.parents is not None else "markers", source=f"{path}")
    if json:
        return print_json(
            {
                "path": str(path),
                "mapping": found.name,
                "joints": joints,
                "derived": list(found.derived),
                "points": list(motion.names),
                "notes": list(found.notes),
            }
        )
    rows = [[joint, made, "made from other joints" if joint in found.derived else ""] for joint, made in joints.items()]
    title = f"{path}: {len(motion.joints)} points, mapping: {found.name}"
    plain_table(title, ["joint", "made of", ""], rows, text_columns=3)
    for note in found.notes:
        remark(note)
    if output is not None:
        told(f"written: {output}")
    else:
        say("To change it: --output FILE.toml, edit the file, then: srnet data import mocap FOLDER --mapping FILE.toml")


def _to_fill_in(path: Path, motion: "Motion", output: Path, why: str, json: bool) -> None:
    """A mapping file of the joints that were found, where others were not."""
    from srnet_core.mappings.files import write_mapping_to_fill_in
    from srnet_core.mappings.propose import joints_by_words
    from srnet_core.skeletons.h36m17 import JOINTS

    found = joints_by_words(motion)
    kind = "joints" if motion.parents is not None else "markers"
    write_mapping_to_fill_in(output, motion.names, found, kind=kind, source=f"{path}")
    made = {joint: " + ".join(motion.names[p] for p in found[joint]) if joint in found else None for joint in JOINTS}
    if json:
        about = {"mapping": None, "joints": made, "derived": [], "points": list(motion.names)}
        return print_json({"path": str(path), **about, "notes": [f"{why[0].upper()}{why[1:]}."]})
    title = f"{path}: {len(motion.joints)} points, of which some joints are to be made"
    plain_table(title, ["joint", "made of"], [[joint, shown(how)] for joint, how in made.items()], text_columns=2)
    told(f"written: {output}. Fill in the joints, then look at them: srnet data mapping {path} --mapping {output}")


def _of_keypoints(path: Path, output: Path | None, sequence: str | None, json: bool) -> None:
    """The joints of 2D keypoints, what is known of each, and how the 17 are made of them."""
    from srnet_core.keypoints.own_layout import joints_of
    from srnet_core.layouts.own import write_layout

    names, layout, notes = joints_of(path, sequence=name_or_position(sequence))
    made = layout.described() if layout is not None else {}
    if output is not None:
        write_layout(output, names, layout, source=f"{path}")
    if json:
        about = {"layout": layout.name if layout else None, "joints": made, "points": names, "notes": notes}
        return print_json({"path": str(path), **about})
    if layout is None:
        title, rows = f"{path}: {len(names)} joints, layout unknown", [[f"{i}", name] for i, name in enumerate(names)]
        plain_table(title, ["position", "joint"], rows, text_columns=2)
    else:
        rows = [[joint, how] for joint, how in made.items()]
        plain_table(f"{path}: {len(names)} joints, layout: {layout.name}", ["joint", "made of"], rows, text_columns=2)
    for note in notes:
        remark(as_options(note))
    if output is not None:
        told(f"written: {output}. Edit it, then e.g.: srnet data check {path} --layout {output}")
    else:
        say(f"To name the joints: --output FILE.toml, edit the file, then e.g.: srnet data check {path} --layout FILE")
