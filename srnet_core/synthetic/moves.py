"""Movements of the whole body: roaming, standing, sitting on a chair or on the floor, bending, crouching."""

import numpy as np

from srnet_core.synthetic.curves import keyed, min_jerk, smooth
from srnet_core.synthetic.draft import Draft, bump, deg
from srnet_core.synthetic.pose import LEFT, RIGHT, SIDE

TURN_RATE = 1.05  # radians per second on average, when turning on the spot
TURNING_RATE = 2.1  # radians per second, about the maximum when walking round a bend
SEAT_HEIGHT = 0.255  # of stature: popliteal height, Drillis & Contini (knee 0.285 less the thigh's half thickness)
# of stature: the hip joint is about 9 to 10 cm above the seat or the floor
SEATED_HIP_ABOVE_SEAT, FLOOR_HIP_HEIGHT = 0.050, 0.060


def roam(d: Draft, *, speed: float = 1.0, radius: tuple[float, float] = (0.75, 1.2)) -> None:
    """Walk along a closed path, a bent ellipse or a figure of eight, slower where it bends."""
    curve = _closed_path(d, radius)
    metres = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=-1))])
    pieces = np.diff(metres)
    ahead = np.unwrap(np.arctan2(*np.diff(curve, axis=0).T[::-1]))
    lap = np.round((ahead[-1] - ahead[0]) / (2 * np.pi)) * 2 * np.pi
    bend = np.abs(np.diff(ahead, append=ahead[0] + lap)) / pieces
    pace = speed * d.style.walk_speed * d.body.stature / 1.75
    slower = 1 / np.sqrt(1 + (bend * pace / TURNING_RATE) ** 2)
    seconds = np.concatenate([[0.0], np.cumsum(pieces / (pace * slower))])
    clock = d.t - d.t[0] + d.rng.uniform(0, seconds[-1]) + d.noise(0.07, hz=0.2)
    on_lap, laps = clock % seconds[-1], clock // seconds[-1]
    d.xy += np.stack([np.interp(on_lap, seconds, curve[:, k]) for k in range(2)], axis=-1)
    middle = (seconds[1:] + seconds[:-1]) / 2
    around = np.concatenate([ahead[-1:] - lap, ahead, ahead[:1] + lap])
    when = np.concatenate([middle[-1:] - seconds[-1], middle, middle[:1] + seconds[-1]])
    d.heading += smooth(np.interp(on_lap, when, around) + lap * laps, 12)
    _walk_posture(d)


def _closed_path(d: Draft, radius: tuple[float, float]) -> np.ndarray:
    """(K, 2) metres of a closed curve, its first point repeated at its end."""
    r, u = d.rng, np.linspace(0, 2 * np.pi, 721)
    a, b = r.uniform(*radius) * d.scale, r.uniform(0.75 * radius[0], 0.8 * radius[1]) * d.scale
    if r.random() < 0.3:
        curve = np.stack([1.1 * a * np.sin(u), 0.9 * b * np.sin(2 * u)], axis=-1)
    else:
        wave, at = r.uniform(0, 0.10), r.uniform(0, 2 * np.pi)
        size = 1 + wave * np.cos(2 * u + at) + 0.5 * wave * np.cos(3 * u - at)
        curve = size[:, None] * np.stack([1.15 * a * np.cos(u), b * np.sin(u)], axis=-1)
    return curve if r.random() < 0.5 else curve[::-1]


def _walk_posture(d: Draft) -> None:
    """Add the posture of walking: feet closer together, a slight forward lean, and a lean into the curve."""
    d.half_stance[:] = d.body.half_hips * d.rng.uniform(0.5, 0.75)
    d.pelvis[:, 1] += deg(d.rng.uniform(1, 5))
    rate = np.gradient(d.heading, d.t)
    d.pelvis[:, 0] -= deg(1.5) * np.clip(rate, -1.5, 1.5)
    d.neck[:, 2] += 0.25 * np.clip(rate, -1.2, 1.2)  # people look ahead along the curve
    d.stride_s = 1.12 / d.style.tempo**0.5


