"""Which layout a row of keypoints is in, told by bones and mirror images where the count leaves several.

Every candidate is held against a figure of average size: in the right layout the bones have about the proportions of a
person, left and right limbs are about equally long, and hips, shoulders and eyes agree on which side is left. A wrong
layout joins points that have nothing to do with each other, and fails at most of this.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from srnet_core.layouts import Layout
from srnet_core.layouts.parts import FIGURE_M

_MOST_FRAMES = 400
_FEWEST_BONES = 6
_CLEAR_RATIO, _CLEAR_GAP = 0.72, 0.06
_FEW_FRAMES, _CLEAR_RATIO_OF_FEW, _CLEAR_GAP_OF_FEW = 100, 0.55, 0.12
_VERY_FEW_FRAMES, _CLEAR_RATIO_OF_VERY_FEW, _CLEAR_GAP_OF_VERY_FEW = 4, 0.4, 0.25
PLAUSIBLE = 0.45
_LARGEST_MISFIT = 2.0
_SHORT_COUNTS = 0.6  # a bone that points to the camera is short in the right layout too
_HEAD_AT_LEAST, _EYES_AT_MOST = 0.15, 0.25  # of the trunk
_HEADS = ("head_top", "head", "nose", "upper_neck", "left_eye", "right_eye", "left_ear", "right_ear")


@dataclass(frozen=True)
class Fit:
    """How well a layout fits. `misfit`: mean distance of the bones' proportions from a person's, in natural logarithms
    (0.1 to 0.5 for the right layout); infinite where too few joints are there to tell."""

    layout: Layout
    misfit: float
    terms: tuple[tuple[frozenset[int], float], ...] = ()

    def misfit_at(self, joints: frozenset[int]) -> float:
        """The misfit of the bones at some of the joints."""
        values = [value for ends, value in self.terms if ends & joints]
        return float(np.mean(values)) if values else self.misfit


def fit(points: np.ndarray, layout: Layout) -> Fit:
    """Hold keypoints against a layout.

    Args:
        points: (N, J, 2 or 3), one row per person and frame, any unit, NaN where missing.
    """
    points = points[:: max(1, len(points) // _MOST_FRAMES)][:_MOST_FRAMES].astype(np.float64)
    terms = [*_bone_terms(points, layout), *_side_terms(points, layout), *_head_terms(points, layout)]
    enough = len(terms) >= _FEWEST_BONES
    return Fit(layout, float(np.mean([value for _, value in terms])) if enough else np.inf, tuple(terms))


def _bone_terms(points: np.ndarray, layout: Layout) -> list[tuple[frozenset[int], float]]:
    """|log(observed / expected length)| of each bone, after the one scale that fits best."""
    bones = [(p, j) for p, j in layout.bones if layout.parts[p] and layout.parts[j]]
    if len(bones) < _FEWEST_BONES or not len(points):
        return []
    ends = np.array(bones)
    with np.errstate(invalid="ignore", over="ignore"):
        lengths = np.linalg.norm(points[:, ends[:, 0]] - points[:, ends[:, 1]], axis=-1)  # (N, B)
    seen = np.isfinite(lengths).sum(axis=0) >= max(1, len(points) // 20)
    if seen.sum() < _FEWEST_BONES:
        return []
    lengths = lengths[:, seen]
    # a bone turned to the camera looks short, never long: the longer half of the frames tells more
    observed = _quantiles(np.where(np.isfinite(lengths), lengths, np.nan), 0.7)
    figure = np.array([FIGURE_M[part] if part else (np.nan,) * 3 for part in layout.parts])[:, : points.shape[-1]]
    if points.shape[-1] == 2:
        depth = np.array([FIGURE_M[part][2] if part else np.nan for part in layout.parts])[:, None]
        figure = np.concatenate([figure, 0.7 * depth], axis=1)  # people do not all look into the camera
    expected = np.linalg.norm(figure[ends[seen, 0]] - figure[ends[seen, 1]], axis=-1)
    with np.errstate(divide="ignore"):
        ratio = np.log(np.maximum(observed, 1e-12) / expected)
    difference = ratio - np.median(ratio)
    distance = np.where(difference > 0, difference, -_SHORT_COUNTS * difference)
    distance = np.minimum(distance, _LARGEST_MISFIT)
    return [(frozenset(pair.tolist()), float(d)) for pair, d in zip(ends[seen], distance)]


def _quantiles(values: np.ndarray, share: float) -> np.ndarray:
    """`np.nanquantile(values, share, axis=0)` of columns with at least one value, without its loop over columns.

    Args:
        values: (N, B), NaN where missing.
    """
    ordered = np.sort(values, axis=0)  # NaN come last
    place = share * (np.isfinite(values).sum(axis=0) - 1)
    below = np.floor(place).astype(int)
    above = np.ceil(place).astype(int)
    columns = np.arange(values.shape[1])
    low, high = ordered[below, columns], ordered[above, columns]
    return low + (high - low) * (place - below)


def _side_terms(points: np.ndarray, layout: Layout) -> list[tuple[frozenset[int], float]]:
    """For pairs of widths (hips, shoulders, knees, eyes): how often they disagree on which side is left."""
    index = {part: i for i, part in enumerate(layout.parts) if part}
    widths = []
    for kind in ("shoulder", "hip", "knee", "eye", "ear"):
        left, right = index.get(f"left_{kind}"), index.get(f"right_{kind}")
        if left is not None and right is not None:
            widths.append(({left, right}, points[:, left, :2] - points[:, right, :2]))
    terms = []
    for i, (ends, one) in enumerate(widths):
        for other_ends, other in widths[:i]:
            with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
                cosine = (one * other).sum(-1) / (np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1))
            cosine = cosine[np.isfinite(cosine)]
            if len(cosine):
                terms.append((frozenset(ends | other_ends), float(_LARGEST_MISFIT * np.mean(cosine < 0))))
    return terms


def _head_terms(points: np.ndarray, layout: Layout) -> list[tuple[frozenset[int], float]]:
    """How often the head is where no head is, seen along the trunk from the shoulders (0) to the hips (1).

    Points of the head lie beyond the shoulders, the top of the head well beyond its base, and both eyes at one height.
    """
    index = {part: i for i, part in enumerate(layout.parts) if part}
    needed = [[f"{side}_{kind}" for side in ("left", "right")] for kind in ("shoulder", "hip")]
    if not all(part in index for pair in needed for part in pair):
        return []
    pairs = [[index[part] for part in pair] for pair in needed]
    shoulders, hips = (points[:, pair].mean(axis=1) for pair in pairs)
    trunk = hips - shoulders
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        height = ((points - shoulders[:, None]) * trunk[:, None]).sum(-1) / (trunk**2).sum(-1)[:, None]  # (N, J)
    terms: list[tuple[frozenset[int], float]] = []

    def add(joints: list[int], wrong: np.ndarray, values: np.ndarray) -> None:
        known = np.isfinite(values)
        if known.any():
            ends = frozenset({*joints, *pairs[0], *pairs[1]})
            terms.append((ends, float(_LARGEST_MISFIT * np.mean(wrong[known]))))

    with np.errstate(invalid="ignore"):
        for part in _HEADS:
            if part in index:
                values = height[:, index[part]]
                add([index[part]], values > 0, values)
        base = next((index[p] for p in ("upper_neck", "neck") if p in index), None)
        if base is not None and "head_top" in index:
            values = height[:, base] - height[:, index["head_top"]]
            add([base, index["head_top"]], values < _HEAD_AT_LEAST, values)
        if "left_eye" in index and "right_eye" in index:
            values = np.abs(height[:, index["left_eye"]] - height[:, index["right_eye"]])
            add([index["left_eye"], index["right_eye"]], values > _EYES_AT_MOST, values)
    return terms


def rank(points: np.ndarray, candidates: Sequence[Layout]) -> list[Fit]:
    """All candidates, the best fitting first."""
    return sorted((fit(points, layout) for layout in candidates), key=lambda f: f.misfit)


def decide(points: np.ndarray, candidates: Sequence[Layout]) -> tuple[Layout | None, list[Fit]]:
    """The one layout that fits clearly better than all others, or `None`; and how well each fits."""
    fits = rank(points, candidates)
    if not fits or not np.isfinite(fits[0].misfit) or fits[0].misfit > PLAUSIBLE:
        return None, fits
    if len(fits) == 1:
        return fits[0].layout, fits
    clear = _clear_from(len(points))
    return (fits[0].layout if all(_clearly_better(fits[0], other, *clear) for other in fits[1:]) else None), fits


def _clear_from(rows: int) -> tuple[float, float]:
    """(largest ratio, smallest difference) of two misfits of which one is clearly better; stricter for fewer poses."""
    if rows < _VERY_FEW_FRAMES:
        return _CLEAR_RATIO_OF_VERY_FEW, _CLEAR_GAP_OF_VERY_FEW
    return (_CLEAR_RATIO_OF_FEW, _CLEAR_GAP_OF_FEW) if rows < _FEW_FRAMES else (_CLEAR_RATIO, _CLEAR_GAP)


def _clearly_better(best: Fit, other: Fit, ratio: float, gap: float) -> bool:
    """Compared where the two layouts differ: COCO and PoseTrack differ in two joints of 17, and where all else is only
    left for right (HumanEva and OpenPose MPI), the joints that are neither decide."""
    pairs = list(enumerate(zip(best.layout.parts, other.layout.parts)))
    differing = frozenset(i for i, (one, two) in pairs if _without_side(one) != _without_side(two))
    differing = differing or frozenset(i for i, (one, two) in pairs if one != two)
    if not np.isfinite(other.misfit):
        return True
    near, far = best.misfit_at(differing), other.misfit_at(differing)
    return near < ratio * far and far - near > gap


def _without_side(part: str) -> str:
    """ "left_hip" and "right_hip" are one kind, "hip" (the middle) another."""
    return "side " + part.partition("_")[2] if part.startswith(("left_", "right_")) else part
