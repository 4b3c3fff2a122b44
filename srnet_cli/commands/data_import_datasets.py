"""srnet data import h36m, humaneva, mpi-inf-3dhp, 3dpw: published data sets as people have them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import typer

from srnet_cli.commands.data_import_mocap import show_next
from srnet_cli.console import remark, say
from srnet_cli.errors import StoppedByUser
from srnet_cli.options import option
from srnet_cli.reading_options import Json, print_json, reading
from srnet_core.config import DataConfig

_MOST_LEFT_OUT = 30
DataDir = Annotated[Path, option("--data-dir", help="Folder to write the data set to", metavar="FOLDER")]
Name = Annotated[str, option("--name", help="Name of the data set, for --dataset", metavar="NAME")]
Keypoints = Annotated[
    str, option("--keypoints", help="2D keypoints of the files to read, the last part of their name", metavar="NAME")
]
_DATA_DIR = Path(DataConfig().data_dir)
Import = Callable[[Callable[[int, int], None]], Any]


def _folder(help: str) -> Any:
    return typer.Argument(help=help, metavar="FOLDER", show_default=False)


def h36m(
    folder: Annotated[
        Path, _folder("Unpacked archive, folder of the original files, of annotations or of 2D detections, or one file")
    ],
    data_dir: DataDir = _DATA_DIR,
    name: Name = "h36m",
    keypoints: Annotated[
        str,
        option(
            "--keypoints",
            help="gt for the 3D files, with exact 2D; another name for 2D detections, which get this name",
            metavar="NAME",
        ),
    ] = "gt",
    layout: Annotated[
        str,
        option(
            "--layout",
            help="Layout of the joints of 2D detections",
            metavar="LAYOUT",
            default="auto: told by the format or the bones",
            completes="layouts",
        ),
    ] = "auto",
    json: Json = False,
) -> None:
    """Import Human3.6M: its archive (.h5), original files (.cdf) or converted ones (.cdf.mat), in folders S1, S5, ...

    The annotations of PoseNet (*_joint_3d.json with *_camera.json) and EvoSkeleton's arrays of all takes are read too.
    Writes 32 joints in 3D, or 17, and the exact 2D of the four cameras. With --keypoints NAME, 2D detections are
    imported, as the 17 joints: one file per video (stacked hourglass .h5, Detectron or CPN .npz), or one file of all
    videos (MotionBERT's .pkl, EvoSkeleton's .npy). A published data_2d_h36m_NAME.npz
    needs no import; one of other joints (COCO, MPII) becomes one of the 17 joints by: srnet data convert FILE NEW.npz
    --to videopose3d --to-layout h36m17.
    """
    from srnet_core.datasets.h36m import import_h36m

    def of_files(progress: Callable[[int, int], None]) -> Any:
        return import_h36m(folder, data_dir, name, keypoints, layout, progress=progress)

    _run(name, data_dir, json, of_files, keypoints)


def humaneva(
    folder: Annotated[
        Path, _folder("Folder with data_3d_humaneva15.npz (or 20) and its 2D, or with Train/S1/*.mat, ...")
    ],
    data_dir: DataDir = _DATA_DIR,
    keypoints: Keypoints = "gt",
    joints: Annotated[
        int | None,
        option("--joints", help="Number of joints, 15 or 20", metavar="N", default="those of the files"),
    ] = None,
    json: Json = False,
) -> None:
    """Import HumanEva-I as VideoPose3D's converters write it, and write it with its cameras.

    The converters are a MATLAB script (Train/S1/Walking_1.mat, ...) and a Python script that makes npz files of these.
    Neither has cameras. srnet estimates them from 3D and 2D, checks them and shows how well they fit. Training can also
    read the npz files without this command; it then estimates the cameras once and stores them.
    """
    from srnet_core.datasets.humaneva import import_humaneva

    def of_files(progress: Callable[[int, int], None]) -> Any:
        return import_humaneva(folder, data_dir, joints, keypoints, progress=progress)

    _run(None, data_dir, json, of_files, keypoints)


def mpi_inf_3dhp(
    folder: Annotated[Path, _folder("Folder of annot.mat and annot_data.mat files, or of a converter's npz files")],
    data_dir: DataDir = _DATA_DIR,
    name: Name = "mpi_inf_3dhp",
    keypoints: Keypoints = "gt",
    json: Json = False,
) -> None:
    """Import MPI-INF-3DHP: its original annotations (annot.mat, annot_data.mat), or the npz files of converters.

    Converters' files are data_train_3dhp.npz and data_test_3dhp.npz (P-STMO, MotionAGFormer), or
    data_3d_mpi_inf_3dhp.npz with one array per camera. Poses in the spaces of several cameras are brought into one
    world, with its cameras. Training can also read converters' files without this command.
    """
    from srnet_core.datasets.mpi_inf_3dhp import import_3dhp
    from srnet_core.datasets.rewrite import rewrite

    def of_files(progress: Callable[[int, int], None]) -> Any:
        if folder.is_file() or (folder.is_dir() and not any(folder.glob("data_*.npz"))):
            return import_3dhp(folder, data_dir, name, progress=progress)
        return rewrite("mpi_inf_3dhp", folder, data_dir, name, keypoints, progress=progress)

    _run(name, data_dir, json, of_files, keypoints)


def threedpw(
    folder: Annotated[Path, _folder("The folder sequenceFiles, or one that holds it")],
    data_dir: DataDir = _DATA_DIR,
    name: Name = "threedpw",
    json: Json = False,
) -> None:
    """Import 3DPW's sequence pickles, which are read without running anything in them."""
    from srnet_core.datasets.threedpw import import_3dpw

    _run(name, data_dir, json, lambda progress: import_3dpw(folder, data_dir, name, progress=progress))


