"""The fused training step gives the numbers of the plain one wherever it applies, and leaves the others alone."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tries import tries

import srnet_core as srnet
from srnet_core.engine import fused as _fused
from srnet_core.engine import fused_layers as passes
from srnet_core.engine import training_form
from srnet_core.engine.buffers import Memory
from srnet_core.engine.kernels import Kernels
from srnet_core.engine.recording import Recording
from srnet_core.models.fc import FullyConnected

FUSIBLE = ("srnet", "group", "fc", "late_fusion", "early_split", "split_fuse_split")


def make(name="srnet", *, dtype=torch.float64, seed=0, **settings):
    torch.manual_seed(seed)
    model = srnet.build_model(name, **{"channels": 64, "filter_widths": (3, 3), **settings}).to(dtype)
    for key, parameter in model.named_parameters():
        if "m_conv" in key:  # zero at first: a context that does not depend on its input
            torch.nn.init.normal_(parameter, 0, 0.3)
    return model


def windows(model, count=7, seed=1):
    generator = torch.Generator().manual_seed(seed)
    like = next(model.parameters())
    return torch.randn(count, model.receptive_field, 17, 2, generator=generator, dtype=like.dtype)


def step(model, x, forward=None):
    """Output, gradients and BatchNorm statistics of one step, by the model itself or by a form of it."""
    model.zero_grad()
    y = (forward or model)(x)
    y.sin().mean().backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
    return y.detach().clone(), gradients, {name: b.clone() for name, b in model.named_buffers()}


def fused_step(model, x):
    return step(model, x, training_form(model))


def assert_same_steps(model, x, steps=2, atol=1e-12):
    other = copy.deepcopy(model)
    assert _fused.can_fuse(model, x)
    forward = training_form(model)
    ours = [step(model, x, forward) for _ in range(steps)]
    theirs = [step(other, x) for _ in range(steps)]
    for (y, gradients, buffers), (y2, gradients2, buffers2) in zip(ours, theirs):
        torch.testing.assert_close(y, y2, rtol=0, atol=atol)
        for name, gradient in gradients2.items():
            torch.testing.assert_close(gradients[name], gradient, rtol=0, atol=atol, msg=name)
        for name, buffer in buffers2.items():
            torch.testing.assert_close(buffers[name], buffer, rtol=0, atol=atol, msg=name)


@pytest.mark.parametrize("name", FUSIBLE)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"causal": True},
        {"groups": 3},
        {"groups": 1},
        {"divisions": (2, 3, 5)},
        {"filter_widths": (1, 1, 1)},
        {"filter_widths": (3,)},
        {"filter_widths": (5, 3, 1)},
        {"negative_slope": 0.0},
    ],
    ids=str,
)
def test_a_step_is_the_plain_step(name, settings):
    model = make(name, **settings)
    assert_same_steps(model, windows(model))


@settings(max_examples=tries(25), deadline=None)
@given(
    widths=st.lists(st.sampled_from([1, 3, 5]), min_size=1, max_size=4),
    channels=st.integers(25, 90),
    count=st.integers(3, 9),  # a BatchNorm over two values divides by their difference: rounding alone gives 1e-10
    groups=st.sampled_from([2, 3, 5]),
    seed=st.integers(0, 99),
    block=st.integers(1, 4000),
    norm_block=st.integers(1, 4000),
    causal=st.booleans(),
)
def test_a_step_does_not_depend_on_the_blocks(widths, channels, count, groups, seed, block, norm_block, causal):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "_BLOCK_BYTES", block)
        patch.setattr(passes, "_NORM_BYTES", norm_block)
        model = make(filter_widths=tuple(widths), channels=channels, groups=groups, seed=seed, causal=causal)
        assert_same_steps(model, windows(model, count, seed), steps=1, atol=1e-10)


def test_float32_is_as_close_to_float64_as_the_plain_step():
    exact = make(channels=256, filter_widths=(3, 3, 3))
    x = windows(exact, 32)
    fused, other = copy.deepcopy(exact).float(), copy.deepcopy(exact).float()
    y, gradients, _ = fused_step(fused, x.float())
    true_y, true_gradients, _ = step(exact, x)
    plain_y, plain_gradients, _ = step(other, x.float())

    def distance(tensors):  # the gradient of a bias before a BatchNorm is zero but for rounding
        true = {name: g for name, g in true_gradients.items() if g.abs().max() > 1e-9}
        return max(float((tensors[name] - g).abs().max() / g.abs().max()) for name, g in true.items())

    assert (y - true_y).abs().max() <= 3 * (plain_y - true_y).abs().max() + 1e-6
    assert distance(gradients) <= 3 * distance(plain_gradients)


def test_a_mean_far_from_zero_costs_no_digits():
    norm = torch.nn.BatchNorm1d(4)
    z = torch.randn(4096, 4, generator=torch.Generator().manual_seed(0)) + 1000
    gradients = {p: torch.empty_like(p) for p in norm.parameters()}
    recording = Recording(Memory(z), Kernels("mm"), gradients)
    fused = passes.NormPass(norm, 0.01, len(z), [len(z)], recording)
    with torch.no_grad():
        fused.collect(z)
        fused.settle()
        recording.run_forward()
    expected = z.double().var(0, correction=1)
    torch.testing.assert_close(norm.running_var.double(), 0.9 + 0.1 * expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize(
    "settings",
    [
        {"recombine": "add"},
        {"recombine": "concat"},
        {"context": "all"},
        {"context_form": "one_for_all", "context": "all"},
        {"context_width": 2},
        {"dropout": 0.1},
        {"compat": "original"},
    ],
    ids=str,
)
def test_other_variants_take_the_plain_way(settings):
    model = make(**settings)
    assert not _fused.can_fuse(model, windows(model))
    fused_step(model, windows(model))
    assert all(p.is_contiguous() for p in model.parameters())  # nothing is laid out for a form that is not used


@pytest.mark.parametrize("name", ["gcn", "lcn"])
def test_layers_of_other_kinds_take_the_plain_way(name):
    model = make(name, channels=85)
    assert not _fused.can_fuse(model, windows(model))


def test_other_situations_take_the_plain_way():
    model = make()
    x = windows(model)
    assert _fused.can_fuse(model, x)
    assert not _fused.can_fuse(model, torch.cat([x, x[:, :1]], dim=1))  # longer than the receptive field
    assert not _fused.can_fuse(model, x[:1])  # BatchNorm refuses one row, and says so
    assert not _fused.can_fuse(model, x.float())
    assert not _fused.can_fuse(model, x.clone().requires_grad_())
    with torch.no_grad():
        assert not _fused.can_fuse(model, x)
    with torch.autocast("cpu", torch.bfloat16):
        assert not _fused.can_fuse(model, x)
    model.layers_bn[0].eval()
    assert not _fused.can_fuse(model, x)
    assert not _fused.can_fuse(model.eval(), x)
    weighted = make()
    torch.nn.utils.parametrizations.weight_norm(weighted.layers_conv[0].group_conv[0])
    assert not _fused.can_fuse(weighted, x)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        training_form(make())(windows(model, 1))


def test_frozen_parameters_get_no_gradient():
    model = make()
    model.expand_conv.requires_grad_(False)
    training_form(model)(windows(model)).sum().backward()
    assert all(p.grad is None for p in model.expand_conv.parameters())
    assert all(p.grad is not None for p in model.layers_conv.parameters())


def test_two_steps_at_once_keep_apart():
    """Both forward passes come before both backward passes: the memory of the first must not be used by the second."""
    model, other = make(), make()
    x, x2 = windows(model), windows(model, seed=2)
    forward = training_form(model)
    first, second = forward(x), forward(x2)
    (first.sin().mean() + second.cos().mean()).backward()
    (other(x).sin().mean() + other(x2).cos().mean()).backward()
    for ours, theirs in zip(model.parameters(), other.parameters()):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=0, atol=1e-12)


def test_differentiating_twice_is_refused_in_words():
    model = make()
    loss = training_form(model)(windows(model)).sum()
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="already been called"):
        loss.backward()


def allocated(form):
    """Addresses of the memory that a form keeps for its next step."""
    return {buffer.data_ptr() for buffer in form._kept.buffers}


def test_memory_is_kept_between_steps_and_let_go_in_evaluation():
    model = make()
    form = training_form(model)
    for count in (16, 16, 9):
        step(model, windows(model, count), form)
    addresses = allocated(form)
    assert addresses
    step(model, windows(model, 9, seed=2), form)
    assert allocated(form) == addresses  # nothing new was taken
    assert not allocated(copy.deepcopy(form)) and allocated(form)
    form.eval()
    assert not allocated(form) and not model.training


def test_a_model_set_to_evaluation_by_itself_keeps_no_memory_either():
    model = make()
    form = training_form(model)
    step(model, windows(model), form)
    with torch.no_grad():
        torch.testing.assert_close(form(windows(model.eval())), model(windows(model)), rtol=0, atol=0)
    assert not allocated(form)


def test_batches_of_many_sizes_do_not_pile_up():
    model = make()
    form = training_form(model)
    step(model, windows(model, 40), form)
    most = len(allocated(form))
    for count in range(20, 41):
        step(model, windows(model, count), form)
    assert len(allocated(form)) <= 3 * most


def test_large_steps_of_two_sizes_share_their_memory(monkeypatch):
    """While small ones are kept both, so that the smaller last batch of each epoch is not recorded anew."""
    model = make(channels=90)
    form = training_form(model)
    for count in (40, 30):
        step(model, windows(model, count), form)
    both = allocated(form)
    step(model, windows(model, 40, seed=2), form)
    assert allocated(form) == both
    monkeypatch.setattr(_fused, "_SMALL_BYTES", 0)
    form.release()
    step(model, windows(model, 40), form)
    first = allocated(form)
    step(model, windows(model, 30), form)
    assert first & allocated(form) and len(allocated(form)) <= len(both) * 0.7


def test_memory_is_given_once_at_a_time():
    like = torch.zeros(1)
    memory = Memory(like)
    a = memory.take(4, 5)
    memory.give(a)
    b, c = memory.take(20), memory.take(20)
    assert b.data_ptr() == a.data_ptr() != c.data_ptr()
    memory.give(b, c)
    assert memory.take(3).numel() == 3  # too small for what is kept: new memory
    assert memory.take(2, 8).data_ptr() in (b.data_ptr(), c.data_ptr())
    again = Memory(like, memory.buffers)
    assert again.take(19).data_ptr() in (b.data_ptr(), c.data_ptr())
    assert not {t.data_ptr() for t in Memory(like.double(), memory.buffers).buffers}


class _Bounded(FullyConnected):
    def _after(self, norm, x):
        return super()._after(norm, x).clamp(max=0.5)


class _Scaled(FullyConnected):
    def _output(self, x):
        return 3 * super()._output(x)


@pytest.mark.parametrize("kind", [_Bounded, _Scaled])
def test_a_model_that_computes_in_its_own_way_is_trained_so(kind):
    known = make("fc")
    model = kind(known.config, known.skeleton).double()
    model.load_state_dict(known.state_dict())
    x = windows(model)
    y = fused_step(model, x)[0]
    torch.testing.assert_close(y, step(copy.deepcopy(model), x)[0], rtol=0, atol=0)
    assert not torch.allclose(y, step(known, x)[0])


class _Wider(FullyConnected):
    """A class that adds nothing that computes, and says so."""

    layers_only = True


def test_a_class_that_says_it_adds_layers_only_is_fused():
    known = make("fc")
    model = _Wider(known.config, known.skeleton).double()
    assert_same_steps(model, windows(model))


def test_what_is_shared_hooked_or_set_apart_goes_the_plain_way():
    shared_layer, shared_norm, shared_weight, hooked, set_apart = (make(filter_widths=(3, 3, 3)) for _ in range(5))
    x = windows(hooked)
    assert _fused.can_fuse(hooked, x)
    shared_layer.layers_conv[3] = shared_layer.layers_conv[1]
    shared_norm.layers_bn[3] = shared_norm.layers_bn[1]
    shared_weight.layers_conv[3].group_conv[0].weight = shared_weight.layers_conv[1].group_conv[0].weight
    hooked_outside = copy.deepcopy(hooked)
    hooked.layers_bn[0].register_forward_hook(lambda *_: None)
    hooked_outside.register_forward_hook(lambda *_: None)
    set_apart.layers_conv[0].get_part_info.layers_bn[1].momentum = 0.5
    for model in (shared_layer, shared_norm, shared_weight, hooked, hooked_outside, set_apart):
        assert not _fused.can_fuse(model, x)


@pytest.mark.parametrize("name", ["srnet", "fc"])
def test_weights_changed_before_the_backward_pass_are_noticed(name):
    model = make(name)
    loss = training_form(model)(windows(model)).sum()
    torch.optim.SGD(model.parameters(), lr=0.1).step()  # without gradients nothing changes
    with torch.no_grad():
        model.expand_bn.weight.add_(1)
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


@pytest.mark.parametrize("name", ["srnet", "fc"])
def test_gradients_reach_weights_that_stand_in_for_the_model_s(name):
    model = make(name)
    form, x = training_form(model), windows(model)

    def gradients(module):
        scale = torch.ones((), dtype=torch.float64, requires_grad=True)
        weights = {key: scale * p.detach() for key, p in module.named_parameters()}
        torch.func.functional_call(module, weights, (x,)).sin().sum().backward()
        return scale.grad

    torch.testing.assert_close(gradients(form), gradients(model), rtol=1e-10, atol=0)
