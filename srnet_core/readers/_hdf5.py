"""HDF5 files read without trust: only plain arrays that lie in the file itself.

Refused before anything is read: links, virtual and external data sets, filters that need a plug-in, and shapes or
chunks that would take far more memory than the file has bytes.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from srnet_core.errors import BadFileError, HostileFileError

if TYPE_CHECKING:
    import h5py  # takes long to import, and only HDF5 files need it

MAGIC = b"\x89HDF\r\n\x1a\n"
_FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}
_MOST_BYTES, _MOST_CHUNK_BYTES = 4 << 30, 256 << 20
MAX_RATIO = 200  # of an array's size to its file's, beyond ANY_RATIO_BYTES
ANY_RATIO_BYTES = 64 << 20
_MOST_MEMBERS, _MOST_ATTRIBUTE_BYTES = 10_000, 16 << 20
_MOST_STEPS = 32  # of a link's path
_ERRORS = (
    OSError,
    RuntimeError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    UnicodeDecodeError,
    IndexError,
    NotImplementedError,
)


class SafeGroup:
    """A group of an HDF5 file whose members are checked before they are read."""

    def __init__(self, group: "h5py.Group | h5py.Dataset", path: Path, file_bytes: int):
        self._group, self._path, self._file_bytes = group, path, file_bytes

    def names(self) -> list[str]:
        """Names of the members."""
        if len(self._group) > _MOST_MEMBERS:
            raise HostileFileError(f"has a group of {len(self._group)} members", where=self._path)
        return [str(name) for name in self._group]

    def __contains__(self, name: str) -> bool:
        return name in self._group and self._is_here(name)

    def _is_here(self, name: str) -> bool:
        import h5py

        link = self._group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            target = getattr(link, "filename", None)
            raise HostileFileError(
                f"{name[:60]!a} is a link{f' to the file {str(target)[:60]!a}' if target else ''}, not data of its own",
                where=self._path,
            )
        return True

    def group(self, name: str) -> "SafeGroup":
        """A group inside this one."""
        import h5py

        if name not in self or not isinstance(self._group[name], h5py.Group):
            raise BadFileError(f"has no group {name[:60]!a}", where=self._path)
        return SafeGroup(self._group[name], self._path, self._file_bytes)

    def attributes_of(self, name: str) -> "SafeGroup":
        """An array looked at for its attributes only."""
        return SafeGroup(self._checked(name), self._path, self._file_bytes)

    def is_dataset(self, name: str) -> bool:
        """Whether there is an array of that name."""
        import h5py

        return name in self and isinstance(self._group[name], h5py.Dataset)

    def is_group(self, name: str) -> bool:
        """Whether there is a group of that name, and not a link to one."""
        import h5py

        if name not in self._group or not isinstance(self._group.get(name, getlink=True), h5py.HardLink):
            return False
        return isinstance(self._group[name], h5py.Group)

    def target(self, name: str) -> str | None:
        """Where in the file a link points; `None` where there is none of that name, or it points out of the file."""
        import h5py

        link = self._group.get(name, getlink=True)
        return str(link.path) if isinstance(link, h5py.SoftLink) else None

    def followed(self, name: str) -> tuple["SafeGroup | None", str]:
        """The group and the name of what stands at a name, or where a link in the file points to, over groups only."""
        path = self.target(name)
        if path is None:
            return (self, name) if self._group.get(name, getlink=True) is not None else (None, name)
        owner = SafeGroup(self._group.file, self._path, self._file_bytes) if path.startswith("/") else self
        *above, last = [part for part in path.split("/") if part][:_MOST_STEPS] or [""]
        for step in above:
            if not owner.is_group(step):
                return None, last
            owner = owner.group(step)
        return owner, last

    def text(self, name: str) -> str:
        """One text.

        Raises:
            BadFileError: it is not there, or not one text.
        """
        import h5py

        data = self._checked(name)
        if data.shape not in ((), (1,)) or (data.dtype.kind not in "SU" and not h5py.check_string_dtype(data.dtype)):
            raise BadFileError(f"{name[:60]!a} is not a text", where=self._path)
        value = data[()] if data.shape == () else data[0]
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of an array, without reading it."""
        return tuple(self._checked(name).shape or ())

    def array(self, name: str) -> np.ndarray:
        """An array of numbers, fixed strings or plain records.

        Raises:
            BadFileError: it is not there or of another type.
            HostileFileError: its data lie elsewhere, or it asks for absurd amounts of memory.
        """
        data = self._checked(name)
        if data.dtype.hasobject:
            raise BadFileError(f"{name[:60]!a} holds objects, not numbers", where=self._path)
        return data[()]

    def strings(self, name: str) -> list[str]:
        """A list of texts, of fixed or varying length.

        Raises:
            BadFileError: it is not there, not a list, or not text.
        """
        import h5py

        data = self._checked(name)
        if data.ndim != 1 or data.shape[0] > _MOST_MEMBERS:
            raise BadFileError(f"{name[:60]!a} is not a list of at most {_MOST_MEMBERS} texts", where=self._path)
        if data.dtype.kind not in "SU" and h5py.check_string_dtype(data.dtype) is None:
            raise BadFileError(f"{name[:60]!a} does not hold text", where=self._path)
        return [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in data[()]]

    def attribute(self, name: str) -> object:
        """An attribute as a number, text or bytes; `None` where it is missing or empty."""
        import h5py

        if name not in self._group.attrs:
            return None
        kind = self._group.attrs.get_id(name)
        if kind.get_storage_size() > _MOST_ATTRIBUTE_BYTES:
            raise HostileFileError(
                f"has an attribute {name[:60]!a} of {kind.get_storage_size()} bytes", where=self._path
            )
        value = self._group.attrs[name]
        return None if isinstance(value, h5py.Empty) else value

    def _checked(self, name: str):
        import h5py

        if not self.is_dataset(name):
            what = f"{name[:60]!a} is a group, not an array" if name in self else f"has no array {name[:60]!a}"
            raise BadFileError(what, where=self._path)
        data: h5py.Dataset = self._group[name]
        if data.is_virtual or data.external:
            raise HostileFileError(f"the data of {name[:60]!a} lie in other files", where=self._path)
        if data.shape is None:
            raise BadFileError(f"{name[:60]!a} is empty", where=self._path)
        size = int(np.prod([int(n) for n in data.shape], dtype=object)) * data.dtype.itemsize
        chunk = int(np.prod([int(n) for n in data.chunks or (0,)], dtype=object)) * data.dtype.itemsize
        if size > _MOST_BYTES or (size > ANY_RATIO_BYTES and size > MAX_RATIO * self._file_bytes):
            raise HostileFileError(
                f"{name[:60]!a} declares {size} bytes in a file of {self._file_bytes}", where=self._path
            )
        if chunk > _MOST_CHUNK_BYTES and chunk > 2 * size:
            raise HostileFileError(f"{name[:60]!a} has chunks of {chunk} bytes", where=self._path)
        filters = data.id.get_create_plist()
        for i in range(filters.get_nfilters()):
            number = filters.get_filter(i)[0]
            if number not in _FILTERS:
                raise BadFileError(
                    f"{name[:60]!a} is compressed with filter {number}; those read are {', '.join(_FILTERS.values())}",
                    where=self._path,
                )
        return data


@contextlib.contextmanager
def open_hdf5(path: str | Path) -> Iterator[SafeGroup]:
    """The root group of an HDF5 file, closed at the end.

    Raises:
        BadFileError: not HDF5, cut short or damaged: whatever the library says becomes one line.
    """
    import h5py

    path = Path(path)
    try:
        with h5py.File(path, "r", locking=False) as file:
            yield SafeGroup(file, path, path.stat().st_size)
    except _ERRORS as error:
        if isinstance(error, BadFileError):
            raise
        text = " ".join(str(error).split())[:160]
        raise BadFileError(f"is a damaged HDF5 file: {text}", where=path) from None
    except MemoryError:
        raise BadFileError("does not fit into the memory of this machine", where=path) from None
