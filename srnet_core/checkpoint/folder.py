"""A network as a folder: config.json beside model.safetensors, as model hubs keep them."""

import json
from pathlib import Path
from typing import Any

from srnet_core.checkpoint.safetensors_file import read_safetensors
from srnet_core.errors import BadFileError, InputFileMissing

WEIGHTS, CONFIG = "model.safetensors", "config.json"
RECORD = "srnet"  # the entry of config.json with the record
_MOST_BYTES = 1 << 24


def is_network_folder(path: Path) -> bool:
    """Whether a path is a folder with weights."""
    return path.is_dir() and (path / WEIGHTS).is_file()


def read_network_folder(folder: Path) -> dict[str, Any]:
    """The content in the shape of a checkpoint, see `read_safetensors`.

    The record is that of the weights' own header. Where other programs wrote the weights anew and left it out, it is
    that of config.json.

    Raises:
        BadFileError: a file is damaged, or config.json tells of other weights.
    """
    content = read_safetensors(folder / WEIGHTS)
    told = _config(folder / CONFIG).get(RECORD)
    if told is None:
        return content
    if not isinstance(told, dict):
        raise BadFileError(f"its entry {RECORD!r} is no table", where=folder / CONFIG)
    if content.setdefault("srnet", told) != told:
        raise BadFileError(
            f"{CONFIG} and {WEIGHTS} tell of different networks",
            where=folder,
            todo=f"Export the folder again, or remove {CONFIG} to go by the weights",
        )
    return content


def record_of_weights(path: Path) -> dict[str, Any] | None:
    """The record in the header of a safetensors file; `None` if it has none."""
    record: dict[str, Any] | None = read_safetensors(path).get("srnet")
    return record


def _config(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise BadFileError("is too large for a configuration", where=path)
        config = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputFileMissing(f"cannot be read: {error.strerror}", where=path) from None
    except (ValueError, RecursionError) as error:
        raise BadFileError(f"is not JSON: {str(error)[:100]}", where=path) from None
    if not isinstance(config, dict):
        raise BadFileError("is no table", where=path)
    return config
