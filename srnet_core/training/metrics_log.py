"""The log of a run, `metrics.jsonl`: one line of JSON per epoch, each with a checksum of its own.

A line that cannot be read, or that does not fit its checksum, is moved to `metrics.damaged` beside the log. Lines of
earlier versions have no checksum and are kept.
"""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from srnet_core.files import atomic_write, without_nan

DAMAGED = "metrics.damaged"
_CHECK = "crc32"
# A line without a checksum has these fields only, so a flipped bit in the name of the checksum is noticed.
_FIELDS_BEFORE_CHECK = {"epoch", "loss", "train_mpjpe_mm", "lr", "seconds", "windows_per_second"} | {
    f"{what}_mpjpe_mm" for what in ("train_eval", "validation", "test")
}
_MAX_BYTES = 256 * 2**20


def record_epoch(path: Path, record: Mapping[str, Any]) -> int:
    """Add the line of an epoch; lines of this epoch and later ones, left by a run that was killed, are removed.

    Args:
        record: plain values, with `epoch` among them. NaN and infinities are written as null.

    Returns:
        How many damaged lines were moved to the file beside the log.
    """
    kept, damaged = _read(path)
    if damaged:
        aside = path.with_name(DAMAGED)
        before = aside.read_bytes() if aside.is_file() and aside.stat().st_size < _MAX_BYTES else b""
        with atomic_write(aside) as file:
            file.write(before + b"".join(line + b"\n" for line in damaged))
    fields = without_nan(dict(record))
    lines = [line for epoch, line in kept if epoch < record["epoch"]]
    with atomic_write(path) as file:
        file.write(b"".join(line + b"\n" for line in [*lines, _with_check(fields)]))
    return len(damaged)


def read_epochs(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The epochs of a log in their order, and how many lines are damaged. The file is not changed."""
    if not path.is_file() or path.stat().st_size > _MAX_BYTES:
        return [], int(path.exists())
    kept, damaged = _read(path)
    epochs = [json.loads(line) for _, line in kept]
    for epoch in epochs:
        epoch.pop(_CHECK, None)
    return sorted(epochs, key=lambda epoch: epoch["epoch"]), len(damaged)


def _read(path: Path) -> tuple[list[tuple[int, bytes]], list[bytes]]:
    """The lines of a log, each with its epoch, and the damaged ones."""
    if not path.exists():
        return [], []
    if not path.is_file() or path.stat().st_size > _MAX_BYTES:
        path.rename(path.with_name(DAMAGED))
        return [], []
    kept: list[tuple[int, bytes]] = []
    damaged: list[bytes] = []
    for line in path.read_bytes().splitlines():
        epoch = _epoch_of(line)
        if epoch is not None:
            kept.append((epoch, line))
        elif line.strip():
            damaged.append(line)
    return kept, damaged


def _epoch_of(line: bytes) -> int | None:
    """The epoch of a line; `None` if the line is damaged."""
    try:
        values = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict) or type(values.get("epoch")) is not int:
        return None
    check = values.pop(_CHECK, None)
    earlier = check is None and set(values) <= _FIELDS_BEFORE_CHECK
    return values["epoch"] if earlier or check == _check_of(values) else None


def _with_check(values: dict[str, Any]) -> bytes:
    return json.dumps({**values, _CHECK: _check_of(values)}, allow_nan=False).encode()


def _check_of(values: Mapping[str, Any]) -> str:
    return f"{zlib.crc32(json.dumps(values, sort_keys=True).encode()):08x}"
