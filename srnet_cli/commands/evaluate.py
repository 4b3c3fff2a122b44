"""srnet eval: the metrics of a checkpoint on test data."""

import csv
import io
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from srnet_cli import side_by_side, worse_keypoints
from srnet_cli.checkpoints import find_checkpoint, names_of
from srnet_cli.console import next_steps, remark, remark_once, told, write_text
from srnet_cli.inputs import open_checkpoint, prepare_stage, require_ending
from srnet_cli.json_output import JsonFile, write_json_to
from srnet_cli.options import (
    DATA_OF_CHECKPOINT,
    PUBLISHED,
    RUN_PANEL,
    Device,
    Flip,
    NewestCheckpoints,
    Rareness,
    RarenessExact,
    option,
    shared,
)
from srnet_cli.processes import shown_by_first_process, start_processes
from srnet_cli.progress import Bar, progress_bar
from srnet_cli.run_configuration import data_config_of
from srnet_cli.tables import conditions, plain_table, report_title, show_report
from srnet_core.evaluation import PCK_THRESHOLD_MM, RARENESS

if TYPE_CHECKING:
    from srnet_core.checkpoint import Checkpoint
    from srnet_core.engine.replicas import Replicas
    from srnet_core.evaluation.noise import KeypointNoise
    from srnet_core.evaluation.run import Evaluation
    from srnet_core.evaluation.tables import Report

EXAMPLES = (
    "srnet eval checkpoint/latest_epoch_first.bin",
    "srnet eval checkpoint/latest_epoch_first.bin --by rareness --json numbers.json",
)
_BY = ("action", "subject", "camera", "joint", "rareness", "scene")


