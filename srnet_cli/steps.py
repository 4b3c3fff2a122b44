"""What several commands do alike: prepare with a progress bar, say what data is used, find a checkpoint."""

from pathlib import Path
from typing import TYPE_CHECKING

from srnet_cli.console import bytes_text, plain_table, progress_bar, remark, say, seconds_text
from srnet_core.config import DataConfig, replace

if TYPE_CHECKING:
    from srnet_core.checkpoint import Checkpoint
    from srnet_core.stages.prepare import Prepared

SYNTHETIC = "SYNTHETIC data: made by a program, not measured on people"


def prepare_stage(config: DataConfig, *, force: bool = False) -> "Prepared":
    """Prepare with a progress bar; says which data is used when the user did not."""
    from srnet_core import datasets
    from srnet_core.stages.prepare import prepare

    if config.dataset is None:
        name = datasets.resolve_name(None, config.data_dir, config.keypoints)
        if name == "synthetic":
            others = [n for n in datasets.available(config.data_dir) if n != "h36m"]
            also = f" Also in {config.data_dir}/: --dataset {' or '.join(others)}." if others else ""
            remark(f"no Human3.6M files in {config.data_dir}/: using {SYNTHETIC}.{also}")
        config = replace(config, dataset=name)
    with progress_bar() as bar:
        return prepare(config, force=force, progress=bar.update)


def show_prepared(prepared: "Prepared") -> None:
    """What went where."""
    stage, manifest = prepared.stage, prepared.stage.manifest
    badge = " (SYNTHETIC)" if manifest["synthetic"] else ""
    rows = []
    for side in ("train", "test"):
        sequences = stage.split(side)
        subjects, actions, cameras = ({getattr(s, f): None for s in sequences} for f in ("subject", "action", "camera"))
        rows.append([side, _listed(subjects, 8), _listed(actions, 3), _listed(cameras, 8), f"{len(sequences):,}",
                     f"{manifest['frames'][side]:,}", f"{stage.manifest['windows'][side]:,}"])  # fmt: skip
    plain_table(
        f"{manifest['dataset']}{badge}, {manifest['keypoints']} 2D, {manifest['config']['protocol']}, "
        f"normalization {manifest['config']['normalization']}",
        ["split", "subjects", "actions", "cameras", "sequences", "frames", "windows"],
        rows,
        caption="Frames are counted once per camera; every frame is the centre of one window.",
        text_columns=4,
    )
    for note in manifest["notes"]:
        remark(note)
    word = "cached" if prepared.cached else "written"
    say(f"{word}: {stage.folder}  {bytes_text(stage.bytes)}, key {manifest['key']}, {seconds_text(prepared.seconds)}")


def _listed(names, limit: int) -> str:
    """All of a few names, or how many there are and the first."""
    names = [str(n) for n in names]
    return ", ".join(names) if len(names) <= limit else f"{len(names)}: {', '.join(names[: limit - 1])} ..."


def data_config_of(checkpoint: "Checkpoint", overrides: dict) -> DataConfig:
    """The data options a checkpoint was trained with, each replaced where the user said so."""
    from srnet_core.config import from_dict

    stored = ((checkpoint.meta or {}).get("config") or {}).get("data") or {}
    if "dataset" in overrides and overrides["dataset"] != stored.get("dataset"):
        # another data set has other subjects and actions: only what is no name of anything carries over
        stored = {k: v for k, v in stored.items() if k in ("normalization", "cache_dir", "downsample")}
    return replace(from_dict(DataConfig, stored, where="the checkpoint"), **overrides)


def open_checkpoint(path: str | Path, model: dict | None = None) -> "Checkpoint":
    """Load a checkpoint and say aloud what had to be inferred or assumed."""
    from srnet_core.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(path, **(model or {}))
    for sentence in checkpoint.inferred:
        remark(sentence)
    return checkpoint
