"""srnet eval: the numbers and where they go, data options from the checkpoint, files that are no checkpoint."""

import copy
import csv
import io
import json
import math
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from support.cli import DATA, TINY
from support.small_data import write_published

from srnet_core.checkpoint import save_checkpoint
from srnet_core.models import build_model

METRICS = {
    "mpjpe_mm",
    "p_mpjpe_mm",
    "n_mpjpe_mm",
    "v_mpjpe_mm",
    "mpjve_mm",
    "pck150",
    "auc",
    "p_pck150",
    "p_auc",
    "angle_deg",
    "symmetry_mm",
    "frames",
}
HEAD = {
    "schema",
    "checkpoint",
    "dataset",
    "protocol",
    "normalization",
    "test_time_flip",
    "frames",
    "mean",
    "frame_mean",
    "by_action",
    "by_subject",
    "by_camera",
    "by_joint",
}


def numbers(ran) -> dict:
    return json.loads(ran.ok().out)


def test_nothing_is_retyped_and_both_means_are_named(srnet, checkpoint):
    ran = srnet("eval", checkpoint).ok()
    rows = {line.split("  ")[0].strip(): line.split() for line in ran.out.splitlines()}
    assert rows["Sit"][-1] == "46" and rows["Walk"][-1] == "142"
    assert "action-wise mean" in ran.out and "frame-wise mean" in ran.out and "as papers print" in ran.out
    assert "latest_epoch_tiny.bin on the test split of small" in ran.out
    assert ran.err == "" and os.listdir() == []


def test_json_follows_the_schema(srnet, checkpoint):
    report = numbers(srnet("eval", checkpoint, "--json", "-"))
    assert set(report) >= HEAD and report["schema"] == 1
    assert (report["dataset"], report["protocol"], report["normalization"]) == ("small", "cross_subject", "base")
    assert report["test_time_flip"] is True and report["frames"] == 188 and report["checkpoint"] == str(checkpoint)
    tables = [
        report["mean"],
        report["frame_mean"],
        *report["by_action"].values(),
        *report["by_subject"].values(),
        *report["by_camera"].values(),
    ]
    assert all(set(table) == METRICS for table in tables)
    assert set(report["by_action"]) == {"Sit", "Walk"} and set(report["by_subject"]) == {"C"}
    assert set(report["by_camera"]) == {"0", "1"} and len(report["by_joint"]) == 17
    actions = report["by_action"].values()
    assert report["mean"]["mpjpe_mm"] == pytest.approx(sum(a["mpjpe_mm"] for a in actions) / 2)
    assert report["frame_mean"]["mpjpe_mm"] == pytest.approx(sum(a["mpjpe_mm"] * a["frames"] for a in actions) / 188)
    assert report["frame_mean"]["mpjpe_mm"] == pytest.approx(sum(report["by_joint"].values()) / 17)


def test_json_to_a_file_keeps_the_table_on_the_screen(srnet, checkpoint):
    ran = srnet("eval", checkpoint, "--json", "out/report.json", "--csv", "out/report.csv").ok()
    assert "action-wise mean" in ran.out and ran.err.splitlines() == ["wrote out/report.json", "wrote out/report.csv"]
    report = json.loads(Path("out/report.json").read_text())
    table = csv.DictReader(Path("out/report.csv").read_text().splitlines())
    rows = {(r["table"], r["name"]): r for r in table}
    assert float(rows["mean", "action-wise"]["mpjpe_mm"]) == report["mean"]["mpjpe_mm"]
    assert float(rows["joint", "Head"]["mpjpe_mm"]) == report["by_joint"]["Head"]
    assert {table for table, _ in rows} == {"mean", "action", "subject", "camera", "joint"}


def test_csv_to_standard_output_is_nothing_but_csv(srnet, checkpoint):
    rows = list(csv.reader(io.StringIO(srnet("eval", checkpoint, "--csv", "-").ok().out)))
    assert rows[0][:2] == ["table", "name"] and len({len(r) for r in rows}) == 1


