"""Files of published code that hold many takes of Human3.6M at once: annotations of PoseNet, and pickles and arrays.

- PoseNet and its followers: `Human36M_subject1_joint_3d.json`, {action: {take: {frame: 17 points}}} in millimetres of
  the world, beside `Human36M_subject1_camera.json`, {camera: {R, t, f, c}}, by numbers that begin at 1 (action at 2).
  `t` is `-R C` in some of these files and the centre `C` of the camera in others; which it is, the people in the image
  tell. Source: mks0601/3DMPPE_POSENET_RELEASE (data/Human36M).
- EvoSkeleton and the programs it comes from: {(subject, action, name of a file): rows of numbers}, 3D in millimetres of
  the world (96 columns) or 2D in pixels with the camera in the name. Source: Nicholasli1995/EvoSkeleton
  (docs/TRAINING.md, libs/dataset/h36m/data_utils.py).
- MotionBERT and MotionAGFormer: {split: {joint_2d, source, ...}} with a row for each image. Source:
  Walter0807/MotionBERT (lib/data/datareader_h36m.py).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from srnet_core.datasets._h36m_names import CAMERA_IDS, DAMAGED, named_take, numbered_take, numbered_video
from srnet_core.datasets._video_detections import VideoDetections
from srnet_core.datasets._wording import few, kind_of
from srnet_core.errors import BadFileError, InputFileMissing
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.h36m_cameras import SUBJECTS, h36m_cameras
from srnet_core.geometry.rotation import matrix_to_quaternion
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.npz import read_npy
from srnet_core.readers.pickle_file import read_pickle_file
from srnet_core.readers.text import parse_json
from srnet_core.skeletons import h36m17, h36m32

_JOINTS_3D, _CAMERAS = "_joint_3d.json", "_camera.json"
_SUBJECT = re.compile(r"subject_?(\d{1,2})", re.ASCII | re.IGNORECASE)
_FRAMES_TO_TELL = 50
_SEEN_SHARE = 0.9  # of the joints, that a camera of the right convention has in front of it and in its image
_MOST_FRAMES = 100_000
_LARGEST_MM = 1e5
_LARGEST_OF_CAMERA = 1e7  # mm or px

Poses = dict[str, dict[str, np.ndarray]]
Rigs = dict[str, tuple[Camera, ...]]
Progress = Callable[[int, int], None]


def annotation_files(folder: Path) -> list[Path]:
    """PoseNet's files of joints in a folder, at any depth; those of subjects without 3D are passed over."""
    files = sorted(folder.rglob(f"*{_JOINTS_3D}")) if folder.is_dir() else []
    return [path for path in files if _subject_in(path.name) in SUBJECTS]


def read_annotations(files: Sequence[Path], progress: Progress) -> tuple[Poses, Rigs, list[str]]:
    """({subject: {take: (T, 17, 3) metres}}, cameras of each subject, notes) of PoseNet's files.

    Raises:
        InputFileMissing, BadFileError, HostileFileError: a file cannot be read or is of another form.
    """
    poses: Poses = {}
    rigs: Rigs = {}
    without: list[str] = []
    for done, path in enumerate(files):
        subject = _subject_in(path.name)
        poses[subject] = dict(_takes_of(parse_json(read_bounded(path), path), subject, path))
        beside = path.with_name(path.name.replace(_JOINTS_3D, _CAMERAS))
        if beside.is_file():
            rigs[subject] = _rig(parse_json(read_bounded(beside), beside), list(poses[subject].values()), beside)
        else:
            rigs[subject] = h36m_cameras()[subject]
            without.append(subject)
        progress(done + 1, len(files))
    notes = [f"No file of cameras: {few(without)}. Human3.6M's own were taken."] if without else []
    if len(without) < len(files):
        notes.append("The cameras of the files have no lens distortion; so has the exact 2D.")
    return poses, rigs, notes


def _subject_in(name: str) -> str:
    match = _SUBJECT.search(name)
    return f"S{int(match[1])}" if match else ""


def _takes_of(value: object, subject: str, path: Path) -> Iterator[tuple[str, np.ndarray]]:
    if not isinstance(value, dict) or not all(isinstance(takes, dict) for takes in value.values()) or not value:
        raise BadFileError("must hold {action: {take: {frame: joints}}}", where=path)
    for action, takes in value.items():
        for number, frames in takes.items():
            where = f"{path}, action {str(action)[:20]}, take {str(number)[:20]}"
            take = numbered_take(subject, _number(action), _number(number))
            if take is None:
                raise BadFileError("Human3.6M has the actions 2 to 16, and 2 takes of each", where=where)
            if (subject, take) != DAMAGED:
                yield take, _frames(frames, where)


