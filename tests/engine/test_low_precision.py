"""Inference with products in bfloat16 and int8: near float32, only where the processor can, never by default."""

import copy
import pickle

import numpy as np
import pytest
import torch
from support.lifters import clip_px, make_lifter

from srnet_core.engine import inference_form
from srnet_core.engine.low_precision import PRECISIONS, BFloat16Form
from srnet_core.errors import ConfigError, UnknownNameError
from srnet_core.inference.lifter import Lifter
from srnet_core.models import build_model

LOW = {"bf16": 0.01, "int8": 0.02}  # error of a product, of the product of the lengths of a row and a column


@pytest.fixture(params=LOW)
def precision(request):
    if not PRECISIONS[request.param].usable(torch.float32):
        pytest.skip(f"this processor has no instructions for {request.param} products")
    return request.param


@pytest.mark.parametrize("rows", [5, 64])
def test_products_are_near_the_exact_ones(precision, rows):
    generator = torch.Generator().manual_seed(1)
    a, weight = torch.randn(rows, 70, generator=generator), torch.randn(70, 33, generator=generator)
    a[0], weight[:, 0] = 0.0, 0.0
    form, out = PRECISIONS[precision], torch.full((rows, 40), 7.0)
    run = form.operation(a, form.prepare(weight), out[:, :33])
    for factor in (1.0, 30.0):
        a.mul_(factor)
        run()
        bound = LOW[precision] * a.norm(dim=1, keepdim=True) * weight.norm(dim=0)
        assert ((out[:, :33] - a @ weight).abs() <= bound).all()
    assert (out[:, 33:] == 7).all()


@pytest.mark.parametrize("name", ["srnet", "fc"])
def test_networks_are_near_float32(precision, name):
    torch.manual_seed(0)
    model = build_model(name, channels=300, filter_widths=(3, 3)).eval()
    x = torch.randn(2, 700, 17, 2)
    exact, found = inference_form(model)(x), inference_form(model, precision)(x)
    error = (found - exact).abs().max() / exact.abs().max()
    assert 0 < error < 0.1


def test_a_lifter_and_its_copies_keep_their_precision(precision):
    lifter = make_lifter(channels=300)
    clip, given = clip_px(150), {"image_size": (1000, 1002), "check": "off"}
    exact = lifter(clip, **given)
    lifter.network = inference_form(lifter.model, precision)
    poses = lifter(clip, **given)
    assert not np.array_equal(poses, exact) and np.abs(poses - exact).max() < 0.1
    for other in (copy.deepcopy(lifter), pickle.loads(pickle.dumps(lifter))):
        np.testing.assert_array_equal(other(clip, **given), poses)


def test_what_cannot_be_computed_so_is_refused(monkeypatch):
    model = build_model("srnet", channels=40, filter_widths=(3, 3)).eval()
    with pytest.raises(UnknownNameError, match="fp32, bf16, int8"):
        inference_form(model, "fp8")
    monkeypatch.setattr(BFloat16Form, "usable", lambda self, dtype: dtype == torch.float32)
    with pytest.raises(ConfigError, match="bf16 is for float32 networks"):
        inference_form(model.double(), "bf16")
    monkeypatch.setattr(BFloat16Form, "usable", lambda self, dtype: False)
    with pytest.raises(ConfigError, match="no instructions for bf16"):
        Lifter.open(device="cpu", precision="bf16")
