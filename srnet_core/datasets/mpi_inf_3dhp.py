"""MPI-INF-3DHP (Mehta et al., 3DV 2017) in the layouts of the field's converters; 17 joints in the order of Human3.6M.

Three layouts are read, under the name `mpi_inf_3dhp` or `3dhp`:
- `data_train_3dhp.npz` and `data_test_3dhp.npz` as P-STMO and MotionAGFormer write them, in millimetres in camera
  space: `data` -> {"S1 Seq1": [{camera: {data_2d, data_3d}}, fps]} and {"TS1": {data_2d, data_3d, valid}};
- `data_3d_NAME.npz` and `data_2d_NAME_KEYPOINTS.npz` in VideoPose3D's layout, with one 3D array per camera (as a list
  or dict) in camera space; all joints but the root may be relative to the root. GraphMLP and others call the 2D file
  `data_2d_3dhp.npz` and leave out the metadata: the bodies then tell the order of the joints;
- the same two files with world positions and `cameras`, as for a data set of your own.

Camera spaces are brought into one world, see `_views`. S1 to S8 are for training, TS1 to TS6 for testing. Frames of the
test set that are marked as not valid are left out. The original test annotations name an activity for each frame: their
takes are the stretches of one activity, so that tables by action are tables by activity.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from srnet_core.clip import PoseDataset
from srnet_core.datasets import DatasetPlugin, custom
from srnet_core.datasets._files import SINGLE_POSES, file_names, has_single_poses, locate_pair, refuse_single_poses
from srnet_core.datasets._views import Recording, WorldOfViews, into_one_world, with_absolute_root
from srnet_core.datasets._wording import few, kind_of
from srnet_core.datasets._writing import skeleton_metadata, write_pair
from srnet_core.errors import BadFileError, InputFileMissing
from srnet_core.mocap.gaps import whole_runs
from srnet_core.mocap.size import stature
from srnet_core.readers.array_file import read_array, read_cells
from srnet_core.readers.npz import NpzFile
from srnet_core.skeletons.h36m17 import JOINTS, SKELETON

FPS = 25.0
# Where the sequences of the test set were recorded (Mehta et al., 3DV 2017, section 5), as its tables group them.
SCENES = {
    "studio, green screen": ("TS1", "TS2"),
    "studio, no green screen": ("TS3", "TS4"),
    "outdoor": ("TS5", "TS6"),
}
# The activities of the test set in the order of its tables; `activity_annotation` in annot_data.mat counts from 1.
ACTIVITIES = ("Stand or walk", "Exercise", "Sit on chair", "Crouch or reach", "On the floor", "Sports", "Miscellaneous")
TRAIN_FILE, TEST_FILE = "data_train_3dhp.npz", "data_test_3dhp.npz"
# For each joint of Human3.6M its place among the 17 joints of the test set: head top, neck, right arm, left arm, right
# leg, left leg, root, spine, head.
TO_H36M17 = (14, 8, 9, 10, 11, 12, 13, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4)
# The 17 joints of the test set among the 28 of the training annotations (mpii_get_joint_set, "relevant").
_FROM_28 = (7, 5, 14, 15, 16, 9, 10, 11, 23, 24, 25, 18, 19, 20, 4, 3, 6)
_RECORDED_AT_50 = {("S1", "Seq2"), ("S3", "Seq1"), ("S3", "Seq2"), ("S5", "Seq1"), ("S5", "Seq2")}
_SYMMETRY_3DHP = {(5, 2), (6, 3), (7, 4), (11, 8), (12, 9), (13, 10)}
_SIZES_PX = ((2048, 2048), (1920, 1080))
_FEET, _HEAD = (JOINTS.index("LFoot"), JOINTS.index("RFoot")), JOINTS.index("Head")
_MOST_CAMERAS = 100
_NAMES = ("mpi_inf_3dhp", "3dhp")  # in names of files
_FRAMES_TO_TELL = 50
_HIPS_APART = 0.5  # most, of the span of the hips, that the root lies from their middle
_LARGEST = 1e7  # px or mm

_WHERE_FROM = (
    f"Put {TRAIN_FILE} and {TEST_FILE} into this folder, or choose another with --data-dir. The scripts of P-STMO make "
    "them from MPI-INF-3DHP (free for research: https://vcai.mpi-inf.mpg.de/3dhp-dataset). "
    "--dataset synthetic needs no files"
)

_FROM_ORIGINAL = (
    "Import the original annotations (annot.mat, annot_data.mat) with: srnet data import mpi-inf-3dhp FOLDER"
)

Takes = dict[str, dict[str, Recording]]


def scene_of(subject: str) -> str | None:
    """The scene of a subject of the test set, e.g. "outdoor" for "TS5"; `None` for all others."""
    return next((scene for scene, subjects in SCENES.items() if subject.partition(" ")[0] in subjects), None)


def locate(name: str, data_dir: str | Path, keypoints: str, cache_dir: str | Path) -> tuple[Path, ...]:
    """(3D file, 2D file), or the training file and, where it is there, the test file of P-STMO.

    Raises:
        InputFileMissing: neither is there; the message says where they belong and come from.
    """
    folder = Path(data_dir)
    pair = [folder / file for file in file_names(name, keypoints)]
    train, test = folder / TRAIN_FILE, folder / TEST_FILE
    if any(path.is_file() for path in pair):
        return locate_pair(name, data_dir, keypoints, todo=_WHERE_FROM)
    if keypoints == "gt" and (train.is_file() or test.is_file()):
        return tuple(path for path in (train, test) if path.is_file())
    refuse_single_poses(folder, [f"data_3d_{n}.npz" for n in (name, *_NAMES)], _FROM_ORIGINAL)
    other = next((n for n in _NAMES if (folder / f"data_3d_{n}.npz").is_file()), name)
    return locate_pair(other, data_dir, keypoints, todo=_WHERE_FROM)


def load(name: str, paths: Sequence[Path], keypoints: str) -> PoseDataset:
    """Read the files that `locate` gave.

    Raises:
        InputFileMissing, BadFileError, HostileFileError: as `read_npz`; also for a layout that is none of those above,
            poses whose root is not in camera space, and 2D that does not belong to the 3D.
    """
    members = NpzFile(paths[0])
    notes: list[str] = []
    if "positions_3d" in members:
        if not _is_by_view(members["positions_3d"]):
            return custom.load(name, paths, keypoints)
        takes = _published_views(members["positions_3d"], paths, notes)
    else:
        takes = {}
        for path in paths:
            takes |= _pstmo_file(path, members if path == paths[0] else NpzFile(path), notes)
    if not any("keep every second frame" in note for note in notes):
        notes.append(f"Assumed: {FPS:.0f} frames per second; some sequences were recorded at 50.")
    return _dataset(name, keypoints, takes, notes)


# The layouts


def _is_by_view(subjects: object) -> bool:
    takes = [take for s in _dicts(subjects) for take in s.values()]
    return bool(takes) and all(isinstance(take, (list, tuple, dict)) for take in takes)


def _dicts(value: object) -> list[dict]:
    return [v for v in value.values() if isinstance(v, dict)] if isinstance(value, dict) else []


def _published_views(positions_3d: Mapping, paths: Sequence[Path], notes: list[str]) -> Takes:
    """`positions_3d` -> {subject: {take: [per camera]}} and `positions_2d` likewise."""
    path_3d, path_2d = paths
    members = NpzFile(path_2d)
    if not isinstance(members.get("positions_2d"), dict):
        raise BadFileError("has no 'positions_2d' with a dict of subjects", where=path_2d)
    order = _joint_order(members.get("metadata"), positions_3d, path_2d)
    takes: Takes = {}
    without: list[str] = []
    for subject, of_subject in positions_3d.items():
        if not isinstance(of_subject, dict):
            raise BadFileError("'positions_3d' must be a dict of subjects, each a dict of takes", where=path_3d)
        for take, views_3d in of_subject.items():
            views_2d = members["positions_2d"].get(subject, {})
            views_2d = views_2d.get(take) if isinstance(views_2d, dict) else None
            if views_2d is None:
                without.append(f"{subject}/{take}")
                continue
            where = f"{path_3d}, {subject}/{take}"
            takes.setdefault(str(subject), {})[str(take)] = _recording(views_3d, views_2d, order, 0, where)
    if without:
        notes.append(f"Takes with 3D but without 2D were left out: {len(without)} ({few(without)}).")
    if not takes:
        raise BadFileError(f"no take of it is also in {path_2d.name}", where=path_3d)
    return takes


def _joint_order(metadata: object, positions_3d: Mapping, path: Path) -> tuple[int, ...]:
    """Which of the file's joints each joint of Human3.6M is, by which are left and right, or by the bodies."""
    symmetry = metadata.get("keypoints_symmetry") if isinstance(metadata, dict) else None
    try:
        left, right = symmetry if isinstance(symmetry, (list, tuple, np.ndarray)) else ()
        pairs = {(int(a), int(b)) for a, b in zip(left, right, strict=True)}
    except (TypeError, ValueError, OverflowError):
        if order := _order_of_bodies(positions_3d):
            return order
        raise BadFileError(
            "its 'metadata' has no 'keypoints_symmetry', so the order of the joints is not known", where=path
        ) from None
    if pairs == set(zip(SKELETON.left_indices, SKELETON.right_indices)):
        return tuple(range(len(JOINTS)))
    if pairs == _SYMMETRY_3DHP:
        return TO_H36M17
    raise BadFileError(
        "its joints are neither in the order of Human3.6M nor in that of MPI-INF-3DHP's test set", where=path
    )