def _number(text: object) -> int:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 9 else -1


def _frames(value: object, where: str) -> np.ndarray:
    """(T, 17, 3) float32 metres of {number: 17 points in millimetres}; frames that are missing are NaN."""
    numbers = [_number(key) for key in value] if isinstance(value, dict) else []
    if not isinstance(value, dict) or not numbers or min(numbers) < 0 or max(numbers) >= _MOST_FRAMES:
        raise BadFileError("must hold joints by the number of the frame", where=where)
    ordered = sorted(numbers)
    steps = np.diff(ordered)
    if len(steps) and np.median(steps) > 1:
        raise BadFileError(
            f"holds every {np.median(steps):.0f}th frame only (numbers {few(ordered)})",
            where=where,
            todo="Give the annotations of all frames, or the archive",
        )
    try:
        points = np.array(list(value.values()), dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        points = np.empty(0)
    joints = h36m17.SKELETON.num_joints
    if points.shape[1:] != (joints, 3) or not (np.abs(points) < _LARGEST_MM).all():
        raise BadFileError(f"frames must hold {joints} points (x, y, z) in millimetres", where=where)
    poses = np.full((ordered[-1] - ordered[0] + 1, joints, 3), np.nan, np.float32)
    poses[np.array(numbers) - ordered[0]] = points / 1000
    return poses


def _rig(value: object, takes: Sequence[np.ndarray], path: Path) -> tuple[Camera, ...]:
    """The cameras of {number: {R, t, f, c}}, in the order of their numbers."""
    if not isinstance(value, dict) or not value or min(map(_number, value)) < 1:
        raise BadFileError("must hold cameras by their numbers, from 1 on", where=path)
    poses = np.concatenate([take[:: max(len(take) // _FRAMES_TO_TELL, 1)] for take in takes]).astype(np.float64)
    poses = poses[np.isfinite(poses).all((1, 2))]
    known = h36m_cameras()["S1"]
    cameras = []
    for key in sorted(value, key=_number):
        where, index = f"{path}, camera {key}", _number(key) - 1
        rotation, shift, focal, center = (
            _array(value[key], name, shape, where)
            for name, shape in (("R", (3, 3)), ("t", (3,)), ("f", (2,)), ("c", (2,)))
        )
        if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-3 or focal.min() <= 0 or center.min() <= 0:
            raise BadFileError("R is no rotation, or f and c are not positive", where=where)
        like = known[index] if index < len(known) else None
        size = (like.width_px, like.height_px) if like else (round(2 * center[0]), round(2 * center[1]))
        places = (-rotation.T @ shift / 1000, shift / 1000)  # of `t = -R C`, and of `t = C`
        seen = [_seen_share((poses - place) @ rotation.T, focal, center, size) for place in places]
        if max(seen) < _SEEN_SHARE:
            raise BadFileError("does not have the people of these annotations in its image", where=where)
        cameras.append(
            Camera(
                id=CAMERA_IDS[index] if index < len(CAMERA_IDS) else key,
                width_px=size[0],
                height_px=size[1],
                focal_length_px=(focal[0], focal[1]),
                center_px=(center[0], center[1]),
                orientation=tuple(matrix_to_quaternion(rotation.T)),
                translation_m=tuple(places[int(np.argmax(seen))]),
            )
        )
    return tuple(cameras)


def _array(camera: object, name: str, shape: tuple[int, ...], where: str) -> np.ndarray:
    try:
        values = np.array(camera[name], dtype=np.float64).reshape(shape) if isinstance(camera, dict) else np.empty(0)
    except (KeyError, TypeError, ValueError, OverflowError):
        values = np.empty(0)
    if values.shape != shape or not (np.abs(values) < _LARGEST_OF_CAMERA).all():
        raise BadFileError(f"{name} must hold {int(np.prod(shape))} numbers of sensible size", where=where)
    return values


def _seen_share(points_cam: np.ndarray, focal: np.ndarray, center: np.ndarray, size: Sequence[int]) -> float:
    depth = points_cam[..., 2]
    with np.errstate(all="ignore"):
        pixels = points_cam[..., :2] / depth[..., None] * focal + center
    inside = (pixels >= 0).all(-1) & (pixels < np.array(size)).all(-1)
    return float((inside & (depth > 0)).mean()) if depth.size else 0.0


# Pickles and arrays with all takes


def read_collections(path: Path) -> list[tuple[Path, dict]]:
    """The dicts in a pickle or an array of objects, or in those of a folder."""
    files = [path] if path.is_file() else sorted([*path.glob("*.npy"), *path.glob("*.pkl")]) if path.is_dir() else []
    found = []
    for file in files:
        if file.suffix not in (".npy", ".pkl"):
            continue
        value = read_npy(file) if file.suffix == ".npy" else read_pickle_file(file)
        if isinstance(value, dict):
            found.append((file, value))
    return found


def poses_by_name(collections: Sequence[tuple[Path, Mapping]]) -> Poses:
    """{subject: {take: (T, 32 or 17, 3) float32 metres}} of arrays in millimetres by (subject, action, name of a file).

    Raises:
        BadFileError: an array is no poses in millimetres; the message names it.
    """
    poses: Poses = {}
    for path, value in collections:
        for key, array in value.items():
            if not (place := _named_place(key)) or not isinstance(array, np.ndarray) or array.ndim != 2:
                continue
            joints = array.shape[1] // 3
            if array.shape[1] % 3 or joints not in (h36m32.SKELETON.num_joints, h36m17.SKELETON.num_joints):
                continue
            if array.dtype.kind not in "fiu" or not len(array) or not (np.abs(array) < _LARGEST_MM).all():
                raise BadFileError("its positions are not those of a person in millimetres", where=f"{path}, {place}")
            subject, take, _ = place
            if (subject, take) != DAMAGED:
                poses.setdefault(subject, {})[take] = (array.reshape(-1, joints, 3) / 1000).astype(np.float32)
    return poses


def detections_by_name(collections: Sequence[tuple[Path, Mapping]]) -> dict[tuple[str, str, int], VideoDetections]:
    """{(subject, take, index of the camera): detections} of pickles and arrays that hold many videos.

    Raises:
        BadFileError: an array is no keypoints in pixels; the message names it.
    """
    found: dict[tuple[str, str, int], VideoDetections] = {}
    for path, value in collections:
        for key, array in value.items():
            place = _named_place(key)
            if place and place[2] is not None and isinstance(array, np.ndarray) and array.ndim == 2:
                found[place[0], place[1], place[2]] = _video(path, array.reshape(len(array), -1, 2), None)
        for split in value.values():
            if isinstance(split, dict) and {"joint_2d", "source"} <= split.keys():
                found |= dict(_of_motionbert(path, split))
    return {place: video for place, video in found.items() if place[:2] != DAMAGED and place[0] in SUBJECTS}


def _named_place(key: object) -> tuple[str, str, int | None] | None:
    """(subject, take, camera) of (1, "Directions", "Directions_1.54138969.h5-sh"); no camera in names of 3D files."""
    if not isinstance(key, tuple) or len(key) != 3 or not isinstance(key[2], str):
        return None
    subject = f"S{str(key[0])[:4]}"
    name, *rest = key[2].split(".")
    camera = next((CAMERA_IDS.index(part) for part in rest if part in CAMERA_IDS), None)
    return (subject, named_take(name), camera) if subject in SUBJECTS else None


def _of_motionbert(path: Path, split: Mapping) -> Iterator[tuple[tuple[str, str, int], VideoDetections]]:
    points, sources = split["joint_2d"], split["source"]
    if not isinstance(points, np.ndarray) or not isinstance(sources, (list, tuple, np.ndarray)):
        raise BadFileError(f"joint_2d must be an array, not {kind_of(points)}", where=path)
    if points.ndim != 3 or len(points) != len(sources):
        raise BadFileError("does not name the video of each of its images", where=path)
    rows: dict[str, list[int]] = {}
    for row, source in enumerate(sources):
        rows.setdefault(str(source)[:80], []).append(row)
    for source, of_source in rows.items():
        if (place := numbered_video(source)) and place[2] is not None:
            yield (place[0], place[1], place[2]), _video(path, points[of_source], "h36m17")


def _video(path: Path, points: np.ndarray, layout: str | None) -> VideoDetections:
    fits = points.dtype.kind in "fiu" and points.ndim == 3 and points.shape[2] >= 2 and points.size
    if not fits or not (np.isnan(points) | (np.abs(points) < 1e6)).all():
        raise BadFileError("holds an array that is no keypoints in pixels", where=path)
    return VideoDetections(path, points[..., :2].astype(np.float32), layout)


def nothing_found(folder: Path) -> InputFileMissing:
    """The error for a path that holds none of the forms of Human3.6M's 3D."""
    return InputFileMissing(
        "holds no 3D positions of Human3.6M (.h5, .cdf or .mat in folders S1, S5, ...; *_joint_3d.json)",
        where=folder,
        todo="Give the unpacked archive, the folder of the original files with D3_Positions, or that of PoseNet's "
        "annotations",
    )
