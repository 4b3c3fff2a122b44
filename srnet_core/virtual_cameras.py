"""Cameras of calibration files, and virtual ones that see motion capture: Human3.6M's four, or a ring.

`calibration_files` reads the values of cameras as OpenCV has them. This project uses Human3.6M's lens model, whose
tangential part differs a little from OpenCV's. Its coefficients are fitted to OpenCV's model, and a note gives the
remaining error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from srnet_core.calibration_files import camera_parts, camera_tables, has, plain_name
from srnet_core.errors import AmbiguousError, BadFileError, ConfigError
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.h36m_cameras import SUBJECTS, h36m_cameras
from srnet_core.geometry.rotation import matrix_to_quaternion, quaternion_to_matrix
from srnet_core.lookup import choose
from srnet_core.motion import to_z_up

MAX_CAMERAS = 500
_WORST_FIT_PX, _UNTOLD_FIT_PX = 2.0, 0.01
_CUT_SHARE = 0.02  # by which images may be larger or smaller than calibrated without being scaled
_WITHOUT_SIZE = "The file has no image size of camera {}: its principal point is taken for the centre of the image."
_NOWHERE = {"rotation": [0.0, 0.0, 0.0], "translation": [0.0, 0.0, 0.0]}


@dataclass(frozen=True)
class Rig:
    """Cameras in one world: metres, z up.

    Attributes:
        name: for instance "h36m S1" or "ring of 4".
        cameras: at least one.
        target_m: the point of the floor that they look at: takes are put there.
        notes: what was found or decided, one sentence each.
    """

    name: str
    cameras: tuple[Camera, ...]
    target_m: tuple[float, float]
    notes: tuple[str, ...] = ()


def h36m_rig(subject: str = "S1") -> Rig:
    """The four cameras of Human3.6M as calibrated for one of its subjects."""
    cameras = h36m_cameras()[choose("subject of Human3.6M", subject, SUBJECTS)]
    return Rig(f"h36m {subject}", cameras, _seen_by_all(cameras))


def ring(
    count: int = 4,
    *,
    radius_m: float = 4.5,
    height_m: float = 1.5,
    target_height_m: float = 0.9,
    focal_length_px: float = 1145.0,
    image_size_px: tuple[int, int] = (1000, 1000),
    first_angle_deg: float = 45.0,
) -> Rig:
    """Cameras on a circle around the origin, evenly spaced, all looking at a point above it.

    Raises:
        ConfigError: a number of cameras, a radius or a focal length that makes no sense.
    """
    if not 1 <= count <= MAX_CAMERAS:
        raise ConfigError(f"a ring has 1 to {MAX_CAMERAS} cameras, not {count}")
    if not (0.5 <= radius_m <= 100 and -10 <= height_m <= 100 and 10 <= focal_length_px <= 1e6):
        raise ConfigError(
            f"a ring of radius {radius_m} m, height {height_m} m and focal length {focal_length_px} px makes no sense"
        )
    width, height = image_size_px
    cameras = []
    for i in range(count):
        angle = np.radians(first_angle_deg + 360 * i / count)
        place = np.array([radius_m * np.cos(angle), radius_m * np.sin(angle), height_m])
        cameras.append(
            Camera(
                id=f"ring_{i}",
                width_px=width,
                height_px=height,
                focal_length_px=(focal_length_px, focal_length_px),
                center_px=(width / 2, height / 2),
                orientation=tuple(matrix_to_quaternion(look_at(place, np.array([0, 0, target_height_m])))),
                translation_m=tuple(place),
            )
        )
    return Rig(f"ring of {count}", tuple(cameras), (0.0, 0.0))


def read_rig(path: str | Path) -> Rig:
    """The cameras of a calibration file, turned to metres and z up.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it holds no cameras, or one that makes no sense; the message names it.
    """
    path = Path(path)
    tables = camera_tables(path)
    if not tables:
        raise BadFileError(
            "holds no cameras", where=path, todo="Each camera needs matrix, rotation, translation and size"
        )
    if len(tables) > MAX_CAMERAS:
        raise BadFileError(f"holds more than {MAX_CAMERAS} cameras", where=path)
    notes: list[str] = []
    parts = [camera_parts(name, table, f"{path}, camera {name}") for name, table in tables.items()]
    rotations = np.stack([p["rotation"] for p in parts])  # (C, 3, 3), world to camera
    centres = np.stack([-p["rotation"].T @ p["translation"] for p in parts])
    centres, unit_note = _in_metres(centres)
    turn, up_note = _turn_to_z_up(rotations, path)
    notes += [n for n in (unit_note, up_note) if n]
    if guessed := [part["id"] for part in parts if not part["sized"]]:
        notes.append(_WITHOUT_SIZE.format(", ".join(guessed[:3]) + (", ..." if len(guessed) > 3 else "")))
    cameras = []
    for part, rotation, centre in zip(parts, rotations, centres):
        camera, rest_px = _camera_of(part, turn @ rotation.T, turn @ centre)
        if rest_px > _UNTOLD_FIT_PX:
            notes.append(f"Camera {part['id']}: distortion differs from the file's by up to {rest_px:.2g} px.")
        cameras.append(camera)
    return Rig(path.name, tuple(cameras), _seen_by_all(cameras), tuple(notes))


def _camera_of(part: Mapping, turn: np.ndarray, centre: np.ndarray) -> tuple[Camera, float]:
    """The camera, and by how many pixels its lens model differs at most from that of the file.

    Args:
        turn: (3, 3) from camera axes to world axes.
        centre: (3,) metres in the world.
    """
    radial, tangential, rest_px = _fit_distortion(part)
    camera = Camera(
        id=part["id"],
        width_px=part["size"][0],
        height_px=part["size"][1],
        focal_length_px=(part["matrix"][0, 0], part["matrix"][1, 1]),
        center_px=(part["matrix"][0, 2], part["matrix"][1, 2]),
        radial_distortion=radial,
        tangential_distortion=tangential,
        orientation=tuple(matrix_to_quaternion(turn)),
        translation_m=tuple(centre),
    )
    return camera, rest_px


@dataclass(frozen=True)
class RecordingCamera:
    """The camera that recorded a video.

    Attributes:
        camera: with its place in the world (metres, z up) if `placed`, else only the intrinsics are known.
        placed: whether the file tells where the camera stands and where it looks.
        notes: what was found or decided, one sentence each.
    """

    camera: Camera
    placed: bool
    notes: tuple[str, ...] = ()


def read_camera(
    path: str | Path, name: str | None = None, *, recording: str = "", image_size: tuple[int, int] | None = None
) -> RecordingCamera:
    """One camera of a calibration file; rotation and translation may be missing.

    Args:
        path: TOML or JSON, as `read_rig` takes them.
        name: of the camera. By default it is the only one, or the one whose name is found in `recording`.
        recording: path of the video or the keypoints, e.g. "cam02.mp4" for a camera named "cam_02".
        image_size: (width, height) of the video. Intrinsics of another size of the same shape are scaled to it.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it holds no cameras, or this one makes no sense.
        AmbiguousError: it holds several cameras, and nothing tells which.
        UnknownNameError: it has no camera of that name.
        ConfigError: the video has another shape than the calibrated images.
    """
    path = Path(path)
    tables = {n: t for n, t in camera_tables(path).items() if has(t, "matrix")}
    if not tables:
        raise BadFileError("holds no cameras", where=path, todo="A camera needs at least a matrix of 3 x 3 numbers")
    chosen = _chosen(tables, name, recording, path)
    notes = [f"Camera {chosen} of {path.name}."]
    if all(has(table, part) for table in tables.values() for part in ("rotation", "translation")):
        rig = read_rig(path)
        camera, placed = rig.cameras[list(tables).index(chosen)], True
        notes += [note for note in rig.notes if not note.startswith("Camera ") or note.startswith(f"Camera {chosen}:")]
    else:
        part = camera_parts(chosen, {**tables[chosen], **_NOWHERE}, f"{path}, camera {chosen}")
        camera, rest_px = _camera_of(part, np.eye(3), np.zeros(3))
        placed = False
        if rest_px > _UNTOLD_FIT_PX:
            notes.append(f"Camera {chosen}: distortion differs from the file's by up to {rest_px:.2g} px.")
    if image_size is not None:
        camera = _of_size(camera, image_size, notes, path)
    return RecordingCamera(camera, placed, tuple(notes))


def _chosen(tables: Mapping[str, Mapping], name: str | None, recording: str, path: Path) -> str:
    """The name of the camera that is meant."""
    if name is not None:
        return choose("camera", name, tables, where=path)
    if len(tables) == 1:
        return next(iter(tables))
    heard = [plain_name(part) for part in reversed(Path(recording).parts)]
    for part in heard:  # the file's own name first, then its folders
        found = [camera for camera in tables if plain_name(camera) and plain_name(camera) in part]
        longest = max(map(len, found), default=0)
        if len(found := [camera for camera in found if len(camera) == longest]) == 1:
            return found[0]
    raise AmbiguousError(
        f"holds {len(tables)} cameras, and the name of the recording tells none of them",
        where=path,
        todo=f"Say which: {', '.join(list(tables)[:20])}",
    )


def _of_size(camera: Camera, size: tuple[int, int], notes: list[str], path: Path) -> Camera:
    """The camera for images of another size: scaled ones, or cut by a few pixels, as video codecs do."""
    width, height = size
    if (width, height) == (camera.width_px, camera.height_px):
        return camera
    across, down = width / camera.width_px, height / camera.height_px
    if max(abs(across - 1), abs(down - 1)) <= _CUT_SHARE:
        notes.append(
            f"The images are {width} x {height}, the calibration says {camera.width_px} x {camera.height_px}: "
            "taken for cut off, not scaled."
        )
        return replace(camera, width_px=width, height_px=height)
    if abs(across / down - 1) > _CUT_SHARE:
        raise ConfigError(
            f"the images are {width} x {height}, and camera {camera.id} was calibrated with "
            f"{camera.width_px} x {camera.height_px}: another shape",
            where=path,
            todo="Choose another camera, or give --image-size",
        )
    scale = (across + down) / 2
    notes.append(f"Camera {camera.id} was calibrated with images {1 / scale:.4g} times as large: scaled.")
    fx, fy = camera.focal_length_px
    cx, cy = camera.center_px
    return replace(
        camera,
        width_px=width,
        height_px=height,
        focal_length_px=(fx * scale, fy * scale),
        center_px=(cx * scale, cy * scale),
    )


def look_at(place: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Rotation from camera axes (x right, y down, z forward) to world axes, z up, of an upright camera.

    Args:
        place, target: (3,) world positions of the camera and of what it looks at.

    Raises:
        ConfigError: the target is straight above or below.
    """
    forward = (target - place) / np.linalg.norm(target - place)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    if np.linalg.norm(right) < 1e-6:
        raise ConfigError("a camera straight above or below its target has no upright image")
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward], axis=-1)