def _order_of_bodies(positions_3d: Mapping) -> tuple[int, ...] | None:
    """The one order of joints in which the root lies between the hips; `None` where none or both do so."""
    for views in (take for subject in _dicts(positions_3d) for take in subject.values()):
        listed = _listed(views, "") if isinstance(views, (list, tuple, dict)) else []
        pose = listed[0][:_FRAMES_TO_TELL] if listed and isinstance(listed[0], np.ndarray) else np.empty(0)
        if pose.ndim == 3 and pose.shape[1:] == (len(JOINTS), 3) and pose.dtype.kind in "fiu" and len(pose):
            orders = (tuple(range(len(JOINTS))), TO_H36M17)
            fitting = [order for order in orders if _root_lies_between_hips(pose[:, list(order)].astype(np.float64))]
            return fitting[0] if len(fitting) == 1 else None
    return None


def _root_lies_between_hips(pose: np.ndarray) -> bool:
    try:
        pose = with_absolute_root(pose, 0)
    except BadFileError:
        return False
    right, left = pose[:, JOINTS.index("RHip")], pose[:, JOINTS.index("LHip")]
    apart = np.linalg.norm(pose[:, 0] - (left + right) / 2, axis=-1)
    return bool(np.median(apart) < _HIPS_APART * np.median(np.linalg.norm(left - right, axis=-1)))


