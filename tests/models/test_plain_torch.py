"""A model is an ordinary torch module: forms, copies, averages, hooks, wrappers and replaced layers work on it."""

import copy
import io

import pytest
import torch
from torch.func import functional_call, grad
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from torch.optim.swa_utils import AveragedModel
from torch.utils.checkpoint import checkpoint

from srnet_core.engine import inference_form, training_form
from srnet_core.engine.fused import can_fuse
from srnet_core.errors import ConfigError
from srnet_core.layers.split_recombine import SplitRecombineConv1d
from srnet_core.models import build_model

BATCH_NORM = torch.nn.BatchNorm1d
MODELS = ("srnet", "fc", "group", "late_fusion", "early_split", "split_fuse_split", "gcn", "lcn")


def make(name="srnet", **settings):
    torch.manual_seed(0)
    return build_model(name, **{"channels": 68, "filter_widths": (3, 3), **settings})


def clip(frames, count=4):
    return torch.randn(count, frames, 17, 2, generator=torch.Generator().manual_seed(frames))


@pytest.mark.parametrize("name", MODELS)
def test_training_on_exact_windows_computes_one_frame_only(name):
    """Statistics tell the forms apart: the dilated one collects those of every position."""
    model, strided, dilated = make(name).train(), make(name).train(), make(name).train()
    model(clip(9)), strided(clip(9), strided=True), dilated(clip(9), strided=False)
    statistics = [m.layers_bn[0].running_var for m in (model, strided, dilated)]
    assert torch.equal(statistics[0], statistics[1])
    assert not torch.equal(statistics[0], statistics[2])


@torch.no_grad()
@pytest.mark.parametrize("name", MODELS)
def test_the_forms_agree_in_evaluation(name):
    model = make(name).eval()
    torch.testing.assert_close(model(clip(9)), model(clip(9), strided=False), rtol=0, atol=1e-5)


@torch.no_grad()
def test_a_network_whose_published_forms_differ_keeps_to_the_published_one_in_evaluation():
    model = make(recombine="concat", compat="original").eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3)
    published, trained = model(clip(9), strided=False), model(clip(9), strided=True)
    assert torch.equal(model(clip(9)), published)
    assert (published - trained).abs().max() > 1e-3


def test_the_strided_form_of_a_clip_is_refused():
    with pytest.raises(ConfigError, match="10 frames, other than the model's receptive field of 9"):
        make()(clip(10), strided=True)


@pytest.mark.parametrize("name", MODELS)
def test_weights_are_contiguous_and_constants_are_no_buffers(name):
    model = make(name)
    assert all(p.is_contiguous() for p in model.parameters())
    assert all("running_" in key or "num_batches" in key for key, _ in model.named_buffers())
    assert torch.nn.utils.parameters_to_vector(model.parameters()).numel() == model.num_parameters


@torch.no_grad()
@pytest.mark.parametrize("name", MODELS)
def test_averages_copies_and_models_made_on_meta_compute_the_same(name):
    model = make(name).eval()
    expected = model(clip(20))
    averaged = AveragedModel(model, use_buffers=True)
    for _ in range(3):
        averaged.update_parameters(model)
    with torch.device("meta"):
        empty = make(name)
    emptied = empty.to_empty(device="cpu")
    emptied.load_state_dict(model.state_dict())
    with torch.device("meta"):
        assigned = make(name)
    assigned.load_state_dict(model.state_dict(), assign=True)
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    stored = torch.load(file, weights_only=False)  # a file that this test has just written
    for other in (averaged.eval(), copy.deepcopy(model), emptied.eval(), assigned.eval(), stored):
        torch.testing.assert_close(other(clip(20)), expected, rtol=0, atol=1e-6)


@torch.no_grad()
def test_a_model_first_run_in_inference_mode_can_be_trained_later():
    model = make(context_form="mean")
    with torch.inference_mode():
        model.eval()(clip(9))
    with torch.enable_grad():
        model.train()(clip(9)).sum().backward()
    assert model.expand_conv.group_conv[0].weight.grad is not None


@pytest.mark.parametrize("name", MODELS)
def test_every_layer_is_called_as_a_module(name):
    """Hooks fire: tools that count operations, summarize or prune live on them."""
    model, called = make(name).train(), set()
    layers = {key: m for key, m in model.named_modules() if hasattr(m, "channels_last") or isinstance(m, BATCH_NORM)}
    for key, layer in layers.items():
        layer.register_forward_hook(lambda *_, key=key: called.add(key))
    model(clip(9))
    assert called == set(layers) and len(layers) >= 4


