"""Views that a file gives by the names of their cameras, in a dict, and not in the order of the cameras."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from srnet_core.datasets._wording import as_name, few
from srnet_core.errors import BadFileError
from srnet_core.geometry.camera import Camera

_NUMBERED = re.compile(r"([^\W\d]+[ _.-]*)(\d{1,4})")  # a word and a number
_DIGITS = re.compile(r"(\d+)")


def listed_views(views: Any) -> tuple[Any, tuple[str, ...]]:
    """(the views of a dict in the order of their names, the names); of anything but such a dict (itself, ())."""
    if not isinstance(views, Mapping):
        return views, ()
    named = {as_name(name): view for name, view in views.items()}
    if len(named) < len(views) or not all(isinstance(name, str) for name in named):
        return views, ()
    names = sorted(map(str, named), key=_natural)
    return [named[name] for name in names], tuple(names)


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts "C2" before "C10"."""
    parts = (part for part in _DIGITS.split(name) if part)
    return [(0, int(part[:18]), part) if part.isdecimal() and part.isascii() else (1, 0, part) for part in parts]


def views_by_camera(views: Sequence[Any], names: Sequence[str], cameras: Sequence[Camera], where: str) -> list[Any]:
    """One view for each camera, `None` where there is none.

    The names are the ids of the cameras, or their numbers from 0 or from 1, also behind a word: "cam0", "Camera 1".

    Raises:
        BadFileError: the names are neither.
    """
    ids, given_names = [camera.id for camera in cameras], names
    numbered = [_NUMBERED.fullmatch(name) for name in names]
    words = {match.group(1) for match in numbered if match}
    if not set(names) <= set(ids) and all(numbered) and len(words) == 1:
        names = [str(int(match.group(2))) for match in numbered if match]
    for known in (ids, [str(i) for i in range(len(ids))], [str(i + 1) for i in range(len(ids))]):
        if len(set(known)) == len(known) and set(names) <= set(known):
            given = dict(zip(names, views))
            return [given.get(name) for name in known]
    raise BadFileError(
        f"its views are named {few(given_names)}, and the cameras {few(ids)}",
        where=where,
        todo="Name the views as the cameras (id), or give a list with one array per camera, in their order",
    )
