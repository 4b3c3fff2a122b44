"""srnet export and srnet visualize: what they write, and what they do without an extra or a checkpoint."""

import csv
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest


def test_onnx(srnet, checkpoint):
    pytest.importorskip("onnxruntime")
    ran = srnet("export", checkpoint).ok()
    assert Path("output/latest_epoch_tiny.onnx").stat().st_size > 10_000
    assert "largest difference from torch" in ran.out and "frames - 2" in ran.out and "normalization base" in ran.out
    errors = [float(line.split()[-1]) for line in ran.out.splitlines() if " x " in line and "e-" in line]
    assert len(errors) == 5 and max(errors) < 1e-4


@pytest.mark.parametrize(("split", "sequences", "frames"), [("test", 6, 188), ("train", 12, 376)])
def test_predictions(srnet, checkpoint, split, sequences, frames):
    for form in ("npz", "json", "csv"):
        ran = srnet("export", checkpoint, "--format", form, "--split", split, "--output", f"out/p.{form}").ok()
        assert f"{sequences} sequences, {frames} frames, root-relative camera metres" in ran.out
    with np.load("out/p.npz", allow_pickle=False) as file:
        poses = {name: file[name] for name in file.files if name != "joints"}
        assert len(poses) == sequences and sum(len(p) for p in poses.values()) == frames
    document = json.loads(Path("out/p.json").read_text())
    assert document["unit"] == "m" and len(document["sequences"]) == sequences
    first = document["sequences"][0]
    key = f"{first['subject']}/{first['take']}/{first['camera']}"
    assert np.allclose(first["poses"], poses[key], atol=1e-5)
    assert sum(1 for _ in csv.reader(Path("out/p.csv").read_text().splitlines())) == frames * 17 + 1


def test_visualize_without_arguments_takes_the_newest(srnet, project):
    Path("checkpoint").mkdir()
    for age, name in ((100, "old"), (0, "new")):
        path = Path(f"checkpoint/latest_epoch_{name}.bin")
        path.write_bytes((project / "checkpoint/latest_epoch_tiny.bin").read_bytes())
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    ran = srnet("visualize", "--no-pictures").ok()
    assert "the newest checkpoint is checkpoint/latest_epoch_new.bin" in ran.err
    assert Path("output/latest_epoch_new-C-Walk-camera0.html").exists()


def test_visualize_what_was_asked_for(srnet, checkpoint):
    pytest.importorskip("PIL")
    ran = srnet("visualize", checkpoint, "--action", "walk 1", "--camera", "1", "--start", "5", "--frames", "7",
                "--output", "out/page.html").ok()  # fmt: skip
    assert ran.out.startswith("C Walk 1, camera 1, 7 frames: MPJPE ")
    for kind in ("html", "png", "gif"):
        assert Path(f"out/page.{kind}").stat().st_size > 1000
    assert "out/page.html" in ran.out and "needs no network" in ran.out


@pytest.mark.parametrize(
    ("command", "options", "said"),
    [
        ("export", ("--format", "onxn"), ("--format", "Did you mean 'onnx'?")),
        ("export", ("--split", "tset"), ("--split", "Did you mean 'test'?")),
        ("export", ("--output", "."), ("is a folder, not a file",)),
        ("visualize", ("--subject", "A"), ("--subject", "Choices: C")),
        ("visualize", ("--action", "Wlak"), ("--action", "Did you mean 'Walk'?", "Sit")),
        ("visualize", ("--camera", "7"), ("--camera", "Choices: 0, 1")),
        ("visualize", ("--start", "40"), ("--start", "beyond the end", "0 to 39")),
        ("visualize", ("--output", "."), ("is a folder, not a file",)),
        ("visualize", ("--norm", "lcn"), ("trained with normalization base",)),
    ],
)
def test_what_is_refused(srnet, checkpoint, command, options, said):
    srnet(command, checkpoint, *options).refused(*said)
    assert not Path("output").exists()


def test_no_checkpoint_yet(srnet):
    srnet("visualize").refused("checkpoint/", "no checkpoint yet", "srnet train", "srnet demo")


@pytest.mark.parametrize(
    ("module", "command", "extra"),
    [("onnx", ("export",), "onnx"), ("onnxruntime", ("export",), "onnx"), ("PIL", ("visualize",), "viz")],
)
def test_a_missing_extra_is_named(srnet, checkpoint, monkeypatch, module, command, extra):
    for name in [m for m in sys.modules if m.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    srnet(*command, checkpoint).refused(module, f"pip install 'srnet[{extra}]'")


def test_an_exporter_that_fails_is_one_line(srnet, checkpoint, monkeypatch):
    pytest.importorskip("onnx")
    import torch

    def wall_of_text(*_, **__):
        raise RuntimeError("Failed to export the model\n" + "step 1/3\n" * 200)

    monkeypatch.setattr(torch.onnx, "export", wall_of_text)
    line = srnet("export", checkpoint).refused("ONNX", code=1)
    assert len(line) < 400
    assert not Path("output/latest_epoch_tiny.onnx").exists()


def test_a_full_disk_leaves_nothing_behind(srnet, checkpoint, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "output/x")

    monkeypatch.setattr("srnet_core.files.os.fsync", full)
    srnet("export", checkpoint, "--format", "npz").refused("no space left", code=1)
    assert list(Path("output").iterdir()) == []
