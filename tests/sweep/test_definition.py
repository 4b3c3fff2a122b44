"""The file of a sweep: what its cells are, and what is said about mistakes."""

import pytest

from srnet_core.errors import BadFileError, ConfigError, InputFileMissing, UserMistake
from srnet_core.sweep.definition import known_setting, read_sweep, shown_value


@pytest.fixture
def written(tmp_path):
    def write(text: str):
        path = tmp_path / "experiment.toml"
        path.write_text(text)
        return path

    return write


def test_a_grid_is_every_combination_in_the_order_of_the_file(written):
    sweep = read_sweep(
        written('[fixed]\ntrain.epochs = 3\n[grid]\n"model.name" = ["srnet", "fc"]\n"train.seed" = [1, 2]\n')
    )
    assert [(c.config.model.name, c.config.train.seed) for c in sweep.cells] == [
        ("srnet", 1),
        ("srnet", 2),
        ("fc", 1),
        ("fc", 2),
    ]
    assert {c.config.train.epochs for c in sweep.cells} == {3}
    assert sweep.varied() == ("model.name", "train.seed") and sweep.name == "experiment"
    assert len({c.key for c in sweep.cells}) == len({c.name for c in sweep.cells}) == 4


@pytest.mark.parametrize(
    "text",
    [
        '[grid]\n"model.filter_widths" = [[1, 1], [3, 3]]\n',
        "[grid]\nmodel.filter_widths = [[1, 1], [3, 3]]\n",
        "[grid.model]\nfilter-widths = [[1, 1], [3, 3]]\n",
        '[[cell]]\n"model.filter_widths" = [1, 1]\n[[cell]]\nlabel = "three"\n[cell.model]\nfilter_widths = [3, 3]\n',
    ],
)
def test_dots_may_stand_in_quotes_or_join_tables(written, text):
    assert [c.config.model.filter_widths for c in read_sweep(written(text)).cells] == [(1, 1), (3, 3)]


def test_cells_are_combined_with_the_grid(written):
    text = '[[cell]]\nlabel = "a"\nmodel.name = "fc"\n[[cell]]\nlabel = "b"\n[grid]\ntrain.seed = [1, 2]\n'
    cells = read_sweep(written(text)).cells
    assert [(c.label, c.config.model.name, c.config.train.seed) for c in cells] == [
        ("a", "fc", 1),
        ("a", "fc", 2),
        ("b", "srnet", 1),
        ("b", "srnet", 2),
    ]


def test_sections_inside_sections_and_body_parts(written):
    text = (
        '[fixed]\naugment.use = ["view"]\n[fixed.augment.view]\npitch_deg = 3\n'
        '[grid]\n"augment.view.roll_deg" = [0, 1]\n'
        '[fixed.model.body_parts]\nall = ["Hip", "RHip"]\n'
    )
    cells = read_sweep(written(text)).cells
    assert [c.config.augment.view.roll_deg for c in cells] == [0, 1]
    assert {c.config.augment.view.pitch_deg for c in cells} == {3} and cells[0].config.model.groups == 1


def test_the_key_of_a_cell_does_not_depend_on_where_files_are(written):
    text = '[fixed]\ndata.data_dir = "{0}"\ndata.cache_dir = "{0}"\n[grid]\ntrain.seed = [1]\n'
    keys = {read_sweep(written(text.format(folder))).cells[0].key for folder in ("data", "elsewhere")}
    other = read_sweep(written("[grid]\ntrain.lr = [0.1]\n")).cells[0].key
    assert len(keys) == 1 and other not in keys


def test_settings_typed_override_the_fixed_ones_only(written):
    path = written("[fixed]\ntrain.epochs = 3\n[grid]\ntrain.seed = [1, 2]\n")
    assert {c.config.train.epochs for c in read_sweep(path, ["train.epochs=1"]).cells} == {1}
    with pytest.raises(ConfigError, match=r"--set: train\.seed is varied by"):
        read_sweep(path, ["train.seed=1"])


