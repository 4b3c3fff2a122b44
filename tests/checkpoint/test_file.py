"""Checkpoints: what is written comes back, what is inferred is right, and nothing hostile gets through."""

import gzip
import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from support.checkpoints import read_as_published

from srnet_core import __version__, normalization
from srnet_core.checkpoint import Record, describe_state, load_checkpoint, save_checkpoint
from srnet_core.config import DataConfig, ModelConfig, RunConfig, to_dict
from srnet_core.errors import BadFileError, CheckpointError, ConfigError, HostileFileError, InputFileMissing
from srnet_core.models import build_model
from srnet_core.skeletons import get_skeleton
from srnet_core.training.resume import require_resumable

RUN = RunConfig(DataConfig(normalization="lcn"))
SMALL = {"channels": 12, "filter_widths": (3, 3), "dropout": 0.1}


def trained(name="srnet", **fields):
    """A model after one step of Adam, its optimizer and the generator of its windows."""
    torch.manual_seed(1)
    model = build_model(name, **SMALL | fields)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, amsgrad=True)
    model.train()(torch.randn(4, 9, 17, 2)).abs().mean().backward()
    optimizer.step()
    generator = np.random.RandomState(7)
    generator.standard_normal(5)
    return model, optimizer, generator


@pytest.fixture
def saved(tmp_path):
    model, optimizer, generator = trained()
    path = tmp_path / "sub" / "run.bin"
    save_checkpoint(
        path,
        model=model,
        epoch=3,
        lr=8e-4,
        optimizer_state=optimizer.state_dict(),
        random_state=generator,
        record=Record(metrics={"loss": 0.5}, synthetic=True, config=RUN),
    )
    return path


def as_published(path, **more):
    """The file without what only srnet writes."""
    content = read_as_published(path)
    del content["srnet"]
    torch.save(content | {"loss 3d train": 1.0} | more, path)
    return path


# --- round trip


def test_what_is_written_comes_back(saved):
    model, optimizer, generator = trained()
    found = load_checkpoint(saved)
    assert (found.epoch, found.lr, found.model_config, found.inferred) == (3, 8e-4, model.config, ())
    assert found.metrics == {"loss": 0.5}
    record = found.record
    assert (record.version, record.skeleton, record.synthetic) == (__version__, get_skeleton("h36m17"), True)
    assert (record.config, record.model, record.format) == (RUN, model.config, 1)
    assert found.normalization is normalization.load("lcn") and found.skeleton is get_skeleton("h36m17")
    assert not found.model.training
    for key, value in model.state_dict().items():
        assert torch.equal(found.model.state_dict()[key], value), key
    again = np.random.RandomState()
    again.set_state(found.random_state)
    assert again.standard_normal() == generator.standard_normal()  # the cached second normal number too
    other = torch.optim.Adam(found.model.parameters(), amsgrad=True)
    other.load_state_dict(found.optimizer_state)
    for a, b in zip(other.state.values(), optimizer.state.values()):
        assert all(torch.equal(a[key], b[key]) for key in b)


@pytest.mark.parametrize("name", ["fc", "srnet"])
def test_the_published_code_can_go_on_from_our_file(name, tmp_path):
    model, optimizer, generator = trained(name)
    path = save_checkpoint(
        tmp_path / "x.bin",
        model=model,
        epoch=1,
        lr=1e-3,
        optimizer_state=optimizer.state_dict(),
        random_state=generator.get_state(),
    )
    content = read_as_published(path)
    assert content["epoch"] == 1
    assert content["lr"] == 1e-3
    assert isinstance(content["random_state"], np.random.RandomState)
    assert content["random_state"].standard_normal() == generator.standard_normal()
    assert list(content["model_pos"]) == list(model.state_dict())
    assert content["optimizer"]["state"].keys() == optimizer.state_dict()["state"].keys()