def _recording(views_3d: object, views_2d: object, order: Sequence[int], root: int, where: str) -> Recording:
    listed_3d, listed_2d = _listed(views_3d, where), _listed(views_2d, where)
    if len(listed_3d) != len(listed_2d) or not 0 < len(listed_3d) <= _MOST_CAMERAS:
        raise BadFileError(f"has 3D of {len(listed_3d)} cameras and 2D of {len(listed_2d)}", where=where)
    poses, pixels = [], []
    for index, (pose, view) in enumerate(zip(listed_3d, listed_2d)):
        pose = _array(pose, 3, f"{where}/camera {index}")[:, list(order)]
        view = _array(view, 2, f"{where}/camera {index}")[:, list(order)]
        frames = min(len(pose), len(view))
        if len(view) < len(pose):
            raise BadFileError(f"has {len(view)} frames of 2D for {len(pose)} of 3D", where=f"{where}/camera {index}")
        try:
            poses.append(_in_metres(with_absolute_root(pose[:frames], root)))
        except BadFileError as error:
            raise BadFileError(error.what, where=f"{where}/camera {index}", todo=error.todo) from None
        pixels.append(view[:frames].astype(np.float32))
    shortest = min(map(len, poses))
    return Recording([p[:shortest] for p in poses], [v[:shortest] for v in pixels])


