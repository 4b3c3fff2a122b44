"""What is wrong with 2D keypoints, by person and frame."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from srnet_core.keypoints._facing import side_votes
from srnet_core.keypoints._limbs import limb_problems
from srnet_core.keypoints._swaps import find_swaps
from srnet_core.keypoints.tracks import Keypoints, Track
from srnet_core.layouts import Layout, layouts_of_count
from srnet_core.layouts.geometry import decide, fit
from srnet_core.readers.frames import few

_MARGIN = 0.1  # of the image, how far a joint may lie outside
_SMALLEST_JUMP, _JUMP = 0.15, 0.6  # of the size of the person, from one frame to the next
_SEVERAL = 0.5  # share of the joints that jump together
FASTEST_SIZES_PER_S = 12.0
_LISTED = 6  # joints
_MOST_MISSING = 0.5
_IMPLAUSIBLE = 0.6
_UPSIDE_DOWN = 0.8  # share of the frames
_LYING_SLOPE = 2.0  # how many times as wide as high a trunk is that lies
_FRACTIONS = 2.0  # coordinates up to this are fractions of the image, not pixels
_FEWEST_VOTES, _MOST_FOR = 10, 0.15  # votes on the sides of a person, and the largest share of them for exchanged ones
_MANY_OUTSIDE = 0.01  # share of the joints
_BORDER, _AT_BORDER, _CUT_OFF = 0.015, 3, 0.25  # of the image; joints of a frame; share of the frames
_SMALLEST_PX, _FEWEST_JOINTS = 3.0, 3  # of a person that can be told from a point; joints that make a person
_FROZEN_FRAMES, _FROZEN_S = 10, 0.5  # shortest standstill that is told; films of fewer frames repeat some anyway
_STILL, _MOVING = 0.9, 0.3  # share of the frames in which a joint is exactly where it was: of one joint, of the others
_SAME_PLACE = 0.5  # share of the frames in which two joints lie at the same place
_BACK_AND_FORTH, _FAR, _NEAR = 0.3, 0.05, 0.5  # share of the frames; step in sizes; two steps as a share of one
_SAME_BOX, _RESHAPED = 0.004, 0.03  # of the box of a person: what no detector keeps to; of somebody who moves
_MOST_RESHAPED = 0.8  # quantile over the joints
_TALL, _BESIDE = 1.2, 0.75  # height of an image by its width; of the width, from where on a person stands at its side
_SUDDEN, _LEAST_SUDDEN = 6.0, 0.1  # times the usual step; of the size of the person
_USUALLY = 0.95  # of the steps
_LOWEST_FPS, _HIGHEST_FPS = 1.0, 1000.0
_BEYOND, _OFTEN_BEYOND, _SOMETIMES_BEYOND = 0.02, 0.2, 0.05  # of the image; share of the frames
_ASSUMED_FPS = 30.0
_LIMBS = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
_NOT_FOUND = ((0.0, 0.0), (-1.0, -1.0), (0.0, -3.0))  # what tools write for a joint that they did not find


TOO_FAST = "too fast"
_JUMPS_TEXT = (
    "The person jumps from one frame to the next: it may be somebody else from there on, or the video was cut."
)
_OF_SOME_FRAMES = frozenset(
    ("jump", "swapped sides", "missing", TOO_FAST, "outside image", "cut off", "frozen", "beyond border")
)


@dataclass(frozen=True)
class Problem:
    """One finding.

    Attributes:
        kind: "outside image", "many outside image", "jump", "swapped sides", "exchanged sides", "upside down", "lying",
            "wrong layout", "missing", "too fast", "fractions", "zeros", "large image", "cut off", "too small",
            "frozen", "implausible body", "exchanged limbs", "stretched", "still joint", "same place", "mixed frames",
            "size exchanged", "beyond border", "cut to person", "frame rate".
        person: name of the track, "" for all.
        first_frame, last_frame: numbers as in the file; `None` where the whole sequence is meant.
        text: one sentence.
        joints: names of the joints that are found too fast or at the same place, where the kind is about joints.
    """

    kind: str
    person: str
    first_frame: int | None
    last_frame: int | None
    text: str
    sequence: str = ""
    joints: tuple[str, ...] = ()

    @property
    def mistake(self) -> bool:
        """Whether the input as a whole looks mistaken; other findings are frames in which a tool was wrong."""
        return self.kind not in _OF_SOME_FRAMES


def check(keypoints: Keypoints, *, needed: Collection[int] | None = None) -> list[Problem]:
    """All problems of a recording, person by person; an empty list where nothing stands out.

    Args:
        needed: indices of the joints that matter; of others it is not said that they are too fast. `None` for all.
    """
    problems = [*_of_layout(keypoints), *_frame_rate(keypoints)]
    for track in keypoints.tracks:
        problems += _missing(keypoints, track)
        problems += _outside(keypoints, track)
        problems += _as_a_whole(keypoints, track)
        if keypoints.consecutive:
            jumps = _jumps(keypoints, track)
            problems += jumps
            problems += _too_fast(keypoints, track, needed)
            problems += _frozen(keypoints, track)
            problems += _swapped(keypoints, track)
    return problems


def check_whole(keypoints: Keypoints) -> list[Problem]:
    """Order of joints, axes, units, image size, bodies; of frames in which a tool was wrong, the first of each kind.

    Frames that are not consecutive are not compared with each other. Takes some milliseconds for a short clip.
    """
    problems = _of_layout(keypoints)
    for track in keypoints.tracks:
        problems += [problem for problem in _outside(keypoints, track)[:1] if problem.mistake]
        problems += _as_a_whole(keypoints, track)
        if keypoints.consecutive and not any(problem.mistake for problem in problems):
            problems += _jumps(keypoints, track)[:1]
            problems += _swapped(keypoints, track)[:1]  # takes long where all joints are mistaken
    return problems


def not_found(points: np.ndarray) -> np.ndarray:
    """(..., 2) -> (...) bool: points that tools write for joints they did not find: (0, 0), (-1, -1), (0, -3)."""
    x, y = points[..., 0], points[..., 1]
    found = np.zeros(x.shape, bool)
    for written_x, written_y in _NOT_FOUND:
        found |= (x == written_x) & (y == written_y)
    return found


def _problem(keypoints: Keypoints, kind: str, track: Track | None, frames, text: str) -> Problem:
    numbers = keypoints.frame_numbers
    first, last = (int(numbers[frames[0]]), int(numbers[frames[1]])) if frames else (None, None)
    return Problem(kind, track.name if track else "", first, last, text, keypoints.sequence)


def _runs(frames: np.ndarray) -> list[tuple[int, int]]:
    """[(first, last)] of neighbouring frame indices."""
    if not len(frames):
        return []
    cuts = np.flatnonzero(np.diff(frames) > 1)
    firsts, lasts = np.concatenate([[0], cuts + 1]), np.concatenate([cuts, [len(frames) - 1]])
    return [(int(frames[a]), int(frames[b])) for a, b in zip(firsts, lasts)]


def _of_layout(keypoints: Keypoints) -> list[Problem]:
    if keypoints.layout is None or not keypoints.tracks:
        return []
    points = np.concatenate([t.points[t.present] for t in keypoints.tracks[:10]])
    own = fit(points, keypoints.layout)
    better, _ = decide(points, layouts_of_count(keypoints.num_joints))
    if better is not None and better.name != keypoints.layout.name and fit(points, better).misfit < 0.7 * own.misfit:
        text = f"The bones fit the layout {better.name}, not {keypoints.layout.name}: layout='{better.name}'."
        return [_problem(keypoints, "wrong layout", None, None, text)]
    if _IMPLAUSIBLE < own.misfit < np.inf:
        text = f"With the layout {keypoints.layout.name} the bones do not have the proportions of a person."
        return [_problem(keypoints, "wrong layout", None, None, text)]
    return []


def _missing(keypoints: Keypoints, track: Track) -> list[Problem]:
    missing = track.missing
    present = track.present
    problems = []
    if present.any() and (share := missing[present].mean()) > _MOST_MISSING:
        text = f"{share:.0%} of the joints are missing in the frames where the person is seen."
        problems.append(_problem(keypoints, "missing", track, None, text))
    if keypoints.joint_names and present.any():
        never = [n for n, lost in zip(keypoints.joint_names, missing[present].all(axis=0)) if lost]
        if never and len(never) < len(keypoints.joint_names):
            text = f"Never found: {', '.join(never[:12])}{' ...' if len(never) > 12 else ''}."
            problems.append(_problem(keypoints, "missing", track, None, text))
    return problems


def _outside(keypoints: Keypoints, track: Track) -> list[Problem]:
    if keypoints.image_size is None or keypoints.units != "px":
        return []
    size = np.array(keypoints.image_size)
    with np.errstate(invalid="ignore"):
        beyond = (track.points < -_MARGIN * size) | (track.points > (1 + _MARGIN) * size)  # (T, J, 2)
    joints = np.any(beyond, axis=-1)  # (T, J)
    many = beyond.any() and joints[~track.missing].mean() > _MANY_OUTSIDE
    text = f"Joints lie outside the image of {size[0]} x {size[1]} pixels."
    with np.errstate(invalid="ignore"):
        if many and not (track.points > (1 + _MARGIN) * size[::-1]).any():
            text = text.removesuffix(".") + ": x and y may be exchanged, or width and height."
    kind = "many outside image" if many else "outside image"
    return [_problem(keypoints, kind, track, run, text) for run in _runs(np.flatnonzero(beyond.any(axis=(1, 2))))]


def _as_a_whole(keypoints: Keypoints, track: Track) -> list[Problem]:
    fractions = _fractions(keypoints, track)
    zeros, quarter = _zeros(keypoints, track), _large_image(keypoints, track)
    cut = [] if fractions else _cut_to_person(keypoints, track)
    return [
        *fractions,
        *zeros,
        *cut,
        *([] if fractions or cut else quarter),
        *([] if fractions else _too_small(keypoints, track)),
        *_upside_down(keypoints, track),
        *_lying(keypoints, track),
        *cut_off(keypoints, track),
        *_exchanged(keypoints, track),
        *_limbs(keypoints, track),
        *_still_joints(keypoints, track),
        *_same_place(keypoints, track),
        *_mixed_frames(keypoints, track),
        *([] if fractions else _beyond_border(keypoints, track)),
        *_beside(keypoints, track),
    ]


def _limbs(keypoints: Keypoints, track: Track) -> list[Problem]:
    if keypoints.layout is None:
        return []
    rate = (keypoints.fps or _ASSUMED_FPS) / keypoints.step if keypoints.consecutive else 0.0
    found = limb_problems(track.points, keypoints.layout, rate)
    return [_problem(keypoints, kind, track, None, text) for kind, text in found]


def _still_joints(keypoints: Keypoints, track: Track) -> list[Problem]:
    """Joints that lie at exactly the same place while the others move: a tool did not find them, or made them up."""
    both = ~track.missing[1:] & ~track.missing[:-1]  # (T - 1, J)
    count = both.sum(axis=0)
    known = count >= _FROZEN_FRAMES
    if known.sum() < _FEWEST_JOINTS:
        return []
    with np.errstate(invalid="ignore"):
        same = ((track.points[1:] == track.points[:-1]).all(axis=-1) & both).sum(axis=0) / np.maximum(count, 1)
    still = np.flatnonzero(known & (same >= _STILL))
    if not len(still) or np.median(same[known]) > _MOVING:
        return []
    names = _names(keypoints, still)
    text = f"{names} {'lies' if len(still) == 1 else 'lie'} at exactly the same place while the other joints move."
    return [_problem(keypoints, "still joint", track, None, text)]


def _same_place(keypoints: Keypoints, track: Track) -> list[Problem]:
    """Two different joints of the limbs at one place."""
    if keypoints.layout is None:
        return []
    limbs = [i for i, part in enumerate(keypoints.layout.parts) if part.partition("_")[2] in _LIMBS]
    problems = []
    for place, first in enumerate(limbs):
        for second in limbs[place + 1 :]:
            both = ~track.missing[:, first] & ~track.missing[:, second]
            with np.errstate(invalid="ignore"):
                same = (track.points[:, first] == track.points[:, second]).all(axis=-1) & both
            if same.sum() >= max(_FROZEN_FRAMES, _SAME_PLACE * both.sum()):
                names = _names(keypoints, [first, second])
                text = f"{names} lie at one place in {same.sum() / both.sum():.0%} of the frames."
                problems.append(_problem(keypoints, "same place", track, None, text))
    return problems


def _mixed_frames(keypoints: Keypoints, track: Track) -> list[Problem]:
    """Most joints go to another place and back in the frame after that, again and again."""
    if not keypoints.consecutive or len(track.points) < _FROZEN_FRAMES or not track.present.any():
        return []
    with np.errstate(invalid="ignore", divide="ignore"):
        size = float(np.nanmedian(track.sizes))
        one = _median_step(track.points[1:-1] - track.points[:-2]) / size
        two = _median_step(track.points[2:] - track.points[:-2]) / size
        back = (one > _FAR) & (two < _NEAR * one)
    if back.sum() < max(_FROZEN_FRAMES / 2, _BACK_AND_FORTH * np.isfinite(two).sum()):
        return []
    text = "The body goes back and forth from frame to frame: frames of several people or videos may be mixed."
    return [_problem(keypoints, "mixed frames", track, None, text)]


def _median_step(steps: np.ndarray) -> np.ndarray:
    """(T, J, 2) -> (T,) the median length over the joints; NaN where none is known."""
    lengths = np.sort(np.linalg.norm(steps, axis=-1), axis=1)  # NaN comes last
    known = np.isfinite(lengths).sum(axis=1)
    median: np.ndarray = lengths[np.arange(len(lengths)), np.maximum(known - 1, 0) // 2]
    return median


def _beyond_border(keypoints: Keypoints, track: Track) -> list[Problem]:
    """Joints that lie somewhat outside the image in many frames."""
    size = keypoints.image_size
    if size is None or keypoints.units != "px" or not track.present.any():
        return []
    edge = np.array(size)
    with np.errstate(invalid="ignore"):
        out = np.any((track.points < -_BEYOND * edge) | (track.points > (1 + _BEYOND) * edge), axis=(1, 2))
        far = np.any((track.points < -_MARGIN * edge) | (track.points > (1 + _MARGIN) * edge), axis=-1)
    share = out[track.present].mean()
    if share < _SOMETIMES_BEYOND or far[~track.missing].mean() > _MANY_OUTSIDE:  # told by `_outside`
        return []
    text = f"Joints lie outside the image of {size[0]} x {size[1]} pixels in {share:.0%} of the frames"
    known = track.points[~track.missing]
    if size[0] != size[1] and (known >= 0).all() and (known <= edge[::-1]).all():
        text += f", and all in one of {size[1]} x {size[0]}: width and height may be exchanged."
        return [_problem(keypoints, "size exchanged", track, None, text)]
    text += ": the image may be larger, or the person is cut off."
    return [_problem(keypoints, "beyond border", track, None, text)] if share >= _OFTEN_BEYOND else []


def _frame_rate(keypoints: Keypoints) -> list[Problem]:
    if keypoints.fps is None or _LOWEST_FPS <= keypoints.fps <= _HIGHEST_FPS:
        return []
    text = f"{keypoints.fps:g} frames per second are unusual for a video of people: the frame rate may be wrong."
    return [_problem(keypoints, "frame rate", None, None, text)]


def _names(keypoints: Keypoints, joints: Sequence[int] | np.ndarray) -> str:
    names = keypoints.joint_names
    return " and ".join(names[j] if names else f"joint {j}" for j in joints)


def _fractions(keypoints: Keypoints, track: Track) -> list[Problem]:
    size = keypoints.image_size
    known = track.points[~track.missing]
    if keypoints.units != "px" or size is None or min(size) < 10 * _FRACTIONS or not len(known):
        return []
    if np.abs(known).max() > _FRACTIONS:
        return []
    text = "All coordinates lie near 0 to 1: they look like fractions of the image, not pixels."
    return [_problem(keypoints, "fractions", track, None, text)]


def _zeros(keypoints: Keypoints, track: Track) -> list[Problem]:
    lost = not_found(track.points)
    if not lost.any():
        return []
    frames = np.flatnonzero(lost.any(axis=1))
    text = f"Joints at 0, 0 or -1, -1, as tools write missing ones: {int(lost.sum())}; frames with such: {len(frames)}."
    return [_problem(keypoints, "zeros", track, (frames[0], frames[-1]), text)]


def _large_image(keypoints: Keypoints, track: Track) -> list[Problem]:
    if keypoints.image_size is None or keypoints.units != "px" or not track.present.any():
        return []
    width, height = keypoints.image_size
    far = keypoints.reach()
    if far is None or not (far[0] < width / 2 and far[1] < height / 2):
        return []
    text = f"All joints lie in the upper left quarter of {width} x {height} pixels: the image may be smaller."
    return [_problem(keypoints, "large image", track, None, text)]


def _cut_to_person(keypoints: Keypoints, track: Track) -> list[Problem]:
    """The box of the person has the same size and place in every frame, whatever the person does."""
    seen = track.points[track.missing.sum(axis=1) == 0].astype(np.float64)
    if keypoints.units != "px" or len(seen) < _FROZEN_FRAMES:
        return []
    low, high = seen.min(axis=1), seen.max(axis=1)
    sides = (high - low).max(axis=-1)  # (T,)
    middles, size = (low + high) / 2, float(np.median(sides))
    if size < _SMALLEST_PX or max(np.std(sides), *np.std(middles, axis=0)) > _SAME_BOX * size:
        return []
    shapes = (seen - low[:, None]) / np.maximum(sides, 1e-9)[:, None, None]
    if np.quantile(np.std(shapes, axis=0), _MOST_RESHAPED) < _RESHAPED:  # somebody who stands still
        return []
    text = (
        "The person fills the same box in every frame: the coordinates look like those of pictures that were cut to "
        "the person, not of the whole image."
    )
    return [_problem(keypoints, "cut to person", track, None, text)]


def _beside(keypoints: Keypoints, track: Track) -> list[Problem]:
    """In a tall image all people keep to its upper part and this one stands at its right border."""
    size, reach = keypoints.image_size, keypoints.reach()
    if size is None or reach is None or keypoints.units != "px" or not track.present.any():
        return []
    width, height = size
    if height < _TALL * width:
        return []
    with np.errstate(invalid="ignore"):
        middle = float(np.nanmedian(track.points[track.present][..., 0]))
    if not _BESIDE * width < middle or reach[1] > (1 + _BEYOND) * width or reach[0] > height:
        return []
    text = f"All joints lie in the upper right of {width} x {height} pixels: width and height may be exchanged."
    return [_problem(keypoints, "size exchanged", track, None, text)]


def _too_small(keypoints: Keypoints, track: Track) -> list[Problem]:
    """All joints at one place: not a person, or coordinates in another unit."""
    if keypoints.units != "px":
        return []
    sizes = track.sizes[(~track.missing).sum(axis=1) >= _FEWEST_JOINTS]
    if not len(sizes) or (size := float(np.median(sizes))) >= _SMALLEST_PX:
        return []
    text = f"All joints lie within {size:.1f} pixels of each other: they look like one point, not like a person."
    return [_problem(keypoints, "too small", track, None, text)]


def _frozen(keypoints: Keypoints, track: Track) -> list[Problem]:
    """Frames that repeat the one before to the last digit, which no detector does with a new picture."""
    both = ~track.missing[1:] & ~track.missing[:-1]  # (T - 1, J)
    moved = (track.points[1:] != track.points[:-1]).any(axis=-1) & both
    same = ~moved.any(axis=1) & (both.sum(axis=1) >= _FEWEST_JOINTS)
    rate = (keypoints.fps or 0.0) / keypoints.step
    fewest = max(_FROZEN_FRAMES, round(_FROZEN_S * rate))
    problems = []
    for first, last in _runs(np.flatnonzero(same) + 1):
        if last - first + 2 >= fewest:
            text = f"{last - first + 2} frames are exactly alike: the tool may repeat what it found last."
            problems.append(_problem(keypoints, "frozen", track, (first - 1, last), text))
    return problems


def _lying(keypoints: Keypoints, track: Track) -> list[Problem]:
    if keypoints.layout is None:
        return []
    top = _mean(track, keypoints.layout, ("neck", "upper_neck", "left_shoulder", "right_shoulder"))
    bottom = _mean(track, keypoints.layout, ("hip", "left_hip", "right_hip"))
    with np.errstate(invalid="ignore"):
        wide, high = np.abs(top - bottom).T
    known = np.isfinite(wide) & np.isfinite(high)
    if known.sum() < 3 or (wide[known] > _LYING_SLOPE * high[known]).mean() < _UPSIDE_DOWN:
        return []
    text = (
        "The body lies on its side in most frames: x and y may be exchanged, or the picture turned, or somebody lies."
    )
    return [_problem(keypoints, "lying", track, None, text)]


def _upside_down(keypoints: Keypoints, track: Track) -> list[Problem]:
    if keypoints.layout is None:
        return []
    heads = _mean(track, keypoints.layout, ("head_top", "head", "nose", "upper_neck"))
    feet = _mean(track, keypoints.layout, ("left_ankle", "right_ankle", "left_hip", "right_hip"))
    across, down = (heads - feet).T
    known = np.isfinite(across) & np.isfinite(down)
    if known.sum() < 3 or (down[known] > 0).mean() < _UPSIDE_DOWN:
        return []
    text = "The head is below the hips in most frames: y may point up instead of down"
    wider = np.median(np.abs(across[known])) > np.median(np.abs(down[known]))
    text += ", or x and y be exchanged." if wider else "."
    return [_problem(keypoints, "upside down", track, None, text)]


def sides_told(keypoints: Keypoints, track: Track) -> bool | None:
    """Whether feet and face say that left and right of a person are right; `None` where they do not tell."""
    if keypoints.layout is None or keypoints.units != "px":
        return None
    votes_for, votes_against = side_votes(track, keypoints.layout)
    votes = votes_for + votes_against
    if votes < _FEWEST_VOTES or _MOST_FOR * votes < votes_for < (1 - _MOST_FOR) * votes:
        return None
    return votes_for > votes_against


def _exchanged(keypoints: Keypoints, track: Track) -> list[Problem]:
    if sides_told(keypoints, track) is not False:
        return []
    text = "Left and right look exchanged throughout: face and feet do not face the way that shoulders and hips do."
    return [_problem(keypoints, "exchanged sides", track, None, text)]


def cut_off(keypoints: Keypoints, track: Track) -> list[Problem]:
    """A person of whom the image shows only a part, with joints that the tool made up at its border."""
    size = keypoints.image_size
    if size is None or keypoints.units != "px" or not track.present.any() or _fractions(keypoints, track):
        return []
    edge = _BORDER * np.array(size)
    with np.errstate(invalid="ignore"):
        inside = ((track.points > -edge) & (track.points < size + edge)).all(axis=-1)
        near = ((track.points < edge) | (track.points > size - edge)).any(axis=-1)
    count = (inside & near).sum(axis=1)
    if (count[track.present] >= _AT_BORDER).mean() < _CUT_OFF:
        return []
    text = "Several joints lie on the image border in many frames: the person may be cut off, and these joints made up."
    return [_problem(keypoints, "cut off", track, None, text)]


def _mean(track: Track, layout: Layout, parts: tuple[str, ...]) -> np.ndarray:
    """(T, 2) mean place of the joints of these parts; NaN where none is found."""
    joints = [i for i, part in enumerate(layout.parts) if part in parts]
    points = track.points[:, joints]
    there = ~np.isnan(points)
    count = there.sum(axis=1)
    return np.where(count > 0, np.where(there, points, 0).sum(axis=1) / np.maximum(count, 1), np.nan)


def _steps(track: Track) -> np.ndarray:
    """(T - 1, J) how far each joint moves from frame to frame, in sizes of the person."""
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.nanmedian(track.sizes) if track.present.any() else np.nan
        return np.linalg.norm(np.diff(track.points, axis=0), axis=-1) / size


def _jumps(keypoints: Keypoints, track: Track) -> list[Problem]:
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = _steps(track)
        known = np.isfinite(steps).sum(axis=1)
        rate = None if keypoints.fps is None else keypoints.fps / keypoints.step
        jump = _JUMP if rate is None else min(_JUMP, max(_SMALLEST_JUMP, FASTEST_SIZES_PER_S / rate))
        far = (steps > jump).sum(axis=1)
        middle = np.nanmedian(np.where(known[:, None] > 0, steps, 0.0), axis=1)
        usual = np.nanquantile(middle, _USUALLY) if np.isfinite(middle).any() else np.inf
        sudden = middle > max(_LEAST_SUDDEN, _SUDDEN * usual)
    found = np.flatnonzero((known > 0) & ((far >= _SEVERAL * known) | sudden)) + 1
    return [_problem(keypoints, "jump", track, run, _JUMPS_TEXT) for run in _runs(found)]


def _too_fast(keypoints: Keypoints, track: Track, needed: Collection[int] | None) -> list[Problem]:
    if keypoints.fps is None:
        return []
    with np.errstate(invalid="ignore"):
        speeds = _steps(track) * keypoints.fps / keypoints.step
        fast = np.isfinite(speeds) & (speeds > FASTEST_SIZES_PER_S)
    if needed is not None:
        fast[:, [joint for joint in range(fast.shape[1]) if joint not in needed]] = False
    frames = np.flatnonzero(fast.any(axis=1)) + 1
    names = keypoints.joint_names or tuple(f"joint {joint}" for joint in range(speeds.shape[1]))
    problems = []
    for first, last in _runs(frames):
        joints = tuple(names[j] for j in np.flatnonzero(fast[first - 1 : last].any(axis=0)))
        problem = _problem(keypoints, TOO_FAST, track, (first, last), too_fast_text(joints))
        problems.append(replace(problem, joints=joints))
    return problems


def too_fast_text(joints: Sequence[str]) -> str:
    """One sentence about joints of these names."""
    return (
        f"{few(joints, _LISTED)} {'jumps' if len(joints) == 1 else 'jump'} faster than people move "
        f"({FASTEST_SIZES_PER_S:.0f} body sizes a second): probably found wrong there."
    )


def _swapped(keypoints: Keypoints, track: Track) -> list[Problem]:
    if keypoints.layout is None:
        return []
    order = find_swaps(track.points, keypoints.layout)
    moved = order != np.arange(order.shape[1])
    problems = []
    for first, last in _runs(np.flatnonzero(moved.any(axis=1))):
        joints = np.flatnonzero(moved[first : last + 1].any(axis=0))
        names = [keypoints.layout.joints[j] for j in joints[:6]]
        text = f"Left and right look exchanged: {', '.join(names)}{' ...' if len(joints) > 6 else ''}."
        problems.append(_problem(keypoints, "swapped sides", track, (first, last), text))
    return problems