def pace(d: Draft, *, room: float = 0.75, dwell: tuple[float, float] = (0.3, 1.6), speed: float = 0.62) -> None:
    """Walk back and forth between random points within `room` metres, stopping and turning at each."""
    now, at, facing = float(d.t[0]), np.zeros(2), d.rng.uniform(-np.pi, np.pi)
    now -= d.rng.uniform(0, 2)
    times, positions, turn_times, turns = [now], [at], [now], [facing]
    while now < d.end:
        goal = d.rng.uniform(-room, room, 2) * d.scale
        if np.linalg.norm(goal - at) < 0.55 * room * d.scale:
            continue
        wanted = np.arctan2(*(goal - at)[::-1])
        change = (wanted - facing + np.pi) % (2 * np.pi) - np.pi
        turning = 0.35 + abs(change) / TURN_RATE
        turn_times += [now, now + turning]
        turns += [facing, facing + change]
        start = now + 0.6 * turning
        stop = max(start + 0.7 + np.linalg.norm(goal - at) / (speed * d.style.tempo), now + turning)
        times += [start, stop]
        positions += [at, goal]
        at, facing, now = goal, facing + change, stop + d.rng.uniform(*dwell)
    d.xy += keyed(d.t, times, positions)
    d.heading += keyed(d.t, turn_times, turns)
    _walk_posture(d)
    d.half_stance[:] = 0.5 * (d.half_stance + d.style.half_stance)


def stand(d: Draft, *, turn_deg: float = 35, drift: float = 0.10, every: tuple[float, float] = (2.0, 4.5)) -> None:
    """Stand: shift the weight from leg to leg, with an occasional turn or small movement of the feet."""
    times = d.schedule(*every)
    turns = np.cumsum(d.rng.uniform(-1, 1, len(times)) * deg(turn_deg))
    hold = np.maximum(np.diff(times, append=times[-1] + every[1]) - 0.5 - deg(turn_deg) * 2 / TURN_RATE, 0.1)
    d.heading += keyed(d.t, times, turns, hold)
    d.xy += keyed(d.t, times, d.rng.normal(0, drift, (len(times), 2)) * d.scale, hold)
    d.half_stance *= d.rng.uniform(0.85, 1.35)
    d.lean_on_one_leg()
    d.stride_s = 1.2 / d.style.tempo**0.5


def look(d: Draft, *, yaw_deg: float = 35, pitch_deg: float = 8, every: tuple[float, float] = (0.9, 2.8)) -> None:
    """Turn the head in random directions, and the shoulders a little with it."""
    times = d.schedule(*every)
    yaw, pitch = d.rng.uniform(-1, 1, (2, len(times)))
    hold = 0.35 * np.diff(times, append=times[-1] + every[1])
    d.neck[:, 2] += keyed(d.t, times, deg(yaw_deg) * yaw, hold)
    d.neck[:, 1] += keyed(d.t, times, deg(pitch_deg) * pitch, hold)
    d.spine[:, 2] += keyed(d.t, times + 0.1, deg(0.22 * yaw_deg) * yaw, hold)


def bow(d: Draft, amount: np.ndarray, degrees: float, *, head_deg: float = 0.0) -> None:
    """Bend forward from the hips and the back; the hips go back so that the body stays above the feet."""
    d.pelvis[:, 1] += deg(0.52 * degrees) * amount
    d.spine[:, 1] += deg(0.48 * degrees) * amount
    d.neck[:, 1] += deg(head_deg) * amount
    d.hip_shift[:, 0] -= 0.0022 * degrees * amount
    d.hip_drop += 0.0006 * degrees * amount