def test_a_failed_write_leaves_the_old_file(saved, monkeypatch):
    before = saved.read_bytes()

    def fail(content, file):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(saved, model=trained()[0], epoch=1, lr=1.0, optimizer_state=None, random_state=None)
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == ["run.bin"]


def test_only_plain_values_are_stored_beside_the_weights(tmp_path):
    with pytest.raises(TypeError, match=r"metrics\['loss'\] is a Sequential"):
        save_checkpoint(
            tmp_path / "x.bin",
            model=trained()[0],
            epoch=1,
            lr=1.0,
            optimizer_state=None,
            random_state=None,
            record=Record(metrics={"loss": torch.nn.Sequential()}),
        )
    assert not list(tmp_path.iterdir())


def test_reading_does_not_move_the_random_generator(saved):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    load_checkpoint(saved)
    assert torch.rand(1) == expected


# --- inference


CONFIGS = [
    {"groups": groups, "recombine": recombine, "context": context, "context_form": form, "filter_widths": widths}
    for groups in (1, 2, 3, 5)
    for recombine, context, form in (
        ("multiply", "others", "learned"),
        ("add", "others", "learned"),
        ("concat", "others", "learned"),
        ("multiply", "others", "mean"),
        ("add", "others", "mean"),
        ("concat", "others", "mean"),
        ("concat", "others", "upsampled_mean"),
        ("multiply", "all", "learned"),
        ("concat", "all", "learned"),
        ("multiply", "all", "one_for_all"),
        ("multiply", "all", "group_wise"),
        ("multiply", "all", "channel_wise"),
        ("concat", "all", "one_for_all"),
        ("concat", "all", "group_wise"),
    )
    for widths in ((1,), (3, 5), (1, 1, 1))
    if not (groups == 1 and context == "others")
]


@pytest.mark.parametrize("fields", CONFIGS, ids=lambda f: "-".join(map(str, f.values())))
def test_every_variant_is_inferred_from_names_and_shapes(fields):
    model = build_model("srnet", channels=21, **fields)
    found = describe_state(model.state_dict())
    assert found.config == model.config
    assert any("causal = no" in note for note in found.notes)


@pytest.mark.parametrize("fields", [{}, {"num_joints_out": 1}, {"dense": True}, {"skeleton": "h36m32"}], ids=str)
def test_fc_is_inferred_from_names_and_shapes(fields):
    model = build_model("fc", channels=8, filter_widths=(3, 3, 3), **fields)
    assert describe_state(model.state_dict()).config == model.config


def test_what_cannot_be_inferred_is_an_option(tmp_path, saved):
    as_published(saved)
    plain = load_checkpoint(saved)
    assert plain.record == Record() and plain.normalization is None
    assert plain.model_config.causal is False
    assert any("causal = no (option --causal)" in note for note in plain.inferred)
    causal = load_checkpoint(saved, causal=True, compat="original")
    assert (causal.model_config.causal, causal.model_config.compat) == (True, "original")
    assert not any("causal" in note for note in causal.inferred)


def test_multiply_or_add_with_all_joints_is_said(tmp_path):
    state = build_model("srnet", context="all", channels=8).state_dict()
    assert any("multiply and add" in note for note in describe_state(state).notes)
    assert describe_state(state, recombine="add").config.recombine == "add"


def test_no_context_is_an_option():
    state = build_model("srnet", context="none", channels=8).state_dict()
    assert any("--context none" in note for note in describe_state(state).notes)
    assert describe_state(state, context="none").config == ModelConfig(context="none", channels=8, residual_2d=False)


def test_concat_says_how_sequences_are_computed(tmp_path):
    model = build_model("srnet", recombine="concat", **SMALL)
    torch.save({"model_pos": model.state_dict(), "loss 3d train": 0.1}, tmp_path / "x.bin")
    assert any("--compat original" in note for note in load_checkpoint(tmp_path / "x.bin").inferred)


