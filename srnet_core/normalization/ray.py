"""Independent of the camera: directions of the joints as seen by a camera that is turned towards the root.

The same pose looks different at another place of the image, through another lens or from another distance. This
normalization removes all three effects: the camera is turned, in arithmetic, until it looks straight at the root;
pixels become undistorted rays; and the rays are divided by the apparent size of the person. The result depends on the
pose and on the viewing direction only.

Input: rays (x/z, y/z) of the joints without lens distortion, turned by the smallest rotation that takes the root's ray
onto the optical axis (so the root is at zero), divided by the mean length of the other joints' rays. Target: camera
metres minus the root joint, in the turned camera. Decoding turns back.

It needs the camera's intrinsics. If only the image size is known, they are estimated (`estimated_camera`): the focal
length is the longer side of the image, and the lens has no distortion. A wrong focal length tilts the pose by the error
of the angle under which the root is seen. It has no other effect, as rays are divided by the apparent size.

The predicted root is not moved to zero, as in `base`.
"""

from typing import Any

import numpy as np

from srnet_core.clip import check_2d, check_clip
from srnet_core.errors import ConfigError
from srnet_core.geometry.arrays import concatenate
from srnet_core.geometry.camera import Camera, camera_rows, distort, estimated_camera
from srnet_core.geometry.rotation import turn_from_axis, turn_to_axis
from srnet_core.normalization import Encoded
from srnet_core.normalization._arrays import per_joint, root_relative
from srnet_core.normalization.seen import Seen

PARAMETERS: tuple[str, ...] = ("root_ray_x", "root_ray_y", "mean_ray_length")
USES_ROOT_DEPTH = False
INPUT_NEEDS = ("camera",)  # or the image size, from which a camera is estimated
RESIDUAL_2D = False
TARGET_UNIT = "metres, root-relative, in the camera turned towards the root"
_ROOT_RAY, _SCALE = slice(0, 2), slice(2, 3)
_LEAST_SCALE = 1e-6  # avoids a division by zero where all joints are in one place
_LEAST_DEPTH = 0.1  # of a turned unit ray: a joint is at most 84 degrees away from the root


def encode(pose_2d_px: np.ndarray, pose_3d_cam_m: np.ndarray, camera: Camera) -> Encoded:
    """See `Normalization.encode`. The camera is turned towards the root's keypoint, as in `encode_2d`."""
    pose_2d_px, pose_3d_cam_m = check_clip(pose_2d_px, pose_3d_cam_m)
    pose_2d, parameters = encode_rays(camera.undistort(pose_2d_px))
    return Encoded(
        pose_2d=pose_2d.astype(np.float32),
        pose_3d=_turned(pose_3d_cam_m, parameters).astype(np.float32),
        parameters=parameters.astype(np.float32),
        root_cam_m=pose_3d_cam_m[:, 0].astype(np.float32),
    )


def encode_2d(
    pose_2d_px: np.ndarray,
    *,
    image_size: tuple[int, int] | None = None,
    camera: Camera | None = None,
    root_depth_m: float | np.ndarray | None = None,
) -> np.ndarray:
    """See `Normalization.encode_2d`. Without a camera it is estimated from the image size, (width, height)."""
    return encode_rays(_known(camera, image_size).undistort(check_2d(pose_2d_px)))[0].astype(np.float32)


def keypoints_px(pose_2d: np.ndarray, parameters: np.ndarray, camera: Camera) -> np.ndarray:
    """See `ReversibleNormalization.keypoints_px`."""
    parameters = np.asarray(parameters, np.float64)
    flat = np.asarray(pose_2d, np.float64) * per_joint(parameters, _SCALE)
    turned = concatenate((flat, np.ones_like(flat[..., :1])))
    points = turn_from_axis(_direction(per_joint(parameters, _ROOT_RAY)), turned)
    lens = camera_rows([camera]).map(lambda column: column[0])
    pixels: np.ndarray = distort(points[..., :2] / points[..., 2:], lens)
    return pixels


