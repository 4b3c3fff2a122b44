"""One self-contained web page for one or more scenes: it opens from disk and loads nothing from elsewhere."""

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

import srnet_core
from srnet_core.errors import ConfigError
from srnet_core.visualization._angles import joint_angles
from srnet_core.visualization._files import write_bytes
from srnet_core.visualization._floor import place_on_floor
from srnet_core.visualization._front_view import front_view
from srnet_core.visualization._scale import expected_scale
from srnet_core.visualization._theme import DARK, LIGHT, css_variables
from srnet_core.visualization.footage import Footage, small_pictures
from srnet_core.visualization.scene import Scene

Progress = Callable[[str, int, int], object]

_SCRIPTS = (
    "data.js",
    "view.js",
    "tint.js",
    "video.js",
    "chart.js",
    "panels.js",
    "pointer.js",
    "joints.js",
    "clips.js",
    "app.js",
)
_DRAWING = ("data.js", "view.js")
_MOST_CLIPS = 1000
_POINT_UNIT_M, _PIXEL_UNIT, _ERROR_UNIT_MM, _EXPECTED_UNIT_MM = 1e-4, 0.1, 0.01, 0.1  # resolutions of stored numbers


def write_page(
    scenes: Scene | Sequence[Scene],
    path: str | Path,
    *,
    footage: Footage | None = None,
    progress: Progress = lambda *_: None,
) -> Path:
    """Write scenes as one self-contained HTML file. The file is written completely or not at all.

    Several scenes are the clips of one page, in a list with a search field. Coordinates are rounded to 0.1 mm and
    0.1 px. A page takes about 270 bytes per frame and pose of 17 joints, less than 2 MB for 3000 frames with two poses.

    Args:
        footage: a video of the first scene, shown behind its 2D keypoints. Small pictures of it are stored in the
            page: up to 15 per second and 600 in all, about 17 kB each.
        progress: called as progress("video", done, total) while the video is read.

    Raises:
        UserMistake: the file cannot be written.
        ConfigError: no scene, or too many.
        InputFileMissing, BadFileError: the video cannot be read.
        MissingExtraError: there is a video, and PyAV is not installed.
    """
    return write_bytes(path, render_page(scenes, footage=footage, progress=progress).encode("utf-8"))


def render_page(
    scenes: Scene | Sequence[Scene], *, footage: Footage | None = None, progress: Progress = lambda *_: None
) -> str:
    """The page of one or more scenes as text; arguments and errors as in `write_page`."""
    clips = [scenes] if isinstance(scenes, Scene) else list(scenes)
    if not 1 <= len(clips) <= _MOST_CLIPS:
        raise ConfigError(f"a page shows 1 to {_MOST_CLIPS:,} clips, not {len(clips):,}", where="scenes")
    shown = [scene_data(clip) for clip in clips]
    if footage is not None:
        shown[0]["video"] = _video_data(footage, clips[0], progress)
    style = page_style()
    script = '(() => {\n"use strict";\n' + "\n".join(_asset(name) for name in _SCRIPTS) + "\n})();"
    return _fill(
        _asset("page.html"),
        version=srnet_core.__version__,
        policy=_policy(style, script),
        title=html.escape(clips[0].title or "Poses"),
        subtitle=html.escape(clips[0].subtitle),
        badge='<span class="badge">SYNTHETIC DATA</span>' if any(clip.synthetic for clip in clips) else "",
        notes="Coordinates are stored in steps of 0.1 mm and 0.1 px.",
        style=style,
        script=script,
        data=_json_for_html({"schema": 2, "clips": shown}),
    )


def page_style() -> str:
    """The style of the page: colours in light and dark, and everything else; other pages of srnet begin with it."""
    colors = f":root{{{css_variables(LIGHT)}}}@media(prefers-color-scheme:dark){{:root{{{css_variables(DARK)}}}}}"
    return colors + _asset("page.css")


