"""C3D, the binary marker files of motion analysis: Intel byte order, floating point.

Layout: a header of 512 bytes, the parameters in blocks of 512 bytes, then four numbers per point and frame: x, y, z and
a residual, which is -1 where the point is missing. Source: the C3D user guide at c3d.org.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import IO

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.motion import Motion
from srnet_core.writers.trc import require_rate

_BLOCK = 512
_CHARACTERS, _INT16, _FLOAT = -1, 2, 4
_INTEL = 84
_MOST_POINTS = 255  # the length of a dimension is one byte
_MOST_FRAMES = 0xFFFF
_UNITS = {1.0: "m", 0.01: "cm", 0.001: "mm"}


def write_c3d(file: IO[bytes], motion: Motion, *, about: Mapping[str, str] | None = None) -> None:
    """Write a motion with its names, unit and frame rate; missing points have residual -1.

    Args:
        file: open for writing bytes.
        motion: in m, cm or mm, with `fps`, of at most 255 points.
        about: what else to tell, by names of letters, digits and underscores: parameters of the group SRNET.

    Raises:
        ConfigError: no frame rate, another unit, too many points, or names that are not Latin-1.
    """
    rate, frames, count = require_rate(motion), motion.frames, len(motion.names)
    if motion.metres_per_unit not in _UNITS:
        raise ConfigError("C3D is written in m, cm or mm")
    if not 0 < count <= _MOST_POINTS:
        raise ConfigError(f"C3D takes 1 to {_MOST_POINTS} points here, not {count}")
    parameters = _parameters(motion, rate, about or {})
    blocks = -(-len(parameters) // _BLOCK)
    last = min(frames, _MOST_FRAMES)
    header = struct.pack("<BB5HfHHf", 2, 0x50, count, 0, 1, last, 0, -1.0, 2 + blocks, 0, rate)
    file.write(header.ljust(_BLOCK, b"\0"))
    file.write(parameters[:2] + bytes([blocks]) + parameters[3:].ljust(blocks * _BLOCK - 3, b"\0"))
    missing = np.isnan(motion.positions).any(axis=-1)
    values = np.zeros((frames, count, 4), "<f4")
    values[..., :3] = np.where(missing[..., None], 0, motion.positions)
    values[..., 3] = np.where(missing, -1, 0)
    file.write(values.tobytes())


def _parameters(motion: Motion, rate: float, about: Mapping[str, str]) -> bytes:
    """The parameter section; its third byte, the number of blocks, is left 0."""
    count, frames = len(motion.names), motion.frames
    try:
        labels = [name.encode("latin-1") for name in motion.names]
    except UnicodeEncodeError as error:
        raise ConfigError(f"the name {error.object!r} cannot be written in C3D, which has Latin-1 only") from None
    width = min(max(map(len, labels)), 127)
    unit = _UNITS[float(motion.metres_per_unit or 0)].encode()
    screen = {"x": "+X", "y": "+Y", "z": "+Z"}.get(motion.up or "", "").encode()
    point = [
        _parameter(1, "USED", _INT16, [], struct.pack("<H", count)),
        _parameter(1, "FRAMES", _INT16, [], struct.pack("<H", min(frames, _MOST_FRAMES))),
        _parameter(1, "SCALE", _FLOAT, [], struct.pack("<f", -1.0)),
        _parameter(1, "RATE", _FLOAT, [], struct.pack("<f", rate)),
        _parameter(1, "DATA_START", _INT16, [], struct.pack("<H", 0)),
        _parameter(1, "UNITS", _CHARACTERS, [len(unit)], unit),
        _parameter(1, "LABELS", _CHARACTERS, [width, count], b"".join(n[:width].ljust(width) for n in labels)),
        _parameter(1, "DESCRIPTIONS", _CHARACTERS, [1, count], b" " * count),
    ]
    if screen:
        point.append(_parameter(1, "Y_SCREEN", _CHARACTERS, [len(screen)], screen))
    trial = [
        _parameter(2, "ACTUAL_START_FIELD", _INT16, [2], struct.pack("<HH", 1, 0)),
        _parameter(2, "ACTUAL_END_FIELD", _INT16, [2], struct.pack("<HH", frames & 0xFFFF, frames >> 16)),
    ]
    analog = [
        _parameter(3, "USED", _INT16, [], struct.pack("<H", 0)),
        _parameter(3, "SCALE", _FLOAT, [0], b""),
        _parameter(3, "OFFSET", _INT16, [0], b""),
        _parameter(3, "GEN_SCALE", _FLOAT, [], struct.pack("<f", 1.0)),
        _parameter(3, "RATE", _FLOAT, [], struct.pack("<f", 0.0)),
    ]
    own = [_text(4, name.upper(), text) for name, text in about.items()]
    maker = [_text(5, "COMPANY", "srnet"), _text(5, "SOFTWARE", about.get("program", "srnet"))]
    groups = _group(1, "POINT"), *point, _group(2, "TRIAL"), *trial, _group(3, "ANALOG"), *analog
    if about:
        groups = *groups, _group(4, "SRNET"), *own, _group(5, "MANUFACTURER"), *maker
    section = bytes([1, 0x50, 0, _INTEL]) + b"".join(groups) + b"\0\0"
    start = 2 + -(-len(section) // _BLOCK)  # the first block of the data, counted from 1
    name = b"DATA_START"
    at = section.index(name) + len(name) + 4  # behind the offset, type and number of dimensions
    return section[:at] + struct.pack("<H", start) + section[at + 2 :]


def _text(group: int, name: str, text: str) -> bytes:
    """A parameter of one line of text; characters beyond Latin-1 become question marks."""
    data = text.encode("latin-1", "replace")[:255]
    return _parameter(group, name, _CHARACTERS, [len(data)], data)


def _group(number: int, name: str) -> bytes:
    return struct.pack("<bb", len(name), -number) + name.encode() + struct.pack("<hB", 3, 0)


def _parameter(group: int, name: str, kind: int, dimensions: Sequence[int], data: bytes) -> bytes:
    body = struct.pack("<bB", kind, len(dimensions)) + bytes(dimensions) + data + b"\0"
    return struct.pack("<bb", len(name), group) + name.encode() + struct.pack("<h", len(body) + 2) + body
