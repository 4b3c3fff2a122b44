"""Outputs of the networks against those of the published code, all configurations that ran there.

Bound: largest difference 1e-5 * max(1, largest output) in float32, 1e-12 of the largest output in float64. The
published strided form (windows) is the reference of `forward_strided` always, and of `forward` too; the published
dilated form is the reference of `forward` with `compat="original"`.
"""

import importlib.util
import json
from functools import cache

import numpy as np
import pytest
import torch

from srnet_core.models import build_model

# The published code concatenates more channels than its slices expect, so groups read each other's: nothing to match.
MISALIGNED = "concat_others_meanfunc_a"


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


class Golden:
    """Inputs, weights and outputs of the published models; weights and inputs from their frozen recipe."""

    def __init__(self, folder):
        self.folder = folder
        spec = importlib.util.spec_from_file_location("golden_recipe", folder / "recipe.py")
        self.recipe = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.recipe)
        self.index = json.loads((folder / "A_models/A_index.json").read_text())
        self.keys = json.loads((folder / "A_models/A_state_dict_keys.json").read_text())
        self.vp3d = json.loads((folder / "F_vp3d/F_vp3d.json").read_text())

    @cache  # noqa: B019 - lives as long as the module's fixture
    def state(self, name, form):
        """Weights by key; the dilated model of `dense` configurations has its own."""
        entry = self.index[name]
        state = self.recipe.make_state(self._shapes(name, form), entry["seed"])
        assert self.recipe.digest(state) == entry["digest"][form]
        return {key: torch.from_numpy(value) for key, value in state.items()}

    def shapes(self, name):
        """The dilated model's tensors, without memory."""
        return {key: torch.empty(shape, device="meta") for key, shape in self._shapes(name, "tm").items()}

    def _shapes(self, name, form):
        configs = self.keys["configs"]
        return self.keys["sets"][configs.get(f"{name}#{form}", configs.get(name))]

    def cases(self, prefix="", but=()):
        names = [n for n, c in self.index.items() if "file" in c and n.startswith(prefix)]
        return [n for n in names if MISALIGNED not in n and not any(b in n for b in but)]


def model_fields(entry):
    """The `ModelConfig` fields of a published command line; flags without effect there have none here."""
    flags = dict(zip(entry["flags"][::2], entry["flags"][1::2]))
    on = {flag for flag, value in flags.items() if value}  # any text is true there, "False" too
    fields = {
        "filter_widths": entry["arch"],
        "channels": entry["channels"],
        "causal": entry["causal"],
        "residual_2d": entry["norm"] == "lcn",
    }
    if entry["model"] == "fc":
        return fields | {"dense": entry["dense"]}
    unpatched = "recombine_zero" not in entry["patch"]
    form = "learned"
    if entry["split"] == "others" and "--mean-func" in on:
        form = "upsampled_mean" if "--ups-mean" in on else "mean"
    elif entry["split"] == "all" and "--channelwise" in on:
        form = "channel_wise"
    elif entry["split"] == "all" and flags.get("--split-modulation") == "":
        form = "group_wise" if "--group-modulation" in on else "one_for_all" if "--modulation" in on else form
    return fields | {
        "groups": entry["group"],
        "recombine": entry["recombine"],
        "context": entry["split"] if unpatched else "none",
        "context_form": form,
    }


def used(state):
    """Without the weights that the published code stores but never uses (group_mo beside a used m_conv)."""
    unused = any(".m_conv." in key for key in state)
    return {key: value for key, value in state.items() if not (unused and ".group_mo." in key)}


def build(entry, state, **more):
    model = build_model(entry["model"], **model_fields(entry), **more)
    model.load_state_dict(used(state))
    return model.eval()


def assert_close(actual, expected):
    """Within the bound of the issue for its precision; returns the error relative to the bound's scale."""
    expected = torch.from_numpy(expected)
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    largest = expected.abs().max().item()
    difference = (actual - expected).abs().max().item()
    bound = 1e-12 * largest if actual.dtype == torch.float64 else 1e-5 * max(1.0, largest)
    assert difference <= bound
    return difference / largest


