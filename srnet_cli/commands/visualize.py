"""srnet visualize: see a prediction beside the truth."""

from pathlib import Path
from typing import Annotated

import typer

from srnet_cli.options import DATA_OF_CHECKPOINT, PUBLISHED, Device, shared


@shared(data=DATA_OF_CHECKPOINT, published=PUBLISHED)
def main(
    data: dict,
    published: dict,
    path: Annotated[Path | None, typer.Argument(help="A checkpoint (default: the newest in checkpoint/)", metavar="PATH")] = None,
    subject: Annotated[str | None, typer.Option("--subject", help="Test subject (default: the first)")] = None,
    action: Annotated[str | None, typer.Option("--action", help="Test action or take (default: Walking, or the first)")] = None,
    camera: Annotated[int | None, typer.Option("--camera", help="Test camera (default: the first)")] = None,
    start: Annotated[int, typer.Option("--start", help="First frame to show", min=0)] = 0,
    frames: Annotated[int | None, typer.Option("--frames", help="How many frames (default: 1500 at most)", min=1)] = None,
    output: Annotated[Path | None, typer.Option("--output", help="HTML file; GIF and PNG lie beside it (default: output/NAME.html)")] = None,
    pictures: Annotated[bool, typer.Option("--pictures/--no-pictures", help="Also write a GIF and a PNG")] = True,
    flip: Annotated[bool, typer.Option("--flip/--no-flip", help="Average with the mirror image")] = True,
    device: Device = "auto",
) -> None:  # fmt: skip
    """Draw a prediction beside the truth: an HTML page that needs no network, a GIF and a PNG."""
    from srnet_cli.drawing import draw, newest_checkpoint
    from srnet_cli.steps import data_config_of, open_checkpoint, prepare_stage
    from srnet_core.files import require_output

    require_output(output or Path("output") / "page.html")
    path = path or newest_checkpoint()
    checkpoint = open_checkpoint(path, data, published)
    prepared = prepare_stage(data_config_of(checkpoint, data))
    draw(
        checkpoint, path, prepared, subject=subject, action=action, camera=camera, start=start, frames=frames or 1500,
        output=output, pictures=pictures, flip=flip, device=device,
    )  # fmt: skip
