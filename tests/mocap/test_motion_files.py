"""Motion files recognized by their content, described, and split into people."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from motion_making import bvh_text, moving

sys.path.insert(0, str(Path(__file__).parent.parent / "readers"))
from c3d_making import make_c3d
from mocap_damage import AMC, ASF, TABLES

from srnet_core.errors import BadFileError, InputFileMissing
from srnet_core.mocap.files import describe, find_files, read_motion, recognize, split_people
from srnet_core.motion import METRES_PER_UNIT, Motion, unit_of
from srnet_core.skeletons.h36m17 import JOINTS

CONTENT = {
    "bvh": bvh_text().encode(),
    "amc": AMC,
    "asf": ASF,
    "c3d": make_c3d(),
    "fbx": b"Kaydara FBX Binary  \0\x1a\0",
    "trc": b"PathFileType\t4\t(X/Y/Z)\ta.trc\n",
    **{kind: texts[0].encode() for kind, texts in TABLES.items()},
    None: b"just words",
}


@pytest.mark.parametrize("kind", CONTENT)
def test_kinds_are_recognized_without_their_ending(tmp_path, kind):
    path = tmp_path / "file.dat"
    path.write_bytes(CONTENT[kind])
    assert recognize(path) == kind


@pytest.mark.parametrize(
    ("kind", "words"),
    [("asf", "skeleton without motion"), ("fbx", "is not read"), (None, "is none of bvh, amc, c3d, trc")],
)
def test_kinds_that_are_not_read(tmp_path, kind, words):
    path = tmp_path / "file.dat"
    path.write_bytes(CONTENT[kind])
    with pytest.raises(BadFileError, match=words):
        read_motion(path)
    with pytest.raises(InputFileMissing):
        read_motion(tmp_path / "none")


def test_files_of_a_folder_in_the_order_of_their_numbers(tmp_path):
    for name in ("b/10.bvh", "b/9.bvh", "a.bvh", ".hidden.bvh", "b/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(CONTENT["bvh"] if name.endswith("bvh") else b"text")
    assert [p.relative_to(tmp_path).as_posix() for p in find_files(tmp_path)] == ["a.bvh", "b/9.bvh", "b/10.bvh"]
    assert find_files(tmp_path / "a.bvh") == [tmp_path / "a.bvh"]
    with pytest.raises(InputFileMissing, match="no such file or folder"):
        find_files(tmp_path / "none")


def test_two_skeletons_of_one_file_are_two_people(tmp_path):
    first = bvh_text(3)
    hierarchy, motion = first.removeprefix("HIERARCHY\n").split("MOTION")
    header, *frames = motion.strip().splitlines()[1:]
    text = (
        f"HIERARCHY\n{hierarchy}{hierarchy}MOTION\nFrames: 3\n{header}\n" + "\n".join(f"{f} {f}" for f in frames) + "\n"
    )
    (tmp_path / "two.bvh").write_text(text, encoding="utf-8")
    people = split_people(read_motion(tmp_path / "two.bvh"))
    assert len(people) == 2
    a, b = people.values()
    np.testing.assert_array_equal(a.positions, b.positions)
    assert a.names == b.names and a.parents == b.parents and a.ends == b.ends
    assert describe(tmp_path / "two.bvh")["people"] == 2


def test_a_description(tmp_path):
    (tmp_path / "a.c3d").write_bytes(make_c3d(moving(10), labels=JOINTS, units="m", rate=69.99))
    found = describe(tmp_path / "a.c3d")
    assert json.loads(json.dumps(found))["fps"] == pytest.approx(69.99, abs=1e-4)
    assert {k: found[k] for k in ("kind", "format", "layout", "frames", "people", "joints", "units", "image_size")} == {
        "kind": "motion-capture",
        "format": "c3d",
        "layout": "h36m17",
        "frames": 10,
        "people": 1,
        "joints": 17,
        "units": "m",
        "image_size": None,
    }
    (tmp_path / "a.bvh").write_bytes(CONTENT["bvh"])
    found = describe(tmp_path / "a.bvh")
    assert (found["layout"], found["joints"], found["units"]) == ("motionbuilder", 16, None)


def test_descriptions_of_the_reference_files(shared_dir):
    expected = json.loads((shared_dir / "wild/EXPECT.json").read_text(encoding="utf-8"))
    seen = 0
    for name, row in expected.items():
        kind, _, file = name.partition("/")
        joints = row.get("joints", row.get("points"))
        if kind not in ("bvh", "c3d") or not joints:
            continue
        found = describe(shared_dir / "wild" / kind / file)
        assert (found["frames"], found["joints"], found["people"]) == (row["frames"], joints, 1), name
        assert found["fps"] == pytest.approx(row.get("fps", row.get("rate")), abs=1e-4)
        assert found["units"] == row.get("units"), name
        seen += 1
    assert seen == 21


@pytest.mark.parametrize(
    ("text", "unit"),
    [("mm", "mm"), ("Meters", "m"), (" CM ", "cm"), ("in.", "in"), ("px", None), ("", None), (None, None)],
)
def test_words_for_units(text, unit):
    assert unit_of(text) == unit and (unit is None or unit in METRES_PER_UNIT)


@pytest.mark.parametrize(
    "wrong",
    [{"positions": np.zeros((2, 3, 3))}, {"parents": (0, 0)}, {"parents": (-1, 2)}, {"parents": (-1,)}, {"up": "up"}],
)
def test_motions_that_do_not_fit_together(wrong):
    with pytest.raises(BadFileError):
        Motion(**({"format": "bvh", "names": ("a", "b"), "parents": (-1, 0), "positions": np.zeros((2, 2, 3))} | wrong))
