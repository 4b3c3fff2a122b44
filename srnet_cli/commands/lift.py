"""srnet lift: 2D keypoints of any tool to 3D poses, in files for other programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from srnet_cli.console import remark, say
from srnet_cli.live_lifting import STANDARD_INPUT, open_live
from srnet_cli.live_lifting import stream as stream_lines
from srnet_cli.options import Device, Flip, option
from srnet_cli.progress import progress_bar
from srnet_cli.reading_options import (
    Format,
    Fps,
    ImageSize,
    Layout,
    OptionalPath,
    Person,
    Sequence_,
    name_or_position,
    parse_size,
)
from srnet_cli.wording import bytes_text
from srnet_core.errors import ConfigError

if TYPE_CHECKING:
    from srnet_core.keypoints import Keypoints

EXAMPLES = (
    "srnet lift keypoints.json --image-size 1000x1000 --fps 50",
    "srnet lift keypoints.json -o pose.bvh --image-size 1000x1000 --fps 50",
)


def main(
    path: OptionalPath = None,
    output: Annotated[
        list[Path] | None,
        option(
            "--output",
            "-o",
            help="File to write, in the format of its ending; may be repeated",
            metavar="FILE",
            default="output/INPUT.html",
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        option(
            "--checkpoint",
            help="Network to lift with",
            metavar="FILE",
            default="srnet-open-1, which comes with the package",
            completes="checkpoints",
        ),
    ] = None,
    fill: Annotated[
        float, option("--fill", help="Longest gap of a joint to fill, in seconds", metavar="SECONDS", min=0)
    ] = 0.2,
    strict: Annotated[bool, option("--strict", help="Refuse keypoints that look wrong instead of warning")] = False,
    names: Annotated[
        str, option("--names", help="Names of joints in BVH: motionbuilder or mixamo", metavar="NAME")
    ] = "motionbuilder",
    floor: Annotated[
        bool, option("--floor/--no-floor", help="Set the lower foot on the floor in TRC, C3D and BVH")
    ] = True,
    person: Person = None,
    format: Format = "auto",
    layout: Layout = "auto",
    fps: Fps = None,
    image_size: ImageSize = None,
    sequence: Sequence_ = None,
    flip: Flip = True,
    device: Device = "auto",
    stream: Annotated[
        bool, option("--stream", help="Lift live: a line of JSON in, a line out; PATH - or none is standard input")
    ] = False,
) -> None:
    """Lift 2D keypoints of any tool to 3D poses, for animation programs, OpenSim, notebooks or a web page."""
    from srnet_cli.checkpoints import find_checkpoint
    from srnet_core.files import require_output
    from srnet_core.inference.lifter import Lifter
    from srnet_core.keypoints import read_keypoints
    from srnet_core.lifting.lift import lift
    from srnet_core.lifting.writing import require_format, write_people
    from srnet_core.weights import weights_file

    if stream or path == STANDARD_INPUT:
        refused = {"--output": output, "--person": person, "--sequence": sequence, "--strict": strict}
        for name in (name for name, given in refused.items() if given):
            raise ConfigError(
                "cannot be used with --stream", where=name, todo="Redirect the output instead, e.g. with >"
            )
        live = open_live(checkpoint, layout, image_size, fps=fps, fill_s=fill, flip=flip, device=device)
        return stream_lines(live, path or STANDARD_INPUT)
    if path is None:
        raise ConfigError("there is nothing to lift", where="PATH", todo="Give a file of keypoints, or --stream")
    output = output or [Path("output") / f"{path.stem or 'keypoints'}.html"]
    for file in output:
        require_format(file)
        require_output(file)
    keypoints = read_keypoints(
        path,
        format,
        layout,
        fps=fps,
        image_size=parse_size(image_size),
        person=name_or_position(person),
        sequence=name_or_position(sequence),
    )
    if keypoints.image_size is None:
        raise ConfigError(
            "the file does not say how large its images are", where=path, todo="Give --image-size WIDTHxHEIGHT"
        )
    _warn(keypoints, strict)
    checkpoint = weights_file() if checkpoint is None else find_checkpoint(checkpoint)
    lifter = Lifter.from_checkpoint(checkpoint, device=device, flip=flip)
    with progress_bar() as bar:
        people = lift(
            keypoints,
            lifter,
            fill_s=fill,
            on_floor=floor,
            model=checkpoint.stem,
            progress=lambda done, total: bar.update("lifting", done, total),
        )
    for note in people.notes:
        remark(note)
    for file in output:
        for written in write_people(people, file, names=names):
            say(f"{written}  {bytes_text(written.stat().st_size)}")
    counts = ", ".join(f"{p.name}: {int(p.lifted.sum())} of {len(p.lifted)} frames" for p in people.people[:5])
    number = "1 person" if len(people.people) == 1 else f"{len(people.people)} people"
    say(f"{number} lifted ({counts}) with {checkpoint.stem}")


def _warn(keypoints: "Keypoints", strict: bool) -> None:
    """Say what looks wrong; with --strict the first finding ends the command."""
    from srnet_core.lifting.lift import warnings_of

    for warning in warnings_of(keypoints):
        if strict:
            raise ConfigError(warning.rstrip("."), where=keypoints.source, todo="Without --strict it is lifted anyway")
        remark(warning)
