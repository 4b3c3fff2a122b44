"""Digests of all that a checkpoint holds, so that damage is noticed: weights, and the parts a resumed run needs."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

DIGESTS = "digests"  # the record's entry with the digest of each part
_PARTS = {
    "record": "record",
    "optimizer": "optimizer state",
    "random_state": "random state",
    "schedule": "epoch and learning rate",
}


def tensor_digest(state: Mapping[str, Tensor]) -> str:
    """sha256 over the tensors in order of their names: name, shape, bytes."""
    digest = hashlib.sha256()
    for key in sorted(state):
        value = state[key].detach().cpu().contiguous()
        digest.update(f"{key}{tuple(value.shape)}".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def part_digests(content: Mapping[Any, Any]) -> dict[str, str]:
    """sha256 of each part of a checkpoint's content beside the weights."""
    record = content.get("srnet")
    parts = {
        "record": {k: v for k, v in record.items() if k != DIGESTS} if isinstance(record, dict) else None,
        "optimizer": content.get("optimizer"),
        "random_state": content.get("random_state"),
        "schedule": [content.get("epoch"), content.get("lr")],
    }
    return {name: _digest(value) for name, value in parts.items()}


def changed_parts(content: Mapping[Any, Any]) -> tuple[str, ...]:
    """The parts of a file that are not as they were saved, in words. Files without digests have none."""
    record = content.get("srnet")
    stored = record.get(DIGESTS) if isinstance(record, dict) else None
    if not isinstance(stored, dict):
        return ()
    found = part_digests(content)
    return tuple(words for name, words in _PARTS.items() if stored.get(name) != found[name])


def _digest(value: Any) -> str:
    digest = hashlib.sha256()
    _feed(digest, value)
    return digest.hexdigest()


def _feed(digest: Any, value: Any) -> None:
    """Add a value to a digest: its kind, its size and what is in it. Lists and tuples are the same."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.random.RandomState):
        value = value.get_state(legacy=True)
    if isinstance(value, Mapping):
        digest.update(f"table {len(value)}:".encode())
        for key, item in value.items():
            _feed(digest, key)
            _feed(digest, item)
    elif isinstance(value, (list, tuple)):
        digest.update(f"list {len(value)}:".encode())
        for item in value:
            _feed(digest, item)
    elif isinstance(value, np.ndarray):
        _feed(digest, value.tolist())
    elif isinstance(value, Tensor):
        plain = value.detach().cpu().contiguous()
        digest.update(f"tensor {plain.dtype} {tuple(plain.shape)}:".encode())
        digest.update(plain.reshape(-1).view(torch.uint8).numpy().tobytes())
    else:
        text = repr(value).encode()
        digest.update(f"{type(value).__name__} {len(text)}:".encode() + text)
