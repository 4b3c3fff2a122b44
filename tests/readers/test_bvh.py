"""The BVH reader: rotation orders, position channels, what programs write differently, and files that are wrong."""

import numpy as np
import pytest

from srnet_core.errors import BadFileError, InputFileMissing
from srnet_core.geometry.rotation import rotation_about
from srnet_core.readers import bvh
from srnet_core.readers.bvh import read_bvh

HEADER = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Leg
  {
    OFFSET 0 -2 0
    CHANNELS 3 Yrotation Zrotation Xrotation
    End Site
    {
      OFFSET 0 -1 0.5
    }
  }
}
"""
MOTION = "MOTION\nFrames: 2\nFrame Time: 0.04\n1 2 3 10 20 30 40 50 60\n1 2 3 0 0 0 0 0 0\n"


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "a.bvh"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def turn(order, *degrees):
    matrix = np.eye(3)
    for axis, angle in zip(order, degrees):
        matrix = matrix @ rotation_about("XYZ".index(axis), np.radians(angle))
    return matrix


def test_positions_follow_from_the_channels(written):
    motion = read_bvh(written(HEADER + MOTION))
    assert motion.names == ("Hips", "Leg", "Leg_end") and motion.parents == (-1, 0, 1) and motion.ends == (2,)
    assert motion.joints == (0, 1)
    root = turn("ZXY", 10, 20, 30)
    leg = np.array([1, 2, 3]) + root @ [0, -2, 0]
    end = leg + root @ turn("YZX", 40, 50, 60) @ [0, -1, 0.5]
    np.testing.assert_allclose(motion.positions[0], [[1, 2, 3], leg, end], atol=1e-12)
    np.testing.assert_allclose(motion.positions[1], [[1, 2, 3], [1, 0, 3], [1, -1, 3.5]], atol=1e-12)
    np.testing.assert_allclose(motion.rest, [[0, 0, 0], [0, -2, 0], [0, -3, 0.5]])
    assert motion.fps == 25


def test_blocks_of_frames_give_the_same(written, monkeypatch):
    path = written(HEADER + MOTION)
    whole = read_bvh(path).positions
    monkeypatch.setattr(bvh, "_BLOCK_ROTATIONS", 1)
    assert (read_bvh(path).positions == whole).all()


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.replace("\n", "\r\n"),
        lambda t: t.replace("\n", "\r"),
        lambda t: t.replace("  ", "\t"),
        lambda t: "\ufeff" + t,
        lambda t: t.replace("{", " { ").replace("\n{", "{"),
        lambda t: t.replace("End Site", "END SITE").replace("JOINT", "joint").replace("MOTION", "motion"),
        lambda t: t.replace("Frames: 2", "Frames:2").replace("Frame Time: ", "Frame Time:\t"),
        lambda t: t.replace("10 20 30", "1.0e+001 2e1 +30.0"),
        lambda t: t.replace("End Site", "EndSite"),
        lambda t: t.rstrip("\n"),
        lambda t: t.replace("2 3 10", "2 3\n10"),
        lambda t: t + "\n\n",
        lambda t: "# made by a program\n// of 2024\n" + t.replace("  OFFSET", "  # the hip\n  OFFSET", 1),
    ],
)
def test_spellings_that_mean_the_same(written, change):
    expected = read_bvh(written(HEADER + MOTION)).positions
    np.testing.assert_allclose(read_bvh(written(change(HEADER + MOTION))).positions, expected, atol=1e-9)


def test_decimal_commas(written):
    pointed = HEADER.replace("0.5", "0.25") + MOTION.replace("40 50 60", "40.5 -5.25e-1 60")
    expected = read_bvh(written(pointed))
    motion = read_bvh(written(pointed.replace(".", ",")))
    np.testing.assert_allclose(motion.positions, expected.positions, atol=1e-9)
    assert motion.fps == expected.fps == 25


def test_a_root_without_positions_stays_at_its_offset(written):
    text = HEADER.replace("OFFSET 0 0 0", "OFFSET 0 90 0").replace(
        "CHANNELS 6 Xposition Yposition Zposition", "CHANNELS 3"
    )
    motion = read_bvh(written(text + "MOTION\nFrames: 1\nFrame Time: 0.04\n0 0 0 0 0 0\n"))
    assert motion.positions[0, 0].tolist() == [0, 90, 0]


def test_rotations_before_positions(written):
    text = HEADER.replace(
        "Xposition Yposition Zposition Zrotation Xrotation Yrotation",
        "Zrotation Xrotation Yrotation Xposition Yposition Zposition",
    )
    values = "MOTION\nFrames: 1\nFrame Time: 0.04\n10 20 30 1 2 3 40 50 60\n"
    expected = read_bvh(written(HEADER + MOTION)).positions[0]
    np.testing.assert_allclose(read_bvh(written(text + values)).positions[0], expected)


WITH_POSITIONS = HEADER.replace(
    "CHANNELS 3 Yrotation Zrotation Xrotation",
    "CHANNELS 6 Xposition Yposition Zposition Yrotation Zrotation Xrotation",
)


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        ((0, 0, 0), (0, -2, 0)),  # MakeHuman: zeros do not replace the OFFSET
        ((0, -2, 0), (0, -2, 0)),  # most programs: replace
        ((2, 0, 0), (2, 0, 0)),
        ((0, -0.1, 0.1), (0, -2.1, 0.1)),  # small shifts add to it
    ],
)
def test_position_channels_of_joints_other_than_the_root(written, position, expected):
    values = f"0 0 0 0 0 0 {' '.join(map(str, position))} 0 0 0\n"
    motion = read_bvh(written(WITH_POSITIONS + "MOTION\nFrames: 1\nFrame Time: 0.04\n" + values))
    np.testing.assert_allclose(motion.positions[0, 1], expected, atol=1e-12)


@pytest.mark.parametrize(
    ("time", "fps"),
    [
        ("0.0083333", 1 / 0.0083333),
        ("0.033", 30),
        ("0.0333", 30),
        ("0.03", 30),
        (".0083", 120),
        ("0.008", 120),
        ("0,0333", 30),
        ("0.04", 25),
        ("0.01", 100),
        ("1", 1),
        ("0.017", 60),
        ("4.1666667e-2", 1 / 4.1666667e-2),
    ],
)
def test_frame_rates(written, time, fps):
    motion = read_bvh(written(HEADER + MOTION.replace("0.04", time)))
    assert motion.fps == pytest.approx(fps, rel=1e-12)


@pytest.mark.parametrize(
    ("time", "fps", "said"), [("30", 30, "as 30 frames"), ("33.3333", 30, "milliseconds"), ("8.33333", 120, "milli")]
)
def test_frame_times_in_other_units(written, time, fps, said):
    motion = read_bvh(written(HEADER + MOTION.replace("0.04", time)))
    assert motion.fps == fps and any(said in note for note in motion.notes)


@pytest.mark.parametrize("time", ["Frame Time: 0", "Frame Time:", ""])
def test_no_frame_rate_is_said(written, time):
    motion = read_bvh(written(HEADER + MOTION.replace("Frame Time: 0.04", time)))
    assert motion.fps is None and motion.frames == 2
    assert any("frame rate is not known" in note for note in motion.notes)


@pytest.mark.parametrize("frames", ["Frames: 9", "Frames: 1000000000", "Frames: 1", "Frames: ?"])
def test_a_wrong_number_of_frames_is_not_believed(written, frames):
    assert read_bvh(written(HEADER + MOTION.replace("Frames: 2", frames))).frames == 2


def test_a_last_frame_cut_short_is_left_out(written):
    motion = read_bvh(written(HEADER + MOTION + "1 2 3"))
    assert motion.frames == 2 and any("cut short" in note for note in motion.notes)


@pytest.mark.parametrize("spelling", ["-1.#IND", "1.#QNAN0", "-nan(ind)", "1.#J", "inf"])
def test_values_that_are_not_finite_are_missing(written, spelling):
    motion = read_bvh(written(HEADER + MOTION.replace("40 50 60", f"nan 50 {spelling}")))
    assert np.isfinite(motion.positions[0, 1]).all() and np.isnan(motion.positions[0, 2]).all()


def test_two_skeletons_and_names_with_blanks(written):
    second = HEADER.replace("HIERARCHY\n", "").replace("Hips", "Bip01 Pelvis")
    values = MOTION.replace("60", "60 " + "0 " * 9).replace("0 0 0 0 0 0\n", "0 " * 15 + "\n")
    motion = read_bvh(written(HEADER + second + values))
    assert motion.names[3] == "Bip01 Pelvis" and motion.parents == (-1, 0, 1, -1, 3, 4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("#!OML:ASF\n", "does not start with HIERARCHY"),
        (HEADER, "no MOTION part"),
        (HEADER.replace("}\n}", "}") + MOTION, "is not closed"),
        (HEADER + "}\n" + MOTION, "closes more joints than it opens"),
        (HEADER.replace("Zrotation", "Zscale") + MOTION, "unknown channel 'Zscale'"),
        (HEADER.replace("CHANNELS 6", "CHANNELS 1000000000") + MOTION, "not a number from 0 to 99"),
        (HEADER.replace("CHANNELS 6", "CHANNELS ２") + MOTION, "not a number from 0 to 99"),
        (HEADER.replace("OFFSET 0 -2 0", "OFFSET 0 -2") + MOTION, "where a number of OFFSET belongs"),
        (HEADER.replace("OFFSET 0 -2 0", "OFFSET 0 nan 0") + MOTION, "where a number of OFFSET belongs"),
        (HEADER + "MOTION\nFrames: 0\nFrame Time: 0.04\n", "no whole frame"),
        (
            HEADER + MOTION.replace("40", "4,0").replace("50", "5.5"),
            "line 19.*'4,0' where a number belongs.*decimals with points",
        ),
        (HEADER + MOTION.replace("40", "1" * 5000), "where a number belongs"),
        (HEADER + MOTION.replace("40 50", "40 50 7").replace("\n1 2 3 0", "\n1 2 3 0 0"), "10 values per frame"),
        (HEADER + MOTION.replace("0.04", "-1"), "Frame Time of"),
        ("HIERARCHY\nJOINT a {\n}\n" + MOTION, "outside of any ROOT"),
        ("HIERARCHY\nROOT a\n{ OFFSET 0 0 0 }\n" + MOTION, "no joint has channels"),
        ("HIERARCHY\n" + MOTION, "has no joints"),
    ],
)
def test_files_that_are_wrong(written, text, words):
    with pytest.raises(BadFileError, match=words):
        read_bvh(written(text))


def test_no_file(tmp_path):
    with pytest.raises(InputFileMissing):
        read_bvh(tmp_path / "no.bvh")
    with pytest.raises(BadFileError, match="is not a regular file"):
        read_bvh(tmp_path)


@pytest.mark.parametrize(("joints", "words"), [(20_000, "more than 5000 joints"), (100_000, "hierarchy is too large")])
def test_a_depth_of_100000_joints_is_refused_at_once(written, joints, words):
    bomb = (
        "HIERARCHY\nROOT a{OFFSET 0 0 0 CHANNELS 1 Xrotation " + "JOINT a{OFFSET 0 0 0 " * joints + "}" * (joints + 1)
    )
    with pytest.raises(BadFileError, match=words):
        read_bvh(written(bomb + "\n" + MOTION))


def test_many_joints_without_channels_cannot_fill_the_memory(written, monkeypatch):
    monkeypatch.setattr(bvh, "MAX_POINTS", 5)
    with pytest.raises(BadFileError, match="more than 5 points"):
        read_bvh(written(HEADER + MOTION))