@pytest.mark.parametrize(
    ("by", "names"), [("subject", ["C"]), ("camera", ["0", "1"]), ("joint", ["Hip", "RHip", "RWrist"])]
)
def test_breakdowns(srnet, checkpoint, by, names):
    lines = srnet("eval", checkpoint, "--by", by).ok().out.splitlines()
    starts = [line.split()[0] for line in lines if line.strip()]
    assert by in starts and all(name in starts for name in names)
    assert any(line.startswith("frame-wise mean") for line in lines)


def test_each_data_option_overrides_the_checkpoint(srnet, checkpoint):
    frames = lambda *options: numbers(srnet("eval", checkpoint, "--json", "-", *options))["frames"]  # noqa: E731
    assert frames("--actions", "Sit") == 46
    assert frames("--test-camera", "1") == 94
    assert frames("--subjects-test", "B,C") == 2 * 188
    assert frames("--downsample", "2") == 2 * (20 + 16 + 12)
    assert frames("--protocol", "cross-action", "--train-action", "Walk") == 46, "its test subjects stay"


def test_another_protocol_forgets_how_the_old_one_split(srnet, own_data):
    srnet(
        "train", "--dataset", "small", "--protocol", "cross-action", "--train-action", "Walk", *TINY, "--name", "x"
    ).ok()
    report = numbers(
        srnet(
            "eval",
            "checkpoint/latest_epoch_x.bin",
            "--json",
            "-",
            "--protocol",
            "cross-subject",
            "--subjects-test",
            "C",
        )
    )
    assert report["protocol"] == "cross_subject" and report["frames"] == 188


def test_flip_averaging_can_be_left_out(srnet, checkpoint):
    on, off = (numbers(srnet("eval", checkpoint, "--json", "-", flag)) for flag in ("--flip", "--no-flip"))
    assert on["test_time_flip"] and not off["test_time_flip"]
    assert on["mean"]["mpjpe_mm"] != off["mean"]["mpjpe_mm"]
    assert "flip averaging off" in srnet("eval", checkpoint, "--no-flip").ok().out


def test_a_published_file_says_aloud_what_was_assumed(srnet, own_data, golden_dir):
    path = golden_dir / "A_ckpt" / "latest_epoch_golden_g3_a333_add_38.bin"
    ran = srnet("eval", path, *DATA).ok()
    assert "inferred" in ran.err and "groups = 3" in ran.err and "recombine = add" in ran.err
    assert "causal = no" in ran.err and all(line.startswith("note: ") for line in ran.err.splitlines())
    assert "causal" not in srnet("eval", path, *DATA, "--no-causal").ok().err.replace("no-causal", "")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--norm", "proj"), ("trained with normalization base", "proj", "--norm")),
        (("--norm", "porj"), ("--norm", "Did you mean 'proj'?")),
        (("--by", "frame"), ("--by", "action, subject, camera, joint")),
        (("--subjects-test", "Z"), ("--subjects-test", "Choices: A, B, C")),
        (("--subjects-test", "A", "--subjects-train", "A"), ("overlap",)),
        (("--device", "tpu"), ("--device", "auto, cpu, cuda")),
        (("--json", "."), ("is a folder, not a file",)),
        (("--csv", "file/x.csv"), ("file/x.csv", "file is a file")),
        (("--json", "-", "--csv", "-"), ("cannot both go to standard output",)),
        (("--data-dir", "nowhere", "--dataset", "small"), ("nowhere", "there is no such folder", "--data-dir")),
    ],
    ids=str,
)
def test_what_cannot_be_measured(srnet, checkpoint, options, said):
    Path("file").write_text("x")
    srnet("eval", checkpoint, *options).refused(*said)


def test_data_of_another_skeleton(srnet, checkpoint):
    """A checkpoint of 17 joints on data of 16."""
    import numpy as np
    from support.small_data import write_published

    write_published(Path("data"), "other")
    for path, key in (("data/data_3d_other.npz", "positions_3d"), ("data/data_2d_other_gt.npz", "positions_2d")):
        with np.load(path, allow_pickle=True) as file:
            members = {name: file[name].item() for name in file.files}
        for takes in members[key].values():
            for take, poses in takes.items():
                takes[take] = [p[:, :16] for p in poses] if isinstance(poses, list) else poses[:, :16]
        meta = members["metadata"]
        if "parents" in meta:
            meta.update(
                joint_names=meta["joint_names"][:16],
                parents=meta["parents"][:16],
                joints_left=meta["joints_left"],
                joints_right=[j for j in meta["joints_right"] if j < 16],
            )
            meta["joints_left"] = meta["joints_left"][: len(meta["joints_right"])]
        else:
            sides = [[j for j in side if j < 16] for side in meta["keypoints_symmetry"]]
            meta.update(num_joints=16, keypoints_symmetry=[s[: min(map(len, sides))] for s in sides])
        np.savez(path, **members)
    srnet("eval", checkpoint, "--dataset", "other", "--data-dir", "data", "--subjects-test", "C").refused(
        "16 joints", str(checkpoint)
    )


