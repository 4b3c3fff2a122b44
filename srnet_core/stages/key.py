"""The name of a stage: a hash of everything that decides its content."""

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from srnet_core.config import WITHOUT_INFLUENCE, DataConfig, to_dict
from srnet_core.errors import ConfigError
from srnet_core.files import write_json
from srnet_core.stages.place import local_folder

STAGE_VERSION = 1  # raised when the numbers in a stage change for the same inputs
MISSING_RULE = 2  # raised when other keypoints count as missing than before; see `prepare`
ACTION_RULE = 2  # raised when takes belong to other actions than before; earlier cross-action stages are not used then
# settings that decide the numbers of a frame, wherever it is used
_OF_FRAMES = (
    *("dataset", "data_dir", "cache_dir", "keypoints", "downsample", "fps", "fill_gaps", "unchecked"),
    *("normalization", "root_depth"),
)
_RACY_SECONDS = 2.0  # a file changed this recently may change again within the resolution of its time stamp
_MAX_MEMO_BYTES = 16 * 2**20


def file_identity(path: Path) -> list[str | int]:
    """Values of which one changes whenever a file is written to or replaced, even if its modification time is set back.

    Programs can set the modification time, but not the time of the last change of the file's attributes (ctime).
    """
    stat = path.stat()
    return [str(path.resolve()), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_dev]


def is_settled(identity: list[str | int]) -> bool:
    """Whether a file changed so long ago that writing to it now would change its identity."""
    newest_ns = max(int(identity[2]), int(identity[3]))
    return time.time() - newest_ns / 1e9 > _RACY_SECONDS


def file_digest(path: Path, memo_file: Path | None = None) -> str:
    """sha256 of a file's bytes.

    It is remembered in `memo_file` by the file's identity, so that large files are read once.
    """
    identity = file_identity(path)
    name = str(identity[0])
    if digest := _remembered(_read_memo(memo_file).get(name), identity):
        return digest
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if memo_file is not None and is_settled(identity) and file_identity(path) == identity:
        known = {k: v for k, v in _read_memo(memo_file).items() if os.path.exists(k)}
        entry = {"identity": identity, "sha256": digest, "check": _check_of(identity, digest)}
        with contextlib.suppress(OSError):  # a read-only cache folder may still contain the stage
            write_json(memo_file, known | {name: entry})
    return digest


def _remembered(entry: Any, identity: list[str | int]) -> str | None:
    """The digest of an entry of the memo; `None` if it is for another state of the file, or damaged."""
    if not isinstance(entry, dict) or entry.get("identity") != identity:
        return None
    digest = entry.get("sha256")
    if not isinstance(digest, str) or entry.get("check") != _check_of(identity, digest):
        return None
    return digest


def _check_of(identity: list[str | int], digest: str) -> str:
    return hashlib.sha256(json.dumps([identity, digest]).encode()).hexdigest()[:16]


def _read_memo(memo_file: Path | None) -> dict[str, Any]:
    """The memo, or an empty one if it is missing or damaged: it only saves time."""
    try:
        if memo_file is None or memo_file.stat().st_size > _MAX_MEMO_BYTES:
            return {}
        memo = json.loads(memo_file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return {k: v for k, v in memo.items() if "\0" not in k} if isinstance(memo, dict) else {}


def stage_key(config: DataConfig, dataset: str, digests: Sequence[str]) -> str:
    """16 hex digits: a hash of the input files' digests, the configuration and the stage's version.

    Settings with their default value are left out, so that a setting added later does not rename existing stages.
    """
    defaults = to_dict(DataConfig())
    content = {k: v for k, v in to_dict(config).items() if k not in WITHOUT_INFLUENCE and v != defaults[k]}
    content |= {"dataset": dataset, "files": list(digests), "version": STAGE_VERSION}
    if config.protocol == "cross_action":
        content["actions"] = ACTION_RULE
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def stage_folder(config: DataConfig, dataset: str, key: str) -> Path:
    """cache/DATASET_KEYPOINTS-PROTOCOL-NORMALIZATION-KEY: readable for people, unique by its key."""
    safe = "".join(c if c.isalnum() or c in "_-" else "_" for c in f"{dataset}_{config.keypoints}")
    return Path(config.cache_dir) / f"{safe}-{config.protocol}-{config.normalization}-{key}"


def frames_config(config: DataConfig) -> DataConfig | None:
    """The configuration of the stage of all clips of the data set, whose frames the arrays of a stage hold.

    `None` where frames depend on the training subjects, by whom the depth of the root is estimated: such a stage stores
    its own. A stage of all clips is its own, too.
    """
    if config.root_depth == "estimate":
        return None
    shared = {name: getattr(config, name) for name in _OF_FRAMES}
    return DataConfig(protocol="cross_dataset", **shared)


def holds_stage(cache_dir: str | Path, key: str | None) -> bool:
    """Whether a cache folder holds a stage of that key."""
    if key is None or not re.fullmatch(r"[0-9a-f]{16}", key):
        return False
    try:
        return any(local_folder(cache_dir).glob(f"*-{key}/manifest.json"))
    except (OSError, ValueError, ConfigError):
        return False
