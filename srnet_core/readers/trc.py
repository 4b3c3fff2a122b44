"""TRC marker files (Motion Analysis, OpenSim, Pose2Sim, Sports2D): named points over time, in mm, m or pixels.

OpenSim documents the format: three lines of header, names, coordinates, then a row per frame. Files that differ from it
are
read too: cells separated by tabs, commas or blanks; blank cells or NaN for missing markers; wrong counts in the header.
Sports2D writes pixels under the unit "m". Such files are recognized by z, which is 0 throughout, and by their large
numbers.
"""

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError, ConfigError, HostileFileError
from srnet_core.files import atomic_write
from srnet_core.layouts import layout_of_names
from srnet_core.motion import METRES_PER_UNIT, Motion, unit_of
from srnet_core.readers._csv import MOST_COLUMNS, number
from srnet_core.readers._encoding import arrays_of, names_of, require_pixels, tracks_of
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._marker_tables import with_gaps
from srnet_core.readers._rates import rate_of_times
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.detections import MOST_VALUES, Detections, ReadOptions
from srnet_core.readers.forms import NAMES, RATE, Form, holding
from srnet_core.readers.head import Head
from srnet_core.readers.record import CAPTURED, record
from srnet_core.readers.text import decode

FORMAT = "trc"
_UNITS = {
    word: unit
    for unit, words in {
        "m": "m meter meters metre metres",
        "dm": "dm decimeter decimeters",
        "cm": "cm centimeter centimeters centimetre centimetres",
        "mm": "mm millimeter millimeters millimetre millimetres",
        "in": "in inch inches",
        "ft": "ft foot feet",
        "px": "px pixel pixels",
    }.items()
    for word in words.split()
}
_RATES_DIFFER = 0.05
_NOT_SEEN = 9_999_999.0  # what Motion Analysis' programs write for a marker that was not seen
_HEAD = re.compile(r"\s*frame ?#?[\t,; ]+time\b", re.IGNORECASE)
_HEAD_WITHOUT_NUMBERS = re.compile(r"\s*time(?: ?\(?s\)?)?\s*[\t,;]", re.IGNORECASE)
_LARGEST_SCENE_M = 50.0


@dataclass(frozen=True)
class MarkerFile:
    """What a TRC file holds.

    Attributes:
        names: M marker names, in the order of the columns; two may be the same.
        numbers: (T,) int64 frame numbers; times_s: (T,) float64, NaN where blank.
        positions: (T, M, 3) float64 in `units`, NaN where missing.
        units: "m", "dm", "cm", "mm", "in", "ft" or "px" as the header says, `None` where it says nothing that is known.
        fps: DataRate of the header, or that of the times of the rows; `None` where both are missing.
        header: the header's values by name, as text.
        notes: what the file contradicts itself in, one sentence each.
    """

    names: tuple[str, ...]
    numbers: np.ndarray
    times_s: np.ndarray
    positions: np.ndarray
    units: str | None
    fps: float | None
    header: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def is_pixels(self) -> bool:
        """Whether the points are pixels of an image, whatever the header says."""
        if self.units == "px":
            return True
        flat = self.positions[..., 2]
        if self.units not in ("m", None) or not len(flat) or np.nanmax(np.abs(flat), initial=0) > 0:
            return False
        return float(np.nanmax(np.abs(self.positions[..., :2]), initial=0)) > _LARGEST_SCENE_M


_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+(?:[eE][+-]?\d+)?\s*")  # as spreadsheets of some countries write it


def sniff(head: Head) -> float:
    if head.is_folder:
        return 0.0
    lines = head.text.lstrip("\ufeff \t\r\n").splitlines()[:3]
    if lines and lines[0].lstrip(' \t"').startswith("PathFileType"):
        return 0.95
    if len(lines) > 1 and _HEAD.match(lines[0]) and re.match(r"[\t, ]*X1\b", lines[1], re.IGNORECASE):
        return 0.7
    return 0.7 if len(lines) > 1 and "DataRate" in lines[0] and "NumMarkers" in lines[0] else 0.0


def motions(head: Head) -> dict[str, Motion] | None:
    """The 3D markers as a motion; `None` for pixels, which `read` reads."""
    markers = read_trc(head.path)
    return None if markers.is_pixels else {"": motion_of(markers)}


def motion_of(markers: MarkerFile) -> Motion:
    """The 3D markers of a file as a motion."""
    unit = unit_of(markers.units)
    positions, notes = with_gaps(np.asarray(markers.positions, np.float64), markers.numbers)
    return Motion(
        format=FORMAT,
        names=tuple(markers.names),
        parents=None,
        positions=positions,
        fps=markers.fps,
        units=unit or markers.units,
        metres_per_unit=METRES_PER_UNIT.get(unit) if unit else None,
        notes=(*markers.notes, *notes),
    )


