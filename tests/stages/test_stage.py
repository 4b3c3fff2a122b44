"""Stages: what is written is what is read; nothing half-written, damaged or foreign is taken for a stage."""

import itertools
import json
import multiprocessing
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from srnet_core import datasets
from srnet_core.config import DataConfig, replace
from srnet_core.errors import ConfigError, StageError, UnknownNameError
from srnet_core.normalization import base
from srnet_core.stages import prepare as prepare_module
from srnet_core.stages.key import STAGE_VERSION, file_digest, stage_key
from srnet_core.stages.manifest import with_digest
from srnet_core.stages.prepare import prepare
from srnet_core.stages.store import CHUNK_FRAMES, Stage
from srnet_core.stages.writer import LOCK, StageWriter


@pytest.fixture
def config(small_data, tmp_path) -> DataConfig:
    return DataConfig(
        dataset="small", data_dir=str(small_data), cache_dir=str(tmp_path / "cache"), subjects_test=("C",)
    )


def test_a_stage_holds_the_normalized_clips_in_order(config):
    stage = prepare(config).stage
    dataset = datasets.load("small", datasets.locate("small", config.data_dir, "gt", config.cache_dir), "gt")
    assert [s.subject for s in stage.split("test")] == ["C"] * len(stage.split("test"))
    for sequence in stage.clips:
        (name,) = [
            c
            for c in dataset.clip_names
            if (c.subject, c.take, c.camera) == (sequence.subject, sequence.take, sequence.camera)
        ]
        clip = dataset.clip(name)
        rows = slice(sequence.start, sequence.start + sequence.length)
        relative = clip.pose_3d_cam_m - clip.pose_3d_cam_m[:, :1]
        np.testing.assert_array_equal(stage.read("pose_3d", rows.start, rows.stop), relative)
        np.testing.assert_array_equal(stage.read("root_cam_m", rows.start, rows.stop), clip.pose_3d_cam_m[:, 0])
        np.testing.assert_allclose(
            stage.read("pose_2d", rows.start, rows.stop), base.encode_2d(clip.pose_2d_px, camera=clip.camera), atol=1e-6
        )


def test_another_protocol_stores_no_frames_again(config):
    first = prepare(config).stage
    before = sorted((p, p.stat().st_mtime_ns) for p in first.folder.rglob("*"))
    others = [
        replace(config, subjects_test=("B",)),
        replace(config, protocol="cross_camera", subjects_test=("C",)),
        replace(config, protocol="cross_action", train_actions=("Walk",), subjects_test=()),
        replace(config, subset=0.5),
        replace(config, protocol="rare_pose", subjects_test=()),
    ]
    for other in others:
        stage = prepare(other).stage
        files = [p for p in stage.folder.rglob("*") if p.is_file() and p.name != LOCK]
        own = {str(p.relative_to(stage.folder)) for p in files if p.stat().st_nlink == 1}
        assert own == {"manifest.json", "zarr.json"} and len(files) == 1 + len(stage.manifest["files"])
        for clip in stage.clips:
            (same,) = [c for c in first.clips if str(c) == str(clip)]
            mine, theirs = (s.read("pose_3d", c.start, c.start + c.length) for s, c in ((stage, clip), (first, same)))
            if other.subset == 1 or clip.split == "test":
                np.testing.assert_array_equal(mine, theirs)
            else:
                assert any(np.array_equal(mine, theirs[i : i + len(mine)]) for i in range(len(theirs) - len(mine) + 1))
    assert sorted((p, p.stat().st_mtime_ns) for p in first.folder.rglob("*")) == before


def test_any_range_of_frames_of_a_split_is_read(config):
    stage = prepare(replace(config, subjects_train=("C",), subjects_test=("A",))).stage
    whole, total = stage.read("root_cam_m"), sum(stage.manifest["frames"].values())
    assert len(whole) == total
    rng = np.random.default_rng(0)
    for start, stop in [(0, 0), (5, 5), (total, total + 3), *rng.integers(0, total + 2, (40, 2)).tolist()]:
        np.testing.assert_array_equal(stage.read("root_cam_m", start, stop), whole[start:stop])


