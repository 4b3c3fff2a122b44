"""HumanEva-I (Sigal, Balan & Black, IJCV 2010) as VideoPose3D writes it: 15 or 20 joints, 3 cameras, 60 fps.

The files are `data_3d_humaneva15.npz` and `data_2d_humaneva15_KEYPOINTS.npz`. Their subjects are named "Train/S1" and
"Validate/S1"; takes are cut into chunks between frames whose motion capture is invalid. The files hold no cameras.
VideoPose3D publishes the positions and orientations of the cameras, but no focal lengths: these are fitted to the 3D
and 2D of the files. Where the published positions do not fit the files, whole cameras are estimated.

`import_humaneva_matlab` makes these two files of what VideoPose3D's MATLAB script writes: one .mat per take.

2D of COCO's 17 joints, as VideoPose3D has it beside the 15 joints (`detectron_pt_coco`), becomes 2D of the 15; networks
that see the 17 and predict the 15 get it as it is.

Subjects "Train/..." are for training and "Validate/..." for testing, as the literature has it.
"""

import itertools
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from srnet_core.clip import PoseDataset
from srnet_core.datasets import DatasetPlugin
from srnet_core.datasets._assembling import assemble, pair_up
from srnet_core.datasets._estimated_cameras import estimated_camera
from srnet_core.datasets._files import locate_pair
from srnet_core.datasets._published import File2d, File3d, read_positions_2d, read_positions_3d
from srnet_core.datasets._rig import read_cameras
from srnet_core.datasets._wording import few
from srnet_core.datasets._writing import skeleton_metadata, write_pair
from srnet_core.datasets.rewrite import RewriteReport, rewrite
from srnet_core.errors import BadFileError, ConfigError
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.keypoints.relayout import joints_used
from srnet_core.layouts import get_layout
from srnet_core.readers.array_file import read_array
from srnet_core.skeletons import humaneva15, humaneva20

FPS = 60.0
_NAMES = ("humaneva15", "humaneva20")  # in names of files
_DETECTED = "coco17"  # the layout of detected 2D
CAMERAS = ("C1", "C2", "C3")
_SIZES_PX = ((640, 480),)
_SKELETONS = {s.num_joints: s for s in (humaneva15.SKELETON, humaneva20.SKELETON)}
# (orientation, centre in metres) of C1, C2, C3; source: VideoPose3D, common/humaneva_dataset.py. S3 has those of S1.
_S1 = (
    ((0.424207, -0.4983646, -0.5802981, 0.4847012), (4.062227, 0.6632477, 1.528397)),
    ((0.6503354, -0.7481602, -0.0919284, 0.0941766), (0.8448131, -3.8052092, 1.5049929)),
    ((0.0664734, -0.0690535, 0.7416416, -0.6639132), (-0.79767377, 3.9163174, 1.4336602)),
)
_S2 = (
    ((0.4214752, -0.4961493, -0.5838273, 0.4851187), (4.1129121, 0.6264929, 1.5452988)),
    ((0.6501393, -0.7476588, -0.0954617, 0.0959808), (0.923574, -3.8779243, 1.5045518)),
    ((0.0699353, -0.0712403, 0.7421637, -0.662742), (-0.7814915, 3.8388853, 1.4449929)),
)
_KNOWN = {"S1": _S1, "S2": _S2, "S3": _S1}

_WHERE_FROM = (
    "Put the files into this folder, or choose another with --data-dir. DATASETS.md of "
    "https://github.com/facebookresearch/VideoPose3D describes how to make them from HumanEva-I "
    "(free for research after registration: http://humaneva.is.tue.mpg.de). --dataset synthetic needs no files"
)


def locate(name: str, data_dir: str | Path, keypoints: str, cache_dir: str | Path) -> tuple[Path, ...]:
    """(3D file, 2D file).

    Raises:
        InputFileMissing: names the missing files, where they were looked for and where to get them.
    """
    names = (name,) if name in _NAMES else (name, *_NAMES)
    found = next((n for n in names if (Path(data_dir) / f"data_3d_{n}.npz").is_file()), name)
    return locate_pair(found, data_dir, keypoints, todo=_WHERE_FROM)


