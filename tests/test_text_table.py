"""Tables as CSV, Markdown and LaTeX."""

import csv

import pytest

from srnet_core.errors import ConfigError
from srnet_core.text_table import TextTable, escaped, to_csv, to_latex, to_markdown, write_tables

TABLE = TextTable("Errors", ["a|b", "mm"], [["x_1 & y", "51.3 ± 0.4"], ["=1+1", "-3.5"]], "Caption, 95 %.")


def test_markdown():
    assert to_markdown([TABLE]) == (
        "**Errors**\n\n| a\\|b | mm |\n|---|---:|\n| x_1 & y | 51.3 ± 0.4 |\n| =1+1 | -3.5 |\n\nCaption, 95 %.\n"
    )


def test_latex_has_no_character_with_a_meaning_left():
    text = to_latex([TABLE])
    assert r"x\_1 \& y & 51.3 $\pm$ 0.4 \\" in text and r"95 \%" in text and r"\begin{tabular}{lr}" in text
    assert escaped("\\{a}^~#$\x1b") == r"\textbackslash{}\{a\}\textasciicircum{}\textasciitilde{}\#\$ "


def test_csv_holds_no_formulas():
    rows = list(csv.reader(to_csv([TABLE]).splitlines()))
    assert rows[0] == ["table", "a|b", "mm", "mm, ±"]
    assert rows[1:] == [["Errors", "x_1 & y", "51.3", "0.4"], ["Errors", "'=1+1", "-3.5", ""]]


def test_csv_has_a_cell_for_every_number():
    rows = [
        ["Walk", "1", "-85.57*", "[-90.10, -80.00]", "3.2 ± 1 *"],
        ["Sit", "2", "+3.10", "-", "4"],
        ["Run", "", "+0.10", "[-0.10, +0.30]", "-"],
    ]
    table = TextTable("T", ["action", "n", "diff", "95 %", "mean"], rows)
    assert list(csv.reader(to_csv([table]).splitlines())) == [
        ["table", "action", "n", "diff", "diff, *", "95 %, from", "95 %, to", "mean", "mean, ±", "mean, *"],
        ["T", "Walk", "1", "-85.57", "*", "-90.10", "-80.00", "3.2", "1", "*"],
        ["T", "Sit", "2", "+3.10", "", "", "", "4", "", ""],
        ["T", "Run", "", "+0.10", "", "-0.10", "+0.30", "", "", ""],
    ]


def test_the_ending_chooses(tmp_path):
    for ending in (".csv", ".md", ".tex", ".TEX"):
        write_tables(tmp_path / f"t{ending}", [TABLE])
        assert (tmp_path / f"t{ending}").read_text()
    with pytest.raises(ConfigError, match=r"\.csv, \.md or \.tex"):
        write_tables(tmp_path / "t.doc", [TABLE])
