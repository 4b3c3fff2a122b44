"""Checkpoints that the published code wrote, and what its weights must be inferred to be."""

import json
import pickle
import zipfile

import numpy as np
import pytest
import torch
from test_reference_models import assert_close, one_thread  # noqa: F401 - a fixture

from benchmarks.published.networks import Golden, inputs_of, model_fields
from srnet_core.checkpoint import Record, describe_state, load_checkpoint
from srnet_core.config import ModelConfig
from srnet_core.models import build_model


@pytest.fixture(scope="module")
def golden(golden_dir):
    return Golden(golden_dir)


@pytest.fixture(scope="module")
def written(golden):
    """Facts about each published file, by file name."""
    facts = json.loads((golden.folder / "A_ckpt/A_ckpt.json").read_text())
    return facts, {entry["file"]: entry for entry in facts["ckpt"].values()}


FILES = [
    "latest_epoch_golden_t243_mul_1024.bin",
    "latest_epoch_golden_a333_concat_42.bin",
    "latest_epoch_golden_g3_a333_add_38.bin",
    "latest_epoch_golden_fc_a33333_40.bin",
    "legacy_zip0_golden_a333_concat_42.bin",
]


@pytest.mark.parametrize("file", FILES)
@torch.no_grad()
def test_published_checkpoint_gives_published_outputs(golden, written, file):
    facts = written[1].get(file) or written[1]["latest_epoch_golden_a333_concat_42.bin"]
    found = load_checkpoint(golden.folder / "A_ckpt" / file, compat="original")
    assert golden.recipe.digest({k: v.numpy() for k, v in found.model.state_dict().items()}) == facts["digest"]
    assert (found.epoch, found.lr, found.record) == (facts["epoch"], facts["lr"], Record())
    assert found.metrics == {"loss 3d train": 31.5, "loss 3d eval": 29.25, "loss 3d test": 27.125}
    name, position, total = facts["random_state"]
    assert (found.random_state[0], found.random_state[2]) == (name, position)
    assert int(found.random_state[1].sum(dtype=np.int64)) == total
    entry = golden.index[facts["config"]]
    arrays = np.load(golden.folder / "A_models" / entry["file"], allow_pickle=False)
    x = inputs_of(golden, entry, arrays)
    assert_close(found.model(x["in_seq"]), arrays["tm_seq"])
    assert_close(found.model.forward_strided(x["in_win"]), arrays["o1f_win"])


@pytest.mark.parametrize("run", ["h1_srnet_a111_base_ch42", "h4_srnet_a333_concat_base_ch42", "h8_fc_a111_base_ch64"])
def test_published_optimizer_state_fits_our_parameters(golden, run):
    found = load_checkpoint(golden.folder / f"H_e2e/H_{run}_latest_epoch_sr_h36m_gt2d.bin")
    parameters = list(found.model.parameters())
    optimizer = torch.optim.Adam(parameters, lr=found.lr, amsgrad=True)
    optimizer.load_state_dict(found.optimizer_state)
    assert all(optimizer.state[p]["exp_avg"].shape == p.shape for p in parameters)
    found.model.train()(torch.randn(3, found.model.receptive_field, 17, 2)).mean().backward()
    optimizer.step()
    assert all(p.isfinite().all() for p in parameters)


def test_every_published_network_is_inferred(golden):
    for name in golden.cases():
        entry = golden.index[name]
        expected = ModelConfig(name=entry["model"], **{k: tupled(v) for k, v in model_fields(entry).items()})
        if expected.dense and set(expected.filter_widths) == {1}:
            continue  # a dense network of width 1 is an ordinary one
        known = {"causal": expected.causal, "residual_2d": expected.residual_2d}
        if (expected.context, expected.recombine) == ("all", "add"):
            known["recombine"] = "add"
        if expected.context == "none":
            known["context"] = "none"
        assert describe_state(golden.shapes(name), **known).config == expected, name


def tupled(value):
    return tuple(value) if isinstance(value, list) else value


def test_initial_weights_are_the_published_ones(golden, written):
    variants = {
        "srnet_g5_multiply_others_a111_1024": ("srnet", {}),
        "srnet_g5_multiply_others_a333_42": ("srnet", {"filter_widths": (3, 3, 3), "channels": 42}),
        "srnet_g5_add_1111_1024": ("srnet", {"filter_widths": (1,) * 4, "recombine": "add"}),
        "srnet_g5_concat_1111_1024": ("srnet", {"filter_widths": (1,) * 4, "recombine": "concat"}),
        "fc_a111_1024": ("fc", {}),
    }
    for key, (name, fields) in variants.items():
        torch.manual_seed(4321)
        state = build_model(name, **fields).state_dict()
        digest = golden.recipe.digest({k: v.numpy() for k, v in state.items()})
        assert digest == written[0]["default_init_seed4321"][key]["digest_model_pos_train"]


def body_of(pickled):
    """A pickle without its PROTO and STOP instructions, to put into another."""
    assert pickled[:1] == b"\x80"
    return pickled[2:-1]


@pytest.mark.parametrize("version", ["py36_np1133", "py38_np1175", "py310_np1264", "py311_np246"])
def test_generators_of_every_numpy_version(golden, tmp_path, version):
    """Splice a generator pickled by that numpy (Python 3; the published code never ran on 2) into a current file."""
    path = tmp_path / "x.bin"
    torch.save({"model_pos": build_model("fc", channels=4).state_dict(), "random_state": "HERE"}, path)
    generator = (golden.folder / f"npz_versions/rs_{version}.pkl").read_bytes()
    source = zipfile.ZipFile(path)
    members = {member: source.read(member) for member in source.namelist()}
    with zipfile.ZipFile(path, "w") as target:
        for member, data in members.items():
            marker = pickle.dumps("HERE", protocol=2)[2:-1].split(b"q")[0]
            target.writestr(member, data.replace(marker, body_of(generator)) if member.endswith(".pkl") else data)
    found = load_checkpoint(path).random_state
    expected = np.random.RandomState()
    expected.set_state(found)
    assert np.isfinite(expected.standard_normal(1000)).all()
    assert found[1].dtype == np.uint32
