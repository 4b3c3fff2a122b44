"""Sweeps inside the test process: interrupted ones end as undisturbed ones; a failing cell stops no other."""

import json

import pytest
from support.sweeps import CONDITIONS, InlineEngine, Killed, run_inline, summary_text, write_sweep

from srnet_core.config import to_dict
from srnet_core.errors import ConfigError
from srnet_core.stages.prepare import prepare
from srnet_core.sweep.definition import read_sweep
from srnet_core.sweep.engine import Ended
from srnet_core.sweep.ledger import Conditions, Ledger
from srnet_core.sweep.plan import make_plan
from srnet_core.sweep.schedule import Done, Failed, Lost, run_cells
from srnet_core.sweep.summary import View, summary_tables
from srnet_core.training.result import read_result


def test_an_interrupted_sweep_ends_with_the_table_of_an_undisturbed_one_bit_for_bit(tmp_path, small_data):
    path = write_sweep(tmp_path, small_data)
    events = run_inline(path, tmp_path / "whole").events
    for kill_at in (3, events // 2):
        with pytest.raises(Killed):
            run_inline(path, tmp_path / "cut", kill_at=kill_at)
    run_inline(path, tmp_path / "cut")
    text = summary_text(path, tmp_path / "cut")
    assert text == summary_text(path, tmp_path / "whole")
    assert text.count('"status": "done"') == 4 and '"best": {' in text
    assert run_inline(path, tmp_path / "cut").events == 0  # nothing is done twice


@pytest.mark.parametrize("damage", ["result", "latest", "best"])
def test_damaged_files_of_a_cell_are_made_again(tmp_path, small_data, damage):
    path = write_sweep(tmp_path, small_data, "[grid]\ntrain.seed = [1]\n")
    run_inline(path, tmp_path / "sweep")
    before = summary_text(path, tmp_path / "sweep")
    (cell,) = make_plan(read_sweep(path), prepare).sweep.cells
    files = Ledger(tmp_path / "sweep").files(cell)
    if damage != "result":
        getattr(files, damage).write_bytes(b"no checkpoint")
        if damage == "best":
            files.best.unlink()
    text = files.result.read_text()
    files.result.write_text(text.replace('"parameters": ', '"parameters": 1'))
    assert Ledger(tmp_path / "sweep").result(cell) is None
    assert run_inline(path, tmp_path / "sweep").events > 0
    assert summary_text(path, tmp_path / "sweep") == before


def test_results_of_other_data_do_not_count(tmp_path, small_data, published_files):
    path = write_sweep(tmp_path, small_data, "[grid]\ntrain.seed = [1]\n")
    run_inline(path, tmp_path / "sweep")
    published_files(small_data, "small", seed=5)
    assert run_inline(path, tmp_path / "sweep").events > 0


def test_a_failing_cell_stops_no_other_and_is_tried_again(tmp_path, small_data):
    grid = '[grid]\n"train.validation" = [["B"], ["nobody"], ["A"]]\n'
    path = write_sweep(tmp_path, small_data, grid)
    run_inline(path, tmp_path / "sweep")
    values = json.loads(summary_text(path, tmp_path / "sweep").partition("[TextTable")[0])
    assert [cell["status"] for cell in values["cells"]] == ["done", "failed", "done"]
    assert "there is no training subject 'nobody'" in values["cells"][1]["error"] and values["best"] is None
    path.write_text(path.read_text().replace("nobody", "B").replace('[["B"], ["B"],', '[["B"],'))
    assert run_inline(path, tmp_path / "sweep").events == 0


@pytest.mark.parametrize(("held_out", "reason"), [('["B"]', "No best cell yet"), ("[]", "without train.validation")])
def test_why_there_is_no_best_cell(tmp_path, small_data, held_out, reason):
    """Where every cell had failed, the table said that train.validation was missing."""
    path = write_sweep(tmp_path, small_data, f'[grid]\n"train.validation" = [{held_out}]\n"train.seed" = [1, 2]\n')
    (table,) = summary_tables(read_sweep(path), {}, View())
    assert reason in table.caption


def test_every_stage_is_prepared_once(tmp_path, small_data):
    path = write_sweep(tmp_path, small_data, '[grid]\n"train.seed" = [1, 2]\n"data.normalization" = ["base", "proj"]\n')
    asked = []
    plan = make_plan(read_sweep(path), lambda data: asked.append(data.normalization) or prepare(data))
    assert asked == ["base", "proj"] and len(set(plan.stage_keys.values())) == 2
    assert all(mib > 100 for mib in plan.memory_mib.values())


class FlakyEngine(InlineEngine):
    """Loses every cell once, as a cluster whose machines go away, and answers late for the lost ones."""

    def __init__(self):
        super().__init__()
        self.lost, self.late = set(), []

    def wait(self, timeout_s):
        cell = self.waiting[0].cell
        if cell.key not in self.lost:
            self.lost.add(cell.key)
            self.late.append(self.waiting.pop(0).cell)
            yield Ended(cell, "the machine is gone", lost=True)
            return
        yield from super().wait(timeout_s)
        yield from (Ended(late) for late in self.late if late.key == cell.key)


def test_lost_cells_run_elsewhere_and_count_once(tmp_path, small_data):
    path = write_sweep(tmp_path, small_data, '[grid]\n"train.seed" = [1, 2]\n')
    plan = make_plan(read_sweep(path), prepare)
    ledger = Ledger(tmp_path / "sweep", plan.stage_keys)
    events = list(run_cells(plan.sweep.cells, ledger, FlakyEngine(), CONDITIONS))
    assert sum(isinstance(e, Lost) for e in events) == 2
    assert sorted(e.cell.key for e in events if isinstance(e, Done)) == sorted(c.key for c in plan.sweep.cells)


class LosingEngine(InlineEngine):
    """Loses every cell every time."""

    def wait(self, timeout_s):
        yield Ended(self.waiting.pop(0).cell, "the machine is gone", lost=True)


def test_a_cell_that_is_always_lost_fails_in_the_end(tmp_path, small_data):
    path = write_sweep(tmp_path, small_data, "[grid]\ntrain.seed = [1]\n")
    plan = make_plan(read_sweep(path), prepare)
    events = list(run_cells(plan.sweep.cells, Ledger(tmp_path, plan.stage_keys), LosingEngine(), CONDITIONS))
    assert isinstance(events[-1], Failed) and "the machine is gone" in events[-1].error


def test_a_stop_starts_no_cell_any_more(tmp_path, small_data):
    path = write_sweep(tmp_path, small_data)
    plan = make_plan(read_sweep(path), prepare)
    ledger = Ledger(tmp_path / "sweep", plan.stage_keys)
    assert list(run_cells(plan.sweep.cells, ledger, InlineEngine(), CONDITIONS, should_stop=lambda: True)) == []


def test_conditions_of_the_beginning_are_kept(tmp_path, small_data):
    sweep = read_sweep(write_sweep(tmp_path, small_data))
    ledger = Ledger(tmp_path / "sweep")
    ledger.begin(sweep, Conditions(2, 100), threads_given=False)
    assert ledger.begin(sweep, Conditions(4, 50), threads_given=False) == Conditions(2, 100)
    with pytest.raises(ConfigError, match="began with 2 threads per cell"):
        ledger.begin(sweep, Conditions(4, 50), threads_given=True)
    cell = sweep.cells[0]
    assert ledger.config_of(cell, Conditions(2, 100)).train.memory_budget_mib == 100
    assert to_dict(cell.config)["train"]["memory_budget_mib"] == 0


def test_one_folder_is_run_by_one_process(tmp_path):
    ledger = Ledger(tmp_path / "sweep")
    with (
        ledger.held(),
        pytest.raises(ConfigError, match="another process runs this sweep"),
        Ledger(ledger.folder).held(),
    ):
        pass


def test_a_run_is_finished_when_its_result_is_there(tmp_path, small_data):
    path = write_sweep(tmp_path, small_data, "[grid]\ntrain.seed = [1]\n")
    run_inline(path, tmp_path / "sweep")
    (found,) = (tmp_path / "sweep" / "runs").glob("*/result.json")
    result = read_result(found)
    assert result.epochs == 2 and result.validation_mpjpe_mm > 0 and result.checkpoint.startswith("model_best_")
    assert result.report["mean"]["mpjpe_mm"] > 0 and result.config["train"]["seed"] == 1
