"""srnet lift: 2D keypoints of any tool to 3D poses, in files for other programs."""

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from srnet_cli.console import next_steps, remark, say
from srnet_cli.live_lifting import STANDARD_INPUT, open_live, stream_camera
from srnet_cli.live_lifting import stream as stream_lines
from srnet_cli.options import Device, Flip, option
from srnet_cli.progress import progress_bar
from srnet_cli.reading_options import (
    Format,
    Fps,
    ImageSize,
    Layout,
    OptionalPath,
    Person,
    Sequence_,
    name_or_position,
    parse_size,
)
from srnet_cli.wording import as_options, bytes_text
from srnet_core.errors import ConfigError, InputFileMissing, require_extra
from srnet_core.lookup import choose, path_hint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from srnet_core.geometry.camera import Camera as KnownCamera
    from srnet_core.inference.lifter import Lifter
    from srnet_core.keypoints import Keypoints
    from srnet_core.lifting.people import LiftedPeople

EXAMPLES = (
    "srnet lift keypoints.json --image-size 1000x1000 --fps 50",
    "srnet lift video.mp4 -o pose.bvh -o pose.html --world",
)
_SEEN = (".html", ".png", ".gif", ".mp4", ".rrd")  # files to look at
_FILMED = (".html", ".png", ".gif", ".mp4")  # of them, those that show the video
_LISTED = 5  # people in the summary
_NAMES = "motionbuilder"
_MOTION = (".trc", ".c3d", ".bvh")
_WITH_ERRORS = (".npz", ".h5", ".json", ".jsonl", ".csv", ".parquet", *_FILMED)  # formats that hold expected errors
_VIDEO_PANEL, _PLACE_PANEL, _OUTPUT_PANEL = "Video", "Place and smoothing", "What is written"

Camera = Annotated[
    Path | None,
    option(
        "--camera",
        help="Calibration of the camera, TOML (Pose2Sim, OpenCV) or JSON; or a number, to lift live from that camera",
        metavar="FILE|N",
        default="intrinsics are estimated",
        panel=_PLACE_PANEL,
    ),
]
CameraName = Annotated[
    str | None,
    option(
        "--camera-name",
        help="Camera of the calibration",
        metavar="NAME",
        default="the one that the name of the recording tells",
        panel=_PLACE_PANEL,
    ),
]
Trajectory = Annotated[
    bool, option("--trajectory", help="Also find where the people are: the path of the root", panel=_PLACE_PANEL)
]
World = Annotated[
    bool,
    option(
        "--world", help="Put the people on the floor of a world with z up; implies --trajectory", panel=_PLACE_PANEL
    ),
]
Height = Annotated[
    float | None,
    option(
        "--height",
        help="Height of the person in metres, which the length of the path depends on",
        metavar="METRES",
        default="as the network sees it",
        panel=_PLACE_PANEL,
    ),
]
TrajectoryNetwork = Annotated[
    Path | None,
    option(
        "--trajectory-network",
        help="Find the path with a network of srnet train --model trajectory instead of bone lengths",
        metavar="FILE",
        default="bone lengths",
        panel=_PLACE_PANEL,
        completes="checkpoints",
    ),
]
Smooth = Annotated[
    str | None,
    option(
        "--smooth",
        help="Filter: one-euro, savgol or butterworth, with a parameter or not, e.g. butterworth:6 for 6 Hz",
        metavar="FILTER",
        default="none",
        panel=_PLACE_PANEL,
    ),
]
DetectorName = Annotated[
    str | None,
    option(
        "--detector",
        help="Detector of keypoints in a video: mediapipe, rtmlib",
        metavar="NAME",
        default="mediapipe",
        panel=_VIDEO_PANEL,
    ),
]
DetectorFiles = Annotated[
    list[str] | None,
    option(
        "--detector-file",
        help="ONNX file of the detector, PATH or PATH:SHA256; for rtmlib first YOLOX, then RTMPose",
        metavar="FILE",
        default="none",
        panel=_VIDEO_PANEL,
    ),
]


