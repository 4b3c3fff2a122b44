"""Networks as safetensors: written, read, and what is refused."""

import json
import random

import numpy as np
import pytest
import torch
from safetensors.torch import save
from support.tries import tries

import srnet_core as srnet
from srnet_core.checkpoint import load_checkpoint
from srnet_core.checkpoint.record import Record
from srnet_core.checkpoint.safetensors_file import is_safetensors, write_safetensors
from srnet_core.config import DataConfig, RunConfig
from srnet_core.errors import BadFileError, CheckpointError, SrnetError


@pytest.fixture
def written(tmp_path):
    torch.manual_seed(0)
    model = srnet.build_model("srnet", filter_widths=(3,), channels=40).eval()
    record = Record(config=RunConfig(data=DataConfig(normalization="ray")), dataset="mine", fps=25.0)
    return model, write_safetensors(tmp_path / "a.safetensors", model, record=record, epoch=3)


def test_a_network_reads_back_with_its_record(written):
    model, path = written
    checkpoint = load_checkpoint(path)
    assert (
        (checkpoint.epoch, checkpoint.record.fps) == (3, 25.0)
        and checkpoint.record.dataset == "mine"
        and checkpoint.optimizer_state is None
    )
    assert checkpoint.normalization.__name__.endswith("ray") and checkpoint.model_config == model.config
    x = torch.randn(2, 3, 17, 2)
    with torch.inference_mode():
        difference = (checkpoint.model(x) - model(x)).abs().max()
    assert 0 < difference < 0.01 * model(x).abs().max()  # half precision


def test_full_precision_is_exact(written, tmp_path):
    model, _ = written
    path = write_safetensors(tmp_path / "full.safetensors", model, record=Record(), half_precision=False)
    state = load_checkpoint(path).model.state_dict()
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())


def test_a_lifter_opens_it(written):
    keypoints = np.random.default_rng(0).uniform(0, 900, (5, 17, 2))
    assert srnet.Lifter.from_checkpoint(written[1])(keypoints, image_size=(1000, 1000)).shape == (5, 17, 3)


def test_published_weights_as_safetensors_are_recognized(written, tmp_path):
    model, _ = written
    path = tmp_path / "published.safetensors"
    path.write_bytes(save({name: tensor.contiguous() for name, tensor in model.state_dict().items()}))
    checkpoint = load_checkpoint(path)
    assert checkpoint.model_config.name == "srnet" and any("normalization" in text for text in checkpoint.inferred)


def test_files_of_others_and_damage_are_told(written, tmp_path):
    path = tmp_path / "b.safetensors"
    path.write_bytes(save({"a": torch.zeros(3)}))
    with pytest.raises(CheckpointError, match="not the weights of a known network"):
        load_checkpoint(path)
    path.write_bytes(save({"a": torch.zeros(3)}, metadata={"srnet": "[1]"}))
    with pytest.raises(BadFileError, match="its record is no table"):
        load_checkpoint(path)
    path.write_bytes((10).to_bytes(8, "little") + b"{" * 10)
    assert is_safetensors(path)
    with pytest.raises(BadFileError, match="damaged"):
        load_checkpoint(path)


def test_flipped_bits_are_never_silent(written):
    _, path = written
    whole, rng = path.read_bytes(), random.Random(1)
    good = load_checkpoint(path)
    told = 0
    for _ in range(tries(150)):
        data = bytearray(whole)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        try:
            found = load_checkpoint(path)
        except SrnetError:
            told += 1
            continue
        state = found.model.state_dict()
        assert all(torch.equal(state[k], v) for k, v in good.model.state_dict().items())
    assert told > tries(60)


def test_the_record_is_json_that_others_can_read(written):
    data = written[1].read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert json.loads(header["__metadata__"]["srnet"])["model"]["name"] == "srnet"
