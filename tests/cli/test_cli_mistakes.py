"""Lines as people mistype them: one line of error that says what and where, and exit code 2."""

import shlex
from pathlib import Path

import pytest
from support.cli import DATA

MISTAKES = {
    "trian": "Did you mean 'train'?",
    "train --data-dir nosuch": "nosuch: there is no such folder. Check --data-dir",
    "train --data-dir utf16.toml": "utf16.toml: this is a file, not a folder. Check --data-dir",
    "train --archs 3,3": "Did you mean --arch?",
    "train --arch 3x3": "whole numbers separated by commas",
    "train --arch 2,2": "must be odd",
    "train --arch": "requires an argument. See srnet train --help",
    "cache": "a command is missing. See srnet cache --help",
    "train --epochs -1": "1 or more",
    "train --devices 999": "too many for the",
    "train --lr nan": "positive and finite",
    "train --batch-size 1": "2 or more",
    "train --model srnt": "Did you mean 'srnet'?",
    "train --norm bas": "Did you mean 'base'?",
    "train --groups x.toml": "no such file of groups",
    "train --groups 4": "no division into 4 groups",
    "train --groups -3": "-3",
    "train --config nope": "no preset 'nope'",
    "train --config utf16.toml": "Save it as UTF-8",
    "train --set lr=3": "section.key=value",
    "train --set train.lrr=1": "Did you mean 'lr'?",
    "train --device gpu": "auto, cpu, cuda",
    "train --validation Z": "no training subject 'Z'",
    "train --validation 1.5": "between 0 and 1",
    "train --name a/b": "--checkpoint-dir",
    "train --name ''": "cannot be the name of a file",
    "train --resume nope": "no such checkpoint",
    "train --resume data": "is a folder",
    "train --finetune utf16.toml": "utf16.toml",
    "train --augment vew": "Did you mean 'view'?",
    "train --memory-budget 2X": "2GiB",
    "train --dropout 1": "[0, 1)",
    "train --lr 0,001": "must be a valid number, not '0,001'. Write 0.001. See",
    "train -arch 3,3": "there is no option -arch. Did you mean --arch?",
    "train --config srnet-243.toml": "Did you mean --config srnet-243?",
    "prepare --subjects-train 'A B'": "Separate them by commas: --subjects-train A,B.",
    "eval --checkpoint x.bin": "no option --checkpoint: the path is given without an option, e.g. srnet eval PATH",
    "lift x.npz -o a.bvh b.trc": "'b.trc' belongs to no option. Repeat the option: -o b.trc. See",
    "train --learning-rate 1": "there is no option --learning-rate. Did you mean --lr?",
    "train --architecture 3,3": "Did you mean --arch?",
    "train --actions Taking Photo": "A value with a space is put in quotes: --actions 'Taking Photo'. See",
    "train --actions=Taking Photo --epochs 1": "--actions 'Taking Photo'. See",
    "prepare --subjects-train A, B": "Write the list without spaces: --subjects-train A,B. See",
    "eval --actions Taking Photo": "in quotes: --actions 'Taking Photo'",
    "train first": "'first' belongs to no option",
    "train --protocol cross-action": "error: --protocol cross-action: the action to train on is not given",
    "train --protocol cross-dataset": "error: --protocol cross-dataset: has no training data",
    "train --channels 2": "error: --channels: 2 channels are too few",
    "train --dense": "--model fc",
    "train --context-form mean --context all": "error: --context-form: ",
    "prepare --protocol cross-acton": "Did you mean 'cross-action'?",
    "prepare --train-action Walk": "--protocol cross-action",
    "prepare --downsample 0": "1 or more",
    "eval nope": "no such checkpoint",
    "eval data/data_3d_small.npz": "a .npz file of keypoints, poses or data, and a checkpoint is needed here",
    "eval pose.json": "there is no such file, and a checkpoint is needed here",
    "export clip.mp4": "Keypoints and videos are lifted with: srnet lift FILE",
    "visualize data": "is a folder of .npz files, and a checkpoint is needed here",
    "visualize data/data_2d_small_gt.npz": "Use: srnet lift data/data_2d_small_gt.npz",
    "visualize pose.json": "there is no such file, and a checkpoint is needed here",
    "eval --by jont": "Did you mean 'joint'?",
    "eval --json data": "is a folder",
    "visualize --frames 0": "--frames",
    "visualize --output a.jpg": "must end in .html",
    "visualize --output a.html.jpg": "E.g.: --output a.html",
    "train --model VideoPose3D": "Did you mean 'fc'?",
    "train --groups 7": "no division into 7 groups, only 1, 2, 3, 5",
    "prepare --keypoints cpn": "the 2D keypoints that are there: gt (--keypoints). Data sets in this folder: small",
    "export": "missing argument",
    "export nope --format fbx": "csv, folder, json, npz, onnx",
    "groups --skeleton h36": "Did you mean 'h36m",
    "groups --dataset nope": "data_3d_nope.npz",
    "bench --threads -1": "--threads",
    "demo --minutes 0": "--minutes",
}


@pytest.mark.parametrize(("line", "said"), MISTAKES.items(), ids=MISTAKES)
def test_a_mistake_is_one_line(srnet, own_data, line, said):
    Path("utf16.toml").write_text("[train]\nepochs = 1\n", encoding="utf-16")
    command, *words = shlex.split(line)
    assert said in srnet(command, *(DATA if command in ("train", "prepare") else ()), *words).refused()


def test_a_mark_at_the_beginning_of_a_preset_is_no_mistake(srnet, own_data):
    Path("bom.toml").write_bytes(b"\xef\xbb\xbf[train]\nepochs = 0\n")
    srnet("train", *DATA, "--config", "bom.toml").refused("must be 1 or more")
