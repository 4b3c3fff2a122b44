"""Upper bounds for the size of an input file, checked before memory is allocated."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of one .npz file. The defaults admit Human3.6M (0.5 GB) and much larger data sets.

    Attributes:
        members: number of arrays in the file.
        directory_bytes: size of the zip directory.
        total_bytes: decompressed size of all members that are read together.
        ratio: decompressed over compressed size of all members that are read together, checked once they decompress to
            more than `any_ratio_bytes`. Poses reach a ratio of 3.
        header_bytes: size of the text in front of an array that states its type and shape.
        opcodes: number of opcodes in one pickle (an array takes about 25), added to four per byte of the file and one
            per 8 bytes that it decompresses to.
        depth: nesting depth of containers.
        nodes: number of values inside a pickle, added to one per byte of the pickle; a value that is referenced several
            times counts every time.
        text_bytes: size up to which a string of bytes is copied at once, as it may be a value of its own.
    """

    members: int = 1_000_000
    directory_bytes: int = 128 << 20
    total_bytes: int = 16 << 30
    ratio: int = 20
    any_ratio_bytes: int = 64 << 20
    header_bytes: int = 10_000
    opcodes: int = 2_000_000
    depth: int = 32
    nodes: int = 1_000_000
    text_bytes: int = 64 << 10
