"""Pickles (.pkl) of keypoints and 3D joints, read without running what they name.

AIST++: `keypoints2d` (cameras, frames, 17, 3), or `keypoints3d_optim` and `keypoints3d` (frames, 17, 3) in centimetres;
17 joints of COCO at 60 frames per second. Source: google/aistplusplus_api, aist_plusplus/loader.py.
MMAction2 and PYSKL: a list of takes, each with `keypoint` (people, frames, joints, 2 or 3), `keypoint_score`,
`frame_dir` and `img_shape`; or that list as `annotations` beside `split`. Source: open-mmlab/mmaction2,
tools/data/skeleton.
WHAM and others: people by their numbers, each with `keypoints` and the frames that they are in.
VIBE, as joblib writes it: people by their numbers, each with `joints2d_img_coord` (frames, 49, 2) and `frame_ids`.
MMPose: what `--out` and `--dump` of its tests write, and lists of people for each frame.
DWPose: a list of frames, or an .npy file of them, each with `bodies` of `candidate` and `subset`.
Other pickles are read where they hold one array of keypoints, as .npy and .npz files are.
"""

from collections.abc import Iterator
from typing import TypeGuard

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.layouts import get_layout
from srnet_core.motion import Motion
from srnet_core.readers import plain
from srnet_core.readers._arrays_as_lists import as_lists
from srnet_core.readers._frames_found import frames_in
from srnet_core.readers._known_files import COMPUTE_THE_JOINTS, of_deeplabcut, of_values
from srnet_core.readers._plain_array import Array, as_array, float64
from srnet_core.readers._poses import Poses, checked, one_or_many
from srnet_core.readers._poses import described as described_poses
from srnet_core.readers._poses import detections_of as detections_of_poses
from srnet_core.readers._poses import motions_of as motions_of_poses
from srnet_core.readers._published_pickles import recordings_in
from srnet_core.readers.detections import MOST_PEOPLE, MOST_VALUES, Detections, ReadOptions, image_size
from srnet_core.readers.frames import natural_key
from srnet_core.readers.head import Head
from srnet_core.readers.inert import refuse_records
from srnet_core.readers.pickle_file import PROTOCOLS, read_pickle_file

FORMAT = "pickle"
_AIST_FPS = 60.0
_OF_AIST_2D, _OF_AIST_3D = "keypoints2d", ("keypoints3d_optim", "keypoints3d")
_OF_A_TRACK, _FRAMES_OF_A_TRACK = (
    ("joints2d_img_coord", "keypoints", "joints2d", "kpts", "keypoints_2d"),
    ("frame_id", "frame_ids", "frames"),
)
_MOST_PLAIN_VALUES, _MOST_LEVELS = 20_000_000, 12
_NPY, _OBJECTS = b"\x93NUMPY", b"'descr': '|O'"
_OF_SMPL = ("smpl_poses", "poses", "pose_body", "global_orient", "body_pose", "smpl_trans")


def sniff(head: Head) -> float:
    if head.is_npz:
        return 0.3 if _member_of_dicts(head) is not None else 0.0
    if head.start.startswith(_NPY):
        return 0.6 if _OBJECTS in head.start[:128] and _holds_dicts(head.npy) else 0.0
    return 0.5 if (head.unpacked_start or head.start).startswith(PROTOCOLS) else 0.0


def describe(head: Head) -> dict | None:
    """What a pickle of 3D points holds; `None` for 2D, which `read` reads."""
    return described(_value(head), head)


