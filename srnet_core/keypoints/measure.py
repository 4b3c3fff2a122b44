"""Numbers about a recording: missing joints, joints outside the image, lengths of bones and speeds of joints."""

from collections.abc import Sequence

import numpy as np

from srnet_core.keypoints.tracks import Keypoints, Track


def measure(keypoints: Keypoints) -> list[dict]:
    """One dict of plain values per person who is seen; of separate images, where nobody can be followed, one of all.

    Returns:
        - `person`: its name, `None` for all people; `frames`: in which the person, or anybody, is seen;
        - `people`: how many there are in all images together; only of separate images;
        - `missing_share`: of the joints in those frames;
        - `outside_image_share`: of the joints found; `None` where the image size is unknown;
        - `size`: median of the larger side of the box around the joints;
        - `speed_median`, `speed_99`: median and 99th percentile over all joints, in `speed_unit`: box sizes per second,
          or per frame where the frame rate is unknown;
        - `bones`: {"parent - child": {"median", "spread"}} in the units of the points; the spread is the 90th minus the
          10th percentile, divided by the median.
    """
    if not keypoints.consecutive:
        return [_of_images(keypoints)] if keypoints.tracks else []
    return [_of_track(keypoints, track.while_seen()) for track in keypoints.tracks if track.present.any()]


def _of_images(keypoints: Keypoints) -> dict:
    """All people of separate images together: no speeds, and no bones, as these are of different people."""
    tracks = keypoints.tracks
    found = np.concatenate([~track.missing[track.present] for track in tracks])
    sizes = np.concatenate([track.sizes[track.present] for track in tracks])
    return {
        "person": None,
        "people": found.shape[0],
        "frames": int(np.count_nonzero(np.any([track.present for track in tracks], axis=0))),
        "missing_share": round(1 - float(found.mean()), 4) if found.size else None,
        "outside_image_share": _outside(keypoints, tracks),
        "size": _rounded(float(np.nanmedian(sizes))) if np.isfinite(sizes).any() else None,
        "speed_median": None,
        "speed_99": None,
        "speed_unit": "sizes/frame",
        "bones": {},
    }


def _of_track(keypoints: Keypoints, track: Track) -> dict:
    present = track.present
    found = ~track.missing[present]
    sizes = track.sizes[present]
    size = float(np.nanmedian(sizes)) if np.isfinite(sizes).any() else None
    speeds = _speeds(keypoints, track, size)
    return {
        "person": track.name,
        "frames": int(present.sum()),
        "missing_share": round(1 - float(found.mean()), 4) if found.size else None,
        "outside_image_share": _outside(keypoints, [track]),
        "size": _rounded(size),
        "speed_median": _quantile(speeds, 0.5),
        "speed_99": _quantile(speeds, 0.99),
        "speed_unit": "sizes/s" if keypoints.fps else "sizes/frame",
        "bones": _bones(keypoints, track),
    }


def _speeds(keypoints: Keypoints, track: Track, size: float | None) -> np.ndarray:
    if not size:
        return np.zeros(0)
    steps = np.linalg.norm(np.diff(track.points.astype(np.float64), axis=0), axis=-1) / size
    return steps[np.isfinite(steps)] * (keypoints.fps / keypoints.step if keypoints.fps else 1.0)


def _outside(keypoints: Keypoints, tracks: Sequence[Track]) -> float | None:
    if keypoints.image_size is None or keypoints.units != "px":
        return None
    points = np.concatenate([track.points[~track.missing] for track in tracks])
    out = np.any((points < 0) | (points > np.array(keypoints.image_size)), axis=-1)
    return round(float(out.mean()), 4) if out.size else None


def _bones(keypoints: Keypoints, track: Track) -> dict[str, dict[str, float | None]]:
    layout = keypoints.layout
    if layout is None:
        return {}
    bones: dict[str, dict[str, float | None]] = {}
    for parent, child in layout.bones:
        lengths = np.linalg.norm(track.points[:, parent].astype(np.float64) - track.points[:, child], axis=-1)
        lengths = lengths[np.isfinite(lengths)]
        if not len(lengths):
            continue
        low, middle, high = np.quantile(lengths, (0.1, 0.5, 0.9))
        spread = (high - low) / middle if middle > 0 else None
        name = f"{layout.joints[parent]} - {layout.joints[child]}"
        bones[name] = {"median": _rounded(float(middle)), "spread": _rounded(spread)}
    return bones


def _quantile(values: np.ndarray, share: float) -> float | None:
    return _rounded(float(np.quantile(values, share))) if len(values) else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