def crouch(d: Draft, amount: np.ndarray, depth: float, *, lean_deg: float = 30) -> None:
    """Bend the knees: `depth` 1 brings the hips to knee height."""
    down = depth * amount * d.body.shank
    d.hip_drop += down
    d.hip_shift[:, 0] -= 0.42 * down
    d.pelvis[:, 1] += deg(0.4 * lean_deg) * depth * amount
    d.spine[:, 1] += deg(0.9 * lean_deg) * depth * amount
    d.neck[:, 1] -= deg(0.5 * lean_deg) * depth * amount
    d.knee_out += deg(8) * (depth * amount)[:, None]


def kneel(d: Draft, amount: np.ndarray, side: int) -> None:
    """Go down on one knee: the foot of that side goes back and stands on its toes."""
    back, toes = 0.92 * d.body.shank, 0.055
    d.foot_shift[:, side] += np.stack([-back * amount, 0.03 * SIDE[side] * amount, toes * amount], axis=-1)
    d.foot_shift[:, side, 2] += 0.10 * np.clip(4 * amount * (1 - amount), 0, 1) ** 2
    d.hip_drop += amount * (d.body.standing_hip_height - d.body.thigh - 0.085)
    d.hip_shift[:, 0] -= 0.05 * amount
    d.pelvis[:, 1] += deg(6) * amount


def sit(d: Draft, seated: np.ndarray, *, slouch_deg: float, forward_deg: float) -> None:
    """Sit on a chair as far as `seated` (0 to 1); while sitting down and rising, the trunk leans over the feet."""
    b = d.body
    height = b.stature * (SEAT_HEIGHT + SEATED_HIP_ABOVE_SEAT) + d.rng.uniform(-0.03, 0.04)
    d.hip_drop += (b.standing_hip_height - height) * seated
    d.hip_shift[:, 0] -= (b.thigh * 0.97 - 0.02) * seated**1.25
    moving = 16 * seated**2 * (1 - seated) ** 2
    d.pelvis[:, 1] += deg(24) * moving + deg(forward_deg - 0.8 * slouch_deg) * seated
    d.spine[:, 1] += deg(16) * moving + deg(1.1 * slouch_deg) * seated
    d.neck[:, 1] += deg(-12) * moving - deg(0.4 * forward_deg) * seated
    d.knee_out += deg(d.rng.uniform(0, 16)) * seated[:, None]


def place_feet(d: Draft, side: int, times: np.ndarray, shifts: np.ndarray, *, lift: float = 0.05) -> None:
    """Move a sitter's foot through (K, 3) shifts (forward, outward, up, metres), lifting it in between."""
    shifts = np.asarray(shifts, float) * np.array([1.0, SIDE[side], 1.0])
    travel = 0.75 / d.style.tempo
    hold = np.maximum(np.diff(times, append=times[-1] + 1.0) - travel, 0.05)
    d.foot_shift[:, side] += keyed(d.t, times, shifts, hold)
    for k in range(len(times) - 1):
        u = min_jerk((d.t - times[k] - hold[k]) / (times[k + 1] - times[k] - hold[k]))
        far = float(np.linalg.norm((shifts[k + 1] - shifts[k])[:2]))
        d.foot_shift[:, side, 2] += min(lift, 0.4 * far) * 16 * u**2 * (1 - u) ** 2


def chair_legs(d: Draft) -> None:
    """Move the legs under and in front of a chair: forward, tucked in, apart, one stretched."""
    for side in (LEFT, RIGHT):
        times = d.schedule(2.0, 5.0)
        stretch = d.rng.choice([-0.10, -0.04, 0.05, 0.14, 0.26], len(times)) + d.rng.normal(0, 0.02, len(times))
        apart = d.rng.uniform(-0.03, 0.14, len(times))
        place_feet(d, side, times, np.stack([stretch, apart, np.zeros(len(times))], axis=-1))


def cross_legs(d: Draft, amount: np.ndarray, side: int) -> None:
    """Lay one thigh over the other, so that the foot hangs in the air on the other side."""
    b = d.body
    d.foot_shift[:, side] += np.stack(
        [0.15 * amount, -SIDE[side] * 0.24 * amount, 0.20 * b.shank / 0.43 * amount], axis=-1
    )
    d.knee_up[:, side] += 1.2 * amount
    d.knee_out[:, side] -= deg(10) * amount
    d.pelvis[:, 0] += SIDE[side] * deg(4) * amount


