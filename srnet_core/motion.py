"""Motion: named points in space over time, as a motion capture file holds them, before any data set is made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from srnet_core.errors import BadFileError

UP_AXES = ("x", "y", "z", "-x", "-y", "-z")


@dataclass(frozen=True)
class Motion:
    """One take of one file.

    Attributes:
        format: the file format, for instance "bvh" or "c3d".
        names: J names, in the order of the file. Names can repeat in files that repeat them.
        parents: the parent of each joint (-1 for a root), parents before children; `None` for markers.
        positions: (T, J, 3) float64 in the units of the file; NaN where a point is missing.
        fps: frames per second; `None` where the file does not tell.
        units: what the file says its lengths are, for instance "mm"; `None` where it does not tell.
        metres_per_unit: one unit of the file in metres; `None` where it is not known.
        units_from: where the unit comes from: the "file", the "format", which has no other, or the "size" of the body.
        up: the axis that points up, one of `UP_AXES`; `None` where it is not known.
        ends: indices of points that are only the ends of bones (BVH End Sites), not joints.
        rest: (J, 3) positions of the rest pose in units of the file; `None` where there is none.
        details: more that the file says, by name, as plain values: "processor", "first_frame", ...
        notes: what the reader found or decided, one sentence each.

    Raises:
        BadFileError: shapes that do not fit each other.
    """

    format: str
    names: tuple[str, ...]
    parents: tuple[int, ...] | None
    positions: np.ndarray
    fps: float | None = None
    units: str | None = None
    metres_per_unit: float | None = None
    units_from: str = "file"
    up: str | None = None
    ends: tuple[int, ...] = ()
    rest: np.ndarray | None = None
    details: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self):
        points = len(self.names)
        if self.positions.ndim != 3 or self.positions.shape[1:] != (points, 3):
            raise BadFileError(f"positions of shape {self.positions.shape} do not fit {points} names")
        if self.parents is not None and (
            len(self.parents) != points or not all(-1 <= p < j for j, p in enumerate(self.parents))
        ):
            raise BadFileError("the parents of the joints do not form trees")
        if self.up is not None and self.up not in UP_AXES:
            raise BadFileError(f"the up axis must be one of {', '.join(UP_AXES)}, not {self.up!r}")

    @property
    def frames(self) -> int:
        """T, the number of frames."""
        return len(self.positions)

    @property
    def joints(self) -> tuple[int, ...]:
        """Indices of the points that are joints or markers, not ends of bones."""
        ends = set(self.ends)
        return tuple(j for j in range(len(self.names)) if j not in ends)

    @property
    def missing_fraction(self) -> float:
        """The share of points that are missing; 0 where there are no points."""
        missing = ~np.isfinite(self.positions).all(-1)
        return float(missing.mean()) if missing.size else 0.0

    def with_notes(self, *notes: str) -> "Motion":
        """The same motion with more notes."""
        return replace(self, notes=(*self.notes, *notes))


def to_z_up(positions: np.ndarray, up: str) -> np.ndarray:
    """(..., 3) positions turned so that the axis `up`, one of `UP_AXES`, becomes z. Never mirrored."""
    x, y, z = np.moveaxis(positions, -1, 0)
    turned = {
        "z": (x, y, z),
        "-z": (x, -y, -z),
        "y": (x, -z, y),
        "-y": (x, z, -y),
        "x": (-z, y, x),
        "-x": (z, y, -x),
    }
    return np.stack(turned[up], axis=-1)


# The units that motion capture files use, and what they are called in them.
METRES_PER_UNIT = {"m": 1.0, "dm": 0.1, "cm": 0.01, "mm": 0.001, "in": 0.0254, "ft": 0.3048}
_UNIT_WORDS = {
    "m": ("m", "meter", "meters", "metre", "metres"),
    "dm": ("dm",),
    "cm": ("cm", "centimeter", "centimeters", "centimetre", "centimetres"),
    "mm": ("mm", "millimeter", "millimeters", "millimetre", "millimetres"),
    "in": ("in", "inch", "inches"),
    "ft": ("ft", "foot", "feet"),
}


def unit_of(text: str | None) -> str | None:
    """The unit a file names ("MM", "Meters"), as a key of `METRES_PER_UNIT`; `None` for any other word."""
    word = (text or "").strip().strip(".").lower()
    return next((unit for unit, words in _UNIT_WORDS.items() if word in words), None)
