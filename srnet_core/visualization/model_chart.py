"""A drawing of a network as it was built: groups on the body, one layer in detail, all layers with their sizes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srnet_core.models.pose_model import PoseModel
from srnet_core.visualization._body import Box, draw_groups
from srnet_core.visualization._figure import COLUMN_IN, FONT_PT, POINTS_PER_INCH, Theme, require_chart, sheet
from srnet_core.visualization.groups_picture import COLORS
from srnet_core.visualization.model_structure import FULL, GRAPH, LOCAL, SPLIT, Layer, Structure, structure_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARGIN, _LINE, _TITLE = 8.0, 10.0, 18.0
_TOP, _LAYERS, _FOOT = 150.0, 138.0, 28.0  # heights of the body and the detail, of all layers, of the sentence below
_ROWS = 8  # of groups in the detail
_WIDE_IN = 6.0  # from here on everything is in one row
_SIGNS = {"multiply": "×", "add": "+", "concat": "∥"}
_SAID = {
    FULL: "Every joint sees every joint: one filter for all channels.",
    GRAPH: "Every joint has the same filter; features are mixed along the bones.",
    LOCAL: "A filter of its own for each pair of joints at most three bones apart.",
    SPLIT: "Each group has filters of its own and sees nothing of the others.",
}


def write_model_chart(model: PoseModel, path: str | Path, *, width_in: float = COLUMN_IN, dark: bool = False) -> Path:
    """Draw a network: its groups on the body, a layer with its context, and all layers with channels and parameters.

    Args:
        width_in: of the chart, in inches.
        dark: light on dark.

    Raises:
        ConfigError: a network whose layers are not known, or an ending that is no chart's.
        MissingExtraError: matplotlib is not installed.
        UserMistake: the file cannot be written.
    """
    require_chart(path)
    structure = structure_of(model)
    width, wide = POINTS_PER_INCH * width_in, width_in >= _WIDE_IN
    legend = max(0, len(structure.groups) - 5) * _LINE
    top, below = _TITLE + 6, _TITLE + 6 + _TOP + legend
    body_width, detail_width = (112.0, 148.0) if wide else (0.42 * width, 0.58 * width)
    foot = _FOOT + (_LINE if structure.divisions else 0)
    height = below + foot if wide else below + _LAYERS + foot
    with sheet(path, width_in, height / POINTS_PER_INCH, dark) as (axes, theme):
        axes.text(_MARGIN, _TITLE, title_of(structure), va="baseline", weight="bold", fontsize=FONT_PT + 1.5)
        _body(axes, structure, (_MARGIN, top, body_width - 6, below), theme)
        _detail(axes, structure, (body_width + 2, top, body_width + detail_width - _MARGIN, below), theme)
        left = body_width + detail_width if wide else _MARGIN
        _layers(axes, structure, (left, top if wide else below, width - _MARGIN, height - foot), theme)
        sentences = [_sentence(structure)]
        if structure.divisions:
            sentences.append(f"The pose is the mean of {len(structure.divisions)} divisions")
        for row, sentence in enumerate(reversed(sentences)):
            axes.text(_MARGIN, height - 9 - _LINE * row, sentence, va="baseline", color=theme["muted"])
    return Path(path)


def title_of(structure: Structure) -> str:
    """E.g. "srnet 3,3,3, 5 groups, multiply others"; with several divisions "2 + 3 + 5 groups"."""
    parts = [f"{structure.name} {','.join(map(str, structure.filter_widths))}"]
    if structure.divisions:
        parts.append(f"{' + '.join(map(str, structure.divisions))} groups")
    elif len(structure.groups) > 1:
        parts.append(f"{len(structure.groups)} groups")
    if (layer := structure.recombined) is not None:
        parts.append(f"{layer.recombine} {layer.context}")
    return ", ".join(parts + (["causal"] if structure.causal else []))


def _sentence(structure: Structure) -> str:
    frames = structure.receptive_field
    widths = f" = {' × '.join(map(str, structure.filter_widths))}" if len(structure.filter_widths) > 1 else ""
    seen = f"{frames} frames{widths if frames > 1 else ''}" if frames > 1 else "1 frame"
    number = structure.parameters
    size = f"{number / 1e6:.3f} M parameters" if number >= 10_000 else f"{number:,} parameters"
    return f"Receptive field {seen}; {size}"


def _body(axes: "Axes", structure: Structure, box: Box, theme: Theme) -> None:
    left, top, right, bottom = box
    names = [name for name, _ in structure.groups]
    legend = bottom - _LINE * len(names) - 4
    counts, first = structure.divisions or (len(names),), 0
    share = (right - left) / len(counts)
    for number, count in enumerate(counts):  # a body for each division
        inset = 8 / len(counts)
        start = left + number * share
        draw_groups(
            axes,
            structure.skeleton,
            [joints for _, joints in structure.groups[first : first + count]],
            [COLORS[g % len(COLORS)] for g in range(first, first + count)],
            (start + inset, top + 6, start + share - inset, legend - 12),
            plain=theme["hairline"],
            size=1 if len(counts) == 1 else 0.55,
        )
        first += count
    for row, (name, joints) in enumerate(structure.groups):
        y = legend + _LINE * (row + 0.5)
        axes.plot(left + 4, y, "o", color=COLORS[row % len(COLORS)], markersize=4.5, markeredgewidth=0)
        axes.text(left + 11, y, f"{_shortened(name, 18)} ({len(joints)})", va="center", fontsize=FONT_PT - 0.5)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _detail(axes: "Axes", structure: Structure, box: Box, theme: Theme) -> None:
    """One layer: for one group where its input comes from, and what is done with it."""
    left, top, right, bottom = box
    layer = structure.recombined
    kinds = list(dict.fromkeys(each.kind for each in structure.layers))
    axes.text(left, top + 6, "One layer" if len(kinds) == 1 else "Layers", va="center", weight="bold")
    if layer is None:
        for row, kind in enumerate(kinds):
            _paragraph(axes, left, top + 24 + 50 * row, _SAID[kind], right - left, theme)
        return
    own = len(structure.groups) - 1
    shown = list(range(own + 1)) if own < _ROWS else [*range(_ROWS - 2), None, own]  # None: those in between
    count = len(shown)
    first, step = top + 24, min(20.0, (bottom - top - 64) / count)
    x_in, x_context, x_sign, x_filter = left + 8, left + 0.42 * (right - left), left + 0.6 * (right - left), right - 22
    rows = [first + step * (row + 0.5) for row in range(count)]
    y_context = sum(rows) / count - 8
    y_own = rows[-1]
    for group, y in zip(shown, rows):
        if group is None:
            axes.text(x_in, y, "⋮", ha="center", va="center", color=theme["muted"])
        else:
            _box(axes, x_in, y, 14, 0.62 * step, COLORS[group % len(COLORS)])
            name = f"$x_{{{group + 1}}}$"
            axes.text(x_in, y, name, ha="center", va="center", color="white", fontsize=FONT_PT - 0.5)
        if layer.context == "all" or group != own:
            _arrow(axes, (x_in + 8, y), (x_context - 13, y_context), theme["muted"], width=0.6)
    _box(axes, x_context, y_context, 24, 20, theme["panel"], edge=theme["ink"])
    axes.text(x_context, y_context, f"$c_{{{own + 1}}}$", ha="center", va="center")
    _arrow(axes, (x_context + 13, y_context + 3), (x_sign - 2, y_own - 7), theme["ink"], dashed=True)
    _arrow(axes, (x_in + 8, y_own), (x_sign - 7, y_own), COLORS[own % len(COLORS)], width=1.4)
    axes.plot(x_sign, y_own, "o", markersize=11, markerfacecolor=theme["panel"], markeredgecolor=theme["ink"], zorder=4)
    axes.text(x_sign, y_own, _SIGNS[layer.recombine], ha="center", va="center_baseline", zorder=5)
    _arrow(axes, (x_sign + 7, y_own), (x_filter - 11, y_own), COLORS[own % len(COLORS)], width=1.4)
    _box(axes, x_filter, y_own, 20, 16, COLORS[own % len(COLORS)])
    axes.text(x_filter, y_own, f"$W_{{{own + 1}}}$", ha="center", va="center", color="white", zorder=5)
    _arrow(axes, (x_filter + 11, y_own), (right, y_own), COLORS[own % len(COLORS)], width=1.4)
    axes.text(right + 1, y_own - 9, f"$y_{{{own + 1}}}$", ha="right", va="center")
    numbers = f"{layer.context_width} number" + ("s" if layer.context_width != 1 else "")
    of = "all groups" if layer.context == "all" else "the other groups"
    text = f"Context $c$: from {of}, {numbers} for each group and frame of the filter."
    _paragraph(axes, left, rows[-1] + step / 2 + 12, text, right - left, theme)


def _paragraph(axes: "Axes", x: float, y: float, text: str, width: float, theme: Theme) -> None:
    """Text in lines of about this width."""
    import textwrap

    lines = textwrap.wrap(text, max(12, int(width / (0.49 * FONT_PT))))
    axes.text(x, y, "\n".join(lines), va="top", color=theme["muted"], linespacing=1.25)


def _layers(axes: "Axes", structure: Structure, box: Box, theme: Theme) -> None:
    """All layers from left to right: channels as boxes, what connects them, the parameters of each as bars."""
    left, top, right, bottom = box
    columns = len(structure.layers) + 1
    step = (right - left) / columns
    thickness = min(13.0, 0.42 * step)
    middles = [left + step * (number + 0.5) for number in range(columns)]
    y_top, y_bottom = top + 31, bottom - 44
    joints = tuple(2 * len(group) for _, group in structure.groups)
    stacks = [joints, *(layer.channels for layer in structure.layers)]
    most = max(map(sum, stacks))
    spans = [_spans(stack, 0.35 + 0.65 * min(1.0, sum(stack) / most * 2), y_top, y_bottom) for stack in stacks]
    for number, layer in enumerate(structure.layers):
        _joint(axes, layer, middles, spans, number, thickness, theme)
    for x, of in zip(middles, spans):
        for g, (low, high) in enumerate(of):
            color = COLORS[g % len(COLORS)] if len(of) > 1 or len(structure.groups) == 1 else theme["ghost"]
            _box(axes, x, (low + high) / 2, thickness, high - low, color)
    _heads(axes, structure, stacks, middles, top, theme)
    _parameters(axes, structure, middles, thickness, (bottom - 38, bottom), theme)


def _spans(stack: Sequence[int], share: float, top: float, bottom: float) -> list[tuple[float, float]]:
    """Top and bottom of each group's box: in proportion to its channels, with small gaps."""
    gap = 2.0 if len(stack) > 1 else 0.0
    room = share * (bottom - top) - gap * (len(stack) - 1)
    start = (top + bottom) / 2 - share * (bottom - top) / 2
    spans = []
    for channels in stack:
        spans.append((start, start + room * channels / sum(stack)))
        start = spans[-1][1] + gap
    return spans


