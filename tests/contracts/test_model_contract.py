"""What every model promises, checked for every one that is built in or added, and for every variant of srnet."""

import itertools
import re

import pytest
import torch
import torch.nn.functional as F
from support.plugins import every

from srnet_core.errors import ConfigError
from srnet_core.layers.split_recombine import FORMS, SplitRecombineConv1d
from srnet_core.models import PublishedWeights, build_model, get_model

ARCHITECTURES = [(1,), (3,), (1, 1, 1), (3, 3), (3, 5), (3, 1, 3)]
VARIANTS = [
    {"groups": groups, "recombine": recombine, "context": context, "context_form": form, "compat": compat}
    for groups, recombine, context in itertools.product((1, 2, 3, 5), ("multiply", "add", "concat"), FORMS)
    for form in FORMS[context]
    for compat in ("trained", "aligned")
    if not (form == "upsampled_mean" and recombine != "concat")
    and not (form == "channel_wise" and recombine == "concat")
    and not (compat == "aligned" and recombine != "concat" and form != "channel_wise")
]
VARIANTS += [{"divisions": (2, 3, 5), "recombine": "multiply"}, {"divisions": (5, 2), "recombine": "concat"}]
EVERY_MODEL = pytest.mark.parametrize("name", every("models"))


def make(name="srnet", *, seed=0, dtype=torch.float64, **fields):
    """A small model with random weights and statistics, so that nothing is hidden by zeros or ones."""
    fields = {"channels": 46, "filter_widths": (3, 3)} | fields
    model = build_model(name, **fields).to(dtype)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, value in model.state_dict().items():
            if key.endswith("running_var"):
                value.uniform_(0.5, 1.5, generator=generator)
            elif value.is_floating_point():
                value.normal_(0.0, 0.5, generator=generator)
                if value.ndim == 1 and key.endswith("weight"):
                    value.add_(1.0)
    return model.eval()


def clip(model, frames, *, batch=2, seed=1):
    dtype = next(model.parameters()).dtype
    shape = (batch, frames, model.num_joints, 2)
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def strided_on_every_window(model, x):
    length = model.receptive_field
    outputs = [model.forward_strided(x[:, t : t + length]) for t in range(x.shape[1] - length + 1)]
    return torch.cat(outputs, dim=1)


@EVERY_MODEL
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("widths", ARCHITECTURES, ids=str)
@torch.no_grad()
def test_dilated_and_strided_forms_agree(name, widths, causal):
    model = make(name, filter_widths=widths, causal=causal)
    x = clip(model, model.receptive_field + 4)
    y = model(x)
    assert y.shape == (2, 5, model.num_joints_out, 3)
    assert y.dtype == torch.float64
    torch.testing.assert_close(y, strided_on_every_window(model, x), rtol=0, atol=1e-10)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: "-".join(map(str, v.values())))
@torch.no_grad()
def test_dilated_and_strided_forms_of_srnet_agree_in_every_variant(variant):
    for widths, causal in (((3, 3), False), ((3, 5), True)):
        model = make(filter_widths=widths, causal=causal, **variant)
        x = clip(model, model.receptive_field + 3)
        torch.testing.assert_close(model(x), strided_on_every_window(model, x), rtol=0, atol=1e-9)


@torch.no_grad()
def test_original_compatibility_keeps_the_published_disagreement():
    model = make(recombine="concat", compat="original")
    x = clip(model, model.receptive_field + 4)
    assert (model(x) - strided_on_every_window(model, x)).abs().max() > 1e-3


@torch.no_grad()
def test_window_by_window_evaluation_in_pieces_is_the_same(monkeypatch):
    model = make(recombine="concat")
    x = clip(model, 30)
    whole = model(x)
    monkeypatch.setattr("srnet_core.models.backbone.FRAMES_AT_ONCE", 1)
    torch.testing.assert_close(model(x), whole, rtol=0, atol=1e-12)


@EVERY_MODEL
@torch.no_grad()
def test_receptive_field_is_exact(name):
    model = make(name, filter_widths=(3, 5))
    rf = model.receptive_field
    assert rf == 15
    x = clip(model, rf + 2)
    middle = model(x)[:, 1]
    for frame, seen in ((0, False), (1, True), (rf, True), (rf + 1, False)):
        changed = x.clone()
        changed[:, frame] += 1.0
        assert ((model(changed)[:, 1] - middle).abs().max() > 0) == seen, f"frame {frame}"


@EVERY_MODEL
@torch.no_grad()
def test_padding_facts_make_a_causal_model_see_only_the_past(name):
    model = make(name, causal=True)
    x = clip(model, 12)
    before, after = model.pad + model.causal_shift, model.pad - model.causal_shift
    assert (before, after) == (model.receptive_field - 1, 0)

    def predict(keypoints):
        padded = F.pad(keypoints.flatten(2).transpose(1, 2), (before, after), mode="replicate")
        return model(padded.transpose(1, 2).unflatten(2, (model.num_joints, 2)))

    changed = x.clone()
    changed[:, 7:] += 1.0
    assert predict(x).shape[1] == 12
    torch.testing.assert_close(predict(changed)[:, :7], predict(x)[:, :7], rtol=0, atol=0)
    assert (predict(changed)[:, 7] - predict(x)[:, 7]).abs().max() > 0


