"""A few frames of each view of a data set."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from srnet_core.clip import PoseDataset, clip_text, whole_frames
from srnet_core.geometry.camera import Camera

FRAMES = 16  # of a view
_MOST_VIEWS = 2000


@dataclass(frozen=True)
class View:
    """Some frames of one take as one camera sees it.

    Attributes:
        rows: (F,) numbers of the frames in the take.
        world_m: (F, J, 3) float64.
        px: (F, J, 2) float64.
        frames_3d: length of the take.
        parts_px: all 2D of the view, (T', J, 2): that of the 3D, and that after its end.
        rig: all cameras of the subject.
    """

    subject: str
    take: str
    camera: int
    rows: np.ndarray
    world_m: np.ndarray
    px: np.ndarray
    frames_3d: int
    parts_px: tuple[np.ndarray, ...]
    rig: Sequence[Camera]

    @property
    def name(self) -> str:
        return clip_text(self.subject, self.take, self.camera)

    @property
    def own_camera(self) -> Camera:
        return self.rig[self.camera]

    @property
    def frames_2d(self) -> int:
        return sum(map(len, self.parts_px))

    def every(self, step: int) -> "View":
        """Every `step`-th of the frames."""
        return replace(self, rows=self.rows[::step], world_m=self.world_m[::step], px=self.px[::step])

    def px_at(self, rows: np.ndarray) -> np.ndarray:
        """(R, J, 2) 2D of other frames, NaN before the first and after the last."""
        every = np.concatenate(self.parts_px) if len(self.parts_px) > 1 else self.parts_px[0]
        inside = (rows >= 0) & (rows < len(every))
        return np.where(inside[:, None, None], every[rows.clip(0, len(every) - 1)], np.nan).astype(np.float64)


def sample_views(dataset: PoseDataset) -> list[View]:
    """Up to 16 frames of each view, evenly spaced; of more than 2,000 views, takes of every subject."""
    subjects = list(dataset.positions_3d_world_m)
    subjects = subjects[:: -(-len(subjects) // _MOST_VIEWS)] if subjects else []
    views: list[View] = []
    for subject in subjects:
        rig = dataset.cameras[subject]
        takes = list(dataset.positions_3d_world_m[subject])
        most = max(1, _MOST_VIEWS // (len(subjects) * max(1, len(rig))))
        for take in takes[:: -(-len(takes) // most)] if takes else []:
            views += _of_take(dataset, subject, take, rig)
    return views


def _of_take(dataset: PoseDataset, subject: str, take: str, rig: Sequence[Camera]) -> list[View]:
    pose = dataset.positions_3d_world_m[subject][take]
    known = np.flatnonzero(whole_frames(pose))
    if not len(known):
        return []
    spaced = known[np.unique(np.linspace(0, len(known) - 1, FRAMES).astype(int))]
    surplus = dataset.surplus_2d_px.get(subject, {}).get(take, ())
    views = []
    for camera, view in enumerate(dataset.positions_2d_px[subject][take]):
        px = np.asarray(view[spaced], np.float64)[..., :2]
        whole = np.isfinite(px).all((1, 2))
        if not whole.any():
            continue
        rows = spaced[whole]
        parts = (view, surplus[camera]) if surplus and len(surplus[camera]) else (view,)
        views.append(View(subject, take, camera, rows, pose[rows].astype(np.float64), px[whole], len(pose), parts, rig))
    return views
