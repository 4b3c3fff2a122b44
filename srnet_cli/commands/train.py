"""srnet train: from data to a checkpoint and its metrics."""

import dataclasses
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from srnet_cli import console
from srnet_cli.advice import (
    SlowTraining,
    Typed,
    changes_of_resumed,
    data_that_do_not_fit,
    other_stages,
    settings_without_effect,
    typed_settings,
    with_groups,
)
from srnet_cli.checkpoints import BEST_FOLDER, find_checkpoint, run_name
from srnet_cli.console import command, err, facts, going_on_without_reader, next_steps, out, prose, remark, say
from srnet_cli.errors import StoppedByUser
from srnet_cli.inputs import open_checkpoint, prepare_stage
from srnet_cli.options import AUGMENT, DATA, MODEL, PUBLISHED, RUN_PANEL, TRAIN, SetOption, option, shared
from srnet_cli.progress import Bar, Goal, progress_bar
from srnet_cli.run_configuration import start_config
from srnet_cli.tables import show_report
from srnet_cli.watching import Watching
from srnet_cli.wording import count_text, data_text, model_text, parameters_text, seconds_text
from srnet_core.config import RunConfig, replace
from srnet_core.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from srnet_core.checkpoint import Checkpoint
    from srnet_core.engine.replicas import Replicas
    from srnet_core.stages.prepare import Prepared
    from srnet_core.training.run import Finished, RunFiles, Stopped, TrainingRun

EXAMPLES = (
    "srnet train --arch 3,3,3 --epochs 5 --name first",
    "srnet train --config srnet-243 --validation S8 --set train.lr=0.0005",
)
BEST_DIR = BEST_FOLDER
TRACKERS = ("csv", "tensorboard")


@contextmanager
def _shown_by_first_process():
    """Of processes that train together, only the first one shows what it does; all show errors."""
    from srnet_core.training.launch import leads_here

    before = out.quiet, err.quiet
    if not leads_here():
        out.quiet = err.quiet = True
    try:
        yield
    finally:
        out.quiet, err.quiet = before


@dataclass(frozen=True)
class Place:
    """Where the files of a run are written; without a name one is made from the options."""

    name: str | None = None
    checkpoint_dir: Path = Path("checkpoint")
    best_dir: Path = BEST_DIR
    replace: bool = False


