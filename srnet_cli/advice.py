"""Remarks about a run: settings without effect, data that do not fit the network, a training that would take days."""

import shlex
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srnet_cli.wording import count_text, seconds_text
from srnet_core.config import (
    WITHOUT_INFLUENCE,
    DataConfig,
    ModelConfig,
    RunConfig,
    TrainConfig,
    replace,
    settings_of,
    to_dict,
)

if TYPE_CHECKING:
    from srnet_core.geometry.skeleton import Skeleton
    from srnet_core.stages.prepare import Prepared
    from srnet_core.training.loop import Step
    from srnet_core.training.run import TrainingRun

Typed = Mapping[str, Mapping[str, Any]]
"""The settings that the command line gives, by section: {"model": {"groups": "3"}}."""

_LONG_ON_CPU_S, _LONG_ON_GPU_S = 2 * 3600.0, 24 * 3600.0
_WARM_UP_S = 5.0
_LISTED_STAGES, _READ_STAGES = 3, 40
_CONTEXT = ("recombine", "context_form", "context_width")


def typed_settings(options: Typed, settings: Collection[str]) -> dict[str, dict[str, Any]]:
    """The options that were given, with those of --set."""
    typed = {section: dict(given) for section, given in options.items()}
    for text in settings:
        path, _, value = text.partition("=")
        section, _, name = path.strip().partition(".")
        typed.setdefault(section.strip(), {})[name.strip()] = value
    return typed


def settings_without_effect(config: RunConfig, typed: Typed) -> Iterator[str]:
    """One sentence for each kind of setting that was given and changes nothing."""
    from srnet_core.models import get_model

    model, given = config.model, typed.get("model", {})
    ignored = [name for name in get_model(model.name).ignores if name in given]
    if ignored:
        yield f"{_flags(ModelConfig, ignored)}: no effect, because the model {model.name} does not use it"
    idle = [name for name in _CONTEXT if name in given and name not in ignored]
    if idle and model.context == "none":
        yield f"{_flags(ModelConfig, idle)}: no effect with --context none"
    if given.get("causal") and model.receptive_field == 1:
        yield "--causal: no effect, because the network sees a single frame (--arch)"
    alone = [name for name in ("warmup", "bone_length_term") if name in typed.get("train", {})]
    if alone and not config.train.subjects_unlabeled:
        yield f"{_flags(TrainConfig, alone)}: no effect without --subjects-unlabeled"
    for name in typed.get("augment", {}):
        kind, dot, _ = name.partition(".")
        if dot and kind not in config.augment.use:
            yield f"augment.{name}: no effect without --augment {kind}"
        elif name == "recorded_share" and not config.augment.use:
            yield f"augment.{name}: no effect without --augment"


_LEADS_ELSEWHERE = ("batch_size", "lr", "lr_decay", "stride", "flip", "seed", "warmup")


def changes_of_resumed(before: RunConfig, now: RunConfig) -> Iterator[str]:
    """One sentence for each setting of a resumed run that makes the rest of it unlike what was trained so far."""
    for name in _LEADS_ELSEWHERE:
        old, new, about = getattr(before.train, name), getattr(now.train, name), settings_of(TrainConfig)[name]
        if old != new:
            yield f"{about.option}: {about.shown(new)} from here on; the run had {about.shown(old)} until now"
    if before.augment != now.augment:
        yield "--augment: other changes of the training data from here on than the run had until now"


def other_stages(prepared: "Prepared", typed: Typed, checkpoint_dir: Path) -> Iterator[str]:
    """What to type to use other stages of the same data that were prepared since the last run.

    A stage is named only if it differs in nothing that was typed or that differs from the default. One that is older
    than the newest checkpoint has been used or left aside before.
    """
    from srnet_core.errors import SrnetError
    from srnet_core.stages.place import local_folder
    from srnet_core.stages.store import MANIFEST, Stage

    used, defaults = to_dict(prepared.config), to_dict(DataConfig())
    chosen = {name for name, value in used.items() if value != defaults[name]} | set(typed.get("data", {}))
    chosen -= {"dataset", *WITHOUT_INFLUENCE}
    found: dict[str, None] = {}
    last_run_s = max(map(_written_s, checkpoint_dir.glob("*.bin")), default=0.0)
    manifests = sorted(local_folder(prepared.config.cache_dir).glob(f"*/{MANIFEST}"), key=_written_s, reverse=True)
    for manifest in manifests[:_READ_STAGES]:
        if _written_s(manifest) < last_run_s:
            break
        try:
            stage = Stage.open(manifest.parent).manifest
            other = {**defaults, **stage["config"]}
            same_data = all(stage[key] == prepared.stage.manifest[key] for key in ("dataset", "inputs"))
            changed = [n for n in defaults if n not in ("dataset", *WITHOUT_INFLUENCE) and other[n] != used[n]]
            trains = stage["frames"]["train"] > 0  # not so with protocol cross-dataset
            if same_data and trains and changed and not chosen & set(changed):
                found[" ".join(_typed_as(name, other[name]) for name in changed)] = None
        except (SrnetError, TypeError, LookupError, AttributeError):  # damaged; `prepare` makes it again
            continue
    if found:
        listed = list(found)[:_LISTED_STAGES]
        more = f" (and {len(found) - len(listed)} more)" if len(found) > len(listed) else ""
        stages = "another stage is" if len(found) == 1 else "other stages are"
        one = "it" if len(found) == 1 else "one"
        yield f"{stages} prepared for these data and not used here; to use {one}, add: {', or: '.join(listed)}{more}"