def _listed(views: object, where: str) -> list:
    """The views of a take in order, from a list, an array of four dimensions or a dict by camera."""
    if isinstance(views, dict):
        return [views[key] for key in sorted(views, key=lambda k: (len(str(k)), str(k)))]
    if isinstance(views, (list, tuple)) or (isinstance(views, np.ndarray) and views.ndim == 4):
        return list(views)
    raise BadFileError(f"must hold one array per camera, not {kind_of(views)}", where=where)


def _array(value: object, dimensions: int, where: str) -> np.ndarray:
    """(T, 17, dimensions) float64; a third column of 2D and a dimension of one person are dropped."""
    array = np.asarray(value) if isinstance(value, np.ndarray) else np.empty(0)
    if array.ndim == 4 and array.shape[1] == 1:
        array = array[:, 0]
    fits = array.ndim == 3 and array.shape[1] == len(JOINTS) and array.shape[2] in (dimensions, 3)
    if not fits or array.dtype.kind not in "fiu" or not len(array):
        raise BadFileError(f"must be an array of shape (frames, 17, {dimensions}), not {kind_of(value)}", where=where)
    array = array[..., :dimensions].astype(np.float64)
    if not (np.abs(array) < _LARGEST).all():
        frame, joint, _ = np.argwhere(~(np.abs(array) < _LARGEST))[0]
        raise BadFileError(f"frame {frame}, joint {joint} is not a finite number of sensible size", where=where)
    return array


def _in_metres(poses: np.ndarray) -> np.ndarray:
    height = stature(poses)
    if 0.8 <= height <= 3:
        return poses
    if 800 <= height <= 3000:
        return poses / 1000
    raise BadFileError(f"a person in it is {height:.3g} units tall, neither metres nor millimetres")


def _pstmo_file(path: Path, members: Mapping[str, object], notes: list[str]) -> Takes:
    data = members.get("data")
    if has_single_poses(members):
        raise BadFileError(SINGLE_POSES, where=path, todo=_FROM_ORIGINAL)
    if not isinstance(data, dict) or not data:
        raise BadFileError("has neither 'positions_3d' nor 'data' with a dict of sequences", where=path)
    takes: Takes = {}
    halved: list[str] = []
    invalid = 0
    for sequence, value in data.items():
        where = f"{path}, {str(sequence)[:40]}"
        if isinstance(value, dict) and "data_3d" in value:
            left_out = _test_sequence(str(sequence), value, where, takes)
            invalid += left_out
            continue
        cameras = value[0] if isinstance(value, (list, tuple)) and value else value
        if not isinstance(cameras, dict) or not all(isinstance(c, dict) for c in cameras.values()) or not cameras:
            raise BadFileError("must hold a dict of cameras, each with data_2d and data_3d", where=where)
        subject, _, take = str(sequence).partition(" ")
        views_3d, views_2d = (
            {camera: values.get(key) for camera, values in cameras.items()} for key in ("data_3d", "data_2d")
        )
        recording = _recording(views_3d, views_2d, TO_H36M17, 0, where)
        if isinstance(value, (list, tuple)) and len(value) > 1 and value[1] == 2 * FPS:
            recording = Recording([p[::2] for p in recording.poses_cam_m], [v[::2] for v in recording.poses_px])
            halved.append(str(sequence)[:40])
        takes.setdefault(subject, {})[take or "Seq"] = recording
    if halved:
        notes.append(f"Sequences at 50 frames per second keep every second frame: {few(halved)}.")
    if invalid:
        notes.append(f"Frames of the test set that are marked as not valid were left out: {invalid}.")
    return takes


