"""A stage written by an earlier version is read, found again and has its key; see `fixtures/README.md`."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from srnet_core import normalization
from srnet_core.config import DataConfig, from_dict
from srnet_core.stages import prepare as prepare_module
from srnet_core.stages.key import stage_folder, stage_key
from srnet_core.stages.manifest import with_digest
from srnet_core.stages.prepare import prepare
from srnet_core.stages.store import Stage

KEY = "6d24fddb0f6a602d"
FOLDER = Path(__file__).parent / "fixtures" / f"small_gt-cross_subject-proj-{KEY}"


@pytest.fixture(scope="module")
def stage():
    return Stage.open(FOLDER)


def test_every_byte_is_as_it_was_written(stage):
    stage.verify()


def test_inputs_and_configuration_still_make_the_same_key(stage):
    config = from_dict(DataConfig, stage.manifest["config"])
    digests = [entry["sha256"] for entry in stage.manifest["inputs"]]
    assert stage_key(config, stage.manifest["dataset"], digests) == stage.manifest["key"] == KEY
    assert stage_folder(config, "small", KEY).name == FOLDER.name


def test_what_it_holds(stage):
    assert [len(stage.split(side)) for side in ("train", "test")] == [8, 4]
    assert stage.frames("train") == (0, 132) and stage.frames("test") == (132, 198)
    assert stage.normalization is normalization.load("proj")
    assert stage.skeleton.name == "h36m17" and stage.body_size.bones == stage.skeleton.bones
    assert stage.body_size.scale == pytest.approx(1.1117, abs=1e-4)
    shapes = {name: stage.read(name).shape for name in stage.manifest["arrays"]}
    assert shapes == {
        "pose_2d": (198, 17, 2),
        "pose_3d": (198, 17, 3),
        "norm_parameters": (198, len(stage.normalization.PARAMETERS)),
        "root_cam_m": (198, 3),
    }


def test_the_poses_decode_to_the_bones_they_were_made_from(stage):
    """The mean bone lengths stored with a stage were measured in camera metres, on every fifth frame of a clip."""
    frames = np.concatenate([np.arange(s.start, s.start + s.length, 5) for s in stage.split("train")])
    poses_m = stage.normalization.decode(stage.read("pose_3d")[frames], stage.read("norm_parameters")[frames])
    parents, children = np.array(stage.skeleton.bones).T
    lengths_m = np.linalg.norm(poses_m[:, children] - poses_m[:, parents], axis=-1).mean(0)
    np.testing.assert_allclose(lengths_m, stage.body_size.lengths_m, rtol=1e-4)


def test_prepare_finds_it(stage, small_data, tmp_path, monkeypatch):
    """The bytes of the input files depend on the numpy that writes them, so their digests are the fixture's."""
    digests = {entry["name"]: entry["sha256"] for entry in stage.manifest["inputs"]}
    monkeypatch.setattr(prepare_module, "file_digest", lambda path, memo: digests[path.name])
    shutil.copytree(FOLDER, tmp_path / "cache" / FOLDER.name)
    config = DataConfig(
        dataset="small",
        data_dir=str(small_data),
        cache_dir=str(tmp_path / "cache"),
        subjects_test=("C",),
        normalization="proj",
    )
    found = prepare(config)
    added = ("missing_rule", "digest")  # no keypoint is missing: it is as today's rule makes it, which is now said
    manifest = {name: value for name, value in found.stage.manifest.items() if name not in added}
    assert found.cached and manifest == json.loads((FOLDER / "manifest.json").read_text())
    found.stage.verify()
    monkeypatch.setattr(prepare_module, "read_dataset", lambda *_: pytest.fail("the data are read again"))
    assert prepare(config).cached


def test_a_stage_from_before_keypoints_counted_as_missing_is_made_again(small_data, tmp_path):
    folder = small_data
    config = DataConfig(dataset="small", data_dir=str(folder), cache_dir=str(tmp_path / "cache"), subjects_test=("C",))
    path = prepare(config).stage.folder / "manifest.json"

    def as_before():
        manifest = {k: v for k, v in json.loads(path.read_text()).items() if k not in ("missing_rule", "digest")}
        path.write_text(json.dumps(with_digest(manifest)))

    as_before()
    assert prepare(config).cached  # no keypoint is missing: it is the same under either rule
    assert json.loads(path.read_text())["missing_rule"] == 2
    as_before()
    path.parent.chmod(0o500)
    try:
        assert prepare(config).cached  # also where its manifest cannot be written
    finally:
        path.parent.chmod(0o700)
    file_2d = folder / "data_2d_small_gt.npz"
    with np.load(file_2d, allow_pickle=True) as content:
        members = {name: content[name] for name in content.files}
    members["positions_2d"].item()["A"]["Walk"][0][3, 5] = -1
    np.savez(file_2d, **members)
    path = prepare(config).stage.folder / "manifest.json"
    as_before()
    again = prepare(config)
    assert not again.cached and "of an earlier version" in again.damage
    assert again.stage.manifest["missing_rule"] == 2 and prepare(config).cached
