"""C3D: marker positions in binary, as optical motion capture systems write them (format: The C3D File Format, c3d.org).

Read here: files of Intel, DEC and SGI (MIPS) processors; coordinates as 16-bit integers or floats; frame counts beyond
65535; labels in LABELS, LABELS2, ...; points that were not seen (residual -1) as NaN. Analog data are skipped.

The packages for C3D were tried first and each fails on files that people have (see docs/decisions.md).
"""

import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.motion import METRES_PER_UNIT, Motion, unit_of
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.head import Head

MAX_BYTES = 1 << 30
MAX_POINTS = 40_000_000  # frames x points
_BLOCK = 512
_MAGIC = 0x50
_PROCESSORS = {84: "Intel", 85: "DEC", 86: "MIPS"}
_MAX_PARAMETERS = 10_000
_FILLED_UP = 2  # blocks at the end of a file that may hold nothing
_MOST_SAMPLES = 10_000  # of an analog channel in a frame
_ENTRY_SIZE = {-1: 1, 1: 1, 2: 2, 4: 4}
_ENTRY_CODE = {1: "i1", 2: "i2", 4: "f4"}


@dataclass(frozen=True)
class _Header:
    parameter_block: int
    points: int
    analog_per_frame: int
    first_frame: int
    last_frame: int
    scale: float
    data_block: int
    rate: float


def sniff(head: Head) -> float:
    start = head.start
    if head.is_folder or len(start) <= _BLOCK or start[1] != _MAGIC or start[0] >= 128:
        return 0.0
    return 0.9 if head.path.suffix.lower() == ".c3d" or b"\0" in start else 0.0


def motions(head: Head) -> dict[str, Motion]:
    """The one motion of the file; errors as `read_c3d`."""
    return {"": read_c3d(head.path)}


def read_c3d(path: str | Path) -> Motion:
    """The markers of a C3D file.

    `Motion.details` holds processor, storage, first_frame, analog_channels, manufacturer, x_screen and y_screen.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is no C3D file, is cut short before the first frame, or holds no points (files of
            markerless systems that hold rotations only).
    """
    path = Path(path)
    content = read_bounded(path, MAX_BYTES, "C3D file")
    if len(content) < 2 * _BLOCK or content[1] != _MAGIC:
        raise BadFileError("is not a C3D file, or is cut short", where=path)
    parameter_start = (max(content[0], 2) - 1) * _BLOCK
    if parameter_start + 4 > len(content):
        raise BadFileError("is cut short before its parameters", where=path, todo="Export or download it again")
    processor = _PROCESSORS.get(content[parameter_start + 3], "Intel")
    numbers = _Numbers(processor)
    header = _read_header(content, numbers)
    parameters = _read_parameters(content, parameter_start + 4, numbers, path)
    points = int(_first(parameters, "POINT:USED", header.points, unsigned=True))
    if points <= 0:
        rotations = _first(parameters, "ROTATION:USED", 0) > 0
        what = "has rotations but no points, as markerless systems write them" if rotations else "has no points"
        raise BadFileError(what, where=path, todo="Export the joint or marker positions")
    positions, storage, notes = _read_points(content, header, parameters, numbers, points, path)
    names, label_notes = _labels(parameters, points)
    units = unit_of(_text(parameters, "POINT:UNITS"))
    rates = (_first(parameters, "POINT:RATE", 0), header.rate, _first(parameters, "TRIAL:CAMERA_RATE", 0))
    rate = next((float(value) for value in rates if 1e-3 <= value <= 1e6), 0.0)  # of NaN neither is true
    if not rate:
        notes = [*notes, "The file has no sensible frame rate."]
    return Motion(
        format="c3d",
        names=names,
        parents=None,
        positions=positions,
        fps=rate or None,
        units=units or _text(parameters, "POINT:UNITS") or None,
        metres_per_unit=METRES_PER_UNIT.get(units) if units else None,
        details={
            "processor": processor,
            "storage": storage,
            "first_frame": header.first_frame,
            "analog_channels": max(0, int(_first(parameters, "ANALOG:USED", 0, unsigned=True))),
            "manufacturer": _text(parameters, "MANUFACTURER:COMPANY"),
            "x_screen": _text(parameters, "POINT:X_SCREEN"),
            "y_screen": _text(parameters, "POINT:Y_SCREEN"),
        },
        notes=(*notes, *label_notes),
    )


class _Numbers:
    """Binary numbers as a processor writes them."""

    def __init__(self, processor: str):
        self.processor = processor
        self.order: Literal[">", "<"] = ">" if processor == "MIPS" else "<"

    def int16(self, content: bytes, at: int) -> int:
        return struct.unpack_from(f"{self.order}h", content, at)[0]

    def word(self, content: bytes, at: int) -> int:
        return struct.unpack_from(f"{self.order}H", content, at)[0]

    def array(self, data: bytes | memoryview, code: str) -> np.ndarray:
        """Numbers of type "i1", "i2" or "f4" in native order."""
        if code != "f4":
            return np.frombuffer(data, np.dtype(code).newbyteorder(self.order))
        if self.processor != "DEC":
            return np.frombuffer(data, np.dtype("f4").newbyteorder(self.order)).astype(np.float32)
        # A DEC float is an IEEE float with its 16-bit halves swapped and the exponent 2 larger.
        halves = np.frombuffer(data, "<u2").reshape(-1, 2).astype(np.uint32)
        with np.errstate(invalid="ignore"):
            return (halves[:, 0] << 16 | halves[:, 1]).view(np.float32) / np.float32(4)

    def float32(self, content: bytes, at: int) -> float:
        return float(self.array(content[at : at + 4], "f4")[0])


