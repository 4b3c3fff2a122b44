"""The stages in a cache folder: found, verified, removed."""

import hashlib
import os
from pathlib import Path

import pytest

from srnet_core.config import DataConfig
from srnet_core.files import LOCK, make_temporary_folder
from srnet_core.stages.catalog import find_stages, freed_bytes, removable, remove, verify_stages
from srnet_core.stages.local_copies import mark_in_store
from srnet_core.stages.prepare import prepare


@pytest.fixture
def cache(small_data, tmp_path):
    """A cache with the stages of two splits, which share the files of their frames."""
    for test in ("B", "C"):
        prepare(
            DataConfig(dataset="small", data_dir=str(small_data), cache_dir=str(tmp_path / "c"), subjects_test=(test,))
        )
    return tmp_path / "c"


def size_of(folder, *names):
    return sum((folder / name).stat().st_size for name in names)


def test_shared_files_are_counted_for_the_older_stage(cache):
    newer, older = find_stages(cache)
    assert {e.stage.manifest["config"]["subjects_test"][0] for e in (newer, older)} == {"B", "C"}
    assert newer.problem == older.problem == ""
    assert older.bytes == sum(path.stat().st_size for path in older.folder.rglob("*") if path.is_file())
    assert newer.bytes == size_of(newer.folder, "manifest.json", "zarr.json")
    assert find_stages(cache / "nothing") == []


def test_verifying_reads_every_byte(cache):
    assert [entry.problem for entry in verify_stages(find_stages(cache))] == ["", ""]
    path = find_stages(cache)[0].folder / "pose_2d/c/0/0/0"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert [entry.problem for entry in find_stages(cache)] == ["", ""], "opening reads no chunks"
    problems = [entry.problem for entry in verify_stages(find_stages(cache))]
    assert all("have changed" in problem for problem in problems), "both have that file"


@pytest.mark.parametrize("kept", ["nothing", "zarr.json", "one chunk"])
def test_a_copy_of_a_stage_in_a_store_may_lack_files(cache, kept):
    """One that was fetched in part was called damaged, and cache clean removed it."""
    whole, copy = find_stages(cache)
    stays = {"nothing": (), "zarr.json": ("zarr.json",), "one chunk": ("zarr.json", "pose_2d/c/0/0/0")}[kept]
    for path in copy.folder.rglob("*"):
        name = path.relative_to(copy.folder).as_posix()
        if path.is_file() and name != "manifest.json" and not name.endswith(stays or "nothing"):
            path.unlink()
    damaged = next(entry for entry in find_stages(cache) if entry.folder == copy.folder)
    assert "missing" in damaged.problem and not damaged.copy
    mark_in_store(copy.folder)
    for entries in (find_stages(cache), list(verify_stages(find_stages(cache)))):
        assert [entry.problem for entry in entries] == ["", ""] and not removable(entries)
        found = next(entry for entry in entries if entry.copy)
        assert found.folder == copy.folder and found.stage.manifest == copy.stage.manifest
        here = [copy.folder / name for name in copy.stage.manifest["files"] if (copy.folder / name).exists()]
        assert found.stage.bytes_here == sum(path.stat().st_size for path in here) < found.stage.bytes
    assert whole.stage.bytes_here == whole.stage.bytes


@pytest.mark.parametrize("name", ["pose_2d/c/0/0/0", "pose_2d/zarr.json"])
def test_what_is_there_of_a_copy_is_read(cache, name):
    entry = find_stages(cache)[0]
    mark_in_store(entry.folder)
    (entry.folder / "pose_3d/c/0/0/0").unlink()
    content = bytearray((entry.folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (entry.folder / name).write_bytes(content)
    found = next(seen for seen in verify_stages(find_stages(cache)) if seen.folder == entry.folder)
    assert found.copy and name in found.problem and entry.folder in [e.folder for e in removable([found])]
    (entry.folder / name).write_bytes(content[:-1])
    assert next(seen for seen in find_stages(cache) if seen.folder == entry.folder).problem


def test_a_file_of_several_stages_is_read_once(cache, monkeypatch):
    read, digest = [], hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda file, how: (read.append(file.name), digest(file, how))[1])
    entries = find_stages(cache)
    assert [entry.problem for entry in verify_stages(entries)] == ["", ""]
    assert len(read) == len(entries[0].stage.manifest["files"]) + 1, "of the second stage its zarr.json only"


def test_only_what_is_broken_goes_unless_more_is_asked_for(cache):
    assert removable(find_stages(cache)) == []
    assert len(removable(find_stages(cache), older_than_s=0)) == 2
    split = find_stages(cache)[0]
    (split.folder / "manifest.json").write_text("{}")
    assert [entry.folder for entry in removable(find_stages(cache))] == [split.folder]


def test_a_stage_stays_whole_when_one_that_it_shares_files_with_is_removed(cache):
    older = find_stages(cache)[1]
    for path in [older.folder, *older.folder.rglob("*")]:
        os.utime(path, (1e9, 1e9))
    entries = find_stages(cache)
    (old,) = removable(entries, older_than_s=1e6)
    assert old.folder == older.folder
    assert freed_bytes([old], entries) == size_of(old.folder, "manifest.json", "zarr.json"), "the other has the rest"
    assert freed_bytes(entries, entries) == sum(entry.bytes for entry in entries)
    assert remove(old)
    (left,) = verify_stages(find_stages(cache))
    assert left.problem == "" and left.bytes == sum(p.stat().st_size for p in left.folder.rglob("*") if p.is_file())


def test_removing(cache):
    (cache / "other.txt").write_text("")
    for entry in removable(find_stages(cache), older_than_s=0):
        assert remove(entry)
    assert find_stages(cache) == [] and (cache / "other.txt").exists()


def test_a_folder_that_is_being_written_stays(cache):
    temporary = make_temporary_folder(cache / "stage")
    try:
        (entry,) = [e for e in find_stages(cache) if e.unfinished]
        assert not remove(entry) and Path(temporary.path).exists()
    finally:
        temporary.lock.release()
    assert (temporary.path / LOCK).exists() and remove(entry)
