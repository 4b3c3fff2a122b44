"""The network of the live page as ONNX, exported once and kept in the cache folder."""

import hashlib
import tempfile
from contextlib import suppress
from pathlib import Path

import torch

import srnet_core
from srnet_core.checkpoint import Checkpoint, tensor_digest
from srnet_core.export.about import network_metadata
from srnet_core.export.onnx_stream import export_onnx_stream
from srnet_core.files import atomic_write

FOLDER = "live"
_DIGEST_CHARS = 20
_MOST_BYTES = 1 << 30


def stream_model(checkpoint: Checkpoint, source: str, cache_dir: str | Path) -> bytes:
    """The network as ONNX for streams.

    It is kept under a name that follows from its weights, its settings and the versions that export it. A file that is
    not as it was written is made again.

    Args:
        source: name of the checkpoint file.
        cache_dir: may be deleted at any time. Where it cannot be written to, the network is exported each time.

    Raises:
        MissingExtraError: the network is not in the cache, and the extra `onnx` is not installed.
    """
    metadata = network_metadata(checkpoint, source=source)
    told = [tensor_digest(checkpoint.model.state_dict()), sorted(metadata.items()), checkpoint.model_config]
    key = hashlib.sha256(repr([told, srnet_core.__version__, torch.__version__]).encode()).hexdigest()[:_DIGEST_CHARS]
    path = Path(cache_dir) / FOLDER / f"{Path(source).stem}-{key}.onnx"
    if (kept := _kept(path)) is not None:
        return kept
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / path.name
        export_onnx_stream(checkpoint.model, made, metadata=metadata)
        content = made.read_bytes()
    with suppress(OSError):  # e.g. a folder that belongs to somebody else
        for place, kept in ((path, content), (_digest_of(path), hashlib.sha256(content).hexdigest().encode())):
            with atomic_write(place) as file:
                file.write(kept)
    return content


def _kept(path: Path) -> bytes | None:
    """A file of the cache, if it is whole."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        content, digest = path.read_bytes(), _digest_of(path).read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest().encode() == digest else None


def _digest_of(path: Path) -> Path:
    return path.with_suffix(".sha256")
