"""How well the networks that come with the package tell their errors: docs/uncertainty.md.

    python -m benchmarks.expected_errors --mocap FOLDER --chart docs/images/expected-errors.png

FOLDER holds `uiprmd_mini`, `cmu` and `hdm05`. Errors are of the people of the first two who were left out of training,
on whom the expected errors were learned, and of HDM05, which was not used for anything.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from srnet_core import datasets
from srnet_core.evaluation.calibrate import Measured, Reliability, calibrate, measure_clips, reliability
from srnet_core.inference.calibration import Calibration
from srnet_core.inference.lifter import Lifter
from srnet_core.markdown import markdown_table
from srnet_core.weights import MEAN, NAMES

TRAINED_ON = ("uiprmd_mini", "cmu")
HELD_OUT = ("U10", "C49")
_TITLES = {"uiprmd_mini": "UI-PRMD, U10", "cmu": "CMU, C49", "hdm05": "HDM05, 5 people"}
_CONDITIONS = ("exact keypoints", "noise of 20 mm")  # as `evaluation.calibrate.NOISE_M`
_COLORS = {"uiprmd_mini": (0, 128, 95), "cmu": (11, 111, 184), "hdm05": (209, 72, 10)}
_PANEL_PX, _MARGIN_PX, _MOST_MM, _SCALE = 300, 56, 300, 2


@dataclass(frozen=True)
class Found:
    """How well expected errors hold for a network on a data set, under a condition of the keypoints."""

    network: str
    dataset: str
    condition: str
    reliability: Reliability


def calibrated(lifter: Lifter, mocap: Path) -> Calibration:
    """What tells the errors of a network, learned from the people left out; only the size of the image is known."""
    measured = [clip for name in TRAINED_ON for clip in _measured(lifter, mocap, name, HELD_OUT)]
    return calibrate(lifter, measured, about="UI-PRMD and CMU, people left out, exact keypoints and noise of 20 mm")


def _measured(lifter: Lifter, mocap: Path, name: str, subjects: Sequence[str] = ()) -> list[Measured]:
    """The errors on a data set by name, with what tells of them, at the frame rate of the network."""
    dataset = datasets.load(name, datasets.locate(name, mocap / name, "gt", mocap), "gt")
    clips = [clip for clip in dataset.clip_names if not subjects or clip.subject in subjects]
    every = 1 if lifter.receptive_field == 1 or not lifter.fps else max(1, round(dataset.fps / lifter.fps))
    return list(measure_clips(lifter, dataset, clips, every=every))


def measure(name: str, mocap: Path) -> list[Found]:
    """How well the expected errors of a network hold, on the people left out and on HDM05."""
    lifter = Lifter.open(name, device="cpu", uncertainty=True)
    assert lifter.calibration is not None
    found = []
    for dataset, subjects in (*((name, HELD_OUT) for name in TRAINED_ON), ("hdm05", ())):
        measured = _measured(lifter, mocap, dataset, subjects)
        for number, condition in enumerate(_CONDITIONS):
            clips = measured[number :: len(_CONDITIONS)]
            found.append(Found(name, dataset, condition, reliability(lifter.calibration, clips)))
    return found


def tables(found: Sequence[Found]) -> str:
    """Coverage and means, then expected and true errors by tenths, in Markdown."""
    rows, tenths = [], []
    for one in found:
        names = [one.network, _TITLES[one.dataset], one.condition]
        expected, true = np.mean(one.reliability.deciles_mm, axis=0)
        numbers = [f"{100 * one.reliability.coverage:.1f} %", f"{expected:.0f}", f"{true:.0f}"]
        rows.append([*names, *numbers, f"{one.reliability.correlation:.2f}"])
        tenths.append([*names, *(f"{said:.0f} / {is_:.0f}" for said, is_ in one.reliability.deciles_mm)])
    heads = ["network", "people", "2D"]
    first = [*heads, "below the bound of 90 %", "mean expected mm", "mean true mm", "correlation"]
    second = [*heads, *(f"tenth {n}" for n in range(1, 11))]
    return "\n\n".join(
        markdown_table(names, lines, right=range(3, len(names))) for names, lines in ((first, rows), (second, tenths))
    )


def draw(found: Sequence[Found], path: Path) -> None:
    """One panel per network: true over expected error, a point for each tenth of the joints. Needs Pillow."""
    from PIL import Image, ImageDraw, ImageFont

    networks = list(dict.fromkeys(one.network for one in found))
    width = len(networks) * (_PANEL_PX + _MARGIN_PX) + _MARGIN_PX // 2
    image = Image.new("RGB", (_SCALE * width, _SCALE * (_PANEL_PX + 150)), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(12 * _SCALE)

    def at(panel: int, x_mm: float, y_mm: float) -> tuple[float, float]:
        left = _MARGIN_PX + panel * (_PANEL_PX + _MARGIN_PX)
        share = _PANEL_PX / _MOST_MM
        return _SCALE * (left + min(x_mm, _MOST_MM) * share), _SCALE * (40 + _PANEL_PX - min(y_mm, _MOST_MM) * share)

    for panel, network in enumerate(networks):
        pen.text(at(panel, 0, _MOST_MM + 26), network, fill="black", font=font)
        pen.line([at(panel, 0, 0), at(panel, _MOST_MM, _MOST_MM)], fill=(170, 170, 170), width=_SCALE)
        for tick in range(0, _MOST_MM + 1, 50):
            pen.line([at(panel, 0, tick), at(panel, _MOST_MM, tick)], fill=(232, 232, 232), width=1)
            x, y = at(panel, 0, tick)
            pen.text((x - 6 * _SCALE, y), str(tick), fill="black", font=font, anchor="rm")
            x, y = at(panel, tick, 0)
            pen.text((x, y + 6 * _SCALE), str(tick), fill="black", font=font, anchor="mt")
        for one in (one for one in found if one.network == network):
            points = [at(panel, said, is_) for said, is_ in one.reliability.deciles_mm]
            exact = one.condition == _CONDITIONS[0]
            if exact:
                pen.line(points, fill=_COLORS[one.dataset], width=2 * _SCALE)
            for x, y in points:
                box = (x - 4 * _SCALE, y - 4 * _SCALE, x + 4 * _SCALE, y + 4 * _SCALE)
                pen.ellipse(box, fill=_COLORS[one.dataset] if exact else "white", outline=_COLORS[one.dataset], width=3)
    x, y = at(0, 0, 0)
    pen.text((x, y + 26 * _SCALE), "expected error in mm, each point a tenth of the joints", fill="black", font=font)
    pen.text((x - 44 * _SCALE, 20 * _SCALE), "true error in mm", fill="black", font=font)
    for row, (name, title) in enumerate(_TITLES.items()):
        top = y + (50 + 18 * row) * _SCALE
        pen.ellipse((x, top, x + 10 * _SCALE, top + 10 * _SCALE), fill=_COLORS[name])
        pen.text((x + 18 * _SCALE, top - 3 * _SCALE), title, fill="black", font=font)
    rings = "points with a white middle: noise of 20 mm on the keypoints"
    pen.text((x + 180 * _SCALE, y + 47 * _SCALE), rings, fill="black", font=font)
    image.resize((width, _PANEL_PX + 150), Image.Resampling.LANCZOS).save(path, optimize=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--mocap", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--networks", default=",".join((*NAMES, MEAN)), help="which networks, e.g. srnet-open-27")
    parser.add_argument("--chart", type=Path, help="picture to write")
    asked = parser.parse_args()
    mocap = asked.mocap.resolve()
    found = [one for name in asked.networks.split(",") for one in measure(name, mocap)]
    print(tables(found))
    if asked.chart:
        draw(found, asked.chart)
    return 0


if __name__ == "__main__":
    sys.exit(main())