def test_videopose3d_is_told_from_srnets_fc(tmp_path):
    state = build_model("fc", **SMALL).state_dict()
    torch.save({"epoch": 80, "model_pos": state, "model_traj": state}, tmp_path / "vp3d.bin")
    torch.save({"epoch": 80, "model_pos": state, "loss 3d train": 0.1}, tmp_path / "srnet.bin")
    vp3d, srnet = load_checkpoint(tmp_path / "vp3d.bin"), load_checkpoint(tmp_path / "srnet.bin")
    assert (vp3d.model_config.negative_slope, vp3d.model_config.dropout) == (0.0, 0.25)
    assert (srnet.model_config.negative_slope, srnet.model_config.dropout) == (0.01, 0.0)
    assert any("ReLU and dropout 0.25, as VideoPose3D" in note for note in vp3d.inferred)
    assert load_checkpoint(tmp_path / "vp3d.bin", negative_slope=0.01).model_config.negative_slope == 0.01
    assert load_checkpoint(tmp_path / "vp3d.bin", part="model_traj").epoch == 80


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"negative_slope": 0.0}, "assumed: dropout 0.25, as VideoPose3D (option --dropout)"),
        ({"dropout": 0.5}, "assumed: ReLU, as VideoPose3D (option --negative-slope)"),
        ({"dropout": 0.5, "negative_slope": 0.0}, None),
    ],
)
def test_only_what_is_left_open_is_said_to_be_assumed(tmp_path, given, said):
    torch.save({"epoch": 80, "model_pos": build_model("fc", **SMALL).state_dict()}, tmp_path / "vp3d.bin")
    found = load_checkpoint(tmp_path / "vp3d.bin", **given)
    assert {name: getattr(found.model_config, name) for name in given} == given
    notes = [note for note in found.inferred if "VideoPose3D" in note]
    assert [note.endswith(said) for note in notes] == [True] if said else not notes


def test_an_option_with_a_wrong_value_is_named_beside_the_file(tmp_path):
    torch.save({"epoch": 80, "model_pos": build_model("fc", **SMALL).state_dict()}, tmp_path / "vp3d.bin")
    with pytest.raises(ConfigError, match=r"vp3d.bin, --negative-slope: must lie in \[0, 1\), not 2"):
        load_checkpoint(tmp_path / "vp3d.bin", negative_slope=2.0)


def test_data_parallel_prefixes_and_bare_state_dicts(tmp_path):
    model = build_model("srnet", **SMALL)
    torch.save({f"module.{k}": v for k, v in model.state_dict().items()}, tmp_path / "x.bin")
    found = load_checkpoint(tmp_path / "x.bin").model.state_dict()
    assert all(torch.equal(found[key], value) for key, value in model.state_dict().items())


def test_a_network_wrapped_twice(tmp_path):
    model = build_model("srnet", **SMALL)
    torch.save({f"module.module.{k}": v for k, v in model.state_dict().items()}, tmp_path / "x.bin")
    assert load_checkpoint(tmp_path / "x.bin").model_config.filter_widths == (3, 3)


def test_legacy_format(tmp_path):
    model = build_model("srnet", **SMALL)
    content = {"model_pos": model.state_dict(), "random_state": np.random.RandomState(5), "lr": 0.5}
    torch.save(content, tmp_path / "x.bin", _use_new_zipfile_serialization=False)
    found = load_checkpoint(tmp_path / "x.bin")
    assert found.lr == 0.5
    assert np.array_equal(found.random_state[1], np.random.RandomState(5).get_state()[1])


def test_a_generator_seeded_by_the_system_is_read(saved):
    generator = np.random.RandomState()
    as_published(saved, random_state=generator)
    assert np.array_equal(load_checkpoint(saved).random_state[1], generator.get_state()[1])


def test_numpy_numbers_are_read(saved):
    path = as_published(saved, **{"loss 3d test": np.float64(27.5), "lr": np.float32(0.25)})
    found = load_checkpoint(path)
    assert found.metrics["loss 3d test"] == 27.5
    assert found.lr == 0.25


