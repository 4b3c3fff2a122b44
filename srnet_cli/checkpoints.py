"""Finding a checkpoint: by its path, by the name of its run, by the run's folder, or the newest."""

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import NoReturn

from srnet_cli.console import remark
from srnet_core.errors import ConfigError, InputFileMissing
from srnet_core.lookup import nearest_hint, path_hint
from srnet_core.weights import MEAN, MEAN_OF, NAMES, weights_file

FOLDER, BEST_FOLDER = Path("checkpoint"), Path("best_checkpoint")
_LATEST, _BEST, _ENDING = "latest_epoch_", "model_best_", ".bin"
_LISTED = 5
_LOOKED_AT = 50  # files of a folder, to tell what is in it
_RECORDINGS = (".json", ".jsonl", ".ndjson", ".csv", ".npz", ".npy", ".h5", ".trc", ".c3d", ".bvh", ".txt", ".parquet")
_MOTION = (".trc", ".c3d", ".bvh")  # of these, most hold 3D


def find_checkpoint(asked: Path | None, *, last_epoch: bool = False) -> Path:
    """The file that a path or name stands for. A remark says which file it is, unless it is the path itself.

    `NAME` and `NAME.bin` are looked for here and in checkpoint/, as a file and as the name of a run. A run's file is
    its best epoch if validation data chose one, else its last. The beginning of the names of several runs stands for
    the newest of them. Networks of the package are found by their names. Without a path the newest run is taken.

    Args:
        last_epoch: take the last epoch of a run, never the best.

    Raises:
        InputFileMissing: there is no such file and no such run; the message suggests the nearest name.
    """
    if asked is None:
        return _newest(last_epoch)
    if asked.is_dir():
        if (asked / "model.safetensors").is_file():  # `srnet export` wrote it so, or a model hub keeps it so
            return asked
        found = _result(asked.name, asked.parent, last_epoch)
        if found is None:
            _require_no_recordings(asked)
            _refuse(asked, f"is a folder, not a checkpoint file{_listed(asked.glob('*.bin'))}", "Give a file")
        return _told(asked, found)
    try:
        exists, is_file = asked.exists(), asked.is_file()
    except OSError:  # a name that no file can have
        return asked
    if is_file:
        if recording := _recording(asked):
            todo = f"Use: srnet lift {asked}"
            if asked.suffix.lower() in _MOTION:
                todo = f"To look at its motion: srnet data plot {asked}. To lift 2D keypoints: srnet lift {asked}"
            if asked.suffix.lower() == ".npz":
                todo += ". To train on it: srnet prepare --help"
            raise ConfigError(f"is {recording}, and a checkpoint is needed here", where=asked, todo=todo)
        return asked
    if exists:  # opening a pipe would wait for somebody who writes to it
        raise InputFileMissing("is a pipe or device, not a checkpoint file", where=asked, todo="Give a file")
    places = (asked.parent, FOLDER / asked.parent, FOLDER, BEST_FOLDER)
    for place in dict.fromkeys(places):
        for name in (asked.name, f"{asked.name}{_ENDING}"):
            if (place / name).is_file():
                return _told(asked, place / name)
    name = run_name(asked)
    for place in dict.fromkeys(places[:3]):
        if found := _result(name, place, last_epoch):
            return _told(asked, found)
    from srnet_core.runs.catalog import is_of_kind

    for place in dict.fromkeys(places[:3]):
        alike = [run for run in _runs(place) if is_of_kind(run, name)]
        if alike:
            found = _result(alike[0], place, last_epoch)
            if found is not None:
                return _told(asked, found, f", the newest of {len(alike)} runs of that kind" if alike[1:] else "")
    if str(asked) in NAMES:
        return _told(asked, weights_file(str(asked)), ", from the package")
    if str(asked) == MEAN:
        networks = " and ".join(MEAN_OF)
        raise InputFileMissing(
            f"is the mean of {networks}, which srnet lift knows", where=asked, todo="Give one of the two"
        )
    if recording := _recording(asked):
        _refuse(
            asked,
            f"there is no such file, and a checkpoint is needed here, not {recording}",
            "Keypoints and videos are lifted with: srnet lift FILE",
        )
    _refuse(asked, "there is no such checkpoint", "Check the path, or train one with: srnet train")


