"""Train networks on changed and unchanged data, and measure them on what training never showed.

    python -m benchmarks.generalization --mocap FOLDER                       # everything; hours
    python -m benchmarks.generalization --mocap FOLDER --networks srnet --data all --trainings people --seeds 1
    python -m benchmarks.generalization --mocap FOLDER --structures          # all structures on the same data; hours
    python -m benchmarks.generalization --mocap FOLDER --tables              # the tables of what is done
    python -m benchmarks.generalization --mocap FOLDER --records FILE        # go on from the results in FILE, add to it

FOLDER holds `uiprmd_h36m`, `cmu` and `hdm05`, each with its data_3d_NAME.npz and data_2d_NAME_gt.npz. What is done is
kept in the output folder: after a stop the same command goes on. Several of these commands can share the work. The most
telling runs come first, and the tables are written after each.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import torch

from benchmarks.generalization.cells import (
    DATA,
    FURTHER,
    NETWORKS,
    OTHER_NETWORKS,
    SEEDS,
    chosen,
    points,
    points_of_structures,
    trainings,
)
from benchmarks.generalization.records import add_records
from benchmarks.generalization.running import Work, cell, new_records, reports, run, seconds_of
from benchmarks.generalization.structures import known
from benchmarks.generalization.tables import table
from srnet_core.errors import SrnetError
from srnet_core.files import atomic_write

STEPS, BATCH = 2000, 256


def main() -> int:
    asked = _parser().parse_args()
    work = Work(
        asked.mocap.resolve(),
        asked.output,
        asked.steps,
        asked.batch_size,
        tuple(int(width) for width in asked.arch.split(",")),
        asked.records,
    )
    torch.set_num_threads(asked.threads)
    every = list(points_of_structures(work.mocap) if asked.structures else points(work.mocap))
    wanted = chosen(
        every,
        network=_names(asked.networks, (*NETWORKS, *OTHER_NETWORKS)),
        kind=_names(asked.data, DATA),
        training=_names(asked.trainings, [t.name for t in trainings(work.mocap)]),
        seed=[int(seed) for seed in _names(asked.seeds, [str(seed) for seed in SEEDS])],
    )
    try:
        with known():
            if asked.plan:
                for point in wanted:
                    print(f"{'done' if reports(point, work) is not None else '-':5} {point}  {cell(point, work).name}")
            elif not asked.tables:
                try:
                    _run(wanted, every, work, asked.keep)
                finally:  # what is done is kept when the command is stopped, too
                    if asked.records is not None:
                        add_records(asked.records, new_records(every, work))
        print(_tables(every, work))
    except SrnetError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _run(wanted, every, work: Work, keep: bool) -> None:
    for point, seconds in run(wanted, work, keep=keep):
        left = [p for p in wanted if reports(p, work) is None]
        done = [spent for p in wanted if (spent := seconds_of(p, work)) is not None]
        hours = len(left) * sum(done) / len(done) / 3600
        print(
            f"{time.strftime('%H:%M:%S')}  {point}: {seconds:.0f} s of processor time; "
            f"{len(left)} of {len(wanted)} left, about {hours:.1f} hours of one quiet core",
            flush=True,
        )
        with atomic_write(work.output / "tables.md", "w") as file:
            file.write(_tables(every, work) + "\n")


def _tables(every, work: Work) -> str:
    done = {point: found for point in every if (found := reports(point, work)) is not None}
    others = [(network, DATA[1]) for network in (*NETWORKS, *OTHER_NETWORKS)]
    if all((point.network, point.kind) in others for point in every):
        return f"{_about(every, done, work)}\n\n" + table("Structures on the same data", others, every, done)
    networks = [(network, kind) for network in NETWORKS for kind in (*DATA[:2], *FURTHER)]
    changes = [(NETWORKS[0], kind) for kind in DATA]
    return "\n\n".join(
        [
            _about(every, done, work),
            table("Networks side by side", networks, every, done),
            table("Each change alone, and all together", changes, every, done),
        ]
    )


def _about(every, done, work: Work) -> str:
    widths = ",".join(map(str, work.filter_widths))
    trained = f"{len(done)} of {len(every)} networks are trained."
    return f"Filter widths {widths}, {work.steps} steps of {work.batch} windows. {trained}"


def _names(text: str, known) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"error: there is no {', '.join(unknown)}; choices: {', '.join(known)}")
    return names


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.generalization",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--mocap", type=Path, required=True, metavar="FOLDER", help="folder of the data sets")
    parser.add_argument("--output", type=Path, default=Path("output/generalization"), metavar="FOLDER")
    parser.add_argument(
        "--records", type=Path, metavar="FILE", help="results that are kept: they count as done, and new ones are added"
    )
    parser.add_argument("--networks", default="", metavar="NAMES", help=f"only these: {','.join(NETWORKS)}")
    parser.add_argument("--data", default="", metavar="NAMES", help=f"only these training data: {','.join(DATA)}")
    parser.add_argument("--trainings", default="", metavar="NAMES", help="only these, e.g. people,cmu,DeepSquat")
    parser.add_argument("--seeds", default="", metavar="NUMBERS", help="only these")
    parser.add_argument("--arch", default="1,1,1", metavar="WIDTHS", help="filter widths of all networks")
    parser.add_argument("--steps", type=int, default=STEPS, metavar="N", help="training steps of each network")
    parser.add_argument("--batch-size", type=int, default=BATCH, metavar="N", help="windows of a step")
    parser.add_argument("--threads", type=int, default=int(os.environ.get("OMP_NUM_THREADS", "1")), metavar="N")
    parser.add_argument("--keep", action="store_true", help="keep the checkpoints of finished networks")
    parser.add_argument("--structures", action="store_true", help="the networks of one table, all on the same data")
    parser.add_argument("--plan", action="store_true", help="list what would be trained, and train nothing")
    parser.add_argument("--tables", action="store_true", help="show the tables of what is done, and train nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main())
