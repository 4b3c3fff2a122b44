"""Human3.6M's camera calibration, as published with VideoPose3D."""

import functools
import json
from collections.abc import Sequence
from importlib import resources

from srnet_core.geometry.camera import Camera

SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
TRAIN_SUBJECTS, TEST_SUBJECTS = SUBJECTS[:5], SUBJECTS[5:]


@functools.cache
def h36m_cameras() -> dict[str, tuple[Camera, ...]]:
    """{subject: the four cameras of its recordings}."""
    table = json.loads(resources.files("srnet_core.geometry").joinpath("h36m_cameras.json").read_text())
    return {
        subject: tuple(
            Camera(
                id=intrinsic["id"],
                width_px=intrinsic["width_px"],
                height_px=intrinsic["height_px"],
                focal_length_px=intrinsic["focal_length"],
                center_px=intrinsic["center"],
                radial_distortion=intrinsic["radial_distortion"],
                tangential_distortion=intrinsic["tangential_distortion"],
                orientation=extrinsic["orientation"],
                translation_m=_metres(extrinsic["translation"]),
            )
            for intrinsic, extrinsic in zip(table["cameras"], rig)
        )
        for subject, rig in table["extrinsics"].items()
    }


def _metres(point_mm: Sequence[float]) -> tuple[float, float, float]:
    x, y, z = (mm / 1000 for mm in point_mm)
    return x, y, z
