"""srnet compare: what it shows and writes, and what it refuses."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.cli import DATA, TINY


@pytest.fixture(scope="session")
def pair(project) -> tuple[Path, Path]:
    """Two checkpoints: of one normalization and of another."""
    from srnet_cli.app import run

    places = (
        "--data-dir",
        project / "data",
        "--cache-dir",
        project / "cache",
        "--checkpoint-dir",
        project / "checkpoint",
    )
    assert run([str(a) for a in ("train", *DATA, *TINY, *places, "--norm", "ray", "--name", "with-ray")]) == 0
    return tuple(project / "checkpoint" / f"latest_epoch_{name}.bin" for name in ("tiny", "with-ray"))


def test_checkpoints_are_compared_and_written_in_every_format(srnet, pair):
    outputs = ("--json", "c.json", "--csv", "c.csv", "--markdown", "c.md", "--latex", "c.tex", "--png", "c.png")
    ran = srnet("compare", *pair, *outputs).ok()
    for part in (
        "with-ray against tiny: MPJPE by action",
        "action-wise mean",
        "by joint",
        "by difficulty",
        "wins and losses",
    ):
        assert part in ran.out
    assert "tiny mm" in ran.out and "with-ray mm" in ran.out and "first mm" not in ran.out
    assert json.loads(srnet("compare", *pair, "--json", "-").ok().out)["metric"] == "mpjpe_mm"
    (found,) = json.loads(Path("c.json").read_text())["comparisons"]
    shown = srnet("eval", pair[1], "--json", "-").ok()
    assert found["mean"]["other_mm"] == pytest.approx(json.loads(shown.out)["mean"]["mpjpe_mm"], rel=1e-4)
    assert found["mean"]["people"]["low"] is None  # there is one test subject
    assert "\\toprule" in Path("c.tex").read_text() and Path("c.md").read_text().count("**") == 10
    assert Path("c.png").read_bytes().startswith(b"\x89PNG") and "by joint" in Path("c.csv").read_text()


def test_tables_say_what_was_tested_and_trained_on(srnet, pair, published_files):
    """Their Markdown and LaTeX did not name the data set."""
    asked = (*pair, "--markdown", "c.md", "--json", "c.json")
    said = " ".join(srnet("compare", *asked).ok().out.split())
    tested = json.loads(Path("c.json").read_text())["tested_on"]
    assert f"Tested on small, gt 2D at 50 fps, cross-subject: {tested['frames']:,} frames. Difference:" in said
    assert tested["fps"] == {"tiny": 50, "with-ray": 50} and tested["dataset"] == "small"
    published_files(Path("there"), "other", subjects=("Ann", "Bob"))
    other = ("--dataset", "other", "--data-dir", "there")
    srnet("compare", *asked, *other).ok()
    trained = "Trained on: tiny small; with-ray small."
    assert f"Tested on other, gt 2D at 50 fps, cross-dataset: 376 frames. {trained}" in Path("c.md").read_text()
    said = " ".join(srnet("eval", *pair, *other).ok().out.split())
    assert "MPJPE in mm on other, gt 2D at 50 fps, cross-dataset" in said and trained in said


def test_networks_of_other_joints_are_refused_before_data_are_prepared(srnet, project, monkeypatch):
    from support.small_data import write_published

    write_published(Path("data"), "own")
    tiny = project / "checkpoint" / "latest_epoch_tiny.bin"
    with np.load("data/data_3d_own.npz", allow_pickle=True) as file:
        three = {name: file[name].item() for name in file}
    three["metadata"]["joint_names"] = [f"joint {i}" for i in range(len(three["metadata"]["joint_names"]))]
    np.savez("data/data_3d_own.npz", **three)
    srnet("train", "--dataset", "own", "--subjects-test", "C", *TINY, "--name", "own").ok()
    monkeypatch.setattr("srnet_cli.commands.compare.prepare_stage", lambda *_: pytest.fail("was prepared"))
    own = Path("checkpoint/latest_epoch_own.bin")
    srnet("compare", tiny, own).refused("own: is for the skeleton own", "Compare networks of the same joints")


def test_mistakes(srnet, pair, tmp_path):
    srnet("compare", pair[0]).refused("two checkpoints or more")
    srnet("compare", pair[0], pair[0]).refused("the same checkpoint is given twice")
    srnet("compare", *pair, "--metric", "mpjve_mm").refused("--metric", "Choices: mpjpe_mm, p_mpjpe_mm")
    srnet("compare", *pair, "--latex", "table.txt").refused("--latex table.txt", "must end in .tex")
    copies = [tmp_path / f"{number}.bin" for number in range(7)]
    for copy in copies:
        shutil.copy(pair[0], copy)
    srnet("compare", *copies).refused("at most 6 checkpoints")


def test_other_frame_rates_and_receptive_fields_are_said(srnet, project, pair):
    places = ("--data-dir", project / "data", "--cache-dir", project / "cache")
    name = ("--name", "half", "--downsample", "2", "--arch", "3", "--checkpoint-dir", "checkpoint")
    srnet("train", *DATA, *TINY, *places, *name).ok()
    stages = sorted((project / "cache").glob("*/manifest.json"))
    ran = srnet("compare", pair[0], "checkpoint/latest_epoch_half.bin", "--json", "c.json", *places).ok()
    assert sorted((project / "cache").glob("*/manifest.json")) == stages, "the stages of their training are used"
    assert "frames per second differ (tiny 50, half 25)" in ran.err and "the 96 frames that all of them see" in ran.err
    assert json.loads(Path("c.json").read_text())["comparisons"][0]["frame_mean"]["frames"] == 96
    same = srnet("compare", pair[0], "checkpoint/latest_epoch_half.bin", *places, "--downsample", "1").ok()
    assert "frames per second" not in same.err