@shared(data=DATA, model=MODEL, train=TRAIN, augment=AUGMENT)
@going_on_without_reader()  # also while the data are prepared
@_shown_by_first_process()
def main(
    data: dict,
    model: dict,
    train: dict,
    augment: dict,
    preset: Annotated[
        str | None,
        option(
            "--config",
            help="Preset: a name, or a TOML file with the tables data, model, train, augment",
            metavar="NAME|FILE",
            completes="presets",
        ),
    ] = None,
    name: Annotated[
        str | None,
        option("--name", help="Name of the run and of its files", metavar="NAME", default="made from the options"),
    ] = None,
    resume: Annotated[
        Path | None,
        option(
            "--resume",
            help="Resume the run of this checkpoint; on the CPU the result is that of a run without a stop, bit by bit",
            metavar="PATH",
            completes="checkpoints",
        ),
    ] = None,
    finetune: Annotated[
        Path | None,
        option(
            "--finetune",
            help="Start a new run from the weights of this checkpoint",
            panel=RUN_PANEL,
            metavar="PATH",
            completes="checkpoints",
        ),
    ] = None,
    force: Annotated[bool, option("--force", help="With --name: replace an existing run", panel=RUN_PANEL)] = False,
    checkpoint_dir: Annotated[
        Path | None,
        option(
            "--checkpoint-dir",
            help="Folder of the last epoch's checkpoint, metrics and settings",
            panel=RUN_PANEL,
            metavar="FOLDER",
            default="checkpoint",
        ),
    ] = None,
    best_dir: Annotated[
        Path,
        option("--best-dir", help="Folder of the best epoch, with --validation", panel=RUN_PANEL, metavar="FOLDER"),
    ] = BEST_DIR,
    track: Annotated[
        str | None,
        option(
            "--track",
            help="Also record the epochs for other programs: csv, tensorboard (needs the extra track)",
            panel=RUN_PANEL,
            metavar="NAMES",
            default="none; metrics.jsonl is always written",
            completes=TRACKERS,
        ),
    ] = None,
    watch: Annotated[
        bool,
        option(
            "--watch",
            help="Serve a page on this machine with curves and a test clip, redrawn each epoch",
            panel=RUN_PANEL,
        ),
    ] = False,
    port: Annotated[
        int, option("--port", help="Port of that page", panel=RUN_PANEL, metavar="N", min=0, max=65535)
    ] = 8070,
    devices: Annotated[
        int,
        option(
            "--devices",
            help="Number of processes that train together, each on its part of every batch: on a GPU of its own, or on "
            "its share of the cores",
            panel=RUN_PANEL,
            metavar="N",
            min=1,
            max=1024,
        ),
    ] = 1,
    set_: SetOption = None,
) -> None:
    """Train a model. Missing stages are prepared first.

    As published, all training subjects are trained on and the last epoch is the result.

    The test error is reported but never used to choose an epoch; --validation holds out data for that.
    """
    if devices > 1:
        _start_processes(devices)
    if resume and finetune:
        raise ConfigError("--resume continues a run, --finetune starts a new one: give one of them")
    if resume and (name or checkpoint_dir or force):
        todo = "Leave out --name, --checkpoint-dir and --force"
        raise ConfigError("a resumed run keeps its name and folder", where="--resume", todo=todo)
    if not resume and force and name is None:
        remark("--force: no effect without --name")
    trackers = _trackers(track)
    resume = find_checkpoint(resume, last_epoch=True) if resume else None
    finetune = find_checkpoint(finetune) if finetune else None
    if resume:
        place = resumed_place(resume, best_dir)
    else:
        place = Place(name, checkpoint_dir or Path("checkpoint"), best_dir, force)
    untold = {name: model[name] for name in PUBLISHED if name in model and name not in ("compat", "dropout")}
    if finetune:  # a causal network may start from one that is not
        untold.pop("causal", None)
    start = resume or finetune
    source = open_checkpoint(start, data, untold) if start else None
    if resume and source is not None and not _is_ours(source):
        place = Place(None, best_dir=best_dir)  # the file of another program is never written to
        prose(f"{resume} was written by another program: the run continues in a new file in {place.checkpoint_dir}/.")
    options = {"data": data, "model": model, "train": train, "augment": augment}
    config = start_config(source, bool(resume), preset, options, set_ or [])
    typed = typed_settings(options, set_ or [])
    for sentence in settings_without_effect(config, typed):
        remark(sentence)
    if best_dir != BEST_DIR and not config.train.validation:
        remark("--best-dir: no effect without --validation")
    resumed, tuned = (source, None) if resume else (None, source)
    from srnet_core.training.distributed import process_group

    with process_group(config.train.device) as replicas:
        if replicas is not None and not replicas.leads:
            _help(config, place, replicas, resume=resumed, finetune=tuned, typed=typed)
        else:
            train_and_show(
                config,
                place,
                resume=resumed,
                finetune=tuned,
                typed=typed,
                track=trackers,
                watch_at=port if watch else None,
                replicas=replicas,
            )


def _help(
    config: RunConfig,
    place: Place,
    replicas: "Replicas",
    *,
    resume: "Checkpoint | None",
    finetune: "Checkpoint | None",
    typed: Typed,
) -> None:
    """Train beside the first process, which runs `train_and_show`."""
    from srnet_core.training.run import RunFiles, TrainingRun, same_data

    _refuse_early(config, dataclasses.replace(place, name=None))  # the first process looks at existing files
    replicas.text_of_leader("")  # waits until the data are prepared
    prepared = prepare_stage(config.data)
    config, _ = with_groups(replace(config, data=prepared.config), prepared.stage.skeleton, typed)
    if resume:
        same_data(resume, prepared)
    files = RunFiles(replicas.text_of_leader(""), place.checkpoint_dir, place.best_dir)
    with ctrl_c() as asked:
        run = TrainingRun(
            config, prepared, files, resume=resume, finetune=finetune, should_stop=asked, replicas=replicas
        )
        for _ in run:
            pass


def _start_processes(count: int) -> None:
    """Start this command in several processes and leave with their exit code."""
    import typer

    from srnet_core.training.launch import processes_here, run_processes, this_command

    if processes_here() > 1:
        raise ConfigError("torchrun has started the processes already", where="--devices", todo="Leave it out")
    if count > max(2, cores := os.cpu_count() or 1):  # two can be tried anywhere
        raise ConfigError(
            f"{count} processes are too many for the {cores} cores of this machine",
            where="--devices",
            todo="Give at most the number of GPUs; without one, of cores",
        )
    remark(f"{count} processes train together, each on its part of every batch")
    arguments, kept = sys.argv[1:], []
    while arguments:
        argument = arguments.pop(0)
        if argument == "--devices":
            arguments.pop(0)
        elif not argument.startswith("--devices="):
            kept.append(argument)
    raise typer.Exit(run_processes(this_command(kept), count))


