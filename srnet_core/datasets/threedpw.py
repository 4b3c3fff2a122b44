"""3DPW (von Marcard et al., ECCV 2018): sequence pickles, 24 joints of SMPL, a moving camera, 30 fps.

`import_3dpw` turns the folder `sequenceFiles` into a data set in the published layout. The published layout has cameras
that do not move. Therefore the world of each sequence is the space of its camera, turned so that z points up.

Human3.6M's 17 joints are chosen from SMPL's 24. SMPL has no top of the head: it is put on the line from the neck
through the joint `head`, at twice the distance. The 14 joints that 3DPW is often measured on are 14 of those 17
(`TO_14`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from srnet_core.datasets import DatasetPlugin, custom
from srnet_core.datasets._files import locate_pair
from srnet_core.datasets._writing import skeleton_metadata, write_pair
from srnet_core.errors import BadFileError, InputFileMissing, UserMistake
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.rotation import matrix_to_quaternion
from srnet_core.mocap.gaps import whole_runs
from srnet_core.readers.pickle_file import read_pickle_file
from srnet_core.skeletons.h36m17 import JOINTS, SKELETON

FPS = 30.0
SPLITS = ("train", "validation", "test")
_SMPL_JOINTS = 24
_NECK, _HEAD = 12, 15
# Human3.6M's joints but the top of the head, in SMPL's order: pelvis, right leg, left leg, spine2, neck, head, arms.
_TO_16 = (0, 2, 5, 8, 1, 4, 7, 6, _NECK, _HEAD, 16, 18, 20, 17, 19, 21)
_RIGHT_TO_LEFT_LEG = ("RFoot", "RKnee", "RHip", "LHip", "LKnee", "LFoot")
_RIGHT_TO_LEFT_ARM = ("RWrist", "RElbow", "RShoulder", "LShoulder", "LElbow", "LWrist")
TO_14 = tuple(JOINTS.index(j) for j in (*_RIGHT_TO_LEFT_LEG, *_RIGHT_TO_LEFT_ARM, "Thorax", "Head"))
_CAMERA_HEIGHT_M = 1.6
_NEAREST_M = 0.3
_CAMERA_TO_WORLD = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # x right, z up, y away from the camera


@dataclass(frozen=True)
class ImportReport:
    """What an import made: the files written, and {file: why it was left out}."""

    paths: tuple[Path, ...]
    left_out: Mapping[str, str]


_NAMES = ("threedpw", "3dpw", "pw3d")  # in names of files that an import wrote
_WHERE_FROM = (
    "Import the sequence pickles first: srnet data import 3dpw sequenceFiles/ (free for research: "
    "https://virtualhumans.mpi-inf.mpg.de/3DPW). --dataset synthetic needs no files"
)


def locate(name: str, data_dir: str | Path, keypoints: str, cache_dir: str | Path) -> tuple[Path, ...]:
    """(3D file, 2D file), as an import wrote them, under any of the names that the data set has.

    Raises:
        InputFileMissing: one of them is not there; the message names the import.
    """
    found = next((n for n in (name, *_NAMES) if (Path(data_dir) / f"data_3d_{n}.npz").is_file()), name)
    return locate_pair(found, data_dir, keypoints, todo=_WHERE_FROM)


DATASET = DatasetPlugin(locate, custom.load)  # an import writes the files of a data set of one's own


def to_17(joints: np.ndarray) -> np.ndarray:
    """(T, 24, 3) joints of SMPL -> (T, 17, 3) joints of Human3.6M."""
    chosen = joints[:, list(_TO_16)]
    top = 2 * joints[:, _HEAD] - joints[:, _NECK]
    return np.insert(chosen, JOINTS.index("Head"), top, axis=1)


def import_3dpw(
    folder: str | Path,
    data_dir: str | Path,
    name: str = "threedpw",
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ImportReport:
    """Make `data_3d_NAME.npz`, `data_2d_NAME_gt.npz` and a manifest of 3DPW's sequence pickles.

    Subjects are named "train/SEQUENCE", as every sequence has a camera of its own. Subjects "test/..." are for testing,
    the others for training. Frames whose camera is marked as not valid are left out.

    Args:
        folder: `sequenceFiles`, or a folder that holds it.

    Raises:
        InputFileMissing: there are no sequence pickles.
        BadFileError: none of them can be used; the message gives the reason of the first.
    """
    folder = Path(folder)
    files = _sequence_files(folder)
    positions_3d: dict[str, dict[str, np.ndarray]] = {}
    positions_2d: dict[str, dict[str, list[np.ndarray]]] = {}
    cameras: dict[str, list[Camera]] = {}
    left_out: dict[str, str] = {}
    for done, file in enumerate(files):
        split = file.parent.name if file.parent.name in SPLITS else "train"
        subject = f"{split}/{file.stem}"
        try:
            camera, takes = _read_sequence(file)
        except UserMistake as error:
            left_out[file.relative_to(folder).as_posix()] = error.what
        else:
            cameras[subject] = [camera]
            positions_3d[subject] = takes
            positions_2d[subject] = {t: [camera.project(camera.world_to_camera(p))] for t, p in takes.items()}
        progress(done + 1, len(files))
    if not positions_3d:
        first = next(iter(left_out.items()))
        raise BadFileError(f"none of {len(files)} files can be used; {first[0]}: {first[1]}", where=folder)
    metadata = skeleton_metadata(SKELETON, FPS) | {
        "train_subjects": [s for s in positions_3d if not s.startswith("test/")],
        "test_subjects": [s for s in positions_3d if s.startswith("test/")],
    }
    manifest = {"format": 1, "source": str(folder), "sequences": list(positions_3d), "left_out": left_out}
    paths = write_pair(data_dir, name, positions_3d, positions_2d, cameras, metadata, manifest=manifest)
    return ImportReport(paths, left_out)


def _sequence_files(folder: Path) -> list[Path]:
    inner = folder / "sequenceFiles"
    start = inner if inner.is_dir() else folder
    files = sorted(start.rglob("*.pkl")) if start.is_dir() else []
    if not files:
        raise InputFileMissing(
            "holds no sequence pickles (*.pkl)",
            where=folder,
            todo="Give the folder sequenceFiles of 3DPW (https://virtualhumans.mpi-inf.mpg.de/3DPW)",
        )
    return files


def _read_sequence(path: Path) -> tuple[Camera, dict[str, np.ndarray]]:
    """The camera of a sequence, and {take: (T, 17, 3)} of its people in metres, in front of that camera."""
    values = read_pickle_file(path)
    if not isinstance(values, dict):
        raise BadFileError("is not a sequence of 3DPW: it holds no dict", where=path)
    values = {_text(key): value for key, value in values.items()}
    missing = [k for k in ("jointPositions", "cam_poses", "cam_intrinsics") if k not in values]
    if missing:
        raise BadFileError(f"is not a sequence of 3DPW: it lacks {', '.join(missing)}", where=path)
    camera = _camera(values["cam_intrinsics"], path)
    poses = _numbers(values["cam_poses"], "cam_poses", path)
    if poses.ndim != 3 or poses.shape[1:] != (4, 4):
        raise BadFileError(f"cam_poses has the shape {poses.shape}, not (frames, 4, 4)", where=path)
    people = values["jointPositions"]
    if not isinstance(people, (list, tuple)) or not 0 < len(people) <= 100:
        raise BadFileError("jointPositions is not a list with one array for each person", where=path)
    action = path.stem.rstrip("0123456789").rstrip("_") or path.stem
    takes: dict[str, np.ndarray] = {}
    for person, joints in enumerate(people):
        in_camera = _in_camera(_numbers(joints, "jointPositions", path), poses, path)
        whole = _valid(values.get("campose_valid"), person, len(in_camera)) & (in_camera[..., 2].min(-1) > _NEAREST_M)
        world = to_17(in_camera) @ _CAMERA_TO_WORLD.T + [0, 0, _CAMERA_HEIGHT_M]
        runs = whole_runs(np.where(whole[:, None, None], world, np.nan), 2)
        for part, (start, end) in enumerate(runs):
            take = f"{action} person {person}" + (f" part {part}" if len(runs) > 1 else "")
            takes[take] = world[start:end].astype(np.float32)
    if not takes:
        raise BadFileError("has no frames in which camera and person are valid", where=path)
    return camera, takes


def _text(key: object) -> str:
    return key.decode("latin-1") if isinstance(key, bytes) else str(key)


def _numbers(value: object, what: str, path: Path) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu" or not np.isfinite(value).all():
        raise BadFileError(f"{what} is not an array of finite numbers", where=path)
    return value.astype(np.float64)


def _in_camera(joints: np.ndarray, poses: np.ndarray, path: Path) -> np.ndarray:
    """(T, 24, 3) world -> camera, of the frames that both have."""
    if joints.ndim not in (2, 3) or not len(joints) or joints[0].size != 3 * _SMPL_JOINTS:
        raise BadFileError(f"jointPositions has the shape {joints.shape}, not (frames, 72)", where=path)
    frames = min(len(joints), len(poses))
    joints = joints[:frames].reshape(frames, _SMPL_JOINTS, 3)
    return np.einsum("tij,tkj->tki", poses[:frames, :3, :3], joints) + poses[:frames, None, :3, 3]


def _valid(marks: object, person: int, frames: int) -> np.ndarray:
    """(T,) whether the camera pose of a frame is marked as valid; all are where there are no marks."""
    if isinstance(marks, (list, tuple, np.ndarray)) and len(marks) > person:
        own = np.asarray(marks[person])
        if own.dtype.kind in "biuf" and own.size >= frames:
            return own.ravel()[:frames] > 0
    return np.ones(frames, bool)


def _camera(value: object, path: Path) -> Camera:
    matrix = _numbers(value, "cam_intrinsics", path)
    if matrix.shape != (3, 3) or min(matrix[0, 0], matrix[1, 1]) <= 0 or min(matrix[0, 2], matrix[1, 2]) <= 0:
        raise BadFileError("cam_intrinsics is no camera matrix", where=path)
    return Camera(
        id="phone",
        width_px=min(round(2 * matrix[0, 2]), 100_000),
        height_px=min(round(2 * matrix[1, 2]), 100_000),
        focal_length_px=(matrix[0, 0], matrix[1, 1]),
        center_px=(matrix[0, 2], matrix[1, 2]),
        orientation=tuple(matrix_to_quaternion(_CAMERA_TO_WORLD)),
        translation_m=(0.0, 0.0, _CAMERA_HEIGHT_M),
    )
