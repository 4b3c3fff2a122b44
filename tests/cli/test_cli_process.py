"""What only a process of its own can show: imports, signals, pipes."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from motion_making import bvh_text
from support.cli import DATA, TINY
from support.processes import Started, srnet_in_terminal, srnet_process
from support.small_data import write_published

from srnet_cli.interrupts import ctrl_c
from srnet_core.checkpoint import load_checkpoint

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
LATEST = Path("checkpoint/latest_epoch_run.bin")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_published(Path("data"), "small")
    return tmp_path


def wait_for_line(process: Started, pattern: str) -> list[str]:
    """The lines up to the first that matches."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if re.search(pattern, line):
            return lines
    pytest.fail(f"no line matches {pattern}: {lines} {process.stderr.read()}")


def test_help_needs_nothing_heavy():
    """Importing torch takes seconds, which somebody who only asks for help should not wait for."""
    code = (
        "import sys; from srnet_cli.app import run;"
        "codes = [run(['--help']), run(['train', '--help']), run(['train', '--epochs', 'x'])];"
        "print([m for m in ('torch', 'numpy', 'zarr', 'h5py', 'PIL', 'onnx') if m in sys.modules], codes)"
    )
    ran = subprocess.run([sys.executable, "-c", code], text=True, env=ENVIRONMENT, capture_output=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[] [0, 0, 2]"


def test_ctrl_c_saves_says_how_to_go_on_and_going_on_works(folder):
    endless = ("--epochs", "1000", "--lr-decay", "1", "--test-every", "0")
    with srnet_process("train", *DATA, *TINY, *endless, "--name", "run") as process:
        wait_for_line(process, r"^epoch +2/")
        process.send_signal(signal.SIGINT)
        code, out, err = process.output()
    assert code == 130, err
    said = [
        line for line in err.splitlines() if not re.match(r"note: (at this speed|epoch \d+: the training error)", line)
    ]
    assert said == ["note: stopping after this step and saving; press Ctrl-C again to leave at once"]
    assert "\x1b" not in out and "━" not in out, "no bar without a terminal"
    stopped = int(re.search(r"Stopped after epoch (\d+)", out)[1])
    assert stopped >= 2 and load_checkpoint(LATEST).epoch == stopped
    (command,) = re.findall(r"^  srnet (train --resume .*)$", out, re.M)
    with srnet_process(*command.split(), "--epochs", stopped + 1) as process:
        code, out, err = process.output()
    assert code == 0, err
    assert f"epoch {stopped + 1}/{stopped + 1}" in out and "frame-wise" in out


def test_sigterm_removes_what_was_begun(tmp_path):
    code = (
        "import os, signal, time; from srnet_cli import app; from srnet_core.files import atomic_write\n"
        "def work(*arguments, **options):\n"
        "    with atomic_write('a.txt') as file:\n"
        "        file.write(b'half'); file.flush(); assert os.listdir()\n"
        "        os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)\n"
        "app._command_line = lambda: work; app.main()"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, timeout=50)
    assert (ran.returncode, ran.stderr, list(tmp_path.iterdir())) == (143, b"", [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_second_ctrl_c_leaves_at_once(number):
    """In this process, so that nothing depends on how long a training step takes."""
    # both are ignored where tests run in the background or under nohup
    found = signal.signal(signal.SIGINT, signal.default_int_handler)
    hangup = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), ctrl_c() as asked:
        assert not asked()
        signal.raise_signal(number)
        assert asked()
        signal.raise_signal(signal.SIGINT)
    assert before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))
    signal.signal(signal.SIGINT, found)
    signal.signal(signal.SIGHUP, hangup)


@pytest.mark.parametrize("options", [(), ("--json", "-")])
def test_a_reader_that_leaves_early_is_no_error(folder, checkpoint, options):
    with srnet_process("eval", checkpoint, *options) as process:
        process.stdout.close()
        err = process.stderr.read()
        assert (process.wait(), err) == (0, "")


def test_in_a_terminal_the_bar_shows_and_vanishes(folder):
    code, text = srnet_in_terminal(80, "train", *DATA, *TINY, "--arch", "3,3", "--epochs", "3", "--name", "run")
    assert code == 0
    assert "windows/s" in text and "━" in text
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", line.rpartition("\x1b[2K")[2]) for line in text.split("\n")]
    epochs = [line for line in lines if line.startswith("epoch ") and "train" in line and "━" not in line]
    assert [line[:9] for line in epochs] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"], "nothing of the bar in them"
    assert max(map(len, lines)) <= 80 and "…" not in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h"), "the cursor is back"


def test_a_hangup_that_is_ignored_as_under_nohup_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ctrl_c() as asked:
            signal.raise_signal(signal.SIGHUP)
            assert not asked()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_import_that_was_killed_goes_on_where_it_was(srnet):
    Path("recordings").mkdir()
    for number in range(60):
        Path(f"recordings/{number}.bvh").write_text(bvh_text(10 + number % 7))
    command = ("data", "import", "mocap", "recordings")
    kept = Path("data/.data_mocap.import")
    with srnet_process(*command) as process:
        while process.runs() and len(list(kept.rglob("*.npz"))) < 5:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        code = process.wait()
    before = len(list(kept.rglob("*.npz")))
    assert code == -signal.SIGKILL and 5 <= before < 60 and not list(Path("data").glob("data_*"))
    ran = srnet(*command).ok()
    assert f"{before} files had been read before" in ran.err
    assert sorted(p.name for p in Path("data").iterdir()) == [
        "data_2d_mocap_gt.npz",
        "data_3d_mocap.npz",
        "data_mocap_manifest.json",
    ]
