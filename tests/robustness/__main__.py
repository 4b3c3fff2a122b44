"""Try what must never happen, and write the table of it.

    PYTHONPATH=.:tests python -m robustness --share 1.0 --json output/robustness.json --table docs/robustness.md

`--share 0.01` tries a hundredth of everything; `--kinds kills,races` only these; another `--seed` tries others. Counts
add up in the file of `--json`.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from robustness import faults, flips, kills, mutants, races, table
from robustness.steps import make_steps
from robustness.tally import Tally
from robustness.world import warm_up
from srnet_core.files import write_json

KINDS = ("kills", "flips", "faults", "races", "mutants")
_KILLS = {"prepare": 60, "train": 60, "resume": 30, "eval": 10, "export": 10, "visualize": 10}
_RACES = {"prepare": 40, "train": 40, "eval": 10, "export npz": 10}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--share", type=float, default=1.0, help="part of the trials to make")
    parser.add_argument("--kinds", default=",".join(KINDS), help="which kinds, separated by commas")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="file to add the counts to")
    parser.add_argument("--table", type=Path, help="page whose table to replace")
    asked = parser.parse_args()
    began = time.monotonic()
    tallies: list[Tally] = []
    failed = False
    for tally in trials(asked.kinds.split(","), asked.share, asked.seed):
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


def trials(kinds: list[str], share: float, seed: int) -> Iterator[Tally]:
    """Make the trials of some kinds; each count times `share`, at least one."""

    def count(number: float) -> int:
        return max(1, round(number * share))

    if set(kinds) - set(KINDS):
        raise SystemExit(f"no kind {', '.join(set(kinds) - set(KINDS))}. Kinds: {', '.join(KINDS)}")
    warm_up()
    with tempfile.TemporaryDirectory(prefix="robustness-") as scratch:
        steps = {step.name: step for step in make_steps(Path(scratch))}
        for name, step in steps.items():
            if "kills" in kinds:
                yield kills.kill(step, count(_KILLS[name.split()[0]]), seed)
            if "faults" in kinds:
                for kind in faults.KINDS:
                    yield faults.fail(step, kind, count(40 if "onnx" in name else 400), seed)
        for name, times in _RACES.items():
            if "races" in kinds:
                yield races.race(steps[name], count(times), seed)
        if "flips" in kinds:
            resume = steps["resume"]
            yield flips.flip_stage(resume.template, count(6000), seed)
            yield flips.flip_checkpoint(resume.template, count(3600), seed)
            yield flips.flip_records(resume.template, resume.good, resume.result, count(400), seed)
        if "mutants" in kinds:
            yield from mutants.all_readers(steps["resume"].template, count(100_000), seed)


if __name__ == "__main__":
    sys.exit(main())
