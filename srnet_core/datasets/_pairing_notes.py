"""Notes and warnings on takes, views and names of a 3D and a 2D file that were paired up."""

from collections.abc import Mapping, Sequence

from srnet_core.datasets._missing import count_missing
from srnet_core.datasets._published import File2d, File3d, Positions2d, Positions3d
from srnet_core.datasets._wording import few
from srnet_core.geometry.camera import Camera
from srnet_core.take_names import action_of, plain_name

_MANY_WITHOUT_PARTNER = 0.25  # share of the takes from which on the loss is a warning


class Findings:
    """What was found in views: clips longer than their 3D, views that are missing, takes with too few views."""

    def __init__(self) -> None:
        self.longer: list[str] = []
        self.missing_views: list[str] = []
        self.matched: list[str] = []
        self.unmatched: list[str] = []


def pairing_notes(
    file_3d: File3d,
    file_2d: File2d,
    cameras: Mapping[str, Sequence[Camera]],
    found: Findings,
    renamed: Sequence[str],
    used: Positions2d,
    used_3d: Positions3d,
) -> list[str]:
    only_3d, only_2d, _ = _without_partner(file_3d, file_2d, cameras)
    uncalibrated = [s for s in {**file_3d.positions_m, **file_2d.positions_px} if s not in cameras]
    listed = {
        "Subjects without known cameras were left out": (uncalibrated, False),
        "Takes without any 3D were left out": (file_3d.empty, True),
        "Takes without any 2D were left out": (
            [take for take in file_2d.empty if take.partition("/")[0] in cameras and take not in only_3d],
            True,
        ),
        "Subjects and takes that the two files spell differently were paired": (renamed, True),
        "Takes with 3D but without 2D were left out": (only_3d, True),
        "Takes with 2D but without 3D were left out": (
            [take for take in only_2d if take not in file_3d.empty],
            True,
        ),
        "Takes with fewer 2D views than cameras were left out": (found.unmatched, True),
        "Takes with fewer 2D views than cameras were matched to cameras by their 3D": (found.matched, True),
        "Views without 2D were left out": (found.missing_views, True),
    }
    notes = [
        f"{what}: {len(names)} ({few(names)})." if counted else f"{what}: {few(names)}."
        for what, (names, counted) in listed.items()
        if names
    ]
    if found.longer:
        notes.append(
            f"2D clips longer than their 3D were cut at the end: {len(found.longer)} (the first: {found.longer[0]})."
        )
    if file_2d.with_confidence:
        notes.append(f"The third column of the 2D (confidence) was not used: {file_2d.with_confidence} clips.")
    if file_2d.mixtures:
        notes.append(f"Of several places for each joint in the 2D the likeliest was taken: {file_2d.mixtures} clips.")
    keypoints, clips = count_missing(used)
    joints, takes = count_missing({s: {t: [pose] for t, pose in takes.items()} for s, takes in used_3d.items()})
    if joints:
        notes.append(f"3D joints that are missing (not a number): {joints:,} in {takes:,} takes.")
    if keypoints:
        marks = " or ".join(file_2d.missing_marks)
        notes.append(f"Keypoints that are missing ({marks}): {keypoints:,} in {clips:,} clips.")
    return notes


def pairing_warnings(file_3d: File3d, file_2d: File2d, cameras: Mapping[str, Sequence[Camera]]) -> list[str]:
    """A warning where so many takes have no partner that the names are the likely reason."""
    only_3d, only_2d, shared = _without_partner(file_3d, file_2d, cameras)
    lost = min(len(only_3d), len(only_2d))  # those in one file only may be on purpose, e.g. a subject without 2D
    if lost <= _MANY_WITHOUT_PARTNER * (lost + shared):
        return []
    return [
        f"{lost} of {lost + shared} takes have no partner in the other file and are not used; the names may be spelled "
        f"differently. In the 3D file only: {few(only_3d)}; in the 2D file only: {few(only_2d)}."
    ]


def frames_without_3d(positions_m: Positions3d) -> list[str]:
    """A warning where all joints of a frame are at one point, e.g. 0, as some programs mark a frame without 3D."""
    counts = {}
    for subject, takes in positions_m.items():
        for take, pose in takes.items():
            same = (pose == pose[:, :1]).all((1, 2))
            if pose.shape[1] > 1 and same.any():
                counts[f"{subject}/{take}, frame {int(same.argmax())}"] = int(same.sum())
    if not counts:
        return []
    return [
        f"All joints of the 3D are at one point in {sum(counts.values()):,} frames of {len(counts)} takes "
        f"(the first: {next(iter(counts))}). Such frames hold no pose, but are used: fill them in or remove them."
    ]


def actions_spelled_alike(positions_m: Positions3d) -> list[str]:
    """A warning where actions differ in case or punctuation only: training on one would test on the other."""
    spellings: dict[str, dict[str, None]] = {}
    for takes in positions_m.values():
        for take in takes:
            spellings.setdefault(plain_name(action_of(take)), {})[action_of(take)] = None
    alike = [" and ".join(names) for plain, names in spellings.items() if plain and len(names) > 1]
    if not alike:
        return []
    return [f"Actions that differ in case or punctuation only count as different ones: {few(alike)}. Spell them alike."]


def _without_partner(file_3d: File3d, file_2d: File2d, cameras: Mapping) -> tuple[list[str], list[str], int]:
    """(takes with 3D only, takes with 2D only, number of the others), of the subjects with cameras."""
    takes_3d = _take_names(file_3d.positions_m, cameras)
    takes_2d = _take_names(file_2d.positions_px, cameras)
    only_3d, only_2d = [t for t in takes_3d if t not in takes_2d], [t for t in takes_2d if t not in takes_3d]
    return only_3d, only_2d, len(takes_3d) - len(only_3d)


def _take_names(positions: Mapping[str, Mapping], cameras: Mapping) -> dict[str, None]:
    return {f"{subject}/{take}": None for subject, takes in positions.items() if subject in cameras for take in takes}
