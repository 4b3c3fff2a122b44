"""srnet cache: list, verify, clean."""

import json
import shlex
from pathlib import Path

import pytest
from support.cli import DATA

from srnet_core.files import LOCAL_CACHE


def test_folders_that_are_none(srnet, own_data):
    Path("README.md").write_text("a file")
    Path("stages").mkdir()
    for command in ("list", "verify", "clean"):
        srnet("cache", command).ok()  # the usual folder may not be there yet
        srnet("cache", command, "--cache-dir", "README.md").refused("--cache-dir README.md: is a file, not a folder")
        srnet("cache", command, "--cache-dir", "stagse").refused("no such folder", "Did you mean 'stages'?")
    srnet("prepare", *DATA, "--cache-dir", "README.md").refused("--cache-dir README.md: is a file, not a folder")


def test_training_on_a_damaged_stage_says_how_to_mend_it(srnet, own_data):
    srnet("prepare", *DATA).ok()
    folder = Path(json.loads(srnet("cache", "list", "--json", "-").ok().out)["stages"][0]["folder"])
    for chunk in (folder / "pose_3d" / "c").rglob("0"):
        if chunk.is_file():
            chunk.write_bytes(bytes(len(chunk.read_bytes())))
    ran = srnet("train", *DATA, "--channels", "40", "--epochs", "1", "--device", "cpu")
    assert ran.code == 1 and "damaged" in ran.err and "srnet cache clean" in ran.err and "--force" not in ran.err
    srnet("cache", "clean").ok()
    assert "written" in srnet("prepare", *DATA).ok().out


def test_the_cache_is_listed_verified_and_cleaned(srnet, own_data):
    assert "There are no stages" in srnet("cache", "list").ok().out
    srnet("prepare", *DATA).ok()
    listed = json.loads(srnet("cache", "list", "--json", "-").ok().out)["stages"]
    assert all(stage["problem"] is None and stage["bytes"] for stage in listed)
    assert {stage["config"]["dataset"] for stage in listed} == {"small"}
    assert listed[0]["train_frames"] > 0 and listed[0]["test_frames"] > 0
    ran = srnet("prepare", *DATA[:2], "--protocol", "cross-dataset").ok()
    assert "protocol cross-dataset has no training split: this stage is for eval" in " ".join(ran.err.split())
    listed = json.loads(srnet("cache", "list", "--json", "-").ok().out)["stages"]
    ran = srnet("cache", "list").ok()
    assert listed[0]["key"][:8] in ran.out
    assert "small, gt 2D, all frames, normalization base" in ran.out and "cross-dataset" not in ran.out
    assert f"{len(listed)} stage" in srnet("cache", "verify").ok().out

    srnet("prepare", *DATA, "--subset", "0.5").ok()
    assert "--subjects-test C --subset 0.5" in srnet("cache", "list").ok().out
    listed = json.loads(srnet("cache", "list", "--json", "-").ok().out)["stages"]

    folder = Path(listed[-1]["folder"])
    manifest = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(manifest.replace("small", "smell"))
    ran = srnet("cache", "verify")
    assert ran.code == 1 and str(folder) in ran.out and "srnet cache clean" in ran.out
    assert f"would remove {folder}" in srnet("cache", "clean", "--dry-run").ok().out and folder.exists()
    assert f"removed {folder}" in srnet("cache", "clean").ok().out
    assert not folder.exists()
    srnet("prepare", *DATA).ok()
    folder = Path(json.loads(srnet("cache", "list", "--json", "-").ok().out)["stages"][0]["folder"])
    chunk = folder / "root_cam_m/c/0/0"
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(content)
    assert "removed" in srnet("cache", "clean").ok().out and not folder.exists(), "also one whose bytes have changed"
    srnet("prepare", *DATA).ok()
    (folder / "manifest.json").unlink()
    assert f"removed {folder}" in srnet("cache", "clean").ok().out and not folder.exists(), "also without a manifest"
    srnet("cache", "clean", "--all").ok()
    assert "nothing to remove" in srnet("cache", "clean").ok().out
    srnet("cache", "clean", "--all", "--older-than", "3").refused("--older-than", "one of the two")


def test_copies_of_stages_at_a_url(srnet, own_data, tmp_path, monkeypatch):
    """A copy whose chunks were not read yet was called damaged."""
    pytest.importorskip("obstore", reason="obstore is not installed: pip install 'srnet[remote]'")
    url = (tmp_path / "a store").as_uri()
    there = ("--cache-dir", url)
    monkeypatch.setenv(LOCAL_CACHE, str(tmp_path / "one"))
    srnet("prepare", *DATA, *there).ok()
    monkeypatch.setenv(LOCAL_CACHE, str(tmp_path / "two"))
    assert "There are no stages in" in srnet("cache", "list", *there).ok().out
    assert "cached" in srnet("prepare", *DATA, *there).ok().out
    (listed,) = json.loads(srnet("cache", "list", *there, "--json", "-").ok().out)["stages"]
    assert listed["problem"] is None and listed["copy"] and 0 < listed["bytes_fetched"] < listed["bytes_in_store"]
    ran = srnet("cache", "list", *there).ok()
    assert "fetched" in ran.out and url in ran.out and "damaged" not in ran.out
    assert "1 stage of 1 as written" in srnet("cache", "verify", *there).ok().out
    assert "nothing to remove" in srnet("cache", "clean", *there).ok().out

    srnet("train", *DATA, *there, "--channels", "40", "--epochs", "1", "--device", "cpu").ok()
    (read,) = json.loads(srnet("cache", "list", *there, "--json", "-").ok().out)["stages"]
    assert listed["bytes_fetched"] < read["bytes_fetched"] <= read["bytes_in_store"]
    chunk = next(path for path in Path(read["folder"]).glob("pose_2d/c/**/*") if path.is_file())
    chunk.write_bytes(bytes(chunk.stat().st_size))
    ran = srnet("cache", "verify", *there)
    assert ran.code == 1 and f"srnet cache clean --cache-dir {shlex.quote(url)}" in ran.out
    assert "removed" in srnet("cache", "clean", *there).ok().out
    srnet("train", *DATA, *there, "--channels", "40", "--epochs", "1", "--device", "cpu").ok()
    srnet("cache", "clean", "--all", *there).ok()
    assert "cached" in srnet("prepare", *DATA, *there).ok().out, "what is in the store stays"
