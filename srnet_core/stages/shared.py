"""Frames that several stages share: those of all clips of the data set, with the same normalization.

The stage of the whole data set stores them, and the stage of a split has the same files under its own name (hard links;
copies where the file system has none). So frames take space once, however many protocols, subjects and actions are
prepared, and each folder is whole. The clips of a split follow one another in the order of its own splits, and
`frames_from` in the manifest says where each begins in the arrays.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core.config import DataConfig, from_dict
from srnet_core.stages.key import frames_config, stage_folder


def folder_of_frames(folder: Path, manifest: Mapping[str, Any]) -> Path:
    """The folder of the stage whose files a stage in `folder` shares; they lie beside each other."""
    shared = frames_config(from_dict(DataConfig, manifest["config"]))
    assert shared is not None  # as the manifest was checked
    return folder.parent / stage_folder(shared, manifest["dataset"], manifest["frames_from"]["key"]).name


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
