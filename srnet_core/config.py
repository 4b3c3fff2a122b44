"""What a run is made of: validated, immutable, written beside every result.

A `RunConfig` has four sections, `data`, `model`, `train` and `augment`. It comes from defaults, then a TOML preset, then
`section.key=value` pairs, each checked when it is made. All of it is plain values, so it survives JSON.
"""

import dataclasses
import reprlib
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from srnet_core.augment.config import AugmentConfig
from srnet_core.body_parts import BodyParts, named_parts
from srnet_core.errors import ConfigError
from srnet_core.lookup import choose
from srnet_core.toml_file import read_toml_file

RECOMBINE = ("multiply", "add", "concat")
CONTEXT = ("others", "all", "none")
CONTEXT_FORM = ("learned", "mean", "upsampled_mean", "channel_wise", "one_for_all", "group_wise")
ROOT_DEPTH = ("ground_truth", "estimate")
COMPAT = ("trained", "original", "aligned")
PRECISION = ("fp32", "tf32", "bf16")
SWITCH = ("auto", "on", "off")
MAX_CHANNELS, MAX_JOINTS = 1 << 16, 1000  # far above any network; a number typed wrong must not fill the memory


def _require(condition: bool, message: str, option: str) -> None:
    if not condition:
        raise ConfigError(message, where=option)


@dataclass(frozen=True)
class DataConfig:
    """Which poses, split how, normalized how. Everything that decides the content of a stage, and where it lies.

    Attributes:
        dataset: name of the data set; `None` takes Human3.6M if its files are in `data_dir`, else synthetic data.
        data_dir: folder of the input files.
        cache_dir: folder of the stages.
        keypoints: which 2D, the last part of `data_2d_NAME_KEYPOINTS.npz`.
        protocol: how the clips are split into train and test.
        subjects_train, subjects_test: subjects of each split; empty for the protocol's own choice.
        actions: keep only these actions in both splits; empty for all.
        train_actions: cross-action only: the actions to train on; all others are tested.
        train_cameras, test_cameras: camera indices of each split; empty for the protocol's own choice.
        downsample: keep every n-th frame.
        subset: keep this fraction of each training clip, one run of consecutive frames.
        normalization: how poses are made comparable across cameras and people.
        root_depth: where proj, weak_proj and lcn take the distance of the root from: "ground_truth", as published,
            or "estimate", from bone lengths and focal length, as a system that sees 2D only has to.
    """

    dataset: str | None = None
    data_dir: str = "data"
    cache_dir: str = "cache"
    keypoints: str = "gt"
    protocol: str = "cross_subject"
    subjects_train: tuple[str, ...] = ()
    subjects_test: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    train_actions: tuple[str, ...] = ()
    train_cameras: tuple[int, ...] = ()
    test_cameras: tuple[int, ...] = ()
    downsample: int = 1
    subset: float = 1.0
    normalization: str = "base"
    root_depth: str = "ground_truth"

    def __post_init__(self):
        object.__setattr__(self, "protocol", self.protocol.replace("-", "_"))
        object.__setattr__(self, "normalization", self.normalization.replace("-", "_"))
        object.__setattr__(self, "root_depth", self.root_depth.replace("-", "_"))
        choose("root depth", self.root_depth, ROOT_DEPTH, where="--root-depth")
        _require(self.downsample >= 1, f"must be 1 or more, not {self.downsample}", "--downsample")
        _require(0 < self.subset <= 1, f"must lie in (0, 1], not {self.subset}", "--subset")
        _require(min((*self.train_cameras, *self.test_cameras, 0)) >= 0, "camera indices start at 0", "--train-camera")


