"""Mappings: the files of the project, files of users, and proposals for skeletons nobody described."""

import dataclasses

import numpy as np
import pytest

from srnet_core import mappings
from srnet_core.errors import BadFileError, InputFileMissing, UnknownNameError
from srnet_core.mappings._words import meaning
from srnet_core.mappings.propose import propose_mapping
from srnet_core.motion import Motion
from srnet_core.readers.bvh import read_bvh
from srnet_core.skeletons.h36m17 import JOINTS

FAMILIES = ("cmu", "mixamo", "motionbuilder", "xsens", "rokoko", "hdm05", "makehuman")


def test_the_families_that_are_promised_are_there():
    assert set(FAMILIES) <= set(mappings.names())


@pytest.mark.parametrize("name", mappings.names())
def test_each_mapping_gives_all_joints_from_its_own_points(name):
    mapping = mappings.get_mapping(name)
    assert mapping.title and mapping.source and mapping.telltale
    points = sorted({point for alternatives in mapping.joints.values() for point in alternatives[0]})
    resolved = mappings.resolve(mapping, points)
    assert isinstance(resolved, mappings.ResolvedMapping), resolved
    assert tuple(resolved.weights) == JOINTS
    for joint, weights in resolved.weights.items():
        assert sum(weights.values()) == pytest.approx(1), joint
    for joint in JOINTS:  # left and right are made alike
        if joint[0] == "L":
            own, other = resolved.weights[joint], resolved.weights["R" + joint[1:]]
            assert sorted(own.values()) == sorted(other.values()) and set(own) != set(other)


def test_unknown_names_list_the_choices():
    with pytest.raises(UnknownNameError, match="mixamo"):
        mappings.get_mapping("maximo")


def test_prefixes_case_and_separators_do_not_matter():
    index = mappings.point_index(["Bip01 Pelvis", "Bip01 L Thigh", "Bip01 L Calf", "Bip01 HeadNub"])
    assert list(index) == ["pelvis", "lthigh", "lcalf", "headnub"]
    assert mappings.common_prefix(["mixamorig5Hips", "mixamorig5Spine", "mixamorig5Neck"]) == "mixamorig5"
    assert mappings.common_prefix(["L_Hip", "R_Hip", "L_Knee", "R_Knee"]) == ""
    assert mappings.key_of("Derrick:L.F-HD_1") == "lfhd1"


MAPPING = """
title = "mine"
[joints]
"{S}Hip" = ["{side}hip"]
"{S}Knee" = ["{side}knee"]
"{S}Foot" = ["{side}ankle", "{side}foot"]
Thorax = [{ Lsho = 0.5, Rsho = 0.5 }]
"{S}Shoulder" = ["{side}sho"]
"{S}Elbow" = ["{side}elb"]
"{S}Wrist" = [{ "{side}wr1" = 0.25, "{side}wr2" = 0.75 }]
Head = ["head"]
"""
POINTS = [f"{s}{p}" for s in "LR" for p in ("hip", "knee", "foot", "sho", "elb", "wr1", "wr2")] + ["head"]


def test_a_mapping_of_a_user(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MAPPING, encoding="utf-8")
    resolved = mappings.resolve(mappings.read_mapping(path), POINTS)
    assert resolved.describe()["LWrist"] == "0.25 Lwr1 + 0.75 Lwr2"
    assert resolved.describe()["RFoot"] == "Rfoot"
    assert set(resolved.derived) == {"Hip", "Spine", "Neck/Nose"}
    positions = np.random.default_rng(0).normal(size=(3, len(POINTS), 3))
    joints = dict(zip(JOINTS, np.moveaxis(resolved.apply(positions), 1, 0)))
    at = dict(zip(POINTS, np.moveaxis(positions, 1, 0)))
    np.testing.assert_allclose(joints["LWrist"], 0.25 * at["Lwr1"] + 0.75 * at["Lwr2"])
    np.testing.assert_allclose(joints["Hip"], (at["Lhip"] + at["Rhip"]) / 2)
    np.testing.assert_allclose(joints["Spine"], (joints["Hip"] + (at["Lsho"] + at["Rsho"]) / 2) / 2)
    missing = mappings.resolve(mappings.read_mapping(path), [p for p in POINTS if p != "Lknee"])
    assert missing == ["LKnee"]


