"""Damage at random: only errors of srnet come out. `tests/fuzz_readers.py` does the same for as long as one likes."""

import io
import random
import zipfile

import h5py
import pytest
from fuzz_readers import damaged, damaged_hdf5, damaged_npz, run
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from keypoint_files import ALL_WRITERS, WRITERS, trc_text
from support.tries import tries

from srnet_core.errors import SrnetError
from srnet_core.keypoints import describe

ONE_OF_EACH_FORMAT = {format: kind for kind, (_, format, *_) in reversed(WRITERS.items())}
QUICK = settings(max_examples=tries(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("kind", ALL_WRITERS)
def test_damaged_files(kind):
    assert run([kind], inputs=tries(25), seed=1) == []


def test_the_fuzzer_would_see_a_wrong_error(monkeypatch):
    import fuzz_readers

    def broken(path):
        raise KeyError("x")

    monkeypatch.setattr(fuzz_readers, "describe", broken)
    assert len(run(["npz"], inputs=3, seed=1)) == 3


def test_the_fuzzer_tells_of_problems_when_they_occur(monkeypatch):
    import fuzz_readers

    def broken(path):
        raise KeyError("x")

    monkeypatch.setattr(fuzz_readers, "describe", broken)
    lines = []
    run(["npz"], inputs=2, seed=1, report=lines.append)
    assert ["KeyError" in line for line in lines] == [True, True, False]
    assert lines[2].startswith("npz: 2 inputs, 2 problems")


@pytest.mark.parametrize("kind", ["npz", "sleap"])
def test_most_damaged_arrays_are_in_files_that_can_be_opened(tmp_path, kind):
    """Damage of bytes alone would hardly reach the readers: the checksums of a zip file find it."""
    whole = WRITERS[kind][0](tmp_path / "a").read_bytes()
    damage = damaged_npz if kind == "npz" else damaged_hdf5
    opened = 0
    for seed in range(20):
        made = damage(whole, random.Random(seed))
        assert made[:4] == whole[:4]
        if kind == "npz":
            opened += zipfile.ZipFile(io.BytesIO(made)).testzip() is None
        else:
            with h5py.File(io.BytesIO(made)) as file:
                opened += len(file) >= 0
    assert opened == 20


def test_damage_changes_the_file():
    whole = b"[" + b"1, 2, 3, 4, " * 10 + b"5]"
    assert sum(damaged(whole, random.Random(seed)) != whole for seed in range(20)) > 15


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "people",
                    "pose_keypoints_2d",
                    "image_id",
                    "keypoints",
                    "instances",
                    "frame_id",
                    "keypoint_scores",
                    "data",
                    "skeleton",
                    "pose",
                    "score",
                    "frames",
                    "landmarks",
                    "x",
                    "y",
                    "Bodies",
                    "Joints2D",
                    "Position",
                    "X",
                    "Y",
                    "annotations",
                    "images",
                    "id",
                    "categories",
                    "meta_info",
                    "instance_info",
                    "idx",
                    "bodies",
                    "joints",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@QUICK
@given(value=JSON)
def test_json_of_the_right_words_in_the_wrong_places(tmp_path, value):
    import json

    path = tmp_path / "a.json"
    path.write_text(json.dumps(value))
    try:
        describe(path)
    except SrnetError as error:
        assert "\n" not in str(error)


@QUICK
@given(
    names=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6), max_size=5),
    rows=st.lists(st.lists(st.floats() | st.text(max_size=4), max_size=9), max_size=4),
    separator=st.sampled_from("\t,; "),
)
@example(names=["0"], rows=[["\xa0"]], separator="\t")  # a row of a blank that is no space
def test_tables_of_anything(tmp_path, names, rows, separator):
    path = tmp_path / "a.trc"
    table = separator.join(["frame", *names]) + "\n" + "\n".join(separator.join(map(str, row)) for row in rows)
    for text in (trc_text(names, rows, separator=separator), table):
        path.write_text(text or " ", encoding="utf-8")
        try:
            describe(path)
        except SrnetError as error:
            assert "\n" not in str(error)
