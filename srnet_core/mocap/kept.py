"""Results of single files, kept on disk while an import runs, so that one that was stopped goes on where it was.

Each result is a file of its own, named by a hash of everything that decides it. It is written under a temporary name
and renamed, so that a killed process leaves none that is half written. Nothing waits for the disk, which would double
the time of an import: after a power failure a result may be damaged, which the checksums of its zip file tell. It then
counts as none.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core.errors import UserMistake
from srnet_core.readers.npz import read_npz

_VALUES = "values"


def key_of(*parts: object) -> str:
    """A hash of texts, bytes and plain values, by content and order."""
    digest = hashlib.sha256()
    for part in parts:
        content = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True, default=repr).encode()
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


class KeptResults:
    """Results by key in one folder, which is made with the first of them.

    Args:
        folder: for nothing else; `remove` deletes it.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def get(self, key: str) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
        """(values, arrays) as `put` was given them; `None` where there are none, or they are damaged."""
        path = self._path(key)
        if not path.is_file():
            return None
        try:
            arrays = read_npz(path)
            values = json.loads(arrays.pop(_VALUES).tobytes())
        except (UserMistake, OSError, ValueError, KeyError, AttributeError, RecursionError):
            return None
        return (values, arrays) if isinstance(values, dict) else None

    def put(self, key: str, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Keep plain values and arrays of numbers."""
        text = np.frombuffer(json.dumps(values).encode(), np.uint8)
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{key}.tmp-{secrets.token_hex(4)}")
        try:
            with temporary.open("xb") as file:
                np.savez(file, **{_VALUES: text}, **arrays)  # type: ignore[arg-type]
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def remove(self) -> None:
        """Delete all results."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.npz"
