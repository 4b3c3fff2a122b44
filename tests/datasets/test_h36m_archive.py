"""Human3.6M's archive (.h5), original files (.cdf) and converted files (.mat) become the published pair."""

import h5py
import numpy as np
import pytest
from motion_making import moving

from srnet_core import datasets
from srnet_core.datasets.h36m import import_h36m
from srnet_core.errors import BadFileError, HostileFileError, InputFileMissing
from srnet_core.readers.array_file import read_array
from srnet_core.skeletons import h36m32

TAKES = ("Walking", "Walking 1", "Directions", "TakingPhoto 1", "WalkingDog")


def poses32(frames=6, seed=0):
    full = np.zeros((frames, 32, 3))
    full[:, h36m32.TO_H36M17] = moving(frames, seed=seed)
    return full


def write_h5(folder, subject, take, values=None, array="3D_positions"):
    path = folder / subject / "MyPoses" / "3D_positions" / f"{take}.h5"
    path.parent.mkdir(parents=True, exist_ok=True)
    values = 1000 * poses32().reshape(6, 96).T if values is None else values
    with h5py.File(path, "w") as file:
        file[array] = values
    return path


def load(folder):
    return datasets.load("h36m", datasets.locate("h36m", folder, "gt", folder), "gt")


def test_the_archive(tmp_path):
    for subject in ("S1", "S9", "S11", "S2"):
        for take in TAKES:
            write_h5(tmp_path / "h36m", subject, take)
    (tmp_path / "h36m" / "S1" / "MyPoses" / "StackedHourglass").mkdir()
    (tmp_path / "h36m" / "S1" / "MyPoses" / "StackedHourglass" / "Walking.h5").write_bytes(b"2D")
    report = import_h36m(tmp_path / "h36m", tmp_path / "data")
    assert report.takes == {"S1": 5, "S9": 5, "S11": 4}
    assert any("S5, S6, S7, S8" in note for note in report.notes)
    dataset = load(tmp_path / "data")
    assert dataset.skeleton.name == "h36m17" and dataset.subjects == ("S1", "S9", "S11")
    assert set(dataset.positions_3d_world_m["S1"]) == {"Walking", "Walking 1", "Directions", "Photo 1", "WalkDog"}
    assert "Directions" not in dataset.positions_3d_world_m["S11"]
    np.testing.assert_allclose(dataset.positions_3d_world_m["S9"]["Walking"], moving(6), atol=1e-6)
    for clip in dataset.clips(dataset.clip_names):
        np.testing.assert_allclose(clip.camera.project(clip.pose_3d_cam_m), clip.pose_2d_px, atol=1e-3)


def test_as_many_frames_as_columns(tmp_path):
    write_h5(tmp_path, "S1", "Walking", 1000 * poses32(96).reshape(96, 96).T)
    import_h36m(tmp_path, tmp_path / "data")
    np.testing.assert_allclose(load(tmp_path / "data").positions_3d_world_m["S1"]["Walking"], moving(96), atol=1e-6)


def test_converted_matlab_files(tmp_path):
    io = pytest.importorskip("scipy.io")
    path = tmp_path / "S5" / "MyPoseFeatures" / "D3_Positions" / "WalkingDog 1.cdf.mat"
    path.parent.mkdir(parents=True)
    cell = np.empty((1, 1), object)
    cell[0, 0] = 1000 * poses32().reshape(6, 96)
    io.savemat(path, {"data": cell})
    import_h36m(tmp_path, tmp_path / "data")
    np.testing.assert_allclose(load(tmp_path / "data").positions_3d_world_m["S5"]["WalkDog 1"], moving(6), atol=1e-6)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(BadFileError, match="damaged MATLAB file|has no"):
        import_h36m(tmp_path, tmp_path / "data")