def motions(head: Head) -> dict[str, Motion] | None:
    """{person: motion} of a pickle of 3D points; `None` for 2D."""
    return motions_in(_value(head), head)


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The keypoints, a sequence for each camera or take.

    Raises:
        BadFileError: there is no array of keypoints in it, or it holds 3D points.
        HostileFileError: it asks for what only an attack needs.
    """
    return sequences_in(_value(head), head)


def _value(head: Head) -> object:
    if head.is_npz:
        value = _member_of_dicts(head)
    else:
        value = head.npy if head.start.startswith(_NPY) else read_pickle_file(head.path)
    if isinstance(value, np.ndarray) and value.dtype == object and value.ndim == 1:
        value = value.tolist()
    refuse_records(value, head.path)
    return value


# Of values that were read before: pickles, and files of torch


def described(value: object, head: Head) -> dict | None:
    """As `describe`."""
    if isinstance(found := _content(value, head), Poses):
        return described_poses(checked(found, head.path), FORMAT)
    first = next(iter(found.values()))
    return plain.described(first) if first.is_3d else None


def motions_in(value: object, head: Head) -> dict[str, Motion] | None:
    """As `motions`."""
    if isinstance(found := _content(value, head), Poses):
        return motions_of_poses(checked(found, head.path), FORMAT)
    first = next(iter(found.values()))
    return plain.motions_of(first) if first.is_3d else None


def sequences_in(value: object, head: Head) -> list[Detections]:
    """As `read`."""
    if isinstance(found := _content(value, head), Poses):
        return [detections_of_poses(checked(found, head.path), FORMAT, head.path)]
    if next(iter(found.values())).is_3d:
        raise BadFileError("holds 3D points, not 2D keypoints", where=head.path)
    return [plain.detections_of(array, head, sequence=name) for name, array in found.items()]


def _content(value: object, head: Head) -> Poses | dict[str, Array]:
    """Lists and objects as in JSON, or {sequence: array}; at least one."""
    if (known := of_deeplabcut(value)) is not None:
        raise BadFileError(known[0], where=head.path, todo=known[1])
    if (poses := _poses(value)) is not None:
        return poses
    if (arrays := _arrays(value, head)) is not None:
        return arrays
    if (recordings := recordings_in(value, head, FORMAT)) is not None:
        return recordings
    if _holds_dicts(value) and (poses := _poses(as_lists(value))) is not None:
        return poses
    try:
        return {"": as_array(FORMAT, value, head)}
    except BadFileError:
        if (known := of_values(value)) is None:
            raise
        raise BadFileError(known[0], where=head.path, todo=known[1]) from None


def _member_of_dicts(head: Head) -> object:
    """The one member of an .npz file that holds objects of named values; `None` where it has none or several."""
    found = [value for value in head.npz.values() if _holds_dicts(value)]
    return found[0] if len(found) == 1 else None


def _holds_dicts(value: object) -> bool:
    """Whether there are objects of named values in it, as in JSON: one, or one for each frame."""
    if isinstance(value, np.ndarray):
        value = value.tolist() if value.dtype == object and value.ndim == 1 else None
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value))


def _poses(value: object) -> Poses | None:
    """Lists and objects as in JSON, e.g. OpenPose's people in a list for each frame; `None` for anything else."""
    if not isinstance(value, (list, dict)) or not _is_plain(value, [_MOST_PLAIN_VALUES]):
        return None
    frames, context = frames_in(value)
    return Poses(one_or_many(frames), context) if any(frame.people for frame in frames) else None


def _is_plain(value: object, left: list[int], level: int = 0) -> bool:
    """Whether nothing but lists, objects of named values, numbers and text is inside; `left`: values to look at."""
    left[0] -= 1
    if left[0] < 0 or level > _MOST_LEVELS:
        return False
    if isinstance(value, list):
        return all(_is_plain(item, left, level + 1) for item in value)
    if isinstance(value, dict):
        return all(isinstance(k, (str, int)) and _is_plain(item, left, level + 1) for k, item in value.items())
    return value is None or isinstance(value, (int, float, str))


