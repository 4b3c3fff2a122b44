"""The stages in a cache folder: found, verified, removed."""

import os
from pathlib import Path

import pytest

from srnet_core.config import DataConfig
from srnet_core.files import LOCK, make_temporary_folder
from srnet_core.stages.catalog import find_stages, freed_bytes, removable, remove, verify_stages
from srnet_core.stages.prepare import prepare


@pytest.fixture
def cache(small_data, tmp_path):
    """A cache with the stages of two splits, which share the files of the stage of the whole data set."""
    for test in ("B", "C"):
        prepare(
            DataConfig(dataset="small", data_dir=str(small_data), cache_dir=str(tmp_path / "c"), subjects_test=(test,))
        )
    return tmp_path / "c"


def chunk(stage):
    return next(path for path in sorted(stage.folder.rglob("*")) if path.parent.name.isdigit() and path.is_file())


def test_stages_are_found_with_the_stage_of_their_frames(cache):
    entries = find_stages(cache)
    splits = [entry for entry in entries if entry.frames_in is not None]
    (whole,) = [entry for entry in entries if entry.frames_in is None]
    assert len(splits) == 2 and {entry.frames_in for entry in splits} == {whole.folder}
    assert all(entry.problem == "" and entry.stage is not None for entry in entries)
    assert whole.bytes == sum(path.stat().st_size for path in whole.folder.rglob("*") if path.is_file())
    for split in splits:
        own = ("manifest.json", "zarr.json")
        assert split.bytes == sum((split.folder / name).stat().st_size for name in own)
    assert find_stages(cache / "nothing") == []


def test_verifying_reads_every_byte(cache):
    assert [entry.problem for entry in verify_stages(find_stages(cache))] == [""] * 3
    (whole,) = [entry for entry in find_stages(cache) if entry.frames_in is None]
    path = chunk(whole)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert [entry.problem for entry in find_stages(cache)] == [""] * 3, "opening reads no chunks"
    problems = [entry.problem for entry in verify_stages(find_stages(cache))]
    assert all("have changed" in problem for problem in problems), "all three have that file"


def test_a_file_of_several_stages_is_read_once(cache, monkeypatch):
    import hashlib

    read, digest = [], hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda file, how: (read.append(file.name), digest(file, how))[1])
    entries = find_stages(cache)
    assert [entry.problem for entry in verify_stages(entries)] == [""] * 3
    (whole,) = [entry for entry in entries if entry.frames_in is None]
    assert len(read) == len(whole.stage.manifest["files"]) + 2, "those of the frames, and a zarr.json of each split"


def test_only_what_is_broken_goes_unless_more_is_asked_for(cache):
    assert removable(find_stages(cache)) == []
    assert len(removable(find_stages(cache), older_than_s=0)) == 3
    split = next(entry for entry in find_stages(cache) if entry.frames_in is not None)
    (split.folder / "manifest.json").write_text("{}")
    assert [entry.folder for entry in removable(find_stages(cache))] == [split.folder]


def test_stages_stay_whole_when_the_one_they_share_files_with_is_removed(cache):
    for entry in find_stages(cache):
        if entry.frames_in is None:
            for path in [entry.folder, *entry.folder.rglob("*")]:
                os.utime(path, (1e9, 1e9))
    entries = find_stages(cache)
    (old,) = removable(entries, older_than_s=1e6)
    own = sum((old.folder / name).stat().st_size for name in ("manifest.json", "zarr.json"))
    assert old.frames_in is None and freed_bytes([old], entries) == own, "the rest is in the splits too"
    assert freed_bytes(entries, entries) == sum(entry.bytes for entry in entries)
    assert remove(old)
    assert [entry.problem for entry in verify_stages(find_stages(cache))] == [""] * 2
    counted = sorted(entry.bytes for entry in find_stages(cache))
    assert counted[1] - counted[0] > 0.5 * (old.bytes - own), "the shared files are counted for one of them"


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