def _seen_by_all(cameras: Sequence[Camera]) -> tuple[float, float]:
    """The point of the floor plan that is nearest to all optical axes; of cameras side by side, one 4 m in front."""
    total, side = np.zeros((2, 2)), np.zeros(2)
    ahead = []
    for camera in cameras:
        axis = quaternion_to_matrix(np.asarray(camera.orientation))[:2, 2]
        place = np.asarray(camera.translation_m[:2])
        if np.linalg.norm(axis) < 1e-6:
            continue
        axis = axis / np.linalg.norm(axis)
        across = np.eye(2) - np.outer(axis, axis)
        total += across
        side += across @ place
        ahead.append(place + 4 * axis)
    if not ahead:
        point = np.mean([c.translation_m[:2] for c in cameras], axis=0)
    elif np.linalg.cond(total) > 50:
        point = np.mean(ahead, axis=0)
    else:
        point = np.linalg.solve(total, side)
    return float(point[0]), float(point[1])


def _in_metres(centres: np.ndarray) -> tuple[np.ndarray, str]:
    """Camera centres in metres: cameras stand 1 to 20 m from where people are, which tells metres from cm and mm."""
    middle = np.median(np.linalg.norm(centres - centres.mean(0), axis=-1))
    if middle <= 1e-6 * np.abs(centres).max(initial=0.0):  # one camera, or several at one place
        middle = float(np.linalg.norm(centres.mean(0)))
    if middle < 30:
        return centres, ""
    unit, metres = ("cm", 0.01) if middle < 900 else ("mm", 0.001)
    return centres * metres, f"Camera positions were read as {unit}: they lie about {middle:.0f} units away."