def _arrays(value: object, head: Head) -> dict[str, Array] | None:
    """{sequence: array} of the tools that are known; `None` for others."""
    takes = value.get("annotations") if isinstance(value, dict) else value
    if isinstance(value, dict) and isinstance(value.get("keypoint"), np.ndarray) and value["keypoint"].ndim == 4:
        takes = [value]  # MMAction2's ntu_pose_extraction.py writes one take
    if isinstance(takes, list) and takes and all(isinstance(t, dict) and "keypoint" in t for t in takes):
        return dict(_of_mmaction(takes, head))
    if isinstance(value, list) and (frames := _of_mmpose(value)):
        return {"": as_array(FORMAT, frames, head, tracked=max(len(f) for f in frames if f is not None) == 1)}
    if isinstance(value, dict):
        if isinstance(value.get(_OF_AIST_2D), np.ndarray):
            return _of_aist(value[_OF_AIST_2D], head)
        if (space := next((value[k] for k in _OF_AIST_3D if isinstance(value.get(k), np.ndarray)), None)) is not None:
            joints = space.shape[-2] if space.ndim > 1 else 0
            return {"": as_array(FORMAT, space, head, names=_coco(joints), fps=_AIST_FPS)}
        if (people := _of_tracks(value, head)) is not None:
            return {"": people}
        if value and all(isinstance(frame, dict) and {"2d_joints", "tid"} <= frame.keys() for frame in value.values()):
            raise BadFileError(
                "holds tracks of PHALP or 4D-Humans, of which only fitted bodies are in the file",
                where=head.path,
                todo="Detect keypoints, or save its 2D joints in pixels, (frames, joints, 2), with numpy.savez",
            )
        if "jointPositions" in value and "cam_poses" in value:
            raise BadFileError(
                "is a sequence of 3DPW", where=head.path, todo="Give its folder to: srnet data import 3dpw FOLDER"
            )
        if any(key in value for key in _OF_SMPL):
            raise BadFileError(
                "holds parameters of SMPL, not positions of joints", where=head.path, todo=COMPUTE_THE_JOINTS
            )
    return None


def _of_tracks(value: dict, head: Head) -> Array | None:
    """People by their numbers, each with the frames in which they are seen, as WHAM has them; `None` for others."""
    tracks: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for who, one in value.items():
        points = next((v for k in _OF_A_TRACK if isinstance(one, dict) and _is_people(v := one.get(k), 3)), None)
        if points is None or not isinstance(one, dict):
            return None
        numbers = next((v for k in _FRAMES_OF_A_TRACK if isinstance(v := one.get(k), np.ndarray)), None)
        if numbers is None or numbers.shape != (len(points),) or numbers.dtype.kind not in "iu":
            return None
        tracks[str(who)[:80]] = (float64(points), numbers.astype(np.int64))
    shapes = {points.shape[1:] for points, _ in tracks.values()}
    if len(shapes) != 1 or len(tracks) > MOST_PEOPLE:
        return None
    joints, width = shapes.pop()
    frames = np.unique(np.concatenate([numbers for _, numbers in tracks.values()]))
    if not len(frames) or len(frames) * len(tracks) * joints * width > MOST_VALUES // 8:
        raise BadFileError(f"has {len(tracks)} people and {len(frames)} frames", where=head.path)
    values = np.full((len(frames), len(tracks), joints, width), np.nan)
    for person, (points, numbers) in enumerate(tracks.values()):
        values[np.searchsorted(frames, numbers), person] = points
    confidence = values[..., 2] if width == 3 else None
    return Array(FORMAT, values[..., :2], confidence, tuple(map(int, frames)), people=tuple(tracks))


