"""srnet compare: checkpoints on the same frames: which differences are larger than chance."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srnet_cli.checkpoints import find_checkpoint, names_of
from srnet_cli.console import remark, told
from srnet_cli.inputs import open_checkpoint, prepare_stage
from srnet_cli.json_output import JsonFile, write_json_to
from srnet_cli.options import DATA_OF_CHECKPOINT, PUBLISHED, Device, Flip, Rareness, RarenessExact, option, shared
from srnet_cli.progress import progress_bar
from srnet_cli.run_configuration import data_config_of, with_own_input
from srnet_cli.sweeping import show_text_table
from srnet_cli.wording import count_text, dataset_text
from srnet_core.config import DataConfig, replace
from srnet_core.errors import ConfigError
from srnet_core.evaluation import RARENESS

if TYPE_CHECKING:
    import numpy as np

    from srnet_core.checkpoint import Checkpoint
    from srnet_core.evaluation.compare import Comparison, FrameErrors
    from srnet_core.stages.prepare import Prepared
    from srnet_core.stages.store import StoredClip

EXAMPLES = (
    "srnet compare checkpoint/latest_epoch_fc.bin checkpoint/latest_epoch_srnet.bin",
    "srnet compare fc srnet --png difference.png --latex table.tex",
)
_METRICS = ("mpjpe_mm", "p_mpjpe_mm")
_MOST = 6


@shared(data=DATA_OF_CHECKPOINT, published=PUBLISHED)
def main(
    data: dict,
    published: dict,
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Two or more checkpoints, or names of runs; the others are compared with the first",
            metavar="PATH PATH ...",
        ),
    ],
    metric: Annotated[
        str, option("--metric", help="Error to compare: mpjpe_mm or p_mpjpe_mm", metavar="NAME", completes=_METRICS)
    ] = "mpjpe_mm",
    by: Annotated[
        str | None,
        option(
            "--by",
            help="rareness: also compare by the rareness of the poses among the training poses",
            metavar="NAME",
            completes=("rareness",),
            default="none",
        ),
    ] = None,
    rareness: Rareness = "kernel",
    rareness_exact: RarenessExact = False,
    flip: Flip = True,
    json: JsonFile = None,
    csv: Annotated[Path | None, option("--csv", help="Write the tables as CSV", metavar="FILE")] = None,
    markdown: Annotated[
        Path | None,
        option("--markdown", help="Write the tables as Markdown (.md)", metavar="FILE", default="none"),
    ] = None,
    latex: Annotated[
        Path | None, option("--latex", help="Write the tables as LaTeX (.tex)", metavar="FILE", default="none")
    ] = None,
    png: Annotated[
        Path | None,
        option(
            "--png",
            help="Draw differences by action, and errors by difficulty, or by rareness with --by rareness",
            metavar="FILE",
            default="none",
        ),
    ] = None,
    device: Device = "auto",
) -> None:
    """Compare checkpoints on the same test frames: by action, joint and difficulty, with 95 % intervals.

    Intervals come from resampling sequences of the same people, and from resampling people. The data settings are
    those of the first checkpoint; data options given here replace them.
    """
    from srnet_core.evaluation.compare import SCHEMA, compare, comparison_tables
    from srnet_core.lookup import choose

    choose("metric", metric, _METRICS, where="--metric")
    choose("measure of rareness", rareness, RARENESS, where="--rareness")
    if by is not None:
        choose("comparison", by, ("rareness",), where="--by")
    tables_to = {".csv": csv, ".md": markdown, ".tex": latex}
    _check_outputs(tables_to, png, json)
    names = _names([find_checkpoint(path) for path in paths])
    measure = rareness if by == "rareness" else None
    errors, tenths, tested = measured(
        names,
        data,
        published,
        metric=metric,
        flip=flip,
        device=device,
        rareness=measure,
        rareness_exact=rareness_exact,
    )
    comparisons = compare(errors, tenths)
    if json is not None:
        document = {"schema": SCHEMA, "metric": metric, "networks": {name: str(path) for name, path in names.items()}}
        document["tested_on"] = tested
        if measure is not None:
            document["rareness"] = measure
        write_json_to(json, document | {"comparisons": [c.to_dict() for c in comparisons]})
    tables = comparison_tables(comparisons, metric, _in_words(tested))
    _write(tables, tables_to)
    if png is not None:
        _draw(comparisons, png, "P-MPJPE" if metric == "p_mpjpe_mm" else "MPJPE")
    if str(json) != "-":
        for table in tables:
            show_text_table(table)


def _check_outputs(tables: dict[str, Path | None], png: Path | None, json: Path | None) -> None:
    """Refuse before long work what cannot be written."""
    from srnet_core.errors import require_extra
    from srnet_core.files import require_output

    for ending, path in {**tables, ".png": png}.items():
        if path is not None:
            if path.suffix.lower() != ending:
                flag = {".md": "--markdown", ".tex": "--latex"}.get(ending, f"--{ending[1:]}")
                raise ConfigError(f"the name of this file must end in {ending}", where=f"{flag} {path}")
            require_output(path)
    if json is not None and str(json) != "-":
        require_output(json)
    if png is not None:
        require_extra("PIL", "viz")


def _names(paths: Sequence[Path]) -> dict[str, Path]:
    """Short names of the checkpoints: those of their runs where these differ."""
    if len(paths) < 2:
        raise ConfigError("a comparison needs two checkpoints or more", where="PATH")
    if len(paths) > _MOST:
        raise ConfigError(f"at most {_MOST} checkpoints can be compared at a time, not {len(paths)}", where="PATH")
    return names_of(paths)


def measured(
    names: dict[str, Path],
    data: dict,
    published: dict,
    *,
    metric: str,
    flip: bool,
    device: str,
    rareness: str | None = None,
    rareness_exact: bool = False,
) -> "tuple[dict[str, FrameErrors], np.ndarray | None, dict[str, Any]]":
    """The errors of every frame and joint for each checkpoint, all on the test split of the first one's data.

    The second part is the tenth of the frames that each frame is in by its rareness, if a measure of it is given. It is
    found by the training poses of the first checkpoint. The third part tells the data, for JSON: the name of the data
    set, protocol, source of 2D and frames per second of each network, frames compared, and what each was trained on.
    """
    from srnet_core.device import choose_device
    from srnet_core.evaluation.compare import every_of_clips, frame_errors, on_common_frames
    from srnet_core.evaluation.run import require_fit, training_data

    checkpoints = {name: open_checkpoint(path, data, published) for name, path in names.items()}
    _require_same_joints(checkpoints)
    base = data_config_of(next(iter(checkpoints.values())), data)
    found: dict[str, FrameErrors] = {}
    tenths = None
    rates: dict[str, float] = {}
    keypoints: dict[str, str] = {}
    for name, checkpoint in checkpoints.items():
        config = with_own_input(base, checkpoint, data)
        if not data.keys() & {"fps", "downsample"}:
            config = _at_own_rate(config, checkpoint)
        prepared = prepare_stage(config)
        rates[name], keypoints[name] = prepared.stage.manifest["fps"], prepared.stage.manifest["keypoints"]
        require_fit(checkpoint, prepared.stage)
        _remark_on_known(name, checkpoint, prepared.stage)
        clips = prepared.stage.split("test")
        if rareness is not None and tenths is None:
            tenths = _tenths(prepared, clips, rareness, exact=rareness_exact)
        steps = frame_errors(
            checkpoint.model, prepared.stage, clips, flip=flip, metric=metric, device=choose_device(device)
        )
        with progress_bar() as bar:
            while True:
                try:
                    event = next(steps)
                except StopIteration as end:
                    found[name] = end.value
                    break
                bar.update(name, event.done, event.total, "frames")
    common = on_common_frames(found)
    first = next(iter(found))
    if tenths is not None:
        tenths = every_of_clips(tenths, found[first].clips, common[first].frames_apart // found[first].frames_apart)
    _remark_on_inputs(rates, {name: c.model_config.receptive_field for name, c in checkpoints.items()}, common[first])
    manifest = prepared.stage.manifest
    tested = {
        "dataset": manifest["dataset"],
        "synthetic": manifest["synthetic"],
        "protocol": manifest["config"]["protocol"],
        "split_rule": list(manifest.get("split_rule", [])),
        "keypoints": keypoints,
        "fps": rates,
        "frames": len(common[first].joints_mm),
        "trained_on": {name: list(training_data(checkpoint)) for name, checkpoint in checkpoints.items()},
    }
    return common, tenths, tested


def _in_words(tested: "Mapping[str, Any]") -> str:
    """What the networks were tested on, and trained on where that was another data set."""
    inputs = {
        f"{keypoints} 2D at {tested['fps'][name]:.4g} fps": None for name, keypoints in tested["keypoints"].items()
    }
    said = (
        f"Tested on {dataset_text(tested['dataset'], tested['synthetic'])}, {' and '.join(inputs)}, "
        f"{tested['protocol'].replace('_', '-')}: {count_text(tested['frames'], 'frame')}."
    )
    if tested["protocol"] == "cross_dataset":
        trained = [f"{name} {', '.join(sets)}" for name, sets in tested["trained_on"].items() if sets]
        said += f" Trained on: {'; '.join(trained)}." if trained else ""
    return " ".join([said, *tested["split_rule"]])


def _require_same_joints(checkpoints: "Mapping[str, Checkpoint]") -> None:
    """Refuse networks that predict other joints than the first, before data are prepared."""
    from srnet_core.errors import CheckpointError

    first, *others = checkpoints.items()
    for name, checkpoint in others:
        models = checkpoint.model, first[1].model
        if any(model.num_joints != model.num_joints_out for model in models):
            continue  # what these predict is measured in the joints of the data
        if not checkpoint.skeleton.same_joints(first[1].skeleton):
            raise CheckpointError(
                f"is for the skeleton {checkpoint.model_config.skeleton}, and {first[0]} for "
                f"{first[1].model_config.skeleton}",
                where=name,
                todo="Compare networks of the same joints",
            )


def _at_own_rate(config: DataConfig, checkpoint: "Checkpoint") -> DataConfig:
    """The data at the frame rate that a network was trained with, where its file tells.

    On the data set that it was trained on, frames are chosen as they were then, so that its stage is found.
    """
    from srnet_core.datasets import resolve_name

    own = checkpoint.run_config("data").data
    if resolve_name(config.dataset, config.data_dir, config.keypoints) == checkpoint.record.dataset:
        return replace(config, fps=own.fps, downsample=own.downsample)
    rate = checkpoint.record.fps
    return config if rate is None else replace(config, fps=rate, downsample=1)


def _remark_on_inputs(rates: dict[str, float], receptive_fields: dict[str, int], errors: "FrameErrors") -> None:
    """Say where networks see other frames of the same clips."""
    if len(set(rates.values())) > 1:
        listed = ", ".join(f"{name} {rate:.4g}" for name, rate in rates.items())
        remark(
            f"frames per second differ ({listed}): each network sees its own, and the {len(errors.joints_mm):,} frames "
            "that all of them see are compared"
        )
    if len(set(receptive_fields.values())) > 1:
        listed = ", ".join(f"{name} {frames}" for name, frames in receptive_fields.items())
        remark(f"frames that a network sees for each pose differ ({listed}); the poses are those of the same frames")


def _tenths(prepared: "Prepared", clips: "Sequence[StoredClip]", measure: str, *, exact: bool) -> "np.ndarray":
    """(N,) tenth, 0 to 9, of the frames of some clips by their rareness."""
    import numpy as np

    from srnet_core.evaluation.stage_rareness import TOLERANCE_M, stage_rareness

    tolerance_m = 0.0 if exact else TOLERANCE_M
    with progress_bar() as bar:
        rare = stage_rareness(prepared.stage, prepared.config.cache_dir, bar.update, tolerance_m=tolerance_m)
    return np.concatenate([rare.deciles(clip, measure).numpy() for clip in clips])


def _remark_on_known(name: str, checkpoint: "Checkpoint", stage) -> None:
    from srnet_core.evaluation.run import known_under_other_names, trained_on

    if seen := trained_on(checkpoint, stage) + known_under_other_names(checkpoint, stage):
        remark(f"{name} was trained on {seen} of {len(stage.split('test'))} test clips: the comparison is not fair")
    if stage.normalization.USES_ROOT_DEPTH and stage.manifest["config"].get("root_depth") != "estimate":
        remark(f"{name} uses the ground-truth depth of the root: not comparable with networks that do not")


def _write(tables, files: dict[str, Path | None]) -> None:
    from srnet_core.text_table import write_tables

    for path in files.values():
        if path is not None:
            write_tables(path, tables)
            told(f"wrote {path}")


def _draw(comparisons: "Sequence[Comparison]", path: Path, metric: str) -> None:
    from srnet_core.visualization.difference_chart import write_difference_png

    told(f"wrote {write_difference_png(comparisons, path, metric=metric)}")
