"""Operations on a few rows by NumPy: what torch computes, on the same memory; streams with weights in whole numbers."""

import contextlib

import numpy as np
import pytest
import torch
from support.lifters import clip_px, make_lifter

from srnet_core.engine import inference_form, kernels, scratch
from srnet_core.engine.few_rows import FEW_ROWS, NUMPY, TORCH, NumPyCalls, by_output, leaky_relu, numpy_calls, sigmoid
from srnet_core.engine.low_precision import Int8Weights
from srnet_core.engine.openblas import known
from srnet_core.models import build_model

SIZE = {"image_size": (1000, 1002)}


def numbers(*shape, dtype=torch.float32, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def done(operations):
    for operation in operations:
        operation()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_numpy_computes_what_torch_does(dtype):
    a, b = numbers(2, 3, 8, dtype=dtype), numbers(2, 3, 1, dtype=dtype, seed=1)
    index = torch.tensor([7, 0, 0, 3])
    results = []
    for calls in (NUMPY, TORCH):
        wide = torch.zeros(2, 3, 20, dtype=dtype)  # results are slices of it
        product, total, copied, taken = wide[..., :8], torch.zeros_like(a), torch.zeros_like(a), wide[..., 8:12]
        done([calls.multiply(a, b, product), calls.add(a, b, total), calls.copy(a, copied)])
        if calls is TORCH:
            taken.copy_(a[..., index])
        else:
            done([calls.take(a, 2, index, taken)])
        x, y = a.clone(), 30 * a
        done([*leaky_relu(calls, x, 0.01), *sigmoid(calls, y)])
        results.append([wide, total, copied, x, y])
    for found, expected in zip(*results):
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=2e-7)


def test_a_sigmoid_of_any_number_is_from_0_to_1_without_a_warning(recwarn):
    x = torch.tensor([[-1e30, -100.0, 0.0, 100.0, 1e30]])
    done(NUMPY.sigmoid(x))
    assert x.tolist() == [[0.0, 0.0, 0.5, 1.0, 1.0]] and not recwarn