def test_original_cdf_files(tmp_path):
    cdflib = pytest.importorskip("cdflib")
    path = tmp_path / "S9" / "MyPoseFeatures" / "D3_Positions" / "Walking 1.cdf"
    path.parent.mkdir(parents=True)
    file = cdflib.cdfwrite.CDF(path)
    spec = {"Variable": "Pose", "Data_Type": cdflib.cdfwrite.CDF.CDF_FLOAT, "Num_Elements": 1, "Rec_Vary": True}
    file.write_var(spec | {"Dim_Sizes": [6, 96]}, var_data=1000 * poses32().reshape(1, 6, 96).astype(np.float32))
    file.close()
    import_h36m(tmp_path, tmp_path / "data")
    np.testing.assert_allclose(load(tmp_path / "data").positions_3d_world_m["S9"]["Walking 1"], moving(6), atol=1e-4)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(BadFileError, match="damaged CDF file"):
        import_h36m(tmp_path, tmp_path / "data")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((96, 6)), "not those of a person in millimetres"),
        (poses32().reshape(6, 96).T, None),
        (1e6 * poses32().reshape(6, 96).T, "not those of a person in millimetres"),
        (np.full((96, 6), np.nan), "not those of a person in millimetres"),
        (np.zeros((95, 6)), "not of 96 columns"),
        (np.zeros((96, 0)), "not of 96 columns"),
    ],
)
def test_arrays_that_are_wrong(tmp_path, values, words):
    write_h5(tmp_path, "S1", "Walking", values)
    with pytest.raises(BadFileError, match=words or "not those of a person in millimetres"):
        import_h36m(tmp_path, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_no_files(tmp_path):
    with pytest.raises(InputFileMissing, match="no 3D positions of Human3.6M"):
        import_h36m(tmp_path, tmp_path / "data")


def test_hdf5_files_that_point_elsewhere(tmp_path):
    secret = write_h5(tmp_path, "S1", "Secret")
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["link"] = h5py.ExternalLink(str(secret), "3D_positions")
        file["soft"] = h5py.SoftLink("/link")
        layout = h5py.VirtualLayout((96, 6), "f8")
        layout[:] = h5py.VirtualSource(str(secret), "3D_positions", (96, 6))
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("huge", (1 << 34,), "f8", chunks=(1 << 20,))
        file.create_dataset("chunk", (1 << 34,), "i1", chunks=(1 << 30,))
        file.create_dataset("outside", (96,), "f8", external=[(str(secret), 0, 768)])
        file.create_group("group")
        file["text"] = "text"
    for name in ("link", "soft", "virtual", "huge", "chunk", "outside"):
        with pytest.raises(HostileFileError):
            read_array(path, (name,))
    with pytest.raises(BadFileError, match="'group' is a group, not an array"):
        read_array(path, ("group",))
    with pytest.raises(BadFileError, match="'text' holds objects, not numbers"):
        read_array(path, ("text",))
    with pytest.raises(BadFileError, match="has no a or b"):
        read_array(path, ("a", "b"))


@pytest.mark.parametrize("content", [b"", b"text", b"\x89HDF\r\n\x1a\n" + bytes(100), b"\x89HDF\r\n\x1a\n"])
def test_files_of_no_format(tmp_path, content):
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(BadFileError):
        read_array(tmp_path / "a.h5", ("data",))


def test_matlab_files_that_unpack_to_too_much(tmp_path, monkeypatch):
    io = pytest.importorskip("scipy.io")
    path = tmp_path / "a.mat"
    io.savemat(path, {"data": np.zeros((4000, 96))}, do_compression=True)
    assert read_array(path, ("data",)).shape == (4000, 96)
    assert path.stat().st_size < 10_000
    monkeypatch.setattr("srnet_core.readers.array_file.ANY_RATIO_BYTES", 1000)
    with pytest.raises(HostileFileError, match="unpacks to more than"):
        read_array(path, ("data",))
    io.savemat(path, {"data": np.arange(96.0).reshape(1, 96)}, do_compression=False)
    assert read_array(path, ("data",)).shape == (1, 96)
    with pytest.raises(BadFileError, match="has no Pose"):
        read_array(path, ("Pose",))