VARIANTS = {
    "multiply": {},
    "add": {"recombine": "add"},
    "concat": {"recombine": "concat"},
    "concat of wide contexts": {"recombine": "concat", "context_width": 2},
    "wide": {"context_width": 3},
    "upsampled mean": {"recombine": "concat", "context_form": "upsampled_mean"},
    "mean": {"recombine": "add", "context_form": "mean"},
    "all": {"context": "all"},
    "all, by channel": {"context": "all", "context_form": "channel_wise"},
    "all, by group": {"context": "all", "context_form": "group_wise"},
    "all, one": {"context": "all", "context_form": "one_for_all"},
    "none": {"context": "none"},
    "several divisions": {"divisions": (2, 3, 5)},
}


def with_weights(name="srnet", **settings):
    """A network whose contexts depend on the input; those of a fresh network are constant."""
    model = make(name, **settings).eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if "m_conv" in key or "group_mo" in key:
                parameter.normal_(0, 0.3)
    return model


@torch.no_grad()
@pytest.mark.parametrize("variant", VARIANTS)
def test_convolutions_of_groups_are_called_where_something_listens(variant):
    """Their weights are used without calling them otherwise; the numbers are the same, and every hook fires."""
    model = with_weights(**VARIANTS[variant])
    expected = {frames: model(clip(frames)) for frames in (9, 20)}
    convolutions = {key: m for key, m in model.named_modules() if isinstance(m, torch.nn.Conv1d)}
    called = set()
    for key, m in convolutions.items():
        m.register_forward_hook(lambda *_, key=key: called.add(key))
    for frames, poses in expected.items():
        called.clear()
        torch.testing.assert_close(model(clip(frames)), poses, rtol=0, atol=1e-5)
        assert called == set(convolutions) and len(called) >= 20


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_stands_in_the_place_of_a_convolution_is_computed_by_every_form(variant):
    """Wrapped as LoRA wraps layers, and with a bias: the same as with the sum as weight."""
    model = with_weights(**VARIANTS[variant])
    wrapped = copy.deepcopy(model)
    for key, m in list(wrapped.named_modules()):
        if isinstance(m, torch.nn.Conv1d):
            own = model.get_submodule(key)
            with torch.no_grad():
                own.weight += 0.01
            owner, _, place = key.rpartition(".")
            setattr(wrapped.get_submodule(owner), place, LowRank(m, 0.01))
    with torch.no_grad():
        for x in (clip(9), clip(20)):
            expected = model(x)
            torch.testing.assert_close(wrapped(x), expected, rtol=0, atol=1e-4)
            torch.testing.assert_close(inference_form(wrapped)(x), expected, rtol=0, atol=1e-4)
    training_form(wrapped.train())(clip(9)).square().mean().backward()
    assert wrapped.expand_conv.group_conv[0].beside.weight.grad.abs().sum() > 0


