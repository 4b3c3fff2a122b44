"""Networks for inference: bounded memory, weights of their own, work shared among threads."""

import copy
import threading
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from srnet_core.config import ModelConfig
from srnet_core.engine import folded as _folded
from srnet_core.engine.folded import FoldedForm, UnfoldedForm, inference_form, shares
from srnet_core.engine.folded_layers import NarrowLayer
from srnet_core.engine.scratch import Scratch
from srnet_core.engine.threads import Workers, on_one_core
from srnet_core.engine.tiles import MOST_PLANS
from srnet_core.errors import ConfigError
from srnet_core.models import build_model


def small(**fields):
    torch.manual_seed(0)
    return build_model("srnet", **{"channels": 40, "filter_widths": (3, 3)} | fields).eval()


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_memory_does_not_grow_with_the_sequence(monkeypatch):
    monkeypatch.setattr(_folded, "TILE_FRAMES", 50)
    network = inference_form(small())
    network(torch.randn(1, 100, 17, 2))
    (tiles,) = network._idle
    rows = tiles.rows_allocated
    network(torch.randn(1, 5000, 17, 2))
    assert [t.rows_allocated for t in network._idle] == [rows]
    assert rows <= 8 + 5 * 50  # what filters reach back to, and five buffers of a tile
    assert len(tiles._plans) <= 4  # full tiles cold and warm, last tiles


def test_memory_does_not_grow_with_the_lengths_seen():
    network = inference_form(small())
    lengths = [*range(9, 120), 500]
    fresh = [inference_form(small())(x) for x in map(clip, lengths)]
    for length, expected in zip(lengths, fresh):
        torch.testing.assert_close(network(clip(length)), expected, rtol=0, atol=1e-6)
    (tiles,) = network._idle
    assert len(tiles._plans) <= MOST_PLANS
    assert len(tiles._scratch._buffers) <= 40 * MOST_PLANS


def clip(frames):
    return torch.randn(1, frames, 17, 2, generator=torch.Generator().manual_seed(frames))


@torch.no_grad()
def test_a_model_with_an_output_of_its_own_is_not_folded():
    known = small()

    class Scaled(type(known)):
        def _output(self, x):
            return 3 * super()._output(x)

    model, x = Scaled(known.config, known.skeleton).eval(), clip(30)
    assert isinstance(inference_form(model), UnfoldedForm)
    torch.testing.assert_close(inference_form(model)(x), model(x))


@torch.no_grad()
def test_training_on_does_not_change_what_was_folded():
    model, x = small(), torch.randn(1, 30, 17, 2)
    network, reference = inference_form(model), copy.deepcopy(model)
    live = network.live(1)
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.zero_() if tensor.is_floating_point() else tensor
    torch.testing.assert_close(network(x), reference(x), atol=1e-5, rtol=0)
    assert np.abs(live.start(x[:, 0].numpy())).max() > 0


def test_a_model_in_training_mode_is_folded_as_it_evaluates():
    model, x = small(dropout=0.5).train(), torch.randn(1, 30, 17, 2)
    found = inference_form(model)(x)
    assert model.training
    with torch.no_grad():
        torch.testing.assert_close(found, model.eval()(x), atol=1e-5, rtol=0)


def test_what_is_folded_stays_as_it_is():
    network = inference_form(small())
    assert inference_form(network) is network


def test_impossible_input_is_refused_with_the_reason():
    network = inference_form(small())
    with pytest.raises(ConfigError, match="8 frames, fewer than the model's receptive field of 9"):
        network(torch.zeros(1, 8, 17, 2))
    with pytest.raises(ConfigError, match=r"not \(1, 9, 16, 2\)"):
        network(torch.zeros(1, 9, 16, 2))


class Foreign(torch.nn.Module):
    """A model that is none of the project's: the mean over a window of three, and a weight."""

    receptive_field, config = 3, ModelConfig(filter_widths=(3,))

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(2.0))
        self.longest = 0

    def forward(self, x):
        self.longest = max(self.longest, x.shape[1])
        mean = self.weight * x.unfold(1, 3, 1).mean(-1)
        return torch.cat([mean, mean[..., :1]], dim=-1)


@torch.no_grad()
def test_a_model_of_another_kind_runs_as_it_is_in_pieces(monkeypatch):
    monkeypatch.setattr(_folded, "TILE_FRAMES", 10)
    model, x = Foreign(), torch.randn(2, 57, 17, 2)
    expected, network = model(x), inference_form(model)
    assert isinstance(network, UnfoldedForm)
    torch.testing.assert_close(network(x), expected, rtol=0, atol=1e-6)
    assert expected.requires_grad is False
    live = network.live(2)
    live.start(x[:, 0].numpy())
    live.push(x[:, 1].numpy())
    np.testing.assert_allclose(live.push(x[:, 2].numpy()), expected[:, 0], rtol=0, atol=1e-6)