class Hostile:
    def __reduce__(self):
        return os.system, ("touch hacked",)


def saved(content) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def changed(change):
    """The checkpoint's bytes after a change to what it holds. The file is of our own making, so it may be unpickled."""

    def build(path: Path) -> bytes:
        content = copy.deepcopy(torch.load(path, weights_only=False))
        change(content)
        return saved(content)

    return build


def newer_setting(content) -> None:
    """As a newer version would write it, whose digests fit."""
    content["srnet"]["config"]["data"]["weather"] = "fair"
    del content["srnet"]["digests"]


def first_weight(content) -> str:
    return next(k for k, v in content["model_pos"].items() if v.ndim > 1)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda p: b"", "empty"),
        (lambda p: p.read_bytes()[: p.stat().st_size // 2], "the end of the zip file is missing"),
        (lambda p: b"hello world" * 50, "is a text file, not a checkpoint"),
        (lambda p: pickle.dumps(Hostile()), "is a plain pickle"),
        (lambda p: saved({"model_pos": Hostile()}), "nothing of it was run"),
        (lambda p: saved(torch.zeros(3)), "holds a Tensor"),
        (
            lambda p: saved({"state_dict": {"a": torch.zeros(3)}, "epoch": 3}),
            "(under state_dict) are not those of a network",
        ),
        (lambda p: saved({"epoch": 3, "lr": 0.1}), "no 'model_pos', only epoch, lr"),
        (lambda p: saved({"conv1.weight": torch.zeros(3, 3)}), "not the weights of a known network"),
        (changed(lambda c: c["model_pos"].pop("expand_bn.weight")), "1 missing: expand_bn.weight"),
        (changed(lambda c: c["model_pos"].update({first_weight(c): torch.zeros(3, 3)})), "of another shape"),
        (changed(lambda c: c["model_pos"][first_weight(c)].add_(1)), "altered or damaged"),
        (changed(lambda c: c["srnet"]["model"].update(channels=48)), "do not fit the network"),
        (changed(lambda c: c["srnet"]["skeleton"].update(joint_names=["octopus"])), "one parent per joint"),
        (changed(newer_setting), "not known here: data.weather"),
        (changed(lambda c: c["srnet"].update(config="none")), "record cannot be used: config"),
    ],
)
def test_files_that_are_no_checkpoint_of_ours(srnet, checkpoint, build, said):
    Path("x.bin").write_bytes(build(checkpoint))
    srnet("eval", "x.bin").refused("x.bin", said)
    assert not Path("hacked").exists()


def test_what_a_published_file_does_not_tell_is_an_option(srnet, own_data):
    """Multiply and add with a context of all have the same weights; whether it is causal, no weight says."""
    torch.manual_seed(3)
    model = build_model("srnet", filter_widths=(3,), channels=20, context="all", recombine="add", causal=True)
    for layer in (layer for layer in model.modules() if isinstance(layer, torch.nn.Conv1d)):
        torch.nn.init.normal_(layer.weight, std=0.1)
    save_checkpoint("ours.bin", model=model, epoch=1, lr=0.1, optimizer_state=None, random_state=None)
    torch.save({"epoch": 1, "loss 3d train": 1.0, "model_pos": model.state_dict()}, "theirs.bin")
    wanted = numbers(srnet("eval", "ours.bin", *DATA, "--json", "-"))["mean"]
    told = numbers(srnet("eval", "theirs.bin", *DATA, "--recombine", "add", "--causal", "--json", "-"))["mean"]
    assert told == wanted
    for less in (("--recombine", "add"), ("--causal",)):
        assert numbers(srnet("eval", "theirs.bin", *DATA, *less, "--json", "-"))["mean"] != wanted
    assert "option --recombine" in srnet("eval", "theirs.bin", *DATA).ok().err
    srnet("eval", "ours.bin", *DATA, "--recombine", "multiply").refused("ours.bin", "recombine is add, not multiply")


