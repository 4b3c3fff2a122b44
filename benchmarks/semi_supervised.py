"""Whether people whose 3D is not known help training: the table of docs/semi-supervised.md, "Does it help?".

    python -m benchmarks.semi_supervised --mocap FOLDER [--only hdm05] [--seeds 1,2] [--output output/semi-supervised]

FOLDER holds `uiprmd_h36m` and `hdm05`. Every run is one `srnet train` command, printed before it starts; what has
finished is not run again, so an interrupted table goes on where it was. A run takes one to five minutes on a core.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.results import run
from srnet_core.markdown import markdown_table

SHARED = ["--model", "fc", "--arch", "1,1,1", "--channels", "256", "--downsample", "5", "--batch-size", "256"]
SHARED += ["--epochs", "20", "--test-every", "0"]
WARM_UP = "3"


@dataclass(frozen=True)
class Data:
    """People of one data set.

    Attributes:
        title: for the table.
        dataset: its name for `--dataset`.
        labeled: subjects whose 3D is known.
        unlabeled: subjects of whom only the 2D is used.
    """

    title: str
    dataset: str
    labeled: str
    unlabeled: str


DATA = {
    "uiprmd_h36m": Data("UI-PRMD", "h36m", "S1", "S5,S6,S7,S8"),
    "hdm05": Data("HDM05", "hdm05", "BD", "BK,DG"),
}
WAYS = {"alone": "labeled alone", "unlabeled": "with unlabeled", "no-bones": "without bone lengths"}


def train_command(data: Data, way: str, seed: str, folder: Path, checkpoints: Path, name: str) -> list[str]:
    """The command of one run; `folder` holds the files of the data set."""
    given = ["--dataset", data.dataset, "--data-dir", str(folder), "--seed", seed]
    people = data.labeled if way == "alone" else f"{data.labeled},{data.unlabeled}"
    given += ["--subjects-train", people]
    if way != "alone":
        given += ["--subjects-unlabeled", data.unlabeled, "--warmup", WARM_UP]
    if way == "no-bones":
        given += ["--no-bone-length-term"]
    return ["srnet", "train", *given, *SHARED, "--force", "--name", name, "--checkpoint-dir", str(checkpoints)]


def error_mm(key: str, way: str, seed: str, mocap: Path, output: Path) -> float:
    """Action-wise MPJPE of one run, from what an earlier one left or a new one."""
    name = f"{key}-{way}-{seed}"
    report = output / f"{name}.json"
    if not report.exists():
        run(train_command(DATA[key], way, seed, mocap / key, output, name), output / f"{name}.log")
        checkpoint = output / f"latest_epoch_{name}.bin"
        run(["srnet", "eval", str(checkpoint), "--json", str(report)], output / f"{name}.eval.log")
    return float(json.loads(report.read_text(encoding="utf-8"))["mean"]["mpjpe_mm"])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mocap", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--only", choices=tuple(DATA), help="one data set")
    parser.add_argument("--seeds", default="1,2")
    parser.add_argument("--output", type=Path, default=Path("output/semi-supervised"), help="folder of the runs")
    asked = parser.parse_args()
    asked.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for key in [asked.only] if asked.only else DATA:
        row = [DATA[key].title, DATA[key].labeled, DATA[key].unlabeled.replace(",", ", ")]
        for way in WAYS:
            found = [error_mm(key, way, seed, asked.mocap.resolve(), asked.output) for seed in asked.seeds.split(",")]
            row.append(", ".join(f"{value:.1f}" for value in found))
            print(f"{row[0]}, {WAYS[way]}: {row[-1]} mm", file=sys.stderr, flush=True)
        rows.append(row)
    print(markdown_table(["data", "labeled", "unlabeled", *WAYS.values()], rows, right=range(3, 6)))


if __name__ == "__main__":
    main()
