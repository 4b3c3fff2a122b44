"""How much a file may ask for. Checked before memory is taken."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of one .npz file. The defaults leave Human3.6M (0.5 GB) and much larger data sets room.

    Attributes:
        members: arrays in the file.
        directory_bytes: size of the zip directory.
        total_bytes: all members together, decompressed.
        ratio: decompressed over compressed size of all members together, once they decompress to more than
            `any_ratio_bytes`. Poses reach 3.
        header_bytes: text in front of an array that says its type and shape.
        opcodes: steps of one pickle; about 25 per array inside.
        depth: containers inside containers.
        nodes: values inside a pickle, those reached over several ways counted every time.
        text_bytes: one string or byte string that is not the contents of an array.
    """

    members: int = 10_000
    directory_bytes: int = 4 << 20
    total_bytes: int = 16 << 30
    ratio: int = 20
    any_ratio_bytes: int = 64 << 20
    header_bytes: int = 10_000
    opcodes: int = 2_000_000
    depth: int = 32
    nodes: int = 1_000_000
    text_bytes: int = 64 << 10