def _turn_to_z_up(rotations: np.ndarray, path: Path) -> tuple[np.ndarray, str]:
    """(rotation of the world, note): the axis along which pictures are upright becomes z."""
    up = -rotations[:, 1].mean(0)  # the camera's y axis points down
    axis = int(np.abs(up).argmax())
    if abs(up[axis]) < 0.3:
        raise BadFileError("its cameras do not agree on which axis points up", where=path)
    name = ("-" if up[axis] < 0 else "") + "xyz"[axis]
    if name == "z":
        return np.eye(3), ""
    turn = to_z_up(np.eye(3), name).T  # the turned unit vectors are the columns of the matrix
    return turn, f"The world of the cameras was turned: its {name} axis pointed up."


def _fit_distortion(part: Mapping) -> tuple[tuple, tuple, float]:
    """(k1 k2 k3, p1 p2 of Human3.6M's model, largest difference in px) nearest to OpenCV's model over the image."""
    if not part["distortion"].any() and not part["fisheye"]:
        return (0.0, 0.0, 0.0), (0.0, 0.0), 0.0
    focal = np.array([part["matrix"][0, 0], part["matrix"][1, 1]])
    corner = np.minimum(np.maximum(part["matrix"][:2, 2], part["size"] - part["matrix"][:2, 2]) / focal, 1.0)
    grid = np.linspace(-1, 1, 25)
    u = np.stack(np.meshgrid(grid * corner[0], grid * corner[1]), axis=-1).reshape(-1, 2)
    moved = (_fisheye if part["fisheye"] else _opencv)(u, part["distortion"]) - u  # (N, 2)
    r2 = (u**2).sum(-1, keepdims=True)
    x, y = u[:, :1], u[:, 1:]
    radial = np.stack([u * r2, u * r2**2, u * r2**3], axis=-1)  # (N, 2, 3)
    tangential = np.stack([np.hstack([x * x + r2, x * y]), np.hstack([x * y, y * y + r2])], axis=-1)  # (N, 2, 2)
    basis = np.concatenate([radial, tangential], axis=-1).reshape(-1, 5)
    solution, *_ = np.linalg.lstsq(basis, moved.ravel(), rcond=None)
    rest = (basis @ solution - moved.ravel()).reshape(-1, 2) * focal
    worst_px = float(np.abs(rest).max())
    if not np.isfinite(worst_px) or worst_px > _WORST_FIT_PX * max(1.0, part["size"][0] / 1000):
        raise BadFileError(
            f"its lens distortion cannot be described by three radial coefficients ({worst_px:.1f} px remain)",
            where=f"camera {part['id']}",
            todo="Use the calibration of undistorted images",
        )
    return tuple(map(float, solution[:3])), tuple(map(float, solution[3:])), worst_px


