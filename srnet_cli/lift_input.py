"""The keypoints that `srnet lift` lifts: of a file, or found in a video; what they leave open, what looks wrong."""

from pathlib import Path
from typing import TYPE_CHECKING

from srnet_cli.console import remark
from srnet_cli.progress import progress_bar
from srnet_cli.wording import as_options
from srnet_core.errors import ConfigError, InputFileMissing
from srnet_core.lookup import path_hint

if TYPE_CHECKING:
    from srnet_core.geometry.camera import Camera as KnownCamera
    from srnet_core.inference.lifter import Lifter
    from srnet_core.keypoints import Keypoints


def detected(path: Path, name: str, files: list[str], person: str | None) -> "Keypoints":
    """The keypoints that a detector finds in a video."""
    from srnet_core.detectors import open_detector
    from srnet_core.detectors.keypoints import detect
    from srnet_core.detectors.weights import checked_file

    if not path.is_file():
        raise InputFileMissing("there is no such file", where=path, todo=f"{path_hint(path)}Check the path")
    open_one = open_detector(name, tuple(checked_file(text) for text in files))
    try:
        with progress_bar() as bar:
            keypoints = detect(
                path, open_one, progress=lambda done, total: bar.update("detecting", done, max(done, total))
            )
    finally:
        open_one.close()
    return keypoints if person is None else keypoints.only(person)


def read(
    path: Path,
    format: str,
    layout: str,
    person: str | None,
    fps: float | None,
    image_size: tuple[int, int] | None,
    sequence: str | int | None,
) -> "Keypoints":
    """The keypoints of a file; what it does not tell is asked of the video beside it, if there is one."""
    from srnet_core.keypoints.beside import read_beside_video

    keypoints, said = read_beside_video(path, format, layout, person, fps, image_size, sequence=sequence)
    for sentence in said:
        remark(sentence)
    return keypoints


def require_told(keypoints: "Keypoints", path: Path, output: list[Path], smoothing: str | None) -> None:
    """Name at once all that the input leaves open and the command needs: reading it again may take minutes."""
    from srnet_core.lifting.writing import NEED_FPS

    untold: list[str] = []
    options: list[str] = []
    if keypoints.image_size is None:
        untold.append("how large its images are")
        options.append("--image-size WIDTHxHEIGHT")
    for_rate = [file.name for file in output if file.suffix.lower() in NEED_FPS][:1]
    for_rate += ["--smooth"] if smoothing is not None else []
    if keypoints.fps is None and for_rate:
        untold.append(f"its frame rate, which {' and '.join(for_rate)} need{'' if len(for_rate) > 1 else 's'}")
        options.append("--fps NUMBER")
    if untold:
        what = f"the {'folder' if path.is_dir() else 'file'} does not tell {' and '.join(untold)}"
        raise ConfigError(what, where=path, todo=f"Give {' and '.join(options)}")


def camera_of(path: Path | None, name: str | None, keypoints: "Keypoints") -> "tuple[KnownCamera | None, bool]":
    """The camera of a calibration file, and whether its place is known; without a file `None` and False."""
    if path is None:
        return None, False
    from srnet_core.virtual_cameras import read_camera

    found = read_camera(path, name, recording=keypoints.source, image_size=keypoints.image_size)
    for note in found.notes:
        remark(as_options(note))
    return found.camera, found.placed


def warn(keypoints: "Keypoints", lifter: "Lifter", strict: bool) -> None:
    """Say what looks wrong; with --strict the first mistake of the input ends the command."""
    from srnet_core.lifting.lift import warnings_of

    if strict:
        for warning in warnings_of(keypoints, lifter, mistakes_only=True):
            raise ConfigError(
                as_options(warning).rstrip("."), where=keypoints.source, todo="Without --strict it is lifted anyway"
            )
    for warning in warnings_of(keypoints, lifter):
        remark(as_options(warning))
