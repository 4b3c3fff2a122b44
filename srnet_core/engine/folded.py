"""The inference form of a model, with folded BatchNorms: for clips, windows, or frame by frame.

`inference_form(model)` makes an `InferenceForm` of any model. Its output is that of the model's `forward` in evaluation
mode, and it shares no memory with the model. A network of the project's own layers becomes a `FoldedForm`. A network
with a layer that cannot be folded is copied, and run in overlapping pieces.

Memory does not grow with the length of a clip: the clip is computed tile by tile, and every layer keeps the last frames
of its input for the next tile, so that nothing is computed twice.
"""

import copy
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from srnet_core.engine.folding import CannotFold, FoldedModel
from srnet_core.engine.kernels import Kernels, default_kernels
from srnet_core.engine.live import LayersTogether, Live, LiveLayers, LiveWindows, Together, WindowsTogether
from srnet_core.engine.threads import Workers
from srnet_core.engine.tiles import Tiles, WindowBatch
from srnet_core.errors import ConfigError
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layers.temporal import windows
from srnet_core.models.pose_model import PoseModel

TILE_FRAMES = 1024  # on a CPU; long enough that keeping frames for the next tile takes little time
TILE_FRAMES_SINGLE = 256  # for a receptive field of one frame: short enough for the cache of a core
TILE_ROWS_GPU = 1 << 15  # frames times clips: enough to keep a GPU busy, 134 MB per layer of 1024 channels
WINDOW_FRAMES = 1 << 14  # frames in the windows of one batch, if every output has its own window


Piece = tuple[slice, int, int]  # rows, first output frame, end of the output frames


class InferenceForm:
    """A network for inference. It copies all it needs from the model.

    Attributes:
        config, skeleton, receptive_field: those of the model; `skeleton` is `None` if the model has none.
        num_joints, num_joints_out: those of the model; 0 if the model does not have them.
        pad, causal_shift: as in `PoseModel`.
        by_window: whether every output must be computed from its own window.
        needs_whole: whether an output depends on the length of the clip; see `layers.context.published_order`.
    """

    by_window, needs_whole = True, False

    def __init__(self, model: PoseModel):
        self.config, self.receptive_field = model.config, model.receptive_field
        self.skeleton: Skeleton | None = getattr(model, "skeleton", None)
        self.num_joints: int = getattr(model, "num_joints", 0)
        self.num_joints_out: int = getattr(model, "num_joints_out", 0)
        self.pad = (self.receptive_field - 1) // 2
        self.causal_shift = self.pad if self.config.causal else 0
        like = next(model.parameters(), torch.empty(0))
        self.device, self.dtype = like.device, like.dtype

    def __call__(self, x: Tensor) -> Tensor:
        """(B, T, J, 2) -> (B, T - receptive_field + 1, J, 3), as the model's `forward`.

        Raises:
            ConfigError: wrong shape, or fewer frames than the receptive field.
        """
        raise NotImplementedError

    def live(self, batch: int = 1) -> Live:
        """The network frame by frame, for a batch of clips. It shares the weights but keeps its own frames.

        Raises:
            ConfigError: an output of the network depends on the length of the clip.
        """
        raise NotImplementedError

    def together(self, batch: int) -> Together:
        """The network frame by frame, for clips that advance independently of each other. Otherwise as `live`.

        Raises:
            ConfigError: an output of the network depends on the length of the clip.
        """
        raise NotImplementedError


def inference_form(model: PoseModel | InferenceForm, precision: str = "fp32") -> InferenceForm:
    """The form of a model for inference, in evaluation mode, with a copy of its current weights.

    An inference form is returned unchanged.

    Args:
        precision: of matrix products on a CPU: "fp32", or "bf16" or "int8", which some processors compute faster and
            which are less exact; docs/performance.md has numbers.

    Raises:
        UnknownNameError: there is no such precision.
        ConfigError: this processor, this device or this network does not have it.

    >>> import torch, srnet_core as srnet
    >>> model = srnet.build_model("srnet", filter_widths=(3, 3), channels=40).eval()
    >>> clip = torch.randn(1, 100, 17, 2)
    >>> torch.allclose(inference_form(model)(clip), model(clip), atol=1e-5)
    True
    """
    if isinstance(model, InferenceForm):
        return model
    try:
        folded: FoldedModel | None = FoldedModel(model)
    except CannotFold:
        folded = None
    kernels = None if precision == "fp32" else default_kernels(precision)
    if kernels is not None and (folded is None or folded.device.type != "cpu" or folded.dtype != torch.float32):
        raise ConfigError(
            f"{precision} is for float32 networks of the project's own layers on a CPU",
            where="precision",
            todo="Use fp32",
        )
    return UnfoldedForm(model) if folded is None else FoldedForm(model, folded, kernels)