def test_a_trajectory_network_makes_no_pose(srnet, project, checkpoint):
    model = build_model("fc", filter_widths=(3, 3), channels=8, num_joints_out=1)
    save_checkpoint("trajectory.bin", model=model, epoch=3, lr=1.0, optimizer_state=None, random_state=None)
    data = ("--data-dir", project / "data", "--cache-dir", project / "cache", *DATA)
    for command in (("eval",), ("visualize",), ("export", "--format", "npz")):
        srnet(command[0], "trajectory.bin", *command[1:], *data).refused("trajectory.bin", "predicts 1 of 17 joints")


def test_no_such_file_and_a_folder(srnet, checkpoint):
    srnet("eval", "nothere.bin").refused("nothere.bin", "no such checkpoint")
    srnet("eval", checkpoint.parent).refused("is a folder")


def test_numbers_that_are_not_numbers_are_null_in_json(srnet, own_data):
    """Takes of one frame have no velocity."""
    from support.small_data import write_published

    write_published(Path("data"), "still", takes={"Stand": 1})
    srnet("train", "--dataset", "still", "--subjects-test", "C", *TINY, "--name", "still").ok()
    ran = srnet("eval", "checkpoint/latest_epoch_still.bin", "--json", "-")
    report = json.loads(ran.ok().out, parse_constant=lambda name: pytest.fail(name))
    assert report["mean"]["mpjve_mm"] is None and math.isfinite(report["mean"]["mpjpe_mm"])
    assert " - " in srnet("eval", "checkpoint/latest_epoch_still.bin").ok().out


def test_another_data_set_is_tested_as_a_whole(srnet, checkpoint, published_files):
    """Whatever its subjects are called: without a customary split, and with no frame kept for training."""
    published_files(Path("there"), "other", subjects=("Ann", "Bob"))
    asked = ("eval", checkpoint, "--dataset", "other", "--data-dir", "there")
    report = numbers(srnet(*asked, "--json", "-"))
    assert (report["dataset"], report["protocol"], report["trained_on"]) == ("other", "cross_dataset", ["small"])
    assert report["frames"] == 2 * 188 and set(report["by_subject"]) == {"Ann", "Bob"}
    assert report["fps"] == 50 and report["joints"][0] == report["root"] == "Hip"
    shown = srnet(*asked).ok()
    assert "Trained on small. gt 2D at 50 fps, cross-dataset" in shown.out.replace("\n", " ")
    rules = (
        f"the {len(report['joints'])} joints of {report['skeleton']} under the same names, relative to {report['root']}"
    )
    told = (srnet(*asked, *more).ok().out for more in (("--by", "joint"), ("--keypoint-noise", "0,5px")))
    for said in (shown.out, *told):
        assert "Trained on small. gt 2D at 50 fps" in " ".join(said.split())
        assert f"{rules}; no size is adjusted" in " ".join(said.split()) and report["scale_adjusted"] is False
    assert numbers(srnet(*asked, "--subjects-test", "Bob", "--json", "-"))["frames"] == 188
    given = numbers(srnet(*asked, "--protocol", "cross-subject", "--subjects-test", "Bob", "--json", "-"))
    assert given["protocol"] == "cross_subject"


def test_the_only_data_set_of_a_folder_is_taken_and_said(srnet, checkpoint, published_files):
    published_files(Path("there"), "other", subjects=("Ann",))
    ran = srnet("eval", checkpoint, "--data-dir", "there").ok()
    assert "data set other, the only one in there; the checkpoint was trained on small" in ran.err
    assert "of other" in ran.out
    shutil.copy(checkpoint, "second.bin")
    both = srnet("eval", checkpoint, "second.bin", "--data-dir", "there").ok()
    assert both.err.count("the only one in there") == 1, "said once for all networks"


