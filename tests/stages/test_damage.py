"""Damaged, exchanged and hostile stages and inputs: each is told or made again, none is taken for what it is not."""

import copy
import json
import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from srnet_core import datasets
from srnet_core.config import DataConfig, replace
from srnet_core.errors import StageError
from srnet_core.stages import writer as writer_module
from srnet_core.stages.key import file_digest, holds_stage
from srnet_core.stages.manifest import with_digest
from srnet_core.stages.prepare import prepare
from srnet_core.stages.store import Stage
from srnet_core.stages.writer import LOCK

EARLIER = next((Path(__file__).parent / "fixtures").glob("small_gt-*"))


@pytest.fixture
def config(small_data, tmp_path) -> DataConfig:
    return DataConfig(
        dataset="small", data_dir=str(small_data), cache_dir=str(tmp_path / "cache"), subjects_test=("C",)
    )


@pytest.fixture
def stage(config) -> Stage:
    return prepare(config).stage


@pytest.fixture
def earlier(tmp_path) -> Path:
    """A stage written before manifests had a digest."""
    return Path(shutil.copytree(EARLIER, tmp_path / EARLIER.name))


def rewrite(folder: Path, change, *, digest: bool = True) -> None:
    """Change a manifest as somebody would who means it, digest included."""
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(with_digest(manifest) if digest else manifest))


def test_a_flipped_bit_anywhere_in_the_manifest_is_told(stage):
    path = stage.folder / "manifest.json"
    whole, rng, silent = path.read_bytes(), random.Random(0), []
    for position in rng.sample(range(len(whole)), 400):
        content = bytearray(whole)
        content[position] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        try:
            changed = Stage.open(stage.folder).manifest != stage.manifest
        except StageError:
            continue
        if changed:
            silent.append(bytes(content[position - 10 : position + 10]))
    assert not silent


@pytest.mark.parametrize("name", ["zarr.json", "pose_2d/zarr.json", "root_cam_m/zarr.json"])
def test_a_flipped_bit_in_a_zarr_json_is_told(stage, name):
    path = stage.folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(StageError, match="zarr.json"):
        Stage.open(stage.folder)


def test_the_manifest_of_an_earlier_stage_is_checked_against_its_key_and_itself(earlier):
    Stage.open(earlier)
    path = earlier / "manifest.json"
    for old, new in {
        '"protocol": "cross_subject"': '"protocol": "cross_camera"',
        '"split": "test"': '"split": "tesv"',
        '"stage_version"': '"stage_versioo"',
        '"length": 20': '"length": 21',
        '"body_size"': '"body_sizf"',
    }.items():
        text = (EARLIER / "manifest.json").read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        with pytest.raises(StageError):
            Stage.open(earlier)


def test_a_digest_under_another_name_does_not_make_an_earlier_stage(stage):
    path = stage.folder / "manifest.json"
    path.write_text(path.read_text().replace('"digest"', '"digesu"').replace('"test"', '"train"'))
    with pytest.raises(StageError, match="unknown fields"):
        Stage.open(stage.folder)


def first_clip(**fields):
    return lambda m: m["sequences"][0].update(fields)


