"""What belongs together although the two files of a data set do not say it: other spellings, views without a camera."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from math import comb
from typing import TypeVar

import numpy as np

from srnet_core.clip import whole_frames
from srnet_core.geometry.camera import Camera
from srnet_core.take_names import plain_name, same_take_key

_NUMBERED = re.compile(r"([a-z]*)0*(\d{1,9})")
_MOST_CHOICES = 5000
_FRAMES = 20
_CLEARLY_BETTER = 0.5
_WORST_ERROR = 0.1  # of the size of the person

Value = TypeVar("Value")


def other_names(
    names_3d: Mapping[str, Mapping[str, object]], takes_2d: Mapping[str, Mapping[str, Value]]
) -> tuple[list[str], dict[str, dict[str, Value]]]:
    """(what was renamed, `takes_2d` with the names that the 3D file has for the same subjects and takes).

    A name is changed only if it has no partner of the same spelling, and exactly one of another spelling.
    """
    renamed: list[str] = []
    subjects = _partners(names_3d, takes_2d, _subject_key)
    result: dict[str, dict[str, Value]] = {}
    for subject, takes in takes_2d.items():
        own = subjects.get(subject, subject)
        if own != subject:
            renamed.append(f"{own} and {subject}")
        partners = _partners(names_3d.get(own, {}), takes, same_take_key)
        renamed += [f"{own}/{partner} and {take}" for take, partner in partners.items()]
        result[own] = {partners.get(take, take): value for take, value in takes.items()}
    return renamed, result


def _subject_key(name: str) -> tuple[str, ...]:
    """Equal for spellings of a subject: "S1", "s1", "S01", "Subject 1", "1"."""
    plain = plain_name(name) or name
    match = _NUMBERED.fullmatch(plain)
    if match is None:
        return (plain,)
    word = "s" if match.group(1) in ("subject", "subj", "sub", "") else match.group(1)
    return (f"{word}{int(match.group(2))}",)


def _partners(wanted: Iterable[str], given: Iterable[str], key) -> dict[str, str]:
    """{given name: wanted name} for names that are in one of them only and have equal keys."""
    wanted, given = set(wanted), set(given)
    left, right = _by_key(wanted - given, key), _by_key(given - wanted, key)
    return {names[0]: left[own][0] for own, names in right.items() if len(names) == 1 and len(left.get(own, ())) == 1}


def _by_key(names: Iterable[str], key) -> dict[tuple[str, ...], list[str]]:
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in sorted(names):
        groups.setdefault(key(name), []).append(name)
    return groups


def known_as(names: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """{name of a subject in a file: the known name that is meant} where these are spelled differently: s_01 is S1."""
    names = list(names)
    return {given: wanted for given, wanted in _partners(list(known), names, _subject_key).items() if given in names}


def views_of_takes(
    takes: Mapping[str, Mapping[str, Sequence[Value]]], camera_ids: Iterable[str]
) -> dict[str, dict[str, dict[str, Value]]]:
    """{subject: {take: {camera: view}}} of subjects whose takes are each of one camera, "Walking 1.54138969"."""
    ids = sorted((re.escape(name) for name in camera_ids if name), key=len, reverse=True)
    if not ids:
        return {}
    pattern = re.compile(rf"(.+?)[\s._-]+(?:cam(?:era)?[\s._-]*)?({'|'.join(ids)})(?:\.\w{{1,4}})?", re.IGNORECASE)
    found: dict[str, dict[str, dict[str, Value]]] = {}
    for subject, of_subject in takes.items():
        matches = {take: pattern.fullmatch(take) for take in of_subject}
        if not matches or not all(match and len(of_subject[take]) == 1 for take, match in matches.items()):
            continue
        for take, match in matches.items():
            if match is not None:
                found.setdefault(subject, {}).setdefault(match[1], {})[match[2]] = of_subject[take][0]
    return found


def matched_cameras(
    pose_world_m: np.ndarray, views_px: Sequence[np.ndarray | None], cameras: Sequence[Camera]
) -> tuple[int, ...] | None:
    """The cameras, in their order, that a few views in the same order are of; `None` if the 3D does not tell.

    Args:
        pose_world_m: (T, J, 3).
        views_px: fewer (T', J, 2) than there are cameras.
    """
    there = [view for view in views_px if view is not None]
    if len(there) < len(views_px) or comb(len(cameras), len(there)) > _MOST_CHOICES:
        return None
    whole = np.flatnonzero(whole_frames(pose_world_m))
    if not len(whole):
        return None
    rows = whole[np.unique(np.linspace(0, len(whole) - 1, _FRAMES).astype(int))]
    with np.errstate(all="ignore"):
        seen = [camera.project(camera.world_to_camera(pose_world_m[rows])) for camera in cameras]
    errors = np.array([[_error(view[rows], points) for points in seen] for view in there])  # (views, cameras)
    choices = sorted(
        (float(np.max(errors[range(len(views_px)), chosen])), chosen)
        for chosen in combinations(range(len(cameras)), len(views_px))
    )
    best, second = choices[0], choices[1]
    return best[1] if best[0] < _WORST_ERROR and best[0] < _CLEARLY_BETTER * second[0] else None


def _error(view_px: np.ndarray, points_px: np.ndarray) -> float:
    """The median distance, in sizes of the person."""
    known = np.isfinite(view_px).all(-1) & np.isfinite(points_px).all(-1)
    if not known.any():
        return np.inf
    size = float(np.median(np.ptp(points_px, axis=1).max(-1)))
    return float(np.median(np.linalg.norm(view_px - points_px, axis=-1)[known])) / max(size, 1e-9)