def drawing_script() -> str:
    """The functions that read a clip of `scene_data` and draw it into a canvas (`readScene`, `drawView`)."""
    return "\n".join(_asset(name) for name in _DRAWING)


def scene_data(scene: Scene) -> dict[str, Any]:
    """The data for the page's script as plain values; `decode_array` is the inverse for the arrays."""
    placement, scale = place_on_floor(scene), expected_scale(scene)
    return {
        "title": scene.title or "Poses",
        "subtitle": scene.subtitle,
        "label": scene.label,
        "means_mm": {name: round(float(errors.mean()), 2) for name, errors in scene.errors_mm.items()},
        "fps": scene.fps,
        "frames": scene.frames,
        "image_size_px": list(scene.image_size_px),
        "joints": list(scene.skeleton.joint_names),
        "parents": list(scene.skeleton.parents),
        "sides": list(scene.sides),
        "front_view": np.round(front_view(scene.skeleton), 3).tolist(),
        "angles": [{"name": a.name, "joints": list(a.joints)} for a in joint_angles(scene.skeleton)],
        "stage": {key: round(getattr(placement, key), 4) for key in ("radius_m", "height_m", "depth_m")},
        "expected_scale": None if scale is None else {"top_mm": scale.top_mm, "beyond": scale.beyond},
        "floor_m": encode_array(placement.floor_m, _POINT_UNIT_M),
        "keypoints_px": encode_array(scene.keypoints_2d_px, _PIXEL_UNIT),
        "poses": [
            {
                "name": name,
                "is_reference": name == scene.reference,
                "points_m": encode_array(points_m, _POINT_UNIT_M),
                "errors_mm": _encoded(scene.errors_mm.get(name), _ERROR_UNIT_MM),
                "expected_errors_mm": _encoded(scene.expected_errors_mm.get(name), _EXPECTED_UNIT_MM),
            }
            for name, points_m in placement.poses_m.items()
        ],
    }


def _video_data(footage: Footage, scene: Scene, progress: Progress) -> dict[str, Any]:
    """A picture for every so many frames, as base64 of JPEG files."""
    every, pictures = small_pictures(footage, scene.fps, scene.frames, progress)
    return {"every": every, "pictures": [base64.b64encode(picture).decode("ascii") for picture in pictures]}


def _encoded(values: np.ndarray | None, unit: float) -> dict[str, Any] | None:
    return None if values is None else encode_array(values, unit)


def encode_array(values: np.ndarray, unit: float) -> dict[str, Any]:
    """Numbers as multiples of `unit`: base64 of little-endian integers, of 16 bits if all fit, else of 32."""
    counts = np.rint(np.asarray(values, np.float64) / unit)
    dtype = "int16" if np.abs(counts).max(initial=0) < 2**15 else "int32"
    limit = 2**31 - 1
    packed = np.clip(counts, -limit, limit).astype(np.dtype(dtype).newbyteorder("<"))
    text = base64.b64encode(packed.tobytes()).decode("ascii")
    return {"dtype": dtype, "step": unit, "shape": list(packed.shape), "data": text}


def decode_array(encoded: dict[str, Any]) -> np.ndarray:
    """Inverse of `encode_array`, with an error of at most half its unit."""
    dtype = np.dtype(encoded["dtype"]).newbyteorder("<")
    counts = np.frombuffer(base64.b64decode(encoded["data"], validate=True), dtype)
    return counts.reshape(encoded["shape"]) * encoded["step"]


def _json_for_html(values: Any) -> str:
    """JSON without characters that an HTML parser could take for markup."""
    text = json.dumps(values, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(style: str, script: str) -> str:
    """A content security policy that allows this style and this script only, and no loading."""
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _asset(name: str) -> str:
    return resources.files("srnet_core.visualization").joinpath("assets", name).read_text(encoding="utf-8")


def _fill(template: str, **values: str) -> str:
    """Replace every {{name}} in one pass, so that braces in a value are not replaced."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], template)