ODD = {
    "files of another stage": lambda m: m["files"].update({"zarr.json": {"bytes": 1, "sha256": "0" * 64}}),
    "frames of other data": lambda m: m["frames_from"].update(key="0" * 16),
    "frames that end after the last": lambda m: m["frames_from"].update(frames=m["frames_from"]["starts"][-1]),
    "more frames than are there": lambda m: m["frames_from"].update(frames=10**9),
    "no number of frames": lambda m: m["frames_from"].update(frames="x"),
    "frames after the last": lambda m: m["frames_from"]["starts"].__setitem__(-1, 10**12),
    "frames before the first": lambda m: m["frames_from"]["starts"].__setitem__(0, -1),
    "places of fewer clips": lambda m: m["frames_from"]["starts"].pop(),
    "places that are texts": lambda m: m["frames_from"].update(starts="0" * len(m["sequences"])),
    "no places": lambda m: m.pop("frames_from"),
    "a layout of its own": lambda m: m.update(stage_version=1),
    "no clips": lambda m: m.pop("sequences"),
    "no configuration": lambda m: m.pop("config"),
    "no key": lambda m: m.pop("key"),
    "another key": lambda m: m.update(key="0" * 16),
    "no skeleton": lambda m: m.update(skeleton=None),
    "skeleton of texts": lambda m: m.update(skeleton={"joint_names": "abc"}),
    "five thousand joints": lambda m: m["skeleton"].update(joint_names=[f"j{i}" for i in range(5000)]),
    "a parent that is a list": lambda m: m["skeleton"]["parent_names"].__setitem__(1, []),
    "a clip with another field": first_clip(x=1),
    "a clip of a million million frames": first_clip(length=10**12),
    "a clip before the first frame": first_clip(start=-5),
    "a clip without a camera": first_clip(camera=7),
    "fps is text": lambda m: m.update(fps="x"),
    "fps is zero": lambda m: m.update(fps=0),
    "no cameras": lambda m: m.update(cameras={}),
    "a camera with another field": lambda m: m["cameras"]["A"][0].update(x=1),
    "fewer arrays": lambda m: m.update(arrays=["pose_2d"]),
    "a normalization that is a path": lambda m: m["config"].update(normalization="../../x"),
    "a body size of other joints": lambda m: m.update(body_size={"bones": [[0, 99]], "lengths_m": [1], "scale": 1}),
    "notes of numbers": lambda m: m.update(notes=[1]),
    "bytes are text": lambda m: m["files"]["zarr.json"].update(bytes="x"),
    "a file outside": lambda m: m["files"].update({"../../data/x": {"bytes": 1, "sha256": "0" * 64}}),
    "files are missing": lambda m: [m["files"].pop(f) for f in list(m["files"]) if f.startswith("pose_2d/c")],
    "frames from elsewhere": lambda m: m["frames_from"].update(key=m["key"]),
    "no layout of the frames": lambda m: m["frames_from"].pop("layout"),
}


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
def test_odd_values_in_a_manifest_are_told_and_the_stage_is_made_again(config, stage, change):
    rewrite(stage.folder, change)
    with pytest.raises(StageError):
        Stage.open(stage.folder)
    again = prepare(config)
    assert not again.cached and again.damage
    assert again.stage.manifest["sequences"] == stage.manifest["sequences"]


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 50_000, "1" * 5000, "\ufeff{}", '{"fps": NaN}'])
def test_a_file_that_is_no_manifest_is_told(stage, text):
    (stage.folder / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(StageError, match="not a finished stage"):
        Stage.open(stage.folder)


def edited(change):
    def edit(metadata):
        metadata = copy.deepcopy(metadata)
        change(metadata)
        return json.dumps(metadata)

    return edit


HOSTILE = {
    "huge shape": edited(lambda j: j["shape"].__setitem__(0, 10**12)),
    "negative shape": edited(lambda j: j["shape"].__setitem__(0, -1)),
    "huge chunk": edited(lambda j: j["chunk_grid"]["configuration"]["chunk_shape"].__setitem__(0, 10**18)),
    "chunks of one frame": edited(lambda j: j["chunk_grid"]["configuration"]["chunk_shape"].__setitem__(0, 1)),
    "no checksum": edited(lambda j: j["codecs"].pop()),
    "big endian": edited(lambda j: j["codecs"][0]["configuration"].update(endian="big")),
    "codec pickle": edited(lambda j: j.update(codecs=[{"name": "numcodecs.pickle", "configuration": {}}])),
    "separator": edited(lambda j: j["chunk_key_encoding"]["configuration"].update(separator=".")),
    "another type": edited(lambda j: j.update(data_type="int32", fill_value=0)),
    "fill value": edited(lambda j: j.update(fill_value=5.0)),
    "nested": lambda _: "[" * 100_000,
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_a_zarr_json_with_another_shape_chunk_or_codec_is_refused_even_with_a_fitting_hash(stage, make):
    path = stage.folder / "pose_2d" / "zarr.json"
    path.write_text(make(json.loads(path.read_text())))
    entry = {"bytes": path.stat().st_size, "sha256": file_digest(path)}
    rewrite(stage.folder, lambda m: m["files"].update({"pose_2d/zarr.json": entry}))
    with pytest.raises(StageError, match="zarr.json"):
        Stage.open(stage.folder)


def test_a_folder_with_the_name_of_another_stage_is_made_again(config, stage):
    other = prepare(replace(config, actions=("Walk",))).stage
    shutil.rmtree(stage.folder)
    shutil.copytree(other.folder, stage.folder)
    again = prepare(config)
    assert not again.cached and "another folder" in again.damage
    assert again.stage.manifest["sequences"] == stage.manifest["sequences"]


def flip_split(folder: Path) -> None:
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"split": "test"', '"split": "Test"', 1))


def shift_a_clip(folder: Path) -> None:
    rewrite(folder, lambda m: m["sequences"][0].update(take="Sit 7"))


def drop_an_array(folder: Path) -> None:
    shutil.rmtree(folder / "pose_2d")
    rewrite(folder, lambda m: [m["files"].pop(f) for f in list(m["files"]) if f.startswith("pose_2d")])


def cut_a_chunk(folder: Path) -> None:
    (folder / "pose_2d" / "c" / "0" / "0" / "0").write_bytes(b"xx")


@pytest.mark.parametrize("damage", [flip_split, shift_a_clip, drop_an_array, cut_a_chunk])
def test_force_repairs_whatever_is_wrong(config, stage, damage):
    damage(stage.folder)
    prepare(config, force=True)
    repaired = Stage.open(stage.folder)
    repaired.verify()
    assert repaired.manifest["sequences"] == stage.manifest["sequences"]
    assert repaired.manifest["files"] == stage.manifest["files"]


def settle(folder: Path) -> None:
    """Give the input files a time stamp long ago. Their ctime stays new: the memo must not be used for them."""
    for path in folder.glob("*.npz"):
        os.utime(path, (1, 1))


def test_input_edited_in_place_with_its_time_stamp_kept_is_another_stage(config, small_data, monkeypatch):
    monkeypatch.setattr("srnet_core.stages.key._RACY_SECONDS", -1.0)  # as if the files had been written long ago
    settle(small_data)
    stage = prepare(config).stage
    assert (Path(config.cache_dir) / "digests.json").exists()
    path = small_data / "data_3d_small.npz"
    before = path.stat()
    positions = {key: value for key, value in np.load(path, allow_pickle=True).items()}
    poses = positions["positions_3d"].item()
    poses["A"]["Walk"] = poses["A"]["Walk"] * np.float32(1.01)
    with open(path, "r+b") as file:
        np.savez(file, **positions)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    again = prepare(config)
    assert path.stat().st_size == before.st_size and path.stat().st_mtime_ns == before.st_mtime_ns
    assert not again.cached and again.stage.folder != stage.folder


def test_input_exchanged_between_hashing_and_reading_does_not_get_the_old_key(
    config, small_data, tmp_path, published_files, monkeypatch
):
    old = prepare(replace(config, cache_dir=str(tmp_path / "other"))).stage.manifest["key"]
    others, load, loaded = published_files(tmp_path / "others", "small", seed=1), datasets.load, []

    def exchanged_first(*arguments):
        if not loaded:
            for path in others.glob("*.npz"):
                os.replace(path, small_data / path.name)
        loaded.append(True)
        return load(*arguments)

    monkeypatch.setattr(datasets, "load", exchanged_first)
    prepared = prepare(config)
    assert prepared.stage.manifest["key"] != old and len(loaded) == 2
    digests = {path.name: file_digest(path) for path in small_data.glob("*.npz")}
    assert {entry["name"]: entry["sha256"] for entry in prepared.stage.manifest["inputs"]} == digests
    folders = {p for p in Path(config.cache_dir).iterdir() if p.is_dir()}
    assert folders == {prepared.stage.folder, prepared.stage.folder}


def test_input_that_keeps_changing_is_an_error(config, small_data, monkeypatch):
    load = datasets.load

    def touched(*arguments):
        os.utime(small_data / "data_3d_small.npz")
        return load(*arguments)

    monkeypatch.setattr(datasets, "load", touched)
    with pytest.raises(StageError, match="change while they are read"):
        prepare(config)


@pytest.mark.parametrize("damage", ["identity", "digest", "nested", "number", "list", "key"])
def test_damage_in_the_memo_of_digests_costs_time_only(tmp_path, monkeypatch, damage):
    monkeypatch.setattr("srnet_core.stages.key._RACY_SECONDS", -1.0)
    path, memo = tmp_path / "file", tmp_path / "digests.json"
    path.write_bytes(b"one")
    digest = file_digest(path, memo)
    text = memo.read_text()
    assert digest in text
    other = f"{int(digest[0], 16) ^ 1:x}{digest[1:]}"
    memo.write_text(
        {
            "identity": text.replace('"identity"', '"identitx"'),
            "digest": text.replace(digest, other),
            "nested": "[" * 100_000,
            "number": "1" * 5000,
            "list": "[]",
            "key": text.replace('"sha256"', '"sha25v"'),
        }[damage]
    )
    assert file_digest(path, memo) == digest and json.loads(memo.read_text()) == json.loads(text)


def test_the_memo_is_used(tmp_path, monkeypatch):
    monkeypatch.setattr("srnet_core.stages.key._RACY_SECONDS", -1.0)
    path, memo = tmp_path / "file", tmp_path / "digests.json"
    path.write_bytes(b"one")
    digest = file_digest(path, memo)
    monkeypatch.setattr("hashlib.file_digest", None)
    assert file_digest(path, memo) == digest


def test_a_folder_taken_away_before_it_was_locked_is_made_again(config, monkeypatch):
    """`prepare` stopped between making its lock file and locking it; another one thought the folder abandoned."""
    real, taken = writer_module.try_lock, []

    def late(path):
        if not taken:
            taken.append(path.parent)
            shutil.rmtree(path.parent)
        return real(path)

    monkeypatch.setattr(writer_module, "try_lock", late)
    prepare(config).stage.verify()
    assert taken and not list(Path(config.cache_dir).glob("*.tmp-*"))


def test_another_prepare_leaves_a_folder_that_is_not_locked_yet(config, monkeypatch):
    real, seen = writer_module.try_lock, []

    def late(path):
        if not seen:
            seen.append(path)
            prepare(config, force=True)
            assert path.parent.is_dir()
        return real(path)

    monkeypatch.setattr(writer_module, "try_lock", late)
    prepared = prepare(config)
    prepared.stage.verify()
    assert seen and prepared.stage.folder.joinpath(LOCK).exists()
    assert not list(Path(config.cache_dir).glob("*.tmp-*"))


def test_a_cache_without_write_permission_is_used(config, stage, monkeypatch):
    def read_only(*_):
        raise PermissionError("read-only")

    monkeypatch.setattr("srnet_core.stages.key.write_json", read_only)
    monkeypatch.setattr("srnet_core.stages.key._RACY_SECONDS", -1.0)
    assert prepare(config).cached


def test_a_cache_folder_holds_a_stage_of_a_key(config, stage):
    assert holds_stage(config.cache_dir, stage.manifest["key"])
    assert not holds_stage(config.cache_dir, "0" * 16)
    assert not holds_stage(config.cache_dir, "*") and not holds_stage(config.cache_dir, None)
    assert not holds_stage("a\0b", stage.manifest["key"])
