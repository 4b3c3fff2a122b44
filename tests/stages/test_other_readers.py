"""Stages for other programs: zarr arrays say what they hold, and xarray opens them."""

import json

import numpy as np
import pytest

from srnet_core.config import DataConfig
from srnet_core.stages.prepare import prepare


@pytest.fixture
def stage(small_data, tmp_path):
    return prepare(
        DataConfig(
            dataset="small",
            data_dir=str(small_data),
            cache_dir=str(tmp_path / "cache"),
            subjects_test=("C",),
            normalization="proj",
            downsample=2,
        )
    ).stage


def test_arrays_name_their_dimensions_and_units(stage):
    stored = {name: json.loads((stage.folder / name / "zarr.json").read_text()) for name in stage.manifest["arrays"]}
    assert {name: array["dimension_names"] for name, array in stored.items()} == {
        "pose_2d": ["frame", "joint", "xy"],
        "pose_3d": ["frame", "joint", "xyz"],
        "norm_parameters": ["frame", "parameter"],
        "root_cam_m": ["frame", "xyz"],
    }
    assert all(array["attributes"]["long_name"] for array in stored.values())
    assert stored["root_cam_m"]["attributes"]["units"] == "m"
    assert stored["pose_2d"]["attributes"]["joint_names"] == list(stage.skeleton.joint_names)
    assert stored["norm_parameters"]["attributes"]["parameter_names"] == list(stage.normalization.PARAMETERS)


def test_the_folder_says_what_it_is(stage):
    attributes = json.loads((stage.folder / "zarr.json").read_text())["attributes"]
    assert attributes["fps"] == 25.0 and attributes["skeleton"] == "h36m17" and attributes["normalization"] == "proj"
    assert {s: attributes[f"{s}_frames"] for s in ("train", "test")} == stage.manifest["frames"]
    assert attributes["parent_joints"] == list(stage.skeleton.parents)


def test_xarray_opens_a_stage(stage):
    xarray = pytest.importorskip("xarray")
    opened = xarray.open_zarr(stage.folder, consolidated=False)
    assert dict(opened.sizes)["joint"] == 17 and opened.attrs["fps"] == 25.0
    starts = stage.manifest["frames_from"]["starts"]
    for clip, start in zip(stage.clips, starts):
        rows = opened["pose_3d"].values[start : start + clip.length]
        np.testing.assert_array_equal(rows, stage.read("pose_3d", clip.start, clip.start + clip.length))
    assert opened["root_cam_m"].dims == ("frame", "xyz") and opened["root_cam_m"].attrs["units"] == "m"
