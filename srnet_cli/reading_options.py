"""What commands that read files of other tools share: their options, JSON on standard output, reading with progress."""

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from srnet_cli.options import option
from srnet_cli.progress import progress_bar
from srnet_core.errors import ConfigError
from srnet_core.files import without_nan

READING_PANEL = "What the file does not say"

DataPath = Annotated[
    Path,
    typer.Argument(help="File, or folder with one file per frame", metavar="PATH", show_default=False),
]
OptionalPath = Annotated[
    Path | None,
    typer.Argument(
        help="File, or folder with one file per frame; - for standard input", metavar="PATH", show_default=False
    ),
]
Format = Annotated[
    str,
    option(
        "--format",
        help="Format of the file; srnet data list --formats lists them",
        metavar="FORMAT",
        default="auto: told by the content",
        panel=READING_PANEL,
        completes="formats",
    ),
]
Layout = Annotated[
    str,
    option(
        "--layout",
        help="Layout of 2D joints, a file of your own (.toml), or none",
        metavar="LAYOUT",
        default="auto: told by the file, the number of joints or the bones",
        panel=READING_PANEL,
        completes="layouts",
    ),
]
Fps = Annotated[
    float | None,
    option(
        "--fps",
        help="Frames per second",
        metavar="N",
        default="as the file says",
        panel=READING_PANEL,
    ),
]
ImageSize = Annotated[
    str | None,
    option(
        "--image-size",
        help="Size of the image in pixels, e.g. 1920x1080",
        metavar="WxH",
        default="as the file says",
        panel=READING_PANEL,
    ),
]
Sequence_ = Annotated[
    str | None,
    option(
        "--sequence",
        help="One sequence of a file that holds several, by name or by position from 0",
        metavar="NAME",
        default="all",
        panel=READING_PANEL,
    ),
]
Person = Annotated[
    str | None,
    option(
        "--person",
        help="One person, by name, or by position from 0 where nobody has that name (0 is seen most)",
        metavar="NAME",
        default="all",
        panel=READING_PANEL,
    ),
]
Mapping = Annotated[
    str | None,
    option(
        "--mapping",
        help="Mapping of a skeleton or marker set to the 17 joints, or a file of your own",
        metavar="NAME",
        default="auto: told by the names of the points",
        completes="mappings",
    ),
]
Json = Annotated[bool, option("--json", help="Print the result as JSON")]


def parse_size(text: str | None) -> tuple[int, int] | None:
    """ "1920x1080" -> (1920, 1080).

    Raises:
        ConfigError: it is no such text.
    """
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d{1,6})\s*[x×,]\s*(\d{1,6})\s*", text)
    if not match:
        raise ConfigError(
            f"expected width x height in pixels, not {text[:40]!r}", where="--image-size", todo="E.g. 1920x1080"
        )
    return int(match[1]), int(match[2])


def name_or_position(text: str | None) -> int | str | None:
    """A name; a position where the text is a whole number."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else text


def print_json(value: Any) -> None:
    """The one result on standard output.

    What would control a terminal, and what the encoding of the output lacks, stands as the escapes of JSON.
    """
    text = json.dumps(without_nan(value), indent=1, allow_nan=False, ensure_ascii=False)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
        lacks = False
    except UnicodeEncodeError:
        lacks = True
    if lacks or not text.replace("\n", "").isprintable():
        text = "".join(
            c if c == "\n" or (c.isprintable() and not (lacks and c > "\x7f")) else _escaped(c) for c in text
        )
    sys.stdout.write(text + "\n")


def _escaped(character: str) -> str:
    """A character as JSON escapes it: one or two units of UTF-16."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


@contextmanager
def reading(what: str = "reading") -> Iterator[Callable[[int, int], None]]:
    """A progress function for readers."""
    with progress_bar() as bar:
        yield lambda done, total: bar.update(what, done, total)


def size_text(size: Sequence[int] | None) -> str:
    return f"{size[0]} x {size[1]}" if size else "-"


def rate_text(fps: float | None) -> str:
    return f"{fps:.6g}" if fps else "-"


def share_text(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %" if share else "0 %"


def shown(value: object) -> str:
    """A cell of a table; a dash where nothing is known."""
    if value is None or value == "":
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if isinstance(value, float) else str(value)