def _joint(
    axes: "Axes",
    layer: Layer,
    middles: Sequence[float],
    spans: Sequence[Sequence[tuple[float, float]]],
    number: int,
    thickness: float,
    theme: Theme,
) -> None:
    """What leads from one stack of boxes to the next: bands of groups, or one band of everything; the context."""
    before, after = spans[number], spans[number + 1]
    start, stop = middles[number] + thickness / 2, middles[number + 1] - thickness / 2
    if layer.kind == SPLIT and len(before) == len(after):
        for g, (a, b) in enumerate(zip(before, after)):
            color = COLORS[g % len(COLORS)]
            axes.fill([start, stop, stop, start], [a[0], b[0], b[1], a[1]], color=color, alpha=0.28, linewidth=0)
    else:
        low, high = (before[0][0], before[-1][1]), (after[0][0], after[-1][1])
        shape = [low[0], high[0], high[1], low[1]]
        axes.fill([start, stop, stop, start], shape, color=theme["ghost"], alpha=0.3, linewidth=0)
    if layer.context != "none" and layer.kind == SPLIT:
        x = (start + stop) / 2
        centers = [(a[0] + a[1] + b[0] + b[1]) / 4 for a, b in zip(before, after)]
        axes.plot([x, x], [centers[0], centers[-1]], color=theme["ink"], linewidth=0.7, linestyle=(0, (2, 2)), zorder=3)
        size = min(6.0, 0.9 * (stop - start))
        axes.plot(
            [x] * len(centers),
            centers,
            "o",
            color=theme["panel"],
            markeredgecolor=theme["ink"],
            markeredgewidth=0.6,
            markersize=size,
            zorder=4,
        )
        for y in centers:
            axes.text(x, y, _SIGNS[layer.recombine], ha="center", va="center_baseline", fontsize=size, zorder=5)


