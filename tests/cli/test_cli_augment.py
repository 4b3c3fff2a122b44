"""srnet train --augment: said, stored, resumed; presets and --set reach each step's settings; mistakes are named."""

import json
from pathlib import Path

import pytest
import torch
from support.cli import DATA, TINY

from srnet_core.checkpoint import load_checkpoint

LATEST = Path("checkpoint/latest_epoch_run.bin")


@pytest.fixture
def train(srnet, own_data):
    return lambda *options: srnet("train", *DATA, *TINY, *options)


def settings() -> dict:
    return json.loads(Path("checkpoint/run/config.json").read_text())["augment"]


def test_it_is_said_and_stored_and_a_resumed_run_goes_on_with_it(train, srnet):
    asked = ("--augment", "view,angles", "--set", "augment.angles.limb_deg=30", "--norm", "ray")
    ran = train("--name", "run", *asked).ok()
    assert "angles, view" in ran.out
    assert settings()["use"] == ["angles", "view"] and settings()["angles"]["limb_deg"] == 30.0
    train("--name", "whole", *asked, "--epochs", "2").ok()
    srnet("train", "--resume", LATEST, "--epochs", "2").ok()
    assert settings()["angles"]["limb_deg"] == 30.0
    expected, found = (load_checkpoint(f"checkpoint/latest_epoch_{n}.bin").model.state_dict() for n in ("whole", "run"))
    assert all(torch.equal(expected[k], found[k]) for k in expected)


def test_without_it_nothing_is_said(train):
    assert "augmentation" not in train("--name", "run").ok().out
    assert settings()["use"] == []


def test_a_preset_switches_it_on(train):
    Path("mine.toml").write_text('[augment]\nuse = ["bones", "place"]\n[augment.place]\nheight_m = 0.1\n')
    assert "bones, place" in train("--name", "run", "--config", "mine.toml").ok().out
    assert settings()["place"] == {"sideways_m": 1.0, "depth_m": 1.0, "height_m": 0.1}
    Path("wrong.toml").write_text("[augment.place]\nheight = 0.1\n")
    train("--config", "wrong.toml").refused("wrong.toml", "augment.place", "height_m")


@pytest.mark.parametrize("name", ["augment", "augment-ray", "augment-wild"])
def test_ready_made_presets_can_be_trained_with(train, name):
    said = train("--name", "run", "--config", name).ok().out
    assert "parts, angles, bones" in said and ("noise" in said) == (name == "augment-wild")
    if name == "augment-wild":
        assert settings()["view"]["tilt_share"] == 0.25 and settings()["noise"]["spread"] == 1.0


def test_an_unknown_step_lists_those_there_are(train):
    choices = "parts, angles, bones, joints, place, view, layout, noise"
    train("--augment", "view,angels").refused("--augment", "Did you mean 'angles'", choices)


def test_a_run_on_detections_is_told_that_it_does_not_train_on_them(train, own_data):
    gt = next(own_data.glob("**/data_2d_small_gt.npz"))
    gt.with_name("data_2d_small_cpn.npz").write_bytes(gt.read_bytes())
    ran = train("--name", "run", "--keypoints", "cpn", "--augment", "view").ok()
    assert "instead of the keypoints cpn" in " ".join(ran.out.split())


def test_a_causal_network_starts_from_one_that_is_not(train, srnet):
    train("--name", "run", "--augment", "view").ok()
    train("--name", "live", "--finetune", LATEST, "--causal").ok()
    causal = load_checkpoint("checkpoint/latest_epoch_live.bin")
    assert causal.model_config.causal and not load_checkpoint(LATEST).model_config.causal
    srnet("train", "--resume", LATEST, "--causal", "--epochs", "2").refused("causal is False, not True")
