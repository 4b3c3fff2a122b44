"""srnet data plot: a recording at a glance, as a picture."""

from pathlib import Path
from typing import Annotated

from srnet_cli.console import say
from srnet_cli.options import option
from srnet_cli.reading_options import (
    DataPath,
    Format,
    Fps,
    ImageSize,
    Json,
    Layout,
    Mapping,
    Person,
    Sequence_,
    name_or_position,
    parse_size,
    print_json,
    reading,
)
from srnet_cli.wording import bytes_text
from srnet_core.errors import ConfigError

EXAMPLES = (
    "srnet data plot data/walk.bvh",
    "srnet data plot data/data_2d_h36m_gt.npz --sequence 0 --output walk.png",
)


def main(
    path: DataPath,
    output: Annotated[
        Path | None,
        option("--output", help="PNG file", metavar="FILE", default="output/NAME.png"),
    ] = None,
    frames: Annotated[
        int,
        option(
            "--frames",
            help="Number of frames to draw; of a file of several sequences, number of sequences",
            metavar="N",
        ),
    ] = 12,
    mapping: Mapping = None,
    format: Format = "auto",
    layout: Layout = "auto",
    fps: Fps = None,
    image_size: ImageSize = None,
    sequence: Sequence_ = None,
    person: Person = None,
    json: Json = False,
) -> None:
    """Draw keypoints or motion capture as a contact sheet, to see at a glance whether they are read right.

    Frames at even distances; below them, over time, the joints found, the speed, and what srnet data check finds. A
    file of several sequences gives one frame of each; --sequence chooses one.
    """
    from srnet_core.files import require_output
    from srnet_core.mocap.body import is_in_space

    chosen = output or Path("output") / f"{path.resolve().name.partition('.')[0] or 'data'}.png"
    if chosen.suffix.lower() != ".png":
        raise ConfigError(f"{chosen.suffix!r} is not .png: PNG is what is written", where="--output")
    require_output(chosen)
    chosen.parent.mkdir(parents=True, exist_ok=True)
    size = parse_size(image_size)
    title = path.resolve().name
    if is_in_space(path, format):
        drawn = _draw_space(path, format, mapping, fps, sequence, title, chosen, frames)
    else:
        drawn = _draw_flat(path, format, layout, fps, size, sequence, person, title, chosen, frames)
    if json:
        return print_json({"path": str(path), "picture": str(chosen), "sequences": drawn})
    say(f"{chosen}  {bytes_text(chosen.stat().st_size)}")


def _draw_space(
    path: Path,
    format: str,
    mapping: str | None,
    fps: float | None,
    sequence: str | None,
    title: str,
    output: Path,
    frames: int,
) -> int:
    from srnet_core.mocap.body import bodies_of, chosen_motions
    from srnet_core.visualization.contact_sheet import write_bodies_sheet

    motions = chosen_motions(path, format, name_or_position(sequence), fps=fps)
    bodies = [body for name, motion in motions.items() for body in bodies_of(name, motion, mapping)]
    write_bodies_sheet(bodies, output, title=_titled(title, sequence, bodies[0].name), panels=frames)
    return len(bodies)


def _draw_flat(
    path: Path,
    format: str,
    layout: str,
    fps: float | None,
    size: tuple[int, int] | None,
    sequence: str | None,
    person: str | None,
    title: str,
    output: Path,
    frames: int,
) -> int:
    from srnet_core.keypoints import read_all_keypoints, read_keypoints
    from srnet_core.visualization.contact_sheet import write_keypoints_sheet

    who = person
    with reading() as progress:
        if sequence is not None:
            which = name_or_position(sequence)
            found = [read_keypoints(path, format, layout, who, fps, size, sequence=which, progress=progress)]
        else:
            everything = read_all_keypoints(path, format, layout, fps, size, progress=progress)
            found = [one.only(who) if who is not None else one for one in everything]
    write_keypoints_sheet(found, output, title=_titled(title, sequence, found[0].sequence), panels=frames)
    return len(found)


def _titled(title: str, sequence: str | None, name: str) -> str:
    return f"{title} · {name}" if sequence is not None and name else title