def _heads(
    axes: "Axes",
    structure: Structure,
    stacks: Sequence[Sequence[int]],
    middles: Sequence[float],
    top: float,
    theme: Theme,
) -> None:
    """Channels above each stack, filters between, arcs for what is added to the output of a block."""
    small: dict[str, Any] = {"fontsize": FONT_PT - 1.5, "ha": "center", "va": "center"}
    axes.text(middles[0], top + 6, "2D", weight="bold", **small)
    axes.text(middles[-1], top + 6, "3D", weight="bold", **small)
    sizes = [2 * structure.skeleton.num_joints, *map(sum, stacks[1:])]
    for x, size in zip(middles, sizes):
        axes.text(x, top + 24, f"{size}", color=theme["muted"], **small)
    for number, layer in enumerate(structure.layers):
        if layer.residual:
            start, stop = middles[number - 1], middles[number + 1]
            xs = [start + (stop - start) * i / 24 for i in range(25)]
            ys = [top + 19 - 14 * (4 * t * (1 - t)) for t in (i / 24 for i in range(25))]
            axes.plot(xs, ys, color=theme["muted"], linewidth=0.7)


def _parameters(
    axes: "Axes",
    structure: Structure,
    middles: Sequence[float],
    thickness: float,
    rows: tuple[float, float],
    theme: Theme,
) -> None:
    """Filter and dilation of each layer, and a bar for its parameters, below the boxes."""
    top, bottom = rows
    small: dict[str, Any] = {"fontsize": FONT_PT - 1.5, "ha": "center", "va": "center"}
    axes.text(middles[0], top + 4, "filter", color=theme["muted"], **small)
    axes.text(middles[0], bottom - 4, "params", color=theme["muted"], **small)
    most = max(layer.parameters for layer in structure.layers)
    for x, layer in zip(middles[1:], structure.layers):
        axes.text(x, top + 4, f"{layer.kernel}", **small)
        height = 16 * layer.parameters / most
        _box(axes, x, bottom - 10 - height / 2, thickness, height, theme["floor"])
        axes.text(x, bottom - 4, _short(layer.parameters), color=theme["muted"], **small)


def _short(count: int) -> str:
    return f"{count / 1e6:.1f}M" if count >= 1e6 else f"{count / 1e3:.0f}k" if count >= 1e3 else str(count)


def _box(axes: "Axes", x: float, y: float, width: float, height: float, color: str, *, edge: str | None = None) -> None:
    from matplotlib.patches import Rectangle

    corner = (x - width / 2, y - height / 2)
    axes.add_patch(Rectangle(corner, width, height, facecolor=color, edgecolor=edge or "none", linewidth=0.8, zorder=3))


def _arrow(
    axes: "Axes",
    start: tuple[float, float],
    stop: tuple[float, float],
    color: str,
    *,
    width: float = 0.9,
    dashed: bool = False,
) -> None:
    style = {"arrowstyle": "-|>,head_width=0.14,head_length=0.28", "color": color, "linewidth": width}
    style |= {"shrinkA": 0, "shrinkB": 0, "linestyle": (0, (2, 1.5)) if dashed else "-"}
    axes.annotate("", stop, start, arrowprops=style, zorder=2)
