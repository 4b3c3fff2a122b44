"""Networks of the published code: configurations, weights, inputs and outputs, and ours built from them."""

import importlib.util
import json
from collections.abc import Iterator
from functools import cache

import numpy as np
import torch

from srnet_core.models import build_model

# The published code concatenates more channels than its slices expect, so groups read each other's: nothing to match.
MISALIGNED = "concat_others_meanfunc_a"


class Golden:
    """Inputs, weights and outputs of the published models; weights and inputs from their frozen recipe."""

    def __init__(self, folder):
        self.folder = folder
        spec = importlib.util.spec_from_file_location("golden_recipe", folder / "recipe.py")
        if spec is None or spec.loader is None:
            raise ImportError(f"{folder / 'recipe.py'} is not a Python module")
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
def compared_outputs(golden: Golden, name: str) -> Iterator[tuple[torch.Tensor, np.ndarray]]:
    """(ours, theirs) of all outputs of one configuration, in float32 and in float64."""
    entry = golden.index[name]
    with np.load(golden.folder / "A_models" / entry["file"], allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    x = inputs_of(golden, entry, arrays)
    model = strided = build(entry, golden.state(name, "tm"), compat="original")
    if entry["dense"] and entry["model"] != "srnet":
        strided = build(entry | {"dense": False}, golden.state(name, "o1f"))
    for suffix, dtype in (("", torch.float32), ("_f64", torch.float64)):
        cast = {key: value.to(dtype) for key, value in x.items()}
        for key, value in outputs(model.to(dtype), strided.to(dtype), cast).items():
            if key + suffix in arrays:
                yield value, arrays[key + suffix]
