"""srnet data mapping: which points of a skeleton or marker set make the 17 joints."""

from pathlib import Path
from typing import Annotated

from srnet_cli.console import remark, say, told
from srnet_cli.options import option
from srnet_cli.reading_options import DataPath, Json, Sequence_, name_or_position, print_json
from srnet_cli.tables import plain_table

EXAMPLES = (
    "srnet data mapping data/walk.bvh",
    "srnet data mapping data/walk.bvh --output mine.toml",
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
        option("--output", help="Write it as a mapping file (.toml) to edit", metavar="FILE", default="not written"),
    ] = None,
    sequence: Sequence_ = None,
    json: Json = False,
) -> None:
    """Show which points of a motion capture file make which of the 17 joints, and check them against a body.

    A mapping of the project is taken where all its points are in the file; else one is proposed from the words in the
    names, or from the tree of bones. Write it to a file, edit the file, and give it to: srnet data import mocap
    --mapping FILE.
    """
    from srnet_core.files import require_output
    from srnet_core.mappings.files import write_mapping
    from srnet_core.mocap.body import chosen_motions, resolved_mapping

    if output is not None:
        require_output(output)
    motion = next(iter(chosen_motions(path, "auto", name_or_position(sequence)).values()))
    found = resolved_mapping(motion, mapping)
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
