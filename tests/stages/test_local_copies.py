"""The space that copies of remote stages take on this machine: the limit, what goes first, and what never goes."""

import os
import time

import numpy as np
import pytest

from srnet_core.config import DataConfig, replace
from srnet_core.errors import ConfigError, StageError
from srnet_core.files import LOCAL_CACHE
from srnet_core.stages import local_copies
from srnet_core.stages.local_copies import LIMIT, LocalCopies, limit_bytes, mark_in_store, mark_used
from srnet_core.stages.place import local_folder
from srnet_core.stages.prepare import prepare


@pytest.fixture
def machine(tmp_path, monkeypatch):
    monkeypatch.setenv(LOCAL_CACHE, str(tmp_path / "machine"))
    monkeypatch.delenv(LIMIT, raising=False)
    return tmp_path / "machine"


def chunk(stage, name, size=100, used_s_ago=0.0):
    path = stage / "pose_3d" / "c" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    then = time.time() - used_s_ago
    os.utime(path, (then, then))
    return path


def test_what_was_used_longest_ago_goes_first_whatever_url_it_is_of(machine):
    one, two = machine / ("a" * 16) / "stage-1", machine / ("b" * 16) / "stage-2"
    old, new, older = (chunk(one, "0", used_s_ago=300), chunk(one, "1"), chunk(two, "0", used_s_ago=900))
    for stage in (one, two):
        mark_in_store(stage)
        (stage / "manifest.json").write_text("{}")
    other = chunk(machine / "kernels" / "stage-3", "0", 5000, used_s_ago=9000)  # no copy of a stage
    LocalCopies(300).added(0)
    assert old.exists() and new.exists() and older.exists(), "as much as the limit may stay"
    LocalCopies(299).added(0)
    assert not older.exists() and old.exists() and new.exists() and other.exists()
    mark_used(old)
    mark_used(new)
    os.utime(new, (time.time() - 100, time.time()))
    LocalCopies(150).added(0)
    assert old.exists() and not new.exists(), "reading keeps"
    LocalCopies(1).added(0)
    assert not old.exists() and (one / "manifest.json").exists()


def test_bytes_that_are_fetched_are_counted(machine, monkeypatch):
    stage, searches = machine / ("a" * 16) / "stage", []
    first = chunk(stage, "0", 100)
    mark_in_store(stage)
    shrink = local_copies._shrink
    monkeypatch.setattr(local_copies, "_shrink", lambda limit: (searches.append(1), shrink(limit))[1])
    copies = LocalCopies(250)
    for number in (1, 2):
        chunk(stage, str(number))
        copies.added(100)
    assert len(searches) == 2 and not first.exists(), "at the first bytes, and when the limit is passed"
    LocalCopies(float("inf")).added(10**12)
    assert len(searches) == 2


def test_what_cannot_be_fetched_again_stays(machine):
    in_store, making = (machine / ("a" * 16) / name for name in ("stage-1", "stage-2"))
    shared, own = chunk(in_store, "0", used_s_ago=500), chunk(making, "1", used_s_ago=900)
    os.link(shared, making / "pose_3d" / "c" / "0")
    elsewhere = chunk(in_store, "2", used_s_ago=500)
    os.link(elsewhere, machine / "a link of somebody else")
    mark_in_store(in_store)
    LocalCopies(1).added(0)
    assert shared.exists() and own.exists() and elsewhere.exists()
    mark_in_store(making)
    LocalCopies(1).added(0)
    assert not shared.exists() and not (making / "pose_3d" / "c" / "0").exists() and not own.exists()


def test_the_limit_is_given_or_of_the_environment(machine, monkeypatch):
    assert limit_bytes(None) == 50e9 and limit_bytes(2.5) == 2.5e9 and limit_bytes(0) == float("inf")
    monkeypatch.setenv(LIMIT, "3")
    assert limit_bytes(None) == 3e9 and limit_bytes(7) == 7e9
    for wrong in ("much", "-1", "inf", "nan"):
        monkeypatch.setenv(LIMIT, wrong)
        with pytest.raises(ConfigError, match=f"'{wrong}' is no size"):
            limit_bytes(None)
    with pytest.raises(ConfigError, match="local-cache-gb"):
        DataConfig(local_cache_gb=-1)


@pytest.fixture
def config(small_data, machine, tmp_path):
    pytest.importorskip("obstore", reason="obstore is not installed: pip install 'srnet[remote]'")
    url = (tmp_path / "store").as_uri()
    return DataConfig(dataset="small", data_dir=str(small_data), cache_dir=url, subjects_test=("C",))


def chunks_bytes(config):
    return sum(path.stat().st_size for path in local_folder(config.cache_dir).glob("*/*/c/**/*") if path.is_file())


def test_a_stage_larger_than_the_limit_is_read_and_stays_within_it(config):
    stage = prepare(config).stage
    every = {name: stage.read(name) for name in stage.manifest["arrays"]}
    assert chunks_bytes(config) > 2000
    tight = replace(config, local_cache_gb=2e-6)
    prepared = prepare(tight)
    assert chunks_bytes(config) <= 2000, "a smaller limit holds at once"
    assert prepared.cached and prepared.stage.manifest == stage.manifest, "the limit makes no other stage"
    for name, values in every.items():
        np.testing.assert_array_equal(prepared.stage.read(name, 3), values[3:])
        prepared.stage.verify()
        assert chunks_bytes(config) <= 2000
    assert not prepare(replace(tight, subjects_test=("B",))).cached, "made of frames that are fetched again"
    prepare(replace(tight, subjects_test=("B",))).stage.verify()


def test_a_chunk_removed_while_it_is_read_is_fetched_again(config, monkeypatch):
    stage = prepare(config).stage
    whole, removals, read = stage.read("pose_2d"), [], type(stage)._read_here

    def removed_first(self, name, start, stop):
        if len(removals) < limit:
            removals.append(name)
            for path in (self.folder / name).glob("c/**/*"):
                if path.is_file():
                    path.unlink()
        return read(self, name, start, stop)

    monkeypatch.setattr(type(stage), "_read_here", removed_first)
    limit = 2
    np.testing.assert_array_equal(stage.read("pose_2d"), whole)
    assert len(removals) == 2
    limit = 99
    with pytest.raises(StageError, match="was removed while it was read"):
        stage.read("pose_2d")