def inputs_of(golden, entry, arrays):
    if entry.get("inputs_in_file", "in_win" in arrays):
        return {key: torch.from_numpy(arrays[key]) for key in ("in_win", "in_seq")}
    make = golden.recipe.make_poses2d
    shapes = {key: entry["arrays"][key][0] for key in ("in_win", "in_seq")}
    return {key: torch.from_numpy(make(shapes[key], entry["seed"] + n)) for n, key in enumerate(shapes, 1)}


def outputs(model, strided_model, x):
    """What the published arrays of these names hold, by our functions."""
    found = {"tm_win": model(x["in_win"]), "tm_seq": model(x["in_seq"])}
    if strided_model is not None:
        found["o1f_win"] = strided_model.forward_strided(x["in_win"])
    return found


@torch.no_grad()
def compare(golden, name):
    """All outputs of one configuration, both precisions; returns the largest relative differences."""
    entry = golden.index[name]
    arrays = np.load(golden.folder / "A_models" / entry["file"], allow_pickle=False)
    x = inputs_of(golden, entry, arrays)
    worst = {"": 0.0, "_f64": 0.0}
    model = build(entry, golden.state(name, "tm"), compat="original")
    strided = (
        model
        if not entry["dense"] or entry["model"] == "srnet"
        else build(entry | {"dense": False}, golden.state(name, "o1f"))
    )
    for suffix, dtype in (("", torch.float32), ("_f64", torch.float64)):
        cast = {key: value.to(dtype) for key, value in x.items()}
        for key, value in outputs(model.to(dtype), strided.to(dtype), cast).items():
            if key + suffix in arrays:
                worst[suffix] = max(worst[suffix], assert_close(value, arrays[key + suffix]))
    return worst


FAMILIES = [
    ("srnet_g2", ()), ("srnet_g3", ()), ("srnet_g5", ()), ("srnetV_g2", ()), ("srnetV_g5", ()),
    ("srnet1024", ()), ("srnet1001", ()), ("srnet2048", ()), ("srnet_lcn", ()), ("srnet_oddarch", ()),
    ("fc_", ("fc1024",)), ("fc1024", ()), ("PATCHED", ()),
]  # fmt: skip


@pytest.mark.parametrize(("family", "but"), FAMILIES, ids=[f for f, _ in FAMILIES])
def test_outputs_are_those_of_the_published_code(golden, family, but):
    names = golden.cases(family, but)
    assert names
    for name in names:
        compare(golden, name)


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


def vp3d_model(golden, entry, form, **more):
    shapes = entry["shapes"].get("both") or entry["shapes"][form]
    state = golden.recipe.make_state(shapes, entry["seed"])
    assert golden.recipe.digest(state) == entry["digest"][form]
    fields = {key: entry[key] for key in ("channels", "causal", "dense")}
    joints = 0 if entry["num_joints_out"] == 17 else entry["num_joints_out"]
    model = build_model("fc", filter_widths=entry["arch"], negative_slope=0.0, num_joints_out=joints, **fields | more)
    model.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()})
    return model.eval()


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
    """How finely float32 knows a gradient that is a sum of large terms cancelling each other: processors round differently."""
    largest = max((np.abs(arrays[key]).max() for key in arrays if key.startswith("step0/grad/")), default=0.0)
    return float(np.finfo(np.float32).eps * largest)


TRAINED = {
    "srnet_g5_multiply_others_a111": {}, "srnet_g5_multiply_others_a333": {}, "fc_a333": {},
    "srnet_g5_add_others_a333": {"recombine": "add"}, "srnet_g5_concat_others_a333": {"recombine": "concat"},
    "srnet_g3_multiply_all_a333": {"groups": 3, "context": "all"},
    "srnet_g2_concat_all_a333": {"groups": 2, "recombine": "concat", "context": "all"},
    "srnet_g5_multiply_all_channelwise_a333": {"context": "all", "context_form": "channel_wise"},
    "srnet_g5_multiply_all_groupmod_a333": {"context": "all", "context_form": "group_wise"},
    "srnet_g5_multiply_others_meanfunc_a333": {"context_form": "mean"},
    "srnet_g5_concat_others_meanups_a333": {"recombine": "concat", "context_form": "upsampled_mean"},
    "srnet_g5_multiply_others_a333_causal": {"causal": True},
}  # fmt: skip


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