def _opencv(u: np.ndarray, d: np.ndarray) -> np.ndarray:
    """OpenCV's model with up to 12 coefficients: k1 k2 p1 p2 k3 k4 k5 k6 s1 s2 s3 s4."""
    x, y = u.T
    r2 = x * x + y * y
    scale = (1 + r2 * (d[0] + r2 * (d[1] + r2 * d[4]))) / (1 + r2 * (d[5] + r2 * (d[6] + r2 * d[7])))
    return np.stack(
        [
            x * scale + 2 * d[2] * x * y + d[3] * (r2 + 2 * x * x) + d[8] * r2 + d[9] * r2 * r2,
            y * scale + d[2] * (r2 + 2 * y * y) + 2 * d[3] * x * y + d[10] * r2 + d[11] * r2 * r2,
        ],
        axis=-1,
    )


def _fisheye(u: np.ndarray, d: np.ndarray) -> np.ndarray:
    """OpenCV's fisheye model: angle polynomial k1 k2 k3 k4."""
    r = np.linalg.norm(u, axis=-1, keepdims=True)
    angle = np.arctan(r)
    a2 = angle**2
    bent = angle * (1 + a2 * (d[0] + a2 * (d[1] + a2 * (d[2] + a2 * d[3]))))
    return u * np.divide(bent, r, out=np.ones_like(r), where=r > 1e-12)
