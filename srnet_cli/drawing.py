"""Drawing a prediction: page, GIF and PNG."""

from pathlib import Path
from typing import TYPE_CHECKING

from srnet_cli.console import bytes_text, progress_bar, remark, say
from srnet_cli.training import model_text
from srnet_core.errors import ConfigError, InputFileMissing

if TYPE_CHECKING:
    from srnet_core.checkpoint import Checkpoint
    from srnet_core.stages.prepare import Prepared

GIF_FRAMES = 120


def newest_checkpoint(folder: Path = Path("checkpoint")) -> Path:
    """The checkpoint written last."""
    found = sorted(folder.glob("*.bin"), key=lambda p: p.stat().st_mtime)
    if not found:
        raise InputFileMissing("there is no checkpoint yet", where=f"{folder}/",
                               todo="Train one with: srnet train. Or see the whole walk with: srnet demo")  # fmt: skip
    remark(f"the newest checkpoint is {found[-1]}")
    return found[-1]


def draw(
    checkpoint: "Checkpoint", path: Path, prepared: "Prepared", *, subject: str | None = None, action: str | None = None,
    camera: int | None = None, start: int = 0, frames: int = 1500, output: Path | None = None, pictures: bool = True,
    flip: bool = True, device: str = "auto",
) -> Path:  # fmt: skip
    """Predict one test sequence and write what shows it; returns the page's path."""
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
            {checkpoint.model_config.name: checkpoint.model}, stage, sequence, data=prepared.config, title=path.stem,
            subtitle=f"{stage.manifest['dataset']} · {sequence.subject} · {sequence.take} · camera {sequence.camera} · "
            f"{model_text(checkpoint.model_config)}",
            start=start, frames=frames, flip=flip, device=choose_device(device),
        )  # fmt: skip
        bar.close("predicting")
        name = f"{path.stem}-{sequence.subject}-{sequence.take}-camera{sequence.camera}".replace(" ", "_").replace(
            "/", "_"
        )
        page = (output or Path("output") / f"{name}.html").with_suffix(".html")
        page.parent.mkdir(parents=True, exist_ok=True)
        written = [write_page(scene, page)]
        if pictures:
            bar.update("drawing", 0, 2)
            written.append(write_png(scene, page.with_suffix(".png"), frame=scene.frames // 2))
            bar.update("drawing", 1, 2)
            written.append(write_gif(scene, page.with_suffix(".gif"), max_frames=GIF_FRAMES))
            bar.close("drawing")
    shown = next(iter(scene.errors_mm.values()))
    say(f"{sequence.subject} {sequence.take}, camera {sequence.camera}, {scene.frames} frames: MPJPE {shown.mean():.1f} mm "
        f"(best frame {shown.min():.1f}, worst {shown.max():.1f})")  # fmt: skip
    for file in written:
        say(f"  {file}  {bytes_text(Path(file).stat().st_size)}")
    say(f"Open {page} in a browser; it needs no network.")
    return page
