"""The inference form of a model: BatchNorm folded, clips in tiles, windows side by side, or frame by frame.

`inference_form(model)` gives an `InferenceForm`, whatever the model: the same output as the model's `forward` in
evaluation mode, with nothing shared. A network of the project's own layers becomes a `FoldedForm`; one with layers of
another kind is copied and run as it is, in overlapping pieces.

Memory does not grow with the length of a clip: it is computed tile by tile, and every layer keeps the last frames of its
input, which the next tile needs, so that nothing is computed twice.
"""

import copy
from collections import deque
from itertools import pairwise

import torch
from torch import Tensor

from srnet_core.engine.folding import CannotFold, FoldedModel
from srnet_core.engine.live import Live, LiveLayers, LiveWindows
from srnet_core.engine.threads import Workers
from srnet_core.engine.tiles import Tiles, WindowBatch
from srnet_core.errors import ConfigError
from srnet_core.layers.temporal import windows
from srnet_core.models.pose_model import PoseModel

TILE_FRAMES = 1024  # on a CPU; long enough that keeping frames for the next tile costs nothing
TILE_FRAMES_SINGLE = 256  # where no layer looks back: short enough to stay in a core's own cache
TILE_ROWS_GPU = 1 << 15  # frames times clips: enough to keep a GPU busy, 134 MB per layer of 1024 channels
WINDOW_FRAMES = 1 << 14  # frames of the windows that are computed side by side, where each frame has its own


class InferenceForm:
    """A network as inference uses it. The model is only read while this is made.

    Attributes:
        config, receptive_field: the model's.
        pad, causal_shift: as in `TemporalBackbone`.
        by_window: whether it can only compute each output from its own window.
        needs_whole: whether an output depends on how long the clip is; see `layers.context.published_order`.
    """

    by_window, needs_whole = True, False

    def __init__(self, model: PoseModel):
        self.config, self.receptive_field = model.config, model.receptive_field
        self.pad = (self.receptive_field - 1) // 2
        self.causal_shift = self.pad if self.config.causal else 0
        like = next(model.parameters(), torch.empty(0))
        self.device, self.dtype = like.device, like.dtype

    def __call__(self, x: Tensor) -> Tensor:
        """(B, T, J, 2) -> (B, T - receptive_field + 1, J, 3), as the model's `forward`.

        Raises:
            ConfigError: another shape, or fewer frames than the receptive field.
        """
        raise NotImplementedError

    def live(self, batch: int = 1) -> Live:
        """The network frame by frame, for so many clips side by side. Weights are shared, the frames kept are not.

        Raises:
            ConfigError: an output of the network depends on how long the clip is.
        """
        raise NotImplementedError


def inference_form(model: PoseModel | InferenceForm) -> InferenceForm:
    """The form of a model for inference, in evaluation mode, with a copy of its weights as they are now.

    An inference form is given back as it is.

    >>> import torch, srnet_core as srnet
    >>> model = srnet.build_model("srnet", filter_widths=(3, 3), channels=40).eval()
    >>> clip = torch.randn(1, 100, 17, 2)
    >>> torch.allclose(inference_form(model)(clip), model(clip), atol=1e-5)
    True
    """
    if isinstance(model, InferenceForm):
        return model
    try:
        folded = FoldedModel(model)
    except CannotFold:
        return UnfoldedForm(model)
    return FoldedForm(model, folded)