def test_stages_share_files_whichever_was_there_first(config):
    """The stage of all clips holds the same arrays as one of a split."""
    whole = prepare(replace(config, protocol="cross_dataset", subjects_test=())).stage
    split = prepare(config).stage
    assert os.path.samefile(whole.folder / "pose_3d/c/0/0/0", split.folder / "pose_3d/c/0/0/0")
    shutil.rmtree(whole.folder)
    assert prepare(config).cached
    split.verify()
    again = prepare(replace(config, protocol="cross_dataset", subjects_test=())).stage
    assert os.path.samefile(again.folder / "pose_3d/c/0/0/0", split.folder / "pose_3d/c/0/0/0")


def test_files_of_a_damaged_stage_are_not_used_where_a_stage_is_made_again(config):
    stage, other = prepare(config).stage, prepare(replace(config, subjects_train=("B",))).stage
    damage_chunk(stage)
    with pytest.raises(StageError):
        other.verify()
    (stage.folder / "manifest.json").unlink()
    prepare(config).stage.verify()
    prepare(replace(config, subjects_train=("B",)), force=True).stage.verify()


def test_arrays_with_clips_at_other_places_are_not_shared(config):
    """As a version would write them that cuts clips in another way."""
    stage = prepare(config).stage
    path = stage.folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["frames_from"]["layout"] = "0" * 64
    path.write_text(json.dumps(with_digest(manifest)))
    other = prepare(replace(config, subjects_train=("B",))).stage
    assert not os.path.samefile(other.folder / "pose_3d/c/0/0/0", stage.folder / "pose_3d/c/0/0/0")


def test_a_stage_whose_files_are_taken_away_meanwhile_is_not_needed(config, monkeypatch):
    """As `cache clean` or `prepare --force` of another process does between finding it and linking its files."""
    first = prepare(config).stage
    monkeypatch.setattr("srnet_core.stages.writer.link_or_copy", lambda source, target: shutil.rmtree(first.folder))
    other = prepare(replace(config, subjects_train=("B",))).stage
    assert not first.folder.exists()
    other.verify()


def test_a_file_system_without_hard_links_gets_copies(config, monkeypatch):
    def none(*_, **__):
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr("os.link", none)
    stages = [prepare(one).stage for one in (config, replace(config, subjects_train=("B",)))]
    for stage in stages:
        stage.verify()
        assert all((stage.folder / name).stat().st_nlink == 1 for name in stage.manifest["files"])
    one, other = ((stage.folder / "pose_2d/c/0/0/0").read_bytes() for stage in stages)
    assert one == other


def test_frames_with_an_estimated_depth_depend_on_the_training_people_and_are_stored_with_them(config):
    estimated = replace(config, normalization="proj", root_depth="estimate")
    one, other = prepare(estimated).stage, prepare(replace(estimated, subjects_train=("B",))).stage
    assert "frames_from" not in one.manifest and "frames_from" not in other.manifest
    assert not os.path.samefile(one.folder / "pose_2d/c/0/0/0", other.folder / "pose_2d/c/0/0/0")


def test_every_piece_of_work_that_is_told_of_begins_and_ends(config):
    told: dict[str, list[tuple[int, int]]] = {}
    prepare(config, progress=lambda what, done, total: told.setdefault(what, []).append((done, total)))
    assert list(told) == [
        "checking files", "reading", "checking 3D against 2D", "writing frames", "checking what was written"
    ]  # fmt: skip
    assert all(calls[-1][0] == calls[-1][1] for calls in told.values()), told
    assert all(before <= after for calls in told.values() for before, after in itertools.pairwise(calls))


def test_running_again_finds_the_stage(config):
    first, second = prepare(config), prepare(config)
    assert not first.cached and second.cached and first.stage.folder == second.stage.folder


