"""Records beside the weights of a checkpoint: altered ones are refused in one line that names them."""

import dataclasses

import numpy as np
import pytest
import torch

from srnet_core.body import BodySize
from srnet_core.checkpoint import load_checkpoint, save_checkpoint
from srnet_core.checkpoint.record import body_size_of, check_records
from srnet_core.errors import CheckpointError
from srnet_core.models import build_model
from srnet_core.training.loop import Epoch

SOUND = {"bones": [[0, 1], [1, 2]], "lengths_m": [0.1, 0.4], "scale": 0.9}
EPOCH = {"epoch": 1, "epochs": 2, "loss": 0.5, "train_mpjpe_mm": 3.0, "lr": 0.1, "seconds": 1.5, "windows": 7}


def test_a_sound_body_size_comes_back():
    assert body_size_of(SOUND, 3) == BodySize(((0, 1), (1, 2)), (0.1, 0.4), 0.9)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"bones": None}, "bones"), ({"bones": []}, "bones"), ({"bones": [[0, 1], [1]]}, "bones"),
        ({"bones": [[0, 1], [1, 3]]}, "do not fit 3 joints"), ({"bones": [[0, 1], [1, -2]]}, "bones"),
        ({"bones": [[0, 1], [1, 0.5]]}, "bones"), ({"bones": [[0, 1]]}, "1 bones with 2 lengths"),
        ({"bones": [[0, 1], [1, True]]}, "bones"), ({"lengths_m": [0.1]}, "2 bones with 1 lengths"),
        ({"lengths_m": "ab"}, "lengths_m"), ({"lengths_m": [0.1, "x"]}, "lengths_m"),
        ({"lengths_m": [0.1, float("nan")]}, "lengths_m"), ({"lengths_m": [0.1, float("inf")]}, "lengths_m"),
        ({"lengths_m": [0.1, -0.4]}, "lengths_m"), ({"lengths_m": [0.0, 0.0]}, "lengths_m"),
        ({"scale": -1.0}, "scale"), ({"scale": float("nan")}, "scale"), ({"scale": "1"}, "scale"),
        ({"scale": None}, "scale"), ({"weight": 3}, "must be a table of bones, lengths_m, scale"),
    ],
)  # fmt: skip
def test_an_altered_body_size_is_refused_by_field(change, says):
    with pytest.raises(CheckpointError, match=says):
        body_size_of(SOUND | change, 3)


@pytest.mark.parametrize("stored", [3, "x", [], [SOUND], {}, {"scale": 1.0}])
def test_a_body_size_that_is_no_table(stored):
    with pytest.raises(CheckpointError, match="must be a table"):
        check_records({"body_size": stored}, 3)


@pytest.mark.parametrize(
    ("meta", "says"),
    [
        ({"config": "none"}, "config"), ({"config": {"data": 3}}, "config"), ({"progress": [1]}, "progress"),
        ({"progress": {"step": "x"}}, "progress, step"), ({"progress": {"step": -1}}, "progress, step"),
        ({"progress": {"windows": 1.5}}, "windows"), ({"progress": {"loss_sum": "x"}}, "loss_sum"),
        ({"progress": {"torch_random": [1, 2]}}, "torch_random"), ({"progress": {"torch_random": [300]}}, "torch_random"),
        ({"progress": {"order": "resident"}}, "order"), ({"progress": {"order": {"sampler": "streamed", "blocks": 3}}}, "order"),
        ({"progress": {"order": {"sampler": "streamed", "blocks": -3, "mixed": 2}}}, "order"),
        ({"progress": {"torch_random": [0] * 5056}}, "torch_random"), ({"unreported": 3}, "unreported"),
        ({"unreported": {"epoch": 1}}, "unreported"), ({"unreported": EPOCH | {"lr": "x"}}, "unreported"),
        ({"best_validation_mpjpe_mm": "low"}, "best_validation_mpjpe_mm"),
    ],
)  # fmt: skip
def test_altered_records_of_the_training_are_refused_by_name(meta, says):
    with pytest.raises(CheckpointError, match=f"records of its training cannot be used: .*{says}"):
        check_records(meta, 17)


def test_the_epoch_on_record_is_the_one_the_training_tells():
    assert set(EPOCH) | {"extra"} == {field.name for field in dataclasses.fields(Epoch)}


def test_sound_and_missing_records_pass():
    check_records({}, 17)
    check_records({"config": None, "progress": {}, "body_size": None, "unreported": None}, 17)
    state = torch.get_rng_state().tolist()
    progress = {
        "step": 3,
        "windows": 99,
        "loss_sum": float("nan"),
        "error_sum_m": 0.5,
        "torch_random": state,
        "order": {"sampler": "streamed", "blocks": 9, "mixed": 3},
    }
    check_records({"config": {"data": {}}, "progress": progress, "unreported": EPOCH, "body_size": SOUND}, 17)


def test_a_file_with_an_altered_body_size_is_refused_when_it_is_read(tmp_path):
    model = build_model("srnet", channels=12)
    path = save_checkpoint(tmp_path / "m.bin", model=model, epoch=0, lr=0.1, optimizer_state=None,
                           random_state=np.random.RandomState(0), extra={"body_size": SOUND | {"scale": "big"}})  # fmt: skip
    with pytest.raises(CheckpointError, match=r"m\.bin: body_size: scale cannot be used"):
        load_checkpoint(path)
