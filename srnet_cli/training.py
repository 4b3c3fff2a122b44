"""Showing a training run: configuration in, progress, a line per epoch and a table out."""

import shlex
import signal
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from srnet_cli.console import Bar, count_text, facts, metric_table, progress_bar, prose, remark, say, seconds_text
from srnet_cli.errors import StoppedByUser
from srnet_cli.steps import data_text, dataset_text, prepare_stage, stored_section
from srnet_core.config import RunConfig, from_dict, merge, read_toml, replace, with_settings
from srnet_core.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from srnet_core.checkpoint import Checkpoint
    from srnet_core.evaluation.tables import Report
    from srnet_core.stages.prepare import Prepared
    from srnet_core.training.run import Finished, RunFiles, Stopped, TrainingRun

BEST_DIR = Path("best_checkpoint")


@dataclass(frozen=True)
class Place:
    """Where a run goes; without a name one is made from the options."""

    name: str | None = None
    checkpoint_dir: Path = Path("checkpoint")
    best_dir: Path = BEST_DIR
    replace: bool = False


def start_config(
    source: "Checkpoint | None", resume: bool, preset: str | None, options: Mapping[str, Mapping], settings: list[str]
) -> RunConfig:
    """The configuration of a run: defaults or checkpoint, then preset, then options, then --set."""
    config = RunConfig()
    if source is not None:
        stored = (source.meta or {}).get("config")
        if resume and stored:
            config = from_dict(RunConfig, stored, where=source.path)
        normalization = stored_section(source, "data").get("normalization")  # the weights know no other
        config = replace(config, model=source.model_config, data=replace(config.data, normalization=normalization))
    if preset is not None:
        path = preset_path(preset)
        config = merge(config, read_toml(path), where=path)
    model = dict(options["model"])
    if "groups" in model:
        model |= chosen_groups(model["groups"], config.model.skeleton)
    options = {**options, "model": model}
    config = replace(
        config, **{section: replace(getattr(config, section), **given) for section, given in options.items()}
    )
    return with_settings(config, settings) if settings else config


def chosen_groups(text: str, skeleton: str) -> dict:
    """`--groups`: a number of the skeleton's own, or a TOML file of body parts."""
    from srnet_core.body_parts import read_groups
    from srnet_core.lookup import names
    from srnet_core.skeletons import get_skeleton

    if not text.strip():
        raise ConfigError("is empty", where="--groups", todo="Give a number, or a TOML file of your own")
    if text.isdigit():
        return {"groups": int(text), "body_parts": ()}
    known = get_skeleton(skeleton).joint_names if skeleton in names("skeletons") else None
    parts = read_groups(text, known)
    return {"groups": len(parts), "body_parts": parts}


def preset_path(name: str) -> Path:
    """A preset of the project by name, or a file of the user's by path."""
    from srnet_core import presets
    from srnet_core.lookup import choose

    if name.endswith(".toml") or "/" in name:
        return Path(name)
    folder = Path(presets.__file__).parent
    choose("preset", name, sorted(p.stem for p in folder.glob("*.toml")), where="--config")
    return folder / f"{name}.toml"


def resumed_place(path: Path, best_dir: Path) -> Place:
    """The place of the run that wrote a checkpoint.

    Raises:
        CheckpointError: the best epoch, which is not where a run stopped.
    """
    if path.name.startswith("model_best_"):
        raise CheckpointError("this is the best epoch of a run, not its last", where=path,
                              todo="Go on from its latest_epoch_ file, or start a new run from it with --finetune")  # fmt: skip
    return Place(path.name.removeprefix("latest_epoch_").removesuffix(".bin"), path.parent, best_dir, replace=True)