def main(
    path: OptionalPath = None,
    output: Annotated[
        list[Path] | None,
        option(
            "--output",
            "-o",
            help="File to write, in the format of its ending; may be repeated",
            metavar="FILE",
            default="output/INPUT.html",
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        option(
            "--checkpoint",
            help="Network to lift with",
            metavar="FILE",
            default="srnet-open for videos, srnet-open-1 for pictures, srnet-open-27-causal live: from the package",
            completes="checkpoints",
        ),
    ] = None,
    fill: Annotated[
        str,
        option("--fill", help="Longest gap of a joint to fill, in seconds", metavar="SECONDS", default="0.2"),
    ] = "0.2",
    mend_swaps: Annotated[
        bool,
        option(
            "--mend-swaps/--keep-swaps",
            help="Exchange left and right back in frames where the tool confused them for a while",
        ),
    ] = True,
    strict: Annotated[bool, option("--strict", help="Refuse an input that looks mistaken instead of warning")] = False,
    camera: Camera = None,
    camera_name: CameraName = None,
    trajectory: Trajectory = False,
    world: World = False,
    height: Height = None,
    trajectory_network: TrajectoryNetwork = None,
    smoothing: Smooth = None,
    detector: DetectorName = None,
    detector_file: DetectorFiles = None,
    names: Annotated[
        str,
        option(
            "--names",
            help="Names of joints in BVH: motionbuilder, mixamo or cmu",
            metavar="NAME",
            panel=_OUTPUT_PANEL,
        ),
    ] = _NAMES,
    opensim: Annotated[
        bool,
        option(
            "--opensim",
            help="Name markers as in Pose2Sim's OpenSim model, and write its marker set beside a TRC",
            panel=_OUTPUT_PANEL,
        ),
    ] = False,
    floor: Annotated[
        bool,
        option(
            "--floor/--no-floor",
            help="Set people upright, the lower foot on the floor, in TRC, C3D and BVH; else camera axes with y up",
            panel=_OUTPUT_PANEL,
        ),
    ] = True,
    video_frames: Annotated[
        bool,
        option(
            "--video-frames/--no-video-frames",
            help="Show the video behind the 2D in pages, pictures and films; without it nobody sees who was filmed",
            panel=_OUTPUT_PANEL,
        ),
    ] = True,
    person: Person = None,
    format: Format = "auto",
    layout: Layout = "auto",
    fps: Fps = None,
    image_size: ImageSize = None,
    sequence: Sequence_ = None,
    flip: Flip = True,
    device: Device = "auto",
    uncertainty: Annotated[
        bool,
        option(
            "--uncertainty",
            help="Also tell how far off each joint may be, in mm; takes three times as long",
            panel=_OUTPUT_PANEL,
        ),
    ] = False,
    stream: Annotated[
        bool, option("--stream", help="Lift live: a line of JSON in, a line out; PATH - or none is standard input")
    ] = False,
) -> None:
    """Lift 2D keypoints of any tool, or a video, to 3D poses: for animation, OpenSim, notebooks, a web page."""
    from srnet_cli.checkpoints import find_checkpoint
    from srnet_core.files import require_output
    from srnet_core.inference.lifter import Lifter
    from srnet_core.inference.roots import RootFinder
    from srnet_core.lifting import smoothing as filters
    from srnet_core.lifting.lift import lift
    from srnet_core.lifting.trajectory import follow
    from srnet_core.lifting.world import stand, tilt_notes, upright_as_calibrated
    from srnet_core.lifting.writing import require_format
    from srnet_core.video import is_video
    from srnet_core.weights import MEAN, MEAN_OF, best_network

    fill_s = _seconds(fill)
    device_number = _camera_number(camera) if path is None else None
    if stream or path == STANDARD_INPUT or device_number is not None:
        refused: dict[str, object] = {"--output": output, "--person": person, "--sequence": sequence}
        refused |= {"--world": world, "--trajectory": trajectory, "--height": height, "--strict": strict}
        refused |= {"--trajectory-network": trajectory_network, "--uncertainty": uncertainty, "--opensim": opensim}
        refused |= {"--names": names != _NAMES, "--no-floor": not floor, "--keep-swaps": not mend_swaps}
        refused |= {"--no-video-frames": not video_frames}
        refused |= {"--camera-name": camera_name, "--format": format != "auto"}
        if device_number is None:
            refused |= {"--camera": camera, "--detector": detector, "--detector-file": detector_file}
        else:
            refused |= {"--image-size": image_size, "--fps": fps}
        live_input = "--stream" if device_number is None else f"--camera {device_number}"
        for name in (name for name, given in refused.items() if given):
            todo = "Redirect the output instead, e.g. with >" if name == "--output" else "Leave it out"
            raise ConfigError(f"cannot be used with {live_input}", where=name, todo=todo)
        live = open_live(
            checkpoint, layout, image_size, fps=fps, fill_s=fill_s, flip=flip, device=device, smooth=smoothing
        )
        if device_number is not None:
            return stream_camera(live, device_number, detector or "mediapipe", detector_file or [])
        return stream_lines(live, path or STANDARD_INPUT)
    if path is None:
        raise ConfigError("there is nothing to lift", where="PATH", todo="Give a file of keypoints, or --stream")
    if camera is not None and _camera_number(camera) is not None and not camera.exists():
        raise ConfigError(
            "the number of a camera goes without a file, as the camera is lifted live",
            where=f"--camera {camera}",
            todo=f"Leave out {path}, or give the file of a calibration",
        )
    output = output or [Path("output") / f"{path.stem or 'keypoints'}.html"]
    for file in output:
        require_format(file)
        require_output(file, read=[path])
    _check_options(camera, camera_name, path, names, smoothing, height, trajectory or world)
    endings = {file.suffix.lower() for file in output}
    _say_without_effect(
        {
            "--opensim": (opensim, (".trc", ".c3d")),
            "--names": (names != _NAMES, (".bvh",)),
            "--no-floor": (not floor and not world, _MOTION),
            "--uncertainty": (uncertainty, _WITH_ERRORS),
            "--no-video-frames": (not video_frames, _FILMED),
        },
        endings,
    )
    if not floor and world:
        remark("--no-floor has no effect with --world, which puts the people on its floor")
    if trajectory_network is not None and world:
        raise ConfigError(
            "cannot be used with --world, which finds the path from standing feet",
            where="--trajectory-network",
            todo="Leave one of them out",
        )
    network = None if checkpoint is None or str(checkpoint) == MEAN else find_checkpoint(checkpoint)
    finder = None
    if trajectory_network is not None:
        finder = RootFinder.from_checkpoint(find_checkpoint(trajectory_network), device=device)
    if is_video(path):
        unused = {"--format": format != "auto", "--layout": layout != "auto", "--fps": fps, "--image-size": image_size}
        for name in (name for name, given in {**unused, "--sequence": sequence}.items() if given):
            remark(f"{name} has no effect on a video: it tells that itself")
        keypoints = _detected(path, detector or "mediapipe", detector_file or [], person)
    elif detector is not None or detector_file:
        raise ConfigError("is no video", where=path, todo="Leave --detector out, or give a video")
    else:
        if not video_frames:
            remark("--no-video-frames has no effect here: keypoints bring no video along")
        keypoints = _read(path, format, layout, person, fps, parse_size(image_size), name_or_position(sequence))
    _require_told(keypoints, path, output, smoothing)
    if mend_swaps:
        keypoints = keypoints.mend_swaps()
    known, placed = _camera(camera, camera_name, keypoints)
    if network is not None:
        name, lifter = network.stem, Lifter.from_checkpoint(network, device=device, flip=flip, uncertainty=uncertainty)
    else:
        best = best_network(keypoints.frame_count, consecutive=keypoints.consecutive)
        name = best if checkpoint is None else str(checkpoint)
        lifter = Lifter.open(name, device=device, flip=flip, uncertainty=uncertainty)
    if smoothing is not None:
        filters.require_rate(smoothing, keypoints.fps and keypoints.fps / keypoints.step, keypoints.source)
    _warn(keypoints, lifter, strict)
    try:
        with progress_bar() as bar:
            people = lift(
                keypoints,
                lifter,
                fill_s=fill_s,
                camera=known,
                on_floor=floor,
                model=name,
                progress=lambda done, total: bar.update("lifting", done, total),
            )
    except ConfigError:
        for note in keypoints.notes:  # they may tell why
            remark(as_options(note))
        raise
    if placed:
        people = upright_as_calibrated(people)
    if smoothing is not None:
        people = filters.smooth(people, smoothing)
    if trajectory or world or height is not None or finder is not None:
        people = follow(people, height_m=height, network=finder)
    if world:
        people = stand(people, placed=placed)
    elif endings & {*_MOTION, *_SEEN} and floor:  # in these people stand upright
        for note in [] if placed else tilt_notes(people):
            remark(as_options(note))
    for note in people.notes:
        remark(as_options(note))
    for file in output:
        files = _write(people, file, names, opensim, video_frames)
        for written in files:
            filmed = video_frames and is_video(path) and file.suffix.lower() == ".html"
            shows = ", with pictures of the video: --no-video-frames leaves them out" if filmed else ""
            say(f"{written}  {bytes_text(written.stat().st_size)}{shows}")
    counts = [f"person {p.name} in {int(p.lifted.sum())} of {len(p.lifted)} frames" for p in people.people]
    if len(counts) > _LISTED:
        counts = [*counts[:_LISTED], f"{len(counts) - _LISTED} more people"]
    networks = f", the mean of {' and '.join(MEAN_OF)}" if name == MEAN else ""
    say(f"{', '.join(counts)} lifted with {name}{networks}")
    if not any(file.suffix.lower() in _SEEN for file in output) and path is not None and str(path) != "-":
        next_steps(f"lift {shlex.quote(str(path))} -o page.html")  # to look at them


def _say_without_effect(options: "Mapping[str, tuple[bool, Sequence[str]]]", endings: set[str]) -> None:
    """Name the options that change nothing in the files asked for.

    Args:
        options: {name: (whether it was given, endings of the formats that it changes)}.
    """
    for name, (given, formats) in options.items():
        if given and not endings & set(formats):
            remark(f"{name} has no effect here: it is for {', '.join(formats)}")


def _check_options(
    camera: Path | None,
    camera_name: str | None,
    recording: Path,
    names: str,
    smoothing: str | None,
    height: float | None,
    placed: bool,
) -> None:
    """Find mistakes in options before keypoints are found in a video or read, which may take minutes."""
    from srnet_core.lifting import smoothing as filters
    from srnet_core.lifting.trajectory import require_height
    from srnet_core.virtual_cameras import read_camera
    from srnet_core.writers.bvh import NAMES

    choose("naming of joints", names, NAMES, where="--names")
    if smoothing is not None:
        filters.parse(smoothing)
    if height is not None:
        require_height(height)
    if placed or height is not None:
        require_extra("scipy", "data")
    if camera is not None:
        read_camera(camera, camera_name, recording=str(recording))
    elif camera_name is not None:
        raise ConfigError("there is no calibration to look in", where="--camera-name", todo="Give --camera FILE")


def _write(people: "LiftedPeople", file: Path, names: str, opensim: bool, video_frames: bool) -> list[Path]:
    """Write a file while a bar shows how long it will take, or has taken where nobody knows that."""
    from srnet_core.lifting.writing import write_people

    what = f"writing {file.name}"

    def show(_: str, done: int, total: int) -> None:
        bar.update(what, done, total)

    with progress_bar() as bar:
        bar.busy(what)
        return write_people(people, file, names=names, opensim=opensim, video_frames=video_frames, progress=show)


def _camera_number(camera: Path | None) -> int | None:
    """The number of a camera of this machine; `None` for a calibration file."""
    return int(str(camera)) if camera is not None and re.fullmatch(r"[0-9]{1,2}", str(camera)) else None


def _seconds(text: str) -> float:
    """ "0.5", "0.5s" or "0.5 s" -> 0.5."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*s?\s*", text)
    if not match:
        raise ConfigError(f"expected a number of seconds, not {text[:20]!r}", where="--fill", todo="E.g. 0.5s")
    return float(match[1])


def _detected(path: Path, name: str, files: list[str], person: str | None) -> "Keypoints":
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


def _read(
    path: Path,
    format: str,
    layout: str,
    person: str | None,
    fps: float | None,
    image_size: tuple[int, int] | None,
    sequence: str | int | None,
) -> "Keypoints":
    """The keypoints of a file; what it does not tell is asked of the video beside it, if there is one."""
    from srnet_core.keypoints import read_keypoints
    from srnet_core.keypoints.beside import video_beside

    def read(fps: float | None, image_size: tuple[int, int] | None) -> "Keypoints":
        return read_keypoints(path, format, layout, person, fps, image_size, sequence=sequence)

    keypoints, video = read(fps, image_size), video_beside(path)
    if video is None:
        return keypoints
    for difference in video.differences(keypoints):
        remark(difference)
    size_unknown, fps_unknown = keypoints.image_size is None, keypoints.fps is None and keypoints.consecutive
    if not (size_unknown or fps_unknown):
        return keypoints
    told = [f"images of {video.size[0]} x {video.size[1]} pixels"] if size_unknown else []
    told += [f"{video.info.fps:g} frames per second"] if fps_unknown else []
    remark(f"{' and '.join(told)}, as {video.path.name} beside the keypoints has")
    return read(video.info.fps if fps_unknown else fps, video.size if size_unknown else image_size)


def _require_told(keypoints: "Keypoints", path: Path, output: list[Path], smoothing: str | None) -> None:
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


def _camera(path: Path | None, name: str | None, keypoints: "Keypoints") -> "tuple[KnownCamera | None, bool]":
    """The camera of a calibration file, and whether its place is known; without a file `None` and False."""
    if path is None:
        return None, False
    from srnet_core.virtual_cameras import read_camera

    found = read_camera(path, name, recording=keypoints.source, image_size=keypoints.image_size)
    for note in found.notes:
        remark(as_options(note))
    return found.camera, found.placed


def _warn(keypoints: "Keypoints", lifter: "Lifter", strict: bool) -> None:
    """Say what looks wrong; with --strict the first mistake of the input ends the command."""
    from srnet_core.lifting.lift import warnings_of

    if strict:
        for warning in warnings_of(keypoints, lifter, mistakes_only=True):
            raise ConfigError(
                as_options(warning).rstrip("."), where=keypoints.source, todo="Without --strict it is lifted anyway"
            )
    for warning in warnings_of(keypoints, lifter):
        remark(as_options(warning))
