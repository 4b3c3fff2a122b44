"""What several commands do alike: prepare with a progress bar, say what data is used, find a checkpoint."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srnet_cli.console import bytes_text, plain_table, progress_bar, remark, say, seconds_text
from srnet_core.config import DataConfig, replace
from srnet_core.errors import InputFileMissing

if TYPE_CHECKING:
    from srnet_core.checkpoint import Checkpoint
    from srnet_core.stages.prepare import Prepared
    from srnet_core.stages.store import Stage

SYNTHETIC = "SYNTHETIC data: made by a program, not measured on people"


def prepare_stage(config: DataConfig, *, force: bool = False) -> "Prepared":
    """Prepare with a progress bar; says in one line that synthetic data is used, and why if nobody asked for it."""
    from srnet_core.stages.prepare import prepare

    if config.dataset is None and config.data_dir != DataConfig().data_dir:
        _require_h36m(config)
    with progress_bar() as bar:
        prepared = prepare(config, force=force, progress=bar.update)
    if prepared.stage.manifest["synthetic"]:
        remark(SYNTHETIC if config.dataset else _why_synthetic(config))
    return prepared


def _require_h36m(config: DataConfig) -> None:
    """A folder that was asked for by name and has no Human3.6M in it is a mistake, not a wish for synthetic data."""
    from srnet_core import datasets

    if datasets.resolve_name(None, config.data_dir, config.keypoints) == "synthetic":
        others = datasets.available(config.data_dir)
        todo = f"Say --dataset {' or '.join(others)}" if others else "Check the path, or say --dataset synthetic"
        raise InputFileMissing("there are no Human3.6M files in this folder", where=config.data_dir, todo=todo)


def _why_synthetic(config: DataConfig) -> str:
    from srnet_core import datasets

    others = [n for n in datasets.available(config.data_dir) if n != "h36m"]
    also = f". Also in {config.data_dir}/: --dataset {' or '.join(others)}" if others else ""
    return f"no Human3.6M files in {config.data_dir}/: using {SYNTHETIC}{also}"


def dataset_text(name: str, synthetic: bool) -> str:
    """A data set's name; what is synthetic says so in capitals."""
    return name if not synthetic else "SYNTHETIC data" if name == "synthetic" else f"{name} (SYNTHETIC)"


def data_text(stage: "Stage") -> str:
    """What a stage holds in a few words."""
    manifest, config = stage.manifest, stage.manifest["config"]
    return (f"{dataset_text(manifest['dataset'], manifest['synthetic'])}, {manifest['keypoints']} 2D, "
            f"{config['protocol'].replace('_', '-')}, normalization {config['normalization']}")  # fmt: skip


def show_prepared(prepared: "Prepared") -> None:
    """What went where."""
    stage, manifest = prepared.stage, prepared.stage.manifest
    rows = []
    for side in ("train", "test"):
        sequences = stage.split(side)
        subjects, actions, cameras = ({getattr(s, f): None for s in sequences} for f in ("subject", "action", "camera"))
        rows.append([side, _listed(subjects, 8), _listed(actions, 3), _listed(cameras, 8), f"{len(sequences):,}",
                     f"{manifest['frames'][side]:,}", f"{manifest['windows'][side]:,}"])  # fmt: skip
    plain_table(
        data_text(stage),
        ["split", "subjects", "actions", "cameras", "sequences", "frames", "windows"],
        rows,
        caption="Frames are counted once per camera; every frame is the centre of one window.",
        text_columns=4,
    )
    for note in manifest["notes"]:
        remark(note)
    word = "cached" if prepared.cached else "written"
    say(f"{word}: {stage.folder}")
    say(f"{bytes_text(stage.bytes)}, key {manifest['key']}, {seconds_text(prepared.seconds)}")


def _listed(names, limit: int) -> str:
    """All of a few names, or how many there are and the first."""
    names = [str(n) for n in names]
    return ", ".join(names) if len(names) <= limit else f"{len(names)}: {', '.join(names[: limit - 1])} ..."


def data_config_of(checkpoint: "Checkpoint", overrides: dict) -> DataConfig:
    """The data options a checkpoint was trained with, each replaced where the user said so."""
    data = checkpoint.run_config("data").data
    if not Path(data.cache_dir).is_dir():  # somebody else's file must not make folders here
        data = replace(data, cache_dir=DataConfig().cache_dir)
    if "dataset" in overrides and overrides["dataset"] != data.dataset:
        # another data set has other subjects and actions: only what is no name of anything carries over
        carried = ("normalization", "root_depth", "downsample", "keypoints", "cache_dir")
        data = DataConfig(**{name: getattr(data, name) for name in carried})
    elif "protocol" in overrides and overrides["protocol"].replace("-", "_") != data.protocol:
        # another protocol splits by something else; the subjects stay, since leaving them is no accident
        data = replace(data, train_actions=(), train_cameras=(), test_cameras=())
    return replace(data, **overrides)


def open_checkpoint(path: str | Path, data: dict, network: Mapping[str, Any]) -> "Checkpoint":
    """Load a checkpoint and say aloud what had to be inferred or assumed.

    Args:
        data: the data options given; a published file does not say which normalization it was trained with.
        network: options of the network that published files do not tell, as given; a file of ours that says
            otherwise is an error, but for `compat`.
    """
    from srnet_core.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(path, normalization=data.get("normalization"), **network)
    for sentence in checkpoint.inferred:
        remark(sentence)
    return checkpoint
