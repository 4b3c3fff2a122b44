"""Finding plug-ins: built in or of other packages, broken ones included, and what is imported for it."""

import re
import subprocess
import sys
import warnings

import pytest
import torch
from support.plugins import EXAMPLE, every, install, on_path, write_dist_info

from srnet_core import datasets, lookup, normalization
from srnet_core.checkpoint import describe_state, load_checkpoint
from srnet_core.errors import CheckpointError, InputFileMissing, PluginError, PluginWarning, UnknownNameError
from srnet_core.models import ModelPlugin, build_model, get_model

FOLDERS = ("models", "datasets", "normalization", "protocols", "skeletons", "export")
WITH_ENTRY_POINTS = [folder for folder in FOLDERS if folder != "skeletons"]


@pytest.fixture
def site(tmp_path):
    """An empty folder of installed packages; tests fill it before their first question."""
    folder = tmp_path / "site"
    folder.mkdir()
    with on_path(folder):
        yield folder


def add_model(site, name, module, code, *, package="other"):
    (site / f"{module}.py").write_text(code)
    write_dist_info(site, package, {"srnet.models": {name: f"{module}:MODEL"}})


COPY_OF_FC = (
    "from srnet_core.models import ModelPlugin\nfrom srnet_core.models.fc import build\nMODEL = ModelPlugin(build)"
)


def test_names_are_listed_without_importing_a_plugin_nor_anything_of_weight(site):
    install(EXAMPLE, site)
    code = f"""
import sys
from srnet_core import lookup
assert "importlib.metadata" not in sys.modules, "work at import"
for folder in {FOLDERS}:
    print(folder, *lookup.names(folder))
heavy = [m for m in ("torch", "numpy", "zarr", "srnet_example") if m in sys.modules]
plugins = [m for m in sys.modules if m.startswith("srnet_core.") and m.split(".")[1] in {FOLDERS} and m.count(".") > 1]
print("loaded", *heavy, *plugins)
"""
    environment = {"PYTHONPATH": ":".join(p for p in sys.path if p)}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, text=True, capture_output=True, check=True)
    lines = dict(line.partition(" ")[::2] for line in ran.stdout.splitlines() if " " in line)
    assert lines["models"] == "early_split fc gcn group late_fusion lcn left_right split_fuse_split srnet trajectory"
    assert lines["datasets"] == "custom h36m humaneva mocap mpi_inf_3dhp npy_folder synthetic threedpw"
    assert lines["normalization"] == "base lcn proj ray weak_proj"
    assert lines["protocols"] == "cross_action cross_camera cross_dataset cross_subject rare_pose"
    assert lines["export"] == "csv folder json npz onnx onnx_fp16 onnx_pixels onnx_stream pt2 safetensors"
    assert ran.stdout.splitlines()[-1] == "loaded"


def test_a_module_that_is_not_in_the_table_is_no_plugin():
    for folder, module in (("models", "backbone"), ("export", "predictions"), ("datasets", "_files")):
        with pytest.raises(UnknownNameError, match="Choices: "):
            lookup.load(folder, module)


def test_dashes_and_underscores_are_the_same(site):
    add_model(site, "copy-of-fc", "copied", COPY_OF_FC)
    assert "copy_of_fc" in lookup.names("models")
    assert get_model("copy-of-fc") is get_model("copy_of_fc")
    assert build_model("copy-of-fc", channels=8).config.name == "copy_of_fc"
    assert lookup.load("protocols", "cross-action") is lookup.load("protocols", "cross_action")


def test_unknown_names_list_those_of_other_packages_and_the_nearest(site):
    install(EXAMPLE, site)
    with pytest.raises(
        UnknownNameError, match=r"no model 'leftright'. Did you mean 'left_right'\? Choices: .*left_right"
    ):
        build_model("leftright")
    with pytest.raises(
        InputFileMissing, match=r"Did you mean 'npy_folder'\? .*Data sets of other packages: npy_folder"
    ):
        datasets.locate("npyfolder", site, "gt", site)


