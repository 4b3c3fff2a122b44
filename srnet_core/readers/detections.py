"""What readers of 2D keypoints give: the people that a tool found, frame by frame, as the file has them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from srnet_core.layouts import Layout

MOST_PEOPLE = 1_000  # in one frame
MOST_FRAMES = 20_000_000
MOST_VALUES = 1 << 30  # of one file: 4 GiB of float32
LARGEST_PX = 1e6

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Detections:
    """One sequence of frames: N people found in T frames, each with J joints.

    Attributes:
        format: the tool or format, e.g. "openpose".
        source: the file or folder.
        points: (N, J, 2) float32, NaN where a joint is missing.
        confidence: (N, J) float32, as the tool gave it; `None` where the format has none.
        frame_index: (N,) int64, the frame of each person, 0 to T - 1.
        frame_count: T, frames without people included.
        first_number, step: frame i is number `first_number + i * step` in the file.
        listed: (T,) int32, people the file lists in each frame, empty ones included.
        present: (T,) bool, False where the file or folder has nothing for a frame.
        track_ids: one name per person where the tool tracked people, else `None`.
        consecutive: False for collections of images: neighbours do not follow each other in time.
        units: "px" or "normalized" (fractions of width and height).
        sequence: name of the sequence inside the file, "" where there is one only.
        layout: name of the layout where the format or the file says it.
        candidates: names of the layouts that the format may mean with so many joints; empty for any.
        joint_names: where the file names its joints.
        described: a layout that the file itself describes: names, bones, mirror pairs.
        extras: hands, faces and the like: {name: (N, K, 3) float32 of x, y, confidence}.
        image_sizes: (width, height) of all images where they differ.
        bare: the points are bare numbers: nothing in the file says that x comes before y.
        missing: joints that the file itself marks as missing, of those it lists.
        notes: what the reader changed, left out or assumed, one sentence each.
    """

    format: str
    source: str
    points: np.ndarray
    confidence: np.ndarray | None
    frame_index: np.ndarray
    frame_count: int
    first_number: int = 0
    step: int = 1
    listed: np.ndarray | None = None
    present: np.ndarray | None = None
    track_ids: tuple[str, ...] | None = None
    consecutive: bool = True
    units: str = "px"
    sequence: str = ""
    layout: str | None = None
    candidates: tuple[str, ...] = ()
    joint_names: tuple[str, ...] | None = None
    described: Layout | None = None
    extras: Mapping[str, np.ndarray] = field(default_factory=dict)
    fps: float | None = None
    image_size: tuple[int, int] | None = None
    image_sizes: tuple[tuple[int, int], ...] = ()
    bare: bool = False
    missing: int = 0
    notes: tuple[str, ...] = ()

    @property
    def joints(self) -> int:
        return self.points.shape[1]


def image_size(width: object, height: object) -> tuple[int, int] | None:
    """(width, height) in pixels, of numbers or of text; `None` where they are not two sensible whole numbers."""
    width_px, height_px = _side(width), _side(height)
    return (width_px, height_px) if width_px and height_px else None


def _side(value: object) -> int | None:
    if isinstance(value, str) and len(value) <= 12 and value.strip().isascii() and value.strip().isdigit():
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value) if abs(value) <= LARGEST_PX else None
    return value if type(value) is int and 0 < value <= LARGEST_PX else None


@dataclass(frozen=True)
class ReadOptions:
    """What a caller tells a reader.

    Attributes:
        progress: called with (done, total) now and then, in files or people.
        sequence: the one sequence that is wanted, where a reader can save the work of the others.
    """

    progress: Progress | None = None
    sequence: str | None = None