def load(name: str, paths: Sequence[Path], keypoints: str) -> PoseDataset:
    """Read HumanEva with cameras of its own file, or with cameras fitted to its 3D and 2D.

    Raises:
        InputFileMissing, BadFileError, HostileFileError: as `_published`; or no cameras fit.
    """
    path_3d, path_2d = paths
    file_3d = read_positions_3d(path_3d, num_joints=tuple(_SKELETONS))
    skeleton = _SKELETONS[file_3d.num_joints]
    without_views: list[str] = []
    file_2d = read_positions_2d(path_2d, without_views=without_views)
    seen = file_2d
    file_2d, notes = _with_the_joints_of(skeleton, file_2d)
    _check_2d_joints(file_2d, skeleton)
    if file_3d.cameras is not None and _has_intrinsics(file_3d.cameras):
        cameras = read_cameras(file_3d.cameras, path_3d)
    else:
        cameras, note = _fitted_cameras(file_3d, file_2d)
        notes.append(note)
    labelled = [take for take in without_views if not take.startswith("Unlabeled/")]
    if labelled:
        notes.append(f"Takes without the 2D of a camera were left out: {len(labelled)} ({few(labelled)}).")
    dataset = assemble(
        name,
        keypoints,
        file_3d,
        file_2d,
        skeleton=skeleton,
        fps=FPS,
        cameras=cameras,
        train_subjects=[s for s in file_3d.positions_m if s.startswith("Train/")],
        test_subjects=[s for s in file_3d.positions_m if s.startswith("Validate/")],
        notes=notes,
    )
    if seen is file_2d:
        return dataset
    return replace(dataset, seen_2d_px=pair_up(file_3d, seen, cameras).positions_2d, seen_layout=_DETECTED)


def _with_the_joints_of(skeleton: Skeleton, file_2d: File2d) -> tuple[File2d, list[str]]:
    """2D of COCO's 17 joints as that of the 15 of HumanEva, and a note; other 2D as it is."""
    layout = get_layout(_DETECTED)
    details = file_2d.metadata if isinstance(file_2d.metadata, dict) else {}
    sides = details.get("keypoints_symmetry")
    stated = {tuple(pair) for pair in zip(*sides)} if isinstance(sides, (list, tuple)) and len(sides) == 2 else None
    if file_2d.joint_counts != {layout.num_joints} or skeleton.name != "humaneva15":
        return file_2d, []
    if stated != set(layout.mirror_pairs):
        return file_2d, []
    uses = joints_used(layout, get_layout(skeleton.name))

    def converted(view: np.ndarray | None) -> np.ndarray | None:
        if view is None:
            return None
        return np.stack([view[:, of, :2].mean(axis=1) for of in uses], axis=1).astype(np.float32)

    views = {s: {t: [converted(v) for v in take] for t, take in ts.items()} for s, ts in file_2d.positions_px.items()}
    left, right = (list(side) for side in (skeleton.left_indices, skeleton.right_indices))
    metadata = {"layout_name": skeleton.name, "num_joints": skeleton.num_joints, "keypoints_symmetry": [left, right]}
    note = (
        "The 2D has the 17 joints of COCO: it was brought to the 15 joints of the 3D, pelvis and thorax as the middles "
        "of hips and shoulders, the head as that of the eyes."
    )
    return replace(file_2d, positions_px=views, metadata=metadata), [note]


def _check_2d_joints(file_2d: File2d, skeleton: Skeleton) -> None:
    others = file_2d.joint_counts - {skeleton.num_joints}
    if others:
        raise BadFileError(
            f"has {min(others)} joints in 2D and the 3D file has {skeleton.num_joints}",
            where=file_2d.path,
            todo="Networks here take and give the same joints. 2D of COCO and others becomes these joints by: "
            f"srnet data convert {file_2d.path} NEW.npz --to videopose3d --to-layout {skeleton.name}",
        )


