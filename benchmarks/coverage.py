"""How often the 95 % intervals of `srnet compare` hold the truth, counted on invented errors.

    python -m benchmarks.coverage [--trials 4000] [--json FILE]

Every trial invents the errors of two networks: people differ, sequences of a person differ, and so does the difference
of the networks. The true difference is known: for intervals over sequences it is that of the people at hand, for
intervals over people that of all people. Each world is another size or shape; the share of intervals that hold the
truth should be 95 %.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from srnet_core.evaluation.intervals import interval_of, unit_weights
from srnet_core.markdown import markdown_table

RESAMPLES = 600
SEED = 1


@dataclass(frozen=True)
class World:
    """People, sequences of each, and how the difference of two networks varies.

    Attributes:
        sequences: of each person and action.
        people_mm, actions_mm, sequences_mm: standard deviations of the difference between people, between actions, and
            between sequences of one person and action.
        skewed: whether both vary lognormally instead of normally.
        lengths: ratio of the longest sequence to the shortest.
    """

    title: str
    people: int
    sequences: int
    actions: int = 1
    actions_mm: float = 2.0
    people_mm: float = 1.0
    sequences_mm: float = 2.0
    skewed: bool = False
    lengths: float = 4.0


WORLDS = (
    World("2 people, 15 actions, 2 sequences each (Human3.6M)", 2, 2, 15),
    World("2 people, 1 action, 2 sequences each", 2, 2),
    World("8 people, 15 actions, 1 sequence each", 8, 1, 15),
    World("5 people, 10 sequences each", 5, 10),
    World("10 people, 6 sequences each", 10, 6),
    World("20 people, 10 sequences each", 20, 10),
    World("20 people, skewed differences", 20, 10, skewed=True),
    World("2 people, 15 actions, 2 sequences each, skewed", 2, 2, 15, skewed=True),
    World("10 people, equal lengths, people alike", 10, 6, people_mm=0.0, lengths=1.0),
)


def coverage(world: World, trials: int, random: np.random.Generator) -> dict[str, float]:
    """Shares of intervals that hold the truth: over sequences and over people."""
    held = {"sequences": 0, "people": 0}
    people = np.repeat(np.arange(world.people), world.actions * world.sequences)
    actions = np.tile(np.repeat(np.arange(world.actions), world.sequences), world.people)
    for trial in range(trials):
        of_person = _draw(random, world.people, world.people_mm, world.skewed)
        of_action = _draw(random, world.actions, world.actions_mm, world.skewed)
        of_sequence = _draw(random, len(people), world.sequences_mm, world.skewed)
        frames = np.exp(random.uniform(0, np.log(world.lengths), len(people))) * 500
        expected = of_person[people] + of_action[actions]  # the mean of all people is zero
        tables = [_by_action(part, actions) for part in ((expected + of_sequence) * frames, frames)]
        strata = (people * world.actions + actions).tolist()
        over_sequences = unit_weights(strata, resamples=RESAMPLES, seed=trial)
        by_person = [np.array([part[people == p].sum(0) for p in range(world.people)]) for part in tables]
        over_people = unit_weights([0] * world.people, resamples=RESAMPLES, seed=trial)
        (s,) = interval_of(partial(_mean_ratio, *tables), *over_sequences)
        (p,) = interval_of(partial(_mean_ratio, *by_person), *over_people)
        # these people and actions, all sequences that they could do
        truth = _mean_ratio(_by_action(expected * frames, actions), tables[1], np.ones((1, len(people))))[0]
        held["sequences"] += s.low <= truth <= s.high
        held["people"] += p.low <= of_action.mean() <= p.high
    return {kind: count / trials for kind, count in held.items()}


def _by_action(values: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """(U,) values of sequences as a table (U, actions), zero but for the action of each."""
    return values[:, None] * (actions[:, None] == np.arange(actions.max() + 1))


def _mean_ratio(sums: np.ndarray, frames: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Action-wise means of the resamples: (R,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: np.ndarray = np.nanmean((weights @ sums) / (weights @ frames), axis=1)
    return ratio


def _draw(random: np.random.Generator, count: int, deviation: float, skewed: bool) -> np.ndarray:
    """Numbers of mean zero and this standard deviation."""
    if not skewed:
        return random.normal(0, deviation, count)
    values = random.lognormal(0, 0.5, count)
    mean, spread = np.exp(0.125), np.sqrt((np.exp(0.25) - 1) * np.exp(0.25))
    return deviation * (values - mean) / spread


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--trials", type=int, default=4000)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    random = np.random.default_rng(SEED)
    found = {world: coverage(world, asked.trials, random) for world in WORLDS}
    rows = [[w.title, *(f"{100 * share:.1f} %" for share in shares.values())] for w, shares in found.items()]
    print(markdown_table(["invented differences", "over sequences", "over people"], rows, right=(1, 2)))
    if asked.json:
        asked.json.write_text(json.dumps([asdict(world) | shares for world, shares in found.items()], indent=1))


if __name__ == "__main__":
    main()