def test_nothing_can_be_trained_on_a_test_set(srnet, own_data):
    srnet("train", "--dataset", "small", "--protocol", "cross-dataset", *TINY).refused(
        "has no training data", "Use it with srnet eval"
    )
    prepared = srnet("prepare", "--dataset", "small", "--protocol", "cross-dataset").ok()
    assert "564" in prepared.out
    srnet(
        "prepare", "--dataset", "small", "--protocol", "cross-dataset", "--norm", "proj", "--root-depth", "estimate"
    ).refused("has no training people")


def test_known_people_under_other_names_are_noticed(srnet, checkpoint, published_files):
    """The same recordings as those trained on; and others, whose takes have the same names."""
    published_files(Path("there"), "renamed", subjects=("X", "Y", "Z"))
    ran = srnet("eval", checkpoint, "--dataset", "renamed", "--data-dir", "there", "--json", "-").ok()
    assert "12 of 18 test clips show poses that were trained on under other names" in ran.err
    assert numbers(ran)["test_clips_known_under_other_names"] == 12 and numbers(ran)["test_clips_trained_on"] == 0
    published_files(Path("there"), "new", seed=1)
    assert "other names" not in srnet("eval", checkpoint, "--dataset", "new", "--data-dir", "there").ok().err
    assert numbers(srnet("eval", checkpoint, "--json", "-"))["test_clips_known_under_other_names"] == 0


def test_rare_poses(srnet, project, checkpoint):
    report = numbers(srnet("eval", checkpoint, "--by", "rareness", "--json", "-"))
    assert list(report["by_rareness"]) == [str(n) for n in range(1, 11)] and report["rareness"] == "kernel"
    tenths = report["by_rareness"].values()
    assert sum(t["frames"] for t in tenths) == report["frames"] == 188
    weighted = sum(t["frames"] * t["mpjpe_mm"] for t in tenths) / 188
    assert weighted == pytest.approx(report["frame_mean"]["mpjpe_mm"])
    plain = numbers(srnet("eval", checkpoint, "--json", "-"))
    assert "by_rareness" not in plain and plain["mean"]["mpjpe_mm"] == pytest.approx(report["mean"]["mpjpe_mm"])
    rarest = numbers(srnet("eval", checkpoint, "--rare", "0.2", "--rareness", "nearest", "--json", "-"))
    assert rarest["frames"] == 38 and rarest["rarest_share"] == 0.2
    shown = srnet("eval", checkpoint, "--by", "rareness", "--rare", "0.3").ok().out
    assert "tenth 10" in shown and "tenth 7" not in shown and "the rarest 30 % of the test frames" in shown
    srnet("eval", checkpoint, "--rare", "20").refused("20 is no share", "e.g. 0.2")
    srnet("eval", checkpoint, "--rareness", "odd").refused("no measure of rareness 'odd'")


def test_rare_poses_of_a_body_part(srnet, project, checkpoint):
    arm = srnet("eval", checkpoint, "--by", "rareness", "--rareness-part", "left-arm", "--json", "a.json").ok()
    assert "rareness of left arm: kernel" in " ".join(arm.out.split())
    report = json.loads(Path("a.json").read_text())
    body = numbers(srnet("eval", checkpoint, "--by", "rareness", "--json", "-"))
    assert report["rareness_part"] == "left arm" and body["rareness_part"] == "body"
    assert report["mean"] == body["mean"] and report["by_rareness"] != body["by_rareness"]
    srnet("eval", checkpoint, "--rareness-part", "left_arm").refused("--by rareness or --rare 0.2")
    srnet("eval", checkpoint, "--rare", "0.2", "--rareness-part", "tail").refused("tail", "left arm", "body")


def test_the_frame_rate_of_training_is_kept_on_other_data(srnet, checkpoint, published_files):
    """Trained at 50 fps; the files of the other data set have 100 fps, or another rate is asked for."""
    published_files(Path("there"), "fast", fps=100)
    asked = ("eval", checkpoint, "--dataset", "fast", "--data-dir", "there", "--json", "-")
    report = numbers(srnet(*asked))
    assert (report["fps"], report["frames"]) == (50, 3 * 2 * (20 + 16 + 12))
    assert numbers(srnet(*asked, "--downsample", "1"))["fps"] == 100
    assert numbers(srnet(*asked, "--fps", "25"))["fps"] == 25
    srnet("prepare", "--fps", "10", "--downsample", "2").refused("--fps and --downsample both choose frames")


