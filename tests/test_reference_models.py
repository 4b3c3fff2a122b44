"""Outputs of the networks against those of the published code, all configurations that ran there.

Bound: largest difference 1e-5 * max(1, largest output) in float32, 1e-12 of the largest output in float64. The
published strided form (windows) is the reference of `forward_strided` always, and of `forward` too; the published
dilated form is the reference of `forward` with `compat="original"`.
"""

import json

import numpy as np
import pytest
import torch

from benchmarks.published.networks import Golden, build, compared_outputs, inputs_of, outputs, vp3d_model
from srnet_core.models import build_model


@pytest.fixture(scope="module")
def golden(golden_dir):
    return Golden(golden_dir)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Small products; more threads only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def assert_close(actual, expected):
    """Within the bound for its precision."""
    expected = torch.from_numpy(expected)
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    largest = expected.abs().max().item()
    difference = (actual - expected).abs().max().item()
    bound = 1e-12 * largest if actual.dtype == torch.float64 else 1e-5 * max(1.0, largest)
    assert difference <= bound


FAMILIES = [
    ("srnet_g2", ()),
    ("srnet_g3", ()),
    ("srnet_g5", ()),
    ("srnetV_g2", ()),
    ("srnetV_g5", ()),
    ("srnet1024", ()),
    ("srnet1001", ()),
    ("srnet2048", ()),
    ("srnet_lcn", ()),
    ("srnet_oddarch", ()),
    ("fc_", ("fc1024",)),
    ("fc1024", ()),
    ("PATCHED", ()),
]


@pytest.mark.parametrize(("family", "but"), FAMILIES, ids=[f for f, _ in FAMILIES])
def test_outputs_are_those_of_the_published_code(golden, family, but):
    names = golden.cases(family, but)
    assert names
    for name in names:
        for ours, theirs in compared_outputs(golden, name):
            assert_close(ours, theirs)


def test_every_configuration_is_in_one_family(golden):
    counted = sum(len(golden.cases(family, but)) for family, but in FAMILIES)
    assert counted == len(golden.cases()) == 335


@torch.no_grad()
def test_sequences_give_what_the_published_training_computed_for_windows(golden):
    """By default, also where the published dilated form does not: concat and channel-wise contexts."""
    names = [n for n in golden.cases("srnet") if golden.index[n]["max_abs_tm_win_minus_o1f_win"] > 1e-3]
    assert len(names) > 20
    for name in names:
        entry = golden.index[name]
        if entry["channels"] > 100:
            continue
        arrays = np.load(golden.folder / "A_models" / entry["file"], allow_pickle=False)
        x = inputs_of(golden, entry, arrays)["in_win"].double()
        assert_close(build(entry, golden.state(name, "tm")).double()(x), arrays["o1f_win_f64"])


@pytest.fixture(scope="module")
def vp3d(golden):
    return [(name, entry) for name, entry in golden.vp3d.items() if name.startswith("vp3d")]


@torch.no_grad()
def test_videopose3d_models(golden, vp3d):
    assert len(vp3d) == 13
    for name, entry in vp3d:
        arrays = np.load(golden.folder / "F_vp3d" / f"F_{name}.npz", allow_pickle=False)
        x = {key: torch.from_numpy(arrays[key]) for key in ("in_win", "in_seq")}
        model = vp3d_model(golden, entry, "tm")
        strided = vp3d_model(golden, entry, "o1f", dense=False)
        assert (model.receptive_field, strided.causal_shift) == (
            entry["receptive_field"],
            entry["total_causal_shift_o1f"],
        )
        for suffix, dtype in (("", torch.float32), ("_f64", torch.float64)):
            cast = {key: value.to(dtype) for key, value in x.items()}
            for key, value in outputs(model.to(dtype), strided.to(dtype), cast).items():
                if not (entry["dense"] and key == "o1f_win"):
                    assert_close(value, arrays[key + suffix])


def gradients(model, arrays):
    """Loss and gradients of the first published training step: L1, the target's root at zero."""
    target = torch.from_numpy(arrays["step0/in_3d"]).clone()
    target[:, :, 0] = 0
    prediction = model.train().forward_strided(torch.from_numpy(arrays["step0/in_2d"]))
    loss = (prediction - target).abs().mean()
    loss.backward()
    return loss.item(), {key: p.grad for key, p in model.named_parameters()}


def gradient_rounding(arrays) -> float:
    """How finely float32 knows a gradient that is a sum of large cancelling terms: processors round differently."""
    largest = max((np.abs(arrays[key]).max() for key in arrays if key.startswith("step0/grad/")), default=0.0)
    return float(np.finfo(np.float32).eps * largest)


TRAINED = {
    "srnet_g5_multiply_others_a111": {},
    "srnet_g5_multiply_others_a333": {},
    "fc_a333": {},
    "srnet_g5_add_others_a333": {"recombine": "add"},
    "srnet_g5_concat_others_a333": {"recombine": "concat"},
    "srnet_g3_multiply_all_a333": {"groups": 3, "context": "all"},
    "srnet_g2_concat_all_a333": {"groups": 2, "recombine": "concat", "context": "all"},
    "srnet_g5_multiply_all_channelwise_a333": {"context": "all", "context_form": "channel_wise"},
    "srnet_g5_multiply_all_groupmod_a333": {"context": "all", "context_form": "group_wise"},
    "srnet_g5_multiply_others_meanfunc_a333": {"context_form": "mean"},
    "srnet_g5_concat_others_meanups_a333": {"recombine": "concat", "context_form": "upsampled_mean"},
    "srnet_g5_multiply_others_a333_causal": {"causal": True},
}


@pytest.mark.parametrize("name", TRAINED)
def test_first_training_step(golden, name):
    facts = json.loads((golden.folder / "A_train/T_train.json").read_text())[f"{name}_base"]
    arrays = np.load(golden.folder / f"A_train/T_{name}_base.npz", allow_pickle=False)
    model = build_model(name.split("_")[0], filter_widths=facts["arch"], channels=facts["channels"], **TRAINED[name])
    weights = {key[2:]: torch.from_numpy(arrays[key]) for key in arrays if key.startswith("w/")}
    model.load_state_dict(weights)
    loss, found = gradients(model, arrays)
    assert loss == pytest.approx(facts["l1_losses"][0], rel=5e-6)
    rounding = gradient_rounding(arrays)
    for key, gradient in found.items():
        if f"step0/grad/{key}" not in arrays:
            assert gradient is None  # stored, but never used
        elif not (".m_conv." in key and key.endswith("bias")):  # true gradient zero, what is there is rounding
            expected = torch.from_numpy(arrays[f"step0/grad/{key}"])
            assert (gradient - expected).abs().max() <= max(1e-3 * expected.abs().max(), rounding), key
    for key, value in model.state_dict().items():
        if "running_" in key:
            torch.testing.assert_close(value, torch.from_numpy(arrays[f"step0/after/{key}"]), rtol=1e-4, atol=1e-5)
