"""srnet export: a checkpoint as ONNX, or its predictions."""

from pathlib import Path
from typing import Annotated

import typer

from srnet_cli.options import DATA_OF_CHECKPOINT, PUBLISHED, Device, shared


@shared(data=DATA_OF_CHECKPOINT, published=PUBLISHED)
def main(
    path: Annotated[Path, typer.Argument(help="A checkpoint, ours or as published", metavar="PATH")],
    data: dict,
    published: dict,
    format: Annotated[str, typer.Option("--format", help="onnx, npz, json or csv")] = "onnx",
    output: Annotated[Path | None, typer.Option("--output", help="File to write (default: output/NAME.FORMAT)")] = None,
    split: Annotated[str, typer.Option("--split", help="Predictions of train or test")] = "test",
    flip: Annotated[bool, typer.Option("--flip/--no-flip", help="Average predictions with the mirror image")] = True,
    device: Device = "auto",
) -> None:  # fmt: skip
    """Write a checkpoint as ONNX, or its predictions as npz, JSON or CSV."""
    from srnet_cli.exporting import export_network, export_predictions
    from srnet_cli.steps import open_checkpoint
    from srnet_core.export import NetworkFormat, get_format
    from srnet_core.files import require_output
    from srnet_core.lookup import choose

    kind = get_format(format)
    choose("split", split, ("train", "test"), where="--split")
    output = output or Path("output") / f"{path.stem}{kind.endings[0]}"
    require_output(output)
    checkpoint = open_checkpoint(path, data, published)
    if isinstance(kind, NetworkFormat):
        export_network(checkpoint, path, output, kind)
    else:
        export_predictions(checkpoint, data, output, format=format, split=split, flip=flip, device=device)
