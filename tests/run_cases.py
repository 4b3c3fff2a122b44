"""Runs the attack scripts of a folder of cases: `python tests/run_cases.py FOLDER [NUMBER ...]`.

Each script makes a small data set, damages something or puts the program into odd surroundings, and ends with a line
HOLDS or FAILS. The scripts of `NO_VERDICT` print figures only, and are read here. The one in `CHANGED` waits for
ever where a stage survives its first round, so a piece of it is changed.
"""

import contextlib
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 900
NO_VERDICT = {
    "04": lambda text: "still running" not in text,
    "06": lambda text: "untyped or hung: 0" in text,
    "12": lambda text: "TIMEOUT" not in text and "unexpected" not in text,
    "29": lambda text: "NOT TYPED" not in text,
}
# (a piece, the same piece changed): without it, the second round of 19 would wait for a stage to be made that is there
# already
CHANGED = {
    "19": (
        '    for f in ("opened", "taken"): os.path.exists(f) and os.unlink(f)\n',
        '    for f in ("opened", "taken"): os.path.exists(f) and os.unlink(f)\n'
        '    shutil.rmtree("cache", ignore_errors=True)\n',
    ),
}
AS_ANOTHER_USER = ("28",)  # imports modules late, after it has become a user that may read less


def _python_for_everybody() -> tuple[str, list[str]] | None:
    """(a Python that every user can read, folders with the packages of this one); `None` if there is none."""
    if _can_be_read_by_others(Path(os.__file__)):
        return sys.executable, []
    packages = [folder for folder in sys.path if folder.endswith("site-packages")]
    if not all(map(_can_be_read_by_others, map(Path, packages))):
        return None
    for folder in ("/usr/bin", "/usr/local/bin"):
        python = Path(folder, f"python{sys.version_info.major}.{sys.version_info.minor}")
        if python.exists() and _can_be_read_by_others(python):
            return str(python), packages
    return None


def _can_be_read_by_others(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


def run_script(script: Path, timeout_s: float = TIMEOUT_S) -> tuple[bool | None, str]:
    """(whether a script holds, what it printed); (`None`, why) if it cannot be run here."""
    python, packages = sys.executable, []
    if script.name[:2] in AS_ANOTHER_USER:
        found = _python_for_everybody()
        if found is None:
            return None, "it becomes another user, and there is no Python here that other users can read"
        python, packages = found
    paths = [str(ROOT), *packages, os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "OMP_NUM_THREADS": "1"}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    with tempfile.TemporaryDirectory() as folder, _rights_restored(Path.home()):
        try:
            ran = subprocess.run(
                [python, _as_it_is_run(script, Path(folder))],
                cwd=folder,
                env={**environment, "TMPDIR": folder},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout_s,
                preexec_fn=_signals_as_usual,  # a program started in the background ignores some
            )
        except subprocess.TimeoutExpired as late:
            return False, f"{(late.stdout or b'').decode(errors='replace')}\nstill running after {timeout_s:.0f} s"
    text = ran.stdout.decode(errors="replace")
    verdict = NO_VERDICT.get(script.name[:2])
    last = text.strip().splitlines()[-1:] or [""]
    return ran.returncode == 0 and (verdict(text) if verdict else last[0].startswith("HOLDS")), text


def _signals_as_usual() -> None:
    for name in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(name, signal.SIG_DFL)


def _as_it_is_run(script: Path, folder: Path) -> Path:
    """The script, or a copy of it in a folder, with the module that all scripts share, if a line has to be changed."""
    changes = CHANGED.get(script.name[:2])
    if changes is None:
        return script
    text = script.read_text(encoding="utf-8")
    if changes[0] not in text:
        return script
    for name, content in {
        script.name: text.replace(*changes),
        "common.py": script.with_name("common.py").read_text(),
    }.items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder / script.name


@contextlib.contextmanager
def _rights_restored(folder: Path) -> Iterator[None]:
    """A folder has afterwards the rights that it had before: a script opens the home folder to other users."""
    mode = folder.stat().st_mode
    try:
        yield
    finally:
        if folder.stat().st_mode != mode:
            folder.chmod(stat.S_IMODE(mode))


def main(arguments: list[str]) -> int:
    """Run the scripts whose numbers are given, or all. Returns how many do not hold."""
    folder, numbers = Path(arguments[0]) / "attack", arguments[1:]
    scripts = [s for s in sorted(folder.glob("*.py")) if re.match(r"\d\d_", s.name)]
    failed = 0
    for script in scripts:
        number = script.name[:2]
        if numbers and number not in numbers:
            continue
        started = time.monotonic()
        holds, text = run_script(script)
        if holds is None:
            print(f"left out  {script.name}: {text}", flush=True)
            continue
        failed += not holds
        print(f"{'holds' if holds else 'FAILS':8}  {script.name}, {time.monotonic() - started:.0f} s", flush=True)
        if not holds:
            print("\n".join(f"    {line}" for line in text.strip().splitlines()[-20:]), flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