def _read_header(content: bytes, numbers: _Numbers) -> _Header:
    return _Header(
        parameter_block=content[0],
        points=numbers.word(content, 2),
        analog_per_frame=numbers.word(content, 4),
        first_frame=numbers.word(content, 6),
        last_frame=numbers.word(content, 8),
        scale=numbers.float32(content, 12),
        data_block=numbers.word(content, 16),
        rate=numbers.float32(content, 20),
    )


def _read_parameters(content: bytes, at: int, numbers: _Numbers, path: Path) -> dict[str, object]:
    """{"GROUP:NAME": an array of numbers, or a list of texts}. Ends where the list ends or stops making sense."""
    groups: dict[int, str] = {}
    found: list[tuple[int, str, object]] = []
    for _ in range(_MAX_PARAMETERS):
        if at + 4 > len(content) or content[at] == 0:
            break
        length = abs(struct.unpack_from("b", content, at)[0])
        group = struct.unpack_from("b", content, at + 1)[0]
        name = content[at + 2 : at + 2 + length].decode("latin-1").strip().upper()
        link = at + 2 + length
        if link + 2 > len(content):
            break
        step = numbers.word(content, link)
        if group < 0:
            groups[-group] = name
        elif group > 0:
            value = _read_value(content, link + 2, numbers)
            if value is not None:
                found.append((group, name, value))
        if step == 0:
            break
        at = link + step
    else:
        raise BadFileError(f"has more than {_MAX_PARAMETERS} parameters", where=path)
    return {f"{groups[group]}:{name}": value for group, name, value in found if group in groups}


def _read_value(content: bytes, at: int, numbers: _Numbers) -> object | None:
    """A parameter's value: a flat array, or a list of texts; `None` where it does not fit into the file."""
    if at + 2 > len(content):
        return None
    kind, dimensions = struct.unpack_from("bB", content, at)
    at += 2
    shape = content[at : at + dimensions]
    at += dimensions
    count = 1
    for size in shape:
        count *= size
        if count > len(content):
            return None
    entry_bytes = _ENTRY_SIZE.get(kind)
    if entry_bytes is None or len(shape) < dimensions or at + count * entry_bytes > len(content):
        return None
    data = content[at : at + count * entry_bytes]
    if kind != -1:
        return numbers.array(data, _ENTRY_CODE[kind])
    width = shape[0] if shape else 1
    return [data[i : i + width].decode("latin-1").strip(" \0") for i in range(0, count, width)] if width else []


def _first(parameters: Mapping[str, object], name: str, default: float, *, unsigned: bool = False) -> float:
    value = parameters.get(name)
    if not isinstance(value, np.ndarray) or not value.size:
        return default
    number = float(value[0])
    return number + 65536 if unsigned and value.dtype.kind == "i" and number < 0 else number


def _text(parameters: Mapping[str, object], name: str) -> str:
    value = parameters.get(name)
    return "".join(c for c in value[0] if c.isprintable())[:60] if isinstance(value, list) and value else ""