def with_groups(config: RunConfig, skeleton: "Skeleton", typed: Typed) -> tuple[RunConfig, str]:
    """The configuration with a division of the data's skeleton, and a remark if it was derived from the tree.

    Raises:
        UnknownNameError, ConfigError: groups that were given do not fit the skeleton; the message names their file.
    """
    from srnet_core.body_parts import part_indices
    from srnet_core.geometry.limbs import division, divisions_of
    from srnet_core.models import get_model

    model = config.model
    if not get_model(model.name).takes_groups:
        return config, ""
    given = typed.get("model", {}).get("groups")
    if model.body_parts:
        part_indices(model.body_parts, skeleton.joint_names, where=given or "body_parts")
        return config, ""
    if model.divisions:
        for number in model.divisions:
            division(skeleton, number)
        return config, ""
    known = divisions_of(skeleton)
    fits = model.groups in known
    asked_for = given or model.groups != ModelConfig().groups
    if skeleton.groups or model.groups == 1 or (asked_for and not fits):
        return config, ""
    number = model.groups if fits else max(known)
    parts = tuple(known[number].items())
    listed = ", ".join(f"{name} ({count_text(len(joints), 'joint')})" for name, joints in parts)
    said = (
        f"the skeleton {skeleton.name} ({count_text(skeleton.num_joints, 'joint')}) has no groups of its own; "
        f"its limbs are used: {listed}"
    )
    return replace(config, model=replace(model, body_parts=parts)), said


def data_that_do_not_fit(run: "TrainingRun") -> Iterator[str]:
    """Sentences about clips that are too short for the network and batches that are larger than the data."""
    frames, field = max(clip.length for clip in run.train_clips), run.config.model.receptive_field
    if field > frames:
        yield (
            f"the receptive field of {field} frames is longer than every training clip (at most "
            f"{count_text(frames, 'frame')}): windows are filled up with repeated frames. Choose a smaller --arch"
        )
    windows, batch = len(run.sampler.table), run.config.train.batch_size
    if len(run.sampler) == 1 and windows < batch:
        yield (
            f"a batch of {batch:,} is larger than the training data ({count_text(windows, 'window')}): every epoch is "
            "one training step. Choose a smaller --batch-size"
        )


class SlowTraining:
    """Watches the first training steps of a run; says once how to make a run of many hours feasible."""

    def __init__(self, run: "TrainingRun"):
        train, progress = run.config.train, run.progress
        self._done = bool(train.minutes)
        self._on_cpu = run.device.type == "cpu"
        self._left = train.epochs * len(run.sampler) - progress.epoch * len(run.sampler) - progress.step
        self._steps, self._began = 0, 0.0

    def after(self, step: "Step") -> str:
        """The sentence after a training step, or empty text."""
        now = time.monotonic()
        if self._done:
            return ""
        if not self._steps:
            self._began = now  # the first step also sets up and compiles
        self._steps += 1
        if self._steps < 3 or now - self._began < _WARM_UP_S:
            return ""
        self._done = True
        seconds = (now - self._began) / (self._steps - 1) * (self._left - self._steps)
        if seconds < (_LONG_ON_CPU_S if self._on_cpu else _LONG_ON_GPU_S):
            return ""
        shorter = "--minutes 60 stops in time, a smaller --arch (e.g. 3,3,3), --channels or --epochs is faster"
        machine = "; --config demo is small enough for a CPU; a GPU is many times faster" if self._on_cpu else ""
        return f"at this speed the training takes {seconds_text(seconds)} more. To shorten it: {shorter}{machine}"


def _flags(config: type, names: Collection[str]) -> str:
    about = settings_of(config)
    return ", ".join(about[name].option for name in names)


def _typed_as(name: str, value: Any) -> str:
    about = settings_of(DataConfig)[name]
    return f"{about.option} {shlex.quote(about.shown(tuple(value) if isinstance(value, list) else value))}"


def _written_s(path: Path) -> float:
    """When a file was written, in seconds; 0 for one that is no longer there."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
