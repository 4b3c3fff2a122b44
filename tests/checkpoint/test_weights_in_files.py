"""Weights in files of other programs: entries, prefixes, forms in which tensors are stored, and what is no network."""

import numpy as np
import pytest
import torch
from torch import nn

from srnet_core.checkpoint import load_checkpoint
from srnet_core.errors import BadFileError, CheckpointError
from srnet_core.models import build_model

FC = {"name": "fc", "channels": 8, "filter_widths": (3, 3)}
SRNET = {"name": "srnet", "channels": 40, "filter_widths": (3, 1)}


def state_of(fields=FC):
    torch.manual_seed(0)
    return build_model(**fields).state_dict()


def prefixed(prefix, state):
    return {f"{prefix}{key}": value for key, value in state.items()}


def read(tmp_path, content):
    torch.save(content, tmp_path / "x.bin")
    return load_checkpoint(tmp_path / "x.bin")


def assert_read(checkpoint, state):
    found = checkpoint.model.state_dict()
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], value) for key, value in state.items())


PREFIXES = ["model.", "net_G.", "lifter.", "module._orig_mod.module.", "self.backbone.", "_fsdp_wrapped_module."]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("fields", [FC, SRNET], ids=lambda f: f["name"])
def test_any_prefix(tmp_path, fields, prefix):
    state = state_of(fields)
    assert_read(read(tmp_path, {"state_dict": prefixed(prefix, state), "epoch": 3}), state)


BESIDE = {
    "metrics": {"val_mpjpe.total": torch.zeros(()), "criterion.weight": torch.ones(3)},
    "averaged": {"n_averaged": torch.tensor(3)},
    "another network": {"discriminator.0.weight": torch.zeros(3, 3)},
}


@pytest.mark.parametrize("name", BESIDE)
def test_a_network_beside_other_tensors(tmp_path, name):
    """As in files of Lightning, `AveragedModel` and adversarial training."""
    state = state_of()
    found = read(tmp_path, {"state_dict": prefixed("model.", state) | BESIDE[name]})
    assert_read(found, state)
    left = [key for key in BESIDE[name] if key != "n_averaged"]
    assert any(f"{len(left)} tensors beside the network were left out" in n for n in found.inferred) == bool(left)


def test_what_programs_count_is_no_weight(tmp_path):
    """`thop` adds buffers to every layer, torch keeps extra states; neither is a weight."""
    state = state_of()
    counted = {"total_ops": torch.zeros(1), "shrink.total_params": torch.zeros(1), "_extra_state": {"a": 1}, "x": None}
    assert_read(read(tmp_path, {"model_pos": state | counted}), state)


def test_the_network_is_found_among_several(tmp_path):
    state, other = state_of(), {"conv.weight": torch.zeros(3)}
    for content in (
        {"net_G": state, "net_D": other, "optG": {"state": {}}},
        {"checkpoint": {"model_pos": state, "epoch": 4}},
        {"ema_state_dict": {"module": state, "decay": 0.9}},
        {"model": {"encoder": other, "lifter": state}},
    ):
        assert_read(read(tmp_path, content), state)


def test_of_two_networks_the_one_of_the_usual_name_is_read_and_the_other_named(tmp_path):
    state, average = state_of(), {key: value * 2 for key, value in state_of().items()}
    found = read(tmp_path, {"model": state, "model_ema": average})
    assert_read(found, state)
    assert "left out: model_ema" in found.inferred[0]
    found = read(tmp_path, {"state_dict": prefixed("model.", state) | prefixed("ema_model.module.", average)})
    assert_read(found, state)
    with pytest.raises(CheckpointError, match="2 networks: state_dict, student, state_dict, teacher"):
        read(tmp_path, {"state_dict": prefixed("student.", state) | prefixed("teacher.", average)})


def test_an_entry_can_be_chosen(tmp_path):
    state, average = state_of(), {key: value * 2 for key, value in state_of().items()}
    torch.save({"student": state, "teacher": average}, tmp_path / "x.bin")
    assert_read(load_checkpoint(tmp_path / "x.bin", part="teacher"), average)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_floating_point_numbers_of_any_size(tmp_path, dtype):
    state = {k: v.to(getattr(torch, dtype)) if v.is_floating_point() else v for k, v in state_of().items()}
    found = read(tmp_path, {"model_pos": state}).model.state_dict()
    assert all(torch.equal(found[key], value.to(found[key].dtype)) for key, value in state.items())