class FoldedForm(InferenceForm):
    """A network with BatchNorms folded into the weights before them."""

    def __init__(self, model: PoseModel, folded: FoldedModel, kernels: Kernels | None = None):
        super().__init__(model)
        self._folded, self._kernels = folded, kernels
        self.num_joints, self.num_joints_out = folded.num_joints, folded.num_joints_out
        self.by_window, self.needs_whole = folded.by_window, folded.needs_whole()
        self._idle: deque[Tiles] = deque()
        self._workers = Workers()

    def __getstate__(self) -> dict[str, Any]:
        """For `pickle` and `copy`: without buffers and threads, which a copy makes for itself."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_idle", "_workers")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._idle, self._workers = deque(), Workers()

    def __call__(self, x: Tensor) -> Tensor:
        """See `InferenceForm`."""
        self._check(x)
        frames = x.shape[1] - self.receptive_field + 1
        out = x.new_empty(len(x), frames, 3 * self.num_joints_out, dtype=self.dtype)
        with torch.inference_mode():
            self._run(x.flatten(2).to(self.dtype), out)
        pose: Tensor = out.unflatten(-1, (self.num_joints_out, 3))
        if self.config.residual_2d:
            start = self.pad + self.causal_shift
            pose[..., :2] += x[:, start : start + frames]
        return pose

    def live(self, batch: int = 1) -> Live:
        """See `InferenceForm`."""
        self._require_streams()
        if not self.by_window:
            return LiveLayers(self._folded, batch, self._kernels)
        return LiveWindows(self._of_windows(batch), self.receptive_field, self.device)

    def together(self, batch: int) -> Together:
        """See `InferenceForm`."""
        self._require_streams()
        if not self.by_window:
            return LayersTogether(self._folded, batch, self._kernels)
        return WindowsTogether(self._of_windows(batch), self.receptive_field, self.device)

    def _require_streams(self) -> None:
        if self.needs_whole:
            raise ConfigError(
                "this network cannot stream: with compat 'original' its outputs depend on the length of the clip",
                todo="Load the checkpoint with compat='trained'",
            )

    def _of_windows(self, batch: int) -> Callable[[Tensor], Tensor]:
        """(B, receptive field, J, 2) -> (B, joints out, 3)."""
        side_by_side = WindowBatch(self._folded, batch, self._kernels)

        def predict(clips: Tensor) -> Tensor:
            pose = side_by_side.run(clips.flatten(2)).view(batch, self.num_joints_out, 3)
            if self.config.residual_2d:
                pose[..., :2] += clips[:, self.pad + self.causal_shift]
            return pose

        return predict

    def _run(self, x: Tensor, out: Tensor) -> None:
        rows, frames = out.shape[:2]
        jobs: list[Piece]
        work: Callable[[Tensor, Tensor, slice, int, int], None]
        if self.by_window:
            jobs, work = _pieces(out, self._window_count()), self._windows
        elif self.needs_whole:
            jobs, work = [(slice(row, row + 1), 0, frames) for row in range(rows)], self._whole
        elif x.device.type != "cpu":
            jobs, work = [(slice(None), 0, frames)], self._tiles
        else:
            divided = shares(rows, frames, self._workers.count(), self.receptive_field)
            jobs, work = [(slice(row, row + 1), start, stop) for row, start, stop in divided], self._tiles
        if x.device.type == "cpu":
            self._workers.map(lambda job: work(x, out, *job), jobs)
        else:
            for job in jobs:
                work(x, out, *job)

    def _tiles(self, x: Tensor, out: Tensor, rows: slice, start: int, stop: int) -> None:
        """Output frames start, ..., stop - 1 of some rows."""
        x, out = x[rows], out[rows]
        tiles = self._take_tiles(len(x))
        done = start
        for frame in range(start, stop + self.receptive_field - 1, tiles.frames):
            piece = x[:, frame : min(frame + tiles.frames, stop + self.receptive_field - 1)].transpose(0, 1)
            found = tiles.feed(piece)  # (frames, B, joints out * 3)
            out[:, done : done + len(found)] = found.transpose(0, 1)
            done += len(found)
        self._idle.append(tiles)

    def _take_tiles(self, batch: int) -> Tiles:
        """Idle tiles for that batch, whose buffers are reused, or new ones."""
        tiles: Tiles | None
        try:
            tiles = self._idle.pop()
        except IndexError:
            tiles = None
        if tiles is None or tiles.batch != batch:
            tiles = Tiles(self._folded, batch, self._tile_frames(batch), self._kernels)
        tiles.reset()
        return tiles

    def _tile_frames(self, batch: int) -> int:
        if self.device.type != "cpu":
            return max(1, TILE_ROWS_GPU // batch)
        return TILE_FRAMES if self.receptive_field > 1 else min(TILE_FRAMES, TILE_FRAMES_SINGLE)

    def _whole(self, x: Tensor, out: Tensor, row: slice, start: int, stop: int) -> None:
        """All output frames of one row, computed at once."""
        tiles = Tiles(self._folded, 1, x.shape[1], self._kernels)
        out[row] = tiles.feed(x[row].transpose(0, 1)).transpose(0, 1)

    def _windows(self, x: Tensor, out: Tensor, row: slice, start: int, stop: int) -> None:
        """Output frames start, ..., stop - 1 of one row, each from its own window."""
        batch = WindowBatch(self._folded, stop - start, self._kernels)
        out[row, start:stop] = batch.run(windows(x[row], self.receptive_field, start, stop))

    def _window_count(self) -> int:
        return max(1, WINDOW_FRAMES // self.receptive_field)

    def _check(self, x: Tensor) -> None:
        if x.ndim != 4 or tuple(x.shape[2:]) != (self.num_joints, 2):
            raise ConfigError(f"the model takes keypoints (batch, frames, {self.num_joints}, 2), not {tuple(x.shape)}")
        if x.shape[1] < self.receptive_field:
            raise ConfigError(
                f"{x.shape[1]} frames, fewer than the model's receptive field of {self.receptive_field}",
                todo="Pad the clip with its first and last frames",
            )


class UnfoldedForm(InferenceForm):
    """A copy of any model, run in pieces of output frames whose inputs overlap."""

    def __init__(self, model: PoseModel):
        super().__init__(model)
        self._model = copy.deepcopy(model).eval()

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """See `InferenceForm`."""
        more, at_once = self.receptive_field - 1, max(TILE_FRAMES, self.receptive_field)
        starts = range(0, max(1, x.shape[1] - more), at_once)
        return torch.cat([self._model(x[:, start : start + at_once + more]) for start in starts], dim=1)

    def live(self, batch: int = 1) -> Live:
        """See `InferenceForm`."""
        return LiveWindows(lambda clips: self(clips)[:, 0], self.receptive_field, self.device)

    def together(self, batch: int) -> Together:
        """See `InferenceForm`."""
        return WindowsTogether(lambda clips: self(clips)[:, 0], self.receptive_field, self.device)


def shares(rows: int, frames: int, workers: int, receptive_field: int) -> list[tuple[int, int, int]]:
    """Divide clips among workers, cutting them where equal shares need it.

    A cut costs a receptive field of frames computed twice, so pieces have at least four receptive fields.

    Returns:
        (row, start, stop) for each piece: a clip and its range of output frames.
    """
    longest = max(1, frames // max(4 * receptive_field, TILE_FRAMES // 4))
    even = next(n for n in range(1, workers + 1) if rows * n % workers == 0)
    pieces = min(even, longest)
    cuts = [frames * i // pieces for i in range(pieces + 1)]
    return [(row, start, stop) for row in range(rows) for start, stop in pairwise(cuts)]


def _pieces(out: Tensor, frames: int) -> list[Piece]:
    """Pieces of one row and at most so many output frames."""
    rows, count = out.shape[:2]
    starts = range(0, count, frames)
    return [(slice(row, row + 1), start, min(start + frames, count)) for row in range(rows) for start in starts]
