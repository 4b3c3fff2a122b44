"""The networks that come with the package are those that the command makes, each from weights that are made before."""

import itertools
import shlex

from benchmarks.open_weights import NETWORKS, runs_of
from srnet_core.checkpoint import load_checkpoint
from srnet_core.weights import NAMES, weights_file


def test_the_command_makes_the_networks_of_the_package():
    assert set(NETWORKS) == set(NAMES)


def test_weights_to_start_from_are_made_before():
    for name in NETWORKS:
        runs = runs_of(name)
        assert runs[-1].name == name and not runs[0].start
        for number, run in enumerate(runs):
            assert not run.start or run.start in [before.name for before in runs[:number]]


def test_the_files_are_of_the_last_runs():
    for name in NETWORKS:
        words, record = shlex.split(runs_of(name)[-1].settings), load_checkpoint(weights_file(name)).record
        settings = dict(itertools.pairwise(words))
        assert record.config.train.lr == float(settings["--lr"])
        assert record.config.train.batch_size == int(settings["--batch-size"])
        assert record.model.causal == ("--causal" in words)
