"""Groups of one's own: every way to write them, reading a file, refusals that name the file and the group."""

import json
from pathlib import Path

import pytest

from srnet_core import toml_file
from srnet_core.body_parts import named_parts, part_indices, read_groups
from srnet_core.checkpoint import load_checkpoint, save_checkpoint
from srnet_core.config import ModelConfig, RunConfig, from_dict, merge, read_toml, replace, to_dict, with_settings
from srnet_core.errors import BadFileError, ConfigError, InputFileMissing, UnknownNameError
from srnet_core.models import build_model
from srnet_core.skeletons import get_skeleton

JOINTS = get_skeleton("h36m17").joint_names
HALVES = {"lower": list(JOINTS[:8]), "upper": list(JOINTS[7:])}
PAIRS = (("lower", JOINTS[:8]), ("upper", JOINTS[7:]))


@pytest.fixture
def write(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("written", [HALVES, list(HALVES.items()), PAIRS, [list(pair) for pair in PAIRS]])
def test_all_ways_to_write_groups_mean_the_same(written):
    assert named_parts(written) == PAIRS
    assert ModelConfig(body_parts=written) == from_dict(ModelConfig, {"body_parts": written})
    assert ModelConfig(body_parts=written).body_parts == PAIRS


def test_groups_without_names_are_numbered_and_count():
    config = ModelConfig(body_parts=(JOINTS[:8], JOINTS[7:], JOINTS[:3]))
    assert [name for name, _ in config.body_parts] == ["part 1", "part 2", "part 3"]
    assert config.groups == 3
    assert named_parts([["Hip", "RHip"]]) == (("part 1", ("Hip", "RHip")),)  # two joints, not a name with joints


def test_groups_survive_json_and_replacing():
    config = ModelConfig(body_parts=HALVES)
    assert from_dict(ModelConfig, json.loads(json.dumps(to_dict(config)))) == config
    assert replace(config, channels=8).body_parts == PAIRS
    assert hash(config)
    assert replace(config, groups=5, body_parts=()).body_parts == ()


def test_groups_in_a_preset_and_in_a_setting(write):
    lines = "\n".join(f"{name} = {joints}" for name, joints in HALVES.items())
    preset = read_toml(write(f"[model]\nchannels = 20\n[model.body_parts]\n{lines}"))
    config = merge(RunConfig(), preset).model
    assert (config.channels, config.groups, config.body_parts) == (20, 2, PAIRS)
    inline = ", ".join(f"{name} = {joints}" for name, joints in HALVES.items())
    assert with_settings(RunConfig(), [f"model.body_parts={{{inline}}}"]).model.body_parts == PAIRS
    listed = with_settings(RunConfig(), [f"model.body_parts={list(HALVES.values())}"]).model
    assert [joints for _, joints in listed.body_parts] == [joints for _, joints in PAIRS]


def test_a_file_of_groups(write):
    path = write('# two halves\n"lower" = ' + str(HALVES["lower"]) + "\nupper = " + str(HALVES["upper"]))
    assert read_groups(path) == read_groups(path, JOINTS) == PAIRS
    assert part_indices(PAIRS, JOINTS) == [tuple(range(8)), tuple(range(7, 17))]


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("", ConfigError, "contains no groups"),
        ("legs = [", BadFileError, "not a TOML file"),
        ("legs = 'Hip'", ConfigError, "group 'legs' must be a list of joint names, not 'Hip'"),
        ("legs = ['Hip', 3]", ConfigError, "group 'legs' must be a list of joint names"),
        ("[model]\nname = 'fc'", ConfigError, "group 'model' must be a list"),
        ("legs = []", ConfigError, "group 'legs' is empty"),
        ("legs = ['Hip', 'RHip', 'Hip']", ConfigError, "group 'legs' has the joint 'Hip' twice"),
        ("legs = ['Hip', 'RHop']", UnknownNameError, r"group 'legs': there is no joint 'RHop'.*'RHip'"),
        (f"most = {list(JOINTS[:15])}", ConfigError, "joints in no group: RElbow, RWrist"),
        ("a = ['Hip']\na = ['Hip']", BadFileError, "a is given twice .at line 2"),
        ("a = ['Hip', 'Head']\nb = ['Head', 'Hip']", ConfigError, "groups 'a' and 'b' have the same joints"),
        ("a = " + "[" * 5000 + "]" * 5000, BadFileError, "nested too deeply"),
        ("a = " + "9" * 5000, BadFileError, "not a TOML file"),
        ("'' = ['Hip']", ConfigError, "'' cannot be the name of a group"),
        ('"a\\u001b[31m" = ["Hip"]', ConfigError, r"'a.x1b\[31m' cannot be the name of a group"),
        ("\n".join(f"g{i} = ['Hip']" for i in range(300)), ConfigError, "300 groups are too many"),
    ],
)
def test_files_that_are_wrong_are_refused_by_name(write, text, error, says):
    path = write(text)
    with pytest.raises(error, match=says) as raised:
        read_groups(path, JOINTS)
    assert str(path) in str(raised.value)


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    with pytest.raises(InputFileMissing, match=r"no\.toml.*TOML file of groups"):
        read_groups(tmp_path / "no.toml")
    with pytest.raises(BadFileError, match="cannot be read"):
        read_groups(tmp_path)
    monkeypatch.setattr(toml_file, "MAX_FILE_BYTES", 10)
    (tmp_path / "large.toml").write_text("a = ['Hip', 'RHip']")
    with pytest.raises(BadFileError, match="too large"):
        read_groups(tmp_path / "large.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadFileError, match="not a TOML file"):
        read_groups(tmp_path / "bytes.toml")


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        (7, "names with lists of joints, not 7"),
        ([["a", ["Hip"]], ["a", ["Head"]]], "two groups are called 'a'"),
        ([[3, ["Hip"]]], "group 3 must be"),
        (["Hip"], "group 'part 1' must be a list"),
    ],
)
def test_groups_that_are_no_groups(parts, says):
    with pytest.raises(ConfigError, match=says):
        ModelConfig(body_parts=parts)


def test_a_checkpoint_keeps_the_names(tmp_path):
    model = build_model("srnet", body_parts=HALVES, channels=12)
    path = save_checkpoint(tmp_path / "m.bin", model=model, epoch=0, lr=0.1, optimizer_state=None, random_state=None)
    assert load_checkpoint(path).model_config.body_parts == PAIRS
