"""The zip container of an .npz file. Every number in it is checked before it is used.

The standard library's reader trusts the sizes and counts in the zip directory; this one checks them against the file
first. Format: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 and 4.4. Supported is what numpy writes: stored or deflated
members, zip64, one volume, no encryption.
"""

import dataclasses
import os
import struct
import zlib
from dataclasses import dataclass
from io import BufferedReader

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.readers._limits import Limits

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")

_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 0x1
_UNKNOWN = 0xFFFFFFFF  # "look in the zip64 extra field"
_DEFLATE_IN, _DEFLATE_OUT = 1 << 18, 1 << 20

AGAIN = "Copy or download the file again"


@dataclass(frozen=True)
class Member:
    """One file inside the zip: `size` bytes, stored as `packed_size` bytes between `start` and `end`."""

    name: str
    method: int
    crc: int
    packed_size: int
    size: int
    start: int  # offset of its local header
    end: int = 0  # offset of the next member or the directory
    encrypted: bool = False


def list_members(file: BufferedReader, limits: Limits, where: object) -> list[Member]:
    """The members in the order of the directory, checked to lie inside the file and not to overlap.

    Their sizes and how they are packed is checked by `check_sizes`, for those that are read.

    Raises:
        BadFileError: no zip directory, or one that contradicts the file.
        HostileFileError: a directory beyond the limits, members that overlap, names that are not names of arrays.
    """
    count, size, start = _find_directory(file, where)
    if size > limits.directory_bytes or count > limits.members:
        raise HostileFileError(f"has a directory of {count} members, {size} bytes, which is too large", where=where)
    file.seek(start)
    directory = file.read(size)
    members, position = [], 0
    for _ in range(count):
        member, position = _read_entry(directory, position, where)
        members.append(member)
    if position != size:
        raise BadFileError("the zip directory does not have the length that the file states", where=where, todo=AGAIN)
    _check_names(members, where)
    return _with_ends(members, start, where)


def read_member(file: BufferedReader, member: Member, where: object) -> bytearray:
    """The decompressed bytes of a member. No more memory is allocated than the size that the directory declares.

    Raises:
        BadFileError, HostileFileError: as `read_member_into`.
    """
    out = bytearray(member.size)
    read_member_into(file, member, memoryview(out), where)
    return out


def read_member_into(
    file: BufferedReader, member: Member, out: memoryview, where: object, *, without_checksum: bool = False
) -> None:
    """Decompress a member into memory of its size.

    Args:
        without_checksum: also take a member whose checksum was left out, which is 0 then.

    Raises:
        BadFileError: the size or the checksum is wrong.
        HostileFileError: the member holds more bytes than the directory declares.
    """
    file.seek(_data_start(file, member, where))
    filled = file.readinto(out) if member.method == _STORED else _inflate(file, member.packed_size, out, where)
    if filled != member.size:
        raise BadFileError(f"is cut short: {filled} of {member.size} bytes", where=where, todo=AGAIN)
    if zlib.crc32(out) != member.crc and not (without_checksum and member.crc == 0):
        raise BadFileError("is altered or damaged: the checksum does not match the contents", where=where, todo=AGAIN)


