"""What a check of a data set found, as typed values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

ERROR, NOTE = "error", "note"


@dataclass(frozen=True)
class ClipFit:
    """How well the 3D of one view, seen through its camera, agrees with the 2D.

    Attributes:
        clip: the view, e.g. "S9/Walking 1/camera 2".
        subject, camera: of the view.
        median_px: the median over the frames looked at of the mean distance of the joints.
        worst_px: the largest distance of a joint.
        size_px: the larger side of the box around the 2D joints, the median over the frames.
    """

    clip: str
    subject: str
    camera: int
    median_px: float
    worst_px: float
    size_px: float

    @property
    def share(self) -> float:
        """The median distance as a share of the person's size in the image."""
        return self.median_px / max(self.size_px, 1e-9)


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, or looks so.

    Attributes:
        level: "error" where training on the data makes no sense, else "note".
        kind: "geometry", "size", "bones", "root", "up axis", "sides", "image size", "frames",
            "keypoints" or "frame counts".
        text: what, one sentence without a full stop.
        reason: the likely reason, that is the change that makes the data fit, e.g. "left and right are exchanged
            between 3D and 2D"; empty if none was found.
        todo: what to do about it.
    """

    level: str
    kind: str
    text: str
    reason: str = ""
    todo: str = ""

    @property
    def sentence(self) -> str:
        """All of it: "3D and 2D are 40 px apart. Likely reason: ... . Convert it."."""
        reason = f"Likely reason: {self.reason}" if self.reason else ""
        return ". ".join(part for part in (self.text, reason, self.todo) if part) + "."


@dataclass(frozen=True)
class DataCheck:
    """The result of `check_dataset`.

    Attributes:
        fits: one for each view that was looked at.
        findings: what is wrong, errors first.
        person_size_m: the largest side of the box around the 3D joints, the median over the frames.
    """

    fits: tuple[ClipFit, ...]
    findings: tuple[Finding, ...]
    person_size_m: float

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.level == ERROR)

    @property
    def median_px(self) -> float:
        """The median over the views of their median distance; NaN without any view."""
        return _median(fit.median_px for fit in self.fits)

    @property
    def median_share(self) -> float:
        """The median distance as a share of the person's size, the median over the views; NaN without any view."""
        return _median(fit.share for fit in self.fits)

    @property
    def worst(self) -> ClipFit | None:
        """The view with the largest share."""
        return max(self.fits, key=lambda fit: fit.share, default=None)

    @cached_property
    def by_camera(self) -> Mapping[str, float]:
        """{"S1/camera 0": median distance in px}."""
        return {name: _median(f.median_px for f in fits) for name, fits in self.grouped.items()}

    @cached_property
    def grouped(self) -> Mapping[str, Sequence[ClipFit]]:
        """The views of each subject and camera, {"S1/camera 0": its views}."""
        groups: dict[str, list[ClipFit]] = {}
        for fit in self.fits:
            groups.setdefault(f"{fit.subject}/camera {fit.camera}", []).append(fit)
        return groups

    def to_dict(self) -> dict[str, Any]:
        """As plain values for a stage's manifest; numbers that are not finite become `None`."""
        worst = self.worst
        return {
            "views": len(self.fits),
            "median_px": _plain(self.median_px),
            "median_share": _plain(self.median_share),
            "worst": worst and {"clip": worst.clip, "median_px": _plain(worst.median_px), "share": _plain(worst.share)},
            "by_camera_px": {name: _plain(value) for name, value in self.by_camera.items()},
            "person_size_m": _plain(self.person_size_m),
            "findings": [{"level": f.level, "kind": f.kind, "text": f.sentence} for f in self.findings],
        }


def _median(values: Iterable[float]) -> float:
    listed = list(values)
    return float(np.median(listed)) if listed else float("nan")


def _plain(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None
