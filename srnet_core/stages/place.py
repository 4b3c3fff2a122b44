"""Where stages lie: a folder, or a URL with a folder of this machine that its files are kept in."""

import hashlib
from pathlib import Path

from srnet_core.config import DataConfig
from srnet_core.errors import ConfigError, InputFileMissing
from srnet_core.files import user_cache_folder
from srnet_core.lookup import path_hint

SCHEMES = ("s3", "gs", "az", "file")


def is_remote(cache_dir: str | Path) -> bool:
    """Whether a cache folder is a URL.

    Raises:
        ConfigError: it is one of a kind that is not supported.
    """
    scheme, colon, _ = str(cache_dir).partition("://")
    if not colon:
        return False
    if scheme not in SCHEMES:
        raise ConfigError(
            f"stages cannot be kept in {scheme}://",
            where=f"--cache-dir {cache_dir}",
            todo=f"Give a folder, or a URL that begins with {', '.join(f'{s}://' for s in SCHEMES)}",
        )
    return True


def existing_folder(cache_dir: str | Path) -> Path:
    """`local_folder` of a cache folder that must be there; the usual one need not, as there may be no stages yet.

    Raises:
        ConfigError: it is a file.
        InputFileMissing: there is no such folder.
    """
    require_no_file(cache_dir)
    folder = local_folder(cache_dir)
    if not is_remote(cache_dir) and not folder.exists() and str(cache_dir) != DataConfig().cache_dir:
        raise InputFileMissing(
            "there is no such folder", where=f"--cache-dir {cache_dir}", todo=f"{path_hint(cache_dir)}Check the path"
        )
    return folder


def require_no_file(cache_dir: str | Path) -> None:
    """Refuse a cache folder that is a file.

    Raises:
        ConfigError: it is one.
    """
    if not is_remote(cache_dir) and Path(cache_dir).exists() and not Path(cache_dir).is_dir():
        raise ConfigError("is a file, not a folder", where=f"--cache-dir {cache_dir}", todo="Choose a folder")


def local_folder(cache_dir: str | Path) -> Path:
    """The folder of this machine that stands for a cache folder: itself, or where a URL's files are kept.

    The latter is below `SRNET_LOCAL_CACHE`, or below the user's cache folder.
    """
    if not is_remote(cache_dir):
        return Path(cache_dir)
    url = str(cache_dir).rstrip("/")
    return user_cache_folder() / hashlib.sha256(url.encode()).hexdigest()[:16]
