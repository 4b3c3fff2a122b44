"""The fifteen actions of Human3.6M as invented by this project: {name: function that writes into a `Draft`}.

Every function draws what the action leaves open (standing, walking or sitting; which hands; when) from the draft's own
random generator, so two takes of an action differ, just as two people who are told to "make a phone call" differ.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from srnet_core.synthetic import gestures as hands
from srnet_core.synthetic.curves import keyed
from srnet_core.synthetic.draft import Draft, deg
from srnet_core.synthetic.moves import (
    bow,
    crouch,
    floor_legs,
    kneel,
    look,
    now_and_then,
    on_chair,
    pace,
    roam,
    seated_share,
    sit_on_floor,
    stand,
)


def _pick(d: Draft, *choices: tuple[str, float]) -> str:
    names, weights = zip(*choices)
    return str(d.rng.choice(names, p=np.array(weights) / sum(weights)))


def _hands(d: Draft) -> tuple[int, int]:
    """(acting hand, other hand); the acting hand is usually the preferred one."""
    main = d.style.hand if d.rng.random() < 0.85 else 1 - d.style.hand
    return main, 1 - main


def _idle(d: Draft) -> hands.Hand:
    """Pose of a hand that has nothing to do."""
    return (d.hang(), d.hang(), hands.POCKET, hands.AKIMBO)[d.rng.integers(4)]


def _posture(d: Draft, *choices: tuple[str, float]) -> str:
    """Choose and play the movement of the rest of the body: stand, pace, roam or sit."""
    chosen = _pick(d, *choices)
    if chosen == "sit":
        on_chair(d)
    else:
        movements: dict[str, Callable[[Draft], None]] = {"stand": stand, "pace": pace, "roam": roam}
        movements[chosen](d)
    return chosen


def directions(d: Draft) -> None:
    """Give directions by pointing."""
    if d.rng.random() < 0.3:
        pace(d, room=0.5)
    else:
        stand(d, turn_deg=65, drift=0.14)
    main, other = _hands(d)
    d.play(main, hands.pointing(d.rng, d.hang()))
    if d.rng.random() < 0.4:
        d.play(other, hands.pointing(d.rng, d.hang()))
    else:
        d.play(other, hands.talking(d.rng, d.style.gesture, _idle(d), resting=0.6))
    look(d, yaw_deg=50)
    d.spine[:, 2] += d.noise(deg(9), hz=0.25)


def discussion(d: Draft) -> None:
    """Talk with both hands."""
    stand(d, turn_deg=30, drift=0.10) if d.rng.random() < 0.8 else pace(d, room=0.5)
    for side in range(2):
        d.play(side, hands.talking(d.rng, d.style.gesture, d.hang(), resting=0.3), pace=1.15)
    look(d, yaw_deg=22, pitch_deg=10, every=(0.6, 1.6))
    d.spine[:, 1] += d.noise(deg(5), hz=0.4)


def eating(d: Draft) -> None:
    """Eat, mostly at a table, else from the hand while standing or strolling."""
    main, other = _hands(d)
    posture = _pick(d, ("sit", 0.6), ("stand", 0.25), ("roam", 0.15))
    rest: hands.Hand
    if posture == "sit":
        on_chair(d, rising=0.12, forward=(4, 18), crossed=0.1)
        far, rest = hands.PLATE, hands.PLATE if d.rng.random() < 0.6 else hands.LAP
    else:
        _posture(d, (posture, 1.0))
        far, rest = hands.CHEST, hands.CHEST if d.rng.random() < 0.6 else d.hang()
    d.play(main, hands.to_and_from(d.rng, hands.MOUTH, far, (0.3, 0.8), (0.5, 1.8)))
    d.play(other, hands.holding(d.rng, rest, 0.03) if isinstance(rest, hands.Reach) else [(rest, 1e3)])
    look(d, yaw_deg=12, pitch_deg=7)
    d.neck[:, 1] += deg(10)


def greeting(d: Draft) -> None:
    """Wave, shake hands, bow or embrace."""
    stand(d, turn_deg=25) if d.rng.random() < 0.65 else pace(d, room=0.6)
    main, other = _hands(d)
    kind = _pick(d, ("wave", 0.4), ("shake", 0.3), ("bow", 0.15), ("hug", 0.15))
    if kind == "wave":
        d.play(main, hands.waving(d.rng, d.hang()), pace=1.2)
        if d.rng.random() < 0.3:
            d.play(other, hands.waving(d.rng, d.hang()), pace=1.2)
    elif kind == "shake":
        d.play(main, hands.shaking(d.rng, d.hang()), pace=1.2)
        bow(d, 0.5 + 0.5 * np.clip(d.noise(0.6, hz=0.3), -1, 1), d.rng.uniform(6, 20))
    elif kind == "bow":
        bow(d, now_and_then(d, 2, d.rng.uniform(0.7, 1.0), (0.2, 0.8)), d.rng.uniform(40, 70), head_deg=8)
        if d.rng.random() < 0.5:
            d.play_both(_pairs(d, [(hands.CLASP, hands.CLASP), (hands.LAP, hands.LAP)], (1.5, 3.0)))
    else:
        d.play_both(_pairs(d, [(hands.HUG, hands.HUG), (d.hang(), d.hang()), (hands.CHEST, hands.CHEST)], (0.5, 1.3)))
    look(d, yaw_deg=25, pitch_deg=8)


def phoning(d: Draft) -> None:
    """Hold a telephone to the ear."""
    posture = _posture(d, ("stand", 0.35), ("pace", 0.3), ("roam", 0.1), ("sit", 0.25))
    main, other = _hands(d)
    d.play(main, hands.holding(d.rng, hands.PHONE, 0.012))
    rest = [hands.LAP, hands.KNEE][d.rng.integers(2)] if posture == "sit" else _idle(d)
    d.play(other, hands.talking(d.rng, 0.9 * d.style.gesture, rest, resting=0.55))
    d.neck[:, 0] += (1 if main == 1 else -1) * deg(d.rng.uniform(2, 10))
    look(d, yaw_deg=25, pitch_deg=10)


def photo(d: Draft) -> None:
    """Take pictures: upright, crouching or kneeling, leaning for a better view."""
    stand(d, turn_deg=60, drift=0.18, every=(2.5, 5.0))
    stance = _pick(d, ("upright", 0.5), ("crouch", 0.3), ("kneel", 0.2))
    amount = now_and_then(d, 1, d.rng.uniform(0.9, 1.3), (1.2, 2.6))
    if stance == "kneel":
        d.heading[:], d.xy[:] = 0.0, 0.0
        kneel(d, amount, int(d.rng.integers(2)))
    elif stance == "crouch":
        crouch(d, amount, d.rng.uniform(0.5, 1.0), lean_deg=26)
    else:
        bow(d, amount, d.rng.uniform(-8, 28))
    d.play_both(_pairs(d, [(hands.EYES, hands.EYES), (hands.EYES, hands.EYES), (hands.CHEST, hands.CHEST)], (0.9, 2.6)))
    d.spine[:, 0] += d.noise(deg(6), hz=0.3)
    look(d, yaw_deg=8, pitch_deg=5)


def posing(d: Draft) -> None:
    """Strike poses for a photographer and keep them."""
    d.half_stance *= d.rng.uniform(1.0, 1.9)
    stand(d, turn_deg=75, drift=0.12, every=(1.8, 3.5))
    for side in range(2):
        chosen: list[hands.Hand] = [
            hands.AKIMBO,
            hands.STRONG,
            hands.OVERHEAD,
            hands.WIDE,
            hands.CROWN,
            hands.CHIN,
            d.hang(),
            hands.BEHIND,
        ]
        d.rng.shuffle(chosen)
        d.play(side, hands.choosing(d.rng, chosen[:5], (0.7, 1.8)))
    times = d.schedule(1.6, 3.0)
    d.spine += keyed(d.t, times, d.rng.normal(0, deg([9, 8, 14]), (len(times), 3)), 0.8)
    d.pelvis += keyed(d.t, times, d.rng.normal(0, deg([3, 4, 9]), (len(times), 3)), 0.8)
    crouch(d, keyed(d.t, times, np.maximum(d.rng.normal(-0.05, 0.14, len(times)), 0), 0.8), 1.0, lean_deg=8)
    look(d, yaw_deg=40, pitch_deg=14, every=(1.2, 2.6))


def purchases(d: Draft) -> None:
    """Take goods from shelves, look at them and put them into a bag."""
    pace(d, room=0.45, dwell=(1.2, 2.8)) if d.rng.random() < 0.5 else stand(d, turn_deg=45, drift=0.2, every=(1.6, 3.4))
    main, other = _hands(d)
    d.play(main, hands.picking(d.rng, d.hang()))
    if d.rng.random() < 0.35:
        d.play(other, hands.picking(d.rng, d.hang()))
    else:
        d.play(other, [(hands.BAG, 1e3)] if d.rng.random() < 0.5 else hands.holding(d.rng, hands.CHEST, 0.04))
    amount = now_and_then(d, 1, d.rng.uniform(0.8, 1.1), (0.4, 1.2))
    if d.rng.random() < 0.6:
        bow(d, amount, d.rng.uniform(25, 62), head_deg=-6)
    else:
        crouch(d, amount, d.rng.uniform(0.4, 0.95), lean_deg=34)
    look(d, yaw_deg=28, pitch_deg=12)


def sitting(d: Draft) -> None:
    """Sit on a chair: rest, talk, lean on the knees, stretch."""
    on_chair(d, rising=0.2, forward=(-18, 24), crossed=0.35)
    kind = _pick(d, ("rest", 0.35), ("talk", 0.3), ("elbows", 0.15), ("fold", 0.2))
    if kind == "talk":
        for side in range(2):
            d.play(side, hands.talking(d.rng, d.style.gesture, hands.LAP, resting=0.5))
    elif kind == "elbows":
        d.pelvis[:, 1] += deg(8)
        d.spine[:, 1] += deg(16)
        d.play_both(
            _pairs(d, [(hands.CHEST, hands.CHEST), (hands.CHIN, hands.KNEE), (hands.KNEE, hands.KNEE)], (1.0, 2.5))
        )
    else:
        pairs = [
            hands.FOLD,
            (hands.LAP, hands.LAP),
            (hands.KNEE, hands.LAP),
            (hands.LAP, hands.CHIN),
            (hands.CLASP, hands.CLASP),
        ]
        if kind == "fold":
            pairs = [hands.FOLD, (hands.LAP, hands.KNEE), (hands.CROWN, hands.CROWN)]
        d.play_both(_pairs(d, pairs, (1.2, 3.0)))
    look(d, yaw_deg=38, pitch_deg=10)


def sitting_down(d: Draft) -> None:
    """Sit on the floor with legs long, bent or crossed; some takes include sitting down or getting up."""
    down = seated_share(d, rising=0.3)
    sit_on_floor(d, down)
    d.half_stance *= 1.1
    moves = bool(down.min() < 1)
    if moves:
        floor_legs(d, (["bent"] * 2, ["bent"] * 2), np.array([d.t[0], d.end]))
        d.play_both(_pairs(d, [(hands.CHEST, hands.CHEST), (hands.PLATE, hands.PLATE)], (0.8, 2.0)))
    else:
        kinds = (
            ["crossed", "crossed"]
            if d.rng.random() < 0.3
            else [str(d.rng.choice(["bent", "far", "long", "apart"])) for _ in range(2)]
        )
        times = d.schedule(2.5, 5.0)
        left, right = (
            [k if d.rng.random() < 0.5 or k == "crossed" else str(d.rng.choice(["bent", "far", "long"])) for _ in times]
            for k in kinds
        )
        floor_legs(d, (left, right), times)
        lean = d.rng.uniform(-34, -22) if d.rng.random() < 0.3 else d.rng.uniform(-10, 14)
        d.pelvis[:, 1] += deg(0.6 * lean)
        d.spine[:, 1] += deg(0.4 * lean)
        if lean < -20:
            pairs = [(hands.PROP, hands.PROP), (hands.PROP, hands.LAP), (hands.LAP, hands.PROP)]
        else:
            pairs = [
                (hands.SHIN, hands.SHIN),
                (hands.KNEE, hands.LAP),
                (hands.LAP, hands.LAP),
                (hands.CHEST, hands.KNEE),
            ]
        d.play_both(_pairs(d, pairs, (1.2, 2.8)))
    look(d, yaw_deg=38, pitch_deg=10)


def smoking(d: Draft) -> None:
    """Move a cigarette to the mouth and away, standing, strolling or seated."""
    posture = _posture(d, ("stand", 0.4), ("pace", 0.2), ("roam", 0.1), ("sit", 0.3))
    main, other = _hands(d)
    choices: list[hands.Hand] = [hands.KNEE if posture == "sit" else d.hang(), hands.CHEST]
    far = choices[d.rng.integers(2)]
    d.play(main, hands.to_and_from(d.rng, hands.MOUTH, far, (0.5, 1.3), (1.2, 3.0)))
    rest = hands.LAP if posture == "sit" else _idle(d)
    d.play(other, [(rest, 1e3)])
    look(d, yaw_deg=32, pitch_deg=10)


def waiting(d: Draft) -> None:
    """Wait: arms folded, hands on the hips or in the pockets, a glance at the watch, some pacing."""
    posture = _posture(d, ("stand", 0.5), ("pace", 0.25), ("sit", 0.25))
    r = d.rng
    pairs: list[tuple[hands.Hand, hands.Hand]]
    if posture == "sit":
        pairs = [hands.FOLD, (hands.LAP, hands.LAP), (hands.WATCH, hands.LAP), (hands.KNEE, hands.CHIN)]
    else:
        pairs = [
            hands.FOLD,
            (hands.AKIMBO, hands.AKIMBO),
            (hands.POCKET, hands.POCKET),
            (hands.WATCH, d.hang()),
            (d.hang(), hands.HEAD),
            (hands.BEHIND, hands.BEHIND),
            (d.hang(), d.hang()),
        ]
    r.shuffle(pairs)
    d.play_both(_pairs(d, pairs[:4], (1.0, 2.8)))
    look(d, yaw_deg=55, pitch_deg=12)


def walk_dog(d: Draft) -> None:
    """Walk with a hand on a leash that pulls; stop and stoop to the dog."""
    main, other = _hands(d)
    if d.rng.random() < 0.5:
        roam(d, speed=0.9)
        bow(d, 0.5 + d.noise(0.2, hz=0.4), 12)
    else:
        pace(d, room=0.7, dwell=(0.6, 2.2))
        crouch(d, now_and_then(d, 1, 0.9, (0.8, 1.6)), d.rng.uniform(0.4, 0.85), lean_deg=42)
    d.play(main, hands.holding(d.rng, hands.LEASH, 0.07, (0.1, 0.6)), pace=0.9)
    d.play(other, [(d.hang(), 1e3)] if d.rng.random() < 0.7 else hands.talking(d.rng, 0.8, d.hang(), resting=0.8))
    side = 1 if main == 0 else -1
    d.spine[:, 2] += side * deg(-8)
    d.neck[:, 1] += deg(d.rng.uniform(4, 16))
    look(d, yaw_deg=22, pitch_deg=8)


def walking(d: Draft) -> None:
    """Walk about."""
    roam(d, speed=d.rng.uniform(0.85, 1.08))
    look(d, yaw_deg=14, pitch_deg=5)


def walk_together(d: Draft) -> None:
    """Walk beside somebody: head and chest turned to one side, some talk, stops."""
    if d.rng.random() < 0.65:
        roam(d, speed=d.rng.uniform(0.75, 0.95))
    else:
        pace(d, room=0.8, dwell=(0.2, 0.9))
    side = float(d.rng.choice([-1, 1]))
    d.neck[:, 2] += side * deg(d.rng.uniform(12, 26))
    d.spine[:, 2] += side * deg(d.rng.uniform(2, 9))
    if d.rng.random() < 0.6:
        d.play(int(d.rng.integers(2)), hands.talking(d.rng, 0.8 * d.style.gesture, d.hang(), resting=0.6))
    look(d, yaw_deg=16, pitch_deg=7)


def _pairs(
    d: Draft, pairs: Sequence[tuple[hands.Hand, hands.Hand]], hold: tuple[float, float]
) -> Iterator[tuple[tuple[hands.Hand, hands.Hand], float]]:
    """Pairs of poses with their duration in seconds, in random order and with sides swapped at random; endless."""
    last = -1
    while True:
        k = int(d.rng.integers(len(pairs)))
        k = (k + 1) % len(pairs) if k == last else k
        last = k
        one, other = (hands.wander(d.rng, p, 0.02) if isinstance(p, hands.Reach) else p for p in pairs[k])
        yield ((one, other) if d.rng.random() < 0.5 else (other, one)), d.rng.uniform(*hold)


ACTIONS: dict[str, Callable[[Draft], None]] = {
    "Directions": directions,
    "Discussion": discussion,
    "Eating": eating,
    "Greeting": greeting,
    "Phoning": phoning,
    "Photo": photo,
    "Posing": posing,
    "Purchases": purchases,
    "Sitting": sitting,
    "SittingDown": sitting_down,
    "Smoking": smoking,
    "Waiting": waiting,
    "WalkDog": walk_dog,
    "Walking": walking,
    "WalkTogether": walk_together,
}
