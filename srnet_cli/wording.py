"""How sizes, durations, data sets and models are written."""

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from srnet_core.config import ModelConfig
    from srnet_core.stages.store import Stage

_ARGUMENT = re.compile(
    r"\b(?<!--)(layout|format|fps|camera|sequence|image_size|person|joints|mapping|source_fps)=(?:'?(\w(?:[\w.]*\w)?)'?)?(?![\w=])"
)
SYNTHETIC = "SYNTHETIC data: made by a program, not measured on people"
_IN_DATA_TEXT = ("dataset", "data_dir", "cache_dir", "local_cache_gb", "keypoints", "protocol", "normalization")


def bytes_text(count: int) -> str:
    """A size as people read it: 3.4 MiB."""
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.2f} GiB"


def count_text(count: int, what: str) -> str:
    """A number of things: 1 epoch, 1,024 frames."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def as_options(text: str) -> str:
    """A message about keypoints as the command line says it: `--layout coco17` for `layout='coco17'`."""
    text = text.replace("world=True", "--world")
    return _ARGUMENT.sub(lambda found: f"--{found[1].replace('_', '-')} {found[2] or ''}".rstrip(), text)


def seconds_text(seconds: float) -> str:
    """A duration as people read it: 0.42 s, 73 s, 1 h 05 min."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def dataset_text(name: str, synthetic: bool) -> str:
    """The name of a data set, with SYNTHETIC in capitals where it is."""
    return name if not synthetic else "SYNTHETIC data" if name == "synthetic" else f"{name} (SYNTHETIC)"


def data_text(stage: "Stage") -> str:
    """The content of a stage in a few words."""
    manifest, config = stage.manifest, stage.manifest["config"]
    dataset, protocol = dataset_text(manifest["dataset"], manifest["synthetic"]), config["protocol"].replace("_", "-")
    return f"{dataset}, {manifest['keypoints']} 2D, {protocol}, normalization {config['normalization']}"


def options_text(settings: Mapping[str, Any], *, without: Sequence[str] = ()) -> str:
    """Settings of the data that are not the default, as the options that choose them: --subjects-test S9 --subset 0.1.

    Args:
        settings: by name, e.g. those in a stage's manifest; names that this version does not know are left out.
        without: names that are left out too.
    """
    from srnet_core.config import DataConfig
    from srnet_core.config.setting import settings_of

    parts = []
    for name, about in settings_of(DataConfig).items():
        value = settings.get(name, about.default)
        value = tuple(value) if isinstance(value, list) else value
        if name not in without and value != about.default:
            parts.append(about.option if value is True else f"{about.option} {shlex.quote(about.shown(value))}")
    return " ".join(parts)


def choices_text(config: Mapping[str, Any]) -> str:
    """The settings of a stage that `data_text` does not tell, as options."""
    return options_text(config, without=_IN_DATA_TEXT)


def model_text(model: "ModelConfig") -> str:
    """A model in a few words: srnet 3,3,3, 1024 channels, 5 groups, multiply others."""
    from srnet_core.models import get_model

    parts = [f"{model.name} {','.join(map(str, model.filter_widths))}", f"{model.channels} channels"]
    parts += [get_model(model.name).summary(model)]
    return ", ".join([part for part in parts if part] + (["causal"] if model.causal else []))


def parameters_text(number: int) -> str:
    """A number of parameters, in millions from ten thousand on."""
    return f"{number / 1e6:.3f} M parameters" if number >= 10_000 else f"{number:,} parameters"
