"""srnet visualize: a prediction beside the ground truth, as a page and pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from srnet_cli.checkpoints import find_checkpoint
from srnet_cli.console import say
from srnet_cli.inputs import open_checkpoint, output_name, prepare_stage, require_ending
from srnet_cli.options import DATA_OF_CHECKPOINT, PUBLISHED, Device, Flip, NewestCheckpoint, as_text, option, shared
from srnet_cli.progress import progress_bar
from srnet_cli.run_configuration import data_config_of
from srnet_cli.wording import bytes_text, model_text
from srnet_core.errors import ConfigError

if TYPE_CHECKING:
    from srnet_core.checkpoint import Checkpoint
    from srnet_core.stages.prepare import Prepared

EXAMPLES = (
    "srnet visualize",
    "srnet visualize checkpoint/latest_epoch_first.bin --action Walking --camera 2",
)
_KEYPOINT_ENDINGS = (".json", ".jsonl", ".csv", ".npz", ".npy", ".h5", ".trc", ".txt", ".parquet")
_GIF_FRAMES, _MAX_FRAMES = 120, 1500


@shared(data=DATA_OF_CHECKPOINT, published=PUBLISHED)
def main(
    data: dict,
    published: dict,
    path: NewestCheckpoint = None,
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
    start: Annotated[int, option("--start", help="First frame to show", metavar="N", min=0)] = 0,
    frames: Annotated[
        int | None,
        option("--frames", help="Number of frames", metavar="N", default=f"all, at most {_MAX_FRAMES}", min=1),
    ] = None,
    output: Annotated[
        Path | None,
        option(
            "--output",
            help="HTML file; GIF and PNG are written beside it",
            metavar="FILE",
            default="output/NAME.html",
        ),
    ] = None,
    pictures: Annotated[bool, option("--pictures/--no-pictures", help="Also write a GIF and a PNG")] = True,
    flip: Flip = True,
    device: Device = "auto",
) -> None:
    """Show a prediction beside the ground truth: an HTML page that works offline, a GIF and a PNG."""
    from srnet_core.files import require_output

    if output is not None:
        require_ending(output, (".html", ".htm"))
    require_output(output or Path("output") / "page.html")
    _require_no_recording(path)
    path = find_checkpoint(path)
    checkpoint = open_checkpoint(path, data, published)
    prepared = prepare_stage(data_config_of(checkpoint, data))
    draw(
        checkpoint,
        path,
        prepared,
        subject=as_text(subject) if subject else None,
        action=as_text(action) if action else None,
        camera=camera,
        start=start,
        frames=frames or _MAX_FRAMES,
        output=output,
        pictures=pictures,
        flip=flip,
        device=device,
    )


def _require_no_recording(path: Path | None) -> None:
    """Refuse keypoints and videos, which people hand to this command, with the command that takes them."""
    from srnet_core.video import is_video

    if path is not None and path.exists() and (is_video(path) or path.suffix.lower() in _KEYPOINT_ENDINGS):
        kind = "a video" if is_video(path) else "a file of keypoints or poses"
        raise ConfigError(
            f"is {kind}, and this command shows predictions of a checkpoint", where=path, todo=f"Use: srnet lift {path}"
        )


def draw(
    checkpoint: "Checkpoint",
    path: Path,
    prepared: "Prepared",
    *,
    subject: str | None = None,
    action: str | None = None,
    camera: int | None = None,
    start: int = 0,
    frames: int = _MAX_FRAMES,
    output: Path | None = None,
    pictures: bool = True,
    flip: bool = True,
    device: str = "auto",
) -> Path:
    """Predict one test clip and write page and pictures; returns the page's path."""
    from srnet_core.device import choose_device
    from srnet_core.evaluation.run import require_fit
    from srnet_core.visualization.clip_scene import choose_clip, clip_scene
    from srnet_core.visualization.page import write_page
    from srnet_core.visualization.picture import write_gif, write_png

    stage = prepared.stage
    require_fit(checkpoint, stage)
    sequence = choose_clip(stage, subject=subject, action=action, camera=camera)
    if start >= sequence.length:
        raise ConfigError(
            f"{start} is beyond the end: {sequence} has frames 0 to {sequence.length - 1}", where="--start"
        )
    with progress_bar() as bar:
        bar.busy("predicting")
        scene = clip_scene(
            {checkpoint.model_config.name: checkpoint.model},
            stage,
            sequence,
            data=prepared.config,
            title=path.stem,
            subtitle=f"{stage.manifest['dataset']} · {sequence.subject} · {sequence.take} · camera {sequence.camera} · "
            f"{model_text(checkpoint.model_config)}",
            start=start,
            frames=frames,
            flip=flip,
            device=choose_device(device),
        )
        bar.close("predicting")
        name = output_name(f"{path.stem}-{sequence.subject}-{sequence.take}-camera{sequence.camera}")
        page = output or Path("output") / f"{name}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        written = [write_page(scene, page)]
        if pictures:
            bar.update("drawing", 0, 2)
            written.append(write_png(scene, page.with_suffix(".png"), frame=scene.frames // 2))
            bar.update("drawing", 1, 2)
            written.append(write_gif(scene, page.with_suffix(".gif"), max_frames=_GIF_FRAMES))
            bar.close("drawing")
    shown = next(iter(scene.errors_mm.values()))
    errors = f"MPJPE {shown.mean():.1f} mm (best frame {shown.min():.1f}, worst {shown.max():.1f})"
    say(f"{sequence.subject} {sequence.take}, camera {sequence.camera}, {scene.frames} frames: {errors}")
    for file in written:
        say(f"  {file}  {bytes_text(Path(file).stat().st_size)}")
    say(f"Open {page} in a browser; it works offline.")
    return page