def _trackers(text: str | None) -> tuple[str, ...]:
    """The trackers in a list of names; a missing extra is told before the work begins."""
    from srnet_core.errors import require_extra
    from srnet_core.lookup import choose

    names = tuple(choose("tracker", n.strip(), TRACKERS, where="--track") for n in (text or "").split(",") if n.strip())
    if "tensorboard" in names:
        require_extra("tensorboard", "track")
    return names


def _is_ours(resumed: "Checkpoint") -> bool:
    """Whether srnet wrote a checkpoint that a run can be resumed from.

    Raises:
        CheckpointError: no run can be resumed from it.
    """
    from srnet_core.training.resume import require_resumable

    require_resumable(resumed)
    return resumed.by_srnet


def resumed_place(path: Path, best_dir: Path) -> Place:
    """The place of the run that wrote a checkpoint.

    Raises:
        CheckpointError: it is the best epoch, and a run resumes from its last; or its name holds no name of a run.
    """
    if path.name.startswith("model_best_"):
        todo = "Resume from its latest_epoch_ file, or start a new run from it with --finetune"
        raise CheckpointError("this is the best epoch of a run, not its last", where=path, todo=todo)
    from srnet_core.training.naming import require_name

    name = run_name(path)
    if not name.strip(". "):  # the run's folder would be that of the checkpoints, or the one above it
        raise CheckpointError("the file has no name of a run", where=path, todo="Rename it: latest_epoch_NAME.bin")
    require_name(name)
    return Place(name, path.parent, best_dir, replace=True)


def train_and_show(
    config: RunConfig,
    place: Place,
    *,
    prepared: "Prepared | None" = None,
    resume: "Checkpoint | None" = None,
    finetune: "Checkpoint | None" = None,
    table: bool = True,
    last_step: int | None = None,
    typed: Typed | None = None,
    track: tuple[str, ...] = (),
    watch_at: int | None = None,
    replicas: "Replicas | None" = None,
) -> "Finished":
    """Prepare, train, show progress, and at the end the table of the result unless `table` is false.

    Args:
        typed: the settings of the command line, for remarks about what they lead to; `None` for no such remarks.
        track: names of trackers that record the epochs too.
        watch_at: port of a page that shows the run; `None` for no page.
        replicas: the processes that train together, this one included.

    Raises:
        StoppedByUser: Ctrl-C; the run is saved and the user has been told how to resume it.
    """
    from srnet_core.training.run import Finished, Stopped, TrainingRun, same_data
    from srnet_core.training.tracking import Tracking

    _refuse_early(config, place)
    prepared = prepared or prepare_stage(config.data)
    if replicas is not None:
        replicas.text_of_leader("prepared")
    config = replace(config, data=prepared.config)
    config, derived = with_groups(config, prepared.stage.skeleton, typed or {})
    if resume:
        same_data(resume, prepared)
    elif typed is not None:
        for sentence in (*other_stages(prepared, typed, place.checkpoint_dir), *([derived] if derived else [])):
            remark(sentence)
    files = _files(config, place)
    if replicas is not None:
        replicas.text_of_leader(files.name)
    with ctrl_c() as asked:
        with _given_back(files):
            run = TrainingRun(
                config,
                prepared,
                files,
                resume=resume,
                finetune=finetune,
                should_stop=asked,
                last_step=last_step,
                replicas=replicas,
            )
            if place.name is not None:
                _files(config, place)  # a run of that name may have ended while this one was being prepared
        if not console.err.quietly:
            _show_start(run)
        for sentence in data_that_do_not_fit(run) if typed is not None else ():
            remark(sentence)
        if resume and resume.by_srnet:
            for sentence in changes_of_resumed(resume.run_config(), config):
                remark(sentence)
        slow = SlowTraining(run)
        goal = Goal(last_step, 60 * config.train.minutes)
        with (
            nullcontext() if watch_at is None else Watching(run, prepared.config, goal, watch_at) as watching,
            progress_bar() as bar,
            Tracking(run, track) as tracking,
        ):
            bar.begin(f"epoch {run.progress.epoch + 1}", run.progress.step, len(run.course.batches), goal)
            for event in run:
                tracking.take(event)
                if watching is not None:
                    watching.take(event)
                _show_event(event, bar, config, slow)
    if isinstance(event, Stopped):
        _show_how_to_go_on(event, config, place)
        raise StoppedByUser
    assert isinstance(event, Finished)  # a run ends in one of these two
    if run.progress.epoch < config.train.epochs:
        why = "The time is up" if last_step is None else "As many steps as asked for are done"
        prose(f"{why} {_reached(run.progress.epoch, run.progress.step)}.{_overrun(event, config.train.minutes)}")
    if table:
        show_report(event.report, files.name)
    tested = f", {seconds_text(event.testing_seconds)} of them for the test" if event.testing_seconds > 1 else ""
    say(f"{seconds_text(event.seconds)} in total{tested}. Result:")
    say(f"{event.path}")
    if table:
        usual = (place.checkpoint_dir, place.best_dir) == (Place.checkpoint_dir, Place.best_dir)
        _suggest(files.name if usual else str(event.path))
    return event


