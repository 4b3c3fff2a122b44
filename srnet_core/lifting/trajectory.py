"""Where a lifted person is: the path of the root in metres, from poses, keypoints and the camera's intrinsics.

A pose whose bones have lengths in metres fits its keypoints from one distance only. With a joint X (metres, relative to
the root, camera axes), its undistorted ray u = (x/z, y/z) and the unknown place t of the root, the joint is seen where
it should be if

    (X + t)_xy - u (X + t)_z = 0,

which is linear in t. Divided by the depth of the joint it is the error of the ray. One frame alone gives a depth that
jumps with every error of the pose, so all frames are solved together: least squares over the rays of all joints and
over the accelerations of the root, which are small in human motion. Joints that fit badly count less (weights of
Huber, recomputed as long as needed: iteratively reweighted least squares). Bones keep the median of their lengths over
the clip, as the lengths of the network's bones vary from frame to frame and the depth with them.

T frames, J joints.
"""

import math
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from srnet_core.errors import ConfigError, require_extra
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.lifting.people import ASSUMED_FPS, LiftedPeople, LiftedPerson, runs_of
from srnet_core.mocap.resample import SAME_RATE, positions_at, resample

_ROUNDS = 8
_FIRST_DEPTH_M = 4.0
_NEAREST_M = 0.3
_RAY_NOISE = 0.004  # spread of a ray's error: a detector's 4 px at a focal length of 1000 px
_ACCELERATION_M_S2 = 3.0  # spread of the root's acceleration: walking and standing up reach 2 to 5 m/s^2
_HUBER = 1.5  # errors beyond so many spreads count less
_SHORTEST_M, _TALLEST_M = 0.4, 2.6


class FindRoots(Protocol):
    """What finds roots from keypoints, e.g. `inference.roots.RootFinder`."""

    @property
    def receptive_field(self) -> int: ...
    @property
    def fps(self) -> float | None: ...
    def __call__(
        self, keypoints_px: np.ndarray, *, image_size: tuple[int, int] | None, camera: Camera | None
    ) -> np.ndarray: ...


@dataclass(frozen=True)
class Pull:
    """What else is known about the root's place: rows a . t[frame] - a . t[before] = value, each with its weight.

    Attributes:
        frame, before: (N,) indices of frames; `before` is -1 where the row is about one frame only.
        direction: (N, 3) the vector a.
        value: (N,) metres.
        weight: (N,) one over the squared spread in metres.
    """

    frame: np.ndarray
    before: np.ndarray
    direction: np.ndarray
    value: np.ndarray
    weight: np.ndarray


def follow(people: LiftedPeople, *, height_m: float | None = None, network: FindRoots | None = None) -> LiftedPeople:
    """The same people with the path of each root, `LiftedPerson.root_m`, in camera axes.

    Args:
        people: root-relative, as `lift` gives them.
        height_m: how tall the people are, from the floor to the top of the head; by default they have the size that
            the network gives them, which is that of the people it was trained on. One view cannot tell size from
            distance: a person taken for 5 % too tall is 5 % too far away.
        network: finds the roots instead of least squares, e.g. a `RootFinder`; its places are scaled by `height_m` too.

    Raises:
        ConfigError: a height that nobody has, or people that have been placed already.
        MissingExtraError: scipy is not installed.
    """
    if people.frame != "root":
        raise ConfigError("these people have been placed already", where=people.source)
    if height_m is not None:
        require_height(height_m)
    fps = people.rate or ASSUMED_FPS
    followed = []
    notes = list(people.notes)
    for person in people.people:
        steady = steady_bones(person.joints_m, people.skeleton)
        tall_m = standing_height_m(steady, people.skeleton)
        scale = 1.0 if height_m is None or tall_m is None else height_m / tall_m
        joints_m = (steady * scale).astype(np.float32)
        root_m = np.full((len(joints_m), 3), np.nan)
        for start, stop in runs_of(person.lifted):
            frames = slice(start, stop)
            if network is None:
                root_m[frames] = solve_path(joints_m[frames], person.keypoints_px[frames], people.camera, fps)
            else:
                root_m[frames] = scale * _found(network, person.keypoints_px[frames], people, fps)
        followed.append(replace(person, joints_m=joints_m, root_m=root_m.astype(np.float32)))
        if tall_m is not None:
            notes.append(_height_note(person, tall_m, height_m))
    if not people.camera_known:
        notes.append(
            f"The focal length is estimated ({people.camera.focal_length_px[0]:.0f} px, the longer side of the image): "
            "distances from the camera are wrong by the same factor as it is. A calibration would tell: camera=."
        )
    return replace(people, people=tuple(followed), frame="camera", notes=tuple(notes))