def train_and_show(
    config: RunConfig,
    place: Place,
    *,
    prepared: "Prepared | None" = None,
    resume: "Checkpoint | None" = None,
    finetune: "Checkpoint | None" = None,
    table: bool = True,
) -> "Finished":
    """Prepare, train, show, at the end the table of the result unless `table` is off.

    Raises:
        StoppedByUser: Ctrl-C; the run is saved and the user has been told how to go on.
    """
    from srnet_core.training.run import Finished, TrainingRun, same_data

    _refuse_early(config, place)
    prepared = prepared or prepare_stage(config.data)
    config = replace(config, data=prepared.config)
    if resume:
        same_data(resume, prepared)
    files = _files(config, place)
    with ctrl_c() as asked:
        with _given_back(files):
            run = TrainingRun(config, prepared, files, resume=resume, finetune=finetune, should_stop=asked)
        _show_start(run)
        with progress_bar() as bar:
            bar.begin(f"epoch {run.progress.epoch + 1}", run.progress.step, len(run.sampler))
            for event in run:
                _show_event(event, bar, config)
    if not isinstance(event, Finished):
        _show_how_to_go_on(event, config, place)
        raise StoppedByUser
    if run.progress.epoch < config.train.epochs:
        prose(f"The time is up {_reached(run.progress.epoch, run.progress.step)}.")
    if table:
        show_report(event.report, files.name)
    say(f"{seconds_text(event.seconds)} in all; the result is")
    say(f"{event.path}")
    return event


@contextmanager
def _given_back(files: "RunFiles"):
    """A name claimed for a run that is refused is free again: its empty folders go."""
    try:
        yield
    except BaseException:
        for folder in (files.folder, files.checkpoint_dir):
            with suppress(OSError):
                folder.rmdir()
        raise


def _refuse_early(config: RunConfig, place: Place) -> None:
    """What can be refused at once is not refused after minutes of preparing."""
    import torch

    from srnet_core.device import choose_device
    from srnet_core.engine.acceleration import choose_acceleration
    from srnet_core.files import require_folder
    from srnet_core.lookup import names
    from srnet_core.models import build_model
    from srnet_core.training.run import require_trainable

    choose_acceleration(config.train, choose_device(config.train.device))
    require_trainable(config.model)
    require_folder(place.checkpoint_dir)
    if config.train.validation:
        require_folder(place.best_dir)
    if config.model.skeleton in names("skeletons"):
        with torch.device("meta"):  # shapes only: no memory, no random numbers
            build_model(config.model)
    if place.name is not None:
        _files(config, place)


def _files(config: RunConfig, place: Place) -> "RunFiles":
    """The files of a run. A name that was not asked for steps aside for a run that is there; one that was does not."""
    from srnet_core.training.run import RunFiles, claim_name, default_name

    if place.name is None:
        name = claim_name(default_name(config), place.checkpoint_dir, place.best_dir)
        return RunFiles(name, place.checkpoint_dir, place.best_dir)
    if not place.name.strip(". ") or set(place.name) & set("/\\"):
        raise ConfigError(
            f"{place.name!r} cannot be the name of a file",
            where="--name",
            todo="Folders are chosen with --checkpoint-dir",
        )
    files = RunFiles(place.name, place.checkpoint_dir, place.best_dir)
    there = [f for f in (files.latest, files.best) if f.exists()]
    if there and not place.replace:
        raise ConfigError(f"there is a run of that name already ({there[0]})", where="--name",
                          todo=f"Go on with it: --resume {files.latest}; replace it: --force; or choose another name")  # fmt: skip
    return files


def _reached(epoch: int, step: int) -> str:
    """How far a run has come, in words."""
    if not epoch:
        return f"after {count_text(step, 'step')} of the first epoch"
    return f"after epoch {epoch}" + (f" and {count_text(step, 'step')} of the next" if step else "")


def _show_how_to_go_on(stopped: "Stopped", config: RunConfig, place: Place) -> None:
    path = shlex.quote(str(stopped.path))
    if stopped.epoch >= config.train.epochs:
        say("Stopped while measuring; the training is complete. To measure it:")
        say(f"  srnet eval {path}")
        return
    best = f" --best-dir {shlex.quote(str(place.best_dir))}" if place.best_dir != BEST_DIR else ""
    say(f"Stopped {_reached(stopped.epoch, stopped.step)}. Nothing is lost. To go on:")
    say(f"  srnet train --resume {path}{best}")