def _has_intrinsics(cameras: object) -> bool:
    rigs = cameras.values() if isinstance(cameras, dict) else ()
    return all(isinstance(c, dict) and "focal_length" in c and "center" in c for rig in rigs for c in rig)


def _fitted_cameras(file_3d: File3d, file_2d: File2d) -> tuple[dict[str, tuple[Camera, ...]], str]:
    """Cameras of each subject, and a note; "Train/S1" and "Validate/S1" were filmed by the same ones."""
    people: dict[str, list[str]] = {}
    for subject in file_3d.positions_m:
        if subject in file_2d.positions_px:
            people.setdefault(subject.rpartition("/")[2], []).append(subject)
    cameras: dict[str, tuple[Camera, ...]] = {}
    errors_px, known = [], True
    for person, subjects in people.items():
        views = _views_of(subjects, file_3d, file_2d)
        rig = []
        for index, (points_m, points_px) in enumerate(views):
            pose = _KNOWN[person][index] if person in _KNOWN and index < len(CAMERAS) else None
            name = CAMERAS[index] if index < len(CAMERAS) else str(index)
            try:
                camera, error_px, is_known = estimated_camera(name, points_m, points_px, _SIZES_PX, known_pose=pose)
            except BadFileError as error:
                raise BadFileError(
                    f"has no cameras with focal lengths, and camera {name} of {person} cannot be fitted: {error.what}",
                    where=file_3d.path,
                    todo="Add 'cameras' with focal_length and center to the 3D file, or take the 2D that belongs to it",
                ) from None
            rig.append(camera)
            errors_px.append(error_px)
            known &= is_known
        cameras |= dict.fromkeys(subjects, tuple(rig))
    how = (
        "focal lengths were fitted to"
        if known
        else "the cameras do not stand where HumanEva's do and were estimated from"
    )
    note = (
        f"The file has no cameras; {how} its 3D and 2D, with a median error of {np.median(errors_px or [0.0]):.1f} px."
    )
    return cameras, note