def test_force_makes_it_again_and_keeps_a_good_one_in_its_place(config):
    first = prepare(config).stage
    inode = (first.folder / "manifest.json").stat().st_ino
    assert not prepare(config, force=True).cached
    assert (first.folder / "manifest.json").stat().st_ino == inode  # nobody who reads it is disturbed


def test_force_replaces_a_stage_whose_bytes_have_changed(config):
    stage = prepare(config).stage
    damage_chunk(stage)
    assert prepare(config).cached  # sizes are right, so only reading or --force finds out
    prepare(config, force=True).stage.verify()
    assert {p for p in Path(config.cache_dir).iterdir() if p.is_dir()} == {stage.folder}


def test_a_chunk_lost_after_opening_is_not_read_as_zeros(config):
    stage = prepare(config).stage
    next(p for p in (stage.folder / "pose_3d" / "c").rglob("*") if p.is_file()).unlink()
    with pytest.raises(StageError, match="was removed"):
        stage.read("pose_3d")
    stage.read("pose_2d")


def test_settings_at_their_default_do_not_count(config, monkeypatch):
    key = stage_key(config, "small", ["x"])
    assert key == stage_key(DataConfig(**{**config.__dict__, "downsample": 1}), "small", ["x"])
    assert key != stage_key(DataConfig(**{**config.__dict__, "downsample": 2}), "small", ["x"])


EXPECTED = {  # normalization -> array -> mean absolute value over the whole small stage
    "base": {"pose_2d": 0.10421974, "pose_3d": 0.16751957, "root_cam_m": 1.7181336},
    "proj": {"pose_2d": 0.22234776, "pose_3d": 0.16743986, "norm_parameters": 624.41926, "root_cam_m": 1.7181336},
    "weak_proj": {"pose_2d": 0.22234776, "pose_3d": 0.16742147, "norm_parameters": 624.41926, "root_cam_m": 1.7181336},
    "lcn": {"pose_2d": 0.098194917, "pose_3d": 0.08907056, "norm_parameters": 767.85714, "root_cam_m": 1.7181336},
}


@pytest.mark.parametrize("normalization", EXPECTED)
def test_the_numbers_in_a_stage_are_those_of_its_version(config, normalization):
    """If this fails because the numbers were meant to change, raise STAGE_VERSION: old stages must not be served."""
    stage = prepare(DataConfig(**{**config.__dict__, "normalization": normalization})).stage
    found = {name: float(np.abs(stage.read(name).astype(np.float64)).mean()) for name in stage.manifest["arrays"]}
    assert STAGE_VERSION == 1 and found == pytest.approx(EXPECTED[normalization], rel=1e-5)


@pytest.mark.parametrize(
    "change", [{"subset": 0.5}, {"downsample": 2}, {"normalization": "lcn"}, {"actions": ("Walk",)}]
)
def test_what_decides_the_content_decides_the_key(config, change):
    other = DataConfig(**{**config.__dict__, **change})
    assert prepare(config).stage.folder != prepare(other).stage.folder


def test_a_new_time_stamp_on_the_same_bytes_is_still_the_same_stage(config, small_data):
    prepare(config)
    os.utime(small_data / "data_3d_small.npz", (1, 1))
    assert prepare(config).cached


def test_other_poses_make_another_stage(config, small_data, published_files):
    before = prepare(config).stage.folder
    published_files(small_data, "small", seed=1)
    assert prepare(config).stage.folder != before


def test_digest_is_not_remembered_for_a_file_that_just_changed(tmp_path):
    path, memo = tmp_path / "file", tmp_path / "memo.json"
    path.write_bytes(b"one")
    first = file_digest(path, memo)
    stamp = path.stat().st_mtime_ns
    path.write_bytes(b"two")
    os.utime(path, ns=(stamp, stamp))
    assert file_digest(path, memo) != first


def test_a_damaged_memo_only_costs_time(tmp_path):
    path, memo = tmp_path / "file", tmp_path / "memo.json"
    path.write_bytes(b"one")
    os.utime(path, (1, 1))
    for text in ("", "[]", "{", '{"x": 1}'):
        memo.write_text(text)
        assert file_digest(path, memo) == file_digest(path)