def test_arrays_of_numpy(tmp_path):
    state = state_of()
    arrays = {key: value.numpy() for key, value in state.items()}
    arrays["shrink.weight"] = arrays["shrink.weight"].astype(">f4")
    assert_read(read(tmp_path, {"model_pos": arrays}), state)


def convolution():
    torch.manual_seed(1)
    return nn.Conv1d(8, 51, 1)


def with_parts(change):
    """The state dict of a network whose last layer was changed by torch, and the weight that this layer computes."""
    layer = convolution()
    change(layer)
    layer.eval()(torch.zeros(1, 8, 1))
    state = {key: value for key, value in state_of().items() if key != "shrink.weight"}
    return state | prefixed("shrink.", layer.state_dict()), layer.weight.detach()


PARTS = {
    "weight normalization": [nn.utils.weight_norm, nn.utils.parametrizations.weight_norm],
    "spectral normalization": [nn.utils.spectral_norm, nn.utils.parametrizations.spectral_norm],
    "pruning": [lambda layer: nn.utils.prune.l1_unstructured(layer, "weight", 0.5)],
}


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(("what", "change"), [(what, change) for what, changes in PARTS.items() for change in changes])
def test_weights_stored_in_parts_are_computed(tmp_path, what, change):
    state, weight = with_parts(change)
    found = read(tmp_path, {"model_pos": state})
    torch.testing.assert_close(found.model.state_dict()["shrink.weight"], weight)
    assert f"stored with {what}, which was undone" in found.inferred[0]


REFUSED = {
    "an optimizer": ({"state": {}, "param_groups": []}, "holds the state of an optimizer, and no weights"),
    "a schedule": ({"base_lrs": [0.1], "last_epoch": 3}, "holds the state of a learning-rate schedule"),
    "a whole network": ({"model": nn.Linear(2, 2), "epoch": 3}, r"Linear\) under 'model', which only its own code"),
    "adapters": (prefixed("p.", state_of()) | {"p.shrink.lora_A.weight": torch.zeros(2, 2)}, "LoRA adapters.* Merge"),
    "packed": ({"model": {"a.scale": torch.ones(1), "a._packed_params.dtype": torch.qint8}}, "is quantized"),
    "sparse": ({"model_pos": state_of() | {"shrink.bias": torch.zeros(51).to_sparse()}}, "shrink.bias is a sparse"),
    "integers": ({"model_pos": state_of() | {"shrink.bias": torch.zeros(51, dtype=torch.int8)}}, "bias is int8"),
    "complex": ({"model_pos": state_of() | {"shrink.bias": torch.zeros(51) * 1j}}, "bias is complex64"),
    "a list": ([state_of(), {"epoch": 3}], "holds a list.* Save the state dict alone"),
    "nothing": ({"model_pos": None, "epoch": 3}, "'model_pos' is not a state dict"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_called_what_it_is(tmp_path, name):
    content, says = REFUSED[name]
    with pytest.raises((CheckpointError, BadFileError), match=says) as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_quantized_tensors(tmp_path):
    state = state_of()
    state["shrink.weight"] = torch.quantize_per_tensor(state["shrink.weight"], 0.1, 0, torch.qint8)
    with pytest.raises(CheckpointError, match="shrink.weight is a quantized tensor"):
        read(tmp_path, {"model_pos": state})


def test_networks_of_other_numbers_of_joints_are_refused_with_the_numbers_that_are_read(tmp_path):
    state = state_of() | {"expand_conv.weight": torch.zeros(8, 28, 3), "shrink.weight": torch.zeros(42, 8, 1)}
    with pytest.raises(CheckpointError, match="14 joints, and no known skeleton has.* 15, 16, 17, 20, 32 joints"):
        read(tmp_path, {"model_pos": state | {"shrink.bias": torch.zeros(42)}})


def test_weights_that_are_no_numbers(tmp_path):
    state = state_of()
    state["shrink.weight"][0, 0] = np.nan
    found = read(tmp_path, {"model_pos": state})
    assert any("not a number" in note for note in found.inferred)