def test_another_threshold_of_pck(srnet, checkpoint):
    usual, strict = (numbers(srnet("eval", checkpoint, "--json", "-", *o)) for o in ((), ("--pck-threshold", "40")))
    assert set(strict["mean"]) == {name.replace("150", "40") for name in METRICS}
    assert strict["mean"]["pck40"] < usual["mean"]["pck150"] and strict["mean"]["auc"] == usual["mean"]["auc"]
    shown = srnet("eval", checkpoint, "--pck-threshold", "40").ok().out
    assert "PCK40" in shown and "joints within 40 mm" in " ".join(shown.split()) and "150" in shown
    srnet("eval", checkpoint, "--pck-threshold", "0").refused("--pck-threshold", "0 is no distance")


def test_some_joints_count(srnet, checkpoint):
    joints = ("RWrist", "LWrist")
    report, whole = (
        numbers(srnet("eval", checkpoint, "--json", "-", *o)) for o in (("--joints", ",".join(joints)), ())
    )
    assert report["joints_counted"] == list(joints) and "joints_counted" not in whole
    expected = sum(whole["by_joint"][joint] for joint in joints) / 2
    assert report["frame_mean"]["mpjpe_mm"] == pytest.approx(expected) and report["by_joint"] == whole["by_joint"]
    assert report["mean"]["angle_deg"] == whole["mean"]["angle_deg"]
    fourteen = srnet("eval", checkpoint, "--joints", "14").ok().out.replace("\n", " ")
    assert "PCK and AUC are of 14 joints." in fourteen
    srnet("eval", checkpoint, "--joints", "LWrst").refused("no joint 'LWrst'", "Did you mean 'LWrist'")
    srnet("eval", checkpoint, "--joints", ",").refused("--joints", "names no joint")


def test_what_a_published_file_does_not_tell_can_be_said(srnet, own_data, tmp_path):
    """Each assumption that a remark names has its option, and the option takes the remark away and changes numbers."""
    network = build_model("fc", filter_widths=(3, 1), channels=40)
    torch.save({"model_pos": network.state_dict()}, "bare.bin")
    asked = ("eval", "bare.bin", "--dataset", "small", "--protocol", "cross-dataset", "--json", "-")
    plain = srnet(*asked).ok()
    for said in ("--negative-slope, --dropout", "--causal", "--residual-2d"):
        assert f"{said})" in plain.err
    told = srnet(*asked, "--negative-slope", "0.2", "--residual-2d", "--no-causal").ok()
    assert "--negative-slope" not in told.err and "--residual-2d" not in told.err and "--causal" not in told.err
    assert numbers(plain)["mean"]["mpjpe_mm"] != numbers(told)["mean"]["mpjpe_mm"]


def test_worse_keypoints_one_amount(srnet, checkpoint):
    report = numbers(srnet("eval", checkpoint, "--json", "-", "--keypoint-noise", "5px", "--drop", "0.1"))
    assert (report["keypoint_noise_px"], report["drop"], report["swap"], report["noise_seed"]) == (5, 0.1, 0, 1)
    ran = srnet("eval", checkpoint, "--keypoint-noise", "5px", "--swap", "0.02").ok()
    said = " ".join(ran.out.split())
    assert "Keypoints made worse: noise of 5 px, left and right exchanged in 2 % of the frames; seed 1." in said
    said = " ".join(srnet("eval", checkpoint, "--drop", "0.1", "--by", "joint").ok().out.split())
    assert "gt 2D at 50 fps, cross-subject" in said and "10 % of the keypoints dropped and filled; seed 1." in said