class FoldedForm(InferenceForm):
    """A network whose BatchNorms are folded into the weights before them."""

    def __init__(self, model: PoseModel, folded: FoldedModel):
        super().__init__(model)
        self._folded = folded
        self.num_joints, self.num_joints_out = folded.num_joints, folded.num_joints_out
        self.by_window, self.needs_whole = folded.by_window, folded.needs_whole()
        self._idle: deque[Tiles] = deque()
        self._workers = Workers()

    def __call__(self, x: Tensor) -> Tensor:
        """See `InferenceForm`."""
        self._check(x)
        frames = x.shape[1] - self.receptive_field + 1
        out = x.new_empty(len(x), frames, 3 * self.num_joints_out, dtype=self.dtype)
        with torch.inference_mode():
            self._run(x.flatten(2).to(self.dtype), out)
        pose = out.unflatten(-1, (self.num_joints_out, 3))
        if self.config.residual_2d:
            start = self.pad + self.causal_shift
            pose[..., :2] += x[:, start : start + frames]
        return pose

    def live(self, batch: int = 1) -> Live:
        """See `InferenceForm`."""
        if self.needs_whole:
            raise ConfigError(
                "this network cannot stream: with compat 'original' its outputs depend on the length of the clip",
                todo="Load the checkpoint with compat='trained'",
            )
        if not self.by_window:
            return LiveLayers(self._folded, batch)
        side_by_side = WindowBatch(self._folded, batch)

        def predict(clips: Tensor) -> Tensor:
            pose = side_by_side.run(clips.flatten(2)).view(batch, self.num_joints_out, 3)
            if self.config.residual_2d:
                pose[..., :2] += clips[:, self.pad + self.causal_shift]
            return pose

        return LiveWindows(predict, self.receptive_field)

    def _run(self, x: Tensor, out: Tensor) -> None:
        if self.by_window:
            jobs, work = _pieces(out, self._window_count()), self._windows
        elif self.needs_whole:
            jobs, work = [(b, 0, out.shape[1]) for b in range(len(out))], self._whole
        elif x.device.type != "cpu":
            jobs, work = [(slice(None), 0, out.shape[1])], self._tiles
        else:
            jobs, work = shares(*out.shape[:2], self._workers.count(), self.receptive_field), self._tiles
        if x.device.type == "cpu":
            self._workers.map(lambda job: work(x, out, *job), jobs)
        else:
            for job in jobs:
                work(x, out, *job)

    def _tiles(self, x: Tensor, out: Tensor, row: int | slice, start: int, stop: int) -> None:
        """Frames start to stop of one row, or of all of them side by side."""
        x, out = x[row], out[row]
        if x.ndim == 2:
            x, out = x[None], out[None]
        tiles = self._take_tiles(len(x))
        done = start
        for frame in range(start, stop + self.receptive_field - 1, tiles.frames):
            rows = x[:, frame : min(frame + tiles.frames, stop + self.receptive_field - 1)].transpose(0, 1)
            found = tiles.feed(rows)  # (frames, B, joints out * 3)
            out[:, done : done + len(found)] = found.transpose(0, 1)
            done += len(found)
        self._idle.append(tiles)

    def _take_tiles(self, batch: int) -> Tiles:
        """An idle runner of that batch, its buffers at hand, or a new one."""
        try:
            tiles = self._idle.pop()
        except IndexError:
            tiles = None
        if tiles is None or tiles.batch != batch:
            tiles = Tiles(self._folded, batch, self._tile_frames(batch))
        tiles.reset()
        return tiles

    def _tile_frames(self, batch: int) -> int:
        if self.device.type != "cpu":
            return max(1, TILE_ROWS_GPU // batch)
        return TILE_FRAMES if self.receptive_field > 1 else min(TILE_FRAMES, TILE_FRAMES_SINGLE)

    def _whole(self, x: Tensor, out: Tensor, row: int, start: int, stop: int) -> None:
        tiles = Tiles(self._folded, 1, x.shape[1])
        out[row] = tiles.feed(x[row, :, None])[:, 0]

    def _windows(self, x: Tensor, out: Tensor, row: int, start: int, stop: int) -> None:
        """Frames start to stop of one row, each from its own window."""
        batch = WindowBatch(self._folded, stop - start)
        out[row, start:stop] = batch.run(windows(x[row, None], self.receptive_field, start, stop))

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
    """A model of any kind, copied and run as it is, in pieces of output frames whose inputs overlap."""

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
        return LiveWindows(lambda clips: self(clips)[:, 0], self.receptive_field)


def shares(rows: int, frames: int, workers: int, receptive_field: int) -> list[tuple[int, int, int]]:
    """Divide rows of sequences among workers, cutting them where that is needed to give each worker as much.

    A cut costs a receptive field of frames computed twice, so pieces are no shorter than four of these.

    Returns:
        (row, start, stop) of the output frames of each piece.
    """
    longest = max(1, frames // max(4 * receptive_field, TILE_FRAMES // 4))
    even = next(n for n in range(1, workers + 1) if rows * n % workers == 0)
    pieces = min(even, longest)
    cuts = [frames * i // pieces for i in range(pieces + 1)]
    return [(row, start, stop) for row in range(rows) for start, stop in pairwise(cuts)]


def _pieces(out: Tensor, frames: int) -> list[tuple[int, int, int]]:
    """(row, start, stop) of runs of at most so many output frames."""
    rows, count = out.shape[:2]
    return [(row, start, min(start + frames, count)) for row in range(rows) for start in range(0, count, frames)]
