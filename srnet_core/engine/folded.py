"""Networks for inference: BatchNorm folded, sequences in tiles, windows side by side, frame by frame elsewhere.

`fold(model)` gives an `InferenceNetwork`, whatever the model: same output as the model's `forward` in evaluation
mode, nothing shared with it. A network of the project's own layers becomes a `FoldedNetwork`; one with layers of
another kind is run as it is, in overlapping pieces.

Memory does not grow with the length of a sequence: it goes through in tiles, and every layer keeps the last frames
of its input, those that the next tile needs, so that nothing is computed twice.
"""

import copy
from collections import deque
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from srnet_core.engine.folded_layers import FoldedLayer
from srnet_core.engine.folding import CannotFold, fold_layer
from srnet_core.engine.threads import Workers
from srnet_core.engine.tiles import Tiles, WindowBatch
from srnet_core.errors import ConfigError
from srnet_core.layers.temporal import windows
from srnet_core.models.backbone import TemporalBackbone

TILE_FRAMES = 1024  # on a CPU; long enough that keeping frames for the next tile costs nothing
TILE_FRAMES_SINGLE = 256  # where no layer looks back: short enough to stay in a core's own cache
TILE_ROWS_GPU = 1 << 15  # frames times sequences: enough to keep a GPU busy, 134 MB per layer of 1024 channels
WINDOW_FRAMES = 1 << 14  # frames of the windows that are computed side by side, where each frame has its own


@dataclass(frozen=True)
class FoldedBlock:
    """A residual block: `wide` over `width` frames `dilation` apart, then `narrow`.

    Attributes:
        taps_apart: dilation of `wide` itself, 1 if it is dense.
        residual_tap: which of the `width` frames is added to the output.
    """

    wide: FoldedLayer
    narrow: FoldedLayer
    width: int
    dilation: int
    taps_apart: int
    residual_tap: int


class InferenceNetwork:
    """What inference asks of a network. The model is only read while this is made.

    Attributes:
        config, receptive_field: the model's.
        pad, causal_shift: as in `TemporalBackbone`.
        by_window: whether it can only compute each output from its own window.
        needs_whole: whether an output depends on how long the sequence is; see `layers.context.published_order`.
    """

    by_window, needs_whole = True, False

    def __init__(self, model: nn.Module):
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


def fold(model: "nn.Module | InferenceNetwork") -> InferenceNetwork:
    """The network of a model for inference, in evaluation mode, with a copy of its weights as they are now.

    What is a network for inference already is given back as it is.
    """
    if isinstance(model, InferenceNetwork):
        return model
    try:
        return FoldedNetwork(model)
    except CannotFold:
        return UnfoldedNetwork(model)


class FoldedNetwork(InferenceNetwork):
    """A `TemporalBackbone` of layers that can be folded.

    Raises:
        CannotFold: another kind of network, or a layer that cannot be folded.
    """

    def __init__(self, model: nn.Module):
        if not isinstance(model, TemporalBackbone) or not model.computes_as_backbone():
            raise CannotFold(type(model).__name__)
        super().__init__(model)
        self.num_joints, self.num_joints_out = model.num_joints, model.num_joints_out
        self.slope = model.config.negative_slope
        self.expand = fold_layer(model.expand_conv, model.expand_bn, model.hidden_channels)
        self.blocks = _fold_blocks(model)
        self.output, self.output_index = _fold_output(model)
        self.by_window = model._only_by_window()
        self.needs_whole = self._needs_whole()
        self._idle: deque[Tiles] = deque()
        self._workers = Workers()

    def __call__(self, x: Tensor) -> Tensor:
        """See `InferenceNetwork`."""
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

    def _needs_whole(self) -> bool:
        layers = [self.expand, self.output, *(layer for b in self.blocks for layer in (b.wide, b.narrow))]
        contexts = [getattr(layer, "context", None) for layer in layers]
        return not self.by_window and any(context is not None and context.reorder for context in contexts)

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
            tiles = Tiles(self, batch, self._tile_frames(batch))
        tiles.reset()
        return tiles

    def _tile_frames(self, batch: int) -> int:
        if self.device.type != "cpu":
            return max(1, TILE_ROWS_GPU // batch)
        return TILE_FRAMES if self.receptive_field > 1 else min(TILE_FRAMES, TILE_FRAMES_SINGLE)

    def _whole(self, x: Tensor, out: Tensor, row: int, start: int, stop: int) -> None:
        tiles = Tiles(self, 1, x.shape[1])
        out[row] = tiles.feed(x[row, :, None])[:, 0]

    def _windows(self, x: Tensor, out: Tensor, row: int, start: int, stop: int) -> None:
        """Frames start to stop of one row, each from its own window."""
        batch = WindowBatch(self, stop - start)
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


class UnfoldedNetwork(InferenceNetwork):
    """A model of any kind, copied and run as it is, in pieces of output frames whose inputs overlap."""

    def __init__(self, model: nn.Module):
        super().__init__(model)
        self._model = copy.deepcopy(model).eval()

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """See `InferenceNetwork`."""
        more, at_once = self.receptive_field - 1, max(TILE_FRAMES, self.receptive_field)
        starts = range(0, max(1, x.shape[1] - more), at_once)
        return torch.cat([self._model(x[:, start : start + at_once + more]) for start in starts], dim=1)


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


def _fold_blocks(model: TemporalBackbone) -> list[FoldedBlock]:
    blocks, dilation = [], model.config.filter_widths[0]
    for i, width in enumerate(model.config.filter_widths[1:]):
        wide, narrow = (
            fold_layer(model.layers_conv[n], model.layers_bn[n], model.hidden_channels) for n in (2 * i, 2 * i + 1)
        )
        tap = width - 1 if model.config.causal else width // 2
        blocks.append(FoldedBlock(wide, narrow, width, dilation, 1 if model.config.dense else dilation, tap))
        dilation *= width
    return blocks


def _fold_output(model: TemporalBackbone) -> tuple[FoldedLayer, Tensor | None]:
    """The output layer, and which of its channels to keep."""
    layer, index = model.output_layer, model.output_index
    channels = 3 * model.num_joints_out if index is None else layer.out_channels
    return fold_layer(layer, None, channels), None if index is None else index.clone()
