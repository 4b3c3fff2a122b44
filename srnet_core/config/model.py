"""Settings of the network."""

import math
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar

from srnet_core.body_parts import MAX_PARTS, BodyParts, named_parts, refuse_file
from srnet_core.config.setting import check_settings, setting
from srnet_core.errors import ConfigError

RECOMBINE = ("multiply", "add", "concat")
CONTEXT = ("others", "all", "none")
CONTEXT_FORM = ("learned", "mean", "upsampled_mean", "channel_wise", "one_for_all", "group_wise")
_PANEL, _ADVANCED = "Model", "Advanced model"
_MAX_CHANNELS, _MAX_JOINTS = 1 << 16, 1000  # far above any network; a mistyped number must not fill the memory
_MAX_LAYERS, _MAX_FRAMES = 32, 10**6


def _groups_otherwise(value: Any) -> str | None:
    """Where a value belongs that is no number of body parts."""
    items = value.split(",") if isinstance(value, str) else value
    if isinstance(items, Mapping):
        return "Name the joints of each part with body_parts"
    if not isinstance(items, (list, tuple)) or not items:
        return None
    if all(isinstance(item, int) or (isinstance(item, str) and item.strip().isdecimal()) for item in items):
        numbers = ", ".join(str(item).strip() for item in items)
        return f"Write a number: groups = {numbers}" if len(items) == 1 else f"Write divisions = [{numbers}]"
    if isinstance(value, str):  # a file is given at the option
        return None if value.lower().endswith(".toml") else "Write a number: groups = 5"
    return "Name the joints of each part with body_parts"