# --- files that do not fit


def test_keys_that_do_not_fit_are_named(saved):
    content = read_as_published(saved)
    state = content["model_pos"]
    del state["expand_bn.bias"]
    state["extra.weight"] = torch.zeros(1)
    state["layers_bn.0.weight"] = torch.zeros(13)
    torch.save(content, saved)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(saved)
    message = str(caught.value)
    assert "1 missing: expand_bn.bias" in message
    assert "1 unexpected: extra.weight" in message
    assert "1 of another shape: layers_bn.0.weight (13,) instead of (12,)" in message
    assert str(saved) in message


def test_options_that_contradict_the_file(saved):
    with pytest.raises(CheckpointError, match=r"channels is 12, not 13"):
        load_checkpoint(saved, channels=13)
    with pytest.raises(CheckpointError, match=r"causal is False, not True"):
        load_checkpoint(saved, causal=True)
    assert load_checkpoint(saved, compat="original").model_config.compat == "original"
    with pytest.raises(CheckpointError, match=r"do not fit the network fc .*missing"):
        load_checkpoint(saved, model_config=ModelConfig(name="fc"))


def test_a_configuration_from_the_future(saved):
    content = read_as_published(saved)
    content["srnet"]["model"] = to_dict(ModelConfig()) | {"attention": True}
    torch.save(content, saved)
    with pytest.raises(CheckpointError, match=r"attention.*newer version"):
        load_checkpoint(saved)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([1, 2], "holds a list"),
        ({"epoch": 1}, "has no 'model_pos', only epoch"),
        ({"model_pos": {"weight": 3}}, "is not a state dict"),
        ({"model_pos": {"weight": torch.zeros(3)}}, "not the weights of a known network; they begin with: weight"),
        ({"model_pos": {}}, "is not a state dict"),
    ],
)
def test_other_torch_files(tmp_path, content, says):
    torch.save(content, tmp_path / "x.bin")
    with pytest.raises((CheckpointError, BadFileError), match=says) as caught:
        load_checkpoint(tmp_path / "x.bin")
    assert "x.bin" in str(caught.value)


def test_groups_of_no_known_skeleton():
    state = build_model("srnet", channels=40).state_dict()
    state["expand_conv.group_conv.0.weight"] = torch.zeros(8, 6, 1)
    with pytest.raises(CheckpointError, match=r"groups have 3, 4, 5, 4, 4 joints.*body_parts"):
        describe_state(state)


# --- damaged files


