"""Importing motion capture: names, units, gaps, rates, cameras, the files written; and the reference recordings."""

import dataclasses
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from motion_making import bvh_text, moving

sys.path.insert(0, str(Path(__file__).parent.parent / "readers"))
from c3d_making import make_c3d

from srnet_core import datasets
from srnet_core.datasets.mocap import MocapConfig, import_mocap
from srnet_core.errors import BadFileError, ConfigError, InputFileMissing, UnknownNameError
from srnet_core.mocap.bones import with_constant_bones
from srnet_core.readers.npz import read_npz
from srnet_core.skeletons.h36m17 import JOINTS, SKELETON

MARKERS = """
kind = "markers"
[joints]
Hip = "Hip"
"{S}Hip" = "{side}Hip"
"{S}Knee" = "{side}Knee"
"{S}Foot" = "{side}Foot"
Spine = "Spine"
Thorax = "Thorax"
"Neck/Nose" = "Neck/Nose"
Head = "Head"
"{S}Shoulder" = "{side}Shoulder"
"{S}Elbow" = "{side}Elbow"
"{S}Wrist" = "{side}Wrist"
"""


@pytest.fixture
def folder(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    return source


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def loaded(report, name="mocap"):
    return datasets.load(name, report.paths[:2], "gt")


def markers(folder, points, name="a.c3d", *, labels=JOINTS, **options):
    write(
        folder, name, make_c3d(points, labels=labels, units=options.pop("units", "m"), rate=50, scale=0.0001, **options)
    )
    write(folder.parent, "mine.toml", MARKERS)
    return MocapConfig(mapping=str(folder.parent / "mine.toml"), centre=False, cameras="ring")


@pytest.mark.parametrize(("scale", "unit"), [(100, "cm"), (1, "m"), (1000, "mm"), (1 / 0.0254, "in")])
@pytest.mark.parametrize("y_up", [True, False])
def test_any_unit_and_up_axis_give_the_same_person(folder, tmp_path, scale, unit, y_up):
    write(folder, "walk.bvh", bvh_text(scale=scale, y_up=y_up))
    report = import_mocap(folder, tmp_path / "data", MocapConfig(centre=False))
    (file,) = report.manifest["files"]
    assert (file["unit"], file["up"]) == (unit, "y" if y_up else "z")
    assert file["stature_m"] == pytest.approx(1.68, abs=0.06)
    pose = loaded(report).positions_3d_world_m["S1"]["walk"]
    assert pose.shape == (20, 17, 3)
    np.testing.assert_allclose(pose[0, JOINTS.index("Head")], (0, 0, 1.68), atol=1e-4)
    np.testing.assert_allclose(pose[0, JOINTS.index("LWrist")], (0.22, -0.05, 0.87), atol=1e-4)
    np.testing.assert_allclose(pose[10, 0], (0.05, 0, 0.92), atol=1e-4)


def test_the_files_are_a_data_set_with_exact_2d(folder, tmp_path):
    write(folder, "walk.bvh", bvh_text(60, fps=120))
    report = import_mocap(folder, tmp_path / "data")
    dataset = loaded(report)
    assert dataset.skeleton is SKELETON and dataset.fps == 50 and not dataset.notes
    assert [c.id for c in dataset.cameras["S1"]] == ["54138969", "55011271", "58860488", "60457274"]
    for clip in dataset.clips(dataset.clip_names):
        assert clip.name.frames == 25
        assert np.abs(clip.camera.project(clip.pose_3d_cam_m) - clip.pose_2d_px).max() < 1e-3
        assert (clip.pose_2d_px > 0).all() and (clip.pose_2d_px < 1000).all()
    assert datasets.locate("mocap", tmp_path / "data", "gt", tmp_path) == report.paths[:2]
    assert json.loads(report.paths[2].read_text(encoding="utf-8")) == json.loads(json.dumps(report.manifest))


@pytest.fixture
def reads(monkeypatch):
    """The names of the files that are read; `reads.stop_at` names the one at which the user presses Ctrl-C."""
    from srnet_core.mocap import sources

    class Reads(list):
        stop_at = None

    seen, real = Reads(), sources.read_motion

    def read_motion(path):
        if path.name == seen.stop_at:
            raise KeyboardInterrupt
        seen.append(path.name)
        return real(path)

    monkeypatch.setattr(sources, "read_motion", read_motion)
    return seen


def stopped_import(folder, tmp_path, reads, at="4.bvh", config=None):
    """Five files, two people in one of them, of which those before `at` have been read."""
    for number in range(1, 6):
        write(folder, f"{number}.bvh", bvh_text(12 + number))
    hierarchy, motion = bvh_text(14).removeprefix("HIERARCHY\n").split("MOTION\n")
    *head, _ = motion.split("\n", 2)
    lines = "".join(f"{line} {line}\n" for line in motion.splitlines()[2:])
    write(folder, "2.bvh", "HIERARCHY\n" + 2 * hierarchy + "MOTION\n" + "\n".join(head) + "\n" + lines)
    reads.stop_at = at
    with pytest.raises(KeyboardInterrupt):
        import_mocap(folder, tmp_path / "data", config)
    reads.stop_at = None
    reads.clear()


@pytest.mark.parametrize("skeleton", ["h36m17", "own"])
def test_an_import_that_was_stopped_goes_on_where_it_was(folder, tmp_path, reads, skeleton):
    config = MocapConfig(skeleton=skeleton)
    stopped_import(folder, tmp_path, reads, config=config)
    assert [p.name for p in (tmp_path / "data").iterdir()] == [".data_mocap.import"]
    report = import_mocap(folder, tmp_path / "data", config)
    assert reads == ["4.bvh", "5.bvh"] and report.read_before == 3
    assert sorted(os.listdir(tmp_path / "data")) == sorted(p.name for p in report.paths)
    reads.clear()
    whole = import_mocap(folder, tmp_path / "at once", config)
    assert len(reads) == 5 and whole.read_before == 0
    assert [p.read_bytes() for p in whole.paths] == [p.read_bytes() for p in report.paths]


def test_what_has_changed_since_is_read_again(folder, tmp_path, reads):
    stopped_import(folder, tmp_path, reads)
    write(folder, "2.bvh", bvh_text(30))
    report = import_mocap(folder, tmp_path / "data", MocapConfig(fps=25))  # does not concern what was read
    assert reads == ["2.bvh", "4.bvh", "5.bvh"] and report.read_before == 2
    stopped_import(folder, tmp_path, reads)
    assert import_mocap(folder, tmp_path / "data", MocapConfig(mapping="motionbuilder")).read_before == 0
    stopped_import(folder, tmp_path, reads)
    assert import_mocap(folder, tmp_path / "data", MocapConfig(skeleton="own")).read_before == 0


def test_a_new_first_file_decides_the_mapping_as_if_nothing_had_been_read(folder, tmp_path, reads):
    stopped_import(folder, tmp_path, reads)
    write(folder, "0.bvh", bvh_text(20))
    report = import_mocap(folder, tmp_path / "data")
    assert reads[0] == "0.bvh" and "1.bvh" in reads, "1.bvh was the first of its skeleton and is no more"
    whole = import_mocap(folder, tmp_path / "at once")
    assert [p.read_bytes() for p in whole.paths] == [p.read_bytes() for p in report.paths]


@pytest.mark.parametrize("damage", ["cut", "flip", "nothing"])
def test_results_that_are_damaged_are_read_again(folder, tmp_path, reads, damage):
    stopped_import(folder, tmp_path, reads)
    kept = sorted((tmp_path / "data").rglob("*.npz"))
    content = bytearray(kept[0].read_bytes())
    content[len(content) // 2] ^= 255
    kept[0].write_bytes({"cut": content[: len(content) // 2], "flip": content, "nothing": b""}[damage])
    assert import_mocap(folder, tmp_path / "data").read_before == 2
    assert len(reads) == 3


def test_the_joints_of_the_files_own_skeleton(folder, tmp_path):
    write(folder, "walk.bvh", bvh_text(40))
    ours = loaded(import_mocap(folder, tmp_path / "data", MocapConfig(skeleton="own", centre=False)))
    seventeen = loaded(import_mocap(folder, tmp_path / "h36m17", MocapConfig(centre=False)))
    skeleton, pose = ours.skeleton, ours.positions_3d_world_m["S1"]["walk"]
    assert skeleton.joint_names[0] == "Hips" and pose.shape == (40, skeleton.num_joints, 3)
    assert skeleton.left[0] == "LeftUpLeg" and skeleton.right[0] == "RightUpLeg"
    for name, joint in (("LeftUpLeg", "LHip"), ("RightForeArm", "RElbow"), ("LeftHand", "LWrist")):
        expected = seventeen.positions_3d_world_m["S1"]["walk"][:, JOINTS.index(joint)]
        np.testing.assert_array_equal(pose[:, skeleton.joint_names.index(name)], expected)
    for clip in ours.clips(ours.clip_names):
        assert np.abs(clip.camera.project(clip.pose_3d_cam_m) - clip.pose_2d_px).max() < 1e-3


def test_a_data_set_has_one_skeleton(folder, tmp_path):
    write(folder, "a.bvh", bvh_text())
    write(folder, "b.bvh", bvh_text())
    write(folder, "c.bvh", bvh_text(rename=lambda name: name.replace("Spine", "Chest")))
    write(folder, "d.c3d", make_c3d(moving(30), labels=JOINTS, units="m", rate=50, scale=0.0001))
    report = import_mocap(folder, tmp_path / "data", MocapConfig(skeleton="own"))
    assert [f["file"] for f in report.manifest["files"]] == ["a.bvh", "b.bvh"]
    assert "is not that of most files" in report.left_out["c.bvh"]
    assert "markers without bones" in report.left_out["d.c3d"] or "no points were found" in report.left_out["d.c3d"]
    with pytest.raises(UnknownNameError, match="h36m17, own"):
        MocapConfig(skeleton="its own")


def test_the_same_input_gives_the_same_bytes(folder, tmp_path):
    write(folder, "walk.bvh", bvh_text())
    first = import_mocap(folder, tmp_path / "a").paths
    second = import_mocap(folder, tmp_path / "b").paths
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]
    assert sorted(os.listdir(tmp_path / "a")) == sorted(p.name for p in first)


def test_names_from_folders_from_cmu_and_from_a_template(folder, tmp_path):
    for name in ("Anna/walk/1.bvh", "Anna/2.bvh", "07_01.bvh", "jump.bvh"):
        write(folder, name, bvh_text(12))
    takes = loaded(import_mocap(folder, tmp_path / "data")).positions_3d_world_m
    assert {s: sorted(t) for s, t in takes.items()} == {"Anna": ["2", "walk 1"], "07": ["07_01"], "S1": ["jump"]}
    named = tmp_path / "named"
    for name in ("walk_anna_01.bvh", "walk_ben_01.bvh", "sit-down_anna_02.bvh", "x.bvh"):
        write(named, name, bvh_text(12))
    config = MocapConfig(naming="{action}_{subject}_{take}")
    dataset = loaded(import_mocap(named, tmp_path / "data", config))
    assert {s: sorted(t) for s, t in dataset.positions_3d_world_m.items()} == {
        "anna": ["sit-down 02", "walk 01"],
        "ben": ["walk 01"],
        "unnamed": ["x"],
    }
    assert set(dataset.actions) == {"walk", "sit-down", "x"}


def test_files_that_cannot_be_used_are_listed_and_the_rest_is_imported(folder, tmp_path):
    write(folder, "a.bvh", bvh_text())
    write(folder, "cut.bvh", bvh_text()[:300])
    write(folder, "one.bvh", bvh_text(1))
    write(folder, "none.c3d", make_c3d())
    write(folder, "notes.txt", "not motion capture")
    calls = []
    report = import_mocap(folder, tmp_path / "data", progress=lambda done, total: calls.append((done, total)))
    assert [f["file"] for f in report.manifest["files"]] == ["a.bvh"]
    assert set(report.left_out) == {"cut.bvh", "one.bvh", "none.c3d"}
    assert "no MOTION part" in report.left_out["cut.bvh"]
    assert "has 1 frames" in report.left_out["one.bvh"]
    assert "no points were found for" in report.left_out["none.c3d"]
    assert calls == [(i, 4) for i in range(1, 5)]


def test_nothing_is_written_when_nothing_is_good(folder, tmp_path):
    with pytest.raises(InputFileMissing, match="holds no motion capture"):
        import_mocap(folder, tmp_path / "data")
    write(folder, "b.fbx", b"Kaydara FBX Binary  \0")
    with pytest.raises(InputFileMissing, match="1 FBX files are not read.*Export BVH"):
        import_mocap(folder, tmp_path / "data")
    write(folder, "cut.bvh", bvh_text()[:300])
    with pytest.raises(BadFileError, match="none of 1 files can be used; cut.bvh: is not a whole BVH"):
        import_mocap(folder, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_failed_write_leaves_the_old_files(folder, tmp_path, monkeypatch):
    write(folder, "a.bvh", bvh_text())
    paths = import_mocap(folder, tmp_path / "data").paths
    before = [p.read_bytes() for p in paths]
    write(folder, "a.bvh", bvh_text(30))

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("srnet_core.datasets._writing.write_json", full)
    with pytest.raises(OSError):
        import_mocap(folder, tmp_path / "data")
    assert [p.read_bytes() for p in paths] == before
    assert sorted(os.listdir(tmp_path / "data")) == sorted(p.name for p in paths)


def test_markers_with_gaps(folder, tmp_path):
    points = moving(200)
    points[50:55, 3] = np.nan  # bridged
    points[100:140, 5] = 0  # written as zeros, too long: cuts the take
    config = markers(folder, points)
    report = import_mocap(folder, tmp_path / "data", config)
    takes = loaded(report).positions_3d_world_m["S1"]
    assert {name: len(pose) for name, pose in takes.items()} == {"a part 0": 100, "a part 1": 60}
    np.testing.assert_allclose(takes["a part 0"], moving(200)[:100], atol=2e-3)
    (file,) = report.manifest["files"]
    assert file["interpolated"] == 5
    assert "Frames left out because joints are missing: 40 of 200." in file["notes"]


def test_two_people_in_one_file(folder, tmp_path):
    labels = [f"Anna:{j}" for j in JOINTS] + [f"Ben:{j}" for j in JOINTS] + ["*12"]
    points = np.concatenate([moving(30), moving(30) + np.array([1, 0, 0]), np.zeros((30, 1, 3))], axis=1)
    report = import_mocap(folder.parent, tmp_path / "data", markers(folder, points, labels=labels))
    takes = loaded(report).positions_3d_world_m
    assert list(takes) == ["source Anna", "source Ben"]
    np.testing.assert_allclose(
        takes["source Ben"]["a"] - takes["source Anna"]["a"], np.full((30, 17, 3), [1, 0, 0]), atol=1e-5
    )


def test_trc(folder, tmp_path):
    pytest.importorskip("srnet_core.readers.trc")
    points = np.stack([(p := moving(30))[..., 0], p[..., 2], -p[..., 1]], axis=-1) * 1000  # y up, millimetres
    rows = [
        "\t".join([str(i + 1), f"{i / 50:.4f}", *(f"{v:.4f}" for v in frame.ravel())]) for i, frame in enumerate(points)
    ]
    axes = "\t".join(f"X{i}\tY{i}\tZ{i}" for i in range(1, 18))
    header = [
        "PathFileType\t4\t(X/Y/Z)\ta.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        "50\t50\t30\t17\tmm\t50\t1\t30",
        "Frame#\tTime\t" + "\t\t\t".join(JOINTS),
        "\t\t" + axes,
    ]
    write(folder, "a.trc", "\n".join([*header, *rows]) + "\n")
    write(folder.parent, "mine.toml", MARKERS)
    config = MocapConfig(mapping=str(folder.parent / "mine.toml"), centre=False)
    report = import_mocap(folder, tmp_path / "data", config)
    (file,) = report.manifest["files"]
    assert (file["format"], file["unit"], file["up"]) == ("trc", "mm", "y")
    np.testing.assert_allclose(loaded(report).positions_3d_world_m["S1"]["a"], moving(30), atol=1e-5)


def test_flat_positions_are_not_motion_capture(folder, tmp_path):
    config = markers(folder, moving(30) * [100, 0, 100], units="mm")
    with pytest.raises(BadFileError, match="they are 2D, not 3D"):
        import_mocap(folder, tmp_path / "data", config)


def test_options_replace_what_would_be_found(folder, tmp_path):
    write(folder, "a.bvh", bvh_text(40, scale=5))
    with pytest.raises(BadFileError, match="length of one unit in metres"):
        import_mocap(folder, tmp_path / "data")
    config = MocapConfig(metres_per_unit=1 / 5, up="y", fps=25, cameras="ring:3", mapping="motionbuilder")
    report = import_mocap(folder, tmp_path / "data", config)
    (file,) = report.manifest["files"]
    assert "Unit of length: as given." in file["notes"] and "Up axis: as given." in file["notes"]
    dataset = loaded(report)
    assert dataset.fps == 25 and len(dataset.cameras["S1"]) == 3
    assert len(dataset.positions_3d_world_m["S1"]["a"]) == 20
    with pytest.raises(BadFileError, match="the mapping plug_in_gait finds no points"):
        import_mocap(folder, tmp_path / "data", dataclasses.replace(config, mapping="plug-in-gait"))
    for wrong in ({"mapping": "nothing"}, {"cameras": "h36m:S2"}):
        with pytest.raises(UnknownNameError):
            import_mocap(folder, tmp_path / "data", dataclasses.replace(config, **wrong))
    with pytest.raises(InputFileMissing):
        import_mocap(folder, tmp_path / "data", dataclasses.replace(config, cameras="none.toml"))


def test_frame_rates_that_the_file_does_not_tell(folder, tmp_path):
    write(folder, "a.bvh", bvh_text().replace("Frame Time: 0.0200000", "Frame Time: 0"))
    with pytest.raises(BadFileError, match="does not tell its frame rate"):
        import_mocap(folder, tmp_path / "data")
    report = import_mocap(folder, tmp_path / "data", MocapConfig(source_fps=100))
    assert len(loaded(report).positions_3d_world_m["S1"]["a"]) == 10


@pytest.mark.parametrize(
    "wrong",
    [
        {"fps": 0},
        {"fps": float("nan")},
        {"up": "w"},
        {"metres_per_unit": -1},
        {"source_fps": 0},
        {"longest_gap_s": -1},
        {"name": "../a"},
        {"naming": "{person}"},
        {"naming": "{take}{take}"},
    ],
)
def test_options_out_of_range(wrong):
    with pytest.raises(ConfigError):
        MocapConfig(**wrong)


def test_people_behind_a_camera_are_left_out(folder, tmp_path):
    config = MocapConfig(cameras="ring", centre=False)
    walk = bvh_text(40)
    head, body = walk.split("MOTION")
    lines = body.splitlines()
    moved = [f"{float(v.split()[0]) + 40 * i} {v.split(' ', 1)[1]}" for i, v in enumerate(lines[3:])]
    write(folder, "far.bvh", head + "MOTION" + "\n".join([*lines[:3], *moved]) + "\n")
    write(folder, "near.bvh", walk)
    report = import_mocap(folder, tmp_path / "data", config)
    assert [f["file"] for f in report.manifest["files"]] == ["near.bvh"]
    assert "behind a camera" in report.left_out["far.bvh"]


def test_constant_bones(folder, tmp_path):
    report = import_mocap(
        folder, tmp_path / "data", dataclasses.replace(markers(folder, moving(40)), constant_bones=True)
    )
    pose = loaded(report).positions_3d_world_m["S1"]["a"]
    for parent, child in SKELETON.bones:
        assert np.ptp(np.linalg.norm(pose[:, child] - pose[:, parent], axis=-1)) < 1e-6


# The reference recordings

HDM05_CLASSES = {
    "depositFloorR": "DepositFloor",
    "elbowToKnee1RepsLelbowStart": "ElbowToKnee",
    "grabHighR": "GrabHigh",
    "hopBothLegs1hops": "Hop",
    "jogLeftCircle4StepsRstart": "Jogging",
    "kickLFront1Reps": "Kick",
    "lieDownFloor": "LieDown",
    "rotateArmsBothBackward1Reps": "RotateArms",
    "sneak2StepsLStart": "Sneak",
    "squat1Reps": "Squat",
    "throwBasketball": "ThrowBasketball",
}


def test_hdm05_joints_are_within_2_mm_of_the_reference(shared_dir, tmp_path):
    """The reference gave each bone of a subject one length and turned and shifted each take over the floor."""
    report = import_mocap(shared_dir / "mocap/raw/amc", tmp_path, MocapConfig(name="hdm"))
    assert not report.left_out
    expected = read_npz(shared_dir / "mocap/hdm05/data_3d_hdm05.npz")["positions_3d"]
    ours = loaded(report, "hdm").positions_3d_world_m
    worst_mm, means_mm = {}, []
    for subject, takes in ours.items():
        for name, pose in takes.items():
            kind, number = name.split(" ")
            reference = expected[subject][f"{HDM05_CLASSES[kind]} {number}"].astype(np.float64)
            assert len(pose) == len(reference)
            lengths = np.zeros(17)
            for parent, child in SKELETON.bones:
                lengths[child] = np.median(np.linalg.norm(reference[:, child] - reference[:, parent], axis=-1))
            pose = pose.astype(np.float64)
            legs = range(7)  # the joints that constant bones leave in place
            fixed = with_constant_bones(pose, SKELETON.parents, lengths)
            moved = _turned_and_shifted(fixed, pose[:, legs], reference[:, legs])
            error_mm = 1000 * np.linalg.norm(moved - reference, axis=-1)
            worst_mm[name], _ = error_mm.max(), means_mm.append(error_mm.mean())
    assert len(worst_mm) == 22
    assert max(worst_mm.values()) < 2.0, worst_mm
    assert np.mean(means_mm) < 0.1


def _turned_and_shifted(poses, source, target):
    """Poses turned about z and shifted horizontally as `source` has to be to fit `target` best; heights stay."""
    a, b = (points[..., 0] + 1j * points[..., 1] for points in (source, target))
    turn = np.sum((b - b.mean()) * np.conj(a - a.mean()))
    moved = (poses[..., 0] + 1j * poses[..., 1] - a.mean()) * turn / abs(turn) + b.mean()
    return np.stack([moved.real, moved.imag, poses[..., 2]], axis=-1)


def test_cmu_takes_have_the_frames_and_legs_of_the_reference(shared_dir, tmp_path):
    report = import_mocap(shared_dir / "mocap/raw/bvh", tmp_path, MocapConfig(name="cmu"))
    assert not report.left_out
    expected = read_npz(shared_dir / "mocap/cmu/data_3d_cmu.npz")["positions_3d"]
    for file in report.manifest["files"]:
        assert "The first frame is a T-pose from which the second jumps; it was left out." in file["notes"]
    legs = range(1, 7)
    ours = loaded(report, "cmu").positions_3d_world_m
    compared = 0
    for subject, takes in ours.items():
        for name, pose in takes.items():
            match = [p for take, p in expected.get(f"C{subject}", {}).items() if take.endswith(name)]
            if match:
                pose = pose.astype(np.float64)
                moved = _turned_and_shifted(pose, pose[:, legs], match[0][:, legs].astype(np.float64))
                error_mm = 1000 * np.linalg.norm(moved[:, legs] - match[0][:, legs], axis=-1)
                # The reference interpolated its first frame over the T-pose before it.
                assert error_mm[0].max() < 15 and error_mm[1:].max() < 2
                compared += 1
    assert compared == 4


def test_every_reference_skeleton_with_a_whole_body_is_imported(shared_dir, tmp_path):
    report = import_mocap(shared_dir / "wild/bvh", tmp_path, MocapConfig(name="wild"))
    assert set(report.left_out) == {"rotation_first_root.bvh", "makehuman_tpose.bvh"}  # four joints; one frame
    found = {f["file"]: (f["unit"], f["up"], f["mapping"]) for f in report.manifest["files"]}
    assert found == {
        "cmu_12_01_walk.bvh": ("inches / 0.45", "y", "cmu"),
        "made_mixamo_names.bvh": ("cm", "y", "mixamo"),
        "made_root_without_position.bvh": ("cm", "y", "motionbuilder"),
        "pymo_8walk.bvh": ("in", "y", "motionbuilder"),
        "video2bvh_cxk_mm.bvh": ("mm", "z", "cmu"),
        "walk01_cm.bvh": ("cm", "y", "motionbuilder"),
        "xsens_like_23joints.bvh": ("cm", "y", "xsens"),
        "zup_mixed_orders.bvh": ("in", "z", "motionbuilder"),
    }
    for takes in loaded(report, "wild").positions_3d_world_m.values():
        for name, pose in takes.items():
            head, feet = pose[..., JOINTS.index("Head"), 2], pose[:, [3, 6], 2].mean(-1)
            assert (head - feet > 0.8).mean() > 0.95, name


def test_markers_of_a_tennis_player(shared_dir, tmp_path):
    source = shared_dir / "wild/c3d/optitrack_tennis_m.c3d"
    report = import_mocap(source, tmp_path, MocapConfig(name="tennis"))
    (file,) = report.manifest["files"]
    assert (file["mapping"], file["unit"], file["up"]) == ("plug_in_gait", "m", "z")
    pose = loaded(report, "tennis").positions_3d_world_m["S1"]["optitrack_tennis_m"].astype(np.float64)
    lengths = {(JOINTS[p], JOINTS[c]): np.linalg.norm(pose[:, c] - pose[:, p], axis=-1) for p, c in SKELETON.bones}
    for side in "LR":
        for start, end, low, high in (
            ("Hip", "Knee", 0.33, 0.5),
            ("Knee", "Foot", 0.33, 0.5),
            ("Shoulder", "Elbow", 0.2, 0.36),
        ):
            span = lengths[side + start, side + end]
            assert low < np.median(span) < high and span.std() < 0.03, (side, start)
