"""Forms of matrix products: all give the same numbers, and the choice among them survives a damaged file."""

import copy
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tries import tries
from test_reference_models import assert_close, one_thread  # noqa: F401 - a fixture
from test_reference_subset import MODELS, arrays_of, keypoints, seeded_model

from srnet_core.engine import inference_form, kernels, training_form
from srnet_core.engine.kernels import (
    CONSTANT,
    FORWARD,
    KINDS,
    Choice,
    Kernels,
    choices_file,
    default_kernels,
    kernels_of_run,
    machine,
    measured,
    read_choices,
    write_choices,
)
from srnet_core.engine.openblas import NumPyThreads, known
from srnet_core.engine.products import FORMS
from srnet_core.errors import UnknownNameError
from srnet_core.models import build_model

SIZE = FORWARD, 512, 585, 195, torch.float32  # large enough to be worth measuring
QUESTION = kernels._question(*SIZE, threads=1)


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache folder of the test's own, nothing forced, and nothing known from other tests."""
    monkeypatch.setenv("SRNET_LOCAL_CACHE", str(tmp_path))
    monkeypatch.delenv(kernels.VARIABLE)
    kernels._of_this_machine.cache_clear()
    yield tmp_path
    kernels._of_this_machine.cache_clear()


@pytest.fixture
def asked(monkeypatch):
    """The questions that were measured; the answer is always oneDNN's linear operator."""
    questions = []
    monkeypatch.setattr(kernels, "measured", lambda q: questions.append(q) or Choice("linear", 10.0))
    return questions


