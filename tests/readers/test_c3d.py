"""The C3D reader: encodings, frame counts, labels, units, and files that are wrong."""

import struct

import numpy as np
import pytest
from c3d_making import make_c3d

from srnet_core.errors import BadFileError, InputFileMissing
from srnet_core.readers import c3d
from srnet_core.readers.c3d import read_c3d

POINTS = np.arange(36, dtype=float).reshape(4, 3, 3) * 1.5 - 20
POINTS[1, 2] = np.nan


@pytest.fixture
def written(tmp_path):
    def write(*args, **options):
        path = tmp_path / "a.c3d"
        path.write_bytes(make_c3d(*args, **options))
        return path

    return write


@pytest.mark.parametrize("integer", [False, True])
@pytest.mark.parametrize("processor", ["Intel", "DEC", "MIPS"])
def test_all_encodings_give_the_same(written, processor, integer):
    motion = read_c3d(written(POINTS, processor=processor, integer=integer, analog=5))
    np.testing.assert_allclose(motion.positions, POINTS, atol=0.051 if integer else 1e-5)
    assert motion.missing_fraction == 1 / 12
    assert motion.names == ("LASI", "RASI", "C7") and motion.parents is None
    assert (motion.fps, motion.units, motion.metres_per_unit) == (100.0, "mm", 0.001)
    assert motion.details["processor"] == processor
    assert motion.details["storage"] == ("int16" if integer else "float")
    assert motion.details["analog_channels"] == 5


def test_rates_need_not_be_whole(written):
    assert read_c3d(written(POINTS, rate=69.99261474609375)).fps == 69.99261474609375
    assert read_c3d(written(POINTS, rate=float("nan"))).fps is None


def test_labels_missing_repeated_and_in_several_parameters(written):
    motion = read_c3d(written(POINTS, labels=("A", "A")))
    assert motion.names == ("A", "A", "point_3")
    assert any("named by their place (point_3): 1 of 3" in note for note in motion.notes)
    assert any("several points" in note for note in motion.notes)
    motion = read_c3d(written(POINTS, labels=("A",), more=[("POINT", "LABELS2", -1, [1, 2], b"BC")]))
    assert motion.names == ("A", "B", "C")


def test_metres_and_unknown_units(written):
    assert read_c3d(written(POINTS, units="m")).metres_per_unit == 1.0
    motion = read_c3d(written(POINTS, units="furlong"))
    assert (motion.units, motion.metres_per_unit) == ("furlong", None)


def test_frame_counts_beyond_16_bits_stand_in_the_trial(written):
    points = np.zeros((70_000, 1, 3))
    motion = read_c3d(written(points, labels=("A",), integer=True, trial=(1, 70_000)))
    assert motion.frames == 70_000


def test_zeros_that_fill_the_last_block_are_no_frames(written):
    """Where neither header nor parameters can say how many frames there are, the size of the file does."""
    points = np.ones((65_600, 2, 3))
    path = written(points, labels=("A", "B"))
    content = path.read_bytes()
    path.write_bytes(content.ljust(-(-len(content) // 512) * 512 + 512, b"\0"))
    assert read_c3d(path).frames == 65_600


def test_a_frame_count_of_16_bits_that_began_again_is_not_believed(written):
    path = written(np.ones((70_000, 1, 3)), labels=("A",), integer=True)
    content = bytearray(path.read_bytes())
    content[8:10] = (70_000 & 0xFFFF).to_bytes(2, "little")  # the last frame in the header
    path.write_bytes(content)
    assert read_c3d(path).frames == 70_000


def test_first_frame_need_not_be_1(written):
    motion = read_c3d(written(POINTS, first_frame=614))
    assert (motion.frames, motion.details["first_frame"]) == (4, 614)


def test_a_file_cut_short_gives_the_frames_it_has(written):
    path = written(POINTS)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - 40])
    motion = read_c3d(path)
    assert motion.frames == 3
    assert motion.notes == ("The file says 4 frames and has 3.",)


def test_rotations_without_points_are_refused_in_words(written):
    path = written(np.zeros((3, 0, 3)), labels=(), more=[("ROTATION", "USED", 2, [], struct.pack("<h", 17))])
    with pytest.raises(BadFileError, match="rotations but no points"):
        read_c3d(path)
    with pytest.raises(BadFileError, match="has no points"):
        read_c3d(written(np.zeros((3, 0, 3)), labels=(), more=[("ROTATION", "USED", 2, [], struct.pack("<h", 0))]))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"PK\3\4" * 400, "is not a C3D file"),
        (bytes([2, 0x50]) + bytes(600), "is not a C3D file, or is cut short"),
        (bytes([100, 0x50]) + bytes(2000), "cut short before its parameters"),
        (bytes([2, 0x50]) + bytes(2000), "has no points"),
    ],
)
def test_files_that_are_none(tmp_path, content, words):
    path = tmp_path / "a.c3d"
    path.write_bytes(content)
    with pytest.raises(BadFileError, match=words):
        read_c3d(path)


