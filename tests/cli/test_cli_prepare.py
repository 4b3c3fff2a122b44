"""srnet prepare: what goes where, the cache, and what cannot be prepared."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from support.cli import DATA

from srnet_core.stages.writer import LOCK, StageWriter

pytestmark = pytest.mark.usefixtures("own_data")
P3, P2 = Path("data/data_3d_small.npz"), Path("data/data_2d_small_gt.npz")


def stages() -> list[Path]:
    return sorted(p for p in Path("cache").iterdir() if p.is_dir())


def test_it_says_what_went_where_and_then_says_cached(srnet):
    first = srnet("prepare", *DATA).ok()
    assert "small, gt 2D, cross-subject, normalization base" in first.out
    assert [line.split() for line in first.out.splitlines() if line.startswith(("train", "test"))] == [
        ["train", "A,", "B", "Walk,", "Sit", "0,", "1", "12", "376"],
        ["test", "C", "Walk,", "Sit", "0,", "1", "6", "188"],
    ]
    assert f"written: {stages()[0]}" in first.out and "shared" not in first.out
    assert f"cached: {stages()[0]}" in srnet("prepare", *DATA).ok().out
    assert "written: " in srnet("prepare", *DATA, "--force").ok().out
    assert len(stages()) == 1 and first.err == ""
    assert "shared with other stages), key" in srnet("prepare", *DATA, "--subset", "0.5").ok().out


@pytest.mark.parametrize(
    ("options", "train", "test"),
    [
        (("--protocol", "cross-action", "--train-action", "Walk"), "A, B, C Walk", "A, B, C Sit"),
        (("--protocol", "cross_action", "--train-action", "Sit", "--subjects-test", "B"), "A, B, C Sit", "B Walk"),
        (
            ("--protocol", "cross-camera", "--train-camera", "1", "--subjects-test", "C"),
            "A, B Walk, Sit 1",
            "C Walk, Sit 0",
        ),
        (("--subjects-train", "C", "--subjects-test", "A,B", "--actions", "Sit"), "C Sit", "A, B Sit"),
    ],
)
def test_protocols(srnet, options, train, test):
    lines = [" ".join(line.split()) for line in srnet("prepare", "--dataset", "small", *options).ok().out.splitlines()]
    assert any(line.startswith(f"train {train}") for line in lines)
    assert any(line.startswith(f"test {test}") for line in lines)


def test_downsample_and_subset_count(srnet):
    halved = srnet("prepare", *DATA, "--downsample", "2", "--subset", "0.5").ok().out
    assert "train A, B" in halved and " 96 " in halved.replace("\n", " ") and len(stages()) == 1


def test_lists_of_many_names_are_shortened(srnet):
    from support.small_data import write_published

    write_published(Path("data"), "many", subjects=tuple(f"P{i}" for i in range(12)), takes={"Walk": 4})
    out = srnet("prepare", "--dataset", "many", "--subjects-test", "P11").ok().out
    assert "11: P0, P1, P2, P3, P4, P5, P6 ..." in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--subjects-test", "Z"), ("--subjects-test", "no subject 'Z'", "Choices: A, B, C")),
        (("--subjects-test", "C", "--actions", "Wlak"), ("--actions", "Did you mean 'Walk'?", "Choices: Walk, Sit")),
        (("--subjects-test", "C", "--test-camera", "2"), ("--test-camera", "no camera '2'", "Choices: 0, 1")),
        (("--subjects-test", "C", "--subjects-train", "C"), ("overlap", "C", "different subjects")),
        (
            ("--subjects-test", "C", "--protocol", "cross-foo"),
            ("--protocol", "cross-action, cross-camera, cross-dataset, cross-subject"),
        ),
        (("--subjects-test", "C", "--norm", "bsae"), ("--norm", "Did you mean 'base'?", "lcn", "weak_proj")),
        (("--subjects-test", "C", "--keypoints", "cpn"), ("data_2d_small_cpn.npz", "gt", "--keypoints")),
        (("--subjects-test", "C", "--train-action", "Walk"), ("--train-action", "--protocol cross-action")),
        (("--protocol", "cross-action"), ("--train-action", "Choices: Walk, Sit")),
        (("--protocol", "cross-camera", "--train-camera", "0", "--test-camera", "0"), ("camera 0 is in both",)),
        ((), ("no customary split", "--subjects-test")),
        (("--dataset", "../x"), ("--dataset", "must consist of letters")),
        (("--dataset", "smal"), ("data_3d_smal.npz", "small", "--data-dir")),
        (("--dataset", "h36m"), ("data_3d_h36m.npz", "data_2d_h36m_gt.npz", "VideoPose3D", "--dataset synthetic")),
        (("--subset", "0"), ("--subset", "(0, 1]")),
        (("--downsample", "0"), ("--downsample", "1 or more")),
        (("--cache-dir", "data/data_3d_small.npz/x", "--subjects-test", "C"), ("data/data_3d_small.npz",)),
    ],
)
def test_what_cannot_be_prepared(srnet, options, said):
    srnet("prepare", "--dataset", "small", *options).refused(*said)
    assert not Path("cache").exists() or not stages()


def rewritten(path: Path, change) -> None:
    """Load a file of our own making, change its members, write it again."""
    with np.load(path, allow_pickle=True) as file:
        members = {name: file[name].item() for name in file.files}
    change(members)
    np.savez(path, **members)


class Hostile:
    def __reduce__(self):
        return os.system, ("touch hacked",)


def set_poses(value):
    return lambda members: members["positions_3d"]["A"].update(Walk=value)


def add_a_camera(members):
    members["positions_2d"]["A"]["Walk"].append(members["positions_2d"]["A"]["Walk"][0])


def cut_2d(members):
    members["positions_2d"]["A"]["Walk"][0] = members["positions_2d"]["A"]["Walk"][0][:10]


@pytest.mark.parametrize(
    ("path", "change", "said"),
    [
        (P3, lambda m: m.update(poses=m.pop("positions_3d")), ("no 'positions_3d'", "It has: ", "poses")),
        (P2, lambda m: m.update(poses=m.pop("positions_2d")), ("no 'positions_2d'",)),
        (P3, set_poses(np.zeros((40, 16, 3), np.float32)), ("different numbers of joints: 16, 17",)),
        (P3, set_poses(np.zeros((40, 17), np.float32)), ("A/Walk",)),
        (P2, add_a_camera, ("A/Walk", "3 cameras")),
        (P2, cut_2d, ("A/Walk", "10 frames of 2D", "40 of 3D")),
        (P3, lambda m: m.update(positions_3d={}), ("no takes",)),
        (P3, lambda m: m.update(positions_3d=[1]), ("must be a dict",)),
        (P3, set_poses(Hostile()), ("system", "nothing of it was run")),
        (P2, lambda m: m.update(metadata=Hostile()), ("system", "nothing of it was run")),
    ],
)
def test_bad_contents_are_named(srnet, path, change, said):
    rewritten(path, change)
    srnet("prepare", *DATA).refused(str(path), *said)
    assert not Path("hacked").exists()


@pytest.mark.parametrize("path", [P3, P2])
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda b: b"", "is empty"),
        (lambda b: b[: len(b) // 2], "the end of the zip file is missing"),
        (lambda b: b"no zip at all" * 9, "not an .npz file"),
    ],
    ids=["empty", "truncated", "text"],
)
def test_damaged_files(srnet, path, damage, said):
    path.write_bytes(damage(path.read_bytes()))
    srnet("prepare", *DATA).refused(str(path), said)


def test_a_missing_file(srnet):
    P2.unlink()
    srnet("prepare", *DATA).refused("data_2d_small_gt.npz", "not there")


def test_a_killed_prepare_leaves_nothing_that_counts(srnet):
    """What a killed process leaves is a folder under another name; the next run removes it and starts anew."""
    srnet("prepare", *DATA).ok()
    (folder,) = stages()
    leftover = folder.rename(f"{folder}.tmp-killed")
    (leftover / LOCK).touch()  # which nobody holds any more
    assert "written: " in srnet("prepare", *DATA).ok().out
    assert stages() == [folder]


def test_no_disk_space_before_writing(srnet, monkeypatch):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("srnet_core.stages.writer.shutil.disk_usage", lambda _: usage)
    srnet("prepare", *DATA).refused("cache", "no disk space", "--cache-dir", code=1)


def test_no_disk_space_while_writing(srnet, monkeypatch):
    def full(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(StageWriter, "_flush", full)
    srnet("prepare", *DATA).refused("cache", "No space left", "--cache-dir", code=1)
    assert stages() == []


def test_a_damaged_stage_is_made_again(srnet):
    srnet("prepare", *DATA).ok()
    (chunk, *_) = (p for p in stages()[0].rglob("*") if p.is_file() and "c" in p.parts)
    chunk.unlink()
    assert "written: " in srnet("prepare", *DATA).ok().out


def test_a_file_saved_by_someone_else_is_read_without_running_it(srnet):
    """The reader never looks a callable up: an object of another program is no array of numbers."""
    buffer = io.BytesIO()
    np.savez(buffer, positions_3d={"A": {"Walk": Path("x")}}, metadata={})
    P3.write_bytes(buffer.getvalue())
    srnet("prepare", *DATA).refused(str(P3), "A/Walk: must be an array of numbers")