@shared(data=DATA_OF_CHECKPOINT, published=PUBLISHED)
@shown_by_first_process()
def main(
    data: dict,
    published: dict,
    paths: NewestCheckpoints = None,
    by: Annotated[
        str,
        option(
            "--by",
            help="Break down by action, subject, camera, joint, rareness, or scene (MPI-INF-3DHP)",
            metavar="NAME",
            completes=_BY,
        ),
    ] = "action",
    rare: Annotated[
        float | None,
        option(
            "--rare",
            help="Test only on this share of the frames, those with the rarest poses",
            metavar="SHARE",
            default="all frames",
        ),
    ] = None,
    rareness: Rareness = "kernel",
    rareness_part: Annotated[
        str,
        option(
            "--rareness-part",
            help="What must be rare: body, or a part such as left_arm, which takes about four times as long",
            metavar="NAME",
            default="body",
        ),
    ] = "body",
    rareness_exact: RarenessExact = False,
    joints: Annotated[
        str | None,
        option(
            "--joints",
            help="Joints whose position errors count: 14 (as in tables of 3DHP), 3dpw, or names, e.g. Head,LWrist",
            metavar="NAMES",
            default="all",
        ),
    ] = None,
    pck_threshold: Annotated[
        float, option("--pck-threshold", help="A joint counts for PCK within this distance, in mm", metavar="MM")
    ] = PCK_THRESHOLD_MM,
    keypoint_noise: worse_keypoints.Noise = None,
    drop: worse_keypoints.Drop = None,
    swap: worse_keypoints.Swap = None,
    noise_seed: worse_keypoints.Seed = 1,
    png: worse_keypoints.Chart = None,
    flip: Flip = True,
    json: JsonFile = None,
    csv: Annotated[
        Path | None, option("--csv", help="Write the tables as CSV; -: to standard output", metavar="FILE")
    ] = None,
    markdown: Annotated[
        Path | None,
        option("--markdown", help="Write rows as papers print them, as Markdown (.md)", metavar="FILE", default="none"),
    ] = None,
    latex: Annotated[
        Path | None,
        option("--latex", help="Write rows as papers print them, as LaTeX (.tex)", metavar="FILE", default="none"),
    ] = None,
    device: Device = "auto",
    devices: Annotated[
        int,
        option(
            "--devices",
            help="Number of processes that evaluate together, each on some of the clips: on a GPU of its own, or on "
            "its share of the cores",
            panel=RUN_PANEL,
            metavar="N",
            min=1,
            max=1024,
        ),
    ] = 1,
) -> None:
    """Evaluate a checkpoint: MPJPE and ten other metrics on the test split.

    Model and data settings come from the checkpoint; data options given here replace them. Several checkpoints are
    shown side by side with the mean pose, each on its own test data.
    """
    from srnet_core.errors import ConfigError
    from srnet_core.files import require_output
    from srnet_core.lookup import choose
    from srnet_core.training.distributed import process_group
    from srnet_core.training.launch import leads_here

    if devices > 1:
        start_processes(devices, "evaluate together, each on some of the clips")
    choose("breakdown", by, _BY, where="--by")
    choose("measure of rareness", rareness, RARENESS, where="--rareness")
    if rare is not None and not 0 < rare <= 1:
        raise ConfigError(f"{rare:g} is no share", where="--rare", todo="Give a number above 0 and up to 1, e.g. 0.2")
    if not 0 < pck_threshold < math.inf:
        raise ConfigError(f"{pck_threshold:g} is no distance", where="--pck-threshold", todo="Give mm, e.g. 100")
    if str(json) == str(csv) == "-":
        raise ConfigError("--json and --csv cannot both go to standard output", todo="Give one of them a file")
    for target in (json, csv, markdown, latex):
        if target is not None and str(target) != "-":
            require_output(target)
    _require_endings(markdown, latex)
    amounts = worse_keypoints.read_amounts(keypoint_noise, drop, swap, noise_seed)
    worse_keypoints.require_chart(png, amounts)
    if amounts.varied and by != "action":
        todo = "Give one amount, or leave --by out"
        raise ConfigError("several amounts of worse keypoints are shown as action-wise means", where="--by", todo=todo)
    asked: Sequence[Path | None] = paths or [None]
    names = names_of([find_checkpoint(path) for path in asked])
    if len(names) > 1 and (amounts.varied or by != "action" or json or csv or png):
        todo = "Give one checkpoint, or use srnet compare, which also writes JSON and CSV"
        raise ConfigError("several checkpoints are shown by action only", where="PATH", todo=todo)
    if rareness_part != "body" and rare is None and by != "rareness":
        raise ConfigError("no rareness is measured", where="--rareness-part", todo="Add --by rareness or --rare 0.2")
    part = rareness_part.replace("-", " ").replace("_", " ")
    rarely = Rarely(rareness, rare or 1.0, rareness_exact, part) if rare is not None or by == "rareness" else None
    found: dict[str, list[Report]] = {}
    checkpoint = None
    with process_group(device) as replicas:
        for name, path in names.items():
            checkpoint = open_checkpoint(path, data, published)
            found[name] = evaluate_checkpoint(
                checkpoint,
                path,
                data,
                flip=flip,
                device=device,
                joints=joints,
                rarely=rarely,
                noises=amounts.noises,
                pck_mm=pck_threshold,
                replicas=replicas,
            )
    if not leads_here():
        return
    path = next(iter(names.values()))
    if len(names) > 1:
        assert checkpoint is not None
        side_by_side.remark_on_differences({name: reports[0] for name, reports in found.items()})
        mean_pose = {} if rarely or joints or amounts.noises[0] else _mean_pose(checkpoint, data)
        shown = mean_pose | {name: reports[0] for name, reports in found.items()}
        side_by_side.show_side_by_side(shown)
    elif amounts.varied:
        _show_curve(found[next(iter(names))], amounts, path, json, csv, png)
    else:
        _show_one(found[next(iter(names))][0], path, by, json, csv)
        if "-" not in (str(json), str(csv)):
            which = shlex.quote(str(path))
            next_steps(f"visualize {which} --gallery 3", *([f"eval {which} --by joint"] if by != "joint" else []))
    side_by_side.write_tables_of_papers({name: reports[0] for name, reports in found.items()}, (markdown, latex))


