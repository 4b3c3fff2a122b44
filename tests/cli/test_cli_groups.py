"""srnet groups: what it lists, what it draws, what it refuses."""

import sys

import pytest
import typer
from typer.testing import CliRunner

from srnet_cli.commands import groups
from srnet_core.errors import ConfigError, InputFileMissing, UnknownNameError

app = typer.Typer()
app.command()(groups.main)


@pytest.fixture
def call(tmp_path, monkeypatch):
    """`call("--skeleton", "h36m32")` in a folder of its own; an error of srnet is raised."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def test_built_in_groups_are_listed_and_drawn(call, tmp_path):
    pytest.importorskip("PIL")
    shown = call()
    assert shown.exit_code == 0
    for text in ("Skeleton h36m17, 17 joints", "5 groups", "right arm", "Hip, LShoulder, LElbow, LWrist", "1, 2, 3, 5"):
        assert text in shown.output
    assert (tmp_path / "output" / "groups-h36m17.png").read_bytes().startswith(b"\x89PNG")


def test_some_divisions_are_listed(call):
    shown = call("--groups", "2, 5", "--no-pictures").output
    assert "2 groups" in shown and "5 groups" in shown and "3 groups" not in shown
    with pytest.raises(InputFileMissing, match="--groups a number, several as in 2,3,5"):
        call("--groups", "2 3", "--no-pictures")
    with pytest.raises(ConfigError, match="no division into 4 groups"):
        call("--groups", "2,4", "--no-pictures")


def test_a_skeleton_without_groups_has_its_limbs(call, tmp_path):
    shown = call("--skeleton", "h36m32", "--no-pictures")
    assert "32 joints" in shown.output and "RThumbEnd" in shown.output
    assert "5 groups (limbs)" in shown.output and "here 1, 5" in shown.output
    assert not (tmp_path / "output").exists()


def test_groups_of_ones_own_are_checked_and_shown(call, tmp_path):
    pytest.importorskip("PIL")
    (tmp_path / "mine.toml").write_text("upper = ['Neck/Nose', 'Head', 'Thorax']")
    with pytest.raises(ConfigError, match=r"mine\.toml: joints in no group: Hip"):
        call("--groups", "mine.toml")
    from srnet_core.skeletons.h36m17 import JOINTS

    (tmp_path / "mine.toml").write_text(f"upper = {list(JOINTS[8:])}\nlower = {list(JOINTS[:9])}")
    shown = call("--groups", "mine.toml", "--output", "deep/mine.png")
    assert "upper" in shown.output and "right arm" not in shown.output
    assert (tmp_path / "deep" / "mine.png").exists()


def test_a_number_chooses_a_division(call):
    shown = call("--groups", "3", "--no-pictures")
    assert "3 groups" in shown.output and "5 groups" not in shown.output
    with pytest.raises(ConfigError, match="h36m17 has no division into 4 groups, only 1, 2, 3, 5"):
        call("--groups", "4")
    with pytest.raises(InputFileMissing, match="no such file of groups"):
        call("--groups", "\u00b2")


def test_unknown_skeletons_list_the_known(call):
    with pytest.raises(UnknownNameError, match="h36m17"):
        call("--skeleton", "h37m")


def test_without_pillow_the_list_is_still_there(call, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    shown = call()
    assert shown.exit_code == 0 and "right arm" in shown.output
    with pytest.raises(ImportError, match=r"srnet\[viz\]"):
        call("--output", "asked.png")
