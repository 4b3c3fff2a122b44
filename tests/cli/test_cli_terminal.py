"""Text from files and names on the screen: no control characters, no markup, any encoding."""

import ast
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.small_data import write_published

import srnet_cli
from srnet_cli import console

HOSTILE = ":smile: \x1b]0;owned\x07\x1b[2J\x1b[31m[red]x\u202e\udcff\n\x9b\\"


def test_nothing_in_a_text_controls_the_terminal():
    assert console.printable(HOSTILE) == r":smile: \x1b]0;owned\x07\x1b[2J\x1b[31m[red]x\u202e\udcff\n\x9b" + "\\"


@given(st.text(st.characters(exclude_categories=())))
def test_shown_text_is_shown_as_it_is(text):
    printable = console.printable(text)
    assert all(c.isprintable() or c in "\u200c\u200d" for c in printable)
    assert console.shown(text).plain == printable


def test_only_the_console_makes_texts_for_rich():
    """Others use `console.shown`, which knows what must not reach the terminal."""
    for path in Path(srnet_cli.__file__).parent.rglob("*.py"):
        imported = {n.module for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom)}
        assert "rich.markup" not in imported and ("rich.text" in imported) == (path.name == "console.py"), path


@pytest.mark.parametrize("show", [console.say, console.prose, console.told, console.remark, console.show_error])
def test_every_kind_of_message_is_safe(show, capsys):
    console.begin_command()  # a test before may have been quiet
    show(f"before {HOSTILE} after")
    captured = capsys.readouterr()
    text = captured.out + captured.err
    assert ":smile:" in text and "[red]x" in text and text.count("\n") == 1
    assert not set("\x1b\x07\x9b\u202e") & set(text)


def test_csv_on_the_screen_keeps_its_lines_and_loses_controls(capsys):
    console.write_text("a,b\nc\x1b[2J,d\n")
    assert capsys.readouterr().out == "a,b\nc\\x1b[2J,d\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_characters_that_the_encoding_lacks_become_escapes(monkeypatch, encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    console.tolerate_any_encoding()
    console.say("\u884c\u8d70")
    sys.stdout.write("\u5750\n")
    stream.flush()
    assert stream.buffer.getvalue().decode(encoding) == "\\u884c\\u8d70\n\\u5750\n"


def test_a_whole_run_on_an_ascii_terminal(tmp_path):
    """An action's name must not end a training that is finished."""
    write_published(tmp_path / "data", "lab", takes={"\u884c\u8d70": 40, "\u5750\u4e0b": 30})
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    data = ["--dataset", "lab", "--subjects-test", "C", "--protocol", "cross-action", "--train-action", "\u884c\u8d70"]
    tiny = ["--channels", "40", "--epochs", "1", "--batch-size", "64", "--device", "cpu"]
    shown = ["visualize", "--no-pictures", "--action", "\u5750\u4e0b"]
    both = "import sys; from srnet_cli.app import run; i = sys.argv.index('then');"
    both += "sys.exit(run(sys.argv[1:i]) or run(sys.argv[i + 1:]))"  # in one process, as torch takes seconds to import
    words = map(os.fsencode, ["train", *data, *tiny, "then", *shown])
    ran = subprocess.run(
        [sys.executable, "-c", both, *words], cwd=tmp_path, env=environment, capture_output=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    trained, _, drawn = ran.stdout.rpartition(b" in total. Result")
    assert all(b"\\u5750\\u4e0b" in part for part in (trained, drawn))
    assert ran.stdout.isascii() and ran.stderr.isascii()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("n" * 300, "too long"),
        ("n" * 230, "too long"),
        ("a\nerror: all is lost", "cannot be the name of a file"),
        ("\x1b[2J", "cannot be the name of a file"),
        ("../x", "--checkpoint-dir"),
        (" .. ", "cannot be the name of a file"),
    ],
)
def test_names_that_no_file_can_have_are_refused_before_training(srnet, own_data, name, said):
    srnet("train", "--dataset", "small", "--subjects-test", "C", "--name", name).refused("--name", said)


def test_odd_paths_are_one_line(srnet):
    srnet("eval", "x" * 300).refused("xxx")
    srnet("prepare", "--dataset", "small", "--cache-dir", "a\0b").refused()
    srnet("eval", os.fsdecode(b"x\xff\xfe")).refused(r"x\udcff\udcfe", "no such checkpoint")


def test_pipes_and_devices_are_no_checkpoints(srnet):
    os.mkfifo("pipe.bin")
    for path in ("pipe.bin", "/dev/null", "/dev/zero"):
        srnet("eval", path).refused(path, "pipe or device")


def test_a_device_that_takes_nothing_is_a_wrong_path(srnet, checkpoint):
    if not Path("/dev/full").is_char_device():
        pytest.skip("this system has no /dev/full")
    assert "/dev/full" in srnet("eval", checkpoint, "--json", "/dev/full").refused("no space left")


def test_names_of_written_files_fit_every_file_system():
    from srnet_cli.inputs import output_name

    assert output_name("run-S9-Taking Photo-camera0") == "run-S9-Taking_Photo-camera0"
    assert output_name("a/b\x1b:\udcff") == "a_b___"
    long = output_name("\u884c" * 300)
    assert len(long.encode()) <= 200 and long != output_name("\u884c" * 301)
