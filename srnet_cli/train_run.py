"""One training from configuration to measured checkpoint, shown while it runs: for `srnet train` and `srnet demo`."""

import dataclasses
from contextlib import nullcontext
from typing import TYPE_CHECKING

from srnet_cli import console
from srnet_cli.advice import (
    SlowTraining,
    Typed,
    changes_of_resumed,
    data_that_do_not_fit,
    other_stages,
    with_groups,
)
from srnet_cli.console import prose, remark, say
from srnet_cli.errors import StoppedByUser
from srnet_cli.inputs import prepare_stage
from srnet_cli.interrupts import ctrl_c
from srnet_cli.progress import Goal, progress_bar
from srnet_cli.run_place import Place, files_of, given_back, refuse_early
from srnet_cli.tables import show_report
from srnet_cli.train_display import overrun, reached, show_event, show_how_to_go_on, show_start, suggest
from srnet_cli.watching import Watching
from srnet_cli.wording import seconds_text
from srnet_core.config import RunConfig, replace

if TYPE_CHECKING:
    from srnet_core.checkpoint import Checkpoint
    from srnet_core.engine.replicas import Replicas
    from srnet_core.stages.prepare import Prepared
    from srnet_core.training.run import Finished


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

    refuse_early(config, place)
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
    files = files_of(config, place)
    if replicas is not None:
        replicas.text_of_leader(files.name)
    with ctrl_c() as asked:
        with given_back(files):
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
                files_of(config, place)  # a run of that name may have ended while this one was being prepared
        if not console.err.quietly:
            show_start(run)
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
                show_event(event, bar, config, slow)
    if isinstance(event, Stopped):
        show_how_to_go_on(event, config, place)
        raise StoppedByUser
    assert isinstance(event, Finished)  # a run ends in one of these two
    if run.progress.epoch < config.train.epochs:
        why = "The time is up" if last_step is None else "As many steps as asked for are done"
        prose(f"{why} {reached(run.progress.epoch, run.progress.step)}.{overrun(event, config.train.minutes)}")
    if table:
        show_report(event.report, files.name)
    tested = f", {seconds_text(event.testing_seconds)} of them for the test" if event.testing_seconds > 1 else ""
    say(f"{seconds_text(event.seconds)} in total{tested}. Result:")
    say(f"{event.path}")
    if table:
        usual = (place.checkpoint_dir, place.best_dir) == (Place.checkpoint_dir, Place.best_dir)
        suggest(files.name if usual else str(event.path))
    return event


def help_to_train(
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

    refuse_early(config, dataclasses.replace(place, name=None))  # the first process looks at existing files
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
