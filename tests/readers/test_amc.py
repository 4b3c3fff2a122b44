"""The ASF/AMC reader: axes, degrees of freedom, units, comments, and files that are wrong."""

import numpy as np
import pytest

from srnet_core.errors import BadFileError, InputFileMissing
from srnet_core.geometry.rotation import rotation_about
from srnet_core.readers import amc
from srnet_core.readers.amc import find_asf, read_amc, read_asf

ASF = """# a comment
:version 1.10
:name small
:units
  mass 1.0
  length 0.45
  angle deg
:documentation
  Words about :bonedata that mean nothing # here
:root
  order TX TY TZ RX RY RZ
  axis XYZ
  position 0 0 0
  orientation 0 0 0
:bonedata
  begin
    id 1
    name thigh
    direction 0 -1 0
    length 4
    axis 0 0 20 XYZ
    dof rx ry rz
    limits (-160.0 20.0)
           (-70.0 70.0)
           (-60.0 70.0)
  end
  begin
    id 2
    name shin
    direction 0 -1 0
    length 3
    axis 10 20 30 ZYX
    dof rz rx
  end
  begin
    id 3
    name fixed
    direction 1 0 0
    length 2
    axis 0 0 0 XYZ
  end
:hierarchy
  begin
    root thigh
    thigh shin fixed
  end
"""
AMC = """#!OML:ASF small.ASF
:FULLY-SPECIFIED
:DEGREES
1
root 1 2 3 10 20 30
thigh 5 6 7
shin 8 9
2
root 1 2 3 0 0 0
thigh 0 0 0
shin 0 0
"""


@pytest.fixture
def written(tmp_path):
    def write(asf=ASF, take=AMC, name="small_01.amc"):
        (tmp_path / "small.asf").write_text(asf, encoding="utf-8")
        (tmp_path / name).write_text(take, encoding="utf-8")
        return tmp_path / name

    return write


def turn(order, x, y, z):
    angles = dict(zip("XYZ", np.radians([x, y, z])))
    matrix = np.eye(3)
    for axis in order:  # the first axis turns first
        matrix = rotation_about("XYZ".index(axis), angles[axis]) @ matrix
    return matrix


def test_positions_follow_from_the_angles(written):
    motion = read_amc(written())
    assert motion.names == ("root", "thigh", "shin", "fixed") and motion.parents == (-1, 0, 1, 1)
    root = turn("XYZ", 10, 20, 30)
    c = turn("XYZ", 0, 0, 20)
    thigh = root @ c @ turn("XYZ", 5, 6, 7) @ c.T
    c = turn("ZYX", 10, 20, 30)
    shin = thigh @ c @ turn("ZYX", 9, 0, 8) @ c.T
    start = np.array([1.0, 2, 3])
    knee = start + thigh @ [0, -4, 0]
    expected = [start, knee, knee + shin @ [0, -3, 0], knee + thigh @ [2, 0, 0]]
    np.testing.assert_allclose(motion.positions[0], expected, atol=1e-12)
    np.testing.assert_allclose(motion.positions[1], [[1, 2, 3], [1, -2, 3], [1, -5, 3], [3, -2, 3]], atol=1e-12)
    np.testing.assert_allclose(motion.rest, [[0, 0, 0], [0, -4, 0], [0, -7, 0], [2, -4, 0]], atol=1e-12)
    assert motion.metres_per_unit == pytest.approx(0.0254 / 0.45)
    assert motion.fps is None


def test_blocks_of_frames_give_the_same(written, monkeypatch):
    path = written()
    whole = read_amc(path).positions
    monkeypatch.setattr(amc, "_BLOCK_ROTATIONS", 1)
    assert (read_amc(path).positions == whole).all()


def test_radians_in_either_file(written):
    expected = read_amc(written()).positions

    def radians(line):
        head, *values = line.split()
        turned = [f"{np.radians(float(v)):.17g}" for v in values]
        return " ".join([head, *(values[:3] + turned[3:] if head == "root" else turned)])

    lines = [radians(line) if line[0] in "rts" else line for line in AMC.splitlines()]
    take = "\n".join(lines).replace(":DEGREES", ":RADIANS")
    np.testing.assert_allclose(read_amc(written(take=take)).positions, expected, atol=1e-9)
    asf = ASF.replace("angle deg", "angle rad").replace("0 0 20 XYZ", f"0 0 {np.radians(20):.17g} XYZ")
    asf = asf.replace("10 20 30 ZYX", " ".join(f"{np.radians(v):.17g}" for v in (10, 20, 30)) + " ZYX")
    np.testing.assert_allclose(read_amc(written(asf=asf)).positions, expected, atol=1e-9)


def test_order_of_the_root_and_of_bones_in_the_file(written):
    expected = read_amc(written()).positions
    asf = ASF.replace("order TX TY TZ RX RY RZ", "order RZ RY RX TX TY TZ")
    take = AMC.replace("root 1 2 3 10 20 30\nthigh 5 6 7", "thigh 5 6 7\nroot 30 20 10 1 2 3")
    take = take.replace("root 1 2 3 0 0 0", "root 0 0 0 1 2 3")
    np.testing.assert_allclose(read_amc(written(asf=asf, take=take)).positions, expected, atol=1e-12)


