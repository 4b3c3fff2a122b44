"""srnet chart: curves of runs and errors of results, and what is no result."""

import json
from pathlib import Path

import pytest
from support.cli import DATA

pytest.importorskip("matplotlib")


def test_curves_of_a_run(srnet, project):
    where = ("--checkpoint-dir", project / "checkpoint")
    srnet("chart", "curves", "tiny", "-o", "curves.svg", *where).ok()
    text = Path("curves.svg").read_text()
    assert ">tiny, train<" in text and ">tiny, test<" in text
    srnet("chart", "curves", "tiny", "-o", "test.svg", "--curves", "test", *where).ok()
    assert ">tiny<" in Path("test.svg").read_text()
    srnet("chart", "curves", "tiny", "-o", "c.png", "--curves", "tst", *where).refused("--curves", "test")
    assert "tin stands" not in srnet("chart", "curves", "tin", "-o", "x.png", *where).refused("no run 'tin'")
    srnet("chart", "curves", "tiny", "tiny", "-o", "c.png", *where).refused("RUN", "given twice")
    srnet("chart", "curves", "tiny", "-o", "c.gif", *where).refused("--output c.gif", ".png or .svg or .pdf")


def test_errors_of_results(srnet, checkpoint):
    srnet("eval", checkpoint, "--json", "one.json").ok()
    report = json.loads(Path("one.json").read_text())
    report["by_action"]["Sit"]["mpjpe_mm"] = None
    Path("two.json").write_text(json.dumps(report))
    srnet("chart", "errors", "one.json", "two.json", "-o", "errors.svg").ok()
    text = Path("errors.svg").read_text()
    assert all(f">{word}<" in text for word in ("one", "two", "Sit", "Walk", "mean", "MPJPE in mm"))
    srnet("chart", "errors", "one.json", "-o", "joints.png", "--by", "joint", "--width", "page").ok()
    srnet("chart", "errors", "one.json", "-o", "x.png", "--by", "noise").refused("one.json", "--keypoint-noise 0,2,5px")
    srnet("eval", checkpoint, "--keypoint-noise", "0,5px", "--json", "noise.json").ok()
    srnet("chart", "errors", "noise.json", "-o", "noise.svg", "--by", "noise").ok()
    assert "keypoint noise in px" in Path("noise.svg").read_text()
    srnet("chart", "errors", "noise.json", "-o", "x.png").refused("noise.json", "no errors by action", "--by noise")
    srnet("chart", "errors", "one.json", "-o", "x.png", "--by", "rareness").refused("one.json", "--by rareness")


@pytest.mark.parametrize(
    "content", ["", "[]", '{"mean": 3}', '{"mean": {}, "by_action": {"a": {"mpjpe_mm": "x"}}}', "[" * 9999]
)
def test_what_is_no_result_is_told(srnet, content):
    Path("no.json").write_text(content)
    srnet("chart", "errors", "no.json", "-o", "x.png").refused("no.json", code=2)
    srnet("chart", "errors", "absent.json", "-o", "x.png").refused("absent.json", "no such file")


def test_networks_skeletons_and_poses(srnet, checkpoint, project):
    srnet("chart", "model", checkpoint, "-o", "own.svg").ok()
    assert "srnet 3,1, 5 groups, multiply others" in Path("own.svg").read_text()
    srnet("chart", "model", "--model", "group", "--groups", "3", "--arch", "3", "-o", "m.png", "--width", "page").ok()
    srnet("chart", "model", checkpoint, "--arch", "3", "-o", "m.png").refused("how its network is built")
    srnet("chart", "skeleton", "-o", "s.svg").ok()
    assert ">Neck/Nose<" in Path("s.svg").read_text()
    srnet("chart", "skeleton", "--skeleton", "h36m17", "--dataset", "x", "-o", "s.svg").refused("--dataset")
    srnet("chart", "skeleton", "h36m16", "--dataset", "x").refused("NAME, --skeleton and --dataset")
    srnet("chart", "skeleton", "h36m71").refused("h36m17")
    srnet("chart", "skeleton", "coco17").refused("order of 2D keypoints", "h36m17")
    data = (*DATA, "--data-dir", project / "data", "--cache-dir", project / "cache")
    srnet("chart", "poses", *data, "-o", "p.svg", "--count", "4").ok()
    assert ">Walk<" in Path("p.svg").read_text() and ">C<" in Path("p.svg").read_text()
    srnet("chart", "poses", *data, "-o", "p.svg", "--count", "1000").refused("--count")
    srnet("chart", "poses", *data, "-o", "p.svg", "--split", "tset").refused("--split")


def test_charts_have_names_of_their_own(srnet, checkpoint, project):
    where = ("--checkpoint-dir", project / "checkpoint")
    srnet("eval", checkpoint, "--json", "one.json").ok()
    for line, name in {
        ("curves", "tiny", *where): "curves-tiny",
        ("errors", "one.json", "--by", "joint"): "errors-joint-one",
        ("model", checkpoint): "model-tiny",
        ("model", "--arch", "3,3"): "model-srnet",
        ("skeleton", "h36m32"): "skeleton-h36m32",
    }.items():
        assert f"wrote output/{name}.png" in srnet("chart", *line).ok().err
        assert Path(f"output/{name}.png").read_bytes().startswith(b"\x89PNG")
