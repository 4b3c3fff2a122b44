"""The help of every command: complete, made from the settings, readable in narrow and wide terminals."""

import re
import subprocess
import sys

import pytest
from support.cli import examples_of
from typer.main import get_command

from srnet_cli.app import app
from srnet_cli.command_list import COMMANDS as LIST
from srnet_core.config import AugmentConfig, DataConfig, ModelConfig, TrainConfig, settings_of

COMMANDS = get_command(app).commands
SECTIONS = {"data": DataConfig, "model": ModelConfig, "train": TrainConfig, "augment": AugmentConfig}
# what has no default: off, or nothing unless it is given
WITHOUT_DEFAULT = {
    "--help",
    "--force",
    "--opensim",
    "--trajectory",
    "--world",
    "--quick",
    "--json",
    "--csv",
    "--config",
    "--set",
    "--resume",
    "--finetune",
    "--strict",
    "--stream",
    "--watch",
    "--uncertainty",
    "--rareness-exact",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says(name):
    """The list is written apart, as it is shown without importing the commands."""
    assert COMMANDS[name].help.split("\n\n")[0] == LIST[name].about and COMMANDS[name].name == name


@pytest.mark.parametrize(("typed", "imported"), [([], set()), (["doctor", "--help"], {"doctor"}), (["tran"], set())])
def test_only_the_command_asked_for_is_imported(typed, imported):
    code = f"import sys; from srnet_cli.app import run; run({typed}); print(*sys.modules, sep=chr(10))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    prefix = "srnet_cli.commands."
    assert {line.removeprefix(prefix) for line in out.splitlines() if line.startswith(prefix)} == imported


def options(command: str) -> dict:
    """The options of a command by their first name."""
    return {p.opts[0]: p for p in COMMANDS[command].params if p.param_type_name == "option"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_says_what_it_is_and_its_default(command):
    for name, param in options(command).items():
        assert param.help, name
        assert name in WITHOUT_DEFAULT or re.search(r"\\\[default: \S.*\]", param.help), (name, param.help)


def test_every_setting_with_a_flag_is_an_option_of_train_with_the_help_of_its_field():
    offered = options("train")
    for section, config in SECTIONS.items():
        for name, about in settings_of(config).items():
            if about.flags:
                param = offered[about.option]
                assert param.name == f"{section}__{name}" and param.help.startswith(about.help), name
                assert f"default: {about.shown_default()}]" in param.help and param.default is None, name
                assert param.rich_help_panel == (None if about.basic else about.panel), name
                for choice in about.names():
                    assert choice in param.help, (name, choice)


@pytest.mark.parametrize("command", ["eval", "export", "visualize"])
def test_settings_of_a_checkpoint_are_as_trained(command):
    offered = options(command)
    for about in settings_of(DataConfig).values():
        assert "default: as trained]" in offered[about.option].help and about.help in offered[about.option].help
    for name in ("--causal", "--recombine", "--compat", "--negative-slope", "--residual-2d", "--dropout"):
        assert offered[name].rich_help_panel == "Published checkpoints"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_options_people_use_first_come_first_and_are_few(command):
    first = [name for name, param in options(command).items() if param.rich_help_panel is None]
    assert len(first) <= 15, first
    if command == "train":
        assert {"--dataset", "--protocol", "--norm", "--model", "--arch", "--epochs", "--lr", "--device"} <= set(first)


@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_the_terminal_and_ends_with_two_examples(srnet, monkeypatch, command, width):
    monkeypatch.setenv("COLUMNS", str(width))
    lines = srnet(*[command] * bool(command), "--help").ok().out.splitlines()
    assert max(map(len, lines)) <= width and not any("…" in line for line in lines)
    assert not any("[/" in line or "\\[" in line for line in lines), "markup is text"
    assert len(examples_of("\n".join(lines))) == 2


def test_help_of_srnet_lists_the_commands_and_shell_completion(srnet):
    text = srnet("--help").ok().out
    assert "Shell completion" in text and "--install-completion" in text
    assert all(re.search(rf"│ {command} +[A-Z]", text) for command in COMMANDS)


def test_an_error_in_the_module_of_a_command_does_not_mean_that_there_is_none(monkeypatch, capsys):
    def fail(name):
        raise KeyError("a plug-in's own mistake")

    monkeypatch.setattr(COMMANDS, "_made", {})
    monkeypatch.setattr("srnet_cli.command_list.importlib.import_module", fail)
    group = get_command(app)
    with pytest.raises(KeyError, match="own mistake"):
        group.get_command(None, "eval")
    assert group.get_command(None, "evil") is None
