"""srnet visualize: predictions beside the ground truth, as a page and pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from srnet_cli.checkpoints import find_checkpoint, names_of
from srnet_cli.console import remark, say
from srnet_cli.inputs import open_checkpoint, output_name, prepare_stage, require_ending
from srnet_cli.options import DATA_OF_CHECKPOINT, PUBLISHED, Device, Flip, NewestCheckpoints, as_text, option, shared
from srnet_cli.progress import Bar, progress_bar
from srnet_cli.run_configuration import data_config_of, with_own_input
from srnet_cli.wording import bytes_text, dataset_text, model_text
from srnet_core.errors import ConfigError, UserMistake

if TYPE_CHECKING:
    import torch

    from srnet_core.checkpoint import Checkpoint
    from srnet_core.stages.prepare import Prepared
    from srnet_core.stages.store import StoredClip
    from srnet_core.visualization.clip_scene import Predictor
    from srnet_core.visualization.scene import Scene

EXAMPLES = (
    "srnet visualize --gallery 3",
    "srnet visualize first --action Walking --limit 300 -o walking.mp4",
)
_PICTURES = (".mp4", ".gif", ".png")
_FILM_PANEL = "Pictures and films"
_GIF_FRAMES, _MAX_FRAMES = 120, 1500
_MOST = 5  # checkpoints on a page, beside the ground truth


@shared(data=DATA_OF_CHECKPOINT, published=PUBLISHED)
def main(
    data: dict,
    published: dict,
    paths: NewestCheckpoints = None,
    subject: Annotated[
        str | None, option("--subject", help="Test subject", metavar="NAME", default="the first", completes="subjects")
    ] = None,
    action: Annotated[
        str | None,
        option(
            "--action",
            help="Test action, or a take of it",
            metavar="NAME",
            default="Walking, or the first",
            completes="actions",
        ),
    ] = None,
    camera: Annotated[
        int | None,
        option("--camera", help="Test camera, by index", metavar="N", default="the first", completes="cameras"),
    ] = None,
    clips: Annotated[
        int,
        option("--clips", help="Number of test clips to show, in a list with a search field", metavar="N", min=1),
    ] = 1,
    gallery: Annotated[
        int | None,
        option(
            "--gallery",
            help="Show the N best, N median and N worst test clips of the first checkpoint",
            metavar="N",
            default="no gallery",
            min=1,
        ),
    ] = None,
    start: Annotated[int, option("--start", "--skip", help="First frame to show", metavar="N", min=0)] = 0,
    frames: Annotated[
        int | None,
        option(
            "--frames", "--limit", help="Number of frames", metavar="N", default=f"all, at most {_MAX_FRAMES}", min=1
        ),
    ] = None,
    output: Annotated[
        Path | None,
        option(
            "--output",
            "-o",
            help="HTML file, with GIF and PNG of the first clip beside it; or .mp4, .gif, .png: the first clip only",
            metavar="FILE",
            default="output/NAME.html",
        ),
    ] = None,
    pictures: Annotated[bool, option("--pictures/--no-pictures", help="Also write a GIF and a PNG")] = True,
    size: Annotated[
        int | None,
        option(
            "--size",
            help="Width of pictures and films in pixels",
            panel=_FILM_PANEL,
            metavar="PX",
            default="960; GIF 800, PNG 1280",
            min=320,
            max=2400,
        ),
    ] = None,
    film_fps: Annotated[
        float | None,
        option(
            "--film-fps",
            help="Most pictures per second of MP4 and GIF; frames in between are left out",
            panel=_FILM_PANEL,
            metavar="RATE",
            default="30; GIF 25",
            min=0.1,
            max=240,
        ),
    ] = None,
    bitrate: Annotated[
        int | None,
        option(
            "--bitrate",
            help="Kilobits per second of MP4",
            panel=_FILM_PANEL,
            metavar="N",
            default="as good quality needs",
            min=50,
            max=200_000,
        ),
    ] = None,
    azimuth: Annotated[
        float,
        option(
            "--azimuth",
            help="Degrees that the eye of pictures is right of the camera",
            panel=_FILM_PANEL,
            metavar="DEG",
            min=-360,
            max=360,
        ),
    ] = -28.0,
    ground_truth: Annotated[
        bool, option("--ground-truth/--no-ground-truth", help="Show the ground truth", panel=_FILM_PANEL)
    ] = True,
    video: Annotated[
        Path | None,
        option(
            "--video",
            help="Video of the first clip, drawn behind its 2D; it begins with the clip",
            panel=_FILM_PANEL,
            metavar="FILE",
            default="none",
        ),
    ] = None,
    flip: Flip = True,
    device: Device = "auto",
) -> None:
    """Show predictions beside the ground truth: an HTML page that works offline, pictures, a film.

    Several checkpoints are shown side by side on the same clips, those of the first one's data.
    """
    from srnet_core.files import require_output

    if output is not None:
        require_ending(output, (".html", ".htm", *_PICTURES))
    require_output(output or Path("output") / "page.html")
    if gallery is not None and clips > 1:
        raise ConfigError("--clips and --gallery are two ways to choose clips", where="--gallery", todo="Leave one out")
    draw(
        open_networks(paths or [None], data, published),
        Selection(
            subject=as_text(subject) if subject else None,
            action=as_text(action) if action else None,
            camera=camera,
            clips=clips,
            in_gallery=gallery,
            start=start,
            frames=frames or _MAX_FRAMES,
            ground_truth=ground_truth,
        ),
        output=output,
        pictures=Pictures(pictures, size, film_fps, bitrate, azimuth, video),
        flip=flip,
        device=device,
    )


@dataclass(frozen=True)
class Network:
    """A checkpoint that is shown, with the stage of its normalization."""

    path: Path
    checkpoint: "Checkpoint"
    prepared: "Prepared"


def open_networks(asked: "Sequence[Path | None]", data: dict, published: dict) -> dict[str, Network]:
    """The checkpoints by short names, all with stages of the same clips: those of the first one's data."""
    paths = _found(asked)
    if len(paths) > _MOST:
        raise ConfigError(f"at most {_MOST} checkpoints can be shown together, not {len(paths)}", where="PATH")
    networks: dict[str, Network] = {}
    base = None
    for name, path in names_of(paths).items():
        checkpoint = open_checkpoint(path, data, published)
        base = base or data_config_of(checkpoint, data)
        networks[name] = Network(path, checkpoint, prepare_stage(with_own_input(base, checkpoint, data)))
        shown_fps, own_fps = networks[name].prepared.stage.manifest["fps"], checkpoint.record.fps
        if own_fps is not None and abs(own_fps - shown_fps) > 0.01 * own_fps:
            remark(f"{name} was trained at {own_fps:.4g} frames per second and is shown at {shown_fps:.4g}")
    return networks