def _test_sequence(sequence: str, value: Mapping, where: str, takes: Takes) -> int:
    """Add the runs of valid frames of a test sequence; how many frames are not valid."""
    whole = _recording([value.get("data_3d")], [value.get("data_2d")], TO_H36M17, 0, where)
    frames = len(whole.poses_cam_m[0])
    valid = np.ones(frames, bool)
    if value.get("valid") is not None:
        marks = np.asarray(value["valid"]) if isinstance(value["valid"], np.ndarray) else np.empty(0)
        if marks.size < frames or marks.dtype.kind not in "biuf":
            raise BadFileError(f"'valid' must have one number for each of {frames} frames", where=where)
        valid = marks.ravel()[:frames] > 0
    activities = _activities(value.get("activity"), frames)
    parts = [
        (start + first, start + end, name)
        for start, stop in whole_runs(np.where(valid[:, None, None], whole.poses_cam_m[0], np.nan), 2)
        for first, end, name in _stretches(activities[start:stop])
    ]
    of_name: dict[str, int] = {}
    alone = len({name for *_, name in parts}) == len(parts)
    for start, end, name in parts:
        number = of_name[name] = of_name.get(name, -1) + 1
        takes.setdefault(sequence, {})[name if alone else f"{name} part {number}"] = Recording(
            [whole.poses_cam_m[0][start:end]], [whole.poses_px[0][start:end]]
        )
    return int((~valid).sum())


def _activities(numbers: object, frames: int) -> list[str]:
    """The name of each frame's activity; "Seq" where the file does not tell."""
    found = np.asarray(numbers).ravel() if isinstance(numbers, np.ndarray) else np.empty(0)
    if len(found) < frames or found.dtype.kind not in "biuf":
        return ["Seq"] * frames
    return [ACTIVITIES[int(n) - 1] if 1 <= n <= len(ACTIVITIES) else "Seq" for n in found[:frames]]


def _stretches(names: Sequence[str]) -> list[tuple[int, int, str]]:
    """(first, end, name) of each run of equal names; a single frame belongs to the run before it."""
    found: list[tuple[int, int, str]] = []
    for index, name in enumerate(names):
        if found and (found[-1][2] == name or index + 1 == len(names) or names[index + 1] != name):
            found[-1] = (found[-1][0], index + 1, found[-1][2])
        else:
            found.append((index, index + 1, name))
    return found


# The data set


def _dataset(name: str, keypoints: str, takes: Takes, notes: list[str]) -> PoseDataset:
    positions_3d, positions_2d, cameras = {}, {}, {}
    train: list[str] = []
    test: list[str] = []
    for subject, recordings in takes.items():
        worlds = into_one_world(
            recordings,
            feet=_FEET,
            head=_HEAD,
            names=tuple(f"video_{i}" for i in range(14)),
            sizes_px=_SIZES_PX,
            where=subject,
        )
        for world in worlds:
            own = _subject_name(subject, world, len(worlds))
            positions_3d[own] = dict(world.poses_world_m)
            positions_2d[own] = {take: list(recordings[take].poses_px) for take in world.poses_world_m}
            cameras[own] = world.cameras
            (test if subject.startswith("TS") else train).append(own)
    notes.append(
        "Positions were given in camera space: the world was made from the cameras, its vertical from standing people."
    )
    return PoseDataset(
        name=name,
        keypoints=keypoints,
        skeleton=SKELETON,
        fps=FPS,
        positions_3d_world_m=positions_3d,
        positions_2d_px=positions_2d,
        cameras=cameras,
        train_subjects=tuple(train),
        test_subjects=tuple(test),
        notes=tuple(notes),
    )


def _subject_name(subject: str, world: WorldOfViews, worlds: int) -> str:
    return subject if worlds == 1 else f"{subject} {next(iter(world.poses_world_m))}"


DATASET = DatasetPlugin(locate, load)


# The original files


@dataclass(frozen=True)
class ImportReport:
    """What an import made: the files written, {file: why it was left out}, and notes."""

    paths: tuple[Path, ...]
    left_out: Mapping[str, str]
    notes: tuple[str, ...]


