"""Human3.6M's camera calibration: constants of the project, as published with VideoPose3D."""

import functools
import json
from importlib import resources

from srnet_core.geometry.camera import Camera

SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
TRAIN_SUBJECTS, TEST_SUBJECTS = SUBJECTS[:5], SUBJECTS[5:]


@functools.cache
def h36m_cameras() -> dict[str, tuple[Camera, ...]]:
    """{subject: its four cameras}; translations in metres."""
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
                translation_m=[mm / 1000 for mm in extrinsic["translation"]],
            )
            for intrinsic, extrinsic in zip(table["cameras"], rig)
        )
        for subject, rig in table["extrinsics"].items()
    }
