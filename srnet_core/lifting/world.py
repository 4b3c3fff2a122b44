"""People on a floor: which way is up, how high the floor is, and feet that do not slide while they stand.

The camera's place in the world is known from a calibration, or estimated. Three things tell which way is up, each with
its usual error: cameras are mostly held level (sideways to 3 degrees, up and down to 15); people who stand or walk are
upright on average (to 6 degrees from ankles to neck); and the places where feet stand lie on one plane (to 4 cm, one
place for each time that a foot stands). The direction is the least-squares compromise. Where the feet stand in one
place only, the plane tells nothing, and the first two decide. They also decide where a plane through the feet would
slope too much, as with people who stand on different levels; each of those then has a floor of their own.

A foot stands where it hardly moves in the image and is not higher than the other one. Then the path of the root is
solved again with what follows from that: a standing foot keeps its place, and its ankle is at the height of an ankle.
What is left of sliding is taken by the knee: the ankle is put where the foot stands, and thigh and shank keep their
lengths.

World axes: metres, z up, the floor at z = 0. Where the camera is not calibrated: x points from the people to the
camera, y to the right of the image, and the origin is on the floor below the first place of the first person.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.rotation import matrix_to_quaternion, quaternion_to_matrix
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.lifting.people import ASSUMED_FPS, LEVEL, LiftedPeople, LiftedPerson, runs_of
from srnet_core.lifting.trajectory import Pull, solve_path

ANKLE_HEIGHT_M = 0.08  # of the middle of the ankle above the floor, in shoes
_LEVEL_ROLL, _LEVEL_PITCH, _UPRIGHT = np.radians([3.0, 15.0, 6.0])  # spreads
_FLAT_M = 0.04
_ROUNDS = 4
_STANDING_M_S = 0.25  # fastest movement of a standing foot across the line of sight
_SLOWEST_S = 0.1  # shortest time that counts as standing; speeds are measured over this time
_LOWER_M = 0.07  # a standing foot is at most so much above the other foot, and above the floor found so far
_STILL_M, _ON_FLOOR_M = 0.004, 0.015  # spreads of what is demanded of standing feet, from frame to frame and in height
_BLEND_S = 0.1  # in which a foot gets from where it is to where it stands, and back
_TRUSTED_FLOOR_M = 0.5  # a calibration's floor, or that of others, is taken for the floor of feet so near to it
_LEANS_DEG = 20.0  # people who lean more than this through a clip are rarer than cameras that are tilted
_MOST_TILTED = np.radians(20.0)  # of a camera, by bodies alone: those who lean more do bend, or lie
_SHORTEST_UPRIGHT_S = 1.0  # of a recording that is long enough for people to be upright on average
_TILT_TOLD_DEG, _MUCH_DEG = 10.0, 30.0  # of the camera; of bodies that still lean in their files
_STEEPEST = np.radians(20.0)  # most that a plane through the feet may slope from what level cameras and bodies tell
_LEGS = (("LHip", "LKnee", "LFoot"), ("RHip", "RKnee", "RFoot"))


@dataclass(frozen=True)
class Ground:
    """The floor in camera axes: points p with up . p = height_m."""

    up: np.ndarray
    height_m: float


def stand(people: LiftedPeople, *, placed: bool = False) -> LiftedPeople:
    """The same people in the world, on the floor.

    Args:
        people: with paths, as `trajectory.follow` gives them.
        placed: the orientation and the translation of `people.camera` are known; by default they are estimated.

    Raises:
        ConfigError: people without paths, or a skeleton without these legs.
        MissingExtraError: scipy is not installed.
    """
    if people.frame != "camera":
        raise ConfigError("people need a path before they can be put on a floor", where=people.source)
    legs = legs_of(people.skeleton)
    notes = list(people.notes)
    fps = people.rate or ASSUMED_FPS
    feet = [_feet(person, legs) for person in people.people]  # each (T, 2, 3), camera axes
    if placed:
        turn = quaternion_to_matrix(np.asarray(people.camera.orientation, np.float64))
        ground = Ground(turn[2], -people.camera.translation_m[2])
    else:
        ground = Ground(_upright(people, None), 0.0)
    standing = [_standing(f, p, people.camera, ground.up, fps) for f, p in zip(feet, people.people)]
    for _ in range(0 if placed else _ROUNDS):
        ground = _ground(people, feet, standing)
        standing = [_standing(f, p, people.camera, ground.up, fps) for f, p in zip(feet, people.people)]
    found = _floor_height(ground.up, feet, standing)
    if placed and found is not None and abs(found - ground.height_m) > _TRUSTED_FLOOR_M:
        notes.append(
            f"The feet are {found - ground.height_m:+.2f} m from the floor of the calibration: this height is taken "
            "for the floor."
        )
        ground = replace(ground, height_m=found)
    elif not placed and found is not None:
        ground = replace(ground, height_m=found)
    if found is None:
        notes.append("No foot stands still: the floor is where the lowest foot is, and feet may slide.")
        if not placed:
            ground = replace(ground, height_m=_lowest(ground.up, feet) - ANKLE_HEIGHT_M)
    moved = []
    for person, foot, where in zip(people.people, feet, standing):
        own = _own_ground(ground, foot, where)
        if own is not ground:
            notes.append(
                f"Person {person.name} stands {abs(own.height_m - ground.height_m):.1f} m "
                f"{'above' if own.height_m > ground.height_m else 'below'} the floor of most feet, and is left there."
            )
        moved.append(_on_ground(person, people.camera, own, where, legs, fps))
    camera = _placed_camera(people.camera, ground, moved, placed)
    if not placed:
        up = ground.up
        sideways = abs(float(np.degrees(np.arctan2(up[0], -up[1]))))
        notes.append(
            f"The camera is taken to stand {camera.translation_m[2]:.2f} m above the floor, "
            f"{tilt_text(up)}"
            f"{f', and tilted sideways by {sideways:.0f} degrees' if sideways >= 1 else ''}: "
            "estimated from bodies and feet."
        )
        notes += lean_note(people, up)
    turned = tuple(_in_world(person, camera) for person in moved)
    return replace(people, people=turned, camera=camera, frame="world", on_floor=True, notes=tuple(notes))


def legs_of(skeleton: Skeleton) -> np.ndarray:
    """(2, 3) indices of hip, knee and ankle, left then right.

    Raises:
        ConfigError: the skeleton has no such joints.
    """
    at = {name: i for i, name in enumerate(skeleton.joint_names)}
    if not all(name in at for leg in _LEGS for name in leg):
        raise ConfigError("a floor needs hips, knees and feet of Human3.6M", where=f"skeleton {skeleton.name}")
    return np.array([[at[name] for name in leg] for leg in _LEGS])


def _feet(person: LiftedPerson, legs: np.ndarray) -> np.ndarray:
    return person.placed_m[:, legs[:, 2]].astype(np.float64)


def _standing(feet: np.ndarray, person: LiftedPerson, camera: Camera, up: np.ndarray, fps: float) -> np.ndarray:
    """(T, 2) bool: whether a foot stands."""
    still = np.zeros(feet.shape[:2], bool)
    apart = max(1, round(_SLOWEST_S * fps))
    lifted = person.lifted
    for start, stop in runs_of(lifted):
        part = feet[start:stop]  # (N, 2, 3)
        depth = np.maximum(part[..., 2:], 0.3)
        rays = part[..., :2] / depth
        if len(part) <= apart:
            continue
        speed = np.linalg.norm(rays[apart:] - rays[:-apart], axis=-1) * depth[apart:, :, 0] * fps / apart
        slow = np.full(part.shape[:2], True)
        before = apart // 2
        slow[before : before + len(speed)] = speed < _STANDING_M_S
        slow[:before], slow[before + len(speed) :] = slow[before], slow[before + len(speed) - 1]
        height = part @ up  # (N, 2)
        low = height <= height.min(axis=1, keepdims=True) + _LOWER_M
        floor = np.quantile(height[slow & low], 0.3) if (slow & low).any() else height.min()
        low &= height < floor + 2 * _LOWER_M  # a foot that rests on a chair, or both feet in the air
        still[start:stop] = slow & low
    for foot in range(2):
        for start, stop in runs_of(~still[:, foot]):  # a foot that stands before and after has not been away
            if start > 0 and stop < len(still) and stop - start < apart and lifted[start:stop].all():
                still[start:stop, foot] = True
        for start, stop in runs_of(still[:, foot]):
            if stop - start < apart:
                still[start:stop, foot] = False
    return still


def _upright(people: LiftedPeople, points: list[np.ndarray] | None) -> np.ndarray:
    """(3,) unit vector in camera axes that points up.

    Args:
        points: (3,) places where feet stand; `None` where they are not known.
    """
    mean = _body(people)
    # unknown: the two small components x and z of the vector (x, -1, z), and the height of the floor
    rows = [[1.0, 0, 0], [0, 1.0, 0]]
    values = [0.0, 0.0]
    spreads = [_LEVEL_ROLL, _LEVEL_PITCH]
    if mean[1] < -0.5:  # somebody who lies tells nothing
        rows += [[1.0, 0, 0], [0, 1.0, 0]]
        values += [mean[0] / -mean[1], mean[2] / -mean[1]]
        spreads += [_UPRIGHT, _UPRIGHT]
    for x, y, z in points or []:
        rows.append([x, z, -1.0])
        values.append(y)
        spreads.append(_FLAT_M)
    if not points:
        rows.append([0, 0, 1.0])
        values.append(0.0)
        spreads.append(1.0)
    matrix, right, spread = np.array(rows), np.array(values), np.array(spreads)
    weights = np.ones(len(rows))
    for _ in range(5):  # places that are no floor count less
        scale = weights / spread
        solved, *_ = np.linalg.lstsq(matrix * scale[:, None], right * scale, rcond=None)
        error = np.abs(matrix @ solved - right) / spread
        weights = np.sqrt(np.minimum(1.0, 1.5 / np.maximum(error, 1e-9)))
    up = np.array([solved[0], -1.0, solved[1]])
    unit: np.ndarray = up / np.linalg.norm(up)
    return unit


def likely_up(people: LiftedPeople) -> tuple[float, float, float]:
    """The unit vector in camera axes that is likely up, from bodies alone: for people who are not put into a world.

    It is `LEVEL` for recordings of less than a second and for people who lie. On 628 clips of motion capture of people
    left out of training, by cameras that look down by 12 degrees, it is 5 degrees off on average, `LEVEL` 12.
    """
    long_enough = sum(int(person.lifted.sum()) for person in people.people)
    if not _has_feet(people) or long_enough < _SHORTEST_UPRIGHT_S * (people.rate or ASSUMED_FPS):
        return LEVEL
    x, y, z = _upright(people, None)
    tilt = np.arctan2(np.hypot(x, z), -y)
    if tilt > _MOST_TILTED:
        part = np.sin(_MOST_TILTED) / np.hypot(x, z)
        x, y, z = part * x, -np.cos(_MOST_TILTED), part * z
    return float(x), float(y), float(z)


def upright_as_calibrated(people: LiftedPeople) -> LiftedPeople:
    """The same people with `up` as the orientation of their camera in the world tells it."""
    x, y, z = quaternion_to_matrix(np.asarray(people.camera.orientation, np.float64))[2]
    return replace(people, up=(float(x), float(y), float(z)))


def tilt_notes(people: LiftedPeople) -> list[str]:
    """What to say of the tilt that a camera is taken to have, for people who are not put into a world."""
    tilt_deg = np.degrees(np.arccos(np.clip(-people.up[1], -1, 1)))
    notes = []
    if tilt_deg >= _TILT_TOLD_DEG:
        sure = "world=True also asks standing feet, a calibration (camera=) knows"
        notes.append(f"The camera is taken to be {tilt_text(people.up)}, as the bodies lean: {sure}.")
    return [*notes, *lean_note(people, np.array(people.up), most_deg=_MUCH_DEG)]


def tilt_text(up: Sequence[float] | np.ndarray) -> str:
    """How a camera is held in whose axes `up` is up, e.g. "looking down by 12 degrees"."""
    degrees = float(np.degrees(np.arcsin(np.clip(up[2], -1, 1))))
    return f"looking {'down' if degrees < 0 else 'up'} by {abs(degrees):.0f} degrees"


def _has_feet(people: LiftedPeople) -> bool:
    return {"Thorax", "LFoot", "RFoot"} <= set(people.skeleton.joint_names)


def _body(people: LiftedPeople) -> np.ndarray:
    """(3,) median of the directions from the feet to the neck, about a unit vector."""
    at = {name: i for i, name in enumerate(people.skeleton.joint_names)}
    bodies = []
    for person in people.people:
        joints = person.joints_m[person.lifted].astype(np.float64)
        body = joints[:, at["Thorax"]] - joints[:, [at["LFoot"], at["RFoot"]]].mean(axis=1)
        bodies.append(body / np.maximum(np.linalg.norm(body, axis=-1, keepdims=True), 1e-9))
    median: np.ndarray = np.median(np.concatenate(bodies), axis=0)
    return median


def lean_note(people: LiftedPeople, up: np.ndarray, *, most_deg: float = _LEANS_DEG) -> list[str]:
    """What to say where bodies lean so much that the camera may be the one that is tilted.

    Args:
        people: not in the world yet.
        up: (3,) unit vector in camera axes.
        most_deg: the lean from which on it is said.
    """
    if not _has_feet(people):
        return []
    body = _body(people)
    size = float(np.linalg.norm(body))
    lean_deg = float(np.degrees(np.arccos(np.clip(body @ up / max(size, 1e-9), -1, 1))))
    if size < 0.5 or lean_deg < most_deg:
        return []
    return [
        f"The bodies lean by {lean_deg:.0f} degrees on average. A tilted camera looks the same: if it was tilted, give "
        "its calibration, camera=."
    ]


def level_m(person: LiftedPerson, skeleton: Skeleton) -> float:
    """Height of what a person in the world stands on: 0 for the floor, else that of a level of their own."""
    if person.standing is None or not person.standing.any():
        return 0.0
    ankles = person.placed_m[:, legs_of(skeleton)[:, 2], 2][person.standing]
    height = float(np.median(ankles)) - ANKLE_HEIGHT_M
    return height if abs(height) > _TRUSTED_FLOOR_M else 0.0


def _own_ground(ground: Ground, feet: np.ndarray, standing: np.ndarray) -> Ground:
    """The floor of one person: that of all, unless the feet stand on another level."""
    own = _floor_height(ground.up, [feet], [standing])
    if own is None or abs(own - ground.height_m) <= _TRUSTED_FLOOR_M:
        return ground
    return replace(ground, height_m=own)


def _ground(people: LiftedPeople, feet: list[np.ndarray], standing: list[np.ndarray]) -> Ground:
    points = [place for f, s in zip(feet, standing) for place in _places(f, s)]
    up, upright = _upright(people, points), _upright(people, None)
    if up @ upright < np.cos(_STEEPEST):
        up = upright
    return Ground(up, float(np.median([up @ p for p in points])) if points else 0.0)


def _places(feet: np.ndarray, standing: np.ndarray) -> list[np.ndarray]:
    """The places (3,) where feet stand, one for each time."""
    return [
        np.median(feet[start:stop, foot], axis=0) for foot in range(2) for start, stop in runs_of(standing[:, foot])
    ]


def _floor_height(up: np.ndarray, feet: list[np.ndarray], standing: list[np.ndarray]) -> float | None:
    """Median height of the floor below standing ankles, weighted by time; `None` where no foot stands."""
    heights = [(f[s] @ up) for f, s in zip(feet, standing)]
    together = np.concatenate(heights) if heights else np.zeros(0)
    return float(np.median(together)) - ANKLE_HEIGHT_M if len(together) else None


def _lowest(up: np.ndarray, feet: list[np.ndarray]) -> float:
    heights = np.concatenate([(f @ up).ravel() for f in feet])
    return float(np.nanquantile(heights, 0.05))


def _on_ground(
    person: LiftedPerson, camera: Camera, ground: Ground, standing: np.ndarray, legs: np.ndarray, fps: float
) -> LiftedPerson:
    """The path again, with standing feet at rest on the floor."""
    joints_m = person.joints_m.astype(np.float64)
    root_m = np.array(person.root_m, np.float64)
    for start, stop in runs_of(person.lifted):
        part = slice(start, stop)
        ankles = joints_m[part][:, legs[:, 2]]  # (N, 2, 3)
        pull = _pull(ankles, standing[part], ground)
        root_m[part] = solve_path(joints_m[part], person.keypoints_px[part], camera, fps, pull)
        joints_m[part] = _pinned(joints_m[part], root_m[part], standing[part], ground, legs, fps)
    return replace(
        person, joints_m=joints_m.astype(np.float32), root_m=root_m.astype(np.float32), standing=standing.copy()
    )


def _pull(ankles_m: np.ndarray, standing: np.ndarray, ground: Ground) -> Pull:
    """What standing feet say about the root: rows for each frame and foot."""
    frames, feet = np.nonzero(standing)
    height = ground.height_m + ANKLE_HEIGHT_M - ankles_m[frames, feet] @ ground.up
    on_floor = (
        frames,
        np.full(len(frames), -1),
        np.broadcast_to(ground.up, (len(frames), 3)),
        height,
        np.full(len(frames), _ON_FLOOR_M**-2.0),
    )
    later, foot = np.nonzero(standing[1:] & standing[:-1])
    change = ankles_m[later, foot] - ankles_m[later + 1, foot]  # (M, 3): what the root has to make up for
    still = (
        np.repeat(later + 1, 3),
        np.repeat(later, 3),
        np.tile(np.eye(3), (len(later), 1)),
        change.ravel(),
        np.full(3 * len(later), _STILL_M**-2.0),
    )
    return Pull(*(np.concatenate(pair) for pair in zip(on_floor, still)))


def _pinned(
    joints_m: np.ndarray, root_m: np.ndarray, standing: np.ndarray, ground: Ground, legs: np.ndarray, fps: float
) -> np.ndarray:
    """(N, J, 3): standing ankles at rest, each where it was on average; knees follow."""
    joints_m = joints_m.copy()
    blend = max(1, round(_BLEND_S * fps))
    for foot, (hip, knee, ankle) in enumerate(legs):
        placed = joints_m[:, ankle] + root_m
        correction = np.zeros_like(placed)
        weight = np.zeros(len(placed))
        for start, stop in runs_of(standing[:, foot]):
            place = np.median(placed[start:stop], axis=0)
            place = place + (ground.height_m + ANKLE_HEIGHT_M - place @ ground.up) * ground.up
            for t in range(max(0, start - blend), min(len(placed), stop + blend)):
                away = max(start - t, t - stop + 1, 0)
                share = 1.0 - away / (blend + 1)
                if share > weight[t]:
                    nearest = placed[min(max(t, start), stop - 1)]
                    correction[t], weight[t] = share * (place - nearest), share
        joints_m[:, knee], joints_m[:, ankle] = _bent(
            joints_m[:, hip], joints_m[:, knee], joints_m[:, ankle], joints_m[:, ankle] + correction
        )
    return joints_m


def _bent(hip: np.ndarray, knee: np.ndarray, ankle: np.ndarray, goal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Knees and ankles (N, 3) of legs that reach for goals, with the same lengths and the knee on the same side."""
    thigh = np.linalg.norm(knee - hip, axis=-1, keepdims=True)
    shank = np.linalg.norm(ankle - knee, axis=-1, keepdims=True)
    reach = goal - hip
    distance = np.maximum(np.linalg.norm(reach, axis=-1, keepdims=True), 1e-9)
    axis = reach / distance
    distance = np.clip(distance, np.abs(thigh - shank) + 1e-6, thigh + shank - 1e-6)
    along = (thigh**2 - shank**2 + distance**2) / (2 * distance)
    side = knee - hip
    side = side - (side * axis).sum(-1, keepdims=True) * axis
    size = np.linalg.norm(side, axis=-1, keepdims=True)
    away = np.sqrt(np.maximum(thigh**2 - along**2, 0.0))
    side = np.where(size > 1e-6, side / np.maximum(size, 1e-9), _any_side(axis))
    return hip + axis * along + side * away, hip + axis * distance


