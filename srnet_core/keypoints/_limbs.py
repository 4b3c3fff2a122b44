"""Whether the keypoints of a person can be joints of one body, told by the lengths of bones and by the sides of limbs.

- **Too long.** A bone looks short where it points to the camera, but never longer than it is. Where one looks much
  longer than the others allow, one of its ends is elsewhere: it is of another person, or the tool never found it.
- **Crossed.** With left and right of some joints exchanged throughout, limbs cross: hips and shoulders disagree on
  which side is left, thighs and shanks both cross, or forearms cross and look too long for that.
- **Stretched.** Where bones that lie look longer than bones that stand, y may be scaled less than x.

The limits are a third beyond the largest values in 1,748 clips of motion capture (22 people, sports and exercises, four
cameras), whole and cut to one second, exact and with noise of 1 % of the person's size.
"""

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from srnet_core.layouts import Layout
from srnet_core.layouts.parts import FIGURE_M

_FEWEST_FRAMES, _FEWEST_BONES = 10, 6
_FEWEST_FOR_SIDES = 30  # frames: people twist for a while
_TOO_LONG = {  # times the scale of the body
    ("shoulder", "hip"): 1.7,
    ("hip", "knee"): 1.45,
    ("knee", "ankle"): 1.5,
    ("shoulder", "elbow"): 1.5,
    ("elbow", "wrist"): 1.75,
    ("shoulder", "shoulder"): 2.2,
    ("hip", "hip"): 1.6,
}
_OFTEN = 0.3  # share of the frames
_SCALE_QUANTILE = 0.75  # over the bones of a frame
_SCALE_KEPT_S = 1.0  # how long the largest scale is kept: people bend to the camera and up again
_WIDE = 0.2  # of the trunk, from which on a pair tells which side is left
_OPPOSITE = -0.3  # cosine between two pairs
_TELLING = 0.3  # share of the frames in which both pairs are wide
_TRUNK_TWISTED, _LEGS_CROSSED, _ARMS_CROSSED, _SHANKS_CROSSED = 0.8, 0.4, 0.7, 0.85  # share of the telling frames
_LONG_FOREARM, _LONG_SHANK = 1.35, 1.15  # times the scale of the body
_LIES, _STANDS = 0.5, 0.87  # sine of a bone's angle with the rows of the image: at most, at least
_FEWEST_OF_A_KIND = 0.05  # lying and standing bones, in each frame on average
_LONGEST = 0.9  # quantile of bones of one kind
_STRETCHED, _WHICH_LONGEST = (
    1.3,
    3,
)  # times as long lying as standing; the longest two may be mistaken for other reasons
_SEGMENTS = (("shoulder", "hip"), ("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
_BONES = (
    *((f"{side}_{upper}", f"{side}_{lower}") for side in ("left", "right") for upper, lower in _SEGMENTS),
    ("left_shoulder", "right_shoulder"),
    ("left_hip", "right_hip"),
)


def limb_problems(points: np.ndarray, layout: Layout, rate: float) -> Iterator[tuple[str, str]]:
    """(kind, sentence) of what cannot be a body.

    Args:
        points: (T, J, 2) of one person, NaN where missing.
        rate: frames per second.
    """
    bones = [(a, b) for a, b in _BONES if a in layout.parts and b in layout.parts]
    if len(points) < _FEWEST_FRAMES or len(bones) < _FEWEST_BONES:
        return
    joints = np.array([[layout.parts.index(end) for end in bone] for bone in bones])
    across = points[:, joints[:, 0]].astype(np.float64) - points[:, joints[:, 1]]  # (T, B, 2)
    figure = np.array([np.subtract(FIGURE_M[a], FIGURE_M[b]) for a, b in bones])
    lengths = np.linalg.norm(across, axis=-1)
    ratios = lengths / np.linalg.norm(figure, axis=-1)
    whole = np.isfinite(ratios).sum(axis=1) >= _FEWEST_BONES
    if whole.sum() < _FEWEST_FRAMES:
        return
    across, ratios, lengths, points = across[whole], ratios[whole], lengths[whole], points[whole]
    scale = _kept(_upper(ratios), round(_SCALE_KEPT_S * rate))
    relative = ratios / np.maximum(scale, 1e-9)[:, None]
    at = {end: place for place, end in enumerate(layout.parts) if end}
    crossed = _crossed(points, relative, bones, at) if len(points) >= _FEWEST_FOR_SIDES else ""
    if crossed:
        yield "exchanged limbs", crossed
    elif long := _too_long(relative, bones, joints, layout):
        yield "implausible body", long
    elif (stretch := _stretch(across, relative, lengths)) > _STRETCHED:
        yield (
            "stretched",
            f"Bones that lie in the image look {stretch:.1f} times as long as bones that stand: x and y may be scaled "
            "differently, or the camera looks down steeply.",
        )


def _upper(ratios: np.ndarray) -> np.ndarray:
    """(T, B) -> (T,) the scale of the body in each frame: a quantile over the bones that are known."""
    known = np.isfinite(ratios).sum(axis=1)
    ordered = np.sort(ratios, axis=1)  # NaN comes last
    scale: np.ndarray = ordered[np.arange(len(ratios)), np.round(_SCALE_QUANTILE * (known - 1)).astype(int)]
    return scale


def _kept(values: np.ndarray, frames: int) -> np.ndarray:
    """(T,) the largest value of the neighbouring frames."""
    frames = min(max(frames, 0), len(values))
    return sliding_window_view(np.pad(values, (frames, frames), "edge"), 2 * frames + 1).max(axis=-1)


def _too_long(relative: np.ndarray, bones: list[tuple[str, str]], joints: np.ndarray, layout: Layout) -> str:
    """A sentence about bones that are too long in many frames, and the joint that all of them end at; or nothing."""
    limits = np.array([_TOO_LONG[_kind(a), _kind(b)] for a, b in bones])
    with np.errstate(invalid="ignore"):
        known = np.isfinite(relative).sum(axis=0)
        share = (relative > limits).sum(axis=0) / np.maximum(known, 1)
    long = np.flatnonzero((share > _OFTEN) & (known >= _FEWEST_FRAMES))
    if not len(long):
        return ""
    shared = set(joints[long[0]]).intersection(*(set(joints[i]) for i in long))
    times = np.nanquantile(relative[:, long], 1 - _OFTEN, axis=0)
    worst = int(np.argmax(times))
    first, second = (layout.joints[j] for j in joints[long[worst]])
    text = f"{first} and {second} are {times[worst]:.1f} times as far apart as the rest of the body allows"
    if len(long) > 1 and len(shared) == 1:
        return f"{text}, and other bones at {layout.joints[shared.pop()]} are too long: it is not where that joint is."
    if len(long) > 1:
        return f"{text}, and other bones are too long too: joints may be of two people, or in another order."
    return f"{text}: one of them is elsewhere, or of another person."


def _kind(part: str) -> str:
    """ "left_hip" -> "hip"."""
    return part.partition("_")[2]


def _crossed(points: np.ndarray, relative: np.ndarray, bones: list[tuple[str, str]], at: dict[str, int]) -> str:
    """A sentence about limbs whose left and right are exchanged throughout, or nothing."""
    ends = [(f"{side}_shoulder", f"{side}_hip") for side in ("left", "right")]
    if not all(end in at for pair in ends for end in pair):
        return ""
    middles = [points[:, [at[pair[i]] for pair in ends]].mean(axis=1) for i in (0, 1)]
    trunk = np.linalg.norm(middles[0] - middles[1], axis=-1)
    wide = _WIDE * np.nanmax(trunk) if np.isfinite(trunk).any() else np.inf

    def opposite(one: str, other: str) -> float:
        pairs = [points[:, at[f"left_{kind}"]] - points[:, at[f"right_{kind}"]] for kind in (one, other)]
        with np.errstate(invalid="ignore", divide="ignore"):
            widths = [np.linalg.norm(pair, axis=-1) for pair in pairs]
            cosine = (pairs[0] * pairs[1]).sum(axis=-1) / (widths[0] * widths[1])
            telling = (widths[0] > wide) & (widths[1] > wide)
        return float((cosine[telling] < _OPPOSITE).sum() / max(telling.sum(), _TELLING * len(points), _FEWEST_FRAMES))

    def longest(kinds: tuple[str, str]) -> float:
        columns = [bones.index((f"{side}_{kinds[0]}", f"{side}_{kinds[1]}")) for side in ("left", "right")]
        both = relative[:, columns].max(axis=1)
        return float(np.nanmedian(both)) if np.isfinite(both).any() else 0.0

    def there(*kinds: str) -> bool:
        return all(f"{side}_{kind}" in at for side in ("left", "right") for kind in kinds)

    if opposite("shoulder", "hip") > _TRUNK_TWISTED:
        return "Hips and shoulders disagree on which side is left: that of the legs or of the arms may be exchanged."
    if there("knee", "ankle"):
        shanks = opposite("knee", "ankle")
        if min(opposite("hip", "knee"), shanks) > _LEGS_CROSSED:
            return "Thighs and shanks cross throughout: the left and the right knee may be exchanged."
        if shanks > _SHANKS_CROSSED and longest(("knee", "ankle")) > _LONG_SHANK:
            return "The shanks cross throughout: left and right of the feet may be exchanged."
    crossed = there("elbow", "wrist") and opposite("elbow", "wrist") > _ARMS_CROSSED
    if crossed and longest(("elbow", "wrist")) > _LONG_FOREARM:  # folded arms have forearms of usual length
        return "The forearms cross throughout: left and right of the wrists may be exchanged."
    return ""


def _stretch(across: np.ndarray, relative: np.ndarray, lengths: np.ndarray) -> float:
    """How many times as long bones look lying as standing; 0 where there are too few of a kind."""
    with np.errstate(invalid="ignore", divide="ignore"):
        sine = np.abs(across[..., 1]) / lengths
        lie, stand = sine < _LIES, sine > _STANDS  # NaN is neither
    fewest = max(_FEWEST_FRAMES, _FEWEST_OF_A_KIND * len(relative))
    lying = [float(np.quantile(relative[lie[:, b], b], _LONGEST)) for b in np.flatnonzero(lie.sum(axis=0) >= fewest)]
    if len(lying) < _WHICH_LONGEST or stand.sum() < fewest:
        return 0.0
    standing = float(np.quantile(relative[stand], _LONGEST))
    return sorted(lying)[-_WHICH_LONGEST] / max(standing, 1e-9)