def require_height(height_m: float) -> None:
    """Check that a person can be so tall, in metres.

    Raises:
        ConfigError: nobody is.
    """
    if not _SHORTEST_M <= height_m <= _TALLEST_M:
        raise ConfigError(
            f"a person is {_SHORTEST_M} to {_TALLEST_M} m tall, not {height_m:g}", where="height", todo="Give metres"
        )


def _found(network: FindRoots, keypoints_px: np.ndarray, people: LiftedPeople, fps: float) -> np.ndarray:
    """(T, 3) metres: the places that a network finds, at the frame rate that it was trained at."""
    rates = None
    if network.receptive_field > 1 and network.fps and people.rate and abs(fps / network.fps - 1) > SAME_RATE:
        rates = fps, network.fps
    at_rate = keypoints_px if rates is None else resample(keypoints_px, *rates).astype(np.float32)
    root_m = network(at_rate, image_size=people.image_size, camera=people.camera)
    if rates is not None:
        root_m = positions_at(root_m[:, None], np.arange(len(keypoints_px)) * (rates[1] / rates[0]))[:, 0]
    return np.asarray(root_m, np.float64)


def _height_note(person: LiftedPerson, tall_m: float, height_m: float | None) -> str:
    if height_m is not None:
        return f"Person {person.name}: scaled to a height of {height_m:.2f} m; the network saw {tall_m:.2f} m."
    return f"Person {person.name}: a height of {tall_m:.2f} m is assumed, and the length of the path depends on it."


def solve_path(
    joints_m: np.ndarray, keypoints_px: np.ndarray, camera: Camera, fps: float, pull: Pull | None = None
) -> np.ndarray:
    """(T, 3) metres, camera axes: the place of the root in every frame.

    Args:
        joints_m: (T, J, 3) metres relative to the root, camera axes.
        keypoints_px: (T, J, 2) pixels. All values are finite.
        camera: of which only the intrinsics are used.
        fps: frames per second.
        pull: what else is known about the places.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    require_extra("scipy", "data")
    rays = camera.undistort(keypoints_px)  # (T, J, 2)
    joints_m = np.asarray(joints_m, np.float64)
    weights = np.ones(rays.shape[:2])
    path = np.zeros((len(rays), 3))
    path[:, 2] = _FIRST_DEPTH_M
    for _ in range(_ROUNDS):
        before = path
        depth = np.maximum(joints_m[..., 2] + path[:, None, 2], _NEAREST_M)  # (T, J)
        path = _solve(rays, joints_m, weights / (depth * _RAY_NOISE) ** 2, fps, pull)
        path[:, 2] = np.maximum(path[:, 2], _NEAREST_M)
        where = joints_m + path[:, None]
        error = np.linalg.norm(where[..., :2] / np.maximum(where[..., 2:], _NEAREST_M) - rays, axis=-1) / _RAY_NOISE
        spread = max(1.0, float(np.median(error)))  # poses of a network fit less well than a detector sees
        weights = np.minimum(1.0, _HUBER * spread / np.maximum(error, 1e-9)) / spread**2
        if np.abs(path - before).max() < 1e-4:
            break
    return path


def _solve(rays: np.ndarray, joints_m: np.ndarray, weights: np.ndarray, fps: float, pull: Pull | None) -> np.ndarray:
    """One weighted least-squares problem over all frames; its normal matrix is a band of 3 x 3 blocks."""
    frames = len(rays)
    normal, right = _of_rays(rays, joints_m, weights)  # (T, 3, 3), (T, 3)
    blocks = np.zeros((3, frames, 3, 3))  # [k, t]: between the frames t and t + k
    blocks[0] = normal
    if frames >= 3:
        eye = np.eye(3) * fps**4 / _ACCELERATION_M_S2**2
        for i, a in enumerate((1.0, -2.0, 1.0)):
            for j, b in enumerate((1.0, -2.0, 1.0)):
                if j >= i:
                    blocks[j - i, i : frames - 2 + i] += a * b * eye
    if pull is not None:
        _add_pull(blocks, right, pull)
    blocks[0] += np.eye(3) * 1e-9
    return _banded(blocks, right)


def _of_rays(rays: np.ndarray, joints_m: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Normal matrices (T, 3, 3) and right sides (T, 3): rows (1, 0, -u) and (0, 1, -v) for every joint."""
    u, v = rays[..., 0], rays[..., 1]
    x, y, z = np.moveaxis(joints_m, -1, 0)
    off_x, off_y = u * z - x, v * z - y  # what the rows should give
    total = weights.sum(axis=1)
    wu, wv = (weights * u).sum(axis=1), (weights * v).sum(axis=1)
    normal = np.zeros((len(rays), 3, 3))
    normal[:, 0, 0] = normal[:, 1, 1] = total
    normal[:, 0, 2] = normal[:, 2, 0] = -wu
    normal[:, 1, 2] = normal[:, 2, 1] = -wv
    normal[:, 2, 2] = (weights * (u * u + v * v)).sum(axis=1)
    right = np.stack(
        [
            (weights * off_x).sum(axis=1),
            (weights * off_y).sum(axis=1),
            -(weights * (u * off_x + v * off_y)).sum(axis=1),
        ],
        axis=-1,
    )
    return normal, right


