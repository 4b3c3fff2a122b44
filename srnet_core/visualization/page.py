"""One self-contained web page per scene: opens from disk, loads nothing, asks nobody."""

import base64
import hashlib
import html
import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

import srnet_core
from srnet_core.visualization._files import write_bytes
from srnet_core.visualization._staging import stage
from srnet_core.visualization._theme import DARK, LIGHT, css_variables
from srnet_core.visualization.scene import Scene

_SCRIPTS = ("data.js", "view.js", "chart.js", "panels.js", "pointer.js", "app.js")
_POINT_STEP_M, _PIXEL_STEP, _ERROR_STEP_MM = 1e-4, 0.1, 0.01


def write_page(scene: Scene, path: str | Path) -> Path:
    """Write a scene as one HTML file with everything in it; the file appears whole or not at all.

    Coordinates are stored in steps of 0.1 mm and 0.1 px, so they are off by half of that at most; a page takes about
    270 bytes per frame and pose of 17 joints, less than 2 MB for 3000 frames with two poses.

    Raises:
        UserMistake: the file cannot be written.
    """
    return write_bytes(path, render_page(scene).encode("utf-8"))


def render_page(scene: Scene) -> str:
    """The page of a scene as text."""
    style = f":root{{{css_variables(LIGHT)}}}@media(prefers-color-scheme:dark){{:root{{{css_variables(DARK)}}}}}"
    style += _asset("page.css")
    script = '(() => {\n"use strict";\n' + "\n".join(_asset(name) for name in _SCRIPTS) + "\n})();"
    return _fill(
        _asset("page.html"),
        version=srnet_core.__version__,
        policy=_policy(style, script),
        title=html.escape(scene.title or "Poses"),
        subtitle=html.escape(scene.subtitle),
        badge='<span class="badge">SYNTHETIC DATA</span>' if scene.synthetic else "",
        notes="Coordinates are stored in steps of 0.1 mm and 0.1 px.",
        style=style,
        script=script,
        data=_json_for_html(scene_data(scene)),
    )


def scene_data(scene: Scene) -> dict[str, Any]:
    """What the page's script reads, as plain values; `decode_array` is the way back for the arrays."""
    staging = stage(scene)
    return {
        "schema": 1,
        "fps": scene.fps,
        "frames": scene.frames,
        "image_size_px": list(scene.image_size_px),
        "joints": list(scene.skeleton.joint_names),
        "parents": list(scene.skeleton.parents),
        "sides": list(scene.sides),
        "stage": {"radius_m": round(staging.radius_m, 4), "height_m": round(staging.height_m, 4)},
        "floor_m": encode_array(staging.floor_m, _POINT_STEP_M),
        "keypoints_px": encode_array(scene.keypoints_2d_px, _PIXEL_STEP),
        "poses": [
            {
                "name": name,
                "is_reference": name == scene.reference,
                "points_m": encode_array(points_m, _POINT_STEP_M),
                "errors_mm": encode_array(scene.errors_mm[name], _ERROR_STEP_MM) if name in scene.errors_mm else None,
            }
            for name, points_m in staging.poses_m.items()
        ],
    }


def encode_array(values: np.ndarray, step: float) -> dict[str, Any]:
    """Numbers as base64 of little-endian integers counting `step`: 16 bits each if all fit, else 32."""
    counts = np.rint(np.asarray(values, np.float64) / step)
    dtype = "int16" if np.abs(counts).max(initial=0) < 2**15 else "int32"
    limit = 2**31 - 1
    packed = np.clip(counts, -limit, limit).astype(np.dtype(dtype).newbyteorder("<"))
    text = base64.b64encode(packed.tobytes()).decode("ascii")
    return {"dtype": dtype, "step": step, "shape": list(packed.shape), "data": text}


def decode_array(encoded: dict[str, Any]) -> np.ndarray:
    """Inverse of `encode_array`, to within half a step."""
    dtype = np.dtype(encoded["dtype"]).newbyteorder("<")
    counts = np.frombuffer(base64.b64decode(encoded["data"], validate=True), dtype)
    return counts.reshape(encoded["shape"]) * encoded["step"]


def _json_for_html(values: Any) -> str:
    """JSON that no HTML parser takes for markup, whatever the strings in it say."""
    text = json.dumps(values, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(style: str, script: str) -> str:
    """A content security policy under which only this very style and script run, and nothing is loaded."""
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return f"default-src 'none'; img-src data:; style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'; base-uri 'none'; form-action 'none'"


def _asset(name: str) -> str:
    return resources.files("srnet_core.visualization").joinpath("assets", name).read_text(encoding="utf-8")


def _fill(template: str, **values: str) -> str:
    """Replace every {{name}} in one pass, so that braces in a value are left alone."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], template)