def _require_endings(markdown: Path | None, latex: Path | None) -> None:
    """Refuse files whose ending says another format."""
    for target, ending in ((markdown, ".md"), (latex, ".tex")):
        if target is not None:
            require_ending(target, (ending,), flag=f"--{'latex' if ending == '.tex' else 'markdown'}")


def _mean_pose(checkpoint: "Checkpoint", data: dict) -> "dict[str, Report]":
    """The errors of the mean pose of the training split, on the test split of a checkpoint's data, by its name.

    Empty on data that are all for testing: they have no mean pose of their own.
    """
    from srnet_core.evaluation.run import evaluate_mean_pose

    stage = prepare_stage(data_config_of(checkpoint, data)).stage
    return {side_by_side.MEAN_POSE: evaluate_mean_pose(stage)} if stage.split("train") else {}


def _show_curve(
    reports: "list[Report]",
    amounts: worse_keypoints.Amounts,
    path: Path,
    json: Path | None,
    csv: Path | None,
    png: Path | None,
) -> None:
    """Errors over amounts of worse keypoints, to files and the screen."""
    if json is not None:
        worse_keypoints.write_curve_json(reports, amounts, json)
    if csv is not None:
        worse_keypoints.write_curve_csv(reports, amounts, csv)
    if png is not None:
        worse_keypoints.draw_curve(reports, amounts, path.name, png)
    if "-" not in (str(json), str(csv)):
        worse_keypoints.show_curve(reports, amounts, path.name)


def _show_one(report: "Report", path: Path, by: str, json: Path | None, csv: Path | None) -> None:
    """A report, to files and the screen."""
    if json is not None:
        write_json_to(json, report.to_dict())
    if csv is not None:
        write_csv(report, csv)
    if "-" not in (str(json), str(csv)):
        show(report, path, by)


@dataclass(frozen=True)
class Rarely:
    """An evaluation by how rare the poses are.

    Attributes:
        measure: of rareness.
        share: of the test frames that are counted, the rarest.
        exact: whether every test pose is compared with every training pose.
        part: of the body whose poses count; "body" for the whole.
    """

    measure: str
    share: float
    exact: bool = False
    part: str = "body"


def evaluate_checkpoint(
    checkpoint: "Checkpoint",
    path: Path,
    data: dict,
    *,
    flip: bool,
    device: str,
    joints: str | None = None,
    rarely: Rarely | None = None,
    noises: "Sequence[KeypointNoise | None]" = (None,),
    pck_mm: float = PCK_THRESHOLD_MM,
    replicas: "Replicas | None" = None,
) -> "list[Report]":
    """Prepare the data of a checkpoint and evaluate it on the test split.

    Args:
        joints: see `joints_to_count`; all if `None`.
        noises: what makes the keypoints worse, one evaluation each.
        pck_mm: threshold of PCK.
        replicas: the processes that evaluate together, this one included.
    """
    from srnet_core.device import choose_device
    from srnet_core.evaluation.parted import Parts
    from srnet_core.evaluation.run import (
        Counted,
        evaluate_steps,
        joints_to_count,
        known_under_other_names,
        require_fit,
        trained_on,
        training_data,
        training_keypoints,
    )
    from srnet_core.evaluation.stage_rareness import BODY, TOLERANCE_M, part_names, stage_rareness
    from srnet_core.lookup import choose

    if replicas is not None and not replicas.leads:
        replicas.text_of_leader("")  # waits until the data are prepared
    prepared = prepare_stage(data_config_of(checkpoint, data))
    if replicas is not None and replicas.leads:
        replicas.text_of_leader("prepared")
    require_fit(checkpoint, prepared.stage)
    seen = trained_on(checkpoint, prepared.stage)
    if seen:
        remark(f"{seen} of {len(prepared.stage.split('test'))} test clips were trained on: this does not test new data")
    if checkpoint.record.start_unknown:
        remark(
            "the training started from weights that do not tell what they were trained on: the test data may have been "
            "among it"
        )
    if renamed := known_under_other_names(checkpoint, prepared.stage):
        remark_once(
            f"{renamed} of {len(prepared.stage.split('test'))} test clips show poses that were trained on under other "
            "names: this does not test new data"
        )
    about: dict[str, Any] = {
        "checkpoint": str(path),
        "trained_on": list(training_data(checkpoint)),
        "trained_keypoints": training_keypoints(checkpoint),
        "test_clips_trained_on": seen,
        "training_history_known": checkpoint.by_srnet and not checkpoint.record.start_unknown,
        "test_clips_known_under_other_names": renamed,
    }
    counted = Counted() if joints is None else joints_to_count(joints, prepared.stage.skeleton)
    with progress_bar() as bar:
        bins = None
        if rarely is not None:
            tolerance_m = 0.0 if rarely.exact else TOLERANCE_M
            about |= {
                "rareness": rarely.measure,
                "rareness_part": rarely.part,
                "rarest_share": rarely.share,
                "rareness_tolerance_mm": 1000 * tolerance_m,
            }
            choose("body part", rarely.part, part_names(prepared.stage.skeleton), where="--rareness-part")
            found = stage_rareness(
                prepared.stage,
                prepared.config.cache_dir,
                bar.update,
                limbs_too=rarely.part != BODY,
                tolerance_m=tolerance_m,
            )
            bins = partial(found.deciles, measure=rarely.measure, rarest_share=rarely.share, part=rarely.part)
        reports: list[Report] = []
        for noise in noises:
            steps = evaluate_steps(
                checkpoint.model,
                prepared.stage,
                flip=flip,
                device=choose_device(device),
                about=about,
                joints=counted.joints,
                origin=counted.origin,
                bins=bins,
                noise=noise,
                pck_mm=pck_mm,
                parts=Parts(replicas),
            )
            reports.append(_with_progress(steps, bar, len(reports) + 1, len(noises)))
    return reports


