"""Settings of the data: which poses, how they are split, how they are normalized."""

from dataclasses import dataclass
from typing import ClassVar

from srnet_core.config.setting import check_settings, setting
from srnet_core.errors import ConfigError

_PANEL = "Data"


WITHOUT_INFLUENCE = ("data_dir", "cache_dir", "local_cache_gb")  # on the content of a stage


@dataclass(frozen=True)
class DataConfig:
    """Everything that decides the content of a stage, and where its files are.

    Every setting is described on its field; docs/settings.md lists them.

    Raises:
        UnknownNameError, ConfigError: a value outside its choices or range.
    """

    SECTION: ClassVar[str] = "data"

    dataset: str | None = setting(
        None,
        "Data set, or several to use as one, e.g. h36m,humaneva",
        details="Without it Human3.6M is taken if a file of that name is in the data folder, else synthetic data.",
        flags=("--dataset",),
        panel=_PANEL,
        basic=True,
        metavar="NAME",
        plugins="datasets",
        hidden=("custom",),  # reads every NAME that has no reader of its own
        other="NAME of data_3d_NAME.npz",
        default_text="h36m if its files are there, else synthetic",
    )
    dataset_weights: tuple[float, ...] = setting(
        (),
        "How often the training frames of each data set are used in an epoch, e.g. 1,0.5 for --dataset a,b",
        details="A fraction is a run of consecutive frames of every clip.",
        flags=("--dataset-weights",),
        panel=_PANEL,
        metavar="NUMBERS",
        above=0,
        maximum=100,
        default_text="1 each",
    )
    data_dir: str = setting(
        "data",
        "Folder of the input files",
        flags=("--data-dir",),
        panel=_PANEL,
        metavar="FOLDER",
        also_called=("data_path", "data_root"),
    )
    cache_dir: str = setting(
        "cache",
        "Folder of the prepared stages, or a URL, e.g. s3://BUCKET/FOLDER",
        details="URLs of object stores (s3://, gs://, az://, file:///) need the extra `remote`, see docs/stages.md.",
        flags=("--cache-dir",),
        panel=_PANEL,
        metavar="FOLDER",
    )
    local_cache_gb: float | None = setting(
        None,
        "Gigabytes that copies of stages at a URL may take on this machine; 0: no limit",
        details="Beyond it, what was read longest ago is removed, and fetched again when it is needed.",
        flags=("--local-cache-gb",),
        panel=_PANEL,
        metavar="GB",
        minimum=0,
        maximum=1e6,
        default_text="the environment variable SRNET_LOCAL_CACHE_GB, or 50",
    )
    keypoints: str = setting(
        "gt",
        "Source of the 2D keypoints, e.g. gt or cpn_ft_h36m_dbb",
        details="The last part of the file name `data_2d_NAME_KEYPOINTS.npz`; gt is the projected 3D pose.",
        flags=("--keypoints",),
        panel=_PANEL,
        metavar="NAME",
        completes="keypoints",
    )
    protocol: str = setting(
        "cross_subject",
        "How clips are split into training and test",
        flags=("--protocol",),
        also_called=("split",),
        panel=_PANEL,
        basic=True,
        metavar="NAME",
        plugins="protocols",
        dashes=True,
    )
    subjects_train: tuple[str, ...] = setting(
        (),
        "Subjects to train on, e.g. S1,S5, or all",
        flags=("--subjects-train",),
        also_called=("train_subjects",),
        panel=_PANEL,
        metavar="NAMES",
        completes="subjects",
        default_text="the data set's usual split",
    )
    subjects_test: tuple[str, ...] = setting(
        (),
        "Subjects to test on, e.g. S9,S11, or all",
        flags=("--subjects-test",),
        also_called=("test_subjects",),
        panel=_PANEL,
        metavar="NAMES",
        completes="subjects",
        default_text="the data set's usual split",
    )
    actions: tuple[str, ...] = setting(
        (),
        "Use only these actions in both splits, e.g. Walking,Sitting",
        flags=("--actions",),
        panel=_PANEL,
        metavar="NAMES",
        completes="actions",
        default_text="all",
    )
    train_actions: tuple[str, ...] = setting(
        (),
        "Actions to train on in the cross-action protocol; all others are tested",
        flags=("--train-action",),
        also_called=("train_actions",),
        panel=_PANEL,
        basic=True,
        metavar="NAMES",
        completes="actions",
        default_text="none",
    )
    rare_share: float = setting(
        0.2,
        "Share of the frames that the rare-pose protocol tests on",
        details="Whole takes are tested, the rarest first, until they have that share.",
        flags=("--rare-share",),
        panel=_PANEL,
        metavar="SHARE",
        above=0,
        maximum=0.9,
    )
    train_cameras: tuple[int, ...] = setting(
        (),
        "Cameras to train on, by index, e.g. 0,2",
        flags=("--train-camera",),
        panel=_PANEL,
        metavar="NUMBERS",
        completes="cameras",
        minimum=0,
        default_text="all; 0 in cross-camera",
    )
    test_cameras: tuple[int, ...] = setting(
        (),
        "Cameras to test on, by index",
        flags=("--test-camera",),
        panel=_PANEL,
        metavar="NUMBERS",
        completes="cameras",
        minimum=0,
        default_text="all; in cross-camera those not trained on",
    )
    downsample: int = setting(1, "Use every N-th frame", flags=("--downsample",), panel=_PANEL, metavar="N", minimum=1)
    fps: float = setting(
        0.0,
        "Frame rate to bring the data to, by leaving out frames",
        details="The nearest rate that is the data set's rate divided by a whole number. A network that sees several "
        "frames expects the frame rate that it was trained with.",
        flags=("--fps",),
        also_called=("frame_rate",),
        panel=_PANEL,
        metavar="RATE",
        minimum=0,
        maximum=10000,
        default_text="the data set's, divided by --downsample",
    )
    subset: float = setting(
        1.0,
        "Fraction of each training clip to use",
        details="The frames used are consecutive.",
        flags=("--subset",),
        panel=_PANEL,
        metavar="FRACTION",
        above=0,
        maximum=1,
    )
    fill_gaps: int = setting(
        0,
        "Fill gaps of up to N frames in which a keypoint is missing",
        details="Keypoints are missing where the file has (0, 0), (-1, -1), NaN or confidence 0. Frames in which one "
        "is missing are not used, and no window reaches over them. A gap is filled by a cubic between the frames "
        "beside it.",
        flags=("--fill-gaps",),
        panel=_PANEL,
        metavar="N",
        minimum=0,
        maximum=1000,
    )
    unchecked: bool = setting(
        False,
        "Use a data set although 3D, 2D and cameras do not fit together",
        details="What is wrong is still said, and the stage's manifest tells that it was let through.",
        flags=("--unchecked",),
        panel=_PANEL,
    )
    normalization: str = setting(
        "base",
        "Normalization of the poses",
        details="It makes poses comparable across cameras and people. A checkpoint needs the one it was trained with.",
        flags=("--norm",),
        panel=_PANEL,
        basic=True,
        metavar="NAME",
        plugins="normalization",
    )
    root_depth: str = setting(
        "ground_truth",
        "Source of the root's distance in proj, weak_proj and lcn",
        details="ground-truth, as published, or estimate: from bone lengths and focal length, as a system that sees "
        "only 2D has to.",
        flags=("--root-depth",),
        panel=_PANEL,
        metavar="NAME",
        choices=("ground_truth", "estimate"),
        dashes=True,
    )

    def __post_init__(self):
        check_settings(self)
        if self.fps and self.downsample > 1:
            raise ConfigError("--fps and --downsample both choose frames", todo="Give one of them")