def test_one_plus_tanh_is_twice_the_sigmoid_of_twice_the_number():
    x = 5 * numbers(3, 7)
    found = x.clone()
    done(NUMPY.one_plus_tanh(found))
    torch.testing.assert_close(found, 2 * torch.sigmoid(2 * x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("calls", [NUMPY, TORCH], ids=["NumPy", "torch"])
def test_rows_are_stored_and_gathered(calls):
    x, stored, gathered = numbers(3, 4), torch.zeros(6, 4), torch.zeros(2, 4)
    calls.put_rows(x, np.array([2, 0]), stored, np.array([1, 5]))
    calls.take_rows(stored, np.array([5, 1]), gathered)
    assert torch.equal(gathered, x[[0, 2]]) and torch.equal(stored[[0, 2, 3, 4]], torch.zeros(4, 4))


@pytest.mark.parametrize("form", ["auto", "mm"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_clips_with_positions_of_their_own_in_any_type(dtype, form, monkeypatch):
    """Some start later, and some pause; products of few rows in float16 are torch's."""
    monkeypatch.setenv(kernels.VARIABLE, form)
    torch.manual_seed(0)
    model = build_model("srnet", channels=48, filter_widths=(3, 3), causal=True).to(dtype).eval()
    network, clip = inference_form(model), numbers(20, 2, 17, 2).numpy()
    together, alone = network.together(2), network.live(1)
    for n, frames in enumerate(clip):
        taking = np.array([n % 3 != 1, n >= 4])
        found = together.push(frames, np.array([n == 0, n == 4]), taking).astype(np.float32)
        if taking[0]:
            expected = (alone.push if n else alone.start)(frames[:1]).astype(np.float32)
            np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=1e-5 if dtype == torch.float32 else 0.1)


@pytest.mark.parametrize("rows", [1, 2, FEW_ROWS])
@pytest.mark.parametrize(("inner", "outer"), [(1, 1), (17, 5), (586, 195)])
def test_products_read_a_weight_by_output(rows, inner, outer):
    weight, out = numbers(inner, outer), torch.full((rows, outer + 3), 7.0)
    laid_out = by_output(weight)
    assert laid_out.shape[1] % 16 == 0 and laid_out.shape[1] - inner < 16
    x = torch.zeros(rows, laid_out.shape[1])
    operations = list(NUMPY.products(x, laid_out, out[:, :outer]))
    for seed in (1, 2):
        x[:, :inner] = numbers(rows, inner, seed=seed)
        done(operations)
        torch.testing.assert_close(out[:, :outer], x[:, :inner] @ weight, rtol=1e-4, atol=1e-4)
    assert (out[:, outer:] == 7).all()


def test_who_computes_few_rows():
    like = torch.empty(0)
    assert isinstance(numpy_calls(like, FEW_ROWS, None), NumPyCalls) == known()
    assert isinstance(numpy_calls(like, 1, "numpy"), NumPyCalls) == known()
    assert numpy_calls(like, FEW_ROWS + 1, None) is None
    assert numpy_calls(like, 1, "mm") is None and numpy_calls(like.half(), 1, None) is None


FORMS = [
    {},
    {"recombine": "add"},
    {"recombine": "concat", "compat": "aligned"},
    {"context": "all"},
    {"context": "none"},
    {"residual_2d": True},
    {"name": "fc"},
    {"name": "gcn"},
    {"filter_widths": (1, 3)},
]


@pytest.mark.parametrize("batch", [1, FEW_ROWS])
@pytest.mark.parametrize("fields", FORMS, ids=str)
def test_numpy_streams_what_torch_streams(fields, batch, monkeypatch):
    torch.manual_seed(0)
    model = build_model(**{"name": "srnet", "channels": 48, "filter_widths": (3, 3), "causal": True} | fields).eval()
    clip, found = numbers(batch, 30, 17, 2), {}
    for form in ("auto", "mm"):
        monkeypatch.setenv(kernels.VARIABLE, form)
        live = inference_form(model).live(batch)
        first, *others = clip.numpy().swapaxes(0, 1)
        found[form] = np.stack([live.start(first).copy(), *(live.push(frame).copy() for frame in others)])
    np.testing.assert_allclose(found["auto"], found["mm"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("fields", FORMS, ids=str)
@pytest.mark.parametrize("inside", [True, False], ids=["made in inference mode", "pushed in inference mode"])
def test_streams_made_and_pushed_in_different_modes(fields, inside, monkeypatch):
    """In inference mode torch makes tensors that nobody may change outside of it."""
    monkeypatch.setenv(kernels.VARIABLE, "auto")
    model = build_model(**{"name": "srnet", "channels": 48, "filter_widths": (3, 3), "causal": True} | fields).eval()
    frame = numbers(1, 17, 2).numpy()
    mode = torch.inference_mode, contextlib.nullcontext
    with mode[not inside]():
        network = inference_form(model)
        live, together = network.live(), network.together(1)
    with mode[inside]():
        begun = live.start(frame).copy()
        for starting in (True, False):
            found = together.push(frame, np.array([starting]), np.array([True]))
            np.testing.assert_allclose(found, begun, rtol=0, atol=1e-5)
        np.testing.assert_allclose(live.push(frame), begun, rtol=0, atol=1e-5)


@pytest.fixture
def whole_weights(monkeypatch):
    """Weights of any size in whole numbers, where they can be used at all."""
    monkeypatch.setattr(scratch, "_WORTH_WHOLE", 1)
    monkeypatch.delenv(kernels.VARIABLE, raising=False)
    if not (known() and Int8Weights.usable()):
        pytest.skip("this processor or this torch has no products with weights in whole numbers")


@pytest.mark.parametrize("rows", [1, FEW_ROWS])
@pytest.mark.parametrize("shapes", [[(586, 195), (730, 243)], [(1, 2)], [(33, 3), (64, 16), (31, 17)]], ids=str)
def test_weights_in_whole_numbers_are_near_the_exact_ones(rows, shapes, whole_weights):
    """Sizes that are not multiples of a vector too: the operator reads past the end of such weights."""
    weights = [numbers(*shape, seed=n) for n, shape in enumerate(shapes)]
    weights[0][:, 0] = 0.0
    group = Int8Weights(weights)
    buffer, out = torch.zeros(rows * sum(group.inner)), torch.zeros(rows, sum(w.shape[1] for w in weights))
    operations = group.operations(buffer, out)
    for seed in (5, 6):
        inputs = [numbers(rows, len(w), seed=seed) for w in weights]
        for place, x in zip(group.rows(buffer, rows), inputs):
            place[:, : x.shape[1]] = x
        done(operations)
        expected = torch.cat([x @ w for x, w in zip(inputs, weights)], dim=1)
        lengths = torch.cat([x.norm(dim=1, keepdim=True) * w.norm(dim=0) for x, w in zip(inputs, weights)], dim=1)
        assert ((out - expected).abs() <= 0.02 * lengths).all() and (out - expected).abs().max() > 0


@pytest.mark.parametrize("flip", [False, True])
def test_a_stream_with_weights_in_whole_numbers_is_near_float32(flip, whole_weights):
    exact, frames = make_lifter(channels=200, causal=True), clip_px(30)
    low = make_lifter(channels=200, causal=True)
    low.network = inference_form(low.model, "int8")
    expected, found = (
        np.stack([s.push(f) for f in frames]) for s in (x.stream(flip=flip, **SIZE) for x in (exact, low))
    )
    error = np.abs(found - expected).max()
    assert 0 < error < 0.05
    again = low.stream(flip=flip, **SIZE)
    np.testing.assert_array_equal(found, np.stack([again.push(frame) for frame in frames]))
