"""MVNX of Xsens MVN: segments become the joints of a skeleton, and what is refused."""

import numpy as np
import pytest
from motion_making import moving
from tables_making import mvnx

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.mappings.propose import propose_mapping
from srnet_core.mocap.files import describe, read_motion, recognize
from srnet_core.skeletons.h36m17 import JOINTS

POINTS = moving(6)
# where the segments of the body begin: (segment, joints of Human3.6M whose mean that is)
SEGMENTS = {
    "Pelvis": ("Hip",),
    "L5": ("Hip", "Hip", "Spine"),
    "L3": ("Hip", "Spine", "Spine"),
    "T12": ("Spine",),
    "T8": ("Spine", "Thorax"),
    "Neck": ("Thorax",),
    "Head": ("Neck/Nose",),
    **{f"{side}Shoulder": ("Thorax", "Thorax", f"{side[0]}Shoulder") for side in ("Right", "Left")},
    **{
        f"{side}{segment}": (f"{side[0]}{joint}",)
        for side in ("Right", "Left")
        for segment, joint in (
            ("UpperArm", "Shoulder"),
            ("ForeArm", "Elbow"),
            ("Hand", "Wrist"),
            ("UpperLeg", "Hip"),
            ("LowerLeg", "Knee"),
            ("Foot", "Foot"),
            ("Toe", "Foot"),
        )
    },
}
BODY = np.stack([POINTS[:, [JOINTS.index(j) for j in joints]].mean(1) for joints in SEGMENTS.values()], axis=1)


def written(tmp_path, text):
    path = tmp_path / "recording"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        mvnx(BODY, SEGMENTS),
        mvnx(BODY, SEGMENTS, prefix="mvn:"),
        mvnx(BODY, SEGMENTS).replace("\n", "\r\n"),
        "\ufeff" + mvnx(BODY, SEGMENTS),
        mvnx(BODY, SEGMENTS).replace("UTF-8", "UTF-16").encode("utf-16"),
        mvnx(BODY, SEGMENTS, rest=BODY[0]),
        mvnx(np.concatenate([BODY, BODY[:, :1]], axis=1), [*SEGMENTS, "Prop1"]),
        mvnx(BODY[:, ::-1], list(SEGMENTS)[::-1]),
    ],
    ids=lambda text: ascii(text[:8]),
)
def test_segments_are_joints(tmp_path, text):
    path = written(tmp_path, text)
    assert recognize(path) == "mvnx"
    motion = read_motion(path)
    assert (motion.fps, motion.units, motion.frames) == (50, "m", 6)
    assert motion.parents[motion.names.index("LeftHand")] == motion.names.index("LeftForeArm")
    poses = propose_mapping(motion).apply(motion.positions)
    for joint in ("RHip", "LKnee", "RFoot", "LShoulder", "RElbow", "LWrist", "Spine", "Thorax", "Neck/Nose"):
        np.testing.assert_allclose(poses[:, JOINTS.index(joint)], POINTS[:, JOINTS.index(joint)], atol=1e-6)
    assert (poses[:, JOINTS.index("Head"), 2] > poses[:, JOINTS.index("Neck/Nose"), 2]).all()
    about = describe(path)
    assert (about["people"], about["joints"], about["layout"]) == (1, 23, "mvnx")


def test_gaps_and_the_rest_pose(tmp_path):
    gap = BODY.copy()
    gap[3, 5] = np.nan
    motion = read_motion(written(tmp_path, mvnx(gap, SEGMENTS, rest=BODY[0])))
    np.testing.assert_allclose(motion.positions, gap[:, [list(SEGMENTS).index(n) for n in motion.names]], atol=1e-6)
    assert motion.rest is not None and motion.frames == 6
    part = read_motion(written(tmp_path, mvnx(BODY[:, :5], list(SEGMENTS)[:5])))
    assert part.parents is None and part.names == tuple(SEGMENTS)[:5]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (mvnx(BODY, SEGMENTS)[:3000], "is cut short|is not XML"),
        (mvnx(BODY, SEGMENTS).replace("</frames>", ""), "is not XML: mismatched tag"),
        (mvnx(BODY, SEGMENTS).replace("position", "acceleration"), "no positions of segments.*with positions"),
        (mvnx(BODY, SEGMENTS).replace("<position>", "<position>1 "), "frame 1 has 70 coordinates for 23 segments"),
        (mvnx(BODY, SEGMENTS).replace("<position>", "<position>one"), "frame 1: 'one.*' is not a number"),
    ],
)
def test_what_is_refused(tmp_path, text, words):
    with pytest.raises(BadFileError, match=words) as error:
        read_motion(written(tmp_path, text))
    assert "\n" not in str(error.value)


def test_entities_and_absurd_sizes_are_refused(tmp_path):
    bomb = mvnx(BODY, SEGMENTS).replace("<mvnx", '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>\n<mvnx', 1)
    with pytest.raises(HostileFileError, match="declares"):
        read_motion(written(tmp_path, bomb))
    deep = mvnx(BODY, SEGMENTS).replace("<segments>", "<a>" * 100 + "<segments>")
    with pytest.raises(HostileFileError, match="nested too deep"):
        read_motion(written(tmp_path, deep))
    many = mvnx(np.zeros((1, 1001, 3)), [f"s{i}" for i in range(1001)])
    with pytest.raises(HostileFileError, match="more than 1000 segments"):
        read_motion(written(tmp_path, many))
