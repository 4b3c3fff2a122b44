"""Tables of what networks lift that training never showed: which runs there are, their order, means, intervals."""

import json
from pathlib import Path

import pytest

from benchmarks.generalization.cells import (
    ACTIONS,
    FURTHER,
    LETTERS,
    NETWORKS,
    SEEDS,
    TO_HDM05,
    UNSEEN_ACTIONS,
    UNSEEN_PEOPLE,
    cell_of,
    chosen,
    data_of,
    points,
)
from benchmarks.generalization.records import add_records, read_records
from benchmarks.generalization.running import Work, file_of, new_records, reports, seconds_of
from benchmarks.generalization.tables import change_of, column, error_of, table
from srnet_core.errors import BadFileError

FOLDER = Path("mocap")
EVERY = list(points(FOLDER))


def measured(name: str, **errors_mm: float) -> dict:
    """The reports of a run with one test set: an error for each person."""
    by_subject = {person: {"mpjpe_mm": error, "p_mpjpe_mm": error} for person, error in errors_mm.items()}
    mean = sum(errors_mm.values()) / len(errors_mm)
    return {name: {"mean": {"mpjpe_mm": mean, "p_mpjpe_mm": mean}, "by_subject": by_subject}}


def point(training: str, network: str = "srnet", kind: str = "published", seed: int = 1):
    (found,) = chosen(EVERY, training=[training], network=[network], kind=[kind], seed=[seed])
    return found


def test_every_combination_is_there_once():
    trainings = len(ACTIONS) + 4 + 2
    assert len(EVERY) == trainings * len(SEEDS) * ((2 + len(FURTHER)) * len(NETWORKS) + len(LETTERS) + 1)
    assert len(set(EVERY)) == len(EVERY)


def test_networks_are_compared_before_single_changes_are():
    compared = [p for p in EVERY[:200] if p.kind in ("published", "all")]
    assert EVERY[: len(compared)] == compared
    assert {p.network for p in EVERY[: 2 * len(NETWORKS)]} == set(NETWORKS)


def test_every_network_gets_the_same_steps_and_the_same_data():
    cells = [
        cell_of(
            point("people", network, "all"), data_of(point("people", network, "all"), FOLDER), 10_000, 1500, 256, (1,)
        )
        for network in NETWORKS
    ]
    assert {cell.config.train.epochs for cell in cells} == {38}  # of 40 steps each
    assert len({cell.config.data for cell in cells}) == 1 and len({cell.config.augment for cell in cells}) == 1
    assert cells[0].config.train.lr_decay ** 38 == pytest.approx(0.03)


def test_as_published_nothing_is_changed():
    plain = point("people")
    cell = cell_of(plain, data_of(plain, FOLDER), 10_000, 1500, 256, (1, 1, 1))
    assert cell.config.augment.use == () and cell.config.data.normalization == "base"


def test_a_column_holds_only_trainings_that_every_row_has():
    rows = [("srnet", "published"), ("fc", "published")]
    done = {
        point("DeepSquat"): measured(UNSEEN_ACTIONS.name, S1=100.0),
        point("SitToStand"): measured(UNSEEN_ACTIONS.name, S1=300.0),
        point("DeepSquat", "fc"): measured(UNSEEN_ACTIONS.name, S1=150.0),
    }
    found = column(UNSEEN_ACTIONS, rows, EVERY, done, "mpjpe_mm")
    assert found.trainings == ("DeepSquat",) and found.planned == len(ACTIONS)
    assert error_of(found.errors["srnet", "published"], found.trainings).value == 100.0


def test_intervals_are_over_seeds_and_changes_over_people():
    rows = [("srnet", "published"), ("srnet", "all")]
    done = {}
    for seed, published in ((1, 100.0), (2, 110.0), (3, 120.0)):
        done[point("people", seed=seed)] = measured(UNSEEN_PEOPLE.name, S9=published, S11=published)
        done[point("people", kind="all", seed=seed)] = measured(UNSEEN_PEOPLE.name, S9=published / 2, S11=published / 4)
    found = column(UNSEEN_PEOPLE, rows, EVERY, done, "mpjpe_mm")
    error = error_of(found.errors["srnet", "published"], found.trainings)
    assert (error.value, error.count) == (110.0, 3) and error.half_width == pytest.approx(24.84, abs=0.01)
    change = change_of(found, ("srnet", "all"))
    assert (change.value, change.count) == (pytest.approx(-62.5), 2)
    text = table("Title", rows, EVERY, done)
    assert "| srnet | published | 110.0 ± 24.8 (3) |" in text and "UI-PRMD to HDM05" not in text


