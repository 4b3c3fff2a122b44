"""MediaPipe's form, to write: JSON of the tasks API, and CSV tables, long or wide. `mediapipe` reads it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from srnet_core.errors import ConfigError
from srnet_core.layouts import get_layout
from srnet_core.readers._encoding import frames_of, joints_of, size_for_fractions, write_json, write_table
from srnet_core.readers._hip_origin import LANDMARKS
from srnet_core.readers._mediapipe_tables import LAYOUT
from srnet_core.readers.detections import Detections
from srnet_core.readers.forms import CONFIDENCES, NUMBERS, RATE, SIZE, Form, holding


def _people_of_frames(detections: Detections) -> Iterator[tuple[int, list[list[list[float]]]]]:
    """(number, [33 x, y, visibility of each person]) of each frame, as fractions of the image.

    Raises:
        ConfigError: other joints than the 33, or the size of the image is unknown.
    """
    if detections.joints != LANDMARKS or detections.layout not in (None, LAYOUT):
        raise ConfigError(
            f"MediaPipe's form holds its {LANDMARKS} landmarks, not {detections.joints} joints",
            where=detections.source,
            todo=f"Bring them to these with --to-layout {LAYOUT}",
        )
    size = size_for_fractions(detections, "MediaPipe's landmarks")
    for number, rows in frames_of(detections):
        people = []
        for row in rows:
            joints = joints_of(detections, row)
            people.append([[round(x / size[0], 9), round(y / size[1], 9), c] for x, y, c in joints])
        yield number, people


def write(sequences: Sequence[Detections], path: Path) -> None:
    """JSON of the tasks API; a joint that is missing has visibility 0."""
    detections = sequences[0]
    frames = []
    for number, people in _people_of_frames(detections):
        poses = [[{"x": x, "y": y, "z": 0.0, "visibility": c} for x, y, c in landmarks] for landmarks in people]
        frame: dict[str, object] = {"frame": number, "landmarks": poses}
        if detections.fps:
            frame["timestamp"] = round(1000 * number / detections.fps)
        frames.append(frame)
    known: dict[str, object] = dict(zip(("width", "height"), detections.image_size or ()))
    if detections.fps:
        known["fps"] = detections.fps
    write_json(path, {**known, "frames": frames})


def write_long(sequences: Sequence[Detections], path: Path) -> None:
    """A row per landmark; the people of a frame follow each other."""
    rows: list[list[object]] = [["frame", "landmark", "x", "y", "z", "visibility"]]
    for number, people in _people_of_frames(sequences[0]):
        for landmarks in people:
            rows += [[number, joint, x, y, 0.0, c] for joint, (x, y, c) in enumerate(landmarks)]
    write_table(path, rows)


def write_wide(sequences: Sequence[Detections], path: Path) -> None:
    """A row per frame, of one person; blanks where nobody is."""
    names = [name.upper() for name in get_layout(LAYOUT).joints]
    rows: list[list[object]] = [["frame", *(f"{n}_{k}" for n in names for k in ("x", "y", "z", "visibility"))]]
    for number, people in _people_of_frames(sequences[0]):
        cells = [v for x, y, c in people[0] for v in (x, y, 0.0, c)] if people else [""] * (4 * LANDMARKS)
        rows.append([number, *cells])
    write_table(path, rows)


FORMS = {
    "mediapipe": Form(write, holding(CONFIDENCES, RATE, SIZE, NUMBERS)),
    "mediapipe_long": Form(write_long, holding(CONFIDENCES, NUMBERS)),
    "mediapipe_wide": Form(write_wide, holding(CONFIDENCES, NUMBERS), one_person=True),
}
