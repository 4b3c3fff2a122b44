"""Options shared by several commands, declared once.

`@shared(DATA)` gives a command every option of a group and hands it the ones the user typed as one dict, so that
"not given" stays different from "given with the default": presets and checkpoints fill in what was not given.
"""

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from srnet_core.errors import ConfigError


def _list_of(kind: type, option: str) -> Callable[[str], tuple]:
    """A parser of comma-separated lists: "1,1,1" -> (1, 1, 1)."""

    def parse(text: str) -> tuple:
        items = [item.strip() for item in str(text).split(",") if item.strip()]
        try:
            return tuple(kind(item) for item in items)
        except ValueError:
            raise ConfigError(
                f"expected {kind.__name__} values separated by commas, not {text!r}", where=option
            ) from None

    return parse


def _mebibytes(text: str) -> float:
    """The parser of --memory-budget: 2GiB -> 2048.0; auto -> 0.0."""
    if text.strip().lower() == "auto":
        return 0.0
    found = _SIZE.fullmatch(text.strip())
    if not found or not (size := float(found[1]) * _UNITS[found[2].lower()] / 2**20):
        raise ConfigError(f"expected a size such as 2GiB or 500MiB, or auto, not {text!r}", where="--memory-budget")
    return size


def _option(annotation: Any, *names: str, help: str, panel: str) -> Any:
    return Annotated[annotation | None, typer.Option(*names, help=help, rich_help_panel=panel)]


def _from_checkpoint(annotation: Any) -> Any:
    """The same option where what is not given comes from a checkpoint."""
    option = annotation.__metadata__[0]
    help = f"{_DEFAULT.sub('', option.help)} (default: as trained)"
    # typer takes the first name for a default until it builds the command
    names = (option.default, *option.param_decls)
    return _option(annotation.__origin__, *names, help=help, panel=option.rich_help_panel)


