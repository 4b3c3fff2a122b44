"""Files that DeepLabCut writes beside its tables: they are named, and the message says which file to give."""

import pickle

import numpy as np
import pytest

from srnet_core.errors import BadFileError
from srnet_core.keypoints import describe

ASSEMBLY = np.column_stack([np.random.default_rng(0).uniform(50, 400, (17, 2)), np.full(17, 0.9), np.zeros(17)])
FULL = {
    "metadata": {"nms radius": 5, "PAFgraph": [[0, 1]], "all_joints_names": ["a", "b"]},
    "frame00000": {"coordinates": [[np.ones((1, 2))] * 5], "confidence": [np.ones((1, 1))] * 5, "costs": {}},
}


@pytest.mark.parametrize(
    "value, words",
    [
        (FULL, "_full.pickle.*stitch_tracklets"),
        ({0: [ASSEMBLY, ASSEMBLY], 1: [ASSEMBLY]}, "_assemblies.pickle.*stitch_tracklets"),
        ({0: [ASSEMBLY], 1: [], "single": {0: np.ones((1, 3))}}, "_assemblies.pickle"),
        ({"data": {"Scorer": "DLC", "DLC-model-config file": {}, "fps": 30.0}}, "_meta.pickle.*table"),
        ({"header": ["x"], 0: {"frame000": np.ones(51)}}, "pieces of DeepLabCut's tracks"),
    ],
)
def test_pickles(tmp_path, value, words):
    (tmp_path / "a.pickle").write_bytes(pickle.dumps(value))
    with pytest.raises(BadFileError, match=words):
        describe(tmp_path / "a.pickle")


def test_people_of_other_programs_are_read_all_the_same(tmp_path):
    """Four columns without confidences and groups in them are no animals of DeepLabCut."""
    people = {i: [np.random.default_rng(i).uniform(50, 400, (17, 4))] for i in range(9)}
    (tmp_path / "a.pickle").write_bytes(pickle.dumps(people))
    try:
        describe(tmp_path / "a.pickle")
    except BadFileError as error:
        assert "DeepLabCut" not in str(error)


@pytest.mark.parametrize("bones", [1, 3])
def test_the_table_of_bones(tmp_path, bones):
    names = [f"bone_{i}" for i in range(bones) for _ in range(3)]
    rows = [["", *names], ["", *["length", "orientation", "likelihood"] * bones]]
    rows += [[str(i), *["10.5", "20.0", "0.9"] * bones] for i in range(5)]
    (tmp_path / "a.csv").write_text("\n".join(map(",".join, rows)))
    with pytest.raises(BadFileError, match="table of bones"):
        describe(tmp_path / "a.csv")