def _read_points(
    content: bytes, header: _Header, parameters: Mapping[str, object], numbers: _Numbers, points: int, path: Path
) -> tuple[np.ndarray, str, list[str]]:
    """((T, J, 3) with NaN for missing points, storage, notes)."""
    stated = _stated_frames(header, parameters)
    placed = _placement(header, parameters, points, stated, len(content), path)
    there = placed.frames_in(len(content))
    if there == 0:
        raise BadFileError("is cut short before its first frame", where=path, todo="Export or download it again")
    if stated is not None and stated <= 0xFFFF:
        stated += max(0, there - stated) // 0x10000 * 0x10000  # a count of 16 bits that began again at 0
    # Beyond 65535 the header cannot tell how many frames there are; then the size of the file tells.
    frames = there if stated is None else min(stated, there)
    if stated is None:
        end = placed.start + there * placed.bytes_per_frame
        blank = content[max(placed.start, end - 2 * _BLOCK) : end]
        zeros = len(blank) - len(blank.rstrip(b"\0"))
        frames = max(1, there - zeros // placed.bytes_per_frame)  # the last block is filled up with zeros
    notes = [] if stated is None or stated <= there else [f"The file says {stated} frames and has {there}."]
    if frames * points > MAX_POINTS:
        raise BadFileError(f"has {frames} frames of {points} points, more than {MAX_POINTS} in all", where=path)
    data = memoryview(content)[placed.start : placed.start + frames * placed.bytes_per_frame]
    rows = numbers.array(data, "f4" if placed.is_float else "i2").reshape(frames, placed.columns)
    values = rows[:, : 4 * points].reshape(frames, points, 4)
    with np.errstate(invalid="ignore"):
        positions = values[..., :3].astype(np.float64)
        if not placed.is_float:
            positions *= abs(placed.scale)
        missing = (values[..., 3] < 0) | ~np.isfinite(positions).all(-1) | (np.abs(positions) > 1e7).any(-1)
    zero = (positions == 0).all(-1) & ~missing
    zero &= (~zero & ~missing).any(axis=0)  # of points that are elsewhere in other frames
    if zero.any():
        notes.append(f"Points at exactly 0, 0, 0 count as missing, as some programs mark them so: {int(zero.sum())}.")
    positions[missing | zero] = np.nan
    return positions, "float" if placed.is_float else "int16", notes


@dataclass(frozen=True)
class _Placement:
    """Where the frames are: `start` in bytes, `columns` numbers in each, floats or 16-bit integers times `scale`."""

    start: int
    columns: int
    is_float: bool
    scale: float

    @property
    def bytes_per_frame(self) -> int:
        return self.columns * (4 if self.is_float else 2)

    def frames_in(self, file_bytes: int) -> int:
        return max(0, file_bytes - self.start) // self.bytes_per_frame if self.start > 0 else 0

    def fills(self, frames: int, file_bytes: int) -> bool:
        """Whether so many frames end in the last blocks of the file."""
        return 0 <= file_bytes - self.start - frames * self.bytes_per_frame < _FILLED_UP * _BLOCK


def _placement(
    header: _Header, parameters: Mapping[str, object], points: int, stated: int | None, file_bytes: int, path: Path
) -> _Placement:
    """Where the frames are. Where header and parameters contradict each other, the size of the file decides."""
    scales = [s for s in (_first(parameters, "POINT:SCALE", header.scale), header.scale) if np.isfinite(s) and s]
    if not scales:
        raise BadFileError(f"has the scale {header.scale}, which cannot be", where=path)
    starts = [int(block) for block in (header.data_block, _first(parameters, "POINT:DATA_START", 0, unsigned=True))]
    starts = [(start - 1) * _BLOCK for start in starts if start > 1] or [0]
    used = _first(parameters, "ANALOG:USED", 0, unsigned=True)
    rates = [_first(parameters, name, 0) for name in ("ANALOG:RATE", "POINT:RATE")]
    analog = [header.analog_per_frame]
    with np.errstate(all="ignore"):
        samples = np.round(np.float64(rates[0]) / np.float64(rates[1]))
    if 1 <= samples <= _MOST_SAMPLES and 0 <= used <= 0xFFFF:
        analog.append(int(used * samples))
    found = [
        _Placement(start, 4 * points + extra, scale < 0, scale)
        for start in starts
        for scale in (scales if (scales[0] < 0) != (scales[-1] < 0) else scales[:1])
        for extra in analog
    ]
    fitting = [one for one in found if stated is not None and one.fills(stated, file_bytes)]
    return fitting[0] if fitting else found[0]


def _stated_frames(header: _Header, parameters: Mapping[str, object]) -> int | None:
    """How many frames the file says it has; `None` where it has more than its fields can say."""
    start, end = (parameters.get(f"TRIAL:ACTUAL_{which}_FIELD") for which in ("START", "END"))
    if isinstance(start, np.ndarray) and isinstance(end, np.ndarray) and start.size > 1 and end.size > 1:
        words = [int(v) & 0xFFFF for v in (start[0], start[1], end[0], end[1]) if np.isfinite(v)]
        if len(words) == 4 and (frames := (words[2] | words[3] << 16) - (words[0] | words[1] << 16) + 1) > 0:
            return frames
    long_frames = _first(parameters, "POINT:LONG_FRAMES", 0)
    if np.isfinite(long_frames) and 0 < long_frames < 1e9:
        return int(long_frames)
    if header.last_frame == 0xFFFF or header.last_frame < header.first_frame:
        count = parameters.get("POINT:FRAMES")
        listed = _first(parameters, "POINT:FRAMES", 0, unsigned=True)
        most = 1e9 if isinstance(count, np.ndarray) and count.dtype.kind == "f" else 0xFFFF
        return int(listed) if np.isfinite(listed) and 0 < listed < most else None
    return header.last_frame - header.first_frame + 1


def _labels(parameters: Mapping[str, object], points: int) -> tuple[tuple[str, ...], list[str]]:
    labels: list[str] = []
    for suffix in ("", *map(str, range(2, 20))):
        more = parameters.get(f"POINT:LABELS{suffix}")
        if not isinstance(more, list):
            break
        labels += ["".join(c for c in label if c.isprintable()) for label in more]
    labels = labels[:points]
    notes = []
    if len(labels) < points:
        unnamed = points - len(labels)
        notes.append(f"Points without a label are named by their place (point_{points}): {unnamed} of {points}.")
    names = tuple(labels[i] if i < len(labels) and labels[i] else f"point_{i + 1}" for i in range(points))
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        notes.append(f"Labels that stand for several points: {', '.join(repeated[:5])}.")
    return names, notes
