"""Files of TOML: what is read, and what small files cannot make the reader do."""

import resource
import time

import pytest

from srnet_core.errors import BadFileError
from srnet_core.toml_file import read_toml_file


def read(tmp_path, text: str):
    (tmp_path / "x.toml").write_text(text, encoding="utf-8")
    return read_toml_file(tmp_path / "x.toml", what="preset file", todo="")


def test_what_is_read(tmp_path):
    dots = "a." * 200
    text = f'''
a.b."c.d" . 'e' = 1
# {dots}b
text = "{dots}\\"{dots}"
literal = '{dots}"'
long = """
{dots}""{dots}
"""
raw = \'\'\'{dots}\'\'\'
numbers = [1.5, 2.5, 9223372036854775807, -9223372036854775808]
'''
    found = read(tmp_path, text)
    assert found["a"] == {"b": {"c.d": {"e": 1}}}
    assert found["text"] == f'{dots}"{dots}' and found["raw"] == dots
    assert found["numbers"][2] == 2**63 - 1


@pytest.mark.parametrize(
    "text",
    [
        "a" + ".a" * 200_000 + " = 1",
        "[a" + ".a" * 100_000 + "]",
        "[[a" + " . a" * 50_000 + "]]",
        "x = {a" + ".'b'" * 50_000 + " = 1}",
        '"q"' + '."b"' * 70 + " = 1",
    ],
)
def test_keys_of_many_parts_are_refused_before_they_are_read(tmp_path, text):
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(BadFileError, match="line 1 has a key of more than 64 parts"):
        read(tmp_path, text)
    assert time.process_time() - began < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10


@pytest.mark.parametrize(
    "number", ["1" + "0" * 400, "-" + "9" * 30, "0x" + "f" * 5000, "[[{a = 9223372036854775808}]]"]
)
def test_numbers_of_more_than_64_bits(tmp_path, number):
    with pytest.raises(BadFileError, match="64 bits"):
        read(tmp_path, f"a = {number}")


@pytest.mark.parametrize(
    "text", ["a = 1" + "0" * 5000, "a = " + "[" * 5000, "= 1", "a = '''x", 'a = "x', 'a = "\\', "\0"]
)
def test_what_is_no_toml(tmp_path, text):
    with pytest.raises(BadFileError, match="not a TOML file"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[train]\nlr = 1\nlr = 2", r"lr is given twice \(at line 3\)"),
        ('"left leg" = 1\nb = 2\n"left leg" = [\n3,\n4\n]\n# end', r'"left leg" is given twice \(at line 3\)'),
        ("[a.b]\nx = 1\n[a.b]\ny = 2", r"the table \[a\.b\] is given twice \(at line 3"),
        ("a = 1\n[a]\nx = 1", r"a is given twice \(at line 2\)"),
        ("a" * 200_000 + " = 1\n" + "a" * 200_000 + " = 2", "a is given twice"),
    ],
)
def test_what_is_given_twice_is_named(tmp_path, text, says):
    with pytest.raises(BadFileError, match=says):
        read(tmp_path, text)


def test_many_decimals_in_a_row_are_read(tmp_path):
    assert len(read(tmp_path, "a.b.c = [" + ", ".join(["0.125"] * 500) + "]")["a"]["b"]["c"]) == 500
