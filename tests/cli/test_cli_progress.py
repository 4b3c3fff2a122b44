"""Progress: what is shown of a whole training, whatever ends it first."""

import io
from types import SimpleNamespace

import pytest

from srnet_cli import console
from srnet_cli.progress import Goal, progress_bar


@pytest.fixture
def terminal(monkeypatch):
    """What is drawn on a terminal of 80 columns."""
    drawn = io.StringIO()
    monkeypatch.setattr(
        console, "err", console._Stream(file=drawn, width=80, force_terminal=True, force_interactive=True)
    )
    return drawn


@pytest.mark.parametrize(
    ("goal", "epochs", "said"),
    [
        (Goal(), 10, "epochs"),
        (Goal(), 1, None),
        (Goal(steps=30), 10, "all steps"),
        (Goal(steps=5000), 10, "epochs"),
        (Goal(seconds=1e-3), 10, "seconds"),
        (Goal(steps=5000, seconds=1e9), 1, "all steps"),
    ],
)
def test_the_bar_tells_what_ends_the_training_first(terminal, goal, epochs, said):
    with progress_bar() as bar:
        bar.begin("epoch 1", 0, 100, goal)
        bar.step("epoch 1", SimpleNamespace(epoch=1, step=10, steps=100, windows=64, loss=0.5), epochs)
    text = terminal.getvalue()
    assert "epoch 1" in text and "10/100" in text and "loss 0.5000" in text
    assert [name for name in ("epochs", "all steps", "seconds") if name in text] == ([said] if said else [])


def test_work_of_unknown_length_has_no_count(terminal):
    with progress_bar() as bar:
        bar.busy("importing")
        bar.update("reading", 1, 2000)
    text = terminal.getvalue()
    assert "importing" in text and "1/2,000" in text and "/?" not in text and "-:--" not in text


def test_a_piece_of_work_that_is_not_divided_has_no_count_and_goes_when_it_is_done(terminal):
    with progress_bar() as bar:
        bar.update("reading", 0, 1)
        bar.update("reading", 0, 1)
        shown = len(terminal.getvalue())
        bar.update("reading", 1, 1)
        bar.update("writing", 5, 10)
    shown, later = terminal.getvalue()[:shown], terminal.getvalue()[shown:]
    assert "reading" in shown and "0 s" in shown and "0/1" not in shown
    assert "5/10" in later and "reading" not in later


def test_cells_that_lack_little_are_whole_before_long_texts_and_heads(monkeypatch):
    from srnet_cli.tables import _widths

    interval = "[-106.54, +37.99]"
    columns = [
        ["action", "WalkTogether"],
        ["difference mm", "-34.28*"],
        ["95 % over people", interval],
        ["x", "a " * 30],
    ]
    widths = _widths(columns, 50)
    assert widths[0] == 12 and widths[2] == len(interval) and sum(widths) + 3 == 50
    assert _widths(columns, 30) is None, "the words do not fit beside each other"
    assert _widths(columns, 200) == [12, 13, len(interval), 60]
