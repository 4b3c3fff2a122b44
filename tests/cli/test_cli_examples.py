"""The two examples at the end of every command's help run as they stand, one after the other, in one folder.

Options are added only to make them short; none is replaced.
"""

import os
from functools import partial
from pathlib import Path

import keypoint_files
import pytest
from support.cli import Ran, examples_of

from srnet_cli.app import run
from srnet_core.datasets import synthetic
from srnet_core.export import WrittenNetwork

TINY = ("--set", "data.downsample=20", "--set", "model.channels=40", "--set", "train.epochs=1", "--device", "cpu")
SHORTER = {
    "train": TINY,
    "demo": TINY,
    "bench": ("--quick", "--threads", "1"),
    "visualize": ("--frames", "20"),
}
WRITES = {
    "train": ["checkpoint/latest_epoch_first.bin", "best_checkpoint"],
    "eval": ["numbers.json"],
    "export": ["output/latest_epoch_first.onnx", "output/latest_epoch_first.npz"],
    "groups": ["output/groups-h36m17.png"],
    "bench": ["output/bench.json"],
    "lift": ["output/keypoints.html"],
    "demo": ["output/demo/demo.html", "output/demo/lifted.html", "output/short-demo/demo_srnet.onnx"],
}


@pytest.fixture(autouse=True)
def short_takes(monkeypatch):
    """The synthetic people make the same movements for a third of the time."""
    monkeypatch.setattr(synthetic, "SyntheticConfig", partial(synthetic.SyntheticConfig, seconds_per_take=2.0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where all examples run: without input files, so on synthetic data."""
    return tmp_path_factory.mktemp("examples")


@pytest.mark.parametrize(
    "command", ["prepare", "train", "eval", "export", "visualize", "lift", "groups", "bench", "demo"]
)
def test_the_examples_of_a_command_run(folder, monkeypatch, capsys, command):
    monkeypatch.chdir(folder)
    if command == "lift":
        keypoint_files.alphapose_list("coco17")(Path("keypoints.json"))
    if command in ("eval", "export", "visualize", "lift") and not Path("checkpoint").exists():
        run_examples(capsys, "train")  # the others go by its checkpoint
    for module in {"export": ("onnx", "onnxscript"), "demo": ("PIL",), "visualize": ("PIL",)}.get(command, ()):
        pytest.importorskip(module)
    if command in ("export", "demo"):  # takes twenty seconds; tests/export and test_cli_export_visualize.py run it
        monkeypatch.setattr("srnet_core.export.onnx.export_onnx", exported)
    run_examples(capsys, command)
    for path in WRITES.get(command, []):
        assert Path(path).exists(), (path, os.listdir("."))


def run_examples(capsys, command: str) -> None:
    for words in examples_of(call(capsys, command, "--help").out):
        assert words[:2] == ["srnet", command]
        if "video.mp4" in words:  # there is none, nor a detector: the options are read, and what is missing is named
            assert "video" in called(capsys, *words[1:]).refused()
        else:
            call(capsys, *words[1:], *SHORTER.get(command, ()))


def exported(model, path, *, metadata) -> WrittenNetwork:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes(1))
    return WrittenNetwork(path, (model.receptive_field,), (0.0,), 1.0, "onnxruntime")


def test_the_examples_of_srnet_are_those_of_its_commands_or_help(capsys):
    for words in examples_of(call(capsys, "--help").out):
        if words[-1] != "--help":
            assert words in examples_of(call(capsys, words[1], "--help").out)
        call(capsys, *words[1:-1], "--help")


def call(capsys, *arguments: str) -> Ran:
    return called(capsys, *arguments).ok()


def called(capsys, *arguments: str) -> Ran:
    capsys.readouterr()
    code = run(list(arguments))
    captured = capsys.readouterr()
    return Ran(code, captured.out, captured.err)