def _add_pull(blocks: np.ndarray, right: np.ndarray, pull: Pull) -> None:
    """Add rows about one frame, or about a frame and the one before it."""
    outer = pull.weight[:, None, None] * pull.direction[:, :, None] * pull.direction[:, None, :]  # (N, 3, 3)
    towards = (pull.weight * pull.value)[:, None] * pull.direction
    np.add.at(blocks[0], pull.frame, outer)
    np.add.at(right, pull.frame, towards)
    paired = pull.before >= 0
    np.add.at(blocks[0], pull.before[paired], outer[paired])
    np.add.at(right, pull.before[paired], -towards[paired])
    np.add.at(blocks[1], pull.before[paired], -outer[paired])


def _banded(blocks: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve the symmetric system whose blocks [k, t] couple the unknowns of frame t with those of frame t + k."""
    linalg = require_extra("scipy.linalg", "data")
    reach, frames = len(blocks), len(right)
    band = np.zeros((3 * reach, 3 * frames))  # row d: the d-th diagonal below the main one
    columns = 3 * np.arange(frames)
    for k in range(reach):
        for i in range(3):  # unknown of frame t, column 3 t + i
            for j in range(3):  # unknown of frame t + k, row 3 (t + k) + j
                below = 3 * k + j - i
                count = frames - k
                if below >= 0 and count > 0:
                    band[below, columns[:count] + i] += blocks[k, :count, i, j]
    solved: np.ndarray = linalg.solveh_banded(band, right.ravel(), lower=True, check_finite=False)
    return solved.reshape(frames, 3)


def steady_bones(joints_m: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """(T, J, 3): the same directions of bones, each bone with its median length, the mean of left and right.

    The root and everything that hangs on it stay where the root is; frames with NaN stay NaN.
    """
    joints_m = np.asarray(joints_m, np.float64)
    known = np.isfinite(joints_m).all(axis=(1, 2))
    if not known.any():
        return joints_m
    lengths = np.zeros(skeleton.num_joints)
    for parent, joint in skeleton.bones:
        bone = joints_m[known, joint] - joints_m[known, parent]
        lengths[joint] = np.median(np.linalg.norm(bone, axis=-1))
    lengths = (lengths + lengths[list(skeleton.mirror)]) / 2
    steady = joints_m.copy()
    for parent, joint in skeleton.bones:
        bone = joints_m[:, joint] - joints_m[:, parent]
        size = np.maximum(np.linalg.norm(bone, axis=-1, keepdims=True), 1e-9)
        steady[:, joint] = steady[:, parent] + bone / size * lengths[joint]
    return steady


def standing_height_m(joints_m: np.ndarray, skeleton: Skeleton) -> float | None:
    """Height of a person who stands upright, from the lengths of the bones; `None` for skeletons without these joints.

    Legs, trunk and head are added up. From the ankle to the sole there are about 4.6 % of the height (Winter,
    *Biomechanics and Motor Control of Human Movement*, table of segment lengths: 0.039 H), and the ways from the hip to
    the middle of the hips and from the head joint to the top of the head are left out, as they about cancel.
    """
    at = {name: i for i, name in enumerate(skeleton.joint_names)}
    chain = ("RFoot", "RKnee", "RHip", "Thorax", "Neck/Nose", "Head")
    if not all(name in at for name in (*chain, "Hip")):
        return None
    known = np.isfinite(joints_m).all(axis=(1, 2))
    if not known.any():
        return None

    def length(a: str, b: str) -> float:
        return float(np.median(np.linalg.norm(joints_m[known, at[a]] - joints_m[known, at[b]], axis=-1)))

    legs = length("RFoot", "RKnee") + length("RKnee", "RHip")
    trunk = length("Hip", "Thorax")
    head = length("Thorax", "Head")
    total = (legs + trunk + head) / (1 - 0.039)
    return total if math.isfinite(total) else None
