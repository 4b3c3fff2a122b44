"""The command line as such: help, options that do not exist, what is shown for each kind of failure."""

import errno
import json
import os
import re

import pytest
import typer
from support.cli import DATA

from srnet_cli import app, console, tables, wording
from srnet_cli.commands import prepare
from srnet_cli.errors import describe
from srnet_core.errors import SrnetError, UserMistake
from srnet_core.evaluation.metrics import METRICS

COMMANDS = ("prepare", "train", "eval", "export", "visualize", "demo")


def test_alone_it_shows_what_there_is(srnet):
    alone, asked = srnet(), srnet("--help")
    assert alone == asked and alone.code == 0 and alone.err == ""
    assert all(command in alone.out for command in COMMANDS)
    assert re.fullmatch(r"srnet \d+\.\d+\.\d+\n", srnet("--version").ok().out)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("trian", "no such command 'trian'. Did you mean 'train'? See srnet --help"),
        ("train --epoch 3", "there is no option --epoch. Did you mean --epochs? See srnet train --help"),
        ("train --skeleton x", "there is no option --skeleton. See srnet train --help"),
        ("train --epochs x", "--epochs: must be a valid integer, not 'x'"),
        ("train --lr fast", "--lr: must be a valid number, not 'fast'"),
        ("demo --minutes 0", "--minutes: must be greater than or equal to 0.05"),
        ("visualize --start -1", "--start: must be greater than or equal to 0"),
        ("train --epochs", "'--epochs' requires an argument"),
        ("export", "missing argument 'PATH'"),
        ("export a b", "too many arguments: b"),
        ("prepare --train-camera 0,one", "--train-camera: expected whole numbers separated by commas, not '0,one'"),
    ],
)
def test_a_wrong_line_is_one_line_with_the_way_out(srnet, line, said):
    srnet(*line.split()).refused(said)


def test_debug_shows_the_traceback_wherever_it_stands(srnet):
    for line in (["--debug", "prepare", *DATA], ["prepare", "--debug", *DATA], ["prepare", *DATA, "--debug"]):
        with pytest.raises(UserMistake, match="data_3d_small"):
            app.run(line)
    srnet("prepare", *DATA).refused("data_3d_small.npz")
    srnet("train", "--epochs", "x", "--debug").refused("--epochs")


def test_a_path_that_cannot_be_looked_at_is_an_error_like_others(monkeypatch):
    """Told apart from a device, the file of an error may be in a folder that this user may not enter."""

    def closed(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.is_char_device", closed)
    assert describe(PermissionError(errno.EACCES, "Permission denied", "a/b")) == (
        "a/b: permission denied. Check the rights of the file and of its folder, or choose another",
        1,
    )


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (SrnetError("it broke", where="here", todo="Mend it"), 1, "here: it broke. Mend it"),
        (UserMistake("that cannot be"), 2, "that cannot be"),
        (
            OSError(errno.ENOSPC, "x", "a/b"),
            1,
            "a/b: no space left on the disk. Free some space, or choose another folder",
        ),
        (
            OSError(errno.EACCES, "x", "a/b"),
            1,
            "a/b: permission denied. Check the rights of the file and of its folder, or choose another",
        ),
        (OSError(errno.EISDIR, "x", "a/b"), 2, "a/b: is a folder, not a file. Give the path of a file"),
        (
            OSError(errno.EIO, "Input/output error", "a/b"),
            1,
            "a/b: Input/output error. Run again with --debug for the traceback",
        ),
        (MemoryError(), 1, "out of memory. Try a smaller --batch-size, or fewer --channels"),
        (RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 1 vs 0"), 1, "the disk may be full"),
    ],
)
def test_kinds_of_failure(error, code, said):
    message, given = describe(error)
    assert given == code and said in message


def test_a_mistake_of_the_program_says_where_and_how_to_see_more(srnet, monkeypatch):
    def wrong(**_):
        raise ZeroDivisionError("x\ny " * 200)

    monkeypatch.setattr(prepare, "DataConfig", wrong)
    ran = srnet("prepare")
    assert ran.code == 1 and len(ran.err.splitlines()) == 1 and len(ran.err) < 400
    assert "unexpected ZeroDivisionError" in ran.err and "test_cli_app.py" in ran.err and "--debug" in ran.err


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, typer.Abort])
def test_an_interruption(srnet, monkeypatch, interruption):
    def interrupted(**_):
        raise interruption

    monkeypatch.setattr(prepare, "DataConfig", interrupted)
    ran = srnet("prepare")
    assert (ran.code, ran.out) == (130, "") and ran.err.strip() == "interrupted"


