"""srnet train --precision, --compile and --graphs: what is said, stored, kept and refused."""

from pathlib import Path

import pytest
import torch
from support.cli import DATA, TINY

from srnet_core.checkpoint import load_checkpoint

LATEST = Path("checkpoint/latest_epoch_run.bin")


@pytest.fixture
def train(srnet, own_data):
    return lambda *options: srnet("train", *DATA, *TINY, "--device", "cpu", *options)


def test_the_precision_is_said_once_stored_and_kept(train, srnet):
    ran = train("--name", "run", "--precision", "bf16").ok()
    assert ran.out.count("bf16") == 1 and "on cpu in bf16" in ran.out
    record = load_checkpoint(LATEST).record
    assert record.config.train.precision == record.arithmetic == "bf16"
    assert "on cpu in bf16" in srnet("train", "--resume", LATEST, "--epochs", "2").ok().out


def test_without_options_it_is_fp32(train):
    assert "on cpu in fp32" in train("--name", "run").ok().out
    assert load_checkpoint(LATEST).record.arithmetic == "fp32"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--precision", "fp64"), ("--precision", "fp64", "fp32, tf32, bf16")),
        (("--precision", "tf32"), ("--precision", "tf32", "cpu", "Use fp32 or bf16")),
        (("--graphs", "on"), ("--graphs", "CUDA", "cpu")),
        (("--compile", "yes"), ("--compile", "auto, on, off")),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_prepared(train, options, said):
    train(*options).refused(*said)
    assert not Path("cache").exists() and not Path("checkpoint").exists()


def test_a_compiler_that_is_not_there_costs_one_line(train, monkeypatch):
    def missing(function, **_):
        def run(x):
            raise RuntimeError("Failed to find C++ compiler. Please specify via CXX environment variable.")

        return run

    monkeypatch.setattr(torch, "compile", missing)
    ran = train("--name", "run", "--compile", "on").ok()
    line, *others = ran.err.strip().splitlines()
    assert line.startswith("note: the network is trained uncompiled") and "C++ compiler" in line
    assert all("worse than guessing the mean pose" in other for other in others)
    assert load_checkpoint(LATEST).record.arithmetic == "fp32"
