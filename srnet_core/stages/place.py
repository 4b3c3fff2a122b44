"""Where stages lie: a folder, or a URL with a folder of this machine that its files are kept in."""

import hashlib
from pathlib import Path

from srnet_core.errors import ConfigError
from srnet_core.files import user_cache_folder

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


def local_folder(cache_dir: str | Path) -> Path:
    """The folder of this machine that stands for a cache folder: itself, or where a URL's files are kept.

    The latter is below `SRNET_LOCAL_CACHE`, or below the user's cache folder.
    """
    if not is_remote(cache_dir):
        return Path(cache_dir)
    url = str(cache_dir).rstrip("/")
    return user_cache_folder() / hashlib.sha256(url.encode()).hexdigest()[:16]