def _recording(path: Path) -> str | None:
    """What a file is whose ending is that of videos, keypoints or poses; `None` for all others."""
    from srnet_core.video import is_video

    if is_video(path):
        return "a video"
    return f"a {path.suffix} file of keypoints, poses or data" if path.suffix.lower() in _RECORDINGS else None


def _require_no_recordings(folder: Path) -> None:
    """Refuse a folder of keypoints or videos, which hold no checkpoint."""
    endings = {path.suffix.lower() for path in islice(folder.glob("*"), _LOOKED_AT) if _recording(path)}
    if not endings or next(folder.glob("*.bin"), None) is not None:
        return
    raise ConfigError(
        f"is a folder of {', '.join(sorted(endings))} files, and a checkpoint is needed here",
        where=folder,
        todo=f"If these are keypoints, lift them with: srnet lift {folder}",
    )


def run_name(path: Path) -> str:
    """The name of the run in the name of a checkpoint: "first" for latest_epoch_first.bin."""
    name = path.name.removesuffix(_ENDING).removesuffix(".safetensors")
    return name.removeprefix(_LATEST).removeprefix(_BEST)


def _newest(last_epoch: bool) -> Path:
    found = _by_age(FOLDER.glob("*.bin"))
    if not found:
        raise InputFileMissing(
            "there is no checkpoint yet",
            where=f"{FOLDER}/",
            todo="Train one with: srnet train. Or try everything with: srnet demo",
        )
    newest = found[0]
    best = BEST_FOLDER / f"{_BEST}{run_name(newest)}{_ENDING}"
    if not last_epoch and newest.name.startswith(_LATEST) and best.is_file():
        remark(f"the newest run is {run_name(newest)}; its best epoch is {best}")
        return best
    remark(f"the newest checkpoint is {newest}")
    return newest


def _result(run: str, folder: Path, last_epoch: bool) -> Path | None:
    """The file of a run in a folder: the best epoch, else the last; `None` if there is no such run."""
    latest, best = folder / f"{_LATEST}{run}{_ENDING}", BEST_FOLDER / f"{_BEST}{run}{_ENDING}"
    if not last_epoch and best.is_file() and (latest.is_file() or folder in (FOLDER, BEST_FOLDER)):
        return best
    return latest if latest.is_file() else None


def _runs(folder: Path) -> list[str]:
    """The names of the runs with a file in a folder, the newest first."""
    return [run_name(path) for path in _by_age(folder.glob(f"{_LATEST}*{_ENDING}"))]


def _by_age(paths: Iterable[Path]) -> list[Path]:
    """Files, the newest first."""
    dated = []
    for path in paths:
        try:
            dated.append((path.stat().st_mtime, path))
        except OSError:  # removed meanwhile, or a broken link
            continue
    return [path for _, path in sorted(dated, reverse=True)]


def _told(asked: Path, found: Path, more: str = "") -> Path:
    remark(f"{asked} stands for {found}{more}")
    return found


def _refuse(asked: Path, what: str, todo: str) -> NoReturn:
    files = _by_age([*FOLDER.glob("*.bin"), *BEST_FOLDER.glob("*.bin")])
    names = [*map(str, files), *map(run_name, files), *NAMES, MEAN]
    hint = nearest_hint(run_name(asked), names) or path_hint(asked)
    raise InputFileMissing(what, where=asked, todo=f"{hint}{todo}")


def _listed(paths: Iterable[Path]) -> str:
    names = [path.name for path in _by_age(paths)]
    more = ", ..." if len(names) > _LISTED else ""
    return f"; in it: {', '.join(names[:_LISTED])}{more}" if names else ""


def names_of(paths: Sequence[Path]) -> dict[str, Path]:
    """Short names of checkpoints: those of their runs where these differ, else their paths.

    Raises:
        ConfigError: the same checkpoint is given twice.
    """
    if len({path.resolve() for path in paths}) < len(paths):
        raise ConfigError("the same checkpoint is given twice", where="PATH")
    short = [run_name(path) for path in paths]
    return dict(zip(short if len(set(short)) == len(short) else map(str, paths), paths))