def _with_progress(steps: "Evaluation", bar: Bar, number: int, of: int) -> "Report":
    """Run an evaluation to its end, showing how far it is."""
    what = "test" if of == 1 else f"test {number} of {of}"
    while True:
        try:
            event = next(steps)
        except StopIteration as end:
            return end.value
        bar.update(what, event.done, event.total, "frames")


def show(report: "Report", path: Path, by: str) -> None:
    """Show the breakdown asked for as a table."""
    if by == "scene" and not report.by_scene:
        from srnet_core.errors import ConfigError

        raise ConfigError(
            "the scenes of these test subjects are not known: only those of MPI-INF-3DHP are", where="--by"
        )
    if by == "joint":
        rows = [[name, f"{value:.1f}"] for name, value in report.by_joint.items()]
        rows.append(["frame-wise mean", f"{report.frame_mean['mpjpe_mm']:.1f}"])
        plain_table(
            report_title(report, path.name),
            ["joint", "MPJPE mm"],
            rows,
            caption=f"{conditions(report.about)} Frame-wise: every frame counts the same.",
        )
    else:
        show_report(report, path.name, by)


def write_csv(report: "Report", target: Path) -> None:
    """One row per action, subject, ...: the table it belongs to, its name, its metrics."""
    from srnet_core.files import atomic_write

    frames = report.frame_mean["frames"]
    tables = {
        "mean": {"action-wise": report.mean, "frame-wise": report.frame_mean},
        "action": report.by_action,
        "subject": report.by_subject,
        "camera": report.by_camera,
        "rareness": report.by_rareness,
        "scene": report.by_scene,
        "joint": {joint: {"mpjpe_mm": error, "frames": frames} for joint, error in report.by_joint.items()},
    }
    text = io.StringIO()
    fields = ["table", "name", *report.frame_mean]
    writer = csv.DictWriter(text, fields, lineterminator="\n")
    writer.writeheader()
    for table, rows in tables.items():
        for name, values in rows.items():
            writer.writerow({"table": table, "name": name, **values})
    if str(target) == "-":
        write_text(text.getvalue())
    else:
        with atomic_write(target, "w") as file:
            file.write(text.getvalue())
        told(f"wrote {target}")