def _any_side(axis: np.ndarray) -> np.ndarray:
    """Unit vectors at right angles to (N, 3) ones: a straight leg has no side, and hardly bends."""
    helper = np.where(np.abs(axis[:, :1]) < 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]])
    cross = np.cross(axis, helper)
    unit: np.ndarray = cross / np.linalg.norm(cross, axis=-1, keepdims=True)
    return unit


def _placed_camera(camera: Camera, ground: Ground, people: list[LiftedPerson], placed: bool) -> Camera:
    """The camera in the world."""
    if placed:
        lift = -camera.translation_m[2] - ground.height_m  # 0 where the calibration's floor is taken
        x, y, z = camera.translation_m
        return replace(camera, translation_m=(x, y, z + lift))
    up = ground.up
    right = np.array([1.0, 0, 0]) - up[0] * up
    right /= np.linalg.norm(right)
    turn = np.stack([np.cross(right, up), right, up])  # rows: the world's x (to the camera), y, z in camera axes
    first = people[0]
    start = int(np.flatnonzero(first.lifted)[0])
    root = turn @ np.array(first.root_m, np.float64)[start]
    return replace(
        camera,
        orientation=tuple(matrix_to_quaternion(turn)),
        translation_m=(-float(root[0]), -float(root[1]), -ground.height_m),
    )


def _in_world(person: LiftedPerson, camera: Camera) -> LiftedPerson:
    turn = quaternion_to_matrix(np.asarray(camera.orientation, np.float64))
    root_m = np.array(person.root_m, np.float64) @ turn.T + camera.translation_m
    return replace(
        person,
        joints_m=(person.joints_m.astype(np.float64) @ turn.T).astype(np.float32),
        root_m=root_m.astype(np.float32),
    )