def batch_input(seen: Seen) -> Any:
    """See `Normalization.batch_input`."""
    return encode_rays(seen.rays)[0]


def batch_target(seen: Seen) -> tuple[Any, Any]:
    """See `Normalization.batch_target`."""
    parameters = encode_rays(seen.rays)[1]
    return _turned(seen.pose_cam_m, parameters), parameters


def decode_root(output: Any, parameters: Any) -> Any:
    """See `TrajectoryNormalization.decode_root`.

    The network predicts the distance of the root times the mean ray length, that is, in sizes of the person; it is the
    third number of its output, and the others have no effect. The root lies on its own ray, which the parameters tell,
    so this holds for any camera.
    """
    return _direction(per_joint(parameters, _ROOT_RAY)) * (output[..., 2:] / per_joint(parameters, _SCALE))


def image_points(pose_2d: Any, parameters: Any) -> Any:
    """See `TrajectoryNormalization.image_points`: undistorted rays."""
    flat = pose_2d * per_joint(parameters, _SCALE)
    points = turn_from_axis(_direction(per_joint(parameters, _ROOT_RAY)), concatenate((flat, flat[..., :1] * 0 + 1)))
    return points[..., :2] / points[..., 2:]


def seen_points(seen: Seen) -> Any:
    """See `TrajectoryNormalization.seen_points`: undistorted rays."""
    return seen.rays


def parameters_2d(
    pose_2d_px: np.ndarray,
    *,
    image_size: tuple[int, int] | None = None,
    camera: Camera | None = None,
    root_depth_m: float | np.ndarray | None = None,
) -> np.ndarray:
    """See `Normalization.parameters_2d`."""
    return encode_rays(_known(camera, image_size).undistort(check_2d(pose_2d_px)))[1].astype(np.float32)


def _known(camera: Camera | None, image_size: tuple[int, int] | None) -> Camera:
    if camera is not None:
        return camera
    if image_size is not None:
        return estimated_camera(image_size)
    raise ConfigError("this normalization needs a camera or the image size", todo="Give one of them")


def encode_rays(rays: Any) -> tuple[Any, Any]:
    """(..., J, 2) undistorted rays, NumPy or torch -> (..., J, 2) network input and (..., 3) parameters."""
    turned = turn_to_axis(_direction(rays[..., :1, :]), concatenate((rays, rays[..., :1] * 0 + 1)))
    flat = root_relative(turned[..., :2] / turned[..., 2:].clip(_LEAST_DEPTH, None))
    x, y = flat[..., 1:, 0], flat[..., 1:, 1]
    scale = ((x * x + y * y) ** 0.5).mean(-1)[..., None].clip(_LEAST_SCALE, None)
    return flat / scale[..., None], concatenate((rays[..., 0, :], scale))


def _turned(pose_3d_cam_m: Any, parameters: Any) -> Any:
    """(..., J, 3) camera metres -> (..., J, 3) metres relative to the root, in the turned camera."""
    return turn_to_axis(_direction(per_joint(parameters, _ROOT_RAY)), root_relative(pose_3d_cam_m))


def _direction(rays: Any) -> Any:
    """(..., 2) rays -> (..., 3) unit vectors."""
    x, y = rays[..., :1], rays[..., 1:]
    length = (x * x + y * y + 1) ** 0.5
    return concatenate((rays / length, 1 / length))


def decode(pose_3d: Any, parameters: Any) -> Any:
    """See `Normalization.decode`: turn back. The network's output is in metres."""
    return turn_from_axis(_direction(per_joint(parameters, _ROOT_RAY)), pose_3d)


def flip(parameters: Any) -> Any:
    """See `Normalization.flip`: the root's ray is mirrored about the optical axis."""
    return concatenate((-parameters[..., :1], parameters[..., 1:]))


decode_original, flip_original = decode, flip
