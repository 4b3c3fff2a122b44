"""One self-contained web page per scene: it opens from disk and loads nothing from elsewhere."""

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
from srnet_core.visualization._floor import place_on_floor
from srnet_core.visualization._theme import DARK, LIGHT, css_variables
from srnet_core.visualization.scene import Scene

_SCRIPTS = ("data.js", "view.js", "chart.js", "panels.js", "pointer.js", "app.js")
_EXPECTED_UNIT_MM = 0.1
_POINT_UNIT_M, _PIXEL_UNIT, _ERROR_UNIT_MM = 1e-4, 0.1, 0.01  # resolutions of stored numbers


def write_page(scene: Scene, path: str | Path) -> Path:
    """Write a scene as one self-contained HTML file. The file is written completely or not at all.

    Coordinates are rounded to 0.1 mm and 0.1 px. A page takes about 270 bytes per frame and pose of 17 joints, less
    than 2 MB for 3000 frames with two poses.

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
    """The data for the page's script as plain values; `decode_array` is the inverse for the arrays."""
    placement = place_on_floor(scene)
    return {
        "schema": 1,
        "fps": scene.fps,
        "frames": scene.frames,
        "image_size_px": list(scene.image_size_px),
        "joints": list(scene.skeleton.joint_names),
        "parents": list(scene.skeleton.parents),
        "sides": list(scene.sides),
        "stage": {"radius_m": round(placement.radius_m, 4), "height_m": round(placement.height_m, 4)},
        "floor_m": encode_array(placement.floor_m, _POINT_UNIT_M),
        "keypoints_px": encode_array(scene.keypoints_2d_px, _PIXEL_UNIT),
        "poses": [
            {
                "name": name,
                "is_reference": name == scene.reference,
                "points_m": encode_array(points_m, _POINT_UNIT_M),
                "errors_mm": encode_array(scene.errors_mm[name], _ERROR_UNIT_MM) if name in scene.errors_mm else None,
                "expected_errors_mm": _expected(scene, name),
            }
            for name, points_m in placement.poses_m.items()
        ],
    }


def _expected(scene: Scene, name: str) -> dict[str, Any] | None:
    errors_mm = scene.expected_errors_mm.get(name)
    return None if errors_mm is None else encode_array(errors_mm, _EXPECTED_UNIT_MM)


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
