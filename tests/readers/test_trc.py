"""TRC: the spellings that mean the same, and the ways in which values are missing."""

import re

import numpy as np
import pytest
from motion_making import moving

from srnet_core.errors import BadFileError
from srnet_core.mocap.body import read_motions
from srnet_core.mocap.files import recognize
from srnet_core.readers.trc import read_trc
from srnet_core.skeletons.h36m17 import JOINTS

POINTS = moving(6) * 1000


def trc(*, names=JOINTS, form="{:.4f}", units="mm", rate="50", missing=None) -> str:
    head = [
        "PathFileType\t4\t(X/Y/Z)\ta.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{rate}\t{rate}\t6\t{len(names)}\t{units}\t{rate}\t1\t6",
        "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t",
        "\t\t" + "\t".join(f"X{i}\tY{i}\tZ{i}" for i in range(1, len(names) + 1)),
        "",
    ]
    rows = []
    for i, frame in enumerate(POINTS):
        cells = [form.format(value) for value in frame.ravel()]
        if missing is not None and i == 2:
            cells[9:12] = [missing] * 3
        rows.append("\t".join([str(i + 1), f"{i / 50:.4f}", *cells]))
    return "\n".join([*head, *rows]) + "\n"


def test_frames_that_are_left_out_and_times_of_another_rate(tmp_path):
    """Later frames moved up into the gap, and the rate of the header was taken though the times say another."""
    lines = trc().splitlines()
    (tmp_path / "a.trc").write_text("\n".join([*lines[:8], *lines[10:]]))
    motion = read_motions(tmp_path / "a.trc")[""]
    assert np.flatnonzero(np.isnan(motion.positions[:, 0, 0])).tolist() == [2, 3] and len(motion.positions) == 6
    np.testing.assert_allclose(motion.positions[4:], POINTS[4:], atol=1e-3)
    assert any("leaves out are missing: 2 of 6" in note for note in motion.notes)
    (tmp_path / "b.trc").write_text("\n".join([*lines[:6], *lines[6::2]]))  # every other frame
    motion = read_motions(tmp_path / "b.trc")[""]
    assert len(motion.positions) == 3
    assert any("says 50 frames per second, the times of the rows 25" in note for note in motion.notes)


def written(tmp_path, text):
    path = tmp_path / "markers"  # the ending tells nothing
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        trc().replace("\n", "\r\n"),
        trc().replace("\n", "\r"),
        trc().replace("\n\n", "\n"),
        trc(form="{:.8e}"),
        trc(form="{:.8e}").replace("e+0", "e+00").replace("e-0", "e-00"),
        trc().partition("\n\n")[0] + "\n\n" + trc().partition("\n\n")[2].replace("\t", "  "),
        trc().replace("\n", "\t\n"),
        trc().replace("NumFrames\tNumMarkers", "NumFrames\t\tNumMarkers").replace("\t6\t17", "\t\t6\t17"),
        trc().replace("\n6\t", "\n6.0\t"),
        "\ufeff" + trc(),
        "\n" + trc(),
        trc().partition("\n")[2],  # without its first line
        "\n".join(line for line in trc().split("\n") if "X1\t" not in line),
        trc().partition("\n\n")[0] + "\n\n" + trc().partition("\n\n")[2].replace(".", ","),
        trc().replace("Frame#\tTime", "Frame #\tTime"),
        trc().replace("Frame#\tTime", "Frame\ttime"),
        trc().replace("\t\t\t", "\t"),  # names beside each other
        re.sub(r"([^\t\n]+)\t\t(?=\t|\n)", r"\1\t\1\t\1", trc()),  # a name above each coordinate
        re.sub(r"(?m)^[1-6](?=\t0)", "", trc()),  # rows without numbers
        "\n".join("\t".join(f'"{cell}"' for cell in line.split("\t")) for line in trc().splitlines()),
        trc().replace("\t", ";"),
        trc().replace("\t", ";").replace(".", ","),
        trc().replace("\t", " "),
        trc(units="Millimeter"),
        trc(rate="50,00"),
        trc(rate="0"),
        trc(rate=""),
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_spellings_that_mean_the_same(tmp_path, text):
    path = written(tmp_path, text)
    markers = read_trc(path)
    assert recognize(path) == "trc" and tuple(markers.names) == tuple(JOINTS)
    assert (markers.units, markers.fps) == ("mm", 50)
    np.testing.assert_allclose(markers.positions, POINTS, atol=1e-4)


@pytest.mark.parametrize("missing", ["", " ", "9999999.000000", "NaN", "nan", "-nan(ind)", "1.#QNAN", "-1.#IND00"])
def test_values_that_are_missing(tmp_path, missing):
    positions = read_trc(written(tmp_path, trc(missing=missing))).positions
    assert np.isnan(positions[2, 3]).all() and np.isnan(positions).sum() == 3


@pytest.mark.parametrize(("units", "rate", "fps"), [("Meters", "59.94006", 59.94006), ("m", "100.000000", 100)])
def test_units_and_rates(tmp_path, units, rate, fps):
    markers = read_trc(written(tmp_path, trc(units=units, rate=rate)))
    assert markers.fps == pytest.approx(fps) and markers.units == "m"


def test_a_unit_that_is_none_is_said(tmp_path):
    markers = read_trc(written(tmp_path, trc(units="N")))
    assert markers.units is None and markers.notes == ("The header says the unit is 'n', which is not known.",)


def test_a_file_that_begins_with_the_names(tmp_path):
    path = written(tmp_path, "\n".join(trc().split("\n")[3:]))
    markers = read_trc(path)
    assert recognize(path) == "trc" and (markers.units, markers.fps) == (None, 50)
    np.testing.assert_allclose(markers.positions, POINTS, atol=1e-4)


@pytest.mark.parametrize("separator", ["\t", ";", ","])
def test_rows_that_begin_with_the_time(tmp_path, separator):
    first, _, _, names, *_ = trc().splitlines()
    rows = [line.partition("\t")[2] for line in trc().partition("\n\n")[2].splitlines()]
    text = "\n".join([first, names.partition("\t")[2], *rows]).replace("\t", separator)
    markers = read_trc(written(tmp_path, text))
    assert markers.fps == 50 and markers.numbers.tolist() == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(markers.positions, POINTS, atol=1e-4)


def test_the_rate_of_rounded_times_is_that_of_all_frames(tmp_path):
    text = trc(rate="")
    for i in range(6):
        text = text.replace(f"\n{i + 1}\t{i / 50:.4f}", f"\n{i + 1}\t{i / 60:.3f}")
    assert read_trc(written(tmp_path, text)).fps == pytest.approx(60, rel=0.005)


def test_words_where_numbers_belong(tmp_path):
    with pytest.raises(BadFileError, match="row 9: 'x' is not a number"):
        read_trc(written(tmp_path, trc(missing="x")))
