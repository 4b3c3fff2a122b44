"""Exporting with something to see: the error of an ONNX file, the progress of predictions."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from srnet_cli.console import bytes_text, plain_table, progress_bar, prose, say
from srnet_cli.steps import data_config_of, prepare_stage, stored_section
from srnet_core.config import to_dict

if TYPE_CHECKING:
    from srnet_core.checkpoint import Checkpoint
    from srnet_core.export import NetworkFormat


def export_network(checkpoint: "Checkpoint", path: Path, output: Path, format: "NetworkFormat") -> None:
    """Write the network and show how far the file's outputs are from torch's."""
    stored = stored_section(checkpoint, "data")
    metadata = {
        "srnet.model": json.dumps(to_dict(checkpoint.model_config)),
        "srnet.normalization": stored.get("normalization", "base"),
        "srnet.trained_on": f"{(checkpoint.meta or {}).get('dataset', 'unknown')}"
        + (" (synthetic)" if (checkpoint.meta or {}).get("synthetic") else ""),
        "srnet.source": path.name,
    }
    with progress_bar() as bar:
        bar.busy("writing and checking")
        export = format.write(checkpoint.model, output, metadata)
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
    prose(f"keypoints (batch, frames, {joints}, 2) -> poses (batch, frames{f' - {lost}' if lost else ''}, {joints}, 3); "
        f"normalization {metadata['srnet.normalization']}")  # fmt: skip


def export_predictions(
    checkpoint: "Checkpoint", data: dict, output: Path, *, format: str, split: str, flip: bool, device: str
) -> None:
    """Write the predictions of a split."""
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
    say(
        f"{output}: {count:,} sequences, {frames:,} frames, root-relative camera metres, {bytes_text(output.stat().st_size)}"
    )
