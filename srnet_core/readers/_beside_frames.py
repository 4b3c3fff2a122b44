"""What stands beside the frames of a file: the frame rate and the size of the images."""

from collections.abc import Mapping

from srnet_core.readers._json_points import by_plain_key
from srnet_core.readers._numbers import number_of_text
from srnet_core.readers.detections import image_size

_CONTEXTS = ("metadata", "meta", "videoinfo", "video", "info", "videometadata", "header")


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