@dataclass(frozen=True)
class ModelConfig:
    """The network. Fields that a model does not use keep their defaults.

    Attributes:
        name: the model, a file of `srnet_core/models`.
        filter_widths: kernel size of each temporal layer, all odd; their product is the receptive field in frames.
        channels: width of the hidden layers, shared out to the groups in proportion to their inputs.
        groups: number of body parts the joints are split into, one of the skeleton's own divisions.
        body_parts: a division of your own instead: (name, joint names) of each part, also accepted as a mapping or
            as plain lists of joint names; every joint in at least one. `groups` is then their number.
        recombine: how the context of the other parts enters a part: multiply, add, concat; none has no effect
            when `context` is "none".
        context: what the context is computed from: the other parts' channels, all channels, or nothing.
        context_width: numbers of the context per part, frame and filter tap; 1 as published. `SplitRecombineConv1d`
            says what more than one means.
        context_form: how the context is computed: "learned" (a small convolution per part), for the others also
            "mean" and "upsampled_mean", for all channels also "channel_wise", "one_for_all", "group_wise".
        dropout: probability.
        causal: look only at the past.
        dense: `fc` only: plain convolutions over all frames that a dilated one skips.
        negative_slope: of the LeakyReLU; 0 makes it the ReLU of VideoPose3D.
        residual_2d: add the 2D input to the predicted x and y; `None` for what the normalization's authors did,
            which is yes for `lcn` and no for the others.
        num_joints_out: joints predicted; 0 for those of the skeleton, 1 for a trajectory (`fc` only).
        compat: where the published code contradicts itself, which side to take; see `docs/differences.md`.
            "trained": whole sequences give what single windows give, the function that was trained;
            "original": whole sequences as the published evaluation computes them, and with them everything else
            that its numbers come from: decoding, angles and symmetry, test actions, momentum (`as_published`);
            "aligned": contexts go to the filter tap they were computed for, for new models.
        skeleton: the skeleton of the 2D input and the 3D output.
    """

    name: str = "srnet"
    filter_widths: tuple[int, ...] = (1, 1, 1)
    channels: int = 1024
    groups: int = 5
    body_parts: BodyParts = ()
    recombine: str = "multiply"
    context: str = "others"
    context_form: str = "learned"
    context_width: int = 1
    dropout: float = 0.0
    causal: bool = False
    dense: bool = False
    negative_slope: float = 0.01
    residual_2d: bool | None = None
    num_joints_out: int = 0
    compat: str = "trained"
    skeleton: str = "h36m17"

    def __post_init__(self):
        _require(len(self.filter_widths) > 0, "needs at least one filter width", "--arch")
        odd = all(w >= 1 and w % 2 == 1 for w in self.filter_widths)
        _require(odd, f"filter widths must be odd and positive, not {','.join(map(str, self.filter_widths))}", "--arch")
        _require(len(self.filter_widths) <= 32 and self.receptive_field < 10**6,
                 "more than 32 filter widths, or a receptive field of a million frames", "--arch")  # fmt: skip
        for value, option in ((self.channels, "--channels"), (self.context_width, "--context-width")):
            _require(1 <= value <= MAX_CHANNELS, f"must lie in [1, {MAX_CHANNELS}], not {value}", option)
        object.__setattr__(self, "context_form", self.context_form.replace("-", "_"))
        object.__setattr__(self, "body_parts", named_parts(self.body_parts))
        if self.body_parts:
            object.__setattr__(self, "groups", len(self.body_parts))
        _require(0 <= self.dropout < 1, f"must lie in [0, 1), not {self.dropout}", "--dropout")
        choose("way to recombine", self.recombine, RECOMBINE, where="--recombine")
        choose("context", self.context, CONTEXT, where="--context")
        choose("form of the context", self.context_form, CONTEXT_FORM, where="--context-form")
        choose("compatibility", self.compat, COMPAT, where="--compat")
        _require(0 <= self.negative_slope < 1, f"must lie in [0, 1), not {self.negative_slope}", "model.negative_slope")
        _require(0 <= self.num_joints_out <= MAX_JOINTS,
                 f"must lie in [0, {MAX_JOINTS}], not {self.num_joints_out}", "model.num_joints_out")  # fmt: skip

    @property
    def as_published(self) -> bool:
        """Whether training and evaluation do as the published code does where that is wrong or surprising."""
        return self.compat == "original"

    @property
    def receptive_field(self) -> int:
        """Number of input frames that one output frame depends on."""
        product = 1
        for width in self.filter_widths:
            product *= width
        return product