def test_a_package_that_cannot_be_imported_is_said_when_it_is_asked_for_only(site):
    add_model(site, "broken", "broken_module", "import surely_not_there")
    assert "broken" in lookup.names("models")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert build_model("fc", channels=8).config.name == "fc"
    with pytest.raises(PluginError) as caught:
        build_model("broken")
    message = str(caught.value)
    for part in ("broken_module:MODEL", "model 'broken' of package other", "No module named 'surely_not_there'"):
        assert part in message
    assert "\n" not in message and caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise RuntimeError('first line\\nsecond line')", "RuntimeError: first line second line"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("MODLE = 1", "AttributeError: .*MODEL"),
        ("MODEL = 1", "is of the type int. It must be a srnet_core.models.ModelPlugin"),
        ("def MODEL(): 'a function'", "is of the type function. It must be a srnet_core.models.ModelPlugin"),
    ],
)
def test_whatever_a_package_does_is_one_line(site, code, reason):
    add_model(site, "odd", "odd_module", code)
    with pytest.raises(PluginError, match=reason) as caught:
        get_model("odd")
    assert "\n" not in str(caught.value)


def test_a_normalization_that_lacks_something_says_what(site):
    (site / "half.py").write_text("PARAMETERS = ()\nUSES_ROOT_DEPTH = False\ndef encode(*_): ...\ndef decode(*_): ...")
    write_dist_info(site, "other", {"srnet.normalizations": {"half": "half"}})
    lacks = (
        "lacks INPUT_NEEDS, RESIDUAL_2D, TARGET_UNIT, encode_2d, parameters_2d, flip, decode_original, flip_original"
    )
    with pytest.raises(PluginError, match=lacks):
        normalization.load("half")


def test_a_whole_normalization_of_another_package_is_used(site):
    (site / "whole.py").write_text("from srnet_core.normalization.base import *")
    write_dist_info(site, "other", {"srnet.normalizations": {"whole": "whole"}})
    assert "whole" in normalization.names()
    assert normalization.load("whole").TARGET_UNIT == "metres, root-relative"


def test_a_built_in_name_cannot_be_taken_and_that_is_said(site):
    add_model(site, "fc", "taken", "raise AssertionError('imported')")
    assert lookup.names("models").count("fc") == 1
    with pytest.warns(PluginWarning, match="model 'fc' of package other is ignored: srnet has a model of that name"):
        plugin = get_model("fc")
    assert plugin.build.__module__ == "srnet_core.models.fc"


def test_two_packages_with_the_same_name_are_refused(site):
    for package in ("one", "two"):
        add_model(site, "same", f"same_{package}", COPY_OF_FC, package=package)
    with pytest.raises(PluginError, match=r"more than one model 'same': package \w+, package \w+. Uninstall"):
        get_model("same")


def test_names_that_cannot_be_part_of_a_file_name_are_left_out(site):
    add_model(site, "../up", "up", COPY_OF_FC)
    assert all(re.fullmatch(r"\w+", name) for name in lookup.names("models"))


def test_packages_are_looked_through_once(site):
    lookup.names("models")
    add_model(site, "late", "late_module", COPY_OF_FC)
    assert "late" not in lookup.names("models")
    lookup.entry_points.cache_clear()
    assert "late" in lookup.names("models")


@pytest.mark.parametrize("folder", WITH_ENTRY_POINTS)
def test_the_groups_are_those_that_the_documentation_names(folder, site):
    group = {"normalization": "srnet.normalizations", "export": "srnet.exports"}.get(folder, f"srnet.{folder}")
    write_dist_info(site, "other", {group: {"added": "nowhere"}})
    assert "added" in lookup.names(folder)


def test_the_example_is_gone_again():
    assert "left_right" in every("models")
    assert "left_right" not in lookup.names("models")


# --- weights that only a plug-in knows

FC = {"expand_conv.weight": (8, 34, 1), "shrink.weight": (51, 8, 1)}
OWN_WEIGHTS = """
import torch
from srnet_core.models import ModelPlugin, Recognized

class Flat(torch.nn.Module):
    def __init__(self, config, skeleton):
        super().__init__()
        self.config, self.receptive_field, self.num_joints = config, 1, skeleton.num_joints
        self.flat = torch.nn.Linear(2 * skeleton.num_joints, 3 * skeleton.num_joints)

def recognize(weights):
    if set(weights.shapes) != {"flat.weight", "flat.bias"}:
        return None
    return Recognized({"filter_widths": [1]}, {"channels": 7}, ("seven channels are assumed",))

MODEL = ModelPlugin(Flat, recognize=recognize)
"""