def test_orientation_of_the_root_and_added_length(written):
    asf = ASF.replace("orientation 0 0 0", "orientation 0 90 0").replace("position 0 0 0", "position 1 1 1")
    asf = asf.replace("dof rz rx", "dof rz rx l")
    take = AMC.replace("shin 8 9", "shin 0 0 0").replace("shin 0 0\n", "shin 0 0 1.5\n")
    motion = read_amc(written(asf=asf, take=take))
    np.testing.assert_allclose(motion.positions[1, 0], [2, 3, 4])
    assert np.linalg.norm(motion.positions[1, 2] - motion.positions[1, 1]) == pytest.approx(4.5)


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends(written, tmp_path, end):
    expected = read_amc(written()).positions
    path = written()
    path.write_bytes(AMC.replace("\n", end).encode())
    (tmp_path / "small.asf").write_bytes(ASF.replace("\n", end).encode())
    np.testing.assert_allclose(read_amc(path).positions, expected)


def test_a_take_cut_short(written):
    motion = read_amc(written(take=AMC + "3\nroot 1 2 3 0 0 0\nthigh 0 0 0\n"))
    assert motion.frames == 2 and any("cut short" in note for note in motion.notes)


def test_bones_left_out_of_frames_are_said(written):
    motion = read_amc(written(take=AMC.replace("shin 8 9\n", "")))
    assert motion.frames == 2 and any("bones that a frame does not name" in note for note in motion.notes)


def test_which_skeleton_belongs_to_a_take(tmp_path):
    for name in ("02.asf", "HDM_bd.asf", "HDM_bda.ASF"):
        (tmp_path / name).write_text(ASF, encoding="utf-8")
    assert find_asf(tmp_path / "02_01.amc").name == "02.asf"
    assert find_asf(tmp_path / "HDM_bd_walk_001_120.amc").name == "HDM_bd.asf"
    assert find_asf(tmp_path / "HDM_bda_walk_001_120.amc").name == "HDM_bda.ASF"
    with pytest.raises(InputFileMissing, match="none of the 3 ASF files"):
        find_asf(tmp_path / "020_01.amc")
    alone = tmp_path / "alone"
    alone.mkdir()
    with pytest.raises(InputFileMissing, match="no ASF file beside it"):
        find_asf(alone / "a.amc")
    (alone / "skeleton.asf").write_text(ASF, encoding="utf-8")
    assert find_asf(alone / "a.amc").name == "skeleton.asf"
    with pytest.raises(InputFileMissing, match="no ASF file beside it"):
        find_asf(tmp_path / "nowhere" / "a.amc")


def test_skeletons_in_the_folder_above_or_in_a_folder_of_their_own(tmp_path):
    for folder in ("12/takes", "all/amc", "all/asf"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("12/12.asf", "all/asf/01.asf", "all/asf/02.asf"):
        (tmp_path / file).write_text(ASF, encoding="utf-8")
    assert find_asf(tmp_path / "12/takes/walk.amc").name == "12.asf"
    assert find_asf(tmp_path / "all/amc/02_05.amc") == tmp_path / "all/asf/02.asf"
    with pytest.raises(InputFileMissing, match="no ASF file beside it"):
        find_asf(tmp_path / "all/amc/03_05.amc")


def test_which_of_several_skeletons_was_taken_is_said(written):
    path = written()
    assert not any("Skeleton:" in note for note in read_amc(path).notes)
    (path.parent / "other.asf").write_text(ASF, encoding="utf-8")
    assert any("small.asf, the one of 2 ASF files" in note for note in read_amc(path).notes)


@pytest.mark.parametrize(
    ("asf", "words"),
    [
        ("", "is empty"),
        ("HIERARCHY\nROOT a\n", "needs :bonedata and :hierarchy"),
        (ASF.replace("thigh shin fixed", "thigh shin nobone"), "'nobone' that there is not"),
        (ASF.replace("thigh shin fixed", "thigh shin fixed\nshin fixed"), "two parents"),
        (ASF.replace("root thigh", "shin thigh"), "do not form one tree"),
        (ASF.replace("name shin", "name thigh"), "two bones named"),
        (ASF.replace("dof rz rx", "dof rz rz"), "dof of bone 'shin'"),
        (ASF.replace("30 ZYX", "30 ZZX"), "order 'ZZX'"),
        (ASF.replace("length 3", "length 3x"), "where the number of length"),
        (ASF.replace("length 0.45", "length 0"), "which cannot be"),
        (ASF.replace("direction 1 0 0", "direction 1 0"), "needs three numbers"),
    ],
)
def test_skeletons_that_are_wrong(written, tmp_path, asf, words):
    written(asf=asf)
    with pytest.raises(BadFileError, match=words):
        read_asf(tmp_path / "small.asf")


@pytest.mark.parametrize(
    ("take", "words"),
    [
        ("", "is empty"),
        (":DEGREES\n", "has no frames"),
        ("1\n", "has no frames"),
        ("root 1 2 3\n", "no number of a frame"),
        (AMC.replace("shin 8 9", "shin 8"), "line 7.*'shin' has 1 values, but the skeleton gives it 2"),
        (AMC.replace("shin 8 9", "shin 8 nine"), "where numbers belong"),
        (AMC.replace("shin 8 9", "shin 8 inf"), "where numbers belong"),
        ("1\na 1\nb 2\nc 3\nd 4\n", "not those of its skeleton"),
    ],
)
def test_takes_that_are_wrong(written, take, words):
    with pytest.raises(BadFileError, match=words):
        read_amc(written(take=take))


def test_limits(written, monkeypatch):
    monkeypatch.setattr(amc, "MAX_POINTS", 5)
    with pytest.raises(BadFileError, match="more than 5 points"):
        read_amc(written())
    monkeypatch.setattr(amc, "MAX_BONES", 2)
    with pytest.raises(BadFileError, match="more than 2 bones"):
        read_amc(written())
