"""A few of the trials of docs/robustness.md, about a minute; `make robustness` runs these, then all of them."""

import pytest

from robustness import faults, flips, kills, mutants, races
from robustness.steps import make_steps
from robustness.world import Failed, leftovers, require_clean


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    return {step.name: step for step in make_steps(tmp_path_factory.mktemp("steps"), skip=("onnx", "csv", "html"))}


@pytest.mark.parametrize("name", ["prepare", "train"])
def test_killed_commands_lose_nothing(steps, name):
    assert kills.kill(steps[name], 1, seed=5).failures == []


@pytest.mark.parametrize("kind", faults.KINDS)
def test_broken_disks_are_told(steps, kind):
    assert faults.fail(steps["train"], kind, 1, seed=5).failures == []


def test_processes_at_once_do_not_disturb_each_other(steps):
    assert races.race(steps["train"], 1, seed=5).failures == []


def test_flipped_bits_are_never_silent(steps):
    trained = steps["resume"]
    stage = flips.flip_stage(trained.template, 120, seed=5)
    checkpoint = flips.flip_checkpoint(trained.template, 80, seed=5)
    assert stage.failures + checkpoint.failures == []
    assert stage.told > 20 and checkpoint.told > 20
    records = flips.flip_records(trained.template, trained.good, trained.result, 2, seed=5)
    assert records.failures == []


def test_damaged_files_are_told(steps):
    tallies = [make() for _, make in mutants.all_readers(steps["resume"].template, 10, seed=5)]
    assert [t.failures for t in tallies if t.failures] == []
    assert len(tallies) > 15


def test_a_fault_that_is_set_does_strike(steps, tmp_path):
    """The layer itself: without it the other tests would prove nothing."""
    tally = faults.fail(steps["prepare"], "no space", 3, seed=5)
    assert tally.tried == 3 and tally.told >= 2


def test_leftovers_are_seen(tmp_path):
    (tmp_path / ".a.bin.tmp-00ff").write_text("")
    assert leftovers(tmp_path) == [".a.bin.tmp-00ff"]
    with pytest.raises(Failed, match="left behind"):
        require_clean(tmp_path)
