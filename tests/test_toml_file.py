"""TOML files of users: what is in them is returned, and what would take any amount of memory is refused first."""

import pytest

from srnet_core.errors import BadFileError
from srnet_core.toml_file import read_toml_file


def read(tmp_path, text: str) -> dict:
    (tmp_path / "file.toml").write_text(text)
    return read_toml_file(tmp_path / "file.toml", what="file", todo="Check the path")


@pytest.mark.parametrize(
    "text", ["a" + ".a" * 200_000 + " = 1", "x = {a" + ".a" * 5000 + " = 1}", "[a" + ".1" * 500 + "]"]
)
def test_a_key_of_very_many_parts_is_refused(tmp_path, text):
    with pytest.raises(BadFileError, match=r"row 2 has more than 100 dots"):
        read(tmp_path, f"\n{text}\n")


def test_many_decimals_in_a_row_and_dotted_keys_are_read(tmp_path):
    assert len(read(tmp_path, "a.b.c = [" + ", ".join(["0.125"] * 500) + "]")["a"]["b"]["c"]) == 500