def test_square_brackets_in_names_are_text_and_not_markup(srnet):
    srnet("eval", "[bold]x.bin").refused("[bold]x.bin")


def test_sizes_durations_and_counts_as_people_read_them():
    assert [wording.bytes_text(n) for n in (0, 1023, 1536, 5 << 20, 3 << 30)] == [
        "0 B",
        "1023 B",
        "1.5 KiB",
        "5.0 MiB",
        "3.00 GiB",
    ]
    assert [wording.seconds_text(s) for s in (0.1234, 45, 119, 121, 7500)] == [
        "0.12 s",
        "45 s",
        "119 s",
        "2 min",
        "2 h 05 min",
    ]
    assert [wording.count_text(n, "epoch") for n in (1, 2, 1024)] == ["1 epoch", "2 epochs", "1,024 epochs"]
    assert tables.metric_text("pck150", 0.5) == "50.0" and tables.metric_text("mpjpe_mm", float("nan")) == "-"


def test_every_metric_has_a_column():
    assert tuple(tables.METRIC_HEADS) == tuple(tables.METRIC_NAMES) == METRICS


@pytest.fixture
def terminal(monkeypatch, capsys):
    """`terminal(80)` makes standard output that wide; `lines()` are those that were printed since."""

    def wide(columns):
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(console, "out", console._console(os.sys.stdout))
        return lambda: capsys.readouterr().out.splitlines()

    return wide


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_no_number_of_a_table_is_cut(width, terminal):
    """All metrics down to 80 columns, and long names of actions."""
    printed = terminal(width)
    row = dict.fromkeys(tables.METRIC_HEADS, 0.9999) | {"mpjpe_mm": 1234.56, "p_mpjpe_mm": 234.56, "frames": 543344}
    rows = {"A very long name of an action that nobody shortened": row, "Sit": row}
    tables.metric_table("a title", "action", rows, {"action-wise mean": row}, caption="a caption")
    lines = printed()
    text = " ".join(" ".join(lines).split())
    assert max(map(len, lines[:-1])) <= width and not any("…" in line for line in lines)  # the last is the caption
    assert "543,344" in text
    assert ("No room here for V-MPJPE" in text) == (width == 60)
    metrics_shown = 11 if width > 60 else 8
    for label in ("Sit", "action-wise"):
        (line,) = [x for x in lines if x.startswith(label)]
        numbers = [x for x in line.split()[1:] if x not in ("mean", "543,344")]
        assert numbers[:2] == ["1234.6", "234.6"] and len(numbers) == metrics_shown


def test_tables_break_between_words_only(terminal):
    rows = [["a-name", "cross-subject synthetic", "12"], ["another-name", "base", "1,234"]]
    for width, in_columns in ((60, True), (34, True), (25, False)):
        printed = terminal(width)
        tables.plain_table("title", ["run", "data", "epochs"], rows, text_columns=2)
        lines = printed()
        assert max(map(len, lines)) <= width
        words = set(" ".join(lines).split())
        assert {"a-name", "another-name", "cross-subject", "synthetic", "12", "1,234"} <= words, width
        assert any("run" in line and "epochs" in line for line in lines) == in_columns
        if width == 60:
            assert any(line.startswith("a-name       cross-subject synthetic") for line in lines)
        if not in_columns:
            assert "epochs 1,234" in " ".join(lines)


def test_json_alone_is_standard_output_for_every_command(srnet, project):
    folder = ("--checkpoint-dir", project / "checkpoint")
    listed = [
        srnet("runs", "list", *folder, "--json"),
        srnet("runs", "list", "--json", *folder),
        srnet("runs", "list", *folder, "--json", "-"),
    ]
    assert [ran.code for ran in listed] == [0] * 3
    assert len({ran.out for ran in listed}) == 1 and json.loads(listed[0].out)
    there = (project / "data",)
    known = [srnet("data", "list", *there, "--json"), srnet("data", "list", "--json", "-", *there)]
    assert [ran.code for ran in known] == [0, 0]
    assert known[0].out == known[1].out and json.loads(known[0].out)


def test_json_replaces_no_checkpoint(srnet, project):
    checkpoint = project / "checkpoint" / "latest_epoch_tiny.bin"
    before = checkpoint.read_bytes()
    srnet("eval", "--json", checkpoint).refused("--json", "is no .json file", "--json - for standard output")
    assert checkpoint.read_bytes() == before
