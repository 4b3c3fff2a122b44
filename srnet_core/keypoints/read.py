"""One way in: keypoints of any known tool, recognised by content."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from srnet_core.errors import AmbiguousError, BadFileError, ConfigError
from srnet_core.keypoints._axes import x_first
from srnet_core.keypoints._layout import find_layout
from srnet_core.keypoints._tracking import track_people
from srnet_core.keypoints.tracks import Keypoints, Track, box_sizes
from srnet_core.layouts import Layout
from srnet_core.readers.detections import Detections, Progress, ReadOptions
from srnet_core.readers.formats import find, load_format
from srnet_core.readers.frames import few
from srnet_core.readers.head import Head

_TOO_FAST_FPS = 1e6  # as motion in space is refused at
_BEYOND, _MANY_BEYOND = 1.1, 0.05  # of the largest y at the scale of x; share of the joints beyond it
_MOST_VALUES = 1 << 26  # of all tracks together
UNKNOWN = "The file does not say {}: it is unknown."
"""The note about `fps` or `image_size` that nobody knows."""


def read_keypoints(
    path: str | Path,
    format: str = "auto",
    layout: str | Layout = "auto",
    person: int | str | None = None,
    fps: float | None = None,
    image_size: tuple[int, int] | None = None,
    *,
    sequence: int | str | None = None,
    progress: Progress | None = None,
) -> Keypoints:
    """Read 2D keypoints from a file or folder.

    Args:
        path: a file, or a folder with one file per frame.
        format: the tool that wrote it (`srnet_core.readers.formats.FORMATS`), or "auto": told by the content.
        layout: a layout, its name, the path of a file of your own (.toml, see `srnet_core.layouts.own`), "none" to
            go without, or "auto": told by the file, by the number of joints, or by the bones.
        person: one person only, by position (0 is the one who is seen most) or by the name of the track.
        fps: frames per second, where the file does not say or says it wrong.
        image_size: (width, height) in pixels, likewise; coordinates that are fractions of the image become pixels.
        sequence: which one, where a file holds several, by position or name.
        progress: called with (done, total) now and then.

    Returns:
        The people as tracks; what is not known is `None` and `notes` say so.

    Raises:
        InputFileMissing: there is nothing at the path.
        BadFileError: it is damaged, of another kind, or holds no 2D keypoints.
        AmbiguousError: the format, the layout or the sequence cannot be told; the message lists the choices.
        UnknownNameError: a format, layout, person or sequence that does not exist.
        ConfigError: a frame rate or an image size that cannot be.
        MissingExtraError: several people have to be tracked and scipy is not installed.
    """
    fps, image_size = check_given(fps, image_size)
    found = load_detections(path, format, sequence=sequence if isinstance(sequence, str) else None, progress=progress)
    keypoints = keypoints_of(chosen_sequence(found, sequence), path, layout, fps, image_size)
    return keypoints if person is None else keypoints.only(person)


def read_all_keypoints(
    path: str | Path,
    format: str = "auto",
    layout: str | Layout = "auto",
    fps: float | None = None,
    image_size: tuple[int, int] | None = None,
    *,
    progress: Progress | None = None,
) -> Iterator[Keypoints]:
    """The sequences of a file or folder, one after the other; it is read once. Args and errors as `read_keypoints`."""
    fps, image_size = check_given(fps, image_size)
    for detections in load_detections(path, format, progress=progress):
        yield keypoints_of(detections, path, layout, fps, image_size)


def keypoints_of(
    detections: Detections,
    path: str | Path,
    layout: str | Layout = "auto",
    fps: float | None = None,
    image_size: tuple[int, int] | None = None,
) -> Keypoints:
    """The people of one sequence that has been read from `path`, as tracks; args and errors as `read_keypoints`."""
    chosen, origin, notes = find_layout(detections, layout)
    detections, exchanged = x_first(detections, chosen, image_size)
    notes = [*detections.notes, *notes, *exchanged]
    origins = {"layout": origin}
    for name, given, read in (("fps", fps, detections.fps), ("image_size", image_size, detections.image_size)):
        origins[name] = "given" if given is not None else "file" if read is not None else "unknown"
        if given is not None and read is not None and given != read:
            notes.append(f"The file says {name} is {read}; {given} was given and is used.")
        if given is None and read is None:
            notes.append(UNKNOWN.format(name))
    fps = fps if fps is not None else detections.fps
    image_size = image_size or detections.image_size
    detections, units = _in_pixels(detections, image_size, notes)
    tracks = _tracks(detections, notes)
    return Keypoints(
        tracks=tracks,
        frame_count=detections.frame_count,
        layout=chosen,
        joint_names=chosen.joints if chosen else detections.joint_names,
        units=units,
        fps=fps,
        image_size=image_size,
        origins=origins,
        source=str(path),
        format=detections.format,
        sequence=detections.sequence,
        first_number=detections.first_number,
        step=detections.step,
        present=detections.present,
        consecutive=detections.consecutive,
        notes=tuple(notes),
    )


def load_detections(
    path: str | Path, format: str = "auto", *, sequence: str | None = None, progress: Progress | None = None
) -> list[Detections]:
    """All sequences of a file or folder, as its reader gives them; errors as `read_keypoints`."""
    head, name = find(path, format)
    return detections_in(head, name, named=format != "auto", sequence=sequence, progress=progress)


def detections_in(
    head: Head, name: str, *, named: bool, sequence: str | None = None, progress: Progress | None = None
) -> list[Detections]:
    """All sequences of what `find` found, as the reader of the format `name` gives them; errors as `read_keypoints`.

    Args:
        named: it is the user who named the format, not `find`. Whoever names it says with it that x comes first
            where the points are bare numbers, or with "movenet" that y does.
    """
    reader = load_format(name)
    if not hasattr(reader, "read"):
        raise BadFileError("holds motion capture, not 2D keypoints", where=head.path)
    try:
        found = reader.read(head, ReadOptions(progress=progress, sequence=sequence))
    except (RecursionError, MemoryError):
        raise BadFileError("does not fit into the memory of this machine", where=head.path) from None
    except OSError as error:
        if isinstance(error, BadFileError):
            raise
        raise BadFileError(f"cannot be read: {error.strerror or error}", where=head.path) from None
    if not found:
        raise BadFileError("holds no keypoints", where=head.path)
    return [replace(detections, bare=False) for detections in found] if named else found


def check_given(fps: float | None, image_size: Sequence[int] | None) -> tuple[float | None, tuple[int, int] | None]:
    """What a user says about a recording; `ConfigError` for a frame rate or an image size that cannot be."""
    if fps is not None and not (isinstance(fps, (int, float)) and math.isfinite(fps) and fps > 0):
        raise ConfigError(f"must be a positive number, not {fps!r}", where="fps")
    if fps is not None and fps >= _TOO_FAST_FPS:
        raise ConfigError(f"must be below a million, not {fps:.10g}", where="fps")
    if image_size is None:
        return fps, None
    try:
        if isinstance(image_size, (str, bytes)):
            raise TypeError("text is not a size")
        width, height = (int(n) for n in image_size)
    except (TypeError, ValueError, OverflowError):
        raise ConfigError(f"must be (width, height) in pixels, not {image_size!r}", where="image_size") from None
    if width <= 0 or height <= 0:
        raise ConfigError(f"must be positive, not {image_size!r}", where="image_size")
    return fps, (width, height)


def chosen_sequence(found: Sequence[Detections], sequence: int | str | None) -> Detections:
    """The sequence of that name or position; the only one where none is asked for. `AmbiguousError` if not one."""
    if len(found) == 1 and not isinstance(sequence, int):
        return found[0]
    names = [d.sequence for d in found]
    if isinstance(sequence, int) and 0 <= sequence < len(found):
        return found[sequence]
    if isinstance(sequence, str) and sequence in names:
        return found[names.index(sequence)]
    raise AmbiguousError(
        f"holds {len(found)} sequences" + (f", but none called {sequence!r}" if sequence is not None else ""),
        where=found[0].source.partition(", ")[0],
        todo=f"Say which with sequence=, by position from 0 or by name: {few(names, 10)}",
    )


def _in_pixels(detections: Detections, size: tuple[int, int] | None, notes: list[str]) -> tuple[Detections, str]:
    """Fractions of the image made pixels, where its size is known."""
    if detections.units == "px":
        return detections, "px"
    if size is None:
        notes.append("The points are fractions of the image; give image_size= to have them in pixels.")
        return detections, detections.units
    width, height = size
    points: np.ndarray
    if detections.units == "screen":
        points = (detections.points + np.array([1, height / width], np.float32)) * np.float32(width / 2)
        down = np.abs(detections.points[..., 1])
        if (down[np.isfinite(down)] > _BEYOND * height / width).mean() > _MANY_BEYOND:
            points = (detections.points + np.float32(1)) * np.array([width / 2, height / 2], np.float32)
            notes.append("y goes from -1 to 1 over the height of the image, as it is too large for the scale of x.")
    else:
        points = detections.points * np.array([width, height], np.float32)
    return replace(detections, points=points), "px"


def _tracks(detections: Detections, notes: list[str]) -> tuple[Track, ...]:
    """The people over time, the one who is seen most and largest first."""
    if not len(detections.points):
        notes.append("No person was found in any frame.")
        return ()
    if detections.track_ids is not None and detections.consecutive:
        names = list(dict.fromkeys(detections.track_ids))
        place = {name: i for i, name in enumerate(names)}
        of = np.array([place[name] for name in detections.track_ids])
    else:
        of = track_people(detections)
        names = None
        if not detections.consecutive:
            notes.append("The images do not follow each other: person 1 of one is not person 1 of the next.")
        elif of.max() > 0:
            notes.append("The file does not identify people: they were followed from frame to frame.")
    sizes = np.nan_to_num(box_sizes(detections.points), nan=0.0)
    seen = np.bincount(of)
    weight = np.bincount(of, weights=np.sqrt(np.maximum(sizes, 1e-9)))
    order = np.argsort(-weight, kind="stable")
    room = max(1, _MOST_VALUES // max(1, detections.frame_count * detections.joints))
    order = order[seen[order] > 0]
    if len(order) > room:
        notes.append(f"People seen only briefly were left out to save memory: {len(order) - room} of {len(order)}.")
        order = order[:room]
    rows_of = np.argsort(of, kind="stable")
    ends = np.cumsum(seen)
    tracks = []
    for position, index in enumerate(order):
        rows = rows_of[ends[index] - seen[index] : ends[index]]
        tracks.append(_track(names[index] if names else str(position + 1), detections, rows))
    return tuple(tracks)


def _track(name: str, detections: Detections, rows: np.ndarray) -> Track:
    frames, joints = detections.frame_count, detections.joints
    at = detections.frame_index[rows]
    points = np.full((frames, joints, 2), np.nan, np.float32)
    points[at] = detections.points[rows]
    confidence = np.zeros((frames, joints), np.float32)
    if detections.confidence is None:
        confidence[at] = ~np.isnan(detections.points[rows, :, 0])
    else:
        confidence[at] = detections.confidence[rows]
    extras = {}
    for part, values in detections.extras.items():
        if not np.isnan(values[rows]).all():
            extras[part] = np.full((frames, *values.shape[1:]), np.nan, np.float32)
            extras[part][at] = values[rows]
    return Track(
        name=name,
        points=points,
        confidence=confidence,
        filled=np.zeros((frames, joints), bool),
        mended=np.zeros(frames, bool),
        extras=extras,
    )
