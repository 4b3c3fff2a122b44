"""The recording that the tests of augmentation are about, and a normalization that passes on what cameras see."""

from types import SimpleNamespace

from srnet_core.geometry.h36m_cameras import h36m_cameras

FPS = 50
CAMERAS = h36m_cameras()["S1"]

# absolute poses and pixels, as they are before any normalization
PLAIN = SimpleNamespace(
    batch_input=lambda seen: seen.pose_2d_px, batch_target=lambda seen: (seen.pose_cam_m, None), PARAMETERS=()
)
