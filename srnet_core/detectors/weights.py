"""Files of weights that a user gives to a detector: a path, and the SHA-256 that it must have."""

import hashlib
import re
from pathlib import Path

from srnet_core.errors import BadFileError, ConfigError, InputFileMissing
from srnet_core.lookup import path_hint

_DIGEST = re.compile(r"(?P<path>.+):(?P<digest>[0-9a-fA-F]{64})", re.DOTALL)
_PIECE = 1 << 20


def checked_file(text: str) -> Path:
    """ "PATH" or "PATH:SHA256" -> the path of a file that is there and has that digest.

    Raises:
        InputFileMissing: there is no such file.
        ConfigError: an address, as nothing is downloaded, or something else than a SHA-256 after the path.
        BadFileError: the digest is another one.
    """
    if "://" in text:
        raise ConfigError("nothing is downloaded", where=text[:80], todo="Download the file, and give its path")
    match = _DIGEST.fullmatch(text)
    path = Path(match["path"] if match else text)
    if not path.is_file():
        before, _, rest = text.rpartition(":")
        if before and Path(before).is_file():
            todo = "Give its 64 hexadecimal digits, as sha256sum prints them"
            raise ConfigError(f"{rest[:80]!r} is no SHA-256", where=before, todo=todo)
        raise InputFileMissing(
            "there is no such file", where=path, todo=f"{path_hint(path)}Give the path of an ONNX file"
        )
    if match:
        found = _sha256(path)
        if found != match["digest"].lower():
            raise BadFileError(f"has the SHA-256 {found}, not the one given", where=path, todo="Download it again")
    return path


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