def test_missing_empty_folder_and_other_files(tmp_path):
    with pytest.raises(InputFileMissing, match="no such checkpoint"):
        load_checkpoint(tmp_path / "none.bin")
    with pytest.raises(BadFileError, match="folder"):
        load_checkpoint(tmp_path)
    for name, data in (("empty", b""), ("text", b"hello, world\n" * 50), ("zeros", bytes(5000)), ("pk", b"PK\x03\x04")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(BadFileError, match=name):
            load_checkpoint(tmp_path / name)
    np.savez(tmp_path / "x.npz", a=np.zeros(3))
    with pytest.raises(BadFileError, match="not one written by torch"):
        load_checkpoint(tmp_path / "x.npz")


@pytest.mark.parametrize("zipped", [True, False])
def test_truncated_anywhere_is_a_bad_file(tmp_path, zipped):
    path = tmp_path / "x.bin"
    content = {"model_pos": build_model("fc", channels=4).state_dict(), "random_state": np.random.RandomState(0)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    for cut in [1, 2, 10, 100, *range(200, len(whole), len(whole) // 40), len(whole) - 1]:
        path.write_bytes(whole[:cut])
        with pytest.raises(BadFileError):
            load_checkpoint(path)


def test_a_flipped_bit_in_the_weights_is_noticed(saved):
    data = bytearray(saved.read_bytes())
    weights = load_checkpoint(saved).model.expand_conv.group_conv[0].weight.detach().numpy().tobytes()
    data[data.find(weights) + 3] ^= 0x40
    saved.write_bytes(data)
    with pytest.raises(BadFileError, match="altered or damaged"):
        load_checkpoint(saved)


# --- hostile files


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("call", "name"),
    [
        (Call(eval, "open('pwned', 'w')"), "eval"),
        (Call(__import__("os").system, "touch pwned"), "system"),
        (Call(bytearray, 10**11), "bytearray"),
        (Call(getattr, dict, "fromkeys"), "getattr"),
        (Call(torch.load, "x"), "torch.serialization.load"),
        (Call(torch.hub.load, "x", "y"), "torch.hub.load"),
        (Call(np.load, "x"), "numpy"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_nothing_in_a_file_is_run(tmp_path, monkeypatch, call, name, zipped):
    monkeypatch.chdir(tmp_path)
    torch.save({"model_pos": {"w": torch.zeros(1)}, "epoch": call}, "x.bin", _use_new_zipfile_serialization=zipped)
    with pytest.raises(HostileFileError, match=rf"asks for \S*{name}"):
        load_checkpoint("x.bin")
    assert [p.name for p in tmp_path.iterdir()] == ["x.bin"]


def test_names_hidden_in_newer_pickle_instructions(tmp_path):
    torch.save({"epoch": Call(eval, "1")}, tmp_path / "x.bin", pickle_protocol=4)
    with pytest.raises(HostileFileError, match=r"asks for builtins\.eval"):
        load_checkpoint(tmp_path / "x.bin")


def test_a_zip_appended_to_another_file_does_not_hide_it(saved):
    """torch reads what such a file begins with, so that is what has to be scanned."""
    hidden = io.BytesIO()
    torch.save(
        {"model_pos": {"w": torch.zeros(1)}, "epoch": Call(eval, "1")}, hidden, _use_new_zipfile_serialization=False
    )
    saved.write_bytes(hidden.getvalue() + saved.read_bytes())
    with pytest.raises(HostileFileError, match=r"asks for builtins\.eval"):
        load_checkpoint(saved)


def test_a_second_pickle_in_capital_letters_does_not_hide(saved):
    with zipfile.ZipFile(saved, "a") as archive:
        folder = archive.namelist()[0].split("/")[0]
        archive.writestr(f"{folder}/DATA.PKL", pickle.dumps(3))
    with pytest.raises(BadFileError, match="not one written by torch"):
        load_checkpoint(saved)


def rewrite(path, change, compression=zipfile.ZIP_STORED):
    """Copy a zip file in place with its members changed."""
    source = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    with zipfile.ZipFile(path, "w", compression) as target:
        for member in source.infolist():
            target.writestr(member.filename, change(member.filename, source.read(member)))


def test_compressed_members_are_refused_unread(saved):
    rewrite(saved, lambda name, data: bytes(10**7) if name.endswith("/data/0") else data, zipfile.ZIP_DEFLATED)
    assert saved.stat().st_size < 10**6
    with pytest.raises(HostileFileError, match="sizes"):
        load_checkpoint(saved)


def test_tensors_that_claim_more_than_is_stored(tmp_path):
    path = tmp_path / "x.bin"
    torch.save({"model_pos": {"w": torch.arange(77.0)}}, path)
    claim = b"J" + (10**6).to_bytes(4, "little")
    rewrite(path, lambda name, data: data.replace(b"KM", claim) if name.endswith("data.pkl") else data)
    with pytest.raises(BadFileError, match="size"):
        load_checkpoint(path)
    torch.save({"model_pos": {"w": torch.zeros(1).expand(10**13)}}, path)
    with pytest.raises(BadFileError, match="'w' is not stored in full"):
        load_checkpoint(path)


def test_optimizer_tensors_are_checked_too(saved):
    content = read_as_published(saved)
    content["optimizer"]["state"][0]["exp_avg"] = torch.zeros(1).expand(10**13)
    torch.save(content, saved)
    with pytest.raises(BadFileError, match="exp_avg"):
        load_checkpoint(saved)


def test_a_random_generator_that_makes_no_sense(saved):
    def change(name, data):
        if not name.endswith("data.pkl"):
            return data
        assert b"MT19937" in data
        return data.replace(b"X\x07\x00\x00\x00MT19937", b"X\x07\x00\x00\x00MT19938")

    rewrite(saved, change)
    with pytest.raises(BadFileError, match="random generator in it makes no sense"):
        load_checkpoint(saved)


def test_plain_pickles_are_not_checkpoints(tmp_path):
    (tmp_path / "x.bin").write_bytes(pickle.dumps({"model_pos": {}}))
    with pytest.raises(BadFileError):
        load_checkpoint(tmp_path / "x.bin")


def test_a_small_file_that_asks_for_a_huge_network_is_refused_before_memory_is_taken(saved):
    content = read_as_published(saved)
    for fields in ({"channels": 10**6}, {"filter_widths": [3] * 33}, {"filter_widths": [99999999]}):
        content["srnet"]["model"] = to_dict(ModelConfig()) | fields
        torch.save(content, saved)
        with pytest.raises(CheckpointError):
            load_checkpoint(saved)


@pytest.mark.parametrize("model", [3, "srnet", [1], None, {"channels": 10**9}, {"context_width": 10**12}])
def test_a_configuration_that_is_none_is_one_line(saved, model):
    content = read_as_published(saved)
    content["srnet"]["model"] = model
    torch.save(content, saved)
    with pytest.raises(CheckpointError, match=r"run\.bin: its configuration cannot be used"):
        load_checkpoint(saved)


def test_a_skeleton_without_joints_is_refused(saved):
    content = read_as_published(saved)
    content["srnet"]["skeleton"] |= {key: [] for key in ("joint_names", "parent_names", "left", "right")}
    torch.save(content, saved)
    with pytest.raises(ConfigError, match="has no joints"):
        load_checkpoint(saved)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e300, -(2**70)])
def test_numbers_that_are_none_are_left_out(saved, number):
    content = read_as_published(saved)
    content["epoch"] = content["lr"] = number
    torch.save(content, saved)
    assert (load_checkpoint(saved).epoch, load_checkpoint(saved).lr) == (0, None)


def test_records_that_contain_themselves_are_refused(saved):
    content = read_as_published(saved)
    content["optimizer"]["again"] = content["optimizer"]
    torch.save(content, saved)
    with pytest.raises(BadFileError, match="contains itself"):
        load_checkpoint(saved)
    content = read_as_published(saved)
    content["srnet"]["again"] = content["srnet"]
    torch.save(content, saved)
    with pytest.raises(BadFileError, match="nested too deeply"):
        load_checkpoint(saved)


def test_a_published_file_says_that_its_normalization_is_assumed(tmp_path):
    torch.save({"model_pos": build_model("srnet", **SMALL).state_dict(), "loss 3d train": 0.1}, tmp_path / "x.bin")
    assert any("normalization = base" in note for note in load_checkpoint(tmp_path / "x.bin").inferred)
    lcn = load_checkpoint(tmp_path / "x.bin", normalization="lcn")
    assert lcn.model_config.residual_2d and not any("normalization = base" in note for note in lcn.inferred)


# --- files of other programs


def vp3d_state():
    return build_model("fc", channels=8, filter_widths=(3, 3)).state_dict()


def test_files_without_batch_counters_are_read(tmp_path):
    """PyTorch 0.4 and older stored none."""
    state = {k: v for k, v in vp3d_state().items() if not k.endswith("num_batches_tracked")}
    torch.save({"model_pos": state}, tmp_path / "x.bin")
    found = load_checkpoint(tmp_path / "x.bin").model.state_dict()
    assert found["expand_bn.num_batches_tracked"] == 0
    assert all(torch.equal(found[key], value) for key, value in state.items())


@pytest.mark.parametrize(
    "prefix",
    [
        "_orig_mod.",
        "module._orig_mod.",
        "_orig_mod.module.",
        "model.",
        "module.net.",
        "net.module.",
        "model.net.module.",
    ],
)
def test_names_of_wrapped_networks(tmp_path, prefix):
    torch.save({"model_pos": {f"{prefix}{k}": v for k, v in vp3d_state().items()}}, tmp_path / "x.bin")
    assert load_checkpoint(tmp_path / "x.bin").model_config.filter_widths == (3, 3)


def test_a_compiled_part_of_a_network(tmp_path):
    state = {k.replace("layers_conv.", "layers_conv._orig_mod."): v for k, v in vp3d_state().items()}
    torch.save({"model_pos": state}, tmp_path / "x.bin")
    assert load_checkpoint(tmp_path / "x.bin").model_config.filter_widths == (3, 3)


@pytest.mark.parametrize("places", [("state_dict",), ("model",), ("net",), ("model", "state_dict")], ids="-".join)
def test_weights_under_other_names(tmp_path, places):
    content = vp3d_state()
    for place in reversed(places):
        content = {place: content, "epoch": 7}
    torch.save(content, tmp_path / "x.bin")
    assert load_checkpoint(tmp_path / "x.bin").epoch == 7


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"state_dict": {"gconv_input.0.gconv.W": torch.zeros(2)}}, r"\(under state_dict\).*gconv_input.*SemGCN"),
        ({"model": {"module.joints_embed.weight": torch.zeros(2)}}, r"\(under model\).*joints_embed.*MotionBERT"),
        ({"net": {"mystery": torch.zeros(2)}}, r"begin with: mystery\. .*fc \(VideoPose3D"),
    ],
)
def test_other_networks_are_named(tmp_path, content, says):
    torch.save({"epoch": 3, **content}, tmp_path / "x.bin")
    with pytest.raises(CheckpointError, match=says):
        load_checkpoint(tmp_path / "x.bin")