def _views_of(subjects: Sequence[str], file_3d: File3d, file_2d: File2d) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each camera ((N, 3) metres, (N, 2) pixels) of all takes of these subjects."""
    points: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
    for subject in subjects:
        takes: Mapping = file_2d.positions_px[subject]
        for take, pose in file_3d.positions_m[subject].items():
            for index, view in enumerate(takes.get(take, ())):
                frames = min(len(pose), len(view))
                points.setdefault(index, []).append((pose[:frames].reshape(-1, 3), view[:frames].reshape(-1, 2)))
    return [
        (np.concatenate([m for m, _ in parts]), np.concatenate([px for _, px in parts]))
        for _, parts in sorted(points.items())
    ]


def import_humaneva(
    folder: str | Path,
    data_dir: str | Path,
    joints: int | None = None,
    keypoints: str = "gt",
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> RewriteReport:
    """Read the files of the Python or of the MATLAB script and write them with their cameras.

    Args:
        joints: 15 or 20; `None` takes those of the files.

    Raises:
        ConfigError: `joints` is another number, or `None` where there are files of both.
        InputFileMissing, BadFileError, HostileFileError, MissingExtraError: as `load` and `import_humaneva_matlab`.
    """
    if joints is not None and joints not in _SKELETONS:
        raise ConfigError(f"is {joints}; HumanEva's skeletons have 15 and 20", where="joints")
    folder = Path(folder)
    there = [name for name in _NAMES if (folder / f"data_3d_{name}.npz").is_file()]
    if not there and folder.is_dir() and has_matlab_files(folder):
        return import_humaneva_matlab(folder, data_dir, joints, progress=progress)
    if joints is None and len(there) > 1:
        todo = "Say which with joints=15 or joints=20, or import one after the other"
        raise ConfigError("has files of 15 and of 20 joints", where=folder, todo=todo)
    name = f"humaneva{joints}" if joints is not None else there[0] if there else _NAMES[0]
    return rewrite(name, folder, data_dir, name, keypoints, progress=progress)


# The MATLAB script's files

_MATLAB_FILES = "*/S*/*.mat"  # Train/S1/Walking_1.mat


def has_matlab_files(folder: str | Path) -> bool:
    """Whether a folder holds `Train/S1/Walking_1.mat` and the like."""
    return any(Path(folder).glob(_MATLAB_FILES))


def import_humaneva_matlab(
    folder: str | Path,
    data_dir: str | Path,
    joints: int | None = None,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> RewriteReport:
    """Make `data_3d_humaneva15.npz` (or 20) and its exact 2D, with cameras, of the files of the MATLAB script.

    Files are `Train/S1/Walking_1.mat` with `poses_3d` (T, J, 3) in millimetres and `poses_2d` (3, T, J, 2) in pixels.
    Takes are cut where frames are not valid (NaN), as VideoPose3D names it: "Walking 1 chunk0" is valid, "Walking 1
    chunk1" is not and left out, "Walking 1 chunk2" is valid, ... (source: its prepare_data_humaneva.py).

    Raises:
        BadFileError: a file is none of these, files have different numbers of joints, others than `joints`, or no
            cameras fit.
        MissingExtraError: scipy is not installed, which reads MATLAB files.
    """
    folder = Path(folder)
    files = sorted(folder.glob(_MATLAB_FILES))
    positions_3d: dict[str, dict[str, np.ndarray]] = {}
    positions_2d: dict[str, dict[str, list[np.ndarray]]] = {}
    invalid = 0
    for done, path in enumerate(files):
        subject, take = f"{path.parent.parent.name}/{path.parent.name}", path.stem.replace("_", " ")
        pose, views = _matlab_take(path)
        if joints not in (None, pose.shape[1]):
            others = "other files have" if done else "asked for are"
            raise BadFileError(f"has {pose.shape[1]} joints, and {others} {joints}", where=path)
        joints = pose.shape[1]
        whole = np.isfinite(pose).all((1, 2)) & np.isfinite(views).all((0, 2, 3))
        invalid += int((~whole).sum())
        edges = [0, *(np.flatnonzero(np.diff(whole)) + 1), len(whole)]
        for number, (start, end) in enumerate(itertools.pairwise(edges)):
            if whole[start]:
                name = f"{take} chunk{number}"
                positions_3d.setdefault(subject, {})[name] = (pose[start:end] / 1000).astype(np.float32)
                positions_2d.setdefault(subject, {})[name] = list(views[:, start:end].astype(np.float32))
        progress(done + 1, len(files))
    if not positions_3d or joints is None:
        raise BadFileError("has no frame that is valid in 3D and in all cameras", where=folder)
    skeleton = _SKELETONS[joints]
    with tempfile.TemporaryDirectory() as between:
        write_pair(between, skeleton.name, positions_3d, positions_2d, {}, skeleton_metadata(skeleton, FPS))
        report = rewrite(skeleton.name, between, data_dir, skeleton.name)
    notes = (f"Frames that are not valid were left out: {invalid}.",) if invalid else ()
    return replace(report, notes=(*notes, *report.notes))


def _matlab_take(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """((T, J, 3) mm, (3, T, J, 2) px) of one file."""
    pose, views = (read_array(path, (name,)).astype(np.float64) for name in ("poses_3d", "poses_2d"))
    if pose.ndim != 3 or pose.shape[1] not in _SKELETONS or pose.shape[2] != 3 or not len(pose):
        raise BadFileError(f"poses_3d has the shape {pose.shape}, not (frames, 15 or 20, 3)", where=path)
    if views.shape != (len(CAMERAS), *pose.shape[:2], 2):
        wanted = (len(CAMERAS), *pose.shape[:2], 2)
        raise BadFileError(f"poses_2d has the shape {views.shape}, not {wanted}", where=path)
    return pose, views


DATASET = DatasetPlugin(locate, load)
