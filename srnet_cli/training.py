"""Showing a training run: configuration in, progress, a line per epoch and a table out."""

import signal
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from srnet_cli.console import Bar, metric_table, progress_bar, remark, say, seconds_text
from srnet_cli.steps import SYNTHETIC, prepare_stage
from srnet_core.config import RunConfig, from_dict, merge, read_toml, replace, with_settings

if TYPE_CHECKING:
    from srnet_core.checkpoint import Checkpoint
    from srnet_core.evaluation.tables import Report
    from srnet_core.training.run import Finished, TrainingRun


def start_config(
    source: "Checkpoint | None", resume: bool, preset: str | None, options: Mapping[str, Mapping], settings: list[str]
) -> RunConfig:
    """The configuration of a run: defaults or checkpoint, then preset, then options, then --set."""
    config = RunConfig()
    if source is not None:
        stored = (source.meta or {}).get("config")
        if resume and stored:
            config = from_dict(RunConfig, stored, where="the checkpoint")
        config = replace(config, model=source.model_config)
    if preset is not None:
        path = preset_path(preset)
        config = merge(config, read_toml(path), where=path)
    config = RunConfig(**{section: replace(getattr(config, section), **given) for section, given in options.items()})
    return with_settings(config, settings) if settings else config


def preset_path(name: str) -> Path:
    """A preset of the project by name, or a file of the user's by path."""
    from srnet_core import presets
    from srnet_core.lookup import choose

    if name.endswith(".toml") or "/" in name:
        return Path(name)
    folder = Path(presets.__file__).parent
    choose("preset", name, sorted(p.stem for p in folder.glob("*.toml")), where="--config")
    return folder / f"{name}.toml"


def train_and_show(
    config: RunConfig,
    *,
    name: str | None = None,
    checkpoint_dir: Path = Path("checkpoint"),
    best_dir: Path = Path("best_checkpoint"),
    resume: "tuple[Checkpoint, Path] | None" = None,
    finetune: "Checkpoint | None" = None,
) -> "Finished | None":
    """Prepare, train, show. Returns `None` when the user interrupted the run."""
    from srnet_core.training.run import Finished, RunFiles, Stopped, TrainingRun, default_name, free_name, same_data

    prepared = prepare_stage(config.data)
    config = replace(config, data=prepared.config)
    if resume:
        same_data(resume[0], prepared)
        name = resume[1].name.removeprefix("latest_epoch_").removesuffix(".bin")
        checkpoint_dir = resume[1].parent
    name = name or free_name(default_name(config), checkpoint_dir)
    files = RunFiles(name, Path(checkpoint_dir), Path(best_dir))
    with _ctrl_c() as asked:
        run = TrainingRun(
            config, prepared, files, resume=resume[0] if resume else None, finetune=finetune, should_stop=asked
        )
        _show_start(run)
        with progress_bar() as bar:
            for event in run:
                _show_event(event, bar, config)
    if isinstance(event, Stopped):
        say(f"Stopped after epoch {event.epoch}, step {event.step} of the next. Nothing is lost. To go on:")
        say(f"  srnet train --resume {event.path}")
        return None
    assert isinstance(event, Finished)
    show_report(event.report, f"{name} on the test split")
    say(f"trained in {seconds_text(event.seconds)}; result: {event.path}")
    return event


@contextmanager
def _ctrl_c():
    """Turns the first Ctrl-C into a wish to stop after the current step; a second one ends the program at once."""
    wish = []

    def note(*_):
        wish.append(True)
        signal.signal(signal.SIGINT, before)
        remark("stopping after this step and saving; press Ctrl-C again to leave at once")

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(wish)
    finally:
        signal.signal(signal.SIGINT, before)


def _show_start(run: "TrainingRun") -> None:
    model, train = run.config.model, run.config.train
    parameters = sum(p.numel() for p in run.model.parameters())
    manifest = run.stage.manifest
    if manifest["synthetic"]:
        remark(SYNTHETIC)
    say(f"{model_text(model)}: {parameters / 1e6:.3f} M parameters, receptive field {model.receptive_field} frames, on {run.device}")
    say(f"{manifest['dataset']}, {manifest['config']['protocol']}, normalization {manifest['config']['normalization']}: "
        f"{len(run.sampler.table):,} windows ({'with' if train.flip else 'without'} mirror images), "
        f"{len(run.sampler):,} steps per epoch, {train.epochs} epochs")  # fmt: skip
    if run.progress.epoch or run.progress.step:
        say(f"going on after epoch {run.progress.epoch}, step {run.progress.step}")
    say(f"files: {run.files.latest}, {run.files.metrics.parent}/")


def model_text(model) -> str:
    """A model in a few words: srnet 3,3,3, 1024 channels, 5 groups, multiply others."""
    parts = [f"{model.name} {','.join(map(str, model.filter_widths))}", f"{model.channels} channels"]
    if model.name == "srnet":
        parts += [f"{model.groups} groups", f"{model.recombine} {model.context}"]
    return ", ".join(parts + (["causal"] if model.causal else []))


def _show_event(event, bar: Bar, config: RunConfig) -> None:
    from srnet_core.evaluation.run import Evaluating
    from srnet_core.training.loop import Epoch, Step
    from srnet_core.training.run import Saved

    match event:
        case Step():
            bar.step(f"epoch {event.epoch}/{config.train.epochs}", event)
        case Evaluating():
            bar.update(f"{event.what} frames", event.done, event.total)
        case Epoch():
            bar.epoch = event  # its line is shown once its evaluations are known
        case Saved(best=False) if bar.epoch is not None:
            bar.line(epoch_line(bar.epoch, config))
            bar.epoch = None
        case _:
            pass


def epoch_line(epoch, config: RunConfig) -> str:
    """One epoch in one line."""
    unit = " mm" if config.data.normalization == "base" else ""
    loss = f"{1000 * epoch.loss:.2f}{unit}" if unit else f"{epoch.loss:.5f}"
    parts = [f"epoch {epoch.epoch:>3}/{epoch.epochs}", f"loss {loss}", f"lr {epoch.lr:.2e}"]
    if "validation_mpjpe_mm" in epoch.extra:
        parts.append(f"validation {epoch.extra['validation_mpjpe_mm']:.1f} mm")
    if "test_mpjpe_mm" in epoch.extra:
        parts.append(f"test {epoch.extra['test_mpjpe_mm']:.1f} mm")
    return "  ".join([*parts, f"{epoch.windows_per_second:,.0f} windows/s", seconds_text(epoch.seconds)])


def show_report(report: "Report", title: str, by: str = "action") -> None:
    """The table of an evaluation, with both means named."""
    about = report.about
    badge = " (SYNTHETIC)" if about["synthetic"] else ""
    caption = (
        f"{about['dataset']}{badge}, {about['protocol']}, normalization {about['normalization']}, "
        f"flip averaging {'on' if about['test_time_flip'] else 'off'}. "
        "Action-wise mean: mean of the actions' means, as papers print. Frame-wise mean: every frame counts the same."
    )
    if about.get("uses_root_depth"):
        caption += " This normalization uses the ground-truth root depth: not comparable with base."
    rows = {"action": report.by_action, "subject": report.by_subject, "camera": report.by_camera}[by]
    metric_table(title, by, rows, {"action-wise mean": report.mean, "frame-wise mean": report.frame_mean}, caption=caption)

