"""Poses of a batch and their keypoints: made by augmentation, and converted to input and target by a normalization."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from srnet_core.geometry.camera import CameraRows, distort, rays_of, undistort


@dataclass(frozen=True)
class Seen:
    """The poses of a batch and their cameras, on the device. Keypoints and rays are computed when they are first read.

    Letters: B windows, L frames, J joints.

    Attributes:
        pose_cam_m: (B, L, J, 3) absolute camera metres, every joint in front of the camera.
        cameras: one row per window, each array of shape (B, 1, 1, n).
        noise_px: (B, L, J, 2) errors of the keypoints; `None` for exact keypoints.
    """

    pose_cam_m: Any
    cameras: CameraRows
    noise_px: Any = None

    def with_noise(self, noise_px: Any) -> "Seen":
        """The same poses with further errors of the keypoints, (B, L, J, 2) pixels."""
        return Seen(self.pose_cam_m, self.cameras, noise_px if self.noise_px is None else self.noise_px + noise_px)

    @cached_property
    def pose_2d_px(self) -> Any:
        """(B, L, J, 2) keypoints, lens distortion and noise included, as `Camera.project` defines them."""
        exact_px = distort(self._exact_rays, self.cameras)
        return exact_px if self.noise_px is None else exact_px + self.noise_px

    @cached_property
    def rays(self) -> Any:
        """(B, L, J, 2) the keypoints as rays (x/z, y/z), without lens distortion."""
        if self.noise_px is None:
            return self._exact_rays
        return undistort(self.pose_2d_px, self.cameras, start=self._exact_rays, steps=2)

    @cached_property
    def _exact_rays(self) -> Any:
        return rays_of(self.pose_cam_m)

    def frames(self, first: int, count: int) -> "Seen":
        """`count` of the L frames, from frame `first` on."""
        if count == self.pose_cam_m.shape[1]:
            return self  # which keeps what it has computed
        chosen = slice(first, first + count)
        return Seen(
            self.pose_cam_m[:, chosen], self.cameras, None if self.noise_px is None else self.noise_px[:, chosen]
        )