def test_worse_keypoints_over_several_amounts(srnet, checkpoint):
    pytest.importorskip("PIL")
    ran = srnet(
        "eval", checkpoint, "--keypoint-noise", "0,5,50px", "--json", "n.json", "--csv", "n.csv", "--png", "n.png"
    )
    rows = [line.split()[0] for line in ran.ok().out.splitlines() if line[:1].isdigit()]
    assert rows == ["0", "5", "50"] and "standard deviation in px; seed 1. " in " ".join(ran.out.split())
    document = json.loads(Path("n.json").read_text())
    assert document["varied"] == "keypoint_noise_px" and len(document["reports"]) == 3
    plain = numbers(srnet("eval", checkpoint, "--json", "-"))
    assert document["reports"][0]["mean"] == plain["mean"] and "noise_seed" not in document["reports"][0]
    table = list(csv.DictReader(Path("n.csv").read_text().splitlines()))
    assert [float(r["keypoint_noise_px"]) for r in table] == [0, 0, 5, 5, 50, 50]
    assert Path("n.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--keypoint-noise", "5"], ["--keypoint-noise", "no unit", "5px"]),
        (["--keypoint-noise", "manypx"], ["--keypoint-noise", "no amount"]),
        (["--drop", "1"], ["--drop", "below 1"]),
        (["--swap", "0,0.1", "--drop", "0,0.1"], ["--drop and --swap", "only one"]),
        (["--drop", "0.1", "--png", "a.png"], ["--png", "several amounts"]),
        (["--drop", "0,0.1", "--png", "a.jpg"], ["--png a.jpg", ".png"]),
        (["--drop", "0,0.1", "--by", "joint"], ["--by", "action-wise"]),
    ],
)
def test_worse_keypoints_that_make_no_sense(srnet, checkpoint, options, parts):
    srnet("eval", checkpoint, *options).refused(*parts)


def test_scenes_of_another_data_set_are_not_known(srnet, checkpoint):
    srnet("eval", checkpoint, "--by", "scene").refused("--by", "MPI-INF-3DHP")


def test_several_checkpoints_side_by_side(srnet, project):
    """By action, with the mean pose; files have the rows of papers."""
    shutil.copytree(project / "checkpoint", "checkpoint")
    shutil.copy("checkpoint/latest_epoch_tiny.bin", "checkpoint/latest_epoch_other.bin")
    ran = srnet("eval", "tiny", "other", "--latex", "t.tex", "--markdown", "t.md").ok()
    head = next(line.split() for line in ran.out.splitlines() if line.startswith("action "))
    assert head == ["action", "mean", "pose", "tiny", "other"]
    means = [line.split()[-3:] for line in ran.out.splitlines() if line.startswith("action-wise mean")]
    assert len(means) == 2 and all(tiny == other != mean_pose for mean_pose, tiny, other in means)
    markdown = Path("t.md").read_text()
    assert "| method | Sit | Walk | Avg. |" in markdown and "| tiny |" in markdown and "**P-MPJPE in mm**" in markdown
    assert r"\toprule" in Path("t.tex").read_text()
    files = [f"checkpoint/latest_epoch_{name}.bin" for name in ("tiny", "other")]
    srnet("eval", *files, "--by", "joint").refused("PATH", "by action only", "srnet compare")
    srnet("eval", "tiny", "--latex", "t.txt").refused("--latex t.txt", "must end in .tex", "--latex t.tex")


def test_keypoints_of_a_detector_instead_of_the_exact_ones(srnet, checkpoint, tmp_path):
    write_published(tmp_path / "data", "small")
    exact = tmp_path / "data" / "data_2d_small_gt.npz"
    with np.load(exact, allow_pickle=True) as file:  # written by this test itself
        points, metadata = file["positions_2d"].item(), file["metadata"].item()
    rng = np.random.default_rng(0)
    found = {
        subject: {
            take: [p + rng.normal(0, 8, p.shape).astype(np.float32) for p in cameras] for take, cameras in takes.items()
        }
        for subject, takes in points.items()
    }
    np.savez(tmp_path / "data" / "data_2d_small_cpn.npz", positions_2d=found, metadata=metadata)
    there = ("--data-dir", tmp_path / "data")
    first = srnet("eval", checkpoint, *there, "--json", "gt.json").ok()
    other = srnet("eval", checkpoint, *there, "--keypoints", "cpn", "--json", "cpn.json").ok()
    assert "gt 2D at 50 fps" in first.out and "cpn 2D at 50 fps" in other.out
    gt, cpn = (json.loads(Path(name).read_text()) for name in ("gt.json", "cpn.json"))
    assert gt["frames"] == cpn["frames"]
    assert gt["mean"]["mpjpe_mm"] != cpn["mean"]["mpjpe_mm"]
    srnet("eval", checkpoint, *there, "--keypoints", "hrnet").refused("data_2d_small_hrnet", "cpn", "gt")