def _found(asked: "Sequence[Path | None]") -> list[Path]:
    """The files of the checkpoints that were asked for; a chart asked for here is told its command."""
    from srnet_cli.commands.chart import COMMANDS

    try:
        return [find_checkpoint(path) for path in asked]
    except UserMistake:
        first = str(asked[0])
        if first in COMMANDS:
            todo = f"Charts have a command of their own: srnet chart {first}"
            raise ConfigError("there is no such checkpoint", where=first, todo=todo) from None
        raise


@dataclass(frozen=True)
class Selection:
    """Which part of the test split is shown.

    Attributes:
        subject, action, camera: of the clips; the first, or walking, where not given.
        clips: how many.
        in_gallery: the number of best, median and worst clips to show instead; `None` for no gallery.
        start, frames: part of each clip.
        ground_truth: whether it is shown.
    """

    subject: str | None = None
    action: str | None = None
    camera: int | None = None
    clips: int = 1
    in_gallery: int | None = None
    start: int = 0
    frames: int = _MAX_FRAMES
    ground_truth: bool = True


@dataclass(frozen=True)
class Pictures:
    """How pictures and films are drawn; `None` for what is usual.

    Attributes:
        beside: whether a page has a GIF and a PNG beside it.
        size_px: width.
        fps: the most pictures per second.
        bitrate_kbit_s: of MP4.
        azimuth_deg: of the eye, to the right of the camera.
        video: of the first clip.
    """

    beside: bool = True
    size_px: int | None = None
    fps: float | None = None
    bitrate_kbit_s: int | None = None
    azimuth_deg: float = -28.0
    video: Path | None = None