@dataclass(frozen=True)
class TrainConfig:
    """How the network is trained, with the published defaults.

    Attributes:
        epochs: passes over the training windows.
        batch_size: predicted frames per step, before flips are added.
        lr, lr_decay: initial learning rate of Adam (amsgrad), and its factor per epoch.
        stride: consecutive frames predicted by one training window.
        flip: train on mirrored windows too.
        test_flip: average the prediction with that of the mirrored input when evaluating.
        seed: of the initial weights, the order of the windows and dropout.
        device: "auto", "cpu", "cuda" or "cuda:N".
        validation: subjects of the training split, or one fraction of its clips, held out to choose the best epoch.
        test_every: report the test error after every n-th epoch; 0 for only at the end. It is never used to choose.
        train_eval_every: measure all training windows in evaluation mode after every n-th epoch; 0 for never.
        minutes: stop training after this many minutes, inside an epoch if need be; 0 for no limit.
        memory_budget_mib: most memory for training frames on the device; a stage that needs more is read again in each
            epoch, in blocks. 0 for half of what is free.
        precision: of the training step: "fp32", "tf32" (products of float32 numbers on tensor cores) or "bf16" (the network's
            activations in bfloat16). Weights, statistics, loss and Adam are float32 in all of them, evaluation too.
        compile: whether the network is compiled for training: "on", "off", or "auto" for long runs on CUDA.
        graphs: whether a training step is one CUDA graph: "on", "off", or "auto" for wherever there is CUDA.
    """

    epochs: int = 60
    batch_size: int = 1024
    lr: float = 1e-3
    lr_decay: float = 0.95
    stride: int = 1
    flip: bool = True
    test_flip: bool = True
    seed: int = 4321
    device: str = "auto"
    validation: tuple[str, ...] = ()
    test_every: int = 1
    train_eval_every: int = 0
    minutes: float = 0.0
    memory_budget_mib: float = 0.0
    precision: str = "fp32"
    compile: str = "auto"
    graphs: str = "auto"

    def __post_init__(self):
        _require(self.epochs >= 1, f"must be 1 or more, not {self.epochs}", "--epochs")
        _require(
            self.batch_size >= 2,
            f"must be 2 or more, not {self.batch_size}: BatchNorm has no use for one",
            "--batch-size",
        )
        _require(0 < self.lr < float("inf"), f"must be positive and finite, not {self.lr}", "--lr")
        _require(0 < self.lr_decay <= 1, f"must lie in (0, 1], not {self.lr_decay}", "--lr-decay")
        _require(1 <= self.stride <= self.batch_size, f"must lie in [1, batch size], not {self.stride}", "--stride")
        _require(0 <= self.seed < 2**32, f"must lie in [0, 2^32), not {self.seed}", "--seed")
        _require(self.test_every >= 0, f"must not be negative, not {self.test_every}", "--test-every")
        _require(self.train_eval_every >= 0, f"must not be negative, not {self.train_eval_every}", "--train-eval-every")
        _require(self.minutes >= 0, f"must not be negative, not {self.minutes}", "--minutes")
        _require(
            0 <= self.memory_budget_mib < float("inf"),
            f"must be a size, not {self.memory_budget_mib} MiB",
            "--memory-budget",
        )
        choose("precision", self.precision, PRECISION, where="--precision")
        choose("setting", self.compile, SWITCH, where="--compile")
        choose("setting", self.graphs, SWITCH, where="--graphs")


