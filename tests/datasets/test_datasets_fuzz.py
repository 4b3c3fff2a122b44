"""Values of the wrong kind anywhere in the files of a data set: only errors of srnet come out."""

import pickle
import random
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "readers"))
from c3d_making import make_c3d
from mocap_damage import damaged
from motion_making import bvh_text, moving
from support.tries import tries
from test_mpi_inf_3dhp import write_pair, write_pstmo
from test_threedpw import sequence

from srnet_core import datasets
from srnet_core.datasets.mocap import import_mocap
from srnet_core.datasets.threedpw import import_3dpw
from srnet_core.errors import UserMistake
from srnet_core.skeletons.h36m17 import JOINTS

ODD = [
    None,
    True,
    0,
    -1,
    1e300,
    "text",
    b"bytes",
    [],
    {},
    (),
    np.zeros(0),
    np.zeros((4, 17, 3)),
    np.ones((0, 17, 3)),
    np.float32(2),
    np.full((3, 17, 2), np.nan),
    np.array("a"),
    np.full((5, 17, 3), 1e300),
    np.zeros((1, 1, 17, 3)),
    {"0": {}},
    [None, None],
    {1: 2},
    np.arange(51.0).reshape(1, 17, 3),
]


def spoiled(value, rng, chance=0.15):
    """The same value with parts of it replaced, left out or changed."""
    if rng.random() < chance:
        return rng.choice(ODD)
    if isinstance(value, dict):
        items = [(k, spoiled(v, rng, chance)) for k, v in value.items() if rng.random() > chance / 3]
        return dict(items)
    if isinstance(value, (list, tuple)):
        return type(value)(spoiled(v, rng, chance) for v in value if rng.random() > chance / 3)
    if isinstance(value, np.ndarray) and value.ndim and rng.random() < chance:
        cut = value[: rng.randrange(len(value) + 1)].copy()
        if cut.size and rng.random() < 0.5:
            cut.reshape(-1)[rng.randrange(cut.size)] = rng.choice([0, 100])
        return cut * (rng.choice([1, 1000, 0]) if cut.dtype.kind == "f" else 1)
    return value


def only_our_errors(action):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            action()
        except UserMistake as error:
            assert "\n" not in str(error)
            return False
    return True


def save(path, **members):
    np.savez(
        path, **{k: np.array(v, dtype=object) if isinstance(v, (dict, list, tuple)) else v for k, v in members.items()}
    )


def members_of(path):
    with np.load(path, allow_pickle=True) as file:  # written by this test
        return {k: file[k].item() if file[k].ndim == 0 else file[k] for k in file}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    write_pair(folder)
    write_pstmo(folder)
    return {p.name: members_of(p) for p in folder.glob("*.npz")}


@pytest.mark.parametrize("layout", ["pair", "pstmo"])
def test_mpi_inf_3dhp(tmp_path, written, layout):
    rng = random.Random(5)
    names = [n for n in written if ("3dhp.npz" in n and "inf" not in n) == (layout == "pstmo")]
    good = 0
    for _ in range(tries(80)):
        for name in names:
            members = {k: spoiled(v, rng, 0.03) for k, v in written[name].items()}
            save(tmp_path / name, **members)

        def load():
            return datasets.load("mpi_inf_3dhp", datasets.locate("mpi_inf_3dhp", tmp_path, "gt", tmp_path), "gt")

        good += only_our_errors(load)
    assert 0 < good < tries(80)


def test_3dpw(tmp_path):
    rng = random.Random(6)
    path = tmp_path / "sequenceFiles" / "train" / "walk_00.pkl"
    path.parent.mkdir(parents=True)
    good = 0
    for _ in range(tries(120)):
        values = {k: spoiled(v, rng, 0.05) for k, v in sequence().items() if rng.random() > 0.02}
        path.write_bytes(pickle.dumps(values, protocol=2))
        good += only_our_errors(lambda: import_3dpw(tmp_path, tmp_path / "data"))
    assert 0 < good < tries(120)


PIG = {
    "Hip": "RHIP RPELVIS",
    "Head": "Head",
    "Spine": "Spine",
    "Thorax": "Neck",
    "Neck/Nose": "Nose",
    "RFoot": "RAnkle",
    "LFoot": "LAnkle",
}


@pytest.mark.parametrize("kind", ["bvh", "c3d"])
def test_motion_capture_from_file_to_data_set(tmp_path, kind):
    labels = [PIG.get(joint, joint) for joint in JOINTS]
    whole = bvh_text(20).encode() if kind == "bvh" else make_c3d(moving(20) * 1000, labels=labels, rate=50, units="mm")
    rng = random.Random(8)
    source = tmp_path / f"a.{kind}"
    source.write_bytes(whole)
    assert only_our_errors(lambda: import_mocap(source, tmp_path / "data"))
    good = 0
    for _ in range(tries(100)):
        source.write_bytes(damaged(whole, rng))
        good += only_our_errors(lambda: import_mocap(source, tmp_path / "data"))
    assert 0 < good < tries(100)