_DATA, _MODEL, _TRAIN = "Data", "Model", "Training"
_DEFAULT = re.compile(r" \(default: [^)]*\)$")
_UNITS = {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_SIZE = re.compile(rf"(\d+(?:\.\d+)?) ?({'|'.join(_UNITS)})", re.IGNORECASE)

# parameter name (a field of DataConfig) -> (annotation, how to turn what was typed into the field's value)
DATA: Mapping[str, tuple[Any, Callable | None]] = {
    "dataset": (
        _option(str, "--dataset", help="h36m, synthetic, or NAME of data_3d_NAME.npz (default: h36m if its files are there, else synthetic)", panel=_DATA), None),
    "data_dir": (_option(str, "--data-dir", help="Folder of the npz files (default: data)", panel=_DATA), None),
    "cache_dir": (_option(str, "--cache-dir", help="Folder of the prepared stages (default: cache)", panel=_DATA), None),
    "keypoints": (
        _option(str, "--keypoints", help="Which 2D: gt, cpn_ft_h36m_dbb, ... (default: gt)", panel=_DATA), None),
    "protocol": (
        _option(str, "--protocol", help="cross-subject, cross-action or cross-camera (default: cross-subject)", panel=_DATA), None),
    "subjects_train": (
        _option(str, "--subjects-train", help="Subjects to train on, as S1,S5 (default: the data set's custom)", panel=_DATA), _list_of(str, "--subjects-train")),
    "subjects_test": (
        _option(str, "--subjects-test", help="Subjects to test on (default: the data set's custom)", panel=_DATA), _list_of(str, "--subjects-test")),
    "actions": (
        _option(str, "--actions", help="Keep only these actions, as Walking,Sitting (default: all)", panel=_DATA), _list_of(str, "--actions")),
    "train_actions": (
        _option(str, "--train-action", help="cross-action: train on these, test on the others (default: none)", panel=_DATA), _list_of(str, "--train-action")),
    "train_cameras": (
        _option(str, "--train-camera", help="Train on these cameras, as 0,2 (default: all; cross-camera: 0)", panel=_DATA), _list_of(int, "--train-camera")),
    "test_cameras": (
        _option(str, "--test-camera", help="Test on these cameras (default: all; cross-camera: the others)", panel=_DATA), _list_of(int, "--test-camera")),
    "downsample": (_option(int, "--downsample", help="Keep every n-th frame (default: 1)", panel=_DATA), None),
    "subset": (
        _option(float, "--subset", help="Keep this fraction of each training clip (default: 1.0)", panel=_DATA), None),
    "normalization": (
        _option(str, "--norm", help="base, proj, weak_proj or lcn (default: base)", panel=_DATA), None),
    "root_depth": (
        _option(str, "--root-depth", help="For proj, weak_proj, lcn: ground-truth, or estimate from bone lengths (default: ground-truth)", panel=_DATA), None),
}  # fmt: skip

DATA_OF_CHECKPOINT = {name: (_from_checkpoint(annotation), parse) for name, (annotation, parse) in DATA.items()}

MODEL: Mapping[str, tuple[Any, Callable | None]] = {
    "name": (_option(str, "--model", help="srnet, fc, group, late_fusion, early_split, split_fuse_split, gcn or lcn (default: srnet)", panel=_MODEL), None),
    "filter_widths": (
        _option(str, "--arch", help="Filter widths; their product is the receptive field in frames (default: 1,1,1)", panel=_MODEL), _list_of(int, "--arch")),
    "groups": (_option(str, "--groups", help="Body parts: 1, 2, 3, 5 or a TOML file of your own, see srnet groups (default: 5)", panel=_MODEL), None),
    "recombine": (
        _option(str, "--recombine", help="multiply, add or concat (default: multiply)", panel=_MODEL), None),
    "context": (_option(str, "--context", help="others, all or none (default: others)", panel=_MODEL), None),
    "context_form": (_option(str, "--context-form", help="learned, for others also mean and upsampled_mean, for all also channel_wise, one_for_all and group_wise (default: learned)", panel=_MODEL), None),
    "context_width": (
        _option(int, "--context-width", help="Numbers of the context per group (default: 1, as published)", panel=_MODEL), None),
    "compat": (
        _option(str, "--compat", help="trained, original (do as the published code, mistakes included) or aligned; see docs/differences.md (default: trained)", panel=_MODEL), None),
    "channels": (_option(int, "--channels", help="Width of the hidden layers (default: 1024)", panel=_MODEL), None),
    "dropout": (_option(float, "--dropout", help="Dropout probability (default: 0)", panel=_MODEL), None),
    "causal": (
        _option(bool, "--causal/--no-causal", help="Look only at the past (default: no)", panel=_MODEL), None),
    "dense": (
        _option(bool, "--dense/--no-dense", help="fc only: filters without the gaps of dilation (default: no)", panel=_MODEL), None),
}  # fmt: skip

TRAIN: Mapping[str, tuple[Any, Callable | None]] = {
    "epochs": (_option(int, "--epochs", help="Passes over the data (default: 60)", panel=_TRAIN), None),
    "batch_size": (_option(int, "--batch-size", help="Predicted frames per step (default: 1024)", panel=_TRAIN), None),
    "lr": (_option(float, "--lr", help="Initial learning rate (default: 0.001)", panel=_TRAIN), None),
    "lr_decay": (_option(float, "--lr-decay", help="Its factor per epoch (default: 0.95)", panel=_TRAIN), None),
    "stride": (_option(int, "--stride", help="Predicted frames per window (default: 1)", panel=_TRAIN), None),
    "flip": (_option(bool, "--flip/--no-flip", help="Train on mirror images too (default: yes)", panel=_TRAIN), None),
    "test_flip": (
        _option(bool, "--test-flip/--no-test-flip", help="Average with the mirror image at test (default: yes)", panel=_TRAIN), None),
    "seed": (_option(int, "--seed", help="Of weights, order and dropout (default: 4321)", panel=_TRAIN), None),
    "device": (_option(str, "--device", help="auto, cpu, cuda or cuda:N (default: auto)", panel=_TRAIN), None),
    "validation": (
        _option(str, "--validation", help="Hold out training subjects (S8) or a fraction of the takes (0.1), keep the epoch best on them (default: none, the last epoch counts)", panel=_TRAIN), _list_of(str, "--validation")),
    "test_every": (
        _option(int, "--test-every", help="Report the test error every n epochs, 0 for only at the end (default: 1)", panel=_TRAIN), None),
    "train_eval_every": (
        _option(int, "--train-eval-every", help="Report the training error in evaluation mode every n epochs, 0 for never (default: 0)", panel=_TRAIN), None),
    "minutes": (
        _option(float, "--minutes", help="Stop training after this time (default: no limit)", panel=_TRAIN), None),
    "memory_budget_mib": (
        _option(str, "--memory-budget", help="Most memory for frames on the device, as 2GiB; larger stages are streamed in blocks (default: half of what is free)", panel=_TRAIN), _mebibytes),
    "precision": (
        _option(str, "--precision", help="Of the training step: fp32, tf32 or bf16 (default: fp32)", panel=_TRAIN), None),
    "compile": (
        _option(str, "--compile", help="Compile the network for training: on, off or auto, long runs on CUDA (default: auto)", panel=_TRAIN), None),
    "graphs": (
        _option(str, "--graphs", help="Make a training step one CUDA graph: on, off or auto, wherever there is CUDA (default: auto)", panel=_TRAIN), None),
}  # fmt: skip

AUGMENT: Mapping[str, tuple[Any, Callable | None]] = {
    "use": (_option(str, "--augment", help="Change training poses in 3D before the camera sees them: view, place, angles, parts, bones, noise, separated by commas (default: nothing, as published)", panel=_TRAIN), _list_of(str, "--augment")),
}  # fmt: skip

# what published files do not tell; for files of ours only `compat` can be chosen anew
PUBLISHED: Mapping[str, tuple[Any, Callable | None]] = {
    "causal": (
        _option(bool, "--causal/--no-causal", help="For published files, which do not say (default: no)", panel=_MODEL), None),
    "recombine": (_option(str, "--recombine", help="For published files with context all, whose weights are the same for multiply and add (default: multiply)", panel=_MODEL), None),
    "compat": (
        _option(str, "--compat", help="original: as the published code evaluates, mistakes included (default: as trained)", panel=_MODEL), None),
}  # fmt: skip

Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N")]


def shared(**groups: Mapping[str, tuple[Any, Callable | None]]) -> Callable:
    """Give a command the options of whole groups; `shared(data=DATA)` passes it a dict `data` of those given."""

    def decorate(command: Callable) -> Callable:
        own = [p for p in inspect.signature(command).parameters.values() if p.name not in groups]
        added = [
            inspect.Parameter(f"{group}__{name}", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
            for group, options in groups.items()
            for name, (annotation, _) in options.items()
        ]

        @functools.wraps(command)
        def run(**typed):
            collected = {
                group: {
                    name: parse(typed.pop(f"{group}__{name}")) if parse and typed[f"{group}__{name}"] is not None
                    else typed.pop(f"{group}__{name}")
                    for name, (_, parse) in options.items()
                }
                for group, options in groups.items()
            }  # fmt: skip
            given = {group: {k: v for k, v in values.items() if v is not None} for group, values in collected.items()}
            return command(**typed, **given)

        run.__signature__ = inspect.Signature([p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + added)
        run.__annotations__ = {p.name: p.annotation for p in own + added}
        return run

    return decorate