def _run(name: str | None, data_dir: Path, as_json: bool, work: Import, keypoints: str = "gt") -> None:
    try:
        with reading("reading files") as progress:
            report = work(progress)
    except KeyboardInterrupt:
        remark("interrupted; nothing was written: the same command starts again")
        raise StoppedByUser from None
    name = name or report.paths[0].stem.removeprefix("data_3d_")
    left_out: Mapping[str, str] = getattr(report, "left_out", {})
    notes = list(getattr(report, "notes", ()))
    takes: Mapping[str, int] = getattr(report, "takes", {})
    if as_json:
        paths = [str(path) for path in report.paths]
        return print_json({"paths": paths, "takes": dict(takes), "left_out": dict(left_out), "notes": notes})
    for subject, count in takes.items():
        say(f"{subject}: {count} takes")
    for file, why in list(left_out.items())[:_MOST_LEFT_OUT]:
        remark(f"left out: {file}: {why}")
    if len(left_out) > _MOST_LEFT_OUT:
        remark(f"{len(left_out) - _MOST_LEFT_OUT} more were left out")
    for note in notes:
        remark(note)
    for path in report.paths:
        say(f"written: {path}")
    show_next(name, (), data_dir, split=True, keypoints=keypoints)


def _command(main: Callable[..., None], *examples: str) -> SimpleNamespace:
    return SimpleNamespace(main=main, EXAMPLES=examples)


H36M = _command(
    h36m,
    "srnet data import h36m h36m_archive/",
    "srnet data import h36m sh_ft/ --keypoints sh_ft_h36m",
)
HUMANEVA = _command(
    humaneva,
    "srnet data import humaneva downloads/",
    "srnet data import humaneva downloads/ --joints 20",
)
MPI_INF_3DHP = _command(
    mpi_inf_3dhp,
    "srnet data import mpi-inf-3dhp downloads/",
    "srnet data import mpi-inf-3dhp mpi_inf_3dhp/ --data-dir data/",
)
THREEDPW = _command(
    threedpw, "srnet data import 3dpw sequenceFiles/", "srnet data import 3dpw sequenceFiles/ --name pw3d"
)