def _overrun(finished: "Finished", minutes: float) -> str:
    """A sentence about a training that took clearly longer than it was allowed to, or empty text."""
    trained, allowed = finished.seconds - finished.testing_seconds, 60 * minutes
    if not minutes or trained < 1.1 * allowed or trained < allowed + 2:
        return ""
    what = "a training step that has begun is completed, and so is an epoch's validation"
    return f" It took {seconds_text(trained)} instead of {seconds_text(allowed)}: {what}."


def _suggest(which: str) -> None:
    """What may come next for a trained network, by the name of its run or the path of its file."""
    which = shlex.quote(which)
    next_steps(f"visualize {which} --gallery 3", f"eval {which} --by joint", "runs list")


@contextmanager
def _given_back(files: "RunFiles"):
    """Frees the name of a run that is refused: its empty folders are removed."""
    try:
        yield
    except BaseException:
        for folder in (files.folder, files.checkpoint_dir):
            with suppress(OSError):
                folder.rmdir()
        raise


def _refuse_early(config: RunConfig, place: Place) -> None:
    """Refuse before preparing, which may take minutes, what can be refused without the data."""
    import torch

    from srnet_core.body_parts import part_indices
    from srnet_core.checkpoint import require_whole_poses
    from srnet_core.device import choose_device
    from srnet_core.engine.acceleration import choose_acceleration
    from srnet_core.files import require_folder
    from srnet_core.lookup import names
    from srnet_core.models import build_model, get_model
    from srnet_core.protocols import require_training
    from srnet_core.skeletons import get_skeleton

    require_training(config.data)
    choose_acceleration(config.train, choose_device(config.train.device))
    require_folder(place.checkpoint_dir)
    if config.train.validation:
        require_folder(place.best_dir)
    if config.model.skeleton in names("skeletons"):
        model = config.model
        if model.body_parts and _on_synthetic(config):
            part_indices(model.body_parts, get_skeleton(model.skeleton).joint_names, where="--groups")
        if get_model(model.name).takes_groups and not _on_synthetic(config):
            model = replace(model, groups=1, body_parts=())  # whether groups fit is known with the data's skeleton
        with torch.device("meta"):  # shapes only: no memory, no random numbers
            network = build_model(model)
            if not model.predicts_root:
                require_whole_poses(network)
    if place.name is not None:
        _files(config, place)


def _on_synthetic(config: RunConfig) -> bool:
    """Whether the data are the synthetic ones, whose skeleton is the default one."""
    from srnet_core.datasets import resolve_name

    return resolve_name(config.data.dataset, config.data.data_dir, config.data.keypoints) == "synthetic"


def _files(config: RunConfig, place: Place) -> "RunFiles":
    """The files of a run. A name made from the options avoids existing runs; a name that was given must be free."""
    from srnet_core.training.naming import RunFiles, claim_name, default_name, require_name

    if place.name is None:
        name = claim_name(default_name(config), place.checkpoint_dir, place.best_dir)
        return RunFiles(name, place.checkpoint_dir, place.best_dir)
    require_name(place.name)
    files = RunFiles(place.name, place.checkpoint_dir, place.best_dir)
    there = [f for f in (files.latest, files.best) if f.exists()]
    if there and not place.replace:
        todo = f"Continue it: --resume {files.latest}; replace it: --force; or choose another name"
        raise ConfigError(f"a run of that name exists ({there[0]})", where="--name", todo=todo)
    return files


def _reached(epoch: int, step: int) -> str:
    """How much of a run is done, in words."""
    if not epoch:
        return f"after {count_text(step, 'step')} of the first epoch"
    return f"after epoch {epoch}" + (f" and {count_text(step, 'step')} of the next" if step else "")


def _show_how_to_go_on(stopped: "Stopped", config: RunConfig, place: Place) -> None:
    path = shlex.quote(str(stopped.path))
    if stopped.epoch >= config.train.epochs:
        say("Stopped during evaluation; the training is complete. To evaluate it:")
        say(f"  {command(f'eval {path}')}")
        return
    best = f" --best-dir {shlex.quote(str(place.best_dir))}" if place.best_dir != BEST_DIR else ""
    say(f"Stopped {_reached(stopped.epoch, stopped.step)}. Nothing is lost. To resume:")
    say(f"  {command(f'train --resume {path}{best}')}")