@dataclass(frozen=True)
class ModelConfig:
    """The network. Settings that a model does not use keep their defaults.

    Every setting is described on its field; docs/settings.md lists them.

    Raises:
        UnknownNameError, ConfigError: a value outside its choices or range, or filter widths that are even or too many.
    """

    SECTION: ClassVar[str] = "model"

    name: str = setting(
        "srnet",
        "Structure of the network",
        flags=("--model",),
        also_called=("model_type", "network"),
        panel=_PANEL,
        basic=True,
        metavar="NAME",
        plugins="models",
    )
    filter_widths: tuple[int, ...] = setting(
        (1, 1, 1),
        "Filter widths of the temporal layers, all odd; their product is the receptive field in frames",
        flags=("--arch",),
        also_called=("architecture", "kernel_sizes"),
        panel=_PANEL,
        basic=True,
        metavar="WIDTHS",
    )
    channels: int = setting(
        1024,
        "Channels of the hidden layers",
        details="Shared out to the groups in proportion to their inputs.",
        flags=("--channels",),
        also_called=("hidden_channels", "hidden_size"),
        panel=_PANEL,
        metavar="N",
        minimum=1,
        maximum=_MAX_CHANNELS,
    )
    groups: int = setting(
        5,
        "Body parts of the joints: a number, several numbers (2,3,5), or a TOML file of your own (see srnet groups)",
        details="The skeletons of srnet have divisions of their own; h36m17 into 1, 2, 3 or 5 parts. Several numbers "
        "stand for divisions side by side, see `divisions`.",
        flags=("--groups",),
        panel=_PANEL,
        basic=True,
        metavar="N,...|FILE",
        parse=str,  # a number or a file; the skeleton must be known to read the file
        otherwise=_groups_otherwise,
    )
    divisions: tuple[int, ...] = setting(
        (),
        "Several divisions into body parts side by side, by their numbers of parts, e.g. 2,3,5",
        details="The parts of all of them are branches of one network, and each joint is the mean of what the "
        "divisions predict. `groups` is then the number of all parts.",
        default_text="none",
        minimum=1,
        maximum=MAX_PARTS,
    )
    body_parts: BodyParts = setting(  # noqa: RUF009 (an immutable tuple behind a name of our own)
        (),
        "A division of your own into body parts: names with lists of joint names",
        details="Every joint must be in at least one part. In a preset: a table, or a list of lists of joint names. "
        "`groups` is then the number of parts.",
        default_text="none",
    )
    recombine: str = setting(
        "multiply",
        "How the context of the other body parts enters a part",
        flags=("--recombine",),
        panel=_PANEL,
        metavar="NAME",
        choices=RECOMBINE,
        published_help="How the context enters a part; files whose context is of all parts do not store it",
    )
    context: str = setting(
        "others",
        "Body parts the context of a part is computed from",
        flags=("--context",),
        panel=_PANEL,
        metavar="NAME",
        choices=CONTEXT,
        published_help="Body parts the context is computed from; files without context weights do not tell",
    )
    context_form: str = setting(
        "learned",
        "How the context is computed",
        details="learned is a small convolution per part. mean and upsampled_mean need context others; channel_wise, "
        "one_for_all and group_wise need context all.",
        flags=("--context-form",),
        panel=_ADVANCED,
        metavar="NAME",
        choices=CONTEXT_FORM,
    )
    context_width: int = setting(
        1,
        "Length of the context of each part, per frame and filter tap; published: 1",
        details="`SplitRecombineConv1d` says what more than one means.",
        flags=("--context-width",),
        panel=_ADVANCED,
        metavar="N",
        minimum=1,
        maximum=_MAX_CHANNELS,
    )
    dropout: float = setting(
        0.0,
        "Dropout probability",
        flags=("--dropout",),
        panel=_PANEL,
        metavar="P",
        minimum=0,
        below=1,
        published_help="Dropout probability, for training on; published files do not store it",
    )
    causal: bool = setting(
        False,
        "Use past frames only",
        flags=("--causal/--no-causal",),
        panel=_PANEL,
        published_help="The network uses past frames only; published files do not store whether it does",
    )
    dense: bool = setting(
        False,
        "Model fc only: convolutions over all frames instead of dilated ones",
        flags=("--dense/--no-dense",),
        panel=_ADVANCED,
        published_help="Model fc: its convolutions go over all frames; published files do not store whether they do",
    )
    learned_edges: bool = setting(
        False,
        "Model gcn only: a learned weight for each bone of the graph in each layer, as in SemGCN",
        flags=("--learned-edges/--no-learned-edges",),
        panel=_ADVANCED,
    )
    negative_slope: float = setting(
        0.01,
        "Negative slope of the LeakyReLU",
        details="0 is the ReLU of VideoPose3D.",
        flags=("--negative-slope",),
        panel=_ADVANCED,
        metavar="SLOPE",
        minimum=0,
        below=1,
        published_help="Negative slope of the LeakyReLU, 0 for ReLU; published files do not store it",
    )
    residual_2d: bool | None = setting(
        None,
        "Add the 2D input to the predicted x and y",
        flags=("--residual-2d/--no-residual-2d",),
        panel=_ADVANCED,
        published_help="The network adds its 2D input to what it predicts; published files do not tell",
        default_text="yes for normalization lcn, as published, else no",
    )
    num_joints_out: int = setting(
        0,
        "Number of joints predicted",
        details="1 is a network for the trajectory of the root (model fc only).",
        minimum=0,
        maximum=_MAX_JOINTS,
        default_text="0, those of the skeleton",
    )
    compat: str = setting(
        "trained",
        "Computation to use where training and evaluation of the published code differ, see docs/differences.md",
        details="trained: whole clips give what single windows give, which is the function that was trained. "
        "original: whole clips as the published evaluation computes them, and with them everything else that its "
        "numbers come from: decoding, angles and symmetry, test actions, momentum. "
        "aligned: each context goes to the filter tap it was computed for; for new models.",
        flags=("--compat",),
        panel=_ADVANCED,
        metavar="NAME",
        choices=("trained", "original", "aligned"),
        published_help="original: evaluate as the published code does, including its mistakes, see docs/differences.md",
    )
    skeleton: str = setting(
        "h36m17",
        "Skeleton of the 2D input and the 3D output",
        metavar="NAME",
        plugins="skeletons",
        other="that of the data set",
    )

    def __post_init__(self):
        check_settings(self)
        widths = self.filter_widths
        if not widths:
            raise ConfigError("needs at least one filter width", where="--arch")
        if not all(w >= 1 and w % 2 == 1 for w in widths):
            text = ",".join(map(str, widths))
            raise ConfigError(f"filter widths must be odd and positive, not {text}", where="--arch")
        if len(widths) > _MAX_LAYERS or self.receptive_field >= _MAX_FRAMES:
            limits = f"at most {_MAX_LAYERS} filter widths, and a receptive field below {_MAX_FRAMES:,} frames"
            raise ConfigError(f"the network is too deep: {limits}", where="--arch")
        if not isinstance(self.groups, Integral):
            refuse_file(self.groups, where="groups")
            what = f"expected a whole number, not {reprlib.repr(self.groups)}"
            raise ConfigError(what, where="groups", todo=_groups_otherwise(self.groups))
        object.__setattr__(self, "body_parts", named_parts(self.body_parts))
        if self.body_parts and self.divisions:
            todo = "Give body_parts or divisions"
            raise ConfigError("a division of your own cannot be one of several", where="divisions", todo=todo)
        if len(set(self.divisions)) != len(self.divisions) or len(self.divisions) == 1:
            text = ",".join(map(str, self.divisions))
            raise ConfigError(f"several divisions must be of different numbers of parts, not {text}", where="--groups")
        if self.body_parts or self.divisions:
            object.__setattr__(self, "groups", len(self.body_parts) or sum(self.divisions))

    @property
    def as_published(self) -> bool:
        """Whether training and evaluation do as the published code does where that is wrong or surprising."""
        return self.compat == "original"

    @property
    def predicts_root(self) -> bool:
        """Whether the network predicts where the root joint is, and no pose."""
        return self.name == "trajectory"

    @property
    def receptive_field(self) -> int:
        """Number of input frames that one output frame depends on."""
        return math.prod(self.filter_widths)
