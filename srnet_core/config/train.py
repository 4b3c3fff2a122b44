"""Settings of the training, with the published defaults."""

from dataclasses import dataclass
from typing import ClassVar

from srnet_core.config.setting import check_settings, read_size_mib, setting
from srnet_core.errors import ConfigError

SWITCH = ("auto", "on", "off")
_PANEL, _ADVANCED = "Training", "Advanced training"


@dataclass(frozen=True)
class TrainConfig:
    """How the network is trained.

    Every setting is described on its field; docs/settings.md lists them.

    Raises:
        UnknownNameError, ConfigError: a value outside its choices or range, or a stride longer than the batch.
    """

    SECTION: ClassVar[str] = "train"

    epochs: int = setting(
        60,
        "Number of epochs: passes over the training windows",
        flags=("--epochs",),
        also_called=("num_epochs", "max_epochs"),
        panel=_PANEL,
        basic=True,
        metavar="N",
        minimum=1,
    )
    batch_size: int = setting(
        1024,
        "Predicted frames per batch, without mirrored windows; BatchNorm needs at least 2",
        flags=("--batch-size",),
        panel=_PANEL,
        basic=True,
        metavar="N",
        minimum=2,
    )
    lr: float = setting(
        1e-3,
        "Initial learning rate of Adam (amsgrad)",
        flags=("--lr",),
        also_called=("learning_rate", "initial_lr"),
        panel=_PANEL,
        basic=True,
        metavar="RATE",
        above=0,
    )
    lr_decay: float = setting(
        0.95,
        "Learning-rate decay per epoch, a factor",
        flags=("--lr-decay",),
        also_called=("learning_rate_decay",),
        panel=_PANEL,
        metavar="FACTOR",
        above=0,
        maximum=1,
    )
    stride: int = setting(
        1, "Consecutive frames predicted per window", flags=("--stride",), panel=_PANEL, metavar="N", minimum=1
    )
    flip: bool = setting(
        True,
        "Also train on mirrored windows",
        flags=("--flip/--no-flip",),
        panel=_PANEL,
        also_called=("data_augmentation",),
    )
    test_flip: bool = setting(
        True,
        "When evaluating, average each prediction with that of the mirrored input",
        flags=("--test-flip/--no-test-flip",),
        panel=_PANEL,
        also_called=("test_time_augmentation", "tta"),
    )
    seed: int = setting(
        4321,
        "Random seed of initial weights, window order and dropout",
        flags=("--seed",),
        also_called=("random_seed",),
        panel=_PANEL,
        metavar="N",
        minimum=0,
        maximum=2**32 - 1,
    )
    device: str = setting(
        "auto",
        "Device to compute on: auto, cpu, cuda or cuda:N",
        details="auto is CUDA where there is one, else the CPU.",
        flags=("--device",),
        also_called=("gpu", "cuda"),
        panel=_PANEL,
        basic=True,
        metavar="NAME",
        completes="devices",
    )
    validation: tuple[str, ...] = setting(
        (),
        "Training subjects (e.g. S8), or a fraction of the takes (e.g. 0.1), held out to choose the best epoch",
        flags=("--validation",),
        panel=_PANEL,
        metavar="NAMES",
        completes="subjects",
        default_text="none, the last epoch is the result",
    )
    test_every: int = setting(
        1,
        "Report the test error every N epochs; 0: only at the end",
        details="The test error is never used to choose an epoch.",
        flags=("--test-every",),
        panel=_PANEL,
        metavar="N",
        minimum=0,
    )
    subjects_unlabeled: tuple[str, ...] = setting(
        (),
        "Training subjects whose 3D poses are not used, e.g. S6,S7,S8: semi-supervised training from their 2D alone",
        details="A trajectory network is trained beside the network. The poses of these subjects, placed where it "
        "says, are projected into the image and must lie on their keypoints (Pavllo et al., CVPR 2019, section 4).",
        flags=("--subjects-unlabeled",),
        panel=_PANEL,
        metavar="NAMES",
        completes="subjects",
        default_text="none",
    )
    warmup: int = setting(
        1,
        "With --subjects-unlabeled: epochs at the start that train on the other subjects alone",
        flags=("--warmup",),
        panel=_ADVANCED,
        metavar="N",
        minimum=0,
    )
    bone_length_term: bool = setting(
        True,
        "With --subjects-unlabeled: mean bone lengths of both halves of a batch must agree",
        flags=("--bone-length-term/--no-bone-length-term",),
        panel=_ADVANCED,
    )
    train_eval_every: int = setting(
        0,
        "Report the training error in evaluation mode every N epochs; 0: never",
        flags=("--train-eval-every",),
        panel=_ADVANCED,
        metavar="N",
        minimum=0,
    )
    minutes: float = setting(
        0.0,
        "Stop training after this many minutes, even within an epoch; the result is measured after that",
        details="The time is read after each step and each clip of a test: a step that has begun is completed.",
        flags=("--minutes",),
        panel=_PANEL,
        metavar="MINUTES",
        minimum=0,
        default_text="0, no limit",
    )
    memory_budget_mib: float = setting(
        0.0,
        "Most device memory for training frames, e.g. 2GiB; a larger stage is read in blocks in each epoch",
        details="In presets and `--set` a number of MiB.",
        flags=("--memory-budget",),
        also_called=("gpu_memory",),
        panel=_ADVANCED,
        metavar="SIZE",
        minimum=0,
        parse=read_size_mib,
        default_text="auto, half of the free memory",
    )
    precision: str = setting(
        "fp32",
        "Numerical precision of the training step",
        details="tf32: products of float32 numbers on tensor cores. bf16: activations in bfloat16. "
        "Weights, statistics, loss, Adam and evaluation are always in float32.",
        flags=("--precision",),
        panel=_ADVANCED,
        metavar="NAME",
        choices=("fp32", "tf32", "bf16"),
    )
    compile: str = setting(
        "auto",
        "Compile the network for training; auto: for long runs on CUDA",
        flags=("--compile",),
        panel=_ADVANCED,
        metavar="CHOICE",
        choices=SWITCH,
    )
    graphs: str = setting(
        "auto",
        "Run each training step as one CUDA graph; auto: wherever there is CUDA",
        flags=("--graphs",),
        panel=_ADVANCED,
        metavar="CHOICE",
        choices=SWITCH,
    )

    def __post_init__(self):
        check_settings(self)
        if self.stride > self.batch_size:
            raise ConfigError(f"must lie in [1, batch size], not {self.stride}", where="--stride")