def test_the_order_of_joints_is_said_to_be_assumed(tmp_path):
    torch.save({"model_pos": vp3d_state()}, tmp_path / "x.bin")
    assert any("joints and their order are those of h36m17" in n for n in load_checkpoint(tmp_path / "x.bin").inferred)


OTHER_FILES = {
    "page": (b"<!DOCTYPE html><html><title>Virus scan warning</title></html>", "web page.*download"),
    "json": (b'{"error": "quota exceeded"}', "JSON file"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 67889963\n", "Git LFS.*git lfs pull"),
    "gz": (gzip.compress(b"x" * 99), "gzip archive.*Unpack"),
    "onnx": (b"\x08\x07\x12\x07pytorch" + bytes(99), "ONNX"),
    "zeros": (bytes(999), "zeros"),
    "video": (b"\x00\x00\x00 ftypisom" + bytes(50), "video"),
}


@pytest.mark.parametrize("name", OTHER_FILES)
def test_a_file_that_is_no_checkpoint_is_called_what_it_is(tmp_path, name):
    content, says = OTHER_FILES[name]
    (tmp_path / "x.bin").write_bytes(content)
    with pytest.raises(BadFileError, match=says) as caught:
        load_checkpoint(tmp_path / "x.bin")
    assert "\n" not in str(caught.value)


# --- damage beside the weights, and other readers


def changed(path, change):
    content = read_as_published(path)
    change(content)
    torch.save(content, path)
    return path


def flip_a_moment(content):
    content["optimizer"]["state"][0]["exp_avg"].view(torch.int32).view(-1)[0] ^= 1


def move_generator(content):
    content["random_state"].standard_normal(1000)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (flip_a_moment, "optimizer state"),
        (move_generator, "random state"),
        (lambda c: c.update(lr=1e-3), "epoch and learning rate"),
        (lambda c: c.pop("random_state"), "random state"),
        (lambda c: c["optimizer"]["param_groups"][0].update(eps=1e-3), "optimizer state"),
    ],
    ids=["moment", "generator", "rate", "no generator", "eps"],
)
def test_damage_to_what_a_resumed_run_needs_is_told_and_the_weights_can_be_used(saved, change, named):
    assert load_checkpoint(saved).damaged == ()
    found = load_checkpoint(changed(saved, change))
    assert found.damaged == (named,)
    assert any(named in note for note in found.inferred)
    with pytest.raises(CheckpointError, match=f"the {named} in it: altered or damaged.*--finetune"):
        require_resumable(found)


