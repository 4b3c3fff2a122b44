"""Stages in an object store: `--cache-dir s3://BUCKET/FOLDER`, `gs://...`, `file:///...`.

    URL/STAGE/manifest.json      written last, and only if it is not there: who is first wins
    URL/objects/SHA256           the files of all stages, named by what is in them

A stage is made in a folder of this machine and then copied. Objects are named by their content, so writers that race
or are killed cannot mix two versions of a file, and what they leave is used or is never seen. Reading fetches the
manifest and then chunks when they are needed, checks each by its hash, and keeps it in the folder of this machine, as
long as there is room: see `local_copies`.

Needs the extra `remote` (obstore). Keys, regions and endpoints are taken from the environment, as the stores' own tools
do, e.g. `AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`.
"""

import datetime
import hashlib
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from srnet_core.errors import ConfigError, StageError, require_extra
from srnet_core.files import atomic_write
from srnet_core.stages.local_copies import LocalCopies, mark_in_store
from srnet_core.stages.manifest import MANIFEST, MAX_MANIFEST_BYTES

_OBJECTS = "objects"
_RETRIES = {"max_retries": 4, "retry_timeout": datetime.timedelta(seconds=60)}
_TIMES = {"connect_timeout": "10s", "timeout": "120s"}


class RemoteStages:
    """The stages at a URL.

    Args:
        url: of the folder that holds them.
        limit_bytes: that all copies on this machine may take.

    Raises:
        MissingExtraError: obstore is not installed.
        ConfigError: the URL cannot be used.
    """

    def __init__(self, url: str, limit_bytes: float = math.inf):
        self.url = url.rstrip("/")
        self._copies = LocalCopies(limit_bytes)
        self._obstore = require_extra("obstore", "remote")
        stores = require_extra("obstore.store", "remote")
        try:
            if urlsplit(url).scheme == "file":
                self._store: Any = stores.LocalStore(url2pathname(urlsplit(url).path), mkdir=True)
            else:
                plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
                options = {**_TIMES, "allow_http": plain}
                self._store = stores.from_url(self.url, client_options=options, retry_config=_RETRIES)
        except Exception as error:  # obstore raises many kinds
            raise ConfigError(_first_line(error), where=f"--cache-dir {url}") from None

    def fetch_manifest(self, folder: Path) -> bool:
        """Fetch the manifest of a stage into its folder on this machine; whether there is one at the URL.

        Raises:
            StageError: the store cannot be reached.
        """
        content = self._get(f"{folder.name}/{MANIFEST}", most=MAX_MANIFEST_BYTES)
        if content is None:
            return False
        folder.mkdir(parents=True, exist_ok=True)
        mark_in_store(folder)  # first: a process killed between would leave what looks like a damaged stage
        with atomic_write(folder / MANIFEST) as file:
            file.write(content)
        return True

    def fetch(self, folder: Path, name: str, entry: Mapping[str, Any]) -> None:
        """Fetch a file of a stage into its folder on this machine; from a stage beside it, if one has the same.

        Args:
            name: of the file in the manifest.
            entry: its size and hash there.

        Raises:
            StageError: the store cannot be reached, or does not have the file as it was written.
        """
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if _found_beside(folder, name, entry):
            return
        content = self._get(f"{_OBJECTS}/{entry['sha256']}", most=entry["bytes"])
        todo = "Run prepare with --force on a machine that has the input files"
        if content is None:
            raise StageError(f"damaged: {name} of {folder.name} is missing", where=self.url, todo=todo)
        if len(content) != entry["bytes"] or hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise StageError(f"damaged: the bytes of {name} of {folder.name} have changed", where=self.url, todo=todo)
        with atomic_write(path) as file:
            file.write(content)

    def make_room(self, fetched: int) -> None:
        """Remove copies that were used longest ago, if there is too little room for those fetched since.

        Args:
            fetched: bytes.
        """
        self._copies.added(fetched)

    def publish(self, folder: Path, files: Mapping[str, Mapping[str, Any]], *, again: bool = False) -> None:
        """Copy a finished stage to the URL, its manifest last. One that is there is kept.

        Args:
            folder: of the stage on this machine.
            files: of its manifest. Those that the store has need not be on this machine.
            again: write every file again, for a stage at the URL that is damaged.

        Raises:
            StageError: the store cannot be written to, or lacks a file that is not on this machine.
        """
        manifest = f"{folder.name}/{MANIFEST}"
        if not again and self._size(manifest) is not None:
            mark_in_store(folder)
            self.make_room(0)
            return
        for name, entry in files.items():
            place = f"{_OBJECTS}/{entry['sha256']}"
            here = (folder / name).is_file()
            if (again and here) or self._size(place) != entry["bytes"]:
                if not here:
                    todo = "Run prepare with --force on a machine that has the input files"
                    raise StageError(f"damaged: {name} of {folder.name} is missing", where=self.url, todo=todo)
                self._put(place, (folder / name).read_bytes())
        self._put_if_absent(manifest, (folder / MANIFEST).read_bytes(), replace=again)
        mark_in_store(folder)
        self.make_room(sum(entry["bytes"] for entry in files.values()))

    def _get(self, place: str, *, most: int) -> bytes | None:
        try:
            found = self._obstore.get(self._store, place)
            if found.meta["size"] > most:
                raise StageError(f"damaged: {place} is larger than it can be", where=self.url)
            return bytes(found.bytes())
        except FileNotFoundError:
            return None
        except StageError:
            raise
        except Exception as error:
            raise self._failed(error) from None

    def _size(self, place: str) -> int | None:
        try:
            return int(self._obstore.head(self._store, place)["size"])
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._failed(error) from None

    def _put(self, place: str, content: bytes) -> None:
        try:
            self._obstore.put(self._store, place, content, mode="overwrite")
        except Exception as error:
            raise self._failed(error) from None

    def _put_if_absent(self, place: str, content: bytes, *, replace: bool) -> None:
        """Write an object unless it is there. A store without conditional writes gets a plain one."""
        exists = self._obstore.exceptions.AlreadyExistsError
        try:
            self._obstore.put(self._store, place, content, mode="overwrite" if replace else "create")
        except exists:
            return  # somebody was quicker, with the same content
        except (NotImplementedError, self._obstore.exceptions.NotSupportedError):
            self._put(place, content)
        except Exception as error:
            raise self._failed(error) from None

    def _failed(self, error: Exception) -> StageError:
        todo = "Check the address, the keys and the network"
        return StageError(f"the store does not work: {_first_line(error)}", where=self.url, todo=todo)


def _found_beside(folder: Path, name: str, entry: Mapping[str, Any]) -> bool:
    """Whether a stage beside a folder has a file with the same content, which then is in this folder too."""
    for path in folder.parent.glob(f"*/{name}"):
        try:
            if path.stat().st_size == entry["bytes"] and _digest(path) == entry["sha256"]:
                _link_or_write(path, folder / name)
                return True
        except OSError:  # removed meanwhile
            continue
    return False


def _link_or_write(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except FileExistsError:  # another process was faster
        return
    except OSError:  # no hard links here
        with atomic_write(target) as file:
            file.write(path.read_bytes())


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
