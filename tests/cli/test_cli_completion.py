"""Shell completion, called as a shell calls it."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.cli import DATA

from srnet_core import lookup
from srnet_core.config import ModelConfig, settings_of


@pytest.fixture
def complete(srnet, monkeypatch, capsys):
    """`complete("srnet train --model g")` is what bash would offer for the last word."""

    def call(line: str) -> list[str]:
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        monkeypatch.setenv("_SRNET_COMPLETE", "complete_bash")
        offered = srnet().ok().out.split()
        monkeypatch.delenv("_SRNET_COMPLETE")
        return offered

    return call


def test_in_a_process_of_its_own_without_torch(tmp_path):
    code = "import sys; from srnet_cli.app import run; code = run([]); "
    code += "print('\\n' + str([m for m in ('torch', 'zarr', 'h5py') if m in sys.modules]), code)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    for line, offered in (
        ("srnet visualize --action Walk", "Walking"),
        ("srnet train --model spl", "split_fuse_split"),
    ):
        words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1), "_SRNET_COMPLETE": "complete_bash"}
        ran = subprocess.run(
            [sys.executable, "-c", code], env=environment | words, text=True, capture_output=True, cwd=tmp_path
        )
        lines = ran.stdout.split("\n")
        assert offered in lines and lines[-2] == "[] 0" and not ran.stderr, ran


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_function_that_bash_installs(tmp_path):
    (tmp_path / "srnet").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m srnet_cli.app "$@"\n')
    (tmp_path / "srnet").chmod(0o755)
    script = 'eval "$(_SRNET_COMPLETE=source_bash srnet)"; COMP_WORDS=(srnet train --actions Walking,Sitt); '
    script += 'COMP_CWORD=3; _srnet_completion srnet; echo "${COMPREPLY[@]}"'
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    environment["PATH"] = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(["bash", "-c", script], env=environment, text=True, capture_output=True, cwd=tmp_path)
    assert ran.stdout == "Walking,Sitting Walking,SittingDown\n", ran


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("srnet v", ["visualize"]),
        ("srnet train --protocol ", ["cross-action", "cross-camera", "cross-dataset", "cross-subject", "rare-pose"]),
        ("srnet train --norm ", ["base", "lcn", "proj", "ray", "weak_proj"]),
        ("srnet train --norm b", ["base"]),
        (
            "srnet train --config ",
            [
                "augment",
                "augment-ray",
                "augment-wild",
                "demo",
                "simplebaseline",
                "srnet-1",
                "srnet-243",
                "videopose3d-243",
            ],
        ),
        ("srnet prepare --dataset h", ["h36m", "humaneva"]),
        ("srnet train --context o", ["others"]),
        ("srnet prepare --root-depth ", ["ground-truth", "estimate"]),
        ("srnet train --precision b", ["bf16"]),
        ("srnet train --set train.lr", ["train.lr=", "train.lr_decay="]),
        ("srnet train --set augment.parts.", ["augment.parts.share=", "augment.parts.probability="]),
        ("srnet train --augment view,p", ["view,parts", "view,place"]),
        ("srnet eval x.bin --by s", ["subject", "scene"]),
        (
            "srnet export x.bin --format ",
            ["csv", "folder", "json", "npz", "onnx", "onnx_fp16", "onnx_pixels", "onnx_stream", "pt2", "safetensors"],
        ),
        ("srnet groups --skeleton h36m3", ["h36m32"]),
        ("srnet train --lr ", []),
        ("srnet eval ", []),
    ],
)
def test_names(complete, line, offered):
    assert complete(line) == offered


def test_every_model(complete):
    offered = complete("srnet train --model ")
    assert tuple(offered) == settings_of(ModelConfig)["name"].names()
    assert {"srnet", "fc"} <= set(offered) <= set(lookup.names("models"))


def test_data_sets_and_keypoints_of_the_data_folder(complete, own_data):
    readers = [name for name in lookup.names("datasets") if name != "custom"]
    assert complete("srnet prepare --dataset ") == [*readers, "small"]
    assert complete("srnet prepare --data-dir nowhere --dataset ") == readers
    Path("data/data_2d_small_cpn.npz").touch()
    assert complete("srnet prepare --dataset small --keypoints ") == ["cpn", "gt"]


def test_actions_of_synthetic_data_before_anything_is_prepared(complete):
    offered = complete("srnet train --actions ")
    assert len(offered) == 15 and {"Walking", "SittingDown"} <= set(offered)
    assert complete("srnet train --actions Walking,Sit") == ["Walking,Sitting", "Walking,SittingDown"]
    assert complete("srnet train --dataset small --actions ") == [], "nothing is known of it yet"


def test_actions_subjects_and_cameras_of_a_prepared_stage(complete, srnet, own_data):
    srnet("prepare", *DATA).ok()
    assert complete("srnet train --dataset small --actions ") == ["Walk", "Sit"]
    assert complete("srnet train --dataset small --actions Walk,") == ["Walk,Sit"]
    assert complete("srnet prepare --dataset small --subjects-test A,") == ["A,B", "A,C"]
    assert complete("srnet prepare --dataset small --test-camera ") == ["0", "1"]
    assert complete("srnet visualize x.bin --action ") == ["Walk", "Sit"], "the data set stands in the checkpoint"
    assert complete("srnet train --cache-dir elsewhere --dataset small --actions ") == []


def test_a_damaged_stage_is_passed_over(complete, srnet, own_data):
    srnet("prepare", *DATA).ok()
    manifests = sorted(Path("cache").glob("small_*/manifest.json"))
    whole = json.loads(manifests[0].read_text())
    for damaged in ("{", "[]", json.dumps(whole | {"sequences": [{"subject": 1}]})):
        for manifest in manifests:
            manifest.write_text(damaged)
        assert complete("srnet train --dataset small --actions ") == []


def test_checkpoints_newest_first(complete):
    for age, name in ((50, "checkpoint/a.bin"), (0, "best_checkpoint/model_best_b.bin"), (90, "checkpoint/c.bin")):
        path = Path(name)
        path.parent.mkdir(exist_ok=True)
        path.touch()
        os.utime(path, (1e9 - age, 1e9 - age))
    newest_first = ["best_checkpoint/model_best_b.bin", "checkpoint/a.bin", "checkpoint/c.bin"]
    assert complete("srnet eval ") == newest_first == complete("srnet visualize ")
    assert complete("srnet train --resume checkpoint/") == ["checkpoint/a.bin", "checkpoint/c.bin"]
    assert complete("srnet export some/where/") == [], "the shell completes files itself"