def test_networks_are_also_compared_with_fc_on_the_same_data():
    errors_mm = {("srnet", "published"): 80.0, ("srnet", "all"): 45.0, ("fc", "published"): 100.0, ("fc", "all"): 50.0}
    done = {
        point("people", network, kind): measured(UNSEEN_PEOPLE.name, S9=error, S11=error)
        for (network, kind), error in errors_mm.items()
    }
    text = table("Title", list(errors_mm), EVERY, done)
    same_data = text.partition("against fc with the same training data")[2]
    assert "| srnet | published | -20 ± 0 (2) |" in same_data and "| srnet | all | -10 ± 0 (2) |" in same_data
    assert "| fc |" not in same_data


def test_what_is_not_measured_is_no_number():
    done = {point("people"): measured(TO_HDM05.name, BD=140.0)}
    text = table("Title", [("srnet", "published"), ("fc", "published")], EVERY, done)
    assert "| srnet | published | 140.0 (1) |" in text and "| fc |" not in text and "Change" not in text
    assert "Nothing is measured yet" in table("Title", [("fc", "published")], EVERY, done)


def test_results_count_only_for_the_settings_that_they_were_made_with(tmp_path):
    work = Work(FOLDER, tmp_path, 1500, 256, (1, 1, 1))
    file = file_of(point("people"), work)
    file.parent.mkdir(parents=True)
    made_with = {"steps": 1500, "batch": 256, "filter_widths": [1, 1, 1]}
    file.write_text(json.dumps({"made_with": made_with, "reports": {"unseen people": {}}}))
    assert reports(point("people"), work) == {"unseen people": {}}
    assert reports(point("people"), Work(FOLDER, tmp_path, 3000, 256, (1, 1, 1))) is None
    assert reports(point("cmu"), work) is None


def test_results_kept_in_one_file_count_as_done_and_new_ones_are_added(tmp_path):
    work = Work(FOLDER, tmp_path / "first", 1500, 256, (1, 1, 1), tmp_path / "records.jsonl")
    full = measured(UNSEEN_PEOPLE.name, S9=81.23456, S11=62.0)
    full[UNSEEN_PEOPLE.name]["by_action"] = {"Walk": {"mpjpe_mm": 70.0}}
    made_with = {"steps": 1500, "batch": 256, "filter_widths": [1, 1, 1]}
    values = {"made_with": made_with, "train_steps": 1530, "parameters": 238_000, "cpu_seconds": 40.5, "reports": full}
    file = file_of(point("people"), work)
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(values))
    add_records(work.records, new_records(EVERY, work))
    add_records(work.records, new_records(EVERY, work))
    assert len(read_records(work.records)) == 1

    elsewhere = Work(FOLDER, tmp_path / "second", 1500, 256, (1, 1, 1), work.records)
    kept = reports(point("people"), elsewhere)
    assert kept[UNSEEN_PEOPLE.name]["by_subject"]["S9"]["mpjpe_mm"] == 81.23
    rows = [("srnet", "published")]
    done = {point("people"): kept}
    assert table("T", rows, EVERY, done) == table("T", rows, EVERY, {point("people"): full})
    assert reports(point("people", seed=2), elsewhere) is None and seconds_of(point("people"), elsewhere) is None
    assert reports(point("people"), Work(FOLDER, tmp_path / "second", 9, 256, (1, 1, 1), work.records)) is None


def test_a_line_that_is_no_result_is_told(tmp_path):
    file = tmp_path / "records.jsonl"
    file.write_text('{"point": 1}\n')
    with pytest.raises(BadFileError, match="line 1"):
        read_records(file)
