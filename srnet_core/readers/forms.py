"""Forms that are written: each reader of a format may have the writer of it beside its `read`, in a table `FORMS`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from srnet_core.readers.detections import Detections

# what a form may have a place for, as messages name it
CONFIDENCES, TRACKS, RATE, SIZE = "confidences", "who is who", "the frame rate", "the image size"
NAMES, NUMBERS, EXTRAS = "the names of the joints", "the frame numbers", "hands and faces"


@dataclass(frozen=True)
class Form:
    """A form of a file, or of a folder, that is written.

    Attributes:
        write: writes sequences to a file, or into a folder that is there and empty.
        holds: what it has a place for beside the points, of the constants above.
        one_person: it holds one person only.
        folder: it is a folder with a file per frame.
        several: it holds several sequences.
    """

    write: Callable[[Sequence[Detections], Path], None]
    holds: frozenset[str] = frozenset()
    one_person: bool = False
    folder: bool = False
    several: bool = False

    def loses(self, detections: Detections) -> list[str]:
        """What is known of a sequence and has no place in this form."""
        known = {
            CONFIDENCES: detections.confidence is not None
            and not np.isin(detections.confidence, (0, 1)).all()
            and bool(len(detections.confidence)),
            TRACKS: detections.track_ids is not None and len(set(detections.track_ids)) > 1,
            RATE: detections.fps is not None,
            SIZE: detections.image_size is not None,
            NAMES: detections.joint_names is not None and detections.layout is None,
            NUMBERS: detections.first_number > 1 or detections.step > 1,
            EXTRAS: bool(detections.extras),
        }
        return [what for what, there in known.items() if there and what not in self.holds]


def holding(*what: str) -> frozenset[str]:
    """The set of what a form has a place for."""
    return frozenset(what)
