"""The size of pictures, from the first bytes of PNG and JPEG files."""

import struct
from pathlib import Path

from srnet_core.errors import BadFileError, InputFileMissing
from srnet_core.readers.bounded import open_regular
from srnet_core.readers.detections import image_size

ENDINGS = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")
_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_BYTES = 1 << 20  # of a JPEG before its size: previews stand there
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))  # marks without a length


def picture_size(path: Path) -> tuple[int, int] | None:
    """(width, height) in pixels; `None` where there is no picture, or one of another kind."""
    try:
        with open_regular(path, "picture") as (file, _):
            start = file.read(_MOST_BYTES)
    except (BadFileError, InputFileMissing):
        return None
    if start.startswith(_PNG) and len(start) >= 24:
        return image_size(*struct.unpack(">II", start[16:24]))
    return _of_jpeg(start) if start.startswith(b"\xff\xd8") else None


def _of_jpeg(start: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(start):
        if start[at] != 0xFF:
            return None
        mark = start[at + 1]
        if mark == 0xFF:  # filling
            at += 1
        elif mark in _ALONE:
            at += 2
        elif mark in _FRAMES:
            height, width = struct.unpack(">HH", start[at + 5 : at + 9])
            return image_size(width, height)
        else:
            at += 2 + max(2, int.from_bytes(start[at + 2 : at + 4], "big"))
    return None


def size_of_pictures(folder: Path, stems: list[str], most: int = 8) -> tuple[int, int] | None:
    """The size that all of some pictures of a folder have; `None` where there are none, or of several sizes."""
    step = max(1, len(stems) // most)
    found = {size for stem in stems[::step] for end in ENDINGS if (size := picture_size(folder / f"{stem}{end}"))}
    return found.pop() if len(found) == 1 else None