def test_a_convolution_of_a_group_may_have_a_bias():
    model = with_weights()
    with torch.no_grad():
        before = model(clip(20))
        old = model.final_layer.group_conv[0]
        new = torch.nn.Conv1d(old.in_channels, old.out_channels, 1)
        new.weight.copy_(old.weight), new.bias.fill_(0.0)
        model.final_layer.group_conv[0] = new
        torch.testing.assert_close(model(clip(20)), before, rtol=0, atol=1e-5)
        new.bias.fill_(1.0)
        assert (model(clip(20)) - before).abs().max() > 0.1
        torch.testing.assert_close(inference_form(model)(clip(20)), model(clip(20)), rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("name", MODELS)
def test_hooks_that_change_an_output_change_that_of_the_inference_form(name):
    model = make(name).eval()
    for part in ("expand_conv", "layers_bn.0"):
        changed = copy.deepcopy(model)
        changed.get_submodule(part).register_forward_hook(lambda module, given, found: found * 0.5)
        assert (changed(clip(20)) - model(clip(20))).abs().max() > 1e-3
        torch.testing.assert_close(inference_form(changed)(clip(20)), changed(clip(20)), rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("compat", ["trained", "original", "aligned"])
@pytest.mark.parametrize("recombine", ["multiply", "concat"])
def test_a_batch_of_no_clips_gives_no_poses(recombine, compat):
    model = make(recombine=recombine, compat=compat).eval()
    for frames in (9, 20):
        assert model(clip(frames, count=0)).shape == (0, frames - 8, 17, 3)
        assert inference_form(model)(clip(frames, count=0)).shape == (0, frames - 8, 17, 3)


class LowRank(torch.nn.Module):
    """A layer wrapped as LoRA wraps one: the layer beside it is called without dilation and stride."""

    def __init__(self, layer, size=0.0):
        super().__init__()
        self.layer = layer
        self.beside = torch.nn.Conv1d(layer.in_channels, layer.out_channels, layer.kernel_size, bias=False)
        torch.nn.init.constant_(self.beside.weight, size)

    def forward(self, x, *args, **kwargs):
        return self.layer(x, *args, **kwargs) + self.beside(x)


@torch.no_grad()
@pytest.mark.parametrize("causal", [False, True])
def test_layers_of_others_take_neither_dilation_nor_stride(causal):
    """Frame by frame, a wrapped layer gives what it gives for the window of the frame; so does a plain `nn.Conv1d`."""
    model = make("fc", causal=causal, filter_widths=(3, 3, 3)).eval()
    merged, replaced = copy.deepcopy(model), copy.deepcopy(model)
    for i in (0, 2):
        wrapper = LowRank(model.layers_conv[i], 0.01)
        merged.layers_conv[i].weight += 0.01
        model.layers_conv[i] = wrapper
        replaced.layers_conv[i] = torch.nn.Conv1d(68, 68, 3, bias=False)
        replaced.layers_conv[i].weight.copy_(merged.layers_conv[i].weight)
    model.expand_conv = LowRank(model.expand_conv)
    for x in (clip(27), clip(40)):
        torch.testing.assert_close(model(x), merged(x), rtol=0, atol=1e-5)
        torch.testing.assert_close(replaced(x), merged(x), rtol=0, atol=1e-5)


@torch.no_grad()
def test_a_wrapped_layer_and_a_replaced_norm_work():
    model = make("fc").eval()
    wrapped = copy.deepcopy(model)
    wrapped.layers_conv[0] = LowRank(wrapped.layers_conv[0])
    for x in (clip(9), clip(30)):
        torch.testing.assert_close(wrapped(x), model(x), rtol=0, atol=1e-6)
    torch.testing.assert_close(inference_form(wrapped)(clip(30)), model(clip(30)), rtol=0, atol=1e-5)
    model.layers_bn[1] = torch.nn.GroupNorm(4, 68)
    model.layers_bn[0] = torch.nn.Identity()
    assert model(clip(30)).shape == (4, 22, 17, 3)
    torch.testing.assert_close(inference_form(model)(clip(30)), model(clip(30)), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("norm", ["identity", "group norm"])
def test_training_goes_on_with_a_replaced_norm(name, norm):
    model = make(name).train()
    width = model.hidden_channels
    model.layers_bn[0] = torch.nn.Identity() if norm == "identity" else torch.nn.GroupNorm(1, width)
    outputs = [form(clip(9)) for form in (model, training_form(model))]
    outputs[1].sum().backward()
    torch.testing.assert_close(outputs[1], outputs[0])
    assert all(p.grad is not None for p in model.expand_bn.parameters())


def test_training_goes_on_with_a_replaced_norm_of_a_context():
    model = make().train()
    model.layers_conv[0].get_part_info.layers_bn[1] = torch.nn.Identity()
    training_form(model)(clip(9)).sum().backward()
    assert model.expand_bn.weight.grad is not None


@pytest.mark.parametrize("name", MODELS)
def test_norms_that_torch_made_synchronized_compute_the_same(name):
    """`convert_sync_batchnorm` replaces every BatchNorm, those whose statistics the joints share too."""
    model = make(name)
    model.train()(clip(9))
    converted = torch.nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(model))
    with torch.no_grad():
        for form in (converted.eval(), inference_form(converted.eval())):
            torch.testing.assert_close(form(clip(20)), model.eval()(clip(20)), rtol=0, atol=1e-5)
    converted.set_bn_momentum(0.03)
    assert converted.expand_bn.momentum == 0.03


@pytest.mark.parametrize("name", MODELS)
def test_shapes_are_known_on_the_meta_device(name):
    """Tools that count operations or plan memory run a network there."""
    with torch.device("meta"):
        model = make(name).eval()
    assert model(clip(20).to("meta")).shape == (4, 12, 17, 3)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore")
def test_a_trace_of_torchscript_passes_its_own_check(name):
    """The check traces a second time, without gradients; TensorBoard's graphs come from such traces."""
    model = make(name).eval()
    traced = torch.jit.trace(model, (clip(20),))
    with torch.no_grad():
        torch.testing.assert_close(traced(clip(20)), model(clip(20)), rtol=0, atol=1e-5)


def test_a_layer_with_a_bias_is_computed_by_both_fast_forms():
    """The bias of a replaced layer is neither lost in inference nor in training."""
    model = make()
    old = model.layers_conv[1]
    groups = [list(range(0, 20)), list(range(20, 68))]
    shares = (old.out_group_channels[0], 68 - old.out_group_channels[0])
    model.layers_conv[1] = SplitRecombineConv1d(
        groups, bias=True, out_channels=68, context="none", out_group_channels=shares
    )
    torch.nn.init.normal_(model.layers_conv[1].bias)
    model.eval()
    with torch.no_grad():
        torch.testing.assert_close(inference_form(model)(clip(30)), model(clip(30)), rtol=0, atol=1e-5)
    forward = training_form(model).train()
    forward(clip(9)).square().sum().backward()
    assert model.layers_conv[1].bias.grad.abs().sum() > 0


@pytest.mark.parametrize("name", MODELS)
def test_transforms_of_torch_func_take_the_plain_form_by_themselves(name):
    model = make(name).train()
    form, x = training_form(model), clip(9)
    held = {key: value.clone() for key, value in form.named_buffers()}

    def loss(parameters, buffers):
        return functional_call(form, (parameters, buffers), (x,)).square().mean(), buffers

    parameters = {key: value.detach() for key, value in form.named_parameters()}
    found = grad(lambda p, b: loss(p, b)[0])(parameters, held)
    model(x).square().mean().backward()
    for key, parameter in form.named_parameters():
        expected = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        torch.testing.assert_close(found[key], expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_second_derivatives_are_computed_by_the_model_and_refused_in_words_by_its_fused_form(name):
    model = make(name).train()
    parameters = list(model.parameters())
    first = torch.autograd.grad(model(clip(9)).square().mean(), parameters, create_graph=True, allow_unused=True)
    sum(g.square().sum() for g in first if g is not None).backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in parameters)
    form = training_form(model)
    if not can_fuse(model, clip(9)):
        return
    with pytest.raises(RuntimeError, match="call the model itself instead of its training form"):
        torch.autograd.grad(form(clip(9)).sum(), parameters, create_graph=True, allow_unused=True)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_exported_by_torch_and_computes_in_half_precision(name):
    model = make(name).eval()
    with torch.no_grad():
        program = torch.export.export(model, (clip(9),))
        torch.testing.assert_close(program.module()(clip(9)), model(clip(9)), rtol=0, atol=1e-6)
        half = copy.deepcopy(model).to(torch.bfloat16)
        assert half(clip(9).bfloat16()).dtype == torch.bfloat16


def loss_and_gradients(model, call):
    model.zero_grad()
    loss = call(clip(9, count=6)).square().mean()
    loss.backward()
    return loss.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("name", MODELS)
def test_gradient_checkpointing_gives_the_same_gradients(name):
    model = make(name)
    loss, gradients = loss_and_gradients(model, model)
    found, recomputed = loss_and_gradients(model, lambda x: checkpoint(model, x, use_reentrant=False))
    torch.testing.assert_close(found, loss)
    for key, gradient in gradients.items():
        torch.testing.assert_close(recomputed[key], gradient, rtol=1e-5, atol=1e-7, msg=key)


@pytest.mark.parametrize("name", MODELS)
def test_autocast_trains_nearly_as_float32(name):
    model = make(name)
    loss, gradients = loss_and_gradients(model, model)
    with torch.autocast("cpu", torch.bfloat16):
        found, rounded = loss_and_gradients(model, lambda x: model(x).float())
    assert found == pytest.approx(float(loss), rel=0.05)
    assert all(g.dtype == torch.float32 and g.isfinite().all() for g in rounded.values())
    assert rounded.keys() == gradients.keys()


@pytest.mark.parametrize("name", MODELS)
def test_parameters_go_into_one_vector_and_back(name):
    model = make(name)
    vector = parameters_to_vector(model.parameters()).detach()
    vector_to_parameters(vector + 1, model.parameters())
    torch.testing.assert_close(parameters_to_vector(model.parameters()).detach(), vector + 1)
