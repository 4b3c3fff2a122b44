"""Normalized poses of the published code: its cameras and parameters in our terms."""

import numpy as np

from srnet_core import normalization
from srnet_core.geometry.camera import Camera

NAMES = ("base", "lcn", "proj", "weak_proj")


def h36m_camera(intrinsic) -> Camera:
    """The camera of a 9-vector of the published code; Human3.6M images are 1000 wide, some 1002 high."""
    return Camera("reference", 1000, 1002, intrinsic[:2], intrinsic[2:4])


def clips(arrays):
    return sorted({key.rsplit("/", 1)[0] for key in arrays if key.endswith("/in_p3d_m")})


def encode(name, arrays, clip):
    if name == "base":  # the reference has no intrinsics here: H36M's sizes by camera index
        height = (1002, 1000, 1000, 1002)[int(clip[-1])]
        camera = Camera("reference", 1000, height, (1145, 1143), (512, 515))
    else:
        camera = h36m_camera(arrays[f"{clip}/intrinsic"])
    plugin = normalization.load(name)
    return plugin.encode(arrays[f"{clip}/in_p2d_px"], arrays[f"{clip}/in_p3d_m"], camera)


def our_parameters(name, cam, params):
    """(B, T, P) of ours from the published (B, 9) camera and (B, T, 1, 5) parameters."""
    fx, fy, cx, cy = (np.broadcast_to(cam[:, None, i], params.shape[:2]) for i in range(4))
    depth_m = params[..., 0, 4] / 1000
    if name == "lcn":
        columns = fx, fy, cx, cy, np.floor(2 * cx), np.floor(2 * cy), depth_m
    else:
        columns = fx, fy, cx, cy, params[..., 0, 2], params[..., 0, 3], depth_m
    return np.stack(columns, axis=-1)
