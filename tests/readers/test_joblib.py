"""Files of joblib, written here as its modules `numpy_pickle` and `numpy_pickle_compat` write them.

The same forms were compared with files of joblib 1.6.0 (all compressors, protocols 2 to 5) and 0.9.4.
"""

import bz2
import gzip
import io
import lzma
import pickle
import sys
import types
import zlib

import keypoint_files as files
import numpy as np
import pytest

from srnet_core.errors import BadFileError, HostileFileError, InputFileMissing
from srnet_core.keypoints import describe, read_keypoints
from srnet_core.readers.pickle_file import read_pickle_file

COMPRESSORS = {"zlib": zlib.compress, "gzip": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
COMPRESSORS["lzma"] = lambda content: lzma.compress(content, lzma.FORMAT_ALONE)


def _of_joblib(name: str) -> type:
    return type(name, (), {"__module__": "joblib.numpy_pickle"})


CLASSES = {name: _of_joblib(name) for name in ("NumpyArrayWrapper", "NDArrayWrapper", "ZNDArrayWrapper")}


@pytest.fixture(autouse=True)
def module_of_joblib(monkeypatch):
    module = types.ModuleType("joblib.numpy_pickle")
    vars(module).update(CLASSES)
    monkeypatch.setitem(sys.modules, "joblib", types.ModuleType("joblib"))
    monkeypatch.setitem(sys.modules, "joblib.numpy_pickle", module)


class Pickler(pickle._Pickler):
    """Writes arrays as joblib does: their description in the pickle, their bytes behind it."""

    def __init__(self, file, protocol, alignment):
        super().__init__(file, protocol)
        self.to, self.alignment = file, alignment

    def save(self, value, save_persistent_id=True):
        if type(value) is not np.ndarray:
            return super().save(value, save_persistent_id)
        wrapper = CLASSES["NumpyArrayWrapper"]()
        order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
        state = {"subclass": np.ndarray, "shape": value.shape, "order": order, "dtype": value.dtype, "allow_mmap": True}
        vars(wrapper).update(
            state if self.alignment is None else state | {"numpy_array_alignment_bytes": self.alignment}
        )
        super().save(wrapper)
        self.framer.commit_frame(force=True)
        if value.dtype.hasobject:
            return pickle.dump(value, self.to, protocol=2)
        if self.alignment is not None:
            padding = self.alignment - (self.to.tell() + 1) % self.alignment
            self.to.write(bytes([padding]) + b"\xff" * padding)
        self.to.write(value.tobytes(order=order))


def dumped(value, protocol: int = 4, alignment: int | None = 16) -> bytes:
    file = io.BytesIO()
    Pickler(file, protocol, alignment).dump(value)
    return file.getvalue()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("alignment", [None, 16])
def test_arrays_behind_their_descriptions_are_read(tmp_path, protocol, alignment):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(5, 3)), np.asfortranarray(rng.normal(size=(4, 2))), np.arange(3, dtype=">i2")]
    arrays += [np.array(2.5), np.zeros((0, 3), "f4"), np.array([True, False])]
    path = tmp_path / "a.pkl"
    path.write_bytes(dumped({"a": arrays, "b": "text", "again": arrays[0]}, protocol, alignment))
    found = read_pickle_file(path)
    assert found["b"] == "text"
    for array, read in zip([*arrays, arrays[0]], [*found["a"], found["again"]], strict=True):
        np.testing.assert_array_equal(read, array)
        assert read.dtype == array.dtype.newbyteorder("=")


@pytest.mark.parametrize("name", COMPRESSORS)
def test_compressed_files_are_keypoints(tmp_path, name):
    points = files.person("coco17", 30)
    path = tmp_path / "keypoints.joblib"
    path.write_bytes(COMPRESSORS[name](dumped(points)))
    assert describe(path)["format"] == "pickle"
    keypoints = read_keypoints(path)
    assert keypoints.layout.name == "coco17"
    np.testing.assert_allclose(keypoints.tracks[0].points, points[..., :2], rtol=1e-6)


def test_arrays_of_objects_follow_as_pickles(tmp_path):
    frames = np.empty(3, object)
    frames[:] = [files.person("coco17", 3)[i : i + 1] for i in range(3)]
    (tmp_path / "a.pkl").write_bytes(dumped({"frames": frames, "n": 1}))
    found = read_pickle_file(tmp_path / "a.pkl")
    assert found["n"] == 1 and len(found["frames"]) == 3
    np.testing.assert_array_equal(found["frames"][1], frames[1])


