"""Frames that several stages share: those of all clips of the data set, with the same normalization.

A stage of a split has the frames of the whole data set, so stages of other splits can have the same files under their
own names (hard links; copies where the file system has none). Frames take space once, however many protocols, subjects
and actions are prepared, and each folder is whole. The clips of a split follow one another in the order of the split,
and `frames_from` in the manifest says where each begins in the arrays.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np


def layout_of(clips: Iterable[Mapping[str, Any]]) -> str:
    """A hash of which clip lies where in arrays, so that only arrays of the same layout are shared.

    Args:
        clips: those that the arrays hold, in order, with the fields of `sequences` in a manifest.
    """
    names = ("subject", "take", "camera", "first_frame", "start", "length")
    places = [[clip.get(name, 0) for name in names] for clip in clips]
    return hashlib.sha256(json.dumps(places).encode()).hexdigest()


def frames_of(manifest: Mapping[str, Any]) -> tuple[str, str]:
    """(key of the stage of all clips, layout) that the arrays of a stage have."""
    if "frames_from" in manifest:
        return manifest["frames_from"]["key"], manifest["frames_from"]["layout"]
    return manifest["key"], layout_of(manifest["sequences"])


class SharedFrames:
    """Where the frames of a stage lie in its arrays."""

    def __init__(self, manifest: Mapping[str, Any]):
        self._begins = np.array([clip["start"] for clip in manifest["sequences"]])
        self._ends = self._begins + np.array([clip["length"] for clip in manifest["sequences"]])
        self._starts = np.array(manifest["frames_from"]["starts"])

    def runs(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """(first, end) of the runs of rows that frames [start, stop) consist of, in their order."""
        first = int(np.searchsorted(self._ends, start, side="right"))
        last = int(np.searchsorted(self._begins, stop, side="left"))
        run: tuple[int, int] | None = None
        for clip in range(first, last):
            begin, end = max(start, int(self._begins[clip])), min(stop, int(self._ends[clip]))
            shift = int(self._starts[clip]) - int(self._begins[clip])
            if run is not None and run[1] == begin + shift:
                run = run[0], end + shift
                continue
            if run is not None:
                yield run
            run = begin + shift, end + shift
        if run is not None:
            yield run

    def read(self, read: Callable[[int, int], np.ndarray], start: int, stop: int) -> np.ndarray:
        """Frames [start, stop), read run by run with `read(first, end)` of rows."""
        parts = [read(first, end) for first, end in self.runs(start, stop)]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else read(0, 0)