def draw(
    networks: Mapping[str, Network],
    selection: Selection = Selection(),
    *,
    output: Path | None = None,
    pictures: Pictures = Pictures(),
    flip: bool = True,
    device: str = "auto",
) -> Path:
    """Predict test clips and write page and pictures, or a picture or film alone; returns the path of the first."""
    from srnet_core.device import choose_device

    predictors, on = _predictors(networks), choose_device(device)
    with progress_bar() as bar:
        chosen = _chosen_clips(predictors, selection, flip=flip, device=on, bar=bar)
        scenes = _scenes(networks, predictors, chosen, selection, flip=flip, device=on, bar=bar)
        page = output or _default_page(networks, selection, chosen[0][1])
        page.parent.mkdir(parents=True, exist_ok=True)
        written = _write(scenes, page, pictures, selection.start, bar)
    _say_errors(scenes, len(networks) == 1)
    for file in written:
        say(f"  {file}  {bytes_text(Path(file).stat().st_size)}")
    if page.suffix.lower() not in _PICTURES:
        say(f"Open {page} in a browser; it works offline.")
    return page


def _predictors(networks: Mapping[str, Network]) -> "dict[str, Predictor]":
    """The networks by the names they have in pictures."""
    from srnet_core.evaluation.run import require_fit
    from srnet_core.visualization.clip_scene import Predictor

    for network in networks.values():
        require_fit(network.checkpoint, network.prepared.stage)
    return {
        n.checkpoint.model_config.name if len(networks) == 1 else name: Predictor(n.checkpoint.model, n.prepared.stage)
        for name, n in networks.items()
    }


def _chosen_clips(
    predictors: "Mapping[str, Predictor]", selection: Selection, *, flip: bool, device: "torch.device", bar: Bar
) -> "list[tuple[str, StoredClip]]":
    """The clips to show, each with what it is in a gallery, e.g. "worst 1"."""
    from srnet_core.visualization.clip_scene import choose_clips, gallery

    first = next(iter(predictors.values()))
    found = choose_clips(first.stage, subject=selection.subject, action=selection.action, camera=selection.camera)
    if selection.in_gallery is None:
        chosen = [("", clip) for clip in found[: selection.clips]]
    else:
        chosen = gallery(first, found, selection.in_gallery, flip=flip, device=device, progress=bar.update)
    _require_start(selection.start, [clip for _, clip in chosen])
    return chosen


def _scenes(
    networks: Mapping[str, Network],
    predictors: "Mapping[str, Predictor]",
    chosen: "Sequence[tuple[str, StoredClip]]",
    selection: Selection,
    *,
    flip: bool,
    device: "torch.device",
    bar: Bar,
) -> "list[Scene]":
    """Predictions and ground truth of the chosen clips."""
    from dataclasses import replace as changed

    from srnet_core.visualization.clip_scene import clip_scenes
    from srnet_core.visualization.scene import without_truth

    first = next(iter(networks.values()))
    about = model_text(first.checkpoint.model_config) if len(networks) == 1 else " and ".join(networks)
    manifest = first.prepared.stage.manifest
    subtitle = f"{dataset_text(manifest['dataset'], manifest['synthetic'])} · {about}"
    predicted = clip_scenes(
        predictors,
        [clip for _, clip in chosen],
        data=first.prepared.config,
        start=selection.start,
        frames=selection.frames,
        flip=flip,
        device=device,
    )
    scenes: list[Scene] = []
    unit = "clips" if len(chosen) > 1 else ""
    bar.update("predicting", 0, len(chosen), unit)
    for (kind, _), scene in zip(chosen, predicted):
        label = f"{kind}: {scene.title}" if kind else scene.title
        if not selection.ground_truth:
            scene = without_truth(scene)
        scenes.append(changed(scene, subtitle=subtitle, label=label))
        bar.update("predicting", len(scenes), len(chosen), unit)
    return scenes


