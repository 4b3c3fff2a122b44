"""srnet data info: what is in files and folders."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from srnet_cli.console import facts, prose, remark, say
from srnet_cli.options import option
from srnet_cli.reading_options import (
    Format,
    Fps,
    ImageSize,
    Json,
    Layout,
    Sequence_,
    name_or_position,
    parse_size,
    print_json,
    rate_text,
    reading,
    share_text,
    shown,
    size_text,
)
from srnet_cli.tables import plain_table
from srnet_cli.wording import as_options
from srnet_core.errors import UserMistake

EXAMPLES = (
    "srnet data info data/",
    "srnet data info --bones data/walk.bvh",
)
_MOST_ROWS = 20
_KINDS = {
    "keypoints-2d": "2D keypoints",
    "keypoints-3d": "3D points",
    "motion-capture": "motion capture",
    "folder": "folder",
}


def main(
    paths: Annotated[
        list[Path], typer.Argument(help="Files, or folders of recordings", metavar="PATH...", show_default=False)
    ],
    bones: Annotated[bool, option("--bones", help="Also list the lengths of the bones")] = False,
    format: Format = "auto",
    layout: Layout = "auto",
    fps: Fps = None,
    image_size: ImageSize = None,
    sequence: Sequence_ = None,
    json: Json = False,
) -> None:
    """Describe a file or folder: kind, format, layout, frames, people, joints, frame rate, units, image size.

    For one recording it also shows missing joints, joints outside the image, lengths of bones and speeds. A folder of
    several recordings gives a table of all of them, and so do several paths. Those that cannot be read are named. The
    format is recognized by the content, never by the name.
    """
    from srnet_core.keypoints.describe import KEYS

    size = parse_size(image_size)
    found, wrong = [], []
    for path in paths:
        try:
            found.append(_look_at(path, format, layout, fps, size, name_or_position(sequence)))
        except UserMistake as error:
            wrong.append(error)
            if len(wrong) == len(paths):
                raise wrong[0] from None
            found.append({"path": str(path), **dict.fromkeys(KEYS), "why": error.what})
    if wrong:  # the other files are shown all the same
        if json:
            print_json(found)
        _show_several("", [one for info in found for one in info.get("contents", [info])], table=not json)
        raise typer.Exit(2)
    if json:
        return print_json(found[0] if len(found) == 1 else found)
    singles = [info for info in found if info["kind"] != "folder"]
    if len(singles) > 1 and len(singles) == len(found):
        return _show_several("", singles)
    for info in found:
        if info["kind"] == "folder":
            _show_several(info["path"], info["contents"])
        else:
            _show(info, bones)


def _look_at(
    path: Path,
    format: str,
    layout: str,
    fps: float | None,
    size: tuple[int, int] | None,
    sequence: int | str | None,
) -> dict:
    from srnet_core.keypoints import describe, describe_all
    from srnet_core.keypoints.describe import KEYS, recording_at

    at = recording_at(path) if format == "auto" else None
    if format != "auto" or at is not None:
        with reading() as progress:
            return describe(
                path,
                format,
                layout=layout,
                fps=fps,
                image_size=size,
                sequence=sequence,
                measured=True,
                progress=progress,
                at=at,
            )
    contents = list(describe_all(path))
    nothing = dict.fromkeys(KEYS)
    return {"path": str(path), **nothing, "kind": "folder", "contents": [{**nothing, **c} for c in contents]}


def _show_several(folder: str, contents: Sequence[dict], *, table: bool = True) -> None:
    """A table of recordings, and remarks on what is not one."""
    known = [c for c in contents if c.get("kind")]
    unknown = [c for c in contents if not c.get("kind")]
    rows = [
        [
            c["path"].removeprefix(f"{folder.rstrip('/')}/") if folder else c["path"],
            _KINDS.get(c["kind"], c["kind"]),
            c["format"],
            shown(c["layout"]),
            shown(c["frames"]),
            shown(c["people"]),
            shown(c["joints"]),
            rate_text(c["fps"]),
            shown(c["units"]),
            size_text(c["image_size"]),
        ]
        for c in known
    ]
    heads = ["path", "kind", "format", "layout", "frames", "people", "joints", "fps", "units", "image"]
    caption = "A dash: the file does not tell. People: the most in one frame. Joints: as the file has them."
    if table:
        plain_table(folder or f"{len(known)} recordings", heads, rows, text_columns=4, caption=caption)
    for c in unknown[:_MOST_ROWS]:
        remark(f"{c['path']}: {c['why']}")
    if len(unknown) > _MOST_ROWS:
        remark(f"{len(unknown) - _MOST_ROWS} more that are not read")
    if not known:
        prose("Nothing here is of a known format. srnet data list --formats shows those there are.")


def _show(info: dict, bones: bool) -> None:
    """One recording: its facts, then a row for every person or sequence."""
    say(info["path"])
    facts(_facts(info))
    measured = info.get("measured") or []
    if measured:
        say("")
        _show_measured(measured)
    if bones:
        for one in measured[:_MOST_ROWS]:
            _show_bones(one)
    for note in info.get("notes") or []:
        remark(as_options(note))


def _facts(info: dict) -> dict[str, str]:
    images = info.get("consecutive") is False
    frames = shown(info["frames"])
    if info.get("frames_with_people") not in (None, info["frames"]):
        frames += f", {shown(info['frames_with_people'])} of them with people"
    people = shown(info["people"])
    if images:
        in_all = sum(int(n) * count for n, count in info["people_per_frame"].items())
        people = f"{shown(in_all)} listed, at most {people} in one image"
    found = {
        "kind": _KINDS.get(info["kind"], info["kind"]) + (" in single images" if images else ""),
        "format": info["format"],
        "layout": _layout_text(info),
        "images" if images else "frames": frames,
        "people": people,
        "joints": shown(info["joints"]),
        "fps": "" if images else rate_text(info["fps"]),
        "units": _units_text(info),
        "image size": _sizes_text(info) if info["kind"] != "motion-capture" else "",
    }
    if info.get("missing_share") is not None:
        found["missing"] = share_text(info["missing_share"])
    if info.get("frames_not_in_the_data"):
        found["frames without a file"] = shown(info["frames_not_in_the_data"])
    if info.get("subjects"):
        found["subjects"] = ", ".join(info["subjects"])
    if info.get("extras"):
        found["beside the body"] = ", ".join(f"{name} ({n} points)" for name, n in info["extras"].items())
    if info.get("sequences"):
        found["sequences"] = shown(len(info["sequences"]))
    return {name: text for name, text in found.items() if text}


def _layout_text(info: dict) -> str:
    text, joints, of = shown(info["layout"]), info["joints"], info.get("layout_joints")
    told = [] if info.get("layout_from") in (None, "unknown") else [f"told by: {info['layout_from']}"]
    if of and joints and joints != of:
        told.append(f"{joints} of its {of} joints")
    return f"{text} ({', '.join(told)})" if told else text


def _units_text(info: dict) -> str:
    """The unit that the file tells, and one that only the size of the body tells."""
    by_size = {one.get("unit") for one in info.get("measured") or ()} - {None}
    if info["units"] is None and len(by_size) == 1:
        return f"{by_size.pop()} (told by the size of the body)"
    return shown(info["units"]) + (" (told by the size of the body)" if info.get("units_from") == "size" else "")


def _sizes_text(info: dict) -> str:
    """The size of the image, or the smallest and the largest where they differ."""
    sizes = sorted(info.get("image_sizes") or (), key=lambda size: size[0] * size[1])
    if not sizes:
        return size_text(info["image_size"])
    return f"{len(sizes)} sizes, from {size_text(sizes[0])} to {size_text(sizes[-1])}"


def _show_measured(measured: Sequence[dict]) -> None:
    flat = "person" in measured[0]
    heads = ["sequence", "frames", "missing"]
    heads += ["outside image", "size"] if flat else ["stature", "unit", "up"]
    rows = []
    for one in measured[:_MOST_ROWS]:
        name = " ".join(part for part in (one["sequence"], one.get("person")) if part)
        if not name:
            name = f"{shown(one['people'])} with joints" if one.get("people") else "-"
        cells = [name, shown(one["frames"]), share_text(one["missing_share"])]
        if flat:
            cells += [share_text(one["outside_image_share"]), shown(one["size"])]
        else:
            cells += [f"{one['stature_m']:.2f} m" if one["stature_m"] else "-", shown(one["unit"]), shown(one["up"])]
        spreads = [bone["spread"] for bone in one["bones"].values() if bone["spread"] is not None]
        cells += [shown(one["speed_median"]), shown(one["speed_99"]), share_text(max(spreads)) if spreads else "-"]
        rows.append(cells)
    heads += ["speed,\nmedian", "speed,\n99 of 100", "bones vary\nby at most"]
    heads[0] = "person" if flat and not measured[0]["sequence"] else "sequence"
    unit = measured[0]["speed_unit"].replace("sizes", "body sizes")
    caption = f"Speeds in {unit}. Bones vary: the 10th to the 90th percentile of a length, over its median."
    if all("people" in one for one in measured):
        heads, rows = ["people", "images", *heads[2:5]], [row[:5] for row in rows]
        caption = "Nobody is followed from one image to the next. Size: the median over all people."
    if len(measured) > _MOST_ROWS:
        caption += f" {len(measured) - _MOST_ROWS} more: --json has all."
    plain_table("Measured", heads, rows, caption=caption)


def _show_bones(one: dict) -> None:
    if not one["bones"]:
        return
    name = " ".join(part for part in (one["sequence"], one.get("person")) if part)
    say("")
    rows = [[bone, shown(v["median"]), share_text(v["spread"])] for bone, v in one["bones"].items()]
    unit = "m" if "stature_m" in one else "units of the file"
    plain_table(f"Bones of {name}" if name else "Bones", ["bone", f"median, {unit}", "varies by"], rows)
