"""Records beside the weights of a checkpoint: what is written comes back, an altered one is refused by its field."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tries import tries

from srnet_core.body import BodySize
from srnet_core.checkpoint import EpochRecord, ProgressRecord, Record, load_checkpoint, save_checkpoint
from srnet_core.checkpoint.record import decode_record, encode_record
from srnet_core.config import AugmentConfig, DataConfig, ModelConfig, RunConfig, TrainConfig, replace, to_dict
from srnet_core.config.augment import ViewConfig
from srnet_core.errors import CheckpointError, ConfigError, SrnetError, UnknownNameError
from srnet_core.models import build_model
from srnet_core.skeletons import get_skeleton
from srnet_core.training.loop import Epoch

BODY = {"bones": [[0, 1], [1, 2]], "lengths_m": [0.1, 0.4], "scale": 0.9}
EPOCH = {"epoch": 1, "epochs": 2, "loss": 0.5, "train_mpjpe_mm": 3.0, "lr": 0.1, "seconds": 1.5, "windows": 7}
STATE = torch.Generator().get_state().tolist()
STREAMED = {"sampler": "streamed", "blocks": 9, "mixed": 3}
RUN = RunConfig(
    DataConfig(dataset="h36m", train_cameras=(0, 2), normalization="proj"),
    ModelConfig(channels=40, body_parts=(("legs", ("Hip", "LFoot")), ("rest", ("Head",)))),
    TrainConfig(validation=("S8",)),
)
FULL = Record(
    version="1.2.3",
    commit="0123abcd",
    model=RUN.model,
    skeleton=get_skeleton("h36m17"),
    digest="ab" * 32,
    config=RUN,
    dataset="h36m",
    synthetic=True,
    stage_key="0123456789abcdef",
    fps=25.0,
    body_size=BodySize(((0, 1), (1, 2)), (0.1, 0.4), 0.9),
    trained_on=("S1/Walking/camera 0", "S1/Walking/camera 1"),
    unreported=EpochRecord(**EPOCH),
    metrics={"epoch": 3, "loss": 0.5},
    best_validation_mpjpe_mm=41.5,
    arithmetic="bf16",
    progress=ProgressRecord(3, 99, 1.5, 0.5, STREAMED, tuple(STATE), (1, 2, 255)),
)


def altered(**change):
    """The full record as it is stored, with some fields changed."""
    return encode_record(FULL) | change


# --- what is written comes back


def test_a_full_record_comes_back():
    assert decode_record(encode_record(FULL)) == FULL


def test_a_network_without_a_run_tells_nothing_of_one():
    network = Record(version="1", model=ModelConfig(), skeleton=get_skeleton("h36m17"), digest="x")
    assert list(encode_record(network)) == ["format", "version", "commit", "model", "skeleton", "digest"]
    assert decode_record(encode_record(network)) == network


def test_a_record_that_tells_nothing():
    assert decode_record({}) == Record()
    assert decode_record({"config": None, "progress": {}, "body_size": None, "unreported": None}) == Record()
    assert decode_record({"progress": None, "metrics": None, "synthetic": None, "trained_on": None}) == Record()
    assert decode_record({"progress": {"step": None, "torch_random": None}}) == Record()


COUNTS = st.integers(0, 2**53 - 1)
FLOATS = st.floats(allow_nan=False)  # which equals nothing
LENGTHS_M = st.floats(0.001, 10)
TEXTS = st.text(max_size=20)
BONES = st.lists(st.tuples(st.integers(0, 16), st.integers(0, 16)), min_size=1, max_size=20)
BODIES = BONES.flatmap(
    lambda bones: st.builds(
        BodySize,
        st.just(tuple(bones)),
        st.lists(LENGTHS_M, min_size=len(bones), max_size=len(bones)).map(tuple),
        st.floats(0, 10),
    )
)
ORDERS = st.one_of(
    st.just({"sampler": "resident"}),
    st.fixed_dictionaries({"sampler": st.just("streamed"), "blocks": COUNTS, "mixed": COUNTS}),
)
BYTES = st.lists(st.integers(0, 255), max_size=30).map(tuple)
RECORDS = st.builds(
    Record,
    format=COUNTS,
    version=st.none() | TEXTS,
    commit=st.none() | TEXTS,
    model=st.none() | st.builds(ModelConfig, channels=st.integers(1, 4096), causal=st.booleans()),
    skeleton=st.none() | st.sampled_from(["h36m17", "h36m32"]).map(get_skeleton),
    digest=st.none() | TEXTS,
    config=st.none() | st.builds(RunConfig, train=st.builds(TrainConfig, epochs=st.integers(1, 99), lr=LENGTHS_M)),
    dataset=st.none() | TEXTS,
    synthetic=st.booleans(),
    stage_key=st.none() | TEXTS,
    fps=st.none() | LENGTHS_M,
    body_size=st.none() | BODIES,
    trained_on=st.lists(TEXTS, max_size=4).map(tuple),
    unreported=st.none() | st.builds(EpochRecord, COUNTS, COUNTS, FLOATS, FLOATS, FLOATS, FLOATS, COUNTS),
    metrics=st.dictionaries(TEXTS, COUNTS | FLOATS, max_size=4),
    best_validation_mpjpe_mm=st.none() | FLOATS,
    arithmetic=st.none() | TEXTS,
    progress=st.builds(
        ProgressRecord,
        step=COUNTS,
        windows=COUNTS,
        loss_sum=FLOATS,
        error_sum_m=FLOATS,
        order=st.none() | ORDERS,
        torch_random=st.none() | st.just(tuple(STATE)),
        cuda_random=st.none() | BYTES,
    ),
)


@settings(max_examples=tries(60), deadline=None)
@given(RECORDS)
def test_any_record_comes_back(record):
    assert decode_record(encode_record(record)) == record


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS | st.integers(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=tries(100), deadline=None)
@given(st.sampled_from(sorted(encode_record(FULL))), PLAIN)
def test_any_value_in_any_field_is_read_or_refused_in_our_words(name, value):
    try:
        decode_record(altered(**{name: value}))
    except SrnetError as error:
        assert name == "skeleton" or isinstance(error, CheckpointError)


@settings(max_examples=tries(100), deadline=None)
@given(st.sampled_from(["config", "progress", "unreported", "body_size", "model", "skeleton"]), st.data())
def test_any_value_in_any_inner_field_is_read_or_refused_in_our_words(name, data):
    table = dict(encode_record(FULL)[name])
    if name == "config":
        section = data.draw(st.sampled_from(sorted(table)))
        table[section] = table[section] | {data.draw(st.sampled_from(sorted(table[section]))): data.draw(PLAIN)}
    else:
        table[data.draw(st.sampled_from(sorted(table)))] = data.draw(PLAIN)
    try:
        decode_record(altered(**{name: table}))
    except SrnetError as error:
        assert name == "skeleton" or isinstance(error, CheckpointError)


# --- altered ones are refused


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"bones": None}, "bones"),
        ({"bones": []}, "bones"),
        ({"bones": [[0, 1], [1]]}, "bones"),
        ({"bones": [[0, 1], [1, 17]]}, "do not fit 17 joints"),
        ({"bones": [[0, 1], [1, -2]]}, "bones"),
        ({"bones": [[0, 1], [1, 0.5]]}, "bones"),
        ({"bones": [[0, 1]]}, "1 bones with 2 lengths"),
        ({"bones": [[0, 1], [1, True]]}, "bones"),
        ({"lengths_m": [0.1]}, "2 bones with 1 lengths"),
        ({"lengths_m": "ab"}, "lengths_m"),
        ({"lengths_m": [0.1, "x"]}, "lengths_m"),
        ({"lengths_m": [0.1, float("nan")]}, "lengths_m"),
        ({"lengths_m": [0.1, float("inf")]}, "lengths_m"),
        ({"lengths_m": [0.1, -0.4]}, "lengths_m"),
        ({"lengths_m": [0.0, 0.0]}, "lengths_m"),
        ({"scale": -1.0}, "scale"),
        ({"scale": float("nan")}, "scale"),
        ({"scale": "1"}, "scale"),
        ({"scale": None}, "scale"),
        ({"weight": 3}, "must be a table of bones, lengths_m, scale"),
    ],
)
def test_an_altered_body_size_is_refused_by_field(change, says):
    with pytest.raises(CheckpointError, match=f"record cannot be used: body_size.*{says}"):
        decode_record(altered(body_size=BODY | change))


@pytest.mark.parametrize("stored", [3, "x", [], [BODY], {}, {"scale": 1.0}])
def test_a_body_size_that_is_no_table(stored):
    with pytest.raises(CheckpointError, match="must be a table"):
        decode_record({"body_size": stored})


@pytest.mark.parametrize(
    ("stored", "says"),
    [
        ({"format": "1"}, "format"),
        ({"format": -1}, "format"),
        ({"format": True}, "format"),
        ({"version": 1}, "version"),
        ({"commit": ["x"]}, "commit"),
        ({"skeleton": "h36m17"}, "skeleton"),
        ({"skeleton": {"name": "x"}}, "skeleton"),
        ({"skeleton": {**get_skeleton("h36m17").to_dict(), "name": 3}}, "skeleton, name"),
        ({"skeleton": {**get_skeleton("h36m17").to_dict(), "left": "LHip"}}, "skeleton, left"),
        ({"digest": 3}, "digest"),
        ({"config": "none"}, "config"),
        ({"config": {"data": 3}}, "config"),
        ({"config": []}, "config"),
        ({"config": {"train": {"lr": "fast"}}}, "config.*train.*lr"),
        ({"config": {"train": {"lr": -1.0}}}, "config.*--lr"),
        ({"config": {"data": {"downsample": 0}}}, "config.*--downsample"),
        ({"config": {"model": {"channels": 10**9}}}, "config.*--channels"),
        ({"dataset": 3}, "dataset"),
        ({"synthetic": 1}, "synthetic"),
        ({"synthetic": "no"}, "synthetic"),
        ({"stage_key": 3}, "stage_key"),
        ({"fps": "fast"}, "fps"),
        ({"fps": 0}, "fps"),
        ({"fps": float("inf")}, "fps"),
        ({"trained_on": "S1"}, "trained_on"),
        ({"trained_on": [3]}, "trained_on"),
        ({"unreported": 3}, "unreported"),
        ({"unreported": {"epoch": 1}}, "unreported"),
        ({"unreported": EPOCH | {"lr": "x"}}, "unreported, lr"),
        ({"unreported": EPOCH | {"windows": 1.5}}, "unreported, windows"),
        ({"unreported": EPOCH | {"extra": 1}}, "unreported"),
        ({"metrics": [1.0]}, "metrics"),
        ({"metrics": {"loss": "low"}}, "metrics"),
        ({"metrics": {3: 0.5}}, "metrics"),
        ({"best_validation_mpjpe_mm": "low"}, "best_validation_mpjpe_mm"),
        ({"best_validation_mpjpe_mm": 10**400}, "best_validation_mpjpe_mm"),
        ({"arithmetic": 16}, "arithmetic"),
        ({"progress": [1]}, "progress"),
        ({"progress": {"step": "x"}}, "progress, step"),
        ({"progress": {"step": -1}}, "progress, step"),
        ({"progress": {"step": 2**53}}, "progress, step"),
        ({"progress": {"windows": 1.5}}, "progress, windows"),
        ({"progress": {"loss_sum": "x"}}, "progress, loss_sum"),
        ({"progress": {"error_sum_m": [0.5]}}, "progress, error_sum_m"),
        ({"progress": {"torch_random": [1, 2]}}, "progress, torch_random"),
        ({"progress": {"torch_random": [300]}}, "progress, torch_random"),
        ({"progress": {"torch_random": [0] * 5056}}, "progress, torch_random"),
        ({"progress": {"cuda_random": [256]}}, "progress, cuda_random"),
        ({"progress": {"cuda_random": "x"}}, "progress, cuda_random"),
        ({"progress": {"order": "resident"}}, "progress, order"),
        ({"progress": {"order": {"sampler": "other"}}}, "progress, order"),
        ({"progress": {"order": {"sampler": "streamed", "blocks": 3}}}, "progress, order"),
        ({"progress": {"order": {"sampler": "streamed", "blocks": -3, "mixed": 2}}}, "progress, order"),
        ({"progress": {"order": {"sampler": "streamed", "blocks": "3", "mixed": 2}}}, "progress, order"),
    ],
    ids=str,
)
def test_an_altered_field_is_refused_by_name(stored, says):
    with pytest.raises(CheckpointError, match=f"record cannot be used: {says}"):
        decode_record(stored)


def test_every_field_is_altered_above_or_in_a_test_of_its_own():
    """`model` in test_file.py, where a network is built from it."""
    (mark,) = (m for m in test_an_altered_field_is_refused_by_name.pytestmark if m.name == "parametrize")
    tried = {name for stored, _ in mark.args[1] for name in stored} | {"body_size", "model"}
    assert tried == set(encode_record(FULL))
    progress = {name for stored, _ in mark.args[1] if "progress" in stored for name in stored["progress"]} - {1}
    assert progress == {f.name for f in dataclasses.fields(ProgressRecord)}


def test_the_epoch_on_record_is_the_one_the_training_tells():
    epoch = {field.name for field in dataclasses.fields(Epoch)}
    assert {field.name for field in dataclasses.fields(EpochRecord)} | {"extra"} == epoch


def test_a_loss_that_is_not_finite_may_be_on_record():
    assert np.isnan(decode_record({"progress": {"loss_sum": float("nan")}}).progress.loss_sum)


# --- files


def stored_in(tmp_path, **change):
    """A file of a small network whose record was changed after it was written."""
    path = save_checkpoint(
        tmp_path / "m.bin",
        model=build_model("srnet", channels=12),
        epoch=0,
        lr=0.1,
        optimizer_state=None,
        random_state=None,
        record=Record(config=RUN),
    )
    content = torch.load(path, weights_only=True)
    content["srnet"] |= change
    torch.save(content, path)
    return path


def test_a_file_with_an_altered_field_is_refused_when_it_is_read(tmp_path):
    path = stored_in(tmp_path, body_size=BODY | {"scale": "big"})
    with pytest.raises(CheckpointError, match=r"m\.bin: its record cannot be used: body_size, scale must be a number"):
        load_checkpoint(path)


def test_bones_must_fit_the_network_where_the_file_tells_no_skeleton(tmp_path):
    body = BODY | {"bones": [[0, 1], [1, 99]]}
    with pytest.raises(CheckpointError, match=r"m\.bin: .*do not fit 17 joints"):
        load_checkpoint(stored_in(tmp_path, body_size=body, skeleton=None))


def test_a_skeleton_whose_sides_do_not_pair_up(tmp_path):
    skeleton = get_skeleton("h36m17").to_dict() | {"left": ["LHip"]}
    with pytest.raises(ConfigError, match=r"m\.bin: .*sides"):
        load_checkpoint(stored_in(tmp_path, skeleton=skeleton))


def test_what_only_newer_versions_tell_is_left_out(tmp_path):
    found = load_checkpoint(stored_in(tmp_path, weather="rain", unknown=["x"], progress={"step": 3, "mood": "good"}))
    assert found.record.progress == ProgressRecord(step=3) and found.record.unknown == ()


def test_settings_of_newer_versions_are_refused_by_who_goes_by_them(tmp_path):
    config = to_dict(RUN)
    config["data"]["fov"] = 90
    found = load_checkpoint(stored_in(tmp_path, config=config | {"sound": {"volume": 11}}))
    assert found.record.config == RUN
    assert found.record.unknown == ("data.fov", "sound.volume")
    assert found.run_config("train") == RUN
    for sections in (("data",), ()):
        with pytest.raises(CheckpointError, match=r"m\.bin: .*not known here: data\.fov.*newer version"):
            found.run_config(*sections)


def test_augmentation_is_stored_where_a_run_has_it_only(tmp_path):
    """So a file of a run without it is what it was before there was augmentation."""
    augmented = replace(RUN, augment=AugmentConfig(use=("view",), view=ViewConfig(yaw_deg=30.0)))
    assert "augment" not in encode_record(Record(config=RUN))["config"]
    stored = encode_record(Record(config=augmented))["config"]
    assert stored["augment"]["view"]["yaw_deg"] == 30.0
    assert load_checkpoint(stored_in(tmp_path, config=stored)).record.config == augmented


def test_settings_of_newer_versions_are_named_in_sections_of_sections_too(tmp_path):
    config = to_dict(RUN)
    config["augment"]["view"]["fov_deg"] = 60
    found = load_checkpoint(stored_in(tmp_path, config=config))
    assert found.record.config == RUN and found.record.unknown == ("augment.view.fov_deg",)
    assert found.run_config("data") == RUN
    with pytest.raises(CheckpointError, match=r"m\.bin: .*not known here: augment\.view\.fov_deg"):
        found.run_config()


@pytest.mark.parametrize("table", [3, [], {"view": 3}, {"view": {"yaw_deg": "far"}}, {"use": ["sleep"]}, {"use": {}}])
def test_a_stored_augmentation_that_cannot_be_one(tmp_path, table):
    with pytest.raises(CheckpointError, match=r"m\.bin: its record cannot be used: config"):
        load_checkpoint(stored_in(tmp_path, config=to_dict(RUN) | {"augment": table}))


def test_a_normalization_that_is_not_here_is_refused_when_it_is_asked_for(tmp_path):
    config = to_dict(RUN)
    config["data"]["normalization"] = "fisheye"
    found = load_checkpoint(stored_in(tmp_path, config=config))
    with pytest.raises(UnknownNameError, match=r"m\.bin: there is no normalization 'fisheye'.*Choices: base"):
        found.normalization  # noqa: B018 - a property that loads