def _of_mmpose(value: list) -> list[np.ndarray | None] | None:
    """The people of each frame of MMPose's dumps, (people, joints, 3); `None` where it is none.

    Version 1.x: `pred_instances` with `keypoints` and `keypoint_scores`. Version 0.x: batches of `preds` with
    `image_paths`, or a list of people for each frame, each with `keypoints`. Source: open-mmlab/mmpose, tools/test.py.
    Also pairs of keypoints and scores, as RTMLib returns them for an image.
    """
    frames: list[list[np.ndarray]] = []
    images: dict[str, list[np.ndarray]] = {}
    for item in value:
        if isinstance(item, (list, tuple)) and len(item) == 2 and _are_scores(item[1], item[0]):
            frames.append(list(np.concatenate([float64(item[0]), float64(item[1])[..., None]], axis=-1)))
        elif isinstance(item, list) and all(isinstance(p, dict) for p in item):
            frames.append([float64(p["keypoints"]) for p in item if _is_people(p.get("keypoints"), 2)])
        elif isinstance(item, dict) and isinstance(arrays := item.get("pred_instances"), dict):
            points, scores = arrays.get("keypoints"), arrays.get("keypoint_scores")
            if not _is_people(points, 3) or not isinstance(scores, np.ndarray) or scores.shape != points.shape[:2]:
                return None
            frames.append(list(np.concatenate([float64(points[..., :2]), float64(scores)[..., None]], axis=-1)))
        elif isinstance(item, dict) and _is_people(item.get("preds"), 3):
            paths = item.get("image_paths")
            if not isinstance(paths, (list, tuple)) or len(paths) != len(item["preds"]):
                return None
            for path, one in zip(paths, item["preds"]):
                images.setdefault(str(path)[:400], []).append(float64(one))
        else:
            return None
    frames = frames or [images[name] for name in sorted(images, key=natural_key)]
    shapes = {person.shape for frame in frames for person in frame}
    if len(shapes) != 1 or max(map(len, frames)) > MOST_PEOPLE:
        return None
    return [np.stack(frame) if frame else None for frame in frames]


def _is_people(value: object, axes: int) -> TypeGuard[np.ndarray]:
    if not isinstance(value, np.ndarray) or value.ndim != axes or value.dtype.kind not in "fiu":
        return False
    return value.shape[-1] in (2, 3) and value.shape[-2] > 4


def _are_scores(scores: object, points: object) -> bool:
    """Whether `points` are people's x and y, and `scores` the confidences of these joints."""
    if (
        not isinstance(points, np.ndarray)
        or points.ndim != 3
        or points.shape[-1] != 2
        or points.dtype.kind not in "fiu"
    ):
        return False
    return isinstance(scores, np.ndarray) and scores.shape == points.shape[:2] and scores.dtype.kind in "fiu"


def _coco(joints: int) -> tuple[str, ...] | None:
    layout = get_layout("coco17")
    return layout.joints if joints == layout.num_joints else None


def _of_aist(points: np.ndarray, head: Head) -> dict[str, Array]:
    if points.ndim != 4 or points.shape[-1] not in (2, 3) or points.dtype.kind not in "fiu" or not points.size:
        raise BadFileError(f"{_OF_AIST_2D} is no array (cameras, frames, joints, 3)", where=head.path)
    if len(points) > MOST_PEOPLE:
        raise BadFileError(f"has {len(points)} cameras", where=head.path)
    names = _coco(points.shape[2])
    cameras = {f"c{at + 1:02d}": float64(one)[:, None] for at, one in enumerate(points)}
    return {
        name: Array(FORMAT, one[..., :2], one[..., 2] if one.shape[-1] == 3 else None, names=names, fps=_AIST_FPS)
        for name, one in cameras.items()
    }


def _of_mmaction(takes: list[dict], head: Head) -> Iterator[tuple[str, Array]]:
    for at, take in enumerate(takes):
        points, scores = take["keypoint"], take.get("keypoint_score")
        if not isinstance(points, np.ndarray) or points.ndim != 4 or points.dtype.kind not in "fiu" or not points.size:
            raise BadFileError(f"take {at} has no array of people, frames and joints", where=head.path)
        if len(points) > MOST_PEOPLE or points.shape[-1] not in (2, 3):
            raise BadFileError(f"take {at} has an array of shape {points.shape}", where=head.path)
        values = float64(points).transpose(1, 0, 2, 3)
        if not isinstance(scores, np.ndarray) or scores.shape != points.shape[:3] or scores.dtype.kind not in "fiu":
            scores = None
        confidence = None if scores is None else float64(scores).transpose(1, 0, 2)
        shape = take.get("img_shape")
        size = image_size(shape[1], shape[0]) if isinstance(shape, (tuple, list)) and len(shape) == 2 else None
        name = str(take.get("frame_dir") or f"take {at}")[:80]
        yield name, Array(FORMAT, values, confidence, image_size=size, tracked=False)
