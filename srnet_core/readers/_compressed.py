"""Files that are compressed as a whole, as joblib compresses pickles: bounded before memory is taken.

Forms: zlib, gzip, bzip2, xz and lzma as Python's modules write them, and joblib's own before 0.10 ("ZF", the length as
hexadecimal text in 18 or 19 characters, then zlib).
"""

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.readers._limits import Limits

ZF = b"ZF"
_LENGTH_CHARACTERS = 18  # "0x" and 16 digits
_PIECE = 1 << 20
_BROKEN = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)


def _zlib() -> Any:
    return zlib.decompressobj(47)  # zlib or gzip, told by the head


def _maker(start: bytes) -> tuple[Callable[[], Any], int] | None:
    """What decompresses a file that begins so, and where its compressed bytes begin; `None` for other files."""
    if start.startswith(b"\x1f\x8b") or (start[:1] == b"\x78" and int.from_bytes(start[:2], "big") % 31 == 0):
        return _zlib, 0
    if start.startswith(ZF + b"0x"):
        after = len(ZF) + _LENGTH_CHARACTERS + 1
        return _zlib, after if start[after - 1 : after] == b" " else after - 1
    if start.startswith(b"BZh"):
        return bz2.BZ2Decompressor, 0
    if start.startswith((b"\xfd7zXZ\0", b"\x5d\0\0")):
        return lzma.LZMADecompressor, 0
    return None


def start_of_content(start: bytes, length: int = 4096) -> bytes:
    """The first bytes of what a file holds that begins with `start`; nothing where it is not compressed."""
    found = _maker(start)
    if found is None:
        return b""
    try:
        return found[0]().decompress(start[found[1] :], length)
    except _BROKEN:
        return b""


def decompressed(content: bytes, limits: Limits, where: object) -> bytearray | None:
    """What a compressed file holds; `None` where it is not compressed.

    Raises:
        BadFileError: it is damaged, cut short, or followed by other bytes.
        HostileFileError: it expands to more than the limits allow.
    """
    found = _maker(content[:64])
    if found is None:
        return None
    make, at = found
    most = min(limits.total_bytes, max(limits.any_ratio_bytes, limits.ratio * len(content)))
    machine, into = make(), bytearray()
    piece = content[at:]
    try:
        while not machine.eof:
            part = machine.decompress(piece, _PIECE)
            piece = machine.unconsumed_tail if make is _zlib else b""
            into += part
            if len(into) > most:
                raise HostileFileError(
                    f"expands to more than {most >> 20} MiB",
                    where=where,
                    todo="Such a file can be made to fill the memory",
                )
            if not part and not piece:
                break
        complete = machine.eof and not machine.unused_data
    except HostileFileError:
        raise
    except _BROKEN as error:
        raise BadFileError(f"its compressed contents are damaged: {error}", where=where) from None
    if not complete:
        raise BadFileError("its compressed contents end too early, or other bytes follow them", where=where)
    return into
