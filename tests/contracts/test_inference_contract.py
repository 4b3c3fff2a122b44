"""What inference computes is what the model computes: folded, in tiles, frame by frame; every model, every variant."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tries import tries
from test_model_contract import ARCHITECTURES, EVERY_MODEL, VARIANTS, clip, make

from srnet_core.engine import folded as _folded
from srnet_core.engine.folded import FoldedForm, inference_form
from srnet_core.errors import ConfigError
from srnet_core.inference.predict import pad_edges

WIDE = [
    {"context_width": d, "recombine": recombine, "context": context}
    for d in (2, 3)
    for recombine in ("multiply", "add", "concat")
    for context in ("others", "all")
]


@pytest.fixture(params=[5, 40], ids=lambda n: f"tiles of {n}")
def tiles(request, monkeypatch):
    """Tiles far shorter and a little longer than the receptive field."""
    monkeypatch.setattr(_folded, "TILE_FRAMES", request.param)
    monkeypatch.setattr(_folded, "WINDOW_FRAMES", 4 * request.param)


def assert_same(actual, expected, *, tolerance=1e-12):
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    assert (actual - expected).abs().max() <= tolerance * max(1.0, float(expected.abs().max()))


@torch.no_grad()
def check_sequences(model, *, more=(0, 37)):
    network = inference_form(model)
    assert isinstance(network, FoldedForm)
    for extra in more:
        x = clip(model, model.receptive_field + extra)
        assert_same(network(x), model(x))


@torch.no_grad()
def check_live(model, frames=21):
    """Two sequences side by side, frame by frame, against both as a whole with padded edges."""
    x = clip(model, frames)
    expected = model(pad_edges(x, model.receptive_field, model.config.causal))
    live, delay = inference_form(model).live(2), model.pad - model.causal_shift
    poses = [live.start(x[:, 0].numpy()).copy()]
    poses += [live.push(x[:, min(t, frames - 1)].numpy()).copy() for t in range(1, frames + delay)]
    assert_same(torch.from_numpy(np.stack(poses[delay:], axis=1)), expected)


@EVERY_MODEL
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("widths", ARCHITECTURES, ids=str)
@pytest.mark.usefixtures("tiles")
def test_folded_and_tiled_models_compute_the_same(name, widths, causal):
    check_sequences(make(name, filter_widths=widths, causal=causal))


@EVERY_MODEL
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("widths", ARCHITECTURES, ids=str)
def test_models_frame_by_frame_compute_the_same(name, widths, causal):
    check_live(make(name, filter_widths=widths, causal=causal))


@pytest.mark.parametrize("variant", VARIANTS + WIDE, ids=lambda v: "-".join(map(str, v.values())))
def test_every_variant_of_srnet(variant, monkeypatch):
    monkeypatch.setattr(_folded, "TILE_FRAMES", 16)
    check_sequences(make(filter_widths=(3, 3), **variant), more=(37,))
    check_live(make(filter_widths=(3, 5), causal=True, **variant), frames=18)


def test_dense_filters_and_other_outputs():
    for fields in ({"dense": True}, {"dense": True, "causal": True}, {"num_joints_out": 1}):
        model = make("fc", filter_widths=(3, 5), **fields)
        check_sequences(model)
        check_live(model)


@torch.no_grad()
def test_as_published_a_sequence_is_computed_as_a_whole_and_cannot_stream():
    model = make(recombine="concat", compat="original")
    network = inference_form(model)
    assert network.needs_whole
    x = clip(model, 50)
    assert_same(network(x), model(x))
    with pytest.raises(ConfigError, match="cannot stream"):
        network.live(1)


@EVERY_MODEL
@torch.no_grad()
def test_in_single_precision_folding_costs_rounding_only(name):
    model = make(name, dtype=torch.float32)
    for parameter in model.parameters():
        parameter.mul_(0.3)
    x = clip(model, 60)
    assert_same(inference_form(model)(x), model(x), tolerance=2e-6)


@settings(max_examples=tries(25), deadline=None)
@given(
    widths=st.lists(st.sampled_from([1, 3, 5]), min_size=1, max_size=3),
    causal=st.booleans(),
    recombine=st.sampled_from(["multiply", "add", "concat"]),
    groups=st.sampled_from([1, 2, 5]),
    tile=st.integers(1, 30),
    more=st.integers(0, 40),
)
def test_any_architecture_in_any_tiles_and_frame_by_frame(widths, causal, recombine, groups, tile, more):
    model = make(filter_widths=tuple(widths), causal=causal, recombine=recombine, groups=groups, compat="aligned")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_folded, "TILE_FRAMES", tile)
        check_sequences(model, more=(more,))
    check_live(model, frames=9)
