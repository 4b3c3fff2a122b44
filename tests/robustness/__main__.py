"""Try what must never happen, and write the table of it.

    PYTHONPATH=.:tests python -m robustness --share 1.0 --json output/robustness.json --table docs/robustness.md

`--share 0.01` tries a hundredth of everything; `--kinds kills,races` only these; another `--seed` tries others. Counts
add up in the file of `--json`; `--missing` leaves out what that file already has, so that a run that was ended goes on.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

from robustness import faults, flips, kills, mutants, races, table
from robustness.steps import make_steps
from robustness.tally import Tally
from robustness.world import warm_up
from srnet_core.files import write_json

KINDS = ("kills", "flips", "faults", "races", "mutants")
_KILLS = {"prepare": 40, "prepare beside another": 20, "train": 60, "resume": 30}  # else 10
_RACES = {"prepare": 30, "prepare beside another": 10, "train": 40, "eval": 10, "export npz": 10}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--share", type=float, default=1.0, help="part of the trials to make")
    parser.add_argument("--kinds", default=",".join(KINDS), help="which kinds, separated by commas")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="file to add the counts to")
    parser.add_argument("--missing", action="store_true", help="only the trials that the file of --json has not")
    parser.add_argument("--table", type=Path, help="page whose table to replace")
    asked = parser.parse_args()
    began = time.monotonic()
    tallies = together([], asked.json) if asked.json else []
    known = {tally.what for tally in tallies} if asked.missing else set()
    failed = False
    for what, make in trials(asked.kinds.split(","), asked.share, asked.seed):
        if what in known:
            continue
        tally = make()
        print(f"{tally.what}: {tally.held} of {tally.tried} held, {tally.told} told an error", flush=True)
        failed = failed or bool(tally.failures)
        tallies = together([tally], asked.json) if asked.json else [*tallies, tally]
        if asked.json:  # at once: a run of hours may be ended
            write_json(asked.json, [asdict(tally) for tally in tallies])
    print(f"{time.monotonic() - began:.0f} s")
    if asked.table:
        table.write(asked.table, tallies)
    return int(failed)


def together(tallies: list[Tally], path: Path) -> list[Tally]:
    """The counts of this run added to those that a file holds from earlier ones, kind by kind."""
    earlier = [Tally(**stored) for stored in json.loads(path.read_text())] if path.exists() else []
    sums = {tally.what: tally for tally in earlier}
    for tally in tallies:
        before = sums.get(tally.what, Tally(tally.what))
        failures = [*before.failures, *tally.failures]
        sums[tally.what] = Tally(tally.what, before.tried + tally.tried, before.told + tally.told, failures)
    return list(sums.values())


def trials(kinds: list[str], share: float, seed: int) -> Iterator[tuple[str, Callable[[], Tally]]]:
    """The trials of some kinds, each count times `share`, at least one: the name in the table, and what makes them."""

    def count(number: float) -> int:
        return max(1, round(number * share))

    if set(kinds) - set(KINDS):
        raise SystemExit(f"no kind {', '.join(set(kinds) - set(KINDS))}. Kinds: {', '.join(KINDS)}")
    warm_up()
    with tempfile.TemporaryDirectory(prefix="robustness-") as scratch:
        steps = {step.name: step for step in make_steps(Path(scratch))}
        for name, step in steps.items():
            if "kills" in kinds:
                yield kills.what(step), partial(kills.kill, step, count(_KILLS.get(name, 10)), seed)
            if "faults" in kinds:
                most = count(40 if "onnx" in name else 400)
                for kind in faults.KINDS:
                    yield faults.what(step, kind), partial(faults.fail, step, kind, most, seed)
        for name, times in _RACES.items():
            if "races" in kinds:
                yield races.what(steps[name]), partial(races.race, steps[name], count(times), seed)
        trained = steps["resume"]
        if "flips" in kinds:
            yield flips.A_STAGE, partial(flips.flip_stage, trained.template, count(6000), seed)
            yield flips.A_CHECKPOINT, partial(flips.flip_checkpoint, trained.template, count(3600), seed)
            records = (trained.template, trained.good, trained.result)
            yield flips.A_RECORD, partial(flips.flip_records, *records, count(400), seed)
        if "mutants" in kinds:
            yield from mutants.all_readers(trained.template, count(100_000), seed)


if __name__ == "__main__":
    sys.exit(main())
