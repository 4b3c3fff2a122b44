"""What is shown of a training: how it begins, its progress, a line per epoch, how to go on."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from srnet_cli.advice import SlowTraining
from srnet_cli.checkpoints import BEST_FOLDER
from srnet_cli.console import command, facts, next_steps, remark, say
from srnet_cli.progress import Bar
from srnet_cli.run_place import Place
from srnet_cli.wording import count_text, data_text, model_text, parameters_text, seconds_text
from srnet_core.config import RunConfig

if TYPE_CHECKING:
    from srnet_core.training.run import Finished, Stopped, TrainingRun


def show_start(run: "TrainingRun") -> None:
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
        rows["resumes"] = reached(progress.epoch, progress.step)
    facts(rows)


def show_event(event, bar: Bar, config: RunConfig, slow: SlowTraining) -> None:
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


def reached(epoch: int, step: int) -> str:
    """How much of a run is done, in words."""
    if not epoch:
        return f"after {count_text(step, 'step')} of the first epoch"
    return f"after epoch {epoch}" + (f" and {count_text(step, 'step')} of the next" if step else "")


def show_how_to_go_on(stopped: "Stopped", config: RunConfig, place: Place) -> None:
    path = shlex.quote(str(stopped.path))
    if stopped.epoch >= config.train.epochs:
        say("Stopped during evaluation; the training is complete. To evaluate it:")
        say(f"  {command(f'eval {path}')}")
        return
    best = f" --best-dir {shlex.quote(str(place.best_dir))}" if place.best_dir != BEST_FOLDER else ""
    say(f"Stopped {reached(stopped.epoch, stopped.step)}. Nothing is lost. To resume:")
    say(f"  {command(f'train --resume {path}{best}')}")


def overrun(finished: "Finished", minutes: float) -> str:
    """A sentence about a training that took clearly longer than it was allowed to, or empty text."""
    trained, allowed = finished.seconds - finished.testing_seconds, 60 * minutes
    if not minutes or trained < 1.1 * allowed or trained < allowed + 2:
        return ""
    what = "a training step that has begun is completed, and so is an epoch's validation"
    return f" It took {seconds_text(trained)} instead of {seconds_text(allowed)}: {what}."


def suggest(which: str) -> None:
    """What may come next for a trained network, by the name of its run or the path of its file."""
    which = shlex.quote(which)
    next_steps(f"visualize {which} --gallery 3", f"eval {which} --by joint", "runs list")
