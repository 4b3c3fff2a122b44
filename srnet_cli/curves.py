"""Curves in the terminal: a few lines of text, one mark per series."""

import itertools
import math
import sys
from collections.abc import Mapping, Sequence

from srnet_cli import console
from srnet_cli.console import printable, shown

_COLORS = ("cyan", "magenta", "yellow", "green", "blue", "red")
_MARKS = "●◆▲■✚✖"
_PLAIN_MARKS = "o*x+#@"
WIDTH, HEIGHT = 60, 12

Points = Sequence[tuple[float, float]]


def show_curves(title: str, curves: Mapping[str, Points], *, unit: str = "") -> None:
    """Draw curves over the epochs in one picture. Points that are not finite are left out; without any there is none.

    Args:
        curves: (epoch, value) points by the name of their series; up to six.
        unit: of the values.
    """
    kept = {name: [(x, y) for x, y in points if math.isfinite(y)] for name, points in curves.items()}
    kept = {name: points for name, points in kept.items() if points}
    if not kept:
        return
    every = [point for points in kept.values() for point in points]
    (left, right), (low, high) = ((min(values), max(values)) for values in zip(*every))
    if high - low < 1e-12:
        low, high = low - 0.5, high + 0.5
    marks = _marks()
    grid: list[list[tuple[str, str]]] = [[(" ", "")] * WIDTH for _ in range(HEIGHT)]
    for number, points in enumerate(kept.values()):
        mark = (marks[number % len(marks)], _COLORS[number % len(_COLORS)])
        placed = [((x - left) / max(right - left, 1) * (WIDTH - 1), (high - y) / (high - low)) for x, y in points]
        for (start, a), (end, b) in itertools.pairwise(placed):
            for column in range(round(start) + 1, round(end)):
                height = a + (b - a) * (column - start) / (end - start)
                row = round(height * (HEIGHT - 1))
                if grid[row][column][0] == " ":
                    grid[row][column] = (_dot(), mark[1])
        for x, y in placed:
            grid[round(y * (HEIGHT - 1))][round(x)] = mark
    console.out.print(shown(title, "bold"))
    labels = {0: f"{high:.4g}", HEIGHT // 2: f"{(low + high) / 2:.4g}", HEIGHT - 1: f"{low:.4g}"}
    margin = max(map(len, labels.values()))
    for row, cells in enumerate(grid):
        line = shown(f"{labels.get(row, ''):>{margin}} {_bar()}", "dim")
        for character, style in cells:
            line.append(character, style)
        line.rstrip()
        console.out.print(line, soft_wrap=True)
    last = f"epoch {right:g}"
    console.out.print(
        shown(f"{' ' * margin}  epoch {left:g}{last:>{WIDTH - len(f'epoch {left:g}')}}", "dim"), soft_wrap=True
    )
    legend = shown(" " * (margin + 2))
    for number, (name, points) in enumerate(kept.items()):
        legend.append(marks[number % len(marks)], _COLORS[number % len(_COLORS)])
        legend.append(f" {printable(name)} (last {points[-1][1]:.4g}{f' {unit}' if unit else ''})  ")
    console.out.print(legend)


def _marks() -> str:
    """Marks that the output can show."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        _MARKS.encode(encoding)
    except UnicodeEncodeError:
        return _PLAIN_MARKS
    return _MARKS


def _dot() -> str:
    return "·" if _marks() is _MARKS else "."


def _bar() -> str:
    return "│" if _marks() is _MARKS else "|"
