"""The name of a stage: a hash of everything that decides its content."""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from srnet_core.config import DataConfig, to_dict
from srnet_core.files import write_json

STAGE_VERSION = 1  # raised when the layout of a stage, or the numbers in it, change for the same inputs
_FOLDERS = ("data_dir", "cache_dir")  # settings without influence on the content of a stage
_RACY_SECONDS = 2.0  # a file changed this recently may change again within the resolution of its time stamp


def file_digest(path: Path, memo_file: Path | None = None) -> str:
    """sha256 of a file's bytes.

    It is remembered in `memo_file` by path, size, time stamp and inode, so that large files are read once.
    """
    stat = path.stat()
    name = str(path.resolve())
    identity = [name, stat.st_size, stat.st_mtime_ns, stat.st_ino]
    memo = _read_memo(memo_file)
    if memo.get(name, {}).get("identity") == identity:
        return memo[name]["sha256"]
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if memo_file is not None and time.time() - stat.st_mtime > _RACY_SECONDS:
        known = {k: v for k, v in _read_memo(memo_file).items() if os.path.exists(k)}
        with contextlib.suppress(OSError):  # a read-only cache folder may still contain the stage
            write_json(memo_file, known | {name: {"identity": identity, "sha256": digest}})
    return digest


def _read_memo(memo_file: Path | None) -> dict[str, dict]:
    """The memo, or an empty one if it is missing or damaged: it only saves time."""
    try:
        memo = json.loads(memo_file.read_text()) if memo_file else {}
        return {k: v for k, v in memo.items() if isinstance(v, dict)} if isinstance(memo, dict) else {}
    except (OSError, ValueError):
        return {}


def stage_key(config: DataConfig, dataset: str, digests: Sequence[str]) -> str:
    """16 hex digits: a hash of the input files' digests, the configuration and the stage's version.

    Settings with their default value are left out, so that a setting added later does not rename existing stages.
    """
    defaults = to_dict(DataConfig())
    content = {k: v for k, v in to_dict(config).items() if k not in _FOLDERS and v != defaults[k]}
    content |= {"dataset": dataset, "files": list(digests), "version": STAGE_VERSION}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def stage_folder(config: DataConfig, dataset: str, key: str) -> Path:
    """cache/DATASET_KEYPOINTS-PROTOCOL-NORMALIZATION-KEY: readable for people, unique by its key."""
    safe = "".join(c if c.isalnum() or c in "_-" else "_" for c in f"{dataset}_{config.keypoints}")
    return Path(config.cache_dir) / f"{safe}-{config.protocol}-{config.normalization}-{key}"
