"""Files that people have in place of a checkpoint, recognized by their first bytes, so that a message can name them."""

import zipfile
from pathlib import Path

from srnet_core.errors import BadFileError

_START_BYTES = 1024
_DOWNLOAD = "Download the file itself, e.g. from the page in a browser"
_UNPACK = "Unpack it, and give the checkpoint inside"
_NO_WEIGHTS = "Give a checkpoint: a file written by torch.save, as srnet, SRNet and VideoPose3D write them"
_EXPORTED = "Give the checkpoint it was exported from"

# (position, bytes there, what the file is, what to do)
_SIGNATURES = (
    (0, b"version https://git-lfs", "a Git LFS pointer, not the file itself", "Run `git lfs pull` in its repository"),
    (0, b"\x1f\x8b", "a gzip archive", _UNPACK),
    (0, b"BZh", "a bzip2 archive", _UNPACK),
    (0, b"\xfd7zXZ", "an xz archive", _UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a zstandard archive", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (0, b"Rar!", "a RAR archive", _UNPACK),
    (257, b"ustar", "a tar archive", _UNPACK),
    (0, b"\x89HDF", "an HDF5 file, such as Keras and MATLAB write", _NO_WEIGHTS),
    (0, b"MATLAB 5.0", "a MATLAB file", _NO_WEIGHTS),
    (0, b"\x93NUMPY", "a numpy array (.npy)", _NO_WEIGHTS),
    (4, b"TFL3", "a TensorFlow Lite model", _NO_WEIGHTS),
    (4, b"ftyp", "a video", _NO_WEIGHTS),
    (0, b"RIFF", "a video or sound file", _NO_WEIGHTS),
    (0, b"\x1aE\xdf\xa3", "a video", _NO_WEIGHTS),
    (0, b"\x89PNG", "a picture", _NO_WEIGHTS),
    (0, b"\xff\xd8\xff", "a picture", _NO_WEIGHTS),
    (0, b"%PDF", "a PDF document", _NO_WEIGHTS),
)


def refuse_other_files(path: Path) -> None:
    """Raise `BadFileError` for a file that is known to be something else than a checkpoint; it names what it is.

    A missing, empty or unknown file passes: reading it says what is wrong with it.
    """
    try:
        with open(path, "rb") as file:
            start = file.read(_START_BYTES)
        size = path.stat().st_size
    except OSError:
        return
    found = _by_signature(start) or _by_text(start) or _by_structure(start, size) or _by_members(path, start)
    if found is not None:
        what, todo = found
        raise BadFileError(
            f"is {what}" if "not" in what.split() else f"is {what}, not a checkpoint", where=path, todo=todo
        )


def _by_signature(start: bytes) -> tuple[str, str] | None:
    for position, signature, what, todo in _SIGNATURES:
        if start[position : position + len(signature)] == signature:
            return what, todo
    return None


def _by_text(start: bytes) -> tuple[str, str] | None:
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        return "a web page", f"The download did not work. {_DOWNLOAD}"
    if len(start) < 16 or any(byte < 9 for byte in start):
        return None
    if text[:1] in (b"{", b"["):
        return "a JSON file", f"If it was downloaded, the download did not work. {_DOWNLOAD}"
    if all(byte in b"\t\n\r\f" or 32 <= byte < 127 for byte in start):
        return "a text file", _NO_WEIGHTS
    return None


def _by_structure(start: bytes, size: int) -> tuple[str, str] | None:
    if len(start) >= 64 and not any(start):
        return "a file that begins with zeros", "The copy or download was not completed: take the file again"
    if start[:1] == b"\x08" and 0 < int.from_bytes(start[1:2], "little") < 32 and start[2:3] in (b"\x12", b":", b"B"):
        return "an ONNX file", _EXPORTED
    return None


def _by_members(path: Path, start: bytes) -> tuple[str, str] | None:
    """What a zip archive is, by the names in it."""
    if start[:2] != b"PK":
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return None
    if names and all(name.endswith(".npy") for name in names):
        return (
            "an .npz archive of arrays, not one written by torch.save",
            "It may be data: see `srnet prepare --help`",
        )
    if any(name.endswith((".bin", ".pth", ".pt", ".tar", ".pth.tar")) for name in names):
        return "a zip archive that holds other files", _UNPACK
    if "model.weights.h5" in names:
        return "a Keras model", _NO_WEIGHTS
    return None
