"""srnet export: the network of a checkpoint for other programs, or its predictions."""

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
    from srnet_core.export import CheckpointFormat, ExportFormat, NetworkFormat

EXAMPLES = (
    "srnet export checkpoint/latest_epoch_first.bin",
    "srnet export checkpoint/latest_epoch_first.bin --format npz --split test",
)
_SPLITS = ("train", "test")
_SHALLOW = 3  # filter widths of a network that is exported in some seconds


@shared(data=DATA_OF_CHECKPOINT, published=PUBLISHED)
def main(
    path: CheckpointPath,
    data: dict,
    published: dict,
    format: Annotated[
        str | None,
        option(
            "--format",
            help="onnx, onnx_fp16, onnx_pixels, onnx_stream, pt2, safetensors, folder: the network; "
            "npz, json, csv: predictions",
            metavar="NAME",
            default="as --output ends, else onnx",
            completes=names("export"),
        ),
    ] = None,
    output: Annotated[
        Path | None,
        option(
            "--output",
            "-o",
            help="File to write; a folder, for that format",
            metavar="FILE",
            default="output/NAME.FORMAT",
        ),
    ] = None,
    split: Annotated[
        str, option("--split", help="Split to predict: train or test", metavar="NAME", completes=_SPLITS)
    ] = "test",
    flip: Flip = True,
    device: Device = "auto",
) -> None:
    """Write the network of a checkpoint for other programs (ONNX, torch.export, safetensors), or its predictions."""
    from srnet_core.export import CheckpointFormat, NetworkFormat, get_format
    from srnet_core.files import require_output
    from srnet_core.lookup import choose

    format = format or _format_of(output)
    kind = get_format(format)
    choose("split", split, _SPLITS, where="--split")
    path = find_checkpoint(path)
    if output is not None:
        _refuse_other_ending(output, format, kind)
    output = output or Path("output") / f"{output_name(path.stem)}{kind.endings[0]}"
    if "" not in kind.endings:
        require_output(output, read=[path])
    checkpoint = open_checkpoint(path, data, published)
    if isinstance(kind, NetworkFormat | CheckpointFormat):
        unused = {"--split": split != _SPLITS[1], "--no-flip": not flip, "--device": device != "auto"}
        for name in (name for name, given in unused.items() if given):
            remark(f"{name}: no effect, because --format {format} writes the network, not predictions")
        export_network(checkpoint, path, output, kind)
    else:
        export_predictions(checkpoint, data, output, format=format, split=split, flip=flip, device=device)


def _format_of(output: Path | None) -> str:
    """The format that the name of the file asks for; a folder is written where none is, or one was written before."""
    from srnet_core.export import format_of

    if output is None:
        return "onnx"
    if output.is_dir():
        written = (output / "model.safetensors").exists() or not any(output.iterdir())
        return "folder" if written and output != Path() else "onnx"
    found = format_of(output)
    return found if found and not (found == "folder" and output.exists()) else "onnx"


def _refuse_other_ending(output: Path, format: str, kind: "ExportFormat") -> None:
    """Refuse the name of a file that says it has another format than the one that is written."""
    from srnet_core.export import format_of

    actual, endings = format_of(output), [Path(f"x{ending}").suffix for ending in kind.endings]
    if output.suffix.lower() in endings or not output.suffix or actual is None or "" in kind.endings:
        return
    todo = f"Give --format {actual}, or a file that ends in {' or '.join(kind.endings)}"
    raise ConfigError(f"ends in {output.suffix}, and the format is {format}", where=f"--output {output}", todo=todo)


def export_network(
    checkpoint: "Checkpoint", path: Path, output: Path, kind: "NetworkFormat | CheckpointFormat"
) -> None:
    """Write the network and show the largest differences of the file's outputs from torch's."""
    from srnet_core.export import NetworkFormat
    from srnet_core.export.about import network_metadata

    metadata = network_metadata(checkpoint, source=path.name)
    deep = isinstance(kind, NetworkFormat) and len(checkpoint.model_config.filter_widths) > _SHALLOW
    with progress_bar() as bar:
        bar.busy("writing and checking", "a deep network takes torch's exporter one to four minutes" if deep else "")
        if isinstance(kind, NetworkFormat):
            export = kind.write(checkpoint.model, output, metadata)
        else:
            export = kind.write(checkpoint, output, metadata)
    files = sorted(output.iterdir()) if output.is_dir() else [output]
    plain_table(
        f"{output}  {bytes_text(sum(file.stat().st_size for file in files))}",
        ["batch x frames", "largest difference from torch"],
        [
            [f"{batch} x {length}", f"{error:.1e}"]
            for batch, (length, error) in enumerate(zip(export.lengths, export.errors), 1)
        ],
        caption=f"Compared in {export.compared_in} on random keypoints; the largest output is {export.scale:.2f}.",
    )
    model, lost = checkpoint.model, checkpoint.model.receptive_field - 1
    frames = f"frames - {lost}" if lost else "frames"
    shapes = f"keypoints (batch, frames, {model.num_joints}, 2) -> poses (batch, {frames}, {model.num_joints_out}, 3)"
    prose(f"{shapes}; normalization {metadata['srnet.normalization']}")
    if clips := metadata.get("srnet.clips"):
        remark(f"clips: {clips}")


def export_predictions(
    checkpoint: "Checkpoint", data: dict, output: Path, *, format: str, split: str, flip: bool, device: str
) -> None:
    """Predict the clips of a split and write the poses."""
    from srnet_core.device import choose_device
    from srnet_core.evaluation.predict import predict_split
    from srnet_core.evaluation.run import require_fit
    from srnet_core.export import ANGLES_NOTE, ROOT_NOTE
    from srnet_core.export.about import how_clips_are_computed
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
    remark(ROOT_NOTE)
    if not checkpoint.model_config.as_published:
        remark(ANGLES_NOTE)
        if clips := how_clips_are_computed(checkpoint.model):
            remark(f"clips: {clips}")
