"""srnet export: a checkpoint as ONNX, or its predictions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from srnet_cli.checkpoints import find_checkpoint
from srnet_cli.console import prose, remark, say
from srnet_cli.inputs import open_checkpoint, output_name, prepare_stage
from srnet_cli.options import DATA_OF_CHECKPOINT, PUBLISHED, CheckpointPath, Device, Flip, option, shared
from srnet_cli.progress import progress_bar
from srnet_cli.run_configuration import data_config_of
from srnet_cli.tables import plain_table
from srnet_cli.wording import bytes_text
from srnet_core.errors import ConfigError
from srnet_core.lookup import names

if TYPE_CHECKING:
    from srnet_core.checkpoint import Checkpoint
    from srnet_core.export import ExportFormat, NetworkFormat

EXAMPLES = (
    "srnet export checkpoint/latest_epoch_first.bin",
    "srnet export checkpoint/latest_epoch_first.bin --format npz --split test",
)
_SPLITS = ("train", "test")


@shared(data=DATA_OF_CHECKPOINT, published=PUBLISHED)
def main(
    path: CheckpointPath,
    data: dict,
    published: dict,
    format: Annotated[
        str,
        option(
            "--format", help="onnx: the network; npz, json, csv: predictions", metavar="NAME", completes=names("export")
        ),
    ] = "onnx",
    output: Annotated[
        Path | None, option("--output", help="File to write", metavar="FILE", default="output/NAME.FORMAT")
    ] = None,
    split: Annotated[
        str, option("--split", help="Split to predict: train or test", metavar="NAME", completes=_SPLITS)
    ] = "test",
    flip: Flip = True,
    device: Device = "auto",
) -> None:
    """Write the network of a checkpoint as ONNX, or its predictions as npz, JSON or CSV."""
    from srnet_core.export import NetworkFormat, get_format
    from srnet_core.files import require_output
    from srnet_core.lookup import choose

    kind = get_format(format)
    choose("split", split, _SPLITS, where="--split")
    path = find_checkpoint(path)
    if output is not None:
        _refuse_other_ending(output, format, kind)
    output = output or Path("output") / f"{output_name(path.stem)}{kind.endings[0]}"
    require_output(output)
    checkpoint = open_checkpoint(path, data, published)
    if isinstance(kind, NetworkFormat):
        unused = {"--split": split != _SPLITS[1], "--no-flip": not flip, "--device": device != "auto"}
        for name in (name for name, given in unused.items() if given):
            remark(f"{name}: no effect, because --format {format} writes the network, not predictions")
        export_network(checkpoint, path, output, kind)
    else:
        export_predictions(checkpoint, data, output, format=format, split=split, flip=flip, device=device)


def _refuse_other_ending(output: Path, format: str, kind: "ExportFormat") -> None:
    """Refuse the name of a file that says it has another format than the one that is written."""
    from srnet_core.export import PLUGINS

    ending = output.suffix.lower()
    if ending in kind.endings:
        return
    for name, other in PLUGINS.each():
        if ending in other.endings:
            todo = f"Give --format {name}, or a file that ends in {' or '.join(kind.endings)}"
            raise ConfigError(f"ends in {ending}, and the format is {format}", where=f"--output {output}", todo=todo)


def export_network(checkpoint: "Checkpoint", path: Path, output: Path, kind: "NetworkFormat") -> None:
    """Write the network and show the largest differences of the file's outputs from torch's."""
    from srnet_core.export.about import network_metadata

    metadata = network_metadata(checkpoint, source=path.name)
    with progress_bar() as bar:
        bar.busy("writing and checking")
        export = kind.write(checkpoint.model, output, metadata)
    plain_table(
        f"{output}  {bytes_text(output.stat().st_size)}",
        ["batch x frames", "largest difference from torch"],
        [
            [f"{batch} x {length}", f"{error:.1e}"]
            for batch, (length, error) in enumerate(zip(export.lengths, export.errors), 1)
        ],
        caption=f"Compared in {export.compared_in} on random keypoints; the largest output is {export.scale:.2f}.",
    )
    joints, lost = checkpoint.model.num_joints, checkpoint.model.receptive_field - 1
    frames = f"frames - {lost}" if lost else "frames"
    shapes = f"keypoints (batch, frames, {joints}, 2) -> poses (batch, {frames}, {joints}, 3)"
    prose(f"{shapes}; normalization {metadata['srnet.normalization']}")


def export_predictions(
    checkpoint: "Checkpoint", data: dict, output: Path, *, format: str, split: str, flip: bool, device: str
) -> None:
    """Predict the clips of a split and write the poses."""
    from srnet_core.device import choose_device
    from srnet_core.evaluation.predict import predict_split
    from srnet_core.evaluation.run import require_fit
    from srnet_core.export.predictions import write_predictions

    stage = prepare_stage(data_config_of(checkpoint, data)).stage
    require_fit(checkpoint, stage)
    sequences = stage.split(split)
    total = sum(s.length for s in sequences)
    with progress_bar() as bar:

        def watched():
            done = 0
            for prediction in predict_split(
                checkpoint.model, stage, sequences, flip=flip, device=choose_device(device)
            ):
                done += prediction.clip.length
                bar.update(split, done, total, "frames")
                yield prediction

        count, frames = write_predictions(watched(), stage, output, format)
    size = bytes_text(output.stat().st_size)
    say(f"{output}: {count:,} clips, {frames:,} frames, root-relative, in camera coordinates and metres, {size}")
