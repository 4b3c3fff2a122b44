"""`srnet data import`: from other people's files to training, in three commands."""

import json
import pickle
import shlex
import shutil
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from motion_making import bvh_text, moving
from support.cli import TINY

sys.path.insert(0, str(Path(__file__).parents[1] / "mappings"))
from skeletons_of_programs import joints_of, recording_of
from support.calibration import CALIBRATION

from srnet_core.skeletons import h36m32, humaneva15
from srnet_core.virtual_cameras import ring

TO_15 = [0, 8, 11, 12, 13, 14, 15, 16, 4, 5, 6, 1, 2, 3, 10]  # of the 17 joints


@pytest.fixture
def recordings(tmp_path) -> Path:
    """Two people with two takes each, and a file that is cut short."""
    folder = tmp_path / "recordings"
    for person in ("Anna", "Ben"):
        (folder / person).mkdir(parents=True)
        for take in ("walk_1", "turn_1"):
            (folder / person / f"{take}.bvh").write_text(bvh_text(60))
    (folder / "Ben" / "broken.bvh").write_text(bvh_text(60)[:400])
    return folder


def next_commands(text: str) -> list[list[str]]:
    """The commands that an import says come next."""
    return [shlex.split(line)[1:] for line in text.splitlines() if line.startswith("  srnet ")]


def test_motion_capture_is_imported_prepared_and_trained_on(srnet, recordings):
    ran = srnet("data", "import", "mocap", recordings, "--name", "mine", "--cameras", "ring:2").ok()
    assert "Anna/walk_1.bvh" in ran.out and "broken.bvh" in ran.err and "Unit of length: cm" in ran.err
    prepare, train = next_commands(ran.out)
    assert prepare[0] == "prepare" and train[0] == "train" and train[-2:] == ["--minutes", "1"]
    assert "Ben" in srnet(*prepare).ok().out
    assert "MPJPE" in srnet(*train, *TINY, "--arch", "1,1").ok().out
    manifest = json.loads(Path("data/data_mine_manifest.json").read_text())
    assert list(manifest["left_out"]) == ["Ben/broken.bvh"] and len(manifest["files"]) == 4


def test_the_name_of_a_data_set_that_was_given_none_is_said_and_never_replaces_another(srnet, recordings):
    ran = srnet("data", "import", "mocap", recordings / "Anna").ok()
    assert "the data set is called mocap: give it another name with --name" in ran.err
    before = Path("data/data_3d_mocap.npz").read_bytes()
    again = srnet("data", "import", "mocap", recordings / "Ben")
    again.refused("there is a data set mocap already, made of")
    assert Path("data/data_3d_mocap.npz").read_bytes() == before
    srnet("data", "import", "mocap", recordings / "Anna").ok()  # the same one again
    ran = srnet("data", "import", "mocap", recordings / "Ben", "--name", "mocap").ok()
    assert "is called" not in ran.err and Path("data/data_3d_mocap.npz").is_file()


def test_one_subject_trains_across_cameras(srnet, recordings):
    ran = srnet("data", "import", "mocap", recordings / "Anna", "--name", "anna").ok()
    prepare, _ = next_commands(ran.out)
    assert prepare[-6:] == ["--protocol", "cross-camera", "--subjects-train", "S1", "--subjects-test", "S1"]
    srnet(*prepare).ok()


def test_options_of_an_import(srnet, recordings):
    srnet("data", "mapping", recordings / "Anna" / "walk_1.bvh", "--output", "own.toml").ok()
    options = ("--name", "mine", "--data-dir", "elsewhere", "--mapping", "own.toml", "--fps", 25, "--up", "y")
    report = json.loads(srnet("data", "import", "mocap", recordings, *options, "--json").ok().out)
    assert report["paths"][0] == "elsewhere/data_3d_mine.npz"
    assert report["options"]["fps"] == 25 and report["files"][0]["mapping"] == "own"
    info = json.loads(srnet("data", "info", "elsewhere/data_3d_mine.npz", "--json").ok().out)
    assert info["fps"] == 25 and info["subjects"] == ["Anna", "Ben"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--cameras", "rings"), "rings"),
        (("--cameras", "h36m:S2"), "S2"),
        (("--mapping", "mixamoo"), "mixamo"),
        (("--up", "up"), "one of"),
        (("--naming", "{who}"), "naming"),
        (("--fps", "0"), "fps"),
        (("--name", "a/b"), "letters"),
    ],
)
def test_wrong_options_write_nothing(srnet, recordings, options, words):
    srnet("data", "import", "mocap", recordings, *options).refused(words)
    assert not Path("data").exists()