def test_published_weights_of_another_package_are_recognized(site, tmp_path):
    add_model(site, "flat", "flat_module", OWN_WEIGHTS)
    write_dist_info(site, "unusable", {"srnet.models": {"a_broken_one": "not_there"}})
    torch.save({"model_pos": {"flat.weight": torch.ones(51, 34), "flat.bias": torch.zeros(51)}}, tmp_path / "x.bin")
    found = load_checkpoint(tmp_path / "x.bin")
    assert (found.model_config.name, found.model_config.channels) == ("flat", 7)
    assert float(found.model.flat.weight.detach().min()) == 1
    assert found.inferred[:2] == (
        "inferred from names and shapes: name = flat, filter_widths = 1",
        "seven channels are assumed",
    )


def test_known_fields_win_over_recognized_ones(site):
    add_model(site, "flat", "flat_module", OWN_WEIGHTS)
    state = {"flat.weight": torch.ones(51, 34), "flat.bias": torch.zeros(51)}
    assert describe_state(state, channels=9).config.channels == 9


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("fc", {"expand_conv.weight": (3,), "shrink.weight": (51, 8, 1)}),
        ("fc", {"expand_conv.weight": (8, 34, 1), "shrink.weight": ()}),
        ("fc", {**FC, "layers_conv.0.weight": (8,), "layers_conv.1.weight": (8,)}),
        ("srnet", {"expand_conv.group_conv.0.weight": (8, 34, 1), "final_layer.group_conv.0.weight": (51, 8, 1)}),
    ],
)
def test_known_names_with_impossible_shapes_are_the_files_mistake(name, shapes):
    state = {key: torch.zeros(shape) for key, shape in shapes.items()}
    with pytest.raises(CheckpointError, match=f"names of the model '{name}', but one is missing or of an impos"):
        describe_state(state)


def test_summaries():
    config = build_model("srnet", channels=8).config
    assert get_model("srnet").summary(config) == "5 groups, multiply others"
    assert get_model("srnet").settings_short(config) == "mul"
    assert get_model("group").summary(config) == "5 groups"
    assert get_model("gcn").summary(config) == ""
    assert ModelPlugin(lambda *_: None).recognize(None) is None


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("SRNet", "Did you mean 'srnet'? "),
        ("late fusion", "Did you mean 'late_fusion'? "),
        ("deepsquat", "Did you mean 'DeepSquat'? "),
        ("Jump", "Did you mean 'Jump rope' or 'Jump high'? "),
        ("quite other", ""),
        ("", ""),
    ],
)
def test_case_and_punctuation_do_not_hide_the_nearest_name(asked, hint):
    assert lookup.nearest_hint(asked, ["srnet", "late_fusion", "DeepSquat", "Jump rope", "Jump high", "!"]) == hint


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("exmaples/walk.json", "examples/walk.json"),
        ("examples/wakl.json", "examples/walk.json"),
        ("examples/walk", "examples/walk.json"),
        ("Examples/Walk.JSON", "examples/walk.json"),
        ("exmaples/openpse", "examples/openpose"),
        ("examples/walk.jsn", "examples/walk.json"),
        ("examples/wakl.csv", ""),
        ("examples/none.toml", ""),
        ("examples/one.htm", "examples/one.html"),
        ("nowhere/walk.json", ""),
        ("examples/other.json", ""),
        ("examples/walk.json/0", ""),
        ("a\0b", ""),
    ],
)
def test_a_path_like_the_one_that_is_missing_is_found(tmp_path, monkeypatch, asked, meant):
    (tmp_path / "examples" / "openpose").mkdir(parents=True)
    (tmp_path / "examples" / "walk.json").touch()
    (tmp_path / "examples" / "one.html").touch()  # which is not meant by none.toml
    monkeypatch.chdir(tmp_path)
    assert lookup.path_hint(asked) == (f"Did you mean {meant!r}? " if meant else "")
    if meant:
        assert str(tmp_path / meant) in lookup.path_hint(tmp_path / asked)