@contextmanager
def ctrl_c():
    """Turns the first Ctrl-C, or a scheduler's SIGTERM, into a wish to stop after the current step.

    A second Ctrl-C ends the program at once.
    """
    wish = []

    def note(*_):
        wish.append(True)
        signal.signal(signal.SIGINT, before[signal.SIGINT])
        remark("stopping after this step and saving; press Ctrl-C again to leave at once")

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(wish)
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
    rows = {
        "model": f"{model_text(model)}: {parameters_text(parameters)}, receptive field {count_text(model.receptive_field, 'frame')}, on {run.device} in {run.step.acceleration}",
        "data": f"{data_text(run.stage)}: {len(run.sampler.table):,} windows "
        f"{'with' if train.flip else 'without'} mirror images, {order_text(run.sampler.order)}",
        "training": f"{count_text(train.epochs, 'epoch')} of {count_text(len(run.sampler), 'step')}, seed {train.seed}{tested}",
        "files": f"{run.files.latest}\n{run.files.metrics.parent}/",
    }
    if run.config.augment.use:
        rows["augmentation"] = ", ".join(run.config.augment.use)
        if (keypoints := run.stage.manifest["keypoints"]) != "gt":
            rows["augmentation"] += (
                f"; trained on exact projections of the 3D poses instead of the keypoints {keypoints}"
            )
    if progress.epoch or progress.step:
        rows["goes on"] = _reached(progress.epoch, progress.step)
    facts(rows)


def parameters_text(number: int) -> str:
    """How many trainable numbers, in millions where that is readable."""
    return f"{number / 1e6:.3f} M parameters" if number >= 10_000 else f"{number:,} parameters"


def model_text(model) -> str:
    """A model in a few words: srnet 3,3,3, 1024 channels, 5 groups, multiply others."""
    parts = [f"{model.name} {','.join(map(str, model.filter_widths))}", f"{model.channels} channels"]
    if model.name not in ("fc", "gcn", "lcn"):
        parts += [f"{model.groups} groups"]
    if model.name == "srnet":
        parts += [f"{model.recombine} {model.context}"]
    return ", ".join(parts + (["causal"] if model.causal else []))


def _show_event(event, bar: Bar, config: RunConfig) -> None:
    from srnet_core.evaluation.run import Evaluating
    from srnet_core.training.loop import Epoch, Notice, Step
    from srnet_core.training.run import Saved

    match event:
        case Step():
            bar.step(f"epoch {event.epoch}", event, config.train.epochs)
        case Notice():
            remark(event.text)
        case Evaluating():
            bar.update(event.what, event.done, event.total, "frames")
        case Epoch():
            bar.epoch = event  # its line is shown once its evaluations are known
        case Saved(best=False) if bar.epoch is not None:
            bar.line(epoch_line(bar.epoch, config))
            bar.epoch = None
        case _:
            pass


def epoch_line(epoch, config: RunConfig) -> str:
    """One epoch in one line, in columns that stay where they are from epoch to epoch."""
    loss = f"{1000 * epoch.loss:5.1f} mm" if config.data.normalization == "base" else f"{epoch.loss:.5f}"
    width = len(str(epoch.epochs))
    parts = [f"epoch {epoch.epoch:>{width}}/{epoch.epochs}", f"loss {loss}"]
    for name, short in (("validation", "val"), ("test", "test")):
        if f"{name}_mpjpe_mm" in epoch.extra:
            parts.append(f"{short} {epoch.extra[f'{name}_mpjpe_mm']:5.1f} mm")
    return "  ".join([*parts, f"{epoch.windows_per_second:>7,.0f} windows/s", f"{seconds_text(epoch.seconds):>6}"])


def show_report(report: "Report", name: str, by: str = "action") -> None:
    """The table of an evaluation, with both means named."""
    about = report.about
    caption = (
        f"{about['keypoints']} 2D, {about['protocol'].replace('_', '-')}, normalization {about['normalization']}, "
        f"flip averaging {'on' if about['test_time_flip'] else 'off'}. "
        "Action-wise mean: mean of the actions' means, as papers print. Frame-wise mean: every frame counts the same."
    )
    if about["as_published"]:
        caption += " Computed as the published code does, its mistakes included."
    if about["root_depth"] == "estimate":
        caption += " The root's depth is estimated from bone lengths."
    if about["uses_root_depth"]:
        caption += " This normalization uses the ground-truth root depth: not comparable with base."
    rows = {"action": report.by_action, "subject": report.by_subject, "camera": report.by_camera}[by]
    means = {"action-wise mean": report.mean, "frame-wise mean": report.frame_mean}
    metric_table(report_title(report, name), by, rows, means, caption=caption)


def report_title(report: "Report", name: str) -> str:
    """What was measured on what."""
    about = report.about
    return f"{name} on the {about['scope']} of {dataset_text(about['dataset'], about['synthetic'])}"