@EVERY_MODEL
def test_not_causal_pads_both_sides_alike(name):
    model = make(name)
    assert (model.pad, model.causal_shift) == ((model.receptive_field - 1) // 2, 0)


@EVERY_MODEL
@pytest.mark.parametrize("form", ["forward", "forward_strided"])
def test_gradients_reach_every_parameter(name, form):
    model = make(name, dropout=0.1).train()
    x = clip(model, model.receptive_field + (2 if form == "forward" else 0), batch=4)
    getattr(model, form)(x).square().mean().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        if ".m_conv." not in key:  # a bias before a BatchNorm has a gradient of zero
            assert parameter.grad.abs().max() > 0, key


@EVERY_MODEL
def test_state_dict_carries_the_whole_model(name):
    model, other = make(name, seed=0), make(name, seed=5)
    other.load_state_dict(model.state_dict())
    x = clip(model, model.receptive_field)
    with torch.no_grad():
        torch.testing.assert_close(other(x), model(x), rtol=0, atol=0)


@EVERY_MODEL
def test_initial_weights_follow_the_seed(name):
    def digest(seed):
        torch.manual_seed(seed)
        return torch.cat([p.detach().flatten() for p in build_model(name, channels=46).parameters()])

    assert torch.equal(digest(1), digest(1))
    assert not torch.equal(digest(1), digest(2))


@EVERY_MODEL
def test_training_mode_learns_statistics_and_drops(name):
    model = make(name, dropout=0.5).train()
    x = clip(model, model.receptive_field, batch=8)
    before = model.expand_bn.running_mean.clone()
    torch.manual_seed(0)
    first, second = model.forward_strided(x), model.forward_strided(x)
    assert not torch.equal(first, second)
    assert not torch.equal(model.expand_bn.running_mean, before)
    model.eval()
    with torch.no_grad():
        torch.testing.assert_close(model(x), model(x), rtol=0, atol=0)


@EVERY_MODEL
def test_momentum_reaches_every_batch_norm(name):
    model = make(name)
    model.set_bn_momentum(0.025)
    assert {m.momentum for m in model.modules() if isinstance(m, torch.nn.BatchNorm1d)} == {0.025}


def test_momentum_as_published_leaves_the_context_alone():
    model = make(compat="original")
    model.set_bn_momentum(0.025)
    assert model.expand_bn.momentum == model.layers_bn[1].momentum == 0.025
    contexts = [m.get_part_info for m in model.modules() if isinstance(m, SplitRecombineConv1d)]
    assert {norm.momentum for context in contexts for norm in context.layers_bn} == {0.1}


@EVERY_MODEL
def test_impossible_input_is_refused_with_the_reason(name):
    model = make(name)
    with pytest.raises(ConfigError, match="8 frames, fewer than the model's receptive field of 9"):
        model(clip(model, 8))
    with pytest.raises(ConfigError, match="other than"):
        model.forward_strided(clip(model, 10))
    with pytest.raises(ConfigError, match=r"\(batch, frames, 17, 2\), not \(2, 9, 16, 2\)"):
        model(clip(model, 9)[:, :, 1:])


@EVERY_MODEL
def test_it_knows_its_configuration_and_size(name):
    model = make(name, filter_widths=(3, 3))
    assert (model.config.name, model.config.filter_widths, model.receptive_field) == (name, (3, 3), 9)
    assert model.num_parameters == sum(p.numel() for p in model.parameters())
    rebuilt = build_model(model.config)
    assert [tuple(p.shape) for p in rebuilt.parameters()] == [tuple(p.shape) for p in model.parameters()]


@torch.no_grad()
def test_the_form_computed_window_by_window_exports_for_any_length():
    model = make(recombine="concat", filter_widths=(3,))
    batch, frames = torch.export.Dim("batch"), torch.export.Dim("frames", min=model.receptive_field + 1)
    program = torch.export.export(model, (clip(model, 5),), dynamic_shapes={"x": {0: batch, 1: frames}})
    x = clip(model, 23, batch=3)
    torch.testing.assert_close(program.module()(x), model(x), rtol=0, atol=1e-10)


@EVERY_MODEL
def test_it_says_truly_whether_it_takes_groups(name):
    sizes = {build_model(name, channels=46, filter_widths=(3, 3), groups=n).num_parameters for n in (2, 5)}
    assert (len(sizes) > 1) == get_model(name).takes_groups


@EVERY_MODEL
def test_what_it_says_of_its_settings_fits_into_tables_and_file_names(name):
    plugin, config = get_model(name), make(name).config
    assert plugin.summary(config).isprintable() and len(plugin.summary(config)) < 60
    assert ("5 groups" in plugin.summary(config)) == plugin.takes_groups
    assert re.fullmatch(r"[a-z0-9_]*", plugin.settings_short(config))
    assert plugin.settings_text(config) in plugin.summary(config)


@EVERY_MODEL
def test_weights_that_it_recognizes_are_its_own(name):
    config = make(name).config
    shapes = {key: tuple(value.shape) for key, value in make(name).state_dict().items()}
    found = get_model(name).recognize(PublishedWeights(shapes))
    if found is not None:
        fields = {"residual_2d": False, **found.inferred, **found.assumed}
        again = build_model(name, **fields)
        assert {key: tuple(value.shape) for key, value in again.state_dict().items()} == shapes
        assert again.config == config
        assert all(isinstance(note, str) and note.isprintable() for note in found.notes)
        assert set(found.unused) <= shapes.keys()
    assert get_model(name).recognize(PublishedWeights({"something.weight": (3, 4)})) is None
