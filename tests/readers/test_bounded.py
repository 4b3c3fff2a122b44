"""Files that are no files, too large, blank or unreadable are refused before they take memory or time."""

import os

import pytest

from srnet_core.errors import BadFileError, InputFileMissing
from srnet_core.readers.bounded import open_regular, read_bounded
from srnet_core.readers.text import decode, open_text, parse_json


def test_a_file_is_read_whole(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"12345")
    assert read_bounded(path, 5) == b"12345"
    with open_regular(path) as (file, size):
        assert (file.read(), size) == (b"12345", 5)


@pytest.mark.parametrize(("content", "words"), [(b"", "is empty"), (b" \r\n", "is empty"), (bytes(9 << 20), "9 MiB")])
def test_files_that_are_not_read(tmp_path, content, words):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(BadFileError, match=words):
        read_bounded(path, 8 << 20)


def test_paths_that_are_not_files(tmp_path):
    with pytest.raises(BadFileError, match="is not a regular file"):
        read_bounded(tmp_path)
    for path in (tmp_path / "no.bvh", tmp_path / "no" / "a.bvh"):
        with pytest.raises(InputFileMissing, match="there is no such BVH file"):
            read_bounded(path, what="BVH file")
    (tmp_path / "file").write_bytes(b"a")
    with pytest.raises(InputFileMissing):
        read_bounded(tmp_path / "file" / "below")
    with pytest.raises(BadFileError, match="zero byte"):
        read_bounded(tmp_path / "a\0b")
    with pytest.raises(BadFileError, match="cannot be read"):
        read_bounded(tmp_path / ("a" * 5000))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_without_a_writer_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadFileError, match="is not a regular file"):
        read_bounded(tmp_path / "pipe")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_texts_of_all_encodings_in_use(encoding):
    text = "name;Köln\n1;2\n"
    assert decode(text.encode(encoding), "a") == text
    assert list(open_text(text.encode(encoding), "a")) == ["name;Köln\n", "1;2\n"]


@pytest.mark.parametrize(("content", "words"), [(b"a\0b", "zero bytes"), (b"\xff\xfea\0\x00\xd8", "damaged UTF-16")])
def test_bytes_that_are_no_text(content, words):
    for function in (decode, open_text):
        with pytest.raises(BadFileError, match=words):
            function(content, "a")


@pytest.mark.parametrize("whole", ['{"a": [1.5e-3, "b\\u00e4"], "c": [true, null, -Infinity]}'])
def test_json_that_is_cut_anywhere_says_so(whole):
    for end in range(1, len(whole)):
        with pytest.raises(BadFileError, match="the JSON text ends in the middle|is not JSON: Invalid"):
            parse_json(whole[:end].encode(), "a.json")


@pytest.mark.parametrize("text", ["[1 2]", "[1,]", "{} }", "[1]]", "word of text"])
def test_json_that_is_wrong_is_not_called_cut_short(text):
    with pytest.raises(BadFileError, match="is not JSON: .*line 1 column"):
        parse_json(text.encode(), "a.json")


def test_the_text_of_a_python_dict_is_told_as_such():
    with pytest.raises(BadFileError, match="single quotes, line 1.*json.dump"):
        parse_json(b"{'a': 1}", "a.json")


def test_json_values_one_behind_the_other_are_a_list():
    assert parse_json(b'{"a": 1} {"a": 2}', "a.json") == [{"a": 1}, {"a": 2}]