def test_folders_without_what_is_imported(srnet, tmp_path):
    (tmp_path / "empty").mkdir()
    for kind in ("mocap", "h36m", "humaneva", "mpi-inf-3dhp", "3dpw"):
        srnet("data", "import", kind, "empty").refused()
        srnet("data", "import", kind, "nowhere").refused()
    assert not Path("data").exists()


def test_an_import_that_is_interrupted_goes_on_when_it_is_started_again(srnet, recordings, monkeypatch):
    from srnet_core.mocap import sources

    real, seen = sources.read_motion, []

    def interrupted(path):
        seen.append(path)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return real(path)

    monkeypatch.setattr(sources, "read_motion", interrupted)
    ran = srnet("data", "import", "mocap", recordings)
    assert ran.code == 130 and not list(Path("data").glob("data_*")), ran
    assert ran.err.splitlines() == ["note: interrupted; what was read is kept: the same command goes on from there"]
    ran = srnet("data", "import", "mocap", recordings).ok()
    assert "went on with an import that was stopped: 2 files had been read before" in ran.err
    assert len(list(Path("data").iterdir())) == 3


# Published data sets


def test_the_archive_of_human36m(srnet, tmp_path):
    order = [h36m32.TO_H36M17.index(j) if j in h36m32.TO_H36M17 else 0 for j in range(32)]
    for subject in ("S1", "S9"):
        for take in ("Walking", "Walking 1"):
            path = tmp_path / "archive" / subject / "MyPoses" / "3D_positions" / f"{take}.h5"
            path.parent.mkdir(parents=True, exist_ok=True)
            with h5py.File(path, "w") as file:
                file["3D_positions"] = 1000 * moving(30)[:, order].reshape(30, -1).T
    ran = srnet("data", "import", "h36m", "archive").ok()
    assert "S1: 2 takes" in ran.out and "S5" in ran.err
    prepare, _ = next_commands(ran.out)
    srnet(*prepare).ok()
    assert json.loads(srnet("data", "check", "data/data_3d_h36m.npz", "--json").ok().out)["sequences"] == 4


def test_humaneva_is_written_with_its_cameras(srnet, tmp_path):
    rig = ring(3).cameras
    positions_3d, positions_2d = {}, {}
    for i, subject in enumerate(("Train/S1", "Validate/S1")):
        path = np.stack([np.linspace(-1, 1, 70), np.sin(np.linspace(0, 5, 70)), np.zeros(70)], axis=-1)
        pose = (moving(70, seed=i)[:, TO_15] + path[:, None]).astype(np.float32)
        positions_3d[subject] = {"Walking 1 chunk0": pose}
        positions_2d[subject] = {"Walking 1 chunk0": [c.project(c.world_to_camera(pose)) for c in rig]}
    skeleton = humaneva15.SKELETON
    symmetry = [list(skeleton.left_indices), list(skeleton.right_indices)]
    metadata = {"layout_name": "humaneva15", "num_joints": 15, "keypoints_symmetry": symmetry}
    (tmp_path / "downloads").mkdir()
    np.savez("downloads/data_3d_humaneva15.npz", positions_3d=positions_3d)
    np.savez("downloads/data_2d_humaneva15_gt.npz", positions_2d=positions_2d, metadata=metadata)
    ran = srnet("data", "import", "humaneva", "downloads").ok()
    assert "15" in srnet("data", "info", "data/data_3d_humaneva15.npz").ok().out
    assert set(in_three_commands(srnet, ran)["by_joint"]) == set(humaneva15.JOINTS)


def test_an_import_of_a_data_set_that_is_interrupted_writes_nothing_and_says_so(srnet, tmp_path, monkeypatch):
    from srnet_core.datasets import threedpw

    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(threedpw, "read_pickle_file", interrupted)
    (tmp_path / "sequenceFiles" / "train").mkdir(parents=True)
    (tmp_path / "sequenceFiles" / "train" / "a_00.pkl").write_bytes(b"\x80\x04.")
    ran = srnet("data", "import", "3dpw", "sequenceFiles")
    assert ran.code == 130 and not list(Path("data").glob("*"))
    assert ran.err.splitlines() == ["note: interrupted; nothing was written: the same command starts again"]