def matrix(rows, columns, *, turned, sliced, dtype, seed):
    """A matrix of ordinary numbers, laid out by columns or as a slice of a wider one."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = (columns, rows) if turned else (rows, columns)
    whole = torch.randn(rows, columns + 3 * sliced, generator=generator, dtype=dtype)[:, :columns]
    return whole.t() if turned else whole


@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=tries(25), deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 40)] * 3),
    layout=st.tuples(*[st.booleans()] * 5),
    double=st.booleans(),
)
def test_every_form_computes_the_product(name, shape, layout, double):
    form, (rows, inner, outer) = FORMS[name], shape
    dtype = torch.float64 if double else torch.float32
    if not form.usable(dtype):
        assert name != "mm"
        return
    a = matrix(rows, inner, turned=layout[0], sliced=layout[1], dtype=dtype, seed=1)
    b = matrix(inner, outer, turned=layout[2], sliced=layout[3], dtype=dtype, seed=2)
    expected = (a.double() @ b.double()).to(dtype)
    out = torch.full((rows, outer + 2 * layout[4]), 7.0, dtype=dtype)
    target = out[:, :outer]
    tolerance = {"rtol": 0, "atol": 1e-12 if double else 4e-5}  # of sums of up to 40 products of ordinary numbers
    form.multiply(a, b, target)
    torch.testing.assert_close(target, expected, **tolerance)
    form.add(a, b, target)
    torch.testing.assert_close(target, 2 * expected, **tolerance)
    run = form.operation(a, form.prepare(b), target)
    for factor in (1.0, -2.0):
        a.mul_(factor)
        run()
        torch.testing.assert_close(target, factor * expected, **tolerance)
    assert (out[:, outer:] == 7).all()


@pytest.mark.parametrize("name", FORMS)
@torch.no_grad()
def test_every_form_gives_the_published_outputs(name, monkeypatch):
    """The reference networks with the product forced, float32 within 1e-5 * max(1, largest)."""
    monkeypatch.setenv(kernels.VARIABLE, name)
    outputs, seen = arrays_of("models"), set()
    for model_name, facts in MODELS.items():
        family = "_".join(model_name.split("_")[:2])
        if family in seen or f"{model_name}/tm_seq" not in outputs:
            continue
        seen.add(family)
        x = torch.from_numpy(keypoints(facts["in_seq"], facts["seed"] + 2))[:1]
        found = inference_form(seeded_model(facts))(x)[:, [0, -1]]
        assert_close(found, outputs[f"{model_name}/tm_seq"].astype(np.float32))
    assert len(seen) > 5


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("model_name", ["srnet", "fc"])
def test_every_form_trains_as_the_network_itself(name, model_name):
    torch.manual_seed(0)
    ours = build_model(model_name, channels=64, filter_widths=(3, 3))
    for key, parameter in ours.named_parameters():
        if "m_conv" in key:
            torch.nn.init.normal_(parameter, 0, 0.3)
    theirs, x = copy.deepcopy(ours), torch.randn(9, 9, 17, 2)
    training_form(ours, Kernels(name))(x).sin().mean().backward()
    theirs(x).sin().mean().backward()
    for (key, p), (_, q) in zip(ours.named_parameters(), theirs.named_parameters()):
        torch.testing.assert_close(p.grad, q.grad, rtol=1e-3, atol=2e-6, msg=key)


@pytest.mark.parametrize("name", FORMS)
def test_every_form_streams_what_it_gives_for_the_clip(name, monkeypatch):
    monkeypatch.setenv(kernels.VARIABLE, name)
    torch.manual_seed(0)
    network = inference_form(build_model("srnet", channels=64, filter_widths=(3, 3), causal=True).eval())
    clip = torch.randn(2, 30, 17, 2)
    live = network.live(2)
    first, *others = clip.numpy().swapaxes(0, 1)
    streamed = torch.from_numpy(np.stack([live.start(first).copy(), *(live.push(f).copy() for f in others)], 1))
    padded = torch.cat([clip[:, :1].expand(-1, 8, -1, -1), clip], dim=1)
    torch.testing.assert_close(streamed, network(padded), rtol=0, atol=1e-5)


def test_a_form_is_measured_once_and_kept(own_cache, asked):
    assert default_kernels().form(*SIZE).name == "linear"
    assert default_kernels().form(*SIZE).name == "linear" and asked == [QUESTION]
    kernels._of_this_machine.cache_clear()  # as in another process
    assert default_kernels().form(*SIZE).name == "linear" and len(asked) == 1
    assert kernels.choices_here() == {str(QUESTION): Choice("linear", 10.0)}


def test_small_products_are_not_measured(own_cache, asked):
    for kind in KINDS:
        assert default_kernels().form(kind, 64, 8, 13, torch.float32).name == "mm"
    assert not asked and not choices_file().exists()


def good_file():
    write_choices(choices_file(), {str(QUESTION): Choice("numpy", 5.0)})
    return json.loads(choices_file().read_text())


SPOILED = {
    "cut off": lambda stored: json.dumps(stored)[:-40],
    "not text": lambda stored: b"\xff\x00\x9f",
    "empty": lambda stored: "",
    "a list": lambda stored: "[1, 2]",
    "deep": lambda stored: "[" * 100_000,
    "huge": lambda stored: json.dumps(stored) + " " * (1 << 20),
    "of another machine": lambda stored: json.dumps(stored | {"machine": "another processor"}),
    "changed by hand": lambda stored: json.dumps(stored).replace("numpy", "linear"),
    "without choices": lambda stored: json.dumps({k: v for k, v in stored.items() if k != "choices"}),
    "choices of another kind": lambda stored: json.dumps(stored | {"choices": [1]}),
}


@pytest.mark.parametrize("how", SPOILED)
def test_a_damaged_or_foreign_file_is_measured_again_and_replaced(own_cache, asked, how):
    content = SPOILED[how](good_file())
    choices_file().write_bytes(content if isinstance(content, bytes) else content.encode())
    assert default_kernels().form(*SIZE).name == "linear" and asked == [QUESTION]
    assert read_choices(choices_file()) == {str(QUESTION): Choice("linear", 10.0)}


@pytest.mark.parametrize("choice", [{"form": "of the future", "gflops": 1.0}, {"form": "mm", "gflops": float("nan")}])
def test_choices_that_cannot_be_used_are_left_out(own_cache, choice):
    table = {"a": choice, "b": {"form": "mm", "gflops": 2.0}}
    choices_file().parent.mkdir(parents=True)
    stored = {"machine": machine(), "digest": kernels._digest(table), "choices": table}
    choices_file().write_text(json.dumps(stored))
    assert read_choices(choices_file()) == {"b": Choice("mm", 2.0)}


def test_a_folder_that_cannot_be_written_to_is_no_obstacle(own_cache, asked, monkeypatch):
    (own_cache / "file").write_text("")
    monkeypatch.setenv("SRNET_LOCAL_CACHE", str(own_cache / "file"))
    assert default_kernels().form(*SIZE).name == "linear"
    assert default_kernels().form(*SIZE).name == "linear" and len(asked) == 1


def test_measuring_ends_when_its_time_is_up(own_cache, monkeypatch):
    slow = iter(range(100))
    monkeypatch.setattr(kernels.time, "process_time", lambda: next(slow))
    monkeypatch.setattr(kernels, "measured", lambda q: Choice("linear", 10.0))
    chosen = [default_kernels().form(kind, 512, 585, 195, torch.float32).name for kind in KINDS]
    assert chosen == ["linear", "mm", "mm", "mm"]
    assert len(read_choices(choices_file())) == 1  # what was not measured is measured another time


def test_one_form_can_be_forced(monkeypatch, asked):
    monkeypatch.setenv(kernels.VARIABLE, " Linear ")
    assert default_kernels().form(CONSTANT, 1, 2, 3, torch.float32).name == "linear"
    assert default_kernels().form(CONSTANT, 1, 2, 3, torch.float64).name == "mm"  # which linear does not compute
    monkeypatch.setenv(kernels.VARIABLE, "fast")
    with pytest.raises(UnknownNameError, match="SRNET_KERNELS.*auto, mm, numpy, linear, convolution"):
        training_form(build_model("srnet", channels=40))


@pytest.mark.parametrize("kind", KINDS)
def test_measuring_finds_a_form_that_can_be_used(kind):
    question = kernels._question(kind, 16, 24, 24, torch.float32, threads=torch.get_num_threads())
    before = torch.get_rng_state()
    choice = measured(question)
    assert choice.form in FORMS and choice.gflops > 0
    assert torch.equal(torch.get_rng_state(), before)


def test_a_run_goes_on_with_the_forms_it_began_with(own_cache, asked, monkeypatch):
    run = kernels_of_run()
    assert run.to_store() == {} and run.form(*SIZE).name == "linear"
    stored = run.to_store()
    assert stored == {machine(): {str(QUESTION): "linear"}}
    choices_file().unlink()
    kernels._of_this_machine.cache_clear()
    monkeypatch.setattr(kernels, "measured", lambda q: Choice("mm", 20.0))
    resumed = kernels_of_run()
    resumed.remember(stored)
    assert resumed.form(*SIZE).name == "linear" and resumed.to_store() == stored
    elsewhere = kernels_of_run()
    elsewhere.remember({"another machine": {str(QUESTION): "linear"}, machine(): {"some product": "of the future"}})
    assert elsewhere.form(*SIZE).name == "mm"


def test_a_run_that_was_forced_stays_so(own_cache, monkeypatch):
    monkeypatch.setenv(kernels.VARIABLE, "convolution")
    stored = kernels_of_run().to_store()
    monkeypatch.delenv(kernels.VARIABLE)
    resumed = kernels_of_run()
    resumed.remember(stored)
    assert resumed.form(FORWARD, 1, 1, 1, torch.float32).name == "convolution" and resumed.to_store() == stored


@pytest.mark.skipif(not known(), reason="NumPy does not compute with an OpenBLAS that tells its threads")
def test_the_threads_of_numpy_are_what_they_were():
    from srnet_core.engine.openblas import _library

    get = _library().get
    before = get()
    with NumPyThreads(1), pytest.raises(ValueError), NumPyThreads(2):
        assert get() == 2
        raise ValueError
    assert get() == before
    with NumPyThreads(before), NumPyThreads(before):  # nothing to change
        assert get() == before
    assert get() == before
