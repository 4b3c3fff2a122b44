"""Lifted people as files, by the ending of the name."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from srnet_core.errors import ConfigError, require_extra
from srnet_core.files import atomic_write
from srnet_core.lifting._motion_files import WriteMotion, write_bvh_file, write_c3d_file, write_trc_file
from srnet_core.lifting._pictures import footage_of, write_film, write_html, write_moments, write_moving_picture
from srnet_core.lifting._rerun import write_rrd
from srnet_core.lifting._tables import write_csv, write_h5, write_json, write_jsonl, write_npz, write_parquet
from srnet_core.lifting.people import LiftedPeople
from srnet_core.lookup import nearest_hint
from srnet_core.visualization.footage import Footage
from srnet_core.visualization.picture import Progress
from srnet_core.writers.opensim import write_markers


def write_people(
    people: LiftedPeople,
    path: Path,
    *,
    names: str = "motionbuilder",
    opensim: bool = False,
    video_frames: bool = True,
    progress: Progress = lambda *_: None,
) -> list[Path]:
    """Write lifted people; the format is told by the ending.

    Formats that hold one person get a file for each, `NAME_PERSON.ENDING`, where there are several.

    Args:
        names: of the joints in BVH, see `writers.bvh.NAMES`.
        opensim: markers in TRC and C3D get the names of Pose2Sim's OpenSim model, and beside a TRC file its marker set
            is written, `NAME_markers.xml`.
        video_frames: pages, pictures and films show the video that was lifted behind the 2D; without it they show
            nobody as they were filmed.
        progress: called as progress("drawing", done, total) while pictures of a film or an animation are drawn.

    Returns:
        The files written.

    Raises:
        ConfigError: an ending without a format, or a frame rate that the format needs and nobody knows.
        MissingExtraError: a package that the format needs is not installed.
    """
    require_format(path)
    ending = path.suffix.lower()
    if ending in _TOGETHER:
        with atomic_write(path) as file:
            _TOGETHER[ending](file, people)
        return [path]
    written = []
    for index, person in enumerate(people.people):
        target = path if len(people.people) == 1 else path.with_name(f"{path.stem}_{_plain(person.name)}{path.suffix}")
        one = people.only(index)
        if ending in _MOTION:
            with atomic_write(target) as file:
                _MOTION[ending](file, one, target.name, names, opensim)
        else:
            _LOOKS[ending](one, target, progress, footage_of(one) if video_frames else None)
        written.append(target)
    if opensim and ending == ".trc":
        target = path.with_name(f"{path.stem}_markers.xml")
        with atomic_write(target) as file:
            write_markers(file, about="Markers for Model_Pose2Sim_simple.osim: the joints that srnet lifts.")
        written.append(target)
    return written


def require_format(path: Path) -> None:
    """Check before long work that a file's ending has a format, and that the packages for it are there.

    Raises:
        ConfigError: it has none; the message lists those there are.
        MissingExtraError: a package that the format needs is not installed.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        choices = ", ".join(sorted(ENDINGS))
        meant = _INSTEAD.get(ending)
        hint = f"Did you mean {meant!r}? " if meant else nearest_hint(ending, sorted(ENDINGS)) if ending else ""
        what = f"no format ends in {ending}" if ending else "the name has no ending to tell the format by"
        raise ConfigError(what, where=path, todo=f"{hint}Endings: {choices}")
    for module, extra in _PACKAGES.get(ending, ()):
        require_extra(module, extra)


def _plain(name: str) -> str:
    """A person's name as part of a file name."""
    return re.sub(r"[^\w.-]", "-", name)[:60] or "person"


# all people in one file
_TOGETHER: Mapping[str, Callable[[IO[bytes], LiftedPeople], None]] = {
    ".npz": write_npz,
    ".h5": write_h5,
    ".json": write_json,
    ".jsonl": write_jsonl,
    ".csv": write_csv,
    ".parquet": write_parquet,
    ".rrd": write_rrd,
}
# one person per file
_MOTION: Mapping[str, WriteMotion] = {".trc": write_trc_file, ".c3d": write_c3d_file, ".bvh": write_bvh_file}
_LOOKS: Mapping[str, Callable[[LiftedPeople, Path, Progress, Footage | None], None]] = {
    ".html": write_html,
    ".png": write_moments,
    ".gif": write_moving_picture,
    ".mp4": write_film,
}
NEED_FPS = frozenset(_MOTION)  # formats that cannot be written where the frame rate is unknown
_PACKAGES: Mapping[str, tuple[tuple[str, str], ...]] = {  # module and extra
    ".parquet": (("pyarrow", "parquet"),),
    ".rrd": (("rerun", "rerun"),),
    ".png": (("PIL", "viz"),),
    ".gif": (("PIL", "viz"),),
    ".mp4": (("PIL", "viz"), ("av", "video")),
}
# endings of other formats for the same purpose
_INSTEAD: Mapping[str, str] = {
    **dict.fromkeys((".fbx", ".glb", ".gltf", ".usd", ".dae", ".vmd"), ".bvh"),
    **dict.fromkeys((".mot", ".sto"), ".trc"),
    **dict.fromkeys((".hdf5", ".hdf"), ".h5"),
    **dict.fromkeys((".npy", ".pkl", ".pickle", ".pt", ".mat"), ".npz"),
    **dict.fromkeys((".tsv", ".txt", ".xlsx", ".xls"), ".csv"),
    **dict.fromkeys((".pq", ".feather", ".arrow"), ".parquet"),
    **dict.fromkeys((".ndjson", ".jsonlines"), ".jsonl"),
    **dict.fromkeys((".htm", ".xhtml"), ".html"),
    **dict.fromkeys((".jpg", ".jpeg", ".svg", ".pdf", ".bmp", ".tiff"), ".png"),
    **dict.fromkeys((".mov", ".avi", ".mkv", ".webm", ".m4v"), ".mp4"),
    ".webp": ".gif",
}
ENDINGS = frozenset({*_TOGETHER, *_MOTION, *_LOOKS})