def test_a_model_with_a_forward_of_its_own_is_not_folded():
    class Doubled(type(small())):
        def forward(self, x):
            return 2 * super().forward(x)

    model = small()
    model.__class__ = Doubled
    assert isinstance(inference_form(model), UnfoldedForm)
    assert isinstance(inference_form(small()), FoldedForm)


@given(st.integers(1, 9), st.integers(1, 20_000), st.integers(1, 16), st.sampled_from([1, 27, 243]))
def test_shares_cover_every_frame_once_in_order(rows, frames, workers, receptive_field):
    pieces = shares(rows, frames, workers, receptive_field)
    assert [p for p in pieces if p[1] >= p[2]] == []
    for row in range(rows):
        own = [(start, stop) for r, start, stop in pieces if r == row]
        assert (own[0][0], own[-1][1]) == (0, frames)
        assert all(a[1] == b[0] for a, b in pairwise(own))
    lengths = [stop - start for _, start, stop in pieces]
    assert len(pieces) == rows or min(lengths) >= 4 * receptive_field


def test_threads_compute_what_one_thread_computes(monkeypatch, two_threads):
    monkeypatch.setattr(_folded, "TILE_FRAMES", 64)
    network, x = inference_form(small()), torch.randn(3, 700, 17, 2)
    found = network(x)
    assert network._workers._pool is not None
    torch.set_num_threads(1)
    torch.testing.assert_close(inference_form(small())(x), found, rtol=0, atol=1e-6)


def test_each_worker_has_one_core_and_the_caller_keeps_its_own(two_threads):
    workers, meet = Workers(), threading.Barrier(2)
    counts = workers.map(
        lambda _: (meet.wait(timeout=20), torch.ones(300, 300).sum(), torch.get_num_threads())[2], range(2)
    )
    assert counts == [1, 1]
    assert torch.get_num_threads() == 2
    found = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert found == [2]


def test_what_a_worker_raises_is_raised(two_threads):
    def work(job):
        raise ConfigError(f"job {job}")

    with pytest.raises(ConfigError, match="job 0"):
        Workers().map(work, range(2))


def test_one_core_for_a_moment(two_threads):
    assert on_one_core(torch.get_num_threads) == 1
    assert torch.get_num_threads() == 2
    with pytest.raises(ZeroDivisionError):
        on_one_core(lambda: 1 / 0)
    assert torch.get_num_threads() == 2


def test_a_frame_costs_the_frames_that_filters_reach_back_to():
    held = {widths: inference_form(small(filter_widths=widths)).live(1).frames_held for widths in ((3, 3), (3, 3, 3))}
    assert held == {(3, 3): 3 + 7, (3, 3, 3): 3 + 7 + 19}
    steps = {w: len(inference_form(small(filter_widths=w)).live(1)._push) for w in ((3, 3), (3, 9))}
    assert steps[3, 3] == steps[3, 9]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@torch.no_grad()
def test_on_a_gpu():
    model, x = small().cuda(), torch.randn(3, 60, 17, 2)
    expected, network = model(x.cuda()), inference_form(model)
    torch.testing.assert_close(network(x.cuda()), expected, rtol=0, atol=1e-4)
    live = network.live(3)
    live.start(x[:, 0].numpy())
    for t in range(1, 9):
        pose = live.push(x[:, t].numpy())
    np.testing.assert_allclose(pose, expected[:, 0].cpu(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("rows", [1, 3, 5, 20, 200], ids=lambda n: f"{n} rows")
@pytest.mark.parametrize("apart", [1, 7])
@pytest.mark.parametrize("outputs", [5, 16, 21])
def test_few_outputs_are_those_of_a_convolution(rows, apart, outputs):
    """Products have whole vectors of outputs, and those of shifted rows read the input once."""
    source, weight = torch.randn(rows + 2 * apart, 33), torch.randn(outputs, 33, 3)
    bias = torch.randn(outputs)
    layer = NarrowLayer(weight, bias)
    taps = source.unfold(0, 2 * apart + 1, 1)[:, :, ::apart].transpose(1, 2)
    for view in (taps, taps.contiguous()):
        operations, out = layer.plan(view, Scratch(source))
        for operation in operations:
            operation()
        expected = torch.einsum("nkc,ock->no", taps, weight) + bias
        torch.testing.assert_close(out[:, :outputs], expected, rtol=1e-4, atol=1e-4)
