"""Gestures: named arm poses, and endless series of them that the actions play.

Targets are wrist positions in arm lengths from Thorax: forward, outward, up (see `arms.Reach`). They are chosen by this
project, by eye; only lengths and joint limits come from published tables.
"""

from collections.abc import Iterator

import numpy as np

from srnet_core.synthetic.arms import Hang, Reach

Hand = Reach | Hang
Poses = Iterator[tuple[Hand, float]]

PHONE = Reach((0.25, 0.20, 0.07), (0.25, 0.55, -1.0))
MOUTH = Reach((0.37, 0.12, 0.04), (0.05, 0.65, -1.0))
EYES = Reach((0.44, 0.13, 0.15), (0.05, 0.6, -1.0))
CHIN = Reach((0.30, 0.10, 0.03), (0.3, 0.35, -1.0))
HEAD = Reach((0.12, 0.26, 0.48), (0.4, 1.0, 0.0))
CHEST = Reach((0.50, 0.12, -0.25))
PLATE = Reach((0.60, 0.18, -0.48))
LAP = Reach((0.46, 0.20, -0.66), (-0.6, 0.6, -0.6))
KNEE = Reach((0.66, 0.32, -0.66), (-0.5, 0.6, -0.6))
WATCH = Reach((0.44, 0.04, -0.12), (0.0, 0.9, -0.7))
SHAKE = Reach((0.82, 0.06, -0.38))
LEASH = Reach((0.72, 0.28, -0.55))
HUG = Reach((0.68, 0.62, -0.06), (0.0, 0.6, -1.0))
POCKET = Reach((0.10, 0.40, -0.88), (-0.9, 0.5, -0.2))
AKIMBO = Reach((0.03, 0.46, -0.78), (-0.35, 1.0, 0.1))
BEHIND = Reach((-0.24, 0.10, -0.82), (-0.7, 0.8, -0.1), free=0.3)
FOLD = (Reach((0.40, -0.14, -0.30), (0.1, 1.0, -0.8)), Reach((0.46, -0.10, -0.40), (0.1, 1.0, -0.8)))
CLASP = Reach((0.40, 0.05, -0.74), (-0.5, 0.8, -0.4))
OVERHEAD = Reach((0.12, 0.28, 0.88), (0.5, 1.0, 0.0))
CROWN = Reach((0.05, 0.18, 0.52), (0.2, 1.0, 0.1))
WIDE = Reach((0.12, 1.22, -0.02), (-0.3, 0.0, -1.0))
STRONG = Reach((0.12, 0.66, 0.42), (0.1, 1.0, 0.05))
PROP = Reach((-0.40, 0.52, -0.72), (-0.4, 1.0, 0.0))  # on the floor behind a sitter
SHIN = Reach((0.80, 0.12, -0.55), (0.0, 0.8, -0.6))
BAG = Hang(flexion=1, abduction=10, rotation=5, elbow=8, free=0.4)


def point(azimuth_deg: float, height_deg: float, stretch: float = 0.95) -> Reach:
    """A nearly straight arm in a direction: azimuth outward from straight ahead, elevation above the horizontal."""
    a, h = np.radians([azimuth_deg, height_deg])
    x, y, z = stretch * np.cos(h) * np.cos(a), 0.33 + stretch * np.cos(h) * np.sin(a), stretch * np.sin(h) - 0.05
    return Reach((float(x), float(y), float(z)))


def wander(rng: np.random.Generator, pose: Reach, spread: float = 0.06) -> Reach:
    """The same pose with a small random shift of the wrist."""
    x, y, z = np.array(pose.target) + rng.normal(0, spread, 3)
    return Reach((float(x), float(y), float(z)), pose.elbow_pole, pose.free)


def gesture(rng: np.random.Generator, size: float) -> Reach:
    """A random pose of a talking hand in front of the body."""
    x, y, z = rng.uniform(0.36, 0.74), rng.uniform(0.02, 0.62), rng.uniform(-0.62, -0.02)
    return Reach((x * (0.6 + 0.4 * size), y, -0.45 + (z + 0.45) * size), (-0.3, rng.uniform(0.3, 1.0), -1.0))