def _find_directory(file: BufferedReader, where: object) -> tuple[int, int, int]:
    """(number of members, size in bytes, offset) of the directory, from the end of the file."""
    length = file.seek(0, os.SEEK_END)
    tail_start = max(0, length - _END.size - 0xFFFF)
    file.seek(tail_start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise BadFileError("the end of the zip file is missing", where=where, todo=AGAIN)
    _, disk, first_disk, here, count, size, start, _ = _END.unpack_from(tail, at)
    end = tail_start + at
    located = _find_directory64(file, end, where)
    if located:
        disk, first_disk, here, count, size, start, end = located
    if disk or first_disk or here != count:
        raise BadFileError("is one volume of a zip file that was split", where=where, todo="Join the volumes first")
    if start + size != end:
        raise BadFileError("the zip directory is not at the offset that the file states", where=where, todo=AGAIN)
    return count, size, start


def _find_directory64(file: BufferedReader, end: int, where: object) -> tuple[int, ...] | None:
    """The numbers of the zip64 end record before the plain end record at `end`, or `None` if there is none."""
    file.seek(max(0, end - _END64_LOCATOR.size))
    locator = file.read(_END64_LOCATOR.size)
    if end < _END64_LOCATOR.size or not locator.startswith(b"PK\x06\x07"):
        return None
    at = _END64_LOCATOR.unpack(locator)[2]
    if at > end - _END64_LOCATOR.size - _END64.size:
        raise BadFileError("the zip64 directory lies outside the file", where=where, todo=AGAIN)
    file.seek(at)
    signature, _, _, _, disk, first_disk, here, count, size, start = _END64.unpack(file.read(_END64.size))
    if signature != b"PK\x06\x06":
        raise BadFileError("the zip64 directory is damaged", where=where, todo=AGAIN)
    return disk, first_disk, here, count, size, start, at


def _read_entry(directory: bytes, position: int, where: object) -> tuple[Member, int]:
    """The entry at `position` of the directory, and the position after it."""
    if position + _ENTRY.size > len(directory) or directory[position : position + 4] != b"PK\x01\x02":
        raise BadFileError("the zip directory is damaged", where=where, todo=AGAIN)
    (_, _, _, flags, method, _, _, crc, packed, size, name_length, extra_length, comment_length, _, _, _, start) = (
        _ENTRY.unpack_from(directory, position)
    )
    name_end = position + _ENTRY.size + name_length
    name = _decode_name(directory[name_end - name_length : name_end], where)
    extra = directory[name_end : name_end + extra_length]
    packed, size, start = _apply_zip64(extra, packed, size, start, where)
    member = Member(name, method, crc, packed, size, start, encrypted=bool(flags & _ENCRYPTED))
    return member, name_end + extra_length + comment_length


def _apply_zip64(extra: bytes, packed: int, size: int, start: int, where: object) -> tuple[int, int, int]:
    """Replace sizes and offset that do not fit 32 bits: extra field 1 holds those and no others, in this order."""
    values = {"size": size, "packed": packed, "start": start}
    wanted = [key for key, value in values.items() if value == _UNKNOWN]
    at = 0
    while wanted and len(extra) - at >= 4:
        kind, length = struct.unpack_from("<2H", extra, at)
        at += 4
        if kind == 1 and 8 * len(wanted) <= length <= len(extra) - at:
            values.update(zip(wanted, struct.unpack_from(f"<{len(wanted)}Q", extra, at)))
            wanted = []
        at += length
    if wanted:
        raise BadFileError("a member's zip64 sizes are missing", where=where, todo=AGAIN)
    return values["packed"], values["size"], values["start"]


def _decode_name(raw: bytes, where: object) -> str:
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        name = raw.decode("cp437")  # what zip programs wrote before UTF-8
    if name.startswith("/") or "\\" in name or ".." in name.split("/") or not name.isprintable():
        raise HostileFileError(f"a member is named {name[:80]!r}, which is not a name of an array", where=where)
    return name


def _check_names(members: list[Member], where: object) -> None:
    seen: set[str] = set()
    for member in members:
        if member.name in seen:
            raise BadFileError(f"has two members named {member.name!r}", where=where, todo="Write the file again")
        seen.add(member.name)


def _with_ends(members: list[Member], directory_start: int, where: object) -> list[Member]:
    """The members with `end` filled in, each with room for its data before the next one."""
    starts = sorted(m.start for m in members)
    ends = dict(zip(starts, [*starts[1:], directory_start]))
    if len(ends) < len(members):
        raise HostileFileError("two members start at the same offset", where=where)
    for member in members:
        _check_room(member.start + _LOCAL.size + member.packed_size, ends[member.start], member.name, where)
    return [dataclasses.replace(m, end=ends[m.start]) for m in members]


def _check_room(data_end: int, end: int, name: str, where: object) -> None:
    if data_end > end:
        raise HostileFileError(f"member {name!r} overlaps what follows it", where=where)


def check_sizes(members: list[Member], limits: Limits, where: object) -> None:
    """Check the members that will be read together, before memory is taken for them.

    Raises:
        BadFileError: one is packed in a way that is not read, or contradicts itself.
        HostileFileError: they would take more memory than the limits.
    """
    for member in members:
        if member.encrypted or member.method not in (_STORED, _DEFLATED):
            how = "encrypted" if member.encrypted else f"compressed by method {member.method}"
            raise BadFileError(
                f"member {member.name!r} is {how}, which numpy does not write",
                where=where,
                todo="Write it again with numpy.savez or numpy.savez_compressed",
            )
    total = sum(m.size for m in members)
    if total > limits.total_bytes:
        raise HostileFileError(
            f"would take {total / 2**30:.1f} GiB of memory; at most {limits.total_bytes / 2**30:.1f} GiB are read",
            where=where,
        )
    packed = sum(m.packed_size for m in members)
    if total > max(limits.any_ratio_bytes, limits.ratio * packed):
        raise HostileFileError(
            f"claims to hold {total} bytes in {packed}; poses never compress by more than {limits.ratio} to 1",
            where=where,
        )
    for member in members:
        if member.method == _STORED and member.size != member.packed_size:
            raise BadFileError(
                f"member {member.name!r} is stored uncompressed, but has two different sizes", where=where, todo=AGAIN
            )


def _data_start(file: BufferedReader, member: Member, where: object) -> int:
    """Offset of the member's data, after its local header, which must agree with the directory."""
    file.seek(member.start)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(b"PK\x03\x04"):
        raise BadFileError("the header of the member is missing", where=where, todo=AGAIN)
    _, _, _, method, _, _, _, _, _, name_length, extra_length = _LOCAL.unpack(header)
    name = file.read(name_length)
    if method != member.method or _decode_name(name, where) != member.name:
        raise BadFileError("the header of the member contradicts the directory", where=where, todo=AGAIN)
    start = member.start + _LOCAL.size + name_length + extra_length
    _check_room(start + member.packed_size, member.end, member.name, where)
    return start


def _inflate(file: BufferedReader, packed_size: int, out: memoryview, where: object) -> int:
    """Decompress into `out` piece by piece; returns the number of bytes written."""
    inflater, filled = zlib.decompressobj(-zlib.MAX_WBITS), 0
    try:
        while packed_size and not inflater.eof:
            packed = file.read(min(packed_size, _DEFLATE_IN))
            if not packed:
                break
            packed_size -= len(packed)
            more = True
            while more and not inflater.eof:
                piece = inflater.decompress(packed, _DEFLATE_OUT)
                if filled + len(piece) > len(out):
                    raise HostileFileError("holds more data than its directory declares", where=where)
                out[filled : filled + len(piece)] = piece
                filled += len(piece)
                packed = inflater.unconsumed_tail
                more = bool(packed) or len(piece) == _DEFLATE_OUT  # after a full piece there may be more
    except zlib.error as error:
        raise BadFileError(f"is damaged: {error}", where=where, todo=AGAIN) from None
    return filled