def test_an_altered_record_is_told(saved):
    found = load_checkpoint(changed(saved, lambda c: c["srnet"]["metrics"].update(loss=0.1)))
    assert found.damaged == ("record",) and "altered or damaged since it was saved: record" in found.inferred[-1]
    with pytest.raises(CheckpointError, match="altered or damaged"):
        require_resumable(found)


def test_a_damaged_name_of_the_record_is_told(saved):
    with pytest.raises(BadFileError, match="name of its record is damaged: 'srneu'"):
        load_checkpoint(changed(saved, lambda c: c.update(srneu=c.pop("srnet"))))


def test_plain_torch_load_opens_a_file_that_holds_no_generator_object(tmp_path):
    model, optimizer, generator = trained()
    path = save_checkpoint(
        tmp_path / "x.bin",
        model=model,
        epoch=1,
        lr=1e-3,
        optimizer_state=optimizer.state_dict(),
        random_state=generator,
        resumable_elsewhere=False,
    )
    content = torch.load(path)
    again = np.random.RandomState()
    again.set_state(content["random_state"])
    ours = np.random.RandomState()
    ours.set_state(load_checkpoint(path).random_state)
    assert again.standard_normal() == ours.standard_normal() == generator.standard_normal()


def test_a_pipe_is_no_checkpoint(tmp_path):
    os.mkfifo(tmp_path / "pipe.bin")
    with pytest.raises(BadFileError, match="not a regular file"):
        load_checkpoint(tmp_path / "pipe.bin")