def describe(head: Head) -> dict | None:
    """What a 3D marker file holds; `None` for pixels, which `read` reads."""
    markers = read_trc(head.path)
    if markers.is_pixels:
        return None
    layout = layout_of_names(markers.names)
    return record(
        CAPTURED,
        FORMAT,
        layout=layout.name if layout else None,
        frames=len(with_gaps(markers.positions, markers.numbers)[0]),
        people=1,
        joints=len(markers.names),
        fps=markers.fps,
        units=markers.units,
        joint_names=markers.names,
        missing_share=round(float(np.isnan(markers.positions).mean()), 4) if markers.positions.size else None,
        notes=markers.notes,
    )


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The points of a file in pixels, as one person.

    Raises:
        BadFileError: no TRC file, or one of 3D markers.
    """
    markers = read_trc(head.path)
    if not markers.is_pixels:
        raise BadFileError(
            f"holds 3D markers in {markers.units or 'an unknown unit'}, not 2D keypoints in pixels", where=head.path
        )
    notes = list(markers.notes)
    if markers.units != "px":
        notes.append(f"The header says the unit is {markers.units}, but the numbers are pixels: z is 0 throughout.")
    gathering = Gathering(head.path, values_per_joint=2)
    for frame, points in zip(markers.numbers.tolist(), markers.positions[..., :2]):
        gathering.frame(frame)
        if np.isfinite(points).any():
            gathering.person(frame, points.reshape(-1), identity="1")
    return [
        gathering.build(
            FORMAT,
            notes=notes,
            joint_names=markers.names,
            fps=markers.fps,
            base=int(markers.numbers[0]) if len(markers.numbers) else None,
        )
    ]


def read_trc(path: str | Path) -> MarkerFile:
    """Read a TRC file.

    Raises:
        InputFileMissing, BadFileError: there is none, it is cut short, or holds no markers; the message has the line.
        HostileFileError: it asks for absurd amounts of memory.
    """
    text = decode(read_bounded(path), path)
    if text.lstrip().startswith('"'):  # a spreadsheet's, which puts cells into quotation marks
        text = text.replace('"', "")
    lines = text.splitlines()
    top = next((i for i, line in enumerate(lines[:20]) if _HEAD.match(line)), None)
    if top is None:  # a table whose rows begin with the time
        top = next((i for i, line in enumerate(lines[:20]) if _HEAD_WITHOUT_NUMBERS.match(line)), None)
        if top is not None:
            mark = next(mark for mark in "\t;," if mark in lines[top])
            lines[top:] = [f"{'' if i else 'Frame#'}{mark}{line}" for i, line in enumerate(lines[top:])]
    if top is not None and ";" in lines[top] and "\t" not in lines[top]:
        lines = [line.replace(";", "\t") for line in lines]
    if top is None:
        raise BadFileError(
            'has no line that begins with "Frame#" and "Time": not a TRC file, or one that is cut short', where=path
        )
    separator = "\t" if "\t" in lines[top] else "," if "," in lines[top] else None
    header = _header(lines[:top])
    names = _names(lines[top], separator, _positive(header.get("NumMarkers")))
    if not names:
        raise BadFileError("names no markers", where=path)
    if len(names) * 3 > MOST_COLUMNS:
        raise HostileFileError(f"names {len(names)} markers", where=path)
    rows: list[int] = []
    first = None
    values = array("d")
    width = 2 + 3 * len(names)
    for at, line in enumerate(lines[top + 1 :], top + 2):
        if not line.replace(",", " ").strip():  # any blank character: no cell is left where there are only these
            continue
        cells = line.split(separator) if separator and separator in line else line.split()
        if separator == "\t" and "," in line:
            cells = [c.replace(",", ".") if _DECIMAL_COMMA.fullmatch(c) else c for c in cells]
        if separator and not cells[0].strip() and len(cells) > 2 and _is_row(cells[1:]):
            cells[0] = str(len(rows) + 1)  # rows without numbers
        if first is None and not _is_row(cells):
            if re.match(r"\s*[\t, ]*X1\b", line, re.IGNORECASE):
                continue
            raise BadFileError(f"line {at} is not a row of numbers", where=path)
        first = first or at
        cells = (cells + [""] * width)[:width] if len(cells) >= 3 else cells
        if len(cells) < width:
            raise BadFileError(f"line {at} has {len(cells)} cells of {width}: cut short", where=path)
        if len(values) > MOST_VALUES:
            raise HostileFileError("holds too many numbers", where=path)
        try:
            values.extend(map(float, cells))
        except ValueError:
            del values[len(rows) * width :]
            values.extend([number(cell, at, path) for cell in cells])
        rows.append(at)
    if not rows:
        raise BadFileError("has a header but no frames", where=path)
    table = np.frombuffer(values, np.float64).reshape(-1, width)
    return _made(table, names, header, rows, path)


def _made(table: np.ndarray, names: tuple[str, ...], header: dict[str, str], rows: list[int], path) -> MarkerFile:
    frames = table[:, 0]
    if not np.isfinite(frames).all() or (np.abs(frames) > 2**53).any():
        at = rows[int(np.argmin(np.isfinite(frames) & (np.abs(frames) <= 2**53)))]
        raise BadFileError(f"line {at} has no frame number", where=path)
    notes = []
    for key, found, what in (("NumFrames", len(table), "frames"), ("NumMarkers", len(names), "markers")):
        said = _positive(header.get(key))
        if said is not None and said != found:
            notes.append(f"The header says {said:g} {what}; there are {found}.")
    units = header.get("Units", "").strip().lower()
    if units and units not in _UNITS:
        notes.append(f"The header says the unit is {units[:20]!a}, which is not known.")
    positions = table[:, 2:].reshape(len(table), len(names), 3).copy()
    positions[~np.isfinite(positions) | (positions == _NOT_SEEN)] = np.nan
    fps = _positive(header.get("DataRate"))
    by_times = _rate_of(table[:, 1])
    if fps is None and (fps := by_times):
        notes.append("The header has no frame rate; it was taken from the times of the rows.")
    elif fps and by_times and abs(by_times / fps - 1) > _RATES_DIFFER:
        notes.append(f"The header says {fps:g} frames per second, the times of the rows {by_times:g}: check the rate.")
    return MarkerFile(
        names=names,
        numbers=frames.astype(np.int64),
        times_s=table[:, 1].copy(),
        positions=positions,
        units=_UNITS.get(units),
        fps=fps,
        header=header,
        notes=tuple(notes),
    )


def _is_row(cells: list[str]) -> bool:
    try:
        float(cells[0])
    except ValueError:
        return False
    return True


def _header(lines: list[str]) -> dict[str, str]:
    """The values under the names of the second line; both are sometimes separated by several tabs."""
    at = next((i for i, line in enumerate(lines) if "DataRate" in line), None)
    if at is None or at + 1 >= len(lines):
        return {}
    between = r"\t+|\s{2,}" if "\t" in lines[at] else r",+|\s{2,}"
    keys, values = ([c.strip() for c in re.split(between, x.strip()) if c.strip()] for x in lines[at : at + 2])
    cells = [[c.strip() for c in line.rstrip("\t ").split("\t")] for line in lines[at : at + 2]]
    if len(cells[0]) == len(cells[1]) > 1 and all(cells[0]):  # blank values keep their places
        keys, values = cells
    elif len(values) < len(keys):
        values = lines[at + 1].replace(",", " ").split()
    elif len(keys) == 1:  # all separated by single blanks
        keys, values = lines[at].split(), lines[at + 1].split()
    values = [v.replace(",", ".") if _DECIMAL_COMMA.fullmatch(v) else v for v in values]
    return {k: v[:80] for k, v in zip(keys, values)}


def _names(line: str, separator: str | None, said: float | None) -> tuple[str, ...]:
    cells = _HEAD.sub(f"Frame#{separator}Time", line).split(separator)[2:] if separator else line.split()[2:]
    names = tuple(name.strip()[:80] for name in cells if name.strip())
    once = names[::3]
    if said == len(once) < len(names) == 3 * len(once) and names == tuple(n for n in once for _ in range(3)):
        return once  # above each of its coordinates
    return names


def _rate_of(times_s: np.ndarray) -> float | None:
    """Frames per second of times that go up evenly."""
    return rate_of_times(times_s, 0.5) if np.isfinite(times_s).all() else None


def _positive(text: str | None) -> float | None:
    try:
        value = float(text) if text else 0.0
    except ValueError:
        return None
    return value if 0 < value < 1e9 else None


# Writing


def write(sequences: Sequence[Detections], path: Path) -> None:
    """The pixels of one person, as Sports2D writes them: y down, z 0."""
    detections = sequences[0]
    require_pixels(detections, "a TRC file of keypoints")
    if detections.fps is None:
        raise ConfigError(
            "a TRC file needs the frame rate", where=detections.source, todo="Say it with --fps, e.g. --fps 30"
        )
    points = arrays_of(detections, next(iter(tracks_of(detections).values())))[0]
    space = np.concatenate([points, np.where(np.isnan(points[..., :1]), np.nan, 0.0)], axis=-1)
    write_trc(path, space, names_of(detections), detections.fps, "px", first_frame=detections.first_number)


def write_trc(
    path: str | Path, positions: np.ndarray, names: Sequence[str], fps: float, units: str, *, first_frame: int = 1
) -> None:
    """A TRC file of (T, M, 3) positions; blank cells where one is missing (the format as OpenSim documents it)."""
    frames, markers = positions.shape[:2]
    clean = [re.sub(r"[\t\r\n,]", " ", name).strip() or "marker" for name in names]
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{Path(path).name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{fps:.9g}\t{fps:.9g}\t{frames}\t{markers}\t{units}\t{fps:.9g}\t{first_frame}\t{frames}",
        "Frame#\tTime\t" + "\t\t\t".join(clean) + "\t\t",
        "\t\t" + "\t".join(f"{axis}{i + 1}" for i in range(markers) for axis in "XYZ"),
        "",
    ]
    for frame in range(frames):
        cells = ["" if np.isnan(v) else f"{v:.8g}" for v in positions[frame].reshape(-1).tolist()]
        lines.append("\t".join([str(first_frame + frame), f"{frame / fps:.6f}", *cells]))
    with atomic_write(path, "w") as file:
        file.write("\n".join(lines) + "\n")


FORMS = {"trc": Form(write, holding(RATE, NAMES), one_person=True)}
