"""Writing C3D files in every encoding, to read them back."""

import struct

import numpy as np

ORDER = {"Intel": "<", "DEC": "<", "MIPS": ">"}
CODE = {"Intel": 84, "DEC": 85, "MIPS": 86}


def floats(values, processor: str) -> bytes:
    values = np.asarray(values, np.float32)
    if processor == "DEC":
        bits = (values * np.float32(4)).view(np.uint32)
        return np.stack([bits >> 16, bits & 0xFFFF], axis=-1).astype("<u2").tobytes()
    return values.astype(ORDER[processor] + "f4").tobytes()


def make_c3d(
    points=None,
    *,
    processor="Intel",
    integer=False,
    labels=("LASI", "RASI", "C7"),
    rate=100.0,
    units="mm",
    first_frame=1,
    analog=0,
    scale=0.1,
    more=(),
    trial=None,
    without=(),
    parameter_block=2,
) -> bytes:
    """(T, J, 3) points, NaN where missing, as the bytes of a C3D file.

    `more`: parameters as (group name, name, type, dimensions, bytes). `without`: names of parameters left out.
    """
    points = np.zeros((4, 3, 3)) if points is None else np.asarray(points, float)
    frames, count = points.shape[:2]
    order = ORDER[processor]

    def word(value):
        return struct.pack(order + "H", value & 0xFFFF)

    def parameter(group, name, kind, dimensions, data):
        if name in without:
            return b""
        body = struct.pack("bB", kind, len(dimensions)) + bytes(dimensions) + data + b"\0"
        return struct.pack("bb", len(name), group) + name.encode() + word(len(body) + 2) + body

    def texts(values):
        width = max(map(len, values), default=1)
        return [width, len(values)], b"".join(v.encode("latin-1").ljust(width) for v in values)

    def group(number, name):
        return struct.pack("bb", len(name), -number) + name.encode() + word(3) + b"\0"

    stored = scale if integer else -scale
    label_shape, label_data = texts(labels)
    parts = [
        group(1, "POINT"),
        group(2, "ANALOG"),
        parameter(1, "USED", 2, [], word(count)),
        parameter(1, "SCALE", 4, [], floats([stored], processor)),
        parameter(1, "RATE", 4, [], floats([rate], processor)),
        parameter(1, "UNITS", -1, [len(units)], units.encode()),
        parameter(1, "LABELS", -1, label_shape, label_data),
        parameter(2, "USED", 2, [], word(analog)),
    ]
    numbers = {"POINT": 1, "ANALOG": 2}
    if trial is not None:
        numbers["TRIAL"] = 3
        parts.append(group(3, "TRIAL"))
        for name, value in zip(("ACTUAL_START_FIELD", "ACTUAL_END_FIELD"), trial):
            parts.append(parameter(3, name, 2, [2], word(value) + word(value >> 16)))
    for group_name, name, kind, dimensions, data in more:
        if group_name not in numbers:
            numbers[group_name] = len(numbers) + 1
            parts.append(group(numbers[group_name], group_name))
        parts.append(parameter(numbers[group_name], name, kind, dimensions, data))
    body = b"\1\x50" + b"\0" + bytes([CODE[processor]]) + b"".join(parts) + b"\0\0"
    blocks = -(-len(body) // 512)
    body = (body[:2] + bytes([blocks]) + body[3:]).ljust(512 * blocks, b"\0")
    last = min(first_frame + frames - 1, 0xFFFF)
    header = (
        bytes([parameter_block, 0x50])
        + word(count)
        + word(analog)
        + word(first_frame)
        + word(last)
        + word(10)
        + floats([stored], processor)
        + word(parameter_block + blocks)
        + word(1 if analog else 0)
        + floats([rate], processor)
    ).ljust(512 * (parameter_block - 1), b"\0")
    return header + body + _data(points, analog, processor, integer, scale)


def _data(points, analog, processor, integer, scale) -> bytes:
    missing = np.isnan(points).any(-1)
    values = np.zeros((*points.shape[:2], 4))
    values[..., :3] = np.where(missing[..., None], 0, points)
    values[..., 3] = np.where(missing, -1, 0)
    if integer:
        values[..., :3] = np.round(values[..., :3] / scale)
    columns = values.reshape(len(points), -1)
    columns = np.concatenate([columns, np.full((len(points), analog), 7.0)], axis=-1)
    if integer:
        return columns.astype(ORDER[processor] + "i2").tobytes()
    return floats(columns.ravel(), processor)