def test_no_file(tmp_path):
    with pytest.raises(InputFileMissing):
        read_c3d(tmp_path / "no.c3d")


def test_more_points_than_fit(written, monkeypatch):
    monkeypatch.setattr(c3d, "MAX_POINTS", 10)
    with pytest.raises(BadFileError, match="more than 10 in all"):
        read_c3d(written(POINTS))


def changed(path, at, data):
    content = bytearray(path.read_bytes())
    content[at : at + len(data)] = data
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("integer", [False, True])
def test_parameters_that_are_missing_are_told_by_the_header(written, integer):
    motion = read_c3d(written(POINTS, integer=integer, without=("RATE", "SCALE", "USED", "UNITS", "LABELS")))
    np.testing.assert_allclose(motion.positions, POINTS, atol=0.051 if integer else 1e-5)
    assert (motion.fps, motion.units, motion.names) == (100.0, None, ("point_1", "point_2", "point_3"))


def test_the_rate_of_the_cameras_where_there_is_no_other(written):
    camera_rate = [("TRIAL", "CAMERA_RATE", 4, [], struct.pack("<f", 50.0))]
    assert read_c3d(written(POINTS, rate=0.0, more=camera_rate)).fps == 50.0
    assert read_c3d(written(POINTS, rate=100.0, more=camera_rate)).fps == 100.0


def test_parameters_at_another_block(written):
    np.testing.assert_allclose(read_c3d(written(POINTS, parameter_block=5)).positions, POINTS, atol=1e-5)


def test_more_points_than_one_parameter_can_name(written):
    points = np.random.default_rng(0).uniform(-1000, 1000, (3, 600, 3))
    names = [f"M{i:03d}" for i in range(600)]
    more = [
        (
            "POINT",
            f"LABELS{part}",
            -1,
            [4, len(names[start : start + 255])],
            "".join(names[start : start + 255]).encode(),
        )
        for part, start in ((2, 255), (3, 510))
    ]
    motion = read_c3d(written(points, labels=names[:255], more=more))
    assert motion.names == tuple(names) and not motion.notes
    np.testing.assert_allclose(motion.positions, points, atol=1e-3)


@pytest.mark.parametrize("integer", [False, True])
def test_a_scale_with_the_wrong_sign(written, integer):
    """The header says how the points are stored, the parameter the opposite: the size of the file tells."""
    points = np.tile(POINTS, (100, 1, 1))
    path = written(points, integer=integer, without=("SCALE",))
    wrong = struct.pack("<f", -0.1 if integer else 0.1)
    path = written(points, integer=integer, without=("SCALE",), more=[("POINT", "SCALE2", 4, [], wrong)])
    path.write_bytes(path.read_bytes().replace(b"SCALE2", b"SCALE ", 1))
    motion = read_c3d(path)
    assert motion.details["storage"] == ("int16" if integer else "float")
    np.testing.assert_allclose(motion.positions, points, atol=0.051 if integer else 1e-5)


def test_analog_samples_that_the_header_does_not_count(written):
    points = np.tile(POINTS, (100, 1, 1))
    path = written(points, analog=60, more=[("ANALOG", "RATE", 4, [], struct.pack("<f", 100.0))])
    motion = read_c3d(changed(path, 4, b"\0\0"))
    np.testing.assert_allclose(motion.positions, points, atol=1e-5)


@pytest.mark.parametrize("kind", ["FRAMES", "LONG_FRAMES"])
def test_frame_counts_as_floats(written, kind):
    more = [("POINT", kind, 4, [], struct.pack("<f", 70_000.0))]
    path = written(np.ones((70_000, 1, 3)), labels=("A",), integer=True, more=more)
    path.write_bytes(path.read_bytes() + bytes(3000))
    assert read_c3d(path).frames == 70_000


def test_points_at_zero_are_missing_unless_they_stay_there(written):
    points = np.ones((4, 3, 3)) * 100
    points[1, 0] = 0
    points[:, 2] = 0
    motion = read_c3d(written(points))
    assert np.isnan(motion.positions[1, 0]).all() and (motion.positions[:, 2] == 0).all()
    assert motion.missing_fraction == 1 / 12 and any("exactly 0, 0, 0" in note for note in motion.notes)