def test_pickles_of_3dpw_that_call_something_are_refused(srnet, tmp_path):
    class Call:
        def __reduce__(self):
            return print, ("pickles must not run",)

    folder = tmp_path / "sequenceFiles" / "train"
    folder.mkdir(parents=True)
    (folder / "a_00.pkl").write_bytes(pickle.dumps({"sequence": Call()}))
    ran = srnet("data", "import", "3dpw", "sequenceFiles")
    ran.refused("a_00.pkl")
    assert "must not run" not in ran.out


def in_three_commands(srnet, ran) -> dict:
    """The commands that an import says come next, and then eval: its numbers."""
    prepare, train = next_commands(ran.out)
    srnet(*prepare).ok()
    srnet(*train[:-2], *TINY, "--arch", "1,1", "--name", "tiny").ok()
    srnet("eval", "checkpoint/latest_epoch_tiny.bin", "--json", "numbers.json").ok()
    return json.loads(Path("numbers.json").read_text())


@pytest.mark.parametrize("skeleton", ["LaFAN1", "Unreal 5"])
def test_joints_of_the_files_themselves_are_trained_and_measured(srnet, skeleton):
    for i, person in enumerate(("Anna", "Ben")):
        path = Path("recordings", person, "walk.bvh")
        path.parent.mkdir(parents=True)
        path.write_text(recording_of(skeleton, 40, seed=i).bvh())
    ran = srnet("data", "import", "mocap", "recordings", "--name", "mine", "--skeleton", "own").ok()
    assert "left leg" in srnet("groups", "--dataset", "mine", "--no-pictures").ok().out
    joints = in_three_commands(srnet, ran)["by_joint"]
    # the point on the floor is left out, and the second of two joints at one place
    names = {joint.name for joint in joints_of(skeleton) if not joint.is_end} - {"root", "spine_02"}
    assert set(joints) == names


@pytest.mark.parametrize(
    ("source", "files", "joints"),
    [
        ("amc", ["HDM_bd*", "HDM_mm.asf", "HDM_mm_squat1Reps_037_120.amc"], ("root", "lhipjoint", "rthumb")),
        ("bvh", ["02_0*", "07_01.bvh"], ("Hips", "LeftUpLeg", "RightHandIndex1")),
    ],
)
def test_hdm05_and_cmu_with_their_own_skeletons(srnet, shared_dir, source, files, joints):
    Path("recordings").mkdir()
    for pattern in files:
        for path in sorted((shared_dir / "mocap" / "raw" / source).glob(pattern))[:4]:
            shutil.copy(path, "recordings")
    options = ("--name", "own", "--skeleton", "own", "--fps", "5")
    ran = srnet("data", "import", "mocap", "recordings", *options).ok()
    assert srnet("data", "check", "data/data_3d_own.npz").ok().out.count("nothing stands out")
    assert set(joints) <= set(in_three_commands(srnet, ran)["by_joint"])


@pytest.mark.parametrize("cameras", ["h36m", "h36m:S9", "ring", "ring:3", "calibration.toml"])
def test_what_any_cameras_see_passes_the_check_and_is_prepared(srnet, recordings, cameras):
    Path("calibration.toml").write_text(CALIBRATION)
    ran = srnet("data", "import", "mocap", recordings, "--name", "mine", "--cameras", cameras).ok()
    prepare, _ = next_commands(ran.out)
    for path in ("data/data_3d_mine.npz", "data/data_2d_mine_gt.npz"):
        assert "nothing stands out" in srnet("data", "check", path).ok().out
    assert "note" not in srnet(*prepare).ok().err, "2D and 3D belong together"


def test_cameras_that_look_elsewhere_are_said(srnet, recordings):
    """The image is so small that nobody is in it."""
    Path("calibration.toml").write_text(CALIBRATION.replace("[1920, 1080]", "[64, 64]"))
    ran = srnet("data", "import", "mocap", recordings, "--cameras", "calibration.toml").ok()
    assert "Camera front: " in ran.err and "outside its image" in ran.err
