"""SPIN's npz files: a person per row, with the name of the image, a box, and 2D joints with confidence.

`part` holds the 24 annotated joints, `openpose` the 25 that OpenPose detected; both together are SPIN's 49, in this
order. `S` holds 3D joints with confidence. A file has some of the three. Source: nkolot/SPIN, datasets/preprocess and
datasets/base_dataset.py; many later methods for human meshes write the same file.
"""

from dataclasses import replace

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._known_files import COMPUTE_THE_JOINTS, has_smpl
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.frames import frame_axis, natural_key, videos_of
from srnet_core.readers.head import Head
from srnet_core.readers.record import IN_SPACE, record

FORMAT = "spin"
_LAYOUTS = {24: "spin24", 25: "body25", 49: "spin49"}
_ELSEWHERE = ("joints_2d", "mmpose_keypoints", "gtkps")  # 2D joints of MMPose's, PARE's and BEDLAM's files
_MOST_VIDEOS = 100_000
_FEWEST_FRAMES = 3  # of a video, on average; fewer are separate images
_MM_FROM, _M_FROM = 300, 0.3  # the least height of a body in millimetres and in metres
_FEW_ROWS = 1000


def sniff(head: Head) -> float:
    return 0.95 if head.is_npz and {"imgname", "center", "scale"} <= set(head.npz) else 0.0


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of the images. Files with 3D joints come from videos: one sequence for each video.

    Raises:
        BadFileError: no 2D joints in it, or arrays that do not have a row per person.
    """
    images = _images(head)
    points = _points(head, len(images))
    videos = _videos(images) if "S" in head.npz else {}
    if not videos:
        return [_sequence("", list(enumerate(_places(images).tolist())), points, head, consecutive=False)]
    made = []
    for done, (name, rows) in enumerate(videos.items(), 1):
        if options.sequence is None or options.sequence == name:
            made.append(_sequence(name, rows, points, head, consecutive=True))
        if options.progress and done % 100 == 0:
            options.progress(done, len(videos))
    return made or [_sequence(name, rows, points, head, consecutive=True) for name, rows in videos.items()]


def describe(head: Head) -> dict | None:
    """What a file with 3D joints only holds; `None` where there are 2D joints, which `read` reads."""
    values = head.npz
    if _has_joints(values.get("part")) or _has_joints(values.get("openpose")) or not _has_joints(values.get("S")):
        return None
    images, points = _images(head), _joints(head, "S", 4)
    height = _height(points[:_FEW_ROWS])
    units = "mm" if height > _MM_FROM else "m" if height > _M_FROM else None
    return record(
        IN_SPACE,
        FORMAT,
        layout="spin24" if points.shape[1] == 24 else None,
        frames=len(set(images)),
        people=int(np.bincount(_places(images)).max()),
        joints=points.shape[1],
        units=units,
        units_from="size" if units else None,
        notes=["The file has 3D joints and boxes, but no 2D joints."],
    )


def _height(points: np.ndarray) -> float:
    """The median of the largest side of the box around the known joints of (N, J, 4) points; 0 where none is known."""
    known = (points[..., 3:] > 0) & np.isfinite(points).all(axis=-1, keepdims=True)
    low = np.where(known, points[..., :3], np.inf).min(axis=1)
    high = np.where(known, points[..., :3], -np.inf).max(axis=1)
    rows = known[..., 0].any(axis=1)
    return float(np.median((high[rows] - low[rows]).max(axis=-1))) if rows.any() else 0.0


def _has_joints(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 3 and value.size > 0


def _images(head: Head) -> list[str]:
    names = head.npz.get("imgname")
    names = names.tolist() if isinstance(names, np.ndarray) else names
    if not isinstance(names, list) or not names:
        raise BadFileError("its imgname is not a list of names of images", where=head.path)
    if not all(isinstance(n, (str, bytes)) for n in names):
        raise BadFileError("its imgname holds something else than names of images", where=head.path)
    return [(n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n)).replace("\\", "/") for n in names]


def _points(head: Head, people: int) -> np.ndarray:
    """(N, J, 3) x, y in pixels and confidence."""
    found = [_joints(head, name, 3) for name in ("openpose", "part") if name in head.npz]
    found = found or [_with_confidence(head, name) for name in _ELSEWHERE if name in head.npz][:1]
    if not found and has_smpl(head.npz) and "S" not in head.npz:
        what = "holds boxes and parameters of SMPL, not positions of joints"
        raise BadFileError(what, where=head.path, todo=COMPUTE_THE_JOINTS)
    if not found:
        raise BadFileError(
            "holds 3D points, not 2D keypoints"
            if "S" in head.npz
            else "holds boxes, but no 2D joints (part, openpose)",
            where=head.path,
        )
    for points in found:
        if len(points) != people:
            raise BadFileError(f"has {people} names of images, but joints of {len(points)} people", where=head.path)
    return np.concatenate(found, axis=1)


def _with_confidence(head: Head, name: str) -> np.ndarray:
    """(N, J, 3) of joints that may lack the confidence."""
    values = head.npz[name]
    if isinstance(values, np.ndarray) and values.ndim == 3 and values.shape[2] == 2:
        points = _joints(head, name, 2)
        return np.concatenate([points, np.ones_like(points[..., :1])], axis=-1)
    return _joints(head, name, 3)


def _joints(head: Head, name: str, width: int) -> np.ndarray:
    points = head.npz[name]
    if (
        not isinstance(points, np.ndarray)
        or points.dtype.kind not in "fiu"
        or points.ndim != 3
        or points.shape[2] != width
        or not points.shape[1]
    ):
        shape = getattr(points, "shape", None)
        raise BadFileError(
            f"its {name} must be numbers of shape (people, joints, {width}), not of shape {shape}", where=head.path
        )
    with np.errstate(invalid="ignore", over="ignore"):
        return points.astype(np.float64)


def _places(images: list[str]) -> np.ndarray:
    """(N,) the place of each row's image among all images, in the order of the file."""
    places = {name: i for i, name in enumerate(dict.fromkeys(images))}
    return np.array([places[name] for name in images])


def _videos(images: list[str]) -> dict[str, list[tuple[int, int]]]:
    """{video: [(row, frame number)]}; empty where the names are not of the frames of videos."""
    folders: dict[str, dict[str, list[int]]] = {}
    for row, image in enumerate(images):
        folder, _, name = image.rpartition("/")
        folders.setdefault(folder, {}).setdefault(name, []).append(row)
    videos: dict[str, list[tuple[int, int]]] = {}
    for folder in sorted(folders, key=natural_key):
        rows_of = folders[folder]
        for video in videos_of(list(rows_of)):
            if video.duplicates or not frame_axis(video.numbers).consecutive:
                return {}
            rows = [(row, number) for name, number in zip(video.names, video.numbers) for row in rows_of[name]]
            videos.setdefault(f"{folder}/{video.prefix}".strip("/"), []).extend(rows)
    frames = sum(len(rows) for rows in videos.values())
    return videos if len(videos) <= min(_MOST_VIDEOS, frames // _FEWEST_FRAMES) else {}


def _sequence(
    name: str, rows: list[tuple[int, int]], points: np.ndarray, head: Head, *, consecutive: bool
) -> Detections:
    gathering = Gathering(head.path)
    for row, number in rows:
        gathering.frame(number)
        gathering.person(number, points[row].reshape(-1))
    built = gathering.build(FORMAT, sequence=name, layout=_LAYOUTS.get(points.shape[1]))
    return built if consecutive else replace(built, consecutive=False)
