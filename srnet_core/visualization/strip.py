"""A strip of moments: the input above and the pose below, from the first frame to the last. Needs the extra `viz`."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np

from srnet_core.errors import require_extra
from srnet_core.visualization._files import write_bytes
from srnet_core.visualization._layout import Drawing, Look, draw_header, heading
from srnet_core.visualization._orbit import Orbit
from srnet_core.visualization._panels import input_panel
from srnet_core.visualization._sheet import Sheet
from srnet_core.visualization.footage import Footage, seen_at
from srnet_core.visualization.scene import Scene

_MOMENTS = 8
_CELL_PX = (150, 190)
_GAP_PX, _MARGIN_PX, _TOP_PX, _LABEL_PX = 6, 20, 76, 18


def write_strip(
    scene: Scene,
    path: str | Path,
    *,
    moments: int = _MOMENTS,
    about: str = "",
    orbit: Orbit | None = None,
    footage: Footage | None = None,
) -> Path:
    """Write up to `moments` frames, evenly spaced, as one PNG.

    Args:
        orbit: position of the eye; by default left of the recording camera and a little above it.
        footage: a video that is drawn behind the 2D keypoints.
        about: text for the picture's metadata, as the PNG keyword "Description".

    Raises:
        MissingExtraError: Pillow is not installed.
        UserMistake: the file cannot be written.
        InputFileMissing, BadFileError: the video cannot be read.
    """
    require_extra("PIL", "viz")
    drawing = Drawing(scene, Look(close_up=True, orbit=orbit or Orbit()))
    plain = drawing.theme | {name: drawing.theme["panel"] for name in ("page", "hairline")}  # no edges of an image
    frames = np.unique(np.linspace(0, scene.frames - 1, moments).round().astype(int))
    width, height = _CELL_PX
    across = 2 * _MARGIN_PX + len(frames) * (width + _GAP_PX) - _GAP_PX
    rows = [None, *drawing.views]
    sheet = Sheet(max(across, 640), _TOP_PX + len(rows) * (height + _GAP_PX) + _MARGIN_PX, drawing.theme["page"])
    draw_header(sheet, scene, drawing.theme, _MARGIN_PX, 0.75)
    images = seen_at(footage, (frames / scene.fps).tolist())
    for column, (frame, image) in enumerate(zip(frames, images)):
        left = _MARGIN_PX + column * (width + _GAP_PX)
        for row, name in enumerate(rows):
            if name is None:
                moment, size = _only(scene, int(frame)), (width, height)
                panel = input_panel(moment, 0, *size, _LABEL_PX, plain, close_up=True, image=image)
            else:
                panel = drawing.panel(name, int(frame), width, height, 0)
            if row == 0:
                panel.text(6, 13, f"{frame / scene.fps:.2f} s", 10, drawing.theme["muted"])
            elif column == 0 and name is not None:
                panel.text(6, 13, panel.shorten(heading(name), 10, width - 12), 10, drawing.theme["muted"])
            sheet.paste(panel, left, _TOP_PX + row * (height + _GAP_PX))
    info = require_extra("PIL.PngImagePlugin", "viz").PngInfo()
    if about:
        info.add_itxt("Description", about)
    buffer = io.BytesIO()
    sheet.finish().save(buffer, "PNG", optimize=True, pnginfo=info)
    return write_bytes(path, buffer.getvalue())


def _only(scene: Scene, frame: int) -> Scene:
    """One frame of a scene, so that a close-up is one of this moment."""
    part = slice(frame, frame + 1)
    poses = {name: pose[part] for name, pose in scene.poses.items()}
    return replace(scene, keypoints_2d_px=scene.keypoints_2d_px[part], poses=poses, errors_mm={}, expected_errors_mm={})
