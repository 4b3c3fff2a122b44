"""srnet presets: what comes ready, shown and run."""

import json

from support.sweeps import InlineEngine

from srnet_core.presets.catalog import presets
from srnet_core.sweep.definition import read_sweep

TINY = ("model.channels=20", "train.epochs=1", "train.batch_size=64", "train.device=cpu", "train.test_every=0")


def test_all_are_listed(srnet):
    out = srnet("presets", "list").ok().out
    assert all(preset.name in out and preset.about for preset in presets())
    kinds = [[p.name for p in presets() if p.experiment is experiment] for experiment in (True, False)]
    assert all(names == sorted(names) for names in kinds), "augment before augment-ray"
    lines = {line.split()[0]: line for line in out.splitlines() if line.startswith(("cross-action", "groups"))}
    ends = lines["cross-action"].index(" 45 ") + 3, lines["groups"].index(" 7 ") + 2
    assert ends[0] == ends[1], "numbers end below each other"


def test_an_experiment_is_shown_with_published_numbers(srnet):
    out = srnet("presets", "show", "cross-subject-243").ok().out
    assert "ground truth, multiply" in out and "44.8" in out and "Not run yet" in out
    assert "3,3,3,3,3" in srnet("presets", "show", "srnet-243").ok().out


def test_an_experiment_runs_on_other_data_and_says_that_it_cannot_be_compared(srnet, own_data, monkeypatch):
    monkeypatch.setattr("srnet_core.sweep.local.LocalEngine", lambda **_: InlineEngine())
    data = ("data.dataset=small", 'data.subjects_test=["C"]', 'data.keypoints="gt"')
    settings = [word for setting in (*TINY, *data[:2]) for word in ("--set", setting)]
    out = srnet("presets", "run", "normalizations", "--seeds", "1", *settings).ok().out
    assert "normalizations, 5 cells" in out and "weak_proj" in out.replace("weak-proj", "weak_proj")
    shown = srnet("presets", "show", "normalizations").ok().out
    assert "normalizations, 5 cells" in shown and "MPJPE mm" in shown and "Not run yet" not in shown
    again = srnet("presets", "run", "normalizations", "--seeds", "1", *settings, "--json", "-").ok()
    assert len(json.loads(again.out)["cells"]) == 5, "nothing else goes to standard output"


def test_every_experiment_can_be_read_and_names_data_of_human36m():
    for preset in presets():
        if preset.experiment:
            sweep = read_sweep(preset.path)
            assert sweep.about and {cell.config.data.dataset for cell in sweep.cells} == {"h36m"}
    by_name = {preset.name: preset for preset in presets()}
    actions = {cell.config.data.train_actions for cell in by_name["cross-action"].read_sweep().cells}
    assert len(actions) == 15
    assert len({cell.config.model.name for cell in by_name["structures"].read_sweep().cells}) == 8


def test_mistakes(srnet):
    srnet("presets", "show", "structurs").refused("Did you mean 'structures'?")
    srnet("presets", "run", "srnet-243").refused("settings of one run", "srnet train --config srnet-243")
    srnet("presets", "run", "groups", "--seeds", "one").refused("--seeds", "whole numbers")
