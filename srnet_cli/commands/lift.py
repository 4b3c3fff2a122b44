"""srnet lift: 2D keypoints of any tool to 3D poses, in files for other programs."""

import re
from pathlib import Path
from typing import Annotated

from srnet_cli import lift_input, lift_output
from srnet_cli.console import remark
from srnet_cli.lift_options import (
    Camera,
    CameraName,
    DetectorFiles,
    DetectorName,
    Height,
    Smooth,
    Trajectory,
    TrajectoryNetwork,
    World,
)
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
from srnet_cli.wording import as_options
from srnet_core.errors import ConfigError, require_extra
from srnet_core.lookup import choose

EXAMPLES = (
    "srnet lift keypoints.json --image-size 1000x1000 --fps 50",
    "srnet lift video.mp4 -o pose.bvh -o pose.html --world",
)
_NAMES = "motionbuilder"
_OUTPUT_PANEL = "What is written"


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
    from srnet_core.weights import MEAN, best_network

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
    lift_output.say_without_effect(
        {
            "--opensim": (opensim, (".trc", ".c3d")),
            "--names": (names != _NAMES, (".bvh",)),
            "--no-floor": (not floor and not world, lift_output.MOTION),
            "--uncertainty": (uncertainty, lift_output.WITH_ERRORS),
            "--no-video-frames": (not video_frames, lift_output.FILMED),
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
        keypoints = lift_input.detected(path, detector or "mediapipe", detector_file or [], person)
    elif detector is not None or detector_file:
        raise ConfigError("is no video", where=path, todo="Leave --detector out, or give a video")
    else:
        if not video_frames:
            remark("--no-video-frames has no effect here: keypoints bring no video along")
        keypoints = lift_input.read(
            path, format, layout, person, fps, parse_size(image_size), name_or_position(sequence)
        )
    lift_input.require_told(keypoints, path, output, smoothing)
    if mend_swaps:
        keypoints = keypoints.mend_swaps()
    known, placed = lift_input.camera_of(camera, camera_name, keypoints)
    if network is not None:
        name, lifter = network.stem, Lifter.from_checkpoint(network, device=device, flip=flip, uncertainty=uncertainty)
    else:
        best = best_network(keypoints.frame_count, consecutive=keypoints.consecutive)
        name = best if checkpoint is None else str(checkpoint)
        lifter = Lifter.open(name, device=device, flip=flip, uncertainty=uncertainty)
    if smoothing is not None:
        filters.require_rate(smoothing, keypoints.fps and keypoints.fps / keypoints.step, keypoints.source)
    lift_input.warn(keypoints, lifter, strict)
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
    elif endings & {*lift_output.MOTION, *lift_output.SEEN} and floor:  # in these people stand upright
        for note in [] if placed else tilt_notes(people):
            remark(as_options(note))
    for note in people.notes:
        remark(as_options(note))
    lift_output.write(people, output, names=names, opensim=opensim, video_frames=video_frames, of_video=is_video(path))
    lift_output.summarise(people, name, path, output)


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


def _camera_number(camera: Path | None) -> int | None:
    """The number of a camera of this machine; `None` for a calibration file."""
    return int(str(camera)) if camera is not None and re.fullmatch(r"[0-9]{1,2}", str(camera)) else None


def _seconds(text: str) -> float:
    """ "0.5", "0.5s" or "0.5 s" -> 0.5."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*s?\s*", text)
    if not match:
        raise ConfigError(f"expected a number of seconds, not {text[:20]!r}", where="--fill", todo="E.g. 0.5s")
    return float(match[1])