def test_one_missing_point_spoils_only_the_joints_that_need_it(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MAPPING, encoding="utf-8")
    resolved = mappings.resolve(mappings.read_mapping(path), POINTS)
    positions = np.zeros((1, len(POINTS), 3))
    positions[0, POINTS.index("Lwr1")] = np.nan
    assert np.flatnonzero(np.isnan(resolved.apply(positions)[0, :, 0])).tolist() == [JOINTS.index("LWrist")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("joints = 3", "has no"),
        ("[joints]\nNose = 'a'", "'Nose' is not a joint"),
        ("[joints]\nHip = [{ a = 0.5, b = 0.6 }]", "sum to 1"),
        ("[joints]\nHip = [{ a = nan, b = 1 }]", "sum to 1"),
        ("[joints]\nHip = [3]", "list of points"),
        ("[joints]\nHip = []", "list of points"),
        ("sides = {L = 'a'}\n[joints]\nHip = 'a'", "'sides' must be"),
        ("not toml", "not a TOML file"),
    ],
)
def test_mappings_that_are_wrong(tmp_path, text, words):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadFileError, match=words):
        mappings.read_mapping(path)
    with pytest.raises(InputFileMissing):
        mappings.read_mapping(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("name", "part", "side"),
    [
        ("thigh_l", "hip", "L"),
        ("LeftUpLeg", "hip", "L"),
        ("J_Bip_L_UpperLeg", "hip", "L"),
        ("rThigh", "hip", "R"),
        ("calf_r", "knee", "R"),
        ("RightLeg", "knee", "R"),
        ("shin.L", "knee", "L"),
        ("L.Knee", "knee", "L"),
        ("lFoot", "ankle", "L"),
        ("foot_r", "ankle", "R"),
        ("upper_arm.L", "shoulder", "L"),
        ("lShldr", "shoulder", "L"),
        ("LeftForeArm", "elbow", "L"),
        ("lowerarm_r", "elbow", "R"),
        ("hand_r", "wrist", "R"),
        ("HipLeft", "hip", "L"),
        ("pelvis", "pelvis", ""),
        ("Hips", "pelvis", ""),
        ("spine_02", "spine", ""),
        ("neck_01", "neck", ""),
        ("Head", "head", ""),
        ("C_Hips", "pelvis", ""),
        ("left_ankle", "ankle", "L"),
        ("DEF-thigh.L", "hip", "L"),
        ("LeftCollar", "clavicle", "L"),
        ("lfemur", "hip", "L"),
    ],
)
def test_words_in_names(name, part, side):
    assert meaning(name)[:2] == (part, side)


@pytest.mark.parametrize("name", ["LeftHandThumb1", "arm_twist_l", "marker", "", "___", "C7", "1234567890123456789012"])
def test_names_that_mean_no_joint(name):
    assert meaning(name) is None


@pytest.fixture
def person(tmp_path):
    from motion_making import bvh_text

    path = tmp_path / "a.bvh"
    path.write_text(bvh_text(), encoding="utf-8")
    return read_bvh(path)


def renamed(motion, rename):
    return dataclasses.replace(motion, names=tuple(rename(name) for name in motion.names))


UNREAL = {
    "Hips": "pelvis",
    "UpLeg": "thigh",
    "ForeArm": "lowerarm",
    "Arm": "upperarm",
    "Leg": "calf",
    "Foot": "foot",
    "Hand": "hand",
    "Spine": "spine_01",
    "Neck": "neck_01",
    "Head": "head",
}


def unreal(name):
    side = "_l" if name.startswith("Left") else "_r" if name.startswith("Right") else ""
    end = "_end" if name.endswith("_end") else ""
    core = name.removeprefix("Left").removeprefix("Right").removesuffix("_end")
    return UNREAL[core] + side + end


def test_known_names_unknown_names_and_no_names_give_the_same(person):
    expected = propose_mapping(person).apply(person.positions)
    assert propose_mapping(person).name == "motionbuilder"
    for rename, name in (
        (lambda n: f"mixamorig:{n}", "mixamo"),
        (lambda n: f"Character1_{n}", "motionbuilder"),
        (unreal, "proposed"),
    ):
        proposal = propose_mapping(renamed(person, rename))
        assert proposal.name == name
        np.testing.assert_allclose(proposal.apply(person.positions), expected)
    words = propose_mapping(renamed(person, unreal))
    assert "Joints were found by the words in their names." in words.notes


def test_too_few_points_are_named(person):
    few = dataclasses.replace(
        person, names=person.names[:4], parents=(-1, 0, 0, 0), positions=person.positions[:, :4], ends=(), rest=None
    )
    with pytest.raises(BadFileError, match="no points were found for .*LWrist.*mapping file"):
        propose_mapping(few)
    markers = Motion("c3d", ("a", "b"), None, np.zeros((1, 2, 3)))
    with pytest.raises(BadFileError, match="its points are a, b"):
        propose_mapping(markers)


def test_sides_of_different_length_are_said(person):
    uneven = person.positions.copy()
    uneven[:, person.names.index("LeftFoot")] += [0, -40, 0]
    proposal = propose_mapping(dataclasses.replace(person, positions=uneven))
    assert any(note.startswith("Knee to Foot has the length") for note in proposal.notes)


def test_reference_skeletons_without_their_names(shared_dir):
    """The tree alone finds the same hips, knees, feet, elbows and heads as the names do."""
    for name in (
        "cmu_12_01_walk",
        "walk01_cm",
        "pymo_8walk",
        "video2bvh_cxk_mm",
        "xsens_like_23joints",
        "zup_mixed_orders",
    ):
        motion = read_bvh(shared_dir / f"wild/bvh/{name}.bvh")
        expected = propose_mapping(motion).apply(motion.positions)
        found = propose_mapping(renamed(motion, lambda n, m=motion: f"j{m.names.index(n)}"))
        assert any("not by names" in note for note in found.notes)
        limbs = [j for j, joint in enumerate(JOINTS) if joint not in ("Spine", "Thorax")]
        np.testing.assert_allclose(found.apply(motion.positions)[:, limbs], expected[:, limbs], atol=1e-9)
