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
        shapes = self.keys["sets"][self.keys["configs"].get(name, self.keys["configs"].get(f"{name}#{form}"))]
        if form == "tm" and f"{name}#tm" in self.keys["configs"]:
            shapes = self.keys["sets"][self.keys["configs"][f"{name}#tm"]]
        state = self.recipe.make_state(shapes, entry["seed"])
        assert self.recipe.digest(state) == entry["digest"][form]
        return {key: torch.from_numpy(value) for key, value in state.items()}

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