def test_subset_and_downsample_keep_consecutive_frames_the_same_for_all_cameras(config):
    full = prepare(config).stage
    part = prepare(DataConfig(**{**config.__dict__, "subset": 0.5, "downsample": 2})).stage
    starts = {}
    for sequence in part.split("train"):
        (whole,) = [
            s
            for s in full.split("train")
            if (s.subject, s.take, s.camera) == (sequence.subject, sequence.take, sequence.camera)
        ]
        assert sequence.length == round(-(-whole.length // 2) * 0.5)
        frames = full.read("root_cam_m", whole.start, whole.start + whole.length)[::2]
        kept = part.read("root_cam_m", sequence.start, sequence.start + sequence.length)
        offsets = [i for i in range(len(frames) - len(kept) + 1) if np.array_equal(frames[i : i + len(kept)], kept)]
        starts.setdefault((sequence.subject, sequence.take), set()).add(offsets[0])
    assert all(len(offsets) == 1 for offsets in starts.values())
    assert [s.length for s in part.split("test")] == [-(-s.length // 2) for s in full.split("test")]


def damage_chunk(stage: Stage) -> None:
    chunk = next((stage.folder / "pose_3d" / "c").rglob("0"))
    while chunk.is_dir():
        chunk = next(chunk.iterdir())
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 0x10
    chunk.write_bytes(content)


def test_a_flipped_bit_is_not_read_back(config):
    stage = prepare(config).stage
    damage_chunk(stage)
    with pytest.raises(StageError, match="damaged"):
        stage.read("pose_3d")
    with pytest.raises(StageError, match="have changed"):
        stage.verify()


def test_a_whole_stage_verifies(config):
    prepare(config).stage.verify()


def test_a_missing_chunk_is_noticed_and_the_stage_made_again(config):
    stage = prepare(config).stage
    chunk = next(p for p in (stage.folder / "pose_2d").rglob("*") if p.is_file() and p.name != "zarr.json")
    chunk.unlink()
    with pytest.raises(StageError, match="missing"):
        Stage.open(stage.folder)
    again = prepare(config)
    assert not again.cached
    again.stage.verify()


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"stage_version": 1}', '{"stage_version": 999, "files": {}}']
)
def test_a_damaged_manifest_is_no_stage(config, text):
    stage = prepare(config).stage
    (stage.folder / "manifest.json").write_text(text)
    with pytest.raises(StageError):
        Stage.open(stage.folder)
    assert not prepare(config).cached


def test_a_folder_without_manifest_is_no_stage(tmp_path):
    with pytest.raises(StageError, match="not a finished stage"):
        Stage.open(tmp_path)


def write_stage(folder: Path, rows: np.ndarray, manifest: dict) -> Stage:
    """A stage with one clip and frames of its own, whose root positions are `rows` (T, 3); its poses are zeros."""
    shapes = {"pose_2d": (17, 2), "pose_3d": (17, 3), "root_cam_m": (3,)}
    clip = {**manifest["sequences"][0], "start": 0, "length": len(rows)}
    manifest = {**manifest, "sequences": [clip], "frames": {"train": len(rows), "test": 0}}
    manifest.pop("frames_from")
    with StageWriter(folder, len(rows), shapes) as writer:
        for start in range(0, len(rows), 1000):
            part = rows[start : start + 1000]
            zeros = {name: np.zeros((len(part), *shape)) for name, shape in shapes.items()}
            writer.append({**zeros, "root_cam_m": part})
        writer.commit(manifest)
    return Stage.open(folder)


def test_more_than_a_chunk_comes_back_whole(config, tmp_path):
    rows = np.random.default_rng(0).random((2 * CHUNK_FRAMES + 77, 3), dtype=np.float32)
    stage = write_stage(tmp_path / "stages" / "stage", rows, prepare(config).stage.manifest)
    np.testing.assert_array_equal(stage.read("root_cam_m"), rows)
    np.testing.assert_array_equal(stage.read("root_cam_m", 16000, 33000), rows[16000:33000])
    assert [p.name for p in (tmp_path / "stages").iterdir()] == ["stage"]


def test_zeros_are_stored_like_anything_else(config, tmp_path):
    stage = write_stage(tmp_path / "stage", np.zeros((10, 3)), prepare(config).stage.manifest)
    assert not stage.read("root_cam_m").any() and not stage.read("pose_2d").any()


def test_leaving_without_commit_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), StageWriter(tmp_path / "stage", 10, {"root_cam_m": (3,)}) as writer:
        writer.append({"root_cam_m": np.zeros((5, 3))})
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_too_few_frames_are_refused(tmp_path):
    writing = StageWriter(tmp_path / "stage", 10, {"root_cam_m": (3,)})
    with pytest.raises(StageError, match="5 of 10 frames"), writing as writer:
        writer.append({"root_cam_m": np.zeros((5, 3))})
        writer.commit({})


def test_no_disk_space_is_said_before_anything_is_written(config, monkeypatch):
    usage = prepare_module.StageWriter._require_space.__globals__["shutil"].disk_usage(".")
    monkeypatch.setattr("srnet_core.stages.writer.shutil.disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(StageError, match="no disk space"):
        prepare(config)
    assert not list(Path(config.cache_dir).glob("*-cross_subject-*"))


def _prepare_slowly(config: DataConfig) -> None:
    append = StageWriter.append

    def slow(self, arrays):
        time.sleep(0.05)
        append(self, arrays)

    StageWriter.append = slow
    prepare(config)


def test_a_killed_prepare_leaves_no_stage_and_the_next_one_cleans_up(config):
    process = multiprocessing.get_context("spawn").Process(target=_prepare_slowly, args=(config,))
    process.start()
    cache = Path(config.cache_dir)
    deadline = time.monotonic() + 60
    while not list(cache.glob("*.tmp-*/.writer")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    leftovers = list(cache.glob("*.tmp-*"))
    assert leftovers and not any((p / "manifest.json").exists() for p in leftovers)
    prepared = prepare(config)
    assert not prepared.cached and not list(cache.glob("*.tmp-*"))
    prepared.stage.verify()


def test_processes_that_race_end_with_one_good_stage(config):
    context = multiprocessing.get_context("spawn")
    racers = [context.Process(target=_prepare_slowly, args=(config,)) for _ in range(3)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert [racer.exitcode for racer in racers] == [0, 0, 0]
    folders = [p for p in Path(config.cache_dir).iterdir() if p.is_dir()]
    assert len(folders) == 1
    for folder in folders:
        Stage.open(folder).verify()


def test_the_manifest_tells_inputs_and_counts(config):
    manifest = json.loads((prepare(config).stage.folder / "manifest.json").read_text())
    assert {i["name"] for i in manifest["inputs"]} == {"data_3d_small.npz", "data_2d_small_gt.npz"}
    assert manifest["frames"]["train"] + manifest["frames"]["test"] == sum(s["length"] for s in manifest["sequences"])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"subjects_test": ("X",)}, UnknownNameError, "no subject 'X'.*Choices: A, B, C"),
        ({"actions": ("Fly",)}, UnknownNameError, "no action 'Fly'.*Choices: Walk, Sit"),
        ({"test_cameras": (9,)}, UnknownNameError, "no camera '9'.*Choices: 0, 1"),
        ({"protocol": "cross_planet"}, UnknownNameError, "no protocol.*cross-action"),
        ({"normalization": "bass"}, UnknownNameError, "Did you mean 'base'"),
        ({"subjects_train": ("A", "C")}, ConfigError, "train and test overlap"),
        ({"subjects_test": ()}, ConfigError, "no customary split"),
        ({"train_actions": ("Walk",)}, ConfigError, "belongs to --protocol cross-action"),
    ],
)
def test_what_does_not_exist_is_said_with_the_choices(config, change, error, message):
    with pytest.raises(error, match=message):
        prepare(DataConfig(**{**config.__dict__, **change}))