def talking(rng: np.random.Generator, size: float, rest: Hand, resting: float = 0.25) -> Poses:
    """Beats and pauses of a hand in conversation."""
    while True:
        if rng.random() < resting:
            yield rest, rng.uniform(0.6, 2.0)
        for _ in range(int(rng.integers(2, 6))):
            yield gesture(rng, size), rng.uniform(0.0, 0.45)


def pointing(rng: np.random.Generator, rest: Hand) -> Poses:
    """Pointing in a direction: a long arm, held, swept, and taken back."""
    while True:
        azimuth, height = rng.uniform(-35, 85), rng.uniform(-25, 30)
        yield point(azimuth, height, rng.uniform(0.8, 0.97)), rng.uniform(0.2, 0.9)
        if rng.random() < 0.6:
            yield point(azimuth + rng.uniform(-40, 40), height + rng.uniform(-15, 15)), rng.uniform(0.1, 0.8)
        yield (rest if rng.random() < 0.5 else gesture(rng, 1.0)), rng.uniform(0.2, 1.0)


def waving(rng: np.random.Generator, rest: Hand) -> Poses:
    """A raised forearm that moves from side to side several times."""
    while True:
        high = rng.uniform(0.25, 0.65)
        pole = (0.0, 1.0, rng.uniform(-0.9, -0.2))
        for k in range(int(rng.integers(4, 9))):
            yield Reach((0.32, 0.40 + 0.36 * (k % 2), high - 0.06 * (k % 2)), pole), 0.0
        yield rest, rng.uniform(0.6, 1.8)


def shaking(rng: np.random.Generator, rest: Hand) -> Poses:
    """A handshake: out, up and down, back."""
    while True:
        x, y, z = wander(rng, SHAKE, 0.03).target
        for k in range(int(rng.integers(3, 7))):
            yield Reach((x, y, z + 0.10 * (k % 2))), 0.0
        yield rest, rng.uniform(0.5, 1.5)


def to_and_from(
    rng: np.random.Generator, near: Reach, far: Hand, near_s: tuple[float, float], far_s: tuple[float, float]
) -> Poses:
    """Back and forth between two poses, as in eating, drinking and smoking."""
    if rng.random() < 0.5:
        yield far, rng.uniform(*far_s)
    while True:
        yield wander(rng, near, 0.012), rng.uniform(*near_s)
        yield wander(rng, far, 0.05) if isinstance(far, Reach) else far, rng.uniform(*far_s)


def holding(
    rng: np.random.Generator, pose: Reach, spread: float = 0.02, hold: tuple[float, float] = (1.0, 2.5)
) -> Poses:
    """Keep a pose, with small corrections."""
    while True:
        yield wander(rng, pose, spread), rng.uniform(*hold)


def choosing(rng: np.random.Generator, poses: list[Hand], hold: tuple[float, float]) -> Poses:
    """One pose after another, in random order, never the same twice in a row."""
    last = -1
    while True:
        k = int(rng.integers(len(poses)))
        if k == last and len(poses) > 1:
            k = (k + 1) % len(poses)
        last = k
        pose = poses[k]
        yield wander(rng, pose, 0.03) if isinstance(pose, Reach) else pose, rng.uniform(*hold)


def picking(rng: np.random.Generator, rest: Hand) -> Poses:
    """Take things from shelves of all heights, look at them, put them away."""
    while True:
        yield Reach((rng.uniform(0.7, 0.92), rng.uniform(0.0, 0.5), rng.uniform(-0.5, 0.55))), rng.uniform(0.2, 0.6)
        if rng.random() < 0.75:
            yield wander(rng, CHEST, 0.05), rng.uniform(0.4, 1.4)
        yield (rest if rng.random() < 0.6 else Reach((0.25, 0.45, -0.70))), rng.uniform(0.2, 0.8)