def _default_page(networks: Mapping[str, Network], selection: Selection, shown: "StoredClip") -> Path:
    which = next(iter(networks.values())).path.stem if len(networks) == 1 else "-".join(networks)
    what = "gallery" if selection.in_gallery else f"{shown.subject}-{shown.take}-camera{shown.camera}"
    return Path("output") / f"{output_name(f'{which}-{what}')}.html"


def _write(scenes: "Sequence[Scene]", path: Path, pictures: Pictures, start: int, bar: Bar) -> list[Path]:
    """Write the page of all clips with pictures of the first, or one picture or film of it; returns the files."""
    from srnet_core.visualization.film import write_film
    from srnet_core.visualization.footage import Footage
    from srnet_core.visualization.page import write_page
    from srnet_core.visualization.picture import Orbit, write_gif, write_png
    from srnet_core.visualization.strip import write_strip

    scene, orbit, kind = scenes[0], Orbit(azimuth_deg=pictures.azimuth_deg), path.suffix.lower()

    def gif(file: Path, most: int) -> Path:
        size, fps = pictures.size_px or 800, pictures.fps or 25.0
        return write_gif(
            scene,
            file,
            width_px=size,
            fps=fps,
            max_frames=most,
            orbit=orbit,
            footage=footage,
            progress=bar.update,
        )

    footage = None if pictures.video is None else Footage(pictures.video, start / scene.fps)
    if kind == ".mp4":
        bitrate = None if pictures.bitrate_kbit_s is None else 1000 * pictures.bitrate_kbit_s
        size, fps = pictures.size_px or 960, pictures.fps or 30.0
        film = write_film(
            scene, path, width_px=size, fps=fps, bitrate=bitrate, orbit=orbit, footage=footage, progress=bar.update
        )
        return [film]
    if kind == ".gif":
        return [gif(path, _MAX_FRAMES)]
    if kind == ".png":
        return [write_strip(scene, path, orbit=orbit, footage=footage)]
    written = [write_page(scenes, path, footage=footage, progress=bar.update)]
    if pictures.beside:
        middle, size = scene.frames // 2, pictures.size_px or 1280
        picture = path.with_suffix(".png")
        written.append(write_png(scene, picture, frame=middle, width_px=size, orbit=orbit, footage=footage))
        written.append(gif(path.with_suffix(".gif"), _GIF_FRAMES))
    return written


def _require_start(start: int, clips: "Sequence[StoredClip]") -> None:
    shortest = min(clips, key=lambda clip: clip.length)
    if start >= shortest.length:
        raise ConfigError(
            f"{start} is beyond the end: {shortest} has frames 0 to {shortest.length - 1}", where="--start"
        )


def _say_errors(scenes: "Sequence[Scene]", alone: bool) -> None:
    """One line for each clip."""
    for scene in scenes:
        texts = []
        for name, errors in scene.errors_mm.items():
            best_and_worst = f" (best frame {errors.min():.1f}, worst {errors.max():.1f})" if len(scenes) == 1 else ""
            texts.append(f"{'' if alone else f'{name} '}MPJPE {errors.mean():.1f} mm{best_and_worst}")
        say(f"{scene.label}, {scene.frames} frames: {', '.join(texts)}")