def test_published_numbers_go_with_their_cell(written):
    text = '[[cell]]\nlabel = "a"\npublished_mm = 44.8\n[cell.published_by_action_mm]\nEating = 43.9\n'
    (cell,) = read_sweep(written(text)).cells
    assert cell.published.mpjpe_mm == 44.8 and cell.published.by_action_mm == {"Eating": 43.9}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('[grid]\n"model.nam" = ["fc"]', ["[grid]", "'model.nam'", "Did you mean 'model.name'?"]),
        ('[grid]\n"train.augment" = [[]]', ["'train.augment'", "Did you mean 'augment.use'?"]),
        ("[fixed]\nlr = 1", ["[fixed]", "'lr'", "Did you mean 'train.lr'?"]),
        ("[fixed]\nzzzzzz = 1", ["'zzzzzz'", 'e.g. "train.lr"']),
        ("[fixd]\ndata.subset = 1", ["there is no table 'fixd'", "Did you mean 'fixed'?"]),
        ("[modle]\nx = 1", ["there is no table 'modle'", "fixed, grid, cell"]),
        ('[grid]\n"train.seed" = []', ["train.seed is an empty list"]),
        ('[grid]\n"train.seed" = 1', ["train.seed must be a list of values", '"train.seed" = [1]']),
        ('[grid]\n"train.seed" = [1, 2, 1]', ["train.seed lists 1 twice"]),
        ('[grid]\n"model.filter_widths" = [3, 3]', ["lists 3 twice", "write a list of lists"]),
        ('[grid]\n"model.name" = ["srnet", "srnt"]', ["there is no model 'srnt'", "Did you mean 'srnet'?"]),
        ('[grid]\n"data.protocol" = ["cross-subjct"]', ["Did you mean 'cross_subject'?"]),
        ('[grid]\n"train.seed" = ["one"]', ["[grid]", "expected a whole number, not 'one'"]),
        ('[grid]\n"train.lr" = [-1.0]', ["--lr", "positive"]),
        ('[[cell]]\n"train.seed" = 1\n[[cell]]\n"train.seed" = 1', ["[[cell]] 1 and 2 have the same settings"]),
        ('[[cell]]\n"train.seed" = [1, 2]', ["[[cell]] 1", "expected a whole number, not [1, 2]"]),
        ('[grid]\n"train.lr" = [1, 1.0]', ["lists 1.0 twice"]),
        ('[grid]\n"data.protocol" = ["cross-action", "cross_action"]', ["have the same settings"]),
        ('[grid]\ntrain.seed = [1]\n"train.seed" = [2]', ["train.seed is given twice"]),
        ("[fixed]\ntrain.epochs = 1", ["has no [grid] and no [[cell]]"]),
        ("[cell]\ntrain.seed = 1", ["[[cell]], with two brackets"]),
        ("fixed = 3\n[grid]\ntrain.seed = [1]", ["[fixed] must be a table"]),
        ("[fixed]\ntrain = 3\n[grid]\ntrain.seed = [1]", ["[train] must be a table"]),
        ('[[cell]]\npublished_mm = "good"', ["published_mm must be an error in mm"]),
        ("[[cell]]\nlabel = 3", ["label must be text"]),
        ("name = 3\n[grid]\ntrain.seed = [1]", ["name must be text"]),
    ],
)
def test_mistakes_are_one_line_that_says_where_and_what(written, text, parts):
    with pytest.raises(UserMistake) as caught:
        read_sweep(written(text))
    message = str(caught.value)
    assert "\n" not in message and "experiment.toml" in message
    for part in parts:
        assert part in message, message


def test_a_grid_larger_than_anybody_can_run_is_refused_at_once(written):
    names = ("train.seed", "train.epochs", "model.channels", "data.downsample")
    values = list(range(1, 2000))
    with pytest.raises(ConfigError, match="at most 10,000"):
        read_sweep(written("[grid]\n" + "".join(f'"{name}" = {values}\n' for name in names)))


def test_a_missing_file_and_one_that_is_no_toml(tmp_path):
    with pytest.raises(InputFileMissing, match=r"docs/sweeps\.md"):
        read_sweep(tmp_path / "nothing.toml")
    (tmp_path / "bad.toml").write_text("[grid\n")
    with pytest.raises(BadFileError, match="not a TOML file"):
        read_sweep(tmp_path / "bad.toml")


@pytest.mark.parametrize("asked", ["model.filter_widths", "filter_widths", "arch", "model.arch", "filter-widths"])
def test_settings_are_known_by_name_and_by_option(asked):
    assert known_setting(asked, ["model.name", "model.filter_widths"], where="--rows") == "model.filter_widths"


def test_values_are_shown_as_people_write_them():
    assert shown_value("model.filter_widths", (3, 3)) == "3,3"
    assert shown_value("augment.use", ()) == "none" and shown_value("data.protocol", "cross_action") == "cross-action"