@dataclass(frozen=True)
class RunConfig:
    """Data, model, training and augmentation of one run."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)


def replace(config, **changes):
    """A copy with some fields changed, checked again; `None` leaves a field as it is."""
    return dataclasses.replace(config, **{k: v for k, v in changes.items() if v is not None})


def to_dict(config) -> dict[str, Any]:
    """A config as plain nested dicts, lists and scalars, fit for JSON."""
    return {
        f.name: to_dict(v) if dataclasses.is_dataclass(v) else list(v) if isinstance(v, tuple) else v
        for f, v in ((f, getattr(config, f.name)) for f in dataclasses.fields(config))
    }


def from_dict(cls, values: Mapping[str, Any], *, where: object = None):
    """Build a config from nested plain values.

    Raises:
        UnknownNameError: a key the config does not have; the message lists those it has.
        ConfigError: a value of the wrong type or out of range.
    """
    types_by_name = typing.get_type_hints(cls)
    arguments = {}
    for key, value in values.items():
        choose("setting", str(key), types_by_name, where=where)
        kind = types_by_name[key]
        if dataclasses.is_dataclass(kind):
            _require(isinstance(value, Mapping), f"[{key}] must be a table of settings", str(where))
            arguments[key] = from_dict(kind, value, where=f"{where}, [{key}]" if where else f"[{key}]")
        else:
            arguments[key] = _coerce(value, kind, f"{where}, {key}" if where else key)
    return cls(**arguments)


def _coerce(value: Any, kind: Any, where: str) -> Any:
    """`value` as `kind`, where that loses nothing: int to float, list to tuple, one item to a tuple of one."""
    if kind == BodyParts:
        return named_parts(value, where=where)
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        kind = next(k for k in typing.get_args(kind) if k is not types.NoneType)
        origin = typing.get_origin(kind)
    if origin is tuple:
        items = value if isinstance(value, (list, tuple)) else [value]
        return tuple(_coerce(item, typing.get_args(kind)[0], where) for item in items)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is str and isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise ConfigError(f"expected {getattr(kind, '__name__', kind)}, not {reprlib.repr(value)}", where=where)
    return value


def read_toml(path: str | Path) -> dict[str, Any]:
    """A preset file as nested dicts.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is not TOML, or far too large; the message has line and column.
    """
    return read_toml_file(path, what="preset file", todo="Check the path after --config")


def with_settings(config: RunConfig, settings: Iterable[str]) -> RunConfig:
    """`config` with `section.key=value` pairs applied, values written as in TOML (bare words are strings).

    >>> with_settings(RunConfig(), ["train.lr=1e-4", "model.filter_widths=[3, 3]", "data.protocol=cross-camera"]).train.lr
    0.0001
    """
    values = to_dict(config)
    for setting in settings:
        path, equals, text = setting.partition("=")
        *sections, key = path.strip().split(".")
        if not (equals and sections and key):
            raise ConfigError(
                f"{setting!r} is not of the form section.key=value",
                where="--set",
                todo="For instance: --set train.lr=0.0005",
            )
        place, passed = values, "--set"
        for section in sections:
            choose("section", section, [k for k, v in place.items() if isinstance(v, dict)], where=passed)
            place, passed = place[section], f"{passed} {section}" if passed == "--set" else f"{passed}.{section}"
        choose("setting", key, place, where=passed)
        try:
            place[key] = tomllib.loads(f"value = {text.strip()}")["value"]
        except (ValueError, RecursionError):  # a bare word, or nothing that TOML could be
            place[key] = text.strip()
    return from_dict(RunConfig, values, where="--set")


def merge(base: RunConfig, overrides: Mapping[str, Any], *, where: object = None) -> RunConfig:
    """`base` with the values of a nested mapping, such as a preset, on top."""
    values = to_dict(base)
    for section, entries in overrides.items():
        choose("section", str(section), values, where=where)
        _put(values[section], entries, str(section), where)
    return from_dict(RunConfig, values, where=where)


def _put(values: dict[str, Any], entries: Any, section: str, where: object) -> None:
    """Put the entries of a section over its values; a table inside it is a section of its own."""
    _require(isinstance(entries, Mapping), f"[{section}] must be a table of settings", str(where))
    for key, value in entries.items():
        choose("setting", str(key), values, where=f"{where}, [{section}]")
        if isinstance(values[key], dict):
            _put(values[key], value, f"{section}.{key}", where)
        else:
            values[key] = value
