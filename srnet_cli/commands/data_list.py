"""srnet data list: what lies in a folder, and what can be read."""

from pathlib import Path
from typing import Annotated

import typer

from srnet_cli.console import prose, say
from srnet_cli.options import option
from srnet_cli.reading_options import Json, print_json
from srnet_cli.tables import plain_table

EXAMPLES = (
    "srnet data list --formats",
    "srnet data list .",
)
_FOLDER = Path("data")
_FORMATS = "srnet data list --formats shows what can be read"


def main(
    folder: Annotated[
        Path, typer.Argument(help="Folder (or file) to look at", metavar="FOLDER", show_default=True)
    ] = _FOLDER,
    formats: Annotated[bool, option("--formats", help="List the known formats, layouts and mappings instead")] = False,
    json: Json = False,
) -> None:
    """List the files in a folder that are recognized by their content, with the format of each."""
    if formats:
        found = known()
        return print_json(found) if json else _show_known(found)
    from srnet_core.errors import InputFileMissing
    from srnet_core.keypoints import list_data

    if folder == _FOLDER and not folder.exists():  # nobody needs to have it
        todo = f"Give another one; {_FORMATS}"
        raise InputFileMissing("there is no such folder", where=folder, todo=todo)
    listed = list_data(folder)
    if json:
        return print_json(listed)
    root = f"{str(folder).rstrip('/')}/"
    rows = [[item["path"].removeprefix(root), item["format"] or "-", item.get("why", "")] for item in listed]
    if rows:
        plain_table(f"{folder}", ["path", "format", "why not"], rows, text_columns=3)
    readable = [item["path"] for item in listed if item["format"]]
    if readable:
        say(f"More about one of them: srnet data info {readable[0]}")
    else:
        prose(f"Nothing in {folder} is of a known format; {_FORMATS}.")


def known() -> dict[str, list[dict]]:
    """The formats, layouts and mappings there are, as plain values."""
    import srnet_core.mappings as mappings
    from srnet_core.layouts import all_layouts
    from srnet_core.readers.formats import FORMATS, WRITTEN, load_format

    return {
        "formats": [
            {
                "name": name,
                "kind": _kind(name),
                "written": name in WRITTEN,
                "about": (load_format(name).__doc__ or "").partition("\n\n")[0].rstrip("."),
            }
            for name in FORMATS
        ],
        "layouts": [
            {"name": layout.name, "joints": layout.num_joints, "also_named": list(layout.also_named)}
            for layout in all_layouts()
        ],
        "mappings": [
            {"name": mapping.name, "kind": mapping.kind, "about": mapping.title}
            for mapping in map(mappings.get_mapping, mappings.names())
        ],
    }


def _kind(format: str) -> str:
    from srnet_core.readers.formats import load_format

    reader = load_format(format)
    flat, in_space = hasattr(reader, "read"), hasattr(reader, "motions")
    return "2D and 3D" if flat and in_space else "2D" if flat else "3D"


def _show_known(found: dict[str, list[dict]]) -> None:
    rows = [[f["name"], f["kind"], "read, written" if f["written"] else "read", f["about"]] for f in found["formats"]]
    plain_table("Formats", ["format", "holds", "", "what it is"], rows, text_columns=4)
    rows = [[x["name"], ", ".join(x["also_named"]), x["joints"]] for x in found["layouts"]]
    say("")
    plain_table("Layouts of 2D joints", ["layout", "also named", "joints"], rows, text_columns=2)
    say("")
    rows = [[m["name"], m["kind"], m["about"]] for m in found["mappings"]]
    plain_table(
        "Mappings of skeletons and marker sets to the 17 joints", ["mapping", "of", "what"], rows, text_columns=3
    )
