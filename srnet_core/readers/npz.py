"""Published .npz files, pickled dicts included, read without running anything that a file names.

Pose data sets are published as dicts pickled inside .npz files. `numpy.load(allow_pickle=True)` runs whatever such a
file asks for; this reader rebuilds plain values and numpy arrays and refuses the rest. It reads what numpy 1.13 to 2.x
wrote under Python 2 and 3.

    >>> import numpy, tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "data_3d_me.npz")
    >>> numpy.savez_compressed(path, positions_3d={"S1": {"Walking": numpy.zeros((9, 17, 3), "f4")}})
    >>> read_npz(path)["positions_3d"]["S1"]["Walking"].shape
    (9, 17, 3)
"""

from io import BufferedReader
from pathlib import Path
from typing import Any

from srnet_core.errors import BadFileError, HostileFileError, InputFileMissing
from srnet_core.readers._limits import Limits
from srnet_core.readers._npy import build_array, plain_dtype, read_header
from srnet_core.readers._pickle import read_pickle
from srnet_core.readers._zip import AGAIN, Member, list_members, read_member

# Files that are often given by mistake, recognized by their first bytes.
_NOT_NPZ = {
    b"\x93NUMPY": ("is a single array (.npy), not .npz", "Save it with numpy.savez"),
    b"version https://git-lfs": ("is a Git LFS pointer, not the file itself", "Run: git lfs pull"),
    b"<": ("is a web page, not .npz: the download did not work", "Download it again with a browser"),
    b"\x80": ("is a pickle, not .npz", "Convert it with a program you trust"),
    b"\x1f\x8b": ("is a gzip or .tar.gz archive, not .npz", "Unpack it first"),
    b"\x89HDF": ("is an HDF5 file, not .npz", "Convert it with h5py and numpy.savez"),
    b"MATLAB": ("is a MATLAB file, not .npz", "Convert it with scipy.io and numpy.savez"),
}


def read_npz(path: str | Path, *, limits: Limits | None = None) -> dict[str, Any]:
    """All arrays of an .npz file, by name, in the order of the file.

    Plain arrays are returned in native byte order and C order. For an array of objects of shape () the object itself is
    returned: dicts, lists, tuples, text, bytes, numbers, booleans, None, numpy arrays and numpy scalars. Python 2 text
    is read as latin-1.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: the file is empty, cut short, damaged, not a zip file, or holds types that are not read.
        HostileFileError: the file asks for something that no data file needs, or for more memory than the limits.
    """
    path, limits = Path(path), limits or Limits()
    try:
        with path.open("rb") as file:
            _check_start(file, path)
            members = list_members(file, limits, path)
            return {_key(m, path): _read_array(file, m, limits, f"{path}, member {m.name!r}") for m in members}
    except FileNotFoundError:
        raise InputFileMissing("there is no such file", where=path, todo="Check the folder and the name") from None
    except OSError as error:
        raise BadFileError(f"cannot be read: {error.strerror or error}", where=path) from None
    except MemoryError:
        raise BadFileError("does not fit into the memory of this machine", where=path) from None


def read_npy(path: str | Path, *, limits: Limits | None = None) -> Any:
    """The array of an .npy file; an array of objects of shape () comes as the object.

    Raises:
        InputFileMissing, BadFileError, HostileFileError: as `read_npz`.
    """
    path, limits = Path(path), limits or Limits()
    try:
        if path.stat().st_size > limits.total_bytes:
            raise HostileFileError(f"has {path.stat().st_size} bytes: too much", where=path)
        return _array_of(bytearray(path.read_bytes()), limits, str(path))
    except FileNotFoundError:
        raise InputFileMissing("there is no such file", where=path, todo="Check the folder and the name") from None
    except OSError as error:
        raise BadFileError(f"cannot be read: {error.strerror or error}", where=path) from None
    except MemoryError:
        raise BadFileError("does not fit into the memory of this machine", where=path) from None


def _check_start(file: BufferedReader, path: Path) -> None:
    start = file.read(32)
    if not start:
        raise BadFileError("is empty", where=path, todo=AGAIN)
    for magic, (what, todo) in _NOT_NPZ.items():
        if start.lstrip().startswith(magic):
            raise BadFileError(what, where=path, todo=todo)
    if not start.startswith(b"PK"):
        raise BadFileError("is not an .npz file", where=path, todo=AGAIN)


def _key(member: Member, path: Path) -> str:
    if not member.name.endswith(".npy"):
        raise BadFileError(
            f"has a member {member.name!r}, which is not a numpy array",
            where=path,
            todo="Write it again with numpy.savez",
        )
    return member.name.removesuffix(".npy")


def _read_array(file: BufferedReader, member: Member, limits: Limits, where: str) -> Any:
    return _array_of(read_member(file, member, where), limits, where)


def _array_of(buffer: bytearray, limits: Limits, where: str) -> Any:
    """The array or object of the bytes of an .npy file."""
    header = read_header(buffer, limits, where)
    if header.descr in ("|O", "O"):
        return read_pickle(buffer, header.data_start, limits, where)
    dtype = plain_dtype(header.descr, where)
    return build_array(dtype, header.shape, header.fortran_order, memoryview(buffer)[header.data_start :], where)
