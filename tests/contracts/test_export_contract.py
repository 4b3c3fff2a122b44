"""What every export format promises, checked on every one that is built in or added by a package."""

import numpy as np
import pytest
import torch
from support.plugins import every

from srnet_core.checkpoint import Checkpoint
from srnet_core.checkpoint.record import Record
from srnet_core.config import DataConfig, RunConfig
from srnet_core.errors import ConfigError, MissingExtraError
from srnet_core.evaluation.predict import predict_split
from srnet_core.export import CheckpointFormat, NetworkFormat, PredictionFormat, WrittenNetwork, get_format
from srnet_core.export.about import network_metadata
from srnet_core.export.predictions import write_predictions
from srnet_core.models import build_model
from srnet_core.stages.prepare import prepare

EVERY_FORMAT = pytest.mark.parametrize("name", every("export"))


@pytest.fixture(scope="module")
def stage(tmp_path_factory, published_files):
    folder = tmp_path_factory.mktemp("project")
    published_files(folder / "data", "small")
    config = DataConfig(
        dataset="small", data_dir=str(folder / "data"), cache_dir=str(folder / "cache"), subjects_test=("C",)
    )
    return prepare(config).stage


@pytest.fixture(scope="module")
def predictions(stage):
    torch.manual_seed(0)
    return list(predict_split(build_model(channels=40), stage, stage.split("test")))


@EVERY_FORMAT
def test_it_is_of_one_kind_and_names_its_endings(name):
    plugin = get_format(name)
    assert sum(isinstance(plugin, kind) for kind in (NetworkFormat, CheckpointFormat, PredictionFormat)) == 1
    named = [ending for ending in plugin.endings if ending or not isinstance(plugin, CheckpointFormat)]
    assert plugin.endings and all(e.startswith(".") and e == e.lower() and len(e) > 1 for e in named)
    assert plugin.write.__doc__


@EVERY_FORMAT
def test_predictions_are_written_the_same_twice(name, stage, predictions, tmp_path):
    if not isinstance(get_format(name), PredictionFormat):
        with pytest.raises(ConfigError, match=f"{name} is a format for networks"):
            write_predictions(predictions, stage, tmp_path / "x", name)
        assert not list(tmp_path.iterdir())
        return
    frames = sum(p.clip.length for p in predictions)
    for file in ("one", "two"):
        assert write_predictions(predictions, stage, tmp_path / file, name) == (len(predictions), frames)
    assert _without_time(tmp_path / "one") == _without_time(tmp_path / "two")
    assert (tmp_path / "one").stat().st_size > 17 * 3 * frames  # each number takes a byte or more


@EVERY_FORMAT
def test_predictions_are_taken_one_by_one_and_a_failure_leaves_nothing(name, stage, predictions, tmp_path):
    if not isinstance(get_format(name), PredictionFormat):
        return

    def failing():
        yield predictions[0]
        raise RuntimeError("the network failed")

    with pytest.raises(RuntimeError, match="the network failed"):
        write_predictions(failing(), stage, tmp_path / "x", name)
    assert not list(tmp_path.iterdir())


@EVERY_FORMAT
def test_a_network_is_written_and_compared(name, tmp_path):
    plugin = get_format(name)
    if isinstance(plugin, PredictionFormat):
        return
    model = build_model("fc", channels=8, filter_widths=(3,)).eval()
    trained_with = RunConfig(data=DataConfig(normalization="ray"))  # which every format of networks takes
    checkpoint = Checkpoint(model, model.config, record=Record(config=trained_with))
    metadata = network_metadata(checkpoint, source="made.bin")
    given = model if isinstance(plugin, NetworkFormat) else checkpoint
    try:
        written = plugin.write(given, tmp_path / f"x{plugin.endings[0]}", metadata)
    except MissingExtraError as error:
        pytest.skip(str(error))
    files = [written.path] if written.path.is_file() else list(written.path.iterdir())
    assert isinstance(written, WrittenNetwork)
    assert sum(file.stat().st_size for file in files) > 2 * model.num_parameters  # half precision or more
    assert len(written.errors) == len(written.lengths) and written.compared_in
    assert max(written.errors, default=0) <= plugin.tolerance * max(1, written.scale)
    assert [p.name for p in tmp_path.iterdir()] == [written.path.name]


def _without_time(path):
    """The content of a file; of a zip archive its members, as the time of writing is in the archive."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key].tolist() for key in archive.files}
    except ValueError:
        return path.read_bytes()