def vibe_people() -> dict:
    points = files.person("spin49", 40)[..., :2]
    people = {}
    for number, first in ((1, 0), (2, 3)):
        coordinates = {"joints2d": None, "joints2d_img_coord": points + 40 * number, "frame_ids": np.arange(40) + first}
        people[number] = {"pred_cam": np.zeros((40, 3)), "pose": np.zeros((40, 72)), **coordinates}
    return people


def test_the_people_of_vibe(tmp_path):
    (tmp_path / "vibe_output.pkl").write_bytes(dumped(vibe_people()))
    keypoints = read_keypoints(tmp_path / "vibe_output.pkl")
    assert keypoints.layout.name == "spin49" and keypoints.frame_count == 43
    assert {track.name: int(track.present.sum()) for track in keypoints.tracks} == {"1": 40, "2": 40}


def _beside(folder, name: str, file_name: str, **state) -> None:
    wrapper = CLASSES[name]()
    vars(wrapper).update({"filename": file_name, **state})
    (folder / "a.pkl").write_bytes(pickle.dumps({"keypoints": wrapper}))


def test_arrays_beside_the_pickle_as_before_version_0_10(tmp_path):
    points = files.person("coco17", 30)
    np.save(tmp_path / "a.pkl_01.npy", points)
    _beside(tmp_path, "NDArrayWrapper", "a.pkl_01.npy", subclass=np.ndarray)
    np.testing.assert_array_equal(read_pickle_file(tmp_path / "a.pkl")["keypoints"], points)
    packed = points.tobytes()
    (tmp_path / "a.pkl_02.npy.z").write_bytes(b"ZF" + f"{len(packed):#x}".ljust(18).encode() + zlib.compress(packed))
    init, state = (np.ndarray, (0,), b"b"), (1, points.shape, points.dtype, False)
    _beside(tmp_path, "ZNDArrayWrapper", "a.pkl_02.npy.z", init_args=init, state=state)
    np.testing.assert_array_equal(read_pickle_file(tmp_path / "a.pkl")["keypoints"], points)
    (tmp_path / "a.pkl_02.npy.z").unlink()
    with pytest.raises(InputFileMissing, match=r"a\.pkl_02\.npy\.z"):
        read_pickle_file(tmp_path / "a.pkl")


@pytest.mark.parametrize("name", ["../a_01.npy", "/etc/passwd", "a/b_01.npy", "passwd", "..", "", "a\\b_01.npy"])
def test_no_other_file_is_opened(tmp_path, name):
    np.save(tmp_path / "a_01.npy", np.zeros(3))
    (tmp_path / "in").mkdir()
    _beside(tmp_path / "in", "NDArrayWrapper", name)
    with pytest.raises(BadFileError, match="not one of its own|joblib does not write"):
        read_pickle_file(tmp_path / "in" / "a.pkl")


@pytest.mark.parametrize("pack", [bytes, *COMPRESSORS.values()])
def test_cut_files_are_told(tmp_path, pack):
    content = pack(dumped(files.person("coco17", 30)))
    for share in (0.1, 0.5, 0.95):
        (tmp_path / "a.pkl").write_bytes(content[: int(len(content) * share)])
        with pytest.raises(BadFileError):
            read_keypoints(tmp_path / "a.pkl")
    (tmp_path / "a.pkl").write_bytes(content + b"more")
    with pytest.raises(BadFileError, match="other bytes"):
        read_pickle_file(tmp_path / "a.pkl")


def test_a_bomb_is_refused_before_it_fills_the_memory(tmp_path):
    (tmp_path / "a.pkl").write_bytes(zlib.compress(b"\x80\x04" + bytes(80 << 20)))
    with pytest.raises(HostileFileError, match="more than 64 MiB"):
        read_pickle_file(tmp_path / "a.pkl")


def test_a_shape_larger_than_the_file_takes_no_memory(tmp_path):
    content = dumped(np.zeros((7, 7), "f8")).replace(b"K\x07K\x07\x86", b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86")
    (tmp_path / "a.pkl").write_bytes(content)
    with pytest.raises(BadFileError):
        read_pickle_file(tmp_path / "a.pkl")


def test_pickles_in_arrays_of_objects_do_not_nest_for_ever(tmp_path):
    array = np.empty(1, object)
    array[0] = "x"
    inner = dumped(array)
    content = inner
    for _ in range(200):  # an array of objects in the place of its own pickle
        content = inner[: inner.rindex(b"\x80\x02")] + content
    (tmp_path / "a.pkl").write_bytes(content)
    with pytest.raises(BadFileError):
        read_pickle_file(tmp_path / "a.pkl")
