"""What standard output holds: results only; --quiet, NO_COLOR, --json, and what may be typed next."""

import re
import sys
from pathlib import Path

from support.cli import DATA, TINY
from support.processes import srnet_in_terminal

from srnet_cli import console


def test_quiet_training_shows_the_result_only(srnet, own_data):
    loud = srnet("train", *DATA, *TINY, "--name", "loud").ok()
    assert "epoch 1/1" in loud.out and "training" in loud.out
    quiet = srnet("train", *DATA, *TINY, "--quiet", "--name", "quiet").ok()
    assert not re.search(r"epoch 1/1|training|windows", quiet.out)
    assert "action-wise mean" in quiet.out and "latest_epoch_quiet.bin" in quiet.out
    assert "wrote" in srnet("eval", "quiet", "--json", "out.json").ok().err, "the next command is not quiet"


def test_quiet_commands_say_mistakes_and_notes(srnet, checkpoint):
    srnet("--quiet", "eval", "nosuch").refused("no such checkpoint")
    ran = srnet("eval", checkpoint.name, "--quiet", "--checkpoint", "x")
    assert ran.code == 2
    ran = srnet("eval", checkpoint, "--quiet", "--json", "out.json").ok()
    assert "wrote" not in ran.err and Path("out.json").exists()


def test_no_bar_in_a_quiet_terminal_and_no_colour_without_colour(checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, text = srnet_in_terminal(80, "eval", checkpoint)
    assert "Next" in text and f"srnet visualize {checkpoint} --gallery 3" in text
    assert code == 0 and "\x1b[2K" in text and re.search(r"\x1b\[[0-9;]*3[0-9]m", text)
    monkeypatch.setenv("NO_COLOR", "1")
    code, text = srnet_in_terminal(80, "eval", checkpoint, "--quiet")
    assert code == 0 and "action-wise" in text
    assert "\x1b[2K" not in text and "━━━━━━━━━━ " not in text and "Next" not in text
    assert not re.search(r"\x1b\[[0-9;]*(3[0-9]|9[0-7])(;[0-9;]*)?m", text)


def test_commands_to_copy_name_the_program_that_was_started(monkeypatch, tmp_path):
    program = tmp_path / "a folder" / "srnet"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(program), "demo"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert console.command("eval x") == f"'{program}' eval x"
    monkeypatch.setenv("PATH", str(program.parent))
    assert console.command("eval x") == "srnet eval x"
    monkeypatch.setattr(sys, "argv", ["/usr/bin/python", "-m", "srnet_cli.app"])
    assert console.command("eval x") == "srnet eval x"
