"""A draft of a take: channels over time that the actions write into, and their conversion to joint positions.

Units are metres and radians; vectors and offsets are in the axes of the heading (x forward, y left, z up).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from srnet_core.synthetic.arms import (
    REST_CLAVICLE,
    ArmPose,
    ArmTrack,
    Hang,
    Reach,
    angle_between,
    detour,
    solve,
)
from srnet_core.synthetic.body import Body
from srnet_core.synthetic.curves import keyed, min_jerk, smooth, smooth_noise, soft_limit
from srnet_core.synthetic.footsteps import Route, ankle_paths
from srnet_core.synthetic.gait import (
    ARM_BACK_DEG,
    ARM_FORWARD_DEG,
    PELVIS_OBLIQUITY_DEG,
    PELVIS_ROTATION_DEG,
    Stride,
)
from srnet_core.synthetic.pose import LEFT, RIGHT, SIDE, Motion, arm_down_direction, joint_positions, swing

deg = np.radians
SPINE_LIMITS, NECK_LIMITS = deg([27.0, 55.0, 36.0]), deg([35.0, 45.0, 60.0])  # plus or minus: lateral, forward, axial


@dataclass(frozen=True)
class Style:
    """The habits of a subject in all its takes.

    Attributes:
        tempo: relative speed of all movements, 1 is average.
        gesture: relative size of hand movements.
        stoop, chin: forward bend of trunk and head in radians.
        arm_out, elbow: abduction and elbow flexion of resting arms in degrees.
        half_stance: half the distance between the feet in standing, in metres.
        splay: outward turn of the feet in radians.
        hand: the preferred hand, `LEFT` or `RIGHT`.
        swing: relative size of the arm swing.
        lean: mean lateral lean in radians.
        walk_speed: metres per second.
    """

    tempo: float
    gesture: float
    stoop: float
    chin: float
    arm_out: float
    elbow: float
    half_stance: float
    splay: float
    hand: int
    swing: float
    lean: float
    walk_speed: float


def make_style(rng: np.random.Generator) -> Style:
    """Random habits."""
    return Style(
        tempo=rng.uniform(0.85, 1.2),
        gesture=rng.uniform(0.75, 1.15),
        stoop=deg(rng.uniform(-3, 9)),
        chin=deg(rng.uniform(-6, 10)),
        arm_out=rng.uniform(6, 13),
        elbow=rng.uniform(9, 26),
        half_stance=rng.uniform(0.085, 0.13),
        splay=deg(rng.uniform(3, 13)),
        hand=LEFT if rng.random() < 0.2 else RIGHT,
        swing=rng.uniform(0.7, 1.3),
        lean=deg(rng.uniform(-2, 2)),
        walk_speed=rng.uniform(0.95, 1.25),
    )


@dataclass
class Draft:
    """Channels of a take over N frames. They start as neutral standing at the origin, and actions add to them."""

    body: Body
    style: Style
    stride: Stride
    rng: np.random.Generator
    t: np.ndarray
    scale: float  # relative size of all paths, less than one if they would leave the cameras' view
    stride_s: float = 1.15
    arms: tuple[ArmTrack, ArmTrack] = field(default_factory=lambda: (ArmTrack(), ArmTrack()))

    def __post_init__(self) -> None:
        n = len(self.t)
        self.xy, self.heading = np.zeros((n, 2)), np.zeros(n)
        self.half_stance = np.full(n, self.style.half_stance)
        self.hip_drop, self.hip_shift = np.zeros(n), np.zeros((n, 2))
        self.pelvis, self.spine, self.neck = np.zeros((n, 3)), np.zeros((n, 3)), np.zeros((n, 3))
        self.foot_shift, self.knee_out = np.zeros((n, 2, 3)), np.zeros((n, 2))
        self.knee_up = np.full((n, 2), 0.5)
        self.clavicle = np.tile(np.array(REST_CLAVICLE), (n, 2, 1))
        self.phase = float(self.rng.random())

    @property
    def end(self) -> float:
        """The last second of the padded take."""
        return float(self.t[-1])

    def noise(self, amplitude: ArrayLike, *shape: int, hz: float = 0.3) -> np.ndarray:
        """(N, *shape) smooth noise of that standard deviation."""
        return np.asarray(amplitude) * smooth_noise(self.rng, self.t, shape, hz=hz)

    def schedule(self, low_s: float, high_s: float, first: float | None = None) -> np.ndarray:
        """Random times over the whole take in seconds, between `low_s` and `high_s` apart."""
        gaps = self.rng.uniform(low_s, high_s, int((self.end - self.t[0]) / low_s) + 2)
        start = self.t[0] + self.rng.uniform(0, low_s) if first is None else first
        times = start + np.concatenate([[0.0], np.cumsum(gaps)])
        return times[times < self.end + high_s]

    def hang(self) -> Hang:
        """An arm at rest, with the subject's habits."""
        r = self.rng
        return Hang(r.uniform(-3, 6), self.style.arm_out + r.uniform(-2, 3), r.uniform(0, 35), self.style.elbow)

    def play(self, side: int, poses: Iterable[tuple[Reach | Hang, float]], *, pace: float = 1.0) -> None:
        """Let an arm go through (pose, seconds to hold it) until the take ends.

        The time between two poses grows with the angle between them, so that no movement is faster than people move.
        """
        now = float(self.t[0]) + self.rng.uniform(-0.6, 0.3)
        for pose, hold in poses:
            now = self._go(side, solve(self.body, side, pose), now, hold, pace)
            if now > self.end:
                return

    def play_both(self, poses: Iterable[tuple[tuple[Reach | Hang, Reach | Hang], float]]) -> None:
        """Like `play` for pairs of poses, (left, right); the faster arm waits for the slower."""
        now = float(self.t[0]) + self.rng.uniform(-0.6, 0.3)
        for pair, hold in poses:
            solved = [solve(self.body, side, pose) for side, pose in enumerate(pair)]
            late = [self.rng.uniform(0, 0.08) for _ in pair]
            now = max(self._go(side, pose, now + late[side], hold, 1.0) for side, pose in enumerate(solved))
            if now > self.end:
                return

    def _go(self, side: int, pose: ArmPose, now: float, hold: float, pace: float) -> float:
        """Add a pose to an arm's track, with a detour if one is needed; returns the time at which the pose is left."""
        track = self.arms[side]
        if track.poses:
            by = detour(self.body, side, track.poses[-1], pose)
            for goal, stay in ([(by, 0.0)] if by else []) + [(pose, hold)]:
                now += (0.32 + 0.34 * angle_between(track.poses[-1], goal)) / (self.style.tempo * pace)
                track.add(goal, now, stay)
        else:
            track.add(pose, now, hold)
        return now + hold

    def gait(self) -> None:
        """Add the body movements of walking, in proportion to the speed."""
        speed = np.linalg.norm(np.gradient(self.xy, axis=0), axis=-1) / (self.t[1] - self.t[0])
        amount = np.clip(smooth(speed, 12) * self.stride_s / self.stride.length_m, 0, 1.15)
        clock = 2 * np.pi * self.route().clock(RIGHT)
        landing = np.cos(clock + 2 * np.pi * (1 - self.stride.initial_contact))
        self.walking, self.landing = amount, landing
        self.pelvis[:, 0] -= deg(PELVIS_OBLIQUITY_DEG) * amount * np.cos(clock + 0.5)
        self.pelvis[:, 2] += deg(PELVIS_ROTATION_DEG) * amount * landing
        self.spine[:, 2] -= deg(PELVIS_ROTATION_DEG + 3) * amount * landing * self.style.swing
        self.spine[:, 0] += deg(2.5) * amount * np.cos(clock + 0.5)
        self.hip_shift[:, 1] -= 0.022 * np.minimum(amount * 2, 1) * np.cos(clock)
        # Slower walking has shorter strides, so the published dip of the hips shrinks with the speed.
        dip = self.stride.hip_m(clock / (2 * np.pi))
        self.hip_drop += 0.006 * np.minimum(amount, 1) - amount**1.5 * dip

    def route(self) -> Route:
        """The intended path of the body."""
        return Route(self.t, self.xy, self.heading, self.half_stance, self.style.splay, self.stride_s, self.phase)

    def sway(self) -> None:
        """Add small slow involuntary movements, and the subject's posture."""
        self.pelvis += self.noise(deg([0.8, 0.8, 1.5]), 3, hz=0.35)
        self.spine += self.noise(deg([1.2, 2.0, 1.8]), 3, hz=0.4)
        self.neck += self.noise(deg([2.0, 3.5, 5.0]), 3, hz=0.45)
        self.hip_shift += self.noise(0.006, 2, hz=0.4)
        self.clavicle += self.noise(deg([1.2, 1.5]), 2, 2, hz=0.4)
        self.spine[:, 1] += self.style.stoop
        self.spine[:, 0] += self.style.lean
        self.neck[:, 1] += self.style.chin

    def lean_on_one_leg(self, reach_m: float = 0.045) -> None:
        """Shift the weight between the feet at random times; the hip above the bearing leg rises."""
        times = self.schedule(2.0, 5.0)
        shift = keyed(self.t, times, self.rng.uniform(-1, 1, len(times)), 1.0)
        self.hip_shift[:, 1] += reach_m * shift
        self.pelvis[:, 0] += deg(3.5) * shift
        self.spine[:, 0] -= deg(4.0) * shift
        self.hip_drop += 0.008 * np.abs(shift)

    def _hips(self) -> np.ndarray:
        """(N, 3) intended position of the hips in world metres."""
        c, s = np.cos(self.heading), np.sin(self.heading)
        x, y = self.hip_shift.T
        height = self.body.standing_hip_height - self.hip_drop
        return np.stack([self.xy[:, 0] + c * x - s * y, self.xy[:, 1] + s * x + c * y, height], axis=-1)

    def _feet(self) -> tuple[np.ndarray, np.ndarray]:
        """(N, 2, 3) ankles in world metres, and (N, 2, 3) directions of the knees relative to the heading."""
        ankles, yaws = ankle_paths(self.route(), self.stride, self.body.ankle_height)
        c, s = np.cos(self.heading)[:, None], np.sin(self.heading)[:, None]
        x, y, z = np.moveaxis(self.foot_shift, -1, 0)
        ankles += np.stack([c * x - s * y, s * x + c * y, z], axis=-1)
        toes = 0.6 * (yaws - self.heading[:, None]) + SIDE * self.knee_out
        return ankles, np.stack([np.cos(toes), np.sin(toes), self.knee_up], axis=-1)

    def _shoulders(self) -> tuple[np.ndarray, np.ndarray]:
        """Arm tracks with swing and tremor added: (N, 2, 4) quaternions and (N, 2) elbow radians."""
        middle, half = deg(ARM_FORWARD_DEG - ARM_BACK_DEG) / 2, deg(ARM_FORWARD_DEG + ARM_BACK_DEG) / 2
        shoulders, elbows = np.empty((len(self.t), 2, 4)), np.empty((len(self.t), 2))
        for side in range(2):
            if not self.arms[side].poses:
                self.play(side, [(self.hang(), 1e3)])
            quaternion, elbow, free = self.arms[side].sample(self.t)
            forward = middle * 0.5 + half * SIDE[side] * self.landing * self.style.swing
            extra = self.noise(deg([1.5, 2.2, 1.5]), 3, hz=0.5)
            extra[:, 1] -= free * self.walking * forward
            shoulders[:, side] = swing(quaternion, extra)
            bend = elbow + free * self.walking * deg(9) * (1 + SIDE[side] * self.landing) + self.noise(deg(2.0), hz=0.5)
            elbows[:, side] = deg(4) + np.logaddexp(0, (bend - deg(4)) * 30) / 30  # an elbow is never quite straight
        return shoulders, elbows

    def _follow_arms(self, shoulders: np.ndarray) -> None:
        """Add the movements of shoulder girdle and trunk that follow the arms: elevation, twist to the reaching arm."""
        down = np.stack([arm_down_direction(shoulders[:, side]) for side in range(2)], axis=1)
        raised = np.arccos(np.clip(-down[..., 2], -1, 1))
        self.clavicle[..., 0] += 0.22 * np.logaddexp(0, (raised - deg(50)) * 8) / 8
        self.clavicle[..., 1] += 0.14 * down[..., 0]
        self.spine[:, 2] -= deg(7) * (down[:, LEFT, 0] - down[:, RIGHT, 0])
        self.spine[:, 0] += deg(2.5) * (raised[:, RIGHT] - raised[:, LEFT]) * -1.0

    def positions(self) -> np.ndarray:
        """(N, 17, 3) joint positions in world metres."""
        self.gait()
        self.sway()
        shoulders, elbows = self._shoulders()
        self._follow_arms(shoulders)
        self.spine, self.neck = soft_limit(self.spine, SPINE_LIMITS), soft_limit(self.neck, NECK_LIMITS)
        ankles, pole = self._feet()
        return joint_positions(
            self.body,
            Motion(
                hip_world_m=self._hips(),
                heading=self.heading,
                pelvis=self.pelvis,
                spine=self.spine,
                neck=self.neck,
                clavicle=self.clavicle,
                shoulder=shoulders,
                elbow=np.minimum(elbows, deg(147)),
                ankle_world_m=ankles,
                knee_pole=pole,
            ),
        )


def bump(t: np.ndarray, start: float, rise_s: float, hold_s: float, fall_s: float) -> np.ndarray:
    """(T,) a smooth rise from 0 to 1, a hold, and a smooth fall back to 0."""
    return min_jerk((t - start) / rise_s) - min_jerk((t - start - rise_s - hold_s) / fall_s)
