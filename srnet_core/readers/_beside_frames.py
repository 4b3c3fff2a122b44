"""What stands beside the frames of a file: the frame rate and the size of the images; and the time of each frame."""

from collections.abc import Mapping, Sequence

import numpy as np

from srnet_core.readers._json_points import by_plain_key
from srnet_core.readers._numbers import number_of_text
from srnet_core.readers._rates import rate_of_clock
from srnet_core.readers.detections import image_size

_CONTEXTS = ("metadata", "meta", "videoinfo", "video", "info", "videometadata", "header")

_CLOCKS = ("timestamp", "time", "timestampms", "timems", "timestamps", "timesec", "timestampus", "timestampns", "t")
_FEWEST_TIMES = 3


def context_in(keys: Mapping[str, object]) -> Mapping[str, object]:
    """The values that stand beside the frames, those of an object with details about the video included."""
    inside: dict[str, object] = {}
    for name in _CONTEXTS:
        value = keys.get(name)
        if isinstance(value, dict):
            inside |= by_plain_key(value)
    return {**inside, **keys}


def rate_in(context: Mapping[str, object]) -> float | None:
    for key in ("fps", "framerate", "videofps", "framespersecond", "samplingrate"):
        value = context.get(key)
        if isinstance(value, str):
            value = _rate_of_text(value)
        if isinstance(value, (int, float)) and 0 < value < 1e5:
            return float(value)
    return None


def _rate_of_text(text: str) -> float | None:
    """ "29.97", or a fraction as ffprobe writes it: "30000/1001"."""
    above, slash, below = text.partition("/")
    number, parts = number_of_text(above), number_of_text(below) if slash else 1.0
    return number / parts if number is not None and parts else None


def size_in(context: Mapping[str, object]) -> tuple[int, int] | None:
    for width, height in (
        ("width", "height"),
        ("framewidth", "frameheight"),
        ("imagewidth", "imageheight"),
        ("videowidth", "videoheight"),
    ):
        if size := image_size(context.get(width), context.get(height)):
            return size
    for key in ("imagesize", "framesize", "resolution", "size", "videosize"):
        value = context.get(key)
        if isinstance(value, list) and len(value) == 2 and (size := image_size(*value)):
            return size
    return None


def time_in(keys: Mapping[str, object]) -> tuple[str, float] | None:
    """The name and the value of a frame's time."""
    for name in _CLOCKS:
        value = keys.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**63:
            return name, float(value)
    return None


def rate_of_frames(times: Sequence[tuple[str, float] | None]) -> float | None:
    """Frames per second by the time of each frame; `None` unless all of them have one, and later frames later ones."""
    known = [time for time in times if time is not None]
    if len(known) < max(_FEWEST_TIMES, len(times)) or len({name for name, _ in known}) > 1:
        return None
    values = np.array([value for _, value in known])
    return rate_of_clock(values, known[0][0]) if (np.diff(values) > 0).all() else None