@contextmanager
def ctrl_c():
    """Turns the first Ctrl-C, SIGTERM or SIGHUP into a request to stop after the current training step.

    SIGTERM comes from a scheduler, SIGHUP from a terminal that is closed; under nohup it stays ignored. A second Ctrl-C
    ends the program at once.
    """
    requests = []

    def note(*_):
        requests.append(True)
        signal.signal(signal.SIGINT, before.get(signal.SIGINT, signal.SIG_IGN))
        remark("stopping after this step and saving; press Ctrl-C again to leave at once")

    hangup = getattr(signal, "SIGHUP", signal.SIGTERM)  # Windows has none
    numbers = [n for n in {signal.SIGINT, signal.SIGTERM, hangup} if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield lambda: bool(requests)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show_start(run: "TrainingRun") -> None:
    from srnet_core.sampling.sampler import order_text

    model, train, progress = run.config.model, run.config.train, run.progress
    parameters = sum(p.numel() for p in run.model.parameters())
    averaged = "with" if model.as_published and train.test_flip else "without"
    every = "every epoch" if train.test_every == 1 else f"every {train.test_every} epochs"
    tested = f", test error ({averaged} flip averaging) {every}" if train.test_every else ""
    size = f"{parameters_text(parameters)}, receptive field {count_text(model.receptive_field, 'frame')}"
    steps = count_text(len(run.course.batches), "step")
    rows: dict[str, str | Sequence[str]] = {
        "model": f"{model_text(model)}: {size}, on {run.device} in {run.step.acceleration}",
        "data": f"{data_text(run.stage)}: {len(run.sampler.table):,} windows "
        f"{'with' if train.flip else 'without'} mirror images, {order_text(run.sampler.order)}",
        "training": f"{count_text(train.epochs, 'epoch')} of {steps}, seed {train.seed}{tested}",
        "files": [f"{run.files.latest}", f"{run.files.metrics.parent}/"],
    }
    if train.subjects_unlabeled:
        warmup = count_text(train.warmup, "epoch")
        names = ", ".join(train.subjects_unlabeled)
        rows["semi-supervised"] = f"without the 3D of {names}, after {warmup} of warm-up; a trajectory network beside"
    if run.config.augment.use:
        keypoints = run.stage.manifest["keypoints"]
        instead = f"; trained on exact projections of the 3D poses instead of the keypoints {keypoints}"
        rows["augmentation"] = ", ".join(run.config.augment.use) + ("" if keypoints == "gt" else instead)
    if progress.epoch or progress.step:
        rows["resumes"] = _reached(progress.epoch, progress.step)
    facts(rows)


def _show_event(event, bar: Bar, config: RunConfig, slow: SlowTraining) -> None:
    from srnet_core.evaluation.run import Evaluating
    from srnet_core.training.loop import Epoch, Notice, Step
    from srnet_core.training.run import Saved

    match event:
        case Step():
            bar.step(f"epoch {event.epoch}", event, config.train.epochs)
            if sentence := slow.after(event):
                remark(sentence)
        case Notice():
            remark(event.text)
        case Evaluating():
            bar.update(event.what, event.done, event.total, "frames")
            bar.time_passes()
        case Epoch():
            bar.epoch = event  # its line is shown once its evaluations are known
        case Saved(best=False) if bar.epoch is not None:
            bar.line(epoch_line(bar.epoch))
            bar.epoch = None
        case _:
            pass


def epoch_line(epoch) -> str:
    """One epoch on one line, in columns that do not move from epoch to epoch: errors of joints (MPJPE), all in mm.

    The loss, a mean over coordinates in the unit of the normalization, would look smaller than it is beside them; it is
    in metrics.jsonl.
    """
    width = len(str(epoch.epochs))
    parts = [f"epoch {epoch.epoch:>{width}}/{epoch.epochs}", f"train {epoch.train_mpjpe_mm:5.1f} mm"]
    for name, short in (("validation", "val"), ("test", "test")):
        if f"{name}_mpjpe_mm" in epoch.extra:
            parts.append(f"{short} {epoch.extra[f'{name}_mpjpe_mm']:5.1f} mm")
    if "test_root_mm" in epoch.extra:
        parts.append(f"root {epoch.extra['test_root_mm']:5.0f} mm")
    return "  ".join([*parts, f"{epoch.windows_per_second:>7,.0f} windows/s", f"{seconds_text(epoch.seconds):>6}"])
