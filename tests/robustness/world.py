"""A folder with a tiny data set, and the command line run in a forked child, so that imports are paid once."""

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DATA = ("--dataset", "micro")
TINY = ("--arch", "3", "--channels", "16", "--batch-size", "128", "--test-every", "0", "--device", "cpu")
CHECKPOINT = "checkpoint/latest_epoch_run.bin"
_LEFTOVERS = (".tmp-", "-old-")


@dataclass(frozen=True)
class Ran:
    """How one command line ended."""

    code: int  # negative: the signal that ended it
    text: str
    seconds: float

    @property
    def typed(self) -> bool:
        """It worked, or said in a line what was wrong; no traceback, no unforeseen error."""
        return self.code in (0, 1, 2, 130) and "Traceback" not in self.text and "error: unexpected" not in self.text


class Failed(Exception):
    """A trial that did not hold; the message says how."""


def warm_up() -> None:
    """Import in the parent what the children would import each."""
    import torch
    import zarr  # noqa: F401

    from srnet_cli.app import _command_line
    from srnet_core.export import get_format
    from srnet_core.training import run  # noqa: F401

    torch.set_num_threads(1)
    get_format("npz")
    list(_command_line().commands.values())


def make_data(folder: Path) -> None:
    """Write the data set `micro` below `folder/data`: three subjects, two actions, four cameras."""
    from srnet_core.datasets.synthetic import SyntheticConfig, make_files

    config = SyntheticConfig(seconds_per_take=1.0, subjects=("S1", "S5", "S9"), actions=("Walking", "Sitting"))
    made, _ = make_files(config, folder / "made", "micro")
    made.parent.rename(folder / "data")
    shutil.rmtree(folder / "made", ignore_errors=True)


def start(folder: Path, *arguments: str, before: Callable[[], object] = lambda: None) -> int:
    """Start `srnet ARGUMENTS` in `folder`; returns the process number. `before` runs in the child first."""
    pid = os.fork()
    if pid:
        return pid
    code = 99
    try:
        os.chdir(folder)
        out = os.open(f".out-{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        from srnet_cli.app import run

        before()
        code = run(list(arguments))
    except BaseException as error:
        os.write(2, f"Traceback: {type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(code)


def wait(folder: Path, pid: int, timeout_s: float = 600.0) -> Ran:
    """Wait for a started command; it is killed, and the trial failed, when it takes longer than the limit."""
    began = time.monotonic()
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        if time.monotonic() - began > timeout_s:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise Failed(f"took longer than {timeout_s:.0f} s")
        time.sleep(0.002)
    path = folder / f".out-{pid}"
    text = path.read_text(errors="replace").strip() if path.exists() else ""
    path.unlink(missing_ok=True)
    return Ran(os.waitstatus_to_exitcode(status), text, time.monotonic() - began)


def call(folder: Path, *arguments: str, before: Callable[[], object] = lambda: None) -> Ran:
    """Run `srnet ARGUMENTS` in `folder` to its end."""
    return wait(folder, start(folder, *arguments, before=before))


def must_work(folder: Path, *arguments: str) -> Ran:
    """Run a command that has to succeed."""
    ran = call(folder, *arguments)
    if ran.code:
        raise Failed(f"{' '.join(arguments[:2])} afterwards: exit {ran.code}, {ran.text[-300:]}")
    return ran


@contextmanager
def copy_of(template: Path) -> Iterator[Path]:
    """A throw-away copy of a folder."""
    with tempfile.TemporaryDirectory(prefix="robustness-") as scratch:
        folder = Path(scratch) / "world"
        shutil.copytree(template, folder, symlinks=True)
        yield folder


def leftovers(folder: Path) -> list[str]:
    """Temporary files and folders that nobody will use again."""
    found = (p.relative_to(folder).as_posix() for p in folder.rglob("*"))
    return sorted(name for name in found if any(mark in name for mark in _LEFTOVERS))


def require_clean(folder: Path) -> None:
    left = leftovers(folder)
    if left:
        raise Failed(f"left behind: {', '.join(left[:3])}")


def stage_folder(folder: Path, protocol: str = "cross_subject") -> Path:
    """The one stage of a protocol below `folder/cache`."""
    (found,) = [p.parent for p in (folder / "cache").glob(f"*-{protocol}-*/manifest.json")]
    return found


def stage_content(folder: Path, protocol: str = "cross_subject") -> dict[str, bytes]:
    """Every array of the one stage of a protocol, and the clips they hold."""
    from srnet_core.stages.store import Stage

    stage = Stage.open(stage_folder(folder, protocol))
    stage.verify()
    content = {name: stage.read(name).tobytes() for name in sorted(stage.manifest["arrays"])}
    return content | {"clips": repr(stage.clips).encode()}


def weights(path: Path) -> dict[str, bytes]:
    """The weights of a checkpoint and its epoch."""
    from srnet_core.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(path)
    state = {name: tensor.numpy().tobytes() for name, tensor in checkpoint.model.state_dict().items()}
    return state | {"epoch": str(checkpoint.epoch).encode()}


def json_values(path: Path) -> object:
    return json.loads(path.read_text())