def seated_share(d: Draft, *, rising: float = 0.3) -> np.ndarray:
    """(N,) 0 standing to 1 seated: constantly 1, or sitting down or getting up during the take."""
    if d.rng.random() >= rising:
        return np.ones(len(d.t))
    change = min_jerk((d.t - d.rng.uniform(1.2, 3.5)) / (d.rng.uniform(1.5, 1.9) / d.style.tempo))
    return change if d.rng.random() < 0.5 else 1 - change


def on_chair(d: Draft, *, rising: float = 0.3, forward: tuple[float, float] = (-14, 16), crossed: float = 0.3) -> None:
    """Sit on a chair in a random posture: upright, slouched, leaning forward; legs apart, stretched or crossed."""
    seated = seated_share(d, rising=rising)
    sit(d, seated, slouch_deg=d.rng.uniform(4, 24), forward_deg=d.rng.uniform(*forward))
    times = d.schedule(2.0, 5.0)
    d.spine[:, :2] += keyed(d.t, times, d.rng.normal(0, deg(5), (len(times), 2)), 0.5) * seated[:, None]
    d.pelvis[:, 1] += keyed(d.t, times, d.rng.normal(0, deg(5), len(times)), 0.5) * seated
    if seated.min() < 1:
        return
    if d.rng.random() < crossed:
        cross_legs(d, seated, int(d.rng.integers(2)))
    else:
        chair_legs(d)


def sit_on_floor(d: Draft, down: np.ndarray) -> None:
    """Sit on the floor as far as `down` (0 to 1), from standing through a deep crouch."""
    b = d.body
    d.hip_drop += (b.standing_hip_height - FLOOR_HIP_HEIGHT * b.stature) * down
    d.hip_shift[:, 0] -= 0.47 * b.leg * down**1.5
    moving = 16 * down**2 * (1 - down) ** 2
    d.pelvis[:, 1] += deg(8) * moving - deg(27) * down
    d.spine[:, 1] += deg(32) * moving + deg(34) * down
    d.neck[:, 1] -= deg(22) * moving + deg(6) * down


# For a floor sitter: shift of the foot from its position in a crouch (forward, outward, up, in leg lengths), and
# outward angle of the knee in degrees.
FLOOR_LEGS = {
    "bent": ((0.18, 0.02, 0.0), 10.0),
    "far": ((0.28, 0.05, 0.0), 6.0),
    "long": ((0.45, 0.02, 0.0), 4.0),
    "crossed": ((-0.01, -0.17, 0.0), 44.0),
    "apart": ((0.35, 0.18, 0.0), 18.0),
}


def floor_legs(d: Draft, names: tuple[list[str], list[str]], times: np.ndarray) -> None:
    """Let each leg of a floor sitter go through named poses of `FLOOR_LEGS` at the times in seconds."""
    for side in (LEFT, RIGHT):
        chosen = [FLOOR_LEGS[name] for name in names[side]]
        place_feet(d, side, times, d.body.leg * np.array([shift for shift, _ in chosen]), lift=0.04)
        d.knee_out[:, side] += keyed(d.t, times, [deg(out) for _, out in chosen], 0.3)


def now_and_then(d: Draft, count: int, rise: float, hold: tuple[float, float]) -> np.ndarray:
    """(N,) `count` smooth excursions from 0 to 1 and back, one after another, repeated in long takes."""
    amount, start = np.zeros(len(d.t)), float(d.t[0]) + d.rng.uniform(1.0, 2.5)
    while start < d.end:
        for _ in range(count):
            stay = d.rng.uniform(*hold)
            amount += bump(d.t, start, rise, stay, rise)
            start += 2 * rise + stay + d.rng.uniform(0.4, 1.6)
        start += d.rng.uniform(0.5, 3.0)
    return amount
