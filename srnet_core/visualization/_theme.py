"""Colours of pages and pictures, light and dark.

The colours of left, right and middle can be told apart with colour-blind eyes (Okabe and Ito). Errors are colours from
`tint-0` to `tint-2`: the larger, the more they stand out from the panel, so that lightness alone tells them.
"""

import functools

LIGHT = {
    "page": "#f4f5f7",
    "panel": "#ffffff",
    "ink": "#161a20",
    "muted": "#5d6775",
    "hairline": "#dfe3e9",
    "floor": "#b9c1cc",
    "shadow": "#c2c8d1",
    "right": "#d1480a",
    "left": "#0b6fb8",
    "middle": "#333a45",
    "ghost": "#7d8794",
    "offset": "#a8519a",
    "doubt": "#b3247a",
    "tint-0": "#cfa3cf",
    "tint-1": "#b3247a",
    "tint-2": "#3d0838",
    "badge": "#fdecc4",
    "badge-ink": "#704400",
    "series-0": "#161a20",
    "series-1": "#00805f",
    "series-2": "#a8519a",
    "series-3": "#a36a00",
    "series-4": "#5a61c4",
}
DARK = {
    "page": "#0d1014",
    "panel": "#151a20",
    "ink": "#e9edf3",
    "muted": "#97a3b4",
    "hairline": "#29313c",
    "floor": "#3c4654",
    "shadow": "#000000",
    "right": "#ff8748",
    "left": "#57b1f7",
    "middle": "#cdd4de",
    "ghost": "#76828f",
    "offset": "#dd8fd0",
    "doubt": "#ff8ac6",
    "tint-0": "#74527e",
    "tint-1": "#e35fae",
    "tint-2": "#ffe6f2",
    "badge": "#4a3505",
    "badge-ink": "#ffd98a",
    "series-0": "#e9edf3",
    "series-1": "#35c79a",
    "series-2": "#dd8fd0",
    "series-3": "#e8b04a",
    "series-4": "#9aa1ff",
}


def css_variables(theme: dict[str, str]) -> str:
    """The colours as CSS custom properties, `--ink: #...;`."""
    return "".join(f"--{name}:{value};" for name, value in theme.items())


def tint(theme: dict[str, str], share: float) -> tuple[int, int, int]:
    """The colour of an error: 0 for none, 1 and more for the top of the scale."""
    at = 2 * min(1.0, max(0.0, share))
    low = 0 if at < 1 else 1
    return mix(theme[f"tint-{low}"], theme[f"tint-{low + 1}"], at - low)


@functools.lru_cache(maxsize=4096)  # pictures ask for the same few colours again and again
def mix(a: str, b: str, amount: float) -> tuple[int, int, int]:
    """The colour `amount` of the way from `a` to `b`, both "#rrggbb"."""
    red, green, blue = (
        round(x + (y - x) * amount) for x, y in zip(bytes.fromhex(a[1:]), bytes.fromhex(b[1:]), strict=True)
    )
    return red, green, blue
