"""srnet export and srnet visualize: what they write, and what they do without an extra or a checkpoint."""

import csv
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from support.cli import DATA, TINY

from srnet_core.export import WrittenNetwork


def test_onnx_shows_how_far_it_is_from_torch_and_says_what_the_file_needs(srnet, checkpoint, monkeypatch):
    """The export itself takes seconds and has tests of its own in tests/export."""
    given = {}

    def exported(model, path, *, metadata):
        given.update(metadata, frames=model.receptive_field)
        path.parent.mkdir()
        path.write_bytes(bytes(2048))
        return WrittenNetwork(path, (3, 4, 10, 53, 246), (1e-8, 2e-8, 3e-8, 4e-8, 5.25e-7), 0.5, "onnxruntime")

    monkeypatch.setattr("srnet_core.export.onnx.export_onnx", exported)
    lines = srnet("export", checkpoint).ok().out.splitlines()
    assert lines[0] == "output/latest_epoch_tiny.onnx  2.0 KiB"
    assert [line.split() for line in lines if " x " in line][1:] == [
        ["1", "x", "3", "1.0e-08"],
        ["2", "x", "4", "2.0e-08"],
        ["3", "x", "10", "3.0e-08"],
        ["4", "x", "53", "4.0e-08"],
        ["5", "x", "246", "5.2e-07"],
    ]
    assert "(batch, frames - 2, 17, 3); normalization base" in lines[-1]
    assert given["frames"] == 3 and given["srnet.normalization"] == "base" and given["srnet.trained_on"] == "small"
    assert json.loads(given["srnet.model"])["filter_widths"] == [3, 1]


def test_the_ending_of_the_output_says_the_form_and_what_srnet_reads_back_is_a_checkpoint(srnet, checkpoint):
    ran = srnet("export", checkpoint, "--output", "mine.safetensors").ok()
    assert "mine.safetensors" in ran.out and "1 x 3 " in ran.out and "0.0e+00" in ran.out
    srnet("export", checkpoint, "--output", "hub/mine").ok()
    assert sorted(os.listdir("hub/mine")) == ["README.md", "config.json", "model.safetensors"]
    srnet("export", "hub/mine", "--output", "hub/mine").ok()  # a folder written before is written again
    for again in ("mine.safetensors", "hub/mine"):
        srnet("export", again, "--format", "json", "--output", "p.json").ok()
        assert len(json.loads(Path("p.json").read_text())["sequences"]) == 6
    srnet("export", checkpoint, "--output", "x.npz", "--format", "onnx_fp16").refused("--format npz", ".fp16.onnx")


def test_a_trained_network_becomes_an_onnx_file_that_runs(srnet, own_data):
    """All of it, with the network that is exported fastest."""
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    srnet("train", *DATA, *TINY, "--model", "fc", "--arch", "3", "--name", "run").ok()
    assert "output/latest_epoch_run.onnx" in srnet("export", "run").ok().out
    session = runtime.InferenceSession("output/latest_epoch_run.onnx")
    assert session.get_modelmeta().custom_metadata_map["srnet.receptive_field"] == "3"
    (poses,) = session.run(None, {"keypoints": np.zeros((2, 7, 17, 2), np.float32)})
    assert poses.shape == (2, 5, 17, 3) and np.isfinite(poses).all()


@pytest.mark.parametrize(("split", "sequences", "frames"), [("test", 6, 188), ("train", 12, 376)])
def test_predictions(srnet, checkpoint, split, sequences, frames):
    for form in ("npz", "json", "csv"):
        ran = srnet("export", checkpoint, "--format", form, "--split", split, "--output", f"out/p.{form}").ok()
        assert f"{sequences} clips, {frames} frames, root-relative, in camera coordinates and metres" in ran.out
        assert "root joint (index 0) itself can be some centimetres off zero" in " ".join(ran.err.split())
        assert "those of srnet eval --compat original, not of srnet eval" in " ".join(ran.err.split())
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
    ran = srnet(
        "visualize",
        checkpoint,
        "--action",
        "walk 1",
        "--camera",
        "1",
        "--start",
        "5",
        "--frames",
        "7",
        "--output",
        "out/page.html",
    ).ok()
    assert ran.out.startswith("C Walk 1, camera 1, 7 frames: MPJPE ")
    for kind in ("html", "png", "gif"):
        assert Path(f"out/page.{kind}").stat().st_size > 1000
    assert "out/page.html" in ran.out and "works offline" in ran.out


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
        raise OSError(28, "No space left on device")  # as write and fsync do, without a name

    monkeypatch.setattr("srnet_core.files.os.fsync", full)
    srnet("export", checkpoint, "--format", "npz").refused("output/latest_epoch_tiny.npz", "no space left", code=1)
    assert list(Path("output").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(srnet, checkpoint, monkeypatch):
    monkeypatch.setattr("srnet_core.files.os.access", lambda _, mode, **__: not mode & os.W_OK)
    monkeypatch.setattr("srnet_core.checkpoint.load_checkpoint", lambda *_: pytest.fail("the work has begun"))
    for command, options in (("export", ("--format", "npz")), ("visualize", ()), ("eval", ("--json", "x.json"))):
        srnet(command, checkpoint, *options).refused("no permission to write")


def test_a_network_of_another_frame_rate_is_told(srnet, project, own_data):
    """Both are shown on the frames of the first one; the second was trained on half as many a second."""
    shutil.copytree(project / "checkpoint", "checkpoint")
    srnet("train", *DATA, *TINY, "--downsample", "2", "--epochs", "1", "--name", "slow").ok()
    ran = srnet("visualize", "checkpoint/latest_epoch_tiny.bin", "checkpoint/latest_epoch_slow.bin", "--no-pictures")
    ran.ok()
    assert "slow was trained at 25 frames per second and is shown at 50" in ran.err
    assert [path.name for path in Path("output").iterdir()] == ["tiny-slow-C-Walk-camera0.html"]


def test_charts_asked_for_here_are_told_their_command(srnet, checkpoint):
    srnet("visualize", "curves", checkpoint).refused("srnet chart curves")
    assert "chart" not in srnet("visualize", "no-such-run").refused("no such checkpoint")


def test_pictures_and_films_of_one_clip(srnet, checkpoint):
    part = ("--skip", "2", "--limit", "6", "--no-ground-truth", "--azimuth", "50", "--size", "400")
    for name in ("a.gif", "a.png"):
        ran = srnet("visualize", checkpoint, *part, "-o", name).ok()
        assert f"  {name}  " in ran.out and "6 frames" in ran.out and not Path("a.html").exists()
    pytest.importorskip("av")
    srnet("visualize", checkpoint, *part, "-o", "a.mp4", "--film-fps", "10", "--bitrate", "500").ok()
    srnet("visualize", checkpoint, *part, "-o", "b.mp4", "--video", "a.mp4").ok()
    srnet("visualize", checkpoint, *part, "-o", "b.gif", "--video", "a.mp4").ok()
    srnet("visualize", checkpoint, *part, "-o", "b.html", "--no-pictures", "--video", "a.mp4").ok()
    assert '"video":{"every":' in Path("b.html").read_text(encoding="utf-8")
    srnet("visualize", checkpoint, "-o", "c.mp4", "--video", "no.mp4").refused("no.mp4", "no such file")
    srnet("visualize", checkpoint, "-o", "c.avi").refused("c.avi", ".mp4")
