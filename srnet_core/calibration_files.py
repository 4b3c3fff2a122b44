"""Calibration files of other programs: the values of each camera, under the names in use for them.

TOML as Pose2Sim, Anipose and others write it, one table per camera, and JSON with the same values (K, R, t, dist,
resolution, ...), in a list or by name. What the values mean is OpenCV's: p_camera = R p_world + t, distortion k1 k2 p1
p2 k3 ... .
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.text import parse_json
from srnet_core.toml_file import read_toml_file

MAX_JSON_BYTES = 4 << 20
_NAMES = {
    "matrix": ("matrix", "K", "camera_matrix", "intrinsic", "intrinsics", "intrinsic_matrix", "mtx"),
    "distortion": (
        *("distortions", "distortion", "dist", "distCoef", "dist_coef", "dist_coefs", "dist_coeffs", "D", "k"),
        *("distortion_coefficients", "distortion_coeffs", "distortion_coefs", "distortion_parameters", "dist_params"),
    ),
    "rotation": ("rotation", "R", "rvec", "rotation_vector", "rotation_matrix"),
    "translation": ("translation", "t", "T", "tvec", "translation_vector"),
    "size": ("size", "resolution", "image_size", "img_size", "frame_size", "image_resolution"),
}
_SIDES = (("width", "height"), ("image_width", "image_height"), ("img_width", "img_height"), ("w", "h"))
_FOCAL = (("fx", "fy", "cx", "cy"), ("focal_x", "focal_y", "center_x", "center_y"))
_COEFFICIENTS = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
_WITHIN = ("intrinsic", "intrinsics", "camera_matrix", "matrix")  # names of a table of the above
_NOTHING = object()


def camera_tables(path: Path) -> dict[str, Mapping]:
    """{name: table of one camera}, from a table of tables or a list of tables.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is neither TOML nor JSON.
    """
    values = _calibration(path)
    if isinstance(values, dict) and isinstance(values.get("cameras"), (dict, list)):
        values = values["cameras"]
    if isinstance(values, dict) and has(values, "matrix"):
        values = {"0": values}
    if isinstance(values, list):
        values = {str(_first(v, ("name", "id", "serial"), i)): v for i, v in enumerate(values) if isinstance(v, dict)}
    if not isinstance(values, dict):
        return {}
    return {str(k)[:40]: v for k, v in values.items() if isinstance(v, dict) and has(v, "matrix")}


def _calibration(path: Path) -> object:
    """What a calibration file holds; a file of another ending may be TOML or JSON."""
    ending = path.suffix.lower()
    if ending == ".toml":
        return read_toml_file(path, what="calibration file", todo="Check the folder and the name")
    content = read_bounded(path, MAX_JSON_BYTES, "calibration file")
    try:
        return parse_json(content, path)
    except HostileFileError:
        raise
    except BadFileError:
        if ending == ".json":
            raise
    try:
        return read_toml_file(path, what="calibration file", todo="Check the folder and the name")
    except BadFileError:
        todo = "Write the calibration as TOML (Pose2Sim, OpenCV) or JSON"
        raise BadFileError("is neither TOML nor JSON", where=path, todo=todo) from None


def has(table: Mapping, part: str) -> bool:
    """Whether a camera has its "matrix", "distortion", "rotation", "translation" or "size", under any name in use."""
    if part == "matrix" and _of_focal_lengths(table) is not None:
        return True
    return _first(table, _NAMES[part], _NOTHING) is not _NOTHING


def _first(table: Mapping, names: Sequence[str], default: object = None) -> object:
    """The value under the first of some names; names of more than a letter may be spelled in any way."""
    for name in names:
        if name in table:
            return table[name]
    plain = {plain_name(str(key)): value for key, value in table.items()}
    return next((plain[p] for name in names if len(p := plain_name(name)) > 1 and p in plain), default)


def _of_focal_lengths(table: Mapping) -> list[float] | None:
    """The 9 numbers of a matrix from fx, fy, cx, cy, in the table or in one inside it; `None` where there are none."""
    inside = (value for name in _WITHIN if isinstance(value := _first(table, (name,)), Mapping))
    for values in (table, *inside):
        for names in _FOCAL:
            found = [_first(values, (name,)) for name in names]
            if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in found):
                fx, fy, cx, cy = (float(v) for v in found if isinstance(v, (int, float)))
                return [fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0]
    return None


def camera_parts(name: str, table: Mapping, where: str) -> dict:
    """The values of a camera.

    Returns:
        {"id", "matrix": (3, 3), "rotation": (3, 3) from world to camera, "translation": (3,) in the file's unit,
        "distortion": (14,) as OpenCV has them, "size": (width, height) in pixels, "sized": whether the file has the
        size, "fisheye"}.

    Raises:
        BadFileError: a value is missing or makes no sense; `where` names the camera.
    """
    _refuse_unknown_distortion(table, where)
    of_focal = _of_focal_lengths(table)
    matrix = _numbers(table, "matrix", where) if of_focal is None else np.array(of_focal)
    rotation = _numbers(table, "rotation", where)
    translation = _numbers(table, "translation", where)
    single = _of_coefficients(table)
    distortion = np.array(single) if single else np.zeros(4)
    if has(table, "distortion"):
        distortion = _numbers(table, "distortion", where)
    asked: dict[str, tuple[np.ndarray, Sequence[int], str]] = {
        "matrix": (matrix, (9,), "9, a 3x3 matrix"),
        "rotation": (rotation, (3, 9), "3 or 9"),
        "translation": (translation, (3,), "3"),
        "distortion": (distortion, range(15), "at most 14"),
    }
    for part, (values, sizes, words) in asked.items():
        if values.size not in sizes:
            raise BadFileError(f"its {part} has {values.size} numbers, not {words}", where=where)
    matrix = matrix.reshape(3, 3)
    width, height = _size(table, matrix, where)
    if not (0 < width < 1e5 and 0 < height < 1e5 and min(matrix[0, 0], matrix[1, 1]) > 0):
        raise BadFileError("its image size and focal length must be positive", where=where)
    rotation = _rodrigues(rotation.ravel()) if rotation.size == 3 else rotation.reshape(3, 3)
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-3 or np.linalg.det(rotation) < 0:
        raise BadFileError("its rotation is not a rotation", where=where)
    return {
        "id": str(table.get("name", name))[:40],
        "matrix": matrix,
        "rotation": rotation,
        "translation": translation.ravel(),
        "distortion": np.concatenate([distortion.ravel(), np.zeros(14)])[:14],
        "size": (width, height),
        "sized": _told_size(table) is not None,
        "fisheye": table.get("fisheye") is True,
    }


def _of_coefficients(table: Mapping) -> list[float]:
    """k1, k2, p1, p2, k3, ... where each has a name of its own, in the table or in one inside it; else nothing."""
    inside = (value for name in _WITHIN if isinstance(value := _first(table, (name,)), Mapping))
    for values in (table, *inside):
        found = [_first(values, (name,), 0.0) for name in _COEFFICIENTS]
        if all(isinstance(v, (int, float)) for v in found) and any(found):
            return [float(v) for v in found if isinstance(v, (int, float))]
    return []


def _refuse_unknown_distortion(table: Mapping, where: str) -> None:
    """A lens is not taken for one without distortion because its coefficients have a name that is not known."""
    if has(table, "distortion"):
        return
    named = [str(key) for key in table if "dist" in str(key).lower() and isinstance(table[key], (list, Mapping))]
    if named:
        raise BadFileError(
            f"its lens distortion is called {named[0][:40]!a}, which is not known",
            where=where,
            todo="Call it 'distortions': k1, k2, p1, p2 and, if there are more, k3, ... as OpenCV has them",
        )


def _size(table: Mapping, matrix: np.ndarray, where: str) -> tuple[int, int]:
    """Image size in pixels; where the file has none, the principal point is taken for the centre of the image."""
    size = _told_size(table)
    if size is None:
        size = [2 * matrix[0, 2], 2 * matrix[1, 2]]
    try:
        width, height = (round(float(v)) for v in (size if isinstance(size, Sequence) else ()))
    except (TypeError, ValueError, OverflowError):
        raise BadFileError("its image size must be two numbers", where=where) from None
    return width, height


def _told_size(table: Mapping) -> object:
    """Width and height as the file has them, `None` where it has none."""
    size = _first(table, _NAMES["size"])
    for sides in _SIDES:
        if size is None and all(_first(table, (side,)) is not None for side in sides):
            size = [_first(table, (side,)) for side in sides]
    if isinstance(size, Mapping):
        size = [_first(size, names) for names in zip(*_SIDES)]
    return size


def _numbers(table: Mapping, part: str, where: str) -> np.ndarray:
    value = _first(table, _NAMES[part])
    if isinstance(value, Mapping):  # OpenCV's matrices: {"type_id", "rows", "cols", "dt", "data"}
        value = value.get("data")
    try:
        array = np.array(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        array = np.array(np.nan)
    if array.ndim == 0 or array.size > 16 or not np.isfinite(array).all():
        raise BadFileError(f"its {part} is missing or not made of numbers", where=where)
    return array


def _rodrigues(vector: np.ndarray) -> np.ndarray:
    """Rotation vector (axis times angle in radians) -> matrix."""
    angle = np.linalg.norm(vector)
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def plain_name(text: str) -> str:
    """A name without case, blanks and marks."""
    return "".join(c for c in text.casefold() if c.isalnum())
