"""The beginning of a file or folder: what readers look at to say whether it is theirs."""

import os
import stat
from collections import Counter
from functools import cached_property
from pathlib import Path

from srnet_core.errors import BadFileError, InputFileMissing
from srnet_core.lookup import path_hint
from srnet_core.readers._compressed import start_of_content
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.frames import FrameFiles, choose_video, natural_key, videos_of
from srnet_core.readers.text import encoding_of, parse_json, with_texts_read

START_BYTES = 1 << 16
_MOST_ENTRIES = 2_000_000
_BLOCK_BYTES = 1 << 20
_MOST_BLANK, _BLANK_BYTES = 1000, 16  # frames without people at the beginning, and the size of such a file


class Head:
    """A path that somebody wants to read; everything below is found out on first use and kept.

    Attributes:
        path: the file or folder.
        is_folder: whether it is a folder.

    Raises:
        InputFileMissing: there is nothing at the path.
        BadFileError: it is neither a regular file nor a folder, or is empty.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        try:
            status = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            todo = f"{path_hint(path)}Check the path"
            raise InputFileMissing("there is no such file or folder", where=path, todo=todo) from None
        except (OSError, ValueError) as error:
            raise BadFileError(f"cannot be read: {getattr(error, 'strerror', None) or error}", where=path) from None
        self.is_folder = stat.S_ISDIR(status.st_mode)
        if not self.is_folder and not stat.S_ISREG(status.st_mode):
            raise BadFileError("is neither a file nor a folder", where=path)
        self.size = status.st_size
        if not self.is_folder and not self.size:
            raise BadFileError("is empty", where=path)

    @cached_property
    def start(self) -> bytes:
        """The first 64 KiB of a file, nothing for a folder."""
        if self.is_folder:
            return b""
        try:
            with open(self.path, "rb") as file:
                return file.read(START_BYTES)
        except OSError as error:
            raise BadFileError(f"cannot be read: {error.strerror or error}", where=self.path) from None

    @cached_property
    def text(self) -> str:
        """The first 64 KiB as text, "" where it is not text."""
        start = self.start
        encoding = encoding_of(start)
        text = start[: len(start) // 2 * 2 if "16" in encoding else None].decode(encoding, "replace")
        return "" if "\0" in text else text.removesuffix("\x1a")  # the end of a file, of old programs

    @cached_property
    def unpacked_start(self) -> bytes:
        """The first bytes of what a compressed file holds (zlib, gzip, bzip2, xz, lzma), nothing for other files."""
        if not self.start.startswith(b"BZh") or self.size <= START_BYTES:
            return start_of_content(self.start)
        with open(self.path, "rb") as file:  # bzip2 gives nothing before a whole block of up to 900 kB
            return start_of_content(file.read(_BLOCK_BYTES))

    @property
    def looks_like_json(self) -> bool:
        return self.text.lstrip()[:1] in ("{", "[")

    @cached_property
    def content(self) -> bytes:
        """The whole file."""
        return read_bounded(self.path)

    @cached_property
    def json(self):
        """The value of a JSON file, texts of JSON in it read as well; `None` for any other file.

        Raises:
            BadFileError: it begins like JSON and is none.
        """
        return with_texts_read(parse_json(self.content, self.path), self.path) if self.looks_like_json else None

    @property
    def first_member(self) -> str | None:
        """The name of the first file in a zip archive; `None` where the file is none."""
        if not self.start.startswith(b"PK\x03\x04"):
            return None
        length = int.from_bytes(self.start[26:28], "little")
        return self.start[30 : 30 + length].decode("utf-8", "replace")

    @property
    def is_npz(self) -> bool:
        return (self.first_member or "").endswith(".npy")

    @property
    def is_torch(self) -> bool:
        """Whether `torch.save` wrote the file, in the form of today or that before version 1.6."""
        return (self.first_member or "").endswith("/data.pkl") or self.start.startswith(b"\x80\x02\x8a\nl\xfc\x9cF\xf9")

    @cached_property
    def npz(self) -> dict[str, object]:
        """All arrays of an .npz file.

        Raises:
            BadFileError: it is a zip file of another kind, or damaged.
        """
        from srnet_core.readers.npz import read_npz

        return read_npz(self.path)

    @cached_property
    def npy(self):
        """The array of an .npy file, or the object in it.

        Raises:
            BadFileError: damaged, or of a type that is not read.
        """
        from srnet_core.readers.npz import read_npy

        return read_npy(self.path)

    @cached_property
    def entries(self) -> list[str]:
        """Names of the files in a folder, in natural order; hidden files are left out."""
        if not self.is_folder:
            return []
        names = []
        try:
            with os.scandir(self.path) as found:
                for entry in found:
                    if not entry.name.startswith(".") and entry.is_file():
                        names.append(entry.name)
                    if len(names) > _MOST_ENTRIES:
                        raise BadFileError(f"holds more than {_MOST_ENTRIES} files", where=self.path)
        except OSError as error:
            raise BadFileError(f"cannot be read: {error.strerror or error}", where=self.path) from None
        return sorted(names, key=natural_key)

    @cached_property
    def folders(self) -> list[str]:
        """Names of the folders in a folder."""
        if not self.is_folder:
            return []
        with os.scandir(self.path) as found:
            return sorted((e.name for e in found if e.is_dir() and not e.name.startswith(".")), key=natural_key)

    @cached_property
    def frame_names(self) -> list[str]:
        """Files of a folder with the ending that most of them have."""
        endings = Counter(_ending(name) for name in self.entries)
        known = {e: n for e, n in endings.items() if e in ("json", "txt", "npy", "npz")}
        best = max(known or endings, key=lambda e: endings[e], default="")
        names = [name for name in self.entries if _ending(name) == best]
        numbered = [name for name in names if any(map(str.isdigit, name))]  # beside them e.g. classes.txt
        return numbered if 2 * len(numbered) > len(names) else names

    @cached_property
    def videos(self) -> list[FrameFiles]:
        """The frame files of a folder by video, the one with most files first."""
        return videos_of(self.frame_names)

    def video(self, wanted: str | None = None) -> tuple[FrameFiles, list[str]]:
        """The files of the one video in a folder, and notes on what was left out; args and errors as `choose_video`."""
        return choose_video(self.frame_names, self.path, wanted, videos=self.videos)

    @cached_property
    def sample(self) -> "Head | None":
        """The first frame file of a folder that holds something, or else the first one that is not empty."""
        blank = None
        for name in self.frame_names[:_MOST_BLANK]:
            try:
                head = Head(self.path / name)
            except BadFileError:
                continue
            if head.size > _BLANK_BYTES or head.text.strip() not in ("[]", "{}", ""):
                return head
            blank = blank or head
        return blank


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower()