def test_the_record_as_the_dict_of_earlier_versions(tmp_path):
    checkpoint = load_checkpoint(Path(__file__).parent / "fixtures" / "srnet.bin")
    assert checkpoint.meta["digest"] == checkpoint.record.digest and isinstance(checkpoint.meta["config"], dict)


def test_weights_that_are_alone_in_a_file_are_found_under_any_name(tmp_path):
    state = build_model("srnet", channels=40).state_dict()
    torch.save({"epoch": 3, "model_ema": state, "args": {"lr": 0.1}}, tmp_path / "ema.bin")
    found = load_checkpoint(tmp_path / "ema.bin")
    assert found.model_config.name == "srnet" and found.model_config.channels == 40
    torch.save({"student": state, "teacher": state}, tmp_path / "two.bin")
    with pytest.raises(CheckpointError, match="weights of 2 networks: student, teacher"):
        load_checkpoint(tmp_path / "two.bin")
    torch.save({}, tmp_path / "none.bin")
    with pytest.raises(CheckpointError, match="is empty: it has no weights"):
        load_checkpoint(tmp_path / "none.bin")


@pytest.mark.parametrize("skeleton", ["h36m17", "humaneva15"])
@pytest.mark.parametrize("name", ["gcn", "lcn", "late_fusion", "early_split", "split_fuse_split"])
def test_bare_weights_of_which_the_settings_are_unknown_are_called_what_they_are(name, skeleton):
    """Their tensors are named like those of fc and srnet."""
    state = build_model(name, **SMALL | {"channels": 60}, skeleton=skeleton).state_dict()
    with pytest.raises(CheckpointError, match=f"bare weights of {name},.*safetensors"):
        describe_state(state)