def import_3dhp(
    folder: str | Path,
    data_dir: str | Path,
    name: str = "mpi_inf_3dhp",
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ImportReport:
    """Make `data_3d_NAME.npz` and `data_2d_NAME_gt.npz` of the original annotations, in one world with cameras.

    Sequences that were recorded at 50 frames per second keep every second frame, so that all have 25.

    Args:
        folder: holds `S1/Seq1/annot.mat`, ... and `TS1/annot_data.mat`, ..., at any depth.

    Raises:
        InputFileMissing: there are no such files.
        BadFileError: none of them can be used; the message gives the reason of the first.
        MissingExtraError: scipy is not installed, which reads `annot.mat`.
    """
    folder = Path(folder)
    files = sorted([*folder.rglob("annot.mat"), *folder.rglob("annot_data.mat")]) if folder.is_dir() else []
    if not files:
        _refuse_single_poses(folder)
        raise InputFileMissing("holds no annot.mat and no annot_data.mat", where=folder, todo=_WHERE_FROM)
    takes: Takes = {}
    left_out: dict[str, str] = {}
    notes: list[str] = []
    for done, file in enumerate(files):
        try:
            _original(file, takes, notes)
        except BadFileError as error:
            left_out[file.relative_to(folder).as_posix()] = error.what
        progress(done + 1, len(files))
    if not takes:
        first = next(iter(left_out.items()))
        raise BadFileError(f"none of {len(files)} files can be used; {first[0]}: {first[1]}", where=folder)
    if any(take in _RECORDED_AT_50 for take in ((s, t) for s, own in takes.items() for t in own)):
        notes.append("Sequences that were recorded at 50 frames per second keep every second frame.")
    dataset = _dataset(name, "gt", takes, notes)
    metadata = skeleton_metadata(SKELETON, FPS) | {
        "train_subjects": list(dataset.train_subjects),
        "test_subjects": list(dataset.test_subjects),
    }
    paths = write_pair(data_dir, name, dataset.positions_3d_world_m, dataset.positions_2d_px, dataset.cameras, metadata)
    return ImportReport(paths, left_out, tuple(notes))


def _refuse_single_poses(folder: Path) -> None:
    """Say what SPIN's and PoseAug's files are, where someone gives them instead of the original ones."""
    for path in sorted(folder.glob("*.npz")) if folder.is_dir() else [folder]:
        if path.suffix == ".npz" and path.is_file() and has_single_poses(NpzFile(path)):
            raise BadFileError(SINGLE_POSES, where=path, todo=_FROM_ORIGINAL)


def _original(file: Path, takes: Takes, notes: list[str]) -> None:
    """Add the takes of one annotation file."""
    if file.name == "annot_data.mat":
        subject = file.parent.name
        values = {
            "data_3d": read_array(file, ("annot3",)),
            "data_2d": read_array(file, ("annot2",)),
            "valid": read_array(file, ("valid_frame",)),
            "activity": _if_there(file, "activity_annotation"),
        }
        invalid = _test_sequence(subject, values, str(file), takes)
        if invalid:
            notes.append(f"Frames of {subject} that are marked as not valid were left out: {invalid}.")
        return
    subject, take = file.parent.parent.name, file.parent.name
    step = 2 if (subject, take) in _RECORDED_AT_50 else 1
    poses, pixels = (read_cells(file, name) for name in ("annot3", "annot2"))
    if len(poses) != len(pixels) or not 0 < len(poses) <= _MOST_CAMERAS:
        raise BadFileError(f"has 3D of {len(poses)} cameras and 2D of {len(pixels)}", where=file)
    views_3d = [_of_28(pose, 3, file)[::step] for pose in poses]
    views_2d = [_of_28(view, 2, file)[::step] for view in pixels]
    takes.setdefault(subject, {})[take] = _recording(views_3d, views_2d, TO_H36M17, 0, str(file))


def _if_there(file: Path, name: str) -> np.ndarray | None:
    try:
        return read_array(file, (name,))
    except BadFileError:
        return None


def _of_28(view: np.ndarray, dimensions: int, file: Path) -> np.ndarray:
    """(T, 28 * dimensions) -> (T, 17, dimensions) in the order of the test set."""
    if view.ndim != 2 or view.shape[1] != 28 * dimensions or not len(view):
        raise BadFileError(f"has an array of the shape {view.shape}, not (frames, {28 * dimensions})", where=file)
    return view.reshape(len(view), 28, dimensions)[:, list(_FROM_28)]
